"""Calibration with colour terms: colours as of the pixels, a slope that is found, and a pivot that does not move."""

import numpy as np
import pytest
import torch
from torch import Tensor

from photoz_lit.alignment.build import build_parts
from photoz_lit.alignment.colour_calibration import ColourCalibration
from photoz_lit.alignment.part import Shapes
from photoz_lit.data.pixels import stretch, unstretch
from tests.alignment.builders import adapt_of, fields_of

SIGMA = 0.01


def calibration_of(bands: str) -> ColourCalibration:
    part = build_parts(adapt_of("guided_paired_colours"), Shapes(3, fields_of(2), bands))["calibration"]
    assert isinstance(part, ColourCalibration)
    with torch.no_grad():
        part.sky_sigma.fill_(SIGMA)
    return part


def observed(mag: Tensor) -> Tensor:
    """Stamps (n, bands, 16, 16) of Gaussian galaxies with magnitudes (n, bands) at zero point 0, after the stretch."""
    along = torch.arange(16) - 7.5
    line = torch.exp(-0.5 * (along / 2) ** 2)
    profile = line[:, None] * line[None, :]
    torch.manual_seed(1)
    flux = 10 ** (-0.4 * mag)[:, :, None, None] * profile / profile.sum()
    return stretch(flux + SIGMA * 0.01 * torch.randn(*mag.shape, 16, 16))


def magnitudes(n: int) -> Tensor:
    torch.manual_seed(n)
    return torch.tensor([-4.0, -4.6, -5.0]) + 0.4 * torch.randn(n, 3)


def test_colours_are_differences_of_magnitudes() -> None:
    mag = magnitudes(50)
    found = calibration_of("gri").colours(observed(mag))
    expected = torch.stack([mag[:, 0] - mag[:, 1], mag[:, 1] - mag[:, 2], mag[:, 1] - mag[:, 2]], dim=1)
    torch.testing.assert_close(found, expected, rtol=0, atol=0.003)


def test_a_slope_changes_the_flux_by_the_colours_distance_from_the_pivot() -> None:
    mag, calibration = magnitudes(20), calibration_of("gri")
    image, domain = observed(mag), torch.arange(20) % 2
    with torch.no_grad():
        calibration.pivot.copy_(torch.tensor([0.5, 0.3, 0.3]))
        calibration.slope[0] = torch.tensor([0.1, 0.0, -0.2])
    made = calibration.images(image, domain)
    assert torch.equal(made[domain == 0], image[domain == 0])
    flux, before = unstretch(made[domain == 1]), unstretch(image[domain == 1])
    measured = 2.5 * torch.log10(flux.sum(dim=(2, 3)) / before.sum(dim=(2, 3)))
    colour = torch.stack([mag[:, 0] - mag[:, 1] - 0.5, mag[:, 1] - mag[:, 2] - 0.3], dim=1)[domain == 1]
    colour = colour.clamp(-1.5, 1.5)
    expected = torch.stack([0.1 * colour[:, 0], torch.zeros(10), -0.2 * colour[:, 1]], dim=1)
    torch.testing.assert_close(measured, expected, rtol=0, atol=0.002)


def test_a_fainter_band_of_noise_leaves_colours_finite() -> None:
    found = calibration_of("gri").colours(stretch(SIGMA * torch.randn(30, 3, 16, 16)))
    assert torch.isfinite(found).all()
    assert found.abs().max() < 3


def test_colour_terms_and_offsets_are_found_where_pixels_are_made_alike() -> None:
    mag = magnitudes(200)
    colour = mag[:, 0] - mag[:, 1]
    moved = mag.clone()
    moved[:, 0] += 0.02 + 0.08 * (colour - colour.median())
    source, target = observed(mag), observed(moved)
    calibration = calibration_of("gri")
    calibration.pivot.copy_(calibration.colours(source).median(dim=0).values)
    optimiser = torch.optim.Adam([calibration.log_scale, calibration.slope], lr=5e-3)
    for _ in range(300):
        optimiser.zero_grad()
        made = unstretch(calibration.images(target, torch.ones(200, dtype=torch.long))).sum(dim=(2, 3))
        (made / unstretch(source).sum(dim=(2, 3))).log().square().mean().backward()
        optimiser.step()
    (found,) = calibration.report()["calibration"]
    # the slope is of the observed colour c' = c + 0.02 + 0.08 (c − c0): 0.08 / 1.08 of it
    assert found["g"]["slope"] == pytest.approx(0.08 / 1.08, abs=0.002)
    assert found["g"]["magnitude_offset"] == pytest.approx(0.02 - 0.02 * 0.08 / 1.08, abs=0.001)
    np.testing.assert_allclose([found[band]["slope"] for band in "ri"], 0, atol=0.002)
