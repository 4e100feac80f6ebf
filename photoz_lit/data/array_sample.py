"""A sample of arrays in memory, held to the same rules as a store on the disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from photoz_lit.data.catalogue import complete_catalogue
from photoz_lit.data.expression import plain_column
from photoz_lit.data.id_type import IdType, record_of, type_of_ids
from photoz_lit.data.sample import Sample, lacking_bands
from photoz_lit.data.store import StoreHeader, StoreImages
from photoz_lit.data.store_view import shared_bands, views_of
from photoz_lit.errors import InputError
from photoz_lit.fields import Field
from photoz_lit.rows import RowCount

NAME = Path("images")  # in the sentences that name a store


def array_sample(
    images: ArrayLike,
    catalogue: pd.DataFrame,
    field: Field,
    wanted: Sequence[str],
    stamp_size: int,
    *,
    bands: Sequence[str] | None = None,
    zero_points: Mapping[str, float] | Sequence[float] | float | None = None,
    pixel_scale: float | None = None,
    of_field: str | None = None,
) -> Sample:
    """Turn stamps in memory into a sample.

    Parameters
    ----------
    images : linear flux, (N, bands, height, width), any real type.
    catalogue : a row per stamp; missing columns are added without values, ``object_id`` as the row number.
    field : gives the zero points of the stretch and the redshift grid.
    wanted : bands of the sample, in order.
    stamp_size : [pixel]; larger stamps are centre-cropped.
    bands : names of the bands of ``images``, in order; None: ``wanted``.
    zero_points : AB magnitude of a flux of 1, by band, in the order of ``bands``, or one for all; None: the field's.
    pixel_scale : [arcsec / pixel]; None: the field's.
    of_field : name of the field that the galaxies are in; None: the given one.

    Raises
    ------
    InputError : bands, shape, zero points, pixel scale, stamp size or catalogue do not fit; the sentence says which.
    """
    given = tuple(wanted if bands is None else bands)
    pixels = _checked(images, given)
    table = _catalogue(catalogue, len(pixels), field)
    id_type = _id_type(catalogue, table)
    header = StoreHeader(
        data="real",
        field=field.name if of_field is None else of_field,
        bands=given,
        pixel_scale=field.pixel_scale if pixel_scale is None else pixel_scale,
        flux_unit="",
        zero_points={b: m for b, m in _zero_points(zero_points, given, field).items() if np.isfinite(m)},
        n_galaxies=len(pixels),
        height=pixels.shape[2],
        width=pixels.shape[3],
        provenance=dict(record_of(id_type)),
    )
    store = StoreImages(NAME, header, pixels)
    chosen = shared_bands([store], field, list(wanted))
    n = len(pixels)
    return Sample(
        field,
        chosen,
        stamp_size,
        header.data,
        store.data_hash,
        table,
        views_of([store], field, chosen, stamp_size),
        np.zeros(n, np.int64),
        np.arange(n),
        RowCount.of(n),
        lacking_bands(table, chosen),
    )


def _checked(images: ArrayLike, bands: tuple[str, ...]) -> NDArray[Any]:
    pixels = np.asarray(images)
    if pixels.ndim != 4 or pixels.shape[1] != len(bands) or pixels.dtype.kind not in "fiu":
        raise InputError(
            f"images has shape {pixels.shape} and type {pixels.dtype}; give numbers of shape (N, {len(bands)}, height,"
            f" width), one plane for each of the bands {', '.join(bands)}, or name the bands: bands=[…]."
        )
    if len(set(bands)) != len(bands):
        raise InputError(f"bands names a band twice: {', '.join(bands)}.")
    return pixels


def _zero_points(
    given: Mapping[str, float] | Sequence[float] | float | None, bands: tuple[str, ...], field: Field
) -> dict[str, float]:
    """Zero points by band; a band that is not named has none, which is refused where it is wanted."""
    if given is None:
        return {band: field.bands[band].zero_point for band in bands if band in field.bands}
    if isinstance(given, Mapping):
        return {str(band): float(value) for band, value in given.items()}
    values = np.broadcast_to(np.asarray(given, np.float64), len(bands)) if np.ndim(given) == 0 else np.asarray(given)
    if values.shape != (len(bands),):
        raise InputError(f"zero_points has {len(values)} values for the {len(bands)} bands {', '.join(bands)}.")
    return dict(zip(bands, values.astype(float).tolist(), strict=True))


def _catalogue(given: pd.DataFrame, n: int, field: Field) -> pd.DataFrame:
    if len(given) != n:
        raise InputError(f"catalogue has {len(given)} rows for {n} images; give one row per image.")
    table = given.reset_index(drop=True)
    if "object_id" not in table:
        table = table.assign(object_id=[str(row) for row in range(n)])
    return complete_catalogue(table, field.band_names)


def _id_type(given: pd.DataFrame, table: pd.DataFrame) -> IdType:
    if "object_id" not in given:
        return "text"
    return type_of_ids(plain_column(given["object_id"]), table["object_id"])
