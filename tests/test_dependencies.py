"""Every package that is imported is declared in pyproject.toml, every one declared is imported, and all are pinned."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

from photoz_lit.extras import EXTRAS

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OWN = {"photoz_lit", "hydra_plugins", "tests", "research", "build_version"}
OWN |= {"follow", "notebook_page", "reference_pages"}  # beside the pages of docs/
#: Distribution -> what is imported of it, where the names differ.
IMPORTED_AS = {
    "astro-sedpy": "sedpy",
    "hydra-core": "hydra",
    "pillow": "PIL",
    "pyyaml": "yaml",
    "qp-prob": "qp",
    "pytorch-lightning": "pytorch_lightning",
    "scikit-learn": "sklearn",
    "myst-parser": "myst_parser",
    "sphinxcontrib-mermaid": "sphinxcontrib",
    "pz-rail-base": "rail",
    "wandb-workspaces": "wandb_workspaces",
}
#: Tools and stubs that are run and not imported.
RUN = {
    "build",
    "editables",
    "furo",
    "hatchling",
    "mypy",
    "pandas-stubs",
    "pytest-xdist",
    "ruff",
    "slipcover",
    "types-pyyaml",
}
RUN |= {"myst_parser", "sphinxcontrib"}


def requirements(extra: str) -> list[str]:
    """Packages of an extra, and of the extras that it names."""
    found: list[str] = []
    for one in PROJECT["optional-dependencies"][extra]:
        if one.startswith("photoz-lit["):
            found += [inner for name in one[len("photoz-lit[") : -1].split(",") for inner in requirements(name)]
        else:
            found.append(one)
    return found


def declared(*extras: str) -> set[str]:
    """Names under which the packages of the project, or of these extras, are imported."""
    wanted = [one for extra in extras for one in requirements(extra)] if extras else PROJECT["dependencies"]
    names = {re.split(r"[<>=!\[ ]", one)[0].lower() for one in wanted}
    return {IMPORTED_AS.get(name, name) for name in names}


def imported(*folders: str) -> set[str]:
    """Packages from elsewhere that the files of these folders import, anywhere in them."""
    found: set[str] = set()
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
            elif isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
    return found - set(sys.stdlib_module_names) - OWN


def named(*folders: str) -> str:
    """Text of the config and the sources, in which filters, maps and launchers are named by their dotted paths."""
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".yaml"}]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def test_what_the_package_imports_is_declared() -> None:
    everything = declared() | declared(*set(PROJECT["optional-dependencies"]) - {"dev", "docs"})
    assert imported("photoz_lit", "hydra_plugins") - everything == set()


def test_what_research_tests_and_docs_import_is_declared() -> None:
    everything = declared() | declared(*PROJECT["optional-dependencies"])
    assert imported("research", "tests", "docs") - everything == set()


def test_what_is_declared_is_imported() -> None:
    assert declared() - imported("photoz_lit", "hydra_plugins") == set()
    text = named("photoz_lit", "hydra_plugins", "research", "tests", "docs", "conf")
    optional = declared(*PROJECT["optional-dependencies"]) - RUN
    assert {name for name in optional if not re.search(rf"\b{name}\b", text)} == set()


def test_everything_declared_is_pinned() -> None:
    pinned = {re.split("==", line)[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines()}
    extras = [one for extra in ("dev", "docs") for one in requirements(extra)]
    wanted = {re.split(r"[<>=!\[ ]", one)[0].lower() for one in [*PROJECT["dependencies"], *extras]}
    assert wanted - pinned == set()


def test_extras_bring_what_the_sentences_say() -> None:
    assert {extra: set(packages) for extra, packages in EXTRAS.items()} == {
        extra: declared(extra) for extra in PROJECT["optional-dependencies"] if extra not in ("all", "dev", "docs")
    }
    assert set(requirements("all")) == {one for extra in (*EXTRAS, "docs") for one in requirements(extra)}
