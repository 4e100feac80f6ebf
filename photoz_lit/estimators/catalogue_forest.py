"""The rival in every table: a random forest on the catalogue's colours and magnitudes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.data.sample import Sample
from photoz_lit.estimators.forest import QuantileForest, with_missing


def colours_and_magnitude(catalogue: pd.DataFrame, bands: tuple[str, ...], reference_band: str) -> NDArray[np.float64]:
    """Adjacent colours, the reference magnitude and E(B-V): features (N, bands + 1), missing ones -5."""
    magnitudes = catalogue[[f"mag_{b}" for b in bands]].to_numpy(float)
    reference = catalogue[[f"mag_{reference_band}", "ebv"]].to_numpy(float)
    return with_missing(np.concatenate([magnitudes[:, :-1] - magnitudes[:, 1:], reference], axis=1))


class CatalogueForest(QuantileForest):
    """Forest on the magnitudes of the catalogue: in simulations those of model fitting, free of blends."""

    def features(self, sample: Sample, galaxies: NDArray[np.int64]) -> NDArray[np.float64]:
        """Adjacent colours, the reference magnitude and E(B-V), (n, bands + 1)."""
        return colours_and_magnitude(sample.catalogue.iloc[galaxies], sample.bands, sample.field.reference_band)
