"""Finished jobs of a study that were made with other settings than it asks for now."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from photoz_lit.command_line import with_default_scale
from photoz_lit.config import Config, validate
from photoz_lit.errors import InputError
from photoz_lit.fields import conf_directory
from photoz_lit.run_folder import what_shapes

# Where a job runs: a study may be split over machines.
MACHINE = tuple(
    f"trainer.{name}" for name in ("accelerator", "devices", "strategy", "precision", "compile", "channels_last")
)


def changed_settings(overrides: Sequence[str], run: Path) -> list[str]:
    """What a run was made with, where a job asks for something else now.

    Parameters
    ----------
    overrides : of the job.
    run : its finished run folder, with ``config.yaml``.

    Returns
    -------
    ``key: made -> asked`` of every key that both have and that shapes a result, other than the machine's. A key that
    the software did not have when the run was made is no change: its default keeps what was.

    Raises
    ------
    InputError : the run's ``config.yaml`` cannot be read.
    """
    try:
        made = leaves(yaml.safe_load((run / "config.yaml").read_text()))
    except (OSError, yaml.YAMLError, AttributeError) as error:
        raise InputError(f"{run / 'config.yaml'} cannot be read ({error}); remove {run} and train it again.") from error
    config = composed(overrides)
    asked = leaves(what_shapes(config))
    apart = MACHINE if config.data.adapts else (*MACHINE, *(key for key in asked if key.startswith("adapt.")))
    return [
        f"{key}: {made[key]} -> {value}"
        for key, value in asked.items()
        if key in made and made[key] != value and key not in apart and not key.endswith("description")
    ]


def composed(overrides: Sequence[str]) -> Config:
    """Config of a command line, composed beside the one that runs."""
    with ExitStack() as opened:
        if not GlobalHydra.instance().is_initialized():  # it is, where the command line called us
            opened.enter_context(initialize_config_dir(str(conf_directory().resolve()), version_base="1.3"))
        return validate(compose("config", overrides=with_default_scale(overrides)))


def leaves(content: Any, prefix: str = "") -> dict[str, Any]:
    """Values of nested dicts by dotted key; lists are values."""
    if not isinstance(content, dict) or not content:
        return {prefix: content}
    found: dict[str, Any] = {}
    for name, value in content.items():
        found |= leaves(value, f"{prefix}.{name}" if prefix else str(name))
    return found
