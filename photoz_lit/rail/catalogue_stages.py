"""Stages on catalogues: the input is a table of RAIL, the estimator the catalogue forest."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from ceci.config import StageParameter
from rail.core.common_params import SharedParams
from rail.core.data import QPHandle, TableHandle, TableLike

from photoz_lit.errors import InputError
from photoz_lit.estimators.catalogue_forest import CatalogueForestSettings
from photoz_lit.fields import load_field
from photoz_lit.rail.catalogue_table import CatalogueColumns, catalogue_of, keep_as_store
from photoz_lit.rail.handles import Run, RunHandle
from photoz_lit.rail.stage import PhotozLitEstimator, PhotozLitInformer, as_texts
from photoz_lit.run_folder import recorded_config

#: Which columns are read; informer and estimator take the same.
COLUMNS = {
    "magnitudes": StageParameter(
        dict, {}, msg="band -> its column of AB magnitudes, e.g. {g: mag_g_lsst}; empty: mag_<band>", required=False
    ),
    "ebv_col": StageParameter(str, "ebv", msg="column of the Galactic reddening E(B-V) [mag], where there is one"),
    **{name: SharedParams.copy_param(name) for name in ("id_col", "redshift_col", "nondetect_val", "nonobserved_val")},
}


class PhotozLitCatalogueForestInformer(PhotozLitInformer):
    """Fits the catalogue forest: adjacent colours, a magnitude and E(B-V) in, PDFs on the field's redshift grid out.

    A fifth of the table tests the forest and a fifth is kept for validation; with ``overrides=["cv.folds=5"]`` five
    forests use every galaxy, and none predicts those it was fitted on.
    """

    name = "PhotozLitCatalogueForestInformer"
    entrypoint_function = "inform"
    inputs: ClassVar[list[tuple[str, type]]] = [("input", TableHandle)]
    config_options = PhotozLitInformer.config_options.copy()
    config_options.update(
        **COLUMNS,
        field=StageParameter(str, required=True, msg="field in conf/field: its bands and redshift grid, e.g. hsc6b"),
        data_kind=StageParameter(str, required=True, msg="what the magnitudes are: real or simulated"),
        stores=StageParameter(str, "stores/rail", msg="folder that keeps the table as a store without pixels"),
    )

    def run(self) -> None:
        """Keep the table as a store, and fit."""
        table = self.get_data("input")
        table = table[self.config.hdf5_groupname] if self.config.hdf5_groupname else table
        field = load_field(self.config.field)
        catalogue = catalogue_of(table, columns_of(self.config, field.band_names), labelled=True)
        store = keep_as_store(catalogue, field, self.config.data_kind, Path(self.config.stores))
        choices = ("network=catalogue_forest", f"field={field.name}", "scale=demo")
        no_pixels = ("scale.stamp_size=1", "simulation.stamp_size=8")  # the least that the config allows
        self.train(store, *choices, *no_pixels)


class PhotozLitCatalogueForestEstimator(PhotozLitEstimator):
    """Estimates PDFs of the rows of a table with a catalogue forest, in their order.

    The ancillary table has ``zmode``, ``zmean``, ``zmedian`` and, where the table has them, ``id`` and ``redshift``.
    """

    name = "PhotozLitCatalogueForestEstimator"
    entrypoint_function = "estimate"
    inputs: ClassVar[list[tuple[str, type]]] = [("model", RunHandle), ("input", TableHandle)]
    outputs: ClassVar[list[tuple[str, type]]] = [("output", QPHandle)]
    config_options = PhotozLitEstimator.config_options.copy()
    config_options.update(**COLUMNS)

    def open_model(self, tag: str = "model", **options: Any) -> Run:
        """Open a run; refuse one that reads pixels.

        Raises
        ------
        InputError : its network is no catalogue forest.
        """
        run = super().open_model(tag, **options)
        network = recorded_config(run.path).network
        if not isinstance(network, CatalogueForestSettings):
            raise InputError(
                f"{run.path} is a run with network={network.name}, which reads images; give a run with"
                " network=catalogue_forest, or use PhotozLitImageEstimator on a store."
            )
        return run

    def _process_chunk(self, start: int, end: int, data: TableLike, first: bool) -> None:
        columns = columns_of(self.config, self.networks.bands)
        table = catalogue_of(data, columns)
        size = self.networks.stamp_size
        no_pixels = np.broadcast_to(np.float32(0), (len(table), len(self.networks.bands), size, size))
        pdfs = self.networks.predict(no_pixels, catalogue=table)
        beside: dict[str, Any] = {}
        if columns.object_id in data:
            ids = np.asarray(data[columns.object_id])
            beside["id"] = ids if ids.dtype.kind in "iu" else as_texts(ids)
        if columns.z in data:
            beside["redshift"] = table["z"].to_numpy(np.float64)
        self.write(pdfs, beside, start, end, first)


def columns_of(config: Any, bands: tuple[str, ...]) -> CatalogueColumns:
    """Return the columns that the options of a stage name.

    Parameters
    ----------
    config : of the stage.
    bands : of the field, or of the run.
    """
    magnitudes = dict(config.magnitudes) or {band: f"mag_{band}" for band in bands}
    missing = (config.nondetect_val, config.nonobserved_val)
    return CatalogueColumns(magnitudes, config.id_col, config.redshift_col, config.ebv_col, missing)
