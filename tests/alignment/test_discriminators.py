import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from photoz_lit.alignment.coral import coral_loss
from photoz_lit.alignment.discriminators import FieldDiscriminator, PairDiscriminator
from photoz_lit.alignment.pairs import Galaxies, magnitude_pairs
from tests.alignment.builders import adversary_of


class AdditiveHead(nn.Module):
    """The control: one score per galaxy, summed over the two."""

    def __init__(self, values: int, hidden: int) -> None:
        super().__init__()
        self.first, self.second = (
            nn.Sequential(nn.LayerNorm(values), nn.Linear(values, hidden), nn.LeakyReLU(0.1), nn.Linear(hidden, 2))
            for _ in range(2)
        )

    def forward(self, features: Tensor, first: Tensor, partners: Tensor) -> Tensor:
        return self.first(features[first]) + self.second(features[partners[:, 0]])


def toy_features(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Features (n, 6) of two fields, separated by one feature with a margin, and the fields (n,)."""
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
        logits = head(values, first, second[:, None])
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
    torch.testing.assert_close(head(values, a, b[:, None]), head(values, b, a[:, None]))
    assert not torch.allclose(head(values, a, b[:, None]), head(values, a, a[:, None]))


def test_partners_that_do_not_count_do_not_matter_and_the_others_are_averaged() -> None:
    torch.manual_seed(0)
    head = PairDiscriminator(6, 16)
    values, first = torch.randn(40, 6), torch.arange(20)
    partners = torch.stack([torch.arange(20, 40), torch.arange(20), torch.arange(39, 19, -1)], dim=1)
    alike = torch.tensor([True, False, True]).expand(20, 3)
    found = head(values, first, partners, alike)
    embedded = head.embedding(values)
    mean = (embedded[partners[:, 0]] + embedded[partners[:, 2]]) / 2
    score = (embedded[first] * mean * head.weight).sum(dim=1) + head.bias
    torch.testing.assert_close(found[:, 1] - found[:, 0], score)
    torch.testing.assert_close(found, head(values, first, partners[:, [0, 2]]))


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


@pytest.mark.long
def test_the_mean_of_partners_brings_pairs_up_to_what_single_galaxies_tell() -> None:
    # fields one standard deviation apart: q = Φ(1/2) = 0.691, two galaxies q² + (1 − q)² = 0.573
    found = {}
    for partners in (1, 32):
        torch.manual_seed(0)
        adversary = adversary_of("paired", 20, hidden=16, partners=partners)
        optimiser = torch.optim.Adam(adversary.parameters(), lr=3e-3)
        known, held = shifted_fields(4000), shifted_fields(4000)
        for _ in range(250):
            optimiser.zero_grad()
            adversary(known, torch.randint(8000, (512,))).loss.backward()
            optimiser.step()
        with torch.no_grad():
            found[partners] = float(adversary(held).accuracy)
    assert found[1] == pytest.approx(0.573, abs=0.02)
    assert found[32] == pytest.approx(0.691, abs=0.02)


def shifted_fields(n: int) -> Galaxies:
    """Two fields of n galaxies of one magnitude, one standard deviation apart in one of twenty features."""
    domain = torch.arange(2 * n) // n
    values = torch.randn(2 * n, 20)
    values[:, 2] += domain
    return Galaxies(values, torch.full((2 * n, 1), 22.0), domain, torch.arange(2 * n))


def log_softmax(logits: np.ndarray) -> np.ndarray:
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def test_loss_and_accuracy_of_the_pairs_weight_both_classes_alike() -> None:
    torch.manual_seed(0)
    adversary = adversary_of("paired", 6, hidden=16, tolerance=0.02, partners=3)
    galaxies = Galaxies(torch.randn(64, 6), torch.rand(64, 1), torch.arange(64) // 32, torch.arange(64))
    judged = torch.arange(0, 64, 2)
    torch.manual_seed(3)
    verdict = adversary(galaxies, judged)
    torch.manual_seed(3)
    pairs = magnitude_pairs(galaxies, judged, 0.02, partners=3)
    logits = adversary.discriminator(galaxies.features, pairs.first, pairs.partners, pairs.alike).detach().numpy()
    same, alike = pairs.same.numpy(), pairs.alike.any(dim=1).numpy()
    loss = -log_softmax(logits)[np.arange(len(same)), same.astype(int)]
    right = (logits[:, 1] > logits[:, 0]) == same
    kept = [alike & same, alike & ~same]
    assert kept[0].sum() != kept[1].sum() > 0
    assert verdict.loss.item() == pytest.approx(np.mean([loss[k].mean() for k in kept]), rel=1e-5)
    assert verdict.accuracy.item() == pytest.approx(np.mean([right[k].mean() for k in kept]), rel=1e-5)


def test_single_galaxies_of_several_targets_weight_every_field_alike() -> None:
    torch.manual_seed(0)
    adversary = adversary_of("dann", 6, n_fields=4, hidden=16)
    domain = torch.tensor([0] * 15 + [1] * 12 + [3] * 3)  # field 2 was not drawn
    galaxies = Galaxies(torch.randn(30, 6), torch.rand(30, 1), domain, torch.arange(30))
    verdict = adversary(galaxies)
    logits = adversary.discriminator(galaxies.features).detach().numpy()
    loss = -log_softmax(logits)[np.arange(30), domain]
    expected = np.mean([loss[domain.numpy() == field].mean() for field in (0, 1, 3)])
    assert verdict.loss.item() == pytest.approx(expected, rel=1e-5)
    few = torch.tensor([0, 1, 15])
    alone = Galaxies(*(column[few] for column in vars(galaxies).values()))
    assert adversary(galaxies, few).loss.item() == pytest.approx(adversary(alone).loss.item(), rel=1e-6)


def test_a_batch_without_alike_pairs_has_no_loss() -> None:
    adversary = adversary_of("paired", 3, hidden=8, partners=1)
    features = torch.randn(4, 3, requires_grad=True)
    magnitude, domain = torch.tensor([[20.0], [22.0], [24.0], [26.0]]), torch.tensor([0, 0, 1, 1])
    verdict = adversary(Galaxies(features, magnitude, domain, torch.arange(4)))
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
