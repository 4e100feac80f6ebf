"""PDFs recalibrated where a galaxy lies: by the width of its PDF, its magnitude and a colour of its catalogue.

Galaxies of one PDF width are not alike: among bright ones PDFs may be too wide and among faint ones too narrow. The map
of the CDF is that of :mod:`photoz_lit.evaluation.calibration.pit`; its weights are given on a grid of knots in width,
magnitude and colour and interpolated linearly between them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from photoz_lit.evaluation.calibration.mixture import (
    PARTS,
    Floats,
    held_out_likelihood,
    knot_shares,
    label_bins,
    likeliest_weights,
    log_width_of,
    mapped_pdf,
    mean_densities,
    rank_knots,
)
from photoz_lit.evaluation.calibration.pit import PitCalibration, fit_pit_calibration

DEGREES = (6, 15)
#: Numbers of knots that are tried in width, magnitude and colour.
KNOTS = ((1, 3, 1), (3, 3, 1), (4, 4, 1), (3, 5, 1), (3, 3, 3), (4, 4, 3))
PER_KNOT = 100  # galaxies at least
_BLOCK = 4096


@dataclass(frozen=True)
class LocalCalibration:
    """A recalibration of PDFs that knows a galaxy's magnitude and colour.

    Attributes
    ----------
    elsewhere : for galaxies whose magnitude or colour is unknown.
    knots : of ln width, magnitude and colour, three arrays, ascending.
    weights : of the D Beta distributions at each knot of the grid, (K, D); rows sum to 1.
    """

    elsewhere: PitCalibration
    knots: tuple[Floats, ...]
    weights: Floats

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> LocalCalibration:
        """Return the one whose :attr:`content` this is.

        Raises
        ------
        ValueError, KeyError, TypeError : it is none.
        """
        knots = tuple(np.array(one, np.float64) for one in content["knots_of"])
        weights = np.array(content["weights_of"], np.float64)
        if weights.shape[:1] != (int(np.prod([len(one) for one in knots])),) or not np.allclose(weights.sum(axis=1), 1):
            raise ValueError("its weights do not fit its knots")
        return cls(PitCalibration.of(content["elsewhere"]), knots, weights)

    @property
    def content(self) -> dict[str, Any]:
        """Its numbers as lists, for JSON, which keeps them bit by bit."""
        return {
            "elsewhere": self.elsewhere.content,
            "knots_of": [one.tolist() for one in self.knots],
            "weights_of": self.weights.tolist(),
        }

    def apply(self, pdf: NDArray[Any], z_edges: ArrayLike, places: Floats | None = None) -> NDArray[np.float32]:
        """Recalibrate PDFs (N, n_bins) of probabilities on the bins ``z_edges`` (n_bins + 1,).

        ``places`` are magnitude and colour of each galaxy, (N, 2), NaN where unknown; None: unknown for all.
        """
        out = self.elsewhere.apply(pdf, z_edges)
        if places is None:
            return out
        known = np.flatnonzero(np.isfinite(places).all(axis=1))
        if len(known):
            out = np.array(out)
        for start in range(0, len(known), _BLOCK):
            rows = known[start : start + _BLOCK]
            block = np.asarray(pdf[rows], np.float64)
            weights = _shares(log_width_of(block, z_edges), places[rows], self.knots) @ self.weights
            out[rows] = mapped_pdf(block, weights)
        return out


def fit_local_calibration(
    pdf: NDArray[Any], z_edges: ArrayLike, z: ArrayLike, places: Floats, weight: ArrayLike | None = None
) -> LocalCalibration | PitCalibration:
    """Fit a recalibration to galaxies with known redshift that the PDFs were not trained on.

    Numbers of knots and of Beta distributions are those of the best likelihood in a five-fold cross-validation within
    these galaxies.

    Parameters
    ----------
    pdf : probabilities, (N, n_bins).
    z_edges : (n_bins + 1,).
    z : redshifts on the grid, (N,).
    places : magnitude and colour, (N, 2), NaN where unknown; see :func:`places_of`.
    weight : of the galaxies, (N,); None counts all alike.

    Returns
    -------
    The recalibration; one by width alone where fewer than 300 galaxies have magnitude and colour.
    """
    edges, redshift = np.asarray(z_edges, np.float64), np.asarray(z, np.float64)
    given = np.ones(len(redshift)) if weight is None else np.asarray(weight, np.float64)
    elsewhere = fit_pit_calibration(pdf, edges, redshift, given)
    known = np.isfinite(places).all(axis=1) & (given > 0)
    if np.count_nonzero(known) < PER_KNOT * min(int(np.prod(one)) for one in KNOTS):
        return elsewhere
    probability, place, given = np.asarray(pdf, np.float64)[known], places[known], given[known]
    log_width = log_width_of(probability, edges)
    low, high = label_bins(probability, edges, redshift[known])
    part = np.random.default_rng(0).permutation(len(place)) % PARTS
    best: tuple[float, tuple[Floats, ...], Floats, Floats] | None = None
    for degree in DEGREES:
        density = mean_densities(low, high, degree)
        for numbers in KNOTS:
            if len(place) < PER_KNOT * int(np.prod(numbers)):
                continue
            axes = (log_width, *place.T)
            knots = tuple(rank_knots(axis, number) for axis, number in zip(axes, numbers, strict=True))
            shares = _shares(log_width, place, knots)
            likelihood = held_out_likelihood(shares, density, given, part)
            if best is None or likelihood > best[0]:
                best = likelihood, knots, shares, density
    assert best is not None
    _, knots, shares, density = best
    return LocalCalibration(elsewhere, knots, likeliest_weights(shares, density, given))


def places_of(catalogue: pd.DataFrame, bands: Sequence[str], reference_band: str) -> Floats:
    """Return magnitude in the reference band and colour, the band before it less it, (N, 2), NaN where unknown.

    The first band of all has the colour with the band after it.

    Parameters
    ----------
    catalogue : with ``mag_<band>``, N rows.
    bands : names, in the order of wavelength.
    reference_band : of the field.
    """
    number = list(bands).index(reference_band) if reference_band in bands else 0
    pair = (bands[number - 1], bands[number]) if number else (bands[0], bands[min(1, len(bands) - 1)])
    blue, red = (_magnitudes(catalogue, band) for band in pair)
    return np.stack([_magnitudes(catalogue, bands[number]), blue - red], axis=1)


def _magnitudes(catalogue: pd.DataFrame, band: str) -> Floats:
    name = f"mag_{band}"
    return catalogue[name].to_numpy(np.float64) if name in catalogue else np.full(len(catalogue), np.nan)


def _shares(log_width: Floats, places: Floats, knots: Sequence[Floats]) -> Floats:
    """Share of each knot of the grid in each galaxy's weights, (N, K)."""
    shares = np.ones((len(log_width), 1))
    for axis, along in zip((log_width, *places.T), knots, strict=True):
        shares = (shares[:, :, None] * knot_shares(axis, along)[:, None, :]).reshape(len(axis), -1)
    return shares
