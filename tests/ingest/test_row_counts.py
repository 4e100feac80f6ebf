"""No row of a catalogue vanishes without a word: rows read are galaxies of the store and rows left out, by reason."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from photoz_lit.data.store import CutoutStore, open_store
from photoz_lit.errors import InputError
from photoz_lit.ingest.archive import ingest
from photoz_lit.tasks.ingest import print_store
from tests.ingest.archives import positions_table, settings_of, stamps, write_sdss
from tests.ingest.skies import megacam_header, paint, tan_wcs, write_plain

QUIET = Console(quiet=True)


def ingested(tmp: Path, reader: str, *overrides: str) -> CutoutStore:
    settings, field = settings_of(reader, *overrides)
    return ingest(settings, field, tmp / "store", QUIET)


def rows_of(store: CutoutStore) -> dict[str, object]:
    assert store.header.rows is not None
    assert store.header.rows.used == len(store) == len(open_store(store.path))
    return store.header.rows.content()


def mosaic(tmp: Path) -> list[str]:
    """A mosaic of 74 arcsec and a hundred galaxies 14.4 arcsec apart: 5 x 5 lie on it, 3 x 3 far inside."""
    wcs = tan_wcs(0.186, (400, 400))
    offset = np.arange(10) - 5
    ra = 150.1 + np.tile(offset, 10) * 0.004 / np.cos(np.deg2rad(2.2))
    dec = 2.2 + np.repeat(offset, 10) * 0.004
    (tmp / "images").mkdir()
    write_plain(tmp / "images" / "i.fits", paint(wcs, (400, 400), ra, dec, 100.0), megacam_header(wcs))
    positions_table(tmp / "cat.csv", ra, dec, z=0.5, mag_i=np.where(np.arange(100) == 55, 30.0, 22.0))
    return [f"ingest.path={tmp}/images", f"ingest.catalogue={tmp}/cat.csv", "ingest.bands=[i]", "ingest.stamp_size=64"]


def test_galaxies_outside_the_images_are_counted(tmp_path: Path) -> None:
    store = ingested(tmp_path, "fits_mosaic", *mosaic(tmp_path), 'ingest.select="mag_i < 25"')
    assert rows_of(store) == {"read": 100, "used": 24, "left_out": {"ingest.select": 1, "outside the images": 75}}
    text = io.StringIO()
    print_store(Console(file=text, width=200), store, 1.0)
    assert "100 rows read, 24 used; left out: 1 ingest.select, 75 outside the images\n" in text.getvalue()


def test_incomplete_stamps_that_are_dropped_are_counted(tmp_path: Path) -> None:
    store = ingested(tmp_path, "fits_mosaic", *mosaic(tmp_path), "ingest.flagged=drop", "ingest.stamp_size=128")
    assert rows_of(store) == {"read": 100, "used": 9, "left_out": {"outside the images": 75, "incomplete stamp": 16}}


@pytest.mark.parametrize("names", [["0007", "0042", "0777", "1234"], ["7", "42", "777", "1234"]])
def test_stamps_are_found_by_their_ids_and_the_others_counted(names: list[str], tmp_path: Path) -> None:
    ra, dec = 150.1 + 0.004 * np.arange(5), np.full(5, 2.2)
    (tmp_path / "stamps").mkdir()
    for k, name in enumerate(names):
        wcs = tan_wcs(0.186, (80, 80), ra=ra[k], dec=dec[k])
        path = tmp_path / "stamps" / f"{name}_i.fits"
        write_plain(path, paint(wcs, (80, 80), ra[k : k + 1], dec[k : k + 1], 100.0), megacam_header(wcs))
    table = pd.DataFrame({"object_id": [*names, "0815"], "ra": ra, "dec": dec, "z": 0.5})
    table.to_parquet(tmp_path / "cat.parquet")
    catalogue = f"ingest.catalogue={tmp_path}/cat.parquet"
    store = ingested(
        tmp_path, "fits_stamps", f"ingest.path={tmp_path}/stamps", catalogue, "ingest.bands=[i]", "ingest.stamp_size=64"
    )
    assert rows_of(store) == {"read": 5, "used": 4, "left_out": {"no stamp file": 1}}
    assert store.catalogue["object_id"].to_list() == names


def sdss(tmp: Path, **labels: object) -> list[str]:
    """Twenty galaxies of SDSS; the redshifts of a second table go to some of them."""
    cube = np.ascontiguousarray(np.moveaxis(stamps(20, 5, 16), 1, -1))
    members = write_sdss(tmp / "sdss.npz", cube=cube)
    table = pd.DataFrame({"name": members["labels"]["specObjID"].astype(str)[:12], "zs": 0.2, **labels})
    pd.concat([table, table.iloc[:3].assign(name=["x", "y", "z"])]).to_parquet(tmp / "z.parquet")
    join = f"{{path: {tmp}/z.parquet, columns: {{object_id: name, z: zs}}}}"
    return [f"ingest.path={tmp}/sdss.npz", f"ingest.join={join}"]


def test_a_joined_catalogue_is_counted_too(tmp_path: Path) -> None:
    store = ingested(tmp_path, "sdss_npz", *sdss(tmp_path))
    assert rows_of(store) == {"read": 20, "used": 20, "left_out": {}}
    joined = {"read": 15, "used": 12, "left_out": {"without a galaxy of the archive": 3}}
    assert {name: count.content() for name, count in store.header.rows_of.items()} == {"ingest.join": joined}
    text = io.StringIO()
    print_store(Console(file=text, width=200), store, 1.0)
    assert "20 rows read, 20 used\ningest.join: 15 rows read, 12 used; left out: 3 without a gal" in text.getvalue()


def test_galaxies_without_a_match_are_counted_where_they_are_dropped(tmp_path: Path) -> None:
    drop = [*sdss(tmp_path), "ingest.join.unmatched=drop", 'ingest.select="dec > 10.5 or ra < 180.105"']
    store = ingested(tmp_path, "sdss_npz", *drop)
    left_out = {"without a match in ingest.join": 8, "ingest.select": 1}
    assert rows_of(store) == {"read": 20, "used": 11, "left_out": left_out}


def test_a_join_on_the_sky_counts_rows_without_a_position(tmp_path: Path) -> None:
    cube = np.ascontiguousarray(np.moveaxis(stamps(20, 5, 16), 1, -1))
    labels = write_sdss(tmp_path / "sdss.npz", cube=cube)["labels"]
    ra, dec = labels["ra"].astype(float)[:6], labels["dec"].astype(float)[:6]
    ra[5], dec[4] = np.nan, 45.0
    pd.DataFrame({"alpha": ra, "delta": dec, "zs": 0.2}).to_parquet(tmp_path / "z.parquet")
    join = f"{{path: {tmp_path}/z.parquet, by: sky, columns: {{ra: alpha, dec: delta, z: zs}}}}"
    store = ingested(tmp_path, "sdss_npz", f"ingest.path={tmp_path}/sdss.npz", f"ingest.join={join}")
    left_out = {"without a position": 1, "without a galaxy of the archive": 1}
    assert store.header.rows_of["ingest.join"].content() == {"read": 6, "used": 4, "left_out": left_out}


def codes(tmp: Path) -> list[str]:
    """Two hundred galaxies, of which ten have z = 9.99 and eight −1."""
    cube = np.ascontiguousarray(np.moveaxis(stamps(200, 5, 8), 1, -1))
    members = write_sdss(tmp / "sdss.npz", 200, cube=cube)
    members["labels"]["z"][:10], members["labels"]["z"][10:18] = 9.99, -1.0
    np.savez(tmp / "sdss.npz", **members)
    return [f"ingest.path={tmp}/sdss.npz"]


def test_codes_among_redshifts_are_refused_until_the_user_says_what_they_are(tmp_path: Path) -> None:
    archive = codes(tmp_path)
    with pytest.raises(InputError) as raised:
        ingested(tmp_path, "sdss_npz", *archive)
    assert "-1 in 8 of 200 rows and 9.99 in 10 of 200 rows" in str(raised.value)
    assert not (tmp_path / "store").exists()
    typed = str(raised.value).split("type '")[1].split("'")[0]
    assert typed == "ingest.missing=[-1,9.99]"
    store = ingested(tmp_path, "sdss_npz", *archive, typed)
    assert np.isfinite(store.catalogue["z"]).sum() == 182
    assert (store.catalogue["z_source"] == "").sum() == 18


def test_redshifts_that_are_allowed_stay(tmp_path: Path) -> None:
    store = ingested(tmp_path, "sdss_npz", *codes(tmp_path), "ingest.missing=[-1]", "ingest.allow=[9.99]")
    assert (np.abs(store.catalogue["z"] - 9.99) < 1e-6).sum() == 10
    assert np.isfinite(store.catalogue["z"]).sum() == 192


def test_a_selection_may_leave_codes_out(tmp_path: Path) -> None:
    store = ingested(tmp_path, "sdss_npz", *codes(tmp_path), 'ingest.select="0 < z < 9"')
    assert rows_of(store) == {"read": 200, "used": 182, "left_out": {"ingest.select": 18}}


def test_codes_of_a_joined_catalogue_never_replace_a_redshift(tmp_path: Path) -> None:
    zs = np.where(np.arange(12) % 3 == 0, 9.99, 0.2)
    archive = sdss(tmp_path, zs=zs)
    with pytest.raises(InputError, match=r"9\.99 in 4 of 20 rows"):
        ingested(tmp_path, "sdss_npz", *archive)
    store = ingested(tmp_path, "sdss_npz", *archive, "ingest.missing=[9.99]")
    assert (store.catalogue["z"] == 0.2).sum() == 8
    assert np.isfinite(store.catalogue["z"]).all()
