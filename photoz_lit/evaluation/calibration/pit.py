"""PDFs recalibrated in two steps, both of which depend on how wide a PDF is.

First the density p becomes p^γ, which widens or narrows it; γ is a power law in the PDF's width. Then its CDF C becomes
R(C), where R is the distribution of the PIT values of galaxies with known redshift and PDFs of like width (Bordoloi et
al. 2010, MNRAS 406, 881, who take one R for all). R is a mixture of Beta distributions, the Bernstein estimate of a
density on [0, 1] (Vitale 1975): smooth, monotone, and the identity where its weights are equal. Its weights are given
at a few knots in the logarithm of the width and interpolated between them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize

from photoz_lit.evaluation.calibration.mixture import (
    MIN_PROBABILITY,
    PARTS,
    Floats,
    bin_of,
    held_out_likelihood,
    knot_shares,
    label_bins,
    likeliest_weights,
    log_width_of,
    mapped_pdf,
    mean_densities,
    rank_knots,
)
from photoz_lit.evaluation.metrics.pdf import DENSITY_FLOOR

#: Numbers of knots in ln w and of Beta distributions that are tried; one distribution is the identity.
KNOTS = (1, 2, 3)
DEGREES = (1, 3, 6, 10, 15)
FEWEST = 100  # galaxies; fewer leave the PDFs as they are
PER_KNOT = 100  # galaxies at least
LOG_WIDTH, LOG_POWER = float(np.log(0.03)), (-1.6, 1.6)  # where γ is given, and its bounds: a fifth to five
_BLOCK = 4096


@dataclass(frozen=True)
class PitCalibration:
    """A recalibration of PDFs.

    Attributes
    ----------
    power : ln γ of a PDF of the width 0.03, and its slope with ln width, (2,); zeros leave the PDFs as they are.
    knots : ln of the PDFs' width where the weights are given, (K,), ascending.
    weights : of the D Beta distributions at each knot, (K, D); rows sum to 1.
    """

    power: Floats
    knots: Floats
    weights: Floats

    @classmethod
    def identity(cls) -> PitCalibration:
        """Return the one that leaves PDFs as they are."""
        return cls(np.zeros(2), np.array([LOG_WIDTH]), np.ones((1, 1)))

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> PitCalibration:
        """Return the one whose :attr:`content` this is.

        Raises
        ------
        ValueError, KeyError, TypeError : it is none.
        """
        power, knots, weights = (np.array(content[name], np.float64) for name in ("power", "knots", "weights"))
        if power.shape != (2,) or weights.shape[:1] != knots.shape or not np.allclose(weights.sum(axis=1), 1):
            raise ValueError("its weights do not fit its knots")
        return cls(power, knots, weights)

    @property
    def content(self) -> dict[str, Any]:
        """Its numbers as lists, for JSON, which keeps them bit by bit."""
        return {name: getattr(self, name).tolist() for name in ("power", "knots", "weights")}

    @property
    def leaves_all(self) -> bool:
        """Whether it leaves PDFs as they are."""
        return not self.power.any() and self.weights.shape[1] == 1

    def apply(self, pdf: NDArray[Any], z_edges: ArrayLike) -> NDArray[np.float32]:
        """Recalibrate PDFs (N, n_bins) of probabilities on the bins ``z_edges`` (n_bins + 1,)."""
        if self.leaves_all:
            return np.asarray(pdf, np.float32)
        out = np.empty(pdf.shape, np.float32)
        for start in range(0, len(pdf), _BLOCK):
            part = slice(start, start + _BLOCK)
            block = np.asarray(pdf[part], np.float64)
            log_width = log_width_of(block, z_edges)
            weights = knot_shares(log_width, self.knots) @ self.weights
            out[part] = mapped_pdf(_raised(block, z_edges, log_width, self.power), weights)
        return out


def fit_pit_calibration(
    pdf: NDArray[Any], z_edges: ArrayLike, z: ArrayLike, weight: ArrayLike | None = None
) -> PitCalibration:
    """Fit a recalibration to galaxies with known redshift that the PDFs were not trained on.

    Whether there is a power, and the numbers of knots and of Beta distributions, are those of the best likelihood in a
    five-fold cross-validation within these galaxies; the identity (no power, one distribution) is among them.

    Parameters
    ----------
    pdf : probabilities, (N, n_bins).
    z_edges : (n_bins + 1,).
    z : redshifts on the grid, (N,).
    weight : of the galaxies, (N,); None counts all alike. Where fewer than ``FEWEST`` count, nothing is fitted.
    """
    if (len(pdf) if weight is None else np.count_nonzero(weight)) < FEWEST:
        return PitCalibration.identity()
    edges, redshift = np.asarray(z_edges, np.float64), np.asarray(z, np.float64)
    given = np.ones(len(redshift)) if weight is None else np.asarray(weight, np.float64)
    probability = np.asarray(pdf, np.float64)
    log_width = log_width_of(probability, edges)
    part = np.random.default_rng(0).permutation(len(redshift)) % PARTS
    best: tuple[float, PitCalibration] | None = None
    for power in (np.zeros(2), _likeliest_power(probability, edges, redshift, log_width, given)):
        low, high = label_bins(_raised(probability, edges, log_width, power), edges, redshift)
        of_power = float(np.sum(given * np.log(np.maximum(high - low, MIN_PROBABILITY))))
        for degree in DEGREES:
            density = mean_densities(low, high, degree)
            for number in KNOTS if degree > 1 else KNOTS[:1]:
                if number > 1 and len(redshift) < PER_KNOT * number:
                    continue
                knots = rank_knots(log_width, number)
                shares = knot_shares(log_width, knots)
                likelihood = of_power + held_out_likelihood(shares, density, given, part)
                if best is None or likelihood > best[0]:
                    best = likelihood, PitCalibration(power, knots, likeliest_weights(shares, density, given))
    assert best is not None
    return best[1]


def _raised(pdf: Floats, z_edges: ArrayLike, log_width: Floats, power: Floats) -> Floats:
    """PDFs whose density is raised to the power γ of their width, (N, n_bins), sums of 1."""
    if not power.any():
        return pdf
    wide = np.diff(np.asarray(z_edges, np.float64))
    exponent = np.exp(np.clip(power[0] + power[1] * (log_width - LOG_WIDTH), *LOG_POWER))[:, None]
    density = pdf / wide
    raised = (density / density.max(axis=1, keepdims=True)) ** exponent * wide
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _likeliest_power(pdf: Floats, edges: Floats, z: Floats, log_width: Floats, given: Floats) -> Floats:
    """Logarithm of γ at the width 0.03 and its slope, of largest likelihood under a normal prior of width 1."""
    number = bin_of(edges, z)
    row = np.arange(len(z))

    def loss(power: Floats) -> float:
        found = _raised(pdf, edges, log_width, power)[row, number] / np.diff(edges)[number]
        return float(-np.sum(given * np.log(np.maximum(found, DENSITY_FLOOR))) + 0.5 * np.sum(power**2))

    return np.asarray(minimize(loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-2}).x)
