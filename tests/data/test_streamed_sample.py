"""A sample that stays on the disk holds the same galaxies as one in memory."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from photoz_lit.data import streamed_sample
from photoz_lit.data.sample import load_sample
from photoz_lit.data.store import StoreHeader, open_images, open_store
from photoz_lit.data.store_writer import write_store
from photoz_lit.data.streamed_sample import StreamedSample, stream_sample
from photoz_lit.errors import InputError
from photoz_lit.fields import load_field
from tests.conftest import make_store

FIELD = load_field("hsc6b")


@pytest.fixture
def stores(tmp_path: Path) -> list[Path]:
    """Two stores; the second has a column of its own, and galaxies that lack a band."""
    first = make_store(tmp_path / "first", n=50)
    second = make_store(tmp_path / "plain", n=30, seed=3)
    table = second.catalogue.assign(missing_y=np.arange(30) % 3 == 0, tile="a")
    header = StoreHeader(**{**second.header.model_dump(), "checksums": (), "catalogue_checksum": 0})
    write_store(tmp_path / "second", header, np.array(second.images), table)
    return [first.path, tmp_path / "second"]


def streamed(stores: list[Path], file: Path, selection: str | None, missing: str) -> StreamedSample:
    opened = [open_images(path) for path in stores]
    return stream_sample(opened, FIELD, 32, FIELD.band_names, file, selection, missing)


@pytest.mark.parametrize("missing", ["drop", "blank"])
@pytest.mark.parametrize("selection", [None, "z > 0.4"])
def test_slices_hold_what_a_sample_in_memory_holds(
    stores: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, selection: str | None, missing: str
) -> None:
    monkeypatch.setattr(streamed_sample, "ROWS_AT_ONCE", 16)
    here = streamed(stores, tmp_path / "list.arrow", selection, missing)
    whole = load_sample([open_store(path) for path in stores], FIELD, 32, FIELD.band_names, selection, missing)
    assert len(here) == len(whole)
    assert here.rows == whole.rows
    assert (here.data, here.data_hash) == (whole.data, whole.data_hash)
    again = pickle.loads(pickle.dumps(here))  # as another process gets it
    for sample, start, stop in ((here, 0, 7), (again, 5, 33), (here, 20, len(here))):
        part = sample.galaxies(start, stop)
        columns = [name for name in whole.catalogue.columns if name not in ("fold", "missing_y", "tile")]
        expected = whole.catalogue.iloc[start:stop].reset_index(drop=True)
        pd.testing.assert_frame_equal(part.catalogue[columns], expected[columns], check_dtype=False)
        rows = np.arange(stop - start)
        np.testing.assert_array_equal(part.flux(rows), whole.flux(rows + start))
        sample.release()
        np.testing.assert_array_equal(part.flux(rows), whole.flux(rows + start))


def test_no_galaxy_left_is_said(stores: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no galaxy of .*first is left \(data.select\); loosen"):
        streamed(stores, tmp_path / "list.arrow", "z > 9", "drop")


def test_a_changed_catalogue_is_refused_without_reading_it(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", n=20)
    store.catalogue.assign(z=0.5).to_parquet(store.path / "catalogue.parquet", index=False)
    with pytest.raises(InputError, match=r"catalogue\.parquet was changed after the store was written"):
        open_images(store.path)
