"""What a network makes of target fields, against what it makes of its source: N(z), and bias, scatter and outliers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.evaluation.metrics.point import bias, delta_z, outlier_fraction, sigma_mad
from photoz_lit.evaluation.mismatch.magnitude_match import matched_rows
from photoz_lit.evaluation.nz.statistics import coarse_edges, nz_distances, nz_moments

Floats = NDArray[np.float64]

BOOTSTRAPS = 100
MINIMUM = 10  # galaxies of a group
ALL, MATCHED = "all", "matched"


@dataclass(frozen=True)
class FieldPredictions:
    """A network's predictions of one field, for galaxies that it was not trained on.

    Attributes
    ----------
    name : of the field.
    pdf : probabilities, (n, n_bins).
    z_phot : medians of the PDFs, (n,).
    truth : redshifts to compare with, (n,), NaN where unknown.
    magnitude : [AB], (n,).
    """

    name: str
    pdf: NDArray[np.float32]
    z_phot: Floats
    truth: Floats
    magnitude: Floats


def redshift_table(
    fields: Sequence[FieldPredictions], z_edges: Floats, threshold: float, seed: int = 0
) -> pd.DataFrame:
    """Compare every field with the source (the first) group by group.

    Returns
    -------
    One row per field and ``group``: ``all``, ``matched`` (as many galaxies of both, with the same magnitudes; the
    source's own row has none) and the source's quartiles of magnitude (``mag 21.0-22.5``). ``n``, ``nz_mean``, and
    against the source's same group ``nz_mean_shift`` with ``nz_mean_shift_err``, ``nz_tv`` (total variation of the
    stacked PDFs in 80 bins) with ``nz_tv_noise`` (what two bootstrap samples of the source's differ by); with known
    redshifts ``n_truth``, ``bias``, ``sigma_mad``, ``eta`` and their differences ``d_<name>``, with the errors of the
    mean ``bias_err`` and ``d_bias_err``.
    """
    source = fields[0]
    edges = magnitude_edges(source.magnitude)
    rows = []
    for field in fields:
        groups = {ALL: (np.arange(len(source.pdf)), np.arange(len(field.pdf)))}
        if field is not source:
            groups[MATCHED] = matched_rows(source.magnitude, field.magnitude, seed, (source.name, field.name))
        for low, high in pairwise(edges):
            inside = [np.flatnonzero((f.magnitude >= low) & (f.magnitude < high)) for f in (source, field)]
            groups[f"mag {low:.1f}-{high:.1f}"] = (inside[0], inside[1])
        for group, (theirs, own) in groups.items():
            row: dict[str, Any] = {"field": field.name, "group": group, "n": len(own)}
            if min(len(theirs), len(own)) >= MINIMUM:
                row |= _nz(source.pdf[theirs], field.pdf[own], z_edges, seed)
                row |= _metrics(source, theirs, field, own, threshold)
            rows.append(row)
    return pd.DataFrame(rows)


def magnitude_edges(magnitude: Floats) -> Floats:
    """Edges of four bins of equal number, (5,); none where no magnitude is known."""
    known = magnitude[np.isfinite(magnitude)]
    if len(known) < 4 * MINIMUM:
        return np.zeros(0)
    edges = np.unique(np.round(np.quantile(known, [0.0, 0.25, 0.5, 0.75, 1.0]), 1))
    edges[0], edges[-1] = np.floor(10 * known.min()) / 10, np.ceil(10 * known.max() + 1e-6) / 10
    return edges


def _nz(theirs: NDArray[np.float32], own: NDArray[np.float32], z_edges: Floats, seed: int) -> dict[str, float]:
    """Moments and distances of stacked PDFs, errors by a Poisson bootstrap of both."""
    random = np.random.default_rng(seed)

    def stacks(pdf: NDArray[np.float32], draws: int, size: int) -> Floats:
        weights = random.poisson(size / len(pdf), (draws, len(pdf))).astype(np.float32)
        return np.asarray((weights @ pdf).T, np.float64)

    coarse = coarse_edges(z_edges)
    a, b = theirs.sum(axis=0, dtype=np.float64), own.sum(axis=0, dtype=np.float64)
    mean_a, mean_b = (float(nz_moments(c, z_edges)["mean"]) for c in (a, b))
    drawn_a, drawn_b = stacks(theirs, BOOTSTRAPS, len(theirs)), stacks(own, BOOTSTRAPS, len(own))
    shifts = nz_moments(drawn_b, z_edges)["mean"] - nz_moments(drawn_a, z_edges)["mean"]
    noise = nz_distances(stacks(theirs, BOOTSTRAPS, len(own)), drawn_a, z_edges, coarse)["tv"]
    return {
        "nz_mean": mean_b,
        "nz_mean_shift": mean_b - mean_a,
        "nz_mean_shift_err": float(np.std(shifts)),
        "nz_tv": float(nz_distances(b, a, z_edges, coarse)["tv"]),
        "nz_tv_noise": float(np.mean(noise)),
    }


def _metrics(
    source: FieldPredictions, theirs: NDArray[np.int64], field: FieldPredictions, own: NDArray[np.int64], limit: float
) -> dict[str, float]:
    found: list[dict[str, float]] = []
    for one, rows in ((source, theirs), (field, own)):
        known = rows[np.isfinite(one.truth[rows])]
        values = dict.fromkeys(("bias", "bias_err", "sigma_mad", "eta"), np.nan)
        if len(known) >= MINIMUM:
            delta = delta_z(one.z_phot[known], one.truth[known])
            error = float(delta.std(ddof=1) / np.sqrt(len(delta)))
            values = {"bias": bias(delta), "bias_err": error, "sigma_mad": sigma_mad(delta)}
            values["eta"] = outlier_fraction(delta, limit)
        found.append({"n_truth": len(known), **values})
    shifts = {f"d_{name}": found[1][name] - found[0][name] for name in ("bias", "sigma_mad", "eta")}
    shifts["d_bias_err"] = 0.0 if field is source else float(np.hypot(found[0]["bias_err"], found[1]["bias_err"]))
    return {**found[1], **shifts}
