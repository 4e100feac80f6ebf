"""Simulated SDSS galaxies beside real ones: colours at fixed g - r, and what a forest makes of either."""

from __future__ import annotations

import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor

from photoz_lit.evaluation.metrics.point import bias, delta_z, outlier_fraction, sigma_mad
from photoz_lit.fields import Field, conf_directory
from photoz_lit.simulation.catalogue import read_catalogue
from photoz_lit.simulation.settings import CatalogueMapping, SimulationSettings
from photoz_lit.simulation.simulate import simulate_catalogue

FloatArray = NDArray[np.float64]

BANDS = ("u", "g", "r", "i", "z")
COLOURS = (("u", "g"), ("r", "i"), ("i", "z"))
SIMULATED = 6000
TRAINED_ON = 3000
SLICES = 24  # of g - r, each with as many galaxies


def real_galaxies(path: Path, field: Field) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    """Galaxies of the SDSS table with all magnitudes, and which of them are for tuning (a hash of the row's name)."""
    content = yaml.safe_load((conf_directory() / "simulation" / "sdss_gz.yaml").read_text("utf-8"))
    real, _ = read_catalogue(path, CatalogueMapping.model_validate(content["mapping"]), field)
    return real, np.array([zlib.crc32(str(name).encode()) % 2 == 0 for name in real["object_id"]])


def simulated_galaxies(field: Field, settings: SimulationSettings, seed: int) -> pd.DataFrame:
    """Simulated galaxies of the field that have all magnitudes, ``z`` the true redshift."""
    plan = settings.model_copy(update={"catalogue": None, "mapping": None, "stamps": False, "n_galaxies": SIMULATED})
    sample = simulate_catalogue(field, plan, seed)
    whole = sample[[f"mag_{band}" for band in BANDS]].notna().all(axis=1)
    return sample[whole].assign(z=sample["z_true"]).reset_index(drop=True)


def scatter_at_fixed_colour(catalogue: pd.DataFrame) -> dict[str, float]:
    """Robust scatter [mag] of each of :data:`COLOURS` about a straight line in slices of g - r, by name (``r-i``)."""
    fixed = _colour(catalogue, ("g", "r"))
    edges = np.quantile(fixed, np.linspace(0.02, 0.98, SLICES + 1))
    found = {}
    for pair in COLOURS:
        colour = _colour(catalogue, pair)
        residual = []
        for low, high in pairwise(edges):
            inside = (fixed >= low) & (fixed < high)
            misfit = colour[inside] - np.polyval(np.polyfit(fixed[inside], colour[inside], 1), fixed[inside])
            residual.append(misfit - np.median(misfit))
        found["-".join(pair)] = sigma_mad(np.concatenate(residual))
    return found


def forest_rows(
    real: pd.DataFrame, tuning: NDArray[np.bool_], simulated: pd.DataFrame, seed: int
) -> list[dict[str, Any]]:
    """Forests of 3 000 galaxies: real on real, simulated on simulated, simulated on the real report half."""
    first = np.random.default_rng(seed).permutation(len(real))
    rows = []
    for name, train, test in (
        ("real", real.iloc[first[:TRAINED_ON]], real.iloc[first[TRAINED_ON:]]),
        ("simulated", simulated[:TRAINED_ON], simulated[TRAINED_ON:]),
        ("simulated", simulated[:TRAINED_ON], real[~tuning]),
    ):
        forest = RandomForestRegressor(200, min_samples_leaf=3, random_state=seed, n_jobs=-1)
        z_phot = forest.fit(_features(train), train["z"]).set_params(n_jobs=1).predict(_features(test))
        delta = delta_z(z_phot, test["z"].to_numpy())
        rows.append(
            {
                "method": "catalogue_forest",
                "field": "sdss",
                "trained_on": name,
                "tested_on": "simulated" if "z_true" in test else "real",
                "seed": seed,
                "n_train": len(train),
                "n_test": len(test),
                "sigma_mad": sigma_mad(delta),
                "eta": outlier_fraction(delta, 0.05),
                "bias": bias(delta),
            }
        )
    return rows


def _features(catalogue: pd.DataFrame) -> FloatArray:
    magnitude = catalogue[[f"mag_{band}" for band in BANDS]].to_numpy(np.float64)
    return np.column_stack([-np.diff(magnitude, axis=1), magnitude[:, BANDS.index("r")]])


def _colour(catalogue: pd.DataFrame, pair: tuple[str, str]) -> FloatArray:
    return np.asarray(catalogue[f"mag_{pair[0]}"] - catalogue[f"mag_{pair[1]}"], np.float64)
