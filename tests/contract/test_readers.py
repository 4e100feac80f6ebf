"""One suite over every reader: whatever the archive, a source behaves the same."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from photoz_lit.errors import InputError
from photoz_lit.fields import conf_directory
from photoz_lit.ingest.archive import ingest
from photoz_lit.ingest.catalogue import build_catalogue
from photoz_lit.ingest.reader import open_source
from photoz_lit.ingest.settings import IngestSettings
from photoz_lit.ingest.source import Source
from tests.ingest.archives import (
    ARRAY_FACTS,
    positions_table,
    settings_of,
    stamps,
    write_arrays,
    write_galaxiesml,
    write_lam,
    write_mmu,
    write_mmu_hats,
    write_sdss,
)
from tests.ingest.skies import megacam_header, paint, tan_wcs, write_compressed, write_cutout, write_plain


def sdss_npz(tmp: Path) -> list[str]:
    write_sdss(tmp / "sdss.npz", 12)
    return [f"ingest.path={tmp}/sdss.npz"]


def lam_npz(tmp: Path) -> list[str]:
    write_lam(tmp / "cubes")
    return [f"ingest.path={tmp}/cubes"]


def galaxiesml(tmp: Path) -> list[str]:
    write_galaxiesml(tmp / "gml.hdf5", 12)
    return [f"ingest.path={tmp}/gml.hdf5"]


def mmu(tmp: Path) -> list[str]:
    write_mmu(tmp / "mmu", {3: 5, 9: 7}, size=64)
    return [f"ingest.path={tmp}/mmu"]


def mmu_hats(tmp: Path) -> list[str]:
    write_mmu_hats(tmp / "mmu", {3: 5, 9: 7})
    return [f"ingest.path={tmp}/mmu"]


def arrays(tmp: Path) -> list[str]:
    write_arrays(tmp, 12)
    return [f"ingest.path={tmp}/images.npy", f"ingest.catalogue={tmp}/cat.csv", *ARRAY_FACTS]


def fits_mosaic(tmp: Path) -> list[str]:
    ra, dec = 150.1 + 0.004 * (np.arange(12) % 4 - 1.5), 2.2 + 0.004 * (np.arange(12) // 4 - 1.0)
    for band, write in (("i", write_plain), ("u", write_compressed)):
        wcs = tan_wcs(0.186, (420, 420))
        write(
            tmp / f"{band}.fits{'.fz' if band == 'u' else ''}",
            paint(wcs, (420, 420), ra, dec, 100.0),
            megacam_header(wcs),
        )
    positions_table(tmp / "cat.csv", ra, dec, z=0.5, z_source="spec", mag_i=22.0)
    return [f"ingest.path={tmp}", f"ingest.catalogue={tmp}/cat.csv", "ingest.bands=[u,i]", "ingest.stamp_size=64"]


def fits_stamps(tmp: Path) -> list[str]:
    ra, dec = 150.1 + 0.004 * np.arange(12), np.full(12, 2.2)
    for k in range(12):
        for band in "ui":
            wcs = tan_wcs(0.186, (80, 80), ra=ra[k], dec=dec[k])
            write_plain(
                tmp / f"g{k}_{band}.fits",
                paint(wcs, (80, 80), ra[k : k + 1], dec[k : k + 1], 100.0),
                megacam_header(wcs),
            )
    positions_table(tmp / "cat.csv", ra, dec, z=0.5, z_source="spec", mag_i=22.0)
    return [f"ingest.path={tmp}", f"ingest.catalogue={tmp}/cat.csv", "ingest.bands=[u,i]", "ingest.stamp_size=64"]


def viewer_cube(tmp: Path) -> list[str]:
    ra, dec = 150.1 + 0.004 * np.arange(12), np.full(12, 2.2)
    for k in range(12):
        write_cutout(tmp / f"g{k}.fits", ra[k], dec[k], stamps(12, 3, 64)[k])
    positions_table(tmp / "cat.csv", ra, dec, z=0.5, z_source="spec", mag_r=20.0)
    return [f"ingest.path={tmp}", f"ingest.catalogue={tmp}/cat.csv"]


ARCHIVES: dict[str, Callable[[Path], list[str]]] = {
    f.__name__: f for f in (arrays, sdss_npz, lam_npz, galaxiesml, mmu, mmu_hats, fits_mosaic, fits_stamps, viewer_cube)
}
PRESETS = {"sdss_mgs": "sdss_npz", "hsc_clauds": "lam_npz"}
PRESETS |= dict.fromkeys(("hsc_pdr3", "legacy", "sdss_frames", "ps1", "des", "kids_viking"), "fits_mosaic")


@pytest.fixture(params=sorted(ARCHIVES))
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Source, IngestSettings]:
    """A source and its settings."""
    settings, field = settings_of(request.param, *ARCHIVES[request.param](tmp_path))
    return open_source(settings, field), settings


def test_every_reader_has_an_archive_here() -> None:
    choices = {path.stem for path in (conf_directory() / "ingest").glob("*.yaml")} - {"base"}
    assert choices == set(ARCHIVES) | set(PRESETS)


def test_layout(opened: tuple[Source, IngestSettings]) -> None:
    layout = opened[0].layout
    assert layout.height == layout.width == 64
    assert 0.1 < layout.pixel_scale < 0.5
    assert set(layout.zero_points) == set(layout.bands)
    assert all(np.isfinite(value) for value in layout.zero_points.values())
    assert len(set(layout.bands)) == len(layout.bands) > 0
    assert layout.files
    assert all(path.is_file() for path in layout.files)


def test_table_has_the_columns_that_are_asked_for(opened: tuple[Source, IngestSettings]) -> None:
    source, _ = opened
    names = source.column_names()
    assert len(set(names)) == len(names)
    table = source.table(names)
    assert set(table.columns) <= set(names)
    assert len(table) == 12
    some = names[::2]
    assert set(source.table(some).columns) <= set(some)
    pd.testing.assert_index_equal(table.index, pd.RangeIndex(12), exact=False)


def test_rows_in_any_order_are_the_same_galaxies(opened: tuple[Source, IngestSettings]) -> None:
    source, settings = opened
    wanted = build_catalogue(source, settings)
    catalogue, rows = wanted.catalogue, wanted.archive_rows
    whole = source.read(rows, catalogue)
    assert whole.images.dtype == np.float32
    assert whole.images.shape == (12, len(source.layout.bands), 64, 64)
    assert whole.flags.dtype == np.int64
    assert not np.isinf(whole.images).any()
    order = np.array([7, 0, 11, 3])
    some = source.read(rows[order], catalogue.iloc[order].reset_index(drop=True))
    np.testing.assert_array_equal(some.images, whole.images[order])
    np.testing.assert_array_equal(some.flags, whole.flags[order])


def test_reading_order_is_a_permutation(opened: tuple[Source, IngestSettings]) -> None:
    source, settings = opened
    catalogue = build_catalogue(source, settings).catalogue
    assert sorted(source.reading_order(catalogue)) == list(range(12))


@pytest.mark.parametrize("reader", sorted(ARCHIVES))
def test_store_describes_itself(reader: str, tmp_path: Path) -> None:
    settings, field = settings_of(reader, *ARCHIVES[reader](tmp_path))
    store = ingest(settings, field, tmp_path / "store", Console(quiet=True))
    store.verify()
    header, source = store.header, open_source(settings, field)
    assert (header.data, header.field) == ("real", field.name)
    assert header.bands == source.layout.bands
    assert header.zero_points == source.layout.zero_points
    assert header.provenance["settings"]["name"] == reader
    table = store.catalogue
    assert table["object_id"].is_unique
    assert {"ra", "dec", "z", "z_err", "z_source", "z_quality", "ebv", "flags"} <= set(table.columns)
    assert {f"mag_{b}" for b in header.bands} | {f"missing_{b}" for b in header.bands} <= set(table.columns)
    assert ((table["z_source"] != "") == np.isfinite(table["z"])).all()
    assert pickle.loads(pickle.dumps(settings)) == settings


@pytest.mark.parametrize("reader", sorted({*ARCHIVES, *PRESETS}))
def test_archive_that_is_not_there(reader: str, tmp_path: Path) -> None:
    (tmp_path / "cat.csv").write_text("object_id,ra,dec\n1,2,3\n")
    settings, field = settings_of(reader, f"ingest.path={tmp_path}/nowhere", f"ingest.catalogue={tmp_path}/cat.csv")
    with pytest.raises(InputError, match="nowhere"):
        ingest(settings, field, tmp_path / "store", Console(quiet=True))


@pytest.mark.parametrize("reader", sorted(ARCHIVES))
def test_unknown_option_is_refused(reader: str, tmp_path: Path) -> None:
    settings, field = settings_of(reader, *ARCHIVES[reader](tmp_path), "+ingest.options.nonsense=1")
    with pytest.raises(InputError, match=r"unknown key 'ingest\.options\.nonsense'"):
        ingest(settings, field, tmp_path / "store", Console(quiet=True))


@pytest.mark.parametrize("reader", sorted(ARCHIVES))
def test_rows_add_up(reader: str, tmp_path: Path) -> None:
    names = ["ingest.columns.object_id=null", "ingest.select='isfinite(ra) and object_id != \"5\"'", "ingest.limit=9"]
    if reader in ("fits_stamps", "viewer_cube"):  # its files are found by the ids
        names = ["ingest.select='object_id != \"g5\"'", "ingest.limit=9"]
    settings, field = settings_of(reader, *ARCHIVES[reader](tmp_path), *names)
    store = ingest(settings, field, tmp_path / "store", Console(quiet=True))
    written = json.loads((tmp_path / "store" / "store.json").read_text())["rows"]
    assert written == {"read": 12, "used": 9, "left_out": {"ingest.select": 1, "beyond ingest.limit": 2}}
    assert len(store) == written["used"]
