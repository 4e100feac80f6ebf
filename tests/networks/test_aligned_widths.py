"""`scale=aligned`: every layer's channels are multiples of 8, for a few percent more operations; `paper` is exact."""

from __future__ import annotations

import pytest
from torch import nn

from photoz_lit.networks.complexity import complexity_of
from photoz_lit.networks.layers import aligned
from photoz_lit.networks.multimodal import PhotoZNetwork
from tests.composed import composed
from tests.networks.builders import FAMILIES, batch, built

#: Operations that rounding up to multiples of 8 adds, docs/gpu.md has them.
ADDED = {"treyer": 0.0483, "pasquet": 0.0315, "plain": 0.0}


def widths_of(network: PhotoZNetwork) -> set[int]:
    """Outputs of every convolution, part by part, and of every dense layer but the last of each head."""
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    parts = {part for layer in layers for part in getattr(layer, "parts", [layer.out_channels])}
    last = (network.heads.pdf[-1], network.heads.scalar[-1])
    dense = {one.out_features for one in network.modules() if isinstance(one, nn.Linear) and one not in last}
    return parts | dense


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("structure", [("all_bands", "early"), ("neighbours", "early"), ("neighbours", "middle")])
@pytest.mark.parametrize("align", [8, 16])
def test_every_width_is_a_multiple(family: str, structure: tuple[str, str], align: int) -> None:
    network = built(family, "ugriz", 32, *structure, width=0.2, align=align)
    assert all(width % align == 0 for width in widths_of(network))
    exact = built(family, "ugriz", 32, *structure, width=0.2)
    assert any(width % align for width in widths_of(exact))
    output = network(*batch(network, 32))
    assert output.logits.isfinite().all()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_operations_that_it_adds_are_those_that_are_said(family: str) -> None:
    exact, rounded = (complexity_of(built(family, align=align), 64) for align in (1, 8))
    assert rounded.gflop / exact.gflop - 1 == pytest.approx(ADDED[family], abs=5e-5)


def test_widths_are_rounded_up() -> None:
    assert [aligned(n, 8) for n in (1, 8, 9, 156)] == [8, 8, 16, 160]
    assert [aligned(n, 1) for n in (1, 101, 156)] == [1, 101, 156]


def test_the_scale_is_paper_but_for_the_rounding() -> None:
    paper, rounded = composed("scale=paper"), composed("scale=aligned")
    assert (paper.network.align, rounded.network.align) == (1, 8)  # type: ignore[union-attr]
    changed = {"name": "aligned", "align": 8}
    assert rounded.scale.model_dump() == {**paper.scale.model_dump(), **changed}
    assert composed("network.align=16").network.align == 16  # type: ignore[union-attr]
