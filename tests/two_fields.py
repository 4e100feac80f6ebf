"""A source and a target store of the same bands, alike but for their skies and conditions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from photoz_lit.data.domains import AdaptationSample, AdaptationSplit, join_fields, split_fields
from photoz_lit.data.store import CutoutStore
from photoz_lit.data.store_writer import write_store
from photoz_lit.fields import load_field
from tests.conftest import make_store


def changed(
    store: CutoutStore, path: Path, catalogue: pd.DataFrame, images: np.ndarray | None = None, **header: object
) -> CutoutStore:
    """A copy of a store with another catalogue and, where given, other images."""
    fresh = store.header.model_copy(update={"checksums": (), "catalogue_checksum": 0, **header})
    return write_store(path, fresh, store.images if images is None else images, catalogue)


def source_and_target(folder: Path, n: int = 100, n_target: int | None = None) -> tuple[CutoutStore, CutoutStore]:
    """Two stores 20° apart, the target dimmer by 10 % and noisier; both labelled, the target with ``z_true`` too."""
    source = make_store(folder / "source", n=n, seed=0)
    plain = make_store(folder / "plain", n=n_target or n, seed=1)
    noise = np.random.default_rng(9).normal(0, 0.1, plain.images.shape)
    images = (0.9 * np.asarray(plain.images) + noise).astype(np.float32)
    catalogue = plain.catalogue.assign(ra=plain.catalogue["ra"] + 20, z_true=plain.catalogue["z"] + 0.001)
    return source, changed(plain, folder / "target", catalogue, images)


def joined(
    source: CutoutStore, *targets: CutoutStore, labels: str = "source"
) -> tuple[AdaptationSample, AdaptationSplit]:
    """The two in one sample, and its split with fold 0 for testing."""
    sample = join_fields(source, targets, load_field("hsc6b"), 32, None, None, labels)
    return sample, split_fields(sample, 0, labels)
