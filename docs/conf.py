"""Sphinx reads the pages of this folder; `make docs` builds them without warnings and without network."""

import re
import subprocess
import sys
from pathlib import Path

from sphinx.application import Sphinx

import photoz_lit

HERE = Path(__file__).parent

project = "photoz_lit"
author = "The photoz_lit developers"
copyright = "2026, The photoz_lit developers"  # Sphinx reads this name
release = photoz_lit.__version__
extensions = ["myst_parser", "sphinxcontrib.mermaid"]
myst_fence_as_directive = ["mermaid"]
myst_heading_anchors = 2
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "photoz_lit"


def write_choices(_: Sphinx) -> None:
    """Write choices.md: tasks, experiments, studies, fields … with a line each, as ``--help`` lists them."""
    command = [sys.executable, "-m", "photoz_lit", "--help"]
    text = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=True).stdout
    page = f"# Every choice\n\n`python -m photoz_lit --help` prints this list.\n\n```text\n{text.rstrip()}\n```\n"
    (HERE / "choices.md").write_text(page, encoding="utf-8")


def name_files_outside(_: Sphinx, __: str, content: list[str]) -> None:
    """Write links to files outside this folder, which GitHub follows, as the files' places in the repository."""
    content[0] = re.sub(r"\[([^]]*)\]\(\.\./([^)]*)\)", r"\1 (`\2`)", content[0])


def setup(app: Sphinx) -> None:
    """Make the page of choices before the pages are read; adapt links as they are."""
    app.connect("builder-inited", write_choices, priority=1)
    app.connect("source-read", name_files_outside)
