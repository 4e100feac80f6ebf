import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from rich.console import Console

from photoz_lit.config import Config
from photoz_lit.data.store import CutoutStore
from photoz_lit.errors import InputError
from photoz_lit.evaluation.mismatch.verdict import ADVICE
from photoz_lit.fields import conf_directory
from photoz_lit.run_folder import RunFolder
from photoz_lit.tasks import adaptation_results, results
from photoz_lit.tasks.run_warnings import warnings_of_run
from photoz_lit.tasks.train import train
from tests.composed import composed, predicted
from tests.two_fields import changed, source_and_target

METHODS = sorted(path.stem for path in (conf_directory() / "adapt").glob("*.yaml") if path.stem != "base")
SMALL = ("field=hsc6b", "network=plain", "adapt.discriminator_steps=20", "adapt.hidden=16", "seed=3",
         "adapt.least_accuracy=0")  # fmt: skip
Stores = tuple[CutoutStore, CutoutStore]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Stores:
    return source_and_target(tmp_path_factory.mktemp("two"), n=110)


def config_of(stores: Stores, runs: Path, *overrides: str) -> Config:
    pair = (f"data.source={stores[0].path}", f"data.target={stores[1].path}")
    return composed(*SMALL, *pair, f"paths.runs={runs}", *overrides)


def best(folder: RunFolder, member: str = "fold_0_member_0") -> dict[str, torch.Tensor]:
    path = folder.path / "checkpoints" / member / "best.ckpt"
    return torch.load(path, weights_only=True)["state_dict"]  # type: ignore[no-any-return]


def test_every_way_of_adapting_has_a_config() -> None:
    learnt = ["coral", "dann", "dann_calibrated", "guided", "guided_paired", "guided_paired_colours", "paired"]
    others = ["colour_aligned", "degraded", "importance", "none", "oracle", "oracle_matched", "random_conditions"]
    assert sorted([*learnt, *others]) == METHODS


def test_each_method_runs_from_shared_starts_and_its_checkpoint_is_applied(stores: Stores, tmp_path: Path) -> None:
    short = ("scale.max_epochs=1", "adapt.epochs=1", "trainer.max_steps=2")
    for method in METHODS:
        folder = train(config_of(stores, tmp_path, f"adapt={method}", *short))
        metrics = json.loads((folder.path / "metrics.json").read_text())
        assert metrics["adapt"] == method
        assert metrics["field"] == "hsc6b"
        table = pd.read_parquet(folder.path / "predictions.parquet")
        target = stores[1].catalogue.set_index("object_id")
        split = pd.read_parquet(folder.path / "split.parquet").set_index("object_id")
        tested = [name for name in target.index if split.loc[name, "fold"] == 0]
        assert sorted(table["object_id"]) == sorted(tested)
        np.testing.assert_array_equal(table["z"], target.loc[table["object_id"], "z_true"])
        own = pd.read_parquet(folder.path / "source_predictions.parquet")
        assert set(own["object_id"]) <= set(stores[0].catalogue["object_id"])
        assert metrics["source"]["n_test"] == len(own) > 0
        assert metrics["n_test"] == len(table)
        delta = (own["z_phot"] - own["z"]) / (1 + own["z"])
        assert metrics["source"]["bias"] == pytest.approx(delta.mean(), abs=1e-6)
        found = metrics["adaptation"]
        alone = ("colour_aligned", "degraded", "importance", "none", "oracle", "oracle_matched", "random_conditions")
        uses_targets = method not in alone
        assert ({"probe_auc_before", "probe_auc_after"} <= set(found)) == uses_targets
        assert ("frozen_accuracy" in found) == (uses_targets and method != "coral")
        assert ("targets_unused" in found) == method.startswith("guided")
        assert ("effective_galaxies" in found) == (method == "importance")
        assert ("largest_colour_shift" in found) == ("verdict" in metrics) == (not method.startswith("oracle"))
        trained = "target" if method.startswith("oracle") else "source"
        ids = split.index[split["role"] == "train"]
        assert set(ids) <= set(stores[trained == "target"].catalogue["object_id"])
        assert ((split["role"] == "adapt") & ~split.index.isin(target.index)).sum() == 0
        if method in ("none", "guided_paired", "degraded", "colour_aligned"):
            runs = tmp_path / f"applied_{method}"
            arguments = (f"data.store={stores[1].path}", f"run={folder.path}", f"paths.runs={runs}")
            applied = predicted(composed("field=hsc6b", "task=predict", *arguments))
            again = pd.read_parquet(applied.path / "predictions.parquet").set_index("object_id")
            np.testing.assert_allclose(again.loc[table["object_id"], "z_phot"], table["z_phot"], rtol=1e-3)
    starts = [path for path in (tmp_path / "starts").iterdir() if path.is_dir()]
    assert len(starts) == 5  # the source's, the degraded and the weighted source's, and both oracles'


def test_the_labelled_fields_loss_before_and_after_is_that_of_the_chosen_epochs(stores: Stores, tmp_path: Path) -> None:
    folder = train(config_of(stores, tmp_path, "adapt=dann", "adapt.epochs=3", "scale.max_epochs=3"))
    found = json.loads((folder.path / "metrics.json").read_text())["adaptation"]
    (start,) = (tmp_path / "starts").glob("*/metrics.csv")
    before, after = (pd.read_csv(path) for path in (start, folder.path / "metrics.csv"))
    after = after[after["val_selection"].notna()]
    chosen = after.loc[after["val_selection"].idxmin(), "val_loss"]
    assert found["val_loss_before"] == pytest.approx(before["val_loss"].min(), rel=1e-5)
    assert found["val_loss_after"] == pytest.approx(chosen, rel=1e-5)
    assert found["val_loss_before"] != pytest.approx(found["val_loss_after"], rel=1e-3)


@pytest.mark.parametrize(("after", "warned"), [(3.09, False), (3.11, True), (4.6, True), (2.5, False)])
def test_an_adaptation_that_harms_the_labelled_field_is_reported(after: float, warned: bool) -> None:
    sentences = warnings_of_run({"adapt": "guided", "adaptation": {"val_loss_before": 3.0, "val_loss_after": after}})
    assert len(sentences) == warned
    for sentence in sentences:
        assert f"from 3.00 to {after:.2f}" in sentence
        assert "adapt.discriminator_updates" in sentence


def test_nothing_is_told_of_a_run_without_an_adaptation() -> None:
    assert warnings_of_run({"sigma_mad": 0.01}) == []
    assert (
        warnings_of_run({"adapt": "dann", "adaptation": {"probe_auc_before": 0.7}}) == []
    )  # made before this was kept


def test_the_source_fields_metrics_and_the_caution_are_printed(stores: Stores, tmp_path: Path) -> None:
    short = ("scale.max_epochs=1", "adapt.epochs=1", "trainer.max_steps=2")
    folder = train(config_of(stores, tmp_path, "adapt=none", *short))
    metrics = json.loads((folder.path / "metrics.json").read_text())
    metrics["adaptation"] = {"val_loss_before": 2.0, "val_loss_after": 3.0}
    folder.write_json("metrics.json", metrics)
    console = Console(record=True, width=150)
    results.print_metrics(console, folder)
    said = " ".join(console.export_text().split())
    assert f"source field {metrics['source']['n_test']} {metrics['source']['sigma_mad']:.4f}" in said
    assert f"Verdict without the target's labels: {ADVICE[metrics['verdict']['answer']]}: " in said
    assert "Note: the adaptation raised the validation loss on the labelled field from 2.00 to 3.00" in said
    narrow = Console(record=True, width=80)
    results.print_metrics(narrow, folder)
    assert "…" not in narrow.export_text()  # no column is cut


def runs_of(stores: Stores, others: Stores, tmp_path: Path, *overrides: str) -> list[RunFolder]:
    """The same run on two pairs of stores, neither knowing of the other."""
    options = ("adapt.epochs=3", "scale.max_epochs=1", *overrides)
    pairs = {"a": stores, "b": others}
    return [train(config_of(pair, tmp_path / name, *options)) for name, pair in pairs.items()]


def assert_same(first: RunFolder, second: RunFolder) -> None:
    """All weights, the chosen epoch and the predictions agree bit for bit."""
    checkpoints = sorted(path.relative_to(first.path.parents[1]) for path in first.path.parents[1].rglob("*.ckpt"))
    starts = [path for path in checkpoints if path.parts[0] == "starts"]
    assert len(starts) == 2
    for name in ("best.ckpt", "last.ckpt"):
        contents: list[Any] = []
        for folder in (first, second):
            (start,) = folder.path.parents[1].glob(f"starts/*/{name}")
            member = folder.path / "checkpoints" / "fold_0_member_0" / name
            contents.append([torch.load(path, weights_only=True) for path in (start, member)])
        for mine, other in zip(*contents, strict=True):
            assert mine["epoch"] == other["epoch"]
            assert mine["state_dict"].keys() == other["state_dict"].keys()
            for key, value in mine["state_dict"].items():
                assert torch.equal(value, other["state_dict"][key]), key
    for folder in ("test_pdf", "source_pdf"):
        mine, other = (np.load(f.path / "checkpoints" / "fold_0_member_0" / f"{folder}.npy") for f in (first, second))
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize(
    "method", [("adapt=guided_paired", "adapt.probe_weight=0.5"), ("adapt=degraded",)], ids=lambda m: m[0][6:]
)
def test_labels_of_the_target_touch_neither_weights_nor_the_choice_of_the_epoch(
    stores: Stores, tmp_path: Path, method: tuple[str, ...]
) -> None:
    table = stores[1].catalogue
    scrambled = np.random.default_rng(0).permutation(table["z_true"])
    hidden = table.assign(z=np.nan, z_source="", z_true=scrambled)
    folders = runs_of(stores, (stores[0], changed(stores[1], tmp_path / "t", hidden)), tmp_path, *method)
    assert_same(*folders)
    metrics = [json.loads((folder.path / "metrics.json").read_text()) for folder in folders]
    assert metrics[0]["adaptation"] == metrics[1]["adaptation"]
    assert metrics[0]["bias"] != metrics[1]["bias"]  # evaluation does see them


def test_a_target_without_any_label_is_adapted_to_as_one_with_labels(stores: Stores, tmp_path: Path) -> None:
    bare = stores[1].catalogue.drop(columns="z_true").assign(z=np.nan, z_source="")
    first, second = runs_of(
        stores, (stores[0], changed(stores[1], tmp_path / "t", bare)), tmp_path, "adapt=dann", "adapt.epochs=1"
    )
    assert_same(first, second)
    assert json.loads((second.path / "metrics.json").read_text())["n_test"] == 0


def test_labels_of_the_sources_test_galaxies_touch_nothing(stores: Stores, tmp_path: Path) -> None:
    first = train(config_of(stores, tmp_path / "a", "adapt=guided_paired", "adapt.epochs=2", "scale.max_epochs=1"))
    tested = pd.read_parquet(first.path / "source_predictions.parquet")["object_id"]
    table = stores[0].catalogue.copy()
    assert 0 < len(tested) < len(table)
    table.loc[table["object_id"].isin(tested), "z"] = 0.5
    others = (changed(stores[0], tmp_path / "s", table), stores[1])
    second = train(config_of(others, tmp_path / "b", "adapt=guided_paired", "adapt.epochs=2", "scale.max_epochs=1"))
    assert_same(first, second)


def test_a_network_of_the_bands_that_both_fields_have_is_applied_to_either(stores: Stores, tmp_path: Path) -> None:
    few = {"bands": tuple("ugri"), "zero_points": dict.fromkeys("ugri", 27.0)}
    narrow = changed(stores[1], tmp_path / "narrow", stores[1].catalogue, stores[1].images[:, :4], **few)
    short = ("scale.max_epochs=1", "adapt.epochs=1", "trainer.max_steps=2")
    folder = train(config_of((stores[0], narrow), tmp_path, *short))
    for number, store in enumerate((narrow, stores[0])):
        runs = tmp_path / str(number)
        arguments = (f"data.store={store.path}", f"run={folder.path}", f"paths.runs={runs}")
        applied = predicted(composed("field=hsc6b", "task=predict", *arguments))
        assert len(pd.read_parquet(applied.path / "predictions.parquet")) == 110


def test_nz_that_differs_between_members_is_not_to_be_used(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adaptation_results, "nz_scatter", lambda stacked, _: 0.07 if len(stacked) == 2 else None)
    short = ("scale.max_epochs=1", "adapt.epochs=1", "trainer.max_steps=2", "ensemble.members=2")
    folder = train(config_of(stores, tmp_path, "adapt=none", *short))
    said = json.loads((folder.path / "metrics.json").read_text())["verdict"]
    assert said["answer"] == "discard"
    assert said["reasons"][0] == "N(z) differs between seeds by 0.070 (total variation)"


def test_cross_validation_and_several_targets(stores: Stores, tmp_path: Path) -> None:
    catalogue = stores[1].catalogue.assign(ra=stores[1].catalogue["ra"] + 20)
    catalogue["object_id"] = "other-" + catalogue["object_id"]
    third = changed(stores[1], tmp_path / "third", catalogue, field="xmm_d")
    many = f"data.target=[{stores[1].path},{third.path}]"
    short = ("scale.max_epochs=1", "adapt.epochs=1", "trainer.max_steps=2", "cv.folds=5")
    folder = train(config_of(stores, tmp_path, "adapt=guided_paired", *short, many))
    table = pd.read_parquet(folder.path / "predictions.parquet")
    assert sorted(table["object_id"]) == sorted([*stores[1].catalogue["object_id"], *catalogue["object_id"]])
    metrics = json.loads((folder.path / "metrics.json").read_text())
    assert {name: row["n_test"] for name, row in metrics["by_field"].items()} == {"hsc6b": 110, "xmm_d": 110}
    assert metrics["source"]["n_test"] == 110
    assert len([path for path in (tmp_path / "starts").iterdir() if path.is_dir()]) == 5


def test_a_killed_run_goes_on_from_what_is_done(stores: Stores, tmp_path: Path) -> None:
    config = config_of(stores, tmp_path, "adapt=guided", "adapt.epochs=1", "scale.max_epochs=1")
    folder = train(config)
    table = pd.read_parquet(folder.path / "predictions.parquet")
    metrics = json.loads((folder.path / "metrics.json").read_text())
    member = folder.path / "checkpoints" / "fold_0_member_0"
    made = (member / "best.ckpt").stat().st_mtime_ns
    (folder.path / "metrics.json").unlink()
    train(config)
    assert (member / "best.ckpt").stat().st_mtime_ns == made
    assert json.loads((folder.path / "metrics.json").read_text()) == metrics
    (folder.path / "metrics.json").unlink()
    (member / "test_pdf.npy").unlink()
    train(config)
    pd.testing.assert_frame_equal(pd.read_parquet(folder.path / "predictions.parquet"), table, rtol=1e-4)


def test_a_target_too_small_for_the_probe_is_refused_before_any_training(stores: Stores, tmp_path: Path) -> None:
    few = source_and_target(tmp_path, n=12)[1]
    with pytest.raises(InputError, match=r"'hsc6b' has \d galaxies for validation and the probe needs 10"):
        train(config_of((stores[0], few), tmp_path / "runs", "adapt=dann"))
    assert not (tmp_path / "runs").exists()


def test_identical_source_and_target_are_noted_and_trained(
    stores: Stores, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = ("scale.max_epochs=1", "adapt.epochs=1", "adapt.least_accuracy=0.65")
    with pytest.raises(InputError, match=r"so there is nothing to align; choose adapt=none"):
        train(config_of((stores[0], stores[0]), tmp_path, "adapt=guided_paired", *short))
    short = (*short, "adapt.without_win=unaligned")
    capsys.readouterr()
    folder = train(config_of((stores[0], stores[0]), tmp_path, "adapt=guided_paired", *short))
    said = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "are the same data: there is nothing to adapt" in said
    assert "of the target to adapt to" in said
    assert "left out" not in said
    found = json.loads((folder.path / "metrics.json").read_text())["adaptation"]
    assert found["probe_auc_before"] < 0.6
    assert not found["wins"]
    assert "the reversed gradient stayed off and nothing was aligned" in said


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["adapt=dann"], r"adapt=dann needs a target: give data\.target=<store> or data\.target_fields"),
        (["adapt=dann", "data.target={target}", "network=catalogue_forest"], "catalogue_forest has no features"),
        (["adapt=none", "data.target={target}", "network=template_fit"], "run it on the target itself: field=<target>"),
        (["adapt=dann", "data.target_fields=[xmm_dd]"], "unknown field 'xmm_dd'; did you mean 'xmm_d'"),
        (["adapt=dann", "data.target={target}/none"], "is no store"),
        (["adapt=oracle", "data.target={target}", "adapt.coral=1"], "is the oracle, which has nothing to adapt"),
        (["adapt=guided", "data.target={target}", "adapt.match_bands=[q]"], "no magnitude in band 'q'"),
    ],
)
def test_the_task_says_what_does_not_fit(stores: Stores, tmp_path: Path, overrides: list[str], sentence: str) -> None:
    filled = [text.format(target=stores[1].path) for text in overrides]
    source = "data.source" if len(overrides) > 1 else "data.store"
    with pytest.raises(InputError, match=sentence):
        train(composed("field=hsc6b", f"{source}={stores[0].path}", f"paths.runs={tmp_path}", *filled))
