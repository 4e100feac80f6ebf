"""The rival in every table: a random forest on the catalogue's colours and magnitudes."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.alignment.build import classes_of, require_magnitudes
from photoz_lit.alignment.colour_aligned import ColourAligned, colour_shifts
from photoz_lit.data.domains import AdaptationSplit, store_field_numbers
from photoz_lit.data.sample import Sample
from photoz_lit.data.split import Split
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
    """Forest on the magnitudes of the catalogue: in simulations those of model fitting, free of blends.

    With ``adapt=colour_aligned`` the magnitudes of a target are moved until its median colours are the source's.
    """

    Settings = CatalogueForestSettings
    reads = "the catalogue's magnitudes"

    @property
    def aligns_colours(self) -> bool:
        """Whether colours of targets are moved onto the source's."""
        return self.config.data.adapts and list(classes_of(self.config.adapt).values()) == [ColourAligned]

    def _check_adaptation(self) -> None:
        if not self.aligns_colours:
            super()._check_adaptation()

    def check_sample(self, sample: Sample) -> None:
        """Refuse a catalogue without magnitudes."""
        if not sample.catalogue[[f"mag_{band}" for band in sample.bands]].notna().to_numpy().any():
            raise InputError(
                f"network={self.settings.name} needs magnitudes, and the store's catalogue has none of"
                f" {', '.join(sample.bands)}; choose network=photometry_forest, which measures them on the stamps."
            )
        if self.aligns_colours:
            require_magnitudes(self.config.adapt, sample)

    def fit(self, sample: Sample, split: Split, seed: int, folder: Path) -> None:
        """Fit on the source; where colours are aligned, measure by how much those of the targets are off first."""
        if self.aligns_colours:
            assert isinstance(split, AdaptationSplit)
            stores = [view.store for view in sample.views]
            self.further = {
                "shift": colour_shifts(sample, split)[0],
                "fields": np.array([store.header.field for store in stores]),
                "stores": np.array([store.data_hash for store in stores]),
            }
        super().fit(sample, split, seed, folder)

    def inputs(self, sample: Sample, galaxies: NDArray[np.int64]) -> NDArray[np.float64]:
        """Adjacent colours, the reference magnitude and E(B-V), (n, bands + 1)."""
        table = sample.catalogue.iloc[galaxies]
        if "shift" in self.further:
            names = (self.further[name].tolist() for name in ("fields", "stores"))
            field = store_field_numbers(sample, *names)[sample.part[galaxies]]
            shift = np.concatenate([np.zeros((1, len(sample.bands))), self.further["shift"]])[field]
            table = table.assign(**{f"mag_{b}": table[f"mag_{b}"] - shift[:, k] for k, b in enumerate(sample.bands)})
        return colours_and_magnitude(table, sample.bands, sample.field.reference_band)
