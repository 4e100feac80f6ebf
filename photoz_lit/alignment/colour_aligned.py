"""Colours of the targets' galaxies moved onto the source's, by one factor on the flux of every band."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photoz_lit.alignment.calibration import scaled_targets
from photoz_lit.alignment.part import Alignment, NoOptions, Shapes
from photoz_lit.data.domains import SOURCE, AdaptationSplit
from photoz_lit.data.sample import Sample
from photoz_lit.evaluation.mismatch.colours import colour_shift

Floats = NDArray[np.float64]


class ColourAligned(Alignment):
    """Each median colour of a target agrees with the source's at equal magnitude; the network stays the source's.

    Catalogues alone are compared, those of training galaxies. The reference band keeps its flux: colours cannot tell
    its zero point.

    Attributes
    ----------
    log_scale : ln of the factor on linear flux, (n_targets, bands).
    shift, error : by how much the target's median colour (band − reference band) is off, and the standard error [mag].
    """

    needs_magnitudes = True
    log_scale: Tensor

    def __init__(self, options: NoOptions, shapes: Shapes) -> None:
        super().__init__(options, shapes)
        self.register_buffer("log_scale", torch.zeros(len(shapes.fields) - 1, len(shapes.bands)))
        self.shift = self.error = np.zeros(self.log_scale.shape)

    def measure(self, sample: Sample, split: AdaptationSplit) -> dict[str, Any]:
        """Compare the medians of the training galaxies.

        Returns
        -------
        ``colour_shift`` : for each target and band its ``shift`` and ``error`` [mag].
        """
        self.shift, self.error = colour_shifts(sample, split)
        self.log_scale.copy_(torch.from_numpy(0.4 * np.log(10) * self.shift))
        return {"colour_shift": shift_report(self.shift, self.error, sample.bands)}

    def images(self, image: Tensor, domain: Tensor) -> Tensor:
        """Scale the targets' images."""
        return scaled_targets(image, domain, self.log_scale)


def colour_shifts(sample: Sample, split: AdaptationSplit) -> tuple[Floats, Floats]:
    """Shift of each target's median colours against the source's at equal magnitude, and its error [mag].

    Galaxies to train on take part; no redshift does.

    Returns
    -------
    (n_targets, bands) each; see :func:`~photoz_lit.evaluation.mismatch.colours.colour_shift`.
    """
    magnitude = sample.catalogue[[f"mag_{band}" for band in sample.bands]].to_numpy(np.float64)
    brightness = sample.catalogue[f"mag_{sample.field.reference_band}"].to_numpy(np.float64)
    reference = sample.bands.index(sample.field.reference_band) if sample.field.reference_band in sample.bands else 0
    rows = np.unique(np.concatenate([split.train, split.target_train]))
    domain = sample.part[rows]
    names = [view.store.header.field for view in sample.views]
    own = rows[domain == SOURCE]
    found = []
    for number in range(1, len(sample.views)):
        theirs = rows[domain == number]
        by = (brightness[own], brightness[theirs])
        pair = (names[SOURCE], names[number])
        found.append(colour_shift(magnitude[own], magnitude[theirs], reference, by, names=pair))
    return np.stack([shift for shift, _ in found]), np.stack([error for _, error in found])


def shift_report(shift: Floats, error: Floats, bands: tuple[str, ...]) -> list[dict[str, dict[str, float]]]:
    """For each target and band ``shift`` and ``error`` [mag], of (n_targets, bands) each."""
    return [
        {band: {"shift": float(s), "error": float(e)} for band, s, e in zip(bands, *of_target, strict=True)}
        for of_target in zip(shift, error, strict=True)
    ]
