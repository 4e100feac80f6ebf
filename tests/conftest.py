"""Small stores and paths that several tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from photoz_lit.data.store import CutoutStore, StoreHeader
from photoz_lit.data.store_writer import write_store
from photoz_lit.fields import load_field
from tests import config_files, figures


@pytest.fixture(scope="session", autouse=True)
def without_figures() -> Iterator[None]:
    """See :mod:`tests.figures`."""
    with figures.left_out():
        yield


@pytest.fixture(scope="session", autouse=True)
def config_files_read_once() -> Iterator[None]:
    """See :mod:`tests.config_files`."""
    with config_files.read_once():
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real catalogues; tests that need it skip without it."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the real catalogues in ../shared/data")
    return folder


def make_catalogue(n: int, bands: tuple[str, ...], seed: int = 0, z_max: float = 1.5) -> pd.DataFrame:
    """A catalogue of n galaxies well apart on the sky, with redshifts that follow colour."""
    random = np.random.default_rng(seed)
    z = random.uniform(0.05, z_max, n)
    table = {
        "object_id": [f"galaxy-{seed}-{i}" for i in range(n)],
        "ra": 150.0 + 0.01 * (np.arange(n) % 100),
        "dec": 2.0 + 0.01 * (np.arange(n) // 100),
        "z": z,
        "z_source": "spec",
        "ebv": random.uniform(0.01, 0.05, n),
    }
    for k, band in enumerate(bands):
        table[f"mag_{band}"] = 22.0 + z * (len(bands) - k) / 3 + random.normal(0, 0.05, n)
        table[f"mag_err_{band}"] = 0.05
    return pd.DataFrame(table)


def make_store(
    path: Path,
    n: int = 60,
    field: str = "hsc6b",
    size: int = 32,
    seed: int = 0,
    data: str = "simulated",
    z_max: float | None = None,
    **header: object,
) -> CutoutStore:
    """A store of round blobs whose fluxes follow the catalogue's magnitudes."""
    conditions = load_field(field)
    bands = conditions.band_names
    table = make_catalogue(n, bands, seed, z_max or min(1.5, float(conditions.z_edges[-1]) - 0.01))
    zero_points = {b: conditions.bands[b].zero_point for b in bands}
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    profile = np.exp(-(x**2 + y**2) / 18.0)
    profile /= profile.sum()
    flux = np.stack([10 ** (-0.4 * (table[f"mag_{b}"] - zero_points[b])) for b in bands], axis=1)
    noise = np.random.default_rng(seed + 1).normal(0, 0.05, (n, len(bands), size, size))
    images = (flux[:, :, None, None] * profile + noise).astype(np.float32)
    settings = {
        "data": data,
        "field": field,
        "bands": bands,
        "pixel_scale": conditions.pixel_scale,
        "flux_unit": "arbitrary",
        "zero_points": zero_points,
        "n_galaxies": n,
        "height": size,
        "width": size,
        **header,
    }
    return write_store(path, StoreHeader(**settings), images, table)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> CutoutStore:
    """A small six-band store."""
    return make_store(tmp_path / "store")
