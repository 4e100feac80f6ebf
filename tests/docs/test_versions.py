"""Pages of several releases side by side, and the page's title with the version that was built."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def docs_versions() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_versions", ROOT / "packaging" / "docs_versions.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_two_tags_are_listed_and_the_index_leads_to_the_newest(docs_versions: ModuleType, tmp_path: Path) -> None:
    def fake(tag: str, pages: Path) -> None:
        (pages / "tutorials").mkdir(parents=True, exist_ok=True)
        for name in ("index.html", "tutorials/1_demo.html"):
            (pages / name).write_text(f"{tag} <a href='{docs_versions.PLACE}'>other versions</a>")

    assert docs_versions.publish(["v0.9.0"], tmp_path, fake) == ["0.9.0"]
    assert docs_versions.publish(["v0.10.0"], tmp_path, fake) == ["0.10.0", "0.9.0"]  # what was there stays
    assert docs_versions.publish(["v0.10.0rc1"], tmp_path, fake) == ["0.10.0", "0.10.0rc1", "0.9.0"]
    assert json.loads((tmp_path / "versions.json").read_text())[0] == {
        "version": "0.10.0",
        "url": "0.10.0/index.html",
        "newest": True,
    }
    assert 'content="0; url=0.10.0/index.html"' in (tmp_path / "index.html").read_text()
    links = re.findall(r'href="([^"]+)">([^<]+)', (tmp_path / "versions.html").read_text())
    assert links == [(f"{one}/index.html", one) for one in ("0.10.0", "0.10.0rc1", "0.9.0")]
    for page in tmp_path.glob("*/**/*.html"):
        (way,) = re.findall("href='([^']+)'", page.read_text())
        assert (page.parent / way).resolve() == tmp_path / "versions.html"


def test_what_is_no_release_is_refused(
    docs_versions: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert docs_versions.main(["v0.1.0", "main", "--output", str(tmp_path / "pages")]) == 2
    assert "'main' is no tag of a release; give one like v0.1.0." in capsys.readouterr().err
    assert not (tmp_path / "pages").exists()


def test_the_title_names_the_version() -> None:
    text = (ROOT / "docs" / "conf.py").read_text(encoding="utf-8")
    assert 'html_title = f"photoz_lit {release}"' in text
    assert "release = version_of(HERE.parent)" in text
