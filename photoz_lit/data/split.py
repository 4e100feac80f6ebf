"""Which rows of a sample a run trains on, validates on and tests on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from photoz_lit.data.folds import N_FOLDS
from photoz_lit.data.sample import Sample
from photoz_lit.errors import InputError


@dataclass(frozen=True)
class Split:
    """Rows of a sample to train on, to validate on and to test on; disjoint."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    test_fold: int

    @property
    def images_only(self) -> tuple[NDArray[np.int64], ...]:
        """Rows whose images take part, never their labels: to train and to validate with. None, in one field."""
        return ()

    @property
    def further_tests(self) -> dict[str, NDArray[np.int64]]:
        """Rows that are predicted beside those to test on, by name. None, in one field."""
        return {}


def split_sample(sample: Sample, test_fold: int = 0, n_labelled: int | None = None, seed: int = 0) -> Split:
    """Test on one fold, validate on the next, train on the other three; unlabelled galaxies take no part.

    Parameters
    ----------
    sample : the galaxies.
    test_fold : the fold that is tested.
    n_labelled : at most so many galaxies to train and validate on together, by a hash of their ids, so that a smaller
        number is part of a larger one; those to test on stay. None: all.
    seed : of that draw.

    Raises
    ------
    InputError : one of the three has no labelled galaxy.
    """
    fold = sample.catalogue["fold"].to_numpy()
    validation_fold = (test_fold + 1) % N_FOLDS
    labelled = sample.labelled
    test = np.flatnonzero(labelled & (fold == test_fold))
    validation = np.flatnonzero(labelled & (fold == validation_fold))
    train = np.flatnonzero(labelled & (fold != test_fold) & (fold != validation_fold))
    if n_labelled is not None:
        drawn = _drawn(sample, np.concatenate([train, validation]), n_labelled, seed)
        train, validation = (rows[np.isin(rows, drawn)] for rows in (train, validation))
    for name, rows in (("train on", train), ("validate on", validation), ("test on", test)):
        if len(rows) == 0:
            raise InputError(
                f"{int(labelled.sum())} labelled galaxies leave none to {name}; give a larger store."
                if n_labelled is None
                else f"data.n_labelled={n_labelled} leaves no galaxy to {name}; give a larger number."
            )
    return Split(train, validation, test, test_fold)


def _drawn(sample: Sample, rows: NDArray[np.int64], n: int, seed: int) -> NDArray[np.int64]:
    """The first n of some rows, sorted by a hash of their ids."""
    ids = sample.catalogue["object_id"].to_numpy(object)[rows]
    order = sorted(range(len(rows)), key=lambda k: hashlib.sha256(f"{seed} {ids[k]}".encode()).digest())
    return rows[order[:n]]
