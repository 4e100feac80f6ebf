import numpy as np
import pytest
import torch

from photoz_lit.data.pixels import stretch, unstretch
from tests.alignment.builders import calibration_of


def observed(n: int, zero_point_error: float = 0.0, background: float = 0.0) -> torch.Tensor:
    """Sky of sigma 0.02 and 0.1 in two bands with a source in some pixels, (n, 2, 16, 16), after the stretch."""
    torch.manual_seed(n)
    sigma = torch.tensor([0.02, 0.1])[:, None, None]
    flux = torch.zeros(n, 2, 16, 16)
    flux[:, :, 7:9, 7:9] = 20.0
    flux = sigma * (flux * 10 ** (-0.4 * zero_point_error) + background + torch.randn(n, 2, 16, 16))
    return stretch(flux)


def test_images_of_targets_get_their_scale_and_background_and_the_source_stays() -> None:
    calibration = calibration_of(2, "ug")
    with torch.no_grad():
        calibration.sky_sigma.copy_(torch.tensor([0.02, 0.1]))
        calibration.log_scale[1, 0], calibration.background[1, 1], calibration.log_scale[0] = 0.3, 0.5, 9.0
    image = observed(6)
    found = calibration.images(image, torch.tensor([0, 2, 0, 2, 2, 0]))
    assert torch.equal(found[[0, 2, 5]], image[[0, 2, 5]])
    flux, before = unstretch(found)[[1, 3, 4]], unstretch(image)[[1, 3, 4]]
    torch.testing.assert_close(flux[:, 0], np.exp(0.3) * before[:, 0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(flux[:, 1], before[:, 1] - 0.05, rtol=1e-4, atol=1e-5)


def test_sky_is_measured_from_pixels() -> None:
    calibration = calibration_of(1, "ug")
    calibration.measure_sky(observed(50))
    np.testing.assert_allclose(calibration.sky_sigma, [0.02, 0.1], rtol=0.09)  # sources take part in the median


def test_scale_and_background_are_found_where_pixels_are_made_alike() -> None:
    source, target = observed(64), observed(64, zero_point_error=0.03, background=0.2)  # the same noise
    calibration = calibration_of(1, "ug")
    calibration.measure_sky(source)
    optimiser = torch.optim.Adam(calibration.parameters(), lr=5e-3)
    wanted = unstretch(source).mean(dim=0)
    for _ in range(600):
        optimiser.zero_grad()
        made = unstretch(calibration.images(target, torch.ones(64, dtype=torch.long))).mean(dim=0)
        loss = ((made - wanted) / calibration.sky_sigma[:, None, None]).square().mean()
        loss.backward()
        optimiser.step()
    (found,) = calibration.report()["calibration"]
    for number, (band, sigma) in enumerate({"u": 0.02, "g": 0.1}.items()):
        assert found[band]["magnitude_offset"] == pytest.approx(0.03, abs=0.001)
        measured = calibration.sky_sigma[number].item() / sigma
        assert found[band]["background"] * measured == pytest.approx(0.2, abs=0.01)
