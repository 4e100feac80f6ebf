"""Coverage: which share of the target sample lies in cells with labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.labels.gold import CellAgreement
from photoz_lit.labels.settings import TIERS, MergeSettings


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
