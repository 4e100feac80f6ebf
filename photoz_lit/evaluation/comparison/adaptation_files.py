"""A study of adaptation on disk: Markdown, CSV and figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from photoz_lit.evaluation.comparison.adaptation import AdaptationTables
from photoz_lit.evaluation.comparison.trainings import DIED, RESTARTS
from photoz_lit.evaluation.plots.adaptation import adaptation_figure, adaptation_nz_figure
from photoz_lit.evaluation.plots.style import save
from photoz_lit.files import whole_file
from photoz_lit.metric import Metric, metric, shown_in
from photoz_lit.printed import grid, number, with_error
from photoz_lit.studies.compared import Compared

NZ_TV = "nz_tv"
NOTES = """\
Target test galaxies against the truth; mean ± standard error over training seeds. *change* is σ_MAD − σ_MAD of
`{none}`, and *gap closed* (σ_{none} − σ) / (σ_{none} − σ_bound); their errors are of a bootstrap over seeds and
galaxies, both the same for all methods. {bound} A share is given where the gap is at least three standard errors,
else it is *not measurable*. |bias| and N(z) reductions are 1 − |bias| / |bias_{none}| and 1 − TV / TV_{none};
*source worse* is the σ_MAD of the source's test galaxies over that of `{none}`, − 1. *died* counts networks that
predicted one PDF for all galaxies, *restarts* those with fresh weights that took the place of one (a dash:
not recorded).
"""


def write_adaptation(tables: AdaptationTables, folder: Path, title: str) -> list[Path]:
    """Write ``adaptation.md``, ``adaptation.csv``, ``adaptation_by_mag.csv`` (plain units) and the figures.

    Raises
    ------
    InputError : the files cannot be written.
    """
    with whole_file(folder / "adaptation.csv") as partial:
        tables.methods.to_csv(partial, index=False)
    with whole_file(folder / "adaptation_by_mag.csv") as partial:
        tables.by_mag.to_csv(partial, index=False)
    with whole_file(folder / "adaptation.md") as partial:
        partial.write_text(adaptation_markdown(tables, title), encoding="utf-8")
    written = [folder / "adaptation.md", folder / "adaptation.csv", folder / "adaptation_by_mag.csv"]
    written.append(save(adaptation_figure(tables), folder / "adaptation.png"))
    nz = adaptation_nz_figure(tables)
    return written if nz is None else [*written, save(nz, folder / "adaptation_nz.png")]


def adaptation_markdown(tables: AdaptationTables, title: str) -> str:
    """Return the tables as Markdown, and how to read them."""
    kinds = ", ".join(sorted({str(kind).replace("_", " ") for kind in tables.methods["data"] if kind}))
    parts = [f"# {title}: adaptation\n", f"Data: **{kinds}**.\n", _methods(tables), ""]
    parts.append(NOTES.format(none=tables.compared.reference, bound=_bound(tables.compared)))
    for duel, table in tables.duels:
        parts += [f"## `{duel.method}` against `{duel.reference}`: {duel.differs_in}\n", _duel(table, tables.swept), ""]
        better = f"negative: `{duel.method}` is better"
        parts += [f"Relative differences; {better}; *worse* is by over one standard error.\n"]
    parts += ["## What a probe and the discriminator saw\n", _probe(tables), ""]
    parts += ["AUC of a probe that tells source from target features: 0.5 is chance. Accuracy on pairs or galaxies of"
              " held-out frozen features, before the adversarial weight rises.\n"]  # fmt: skip
    if len(tables.by_mag):
        parts += ["## By magnitude\n", _by_mag(tables), ""]
    return "\n".join(parts)


def _bound(compared: Compared) -> str:
    """What no method can be better than, as a sentence."""
    if compared.bound is None:
        return "The study has no bound."
    shifted = f", or, where a part of the shift is left, `{compared.reference}` without any"
    return f"The bound is `{compared.bound}`{shifted if compared.unshifted else ''}."


def _methods(tables: AdaptationTables) -> str:
    measures = {**shown_in("adaptation"), NZ_TV: metric(NZ_TV)}
    source = metric("sigma_mad")
    head = ["field", *tables.swept, "method", "n", "seeds", DIED, RESTARTS, *(one.head for one in measures.values()),
            f"source {source.head}", "change ×10⁻³", "gap closed %", "|bias| reduction %", "N(z) TV reduction %",
            "source worse %"]  # fmt: skip
    rows = []
    for _, row in tables.methods.iterrows():
        numbers = [_measured(row, name, one) for name, one in measures.items()]
        numbers.append(_measured(row, "source_sigma_mad", source))
        shares = [number(row.get(name, np.nan) * 100, 1, "+") for name in
                  ("bias_reduction", "nz_tv_reduction", "source_worsening")]  # fmt: skip
        dead = [number(row[name], 0) for name in (DIED, RESTARTS)]
        change = _cell(row, "change_sigma_mad", 1e3, "+")
        rows.append(
            [
                *_place(row, tables),
                f"{row['n']:,}",
                row["seeds"],
                *dead,
                *numbers,
                change,
                _closed(row, tables.compared),
                *shares,
            ]
        )
    return grid(head, rows, left=2 + len(tables.swept))


def _closed(row: pd.Series, compared: Compared) -> str:
    none = row["method"] == compared.reference
    if (none or row["method"] == compared.bound) and not np.isfinite(row.get("closed_sigma_mad", np.nan)):
        gap = row.get("gap_sigma_mad", np.nan)
        return f"gap {_cell(row, 'gap_sigma_mad', 1e3)} ×10⁻³" if none and np.isfinite(gap) else "–"
    if row.get("gap_measurable") is False or row.get("gap_measurable") == 0:
        return "not measurable"
    return _cell(row, "closed_sigma_mad", 1e2, digits=0)


def _duel(duel: pd.DataFrame, swept: Sequence[str]) -> str:
    rows = []
    for _, row in duel.iterrows():
        cells = [row["field"], *(_setting(row, name) for name in swept)]
        for name in ("difference_sigma_mad", "difference_bias"):
            worse = row[name] > row[f"{name}_err"]
            cells.append(_cell(row, name, 1e2, "+", 1) + (" worse" if worse else ""))
        rows.append(cells)
    return grid(["field", *swept, "σ_MAD %", "|bias| %"], rows, left=1 + len(swept))


def _probe(tables: AdaptationTables) -> str:
    names = ("frozen_accuracy", "probe_auc_before", "probe_auc_after")
    rows = [
        [*_place(row, tables), *(_cell(row, n, 1.0, digits=3) for n in names)] for _, row in tables.methods.iterrows()
    ]
    head = ["field", *tables.swept, "method", "frozen accuracy", "probe AUC before", "probe AUC after"]
    return grid(head, rows, left=2 + len(tables.swept))


def _by_mag(tables: AdaptationTables) -> str:
    measures = shown_in("adaptation")
    rows = [
        [row["field"], *(_setting(row, s) for s in tables.swept), row["mag"], row["method"], f"{row['n']:,}",
         *(_measured(row, name, one) for name, one in measures.items())]
        for _, row in tables.by_mag.sort_values(["field", *tables.swept, "mag"], kind="stable").iterrows()
    ]  # fmt: skip
    head = ["field", *tables.swept, "mag", "method", "n", *(one.head for one in measures.values())]
    return grid(head, rows, left=3 + len(tables.swept))


def _place(row: pd.Series, tables: AdaptationTables) -> list[str]:
    return [str(row["field"]), *(_setting(row, name) for name in tables.swept), str(row["method"])]


def _setting(row: pd.Series, name: str) -> str:
    return "–" if pd.isna(row.get(name)) else str(row[name])


def _measured(row: pd.Series, name: str, one: Metric) -> str:
    return one.scaled(row.get(name, np.nan), row.get(f"{name}_err", np.nan))


def _cell(row: pd.Series, name: str, factor: float, sign: str = "", digits: int = 2) -> str:
    return with_error(row.get(name, np.nan) * factor, row.get(f"{name}_err", np.nan) * factor, digits, sign)
