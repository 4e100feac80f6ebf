import pytest
import torch

from photoz_lit.alignment.gradient_reversal import reversal_strength, reverse_gradient


def test_forward_is_the_identity_and_backward_reverses_what_lies_before() -> None:
    before = torch.nn.Linear(3, 2)
    behind = torch.nn.Linear(2, 1)
    x = torch.randn(5, 3)
    behind(before(x)).square().sum().backward()
    plain = [p.grad.clone() for p in (*before.parameters(), *behind.parameters())]
    before.zero_grad()
    behind.zero_grad()
    features = before(x)
    reversed_ = reverse_gradient(features, 0.3)
    assert torch.equal(reversed_, features)
    behind(reversed_).square().sum().backward()
    for parameter, expected in zip(before.parameters(), plain[:2], strict=True):
        torch.testing.assert_close(parameter.grad, -0.3 * expected)
    for parameter, expected in zip(behind.parameters(), plain[2:], strict=True):
        torch.testing.assert_close(parameter.grad, expected)


def test_strength_rises_from_zero_to_one() -> None:
    assert reversal_strength(0, 10.0) == 0
    assert reversal_strength(0.1, 10.0) == pytest.approx(0.46211716)
    assert reversal_strength(1, 10.0) == pytest.approx(0.99990920)
