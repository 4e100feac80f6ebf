"""Idioms that readers from abroad stumble over stay out of pages, docstrings, comments and messages."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
IDIOMS = re.compile(
    r"\b(?:(?:is|are|was|were|be) told|mend(?:s|ed|ing)?|at hand|shall|of (?:its|their) own)\b", re.IGNORECASE
)
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"]
PAGES += [path for folder in ("docs", "experiments") for path in sorted((ROOT / folder).rglob("*.md"))]
FOLDERS = ("photoz_lit", "hydra_plugins", "research", "conf")
SOURCES = [path for folder in FOLDERS for kind in ("*.py", "*.yaml") for path in sorted((ROOT / folder).rglob(kind))]


@pytest.mark.parametrize("paths", [PAGES, SOURCES], ids=["pages", "sources"])
def test_no_idioms(paths: list[Path]) -> None:
    found = []
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found += [f"{path.relative_to(ROOT)}:{number}: {match[0]}" for match in IDIOMS.finditer(line)]
    assert found == []


def published_recipe() -> list[str]:
    """Studies whose networks were trained with Adam for few epochs."""
    studies = {path.stem: yaml.safe_load(path.read_text()) for path in sorted((ROOT / "conf" / "study").glob("*.yaml"))}
    return [name for name, study in studies.items() if "module.recipe=published" in study.get("common", [])]


@pytest.mark.parametrize("study", published_recipe())
def test_a_study_of_short_trainings_says_so_first(study: str) -> None:
    first = (ROOT / "experiments" / study / "README.md").read_text(encoding="utf-8").splitlines()[0]
    assert re.search(r"short trainings?, .*epochs of Adam", first)
