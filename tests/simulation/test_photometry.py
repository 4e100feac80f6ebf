"""Synthetic photometry against speclite and astropy."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
import speclite.filters
from astropy.cosmology import FlatLambdaCDM

from photoz_lit.fields import Field
from photoz_lit.simulation.dust import galactic_reddening
from photoz_lit.simulation.igm import igm_transmission
from photoz_lit.simulation.photometry import NEBULAR_DUST_RATIO, PhotometryGrid, distance_modulus
from photoz_lit.simulation.spectra import COMPONENTS, CONTINUA, spectral_basis


def test_distance_modulus_is_astropys() -> None:
    z = np.array([0.004, 0.03, 0.5, 2.0, 6.0])
    assert np.allclose(distance_modulus(z), FlatLambdaCDM(H0=70, Om0=0.3).distmod(z).value, atol=1e-3)


@pytest.mark.parametrize(
    ("z", "a_v", "ebv"), [(0.05, 0.0, 0.0), (0.517, 0.5, 0.02), (1.31, 0.77, 0.1), (3.6, 0.2, 0.03)]
)
def test_magnitudes_agree_with_speclite(grid: PhotometryGrid, field: Field, z: float, a_v: float, ebv: float) -> None:
    rng = np.random.default_rng(3)
    weights = rng.random((1, len(COMPONENTS)))
    weights[:, len(CONTINUA) :] = 0.3 * weights[:, : len(CONTINUA)] @ grid.uv
    ours = -2.5 * np.log10(grid.maggies(weights, np.array([z]), np.array([a_v]), np.array([ebv]))[0])

    basis = spectral_basis()
    ratio = np.where(np.arange(len(COMPONENTS)) < len(CONTINUA), 1.0, NEBULAR_DUST_RATIO)
    dust = 10 ** (-0.4 * a_v * ratio[:, None] * basis.attenuation)
    observed = basis.wavelength * (1 + z)
    flux = (weights[0][:, None] * basis.flux * dust).sum(axis=0) / (1 + z) * igm_transmission(observed, z)
    flux *= 10 ** (-0.4 * (ebv * galactic_reddening(observed) + distance_modulus(np.array([z]))[0]))
    names = [next(iter(band.filter)).split(":")[1] for band in field.bands.values()]
    table = speclite.filters.load_filters(*names).get_ab_magnitudes(
        flux * u.erg / u.s / u.cm**2 / u.AA, observed * u.AA, mask_invalid=False
    )
    theirs = np.array([table[0][name] for name in names])
    assert np.allclose(ours, theirs, atol=0.015)


def test_parts_add_up(grid: PhotometryGrid) -> None:
    rng = np.random.default_rng(0)
    weights, share = rng.random((5, len(COMPONENTS))), rng.random((5, len(COMPONENTS)))
    z, a_v, ebv = rng.uniform(0.1, 3, 5), rng.uniform(0, 2, 5), np.full(5, 0.02)
    parts = grid.maggies(np.stack([weights * share, weights * (1 - share)], axis=1), z, a_v, ebv)
    assert np.allclose(parts.sum(axis=1), grid.maggies(weights, z, a_v, ebv), rtol=1e-12)


def test_u_band_drops_out_at_high_redshift(grid: PhotometryGrid) -> None:
    weights = np.zeros((2, len(COMPONENTS)))
    weights[:, CONTINUA.index("cww_im")] = 1.0
    g, r, _ = grid.maggies(weights, np.array([2.0, 4.5]), np.zeros(2), np.zeros(2)).T
    assert g[0] / r[0] > 0.7
    assert g[1] / r[1] < 0.2
