import numpy as np
import pytest
import torch

from photoz_lit.data.pixels import drawn_transforms, flux_factors, stretch, turn
from photoz_lit.errors import InputError
from photoz_lit.fields import load_field


def test_stretch_is_the_published_formula_with_the_one_inside_the_root() -> None:
    x = np.array([-3.0, -0.5, 0.0, 0.5, 8.0, 1e4])
    expected = np.sign(x) * (np.sqrt(np.abs(x) + 1) - 1)
    np.testing.assert_allclose(stretch(torch.tensor(x)), expected)


def test_pixels_without_a_value_become_zero() -> None:
    assert stretch(torch.tensor([float("nan"), float("inf"), -float("inf")])).tolist() == [0.0, 0.0, 0.0]


def test_the_eight_transforms_are_the_symmetries_of_the_square() -> None:
    image = torch.arange(16.0).reshape(1, 1, 4, 4).repeat(8, 1, 1, 1)
    turned = turn(image, torch.arange(8))[:, 0].numpy()
    square = np.arange(16.0).reshape(4, 4)
    symmetries = [np.rot90(s, k) for s in (square, square[:, ::-1]) for k in range(4)]
    found = {tuple(t.ravel()) for t in turned}
    assert found == {tuple(s.ravel()) for s in symmetries}
    assert len(found) == 8


def test_turn_moves_all_bands_alike_and_images_apart() -> None:
    image = torch.randn(5, 3, 6, 6)
    transform = torch.tensor([0, 1, 2, 4, 7])
    turned = turn(image, transform)
    torch.testing.assert_close(turned[0], image[0])
    torch.testing.assert_close(turned[1], image[1].flip(-1))
    torch.testing.assert_close(turned[2], image[2].flip(-2))
    torch.testing.assert_close(turned[3], image[3].transpose(-1, -2))
    torch.testing.assert_close(turned[4], image[4].flip(-1).flip(-2).transpose(-1, -2))


def test_transforms_are_fresh_per_epoch_uniform_and_repeat_with_the_seed() -> None:
    first, again, next_epoch = (drawn_transforms(8000, 3, e) for e in (0, 0, 1))
    assert torch.equal(first, again)
    assert (first == next_epoch).float().mean() < 0.2
    counts = torch.bincount(first.long(), minlength=8)
    assert counts.min() > 850
    assert not torch.equal(first, drawn_transforms(8000, 4, 0))


def test_flux_factor_follows_the_zero_points() -> None:
    field = load_field("cfhtls")
    factors = flux_factors(field, ("g", "r"), {"g": 30.0, "r": 27.5}, "store")
    # at zero point 30 a source has 10 times the flux it has at 27.5; CFHTLS is divided by 1000 before the stretch
    np.testing.assert_allclose(factors, [1e-3, 1e-2], rtol=1e-6)
    magnitude = 22.0
    for zero_point in (22.5, 30.0, 31.4):
        flux = 10 ** (-0.4 * (magnitude - zero_point))
        factor = flux_factors(field, ("g",), {"g": zero_point}, "store")[0]
        assert flux * factor == pytest.approx(10 ** (-0.4 * (magnitude - 30.0)) / 1000, rel=1e-6)


def test_unknown_zero_point_is_refused() -> None:
    with pytest.raises(InputError, match="store has no AB zero point for band 'r'"):
        flux_factors(load_field("sdss"), ("r",), {"g": 22.5}, "store")
    with pytest.raises(InputError, match="no AB zero point"):
        flux_factors(load_field("sdss"), ("r",), {"r": float("nan")}, "store")
