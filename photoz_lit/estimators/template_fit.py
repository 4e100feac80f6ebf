"""Template fitting on the catalogue's magnitudes, a rival of the networks that learns nothing from labels."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Entry

from photoz_lit.data.sample import Sample
from photoz_lit.data.split import Split
from photoz_lit.errors import InputError
from photoz_lit.estimators.estimator import Description, Estimator
from photoz_lit.extras import require_extra
from photoz_lit.fields import Field
from photoz_lit.progress import doing
from photoz_lit.settings import NETWORKS_ALONE, EstimatorSettings
from photoz_lit.simulation.template_fit import fit_photo_z, template_library


class TemplateFitSettings(EstimatorSettings):
    """Template fitting; see ``conf/network/template_fit.yaml``.

    Attributes
    ----------
    colours : steps along the track of spectra from blue to red.
    a_v : attenuation in the galaxy [mag].
    stride : step in ln(1+z), in units of 0.002.
    template_error : relative flux.
    prior : whether magnitude and type give one (Benítez 2000).
    """

    reads_catalogue: ClassVar[bool] = True
    reads_filters: ClassVar[bool] = True
    is_calibrated: ClassVar[bool] = False  # it learns nothing from labels
    unused: ClassVar[tuple[str, ...]] = (*NETWORKS_ALONE, "adapt")
    colours: int = Entry(gt=1)
    a_v: tuple[float, ...] = Entry(min_length=1)
    stride: int = Entry(gt=0, le=25)
    template_error: float = Entry(ge=0)
    prior: bool


class TemplateFit(Estimator):
    """Template fitting through the filters of the sample's field, see :mod:`photoz_lit.simulation.template_fit`."""

    Settings = TemplateFitSettings
    settings: TemplateFitSettings

    def fit(self, sample: Sample, split: Split, seed: int, folder: Path) -> None:  # noqa: ARG002
        """Make the folder; template fitting uses neither labels nor a seed."""
        folder.mkdir(parents=True, exist_ok=True)
        self.fit_report = {"epochs": 0}

    def load(self, folder: Path) -> None:
        """Check that the folder of the fit exists; a fit keeps nothing else."""
        if not folder.is_dir():
            raise InputError(f"{folder} is not there; train the run again.")

    def predict(
        self, sample: Sample, galaxies: NDArray[np.int64], dropped: Collection[str] = ()
    ) -> NDArray[np.float32]:
        """PDFs of some galaxies, (n, n_bins).

        Raises
        ------
        InputError : modalities are to be dropped, or the catalogue has magnitudes of fewer than two of the bands.
        """
        self.refuse_dropped(dropped)
        self.check_sample(sample)
        measured = _measured(sample)
        library = template_library(
            {band: sample.field.bands[band].filter for band in measured},
            z_max=min(float(sample.field.z_edges[-1]), 6.0),
            colours=self.settings.colours,
            a_v=self.settings.a_v,
            stride=self.settings.stride,
        )
        table = sample.catalogue.iloc[galaxies]
        with doing(f"fitting templates to {len(table):,} galaxies"):
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

    def describe(self, sample: Sample, split: Split, n_fits: int) -> Description:  # noqa: ARG002
        """Say how many templates are fitted."""
        return Description({"network": f"template fit, {self.settings.colours * len(self.settings.a_v)} templates"})

    def check(self, bands: Sequence[str], stamp_size: int, field: Field) -> None:
        """Refuse what does not fit, and an installation without spectra and filters."""
        super().check(bands, stamp_size, field)
        require_extra("sim", f"network={self.settings.name}")

    def check_sample(self, sample: Sample) -> None:
        """Refuse a catalogue with magnitudes of fewer than two of the bands, and a field without their filters."""
        measured = _measured(sample)
        if len(measured) < 2:
            raise InputError("network=template_fit needs magnitudes of two bands or more in the store's catalogue.")
        sample.field.require(("filter", "depth"), "network=template_fit", measured)

    def _check_adaptation(self) -> None:
        if self.config.data.adapts:
            raise InputError(
                "network=template_fit learns nothing that could be carried; run it on the target itself: field=<target>"
                " without data.target and data.target_fields."
            )


def _measured(sample: Sample) -> list[str]:
    """Bands of which the catalogue has magnitudes."""
    return [band for band in sample.bands if sample.catalogue[f"mag_{band}"].notna().any()]
