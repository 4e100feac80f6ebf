"""Find a reader by the dotted path in its config and open the archive with it."""

from __future__ import annotations

from importlib import import_module

from photoz_lit.errors import InputError
from photoz_lit.fields import Field
from photoz_lit.ingest.settings import IngestSettings
from photoz_lit.ingest.source import Source


def open_source(settings: IngestSettings, field: Field) -> Source:
    """Open the archive with the reader that ``ingest._target_`` names, the package's or the user's own.

    Raises
    ------
    InputError : the reader cannot be imported or is none, or the archive is not what it reads.
    """
    module, _, name = settings.target.rpartition(".")
    try:
        reader = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"reader '{settings.target}' cannot be imported ({error}); correct ingest._target_."
        ) from error
    if not (isinstance(reader, type) and issubclass(reader, Source)):
        raise InputError(f"'{settings.target}' is no reader; derive it from photoz_lit.ingest.source.Source.")
    try:
        return reader(settings, field)  # type: ignore[call-arg]  # each reader's constructor takes these two
    except PermissionError as error:
        raise InputError(f"{error.filename} cannot be read ({error.strerror}).") from error
