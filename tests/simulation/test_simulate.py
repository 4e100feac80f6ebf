"""Whole simulations: the same bytes from any number of processes, resuming, caching, real catalogues, bad input."""

from __future__ import annotations

import json
import shutil
from collections import namedtuple
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from photoz_lit.data.store import open_store
from photoz_lit.data.store_writer import StoreWriter
from photoz_lit.errors import InputError
from photoz_lit.fields import Field
from photoz_lit.simulation import identity
from photoz_lit.simulation.identity import simulation_hash
from photoz_lit.simulation.settings import CatalogueMapping, SimulationSettings
from photoz_lit.simulation.simulate import cached_store, simulate_catalogue, simulate_store, write_catalogue
from photoz_lit.simulation.survey_window import survey_window
from tests.simulation.conftest import settings_of


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    n = 30
    table = pd.DataFrame({"zspec": rng.uniform(0.1, 1.0, n), "i": rng.uniform(19, 22, n)})
    table["r"] = table["i"] + 0.5
    table["g"] = table["i"] + rng.uniform(0.8, 2.5, n)
    table["size"] = np.where(np.arange(n) % 2, 1.1, -99.0)
    path = tmp_path / "real.csv"
    table.to_csv(path, index=False)
    return path


def real_settings(path: Path, **changes: object) -> SimulationSettings:
    columns = {"z": "zspec", "mag_g": "g", "mag_r": "r", "mag_i": "i", "radius_disk": "size"}
    mapping = CatalogueMapping(name="toy", columns=columns, missing=(-99.0,))
    return settings_of(catalogue=path, mapping=mapping.model_dump(), n_galaxies=None, **changes)


def test_store_is_complete_and_marked(field: Field, tmp_path: Path) -> None:
    store = simulate_store(field, settings_of(), 1, tmp_path / "store")
    store.verify()
    assert store.header.data == "simulated"
    assert store.images.shape == (40, 3, 32, 32)
    assert store.header.zero_points == {"g": 27.0, "r": 27.0, "i": 27.0}
    assert np.isfinite(store.images).all()
    table = store.catalogue
    assert table["object_id"].is_unique
    assert set(table["z_source"]) <= {"spec", "grism", "prism", "cosmos2020"}
    assert table["z"].notna().all()
    assert np.allclose(table["ebv"], 0.018, rtol=0.6)
    assert np.median(np.abs(table["z"] - table["z_true"]) / (1 + table["z_true"])) < 0.02
    # the light in the stamp is the magnitude's, for a galaxy that fills little of it
    flux = store.images[:, 2, 8:24, 8:24].astype(float).sum(axis=(1, 2))
    expected = 10 ** (0.4 * (27.0 - table["mag_i"]))
    assert 0.7 < np.median(flux / expected) < 1.3


def test_bytes_do_not_depend_on_processes(field: Field, tmp_path: Path) -> None:
    settings = settings_of(n_galaxies=300)
    one = simulate_store(field, settings, 3, tmp_path / "one")
    two = simulate_store(field, settings.model_copy(update={"processes": 2}), 3, tmp_path / "two")
    assert one.header.checksums == two.header.checksums
    assert one.data_hash == two.data_hash
    pd.testing.assert_frame_equal(one.catalogue, two.catalogue)
    other = simulate_store(field, settings_of(n_galaxies=20), 4, tmp_path / "other")
    assert not np.array_equal(one.images[:20], other.images)


def test_interrupted_simulation_resumes(field: Field, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("photoz_lit.data.store_writer.BLOCK_ROWS", 128)
    monkeypatch.setattr("photoz_lit.data.block_check.BLOCK_ROWS", 128)
    settings = settings_of(n_galaxies=200)
    whole = simulate_store(field, settings, 5, tmp_path / "whole")
    write, written = StoreWriter.write_block, []

    def interrupted(self: StoreWriter, block: int, *rest: object) -> None:
        if written and self.path.name == "broken":
            raise KeyboardInterrupt
        written.append(block)
        write(self, block, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(StoreWriter, "write_block", interrupted)
    with pytest.raises(KeyboardInterrupt):
        simulate_store(field, settings, 5, tmp_path / "broken")
    with pytest.raises(InputError, match="only half written"):
        open_store(tmp_path / "broken")
    monkeypatch.setattr(StoreWriter, "write_block", write)
    resumed = simulate_store(field, settings, 5, tmp_path / "broken")
    assert resumed.header.checksums == whole.header.checksums


def test_cache_is_used_once_made(field: Field, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(n_galaxies=10)
    first = cached_store(field, settings, 1, tmp_path)
    assert first.path.name == f"hsc6b-{simulation_hash(field, settings, 1)}"

    def never(*_: object) -> None:
        raise AssertionError("simulated again")

    monkeypatch.setattr("photoz_lit.simulation.simulate.simulate_store", never)
    assert cached_store(field, settings, 1, tmp_path).data_hash == first.data_hash


def test_hash_follows_what_shapes_the_pixels(
    field: Field, catalogue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of()
    base = simulation_hash(field, settings, 1)
    assert simulation_hash(field, settings.model_copy(update={"processes": 7}), 1) == base
    assert simulation_hash(field, settings, 2) != base
    assert simulation_hash(field, settings.model_copy(update={"neighbours": 0.0}), 1) != base
    assert simulation_hash(field.model_copy(update={"pixel_scale": 0.2}), settings, 1) != base
    assert simulation_hash(field.model_copy(update={"label": "a survey"}), settings, 1) == base
    real = simulation_hash(field, real_settings(catalogue), 1)
    moved = tmp_path / "moved.csv"
    shutil.copy(catalogue, moved)
    assert simulation_hash(field, real_settings(moved), 1) == real
    moved.write_text(moved.read_text().replace("0.", "1.", 1))
    assert simulation_hash(field, real_settings(moved), 1) != real
    monkeypatch.setattr(identity, "SIMULATION_VERSION", 999)
    assert simulation_hash(field, settings, 1) != base


def test_catalogue_alone_is_the_stores(field: Field, tmp_path: Path) -> None:
    settings = settings_of(n_galaxies=150, stamps=False)
    path = write_catalogue(field, settings, 2, tmp_path / "catalogue")
    assert sorted(p.name for p in path.iterdir()) == ["catalogue.json", "catalogue.parquet"]
    with_stamps = simulate_store(field, settings_of(n_galaxies=150), 2, tmp_path / "store")
    pd.testing.assert_frame_equal(pd.read_parquet(path / "catalogue.parquet"), with_stamps.catalogue)
    with pytest.raises(InputError, match="exists already"):
        write_catalogue(field, settings, 2, path)
    with pytest.raises(InputError, match="no store"):
        open_store(path)


def test_redshift_of_a_real_catalogue_leaves_no_trace_in_the_pixels(
    field: Field, catalogue: Path, tmp_path: Path
) -> None:
    straight = simulate_store(field, real_settings(catalogue), 1, tmp_path / "straight")
    table = pd.read_csv(catalogue)
    table["zspec"] = table["zspec"].to_numpy()[::-1]
    table.to_csv(catalogue, index=False)
    permuted = simulate_store(field, real_settings(catalogue), 1, tmp_path / "permuted")
    assert straight.images.tobytes() == permuted.images.tobytes()
    assert not np.array_equal(straight.catalogue["z"], permuted.catalogue["z"])
    assert straight.header.data == "simulated_from_catalogue"


def test_real_galaxies_keep_their_light(field: Field, catalogue: Path, tmp_path: Path) -> None:
    """Even where the field has a calibration error: the catalogue's magnitudes are as measured."""
    bands = {name: band.model_copy(update={"zero_point_error": 0.2}) for name, band in field.bands.items()}
    wrong = field.model_copy(update={"bands": bands})
    settings = real_settings(catalogue, neighbours=0.0, stamp_size=64)
    store = simulate_store(wrong, settings, 1, tmp_path / "store")
    table = pd.read_csv(catalogue)
    for b, band in enumerate(("g", "r", "i")):
        assert np.allclose(store.catalogue[f"mag_{band}"], table[band])
        flux = store.images[:, b].astype(float).sum(axis=(1, 2))
        assert np.median(27.0 - 2.5 * np.log10(flux) - table[band]) == pytest.approx(0.0, abs=0.08)


def test_disk_full_is_one_sentence_and_leaves_nothing(
    field: Field, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1, 1, 0))
    with pytest.raises(InputError, match="make room"):
        simulate_store(field, settings_of(), 1, tmp_path / "store")
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"magnitude_faint": 17.0}, "magnitude_bright=18 is not brighter than magnitude_faint=17"),
        ({"windows": {}}, "no entry for field 'hsc6b'"),
        ({"n_galaxies": None}, "n_galaxies is not set"),
        ({"stamps": False}, "use simulation.stamps=true"),
        ({"catalogue": "nowhere.csv"}, "needs simulation.mapping"),
    ],
)
def test_bad_settings_are_one_sentence(change: dict[str, object], sentence: str, field: Field, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=sentence):
        simulate_store(field, settings_of(**change), 1, tmp_path / "store")
    assert list(tmp_path.iterdir()) == []


def test_overrides_shape_the_window(field: Field) -> None:
    window = survey_window(field, settings_of(magnitude_faint=23.0, z_max=9 - 2.5, labels=["spec"]))
    assert (window.magnitude_faint, window.z_max, window.labels) == (23.0, 6.0, ("spec",))
    table = simulate_catalogue(field, settings_of(magnitude_faint=21.0, n_galaxies=60, labels=["spec"]), 1)
    assert table["magnitude_true"].max() <= 21.0
    assert set(table["z_source"]) == {"spec"}


def test_more_neighbours_make_more_light(field: Field, tmp_path: Path) -> None:
    lonely, crowded = (
        simulate_store(field, settings_of(neighbours=factor), 1, tmp_path / f"{factor}") for factor in (0.0, 6.0)
    )
    pd.testing.assert_frame_equal(lonely.catalogue, crowded.catalogue)
    assert crowded.images[:, 2].astype(float).sum() > 1.2 * lonely.images[:, 2].astype(float).sum()


def test_a_calibration_scatter_is_in_pixels_and_magnitudes_alike(field: Field, catalogue: Path, tmp_path: Path) -> None:
    """What the scatter does to a galaxy's magnitude it does to its pixels; without it both are as they were."""
    quiet = {band: {**band_, "gain": 0.0} for band, band_ in field.model_dump()["bands"].items()}
    deep = Field.model_validate(
        {**field.model_dump(), "bands": {band: {**content, "depth": 34.0} for band, content in quiet.items()}}
    )
    for name, make in (("drawn", settings_of), ("real", partial(real_settings, catalogue))):
        plain, scattered = (
            simulate_store(deep, make(neighbours=0.0, magnitude_floor=floor), 1, tmp_path / f"{name}-{floor}")
            for floor in (0.0, 0.1)
        )
        flux = [np.asarray(store.images, np.float64).sum(axis=(2, 3)) for store in (plain, scattered)]
        magnitudes = [store.catalogue[["mag_g", "mag_r", "mag_i"]].to_numpy() for store in (plain, scattered)]
        shift = magnitudes[1] - magnitudes[0]
        assert shift.std() == pytest.approx(0.1, rel=0.25)
        assert np.allclose(-2.5 * np.log10(flux[1] / flux[0]), shift, atol=2e-3), name


def test_rows_of_the_catalogue_that_is_drawn_add_up(field: Field, catalogue: Path, tmp_path: Path) -> None:
    table = pd.read_csv(catalogue)
    table.loc[:3, "g"] = -99.0
    table.to_csv(catalogue, index=False)
    settings = real_settings(catalogue).model_copy(update={"n_galaxies": 20})
    expected = {"read": 30, "used": 20, "left_out": {"no valid mag_g": 4, "not drawn for simulation.n_galaxies": 6}}
    store = simulate_store(field, settings, 1, tmp_path / "store")
    assert json.loads((store.path / "store.json").read_text())["rows"] == expected
    assert len(store) == 20
    alone = write_catalogue(field, settings.model_copy(update={"stamps": False}), 1, tmp_path / "catalogue")
    assert json.loads((alone / "catalogue.json").read_text())["rows"] == expected
    drawn = simulate_store(field, settings_of(n_galaxies=10), 1, tmp_path / "drawn")
    assert drawn.header.rows is not None
    assert drawn.header.rows.content() == {"read": 10, "used": 10, "left_out": {}}
