"""``task=<task> --help``: keys with type, default and meaning, as they are in the settings and the config files."""

from pathlib import Path
from typing import Literal

import pytest

from photoz_lit.__main__ import main
from photoz_lit.command_line.task_help import attributes, comments_of, type_name
from photoz_lit.data.column_source import ColumnSource
from photoz_lit.networks.settings import FusionSettings


def help_of(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> dict[str, list[str]]:
    monkeypatch.setenv("COLUMNS", "300")
    main([*arguments, "--help"])
    rows = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    return {row[0]: [cell.strip() for cell in row[1:] if cell.strip()] for row in rows}


def test_each_key_has_type_default_and_meaning(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = help_of(capsys, monkeypatch, "task=nz", "run=x")
    assert rows["task.bootstraps"] == ["int", "1000", "resamples of the galaxies"]
    drop = "a galaxy that lacks a band: drop it, or blank the band"
    assert rows["data.missing_bands"] == ["drop | blank", "drop", drop]
    assert rows["task.magnitude_edges"][:2] == ["list of float | null", "null"]
    assert rows["task.run"] == ["run folder", "x", "the run whose networks are applied; also run="]
    assert rows["data.store"][0] == "store | list of store | null"
    assert "network.width" not in rows
    assert "data.labels" not in rows


def test_the_choices_of_the_command_line_count(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = help_of(capsys, monkeypatch, "task=train", "network=catalogue_forest")
    assert rows["network.trees"][:2] == ["int", "200"]
    assert rows["field.bands"][0] == "{name: {…}}"
    rows = help_of(capsys, monkeypatch, "task=ingest", "ingest=galaxiesml")
    assert rows["ingest.zero_points"][0].startswith("{name: float")
    assert rows["ingest.path"][:2] == ["text | null", "null"]


def test_types_and_docstrings_as_a_user_reads_them(tmp_path: Path) -> None:
    assert type_name(dict[str, str | ColumnSource | None]) == "{name: text | {…} | null}"
    assert type_name(Literal["a", "b"]) == "a | b"
    assert attributes(FusionSettings)["stage"] == "name of the fusion, as it appears in tables"
    (tmp_path / "a.yaml").write_text("# head\na: 1  # one\nb:\n  c: x  # two\n  d: y\ne: 3  # three\n")
    assert comments_of(tmp_path / "a.yaml", "g") == {"g.a": "one", "g.b.c": "two", "g.e": "three"}
