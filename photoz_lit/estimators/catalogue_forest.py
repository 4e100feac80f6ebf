"""The rival in every table: a random forest on the catalogue's colours and magnitudes."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.data.sample import Sample
from photoz_lit.errors import InputError
from photoz_lit.estimators.forest import ForestSettings, QuantileForest, with_missing


def colours_and_magnitude(catalogue: pd.DataFrame, bands: tuple[str, ...], reference_band: str) -> NDArray[np.float64]:
    """Adjacent colours, the reference magnitude and E(B-V): features (N, bands + 1), missing ones -5."""
    magnitudes = catalogue[[f"mag_{b}" for b in bands]].to_numpy(float)
    reference = catalogue[[f"mag_{reference_band}", "ebv"]].to_numpy(float)
    return with_missing(np.concatenate([magnitudes[:, :-1] - magnitudes[:, 1:], reference], axis=1))


class CatalogueForestSettings(ForestSettings):
    """The catalogue forest; see ``conf/network/catalogue_forest.yaml``."""

    reads_catalogue: ClassVar[bool] = True


class CatalogueForest(QuantileForest):
    """Forest on the magnitudes of the catalogue: in simulations those of model fitting, free of blends."""

    Settings = CatalogueForestSettings
    reads = "the catalogue's magnitudes"

    def check_sample(self, sample: Sample) -> None:
        """Refuse a catalogue without magnitudes."""
        if not sample.catalogue[[f"mag_{band}" for band in sample.bands]].notna().to_numpy().any():
            raise InputError(
                f"network={self.settings.name} needs magnitudes, and the store's catalogue has none of"
                f" {', '.join(sample.bands)}; choose network=photometry_forest, which measures them on the stamps."
            )

    def inputs(self, sample: Sample, galaxies: NDArray[np.int64]) -> NDArray[np.float64]:
        """Adjacent colours, the reference magnitude and E(B-V), (n, bands + 1)."""
        return colours_and_magnitude(sample.catalogue.iloc[galaxies], sample.bands, sample.field.reference_band)
