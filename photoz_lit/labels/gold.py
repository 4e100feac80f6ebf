"""Gold test of the cells (whether spec-z and photo-z agree there), and the share of the target sample with labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.labels.features import MAD_TO_SIGMA
from photoz_lit.labels.settings import TIERS, MergeSettings


@dataclass(frozen=True)
class CellAgreement:
    """Spec-z against photo-z in each cell.

    Attributes
    ----------
    z_spec, z_phot : (n_cells,) mean spec-z and photo-z, NaN where there is none.
    n_both : (n_cells,) the smaller of the two counts.
    tested : (n_cells,) both are there.
    failed : (n_cells,) tested, and |⟨z_spec⟩ − ⟨z_phot⟩| > limit.
    sigma_mad : 1.4826 MAD of ⟨z_spec⟩ − ⟨z_phot⟩ over the tested cells; NaN where none is.
    limit : max(gold_sigma · sigma_mad, gold_floor).
    """

    z_spec: NDArray[np.float64]
    z_phot: NDArray[np.float64]
    n_both: NDArray[np.int64]
    tested: NDArray[np.bool_]
    failed: NDArray[np.bool_]
    sigma_mad: float
    limit: float


def cell_agreement(
    table: pd.DataFrame,
    target_cells: NDArray[np.int64],
    n_cells: int,
    settings: MergeSettings,
    target_z_phot: NDArray[np.float64] | None = None,
) -> CellAgreement:
    """Apply the gold test |⟨z_spec⟩ − ⟨z_phot⟩| ≤ max(5 σ_MAD, 0.4) of Wright et al. (2020) to each cell.

    Parameters
    ----------
    table : all labels with ``cell``, ``tier`` and ``z``, also those of objects that have a better one.
    target_cells : (n_target,) cells of the target sample.
    n_cells : cells of the map.
    settings : ``gold_sigma`` and ``gold_floor``.
    target_z_phot : (n_target,) photo-z of the target sample; None takes the labels of tier photo.
    """
    placed = table[table["cell"] >= 0]
    spec = placed[placed["tier"] == TIERS.index("spec")]
    z_spec, n_spec = _means(spec["cell"].to_numpy(), spec["z"].to_numpy(np.float64), n_cells)
    if target_z_phot is None:
        photo = placed[placed["tier"] == TIERS.index("photo")]
        z_phot, n_phot = _means(photo["cell"].to_numpy(), photo["z"].to_numpy(np.float64), n_cells)
    else:
        valid = (target_cells >= 0) & np.isfinite(target_z_phot)
        z_phot, n_phot = _means(target_cells[valid], target_z_phot[valid], n_cells)
    n_both = np.minimum(n_spec, n_phot)
    tested = n_both > 0
    difference = z_spec - z_phot
    both = difference[tested]
    sigma = float(MAD_TO_SIGMA * np.median(np.abs(both - np.median(both)))) if len(both) else np.nan
    limit = float(np.nanmax([settings.gold_sigma * sigma, settings.gold_floor]))
    failed = tested & (np.abs(np.nan_to_num(difference)) > limit)
    return CellAgreement(z_spec, z_phot, n_both, tested, failed, sigma, limit)


def _means(
    cell: NDArray[np.int64], z: NDArray[np.float64], n_cells: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    count = np.bincount(cell, minlength=n_cells)
    with np.errstate(invalid="ignore"):
        return np.bincount(cell, z, n_cells) / np.where(count, count, np.nan), count


def coverage_of(
    target_cells: NDArray[np.int64],
    table: pd.DataFrame,
    usable: pd.DataFrame,
    settings: MergeSettings,
    agreement: CellAgreement,
    n_cells: int,
) -> dict[str, float]:
    """Shares of the target sample.

    ``spec``: in cells with a spec-z; ``any``: with a label of any kind; ``none``: without one; ``unplaced``: with too
    few magnitudes; ``gold_tested``: in cells where spec-z and photo-z could be compared; ``gold_failed``: in cells
    that fail; ``merged``: in cells from which the merged catalogue takes labels. ``any`` + ``none`` + ``unplaced`` = 1.
    """

    def with_labels(rows: pd.DataFrame) -> NDArray[np.bool_]:
        cell = rows["cell"].to_numpy()
        return np.bincount(cell[cell >= 0], minlength=n_cells) > 0

    placed = target_cells >= 0
    cells = target_cells[placed]

    def share(per_cell: NDArray[np.bool_]) -> float:
        return float(per_cell[cells].sum() / len(target_cells))

    labelled = with_labels(table)
    return {
        "spec": share(with_labels(table[table["tier"] == TIERS.index("spec")])),
        "any": share(labelled),
        "none": share(~labelled),
        "unplaced": float(1 - placed.mean()),
        "gold_tested": share(agreement.tested),
        "gold_failed": share(agreement.failed) if settings.gold_test else 0.0,
        "merged": share(with_labels(usable)),
    }
