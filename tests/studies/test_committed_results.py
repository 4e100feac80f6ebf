"""Results in the repository: galaxies reproduce rows, rows reproduce tables; the folder stays small."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from photoz_lit.evaluation.metrics.point import delta_z, sigma_mad
from photoz_lit.studies.galaxies import JobGalaxies, jobs_kept
from photoz_lit.studies.results import StudyResults
from photoz_lit.tasks.task import perform
from tests.composed import composed_as_typed

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
STUDIES = sorted(file.parent.name for file in EXPERIMENTS.glob("*/test_galaxies.parquet"))
#: Studies whose comparison takes a few seconds; the others are compared by ``make test-long``.
QUICK = ("oii_emitters", "sdss_gz", "zcosmos")


def comparisons() -> list[object]:
    """The commands of the READMEs that make the committed tables, each with the folder that holds them."""
    found: list[object] = []
    for readme in sorted(EXPERIMENTS.glob("*/README.md")):
        text = re.sub(r"\\\n\s*", "", readme.read_text(encoding="utf-8"))
        for line in re.findall(r"-m photoz_lit (task=compare study=\S+.*)", text):
            words = shlex.split(line, comments=True)
            folder = dict(word.split("=", 1) for word in words).get("store", f"experiments/{readme.parent.name}")
            marks = () if readme.parent.name in QUICK else pytest.mark.long
            overrides = [word for word in words if not word.startswith("store=")]
            found.append(pytest.param(EXPERIMENTS.parent / folder, overrides, marks=marks, id=folder))
    return found


def test_every_table_has_its_command() -> None:
    tables = {file.parent for file in EXPERIMENTS.rglob("comparison.md")}
    assert {one.values[0] for one in comparisons()} == tables  # type: ignore[attr-defined]


@pytest.mark.parametrize(("folder", "overrides"), comparisons())
def test_a_comparison_reproduces_the_tables(folder: Path, overrides: list[str], tmp_path: Path) -> None:
    paths = [f"store={tmp_path}", f"paths.runs={tmp_path / 'runs'}", f"paths.experiments={EXPERIMENTS}"]
    perform(composed_as_typed(*overrides, *paths))
    committed = {file.name for file in folder.iterdir() if file.suffix in (".md", ".csv")} - {"README.md"}
    assert {"comparison.md", "comparison.csv"} <= committed
    for name in committed:
        assert (tmp_path / name).read_text() == (folder / name).read_text(), name


@pytest.mark.parametrize("study", STUDIES)
def test_galaxies_reproduce_the_rows(study: str) -> None:
    results = StudyResults.read(EXPERIMENTS / study)
    rows = [row for row in results.rows if "galaxies" in row]
    assert {row["galaxies"] for row in rows} == jobs_kept(EXPERIMENTS / study)
    assert set(results.made_with) <= {row["galaxies"] for row in rows}
    for row in rows[:: max(1, len(rows) // 4)]:
        galaxies = JobGalaxies(EXPERIMENTS / study, row["galaxies"]).read()
        delta = delta_z(galaxies["z_phot"].to_numpy(float), galaxies["z"].to_numpy(float))
        assert len(galaxies) == row["n_test"]
        assert sigma_mad(delta) == pytest.approx(row["sigma_mad"], rel=1e-4)
        assert galaxies["crps"].mean() == pytest.approx(row["crps"], rel=1e-4)


def test_the_folder_is_small() -> None:
    files = [file for file in EXPERIMENTS.rglob("*") if file.is_file() and file.name != ".lock"]
    assert len(files) < 200
    assert sum(file.stat().st_size for file in files) < 15e6


@pytest.mark.parametrize("study", sorted(file.parent.name for file in EXPERIMENTS.glob("*/comparison.csv")))
def test_values_with_errors_in_a_readme_stand_in_its_tables(study: str) -> None:
    known = np.concatenate([values_with_errors(file) for file in (EXPERIMENTS / study).rglob("*.csv")])
    lines = (EXPERIMENTS / study / "README.md").read_text(encoding="utf-8").splitlines()
    quoted = [
        pair for line in lines if line.startswith("|") for pair in re.findall(r"([\d.]+)\*{0,2} ± ([\d.]+)", line)
    ]
    wrong = []
    for pair in quoted:
        half_a_digit = [0.501 * 10.0 ** -len(text.partition(".")[2]) for text in pair]
        off = [np.abs(known * factor - np.array(pair, float)) <= half_a_digit for factor in (1, 1e2, 1e3)]
        if not any(one.all(axis=1).any() for one in off):
            wrong.append(" ± ".join(pair))
    assert wrong == []


def values_with_errors(file: Path) -> np.ndarray:
    """Absolute values and errors of a table, (n, 2)."""
    table = pd.read_csv(file)
    endings = ("_spread", "_error", "_err")
    columns = [(name, name + end) for name in table for end in endings if name + end in table]
    return np.concatenate([np.empty((0, 2)), *(table[list(pair)].abs().to_numpy(float) for pair in columns)])
