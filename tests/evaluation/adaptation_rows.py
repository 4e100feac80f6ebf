"""Rows of a made-up study of adaptation with their galaxies: networks of known scatter and bias."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from photoz_lit.evaluation.metrics.point import delta_z, point_metrics
from photoz_lit.evaluation.nz.statistics import nz_distances

# method -> scatter and bias of its Δz on the target, and scatter on the source
METHODS = {
    "none": (0.040, -0.020, 0.020),
    "dann": (0.034, -0.010, 0.021),
    "guided_paired": (0.030, -0.006, 0.0204),
    "oracle": (0.024, 0.001, 0.036),
}
EDGES = np.linspace(0, 6, 81)


def adaptation_row(
    folder: Path, method: str, field: str, seed: int, n: int = 600, scale: float = 1.0, **settings: Any
) -> dict[str, Any]:
    """A row of ``results.json``; ``scale`` stretches what the method does beyond the oracle's scatter."""
    random = np.random.default_rng(n)
    z = random.gamma(3, 0.3, n)
    shared = random.normal(size=n)
    own = np.random.default_rng([seed, *map(ord, method + field)]).normal(size=n)
    sigma, bias, source = METHODS[method]
    sigma = METHODS["oracle"][0] + scale * (sigma - METHODS["oracle"][0])
    delta = sigma * (0.8 * shared + 0.6 * own) + scale * bias
    galaxies = {"object_id": [f"g{k}" for k in range(n)], "z": z, "z_phot": z + delta * (1 + z), "crps": np.abs(delta)}
    name = "_".join([field, method, *map(str, settings.values()), f"seed{seed}"])
    file = folder / "galaxies" / f"{name}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(galaxies).assign(z_source="truth").to_parquet(file)
    measured = point_metrics(delta_z(galaxies["z_phot"], z), 0.15)
    stacked, truth = (np.histogram(values, EDGES)[0] for values in (galaxies["z_phot"], z))
    faint = {k: measured[k] for k in ("sigma_mad", "eta", "bias")}
    return {
        "method": method, "field": field, "seed": seed, "data": "simulated", **settings, "n_test": n, **measured,
        "crps": float(np.abs(delta).mean()), "galaxies": name,
        "nz_tv": float(nz_distances(stacked, truth, EDGES)["tv"]), "nz_mean_shift": -0.01,
        "source_sigma_mad": source, "source_eta": 0.02, "source_bias": 0.0, "frozen_accuracy": 0.8,
        "probe_auc_before": 0.9, "probe_auc_after": 0.6,
        "by_mag": {"22-23": {"n": n // 2, **faint}, "23-24": {"n": n // 2, **faint}},
        "nz": {"z_min": 0.0, "z_max": 6.0, "stacked": stacked.tolist(), "truth": truth.tolist()},
    }  # fmt: skip
