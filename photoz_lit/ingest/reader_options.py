"""Check a reader's own parameters, the key ``ingest.options`` of the config."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError

from photoz_lit.errors import InputError, nearest
from photoz_lit.ingest.settings import IngestSettings
from photoz_lit.settings import Settings

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
