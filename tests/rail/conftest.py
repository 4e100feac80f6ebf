"""A small network and a small forest that RAIL's stages made; all tests here need RAIL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import chdir
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from photoz_lit.data.store import CutoutStore
from tests.conftest import make_store

#: Keys of a training of seconds.
TINY = [
    *("field=hsc6b", "network=plain", "scale=demo", "scale.width=0.04", "scale.batch_size=16", "trainer=cpu"),
    *("trainer.max_epochs=1", "trainer.progress=false", "trainer.threads=1", "data.bands=[g,r,i]"),
]
COLUMNS = {band: f"mag_{band}_lsst" for band in "ugrizy"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if find_spec("rail") is None:
        here = Path(__file__).parent
        for item in items:
            if here in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="needs RAIL: pip install 'photoz-lit[rail]'"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The working folder, where RAIL writes."""
    folder = tmp_path_factory.mktemp("rail")
    with chdir(folder):
        yield folder


@pytest.fixture(scope="module")
def store(place: Path) -> CutoutStore:
    return make_store(place / "store", n=240)


@pytest.fixture(scope="module")
def others(place: Path) -> CutoutStore:
    """Galaxies of another sky, larger stamps."""
    return make_store(place / "others", n=150, seed=7, size=34)


def table_of(store: CutoutStore) -> dict[str, dict[str, Any]]:
    """A table as RAIL's stages read it, with two magnitudes that were not measured."""
    catalogue = store.catalogue
    columns = {name: catalogue[f"mag_{band}"].to_numpy(copy=True) for band, name in COLUMNS.items()}
    columns["mag_u_lsst"][:2] = 99.0
    names = np.array([name.encode() for name in catalogue["object_id"]])
    return {"photometry": {**columns, "redshift": catalogue["z"].to_numpy(), "object_id": names}}


@pytest.fixture(scope="module")
def network(store: CutoutStore) -> Any:
    """Handle of a network's run."""
    from photoz_lit.rail import PhotozLitImageInformer

    stage = PhotozLitImageInformer.make_stage(name="network", overrides=TINY)
    return stage.inform(store.path)


@pytest.fixture(scope="module")
def forest(store: CutoutStore) -> Any:
    """Handle of a cross-validated forest's run."""
    from photoz_lit.rail import PhotozLitCatalogueForestInformer

    overrides = ["network.trees=10", "cv.folds=5"]
    options = {"field": "hsc6b", "data_kind": "simulated", "magnitudes": COLUMNS, "overrides": overrides}
    return PhotozLitCatalogueForestInformer.make_stage(name="forest", **options).inform(table_of(store))


def environment() -> dict[str, str]:
    """For processes that find this checkout and this Python first."""
    import sys

    root = Path(__file__).parents[2]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PYTHONPATH": str(root), "PATH": path, "OMP_NUM_THREADS": "1"}
