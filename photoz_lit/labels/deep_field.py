"""A simulated deep field: a target sample of the mean universe, and a small field with structure that has labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from photoz_lit.labels.mock import mock_sources, structure_mask
from photoz_lit.labels.settings import ConsensusSettings
from photoz_lit.labels.sources import LabelCatalogue

TARGET_SHARE = 0.2


@dataclass(frozen=True)
class DeepField:
    """Photometry and label samples of a simulated field.

    Attributes
    ----------
    photometry : rows of the simulated catalogue that are in the target sample (``in_target``) or in the labelled field
        (``in_field``); no galaxy is in both.
    sources : label samples of the labelled field.
    photo_z : the four photo-z of the galaxies of the labelled field, by ``object_id``.
    """

    photometry: pd.DataFrame
    sources: list[LabelCatalogue]
    photo_z: pd.DataFrame


def deep_field(catalogue: pd.DataFrame, seed: int = 0, limits: ConsensusSettings | None = None) -> DeepField:
    """Split a simulated population into target and labelled field, and draw the labels.

    The target sample is a random part: it has the population's smooth N(z), as a wide field would. The others are
    thinned to walls, voids and a spike, as a small field shows them, and get spectra, grism, prism and photo-z.

    Parameters
    ----------
    catalogue : ``object_id``, ``ra``, ``dec``, ``z_true`` and ``mag_*``.
    seed : of the split, the structure and the labels.
    limits : of the consensus.
    """
    random = np.random.default_rng([seed, 1])
    in_target = random.random(len(catalogue)) < TARGET_SHARE
    in_field = ~in_target & structure_mask(catalogue["z_true"].to_numpy(np.float64), random)
    photometry = catalogue.assign(in_target=in_target, in_field=in_field)[in_target | in_field].reset_index(drop=True)
    truth = photometry[photometry["in_field"]].reset_index(drop=True)
    sources, photo_z = mock_sources(truth, seed, limits)
    photo_z.insert(0, "object_id", truth["object_id"].to_numpy(object))
    return DeepField(photometry, sources, photo_z)
