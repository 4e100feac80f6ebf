"""A table of RAIL as a catalogue of photoz_lit, and as a store without pixels that a forest is fitted on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.data.store import DataKind, StoreHeader, open_store
from photoz_lit.data.store_writer import write_store
from photoz_lit.errors import InputError, nearest
from photoz_lit.fields import Field


@dataclass(frozen=True)
class CatalogueColumns:
    """Columns of a table.

    Attributes
    ----------
    magnitudes : band -> AB magnitude [mag].
    object_id, z, ebv : names, redshifts and reddening E(B−V) [mag]; each may be missing in the table.
    no_value : numbers that stand for a magnitude that was not measured.
    """

    magnitudes: Mapping[str, str]
    object_id: str
    z: str
    ebv: str
    no_value: tuple[float, ...]


def catalogue_of(table: Mapping[str, Any], columns: CatalogueColumns, labelled: bool = False) -> pd.DataFrame:
    """Return the catalogue of a table: ``mag_<band>``, and ``object_id``, ``ra``, ``dec``, ``z``, ``ebv`` if there.

    Parameters
    ----------
    table : column -> values, (N,).
    columns : which of them count.
    labelled : whether redshifts are needed.

    Raises
    ------
    InputError : a column is missing; the sentence names it.
    """
    wanted = [*columns.magnitudes.values(), *([columns.z] if labelled else [])]
    for name in wanted:
        if name not in table:
            raise InputError(f"the table has no column '{name}'{nearest(name, table.keys())}")
    out: dict[str, Any] = {f"mag_{b}": _magnitudes(table[c], columns.no_value) for b, c in columns.magnitudes.items()}
    numbers = {"ra": "ra", "dec": "dec", "z": columns.z, "ebv": columns.ebv}
    out |= {name: np.asarray(table[column], np.float64) for name, column in numbers.items() if column in table}
    if columns.object_id in table:
        out["object_id"] = [_text(one) for one in np.asarray(table[columns.object_id])]
    return pd.DataFrame(out)


def keep_as_store(catalogue: pd.DataFrame, field: Field, data_kind: str, folder: Path) -> Path:
    """Write a catalogue as a store with stamps of one empty pixel, once for the same content.

    Parameters
    ----------
    catalogue : of :func:`catalogue_of`, with redshifts.
    field : gives what a store says of its images.
    data_kind : ``real``, ``simulated`` or ``simulated_from_catalogue``; every result repeats it.
    folder : holds such stores.

    Returns
    -------
    Its folder, named by a hash of the content.

    Raises
    ------
    InputError : the kind is unknown, or the folder cannot be written.
    """
    if data_kind not in get_args(DataKind):
        raise InputError(f"data_kind={data_kind} is none; give {', '.join(get_args(DataKind))}.")
    table = catalogue if "object_id" in catalogue else catalogue.assign(object_id=[str(n) for n in catalogue.index])
    table = table.assign(z_source="")
    bands = tuple(band for band in field.band_names if f"mag_{band}" in table)
    header = StoreHeader(
        data=data_kind,  # type: ignore[arg-type]  # checked above
        field=field.name,
        bands=bands,
        pixel_scale=field.pixel_scale,
        flux_unit="no pixels",
        zero_points={band: field.bands[band].zero_point for band in bands},
        n_galaxies=len(table),
        height=1,
        width=1,
    )
    content = header.model_dump_json() + table.to_csv(index=False)
    place = folder / hashlib.sha256(content.encode()).hexdigest()[:16]
    if place.exists():
        return open_store(place).path
    return write_store(place, header, np.zeros(header.shape, np.float32), table).path


def _magnitudes(values: Any, no_value: tuple[float, ...]) -> NDArray[np.float64]:
    found = np.asarray(values, np.float64)
    return np.where(np.isin(found, no_value), np.nan, found)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
