"""Print the licence of every pinned package, as its own metadata say it.

``python packaging/licences.py > packaging/licences.md``
"""

from __future__ import annotations

from email.message import Message
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import cast

PINNED = Path(__file__).parents[1] / "constraints.txt"


def licence(name: str) -> str:
    """Licence of an installed package: its expression, its short text, or its classifiers."""
    found = cast("Message", metadata(name))  # which its protocol says less of
    short = (found.get("License") or "").strip()
    classified = [c.split(" :: ")[-1] for c in found.get_all("Classifier") or [] if c.startswith("License")]
    fallback = short.splitlines()[0][:60] if short else "not said"
    return found.get("License-Expression") or ("; ".join(classified) if classified else fallback)


def pinned() -> list[tuple[str, str]]:
    """Names and versions in ``constraints.txt``."""
    lines = [line.partition("#")[0].partition(";")[0].strip() for line in PINNED.read_text().splitlines()]
    pairs = [line.split("==") for line in lines if "==" in line]
    return [(name, version) for name, version in pairs]


def main() -> None:
    """Print the table."""
    print("# Licences of the pinned packages\n\n| package | version | licence |\n|:--|:--|:--|")
    for name, version in pinned():
        try:
            print(f"| {name} | {version} | {licence(name).replace('|', '/')} |")
        except PackageNotFoundError:
            print(f"| {name} | {version} | not installed here |")


if __name__ == "__main__":
    main()
