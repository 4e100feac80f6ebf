import json
import multiprocessing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from photoz_lit.data.block_check import BLOCK_ROWS
from photoz_lit.data.catalogue import complete_catalogue
from photoz_lit.data.store import CutoutStore, StoreHeader, open_store
from photoz_lit.data.store_writer import StoreWriter, float16_suits
from photoz_lit.errors import InputError
from tests.conftest import make_catalogue, make_store

BANDS = ("u", "g")


def header(n: int, **changes: object) -> StoreHeader:
    settings = {
        "data": "simulated",
        "field": "hsc6b",
        "bands": BANDS,
        "pixel_scale": 0.168,
        "flux_unit": "nJy",
        "zero_points": {"u": 31.4, "g": 31.4},
        "n_galaxies": n,
        "height": 4,
        "width": 4,
        **changes,
    }
    return StoreHeader(**settings)  # type: ignore[arg-type]


def pixels(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (n, 2, 4, 4)).astype(np.float32)


def write_one(writer: StoreWriter, block: int, images: np.ndarray) -> None:
    table = make_catalogue(len(images), BANDS)
    rows = writer.block_rows(block)
    writer.write_block(block, images[rows], table.iloc[rows])


def test_round_trip_keeps_pixels_rows_and_columns(store: CutoutStore) -> None:
    again = open_store(store.path)
    np.testing.assert_array_equal(again.images, store.images)
    assert again.catalogue.equals(store.catalogue)
    assert list(again.catalogue.columns[:3]) == ["object_id", "z_source", "z_quality"]
    again.verify()


def test_an_interrupted_store_is_not_a_store_and_goes_on(tmp_path: Path) -> None:
    n = BLOCK_ROWS + 10
    images = pixels(n)
    first = StoreWriter(tmp_path / "s", header(n))
    write_one(first, 1, images)
    with pytest.raises(InputError, match="half written"):
        open_store(tmp_path / "s")
    with pytest.raises(InputError, match="1 of 2 blocks are missing"):
        first.finish()
    second = StoreWriter(tmp_path / "s", header(n))
    assert second.missing_blocks() == [0]
    write_one(second, 0, images)
    np.testing.assert_array_equal(second.finish().images, images)
    assert not (tmp_path / "s.partial").exists()


def test_a_partial_store_of_other_settings_is_started_anew(tmp_path: Path) -> None:
    first = StoreWriter(tmp_path / "s", header(10))
    write_one(first, 0, pixels(10))
    assert StoreWriter(tmp_path / "s", header(10, flux_unit="ADU")).missing_blocks() == [0]


def _write_in_process(path: Path, block: int) -> None:
    n = 3 * BLOCK_ROWS
    write_one(StoreWriter(path, header(n)), block, pixels(n))


@pytest.mark.long
def test_processes_may_share_the_blocks(tmp_path: Path) -> None:
    n = 3 * BLOCK_ROWS
    writer = StoreWriter(tmp_path / "s", header(n))
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.starmap(_write_in_process, [(tmp_path / "s", b) for b in range(3)])
    store = writer.finish()
    np.testing.assert_array_equal(store.images, pixels(n))
    store.verify()


def test_existing_store_is_never_overwritten(store: CutoutStore) -> None:
    with pytest.raises(InputError, match="exists already"):
        StoreWriter(store.path, header(3))


def test_changed_pixels_are_found(store: CutoutStore) -> None:
    images = np.load(store.path / "images.npy", mmap_mode="r+")
    images[7, 0, 0, 0] += 1
    images.flush()
    with pytest.raises(InputError, match="rows 0 to 59 differ from their checksum"):
        open_store(store.path).verify()


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda p: (p / "store.json").unlink(), "no store: it has no store.json"),
        (lambda p: (p / "store.json").write_text("{"), "store.json cannot be read"),
        (lambda p: (p / "images.npy").write_bytes(b"xx"), "cannot be read"),
        (lambda p: (p / "catalogue.parquet").unlink(), "cannot be read"),
        (lambda p: move_redshifts(p / "catalogue.parquet"), "catalogue.parquet was changed after the store was"),
        (lambda p: edit(p, version=99), "store version 99 is not 1"),
        (lambda p: edit(p, n_galaxies=61), "do not fit store.json"),
        (lambda p: edit(p, data="invented"), "'data' is wrong"),
        (lambda p: edit(p, colour="blue"), "'colour' is wrong"),
    ],
)
def test_damage_is_named(store: CutoutStore, damage, sentence: str) -> None:  # type: ignore[no-untyped-def]
    damage(store.path)
    with pytest.raises(InputError, match=sentence):
        open_store(store.path)


def move_redshifts(path: Path) -> None:
    table = pd.read_parquet(path)
    table.assign(z=table["z"] + 1).to_parquet(path)


def edit(path: Path, **changes: object) -> None:
    content = json.loads((path / "store.json").read_text())
    (path / "store.json").write_text(json.dumps({**content, **changes}))


def test_no_space_is_said_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="GB free; make room"):
        StoreWriter(tmp_path / "s", header(10**9, height=512, width=512))
    assert list(tmp_path.iterdir()) == []


def test_disk_full_while_writing_keeps_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = StoreWriter(tmp_path / "s", header(BLOCK_ROWS + 1))
    images = pixels(BLOCK_ROWS + 1)
    write_one(writer, 0, images)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("pandas.DataFrame.to_parquet", full)
        with pytest.raises(InputError, match="No space left on device"):
            write_one(writer, 1, images)
    assert writer.missing_blocks() == [1]
    write_one(writer, 1, images)
    np.testing.assert_array_equal(writer.finish().images, images)


def test_wrong_shape_is_refused(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path / "s", header(10))
    with pytest.raises(InputError, match=r"\(10, 2, 4, 4\) are due"):
        writer.write_block(0, pixels(9), make_catalogue(9, BANDS))


def test_float16_rule() -> None:
    noise = np.random.default_rng(0).normal(0, 1.0, (50, 3, 16, 16))
    noise[0, 1, 8, 8] = 6.1e4  # too large for half precision
    noise[:, 2] += 3000.0  # spacing of 2 at a sky noise of 1
    assert float16_suits(noise).tolist() == [True, False, False]


def test_float16_store_refuses_pixels_it_would_spoil(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path / "s", header(10, dtype="float16"))
    write_one(writer, 0, pixels(10))
    assert writer.finish().images.dtype == np.float16
    other = StoreWriter(tmp_path / "t", header(10, dtype="float16"))
    with pytest.raises(InputError, match="band u does not fit float16"):
        write_one(other, 0, pixels(10) * 1e6)


def test_catalogue_is_completed_and_further_columns_are_kept() -> None:
    table = make_catalogue(3, ("g",)).drop(columns=["ebv"]).assign(z_true=1.0)
    full = complete_catalogue(table, ("u", "g"))
    assert np.isnan(full["ebv"]).all()
    assert np.isnan(full["mag_u"]).all()
    assert (full["flags"] == 0).all()
    assert (full["z_true"] == 1.0).all()
    with pytest.raises(InputError, match="object_id"):
        complete_catalogue(table.drop(columns="object_id"), ("g",))


def test_store_hash_follows_the_pixels(tmp_path: Path) -> None:
    a = make_store(tmp_path / "a", seed=1)
    b = make_store(tmp_path / "b", seed=1)
    c = make_store(tmp_path / "c", seed=2)
    assert a.data_hash == b.data_hash != c.data_hash
