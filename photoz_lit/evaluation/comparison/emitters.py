"""The table of emitters at one redshift: every method's σ_MAD, η and bias beside the published ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from photoz_lit.evaluation.comparison.adaptation import mean_and_error
from photoz_lit.evaluation.comparison.published import read_published
from photoz_lit.evaluation.comparison.runs import Run
from photoz_lit.evaluation.comparison.trainings import DIED, RESTARTS, deaths_of
from photoz_lit.evaluation.plots.emitters import emitter_figure
from photoz_lit.evaluation.plots.style import save
from photoz_lit.files import write_table, write_text
from photoz_lit.metric import shown_in
from photoz_lit.printed import grid, number, six_digits
from photoz_lit.studies.compared import Compared

REMOVED, WITH, TRUE = "interlopers removed", "with interlopers", "true [OII]"
SAMPLES = (REMOVED, WITH, TRUE)
PUBLISHED = ("sed_fit", "no_adaptation", "adapted")
NOTES = """\
Δz = (z_phot − 1.47) / 2.47, z_phot the median of the PDF; mean ± standard error over training seeds. *to the truth*: Δz
against each galaxy's own redshift, which is what counts for interlopers. *times better* is that of no adaptation over
that of the method, of σ_MAD and of the mean |bias|. Emitters are drawn from the simulated population, of a sky that no
network has seen, under the target field's observing conditions; interlopers are removed by measured colours alone.
Published: 1,853 real emitters of XMM Deep.
"""


def emitter_table(runs: Sequence[Run], compared: Compared) -> pd.DataFrame:
    """Fold the rows of ``task=emitters`` over the training seeds.

    Parameters
    ----------
    runs : rows of a study's ``results.json`` with ``sample``.
    compared : order of the methods, and the reference, without adaptation.

    Returns
    -------
    One row per sample and method: ``field``, ``sample``, ``method``, ``data``, ``n``, ``seeds``, ``contamination``,
    ``sigma_mad``, ``eta``, ``bias`` (against the emitters' redshift), ``<metric>_true`` (against the truth), each with
    its standard error ``<name>_err``; ``times_better_sigma_mad`` and ``times_better_bias`` over no adaptation; and
    ``z_min``, ``z_max``, ``counts`` of z_phot (mean over seeds).
    """
    rows = []
    places = sorted({(run.field, str(run.metrics["sample"])) for run in runs}, key=lambda p: (p[0], _sample(p[1])))
    for field, sample in places:
        here = [run for run in runs if (run.field, run.metrics["sample"]) == (field, sample)]
        of_method = {m: [r for r in here if r.method == m] for m in sorted({r.method for r in here}, key=compared.rank)}
        for method, same in of_method.items():
            first = same[0].metrics
            row = {"field": field, "sample": sample, "method": method, "data": first.get("data", "")}
            row |= {"n": int(first["n_test"]), "seeds": len(same), "contamination": first["contamination"]}
            measures = shown_in("emitters")
            for name in (*measures, *(f"{m}_true" for m in measures)):
                row[name], row[f"{name}_err"] = mean_and_error([run.metrics[name] for run in same])
            for name in ("sigma_mad", "bias"):
                row[f"times_better_{name}"] = _times_better(of_method.get(str(compared.reference), []), same, name)
            row |= deaths_of(same)
            histogram = first["z_phot_counts"]
            row |= {"z_min": histogram["z_min"], "z_max": histogram["z_max"]}
            row["counts"] = np.mean([run.metrics["z_phot_counts"]["counts"] for run in same], axis=0)
            rows.append(row)
    return pd.DataFrame(rows)


def write_emitters(table: pd.DataFrame, folder: Path, title: str, compared: Compared) -> list[Path]:
    """Write ``emitters.md``, ``emitters.csv`` (plain units) and ``emitters.png``.

    Raises
    ------
    InputError : the files cannot be written.
    """
    plain = table.drop(columns=["counts", "z_min", "z_max"])
    write_table(folder / "emitters.csv", plain, float_format=six_digits)
    write_text(folder / "emitters.md", emitter_markdown(table, title))
    figure = save(emitter_figure(table, REMOVED, WITH, compared), folder / "emitters.png")
    return [folder / "emitters.md", folder / "emitters.csv", figure]


def emitter_markdown(table: pd.DataFrame, title: str) -> str:
    """Return the table as Markdown, the published numbers in it."""
    kinds = ", ".join(sorted({str(kind).replace("_", " ") for kind in table["data"] if kind}))
    measures = shown_in("emitters")
    heads = [one.head for one in measures.values()]
    head = ["sample", "who", "method", "n", "seeds", DIED, RESTARTS, *heads]
    head += ["times better σ_MAD", "times better |bias|", f"to the truth: {heads[0]}", *heads[1:], "other lines %"]
    rows = [_published(key) for key in PUBLISHED]
    for _, row in table.iterrows():
        cells = [row["sample"], "ours", row["method"], f"{row['n']:,}", row["seeds"]]
        cells += [number(row[name], 0) for name in (DIED, RESTARTS)]
        cells += [one.scaled(row[m], row[f"{m}_err"]) for m, one in measures.items()]
        cells += [number(row[f"times_better_{m}"], 2) for m in ("sigma_mad", "bias")]
        cells += [one.scaled(row[f"{m}_true"], row[f"{m}_true_err"]) for m, one in measures.items()]
        rows.append([*cells, number(row["contamination"] * 100, 1)])
    return "\n".join(
        [f"# {title}: emitters at one redshift\n", f"Data: **{kinds}**.\n", grid(head, rows, 3), "", NOTES]
    )


def _published(key: str) -> list[str]:
    content = read_published()["oii_emitters"]
    entry, none = content[key], content["no_adaptation"]
    cells = [REMOVED, "published", key.replace("_", " "), f"{content['n']:,}", "–", "–", "–"]
    cells += [one.scaled(entry.get(m, np.nan)) for m, one in shown_in("emitters").items()]
    better = [none[m] / entry[m] if key == "adapted" else np.nan for m in ("sigma_mad", "bias")]
    return [*cells, *(number(abs(value), 2) for value in better), *["–"] * len(shown_in("emitters")), "–"]


def _times_better(none: Sequence[Run], method: Sequence[Run], name: str) -> float:
    if not none or method[0].method == none[0].method:
        return np.nan
    before, after = (np.mean([abs(run.metrics[name]) for run in runs]) for runs in (none, method))
    return float(before / after) if after else np.nan


def _sample(name: str) -> int:
    return SAMPLES.index(name) if name in SAMPLES else len(SAMPLES)
