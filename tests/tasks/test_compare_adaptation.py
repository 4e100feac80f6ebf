"""``task=compare`` on a study of adaptation."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from photoz_lit.files import write_json
from photoz_lit.tasks.task import perform
from tests.composed import composed
from tests.evaluation.adaptation_rows import METHODS, adaptation_row

TUNED = {"tuned_on": ["xmm_ud"]}


def test_a_study_of_adaptation_gets_its_own_tables_beside_the_usual_one(tmp_path: Path) -> None:
    folder = tmp_path / "experiments" / "domain_adaptation"
    rows = [adaptation_row(folder, m, f, seed) for f in ("xmm_d", "xmm_ud") for m in METHODS for seed in (0, 1)]
    write_json(
        folder / "results.json", {"command": "", "git_commit": "", "scale": "demo", "swept": [], "rows": rows} | TUNED
    )
    paths = [f"paths.runs={tmp_path / 'runs'}", f"paths.experiments={tmp_path / 'experiments'}"]
    perform(composed("task=compare", "study=domain_adaptation", "task.draws=100", *paths))
    usual = pd.read_csv(folder / "comparison.csv")
    assert {"sigma_mad", "gain_sigma_mad", "p_galaxies_sigma_mad", "n"} <= set(usual)
    assert usual["method"].tolist()[0] == "none"
    assert pd.read_csv(folder / "adaptation.csv")["closed_sigma_mad"].notna().sum() == 4
    assert (folder / "adaptation.png").is_file()
    assert (folder / "adaptation_nz.png").is_file()
    assert "| all but xmm_ud |" in (folder / "adaptation.md").read_text()
    other = tmp_path / "elsewhere"
    perform(composed("task=compare", f"runs={folder}", f"store={other}", "task.draws=100", *paths))
    assert (other / "adaptation.md").read_text() == (folder / "adaptation.md").read_text()
