"""The SOM merge: each cell is filled to the target sample's share with the best labels there are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.data.sampling_weights import cell_weights
from photoz_lit.errors import InputError
from photoz_lit.labels.candidates import Candidates
from photoz_lit.labels.gold import CellAgreement, cell_agreement, coverage_of
from photoz_lit.labels.settings import TIERS, MergeSettings


@dataclass(frozen=True)
class Merge:
    """A representative label set.

    Attributes
    ----------
    catalogue : one row per galaxy: the candidates' columns, ``cell`` with the target sample's share in it,
        ``cell_share``, ``weight`` (mean 1) and its bound ``max_weight``.
    cells : one row per cell: ``n_target``, ``n_spec``, ``n_grism``, ``n_prism``, ``n_photo`` (one label per object),
        ``quota``, ``n_merged``, ``z_median`` and ``z_spread`` (1.4826 MAD) of its labels, ``z_spec``, ``z_phot``,
        ``n_both`` and ``gold`` of :class:`CellAgreement`.
    coverage : shares of the target sample, see :func:`photoz_lit.labels.gold.coverage_of`.
    counts : reason -> labels that are not in the catalogue; ``kept`` last.
    agreement : figures of the gold test.
    """

    catalogue: pd.DataFrame
    cells: pd.DataFrame
    coverage: dict[str, float]
    counts: dict[str, int]
    agreement: CellAgreement


def merge(
    target_cells: NDArray[np.int64],
    candidates: Candidates,
    candidate_cells: NDArray[np.int64],
    n_cells: int,
    settings: MergeSettings | None = None,
    target_z_phot: NDArray[np.float64] | None = None,
    seed: int = 0,
) -> Merge:
    """Fill the cells.

    Parameters
    ----------
    target_cells : (n_target,) cell of each galaxy of the target sample, −1 where it cannot be placed.
    candidates : labels of all sources.
    candidate_cells : (n_labels,) cell of each row of ``candidates.table``, −1 where it cannot be placed.
    n_cells : cells of the map.
    settings : size, gold test, weights.
    target_z_phot : (n_target,) photo-z of the target sample for the gold test; None takes the labels of tier photo.
    seed : of the draw among equally good labels.

    Raises
    ------
    InputError : fewer labels than cells, or no label lies in a cell of the target sample.
    """
    choice = settings or MergeSettings()
    table = candidates.table.assign(cell=candidate_cells)
    require_enough_labels(int(table["best"].sum()), n_cells)
    agreement = cell_agreement(table, target_cells, n_cells, choice, target_z_phot)
    usable, counts = _usable(table, target_cells, agreement, choice, n_cells)
    n_target = np.bincount(target_cells[target_cells >= 0], minlength=n_cells)
    available = np.bincount(usable["cell"], minlength=n_cells)
    if not len(usable):
        raise InputError("no label lies in a cell of the target sample; do labels and target share their photometry?")
    share = n_target / n_target.sum()
    size = choice.size or largest_size(share, available, choice.fill)
    quota = cell_quota(share, size)
    catalogue = _fill(usable, quota, seed)
    counts["beyond their cell's share"] = len(usable) - len(catalogue)
    counts["kept"] = len(catalogue)
    catalogue["cell_share"], catalogue["max_weight"] = share[catalogue["cell"]], choice.max_weight
    catalogue["weight"] = cell_weights(catalogue["cell"].to_numpy(), share, choice.max_weight)
    cells = _cell_table(table, n_target, quota, catalogue, agreement, n_cells)
    coverage = coverage_of(target_cells, table, usable, choice, agreement, n_cells)
    return Merge(catalogue, cells, coverage, counts, agreement)


def require_enough_labels(n_objects: int, n_cells: int) -> None:
    """Raise InputError where there are fewer labelled objects than cells."""
    if n_objects < n_cells:
        side = max(2, int(np.sqrt(n_objects / 5)))
        raise InputError(
            f"{n_objects} labelled objects cannot fill {n_cells} cells; choose a smaller map, e.g."
            f" labels.som.rows={side} labels.som.columns={side}, or add labels."
        )


def _usable(
    table: pd.DataFrame,
    target_cells: NDArray[np.int64],
    agreement: CellAgreement,
    settings: MergeSettings,
    n_cells: int,
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Best label of each object that lies in a cell of the target sample and passes the gold test."""
    best = table[table["best"]]
    cell = best["cell"].to_numpy()
    unplaced = cell < 0
    wanted = np.bincount(target_cells[target_cells >= 0], minlength=n_cells) > 0
    foreign = ~unplaced & ~wanted[cell]
    failed = ~unplaced & ~foreign & agreement.failed[cell] if settings.gold_test else np.zeros(len(best), bool)
    counts = {
        "with too few magnitudes to be placed": int(unplaced.sum()),
        "in cells without a target galaxy": int(foreign.sum()),
        "in cells that fail the gold test": int(failed.sum()),
    }
    return best[~(unplaced | foreign | failed)], counts


def largest_size(share: NDArray[np.float64], available: NDArray[np.int64], fill: float) -> int:
    """Size of the largest catalogue in which the share ``fill`` of the places in covered cells finds a label.

    A cell has share · size places and ``available`` labels; the filled part falls as the size grows.
    """
    covered = available > 0

    def filled(size: int) -> float:
        places = share[covered] * size
        return float(np.minimum(places, available[covered]).sum() / places.sum())

    low, high = 1, int(available.sum() / (share[covered].sum() * fill)) + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if filled(middle) >= fill else (low, middle)
    return low


def cell_quota(share: NDArray[np.float64], size: int) -> NDArray[np.int64]:
    """Places per cell: whole numbers that add up to ``size``, and one at least in each cell with a share.

    Largest remainders get the odd places; the one at least, which the weights make up for, comes on top.
    """
    places = share * size
    quota = np.floor(places).astype(np.int64)
    left = size - int(quota.sum())
    order = np.argsort(-(places - quota), kind="stable")
    quota[order[:left]] += 1
    return np.asarray(np.where(share > 0, np.maximum(quota, 1), 0))


def _fill(usable: pd.DataFrame, quota: NDArray[np.int64], seed: int) -> pd.DataFrame:
    """Take each cell's best labels, by tier and then at random, up to its quota."""
    lot = np.random.default_rng(seed).random(len(usable))
    order = np.lexsort((lot, usable["tier"], usable["cell"]))
    cell = usable["cell"].to_numpy()[order]
    starts = np.searchsorted(cell, cell)
    rank = np.arange(len(cell)) - starts
    return usable.iloc[np.sort(order[rank < quota[cell]])].reset_index(drop=True)


def _cell_table(
    table: pd.DataFrame,
    n_target: NDArray[np.int64],
    quota: NDArray[np.int64],
    catalogue: pd.DataFrame,
    agreement: CellAgreement,
    n_cells: int,
) -> pd.DataFrame:
    best = table[table["best"] & (table["cell"] >= 0)]
    counts = {
        f"n_{tier}": np.bincount(best.loc[best["tier"] == number, "cell"], minlength=n_cells)
        for number, tier in enumerate(TIERS)
    }
    z = best.groupby("cell")["z"]
    median = z.median()
    deviation = (best["z"] - best["cell"].map(median)).abs()
    spread = 1.4826 * deviation.groupby(best["cell"]).median()
    return pd.DataFrame(
        {
            "n_target": n_target,
            **counts,
            "quota": quota,
            "n_merged": np.bincount(catalogue["cell"], minlength=n_cells),
            "z_median": median.reindex(range(n_cells)).to_numpy(),
            "z_spread": spread.reindex(range(n_cells)).to_numpy(),
            "z_spec": agreement.z_spec,
            "z_phot": agreement.z_phot,
            "n_both": agreement.n_both,
            "gold": np.where(agreement.tested, ~agreement.failed, np.nan),
        }
    )
