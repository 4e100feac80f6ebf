"""Base class of every typed section of the config."""

from __future__ import annotations

from collections.abc import Sized
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

#: Numbers, or a single one without brackets: ``ingest.missing=9.99``.
Numbers = Annotated[
    tuple[float, ...], BeforeValidator(lambda value: (value,) if isinstance(value, int | float) else value)
]


class Input(StrEnum):
    """What a key names, in its ``Annotated`` type; a task looks for it before it loads anything heavy."""

    STORE = "store"
    RUN = "run folder"
    RUNS = "folder of runs"
    FILE = "file"


class Settings(BaseModel):
    """A frozen section of the config that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def is_none(value: object) -> bool:
    """Whether a key of the config is null; as ``exclude_if`` it keeps a key that shapes nothing out of hashes."""
    return value is None


def is_empty(value: Sized) -> bool:
    """Whether a list of the config is empty; as ``exclude_if`` it keeps a key that shapes nothing out of hashes."""
    return not len(value)
