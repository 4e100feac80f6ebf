"""The panels at W&B: what they show is what a run logs, and one command sends them, here to nobody."""

from __future__ import annotations

import json
from typing import Any

import pytest
import wandb

from photoz_lit.errors import InputError
from photoz_lit.metric import metrics
from photoz_lit.tasks import panels as task
from photoz_lit.tasks import wandb_run
from photoz_lit.tasks.panels import panels, workspace
from photoz_lit.tasks.task import perform
from tests.composed import composed

#: The library is written for an older pydantic.
pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince20")

PLOTS = {"redshift", "residuals", "pit", "nz", "montage", "training"}
CURVES = {"epoch", "train_loss", "val_loss", *(f"val_{name}" for name in metrics())}


def test_every_key_is_one_that_a_run_logs() -> None:
    """The keys are those of tests/tasks/test_wandb.py, which reads them from a run on the disk."""
    sections = panels()
    assert [one.name for one in sections] == ["Test galaxies", "Training", "Redshifts", "PDFs and N(z)", "Galaxies"]
    for panel in (panel for section in sections for panel in section.panels):
        for key in [*panel.keys, *([panel.x] if panel.kind == "curves" else [])]:
            place, _, name = key.rpartition("/")
            known = {"test": set(metrics()), "plots": PLOTS, "fold_0/member_0": CURVES, "": {"worst_galaxies"}}
            assert name in known[place], key
    shown = {key for section in sections for panel in section.panels for key in panel.keys}
    assert {"plots/nz", "plots/pit", "worst_galaxies"} <= shown


def test_the_view_has_every_panel_with_its_keys() -> None:
    pytest.importorskip("wandb_workspaces", reason="wandb-workspaces is not installed, which makes the view")
    view = workspace(panels(), "team", "photoz_lit", "a view")
    spec = json.loads(view._to_model().model_dump_json(by_alias=True))
    assert (spec["entity"], spec["project"], spec["displayName"]) == ("team", "photoz_lit", "a view")
    sections = spec["spec"]["section"]["panelBankConfig"]["sections"]
    assert [one["name"] for one in sections[: len(panels())]] == [one.name for one in panels()]
    for made, section in zip(sections, panels(), strict=False):
        assert len(made["panels"]) == len(section.panels)
        for drawn, panel in zip(made["panels"], section.panels, strict=True):
            text = json.dumps(drawn)
            assert all(key.removeprefix("test/") in text for key in panel.keys)


def test_one_command_saves_the_view_after_a_login(monkeypatch: pytest.MonkeyPatch) -> None:
    interface = pytest.importorskip("wandb_workspaces.workspaces.interface")
    saved: list[Any] = []
    monkeypatch.setattr(wandb, "login", lambda **_: True)
    monkeypatch.setattr(wandb_run, "answers", lambda: True)
    monkeypatch.setattr(interface.Workspace, "save", lambda view: saved.append(view))
    monkeypatch.setattr(interface.Workspace, "url", property(lambda self: f"https://{self.entity}/{self.project}"))
    perform(composed("task=panels", "logger.entity=team", "logger.project=deep", "task.view=mine"))
    assert [(one.entity, one.project, one.name) for one in saved] == [("team", "deep", "mine")]

    def refuse(_: Any) -> None:
        raise ValueError("no such\nproject.")

    monkeypatch.setattr(interface.Workspace, "save", refuse)
    with pytest.raises(InputError, match=r"W&B refused the panels of team/photoz_lit \(no such project\)"):
        perform(composed("task=panels", "logger.entity=team"))


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(task, "find_spec", lambda name: None if name == "wandb_workspaces" else name)
        with pytest.raises(InputError, match=r"needs the library wandb-workspaces; pip install 'photoz-lit\[wandb\]'"):
            perform(composed("task=panels"))
    monkeypatch.setattr(task, "find_spec", lambda name: name)
    monkeypatch.setattr(wandb, "login", lambda **asked: asked["prompt"])
    with pytest.raises(InputError, match="needs a login at W&B"):
        perform(composed("task=panels"))
    monkeypatch.setattr(wandb, "login", lambda **_: True)
    monkeypatch.setattr(wandb_run, "answers", lambda: False)
    with pytest.raises(InputError, match="W&B cannot be reached"):
        perform(composed("task=panels"))
