import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from photoz_lit.networks.inception import Inception
from photoz_lit.networks.layers import PReLU, average_in_place, prelu, relu, scaled


def same_average(maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """2x2 average of stride 1 over what lies inside, pixel by pixel (TensorFlow's "same" padding)."""
    out = np.empty_like(maps)
    for y in range(maps.shape[2]):
        for x in range(maps.shape[3]):
            out[:, :, y, x] = maps[:, :, y : y + 2, x : x + 2].mean(axis=(2, 3))
    return out


def test_average_keeps_the_size_and_averages_what_is_there() -> None:
    maps = torch.randn(2, 3, 5, 4, dtype=torch.float64)
    np.testing.assert_allclose(average_in_place(maps).numpy(), same_average(maps.numpy()), rtol=1e-12)


@pytest.mark.parametrize("activation", [relu, prelu])
@pytest.mark.parametrize("kernels", [(5, 3), (3,)])
def test_inception_is_its_branches_run_apart(activation: type, kernels: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    block = Inception(7, squeezed=3, wide=5, direct=4, activation=activation, kernels=kernels).double()
    maps = torch.randn(2, 7, 8, 8, dtype=torch.float64)
    squeeze = block.squeeze[0]
    assert isinstance(squeeze, nn.Conv2d)
    assert squeeze.bias is not None

    def one_by_one(first: int, last: int) -> torch.Tensor:
        # PReLU starts at slope zero, so both activations are a ReLU here.
        return functional.conv2d(maps, squeeze.weight[first:last], squeeze.bias[first:last]).relu()

    views = []
    for position, kernel in enumerate(kernels):
        layer = block.branches[position][0]
        narrow = one_by_one(3 * position, 3 * position + 3)
        views.append(functional.conv2d(narrow, layer.weight, layer.bias, padding=kernel // 2).relu())
    after = 3 * len(kernels)
    views.append(torch.from_numpy(same_average(one_by_one(after, after + 3).detach().numpy())))
    views.append(one_by_one(after + 3, after + 7))
    expected = torch.cat(views, dim=1)
    assert block.outputs == expected.shape[1]
    torch.testing.assert_close(block(maps), expected, rtol=1e-12, atol=1e-12)


def test_squeezing_layers_are_initialised_as_layers_of_their_own() -> None:
    torch.manual_seed(0)
    block = Inception(400, squeezed=100, wide=8, direct=300, activation=relu)
    weight = block.squeeze[0].weight.detach()
    for part, outputs in zip(weight.split([100, 100, 100, 300]), [100, 100, 100, 300], strict=True):
        bound = np.sqrt(6 / (400 + outputs))  # Glorot & Bengio 2010
        assert part.abs().max() <= bound
        assert part.std() == pytest.approx(bound / np.sqrt(3), rel=0.02)
    assert (block.squeeze[0].bias == 0.1).all()


def test_prelu_equals_torch_with_and_without_gradients() -> None:
    ours, theirs = PReLU(6), nn.PReLU(6)
    with torch.no_grad():
        ours.weight.copy_(torch.linspace(-0.5, 1.5, 6))
        theirs.weight.copy_(ours.weight)
    maps = torch.randn(4, 6, 5, 5)
    a, b = maps.clone().requires_grad_(), maps.clone().requires_grad_()
    out, expected = ours(a), theirs(b)
    assert torch.equal(out, expected)
    assert torch.equal(ours(maps), theirs(maps))
    with torch.no_grad():
        assert torch.equal(ours(maps), theirs(maps))
    gradient = torch.randn(4, 6, 5, 5)
    out.backward(gradient)
    expected.backward(gradient)
    torch.testing.assert_close(a.grad, b.grad)
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)


def test_scaled_widths_are_exact_at_one_and_never_vanish() -> None:
    assert [scaled(n, 1.0) for n in (1, 96, 109)] == [1, 96, 109]
    assert scaled(96, 0.25) == 24
    assert scaled(156, 0.25) == 39
    assert scaled(96, 0.001) == 4
