"""Stores are written resumably, in the narrowest type that keeps the pixels, and whole or not at all."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from rich.console import Console
from sklearn.ensemble import ExtraTreesRegressor

from photoz_lit.data.pixels import stretch
from photoz_lit.data.sample import load_sample
from photoz_lit.data.store import CutoutStore, open_store
from photoz_lit.data.store_writer import StoreWriter
from photoz_lit.errors import InputError
from photoz_lit.fields import load_field
from photoz_lit.ingest.archive import ingest
from photoz_lit.ingest.sdss_npz import SdssNpz
from tests.ingest.archives import sdss_labels, settings_of, stamps, write_sdss

QUIET = Console(quiet=True)
N = 2500  # three blocks


def small_archive(path: Path, bright_row: int | None = None) -> np.ndarray:
    """2500 galaxies of 8×8 pixels; one pixel of one galaxy may be too bright for half precision."""
    cube = np.ascontiguousarray(np.moveaxis(stamps(N, 5, 8), 1, -1))
    if bright_row is not None:
        cube[bright_row, 4, 4, 2] = 1e5
    write_sdss(path, N, cube=cube)
    return np.moveaxis(cube, -1, 1)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows that are read from now on, call by call."""
    calls: list[int] = []
    read = SdssNpz.read

    def counting(self: SdssNpz, rows: Any, catalogue: pd.DataFrame) -> Any:
        calls.append(len(rows))
        return read(self, rows, catalogue)

    monkeypatch.setattr(SdssNpz, "read", counting)
    return calls


def interrupted(monkeypatch: pytest.MonkeyPatch, at_block: int, error: BaseException) -> None:
    """Let the writing of a block fail."""
    write = StoreWriter.write_block

    def failing(self: StoreWriter, block: int, images: Any, catalogue: pd.DataFrame) -> None:
        if block == at_block:
            raise error
        write(self, block, images, catalogue)

    monkeypatch.setattr(StoreWriter, "write_block", failing)


def test_interrupted_ingest_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = small_archive(tmp_path / "sdss.npz")
    settings, field = settings_of("sdss_npz", f"ingest.path={tmp_path}/sdss.npz", "ingest.dtype=float32")
    with monkeypatch.context() as patch:
        interrupted(patch, 2, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            ingest(settings, field, tmp_path / "store", QUIET)
    assert not (tmp_path / "store").exists()
    with pytest.raises(InputError, match="is only half written"):
        open_store(tmp_path / "store")
    calls = counted(monkeypatch)
    store = ingest(settings, field, tmp_path / "store", QUIET)
    assert calls == [N - 2048]  # only the missing block
    np.testing.assert_array_equal(store.images, images)
    store.verify()


def test_another_archive_does_not_go_on_from_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_archive(tmp_path / "sdss.npz")
    settings, field = settings_of("sdss_npz", f"ingest.path={tmp_path}/sdss.npz", "ingest.dtype=float32")
    with monkeypatch.context() as patch:
        interrupted(patch, 1, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            ingest(settings, field, tmp_path / "store", QUIET)
    images = small_archive(tmp_path / "sdss.npz", bright_row=3)
    np.testing.assert_array_equal(ingest(settings, field, tmp_path / "store", QUIET).images, images)


def test_interrupted_sifting_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cube = np.ascontiguousarray(np.moveaxis(stamps(N, 5, 8), 1, -1))
    cube[::10, 0, 0, 0] = np.nan
    write_sdss(tmp_path / "sdss.npz", N, cube=cube)
    settings, field = settings_of("sdss_npz", f"ingest.path={tmp_path}/sdss.npz", "ingest.flagged=drop")
    finish, finished = StoreWriter.finish, []

    def failing(self: StoreWriter, provenance: dict[str, Any] | None = None) -> CutoutStore:
        finished.append(self.path.name)
        if len(finished) == 2:
            raise KeyboardInterrupt
        return finish(self, provenance)

    with monkeypatch.context() as patch:
        patch.setattr(StoreWriter, "finish", failing)
        with pytest.raises(KeyboardInterrupt):
            ingest(settings, field, tmp_path / "store", QUIET)
    assert finished == [".store.candidates", "store"]
    calls = counted(monkeypatch)
    store = ingest(settings, field, tmp_path / "store", QUIET)
    assert calls == []  # all was read already
    assert len(store) == N - 250
    assert {p.name for p in tmp_path.iterdir()} == {"sdss.npz", "store"}


def test_auto_type_is_half_precision_where_it_suits(tmp_path: Path) -> None:
    images = small_archive(tmp_path / "sdss.npz")
    settings, field = settings_of("sdss_npz", f"ingest.path={tmp_path}/sdss.npz")
    store = ingest(settings, field, tmp_path / "store", QUIET)
    assert store.images.dtype == np.float16
    np.testing.assert_allclose(store.images, images, rtol=2**-11, atol=2**-24)


def test_later_block_beyond_half_precision_is_kept_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = small_archive(tmp_path / "sdss.npz", bright_row=2440)  # not among the rows that are sampled
    settings, field = settings_of("sdss_npz", f"ingest.path={tmp_path}/sdss.npz")
    calls = counted(monkeypatch)
    store = ingest(settings, field, tmp_path / "store", QUIET)
    assert sum(calls[1:]) == 2 * N  # begun in half precision, read again
    assert store.images.dtype == np.float32
    np.testing.assert_array_equal(store.images, images)


def test_resumed_job_keeps_the_type_it_began_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_archive(tmp_path / "sdss.npz", bright_row=100)
    settings, field = settings_of("sdss_npz", f"ingest.path={tmp_path}/sdss.npz")
    with monkeypatch.context() as patch:
        interrupted(patch, 2, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            ingest(settings, field, tmp_path / "store", QUIET)
    calls = counted(monkeypatch)
    assert ingest(settings, field, tmp_path / "store", QUIET).images.dtype == np.float32
    assert calls == [N - 2048]


def test_store_that_exists_is_left_alone(tmp_path: Path) -> None:
    write_sdss(tmp_path / "sdss.npz", 3)
    settings, field = settings_of("sdss_npz", f"ingest.path={tmp_path}/sdss.npz")
    store = ingest(settings, field, tmp_path / "store", QUIET)
    before = {p.name: p.stat().st_mtime_ns for p in store.path.iterdir()}
    with pytest.raises(InputError, match="exists already; choose another 'store' or remove it"):
        ingest(settings, field, tmp_path / "store", QUIET)
    assert {p.name: p.stat().st_mtime_ns for p in store.path.iterdir()} == before


def test_no_space_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_archive(tmp_path / "sdss.npz")
    settings, field = settings_of("sdss_npz", f"ingest.path={tmp_path}/sdss.npz")
    usage = namedtuple("usage", "total used free")(10**6, 10**6 - 1000, 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(InputError, match=r"needs 0\.00 GB and its disk has 0\.00 GB free; make room"):
        ingest(settings, field, tmp_path / "store", QUIET)
    assert [p.name for p in tmp_path.iterdir()] == ["sdss.npz"]


def test_disk_fills_up_while_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_archive(tmp_path / "sdss.npz")
    settings, field = settings_of("sdss_npz", f"ingest.path={tmp_path}/sdss.npz")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pd.DataFrame, "to_parquet", full)
        with pytest.raises(InputError, match=r"No space left on device.*the same command goes on from it"):
            ingest(settings, field, tmp_path / "store", QUIET)
    assert not (tmp_path / "store").exists()
    ingest(settings, field, tmp_path / "store", QUIET).verify()


def test_place_that_cannot_be_written(tmp_path: Path) -> None:
    write_sdss(tmp_path / "sdss.npz", 3)
    settings, field = settings_of("sdss_npz", f"ingest.path={tmp_path}/sdss.npz")
    with pytest.raises(InputError, match="cannot be written"):
        ingest(settings, field, tmp_path / "sdss.npz" / "store", QUIET)


def test_units_and_types_give_the_same_batch(tmp_path: Path) -> None:
    """Two stores of the same galaxies, in counts and in nanojansky, in single and in half precision."""
    cube = np.ascontiguousarray(np.moveaxis(stamps(40, 5, 32), 1, -1))
    factor = 10 ** (0.4 * (31.4 - 22.5))
    sample_of = {}
    for name, flux, zero_point, dtype in (
        ("nanomaggy", cube, 22.5, "float32"),
        ("nanojansky", (cube * factor).astype("f4"), 31.4, "float32"),
        ("half", cube, 22.5, "float16"),
    ):
        write_sdss(tmp_path / f"{name}.npz", 40, cube=flux, labels=sdss_labels(40))
        points = [f"ingest.zero_points.{b}={zero_point}" for b in "ugriz"]
        settings, field = settings_of(
            "sdss_npz", f"ingest.path={tmp_path}/{name}.npz", f"ingest.dtype={dtype}", *points
        )
        store = ingest(settings, field, tmp_path / name, QUIET)
        assert store.header.zero_points["r"] == zero_point  # the archive's own is kept
        sample_of[name] = load_sample([store], load_field("sdss"), 32)
    rows = np.arange(40)
    batch = {name: stretch(torch.from_numpy(sample.flux(rows))) for name, sample in sample_of.items()}
    torch.testing.assert_close(batch["nanojansky"], batch["nanomaggy"], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(batch["half"], batch["nanomaggy"], rtol=1e-3, atol=1e-4)


def test_cost_of_half_precision(tmp_path: Path) -> None:
    """Half precision changes aperture fluxes by far less than their noise, and σ_MAD by less than one per cent."""
    random = np.random.default_rng(3)
    n, size, noise = 1500, 24, 0.03
    z = random.uniform(0.02, 0.35, n)
    mags = 17.0 + 8.0 * z[:, None] + (z[:, None] - 0.2) * np.array([6.0, 4.0, 0.0, -1.0, -2.0])
    mags = mags + random.normal(0, 0.15, (n, 5))
    flux = 10 ** (-0.4 * (mags - 22.5))
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    profile = np.exp(-(x**2 + y**2) / 12.0)
    images = flux[..., None, None] * profile / profile.sum() + random.normal(0, noise, (n, 5, size, size))
    labels = sdss_labels(n)
    labels["z"] = z
    write_sdss(tmp_path / "sdss.npz", n, cube=np.moveaxis(images, 1, -1).astype("f4"), labels=labels)
    aperture = np.hypot(x, y) <= 5
    measured = {}
    for dtype in ("float32", "float16"):
        settings, field = settings_of("sdss_npz", f"ingest.path={tmp_path}/sdss.npz", f"ingest.dtype={dtype}")
        store = ingest(settings, field, tmp_path / dtype, QUIET)
        measured[dtype] = np.asarray(store.images, np.float64)[..., aperture].sum(axis=-1)
    change = measured["float16"] - measured["float32"]
    flux_noise = noise * np.sqrt(aperture.sum())
    assert np.sqrt(np.mean(change**2)) < 0.02 * flux_noise
    assert np.abs(change / measured["float32"])[measured["float32"] > 10 * flux_noise].max() < 5e-4
    train = np.arange(n) % 2 == 0
    colours = {k: -2.5 * np.log10(np.clip(v, 1e-3, None)) for k, v in measured.items()}
    forest = ExtraTreesRegressor(60, random_state=0, n_jobs=1).fit(colours["float32"][train], z[train])
    sigma = {}
    for name, features in colours.items():
        residual = (forest.predict(features[~train]) - z[~train]) / (1 + z[~train])
        sigma[name] = 1.4826 * np.median(np.abs(residual - np.median(residual)))
    assert sigma["float16"] == pytest.approx(sigma["float32"], rel=0.01)
