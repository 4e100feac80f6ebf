"""The run whose weights a training begins with, ``module.init``; none of its galaxies may be tested on."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from photoz_lit.config import Config
from photoz_lit.data.folds import N_FOLDS
from photoz_lit.data.sample import Sample
from photoz_lit.data.seen_galaxies import NEVER_SEEN, read_split, seen_in_fold
from photoz_lit.data.split import Split
from photoz_lit.errors import InputError
from photoz_lit.modules.checkpoint_files import read_module
from photoz_lit.modules.cnn import PhotoZModule
from photoz_lit.networks.checkpoint import BEST
from photoz_lit.networks.starting_weights import freeze, load_matched, matched_weights
from photoz_lit.run_folder import RunFolder, recorded_config
from photoz_lit.targets import find_class


class StartingRun:
    """A run of a network, to begin another training with.

    Parameters
    ----------
    path : its folder.
    frozen : beginnings of the names of weights that stay as they are.
    """

    def __init__(self, path: Path, frozen: Sequence[str] = ()) -> None:
        self.folder = RunFolder(path)
        self.frozen = frozen

    @cached_property
    def config(self) -> Config:
        """Config of the run.

        Raises
        ------
        InputError : it is no finished run.
        """
        return recorded_config(self.folder.path)

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

    def unseen(self, sample: Sample, split: Split) -> PhotoZModule:
        """Return a network that saw none of the galaxies that a training is tested on.

        Raises
        ------
        InputError : every network was trained on some of them, or it cannot be read.
        """
        return self.module(self.unseen_fold(sample, split))

    def begin(self, module: PhotoZModule, start: PhotoZModule) -> int:
        """Take over a network's weights and freeze some; return how many were taken.

        Raises
        ------
        InputError : what is to be frozen is no part of the network, or is not taken over.
        """
        taken = matched_weights(module.network, start.network, torch.equal(module.z_edges, start.z_edges))
        load_matched(module.network, taken)
        freeze(module.network, self.frozen, taken)
        return len(taken)

    def tried_on(self, module: PhotoZModule, start: PhotoZModule) -> int:
        """Return how many weights a network would take over, and leave it as it is; errors as of :meth:`begin`."""
        return self.begin(copy.deepcopy(module), start)

    def said(self, module: PhotoZModule, sample: Sample, split: Split) -> str:
        """Line of the start summary: how many of a network's weights come from the run."""
        taken = self.tried_on(module, self.unseen(sample, split))
        return f"{taken} of {len(list(module.network.parameters()))} weights of {self.folder.path}"

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
