"""Open an archive with the reader that its config names, and check the reader's own options."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError

from photoz_lit.errors import InputError, nearest
from photoz_lit.fields import Field
from photoz_lit.ingest.settings import IngestSettings
from photoz_lit.ingest.source import Source
from photoz_lit.settings import Settings
from photoz_lit.targets import find_class


def open_source(settings: IngestSettings, field: Field) -> Source:
    """Open the archive with the reader that ``ingest._target_`` names, the package's or one of a package in ``trust``.

    Raises
    ------
    InputError : the reader cannot be imported or is none, or the archive is not what it reads.
    """
    reader = find_class(settings.target, Source, "reader", "ingest._target_")  # type: ignore[type-abstract]  # a concrete one comes back
    try:
        return reader(settings, field)  # type: ignore[call-arg]  # each reader's constructor takes these two
    except PermissionError as error:
        raise InputError(f"{error.filename} cannot be read ({error.strerror}).") from error


Options = TypeVar("Options", bound=Settings)


def reader_options(kind: type[Options], settings: IngestSettings) -> Options:
    """Return the options as the reader's own type.

    Raises
    ------
    InputError : a key is unknown or a value is wrong.
    """
    try:
        return kind.model_validate(settings.options)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise InputError(f"unknown key 'ingest.options.{key}'{nearest(key, kind.model_fields)}") from error
        raise InputError(f"'ingest.options.{key}={first['input']}' is wrong: {first['msg']}.") from error
