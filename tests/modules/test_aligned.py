from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from photoz_lit.alignment.adversary import Adversary
from photoz_lit.alignment.gradient_reversal import reversal_strength
from photoz_lit.alignment.pairs import Galaxies
from photoz_lit.fields import load_field
from photoz_lit.modules.aligned import AlignedModule
from photoz_lit.modules.cnn import BaselineCNN, PhotoZModule
from tests.alignment.builders import TRAINING, adapt_of, config_of, fields_of

# a step is taken without a Trainer
pytestmark = pytest.mark.filterwarnings("ignore:You are trying to `self.log:UserWarning")

BANDS = list("ugrizy")
FULL = reversal_strength(1.0, 10.0)  # λ of a module without a trainer, in units of `strength`


def arguments(*overrides: str) -> dict[str, Any]:
    config = config_of(*overrides)
    return {
        "network": config.network.model_dump(),
        "modality": config.modality.model_dump(),
        "fusion": config.fusion.model_dump(),
        "bands": BANDS,
        "stamp_size": 16,
        "z_edges": load_field("hsc6b").z_edges.tolist(),
        **TRAINING,
    }


def adversarial(method: str, *overrides: str, n_fields: int = 2, **changes: Any) -> AlignedModule:
    torch.manual_seed(0)
    adapt = adapt_of(method, hidden=8, **changes)
    return AlignedModule(**arguments(*overrides), adapt=adapt.model_dump(), fields=fields_of(n_fields))


def adversary_in(module: AlignedModule) -> Adversary:
    part = module.parts["adversary"]
    assert isinstance(part, Adversary)
    return part


def two_field_batch(n: int = 6) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    domain = torch.arange(2 * n) // n
    image = torch.randn(2 * n, 6, 16, 16, generator=generator) + domain[:, None, None, None]
    z = torch.where(domain == 0, torch.rand(2 * n, generator=generator), torch.nan)
    return {
        "image": image,
        "ebv": 0.05 * torch.rand(2 * n, 1, generator=generator),
        "z": z,
        "z_bin": torch.where(domain == 0, (95 * torch.nan_to_num(z)).long(), 399),
        "weight": torch.ones(2 * n),
        "match_mag": 22 + 0.1 * torch.rand(2 * n, 1, generator=generator),
        "domain": domain,
        "index": torch.arange(2 * n),
    }


def field_loss(module: AlignedModule, batch: dict[str, Tensor]) -> Tensor:
    """The adversary's loss, written without reversal."""
    output, trunk = module.with_trunk(batch["image"], batch["ebv"], batch["domain"])
    galaxies = Galaxies(module.aligned(output, trunk), batch["match_mag"], batch["domain"], batch["index"])
    random = torch.Generator().manual_seed(0)  # the pairs of a module's first step
    loss: Tensor = adversary_in(module)(galaxies, random=random).loss
    return loss


def slope(module: AlignedModule, batch: dict[str, Tensor], weight: Tensor, direction: Tensor) -> float:
    """Central finite difference of the adversary's loss along a direction of one weight."""
    values = []
    with torch.no_grad():
        for step in (1e-6, -1e-6):
            weight += step * direction
            values.append(float(field_loss(module, batch)))
            weight -= step * direction
    return (values[0] - values[1]) / 2e-6


@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(("method", "layer"), [("dann", "features"), ("paired", "features"), ("paired", "trunk")])
def test_features_get_minus_lambda_times_the_slope_of_the_field_loss_and_the_discriminator_the_slope(
    method: str, layer: str, strength: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.Tensor, "float", lambda tensor: tensor.double())
    module = adversarial(method, layer=layer, strength=strength, discriminator_updates=0, calibrate=True).double()
    batch = {name: c.double() if c.is_floating_point() else c for name, c in two_field_batch().items()}
    batch["weight"] = torch.zeros_like(batch["weight"])  # no redshift loss: what is left is the adversary's
    module.training_step(batch, 0).backward()
    strength *= FULL
    assert module.strength == strength
    random = torch.Generator().manual_seed(2)
    reached = [p for p in module.network.parameters() if p.grad is not None and (p.grad != 0).any()]
    assert (len(reached) >= 6) == (strength > 0)
    checked = 0
    for name, weight in module.named_parameters():
        direction = torch.randn(weight.shape, generator=random, dtype=torch.float64)
        direction /= direction.norm()
        found = 0.0 if weight.grad is None else float((weight.grad * direction).sum())
        factor = 1.0 if name.startswith("parts.adversary") else -strength
        expected = slope(module, batch, weight.data, direction)
        assert found == pytest.approx(factor * expected, rel=1e-4, abs=1e-9), name
        checked += abs(expected) > 1e-6
    assert checked >= 10


def gradients(module: nn.Module) -> dict[str, Tensor]:
    return {name: torch.zeros_like(p) if p.grad is None else p.grad for name, p in module.named_parameters()}


@pytest.mark.parametrize("method", ["dann", "guided_paired", "coral"])
def test_without_strength_the_network_learns_from_the_source_alone(method: str) -> None:
    module, batch = adversarial(method, strength=0.0), two_field_batch()
    module.training_step(batch, 0).backward()
    plain = BaselineCNN(**arguments())
    plain.load_state_dict({k: v for k, v in module.state_dict().items() if k in plain.state_dict()})
    PhotoZModule.training_step(plain, {name: column[:6] for name, column in batch.items()}, 0).backward()
    mine = gradients(module.network)
    for name, expected in gradients(plain.network).items():
        torch.testing.assert_close(mine[name], expected, rtol=1e-4, atol=1e-7, msg=name)
    if method != "coral":
        assert any((gradient != 0).any() for gradient in gradients(adversary_in(module)).values())


def test_labels_of_the_targets_do_not_reach_the_loss() -> None:
    module, batch = adversarial("guided_paired", discriminator_updates=0), two_field_batch()
    torch.manual_seed(4)
    first = module.training_step(batch, 0)
    batch["z"][6:], batch["z_bin"][6:], batch["weight"][6:] = 1.0, 3, 100.0
    torch.manual_seed(4)
    assert torch.equal(module.training_step(batch, 0), first)
    assert torch.isfinite(first)


def test_strength_follows_its_formula_over_the_adaptation(monkeypatch: pytest.MonkeyPatch) -> None:
    module = adversarial("dann", strength=0.7, steepness=4.0)
    for step in (0, 1, 50, 100, 130):
        trainer = SimpleNamespace(estimated_stepping_batches=100, global_step=step)
        monkeypatch.setattr(module, "_trainer", trainer)
        progress = min(1.0, step / 100)
        assert module.strength == pytest.approx(0.7 * np.tanh(2.0 * progress), rel=1e-12)


def test_discriminator_and_calibration_have_learning_rates_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    module = adversarial("dann", discriminator_learning_rate=0.02, calibrate=True, calibration_learning_rate=0.001)
    monkeypatch.setattr(module, "_trainer", SimpleNamespace(estimated_stepping_batches=100, global_step=0))
    configured = module.configure_optimizers()
    network, adversary, calibration = configured["optimizer"].param_groups
    assert {id(p) for p in network["params"]} == {id(p) for p in module.network.parameters()}
    assert {id(p) for p in adversary["params"]} == {id(p) for p in module.parts["adversary"].parameters()}
    assert {id(p) for p in calibration["params"]} == {id(p) for p in module.parts["calibration"].parameters()}
    rates = []
    for _ in range(95):
        configured["optimizer"].step()
        configured["lr_scheduler"]["scheduler"].step()
        rates.append((network["lr"], adversary["lr"], calibration["lr"]))
    assert rates[50] == pytest.approx((1e-4, 0.02, 1e-3))
    assert rates[94] == pytest.approx((1e-6, 0.02, 1e-5))


def test_without_adaptation_a_step_is_that_of_any_other_network() -> None:
    module, batch = adversarial("none"), {name: column[:6] for name, column in two_field_batch().items()}
    assert not module.parts
    plain = BaselineCNN(**arguments())
    plain.load_state_dict(module.state_dict())
    torch.testing.assert_close(module.training_step(batch, 0), plain.training_step(batch, 0))


def test_the_epoch_is_chosen_by_the_sources_loss_and_the_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    module, batch = adversarial("guided_paired", probe_weight=0.5), two_field_batch()
    logged: dict[str, float] = {}
    monkeypatch.setattr(module, "log", lambda name, value, **_: logged.update({name: float(value)}))
    seen: list[tuple[int, int]] = []

    def probe(source: np.ndarray, target: np.ndarray) -> float:
        seen.append((len(source), len(target)))
        return 0.8

    module.probe = probe
    with torch.no_grad():
        module.validation_step(batch, 0)
    module.on_validation_epoch_end()
    own = {name: column[:6] for name, column in batch.items()}
    expected = module.loss(module(own["image"], own["ebv"]), own).mean().item()
    assert seen == [(6, 6)]
    assert logged["val_loss"] == pytest.approx(expected, rel=1e-5)
    assert logged["val_selection"] == pytest.approx(expected + 0.5 * (2 * 0.8 - 1), rel=1e-5)


def test_multimodal_networks_and_several_targets_are_adapted() -> None:
    module = adversarial("dann", "module=multimodal", "modality=neighbours", n_fields=3)
    batch = two_field_batch()
    batch["domain"][9:] = 2
    module.training_step(batch, 0).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in module.parameters())
