"""Real catalogues: mapping, cleaning and one sentence for each fault."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.units import UnitsWarning

from photoz_lit.errors import InputError
from photoz_lit.fields import Field, load_field
from photoz_lit.simulation.catalogue import read_catalogue
from photoz_lit.simulation.identity import dumped
from photoz_lit.simulation.settings import CatalogueMapping
from photoz_lit.tables.reading import read_table
from tests.simulation.conftest import mapping_of, shared_data


@pytest.fixture
def mapping() -> CatalogueMapping:
    return CatalogueMapping(
        name="toy",
        object_id="name",
        columns={"z": "zspec", "mag_g": "g", "mag_r": "r", "mag_i": "i"},
        missing=(-99.0, 99.9),
        missing_magnitudes=(0.0,),
        ranges={"quality": ((3.1, 3.5), (4.1, 4.5)), "zspec": ((0.002, 10.0),)},
    )


@pytest.fixture
def table() -> pd.DataFrame:
    n = 8
    return pd.DataFrame(
        {
            "name": [f"a{i}" for i in range(n)],
            "zspec": [0.5, 0.3, 0.001, 0.8, 0.4, 0.6, 0.7, 0.9],
            "quality": [3.5, 4.1, 4.5, 13.5, 3.0, 4.5, 3.1, 4.5],
            "g": [22.0, 21.0, 20.0, 21.5, 22.0, -99.0, 22.2, 21.9],
            "r": [21.0, 20.0, 19.0, 21.0, 21.0, 21.0, 21.0, 0.0],
            "i": [20.5, 19.5, 18.0, 20.0, 20.0, 20.0, 20.0, 20.0],
        }
    )


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet", ".fits", ".ecsv"])
def test_every_format_gives_the_same_rows(
    suffix: str, table: pd.DataFrame, mapping: CatalogueMapping, field: Field, tmp_path: Path
) -> None:
    path = tmp_path / f"toy{suffix}"
    if suffix.startswith(".csv"):
        table.to_csv(path, index=False)
    elif suffix == ".parquet":
        table.to_parquet(path)
    else:
        Table.from_pandas(table).write(path)
    catalogue, dropped = read_catalogue(path, mapping, field)
    assert catalogue["object_id"].tolist() == ["a0", "a1", "a6"]
    assert catalogue["mag_i"].tolist() == [20.5, 19.5, 20.0]
    assert dropped.left_out == {
        "quality outside its range": 2,
        "zspec outside its range": 1,
        "no valid mag_g": 1,
        "no valid mag_r": 1,
    }


def wrong(table: pd.DataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "toy.csv"
    table.to_csv(path, index=False)
    return path


def test_incomplete_rows_are_named_where_refused(
    table: pd.DataFrame, mapping: CatalogueMapping, field: Field, tmp_path: Path
) -> None:
    strict = mapping.model_copy(update={"incomplete": "refuse"})
    with pytest.raises(InputError, match=r"1 rows have no valid mag_g \('g'\), the first is row 5"):
        read_catalogue(wrong(table, tmp_path), strict, field)


def test_nan_magnitudes_are_dropped(
    table: pd.DataFrame, mapping: CatalogueMapping, field: Field, tmp_path: Path
) -> None:
    table.loc[0, "i"] = np.nan
    assert read_catalogue(wrong(table, tmp_path), mapping, field)[1].left_out["no valid mag_i"] == 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"columns": {"z": "zspec", "mag_g": "g", "mag_r": "r", "mag_i": "ii"}}, "no column 'ii'; did you mean 'i'"),
        ({"columns": {"z": "zspec", "mag_g": "g", "mag_r": "r"}}, "no magnitude for band 'i' of field 'hsc6b'"),
        ({"columns": {"mag_g": "g", "mag_r": "r", "mag_i": "i"}}, "no column for 'z'"),
        ({"object_id": "quality"}, "'quality' is not unique"),
        ({"ranges": {"zspec": ((8.0, 9.0),)}}, "no row is left after the cuts"),
        ({"ranges": {"flag": ((0.0, 0.0),)}}, "no column 'flag'"),
        ({"ranges": {}, "missing": (99.9,)}, "1 values of 'g' are no magnitudes .object a5 has -99"),
        ({"columns": {"z": "zspec", "mag_g": "g", "mag_r": "r", "mag_i": "name"}}, "column 'name' is not a number"),
    ],
)
def test_wrong_mapping_is_one_sentence(
    change: dict[str, object],
    sentence: str,
    table: pd.DataFrame,
    mapping: CatalogueMapping,
    field: Field,
    tmp_path: Path,
) -> None:
    with pytest.raises(InputError, match=sentence):
        read_catalogue(wrong(table, tmp_path), mapping.model_copy(update=change), field)


def test_redshift_outside_the_grid_is_refused(
    table: pd.DataFrame, mapping: CatalogueMapping, field: Field, tmp_path: Path
) -> None:
    table.loc[0, "zspec"] = 7.5
    with pytest.raises(
        InputError, match=r"1 redshifts lie outside the grid 0 to 6 of field .hsc6b. \(object a0 has z = 7.5\)"
    ):
        read_catalogue(wrong(table, tmp_path), mapping, field)


def test_units_text_and_tables_are_read_as_everywhere(
    table: pd.DataFrame, mapping: CatalogueMapping, field: Field, tmp_path: Path
) -> None:
    """Fluxes in nanomaggies, a printed masked value, ids with zeros, and the objects in one of two tables."""
    flux = Table.from_pandas(table.assign(i=10 ** (-0.4 * (table["i"] - 22.5)), name=[f"00{k}" for k in range(8)]))
    flux["i"].unit = "nanomaggies"
    text = np.array(["21.0"] * 8, object)
    text[1] = "--"
    flux["r"] = text.astype(str)
    notes = fits.BinTableHDU(Table({"note": np.arange(3)}), name="NOTES")
    with pytest.warns(UnitsWarning, match="nanomaggies"):  # astropy, which writes the unit as it is
        hdus = fits.HDUList([fits.PrimaryHDU(), notes, fits.BinTableHDU(flux, name="OBJECTS")])
    hdus.writeto(tmp_path / "toy.fits")
    with pytest.raises(InputError, match=r"1 \(NOTES, 3 rows\), 2 \(OBJECTS, 8 rows\); .* simulation\.table=2"):
        read_catalogue(tmp_path / "toy.fits", mapping, field)
    catalogue, _ = read_catalogue(tmp_path / "toy.fits", mapping, field, "OBJECTS")
    assert catalogue["object_id"].to_list() == ["000", "006", "007"]
    np.testing.assert_allclose(catalogue["mag_i"], 20.0 + 0.5 * (catalogue["object_id"] == "000"), atol=1e-6)
    np.testing.assert_allclose(catalogue["mag_r"], 21.0)


def test_file_faults_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.csv is not there"):
        read_table(tmp_path / "nothing.csv")
    (tmp_path / "table.xlsx").write_text("x")
    with pytest.raises(InputError, match=r"unknown kind '\.xlsx'"):
        read_table(tmp_path / "table.xlsx")
    (tmp_path / "table.parquet").write_text("no parquet")
    with pytest.raises(InputError, match="cannot be read"):
        read_table(tmp_path / "table.parquet")


def test_zcosmos_has_11034_secure_galaxies() -> None:
    catalogue, _ = read_catalogue(shared_data("zcosmos_bright20k.csv.gz"), mapping_of("zcosmos"), load_field("zcosmos"))
    assert len(catalogue) == 11034
    assert catalogue["object_id"].is_unique
    assert catalogue["z"].min() > 0.002
    assert catalogue["z_source"].unique().tolist() == ["spec"]


def test_sdss_rows_that_leave_are_counted() -> None:
    path = shared_data("sdss_galaxies.csv.gz")
    catalogue, dropped = read_catalogue(path, mapping_of("sdss_gz"), load_field("sdss"))
    table = read_table(path)
    bright = (table["mag_r"] >= 10) & (table["mag_r"] <= 17.8)
    assert dropped.left_out["redshift outside its range"] == int((~table["redshift"].between(0, 0.4)).sum())
    assert len(catalogue) == dropped.used == 5000 - sum(dropped.left_out.values())
    assert len(catalogue) <= int(bright.sum())
    assert catalogue["object_id"].is_unique
    assert catalogue["radius_disk"].notna().mean() > 0.99


def repeated(n: int, code: float, tmp_path: Path) -> Path:
    """A table of n rows, ten of which have the code as redshift."""
    z = np.random.default_rng(0).uniform(0.1, 3.0, n)
    z[:10] = code
    magnitudes = {band: np.full(n, 20.0) for band in "gri"}
    names = [f"a{k}" for k in range(n)]
    return wrong(pd.DataFrame({"name": names, "zspec": z, "quality": 3.2, **magnitudes}), tmp_path)


@pytest.mark.parametrize("code", [0.5, 5.999, 9.99])
def test_a_code_among_redshifts_is_refused_until_the_user_says_what_it_is(
    code: float, mapping: CatalogueMapping, field: Field, tmp_path: Path
) -> None:
    path = repeated(300, code, tmp_path)
    typed = rf"{code} in 10 of 300 rows.*'simulation\.mapping\.missing=\[-99,99\.9,{code}\]'"
    with pytest.raises(InputError, match=typed):
        read_catalogue(path, mapping, field)
    catalogue, rows = read_catalogue(path, mapping.model_copy(update={"missing": (code,)}), field)
    assert (len(catalogue), rows.left_out) == (290, {"no valid z": 10})
    if code < 6:
        assert len(read_catalogue(path, mapping.model_copy(update={"allow": (code,)}), field)[0]) == 300


def test_what_is_left_empty_shapes_no_simulation(mapping: CatalogueMapping) -> None:
    assert "allow" not in dumped(mapping, set())
    assert dumped(mapping.model_copy(update={"allow": (0.5,)}), set())["allow"] == [0.5]
