"""What our launchers share: the folder of a sweep, where the logs of its jobs go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra.plugins.launcher import Launcher


class LoggedLauncher(Launcher):
    """A launcher, still without its ``launch``, that knows the sweep's folder."""

    log_folder = Path("runs/sweeps")

    def setup(self, *, hydra_context: Any, task_function: Any, config: Any) -> None:  # noqa: ARG002
        """Take the sweep's folder."""
        self.log_folder = Path(config.hydra.sweep.dir)
