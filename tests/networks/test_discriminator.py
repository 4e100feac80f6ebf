import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp
from torch import Tensor, nn
from torch.nn import functional

from photoz_lit.networks.alignment import coral_loss
from photoz_lit.networks.discriminator import (
    Adversary,
    FieldDiscriminator,
    PairDiscriminator,
    magnitude_pairs,
    twin_pairs,
)


class AdditiveHead(nn.Module):
    """The control: one score per galaxy, summed over the two."""

    def __init__(self, values: int, hidden: int) -> None:
        super().__init__()
        self.first, self.second = (
            nn.Sequential(nn.LayerNorm(values), nn.Linear(values, hidden), nn.LeakyReLU(0.1), nn.Linear(hidden, 2))
            for _ in range(2)
        )

    def forward(self, features: Tensor, first: Tensor, second: Tensor) -> Tensor:
        return self.first(features[first]) + self.second(features[second])


def toy_features(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Features (n, 6) of two fields, told apart by one of them with a margin, and the fields (n,)."""
    domain = torch.randint(0, 2, (n,), generator=generator)
    values = torch.randn(n, 6, generator=generator)
    values[:, 3] += 6.0 * domain
    return values, domain


def pair_accuracy(head: nn.Module, steps: int = 250) -> tuple[float, float]:
    """Accuracy and cross-entropy on fresh pairs after a training."""
    generator = torch.Generator().manual_seed(1)
    optimiser = torch.optim.Adam(head.parameters(), lr=3e-3)
    for step in range(steps + 1):
        n = 256 if step < steps else 4000
        values, domain = toy_features(2 * n, generator)
        first, second = torch.arange(n), torch.arange(n, 2 * n)
        same = (domain[first] == domain[second]).long()
        logits = head(values, first, second)
        optimiser.zero_grad()
        loss = functional.cross_entropy(logits, same)
        loss.backward()
        optimiser.step()
    return float((logits.argmax(dim=1) == same).float().mean()), loss.item()


def test_same_field_or_not_is_learned_with_an_interaction_and_not_by_an_additive_head() -> None:
    torch.manual_seed(0)
    accuracy, loss = pair_accuracy(AdditiveHead(6, 16))
    assert accuracy == pytest.approx(0.5, abs=0.07)
    assert loss > np.log(2) - 0.002  # no better than a coin
    accuracy, loss = pair_accuracy(PairDiscriminator(6, 16))
    assert accuracy > 0.9
    assert loss < 0.3


def test_order_of_a_pair_does_not_matter() -> None:
    torch.manual_seed(0)
    head = PairDiscriminator(6, 16)
    values, a, b = torch.randn(40, 6), torch.arange(20), torch.arange(20, 40)
    torch.testing.assert_close(head(values, a, b), head(values, b, a))
    assert not torch.allclose(head(values, a, b), head(values, a, a))


def test_the_field_of_one_galaxy_is_learned() -> None:
    torch.manual_seed(0)
    head = FieldDiscriminator(6, 2, 16)
    generator = torch.Generator().manual_seed(1)
    optimiser = torch.optim.Adam(head.parameters(), lr=3e-3)
    for _ in range(150):
        values, domain = toy_features(256, generator)
        optimiser.zero_grad()
        functional.cross_entropy(head(values), domain).backward()
        optimiser.step()
    values, domain = toy_features(4000, generator)
    assert float((head(values).argmax(dim=1) == domain).float().mean()) > 0.9
    assert FieldDiscriminator(6, 4, 16)(values).shape == (4000, 4)


@pytest.mark.parametrize("partners", [1, 3])
def test_pairs_are_a_quarter_of_each_field_and_half_across(partners: int) -> None:
    magnitude = torch.rand(64, dtype=torch.float64)
    domain = torch.arange(64) // 32
    pairs = magnitude_pairs(magnitude, domain, 0.1, partners)
    fields = domain[pairs.first] + domain[pairs.second]
    quarter = sum(32 - k for k in range(1, partners + 1))
    np.testing.assert_array_equal(torch.bincount(fields), [quarter, 2 * quarter, quarter])
    np.testing.assert_array_equal(pairs.same, domain[pairs.first] == domain[pairs.second])
    assert (pairs.first != pairs.second).all()
    np.testing.assert_array_equal(pairs.alike, (magnitude[pairs.first] - magnitude[pairs.second]).abs() <= 0.1)
    unordered = {frozenset(pair) for pair in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)}
    assert len(unordered) == 4 * quarter


def test_pairs_are_of_neighbouring_ranks() -> None:
    magnitude = torch.rand(40)
    domain = torch.arange(40) % 2
    rank = torch.empty(40, dtype=torch.long)
    for field in (0, 1):
        rows = torch.nonzero(domain == field).squeeze(1)
        rank[rows[magnitude[rows].argsort()]] = torch.arange(20)
    pairs = magnitude_pairs(magnitude, domain, 1.0, partners=2)
    distance = (rank[pairs.first] - rank[pairs.second]).abs()
    np.testing.assert_array_equal(torch.bincount(distance), [0, 76, 72])


def test_a_difference_of_magnitudes_hardly_says_whether_a_pair_is_of_one_field() -> None:
    torch.manual_seed(0)
    same, different = [], []
    for _ in range(40):
        source = 20 + 4 * torch.rand(64).sqrt()
        magnitude = torch.cat([source, source + 0.2 * (torch.rand(64) - 0.5)])  # targets drawn within 0.1 mag
        pairs = magnitude_pairs(magnitude, torch.arange(128) // 64, 0.1, partners=4)
        distance = (magnitude[pairs.first] - magnitude[pairs.second]).abs()
        same += distance[pairs.alike & pairs.same].tolist()
        different += distance[pairs.alike & ~pairs.same].tolist()
    assert ks_2samp(same, different).statistic < 0.1  # accuracy (1 + KS) / 2 < 0.55 for whoever sees it alone


def test_twins_of_a_group_are_paired_and_their_differences_are_distributed_alike() -> None:
    torch.manual_seed(0)
    first = torch.rand(4000, 2)
    near = [first, *(first + 0.4 * (torch.rand(4000, 2) - 0.5) for _ in range(3))]
    magnitude, domain = torch.cat(near), torch.arange(16000) // 8000
    pairs = twin_pairs(magnitude, domain, 0.2, torch.arange(16000))
    group = pairs.first % 4000
    np.testing.assert_array_equal(group, pairs.second % 4000)
    np.testing.assert_array_equal(pairs.same, domain[pairs.first] == domain[pairs.second])
    np.testing.assert_array_equal(torch.bincount(domain[pairs.first] + domain[pairs.second]), [4000, 8000, 4000])
    assert pairs.alike.all()
    distance = (magnitude[pairs.first] - magnitude[pairs.second]).abs().amax(dim=1)
    assert ks_2samp(distance[pairs.same], distance[~pairs.same]).statistic < 0.025
    itself = twin_pairs(magnitude, domain, 0.2, torch.arange(16000) % 4000)
    assert not itself.alike.any()


def test_what_twins_have_in_common_cancels() -> None:
    torch.manual_seed(0)
    groups = 500
    common = 3.0 * torch.randn(groups, 5)  # what a galaxy is like outweighs its field's mark of 0.5
    values = torch.cat([common] * 4) + 0.1 * torch.randn(4 * groups, 5)
    domain = torch.arange(4 * groups) // (2 * groups)
    values[:, 2] += 0.5 * domain
    pairs = twin_pairs(torch.zeros(4 * groups), domain, 0.2)
    head = PairDiscriminator(5, 32)
    optimiser = torch.optim.Adam(head.parameters(), lr=3e-3)
    for _ in range(150):
        logits = head(values, pairs.first, pairs.second)
        optimiser.zero_grad()
        functional.cross_entropy(logits, pairs.same.long()).backward()
        optimiser.step()
    assert float((logits.argmax(dim=1) == pairs.same).float().mean()) > 0.8


def test_which_of_a_pair_comes_first_is_drawn() -> None:
    torch.manual_seed(0)
    magnitude, domain = torch.rand(400), torch.arange(400) // 200
    drawn = [magnitude_pairs(magnitude, domain, 1.0) for _ in range(2)]
    first = torch.stack([domain[p.first][~p.same] for p in drawn]).float()
    assert float(first.mean()) == pytest.approx(0.5, abs=0.1)
    assert not torch.equal(first[0], first[1])


def test_odd_numbers_missing_magnitudes_and_several_targets_are_paired() -> None:
    magnitude = torch.tensor([22.0, 22.1, 22.2, 22.0, torch.nan, 22.1])
    domain = torch.tensor([0, 0, 0, 1, 1, 2])
    pairs = magnitude_pairs(magnitude, domain, 0.15)
    unordered = [frozenset(p) for p in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)]
    wanted = [(0, 1), (1, 2), (3, 5), (5, 4), (0, 5), (1, 4), (3, 1), (5, 2)]
    assert unordered == [frozenset(p) for p in wanted]
    np.testing.assert_array_equal(pairs.same, [True, True, False, False, False, False, False, False])
    np.testing.assert_array_equal(pairs.alike, [4 not in pair for pair in wanted])  # galaxy 4 has no magnitude


def test_a_galaxy_that_is_in_the_batch_twice_does_not_count_as_a_pair_with_itself() -> None:
    magnitude = torch.tensor([22.0, 22.0, 22.5, 22.5, 22.0, 22.0, 22.5, 22.6])
    domain = torch.arange(8) // 4
    galaxy = torch.tensor([0, 1, 2, 3, 9, 9, 7, 8])
    pairs = magnitude_pairs(magnitude, domain, 0.2, galaxy=galaxy)
    itself = galaxy[pairs.first] == galaxy[pairs.second]
    assert itself.sum() == 1
    close = (magnitude[pairs.first] - magnitude[pairs.second]).abs() <= 0.2
    np.testing.assert_array_equal(pairs.alike, close & ~itself)
    np.testing.assert_array_equal(magnitude_pairs(magnitude, domain, 0.2).alike.sum(), close.sum())


def log_softmax(logits: np.ndarray) -> np.ndarray:
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def test_loss_and_accuracy_of_the_pairs_weight_both_classes_alike() -> None:
    torch.manual_seed(0)
    adversary = Adversary("paired", 6, 2, 16, tolerance=0.02)
    features, magnitude, domain = torch.randn(64, 6), torch.rand(64), torch.arange(64) // 32
    torch.manual_seed(3)
    verdict = adversary(features, magnitude, domain)
    torch.manual_seed(3)
    pairs = magnitude_pairs(magnitude, domain, 0.02)
    logits = adversary.discriminator(features, pairs.first, pairs.second).detach().numpy()
    same, alike = pairs.same.numpy(), pairs.alike.numpy()
    loss = -log_softmax(logits)[np.arange(len(same)), same.astype(int)]
    right = (logits[:, 1] > logits[:, 0]) == same
    kept = [alike & same, alike & ~same]
    assert kept[0].sum() != kept[1].sum() > 0
    assert verdict.loss.item() == pytest.approx(np.mean([loss[k].mean() for k in kept]), rel=1e-5)
    assert verdict.accuracy.item() == pytest.approx(np.mean([right[k].mean() for k in kept]), rel=1e-5)


def test_single_galaxies_of_several_targets_weight_every_field_alike() -> None:
    torch.manual_seed(0)
    adversary = Adversary("single", 6, 4, 16, tolerance=0.1)
    features, domain = torch.randn(30, 6), torch.tensor([0] * 15 + [1] * 12 + [3] * 3)  # field 2 was not drawn
    verdict = adversary(features, torch.rand(30), domain)
    logits = adversary.discriminator(features).detach().numpy()
    loss = -log_softmax(logits)[np.arange(30), domain]
    expected = np.mean([loss[domain.numpy() == field].mean() for field in (0, 1, 3)])
    assert verdict.loss.item() == pytest.approx(expected, rel=1e-5)


def test_a_batch_without_alike_pairs_has_no_loss() -> None:
    adversary = Adversary("paired", 3, 2, 8, tolerance=0.1)
    features = torch.randn(4, 3, requires_grad=True)
    verdict = adversary(features, torch.tensor([20.0, 22.0, 24.0, 26.0]), torch.tensor([0, 0, 1, 1]))
    verdict.loss.backward()
    assert verdict.loss.item() == 0
    assert torch.equal(features.grad, torch.zeros(4, 3))  # type: ignore[arg-type]


def test_coral_is_the_distance_of_covariances_and_means_of_scaled_features() -> None:
    random = np.random.default_rng(0)
    a, b = random.normal(0, [1, 5, 0.2], (40, 3)), random.normal(0.5, [2, 5, 0.1], (30, 3))
    scale = np.concatenate([a, b]).std(axis=0, ddof=1)
    x, y = a / scale, b / scale
    expected = ((np.cov(x.T) - np.cov(y.T)) ** 2).sum() / 36 + ((x.mean(axis=0) - y.mean(axis=0)) ** 2).sum() / 3
    assert float(coral_loss(torch.tensor(a), torch.tensor(b))) == pytest.approx(expected, rel=1e-10)
    assert float(coral_loss(torch.tensor(1000 * a), torch.tensor(1000 * b))) == pytest.approx(expected, rel=1e-10)
    assert float(coral_loss(torch.tensor(a), torch.tensor(a))) == 0
