"""One page over several runs: their metrics side by side, what sets them apart, and each one's figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from photoz_lit.errors import InputError
from photoz_lit.evaluation.report.html import GROUPS, labels, texts
from photoz_lit.evaluation.report.page import CAPTIONS, WIDE, Section, images, render
from photoz_lit.evaluation.report.published_section import published_section
from photoz_lit.evaluation.report.record import name_of, read_fits, read_metrics, read_provenance
from photoz_lit.evaluation.report.settings_tables import differing_settings
from photoz_lit.evaluation.report.trainings_section import deaths_and_restarts
from photoz_lit.fields import field_label
from photoz_lit.metric import metric

COMPARED = ("sigma_mad", "eta")  # by source, magnitude and redshift


def write_runs_report(runs: Sequence[str | Path], path: str | Path) -> Path:
    """Write one report over several run folders.

    Raises
    ------
    InputError : no run is given, or one has no ``metrics.json``.
    """
    if not runs:
        raise InputError("a report over several runs needs at least one; give runs=<folder or list>.")
    folders = [Path(run) for run in runs]
    metrics = [read_metrics(folder) for folder in folders]
    names = [f"{name_of(m, f)} / {f.name}" for m, f in zip(metrics, folders, strict=True)]
    short = [f"run {k}" for k in range(1, len(folders) + 1)]
    rows = [
        [name, one, field_label(m["field"]), m["data"], f"{m['n_test']:,}", *texts(m)]
        for name, one, m in zip(names, short, metrics, strict=True)
    ]
    header = ["run", "below", "field", "data", "N", *labels()]
    sections = [Section("Runs", tables=[{"header": header, "rows": rows}])]
    records = [read_provenance(folder) for folder in folders]
    if differing := differing_settings([record.get("config") or {} for record in records]):
        rows = [[setting, *values] for setting, values in differing]
        table = {"header": ["setting", *short], "rows": rows, "of_keys": True}
        sections.append(Section("Settings that differ", tables=[table]))
    sections += _side_by_side(short, metrics)
    sections += _trainings(short, metrics, folders, records)
    sections += published_section(*metrics, names=short)
    narrow = {name: text for name, text in CAPTIONS.items() if name not in WIDE}
    for name, one, folder in zip(names, short, folders, strict=True):
        if chosen := images(folder / "plots", narrow):
            sections.append(Section(one.capitalize(), name, figures=chosen))
    commands = [
        (name, str(record["command"])) for name, record in zip(names, records, strict=True) if "command" in record
    ]
    if commands:
        sections.append(Section("How they were made", texts=commands))
    kinds = sorted({str(m["data"]) for m in metrics} - {"real"})
    return render(Path(path), "Runs side by side", f"{len(folders)} runs", kinds[0] if kinds else "real", sections, [])


def _side_by_side(names: Sequence[str], metrics: Sequence[Mapping[str, Any]]) -> list[Section]:
    """σ_MAD and η of all runs by source, magnitude and redshift, where two runs have groups at all."""
    sections = []
    for key, (title, first) in GROUPS.items():
        groups = list(dict.fromkeys(group for one in metrics for group in one.get(key) or {}))
        groups = sorted(groups, key=_by_number)
        tables = []
        for name in COMPARED if groups and len(names) > 1 else ():
            shown = metric(name)
            rows = [
                [group or "(none)", *(shown.text(((one.get(key) or {}).get(group) or {}).get(name)) for one in metrics)]
                for group in groups
            ]
            tables.append({"header": [f"{shown.label}, {first}", *names], "rows": rows})
        if tables:
            sections.append(Section(title, tables=tables))
    return sections


def _trainings(
    names: Sequence[str],
    metrics: Sequence[Mapping[str, Any]],
    folders: Sequence[Path],
    records: Sequence[Mapping[str, Any]],
) -> list[Section]:
    """Seeds, time, deaths and restarts of each run."""
    rows = []
    for name, one, folder, made in zip(names, metrics, folders, records, strict=True):
        fits = read_fits(folder)
        seconds = [fit["seconds"] for fit in fits.values() if isinstance(fit.get("seconds"), int | float)]
        time = f"{sum(seconds):,.0f}" if seconds else "–"
        seed = one.get("seed", made.get("seed"))
        counts = [str(one[key]) if one.get(key) is not None else "–" for key in ("restarts", "dead_networks")]
        rows.append([name, "–" if seed is None else str(seed), str(len(fits)), time, *counts])
    header = ["run", "seed", "networks", "seconds in all", "restarts", "dead in the results"]
    return [Section("Trainings", deaths_and_restarts(metrics), [{"header": header, "rows": rows}])]


def _by_number(group: str) -> tuple[float, str]:
    """Bins such as ``9-10`` by their lower edge, and words after them."""
    try:
        return float(group.partition("-")[0]), group
    except ValueError:
        return float("inf"), group
