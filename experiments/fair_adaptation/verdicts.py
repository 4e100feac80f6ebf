"""Count how often the verdict without target labels was right: ``python experiments/fair_adaptation/verdicts.py``.

Reads the results of fair_adaptation, and of negative_transfer, whose sources lack populations of the target. A verdict
is right if what it advises has a lower sigma_MAD on the target than the same network, field and seed unadapted:

- ``keep``: this method is better; ``discard``, ``leave``: it is not;
- ``adapt``, said of the fields before an adaptation: guided + paired is better;
- ``align_colours``: aligned colours are better.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from photoz_lit.evaluation.mismatch.verdict import Evidence, verdict

STUDIES = Path(__file__).parents[1]
ADVISED = {"adapt": "guided_paired", "align_colours": "colour_aligned"}  # what is judged; else the method itself
HELPS = {"adapt": True, "align_colours": True, "keep": True, "discard": False, "leave": False}

Row = dict[str, Any]


def groups(rows: list[Row]) -> dict[tuple[Any, ...], dict[str, Row]]:
    """Rows of one field, population and seed, by method."""
    found: dict[tuple[Any, ...], dict[str, Row]] = defaultdict(dict)
    for row in rows:
        found[row["field"], row.get("population"), row["seed"]][row["method"]] = row
    return found


def answer_of(row: Row) -> str | None:
    """The verdict in the results, or, where older results have none, that before the adaptation."""
    if row.get("verdict"):
        return str(row["verdict"])
    before, won = row.get("probe_auc_before"), row.get("frozen_accuracy")
    return None if before is None else verdict(Evidence(before, wins=None if won is None else won > 0.65)).answer


def judged(rows: list[Row]) -> dict[tuple[str, str], list[bool]]:
    """Whether each verdict was right, by method and answer."""
    found: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for methods in groups(rows).values():
        for name, row in methods.items():
            answer = answer_of(row)
            advised = methods.get(ADVISED.get(answer or "", name))
            if answer in HELPS and advised is not None and "none" in methods and not name.startswith("forest"):
                better = advised["sigma_mad"] < methods["none"]["sigma_mad"]
                found[name, answer].append(better == HELPS[answer])
    return found


table = Table("study", "method", "verdict", "right")
right: list[bool] = []
for study in ("fair_adaptation", "negative_transfer"):
    found = judged(json.loads((STUDIES / study / "results.json").read_text())["rows"])
    for (method, answer), each in sorted(found.items()):
        table.add_row(study, method, answer, f"{sum(each)} of {len(each)}")
        right += each
Console().print(table, f"{sum(right)} of {len(right)} verdicts are right ({sum(right) / len(right):.0%})", sep="\n")
