import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp
from torch import Tensor

from photoz_lit.alignment.pairs import Galaxies, magnitude_pairs


def galaxies_of(magnitude: Tensor, domain: Tensor, number: Tensor | None = None) -> Galaxies:
    n = len(domain)
    numbers = torch.arange(n) if number is None else number
    return Galaxies(torch.randn(n, 3), magnitude.view(n, -1), domain, numbers)


def test_pairs_are_a_quarter_of_each_field_and_half_across() -> None:
    torch.manual_seed(0)
    made = galaxies_of(torch.rand(64), torch.arange(64) // 32)
    pairs = magnitude_pairs(made, torch.arange(64), 0.5, partners=5)
    assert pairs.partners.shape == pairs.alike.shape == (128, 5)
    of_first, of_partners = made.domain[pairs.first], made.domain[pairs.partners]
    assert (of_partners == of_partners[:, :1]).all()  # partners come from one field
    np.testing.assert_array_equal(torch.bincount(of_first + 2 * of_partners[:, 0]), [32] * 4)
    np.testing.assert_array_equal(pairs.same, of_first == of_partners[:, 0])
    np.testing.assert_array_equal(torch.bincount(pairs.first), [2] * 64)


def test_partners_that_count_are_other_galaxies_of_like_magnitude_in_every_band() -> None:
    torch.manual_seed(0)
    magnitude = torch.rand(200, 2)
    made = galaxies_of(magnitude, torch.arange(200) // 100, torch.arange(200) % 150)  # 50 are there twice
    pairs = magnitude_pairs(made, torch.arange(0, 200, 3), 0.2, partners=4)
    assert set(pairs.first.tolist()) == set(range(0, 200, 3))
    distance = (magnitude[pairs.partners] - magnitude[pairs.first][:, None]).abs()
    another = made.number[pairs.partners] != made.number[pairs.first][:, None]
    np.testing.assert_array_equal(pairs.alike, (distance <= 0.2).all(dim=2) & another)
    assert (distance[:, :, 0] <= 0.2).all()
    assert 0.2 < float(pairs.alike.float().mean()) < 0.5  # two bands: about (0.36)² … by chance in the second


def test_partners_are_drawn_evenly_from_all_within_the_tolerance() -> None:
    torch.manual_seed(0)
    made = galaxies_of(torch.linspace(20, 21, 101), torch.arange(101) % 2)
    pairs = magnitude_pairs(made, torch.tensor([50]), 0.1005, partners=20_000)
    for row, field in enumerate((0, 1)):
        inside = [k for k in range(40, 61) if k % 2 == field]
        counts = torch.bincount(pairs.partners[row], minlength=101)
        assert set(torch.nonzero(counts).squeeze(1).tolist()) == set(inside)
        np.testing.assert_allclose(counts[inside] / 20_000, 1 / len(inside), rtol=0.1)
        assert pairs.alike[row].sum() == 20_000 - (counts[50] if field == 0 else 0)


def test_a_difference_of_magnitudes_does_not_say_whether_a_pair_is_of_one_field() -> None:
    torch.manual_seed(0)
    source = 20 + 4 * torch.rand(3000).sqrt()
    magnitude = torch.cat([source, source + 0.2 * (torch.rand(3000) - 0.5)])  # targets drawn within 0.1 mag
    made = galaxies_of(magnitude, torch.arange(6000) // 3000)
    pairs = magnitude_pairs(made, torch.arange(6000), 0.1, partners=4)
    distance = magnitude[pairs.partners] - magnitude[pairs.first][:, None]
    same = pairs.same[:, None].expand_as(distance)
    for of in (distance, distance.abs()):
        found = ks_2samp(of[pairs.alike & same], of[pairs.alike & ~same])
        assert found.statistic < 0.015  # accuracy (1 + KS) / 2 for whoever sees it alone


def test_missing_magnitudes_and_lonely_galaxies_do_not_count() -> None:
    magnitude = torch.tensor([22.0, 22.05, 25.0, 22.0, torch.nan, 22.05])
    made = galaxies_of(magnitude, torch.tensor([0, 0, 0, 1, 1, 1]))
    pairs = magnitude_pairs(made, torch.arange(6), 0.1, partners=8)
    counted = pairs.alike.any(dim=1).view(2, 6)
    np.testing.assert_array_equal(counted[1], [True, True, False, True, False, True])
    assert not counted[0][[2, 4]].any()
    assert counted[0][[0, 1, 3, 5]].all()
    assert 4 not in pairs.partners[pairs.alike]


def test_several_targets_are_each_compared_with_the_source_and_with_themselves() -> None:
    torch.manual_seed(0)
    made = galaxies_of(torch.zeros(400), torch.arange(400) // 100)
    pairs = magnitude_pairs(made, torch.arange(400), 0.1, partners=3)
    own, other = made.domain[pairs.first], made.domain[pairs.partners][:, 0]
    across = own != other
    assert ((own[across] == 0) | (other[across] == 0)).all()
    drawn = torch.bincount(other[across & (own == 0)], minlength=4)
    assert drawn.sum() == 100
    np.testing.assert_allclose(drawn[1:] / 100, 1 / 3, atol=0.12)
    np.testing.assert_array_equal(torch.bincount(own[~across]), [100] * 4)


def test_without_a_target_nothing_is_across() -> None:
    made = galaxies_of(torch.zeros(10), torch.zeros(10, dtype=torch.long))
    pairs = magnitude_pairs(made, torch.arange(10), 0.1, partners=2)
    assert pairs.same.all()


@pytest.mark.parametrize("partners", [1, 6])
def test_draws_follow_the_seed(partners: int) -> None:
    made = galaxies_of(torch.rand(100), torch.arange(100) // 50)
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(magnitude_pairs(made, torch.arange(100), 0.3, partners).partners)
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
