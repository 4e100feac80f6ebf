"""Weights that another network gives: of the same layers, branches and bands, and of no others."""

import pytest
import torch

from photoz_lit.errors import InputError
from photoz_lit.networks.multimodal import PhotoZNetwork
from photoz_lit.networks.optimiser import build_optimiser
from photoz_lit.networks.starting_weights import freeze, load_matched, matched_weights
from tests.networks.builders import FAMILIES, built

RECIPE = {"learning_rate": 1e-3, "weight_decay": 0.0, "muon_learning_rate": 0.02, "muon_momentum": 0.9}


def pair(family: str = "plain", one: str = "ugriz", other: str = "ugriz", **settings: str) -> list[PhotoZNetwork]:
    return [
        built(family, bands, width=0.1, stamp_size=32, seed=seed, **settings)  # type: ignore[arg-type]
        for seed, bands in enumerate((one, other))
    ]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("modality", ["all_bands", "neighbours"])
def test_networks_of_one_architecture_give_every_weight(family: str, modality: str) -> None:
    size = 64 if family == "pasquet" else 32
    network, start = (built(family, width=0.1, stamp_size=size, seed=seed, modality=modality) for seed in (0, 1))
    load_matched(network, matched_weights(network, start, same_bins=True))
    image, ebv = torch.rand(2, 5, size, size), torch.rand(2, 1)
    torch.testing.assert_close(network(image, ebv).logits, start(image, ebv).logits)


def test_the_start_is_not_shared() -> None:
    network, start = pair()
    load_matched(network, matched_weights(network, start, same_bins=True))
    before = start.heads.pdf[0].weight.clone()
    with torch.no_grad():
        network.heads.pdf[0].weight.add_(1)
    torch.testing.assert_close(start.heads.pdf[0].weight, before)


def test_other_bins_get_a_fresh_last_layer() -> None:
    network, start = pair()
    fresh = set(dict(network.named_parameters())) - set(matched_weights(network, start, same_bins=False))
    last = f"heads.pdf.{len(network.heads.pdf) - 1}"
    assert fresh == {f"{last}.weight", f"{last}.bias"}


def test_the_first_kernels_follow_the_names_of_the_bands() -> None:
    network, start = pair(one="ugriz", other="zirgy")
    name = "parallel.branches.0." + next(
        n for n, layer in network.parallel.branches[0].named_modules() if isinstance(layer, torch.nn.Conv2d)
    )
    kernel = matched_weights(network, start, same_bins=True)[f"{name}.weight"]
    own, given = network.get_parameter(f"{name}.weight"), start.get_parameter(f"{name}.weight")
    torch.testing.assert_close(kernel[:, 0], own[:, 0])  # u, which the start has not
    for mine, band in enumerate("griz", start=1):
        torch.testing.assert_close(kernel[:, mine], given[:, "zirgy".index(band)])


def test_branches_belong_together_by_their_bands() -> None:
    network, start = pair(one="ugriz", other="rizy", modality="neighbours")
    assert [set(one) for one in network.modalities] == [set("ug"), set("gr"), set("ri"), set("iz")]
    assert [set(one) for one in start.modalities] == [set("ri"), set("iz"), set("zy")]
    found = matched_weights(network, start, same_bins=True)
    for name, weight in found.items():
        if name.startswith("parallel.branches."):
            _, _, number, rest = name.split(".", 3)
            assert int(number) in (2, 3)
            torch.testing.assert_close(weight, start.get_parameter(f"parallel.branches.{int(number) - 2}.{rest}"))
    assert {name.split(".")[2] for name in found if name.startswith("parallel")} == {"2", "3"}


def test_the_layer_that_joins_other_branches_stays_fresh() -> None:
    network, start = pair(one="ugri", other="rizy", modality="neighbours")
    found = matched_weights(network, start, same_bins=True)
    joining = [
        name
        for name, weight in network.named_parameters()
        if name.startswith("common") and weight.ndim == 4 and weight.shape[1] == network.parallel.outputs
    ]
    assert joining
    assert not set(joining) & set(found)


@pytest.mark.parametrize("optimiser", ["adam", "muon"])
def test_frozen_parts_keep_their_weights(optimiser: str) -> None:
    network, start = pair()
    taken = matched_weights(network, start, same_bins=True)
    load_matched(network, taken)
    freeze(network, ["parallel", "common"], taken)
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    network(torch.rand(4, 5, 32, 32), torch.rand(4, 1)).logits.square().sum().backward()
    build_optimiser(network, {**RECIPE, "optimiser": optimiser}).step()
    changed = {name for name, weight in network.named_parameters() if not torch.equal(weight, before[name])}
    assert changed
    assert all(name.startswith("heads.") for name in changed)


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (["comon"], r"module\.frozen names no part of this network: 'comon'.*common"),
        (["heads"], r"module\.frozen=heads would freeze weights that the run of module\.init does not give"),
        (["parallel", "common", "heads.features", "heads.pdf.0"], None),
    ],
)
def test_what_cannot_be_frozen_is_refused(parts: list[str], sentence: str | None) -> None:
    network, start = pair()
    taken = matched_weights(network, start, same_bins=False)
    if sentence is None:
        freeze(network, parts, taken)
        return
    with pytest.raises(InputError, match=sentence):
        freeze(network, parts, taken)


def test_something_is_left_to_train() -> None:
    network, start = pair()
    with pytest.raises(InputError, match="leaves nothing to train"):
        freeze(network, ["parallel", "common", "heads"], matched_weights(network, start, same_bins=True))
