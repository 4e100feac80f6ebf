"""Several nodes: whether the processes that ``trainer.num_nodes`` asks for are there."""

from __future__ import annotations

import os
from collections.abc import Mapping

from photoz_lit.config import TrainerSettings
from photoz_lit.errors import InputError

#: Environment variables in which torchrun and srun say how many processes they started.
COUNTS = ("WORLD_SIZE", "SLURM_NTASKS")


def require_started_on_nodes(settings: TrainerSettings, environment: Mapping[str, str] = os.environ) -> None:
    """Refuse to wait for processes on other nodes that nobody started.

    Parameters
    ----------
    settings : section ``trainer``.
    environment : of this process.

    Raises
    ------
    InputError : this process was started alone, or with another number of processes.
    """
    if settings.num_nodes == 1:
        return
    started = next((int(environment[name]) for name in COUNTS if environment.get(name, "").isdigit()), None)
    if started is None:
        raise InputError(
            f"trainer.num_nodes={settings.num_nodes} needs a process on each node; start the command by torchrun or"
            " srun, as docs/train_on_nodes.md shows."
        )
    devices = settings.devices
    on_one = devices if isinstance(devices, int) else len(devices) if isinstance(devices, list) else None
    if on_one is not None and started != on_one * settings.num_nodes:
        raise InputError(
            f"{started} processes were started, and trainer.num_nodes={settings.num_nodes} with"
            f" trainer.devices={on_one} asks for {on_one * settings.num_nodes}; make them equal."
        )
