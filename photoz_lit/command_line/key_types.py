"""What type of value a dotted key of the config takes, read off the typed settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from photoz_lit.config import Config
from photoz_lit.settings import bare_types


def types_of(key: str, options: type[BaseModel] | None = None, network: type[BaseModel] | None = None) -> list[Any]:
    """Types that a key may have, one per branch of a union on the way to it; none where there is no such key.

    Parameters
    ----------
    key : dotted.
    options : type of the task's options, the keys below ``task``.
    network : type of the section ``network``, where it is known which one is chosen.
    """
    section: Any = Config
    parts = key.split(".")
    if parts[0] == "task" and options is not None and len(parts) > 1 and parts[1] not in _fields_of_task():
        section, parts = options, parts[1:]
    elif parts[0] == "network" and network is not None and len(parts) > 1:
        section, parts = network, parts[1:]
    found = [section]
    for part in parts:
        found = [inner for kind in found for inner in _inside(kind, part)]
    return found


def section_of(
    key: str, options: type[BaseModel] | None = None, network: type[BaseModel] | None = None
) -> type[BaseModel] | None:
    """Typed section in which a key stands, None where it stands in none."""
    outer, _, name = key.rpartition(".")
    known: dict[str, list[Any]] = {"": [Config], "task": [options], "network": [network]}
    kinds = known[outer] if any(known.get(outer, ())) else types_of(outer, options)
    sections = [one for kind in kinds for one in bare_types(kind) if _is_section(one)]
    return next((one for one in sections if any(name in (k, f.alias) for k, f in one.model_fields.items())), None)


def accepts(kinds: list[Any], value: object) -> bool:
    """Whether a value is valid for any of some types."""
    return any(_valid(kind, value) for kind in kinds)


def takes_lists(kinds: list[Any]) -> bool:
    """Whether a list is among what some types take."""
    return any(one is Any or get_origin(one) in (list, tuple) for kind in kinds for one in bare_types(kind))


def takes_dictionaries(kinds: list[Any]) -> bool:
    """Whether a dictionary or a section is among what some types take."""
    return any(one is Any or get_origin(one) is dict or _is_section(one) for kind in kinds for one in bare_types(kind))


def takes_names(kinds: list[Any]) -> bool:
    """Whether a dictionary is among what some types take."""
    return any(get_origin(one) is dict for kind in kinds for one in bare_types(kind))


def is_open(key: str, options: type[BaseModel] | None = None) -> bool:
    """Whether a key lies in a dictionary whose names are the user's own, such as ``ingest.zero_points.r``.

    Dictionaries of whole sections (the bands of a field) are not: a name that they lack is a slip.
    """
    parts = key.split(".")
    return any(
        get_origin(kind) is dict and not all(_is_section(value) for value in bare_types(get_args(kind)[1]))
        for n in range(1, len(parts))
        for outer in types_of(".".join(parts[:n]), options)
        for kind in bare_types(outer)
    )


def _inside(kind: Any, part: str) -> Iterator[Any]:
    """Types of one part below a type."""
    for one in bare_types(kind):
        if _is_section(one):
            known = [field for name, field in one.model_fields.items() if part in (name, field.alias)]
            yield from map(_annotation, known)
            if not known and one.model_config.get("extra") == "allow":
                yield Any
        elif get_origin(one) in (dict, Mapping):
            yield get_args(one)[1]
        elif get_origin(one) in (list, tuple) and part.isdigit():
            yield get_args(one)[0]
        elif one is Any:
            yield Any


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _annotation(field: FieldInfo) -> Any:
    """A field's type, with the validators before it that pydantic took off, as that of a single name."""
    kind: Any = field.annotation
    for extra in field.metadata:
        if type(extra).__name__ == "BeforeValidator":
            kind = Annotated[kind, extra]
    return kind


def _fields_of_task() -> set[str]:
    task = Config.model_fields["task"].annotation
    return {field.alias or name for name, field in task.model_fields.items()} if task is not None else set()


def _valid(kind: Any, value: object) -> bool:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True
