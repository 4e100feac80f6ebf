"""Smoothed labels against scipy's normal distribution."""

from __future__ import annotations

import numpy as np
import torch
from scipy.stats import norm

from photoz_lit.networks.soft_bins import soft_bins


def test_shares_are_those_of_a_normal_distribution_inside_the_grid() -> None:
    edges = np.concatenate([np.linspace(0, 4, 381)[:-1], np.linspace(4, 6, 21)])
    z = np.array([0.003, 0.5, 1.234, 3.999, 5.9])
    found = soft_bins(torch.tensor(z), torch.tensor(edges), 0.01).numpy()
    for row, redshift in zip(found, z, strict=True):
        share = np.diff(norm.cdf(edges, redshift, 0.01 * (1 + redshift)))
        np.testing.assert_allclose(row, share / share.sum(), atol=1e-9)


def test_a_narrow_label_is_its_own_bin() -> None:
    edges = torch.linspace(0, 1, 11)
    found = soft_bins(torch.tensor([0.05, 0.55, 0.95]), edges, 1e-4)
    assert found.argmax(dim=1).tolist() == [0, 5, 9]
    torch.testing.assert_close(found.max(dim=1).values, torch.ones(3))
