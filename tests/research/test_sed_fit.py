"""The fit of spectra to real photometry finds what was put in."""

from __future__ import annotations

import numpy as np

from photoz_lit.fields import load_field
from photoz_lit.simulation.photometry import photometry_grid
from photoz_lit.simulation.spectra import COMPONENTS, CONTINUA
from research.sed_fit import fit_spectra, fit_zero_points


def test_fit_finds_the_zero_points_it_was_given() -> None:
    """Noise-free galaxies of the basis itself, one band shifted: the fit's residuals are small and show the shift."""
    bands = load_field("hsc6b").bands
    grid = photometry_grid({name: bands[name].filter for name in ("g", "r", "i")})
    rng = np.random.default_rng(0)
    n = 60
    weights = np.zeros((n, len(COMPONENTS)))
    weights[:, : len(CONTINUA)] = rng.dirichlet(np.ones(len(CONTINUA)), n)
    weights[:, len(CONTINUA) :] = (weights[:, : len(CONTINUA)] @ grid.uv)[:, None]
    z = rng.uniform(0.2, 1.0, n)
    magnitude = -2.5 * np.log10(grid.maggies(weights, z, np.full(n, 0.3), np.full(n, 0.02)))
    fit = fit_spectra(magnitude, z, 0.02, grid)
    assert np.median(np.abs(fit.residual)) < 0.01
    assert np.allclose(fit.shares.sum(axis=1), 1.0)
    assert np.abs(fit_zero_points(magnitude, z, 0.02, grid, rounds=1)).max() < 0.02
