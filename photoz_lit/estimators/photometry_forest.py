"""The second rival: a random forest on magnitudes measured on the very stamps that networks see."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from photoz_lit.config import PhotometryForestSettings
from photoz_lit.data.sample import Sample
from photoz_lit.estimators.forest import QuantileForest, with_missing
from photoz_lit.imaging.photometry import apertures

_BLOCK = 512


class PhotometryForest(QuantileForest):
    """Forest on aperture magnitudes of the stamps, see :mod:`photoz_lit.imaging.photometry`.

    It has the photons, the neighbours and the sky of the pixels and nothing of the catalogue but E(B-V). The largest
    circle gives brightness alone: noise and neighbours spoil its colours.
    """

    def features(self, sample: Sample, galaxies: NDArray[np.int64]) -> NDArray[np.float64]:
        """Adjacent colours in all circles but the largest, the reference magnitude in the largest, how much brighter it
        is there than in the others, and E(B-V).
        """
        assert isinstance(self.settings, PhotometryForestSettings)
        circles = apertures(sample.field, sample.bands, sample.stamp_size, self.settings.apertures)
        blocks = [galaxies[start : start + _BLOCK] for start in range(0, len(galaxies), _BLOCK)]
        measured = [circles.measure(sample.flux(rows)).magnitude for rows in blocks]
        bands, n_circles = len(sample.bands), len(circles.radii)
        magnitude = np.concatenate(measured) if measured else np.empty((0, bands, n_circles))
        field = sample.field
        reference = sample.bands.index(field.reference_band) if field.reference_band in sample.bands else bands // 2
        inner = magnitude[:, :, : max(n_circles - 1, 1)]
        colours = (inner[:, :-1] - inner[:, 1:]).reshape(len(magnitude), -1)
        brightness = magnitude[:, reference]
        reach = brightness[:, :-1] - brightness[:, -1:]
        ebv = sample.catalogue["ebv"].to_numpy(float)[galaxies, None]
        return with_missing(np.concatenate([colours, brightness[:, -1:], reach, ebv], axis=1))
