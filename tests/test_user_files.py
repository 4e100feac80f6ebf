"""Files as users have them, through the command line: each of ``../shared/cases`` comes out with its right value."""

from __future__ import annotations

import json
import runpy
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from photoz_lit.__main__ import main
from photoz_lit.data.store import CutoutStore, open_store
from photoz_lit.errors import InputError
from photoz_lit.labels.cosmos2020 import cosmos2020_labels
from photoz_lit.tables.reading import read_table

MOSAIC = ("task=ingest", "ingest=fits_mosaic", "field=hsc6b", "ingest.stamp_size=32", "ingest.bands=[r]")


@pytest.fixture(scope="session")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    script = Path(__file__).parents[2] / "shared" / "cases" / "make_cases.py"
    if not script.is_file():
        pytest.skip("needs ../shared/cases")
    folder = tmp_path_factory.mktemp("cases")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the script that makes headers as old as users'
        for case in runpy.run_path(str(script))["CASES"]:
            (folder / case.__name__).mkdir()
            case(folder / case.__name__)
    return folder


@pytest.fixture
def ingested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Ingest with some arguments and return the store, or the sentence of the refusal."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> CutoutStore | str:
        capsys.readouterr()
        store = tmp_path / f"store{len(list(tmp_path.iterdir()))}"
        code = 0
        try:
            main([*arguments, f"store={store}"])
        except SystemExit as stop:
            code = stop.code
        if code == 0:
            return open_store(store)
        assert code == 2
        assert not store.exists()
        return " ".join(capsys.readouterr().err.split())

    return run


def images(case: Path, folder: str = "im", catalogue: str = "cat.csv") -> tuple[str, ...]:
    return (*MOSAIC, f"ingest.path={case / folder}", f"ingest.catalogue={case / catalogue}")


def total(store: CutoutStore, row: int = 0, radius: float = 12.0) -> float:
    """AB magnitude of all light within a radius [pixel] of a stamp's centre, above the median."""
    image = np.asarray(store.images[row, 0], float)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]] - (image.shape[0] - 1) / 2
    flux = float(np.nansum((image - np.nanmedian(image))[np.hypot(x, y) < radius]))
    return next(iter(store.header.zero_points.values())) - 2.5 * np.log10(flux)


def offset(image: NDArray[Any]) -> tuple[float, float]:
    """Light-weighted place from the centre of a stamp [pixel]."""
    light = np.clip(np.asarray(image, float) - 10.0, 0, None)
    y, x = np.mgrid[: light.shape[0], : light.shape[1]] - (light.shape[0] - 1) / 2
    return float((light * x).sum() / light.sum()), float((light * y).sum() / light.sum())


def test_a_vega_zero_point_of_a_known_survey_is_converted(cases: Path, ingested: Any) -> None:
    store = ingested(*images(cases / "vega"), "ingest.bands=[k]")
    assert store.header.zero_points == {"k": pytest.approx(19.9 + 1.85, abs=1e-6)}


def test_declination_may_come_first(cases: Path, ingested: Any) -> None:
    store = ingested(*images(cases / "declination_first"))
    assert np.hypot(*offset(store.images[0, 0])) < 0.05  # the noise of the centroid; the geometry has its own test


def test_kept_pixels_beside_bad_ones_are_those_of_the_clean_image(cases: Path, ingested: Any) -> None:
    clean, bad = (ingested(*images(cases / "bad_pixels", folder)) for folder in ("clean", "im"))
    a, b = (np.asarray(store.images[0, 0], float) for store in (clean, bad))
    kept = np.isfinite(b)
    assert 0.85 < kept.mean() < 1
    assert np.abs(a - b)[kept].max() < 5
    assert bad.catalogue["flags"].iloc[0] != 0


def test_an_element_of_a_vector_column_is_named(cases: Path, ingested: Any) -> None:
    columns = [f"ingest.columns.{k}={v}" for k, v in {"object_id": "OBJID", "ra": "RA", "dec": "DEC"}.items()]
    arguments = (*images(cases / "vector_columns", catalogue="cat.fits"), *columns)
    store = ingested(*arguments, "ingest.columns.mag_r=PSFFLUX_2")
    assert store.catalogue["mag_r"].tolist() == [pytest.approx(22.5 - 2.5 * np.log10(15), abs=1e-3)]
    assert store.catalogue["object_id"].tolist() == ["1237648720693755918"]
    refused = ingested(*arguments, "ingest.columns.mag_r=PSFFLUX")
    assert "PSFFLUX_" in refused


@pytest.mark.parametrize("name", ["skyserver.csv", "comment_lines.csv", "semicolon.csv", "vizier.tsv"])
def test_text_tables_of_every_kind_are_read(cases: Path, name: str) -> None:
    table = read_table(cases / "csv_kinds" / name)
    assert [str(value) for value in table["objid"]] == ["1237648720693755918"]
    assert float(table["ra"].iloc[0]) == pytest.approx(146.714)
    assert float(table["mag_r"].iloc[0]) == pytest.approx(17.2)


def test_sexagesimal_right_ascension_is_in_hours_and_ids_keep_their_zeros(cases: Path, ingested: Any) -> None:
    image = ("ingest.columns.object_id=objid", "ingest.path=" + str(cases / "declination_first" / "im"))
    refused = ingested(*MOSAIC, *image, f"ingest.catalogue={cases / 'csv_kinds' / 'sexagesimal.csv'}")
    assert "150.119" in refused or "none" in refused  # far from the image, which lies at RA 20
    ids = read_table(cases / "csv_kinds" / "leading_zeros.csv")["objid"]
    assert [str(value) for value in ids] == ["000123", "0045"]


@pytest.mark.parametrize(
    ("name", "magnitude"),
    [
        *(("nanomaggies", 19.56), ("nMgy", 19.56), ("NANOMAGGIES", 19.56), ("microJy", 20.96), ("muJy", 20.96)),
        *(("ct", None), ("adu", None), ("electron_per_s", None)),
    ],
)
def test_a_stated_unit_is_obeyed_or_refused(cases: Path, ingested: Any, name: str, magnitude: float | None) -> None:
    where = (
        "ingest.columns.ra={value: 150.0}",
        "ingest.columns.dec={value: 2.0}",
        "ingest.columns.mag_r=F",
        f"ingest.path={cases / 'bad_pixels' / 'clean'}",
        f"ingest.catalogue={cases / 'flux_units' / name}.fits",
    )
    found = ingested(*MOSAIC, *where)
    if magnitude is None:
        assert "unit" in found
        assert "'F'" in found
    else:
        assert found.catalogue["mag_r"].iloc[0] == pytest.approx(magnitude, abs=0.005)


def test_asinh_pixels_are_linearised(cases: Path, ingested: Any) -> None:
    store = ingested(*images(cases / "asinh_pixels"))
    assert store.header.zero_points["r"] == pytest.approx(25 + 2.5 * np.log10(900))
    measured = {name: total(store, row) for row, name in enumerate(store.catalogue["object_id"])}
    assert measured["m17"] == pytest.approx(17.0, abs=0.02)
    assert measured["m20"] == pytest.approx(20.0, abs=0.05)
    assert measured["m22"] == pytest.approx(22.0, abs=0.4)


def test_each_survey_of_the_multimodal_universe_has_its_own_zero_point_and_mask(cases: Path, ingested: Any) -> None:
    store = ingested("task=ingest", "ingest=mmu", "field=hsc6b", f"ingest.path={cases / 'mmu_legacy'}")
    assert store.header.bands == ("g", "r", "i", "z")
    assert set(store.header.zero_points.values()) == {22.5}
    flux = 10 ** np.random.default_rng(0).uniform(1, 2.5, 12)
    np.testing.assert_allclose(store.catalogue["mag_r"], 22.5 - 2.5 * np.log10(flux), atol=1e-3)
    middle = np.asarray(store.images[0, 0], float)[tuple(slice(s // 2 - 2, s // 2 + 2) for s in store.images.shape[2:])]
    assert np.isnan(middle).all()
    assert store.catalogue["flags"].iloc[0] != 0
    assert (store.catalogue["flags"].iloc[1:] == 0).all()


def test_what_a_refusal_says_to_type_works_as_it_is_printed(cases: Path, ingested: Any) -> None:
    refused = ingested(*images(cases / "advice"))
    advice = next(word for word in refused.split() if word.startswith("ingest.zero_points.r="))
    assert ingested(*images(cases / "advice"), advice).header.zero_points == {"r": 27.0}


def test_rows_that_do_not_arrive_are_counted_and_an_absent_column_is_refused(cases: Path, ingested: Any) -> None:
    case = cases / "silent_loss"
    stamps = ("ingest=fits_stamps", f"ingest.path={case / 'stamps'}", f"ingest.catalogue={case / 'stamps.csv'}")
    assert sorted(ingested(*MOSAIC, *stamps).catalogue["object_id"])[0] == "0007"
    store = ingested(*images(case, "mosaic", "mosaic.csv"))
    rows = json.loads((store.path / "store.json").read_text())["rows"]
    assert rows == {"read": 100, "used": 25, "left_out": {"outside the images": 75}}
    for override in ("++ingest.columns.z={column: ZBSET}", "ingest.columns.z=ZBSET"):
        assert "ZBEST" in ingested(*images(case, "mosaic", "mosaic.csv"), override)


def test_dashes_are_missing_values(cases: Path) -> None:
    from photoz_lit.tables.no_value import numbers

    table = read_table(cases / "dashes" / "reference.csv")
    values = numbers(table["mag_i"].to_numpy(), "mag_i")
    assert np.isnan(values[-1])
    assert np.isfinite(values[:-1]).all()


def test_a_group_of_hdf5_and_the_table_with_the_objects_are_found(cases: Path) -> None:
    grouped = read_table(cases / "grouped_hdf5" / "training.hdf5")
    assert len(grouped) == 200
    assert {"id", "redshift", "mag_i_lsst"} <= set(grouped.columns)
    for name in ("ldac.fits", "sextractor.cat"):
        table = read_table(cases / "several_tables" / name)
        assert table["ALPHA_J2000"].tolist() == pytest.approx([150.0, 150.001])
    joined = read_table(cases / "several_tables" / "redrock.fits")
    assert {"Z", "TARGET_RA"} <= set(joined.columns)
    assert [str(value) for value in joined["TARGETID"]] == ["39627652591521181", "39627652591521182"]


def test_two_images_of_one_band_are_refused_by_name(cases: Path, ingested: Any) -> None:
    refused = ingested(*images(cases / "other_planes"), "ingest.options.images=*-{band}.fits")
    assert "chi2" in refused
    assert "image-r.fits" in refused
    assert ingested(*images(cases / "other_planes"), "ingest.options.images=*-image-{band}.fits").images.shape[0] == 1


@pytest.mark.parametrize("name", ["healpix=1", "my (copy)", "field[1]", "d'or", "été"])
def test_folders_of_any_name_are_read_as_a_shell_gives_them(cases: Path, ingested: Any, name: str) -> None:
    assert ingested(*images(cases / "equals_in_path", name)).images.shape == (1, 1, 32, 32)


def test_cubes_of_the_legacy_survey_viewer_are_read(cases: Path, ingested: Any) -> None:
    case = cases / "viewer_cube"
    cubes = ("task=ingest", "ingest=viewer_cube", "field=hsc6b", f"ingest.path={case / 'im'}")
    store = ingested(*cubes, f"ingest.catalogue={case / 'cat.csv'}")
    assert store.header.bands == ("g", "r", "z")
    assert set(store.header.zero_points.values()) == {22.5}
    assert store.header.pixel_scale == pytest.approx(0.262, abs=1e-4)
    peaks = np.asarray(store.images[0], float).max(axis=(1, 2))
    np.testing.assert_allclose(peaks, [100, 200, 300], rtol=0.05)


def test_both_files_of_cosmos2020_give_magnitudes(cases: Path) -> None:
    case = cases / "cosmos_classic"
    table = cosmos2020_labels(case / "CLASSIC.parquet", case / "FARMER.parquet").table
    assert table["mag_i"].between(20, 26).all()


def test_own_arrays_need_bands_scale_and_zero_points(cases: Path, ingested: Any) -> None:
    case = cases / "arrays"
    own = ("task=ingest", "ingest=arrays", "field=cfhtls", f"ingest.path={case / 'images.npy'}")
    own = (*own, f"ingest.catalogue={case / 'cat.csv'}")
    assert "ingest.bands=[" in ingested(*own)
    own = (*own, "ingest.bands=[u,g,r,i,z]")
    assert "ingest.pixel_scale=" in ingested(*own)
    assert "ingest.zero_points={u: 27, g: 27, r: 27, i: 27, z: 27}" in ingested(*own, "ingest.pixel_scale=0.187")
    store = ingested(
        *own, "ingest.pixel_scale=0.187", *(f"ingest.zero_points.{band}=30" for band in "ugriz"), "ingest.stamp_size=48"
    )
    np.testing.assert_allclose(store.images, np.load(case / "images.npy"), rtol=1e-3, atol=1e-7)  # half precision


def test_a_wrong_table_is_one_sentence(cases: Path) -> None:
    with pytest.raises(InputError):
        read_table(cases / "bad_pixels" / "im" / "r.fits")
