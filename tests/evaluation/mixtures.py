"""Binned PDFs with a known truth: Gaussians on an unequal grid, some of them wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

import photoz_lit
from photoz_lit.evaluation.metrics.summary import summarise
from photoz_lit.evaluation.predictions.qp_file import write_pdfs_hdf5
from photoz_lit.evaluation.predictions.table import predictions_table
from photoz_lit.fields import Field, load_field
from photoz_lit.files import write_json

EDGES = np.concatenate([np.linspace(0, 2, 81)[:-1], np.linspace(2, 4, 21)])  # bins of 0.025, then of 0.1
SOURCES = ["spec", "grism", "prism"]


def gaussian_pdfs(
    n: int, seed: int = 0, scatter: float = 0.03, edges: NDArray[np.float64] = EDGES, outliers: float = 0.02
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """PDFs (n, n_bins), honest but for a few outliers, and the true redshifts (n,); the truth depends on n alone."""
    z = np.random.default_rng(n).gamma(3, 0.3, n).clip(0.02, edges[-1] - 0.2)
    random = np.random.default_rng(seed)
    width = scatter * (1 + z)
    centre = z + width * random.normal(size=n)
    wrong = random.random(n) < outliers
    centre[wrong] = random.uniform(0.2, 0.9 * edges[-1], wrong.sum())
    pdf = np.diff(norm.cdf((edges - centre[:, None]) / width[:, None]), axis=1) + 1e-9
    return pdf / pdf.sum(axis=1, keepdims=True), z


def galaxies(z: NDArray[np.float64], field: Field) -> pd.DataFrame:
    """A store's catalogue of galaxies with these redshifts: labels of three sources, and the truth."""
    random = np.random.default_rng(len(z))
    source = random.choice(SOURCES, len(z), p=[0.6, 0.2, 0.2])
    label = z + np.where(source == "spec", 0.0, 0.005) * (1 + z) * random.normal(size=len(z))
    table = {
        "object_id": [f"g{k}" for k in range(len(z))],
        "ra": 150 + random.random(len(z)),
        "dec": 2 + random.random(len(z)),
        "z": label,
        "z_source": source,
        "z_true": z,
        f"mag_{field.reference_band}": 19 + 4 * random.random(len(z)),
    }
    return pd.DataFrame(table)


def make_run(
    path: Path,
    experiment: str,
    seed: int,
    n: int = 400,
    scatter: float = 0.03,
    field: str = "hsc6b",
    config: dict[str, object] | None = None,
) -> Path:
    """A finished run folder, as a training writes it."""
    conditions = load_field(field)
    pdf, z = gaussian_pdfs(n, seed, scatter, conditions.z_edges)
    table = predictions_table(pdf, conditions.z_edges, galaxies(z, conditions), 0, conditions.reference_band)
    path.mkdir(parents=True)
    table.to_parquet(path / "predictions.parquet")
    write_pdfs_hdf5(path / "pdfs.hdf5", pdf, conditions.z_edges, table)
    versions = {"photoz_lit": photoz_lit.__version__, "git_commit": "abc"}
    settings = {"seed": seed, **(config or {})}
    made = {**versions, "seed": seed, "data": "simulated", "data_hash": "0123456789abcdef", "config": settings}
    write_json(path / "provenance.json", made)
    metrics = summarise(table, pdf, conditions.z_edges, conditions, "simulated")
    write_json(path / "metrics.json", {"experiment": experiment, "seed": seed, **metrics})
    return path
