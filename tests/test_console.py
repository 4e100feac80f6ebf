"""Brackets in paths and names are printed, not read as markup."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

import photoz_lit
from photoz_lit.console import NamesTable, shown
from photoz_lit.faults import fail

FILES = sorted(Path(photoz_lit.__file__).parent.rglob("*.py"))
#: What may hold a user's brackets, by the last words of its expression.
OF_USERS = re.compile(
    r"(path|folder|store|target|output|results|page|name|title|sentence|note|error|reason|baseline|question|stem"
    r"|source|write_\w+)(\.path|\.resolve\(\)| / .*|\(.*\)+)?$"
)


@pytest.mark.parametrize("name", ["runs/[x]", "[/x]", "[bold]", "[red]a[/red]", "[[x]]", "\\[x]"])
def test_a_name_is_printed_letter_by_letter(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    Console(width=80).print(f"Results: [bold]{shown(name)}[/bold]", highlight=False)
    assert capsys.readouterr().out.rstrip() == f"Results: {name}"


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(FILES[0].parent)) for path in FILES])
def test_every_name_that_is_printed_goes_through_shown(path: Path) -> None:
    tree = ast.parse(path.read_text())
    if any(isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rich") for node in ast.walk(tree)):
        assert [f"line {node.lineno}: {ast.unparse(node)}" for node in bare(tree)] == []


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(FILES[0].parent)) for path in FILES])
def test_every_table_prints_its_cells_letter_by_letter(path: Path) -> None:
    assert path.name == "console.py" or "rich.table" not in path.read_text()


def test_cells_and_headings_of_a_table_are_printed_letter_by_letter(capsys: pytest.CaptureFixture[str]) -> None:
    table = NamesTable(box=None)
    table.add_column("[/heading]")
    table.add_row("[/x] [red]a[/red]")
    Console(width=80).print(table)
    assert [line.strip() for line in capsys.readouterr().out.splitlines()] == ["[/heading]", "[/x] [red]a[/red]"]


def test_a_name_sends_no_code_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "run\x1b[2J\x1b]0;title\x07\u202e\x9b31m\udcff"
    Console(width=200).print(shown(hostile), highlight=False)
    with pytest.raises(SystemExit):
        fail(f"{hostile} is not there.")
    for printed in capsys.readouterr():
        assert printed.strip().removeprefix("photoz_lit: ").isprintable()
        assert "\\x1b[2J" in printed


def bare(tree: ast.AST) -> Iterator[ast.expr]:
    """Names and paths that stand without ``shown`` in texts that are printed."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        texts = [one.value for one in call.keywords if one.arg in ("title", "description", "caption")]
        texts += call.args if called(call.func) == "print" else []
        for text in texts:
            for node in ast.walk(text):
                if isinstance(node, ast.FormattedValue) and node.format_spec is None and of_users(node.value):
                    yield node.value


def of_users(node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and called(node.func) in ("shown", "escape", "len"):
        return False
    return OF_USERS.search(ast.unparse(node)) is not None


def called(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
