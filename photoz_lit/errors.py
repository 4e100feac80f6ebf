"""The one exception for bad input: a sentence a user can act on."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MOST_NAMES, NEAR_NAMES = 12, 5  # of which all are named, and that are named of more


class InputError(Exception):
    """Bad input: one sentence that names the file, row or key, and how to correct it.

    The command line prints it without a traceback and exits with code 2.
    """

    def __init__(self, sentence: str = "") -> None:
        super().__init__(_without_traceback(sentence))


def _without_traceback(sentence: str) -> str:
    """The sentence alone, where a process that loads data raised the error: torch wraps it into its traceback."""
    if not sentence.startswith("Caught ") or "Original Traceback" not in sentence:
        return sentence
    return sentence.rstrip().rpartition("\n")[2].partition("Error: ")[2]


def visible(text: str) -> str:
    """Return a text with its control characters and broken letters written out: names must not steer a terminal.

    >>> visible("run\x1b[2J")
    'run\\x1b[2J'
    """
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def nearest(name: str, known: Iterable[object], group: str = "") -> str:
    """Return ``"; did you mean 'x'?"`` for the known name closest to ``name``, or the known names.

    Of more than a dozen only the five nearest are named. ``group`` (``"trainer."``) is a beginning that all have and
    that does not count as likeness.
    """
    names = [str(k).removeprefix(group) for k in known]
    close = difflib.get_close_matches(name.removeprefix(group), names, n=1, cutoff=0.5)
    if close:
        return f"; did you mean '{group}{close[0]}'?"
    if len(names) <= MOST_NAMES:
        return f"; known are {', '.join(group + n for n in sorted(names))}." if names else "."
    near = sorted(names, key=lambda one: (-_likeness(name.removeprefix(group), one), one))[:NEAR_NAMES]
    return f"; the nearest of {len(names)} are {', '.join(group + n for n in near)}."


def _likeness(name: str, known: str) -> float:
    """How alike two names are, from 0 to 1."""
    return difflib.SequenceMatcher(None, name, known).ratio()
