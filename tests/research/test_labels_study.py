"""The study's label sets, and its task from end to end on a tiny field."""

import json

import numpy as np
import pytest

from photoz_lit.labels.mock import deep_field
from photoz_lit.labels.settings import LabelsSettings, SomSettings
from photoz_lit.tasks.task import perform
from research.label_sets import label_figures, label_sets
from tests.composed import composed

SETTINGS = LabelsSettings(som=SomSettings(rows=12, columns=12, trainer="batch"))


def test_label_sets_and_their_figures(make_field):
    field = deep_field(make_field(25_000, seed=3), seed=1)
    tables, merged = label_sets(field, SETTINGS, "simulated")
    assert set(tables) == {"spec_only", "consensus_only", "som_merge", "som_merge_kde"}
    target = set(field.photometry.loc[field.photometry["in_target"], "object_id"])
    for table in tables.values():
        assert table["object_id"].is_unique
        assert not target & set(table["object_id"])
        assert not [name for name in table if "true" in name]
    assert (tables["som_merge"]["z"] == tables["som_merge_kde"]["z"]).all()
    figures = label_figures(tables, merged, field, faint=23.5)
    assert figures["spec_only"]["label_error"]["sigma_mad"] == pytest.approx(0.0004, rel=0.2)
    assert figures["som_merge"]["ks"]["mean"] < 0.3 * figures["spec_only"]["ks"]["mean"]
    assert figures["som_merge"]["label_error"]["sigma_mad"] < figures["consensus_only"]["label_error"]["sigma_mad"]
    assert figures["som_merge_kde"]["n_of_z"]["tv"] < figures["som_merge"]["n_of_z"]["tv"]


@pytest.mark.long
def test_study_trains_each_network_once(tmp_path, capsys):
    overrides = [
        "+experiment=hsc_deep_labels",
        "simulation.n_galaxies=900",
        "simulation.processes=1",
        "simulation.neighbours=0",
        "labels.study.seeds=[0]",
        "labels.study.methods=[consensus_only,som_merge_kde]",
        "labels.study.images=64",
        "labels.study.catalogue_galaxies=0",
        "labels.som.rows=5",
        "labels.som.columns=5",
        f"data.cache={tmp_path / 'cache'}",
        f"paths.runs={tmp_path / 'runs'}",
        f"paths.experiments={tmp_path / 'experiments'}",
    ]
    config = composed(*overrides)
    perform(config)
    path = tmp_path / "experiments" / "hsc_deep_labels" / "results.json"
    results = json.loads(path.read_text())
    rows = {(row["method"], row["field"]): row for row in results["rows"]}
    assert set(rows) == {
        (method, field) for method in ("consensus_only", "som_merge_kde") for field in ("target_all", "target_faint")
    }
    assert all(np.isfinite(row["sigma_mad"]) and np.isfinite(row["nz_tv"]) for row in rows.values())
    assert rows["consensus_only", "target_all"]["n_test"] > rows["consensus_only", "target_faint"]["n_test"] > 0
    assert results["data"] == "simulated"
    checkpoints = {p: p.stat().st_mtime_ns for p in (tmp_path / "runs").rglob("*.ckpt")}
    assert len(list((tmp_path / "runs" / "hsc_deep_labels").glob("seed0-*"))) == 2
    perform(config)
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "runs").rglob("*.ckpt")} == checkpoints
    assert json.loads(path.read_text())["rows"] == results["rows"]
