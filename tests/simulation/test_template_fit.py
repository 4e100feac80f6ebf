"""Template fitting on simulated magnitudes: accuracy, honest widths, missing bands, the prior."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from photoz_lit.fields import Field, load_field
from photoz_lit.simulation.dust import galactic_reddening
from photoz_lit.simulation.simulate import simulate_catalogue
from photoz_lit.simulation.template_fit import PhotoZ, TemplateLibrary, fit_photo_z, template_library
from tests.simulation.conftest import settings_of


@pytest.fixture(scope="module")
def field() -> Field:
    return load_field("cosmos_ud")


@pytest.fixture(scope="module")
def library(field: Field) -> TemplateLibrary:
    return template_library({name: band.filter for name, band in field.bands.items()})


@pytest.fixture(scope="module")
def galaxies(field: Field) -> pd.DataFrame:
    return simulate_catalogue(field, settings_of(n_galaxies=1853, stamps=False, representative=True), 5)


def fitted(galaxies: pd.DataFrame, library: TemplateLibrary, field: Field, **options: object) -> PhotoZ:
    magnitude, error = (galaxies[[f"{kind}_{b}" for b in library.bands]].to_numpy(float) for kind in ("mag", "mag_err"))
    return fit_photo_z(magnitude, error, galaxies["ebv"].to_numpy(), library, field, **options)  # type: ignore[arg-type]


def scores(z_phot: np.ndarray, z_true: pd.Series) -> tuple[float, float]:
    """σ_MAD and the share of outliers beyond 0.15."""
    delta = (z_phot - z_true.to_numpy()) / (1 + z_true.to_numpy())
    return 1.4826 * float(np.median(np.abs(delta - np.median(delta)))), float(np.mean(np.abs(delta) > 0.15))


def test_accuracy_and_widths(galaxies: pd.DataFrame, library: TemplateLibrary, field: Field) -> None:
    """Nine Ultra Deep bands: measured σ_MAD 0.012 to i = 22.5 and 0.015 to i = 25, with 0.8 % outliers."""
    start = time.perf_counter()
    result = fitted(galaxies, library, field)
    assert time.perf_counter() - start < 60
    bright = (galaxies["magnitude_true"] < 22.5).to_numpy()
    assert scores(result.z_phot[bright], galaxies["z_true"][bright])[0] < 0.015
    sigma_mad, eta = scores(result.z_phot, galaxies["z_true"])
    assert 0.01 < sigma_mad < 0.018
    assert eta < 0.02
    inside = (galaxies["z_true"] > result.z_lo68) & (galaxies["z_true"] < result.z_hi68)
    assert 0.6 < inside.mean() < 0.8
    assert result.pdf.shape == (1853, field.n_bins)
    np.testing.assert_allclose(result.pdf.sum(axis=1), 1, rtol=1e-5)
    middle = 0.5 * (field.z_edges[1:] + field.z_edges[:-1])
    mode = middle[result.pdf.argmax(axis=1)]
    assert np.median(np.abs(mode - result.z_phot) / (1 + result.z_phot)) < 0.008
    # nine magnitudes, one amplitude, and redshift, colour and A_V
    assert 2 < np.median(result.chi2) < 9


def test_a_galaxy_does_not_depend_on_its_company(
    galaxies: pd.DataFrame, library: TemplateLibrary, field: Field
) -> None:
    one, all_of_them = fitted(galaxies[70:73], library, field), fitted(galaxies[:130], library, field)
    np.testing.assert_allclose(one.z_phot, all_of_them.z_phot[70:73], rtol=1e-4)


def test_noiseless_templates_come_back(library: TemplateLibrary, field: Field) -> None:
    n_templates = library.kind.size
    rows = np.arange(50, library.z.size - 60, 20)
    flux = library.flux[:, rows * n_templates + 40].T.astype(float)
    magnitude = -2.5 * np.log10(flux) + 22.0
    result = fit_photo_z(
        magnitude, np.full_like(magnitude, 0.01), np.zeros(len(rows)), library, field, prior=False, template_error=0.01
    )
    assert np.abs(result.z_phot - library.z[rows]) / (1 + library.z[rows]) == pytest.approx(0, abs=0.02)


def test_dust_of_the_milky_way_is_taken_off(galaxies: pd.DataFrame, library: TemplateLibrary, field: Field) -> None:
    reddened = galaxies.copy()
    for name, extinction in zip(library.bands, library.reddening, strict=True):
        reddened[f"mag_{name}"] += 0.2 * extinction
    reddened["ebv"] += 0.2
    assert np.all(np.diff(library.reddening) < 0)
    assert library.reddening[library.bands.index("r")] == pytest.approx(
        galactic_reddening(np.array([6180.0]))[0], rel=0.03
    )
    same = fitted(reddened[:100], library, field)
    np.testing.assert_allclose(same.z_phot, fitted(galaxies[:100], library, field).z_phot, rtol=1e-3)


def test_undetected_bands_are_upper_limits(library: TemplateLibrary, field: Field) -> None:
    """A u drop-out: no flux in u at 27.7, blue beyond; without the limit z = 3.3 and z < 1 are confused."""
    galaxies = simulate_catalogue(field, settings_of(n_galaxies=3000, stamps=False, representative=True), 6)
    drop_outs = galaxies[galaxies["mag_u"].isna()]
    assert len(drop_outs) >= 3
    result = fitted(drop_outs, library, field)
    assert np.abs(result.z_phot - drop_outs["z_true"]).median() < 0.1


def test_prior_removes_outliers_where_bands_are_few(galaxies: pd.DataFrame) -> None:
    field = load_field("elais_d")
    few = template_library({name: band.filter for name, band in field.bands.items()})
    shallow = simulate_catalogue(field, settings_of(n_galaxies=1500, stamps=False), 5)
    with_prior, without = (
        scores(fitted(shallow, few, field, prior=prior).z_phot, shallow["z_true"])[1] for prior in (True, False)
    )
    assert with_prior < 0.07
    assert with_prior < 0.8 * without
