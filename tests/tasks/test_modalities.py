"""What each modality brings: by hand on one run, and as a study that is compared without its runs."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from photoz_lit.errors import InputError
from photoz_lit.studies.definition import Study, jobs_of
from photoz_lit.studies.galaxies import JobGalaxies
from photoz_lit.studies.results import StudyResults, read_results
from photoz_lit.tasks.changed_settings import Asked
from photoz_lit.tasks.study_results import StudyFolders, find_twins
from photoz_lit.tasks.task import perform
from photoz_lit.tasks.train import train
from tests.composed import TINY, composed, composed_study
from tests.conftest import make_store

KEPT = ["all", "without g_r", "without r_i", "only g_r", "only r_i"]


@pytest.mark.long
def test_a_study_says_what_each_modality_brings(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", n=120).path
    common = [*TINY, "+experiment=hsc6b_early_fusion", "network=plain", f"data.store={store}", "data.bands=[g,r,i]"]
    row = {"method": "multimodal", "overrides": ["modality.dropout=0.2"], "then": "modalities"}
    content = {"name": "s", "description": "", "question": "?", "seeds": [0], "common": common, "rows": [row]}
    paths = [f"paths.experiments={tmp_path / 'experiments'}", f"paths.runs={tmp_path / 'runs'}"]
    chosen = {"study": Study.model_validate(content)}
    perform(composed_study(*paths).model_copy(update=chosen))
    rows = {r["kept"]: r for r in read_results(tmp_path / "experiments" / "s" / "results.json")["rows"]}
    assert sorted(rows) == sorted(KEPT)
    (folder,) = (tmp_path / "runs" / "hsc6b_early_fusion").iterdir()
    assert [r["kept"] for r in json.loads((folder / "modalities.json").read_text())] == KEPT
    assert (folder / "plots" / "modalities.png").is_file()
    assert rows["all"]["sigma_mad"] == pytest.approx(json.loads((folder / "metrics.json").read_text())["sigma_mad"])
    for name in ("sigma_mad", "crps"):  # with two modalities, leaving one out is keeping the other alone
        assert rows["without g_r"][name] == rows["only r_i"][name] != rows["all"][name]

    (source,) = rows["only r_i"]["by_source"].values()  # the store has labels of one source: as for all
    assert source["sigma_mad"] == rows["only r_i"]["sigma_mad"]
    assert "nll" not in rows["only r_i"]  # the whole network's does not stand in its rows

    perform(composed("task=compare", "task.draws=10", *paths).model_copy(update=chosen))
    table = pd.read_csv(tmp_path / "experiments" / "s" / "comparison.csv").set_index("method")
    assert sorted(table.index) == sorted(KEPT)
    assert (table["seeds"] == 1).all()
    assert table.loc["only r_i", "sigma_mad"] == pytest.approx(rows["only r_i"]["sigma_mad"])
    assert pd.isna(table.loc["all", "gain_sigma_mad"])
    assert pd.notna(table.loc["only r_i", "gain_sigma_mad"])
    assert 0 < table.loc["only r_i", "p_galaxies_sigma_mad"] <= 1  # from galaxies kept beside the results
    alone, without, whole = (
        JobGalaxies(tmp_path / "experiments" / "s", rows[k]["galaxies"]).read()
        for k in ("only r_i", "without g_r", "all")
    )
    pd.testing.assert_frame_equal(alone, without)
    assert not alone["z_phot"].equals(whole["z_phot"])

    results = tmp_path / "experiments" / "s" / "results.json"
    said = StudyResults.read(results.parent).made_with[rows["only r_i"]["galaxies"]]
    assert (said["then"], said["modality.dropout"]) == ("modalities", 0.2)
    (job,) = jobs_of(chosen["study"])
    alone_job = replace(job, then=None)
    other = StudyFolders(chosen["study"], tmp_path / "runs", results.parent.parent / "other")
    asked = Asked(said, {})  # a network without a modality is no run's twin
    assert find_twins([alone_job], lambda _job: asked, other) == {}
    (tmp_path / "runs").rename(tmp_path / "gone")
    before = results.read_bytes()
    perform(composed_study(*paths).model_copy(update=chosen))
    assert results.read_bytes() == before
    assert not (tmp_path / "runs" / "hsc6b_early_fusion").exists()  # nothing was trained again
    folder = tmp_path / "gone" / "hsc6b_early_fusion" / folder.name

    made = (folder / "modalities.json").read_bytes()
    (folder / "modalities.json").unlink()
    perform(composed("task=modalities", f"run={folder}", "trainer=cpu", "trainer.progress=true"))
    assert (folder / "modalities.json").read_bytes() == made

    config = composed(
        "task=predict", f"run={folder}", "drop=[g_x]", f"data.store={store}", f"paths.runs={tmp_path / 'applied'}"
    )
    with pytest.raises(InputError, match="no modality 'g_x'; did you mean 'g_r'"):
        perform(config)


def test_a_network_of_one_modality_is_refused(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", n=60).path
    common = ["field=hsc6b", "network=plain", f"data.store={store}", f"paths.runs={tmp_path / 'runs'}"]
    folder = train(composed(*common, "scale.max_epochs=1")).path
    with pytest.raises(InputError, match="has one modality only"):
        perform(composed("task=modalities", f"run={folder}"))
    with pytest.raises(InputError, match="needs run="):
        perform(composed("task=modalities"))
