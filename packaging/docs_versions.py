"""Build the pages of several releases side by side: ``python packaging/docs_versions.py v0.1.0 v0.2.0``.

Each tag's pages go to ``docs/_build/versions/<version>``, with a banner that names the version and leads to the list
of all. ``index.html`` there leads to the newest, ``versions.html`` and ``versions.json`` list them; a version that was
built before stays. The folder is what is published. The tags' pages need the packages that are installed here.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "docs" / "_build" / "versions"
LIST = "versions.html"
#: Stands in the banner for the way to the list, which differs from page to page.
PLACE = "PLACE-OF-THE-LIST"
STYLE = "body{font-family:sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem;color-scheme:light dark}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Build what the command line names; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("tags", nargs="+", help="of releases, e.g. v0.1.0")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="folder of the pages")
    given = parser.parse_args(arguments)
    try:
        publish(given.tags, given.output)
    except (ValueError, OSError, subprocess.CalledProcessError) as error:
        print(f"docs_versions: {error}", file=sys.stderr)
        return 2
    return 0


def publish(tags: Sequence[str], output: Path, build: Callable[[str, Path], None] | None = None) -> list[str]:
    """Build the pages of tags, and the list of all versions that are there; return these, the newest first.

    Raises
    ------
    ValueError : a tag is none of a release.
    """
    for tag in tags:
        if not re.fullmatch(r"v\d+(\.\d+)*\w*", tag):
            raise ValueError(f"'{tag}' is no tag of a release; give one like v0.1.0.")
    for tag in tags:
        pages = output / tag.removeprefix("v")
        (build or build_tag)(tag, pages)
        for page in pages.rglob("*.html"):
            way = "../" * len(page.relative_to(output).parts[:-1]) + LIST
            page.write_text(page.read_text(encoding="utf-8").replace(PLACE, way), encoding="utf-8")
    found = sorted((one.parent.name for one in output.glob("*/index.html")), key=_order, reverse=True)
    rows = [{"version": one, "url": f"{one}/index.html", "newest": one == found[0]} for one in found]
    (output / "versions.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    items = "".join(f'<li><a href="{one}/index.html">{one}</a>' for one in found)
    body = f"<h1>photoz_lit</h1><p>Documentation of each version:<ul>{items}</ul>"
    _write(output / LIST, body)
    away = f'<meta http-equiv=refresh content="0; url={found[0]}/index.html"><a href="{LIST}">Versions</a>'
    _write(output / "index.html", away)
    return found


def build_tag(tag: str, pages: Path) -> None:
    """Build the pages of a tag from a checkout made for it, which is removed afterwards."""
    banner = f"photoz_lit {tag.removeprefix('v')} · <a href='{PLACE}'>other versions</a>"
    with tempfile.TemporaryDirectory() as place:
        tree = Path(place) / "tree"
        subprocess.run(["git", "worktree", "add", "--detach", str(tree), tag], cwd=ROOT, check=True)
        try:
            options = ["-D", f"html_theme_options.announcement={banner}"]
            made = Path(place) / "pages"
            command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", *options, "docs", str(made)]
            subprocess.run(command, cwd=tree, check=True, env={**os.environ, "PYTHONPATH": str(tree)})
            shutil.rmtree(pages, ignore_errors=True)  # of an earlier build; what fails leaves that as it is
            shutil.copytree(made, pages)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(tree)], cwd=ROOT, check=True)


def _write(path: Path, body: str) -> None:
    head = f"<meta charset=utf-8><title>photoz_lit</title><style>{STYLE}</style>"
    path.write_text(f"<!doctype html><html lang=en>{head}{body}</html>\n", encoding="utf-8")


def _order(version: str) -> list[tuple[int, str]]:
    """Key that sorts 0.10.0 behind 0.9.0, and 1.0rc1 before 1.0."""
    return [(int(number), rest or "~") for number, rest in re.findall(r"(\d+)([a-z]*)", version)]


if __name__ == "__main__":
    sys.exit(main())
