"""Benchmark of the merge: a million photometric and a hundred thousand labelled galaxies on a 50 × 50 map."""

from __future__ import annotations

import resource
import time

import numpy as np
import pandas as pd

from photoz_lit.labels.build import build_labels
from photoz_lit.labels.settings import LabelsSettings, SomSettings
from photoz_lit.labels.sources import LabelCatalogue

BANDS = "ugrizyjhk"
N_TARGET, N_LABELS, SIDE = 1_000_000, 100_000, 50


def random_photometry(n: int, random: np.random.Generator) -> pd.DataFrame:
    """Galaxies on a smooth three-dimensional surface of magnitude–colour space, with noise: a load, no universe."""
    z, kind, i = random.gamma(3, 0.3, n), random.random(n), 18 + 7 * random.power(4, n)
    table = pd.DataFrame({"object_id": np.arange(n).astype(str).astype(object), "z_true": z})
    table["ra"], table["dec"] = random.uniform(140, 160, n), random.uniform(-5, 15, n)
    wavelength = np.linspace(0.36, 2.2, len(BANDS))
    for band, at in zip(BANDS, wavelength, strict=True):
        rest = at / (1 + z)
        break_strength = (0.5 + 2 * kind) / (1 + np.exp((rest - 0.4) / 0.05))
        table[f"mag_{band}"] = i + break_strength - 0.4 * rest + 0.05 * random.standard_normal(n)
    return table


def benchmark_merge(seed: int = 0, n_target: int = N_TARGET, n_labels: int = N_LABELS) -> dict[str, float]:
    """Match, place, merge and smooth, as ``task=labels`` does.

    Returns
    -------
    ``seconds`` of :func:`build_labels`, ``peak_memory_gb`` of the process since its start, ``n_target``, ``n_labels``,
    ``cells``, ``merged`` and ``quantisation_error``.
    """
    random = np.random.default_rng(seed)
    photometry = random_photometry(n_target, random).assign(in_target=True)
    chosen = photometry.iloc[random.choice(n_target, n_labels, replace=False)]
    bright = chosen["mag_i"].to_numpy() < 22.5
    noise = random.standard_normal(n_labels)
    z = chosen["z_true"].to_numpy() * (1 + np.where(bright, 0.0005, 0.02) * noise)
    labels = pd.DataFrame({"ra": chosen["ra"], "dec": chosen["dec"], "z": z, "z_err": 0.01, "z_quality": ""})
    sources = [
        LabelCatalogue("spec", "spec", labels[bright].reset_index(drop=True)),
        LabelCatalogue("cosmos2020", "photo", labels[~bright].reset_index(drop=True)),
    ]
    settings = LabelsSettings(som=SomSettings(rows=SIDE, columns=SIDE))
    start = time.perf_counter()
    result = build_labels(photometry, sources, settings, "simulated", seed)
    return {
        "seconds": time.perf_counter() - start,
        "peak_memory_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2,
        "n_target": n_target,
        "n_labels": n_labels,
        "cells": result.som.n_cells,
        "merged": len(result.catalogue),
        "quantisation_error": result.report["map"]["quantisation_error"],
    }
