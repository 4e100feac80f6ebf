"""How an override is typed: Hydra's quotes where it would read a text as something else, the shell's around them."""

from __future__ import annotations

import shlex
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException


def parsed(override: str) -> Override | None:
    """What Hydra reads in an override, None where it can read nothing."""
    try:
        return OverridesParser.create().parse_override(override)
    except HydraException:
        return None


def in_quotes(text: str) -> str:
    """A text as Hydra reads it back letter by letter."""
    return QuotedString(text, Quote.single).with_quotes()


def typed(key: str, text: str | Path) -> str:
    """``key=value`` as it must be typed in a shell, so that the value arrives letter by letter.

    >>> typed("store", "stores/mine")
    'store=stores/mine'
    >>> typed("store", "my (copy)")
    "'store=my (copy)'"
    >>> typed("store", "a,b")
    '"store=\\'a,b\\'"'
    """
    value = str(text)
    return shell_quoted(f"{key}={value if _reads_as_itself(value) else in_quotes(value)}")


def shell_quoted(word: str) -> str:
    """A word as a POSIX shell reads it back: as it is, in single quotes, or in double quotes around single ones."""
    if "'" in word and not set('"$`\\!') & set(word):
        return f'"{word}"'
    return shlex.quote(word)


def _reads_as_itself(value: str) -> bool:
    """Whether a text without quotes stays what it is: Hydra reads it, or nothing at all (see ``literal``)."""
    override = parsed(f"key={value}")
    if override is None:
        return "," not in value and value[:1] not in ("[", "{", "'", '"') and value == value.strip()
    return override.value() == value
