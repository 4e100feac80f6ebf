"""The run whose weights a training begins with, ``module.init``; none of its galaxies may be tested on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from photoz_lit.data.folds import N_FOLDS
from photoz_lit.data.sample import Sample
from photoz_lit.data.seen_galaxies import NEVER_SEEN, read_split, seen_in_fold
from photoz_lit.data.split import Split
from photoz_lit.errors import InputError
from photoz_lit.modules.checkpoint_files import read_module
from photoz_lit.modules.cnn import PhotoZModule
from photoz_lit.networks.checkpoint import BEST
from photoz_lit.run_folder import RunFolder, recorded_config
from photoz_lit.targets import find_class


class StartingRun:
    """A run of a network, to begin another training with.

    Parameters
    ----------
    path : its folder.

    Raises
    ------
    InputError : it is no finished run.
    """

    def __init__(self, path: Path) -> None:
        self.folder = RunFolder(path)
        self.config = recorded_config(path)

    def module(self, fold: int = 0) -> PhotoZModule:
        """Return the first network of a fold.

        Raises
        ------
        InputError : the run is not one of a network on one field, or its checkpoint cannot be read.
        """
        file = self.folder.member(fold, 0) / BEST
        if not file.is_file():
            raise InputError(f"module.init={self.folder.path} has no {BEST}; give the run of a network.")
        section = self.config.module
        return read_module(file, find_class(section.target, PhotoZModule, "module", "module._target_"))

    def unseen_fold(self, sample: Sample, split: Split) -> int:
        """Return a fold whose networks saw none of the galaxies that a training is tested on, its own if that is one.

        Raises
        ------
        InputError : every network was trained on some of them.
        """
        kept = read_split(self.folder.path / "split.parquet")
        seen = seen_in_fold(kept, sample.catalogue.iloc[split.test].reset_index(drop=True))
        cross = bool(self.config.cv.folds)
        folds = sorted(range(N_FOLDS) if cross else [0], key=lambda fold: fold != split.test_fold)
        numbers = {fold: int(((seen != NEVER_SEEN) & ~(cross & (seen == fold))).sum()) for fold in folds}
        least = min(folds, key=lambda fold: numbers[fold])
        if numbers[least]:
            raise InputError(
                f"the network of module.init={self.folder.path} was trained on {numbers[least]} of the "
                f"{np.size(split.test)} galaxies that this run is tested on; start from a run of other galaxies."
            )
        return least
