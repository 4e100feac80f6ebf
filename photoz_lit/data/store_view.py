"""Stores as a network sees them: bands picked by name, one zero point, stamps of one size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from photoz_lit.data.pixels import flux_factors
from photoz_lit.data.store import StoreImages
from photoz_lit.errors import InputError, nearest
from photoz_lit.fields import Field


@dataclass(frozen=True)
class StoreView:
    """One store, seen through the bands and the stamp size of a network; ``band_axis`` is -1 for a band it lacks."""

    store: StoreImages
    band_axis: NDArray[np.int64]
    factors: NDArray[np.float32]
    crop: tuple[slice, slice]

    def stored(self, rows: NDArray[np.int64]) -> NDArray[np.generic]:
        """Stamps as the store holds them, in its unit and type, (len(rows), bands, stamp, stamp)."""
        return self.store.read(rows)[:, self.band_axis][:, :, self.crop[0], self.crop[1]]

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Linear flux at the field's zero point, (len(rows), bands, stamp, stamp) float32."""
        flux = np.asarray(self.stored(rows), np.float32) * self.factors[:, None, None]
        flux[:, self.band_axis < 0] = 0.0
        return flux


def bands_of_field(field: Field, asked: Sequence[str] | None) -> tuple[str, ...]:
    """Bands of a field, or those asked for.

    Raises
    ------
    InputError : a band is unknown to the field, or named twice.
    """
    if asked is None:
        return tuple(field.band_names)
    for band in asked:
        if band not in field.bands:
            raise InputError(f"data.bands: field '{field.name}' has no band '{band}'{nearest(band, field.band_names)}")
    if len(set(asked)) != len(asked):
        raise InputError(f"data.bands names a band twice: {', '.join(asked)}.")
    return tuple(asked)


def shared_bands(
    stores: Sequence[StoreImages], field: Field, asked: Sequence[str] | None, blank: bool = False
) -> tuple[str, ...]:
    """Bands that all stores have and the field knows, in the field's order, or those asked for.

    With ``blank`` a band that is asked for may be missing in some of the stores.

    Raises
    ------
    InputError : a band is unknown, or missing in a store; or none is shared.
    """
    shared = [b for b in field.band_names if all(b in s.header.bands for s in stores)]
    if asked is None:
        if not shared:
            raise InputError(f"the stores share no band with field '{field.name}' ({', '.join(field.band_names)}).")
        return tuple(shared)
    for band in bands_of_field(field, asked):
        for store in stores:
            if band not in store.header.bands and not (blank and any(band in s.header.bands for s in stores)):
                raise InputError(f"{store.path} has no band '{band}'; it has {', '.join(store.header.bands)}.")
    return tuple(asked)


def views_of(
    stores: Sequence[StoreImages], field: Field, bands: tuple[str, ...], stamp_size: int
) -> tuple[StoreView, ...]:
    """Stores of one kind of data as a network sees them.

    Raises
    ------
    InputError : they mix kinds of data, or stamp size, pixel scale or zero points do not fit.
    """
    kinds = {store.header.data for store in stores}
    if len(kinds) > 1:
        raise InputError(f"the stores mix {' and '.join(sorted(kinds))} data; train on one kind at a time.")
    return tuple(_view(store, field, bands, stamp_size) for store in stores)


def _view(store: StoreImages, field: Field, bands: tuple[str, ...], stamp_size: int) -> StoreView:
    header = store.header
    if min(header.height, header.width) < stamp_size:
        raise InputError(
            f"{store.path} has stamps of {header.height}×{header.width} pixels and the network needs {stamp_size};"
            " choose a smaller scale.stamp_size or cut larger stamps."
        )
    if not np.isclose(header.pixel_scale, field.pixel_scale, rtol=0.02):
        raise InputError(
            f"{store.path} has {header.pixel_scale}″ pixels and field '{field.name}' {field.pixel_scale}″;"
            " choose the field of the store."
        )
    top, left = (header.height - stamp_size) // 2, (header.width - stamp_size) // 2
    present = [b for b in bands if b in header.bands]
    factor = dict(zip(present, flux_factors(field, present, header.zero_points, str(store.path)), strict=True))
    return StoreView(
        store,
        np.array([header.bands.index(b) if b in header.bands else -1 for b in bands]),
        np.array([factor.get(b, 0.0) for b in bands], np.float32),
        (slice(top, top + stamp_size), slice(left, left + stamp_size)),
    )
