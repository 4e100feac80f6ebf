"""The other rival: template fitting on the catalogue's magnitudes, which learns nothing from labels."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from photoz_lit.config import Config, TemplateFitSettings
from photoz_lit.data.module import Split
from photoz_lit.data.sample import Sample
from photoz_lit.errors import InputError
from photoz_lit.simulation.template_fit import fit_photo_z, template_library


class TemplateFit:
    """Template fitting through the filters of the sample's field, see :mod:`photoz_lit.simulation.template_fit`.

    Parameters
    ----------
    config : the run's config; ``config.network`` holds the library's settings.
    """

    def __init__(self, config: Config) -> None:
        assert isinstance(config.network, TemplateFitSettings)
        self.settings = config.network
        self.fit_report: dict[str, float] = {"epochs": 0}

    def fit(self, sample: Sample, split: Split, seed: int, folder: Path) -> None:  # noqa: ARG002
        """Make the folder, no more: neither labels nor a seed take part."""
        folder.mkdir(parents=True, exist_ok=True)

    def load(self, folder: Path) -> None:
        """Do nothing: :meth:`fit` kept nothing."""

    def predict(
        self, sample: Sample, galaxies: NDArray[np.int64], dropped: Collection[str] = ()
    ) -> NDArray[np.float32]:
        """PDFs of some galaxies, (n, n_bins).

        Raises
        ------
        InputError : modalities are to be dropped, or no magnitude of two of the bands is in the catalogue.
        """
        if dropped:
            raise InputError("drop: template fitting has no modalities; drop them from a multimodal run.")
        measured = [band for band in sample.bands if sample.catalogue[f"mag_{band}"].notna().any()]
        if len(measured) < 2:
            raise InputError("network=template_fit needs magnitudes of two bands or more in the store's catalogue.")
        library = template_library(
            {band: sample.field.bands[band].filter for band in measured},
            z_max=min(float(sample.field.z_edges[-1]), 6.0),
            colours=self.settings.colours,
            a_v=self.settings.a_v,
            stride=self.settings.stride,
        )
        table = sample.catalogue.iloc[galaxies]
        fitted = fit_photo_z(
            table[[f"mag_{band}" for band in measured]].to_numpy(np.float64),
            table[[f"mag_err_{band}" for band in measured]].to_numpy(np.float64),
            np.nan_to_num(table["ebv"].to_numpy(np.float64)),
            library,
            sample.field,
            self.settings.prior,
            self.settings.template_error,
        )
        return fitted.pdf
