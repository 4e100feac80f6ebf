"""A comparison on disk: Markdown, CSV and a figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from photoz_lit.evaluation.comparison.published import beside_published, published_metrics, read_published
from photoz_lit.evaluation.comparison.table import ALL, FURTHER, PAIRS, settings_of
from photoz_lit.evaluation.comparison.trainings import DIED, RESTARTS, UNEQUAL
from photoz_lit.evaluation.plots.comparison import comparison_figure
from photoz_lit.evaluation.plots.cost import cost_figure, rows_with_costs
from photoz_lit.evaluation.plots.modalities import are_modalities, modality_figure
from photoz_lit.evaluation.plots.published import PUBLISHED, published_figure
from photoz_lit.evaluation.plots.style import save
from photoz_lit.evaluation.plots.sweep import sweep_figure, swept_setting
from photoz_lit.files import write_table, write_text
from photoz_lit.metric import shown_in
from photoz_lit.printed import MISSING, grid, number, p_value, setting, significant, six_digits, with_error

NOTES = """\
Numbers are means over training seeds ± their standard deviation. The gain is G = (|B| − |M|) / max(|B|, |M|) · 100 %,
with B the baseline and M the method, each the mean of |metric| over seeds; its error is the standard error over pairs
of networks of the same seed. Where both have several seeds, G and p use the seeds that both have.

Both p-values are one-sided and at least 1 / (resamples + 1). `p_galaxies` judges **one pair of trained networks**: it
is the share of resamples of the galaxies in which the method does not gain. The table gives its mean over *pairs*
pairs and, in brackets, its range. Two baselines that differ in their seed alone reach 0.05 in up to a third of the
cases. `p_method` judges the method: it is the tail of a t distribution with seeds − 1 degrees of freedom, from the
scatter of seeds and of galaxies, and needs at least three seeds. A dash: too few seeds, or the galaxies of the run
are missing.

*died* counts networks that predicted one PDF for all galaxies; *restarts* counts the new networks that replaced them.
The metrics are those of the surviving network, or of the last one tried. A dash: not recorded, or no network. The
published work does not name its tests: its p-values are as printed, and ours beside them are `p_galaxies`.
"""


def write_comparison(table: pd.DataFrame, folder: Path, baseline: str, title: str = "Comparison") -> list[Path]:
    """Write ``comparison.md``, ``comparison.csv`` (plain units) and ``comparison.png``.

    Beside them ``published.csv`` and ``published.png`` where there are published numbers of our fields, ``sweep.png``
    of one swept setting, ``cost.png`` where networks of several costs are compared, or ``modalities.png`` of kept and
    dropped modalities.

    Parameters
    ----------
    table : of :func:`photoz_lit.evaluation.comparison.table.compare`.
    folder : where to; made if missing.
    baseline : name of the method that the others are compared with.
    title : heading.

    Raises
    ------
    InputError : the files cannot be written.
    """
    write_table(folder / "comparison.csv", table, float_format=six_digits)
    write_text(folder / "comparison.md", markdown(table, baseline, title))
    written = [folder / "comparison.md", folder / "comparison.csv"]
    written.append(save(comparison_figure(table, baseline), folder / "comparison.png"))
    beside = beside_published(table, baseline)
    # the published gains are over a single-stack baseline; settings compared with each other have none beside them
    if len(beside) and baseline.startswith("baseline"):
        written.append(write_table(folder / "published.csv", beside, float_format=six_digits))
        if beside["gain_sigma_mad"][beside["who"] != PUBLISHED].notna().any():
            written.append(save(published_figure(beside, table["data"]), folder / "published.png"))
    setting = swept_setting(table, settings_of(table))
    if setting is not None:
        written.append(save(sweep_figure(table, baseline, setting), folder / "sweep.png"))
    if len(rows_with_costs(table)):
        written.append(save(cost_figure(table, baseline), folder / "cost.png"))
    rows = table[table["source"] == ALL]
    if rows["field"].nunique() == 1 and are_modalities(rows["method"].tolist()):
        kept: list[dict[str, Any]] = [dict(row) for _, row in rows.rename(columns={"method": "kept"}).iterrows()]
        written.append(save(modality_figure(kept, str(rows["data"].iloc[0])), folder / "modalities.png"))
    return written


def markdown(table: pd.DataFrame, baseline: str, title: str) -> str:
    """Return the comparison as Markdown: our table, ours beside the published one, and how to read them."""
    kinds = ", ".join(sorted({str(kind).replace("_", " ") for kind in table["data"] if kind}))
    parts = [f"# {title}\n", f"Data: **{kinds}**. Baseline: `{baseline}`.\n", _ours(table), "", NOTES]
    beside = beside_published(table, baseline)
    if len(beside):
        parts += ["## Beside the published numbers\n", _published(beside), ""]
        if (table["field"] == "sdss").any():
            parts += ["SDSS in the literature:\n", _literature(), ""]
    return "\n".join(parts)


def _ours(table: pd.DataFrame) -> str:
    settings = settings_of(table)
    further = [c for c in FURTHER if c in table]
    measures = shown_in("comparison")
    short = [one.short or one.label for one in measures.values()]
    unequal = [UNEQUAL] if (table[UNEQUAL] != "").any() else []
    header = ["field", "labels", "method", *settings, "n", "seeds", DIED, RESTARTS]
    header += [*("trained unequally" for _ in unequal), *(one.head for one in measures.values())]
    header += [f"G({name}) %" for name in short] + [PAIRS]
    header += [f"p_galaxies({name})" for name in short] + [f"p_method({name})" for name in short] + further
    rows = []
    for _, row in table.iterrows():
        cells = [row["field"], row["source"], row["method"], *(setting(row[s]) for s in settings), f"{row['n']:,}"]
        cells += [str(row["seeds"]), *(significant(row[name]) for name in (DIED, RESTARTS))]
        cells += [row[name] or "–" for name in unequal]
        cells += [one.scaled(row[m], row[f"{m}_spread"]) for m, one in measures.items()]
        cells += [with_error(row[f"gain_{m}"], row[f"gain_{m}_error"], 1, "+") for m in measures]
        cells += [significant(row[PAIRS]), *(_p_with_range(row, f"p_galaxies_{m}") for m in measures)]
        cells += [p_value(row[f"p_method_{m}"]) for m in measures]
        rows.append([*cells, *(significant(row[c]) for c in further)])
    return grid(header, rows, left=3 + len(settings))


def _published(beside: pd.DataFrame) -> str:
    measures = published_metrics()
    short = [one.short or one.label for one in measures.values()]
    header = ["data", "who", "method", "n", *(one.head for one in measures.values())]
    header += [f"G({name}) %" for name in short] + [f"p({name})" for name in short]
    rows = [
        [
            *(str(row[c]).replace("_", " ") for c in ("data", "who")),
            row["method"],
            f"{row['n']:,.0f}",
            *(one.scaled(row[m]) for m, one in measures.items()),
            *(number(row.get(f"gain_{m}", np.nan), 1, "+") for m in measures),
            *(p_value(row.get(f"p_{m}", np.nan)) for m in measures),
        ]
        for _, row in beside.iterrows()
    ]
    return grid(header, rows, left=3)


def _literature() -> str:
    measures = published_metrics()
    rows = [
        [entry["work"], *(one.scaled(entry[m]) for m, one in measures.items())]
        for entry in read_published()["literature"]
    ]
    return grid(["work", *(one.head for one in measures.values())], rows, left=1)


def _p_with_range(row: pd.Series, name: str) -> str:
    """A mean p-value with the lowest and the highest of several pairs."""
    text = p_value(row[name])
    if text == MISSING or not row[PAIRS] > 1:
        return text
    return f"{text} ({p_value(row[f'{name}_lowest'])} to {p_value(row[f'{name}_highest'])})"
