"""Verdicts that need no label of the target: built cases, and those of the committed studies."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from photoz_lit.evaluation.mismatch.verdict import Evidence, evidence_of, largest_shift, nz_scatter, verdict
from photoz_lit.tasks.mismatch import verdict_of

EXPERIMENTS = Path(__file__).parents[3] / "experiments"


@pytest.mark.parametrize(
    ("evidence", "answer", "reason"),
    [
        (Evidence(), "unknown", "no network has seen both fields"),
        (Evidence(colour_shift=0.03, colour_error=0.002), "align_colours", "colours are off by up to 0.030 mag"),
        (Evidence(colour_shift=0.03, colour_error=0.02), "unknown", "no colour is off by more than 0.060 mag"),
        (Evidence(auc_before=0.57), "leave", "AUC of 0.570 (below 0.60)"),
        (Evidence(auc_before=0.57, colour_shift=-0.02, colour_error=0.001), "align_colours", "off by up to 0.020 mag"),
        (Evidence(auc_before=0.7), "adapt", "AUC of 0.700"),
        (Evidence(auc_before=0.7, wins=False), "leave", "no discriminator won"),
        (Evidence(auc_before=0.7, auc_after=0.59, loss_rise=0.02), "keep", "0.700 before and 0.590 after it"),
        (Evidence(auc_before=0.7, auc_after=0.59, loss_rise=0.2), "discard", "validation loss by 0.20"),
        (Evidence(auc_before=0.8, auc_after=0.7, nz_scatter=0.06), "discard", "differs between seeds by 0.060"),
        (Evidence(auc_before=0.5, loss_rise=0.3), "discard", "validation loss"),
    ],
)
def test_built_cases(evidence: Evidence, answer: str, reason: str) -> None:
    found = verdict(evidence)
    assert found.answer == answer
    assert reason in found.sentence
    assert found.record() == {"answer": answer, "reasons": list(found.reasons)}


def test_the_colour_that_counts_is_the_largest_that_is_sure() -> None:
    assert largest_shift([0.0, -0.02, 0.05], [0.0, 0.001, 0.04]) == (-0.02, 0.001)
    assert largest_shift([0.0, 0.01, 0.05], [0.1, 0.1, 0.1]) == (0.05, 0.1)
    assert largest_shift([np.nan, 0.03], [0.1, 0.001]) == (0.03, 0.001)
    assert largest_shift([np.nan], [np.nan]) == (0.0, 0.0)


def test_the_scatter_of_nz_is_the_mean_total_variation_of_pairs() -> None:
    edges = np.linspace(0, 8, 81)
    one, two, three = np.zeros((3, 80))
    one[10], two[10], three[40] = 5, 10, 3
    assert nz_scatter([one, two, three], edges) == pytest.approx(2 / 3)
    assert nz_scatter([one], edges) is None


def test_the_report_of_a_run_is_read() -> None:
    report = {"probe_auc_before": 0.7, "probe_auc_after": 0.6, "wins": True, "val_loss_before": 2.0,
              "val_loss_after": 2.3, "largest_colour_shift": 0.02, "largest_colour_shift_error": 0.001}  # fmt: skip
    assert evidence_of(report, 0.02) == Evidence(0.7, 0.6, True, pytest.approx(0.3), 0.02, 0.02, 0.001)
    assert evidence_of({}) == Evidence()


def test_mismatch_takes_the_matched_probe_on_the_runs_features() -> None:
    conditions = pd.DataFrame(
        {"field": ["a", "b", "b"], "colour_offset": [0.0, 0.0, 0.04], "colour_offset_err": [0.0, 0.0, 0.002]}
    )
    probes = pd.DataFrame(
        {
            "field": ["b", "b", "b", "control"],
            "features": ["pixels", "network", "network", "network"],
            "matched": [True, False, True, True],
            "auc": [0.99, 0.8, 0.55, 0.5],
        }
    )
    assert verdict_of("b", conditions, probes, {}).answer == "align_colours"
    assert verdict_of("b", conditions, probes.assign(auc=[0.99, 0.5, 0.7, 0.5]), {}).answer == "adapt"
    adapted = {"probe_auc_before": 0.72, "probe_auc_after": 0.6, "val_loss_before": 2.0, "val_loss_after": 2.5}
    assert verdict_of("b", conditions, probes, adapted).answer == "discard"
    assert verdict_of("b", conditions, probes, {**adapted, "val_loss_after": 2.0}).answer == "keep"


def judged(study: str, column: str | None) -> pd.DataFrame:
    """Every method, field and setting of a study: its verdict, and whether it lowered sigma_MAD by 3 % or more.

    Of runs of that time rows do not hold the validation losses; a rise of the source's sigma_MAD by 16 % stands for the
    rise of 0.1 that counts as harm.
    """
    rows: list[dict[str, Any]] = json.loads((EXPERIMENTS / study / "results.json").read_text())["rows"]
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["field"], str(row.get(column)), row["method"]), []).append(row)
    found = []
    for (field, setting, method), several in groups.items():
        if "probe_auc_before" not in several[0]:
            continue
        none = groups[field, setting, "none"]
        ratio = {
            name: np.mean([row[name] for row in several]) / np.mean([row[name] for row in none])
            for name in ("sigma_mad", "source_sigma_mad")
        }
        edges = np.linspace(several[0]["nz"]["z_min"], several[0]["nz"]["z_max"], 81)
        evidence = Evidence(
            float(np.mean([row["probe_auc_before"] for row in several])),
            float(np.mean([row["probe_auc_after"] for row in several])),
            loss_rise=0.2 if ratio["source_sigma_mad"] > 1.16 else 0.0,
            nz_scatter=nz_scatter([np.array(row["nz"]["stacked"]) for row in several], edges),
        )
        found.append({"method": method, "field": field, "setting": setting, "answer": verdict(evidence).answer,
                      "helps": bool(ratio["sigma_mad"] < 0.97)})  # fmt: skip
    return pd.DataFrame(found)


def test_the_share_of_right_verdicts_is_what_the_page_says() -> None:
    page = (EXPERIMENTS.parent / "docs" / "another_field.md").read_text(encoding="utf-8")
    for study, column in (("domain_adaptation", None), ("negative_transfer", "population"), ("shift_parts", "part")):
        table = judged(study, column)
        right = int(((table["answer"] == "keep") == table["helps"]).sum())
        said = re.search(rf"`{study}` (\d+) of (\d+)", page)
        assert said is not None
        assert (right, len(table)) == (int(said[1]), int(said[2])), table.to_string()
