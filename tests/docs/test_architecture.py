"""The picture in docs/architecture.md is that of the code: imports run downwards and every package is in it."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "photoz_lit"
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
#: Tasks and the command line call each other.
TOP = {"command_line", "tasks"}


def layers() -> dict[str, int]:
    """Package -> its layer, 0 at the top."""
    found = dict(re.findall(r'(\w)\["([^"]+)"\]', TEXT))
    return {name: number for number, key in enumerate(sorted(found)) for name in found[key].split(", ")}


def imported(path: Path) -> set[str]:
    """Parts of photoz_lit that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("photoz_lit.")}


def test_every_package_is_in_the_picture_and_in_the_table() -> None:
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert set(layers()) == packages
    assert set(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)) == packages


def test_imports_run_downwards() -> None:
    layer = layers()
    upwards = {
        f"{path.relative_to(PACKAGE)} imports {name}"
        for package in layer
        for path in (PACKAGE / package).rglob("*.py")
        for name in imported(path) & set(layer)
        if name != package and not {name, package} <= TOP and layer[name] <= layer[package]
    }
    assert not upwards
