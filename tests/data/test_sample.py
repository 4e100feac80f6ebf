from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from photoz_lit.data.label_table import relabel
from photoz_lit.data.sample import load_sample, require_on_grid
from photoz_lit.data.store import CutoutStore
from photoz_lit.data.store_writer import write_store
from photoz_lit.errors import InputError
from photoz_lit.fields import load_field
from photoz_lit.tasks.data_source import sample_of
from tests.composed import composed
from tests.conftest import make_store

FIELD = load_field("hsc6b")


def test_bands_are_picked_by_name_not_by_position(store: CutoutStore) -> None:
    sample = load_sample([store], FIELD, 32, ["i", "u"])
    np.testing.assert_allclose(sample.flux([4, 2]), store.images[[4, 2]][:, [3, 0]])


def test_larger_stamps_are_centre_cropped(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s", n=5, size=40)
    sample = load_sample([store], FIELD, 32)
    np.testing.assert_array_equal(sample.flux([0])[0], store.images[0][:, 4:36, 4:36])


def test_smaller_stamps_are_refused(store: CutoutStore) -> None:
    with pytest.raises(InputError, match="32×32 pixels and the network needs 64"):
        load_sample([store], FIELD, 64)


def test_the_same_galaxies_in_other_units_give_the_same_flux(tmp_path: Path, store: CutoutStore) -> None:
    units = {b: 27.0 + 0.3 * k for k, b in enumerate(store.header.bands)}
    factor = np.array([10 ** (0.4 * (units[b] - 27.0)) for b in store.header.bands])[:, None, None]
    header = store.header.model_copy(update={"zero_points": units, "checksums": (), "catalogue_checksum": 0})
    other = write_store(tmp_path / "other", header, store.images * factor, store.catalogue)
    a, b = (load_sample([s], FIELD, 32).flux(np.arange(60)) for s in (store, other))
    np.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-6)


def test_stores_are_joined_on_the_bands_they_share(tmp_path: Path, store: CutoutStore) -> None:
    nine = make_store(tmp_path / "nine", n=30, field="hsc9b", seed=5)
    sample = load_sample([nine, store], FIELD, 32)
    assert sample.bands == ("u", "g", "r", "i", "z", "y")
    assert len(sample) == 90
    np.testing.assert_array_equal(sample.flux([35, 2]), np.stack([store.images[5], nine.images[2][:6]]))
    assert sample.catalogue["object_id"].iloc[35] == "galaxy-0-5"


def test_selection_keeps_pixels_and_rows_together(store: CutoutStore) -> None:
    sample = load_sample([store], FIELD, 32, selection="z > 0.8")
    rows = np.flatnonzero(store.catalogue["z"] > 0.8)
    assert len(sample) == len(rows)
    np.testing.assert_array_equal(sample.flux(np.arange(len(rows))), store.images[rows])


def test_missing_bands_drop_or_blank(tmp_path: Path, store: CutoutStore) -> None:
    table = store.catalogue.assign(missing_g=np.arange(60) % 3 == 0)
    header = store.header.model_copy(update={"checksums": (), "catalogue_checksum": 0})
    holes = write_store(tmp_path / "holes", header, store.images, table)
    dropped = load_sample([holes], FIELD, 32)
    assert (len(dropped), dropped.lacking) == (40, 20)
    assert load_sample([holes], FIELD, 32, selection="z > 0.7").lacking == (table["z"][::3] > 0.7).sum()
    whole = load_sample([holes], FIELD, 32, ["u", "r"])
    assert (len(whole), whole.lacking) == (60, 0)
    blank = load_sample([holes], FIELD, 32, missing_bands="blank")
    assert (len(blank), blank.lacking) == (60, 0)
    flux = blank.flux([0, 1])
    assert (flux[0, 1] == 0).all()
    np.testing.assert_array_equal(flux[0, 0], store.images[0, 0])
    np.testing.assert_array_equal(flux[1], store.images[1])


def test_a_band_that_one_store_lacks_is_blanked_where_asked(tmp_path: Path, store: CutoutStore) -> None:
    nine = make_store(tmp_path / "nine", n=30, field="hsc9b", seed=5)
    sample = load_sample([store, nine], load_field("hsc9b"), 32, ["i", "k"], missing_bands="blank")
    flux = sample.flux([3, 62])
    assert (flux[0, 1] == 0).all()
    np.testing.assert_array_equal(flux[0, 0], store.images[3, 3])
    np.testing.assert_array_equal(flux[1], nine.images[2][[3, 8]])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"bands": ["q"]}, "has no band 'q'"),
        ({"bands": ["u", "u"]}, "names a band twice"),
        ({"selection": "z > 99"}, "no galaxy is left"),
        ({"selection": "zz > 1"}, "zz"),
    ],
)
def test_what_does_not_fit_is_said(store: CutoutStore, options: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        load_sample([store], FIELD, 32, **options)  # type: ignore[arg-type]


def test_a_band_that_the_store_lacks_is_named(store: CutoutStore) -> None:
    with pytest.raises(InputError, match="has no band 'k'; it has u, g, r"):
        load_sample([store], load_field("hsc9b"), 32, ["u", "k"])


def test_another_pixel_scale_is_refused(store: CutoutStore) -> None:
    with pytest.raises(InputError, match=r"0\.168″ pixels and field 'sdss' 0\.396″"):
        load_sample([store], load_field("sdss"), 32)


def test_real_and_simulated_data_are_not_mixed(tmp_path: Path, store: CutoutStore) -> None:
    real = make_store(tmp_path / "real", n=5, seed=3, data="real")
    with pytest.raises(InputError, match="mix real and simulated"):
        load_sample([store, real], FIELD, 32)


def test_labels_off_the_grid_are_named(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s", n=20, field="sdss", z_max=0.9)
    with pytest.raises(InputError, match=r"outside the grid of field 'sdss' \(0 to 0.4\), the first is object_id"):
        require_on_grid(load_sample([store], load_field("sdss"), 32))


def test_what_the_error_advises_keeps_galaxies_without_a_label(tmp_path: Path, store: CutoutStore) -> None:
    table = store.catalogue[["object_id"]].assign(z=0.5)
    table.loc[3, "z"] = 7.5
    table.iloc[:40].to_parquet(tmp_path / "labels.parquet")
    unlabelled = write_store(
        tmp_path / "unlabelled",
        store.header.model_copy(update={"checksums": (), "catalogue_checksum": 0}),
        store.images,
        store.catalogue.assign(z=np.nan),
    )
    given = ["field=hsc6b", f"data.store={unlabelled.path}", f"data.labels={tmp_path / 'labels.parquet'}"]
    with pytest.raises(InputError, match=r'data.select="not \(z > 6\)"'):
        sample_of(composed(*given))
    sample = sample_of(composed(*given, 'data.select="not (z > 6)"'))
    assert (len(sample), sample.labelled.sum()) == (59, 39)
    assert len(sample_of(composed(*given, 'data.select="z <= 6"'))) == 39


def test_an_id_of_two_places_is_not_labelled(tmp_path: Path, store: CutoutStore) -> None:
    header = store.header.model_copy(update={"checksums": (), "catalogue_checksum": 0})
    elsewhere = write_store(tmp_path / "b", header, store.images, store.catalogue.assign(ra=store.catalogue["ra"] + 5))
    store.catalogue[["object_id", "z"]].iloc[[7]].to_parquet(tmp_path / "labels.parquet")
    assert relabel(load_sample([store, store], FIELD, 32), str(tmp_path / "labels.parquet")).labelled.sum() == 2
    with pytest.raises(InputError, match="object_id galaxy-0-7 stands for galaxies at different places"):
        relabel(load_sample([store, elsewhere], FIELD, 32), str(tmp_path / "labels.parquet"))


def test_label_table_replaces_labels_by_object_id(tmp_path: Path, store: CutoutStore) -> None:
    table = pd.DataFrame(
        {"object_id": ["galaxy-0-3", "galaxy-0-1"], "z": [0.33, 0.11], "z_source": ["grism", "spec"], "weight": [2, 1]}
    )
    table.to_parquet(tmp_path / "labels.parquet")
    sample = relabel(load_sample([store], FIELD, 32), str(tmp_path / "labels.parquet"))
    assert sample.labelled.sum() == 2
    assert sample.catalogue["z"].iloc[[1, 3]].tolist() == [0.11, 0.33]
    assert sample.catalogue["z_source"].iloc[[0, 3]].tolist() == ["", "grism"]
    assert sample.catalogue["weight"].iloc[[0, 3]].tolist() == [0.0, 2.0]
    np.testing.assert_array_equal(sample.flux([3]), store.images[[3]])


def test_label_table_with_masked_values_as_astropy_prints_them(tmp_path: Path, store: CutoutStore) -> None:
    (tmp_path / "labels.csv").write_text("object_id,z,weight\ngalaxy-0-3,0.33,2\ngalaxy-0-1,--,--\ngalaxy-0-5,N/A,1\n")
    sample = relabel(load_sample([store], FIELD, 32), str(tmp_path / "labels.csv"))
    assert np.flatnonzero(sample.labelled).tolist() == [3]
    assert sample.catalogue["z"].iloc[3] == 0.33
    assert sample.catalogue["weight"].iloc[[1, 3, 5]].tolist() == [0.0, 2.0, 1.0]
    (tmp_path / "wrong.csv").write_text("object_id,z\ngalaxy-0-3,about one\n")
    with pytest.raises(InputError, match="row 0 is 'about one', not a number"):
        relabel(load_sample([store], FIELD, 32), str(tmp_path / "wrong.csv"))


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"object_id": ["a"], "z": [0.1]}, "shares no object_id"),
        ({"object_id": ["galaxy-0-1"] * 2, "z": [0.1, 0.2]}, "names object_id galaxy-0-1 twice"),
        ({"object_id": ["galaxy-0-1"], "redshift": [0.1]}, "has no column 'z'"),
    ],
)
def test_bad_label_tables(tmp_path: Path, store: CutoutStore, table: dict[str, list[object]], sentence: str) -> None:
    pd.DataFrame(table).to_parquet(tmp_path / "labels.parquet")
    with pytest.raises(InputError, match=sentence):
        relabel(load_sample([store], FIELD, 32), str(tmp_path / "labels.parquet"))
