"""Every tutorial is followed as it stands, and its figures are those of its commands."""

import io
import sys
from pathlib import Path

import pytest
from rich.console import Console

from photoz_lit.progress import counted

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(DOCS / "tutorials"))

import follow  # noqa: E402  # it stands beside the pages

PAGES = sorted(DOCS.glob("tutorials/[0-9]_*.md"))
PAGES = [page for page in PAGES if not page.with_suffix(".ipynb").is_file()]
NOTEBOOK = DOCS / "tutorials" / "3_arrays.ipynb"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_pictures_that_a_page_shows_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = [name for name, _ in follow.PICTURE.findall(text)]
    assert all(f"](pictures/{name})" in text for name in named)
    assert all((page.parent / "pictures" / name).is_file() for name in named)


def test_of_bars_nothing_stays_and_of_what_comes_after_them_all() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=60)
    console.print("before")
    with counted("galaxies", console) as steps:
        steps.advance(steps.add_task("simulate", total=2), 1)
        steps.refresh()
    console.print("title of a table\nits line")
    assert "simulate" in file.getvalue()
    assert follow.what_stays(file.getvalue()) == ["before", "title of a table", "its line"]


@pytest.mark.long
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_tutorial_runs_as_it_stands(page: Path, tmp_path: Path) -> None:
    assert follow.follow(page, tmp_path)
    follow.pictures(page, tmp_path)


@pytest.mark.long
def test_the_notebook_runs_and_has_its_outputs(tmp_path: Path) -> None:
    cells = [cell["outputs"] for cell in follow.run_notebook(NOTEBOOK, tmp_path)["cells"] if "outputs" in cell]
    outputs = [one for cell in cells for one in cell]
    assert any("image/png" in one.get("data", {}) for one in outputs)
    assert any("has no band 'i'" in one.get("text", "") or "shape" in one.get("text", "") for one in outputs)
    assert (tmp_path / "pdfs.hdf5").is_file()
