"""Stamps kept in a device's memory give the batches that are read from the stores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from photoz_lit.data import resident
from photoz_lit.data.pixels import stretch
from photoz_lit.data.resident import ResidentPixels, exact_type, resident_pixels
from photoz_lit.data.sample import Sample, load_sample
from photoz_lit.data.store_view import StoreView
from photoz_lit.data.store_writer import FLOAT16_ROUNDING
from photoz_lit.errors import InputError
from photoz_lit.fields import load_field
from tests.conftest import make_store

CPU = torch.device("cpu")
GPU = torch.device("cuda")
FIELD = load_field("hsc6b")
OTHER_UNIT = dict.fromkeys(FIELD.band_names, 25.0)


def sample_of(folder: Path, *types: str, **header: object) -> Sample:
    stores = [make_store(folder / str(k), n=30, seed=k, dtype=kind, **header) for k, kind in enumerate(types)]
    return load_sample(stores, FIELD, 24)


@pytest.mark.parametrize("types", [("float32",), ("float16",), ("float16", "float16"), ("float16", "float32")])
def test_flux_is_that_of_the_stores_to_the_bit_and_in_their_type(tmp_path: Path, types: tuple[str, ...]) -> None:
    sample = sample_of(tmp_path, *types, zero_points=OTHER_UNIT)
    pixels = resident_pixels(sample, True, CPU)
    assert pixels is not None
    assert pixels.dtype == (torch.float32 if "float32" in types else torch.float16)
    rows = np.array([len(sample) - 1, 3, 0, 3])
    assert torch.equal(pixels.flux(torch.from_numpy(rows)), torch.from_numpy(sample.flux(rows)))
    assert not np.allclose(sample.views[0].factors, 1)


def test_blank_bands_are_zero_and_damaged_pixels_stay(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s", n=30)
    store.catalogue["missing_g"] = np.arange(30) % 2 == 0
    sample = load_sample([store], FIELD, 32, missing_bands="blank")
    pixels = resident_pixels(sample, True, CPU)
    assert pixels is not None
    flux = pixels.flux(torch.arange(30))
    assert torch.equal(flux, torch.from_numpy(sample.flux(np.arange(30))))
    assert not flux[::2, sample.bands.index("g")].any()


def test_half_precision_rounds_as_little_as_a_store_in_float16_may(tmp_path: Path) -> None:
    sample = sample_of(tmp_path, "float32")
    pixels = resident_pixels(sample, "half", CPU)
    assert pixels is not None
    assert pixels.dtype == torch.float16
    off = pixels.flux(torch.arange(30)).numpy() - sample.flux(np.arange(30))
    assert 0 < np.sqrt(np.mean(off**2)) < FLOAT16_ROUNDING * 0.05  # the noise of make_store is 0.05
    assert torch.isfinite(stretch(pixels.flux(torch.arange(30)))).all()


def test_half_precision_is_refused_where_a_pixel_is_too_bright(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = sample_of(tmp_path, "float32")
    monkeypatch.setattr(StoreView, "stored", lambda view, rows: 1e7 * view.store.images[rows])
    with pytest.raises(InputError, match=r"data\.resident=half: .*0 does not fit float16 .*data\.resident=auto"):
        resident_pixels(sample, "half", CPU)


@pytest.mark.parametrize(
    ("free", "types", "kept"),
    [
        (1e9, ("float32",), torch.float32),
        (1e9, ("float16",), torch.float16),
        (1.5, ("float32",), torch.float16),
        (0.5, ("float32",), None),
        (0.5, ("float16",), None),
    ],
)
def test_what_fits_half_of_the_free_memory_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, types: tuple[str, ...], kept: torch.dtype | None
) -> None:
    """``free`` in units of the float32 stamps' own size over the share that they may take."""
    sample = sample_of(tmp_path, *types)
    whole = 4 * len(sample) * len(sample.bands) * sample.stamp_size**2
    monkeypatch.setattr(resident, "_free_memory", lambda _: 0.5 * free * whole / resident.SHARE)
    asked: list[torch.dtype] = []

    def filled(_: Sample, __: torch.device, dtype: torch.dtype) -> torch.dtype:
        asked.append(dtype)
        return dtype

    monkeypatch.setattr(resident, "ResidentPixels", filled)
    assert resident_pixels(sample, "auto", GPU) == kept
    assert resident_pixels(sample, "auto", CPU) is None  # its memory holds the store already
    assert resident_pixels(sample, False, GPU) is None
    assert asked == ([] if kept is None else [kept])


def test_stamps_that_fit_in_half_precision_alone_and_round_too_much_are_sent_batch_by_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = sample_of(tmp_path, "float32")
    whole = 4 * len(sample) * len(sample.bands) * sample.stamp_size**2
    monkeypatch.setattr(resident, "_free_memory", lambda _: 0.75 * whole / resident.SHARE)
    monkeypatch.setattr(resident, "float16_suits", lambda stamps: np.zeros(stamps.shape[1], bool))
    made = ResidentPixels

    def on_cpu(one: Sample, _: torch.device, dtype: torch.dtype) -> ResidentPixels:
        return made(one, CPU, dtype)

    monkeypatch.setattr(resident, "ResidentPixels", on_cpu)
    assert exact_type(sample) == torch.float32
    assert resident_pixels(sample, "auto", GPU) is None
