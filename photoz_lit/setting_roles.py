"""What each setting is for, read off the fields of the settings' classes: one walk over a config or a record of one.

A field says its role where it stands, ``Annotated[int, Role.MACHINE]``; a section's role holds for all in it that say
none. What shapes the result, or its last digits, makes the id of a run, but for values at the default of their class.
A default of a class is what records without the key were made with; what a user gets is in YAML. So a new key changes
no id: its class has the default that keeps what was.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, to_jsonable_python

from photoz_lit.alignment.settings import PartSettings
from photoz_lit.config import Config
from photoz_lit.errors import InputError
from photoz_lit.network_choice import settings_type_of
from photoz_lit.settings import EstimatorSettings, Role, bare_types
from photoz_lit.targets import find_class, first_path

#: Both make the id of a run: another arithmetic is another run, though studies and comparisons take them for the same.
OF_THE_ID = (Role.RESULT, Role.NUMERICS)


@dataclass(frozen=True)
class Key:
    """One setting of a config.

    Attributes
    ----------
    name : dotted.
    value : as JSON has it.
    role : what it is for.
    default : of its class, ``PydanticUndefined`` where it has none.
    in_entry : whether it stands in an entry of a dictionary, such as a band, which a record may lack as a whole.
    """

    name: str
    value: Any
    role: Role
    default: Any
    in_entry: bool = False

    @property
    def at_default(self) -> bool:
        """Whether a record without the key says the same."""
        return self.default is not PydanticUndefined and bool(self.value == self.default)

    @property
    def in_id(self) -> bool:
        """Whether it takes part in the id of a run."""
        return self.role in OF_THE_ID and not self.at_default


def keys_of(content: Config | Mapping[str, Any]) -> list[Key]:
    """Every setting of a config, or of a record of one as ``provenance.json`` has it, which may be older.

    A key that no class has any more keeps the role of its section; a root key that the config has no more was an option
    of a task.
    """
    record = content.model_dump(mode="json", by_alias=True) if isinstance(content, Config) else content
    gone = {name: value for name, value in record.items() if _field(Config, name) is None}
    sections = {name: value for name, value in record.items() if name not in gone}
    return [*_walk(sections, Config, Role.RESULT), *_walk(gone, None, Role.WORK)]


def what_shapes(config: Config, roles: Collection[Role] = (Role.RESULT,)) -> list[Key]:
    """Settings of a config with some roles, less what its run does without: an adaptation, a calibration of PDFs."""
    idle = (() if config.data.adapts else ("adapt.",)) + (() if config.calibrates else ("module.calibration",))
    return [key for key in keys_of(config) if key.role in roles and not key.name.startswith(idle)]


def identity(config: Config) -> dict[str, Any]:
    """Values by dotted key that tell the run of a config from other runs on the same data."""
    return {key.name: key.value for key in what_shapes(config, OF_THE_ID) if key.in_id}


def _walk(
    content: Mapping[str, Any],
    kind: Any,
    role: Role,
    defaults: Any = PydanticUndefined,
    within: str = "",
    in_entry: bool = False,
) -> Iterator[Key]:
    """Keys of a section.

    Parameters
    ----------
    content : of the section.
    kind : type that declares it, where one does.
    role : of keys that say none.
    defaults : of the whole section, by the section around it; undefined or null: each key has its own.
    within : dotted name of the section, with a dot at its end.
    in_entry : see :class:`Key`.
    """
    for name, value in content.items():
        field = _field(kind, name)
        own = next((one for one in field.metadata if isinstance(one, Role)), role) if field is not None else role
        default = defaults.get(name, PydanticUndefined) if isinstance(defaults, Mapping) else _default(field)
        if default is PydanticUndefined and defaults is None:
            default = None  # in a section that is null where nobody sets it
        inner = _declared(field.annotation if field is not None else _values(kind), value)
        if isinstance(value, Mapping) and value:
            entry = (in_entry or field is None) and not isinstance(default, Mapping)
            yield from _walk(value, inner, own, default, f"{within}{name}.", entry)
        else:
            yield Key(f"{within}{name}", _plain(value, inner), own, default, in_entry)


def _plain(value: Any, kind: Any) -> Any:
    """A value as it is compared: a class by the path that it had first, sections of a list without their defaults."""
    if isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        return [
            {key.name: key.value for key in _walk(one, _values(kind), Role.RESULT) if key.in_id}
            if isinstance(one, Mapping)
            else one
            for one in value
        ]
    return first_path(value) if isinstance(value, str) else value


def _declared(kind: Any, content: Any) -> Any:
    """Type of a section; of a network or a part of an adaptation the one that its class declares."""
    sections = [one for one in bare_types(kind) if isinstance(one, type) and issubclass(one, BaseModel)]
    if not isinstance(content, Mapping):
        return kind
    if any(issubclass(one, EstimatorSettings) for one in sections):
        with suppress(InputError):  # of a package that is not here
            return settings_type_of(content)
    if PartSettings in sections and "_target_" in content:
        with suppress(InputError):
            part = find_class(content["_target_"], object, "part of an adaptation", "_target_")
            return PartSettings | getattr(part, "Options", PartSettings)
    return kind


def _field(kind: Any, name: str) -> FieldInfo | None:
    """Field of a name, or of an alias, in the first of a type's sections that has it."""
    for one in bare_types(kind):
        if isinstance(one, type) and issubclass(one, BaseModel):
            for known, field in one.model_fields.items():
                if name == (field.alias or known):
                    return field
    return None


def _values(kind: Any) -> Any:
    """Type of the values of a dictionary or list."""
    place = {dict: -1, list: 0, tuple: 0}
    return next((get_args(one)[place[get_origin(one)]] for one in bare_types(kind) if get_origin(one) in place), None)


def _default(field: FieldInfo | None) -> Any:
    """Default of a field as JSON has it, undefined where it has none."""
    if field is None or field.is_required():
        return PydanticUndefined
    return to_jsonable_python(field.get_default(call_default_factory=True), by_alias=True)
