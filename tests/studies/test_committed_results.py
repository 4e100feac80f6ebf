"""Results in the repository: every row has its galaxies, which reproduce its numbers; the folder stays small."""

from __future__ import annotations

from pathlib import Path

import pytest

from photoz_lit.evaluation.metrics.point import delta_z, sigma_mad
from photoz_lit.studies.galaxies import JobGalaxies, jobs_kept
from photoz_lit.studies.results import StudyResults

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
STUDIES = sorted(file.parent.name for file in EXPERIMENTS.glob("*/test_galaxies.parquet"))


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
