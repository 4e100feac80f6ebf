import numpy as np
import pandas as pd
import pytest
import torch

from photoz_lit.data.degrade import degradation
from photoz_lit.errors import InputError
from photoz_lit.simulation.observing import noise_transfer

SCALE = 0.168  # arcsec per pixel
FWHM = 2 * np.sqrt(2 * np.log(2))


def conditions(
    seeing: float = 0.6, noise: float = 1.0, correlation: float = 0.5, background: float = 0.0
) -> pd.DataFrame:
    row = {"seeing": seeing, "sky_noise": noise, "noise_correlation": correlation, "background": background}
    return pd.DataFrame([row, {**row, "seeing": 0.7}], index=pd.Index(["r", "i"], name="band"))


def sky(noise: float, correlation: float, n: int = 400, size: int = 32) -> torch.Tensor:
    """Blank images (n, 2, size, size) of correlated noise, cut from larger ones as a resampled coadd gives them."""
    wide = 2 * size
    white = np.random.default_rng(0).normal(size=(n, 2, wide, wide))
    transfer = noise_transfer(correlation, (wide, wide))
    correlated = np.fft.irfft2(np.fft.rfft2(white) * transfer[:, : wide // 2 + 1], s=(wide, wide))
    correlated *= noise / correlated.std()
    return torch.tensor(correlated[:, :, :size, :size], dtype=torch.float32)


def autocorrelation(images: np.ndarray, lag: int) -> float:
    return float((images[..., lag:] * images[..., : images.shape[-1] - lag]).mean())


def test_a_point_is_blurred_to_the_second_moment_of_the_target() -> None:
    source, target = conditions(seeing=0.6, noise=1e-9), conditions(seeing=0.9, noise=1e-9)
    target.loc["i", "seeing"] = 0.5  # sharper than the source: cannot be had
    point = torch.zeros(1, 2, 33, 33)
    point[:, :, 16, 16] = 1.0
    blurred = degradation(source, target, SCALE, 33).apply(point, torch.Generator().manual_seed(0))[0].numpy()
    x = np.arange(33) - 16.0
    expected = (0.9**2 - 0.6**2) / FWHM**2 / SCALE**2
    for axis in (0, 1):
        profile = blurred[0].sum(axis=axis)
        assert profile.sum() == pytest.approx(1, abs=1e-5)
        assert (profile * x**2).sum() == pytest.approx(expected, rel=0.01)
    np.testing.assert_allclose(blurred[1], point[0, 1], atol=1e-6)


@pytest.mark.parametrize(("correlation", "seeing"), [(0.5, 0.6), (0.9, 0.6), (0.5, 0.65), (0.9, 0.65)])
def test_blank_sky_gets_the_noise_and_the_autocorrelation_of_the_target(correlation: float, seeing: float) -> None:
    source, target = conditions(noise=1.0), conditions(seeing=seeing, noise=2.5, correlation=correlation)
    target.loc["i", "seeing"] = seeing + 0.1
    worse = degradation(source, target, SCALE, 32).apply(sky(1.0, 0.5), torch.Generator().manual_seed(1))
    wanted = sky(2.5, correlation).numpy()
    inner = worse[:, :, 4:-4, 4:-4].numpy()  # the blur mirrors what lies beyond the edge
    assert inner.mean() == pytest.approx(0, abs=0.02)
    for band in (0, 1):
        variance = autocorrelation(wanted[:, band], 0)
        for lag in range(4):
            expected = autocorrelation(wanted[:, band], lag)
            assert autocorrelation(inner[:, band], lag) == pytest.approx(expected, abs=0.05 * variance), lag


def test_identical_conditions_leave_the_images_as_they_are() -> None:
    images = sky(1.0, 0.5, n=4)
    same = degradation(conditions(background=0.3), conditions(background=0.3), SCALE, 32)
    np.testing.assert_allclose(same.apply(images, torch.Generator().manual_seed(0)), images, atol=2e-3)


def test_a_noisier_source_gets_no_noise_and_the_difference_of_backgrounds_is_added() -> None:
    images = sky(2.0, 0.5, n=4)
    step = degradation(conditions(noise=2.0, background=-0.1), conditions(noise=1.0, background=0.3), SCALE, 32)
    np.testing.assert_allclose(step.apply(images, torch.Generator().manual_seed(0)), images + 0.4, atol=1e-5)


def test_noise_is_drawn_from_the_generator() -> None:
    images = sky(1.0, 0.5, n=2)
    worsening = degradation(conditions(), conditions(noise=2.0), SCALE, 32)
    a, b, c = (worsening.apply(images, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_conditions_that_could_not_be_measured_are_named() -> None:
    target = conditions()
    target.loc["i", ["seeing", "background"]] = np.nan
    with pytest.raises(InputError, match="seeing, background of the target cannot be measured in band 'i'"):
        degradation(conditions(), target, SCALE, 32)
