"""What pydantic refuses in a config, as one readable sentence."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from photoz_lit.errors import InputError, nearest
from photoz_lit.settings import Settings


def input_error(error: ValidationError, kind: type[Settings], content: Any, section: str = "") -> InputError:
    """The first thing that pydantic refuses as a sentence.

    Parameters
    ----------
    error : of pydantic.
    kind : that was to be made of the content.
    content : of the config or of a section.
    section : where the content stands, ``network.`` or "".
    """
    first = error.errors()[0]
    location = first["loc"]
    key = section + ".".join(str(part) for part in location)
    if first["type"] == "extra_forbidden":
        return InputError(f"unknown key '{key}'{nearest(str(location[-1]), _keys_beside(location, kind))}")
    if first["type"] == "missing":
        return InputError(f"the config has no '{key}'; give it a value.")
    key = section + _known_part(location, content)
    wrong = [e["msg"].removeprefix("Value error, ").rstrip(".") for e in error.errors() if e["input"] == first["input"]]
    return InputError(f"'{key}={first['input']}' is wrong: {'; or: '.join(dict.fromkeys(wrong))}.")


def _known_part(location: tuple[int | str, ...], content: Any) -> str:
    """Dotted key of a wrong value, without the names of the types that pydantic tried on it."""
    parts: list[str] = []
    for part in location:
        try:
            content = content[part]
        except (KeyError, IndexError, TypeError):
            break
        parts.append(str(part))
    return ".".join(parts)


def _keys_beside(location: tuple[int | str, ...], kind: type[Settings]) -> list[str]:
    """Known keys of the section in which an unknown key stood."""
    section: Any = kind
    for part in location[:-1]:
        section = section.model_fields[part].annotation if part in getattr(section, "model_fields", {}) else None
    return list(getattr(section, "model_fields", {}))
