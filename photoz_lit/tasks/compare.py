"""``task=compare``: the paper's table from finished runs, or from a study."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console

from photoz_lit.config import Config
from photoz_lit.console import NamesTable, shown
from photoz_lit.errors import InputError
from photoz_lit.evaluation.comparison.adaptation import adaptation_tables
from photoz_lit.evaluation.comparison.adaptation_files import write_adaptation
from photoz_lit.evaluation.comparison.baseline_settings import set_apart
from photoz_lit.evaluation.comparison.emitters import REMOVED, emitter_table, write_emitters
from photoz_lit.evaluation.comparison.files import write_comparison
from photoz_lit.evaluation.comparison.paired_rows import paired_rows
from photoz_lit.evaluation.comparison.runs import (
    Run,
    find_runs,
    read_run,
    read_runs,
    rows_as_runs,
    without_applications,
)
from photoz_lit.evaluation.comparison.table import ALL, baseline_method, compare, group_runs, label_of, settings_of
from photoz_lit.evaluation.comparison.trainings import DIED, RESTARTS, UNEQUAL
from photoz_lit.files import write_json
from photoz_lit.metric import metric
from photoz_lit.printed import number, with_error
from photoz_lit.progress import doing
from photoz_lit.studies.compared import Compared, compared_in
from photoz_lit.studies.definition import places_in_study, table_row
from photoz_lit.studies.results import read_results
from photoz_lit.tasks.options import CompareOptions
from photoz_lit.tasks.study_results import StudyFolders


def run(config: Config, options: CompareOptions) -> None:
    """Compare ``task.runs`` (run folders or a results.json), or ``study=<name>``, with ``task.baseline``."""
    console = Console()
    runs, target, title = _input(config, options, console)
    emitters = [run for run in runs if "sample" in run.metrics]
    if emitters:  # the usual table is of the sample that the published numbers are of
        runs = [run for run in emitters if run.metrics["sample"] == REMOVED]
    compared = _compared(config, options)
    runs, named = set_apart(runs, options.baseline or _reference(compared, runs), options.baseline_settings or {})
    with doing("reading runs", console) as say:
        table = compare(runs, named, options.draws, say)
    baseline = baseline_method(group_runs(runs), named)
    written = write_comparison(table, target, baseline, options.title or title)
    adapted = [run for run in _as_rows(config, runs) if "source_sigma_mad" in run.metrics]
    if adapted:
        known = compared if compared.reference else compared.model_copy(update={"reference": baseline})
        written += write_adaptation(adaptation_tables(adapted, known, options.draws), target, options.title or title)
    if emitters:
        written += write_emitters(emitter_table(emitters, compared), target, options.title or title, compared)
    console.print(_shown(table, baseline, options.title or title))
    counts = paired_rows(runs, named)
    if counts:
        write_json(target / "comparison_rows.json", {"rows_of": {key: rows.content() for key, rows in counts.items()}})
        written.append(target / "comparison_rows.json")
    for place, rows in counts.items():
        if rows.left_out:
            console.print(shown(f"{place}: {rows.line('galaxies')}"), highlight=False)
    for sentence in _notes(table):
        console.print(sentence, highlight=False)
    for path in written:
        console.print(f"[bold]{shown(path)}[/bold]")


def _as_rows(config: Config, runs: list[Run]) -> list[Run]:
    """The runs as rows of the study's ``results.json``, where the numbers of adaptations have separate names."""
    if config.study is None:
        return runs
    folder = config.paths.experiments / config.study.name
    return rows_as_runs(read_results(folder / "results.json"), folder)


def _compared(config: Config, options: CompareOptions) -> Compared:
    """How a study, or the first one whose results are compared, compares its methods."""
    if config.study is not None:
        return config.study
    files = [file for place in options.runs or [] if (file := _results_file(place)) is not None]
    return compared_in(read_results(files[0]), files[0].parent.name) if files else Compared()


def _reference(compared: Compared, runs: Sequence[Run]) -> str | None:
    """The study's reference where it was run."""
    return compared.reference if compared.reference in {run.method for run in runs} else None


def _shown(table: pd.DataFrame, baseline: str, title: str) -> NamesTable:
    """σ_MAD of all labels with its gain, for the terminal; the files hold the rest."""
    sigma = metric("sigma_mad")
    heading = f"{shown(title)}: {sigma.label} and its gain over {shown(baseline)}"
    listed = NamesTable(title=heading, title_justify="left", box=SIMPLE_HEAD)
    listed.padding = (0, 1, 0, 0)
    listed.add_column("field", no_wrap=True)
    listed.add_column("method")  # the one that wraps where the terminal is narrow
    for name in ("n", "seeds", sigma.label, "gain %", "p_galaxies", "p_method"):
        listed.add_column(name, justify="right", no_wrap=True)
    settings = settings_of(table)
    for _, row in table[table["source"] == ALL].iterrows():
        numbers = [f"{row['n']:,}", str(row["seeds"]), f"{row['sigma_mad']:.5f}"]
        numbers += [with_error(row["gain_sigma_mad"], row["gain_sigma_mad_error"], 1, "+")]
        numbers += [number(row[f"{kind}_sigma_mad"], 4) for kind in ("p_galaxies", "p_method")]
        listed.add_row(row["field"], label_of(row, settings) + (" *" if row[UNEQUAL] else ""), *numbers)
    return listed


def _notes(table: pd.DataFrame) -> list[str]:
    """Networks that died, and methods that were trained otherwise than what they are compared with."""
    rows, settings = table[table["source"] == ALL], settings_of(table)
    notes = []
    for _, row in rows.iterrows():
        place = f"{row['field']}, {label_of(row, settings)}"
        if row[DIED] > 0:
            notes.append(f"{place}: {row[DIED]:.0f} network(s) died, {row[RESTARTS]:.0f} were started again.")
        if row[UNEQUAL]:
            notes.append(f"* {place}: trained unequally, {row[UNEQUAL]}.")
    return notes


def _input(config: Config, options: CompareOptions, console: Console) -> tuple[list[Run], Path, str]:
    """Runs to compare, the folder to write into, and a title."""
    if config.study is not None:
        target = options.output or config.paths.experiments / config.study.name
        return _study_runs(config), target, config.study.name
    places = options.runs or []
    results = [file for place in places if (file := _results_file(place)) is not None]
    if results:
        runs = [run for file in results for run in rows_as_runs(read_results(file), file.parent)]
        return runs, options.output or results[0].parent, results[0].parent.name
    folders, applied = without_applications(find_runs([*places, *_baseline_folder(options.baseline)]))
    for folder in applied:
        console.print(
            f"{shown(folder)} is left out: it applies the networks of a run that is compared, and is no method."
        )
    common = Path(os.path.commonpath([folder.resolve() for folder in folders]))
    return read_runs(folders), options.output or common / "comparison", "Comparison"


def _study_runs(config: Config) -> list[Run]:
    """Runs of a study in its order: finished runs with their galaxies, the others as rows of its ``results.json``."""
    if config.study is None:
        return []
    folder = config.paths.experiments / config.study.name
    folders = StudyFolders(config.study, config.paths.runs / "studies" / config.study.name, folder)
    runs = []
    for job in folders.jobs:
        made = folders.finished_run(job) if job.then is None else None  # rows of ``then`` stand in the results
        if made is not None:
            runs.append(read_run(made, job.method, job.seed, job.settings))
    known = {_key(run) for run in runs}
    rows = rows_as_runs(read_results(folder / "results.json"), folder)
    runs += [row for row in rows if _key(row) not in known]
    if not runs:
        raise InputError(f"study '{config.study.name}' has no finished run; run task=study study={config.study.name}.")
    place = places_in_study(folders.jobs)
    return sorted(runs, key=lambda run: place.get(table_row(run.method, run.settings), len(place)))


def _key(run: Run) -> tuple[object, ...]:
    return table_row(run.method, run.settings), run.field, run.seed


def _results_file(place: Path) -> Path | None:
    """The ``results.json`` that a place is or holds."""
    file = place / "results.json" if place.is_dir() else place
    return file if file.is_file() and file.suffix == ".json" else None


def _baseline_folder(baseline: str | None) -> list[Path]:
    """The baseline's folder where it is given as a path that is not among the runs already."""
    folder = Path(baseline or "")
    return [folder] if baseline and folder.is_dir() else []
