"""σ_MAD of many resamples of the same residuals, from how often each galaxy was drawn.

The median and the two ends of the central half of a resample move little: by about √N ranks around where they are in
the whole sample. So only the galaxies in three windows of ranks are looked at one by one; those between windows enter
as four sums. A draw that leaves its windows (few galaxies, many ties) is done again with every galaxy. Either way the
result is that of sorting the resample, to 1e-12; a median of an even number of values is the mean of the middle two.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from photoz_lit.evaluation.metrics.point import MAD_TO_SIGMA

Floats = NDArray[np.float64]
Counts = NDArray[np.float32]

WINDOW = 5.0  # half width of a window [√N ranks]: ten standard deviations of the rank of a resample's median
BISECTIONS = 45  # halvings of an interval below 10: the radius is then good to 3e-13


def critical_windows(ordered: Floats) -> NDArray[np.int64]:
    """Return the windows of ranks (3, 2) around centre − MAD, centre and centre + MAD of sorted residuals (N,)."""
    n = len(ordered)
    centre = np.median(ordered)
    mad = np.median(np.abs(ordered - centre))
    middle = np.searchsorted(ordered, [centre - mad, centre, centre + mad])
    half = int(np.ceil(WINDOW * np.sqrt(n))) + 2
    return np.clip(np.stack([middle - half, middle + half], axis=1), 0, n).astype(np.int64)


class WeightedMAD:
    """σ_MAD of resamples of residuals (N,)."""

    def __init__(self, delta: Floats) -> None:
        self.order = np.argsort(delta, kind="stable")
        self.ordered = delta[self.order]
        self.windows = critical_windows(self.ordered)
        n = len(delta)
        single = np.zeros(n, bool)
        for low, high in self.windows:
            single[low:high] = True
        # items along the ranks: every galaxy in a window is one, every gap between windows is one
        starts = single | np.concatenate([[True], single[1:] != single[:-1]])
        self.item_starts = np.flatnonzero(starts)
        self.item_at_rank = np.full(n + 1, -1)
        self.item_at_rank[self.item_starts] = np.arange(len(self.item_starts))
        self.item_at_rank[n] = len(self.item_starts)
        self.alone = single[self.item_starts]
        self.singles = self.order[self.item_starts[self.alone]]
        gaps = np.flatnonzero(~self.alone)
        ends = np.append(self.item_starts, n)
        self.gap_members = np.zeros((n, len(gaps)), np.float32)
        for column, item in enumerate(gaps):
            self.gap_members[self.order[ends[item] : ends[item + 1]], column] = 1

    def sigma_mad(self, counts: Counts) -> Floats:
        """Return σ_MAD (draws,) of resamples in which galaxy i was drawn ``counts[:, i]`` times, (draws, N)."""
        items = np.empty((len(counts), len(self.item_starts)))
        items[:, self.alone] = counts[:, self.singles]
        items[:, ~self.alone] = counts @ self.gap_members
        result, done = self._search(_running(items), self.item_at_rank)
        if not done.all():
            rest = _running(counts[~done][:, self.order].astype(np.float64))
            result[~done], _ = self._search(rest, np.arange(len(self.ordered) + 1))
        return result

    def _search(self, running: Floats, item_at_rank: NDArray[np.int64]) -> tuple[Floats, NDArray[np.bool_]]:
        """σ_MAD (draws,) from running sums over items, (draws, items + 1), and whether no gap was cut (draws,)."""
        everything = len(item_at_rank) == running.shape[1]
        size = running[:, -1]
        ranks = [np.floor((size - 1) / 2), np.floor(size / 2)]
        if np.array_equal(ranks[0], ranks[1]):
            ranks = ranks[:1]
        rank_of_item = np.flatnonzero(item_at_rank >= 0)
        items = [_first_above(running, rank) for rank in ranks]
        ends, starts = [rank_of_item[item] for item in items], [rank_of_item[item - 1] for item in items]
        done = np.all([end - start == 1 for end, start in zip(ends, starts, strict=True)], axis=0)
        centre = np.mean([self.ordered[end - 1] for end in ends], axis=0)
        row = np.arange(len(running))

        def within(radius: Floats) -> tuple[Floats, NDArray[np.bool_]]:
            """How many drawn galaxies have |Δz − centre| ≤ radius, and whether no gap was cut."""
            high = item_at_rank[np.searchsorted(self.ordered, centre + radius, side="right")]
            low = item_at_rank[np.searchsorted(self.ordered, centre - radius, side="left")]
            return running[row, high] - running[row, low], (high >= 0) & (low >= 0)

        if everything:
            first = np.full(len(running), -1e-16)
            last = np.maximum(self.ordered[-1] - centre, centre - self.ordered[0]) * (1 + 1e-12) + 1e-15
        else:
            first, last = self._reach(centre)
        radii = []
        for rank in ranks:
            low, high = first.copy(), last.copy()
            if not everything:
                (few, clean_few), (many, clean_many) = within(low), within(high)
                done &= clean_few & clean_many & (few <= rank) & (many > rank)
            for _ in range(BISECTIONS):
                middle = 0.5 * (low + high)
                enough = within(middle)[0] > rank
                low, high = np.where(enough, low, middle), np.where(enough, middle, high)
            radii.append(high)
        return MAD_TO_SIGMA * np.mean(radii, axis=0), done

    def _reach(self, centre: Floats) -> tuple[Floats, Floats]:
        """Smallest and largest radius (draws,) for which both ends lie inside their windows."""
        last = len(self.ordered) - 1
        left, right = (self.ordered[np.clip(self.windows[side], 0, last)] for side in (0, 2))
        first = np.maximum(centre - self.ordered[max(self.windows[0, 1] - 1, 0)], right[0] - centre)
        return first, np.minimum(centre - left[0], self.ordered[max(self.windows[2, 1] - 1, 0)] - centre)


def _running(values: Floats) -> Floats:
    """Sums of the columns before each column, with the total as last: (rows, columns + 1)."""
    out = np.zeros((values.shape[0], values.shape[1] + 1))
    np.cumsum(values, axis=1, out=out[:, 1:])
    return out


def _first_above(running: Floats, rank: Floats) -> NDArray[np.int64]:
    """First column of each row of running sums whose value exceeds the row's rank, (draws,)."""
    # rows are lifted above each other, so that one search in the flat array finds all
    lift = np.arange(len(running)) * (running[:, -1].max() + 1)
    flat = (running + lift[:, None]).ravel()
    found = np.searchsorted(flat, rank + lift, side="right")
    return np.asarray(found - np.arange(len(running)) * running.shape[1], np.int64)
