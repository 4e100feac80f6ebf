"""``task=panels``: the project's panels at Weights & Biases, as ``wandb_panels.yaml`` defines them."""

from __future__ import annotations

from importlib.resources import files
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import Field as Entry
from rich.console import Console

from photoz_lit.config import Config
from photoz_lit.console import shown
from photoz_lit.errors import InputError
from photoz_lit.settings import Settings
from photoz_lit.tasks.options import PanelsOptions

if TYPE_CHECKING:
    from wandb_workspaces.workspaces import Workspace


class Panel(Settings):
    """One panel.

    Attributes
    ----------
    kind : ``bars`` of a run's summary, ``curves`` over ``x``, ``images``, or a ``table``.
    title : above it.
    keys : that a run logs.
    x : key of the horizontal axis of curves.
    """

    kind: Literal["bars", "curves", "images", "table"]
    title: str
    keys: list[str] = Entry(min_length=1)
    x: str = ""


class PanelSection(Settings):
    """Panels under one heading, which is open or folded."""

    name: str
    open: bool
    panels: list[Panel]


def run(config: Config, options: PanelsOptions) -> None:
    """Save the view at W&B; another view of the project stays as it is.

    Raises
    ------
    InputError : a library or the login is missing, or W&B cannot be reached or refuses the view.
    """
    require_workspaces()
    entity = _entity(config)
    view = workspace(panels(), entity, config.logger.project, options.view)
    try:
        view.save()
    except Exception as error:  # of several libraries: requests, wandb, gql
        reason = " ".join(str(error).split()).rstrip(".")
        place = f"{entity}/{config.logger.project}"
        raise InputError(
            f"W&B refused the panels of {place} ({reason}); a project exists once a run of it was synced."
        ) from error
    Console().print(f"Panels: [bold]{shown(view.url)}[/bold]")


def panels() -> list[PanelSection]:
    """Return the sections of ``wandb_panels.yaml``, in order."""
    text = (files("photoz_lit.tasks") / "wandb_panels.yaml").read_text(encoding="utf-8")
    return [PanelSection.model_validate(one) for one in yaml.safe_load(text)]


def workspace(sections: list[PanelSection], entity: str, project: str, name: str) -> Workspace:
    """Return a view of sections as the library of W&B has it; nothing is sent.

    Parameters
    ----------
    sections : in order.
    entity : user or team.
    project : of the runs.
    name : of the view.
    """
    from wandb_workspaces import workspaces

    made = [
        workspaces.Section(name=one.name, is_open=one.open, panels=[_panel(panel) for panel in one.panels])
        for one in sections
    ]
    return workspaces.Workspace(entity=entity, project=project, name=name, sections=made)


def require_workspaces() -> None:
    """Say what to install where the libraries are not there.

    Raises
    ------
    InputError : wandb or wandb-workspaces cannot be imported.
    """
    for module, name in (("wandb", "wandb"), ("wandb_workspaces", "wandb-workspaces")):
        if find_spec(module) is None:
            raise InputError(f"task=panels needs the library {name}; pip install 'photoz-lit[wandb]'.")


def _entity(config: Config) -> str:
    """``logger.entity``, or whoever is logged in."""
    import wandb

    from photoz_lit.tasks.wandb_run import answers

    if not wandb.login(prompt=False, verify=False):
        raise InputError("task=panels needs a login at W&B; give `wandb login`, or set WANDB_API_KEY.")
    if not answers():
        raise InputError("W&B cannot be reached; task=panels needs a network, or WANDB_BASE_URL of your own server.")
    return config.logger.entity or str(wandb.Api().default_entity)


def _panel(panel: Panel) -> Any:
    """One panel as the library has it."""
    from wandb_workspaces.reports import v2 as reports

    match panel.kind:
        case "bars":
            return reports.BarPlot(title=panel.title, metrics=[reports.SummaryMetric(key) for key in panel.keys])
        case "curves":
            return reports.LinePlot(title=panel.title, x=panel.x, y=panel.keys)
        case "images":
            return reports.MediaBrowser(title=panel.title, media_keys=panel.keys)
        case "table":
            return reports.WeavePanelSummaryTable(table_name=panel.keys[0])
