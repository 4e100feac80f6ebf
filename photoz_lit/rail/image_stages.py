"""Stages on images: the input is a store."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import numpy as np
from rail.core.data import DataHandle, ModelHandle, QPHandle

from photoz_lit.data.id_type import recorded_type, typed_ids
from photoz_lit.data.store import CutoutStore, open_store
from photoz_lit.rail.handles import RunHandle, StoreHandle
from photoz_lit.rail.stage import PhotozLitEstimator, PhotozLitInformer, as_texts

StoreLike: TypeAlias = str | Path | CutoutStore | DataHandle


class PhotozLitImageInformer(PhotozLitInformer):
    """Trains the network that ``overrides`` name on the images of a store."""

    name = "PhotozLitImageInformer"
    entrypoint_function = "inform"
    inputs: ClassVar[list[tuple[str, type]]] = [("input", StoreHandle)]

    def inform(self, training_data: StoreLike, **options: Any) -> ModelHandle:
        """Train on a store.

        Parameters
        ----------
        training_data : the store, its folder, or a handle of it.
        options : of RAIL's informers.

        Returns
        -------
        The handle of the run.

        Raises
        ------
        InputError : a key or value is wrong, or the store does not fit.
        """
        return super().inform(handle_of(training_data), **options)

    def run(self) -> None:
        """Train."""
        self.train(Path(self.get_data("input").path))


class PhotozLitImageEstimator(PhotozLitEstimator):
    """Estimates PDFs of the galaxies of a store, labelled or not, in their order.

    A galaxy that lacks a band is predicted with that band blank. The ancillary table has ``id`` (``object_id``),
    ``zmode``, ``zmean``, ``zmedian`` and, where the store knows any, ``redshift`` (NaN where unlabelled).
    """

    name = "PhotozLitImageEstimator"
    entrypoint_function = "estimate"
    inputs: ClassVar[list[tuple[str, type]]] = [("model", RunHandle), ("input", StoreHandle)]
    outputs: ClassVar[list[tuple[str, type]]] = [("output", QPHandle)]

    def estimate(self, input_data: StoreLike, **options: Any) -> QPHandle:
        """Estimate PDFs.

        Parameters
        ----------
        input_data : the store, its folder, or a handle of it.
        options : of RAIL's estimators.

        Returns
        -------
        The handle of the ``qp`` ensemble.

        Raises
        ------
        InputError : the store does not fit the run: bands, zero points, pixel scale or size of the stamps.
        """
        return super().estimate(handle_of(input_data), **options)

    def _process_chunk(self, start: int, end: int, data: CutoutStore, first: bool) -> None:
        header, table = data.header, data.catalogue.iloc[start:end].reset_index(drop=True)
        pdfs = self.networks.predict(
            data.read(np.arange(start, end)),
            bands=header.bands,
            zero_points=header.zero_points,
            pixel_scale=header.pixel_scale,
            catalogue=table,
            field=header.field,
        )
        ids = typed_ids(table["object_id"], recorded_type(header.provenance))
        beside: dict[str, Any] = {"id": ids if ids.dtype.kind in "iu" else as_texts(ids)}
        if data.catalogue["z"].notna().any():
            beside["redshift"] = table["z"].to_numpy(np.float64)
        self.write(pdfs, beside, start, end, first)


def handle_of(store: StoreLike) -> DataHandle:
    """Return the handle of a store that is given by its folder, as it is opened, or by a handle."""
    if isinstance(store, DataHandle):
        return store
    opened = store if isinstance(store, CutoutStore) else open_store(store)
    return StoreHandle("input", data=opened, path=str(opened.path))
