"""Conditions drawn at random: their scatter is the options', their seed repeats them, a blur keeps the flux."""

import numpy as np
import pytest
import torch

from photoz_lit.alignment.build import build_parts
from photoz_lit.alignment.part import Shapes
from photoz_lit.alignment.random_conditions import RandomConditions, blurred
from photoz_lit.data.pixels import stretch, unstretch
from tests.alignment.builders import adapt_of, fields_of


def conditions_of(**options: float) -> RandomConditions:
    given = {f"parts.conditions.{name}": value for name, value in options.items()}
    part = build_parts(adapt_of("random_conditions", **given), Shapes(3, fields_of(2), "ug"))["conditions"]
    assert isinstance(part, RandomConditions)
    part.sky_sigma.copy_(torch.tensor([0.5, 2.0]))
    return part


def flat(n: int, value: float) -> torch.Tensor:
    return stretch(torch.full((n, 2, 16, 16), value))


def test_zero_points_and_skies_scatter_as_asked() -> None:
    part = conditions_of(zero_point=0.02, background=0.0, blur=0.0)
    made = unstretch(part.training_images(flat(4000, 100.0), 1))
    assert torch.equal(made.amax(dim=(2, 3)), made.amin(dim=(2, 3)))
    mag = -2.5 * torch.log10(made[:, :, 0, 0] / 100)
    np.testing.assert_allclose(mag.std(dim=0), 0.02, rtol=0.04)
    np.testing.assert_allclose(mag.mean(dim=0), 0, atol=0.0013)
    assert abs(np.corrcoef(mag.numpy().T)[0, 1]) < 0.06

    part = conditions_of(zero_point=0.0, background=0.1, blur=0.0)
    sky = unstretch(part.training_images(flat(4000, 0.0), 1))[:, :, 0, 0]
    np.testing.assert_allclose(sky.std(dim=0), [0.05, 0.2], rtol=0.04)


def test_a_seed_repeats_its_conditions() -> None:
    part, image = conditions_of(), stretch(torch.randn(4, 2, 16, 16))
    first = part.training_images(image, 7)
    assert torch.equal(first, part.training_images(image, 7))
    assert not torch.equal(first, part.training_images(image, 8))
    assert torch.equal(part.images(image, torch.tensor([0, 1, 0, 1])), image)  # predictions stay


def test_a_blur_widens_by_its_sigma_and_keeps_the_flux() -> None:
    along = torch.arange(33) - 16.0
    line = torch.exp(-0.5 * (along / 1.5) ** 2)
    profile = (line[:, None] * line[None, :])[None, None].expand(2, 1, 33, 33)
    made = blurred(profile, torch.tensor([[0.0], [2.0]]), 2.0)
    torch.testing.assert_close(made[0], profile[0])
    assert made[1].sum().item() == pytest.approx(profile[1].sum().item(), rel=1e-4)
    variance = (made[1, 0].sum(dim=0) * along.square()).sum() / made[1].sum()
    assert variance.item() == pytest.approx(1.5**2 + 2.0**2, rel=0.01)
    assert blurred(profile, torch.zeros(2, 1), 0.0) is profile
