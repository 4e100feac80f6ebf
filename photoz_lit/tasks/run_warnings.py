"""Warnings about a finished run, from its metrics alone: none looks at the label of a test galaxy."""

from __future__ import annotations

from typing import Any

import numpy as np

from photoz_lit.estimators.adaptation import STARTS
from photoz_lit.estimators.adaptation_report import LOSS_AFTER, LOSS_BEFORE
from photoz_lit.evaluation.mismatch.verdict import HARMFUL


def warnings_of_run(metrics: dict[str, Any]) -> list[str]:
    """Sentences about a run, from its ``metrics.json``."""
    found = (_learnt_nothing(metrics), _never_won(metrics), _harmed_source(metrics))
    return [sentence for sentence in found if sentence is not None]


def _learnt_nothing(metrics: dict[str, Any]) -> str | None:
    """Return a sentence where networks predict one PDF for all galaxies, or took the place of such."""
    if dead := metrics.get("dead_networks", 0):
        return (
            f"{dead} of the run's networks predict no better on the validation galaxies than one PDF for all of them."
            " Give a smaller module.learning_rate, a longer module.warmup or more epochs."
        )
    if restarts := metrics.get("restarts", 0):
        place = f"{STARTS}/* below paths.runs" if "adaptation" in metrics else "checkpoints/*"
        return (
            f"{restarts} networks predicted one PDF for all galaxies after half of their training; others with fresh"
            f" weights took their places (metrics_died_*.csv in {place})."
        )
    return None


def _never_won(metrics: dict[str, Any]) -> str | None:
    """Return a sentence where no discriminator won, so that the run aligned nothing."""
    found = metrics.get("adaptation", {})
    if found.get("wins", True) or "frozen_tries" not in found:  # older runs aligned all the same
        return None
    return (
        f"no discriminator separated the fields by the network's features (accuracy {found['frozen_accuracy']:.3f} on"
        " held-out galaxies): the reversed gradient stayed off and nothing was aligned."
    )


def _harmed_source(metrics: dict[str, Any]) -> str | None:
    """Return a sentence where the adaptation harmed the network on the labelled field; it needs no target label."""
    found = metrics.get("adaptation", {})
    before, after = found.get(LOSS_BEFORE, np.nan), found.get(LOSS_AFTER, np.nan)
    if not after - before > HARMFUL:
        return None
    return (
        f"the adaptation raised the validation loss on the labelled field from {before:.2f} to {after:.2f}: it harmed"
        " what it should carry over. Give a larger adapt.discriminator_updates or a smaller adapt.strength, or do"
        " without (adapt=none)."
    )
