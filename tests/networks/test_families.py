"""Layer shapes and parameter counts of the published networks (width 1, depth 1, 180 redshift bins)."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from photoz_lit.errors import InputError
from photoz_lit.networks.multimodal import PhotoZNetwork
from tests.networks.builders import BANDS, FAMILIES, batch, built

# Stage outputs for one image, channels x side, without the last one, which is flat.
STAGES = {
    ("treyer", 64): ["96x32", "522x16", "522x8"],
    ("treyer", 32): ["96x16", "522x16", "522x8"],
    ("pasquet", 64): ["64x32", "340x16", "476x8"],
    ("pasquet", 32): ["64x16", "340x16", "476x8"],
    ("plain", 64): ["64x32", "64x16", "64x8"],
    ("plain", 32): ["64x16", "64x8", "64x4"],
}
FLAT = {"treyer": 96, "pasquet": 22272, "plain": 64}

# Parameters without the first convolution's weights, which grow with the bands: 25 * 96, 25 * 64 and 9 * 64 per band.
PARAMETERS = {"treyer": (6_893_525, 2400), "pasquet": (27_589_469, 1600), "plain": (240_309, 576)}

# Convolutions in the order in which they run: inputs → outputs, kernel, side of the output at 64 pixels. In an
# inception the 1x1 of all branches are one layer: 3 * 101 + 109 = 412 outputs.
TREYER_64 = """
B→96 5 64, 96→96 3 64,
96→412 1 32, 101→156 5 32, 101→156 3 32,
522→412 1 32, 101→156 5 32, 101→156 3 32,
522→412 1 32, 101→156 5 32, 101→156 3 32,
522→412 1 16, 101→156 5 16, 101→156 3 16,
522→412 1 16, 101→156 5 16, 101→156 3 16,
522→412 1 8, 101→156 5 8, 101→156 3 8,
522→96 3 6, 96→96 3 4, 96→96 3 2
"""
PASQUET_64 = """
B→64 5 64,
64→208 1 32, 48→64 5 32, 48→64 3 32,
240→284 1 32, 64→92 5 32, 64→92 3 32,
340→404 1 16, 92→128 5 16, 92→128 3 16,
476→404 1 16, 92→128 5 16, 92→128 3 16,
476→312 1 8, 92→128 3 8
"""
PLAIN_64 = "B→64 3 64, 64→64 3 32, 64→64 3 16, 64→64 3 8"
CONVOLUTIONS = {"treyer": TREYER_64, "pasquet": PASQUET_64, "plain": PLAIN_64}
DENSE = {
    "treyer": "97→1024, 1024→1024, 1024→180, 1024→512, 512→1",
    "pasquet": "22273→1096, 1096→1096, 1096→180, 1096→1",
    "plain": "65→256, 256→256, 256→180, 256→1",
}


def shapes(network: PhotoZNetwork, size: int) -> tuple[list[str], list[str], list[str]]:
    """Stage outputs, convolutions and dense layers, as they run."""
    stages: list[str] = []
    convolutions: list[str] = []
    dense: list[str] = []

    def of_stage(_: nn.Module, __: object, out: torch.Tensor) -> None:
        stages.append(f"{out.shape[1]}x{out.shape[2]}" if out.ndim == 4 else str(out.shape[1]))

    def of_layer(layer: nn.Module, _: object, out: torch.Tensor) -> None:
        if isinstance(layer, nn.Conv2d):
            convolutions.append(f"{layer.in_channels}→{layer.out_channels} {layer.kernel_size[0]} {out.shape[2]}")
        elif isinstance(layer, nn.Linear):
            dense.append(f"{layer.in_features}→{layer.out_features}")

    for stage in [*network.parallel.branches[0], *network.common]:
        stage.register_forward_hook(of_stage)
    for layer in network.modules():
        layer.register_forward_hook(of_layer)
    with torch.no_grad():
        network.eval()(*batch(network, size, images=1))
    return stages, convolutions, dense


@pytest.mark.parametrize("size", [64, 32])
@pytest.mark.parametrize("n_bands", [5, 6, 9])
@pytest.mark.parametrize("family", FAMILIES)
def test_shapes_and_parameters_are_the_published_ones(family: str, n_bands: int, size: int) -> None:
    network = built(family, BANDS[n_bands], size)
    stages, convolutions, dense = shapes(network, size)
    assert stages == [*STAGES[family, size], str(FLAT[family])]
    assert dense == DENSE[family].split(", ")
    expected = CONVOLUTIONS[family].replace("\n", " ").replace("B", str(n_bands)).split(",")
    if size == 64:
        assert convolutions == [layer.strip() for layer in expected]
    else:  # the layers are the same, on smaller maps
        assert [c.rsplit(" ", 1)[0] for c in convolutions] == [c.strip().rsplit(" ", 1)[0] for c in expected]
    common, per_band = PARAMETERS[family]
    assert sum(p.numel() for p in network.parameters()) == common + n_bands * per_band


def test_published_parameter_counts() -> None:
    count = {family: sum(p.numel() for p in built(family).parameters()) / 1e6 for family in ("treyer", "pasquet")}
    assert 6.4 <= count["treyer"] <= 6.95
    assert count["pasquet"] == pytest.approx(27.6, abs=0.05)


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_are_glorot_and_biases_a_tenth(family: str) -> None:
    for layer in built(family, width=0.25).modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            assert layer.bias is not None
            assert (layer.bias == 0.1).all()


@pytest.mark.parametrize(
    ("family", "depth", "convolutions"),
    [
        ("treyer", 0.34, 14),
        ("treyer", 2, 41),
        ("pasquet", 0.5, 9),
        ("pasquet", 2, 29),
        *[("plain", depth, round(4 * depth)) for depth in (0.25, 0.5, 0.75, 1.25, 2)],
    ],
)
@pytest.mark.parametrize("fusion", ["early", "late"])
def test_depth_makes_shallower_and_deeper_members(family: str, depth: float, convolutions: int, fusion: str) -> None:
    network = built(family, stamp_size=32, width=0.1, depth=depth, fusion=fusion)
    assert sum(isinstance(layer, nn.Conv2d) for layer in network.modules()) == convolutions
    assert network(*batch(network, 32)).logits.shape == (3, 180)


def test_stamps_of_another_size_are_refused_by_the_inception_families() -> None:
    with pytest.raises(InputError, match="stamps of 32 or 64 pixels, not 48"):
        built("treyer", stamp_size=48)
    network = built("plain", stamp_size=48, width=0.25)
    assert network(*batch(network, 48)).z_point.shape == (3,)
