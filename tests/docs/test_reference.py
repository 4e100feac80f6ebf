"""The reference is made of the typed settings: every key, task, metric and message that it should have is in it."""

import ast
import re
import sys
from pathlib import Path

import pytest

from photoz_lit.command_line.choices import choices_of, config_folders
from photoz_lit.metric import metrics

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(DOCS))

import reference_pages  # noqa: E402  # it stands beside the pages


def rows_of(page: str) -> dict[str, list[str]]:
    """Cells of every row of the tables of a page, by the first one."""
    lines = [re.split(r"(?<!\\) \| ", line[2:-2]) for line in page.splitlines() if line.startswith("| `")]
    return {cells[0].strip("`"): cells for cells in lines}


@pytest.fixture(scope="module")
def keys() -> dict[str, list[str]]:
    return rows_of(reference_pages.keys_page())


def test_every_key_of_the_config_is_listed_with_its_type(keys: dict[str, list[str]]) -> None:
    hidden = re.compile(r"(^|\.)(_target_|target|description)$|^(task|study)\b")
    missing = [
        name
        for name in reference_pages.known_keys()
        if not hidden.search(name) and not any(name == key or name.startswith(f"{key}.") for key in keys)
    ]
    assert missing == []
    assert [name for name, cells in keys.items() if not cells[1]] == []
    assert keys["data.batch_size"][1] == "int"
    assert keys["trainer.accelerator"][1] == "auto \\| cpu \\| gpu"
    assert keys["seed"][4] == "result"
    assert keys["data.cache"][4] == "machine"
    assert keys["ingest.join.radius"][2:4] == ["arcsec", "`1.0`"]


def test_every_task_and_option_is_listed() -> None:
    page = reference_pages.tasks_page()
    for name in choices_of("task", config_folders()):
        assert f"\n## {name}\n" in page
    assert rows_of(page)["task.bootstraps"][1] == "int"
    assert "| `task.run` | run folder | `needed` |" in page


def test_every_metric_has_its_formula_in_the_glossary() -> None:
    rows = rows_of(reference_pages.metrics_page())
    assert list(rows) == list(metrics())
    assert [name for name, one in metrics().items() if not one.formula] == []


def test_every_message_of_the_faq_is_one_of_the_code() -> None:
    texts = []
    for path in (DOCS.parent / "photoz_lit").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                texts.append(
                    "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
    known = "\n".join(texts)
    headings = re.findall(r"^## (.+)$", (DOCS / "faq.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(headings) >= 10
    assert [heading for heading in headings if heading not in known] == []
