"""Sphinx reads the pages of this folder; `make docs` builds them without warnings and without network."""

import re
import subprocess
import sys
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from notebook_page import write_page  # noqa: E402  # it stands beside this file
from reference_pages import write_reference  # noqa: E402

from build_version import version as version_of  # noqa: E402  # beside the package

project = "photoz_lit"
author = "The photoz_lit developers"
copyright = "2026, The photoz_lit developers"  # Sphinx reads this name
release = version_of(HERE.parent)  # of a commit behind a release, with its number
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinxcontrib.mermaid"]
autodoc_typehints = "description"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
myst_fence_as_directive = ["mermaid"]
myst_heading_anchors = 2
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"photoz_lit {release}"


def write_choices(_: Sphinx) -> None:
    """Write choices.md: tasks, experiments, studies, fields … with a line each, as ``--help`` lists them."""
    command = [sys.executable, "-m", "photoz_lit", "--help"]
    text = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=True).stdout
    page = f"# Every choice\n\n`python -m photoz_lit --help` prints this list.\n\n```text\n{text.rstrip()}\n```\n"
    (HERE / "choices.md").write_text(page, encoding="utf-8")


def name_files_outside(_: Sphinx, docname: str, content: list[str]) -> None:
    """Write links to files outside this folder, which GitHub follows, as the files' places in the repository."""
    folder = (HERE / docname).parent

    def named(link: re.Match[str]) -> str:
        target = (folder / link[2].partition("#")[0]).resolve()
        return link[0] if target.is_relative_to(HERE) else f"{link[1]} (`{target.relative_to(HERE.parent)}`)"

    content[0] = re.sub(r"\[([^]]*)\]\((\.\./[^)]*)\)", named, content[0])


def setup(app: Sphinx) -> None:
    """Make the pages of choices and of the reference before the pages are read; adapt links as they are."""
    app.connect("builder-inited", write_choices, priority=1)
    app.connect("builder-inited", lambda _: write_reference(HERE / "reference"), priority=1)
    app.connect("builder-inited", lambda _: write_page(HERE / "tutorials" / "3_arrays.ipynb"), priority=1)
    app.connect("source-read", name_files_outside)
