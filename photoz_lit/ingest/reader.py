"""Open an archive with the reader that its config names."""

from __future__ import annotations

from photoz_lit.errors import InputError
from photoz_lit.fields import Field
from photoz_lit.ingest.settings import IngestSettings
from photoz_lit.ingest.source import Source
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
