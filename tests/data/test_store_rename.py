"""Bands of a store get other names without ingesting again; the images are shared, the old store stays as it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from photoz_lit.data.store import StoreHeader, open_store
from photoz_lit.data.store_rename import rename_bands
from photoz_lit.data.store_writer import write_store
from photoz_lit.errors import InputError
from photoz_lit.tasks.task import perform
from tests.composed import composed_as_typed
from tests.conftest import make_catalogue


def a_store(path: Path) -> None:
    table = make_catalogue(6, ("g", "r", "z")).assign(missing_G=False, missing_R=True, missing_z=False)
    images = np.random.default_rng(0).normal(size=(6, 3, 8, 8)).astype(np.float32)
    header = StoreHeader(
        data="real", field="sdss", bands=("G", "R", "z"), pixel_scale=0.396, flux_unit="nanomaggy",
        zero_points={"G": 22.5, "R": 22.6, "z": 22.7}, n_galaxies=6, height=8, width=8,
    )  # fmt: skip
    write_store(path, header, images, table)


def test_a_renamed_store_has_the_same_images_and_another_identity(tmp_path: Path) -> None:
    a_store(tmp_path / "old")
    before = {path.name: path.read_bytes() for path in (tmp_path / "old").iterdir()}
    old = open_store(tmp_path / "old")
    new = rename_bands(tmp_path / "old", {"G": "g", "R": "r"}, tmp_path / "new")
    assert new.header.bands == ("g", "r", "z")
    assert new.header.zero_points == {"g": 22.5, "r": 22.6, "z": 22.7}
    assert (tmp_path / "new" / "images.npy").samefile(tmp_path / "old" / "images.npy")
    new.verify()
    assert not {"missing_G", "missing_R"} & set(new.catalogue)
    assert new.catalogue["missing_r"].all()
    assert not new.catalogue[["missing_g", "missing_z"]].any(axis=None)
    assert new.catalogue["mag_g"].equals(old.catalogue["mag_g"])
    assert new.data_hash != old.data_hash
    assert new.header.provenance["renamed_bands"] == {"G": "g", "R": "r"}
    assert {path.name: path.read_bytes() for path in (tmp_path / "old").iterdir()} == before


def test_two_bands_change_places(tmp_path: Path) -> None:
    a_store(tmp_path / "old")
    new = rename_bands(tmp_path / "old", {"G": "R", "R": "G"}, tmp_path / "new")
    assert new.header.bands == ("R", "G", "z")
    assert new.header.zero_points == {"R": 22.5, "G": 22.6, "z": 22.7}
    assert new.catalogue["missing_G"].all()
    assert not new.catalogue["missing_R"].any()


def test_images_are_copied_where_links_are_not_possible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_store(tmp_path / "old")

    def refuse(*_: object) -> None:
        raise OSError

    monkeypatch.setattr("photoz_lit.data.store_rename.os.link", refuse)
    rename_bands(tmp_path / "old", {"G": "g"}, tmp_path / "new").verify()
    assert not (tmp_path / "new" / "images.npy").samefile(tmp_path / "old" / "images.npy")


def test_slips_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    a_store(tmp_path / "old")
    for names, sentence in (
        ({"g": "u"}, r"has no band 'g'; known are G, R, z\."),
        ({"G": "z"}, "two bands would be called 'z'"),
        ({"G": "a/b"}, "'a/b' cannot be the name of a band"),
    ):
        with pytest.raises(InputError, match=sentence):
            rename_bands(tmp_path / "old", names, tmp_path / "new")
        assert [path.name for path in tmp_path.iterdir()] == ["old"]
    with pytest.raises(InputError, match="exists already"):
        rename_bands(tmp_path / "old", {"G": "g"}, tmp_path / "old")


def test_the_task_renames(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    a_store(tmp_path / "old")
    perform(
        composed_as_typed(
            "task=rename", f"store={tmp_path}/old", "task.bands={G: g, R: r}", f"task.output={tmp_path}/new"
        )
    )
    with pytest.raises(InputError, match=r"^task=rename needs task\.bands="):
        perform(composed_as_typed("task=rename", f"store={tmp_path}/old", f"task.output={tmp_path}/other"))
    assert "6 galaxies, bands g r z." in capsys.readouterr().out
    assert open_store(tmp_path / "new").header.bands == ("g", "r", "z")
