"""Labels smoothed along redshift: a galaxy counts a little for the bins beside its own too."""

from __future__ import annotations

import torch
from torch import Tensor


def soft_bins(z: Tensor, z_edges: Tensor, width: float) -> Tensor:
    """Return the share of each bin, (B, n_bins), of a Gaussian about each redshift; they sum to 1.

    Parameters
    ----------
    z : (B,) redshifts.
    z_edges : (n_bins + 1,) edges of the bins.
    width : standard deviation of the Gaussian in units of 1 + z. What falls outside the grid is left out.

    Examples
    --------
    >>> soft_bins(torch.tensor([0.5]), torch.tensor([0.0, 0.5, 1.0]), 0.01).tolist()
    [[0.5, 0.5]]
    """
    distance = (z_edges[None, :] - z[:, None]) / (width * (1.0 + z[:, None]))
    share = torch.special.ndtr(distance.double()).diff(dim=1)
    shares: Tensor = share / share.sum(dim=1, keepdim=True).clamp_min(1e-12)
    return shares.to(z.dtype)
