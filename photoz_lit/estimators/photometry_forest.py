"""The second rival: a random forest on magnitudes measured on the very stamps that networks see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Entry

from photoz_lit.data.sample import Sample
from photoz_lit.estimators.catalogue_values import measured_colours
from photoz_lit.estimators.forest import ForestSettings, QuantileForest, with_missing
from photoz_lit.extras import require_extra
from photoz_lit.fields import Field
from photoz_lit.imaging.photometry import CONDITIONS


class PhotometryForestSettings(ForestSettings):
    """The forest on magnitudes measured on the stamps; see ``conf/network/photometry_forest.yaml``.

    Attributes
    ----------
    apertures : radii of the circles, ascending, in units of the field's widest seeing (FWHM).
    """

    apertures: tuple[Annotated[float, Entry(gt=0)], ...] = Entry(min_length=1)


class PhotometryForest(QuantileForest):
    """Forest on aperture magnitudes of the stamps, see :mod:`photoz_lit.imaging.photometry`.

    It has the photons, the neighbours and the sky of the pixels and nothing of the catalogue but E(B-V). The largest
    circle gives brightness alone: noise and neighbours spoil its colours.
    """

    Settings = PhotometryForestSettings
    settings: PhotometryForestSettings
    reads = "magnitudes measured on the stamps"

    def check_sample(self, sample: Sample) -> None:
        """Refuse a field that does not say how its bands are observed."""
        sample.field.require(CONDITIONS, "network=photometry_forest", sample.bands)

    def check(self, bands: Sequence[str], stamp_size: int, field: Field) -> None:
        """Refuse what does not fit, and an installation without photutils."""
        super().check(bands, stamp_size, field)
        require_extra("photometry", f"network={self.settings.name}")

    def inputs(self, sample: Sample, galaxies: NDArray[np.int64]) -> NDArray[np.float64]:
        """Adjacent colours in all circles but the largest, the reference magnitude in the largest, how much brighter it
        is there than in the others, and E(B-V).
        """
        measured = measured_colours(sample, galaxies, self.settings.apertures)
        ebv = sample.catalogue["ebv"].to_numpy(float)[galaxies, None]
        return with_missing(np.concatenate([measured, ebv], axis=1))
