"""Rows of a study that begin with the weights of another training, which is made first and once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from photoz_lit.config import Config
from photoz_lit.run_folder import recorded_config
from photoz_lit.studies.definition import Study, jobs_of, starts_of
from photoz_lit.studies.results import read_results
from photoz_lit.tasks.options import StudyOptions
from photoz_lit.tasks.study import run
from tests.composed import composed_study
from tests.conftest import make_store
from tests.two_fields import changed

OPTIONS = StudyOptions(seeds=None, jobs=1)


def study_of(common: list[str], start: list[str], **changes: Any) -> Study:
    rows = [
        {"method": "scratch", "overrides": []},
        {"method": "fine_tuned", "overrides": [], "start": "elsewhere"},
    ]
    content = {"name": "s", "description": "", "question": "?", "seeds": [0, 1], "common": common, "rows": rows}
    return Study.model_validate({**content, "starts": {"elsewhere": start}, **changes})


def test_a_start_is_one_training_and_no_row() -> None:
    study = study_of(["a=1"], ["b=2"])
    assert starts_of(study)["elsewhere"].overrides == ("a=1", "b=2")
    assert [job.start for job in jobs_of(study)] == [None, "elsewhere"] * 2
    with pytest.raises(ValueError, match="the study has no start 'elsewhere'"):
        study_of([], [], starts={"elsewhere2": []})


@pytest.mark.long
def test_fine_tuned_rows_begin_with_the_start_and_are_made_again_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = make_store(tmp_path / "here", n=100, size=16)
    elsewhere = changed(here, tmp_path / "elsewhere", here.catalogue.assign(ra=here.catalogue["ra"] + 20))
    small = ["scale.stamp_size=16", "scale.width=0.04", "scale.max_epochs=1", "trainer.threads=1"]
    common = ["scale=demo", "field=hsc6b", "network=plain", *small]
    study = study_of(
        common,
        [f"data.store={elsewhere.path}"],
        seeds=[0],
        rows=[
            {"method": "scratch", "overrides": [f"data.store={here.path}"]},
            {"method": "fine_tuned", "overrides": [f"data.store={here.path}"], "start": "elsewhere"},
        ],
    )
    config = composed_study(f"paths.runs={tmp_path / 'runs'}", f"paths.experiments={tmp_path / 'experiments'}")
    results = tmp_path / "experiments" / "s"

    def again(study: Study) -> str:
        capsys.readouterr()
        run(config.model_copy(update={"study": study}), OPTIONS)
        return " ".join(capsys.readouterr().out.split())

    assert "First what others begin with the weights of: elsewhere" in again(study)
    rows = {row["method"]: row for row in read_results(results / "results.json")["rows"]}
    assert set(rows) == {"scratch", "fine_tuned"}
    assert rows["scratch"]["sigma_mad"] != rows["fine_tuned"]["sigma_mad"]
    pointers = tmp_path / "runs" / "studies" / "s"
    start, tuned = (
        Path((pointers / f"{name}_seed0.txt").read_text().strip()) for name in ("start_elsewhere", "fine_tuned")
    )
    assert _config(tuned).module.init == start
    made = json.loads((results / "results.json").read_text())["made_with"]
    assert start.name in json.dumps(made)
    assert "2 jobs, 2 done" in again(study)
    (pointers / "start_elsewhere_seed0.txt").unlink()  # its run may be gone: what was made with it stays
    assert "2 jobs, 2 done" in again(study)
    (pointers / "start_elsewhere_seed0.txt").write_text(str(start))
    other = study.model_copy(update={"starts": {"elsewhere": [f"data.store={elsewhere.path}", "seed=5"]}})
    said = again(other)
    assert "start_elsewhere_seed0 was made with other settings (seed: 0 -> 5)" in said
    assert "fine_tuned_seed0 was made with other settings" in said
    assert "scratch_seed0 was made" not in said
    assert "2 jobs, 1 done" in said
    tuned = Path((pointers / "fine_tuned_seed0.txt").read_text().strip())
    assert _config(tuned).module.init == Path((pointers / "start_elsewhere_seed0.txt").read_text().strip())


def _config(folder: Path) -> Config:
    return recorded_config(folder)
