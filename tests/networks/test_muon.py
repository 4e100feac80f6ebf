"""Muon on kernels against torch's own Muon, which takes matrices, and against the singular values themselves."""

from __future__ import annotations

import torch
from torch import nn

from photoz_lit.networks.layers import parallel_convolutions
from photoz_lit.networks.muon import KernelMuon, orthogonalised


def test_singular_values_come_near_one_and_directions_stay() -> None:
    torch.manual_seed(0)
    for shape in ((3, 12, 40), (3, 40, 12), (1, 8, 8)):
        matrices = torch.randn(shape)
        out = orthogonalised(matrices)
        u, _, vh = torch.linalg.svd(matrices, full_matrices=False)
        values = torch.linalg.svdvals(out)
        assert out.shape == shape
        assert bool(((values > 0.3) & (values < 1.25)).all())
        # the singular vectors are those of the gradient: u^T out v is diagonal
        turned = u.mT @ out @ vh.mT
        off = turned - torch.diag_embed(torch.diagonal(turned, dim1=-2, dim2=-1))
        assert float(off.abs().max()) < 1e-4


def test_a_kernel_moves_as_the_matrix_that_torch_moves() -> None:
    """Torch computes in bfloat16, hence the tolerance; both take √(max(1, rows / columns)) as size."""
    torch.manual_seed(1)
    convolution = nn.Conv2d(3, 40, 3).to(memory_format=torch.channels_last)
    matrix = nn.Parameter(convolution.weight.detach().flatten(1).clone())
    ours = KernelMuon([convolution], lr=0.02, momentum=0.9)
    theirs = torch.optim.Muon([matrix], lr=0.02, momentum=0.9, weight_decay=0.0)
    for _ in range(4):
        grad = torch.randn_like(convolution.weight)
        convolution.weight.grad, matrix.grad = grad, grad.flatten(1).clone()
        before = matrix.detach().clone()
        ours.step()
        theirs.step()
        moved = (matrix - before).detach()
        torch.testing.assert_close(convolution.weight.flatten(1), matrix, atol=0.05 * float(moved.abs().max()), rtol=0)


def test_weight_decay_shrinks_by_the_learning_rate() -> None:
    convolution = nn.Conv2d(2, 4, 3)
    before = convolution.weight.detach().clone()
    convolution.weight.grad = torch.zeros_like(convolution.weight)
    KernelMuon([convolution], lr=0.1, weight_decay=0.5).step()
    torch.testing.assert_close(convolution.weight.detach(), before * 0.95)


def test_convolutions_side_by_side_in_one_layer_are_matrices_of_their_own() -> None:
    torch.manual_seed(2)
    joined = parallel_convolutions(10, [4, 6])
    apart = [nn.Conv2d(10, 4, 1), nn.Conv2d(10, 6, 1)]
    with torch.no_grad():
        for layer, weight in zip(apart, torch.split(joined.weight, [4, 6]), strict=True):
            layer.weight.copy_(weight)
    gradient = torch.randn_like(joined.weight)
    joined.weight.grad = gradient.clone()
    for layer, part in zip(apart, torch.split(gradient, [4, 6]), strict=True):
        layer.weight.grad = part.clone()
    KernelMuon([joined]).step()
    KernelMuon(apart).step()
    torch.testing.assert_close(joined.weight, torch.cat([layer.weight for layer in apart]), atol=1e-6, rtol=1e-5)


def test_a_kernel_without_a_gradient_stays() -> None:
    convolution = nn.Conv2d(2, 4, 3)
    before = convolution.weight.detach().clone()
    KernelMuon([convolution], weight_decay=0.5).step()
    assert torch.equal(convolution.weight.detach(), before)
