"""What pydantic refuses in a config, as one readable sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from photoz_lit.errors import InputError, nearest
from photoz_lit.settings import Settings

Options = TypeVar("Options", bound=Settings)


def checked(kind: type[Options], content: Mapping[str, Any], section: str) -> Options:
    """Return the options of a member of a seam, such as a reader or an engine, as its own type.

    Parameters
    ----------
    kind : the type.
    content : as the config has them.
    section : where they stand, ``ingest.options.``.

    Raises
    ------
    InputError : a key is unknown or a value is wrong.
    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise input_error(error, kind, content, section) from error


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
    missing = [f"'{section}{'.'.join(map(str, e['loc']))}'" for e in error.errors() if e["type"] == "missing"]
    if first["type"] == "missing":
        return InputError(
            f"the config has no {', '.join(missing)}; give {'it a value' if len(missing) == 1 else 'them values'}."
        )
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
