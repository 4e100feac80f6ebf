"""``data.mosaics=…``: stamps are cut, predicted and forgotten, with the PDFs of ingest and predict."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from photoz_lit.errors import InputError
from photoz_lit.ingest.archive import ingest
from photoz_lit.ingest.streamed_mosaics import StreamedMosaics
from tests.composed import composed
from tests.ingest.archives import positions_table, settings_of
from tests.ingest.skies import hsc_header, paint, tan_wcs, write_plain
from tests.tasks.shards import bytes_of, in_shards, run_and_store, table_of

made = run_and_store
BANDS = "ugrizy"
SCALE = 0.168
N = 49


@pytest.fixture(scope="module")
def mosaics(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six mosaics of one sky, the y band over half of it, and a catalogue of 49 galaxies, two of them outside."""
    folder = tmp_path_factory.mktemp("sky")
    offset = (np.arange(7) - 3) * 9.0
    xi, eta = (axis.ravel() / 3600 for axis in np.meshgrid(offset + 0.07, offset - 0.11))
    ra, dec = 150.1 + xi / np.cos(np.deg2rad(2.2)), 2.2 + eta
    ra[[5, 40]] += 1.0
    random = np.random.default_rng(0)
    (folder / "images").mkdir()
    for number, band in enumerate(BANDS):
        shape = (500, 500) if band != "y" else (500, 250)
        wcs = tan_wcs(SCALE, (500, 500))
        image = paint(wcs, (500, 500), ra, dec, random.uniform(100, 900, N) / (1 + number), 0.8)
        image += random.normal(0, 0.05, image.shape)
        write_plain(folder / "images" / f"{band}_coadd.fits", image[:, : shape[1]].astype(np.float32), hsc_header(wcs))
    positions_table(folder / "cat.csv", ra, dec, z=0.5, z_source="spec", mag_i=random.uniform(20, 24, N), ebv=0.03)
    return folder


def directly(made: tuple[Path, Path], mosaics: Path, output: Path, *overrides: str) -> Path:
    places = (f"data.mosaics={mosaics / 'images'}", f"ingest.catalogue={mosaics / 'cat.csv'}", "data.store=null")
    return in_shards(made, output, *places, *overrides).folder


@pytest.mark.parametrize("missing", ["drop", pytest.param("blank", marks=pytest.mark.long)])
def test_the_pdfs_are_those_of_ingest_and_predict(
    made: tuple[Path, Path], mosaics: Path, tmp_path: Path, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StreamedMosaics, "most_at_once", 16)
    settings, field = settings_of(
        "fits_mosaic",
        f"ingest.path={mosaics / 'images'}",
        f"ingest.catalogue={mosaics / 'cat.csv'}",
        "ingest.bands=[u,g,r,i,z,y]",
        "ingest.stamp_size=32",
        "ingest.dtype=float32",
        "field=hsc6b",
    )
    store = ingest(settings, field, tmp_path / "store").path
    blank = f"data.missing_bands={missing}"
    stored = table_of(in_shards((made[0], store), tmp_path / "stored", "pdf=bins", blank).folder)
    output = directly(made, mosaics, tmp_path / "direct", "pdf=bins", "task.shard=20", blank)
    table = table_of(output)
    manifest = json.loads((output / "manifest.json").read_text())
    assert manifest["rows"] == {"read": N, "used": N - 2, "left_out": {"outside the images": 2}}
    assert len(manifest["shards"]) == 3
    lacking = table["z_phot"].isna()
    assert lacking.any() == (missing == "drop")  # no y band: without a PDF, or predicted without it
    assert (table.loc[lacking, "flags"] != 0).all()
    kept = table[~lacking].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept.drop(columns="bins"), stored.drop(columns="bins"), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.stack(kept["bins"].to_list()), np.stack(stored["bins"].to_list()), atol=1e-6)


@pytest.mark.long
def test_it_is_resumed_and_goes_on_in_several_processes(made: tuple[Path, Path], mosaics: Path, tmp_path: Path) -> None:
    one = directly(made, mosaics, tmp_path / "one", "task.shard=20", "task.format=[parquet,fits]")
    (one / "shards" / "shard_00001.parquet").unlink()
    before = (one / "shards" / "shard_00002.parquet").stat().st_mtime_ns
    directly(made, mosaics, one, "task.shard=20", "task.format=[parquet,fits]")
    assert (one / "shards" / "shard_00002.parquet").stat().st_mtime_ns == before
    two = directly(made, mosaics, tmp_path / "two", "task.shard=20", "task.format=[parquet,fits]", "engine.workers=2")
    assert bytes_of(one) == bytes_of(two)


@pytest.mark.long
def test_a_mosaic_that_changes_while_it_is_read_ends_it(
    made: tuple[Path, Path], mosaics: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, cut = mosaics / "images" / "r_coadd.fits", StreamedMosaics.galaxies
    times = (file.stat().st_atime_ns, file.stat().st_mtime_ns)

    def touching(self: StreamedMosaics, start: int, stop: int) -> Any:
        if start == 32:
            os.utime(file, ns=(times[0], times[1] + 1))
        return cut(self, start, stop)

    monkeypatch.setattr(StreamedMosaics, "most_at_once", 16)
    monkeypatch.setattr(StreamedMosaics, "galaxies", touching)
    with pytest.raises(InputError, match=r"r_coadd\.fits changed while it was read; shards that are whole stay"):
        directly(made, mosaics, tmp_path / "shards", "task.shard=16")
    monkeypatch.undo()
    monkeypatch.setattr(StreamedMosaics, "most_at_once", 16)
    assert len(list((tmp_path / "shards" / "shards").iterdir())) == 2
    with pytest.raises(InputError, match=r"the galaxies changed: .* give another folder as task\.output"):
        directly(made, mosaics, tmp_path / "shards", "task.shard=16")
    os.utime(file, ns=times)
    directly(made, mosaics, tmp_path / "shards", "task.shard=16")
    assert len(list((tmp_path / "shards" / "shards").iterdir())) == 3


def test_the_next_block_is_read_while_the_networks_predict(
    made: tuple[Path, Path], mosaics: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every block is cut once, the first by the main thread and the others by the reader's."""
    import threading

    cut, seen = StreamedMosaics.galaxies, []

    def noted(self: StreamedMosaics, start: int, stop: int) -> Any:
        seen.append((start, threading.current_thread().name.startswith("photoz_lit_reader")))
        return cut(self, start, stop)

    monkeypatch.setattr(StreamedMosaics, "most_at_once", 16)
    monkeypatch.setattr(StreamedMosaics, "galaxies", noted)
    directly(made, mosaics, tmp_path / "shards", "task.shard=20")
    assert sorted(seen) == [(0, False), (16, True), (32, True)]


def test_slips_are_one_sentence(made: tuple[Path, Path], mosaics: Path, tmp_path: Path) -> None:
    elsewhere = pd.read_csv(mosaics / "cat.csv").assign(dec=40.0)
    elsewhere.to_csv(tmp_path / "far.csv", index=False)
    with pytest.raises(InputError, match=r"none of the 49 galaxies of .*far\.csv lies on the images"):
        directly(made, mosaics, tmp_path / "a", f"ingest.catalogue={tmp_path / 'far.csv'}")
    with pytest.raises(InputError, match=r"no galaxy of .* is left after data\.select"):
        directly(made, mosaics, tmp_path / "b", "data.select='mag_i < 1'")
    check: Callable[..., None] = lambda *words: _checked(made, mosaics, *words)  # noqa: E731
    with pytest.raises(InputError, match=r"data\.mosaics and data\.store are both given"):
        check("task.output=x", f"data.store={made[1]}")
    with pytest.raises(InputError, match=r"data\.mosaics needs task\.output=<folder>"):
        check("data.store=null")


def _checked(made: tuple[Path, Path], mosaics: Path, *overrides: str) -> None:
    from photoz_lit.tasks.task import Task

    config = composed("task=predict", f"run={made[0]}", f"data.mosaics={mosaics}", *overrides)
    task = Task.of({"name": config.task.name, "takes": config.task.takes})
    task.read_options(config.task.model_extra or {}).check(config)
