"""Whether to adapt, or to keep what was adapted, from evidence that needs no label of the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from photoz_lit.evaluation.nz.statistics import total_variation

Answer = Literal["adapt", "keep", "align_colours", "leave", "discard", "unknown"]

#: Probe AUC of the network's features from which fields differ to it. Fields whose populations alone differ reach 0.57
#: to 0.59 (experiments/shift_parts).
LEAST_AUC = 0.60
#: Rise of the source's validation loss that counts as harm. Runs of experiments/domain_adaptation, negative_transfer
#: and shift_parts that raised it by less raised the source's sigma_MAD by at most 16 %; the others by 5 % to tenfold.
HARMFUL = 0.1
#: Total variation of N(z) between seeds of one method beyond which its result is chance: 0.012 to 0.058 in
#: experiments/domain_adaptation, up to 0.135 where adaptation broke down (negative_transfer).
UNSTABLE = 0.05
#: Least colour shift worth a correction [mag], if it is as many of its errors.
LEAST_SHIFT, ERRORS = 0.01, 3.0
ADVICE: dict[Answer, str] = {
    "adapt": "adapt",
    "keep": "keep the adapted network",
    "align_colours": "align the colours (adapt=colour_aligned)",
    "leave": "do not adapt",
    "discard": "do not use the adapted network",
    "unknown": "not known",
}


@dataclass(frozen=True)
class Evidence:
    """What is known without a label of the target; None where it was not measured.

    Attributes
    ----------
    auc_before, auc_after : of a probe that tells the fields apart by the network's features, before and after the
        adaptation.
    wins : whether a discriminator won on frozen features.
    loss_rise : by how much the adaptation raised the validation loss on the source.
    nz_scatter : total variation of the target's N(z) between networks that differ by their seed alone.
    colour_shift, colour_error : the largest shift of a median colour against the source's at equal magnitude that
        counts, and its error [mag].
    """

    auc_before: float | None = None
    auc_after: float | None = None
    wins: bool | None = None
    loss_rise: float | None = None
    nz_scatter: float | None = None
    colour_shift: float | None = None
    colour_error: float | None = None


@dataclass(frozen=True)
class Verdict:
    """An answer, a key of :data:`ADVICE`, and the sentences that support it."""

    answer: Answer
    reasons: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The answer with its reasons."""
        return f"{ADVICE[self.answer]}: {'; '.join(self.reasons)}."

    def record(self) -> dict[str, Any]:
        """The verdict as JSON has it."""
        return {"answer": self.answer, "reasons": list(self.reasons)}


def verdict(evidence: Evidence) -> Verdict:
    """Say whether an adaptation is likely to help or, where there was one, to have helped.

    What harms the source or changes with the seed is not used. Fields that look alike to the network are left alone, or
    get their colours aligned where these are off. Everything else is adapted.
    """
    harm = _harm(evidence)
    colours, shifted = _colours(evidence)
    if harm:
        return Verdict("discard", (*harm, *colours))
    before, after = evidence.auc_before, evidence.auc_after
    if before is None:
        return Verdict("align_colours" if shifted else "unknown", tuple(colours or ["no network has seen both fields"]))
    seen = f"the network's features tell the fields apart with an AUC of {before:.3f}"
    if before < LEAST_AUC or evidence.wins is False:
        alike = f"{seen} (below {LEAST_AUC:.2f})" if before < LEAST_AUC else f"{seen}, but no discriminator won"
        return Verdict("align_colours" if shifted else "leave", (alike, *colours))
    if after is None:
        return Verdict("adapt", (seen, *colours))
    return Verdict("keep", (f"{seen} before and {after:.3f} after it", "the source is not harmed", *colours))


def largest_shift(shift: ArrayLike, error: ArrayLike) -> tuple[float, float]:
    """The colour shift that counts most, and its error [mag]: the largest of those beyond 3 errors, else of all.

    Parameters
    ----------
    shift, error : of every band [mag], any shape; NaN takes no part.
    """
    values, errors = np.ravel(np.asarray(shift, float)), np.ravel(np.asarray(error, float))
    known = np.isfinite(values) & np.isfinite(errors)
    values, errors = values[known], errors[known]
    if not len(values):
        return 0.0, 0.0
    sure = np.abs(values) > ERRORS * errors
    place = int(np.argmax(np.abs(values) * (sure if sure.any() else 1.0)))
    return float(values[place]), float(errors[place])


def nz_scatter(stacked: Sequence[NDArray[Any]], z_edges: ArrayLike) -> float | None:
    """Mean total variation between every two of some N(z), (n_bins,) each; None of fewer than two."""
    pairs = [total_variation(a, b, z_edges) for a, b in combinations(stacked, 2)]
    return float(np.mean(pairs)) if pairs else None


def evidence_of(report: Mapping[str, Any], scatter: float | None = None) -> Evidence:
    """Evidence from the report of an adaptation (``adaptation`` in ``metrics.json``)."""
    rise = None
    if "val_loss_before" in report and "val_loss_after" in report:
        rise = float(report["val_loss_after"] - report["val_loss_before"])
    return Evidence(
        report.get("probe_auc_before"),
        report.get("probe_auc_after"),
        report.get("wins"),
        rise,
        scatter,
        report.get("largest_colour_shift"),
        report.get("largest_colour_shift_error"),
    )


def _harm(evidence: Evidence) -> list[str]:
    found = []
    if evidence.loss_rise is not None and evidence.loss_rise > HARMFUL:
        found.append(f"it raised the source's validation loss by {evidence.loss_rise:.2f}")
    if evidence.nz_scatter is not None and evidence.nz_scatter > UNSTABLE:
        found.append(f"N(z) differs between seeds by {evidence.nz_scatter:.3f} (total variation)")
    return found


def _colours(evidence: Evidence) -> tuple[list[str], bool]:
    """What colour alignment says by itself, and whether there is something to align."""
    if evidence.colour_shift is None:
        return [], False
    error = evidence.colour_error or 0.0
    shifted = abs(evidence.colour_shift) > max(LEAST_SHIFT, ERRORS * error)
    what = "colours are off by up to" if shifted else "no colour is off by more than"
    size = abs(evidence.colour_shift) if shifted else max(LEAST_SHIFT, ERRORS * error)
    return [f"{what} {size:.3f} mag at equal magnitude"], shifted
