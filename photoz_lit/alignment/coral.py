"""Alignment of feature statistics between fields, without a discriminator."""

from __future__ import annotations

import torch
from pydantic import Field as Entry
from torch import Tensor

from photoz_lit.alignment.part import Alignment, Step, Term
from photoz_lit.settings import Settings


class CoralOptions(Settings):
    """Options of CORAL.

    Attributes
    ----------
    weight : of the distance, times λ.
    """

    weight: float = Entry(gt=0)


class Coral(Alignment):
    """Means and covariances of source and target features are drawn together (Deep CORAL, Sun & Saenko 2016)."""

    Options = CoralOptions
    needs_targets = True

    def loss(self, step: Step) -> Term:
        """Weighted distance of the moments."""
        distance = coral_loss(step.source, step.target)
        return Term(self.options.weight * step.strength * distance, {"coral": distance.detach()})


def coral_loss(source: Tensor, target: Tensor) -> Tensor:
    """Distance of the second and first moments of two sets of features (Deep CORAL, Sun & Saenko 2016).

    ‖C_s − C_t‖²_F / (4 d²) + |μ_s − μ_t|² / d, after scaling every feature by its standard deviation over both sets
    (without gradient), so that the weight means the same for any network; the term of the means is added to Deep
    CORAL's, whose covariances do not see a shift.

    Parameters
    ----------
    source, target : (n, d) and (m, d), at least two of each.

    Returns
    -------
    A scalar, 0 where both moments agree.
    """
    d = source.shape[1]
    scale = torch.cat([source, target]).detach().std(dim=0).clamp_min(1e-6)
    a, b = source / scale, target / scale
    covariances = (_covariance(a) - _covariance(b)).square().sum() / (4 * d**2)
    means = (a.mean(dim=0) - b.mean(dim=0)).square().sum() / d
    return covariances + means


def _covariance(values: Tensor) -> Tensor:
    centred = values - values.mean(dim=0)
    return centred.T @ centred / (len(values) - 1)
