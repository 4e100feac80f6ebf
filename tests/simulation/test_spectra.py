"""Filters, dust, intergalactic medium and the spectral basis against published values."""

from __future__ import annotations

import numpy as np
import pytest
import speclite.filters

from photoz_lit.errors import InputError
from photoz_lit.simulation.dust import galactic_reddening, starburst_attenuation
from photoz_lit.simulation.filters import filter_curve, mixed_response
from photoz_lit.simulation.igm import igm_transmission
from photoz_lit.simulation.spectra import COMPONENTS, CONTINUA, LINES, OII_PER_UV, spectral_basis


def test_filter_curve_has_speclites_effective_wavelength() -> None:
    wavelength, response = filter_curve("speclite:hsc2017-i2")
    library = speclite.filters.load_filter("hsc2017-i2")
    mean = np.average(wavelength, weights=response * np.gradient(wavelength))
    assert mean == pytest.approx(np.average(library.wavelength, weights=library.response), rel=2e-3)


def test_vircam_bands_are_in_order() -> None:
    curves = [filter_curve(f"sedpy:vista_vircam_{band}") for band in ("J", "H", "Ks")]
    peaks = [np.average(wavelength, weights=response) for wavelength, response in curves]
    assert np.allclose(peaks, [12520, 16450, 21470], rtol=0.02)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("speclite:hsc2017-q", "unknown filter 'speclite:hsc2017-q'; did you mean 'hsc2017-"),
        ("sedpy:vista_vircam_JJ", "did you mean 'vista_vircam_J'"),
        ("hsc-r", "not of the form"),
    ],
)
def test_unknown_filter_is_named_with_the_nearest(name: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        filter_curve(name)


def test_mixture_lies_between_its_filters() -> None:
    grid = np.exp(np.linspace(np.log(3000), np.log(12000), 5000))
    means = [
        np.average(grid, weights=mixed_response(mixture, grid))
        for mixture in (
            {"speclite:cfht_megacam-u": 1.0},
            {"speclite:cfht_megacam-u": 0.5, "speclite:cfht_megacam-ustar": 0.5},
            {"speclite:cfht_megacam-ustar": 1.0},
        )
    ]
    assert means[1] == pytest.approx(0.5 * (means[0] + means[2]), abs=2.0)


def test_galactic_reddening_reproduces_schlafly_and_finkbeiner() -> None:
    """Table 6 of ApJ 737, 103 (R_V = 3.1) gives A_b per SFD E(B-V), which is 1/0.86 of a true E(B-V)."""
    published = np.array([4.239, 3.303, 2.285, 1.698, 1.263]) / 0.86
    assert np.allclose(galactic_reddening(np.array([3551.0, 4686.0, 6166.0, 7480.0, 8932.0])), published, rtol=0.04)


def test_galactic_reddening_is_r_v_in_v_and_one_more_in_b() -> None:
    b, v = galactic_reddening(np.array([4400.0, 5470.0]))
    assert v == pytest.approx(3.1, abs=0.06)
    assert b - v == pytest.approx(1.0, abs=0.06)


def test_starburst_attenuation_has_calzettis_values() -> None:
    """k(λ)/4.05 of Calzetti et al. 2000 where the bump is weak: V, 1.6 µm, 1200 Angstrom."""
    values = starburst_attenuation(np.array([5500.0, 16000.0, 1200.0]))
    assert np.allclose(values, [4.05 / 4.05, 0.840 / 4.05, 12.12 / 4.05], atol=0.02)


def test_igm_is_transparent_redward_of_lyman_alpha_and_dark_below_the_limit() -> None:
    rest = np.array([850.0, 1100.0, 1300.0])
    low, high = (igm_transmission(rest * (1 + z), z) for z in (0.5, 5.0))
    assert low[2] == high[2] == 1.0
    assert high[0] < 0.01 < high[1] < low[1] < 1.0
    # Madau 1995, eq. 12: between Lyβ and Lyα only Lyα absorbs
    assert high[1] == pytest.approx(np.exp(-0.0036 * (1100 * 6 / 1215.67) ** 3.46), rel=1e-9)


def test_basis_is_positive_and_complete() -> None:
    basis = spectral_basis()
    assert basis.flux.shape == (len(COMPONENTS), basis.wavelength.size)
    assert np.isfinite(basis.flux).all()
    assert (basis.flux >= 0).all()
    assert (basis.flux[: len(CONTINUA), basis.wavelength > 1300] > 0).all()


def test_line_group_carries_its_flux() -> None:
    basis = spectral_basis()
    flux = np.trapezoid(basis.flux[COMPONENTS.index("ha")], basis.wavelength)
    assert flux == pytest.approx(OII_PER_UV * sum(LINES["ha"].values()), rel=1e-3)
