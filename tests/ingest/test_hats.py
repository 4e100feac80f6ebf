"""HATS catalogues as tables, and Multimodal Universe's images in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from photoz_lit.errors import InputError
from photoz_lit.ingest.archive import ingest
from photoz_lit.ingest.reader import open_source
from photoz_lit.tables.reading import read_table, table_columns
from tests.ingest.archives import settings_of, stamps, write_mmu, write_mmu_hats


def test_images_of_the_second_form_are_those_of_the_first(tmp_path: Path) -> None:
    """The same stamps as HDF5 and as HATS make the same store; a pixel of inverse variance 0 is NaN."""
    cells = {3: 5, 9: 7}
    expected = np.concatenate([stamps(n, 5, 64, seed=cell) for cell, n in cells.items()])
    write_mmu(tmp_path / "hdf5", cells, size=64)
    write_mmu_hats(tmp_path / "hats", cells)
    stores = []
    for reader, place, further in (("mmu", "hdf5", ["ingest.options.mask_true=bad"]), ("mmu_hats", "hats", [])):
        settings, field = settings_of(reader, f"ingest.path={tmp_path / place}", "ingest.dtype=float32", *further)
        stores.append(ingest(settings, field, tmp_path / f"store_{place}"))
    first, second = stores
    np.testing.assert_array_equal(first.images, second.images)
    known = np.isfinite(second.images)
    np.testing.assert_array_equal(second.images[known], expected[known])
    assert (~known).sum() == 2  # one in each file
    assert second.header.bands == ("g", "r", "i", "z", "y")
    assert second.header.zero_points == first.header.zero_points
    columns = ["object_id", "ra", "dec", "mag_i", "flags"]
    pd.testing.assert_frame_equal(first.catalogue[columns], second.catalogue[columns])


def test_a_band_that_nothing_names_is_told_not_dropped_in_silence(tmp_path: Path) -> None:
    write_mmu_hats(tmp_path / "hats", {3: 5}, last_band="hsc-n921")
    layout = open_source(*settings_of("mmu_hats", f"ingest.path={tmp_path / 'hats'}")).layout
    assert layout.bands == ("g", "r", "i", "z")
    (note,) = layout.notes
    assert "also has the bands hsc-n921, which are left out" in note


def test_a_collection_is_read_as_its_main_catalogue(tmp_path: Path) -> None:
    write_mmu_hats(tmp_path / "all" / "main", {3: 5, 9: 7})
    (tmp_path / "all" / "collection.properties").write_text("obs_collection=x\nhats_primary_table_url=main\n")
    for path in (tmp_path / "all", tmp_path / "all" / "main"):
        table = read_table(path, ["object_id", "ra"])
        assert table["object_id"].tolist() == [str(i) for i in range(12)]
        assert "image" not in table_columns(path)
    (tmp_path / "all" / "collection.properties").write_text("hats_primary_table_url=gone\n")
    with pytest.raises(InputError, match="names no catalogue that is there"):
        read_table(tmp_path / "all")


def test_partitions_come_in_the_order_of_the_sky(tmp_path: Path) -> None:
    (tmp_path / "hats.properties").write_text("obs_collection = x\n")
    for order, pixel, value in ((1, 3, 2), (0, 3, 3), (2, 1, 1)):
        place = tmp_path / "dataset" / f"Norder={order}" / "Dir=0"
        place.mkdir(parents=True)
        pd.DataFrame({"value": [value]}).to_parquet(place / f"Npix={pixel}.parquet")
    (tmp_path / "dataset" / "_metadata.parquet").write_bytes(b"")
    assert read_table(tmp_path)["value"].tolist() == [1, 2, 3]


def test_slips_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is no HATS catalogue .*ingest=mmu"):
        ingest(*settings_of("mmu_hats", f"ingest.path={tmp_path}"), tmp_path / "store")
    (tmp_path / "hats.properties").write_text("obs_collection = x\n")
    with pytest.raises(InputError, match="is a HATS catalogue without partitions"):
        read_table(tmp_path)
    place = tmp_path / "dataset" / "Norder=0" / "Dir=0"
    place.mkdir(parents=True)
    pd.DataFrame({"ra": [1.0]}).to_parquet(place / "Npix=1.parquet")
    with pytest.raises(InputError, match=r"has no nested column 'image' with 'band' and 'flux'"):
        ingest(*settings_of("mmu_hats", f"ingest.path={tmp_path}"), tmp_path / "store")
    write_mmu_hats(tmp_path / "uneven", {3: 2})
    (file,) = (tmp_path / "uneven").rglob("*.parquet")
    table = pq.read_table(file).to_pylist()
    table[1]["image"]["flux"] = table[1]["image"]["flux"][:4]
    import pyarrow as pa

    pq.write_table(pa.Table.from_pylist(table), file)
    with pytest.raises(InputError, match="images or bands of different numbers"):
        ingest(*settings_of("mmu_hats", f"ingest.path={tmp_path / 'uneven'}"), tmp_path / "store")
