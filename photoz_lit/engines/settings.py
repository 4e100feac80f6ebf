"""The config section ``engine``: where tiles are made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field as Entry

from photoz_lit.settings import Settings


class EngineSettings(Settings):
    """Which engine makes the tiles of a task, and on how many workers.

    Attributes
    ----------
    name : of the choice in ``conf/engine``.
    target : dotted path of the engine's class (``_target_`` in YAML).
    workers : processes, each with its own networks, or jobs of a cluster.
    scheduler : address of a Dask scheduler; null makes a cluster on this machine.
    options : further ones, which the engine's class declares.
    """

    name: str = "local"
    target: str = Entry(default="photoz_lit.engines.local.LocalEngine", alias="_target_")
    workers: int = Entry(default=1, gt=0)
    scheduler: str | None = None
    options: dict[str, Any] = {}


class EnginePlace(Settings):
    """Where an engine runs, beside its settings.

    Attributes
    ----------
    folder : in which an engine may keep its files while it works; other machines see it too.
    gpus : of this machine, shared out among processes; empty on a CPU.
    """

    folder: Path
    gpus: tuple[str, ...] = ()
