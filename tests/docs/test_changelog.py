"""CHANGELOG.md keeps the form of Keep a Changelog."""

import re
from pathlib import Path

LINES = (Path(__file__).parents[2] / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()


def test_sections_are_those_of_keep_a_changelog_and_an_entry_is_a_line() -> None:
    kinds = {line for line in LINES if line.startswith("### ")}
    assert kinds <= {f"### {kind}" for kind in ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")}
    assert not [line for line in LINES if re.match(r"\s+\S", line)]  # no entry goes on
    assert len(LINES) <= 250
