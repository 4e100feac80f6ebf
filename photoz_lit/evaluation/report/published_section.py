"""Published numbers beside those of a run of the same field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from photoz_lit.evaluation.comparison.published import read_published
from photoz_lit.evaluation.report.page import Section
from photoz_lit.fields import field_label
from photoz_lit.metric import metric

MEASURES = ("sigma_mad", "eta", "bias")
LITERATURE = "sdss"  # the field that the table of the literature is of
CAVEAT = {
    "simulated": "Published numbers are of real images, ours of simulated galaxies: their levels cannot be compared.",
    "simulated_from_catalogue": "Published numbers are of real images, ours of drawn stamps of real magnitudes and"
    " redshifts: their levels cannot be compared.",
    "real": "Selections, labels and numbers of galaxies differ: see the papers.",
}


def published_section(*runs: Mapping[str, Any], names: Sequence[str] = ("ours",)) -> list[Section]:
    """Return the section of what was published on the field of some runs; none where nothing was.

    Parameters
    ----------
    runs : contents of ``metrics.json``.
    names : of the runs, in the same order.
    """
    fields = list(dict.fromkeys(str(one["field"]) for one in runs))
    rows = [row for field in fields for row in _published(field)]
    if not rows:
        return []
    for name, metrics in zip(names, runs, strict=True):
        sources = metrics.get("by_source") or {}
        parts = {"all labels": {"n": metrics["n_test"], **metrics}, **(sources if len(sources) > 1 else {})}
        about = field_label(str(metrics["field"]))
        rows += [[f"{name}, {metrics['data']}", f"{about}, {part}", *_numbers(row)] for part, row in parts.items()]
    kinds = [kind for kind in CAVEAT if any(one["data"] == kind for one in runs)]
    table = {"header": ["who", "sample", "N", *(metric(name).label for name in MEASURES)], "rows": rows}
    return [Section("Published numbers", CAVEAT[kinds[0]] if kinds else "", [table])]


def _published(field: str) -> list[list[str]]:
    """Rows of a field: networks of the literature, then baseline and multimodal network of the published work."""
    content = read_published()
    literature = content["literature"] if field == LITERATURE else []
    rows = [[one["work"], one["survey"], *_numbers(one)] for one in literature]
    for one in content["multimodal"]:
        if one["field"] == field:
            rows += [
                [f"published, {method}", one["data"], *_numbers({"n": one["n"], **one[method]})]
                for method in ("baseline", "multimodal")
            ]
    return rows


def _numbers(values: Mapping[str, Any]) -> list[str]:
    count = f"{values['n']:,}" if values.get("n") else "–"
    return [count, *(metric(name).text(values.get(name)) for name in MEASURES)]
