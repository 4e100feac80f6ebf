"""What our launchers share: the folder of a sweep, where the logs of its jobs go, and a look at what they are to do."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig, open_dict


class LoggedLauncher(Launcher):
    """A launcher, still without its ``launch``, that knows the sweep's folder."""

    log_folder = Path("runs/sweeps")
    hydra_context: Any = None
    config: Any = None

    def setup(self, *, hydra_context: Any, task_function: Any, config: Any) -> None:  # noqa: ARG002
        """Take the sweep's folder and what composes its jobs."""
        self.log_folder = Path(config.hydra.sweep.dir)
        self.hydra_context = hydra_context
        self.config = config

    def as_typed(self, job_overrides: Sequence[Sequence[str]]) -> list[list[str]]:
        """Overrides of the jobs with the keys that the user typed."""
        # not at the top: Hydra imports every plugin at every start
        from photoz_lit.tasks.aliases import TYPED, as_typed

        typed = os.environ.get(TYPED, "").split()
        return [[as_typed(one, typed) for one in overrides] for overrides in job_overrides]

    def require_reached(self, job_overrides: Sequence[Sequence[str]]) -> None:
        """Refuse overrides that none of the jobs uses.

        Raises
        ------
        InputError : names the first one.
        """
        # not at the top: Hydra imports every plugin at every start
        from photoz_lit.command_line.choices import config_folders
        from photoz_lit.command_line.reach import require_reached_by_one

        if self.hydra_context is None:
            return
        own = [one.path for one in self.config.hydra.runtime.config_sources if one.provider == "command-line"]
        folders = config_folders(Path(own[0]) if own and own[0] else None)
        jobs = zip(job_overrides, self.as_typed(job_overrides), strict=True)
        require_reached_by_one(((self._composed(list(one)), typed) for one, typed in jobs), folders)

    def _composed(self, overrides: list[str]) -> DictConfig:
        """Config of one job, without Hydra's own part."""
        composed = self.hydra_context.config_loader.load_sweep_config(self.config, overrides)
        with open_dict(composed):
            del composed["hydra"]
        return composed  # type: ignore[no-any-return]
