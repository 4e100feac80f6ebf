"""Pairs of galaxies of like magnitude: which galaxy is compared with which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from photoz_lit.data.domains import SOURCE


@dataclass(frozen=True)
class Galaxies:
    """Features of galaxies, and what pairs are built by.

    Attributes
    ----------
    features : (N, values).
    magnitude : (N, bands) [mag]; the first band leads, all must be alike.
    domain : (N,) number of the field, 0 is the source.
    number : (N,) number of the galaxy: one that is there twice is no partner of itself.
    """

    features: Tensor
    magnitude: Tensor
    domain: Tensor
    number: Tensor

    def __len__(self) -> int:
        return len(self.features)

    def with_features(self, rows: Tensor, features: Tensor) -> Galaxies:
        """The same with other features (R, values) at ``rows``."""
        whole = self.features.index_put((rows,), features)
        return replace(self, features=whole)

    def with_all_features(self, features: Tensor) -> Galaxies:
        """The same with other features (N, values)."""
        return replace(self, features=features)

    def detached(self) -> Galaxies:
        """The same without the graph of the features."""
        return replace(self, features=self.features.detach())


def joined(parts: Sequence[Galaxies]) -> Galaxies:
    """All galaxies of several, in order."""
    columns = ("features", "magnitude", "domain", "number")
    return Galaxies(*(torch.cat([getattr(part, column) for part in parts]) for column in columns))


@dataclass(frozen=True)
class Pairs:
    """A galaxy on one side, K partners of one field on the other.

    Attributes
    ----------
    first : positions of the galaxies, (P,).
    partners : positions of the partners, (P, K).
    alike : whether a partner is another galaxy within the tolerance, (P, K); the others do not count.
    same : whether galaxy and partners come from the same field, (P,).
    """

    first: Tensor
    partners: Tensor
    alike: Tensor
    same: Tensor


def magnitude_pairs(
    galaxies: Galaxies, judged: Tensor, tolerance: float, partners: int = 1, random: torch.Generator | None = None
) -> Pairs:
    """Pair galaxies by magnitude: a quarter within the source, a quarter within the targets, half across.

    Every judged galaxy takes part in two pairs: with partners of the same field and with partners of another, which for
    a galaxy of the source is any of the targets and for one of a target the source. With as many judged galaxies of the
    source as of the targets these are the quarters of science. Partners are drawn at random, with repetition, among
    all within the tolerance in the leading band, so that their differences of magnitude say nothing of the field.

    Parameters
    ----------
    galaxies : those that are judged and those that can be partners.
    judged : positions of the judged, (J,).
    tolerance : largest difference that counts as alike [mag].
    partners : K.
    random : source of randomness, on the galaxies' device; None is torch's own.
    """
    own = galaxies.domain[judged]
    targets = torch.unique(galaxies.domain[galaxies.domain != SOURCE])
    if len(targets):
        drawn = targets[torch.randint(len(targets), (len(judged),), device=judged.device, generator=random)]
        other = torch.where(own == SOURCE, drawn, SOURCE)
    else:
        other = own
    first = torch.cat([judged, judged])
    field = torch.cat([own, other])
    rows, alike = _drawn(galaxies, first, field, tolerance, partners, random)
    return Pairs(first, rows, alike, field == galaxies.domain[first])


def _drawn(
    galaxies: Galaxies,
    first: Tensor,
    field: Tensor,
    tolerance: float,
    partners: int,
    random: torch.Generator | None,
) -> tuple[Tensor, Tensor]:
    """Partners (P, K) of the wanted fields (P,), and which of them count."""
    leading = galaxies.magnitude[:, 0]
    rows = first[:, None].repeat(1, partners)
    for number in torch.unique(field).tolist():
        pool = torch.nonzero((galaxies.domain == number) & torch.isfinite(leading)).squeeze(1)
        if not len(pool):
            continue
        pool = pool[torch.argsort(leading[pool])]
        wanted = field == number
        centre = leading[first[wanted]]
        low = torch.searchsorted(leading[pool], centre - tolerance)
        high = torch.searchsorted(leading[pool], centre + tolerance, right=True)
        share = torch.rand(len(centre), partners, device=pool.device, generator=random)
        position = low[:, None] + (share * (high - low)[:, None]).long()
        rows[wanted] = pool[position.clamp(max=len(pool) - 1)]
    distance = (galaxies.magnitude[rows] - galaxies.magnitude[first][:, None]).abs()
    another = galaxies.number[rows] != galaxies.number[first][:, None]
    in_field = galaxies.domain[rows] == field[:, None]
    return rows, (distance <= tolerance).all(dim=2) & another & in_field
