"""A sample: the galaxies of one or several stores as a network needs them, bands picked by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.data.folds import assign_folds
from photoz_lit.data.id_type import IdType, recorded_type, shared_type
from photoz_lit.data.selection import select
from photoz_lit.data.store import CutoutStore
from photoz_lit.data.store_view import StoreView, shared_bands, views_of
from photoz_lit.errors import InputError
from photoz_lit.fields import Field
from photoz_lit.rows import RowCount

LACKS_A_BAND = "lacks a band"


@dataclass(frozen=True)
class Sample:
    """Galaxies ready for a network or the forest.

    Attributes
    ----------
    field : zero points, redshift grid and thresholds.
    bands : names, in the order of the image's channel axis.
    stamp_size : height and width of the stamps [pixel].
    data : ``simulated``, ``simulated_from_catalogue`` or ``real``.
    data_hash : hash of the stores.
    catalogue : one row per galaxy, columns of the store, and ``fold``.
    views, part, row : where each galaxy's pixels are.
    rows : rows of the stores that were read, and what became of them.
    blank : (N, bands) bands to be blanked because the galaxy lacks them, or None.
    rows_of : the same of further tables, by the key that names them (``data.labels``).
    """

    field: Field
    bands: tuple[str, ...]
    stamp_size: int
    data: str
    data_hash: str
    catalogue: pd.DataFrame
    views: tuple[StoreView, ...]
    part: NDArray[np.int64]
    row: NDArray[np.int64]
    rows: RowCount
    blank: NDArray[np.bool_] | None = None
    rows_of: dict[str, RowCount] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.catalogue)

    @property
    def pixel_scale(self) -> float:
        """Side of a pixel [arcsec]."""
        return self.field.pixel_scale

    @property
    def zero_points(self) -> NDArray[np.float64]:
        """AB magnitude of a flux of 1, (bands,)."""
        at_field = np.array([self.field.bands[band].zero_point for band in self.bands])
        return np.asarray(at_field - 2.5 * np.log10(self.field.flux_divisor))

    @property
    def lacking(self) -> int:
        """How many galaxies were left out because they lack a band."""
        return self.rows.left_out.get(LACKS_A_BAND, 0)

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Whether a galaxy has a redshift label."""
        return np.asarray(np.isfinite(self.catalogue["z"].to_numpy(float)))

    @property
    def simulation_version(self) -> int | None:
        """Version of the code that drew the galaxies, the least where stores are of several; None for real ones."""
        drawn = [view.store.header.provenance.get("simulation", {}) for view in self.views]
        return min((int(one["simulation_version"]) for one in drawn if "simulation_version" in one), default=None)

    @property
    def id_type(self) -> IdType:
        """Type in which the ids came, ``text`` where stores differ; the catalogue has them as texts."""
        return shared_type(recorded_type(view.store.header.provenance) for view in self.views)

    def id_type_of(self, galaxies: NDArray[np.int64]) -> IdType:
        """Type in which the ids of some galaxies came: that of their stores alone."""
        stores = [self.views[number].store for number in np.unique(self.part[galaxies])]
        return shared_type(recorded_type(store.header.provenance) for store in stores)

    def flux(self, galaxies: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float32]:
        """Linear flux of some galaxies, (n, bands, stamp, stamp), before the stretch."""
        index = np.asarray(galaxies, np.int64)
        out = np.empty((len(index), len(self.bands), self.stamp_size, self.stamp_size), np.float32)
        for number, view in enumerate(self.views):
            here = self.part[index] == number
            if here.any():
                out[here] = view.read(self.row[index[here]])
        if self.blank is not None:
            out[self.blank[index]] = 0.0
        return out

    def take(self, keep: NDArray[Any], reason: str) -> Sample:
        """Return the sample restricted to a mask or a list of rows; the others are counted under the reason."""
        n = int(keep.sum()) if keep.dtype == bool else len(keep)
        return replace(
            self,
            rows=self.rows.without(reason, len(self) - n).checked(n),
            catalogue=self.catalogue.loc[keep].reset_index(drop=True)
            if keep.dtype == bool
            else self.catalogue.iloc[keep].reset_index(drop=True),
            part=self.part[keep],
            row=self.row[keep],
            blank=None if self.blank is None else self.blank[keep],
        )


def load_sample(
    stores: Sequence[CutoutStore],
    field: Field,
    stamp_size: int,
    bands: Sequence[str] | None = None,
    selection: str | None = None,
    missing_bands: str = "drop",
) -> Sample:
    """Join stores into one sample.

    Parameters
    ----------
    stores : opened stores.
    field : the field whose zero points and grid are used.
    stamp_size : [pixel]; larger stamps are centre-cropped.
    bands : names, in order; None takes all that are shared.
    selection : expression on the catalogue, e.g. ``"18 <= mag_i <= 25"``.
    missing_bands : ``drop`` galaxies that lack a band (catalogue column ``missing_<band>``), or ``blank`` the band,
        also that of a whole store which lacks a band asked for.

    Raises
    ------
    InputError : bands, stamp size, pixel scale, zero points or redshifts do not fit; the sentence says which.
    """
    chosen = shared_bands(stores, field, bands, blank=missing_bands == "blank")
    views = views_of(stores, field, chosen, stamp_size)
    catalogue = pd.concat([s.catalogue for s in stores], ignore_index=True)
    part = np.repeat(np.arange(len(stores)), [len(s) for s in stores])
    row = np.concatenate([np.arange(len(s)) for s in stores])
    catalogue["fold"] = assign_folds(catalogue["object_id"], catalogue["ra"].to_numpy(), catalogue["dec"].to_numpy())
    hashes = "-".join(s.data_hash for s in stores)
    blank = lacking_bands(catalogue, chosen)
    rows = RowCount.of(len(catalogue))
    sample = Sample(field, chosen, stamp_size, stores[0].header.data, hashes, catalogue, views, part, row, rows, blank)
    if selection is not None:
        sample = selected(sample, selection)
    _require_reddening(sample)
    if sample.blank is None or missing_bands == "blank":
        return sample
    lacks = np.asarray(sample.blank.any(axis=1))
    if lacks.all():
        raise InputError("no galaxy has all bands; choose data.bands, or data.missing_bands=blank.")
    return sample.take(~lacks, LACKS_A_BAND)


def selected(sample: Sample, expression: str) -> Sample:
    """Galaxies that satisfy an expression on the catalogue, e.g. ``"18 <= mag_i <= 25"``.

    Raises
    ------
    InputError : there are none, or the expression is wrong.
    """
    keep = select(expression, sample.catalogue)
    if not keep.any():
        raise InputError(f'no galaxy is left after data.select="{expression}"; loosen it.')
    return sample.take(keep, "data.select")


def lacking_bands(catalogue: pd.DataFrame, bands: tuple[str, ...]) -> NDArray[np.bool_] | None:
    """Which bands galaxies lack, (N, bands), from the columns ``missing_<band>``; None where none lacks any."""
    if not any(f"missing_{b}" in catalogue for b in bands):
        return None
    columns = [catalogue.get(f"missing_{b}", pd.Series(False, catalogue.index)) for b in bands]
    missing = np.stack([c.fillna(False).to_numpy(bool) for c in columns], axis=1)
    return missing if missing.any() else None


def _require_reddening(sample: Sample) -> None:
    """Refuse an infinite E(B-V); a missing one counts as 0."""
    infinite = np.flatnonzero(np.isinf(sample.catalogue["ebv"].to_numpy(float)))
    if len(infinite):
        first = sample.catalogue.iloc[infinite[0]]
        raise InputError(
            f"{len(infinite)} galaxies have an infinite E(B-V), the first is object_id {first['object_id']}; leave them"
            ' out with data.select="ebv < 10", or write the store again.'
        )


def require_on_grid(sample: Sample) -> None:
    """Refuse labels outside the field's redshift grid.

    Raises
    ------
    InputError : names how many there are and the first of them.
    """
    z = sample.catalogue["z"].to_numpy(float)
    low, high = sample.field.z_edges[[0, -1]]
    outside = np.flatnonzero((z < low) | (z > high))
    if len(outside):
        first = sample.catalogue.iloc[outside[0]]
        leave_out = f"not (z > {high:g})" if first["z"] > high else f"not (z < {low:g})"  # keeps those without a label
        raise InputError(
            f"{len(outside)} galaxies have a redshift outside the grid of field '{sample.field.name}' ({low:g} to"
            f" {high:g}), the first is object_id {first['object_id']} with z={first['z']:g}; leave them out, e.g."
            f' data.select="{leave_out}".'
        )
