"""The recipe's optimiser: which weights it moves how, its schedule, and its state."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from photoz_lit.networks.optimiser import JointOptimiser, build_optimiser, rate_factor

SETTINGS = {
    "optimiser": "muon",
    "learning_rate": 1e-3,
    "weight_decay": 0.0,
    "muon_learning_rate": 0.02,
    "muon_momentum": 0.9,
}


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 6, 3), nn.PReLU(6), nn.Flatten(), nn.Linear(6 * 36, 3))


def stepped(model: nn.Module, optimiser: torch.optim.Optimizer, steps: int, seed: int = 1) -> None:
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        optimiser.zero_grad()
        model(torch.randn(4, 2, 8, 8, generator=generator)).square().sum().backward()
        optimiser.step()


def test_every_weight_belongs_to_one_part_and_kernels_to_muon() -> None:
    model = network()
    optimiser = build_optimiser(model, SETTINGS)
    assert isinstance(optimiser, JointOptimiser)
    muon, adam = ([id(p) for group in part.param_groups for p in group["params"]] for part in optimiser.parts)
    assert muon == [id(model[0].weight)]
    assert sorted(muon + adam) == sorted(id(p) for p in model.parameters())
    assert [group["lr"] for group in optimiser.param_groups] == [0.02, 1e-3]


def test_the_rest_moves_as_with_adam_alone() -> None:
    model, other = network(), network()
    stepped(model, build_optimiser(model, SETTINGS), 1)
    stepped(other, build_optimiser(other, {**SETTINGS, "optimiser": "adam"}), 1)
    for mine, adams in zip(list(model.parameters())[1:], list(other.parameters())[1:], strict=True):
        assert torch.equal(mine, adams)
    assert not torch.equal(model[0].weight, other[0].weight)


def test_a_scheduler_reaches_both_parts() -> None:
    optimiser = build_optimiser(network(), SETTINGS)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 0.5**step)
    optimiser.step()
    schedule.step()
    assert [part.param_groups[0]["lr"] for part in optimiser.parts] == [0.01, 5e-4]  # type: ignore[attr-defined]


def test_it_goes_on_from_its_state_as_if_there_had_been_no_break() -> None:
    whole, broken = network(), network()
    stepped(whole, one := build_optimiser(whole, SETTINGS), 2)
    stepped(whole, one, 2, seed=2)
    stepped(broken, before := build_optimiser(broken, SETTINGS), 2)
    after = build_optimiser(broken, SETTINGS)
    after.load_state_dict(before.state_dict())
    stepped(broken, after, 2, seed=2)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), broken.parameters(), strict=True))
    for group in after.param_groups:
        group["lr"] = 0.0
    still = [p.detach().clone() for p in broken.parameters()]
    stepped(broken, after, 1)
    assert all(torch.equal(a, b) for a, b in zip(still, broken.parameters(), strict=True))  # the groups are the parts'


def test_schedules_against_their_formulas() -> None:
    done = np.arange(100) / 100
    steps = [rate_factor(d, "steps", (0.7, 0.9), 0.1, 0.02, 0.01) for d in done]
    np.testing.assert_allclose(steps, np.where(done < 0.7, 1, np.where(done < 0.9, 0.1, 0.01)) * ([0.5] + [1] * 99))
    linear = [rate_factor(d, "linear", (0.7, 0.9), 0.1, 0.0, 0.01) for d in done]
    np.testing.assert_allclose(linear, 1 - done)
