"""The discriminator is shown to win on frozen features before it is made to lose."""

import numpy as np
import pytest
import torch

from photoz_lit.alignment import teaching
from photoz_lit.alignment.pairs import Galaxies
from photoz_lit.alignment.teaching import JudgedDraw, held_accuracy, refresh
from tests.alignment.builders import adversary_of, guided, start_of


def made_features(n: int, shift: float, seed: int = 0) -> Galaxies:
    """Features that tell magnitude, and the field by a shift of one of them; the target is fainter."""
    random = np.random.default_rng(seed)
    domain = np.arange(2 * n) // n
    magnitude = np.where(domain == 0, 23 - random.exponential(1, 2 * n), 24 - random.exponential(1, 2 * n))
    values = random.normal(size=(2 * n, 5))
    values[:, 0] = magnitude - 23
    values[:, 1] += shift * domain
    return Galaxies(
        torch.tensor(values, dtype=torch.float32),
        torch.tensor(magnitude, dtype=torch.float32)[:, None],
        torch.from_numpy(domain),
        torch.arange(2 * n),
    )


@pytest.mark.parametrize("method", [pytest.param("guided", marks=pytest.mark.long), "guided_paired"])
def test_the_discriminator_wins_on_frozen_features_that_differ_and_not_on_alike_ones(method: str) -> None:
    found = {}
    for shift in (0.0, 3.0):
        torch.manual_seed(0)
        adversary = adversary_of(method, 5, hidden=32, discriminator_steps=400, least_accuracy=0.65)
        start = start_of(made_features(1500, shift), made_features(1000, shift, seed=1), guided(0.1))
        found[shift] = adversary.prepare(start)
        held = held_accuracy(adversary, start.held, start.batches)
        assert found[shift]["frozen_accuracy"] == pytest.approx(held, abs=0.03)
        assert (adversary.nothing_to_align is None) == found[shift]["wins"]
    assert found[3.0]["wins"]
    assert found[3.0]["frozen_accuracy"] > 0.65
    assert found[3.0]["frozen_steps"] < 400
    assert found[3.0]["frozen_tries"] == 1
    assert not found[0.0]["wins"]
    assert found[0.0]["frozen_tries"] == 3
    assert found[0.0]["frozen_accuracy"] == pytest.approx(0.5, abs=0.1)
    assert found[0.0]["frozen_steps"] == 400


def test_a_discriminator_that_does_not_win_is_taught_again_with_fresh_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    adversary = adversary_of("guided_paired", 5, hidden=32, discriminator_steps=250, least_accuracy=0.65)
    # every 50 steps: the first try loses, for 0.65 is not above 0.65, and the second wins, not before 200 steps
    accuracies = iter([0.6, 0.6, 0.6, 0.65, 0.6, 0.7, 0.5, 0.5, 0.7])
    seen = []

    def judged(*_: object) -> float:
        seen.append([float(value.detach().sum()) for value in adversary.parameters()])
        return next(accuracies)

    monkeypatch.setattr(teaching, "held_accuracy", judged)
    made = made_features(300, 0.0)
    report = adversary.prepare(start_of(made, made, guided(0.1)))
    assert report == {"frozen_accuracy": 0.7, "frozen_steps": 200, "frozen_tries": 2, "wins": True}
    assert all(first != second for first, second in zip(seen[4], seen[5], strict=True))
    refresh(adversary, 1)
    assert torch.equal(adversary.discriminator.weight, torch.ones(16))
    state = torch.get_rng_state()
    refresh(adversary, 2)
    assert torch.equal(torch.get_rng_state(), state)


def test_unguided_discriminators_of_single_galaxies_win_by_the_population_alone() -> None:
    # why batches are guided: nothing but the number of faint galaxies differs here
    torch.manual_seed(0)
    adversary = adversary_of("dann", 5, hidden=32, discriminator_steps=400, least_accuracy=0)
    start = start_of(made_features(1500, 0.0), made_features(1000, 0.0, seed=1), guided(None))
    assert adversary.prepare(start)["frozen_accuracy"] > 0.65


@pytest.mark.parametrize("tolerance", [None, 0.3])
def test_targets_are_judged_as_often_whatever_their_size(tolerance: float | None) -> None:
    made = made_features(1000, 0.0)
    domain = made.domain.clone()
    domain[1900:] = 2  # a tenth of the target galaxies
    rows = JudgedDraw(Galaxies(made.features, made.magnitude, domain, made.number), guided(tolerance)).rows(
        4000, np.random.default_rng(0)
    )
    fields = domain[rows]
    assert (fields[:4000] == 0).all()
    assert float((fields[4000:] == 2).float().mean()) == pytest.approx(0.5, abs=0.03)
    if tolerance is not None:
        difference = (made.magnitude[rows[:4000]] - made.magnitude[rows[4000:]]).abs()
        assert float((difference <= tolerance).float().mean()) > 0.9
