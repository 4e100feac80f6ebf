"""Give the bands of a store other names: a store beside it that shares its images."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pyarrow.parquet as pq

from photoz_lit.data.store import CATALOGUE, CutoutStore, file_checksum, open_images, open_store
from photoz_lit.errors import InputError, nearest
from photoz_lit.files import whole_folder, write_text


def rename_bands(source: Path, names: Mapping[str, str], path: Path) -> CutoutStore:
    """Write a store whose bands are called otherwise; the images are linked, or copied where links are not possible.

    ``missing_<band>`` of the catalogue follows. Magnitudes do not: they are of the catalogue, not of the images.

    Parameters
    ----------
    source : the store; it stays as it is.
    names : band -> its new name; two bands may change places.
    path : the store to be.

    Raises
    ------
    InputError : a band is not in the store, two would share a name, the new store exists or cannot be written.
    """
    old = open_images(source)
    for band in names:
        if band not in old.header.bands:
            raise InputError(f"{source} has no band '{band}'{nearest(band, old.header.bands)}")
        if not names[band] or any(character in names[band] for character in "/\\\0 "):
            raise InputError(f"'{names[band]}' cannot be the name of a band; give letters and digits.")
    bands = tuple(names.get(band, band) for band in old.header.bands)
    twice = next((band for band in bands if bands.count(band) > 1), None)
    if twice is not None:
        raise InputError(f"{source}: two bands would be called '{twice}'; give each a name that no other has.")
    with whole_folder(path) as partial:
        _share(source / "images.npy", partial / "images.npy")
        table = pq.read_table(source / CATALOGUE)
        columns = {f"missing_{before}": f"missing_{after}" for before, after in names.items()}
        table = table.rename_columns([columns.get(name, name) for name in table.column_names])
        # Runs tell data by checksums, so the catalogue of other bands must not have the same bytes.
        table = table.replace_schema_metadata({**_without_pandas(table.schema.metadata), b"bands": " ".join(bands)})
        pq.write_table(table, partial / CATALOGUE)
        header = old.header.model_copy(
            update={
                "bands": bands,
                "zero_points": {names.get(band, band): value for band, value in old.header.zero_points.items()},
                "catalogue_checksum": file_checksum(partial / CATALOGUE),
                "provenance": {**old.header.provenance, "renamed_from": str(source), "renamed_bands": dict(names)},
            }
        )
        write_text(partial / "store.json", header.model_dump_json(indent=1))
    return open_store(path)


def _without_pandas(metadata: Mapping[bytes, bytes] | None) -> dict[bytes, bytes]:
    """What pandas notes on its columns is by their old names."""
    return {key: value for key, value in (metadata or {}).items() if key != b"pandas"}


def _share(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)
