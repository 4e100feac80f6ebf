"""Packages are pinned and their licences listed; nothing but W&B asks another machine for anything."""

import re
import socket
import traceback
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from photoz_lit.tasks.task import perform
from tests.composed import composed

ROOT = Path(__file__).parents[2]
LICENCES = ROOT / "packaging" / "licences.md"
PINS = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line.strip() and line[0] != "#"]
#: Licences that ask for the source of what uses them.
COPYLEFT = re.compile(r"\b(A?GPL|GNU (Affero )?General)")


def test_every_package_is_pinned_to_one_version() -> None:
    assert [line for line in PINS if not re.match(r"[\w.-]+==[\w.+!]+( ;.*)?$", line)] == []


def test_installed_packages_are_those_that_are_pinned() -> None:
    differ = []
    for line in PINS:
        name, pinned = line.partition(";")[0].strip().split("==")
        try:
            found = version(name)
        except PackageNotFoundError:
            continue
        if found != pinned and found.partition("+")[0] != pinned.partition("+")[0]:
            differ.append((name, pinned, found))
    assert differ == []


def test_every_pinned_package_has_its_licence_listed() -> None:
    rows = re.findall(r"^\| (\S+) \| (\S+) \| (.+) \|$", LICENCES.read_text(), re.MULTILINE)
    listed = {f"{name}=={number}": licence for name, number, licence in rows}
    assert {line.partition(";")[0].strip() for line in PINS} <= set(listed)
    alone = {name for name, licence in listed.items() if COPYLEFT.search(licence) and ";" not in licence}
    assert {name for name in alone if "Lesser" not in listed[name]} == set()


def test_no_pinned_package_has_a_listed_weakness() -> None:
    """The list is kept by hand; ``pip-audit``, which asks a database, is a step of ``packaging/release.md``."""
    pinned = dict(line.partition(";")[0].strip().split("==") for line in PINS)
    advisories = pd.read_csv(ROOT / "packaging" / "advisories.csv", dtype=str)
    assert len(advisories) > 40
    assert set(advisories["package"]) <= set(pinned)
    assert advisories["advisory"].is_unique
    old = [one.advisory for one in advisories.itertuples() if numbers(pinned[one.package]) < numbers(one.fixed_in)]
    assert old == []


def numbers(of: str) -> tuple[int, ...]:
    """A version's numbers, ``2.13.0`` as (2, 13, 0); what follows a ``+`` is no part of it."""
    return tuple(int(part) for part in of.partition("+")[0].split("."))


def test_only_fetch_imports_what_connects_to_other_machines() -> None:
    asks = re.compile(
        r"^\s*(?:import|from) (requests|urllib3|urllib\.request|http|socket|ftplib|aiohttp|httpx)\b", re.M
    )
    package = ROOT / "photoz_lit"
    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if asks.search(path.read_text(encoding="utf-8"))
    }
    assert found == {"fetch/client.py", "tasks/wandb_run.py"}


class AskedError(Exception):
    """A connection was asked for."""


def test_no_task_asks_another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def refuse(*arguments: Any, **_: Any) -> Any:
        callers = [frame.filename for frame in traceback.extract_stack()]
        if not any("/opentelemetry/" in name for name in callers):  # W&B's own, of tests before this one
            asked.append(arguments)
        raise AskedError

    for owner, name in (
        (socket.socket, "connect"), (socket.socket, "connect_ex"), (socket.socket, "sendto"),
        (socket, "getaddrinfo"), (socket, "gethostbyname"), (socket, "create_connection"),
    ):  # fmt: skip
        monkeypatch.setattr(owner, name, refuse)
    with pytest.raises(AskedError):
        socket.create_connection(("192.0.2.1", 80))
    asked.clear()
    small = ("field=hsc6b", f"paths.runs={tmp_path / 'runs'}", "simulation.processes=1", "simulation.neighbours=0")
    store = tmp_path / "store"
    perform(composed(*small, "task=simulate", "simulation.n_galaxies=60", "simulation.stamp_size=32", f"store={store}"))
    perform(composed(*small, "network=catalogue_forest", "network.trees=5", f"data.store={store}"))
    (run,) = (path.parent for path in (tmp_path / "runs").glob("*/*/metrics.json"))
    perform(composed(*small, "task=predict", f"run={run}", f"data.store={store}"))
    perform(composed(*small, "task=nz", f"run={run}"))
    perform(composed(*small, "task=report", f"runs={run}"))
    perform(composed(*small, "task=inspect", f"data.store={store}"))
    assert asked == []
