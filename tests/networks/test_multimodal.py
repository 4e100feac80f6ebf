from __future__ import annotations

import pytest
import torch
from torch import nn

from photoz_lit.errors import InputError
from photoz_lit.networks.family import Widths
from photoz_lit.networks.multimodal import PhotoZNetwork, draw_kept
from tests.networks.builders import FAMILIES, batch, built


def first_convolutions(network: PhotoZNetwork) -> list[nn.Conv2d]:
    """The first convolution of every branch."""
    return [
        next(layer for layer in branch.modules() if isinstance(layer, nn.Conv2d))
        for branch in network.parallel.branches
    ]


@pytest.mark.parametrize("fusion", ["early", "middle", "late"])
@pytest.mark.parametrize(("family", "stem"), [("treyer", 96), ("pasquet", 64), ("plain", 64)])
def test_baseline_is_the_special_case_of_one_modality(family: str, stem: int, fusion: str) -> None:
    baseline = built(family, "ugri", 32, seed=7)
    special = built(family, "ugri", 32, "neighbours", fusion, sets=[list("ugri")], stem_filters=stem, seed=7)
    assert all(torch.equal(a, b) for a, b in zip(baseline.parameters(), special.parameters(), strict=True))
    inputs = batch(baseline, 32)
    assert all(torch.equal(a, b) for a, b in zip(baseline(*inputs), special(*inputs), strict=True))


@pytest.mark.parametrize("family", FAMILIES)
def test_branches_run_apart_and_are_concatenated_on_channels(family: str) -> None:
    network = built(family, "ugriz", 32, "neighbours", "middle", width=0.25)
    image, ebv = batch(network, 32)
    by_hand = []
    for branch, pair in zip(network.parallel.branches, ["ug", "gr", "ri", "iz"], strict=True):
        by_hand.append(branch(torch.stack([image[:, "ugriz".index(band)] for band in pair], dim=1)))
    trunk = network.common(torch.cat(by_hand, dim=1))
    assert torch.equal(network.trunk(image), trunk)
    assert torch.equal(network(image, ebv).logits, network.heads(trunk, ebv).logits)


def test_bands_are_picked_by_name_and_in_the_modality_s_order() -> None:
    network = built("plain", "ugri", 32, "neighbours", width=0.25, sets=[["i", "u"]])
    reversed_ = built("plain", "irgu", 32, "neighbours", width=0.25, sets=[["i", "u"]])
    image, ebv = batch(network, 32)
    assert torch.equal(network(image, ebv).logits, reversed_(image.flip(1), ebv).logits)


@pytest.mark.parametrize(("family", "convolutions"), [("treyer", 2), ("pasquet", 1), ("plain", 1)])
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_stems_have_32_filters_per_band(family: str, convolutions: int, size: int) -> None:
    network = built(family, "ugrizy", 32, "neighbours", size=size)
    assert len(network.modalities) == 7 - size
    for branch in network.parallel.branches:
        outputs = [layer.out_channels for layer in branch.modules() if isinstance(layer, nn.Conv2d)]
        assert outputs == [32 * size] * convolutions


def test_stem_filters_of_mixed_modalities_follow_each_one_s_size() -> None:
    mixed = built("treyer", "ugrizy", 32, "neighbours", sets=[["u", "g"], ["i", "z", "y"]])
    assert [layer.out_channels for layer in first_convolutions(mixed)] == [64, 96]
    fixed = built("treyer", "ugrizy", 32, "neighbours", sets=[["u", "g"], ["i", "z", "y"]], stem_filters=40)
    assert [layer.out_channels for layer in first_convolutions(fixed)] == [40, 40]


def test_thin_widths_take_their_share_before_the_width_factor() -> None:
    pair_of_nine = Widths(stem=64, share=2 / 9)
    assert [pair_of_nine.of(n) for n in (156, 92, 64, 24)] == [35, 20, 14, 8]
    assert pair_of_nine.of_stem() == 64
    narrowed = Widths(stem=64, share=2 / 9, factor=0.25)
    assert [narrowed.of(156), narrowed.of(24), narrowed.of_stem()] == [9, 4, 16]


def test_thin_and_full_branches() -> None:
    # The output of an inception is 2 K + floor(0.65 K) + floor(0.7 K).
    thin = built("treyer", "ugrizyjhk", 32, "neighbours", "middle")
    assert thin.parallel.outputs == 8 * (2 * 35 + 22 + 24)
    full = built("treyer", "ugri", 32, "neighbours", "middle", branch_width="full")
    assert full.parallel.outputs == 3 * 522


@pytest.mark.parametrize(("fusion", "parallel"), [("early", 1), ("middle", 2), ("late", 3)])
def test_fusion_divides_the_four_stages(fusion: str, parallel: int) -> None:
    network = built("treyer", "ugri", 32, "neighbours", fusion, width=0.1)
    assert [len(branch) for branch in network.parallel.branches] == [parallel] * 3
    assert len(network.common) == 4 - parallel


def test_kept_modalities_follow_the_probability_and_are_never_none() -> None:
    torch.manual_seed(0)
    n, p = 200_000, 0.6
    kept = draw_kept(n, 3, p).double()
    assert kept.sum(dim=1).min() == 1
    # Each is dropped with p, less the third of the p³ in which it is the one that stays.
    expected = 1 - (p - p**3 / 3)
    assert kept.mean(dim=0).numpy() == pytest.approx(expected, abs=4 * (0.25 / n) ** 0.5)


def test_dropout_zeroes_whole_modalities_per_image_in_training_only() -> None:
    network = built("treyer", "ugriz", 32, "neighbours", width=0.1, dropout=0.5)
    image, ebv = batch(network, 32, images=64)
    full = network.eval().parallel(image)
    torch.manual_seed(5)
    kept = draw_kept(64, 4, 0.5)
    torch.manual_seed(5)
    dropped = network.train().parallel(image)
    width = network.parallel.outputs // 4
    torch.testing.assert_close(dropped, full * kept.repeat_interleave(width, dim=1)[:, :, None, None])
    assert 0.3 < kept.double().mean() < 0.7
    network.eval()
    assert torch.equal(network(image, ebv).logits, network(image, ebv).logits)


def test_modalities_are_dropped_by_name() -> None:
    network = built("treyer", "ugriz", 32, "neighbours", width=0.1, sets=[["u", "g"], ["r", "i", "z"], ["g", "z"]])
    image, ebv = batch(network, 32)
    maps = network.parallel(image)
    first, second, third = network.parallel.outputs_of
    zeroed = maps.clone()
    zeroed[:, :first] = 0
    zeroed[:, first + second :] = 0
    dropped = network.check_dropped(["u_g", "g_z"])
    assert torch.equal(network.parallel(image, dropped), zeroed)
    assert torch.equal(network(image, ebv, dropped).logits, network.heads(network.common(zeroed), ebv).logits)
    changed = image.clone()
    changed[:, 0] += 1  # u is in no modality that is left
    assert torch.equal(network(image, ebv, dropped).logits, network(changed, ebv, dropped).logits)
    assert third == first


@pytest.mark.parametrize(("dropped", "words"), [(["u_r"], "no modality 'u_r'"), (["u_g", "g_r"], "leave at least one")])
def test_dropping_what_is_not_there_or_everything_is_refused(dropped: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        built("plain", "ugr", 32, "neighbours", width=0.1).check_dropped(dropped)


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(InputError, match=r"no\.such\.Family"):
        built("plain", target="no.such.Family")
    with pytest.raises(InputError, match="no family of networks"):
        built("plain", target="torch.nn.Linear")
