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
from scipy.special import betainc

from photoz_lit.evaluation.metrics.pdf import DENSITY_FLOOR, pdf_width

Floats = NDArray[np.float64]

#: Numbers of knots in ln w and of Beta distributions that are tried; one distribution is the identity.
KNOTS = (1, 2, 3)
DEGREES = (1, 3, 6, 10, 15)
FEWEST = 100  # galaxies; fewer leave the PDFs as they are
PER_KNOT = 100  # galaxies at least
PARTS = 5  # of the cross-validation that chooses between them
STEPS = 200  # of expectation and maximisation
PSEUDO_COUNT = 1.0  # galaxies per knot that are shared evenly: no weight becomes 0
MIN_WIDTH = 1e-5
MIN_PROBABILITY = 1e-9
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
            log_width = _log_width(block, z_edges)
            weights = _shares(log_width, self.knots) @ self.weights
            betas = _betas(_cdf(_raised(block, z_edges, log_width, self.power)), weights.shape[1])
            mapped = sum(w[:, None] * beta for w, beta in zip(weights.T, betas, strict=True))
            out[part] = np.maximum(np.diff(mapped, axis=1), 0.0)  # rounding may leave −1e-17
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
    log_width = _log_width(probability, edges)
    part = np.random.default_rng(0).permutation(len(redshift)) % PARTS
    best: tuple[float, PitCalibration] | None = None
    for power in (np.zeros(2), _likeliest_power(probability, edges, redshift, log_width, given)):
        low, high = _label_bins(_raised(probability, edges, log_width, power), edges, redshift)
        of_power = float(np.sum(given * np.log(np.maximum(high - low, MIN_PROBABILITY))))
        for degree in DEGREES:
            density = _density(low, high, degree)
            for number in KNOTS if degree > 1 else KNOTS[:1]:
                if number > 1 and len(redshift) < PER_KNOT * number:
                    continue
                knots = _knots(log_width, number)
                shares = _shares(log_width, knots)
                likelihood = of_power + _held_out(shares, density, given, part)
                if best is None or likelihood > best[0]:
                    best = likelihood, PitCalibration(power, knots, _maximised(shares, density, given))
    assert best is not None
    return best[1]


def _held_out(shares: Floats, density: Floats, given: Floats, part: NDArray[np.int64]) -> float:
    """Log likelihood of each part's galaxies with weights that were fitted to the other parts."""
    total = 0.0
    for held in range(PARTS):
        known = part != held
        weights = _maximised(shares[known], density[known], given[known])
        mean = np.einsum("nk,kd,nd->n", shares[~known], weights, density[~known])
        total += float(np.sum(given[~known] * np.log(np.maximum(mean, MIN_PROBABILITY))))
    return total


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
    number = _bin_of(edges, z)
    row = np.arange(len(z))

    def loss(power: Floats) -> float:
        found = _raised(pdf, edges, log_width, power)[row, number] / np.diff(edges)[number]
        return float(-np.sum(given * np.log(np.maximum(found, DENSITY_FLOOR))) + 0.5 * np.sum(power**2))

    return np.asarray(minimize(loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-2}).x)


def _bin_of(edges: Floats, z: Floats) -> NDArray[np.int64]:
    return np.clip(np.searchsorted(edges, z, side="right") - 1, 0, len(edges) - 2)


def _cdf(pdf: Floats) -> Floats:
    """CDF at the bins' edges, (N, n_bins + 1)."""
    cdf = np.concatenate([np.zeros((len(pdf), 1)), np.cumsum(pdf, axis=1)], axis=1)
    return np.asarray(cdf / cdf[:, -1:])


def _log_width(pdf: Floats, z_edges: ArrayLike) -> Floats:
    return np.asarray(np.log(np.maximum(pdf_width(pdf, z_edges), MIN_WIDTH)))


def _label_bins(pdf: Floats, edges: Floats, z: Floats) -> tuple[Floats, Floats]:
    """CDF at the lower and the upper edge of each label's bin, (N,)."""
    number = _bin_of(edges, z)
    cdf, row = _cdf(pdf), np.arange(len(z))
    return cdf[row, number], cdf[row, number + 1]


def _betas(cdf: Floats, degree: int) -> list[Floats]:
    """CDFs of the Beta distributions (d, degree + 1 − d), d = 1…degree, at values in [0, 1]; their mean is uniform."""
    clipped = np.clip(cdf, 0.0, 1.0)
    return [np.asarray(betainc(d, degree + 1 - d, clipped)) for d in range(1, degree + 1)]


def _density(low: Floats, high: Floats, degree: int) -> Floats:
    """Mean density of each Beta distribution over each label's bin in PIT, (N, degree): exact for binned labels."""
    wide = np.maximum(high - low, 1e-9)
    middle = 0.5 * (low + high)
    low, high = np.clip(middle - 0.5 * wide, 0, 1 - 1e-9), np.clip(middle + 0.5 * wide, 1e-9, 1)
    bounds = zip(_betas(low, degree), _betas(high, degree), strict=True)
    return np.stack([np.maximum(above - below, 0.0) / (high - low) for below, above in bounds], axis=1)


def _knots(log_width: Floats, number: int) -> Floats:
    """Knots at equal steps in the rank of the width, the first and the last a twentieth within."""
    levels = [0.5] if number == 1 else np.linspace(0.05, 0.95, number)
    return np.unique(np.quantile(log_width, levels))


def _shares(log_width: Floats, knots: Floats) -> Floats:
    """Share of each knot in each PDF's weights, (N, K): linear between knots, constant beyond them."""
    return np.stack([np.interp(log_width, knots, one) for one in np.eye(len(knots))], axis=1)


def _maximised(shares: Floats, density: Floats, given: Floats) -> Floats:
    """Weights (K, D) of largest likelihood for Σ_k share_k Σ_d weight_kd density_d, by expectation-maximisation."""
    knots, degree = shares.shape[1], density.shape[1]
    weights = np.full((knots, degree), 1.0 / degree)
    for _ in range(STEPS if degree > 1 else 0):
        of_galaxy = np.einsum("nk,kd,nd->n", shares, weights, density)
        counts = weights * np.einsum("nk,nd->kd", shares * (given / np.maximum(of_galaxy, 1e-300))[:, None], density)
        counts += PSEUDO_COUNT / degree
        weights = counts / counts.sum(axis=1, keepdims=True)
    return weights
