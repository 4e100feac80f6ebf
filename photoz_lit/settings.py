"""Base class of every typed section of the config."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, StrEnum
from types import UnionType
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic import Field as Entry

#: Numbers, or a single one without brackets: ``ingest.missing=9.99``; NaN and infinities may stand for "no value".
Numbers = Annotated[
    tuple[Annotated[float, Entry(allow_inf_nan=True)], ...],
    BeforeValidator(lambda value: (value,) if isinstance(value, int | float) else value),
]


def bare_types(kind: Any) -> Iterator[Any]:
    """Types of a union or of one type, bare of what is noted on them; null is none."""
    if get_origin(kind) is Annotated:
        yield from bare_types(get_args(kind)[0])
    elif get_origin(kind) in (Union, UnionType):
        for one in get_args(kind):
            yield from bare_types(one)
    elif kind not in (None, type(None)):
        yield kind


class Input(StrEnum):
    """What a key names, in its ``Annotated`` type; a task looks for it before it loads anything heavy."""

    STORE = "store"
    RUN = "run folder"
    RUNS = "folder of runs"
    FILE = "file"


class Role(Enum):
    """What a setting is for, in its ``Annotated`` type; :mod:`photoz_lit.setting_roles` says what follows from it.

    Attributes
    ----------
    RESULT : shapes the result; so does every key that says nothing else.
    NUMERICS : where and in which arithmetic it is computed, which changes last digits.
    MACHINE : how a job is carried out; changes no digit.
    PLACE : where things lie, and where data come from: data count by their hash.
    COSMETIC : names, descriptions, logs, and sizes that count where other sections refer to them.
    WORK : which results are made, not what they are: the task, the study.
    """

    RESULT = "result"
    NUMERICS = "numerics"
    MACHINE = "machine"
    PLACE = "place"
    COSMETIC = "cosmetic"
    WORK = "work"


class Settings(BaseModel):
    """A frozen section of the config that refuses keys it does not know, NaN and infinities."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False)


#: Keys that a network's training reads and nothing else does.
NETWORKS_ALONE = (
    *("module", "modality", "fusion", "tta", "data.augment", "data.batch_size", "data.resident", "data.prefetch"),
    *("trainer.max_epochs", "trainer.max_steps", "trainer.precision", "trainer.evaluation_precision"),
    *("trainer.channels_last", "trainer.compile", "trainer.micro_batches", "trainer.gradient_clip", "trainer.patience"),
)


#: Keys that say whether PDFs are recalibrated, those of networks and of every other estimator alike.
CALIBRATION = ("module.calibration", "module.recipe")


class EstimatorSettings(Settings):
    """Section ``network``: the options of one estimator, and what others must know of it before it is imported.

    Attributes
    ----------
    name : in tables and file names.
    target : import path of the estimator, or of the family of networks that the CNN estimator trains
        (``_target_`` in YAML).
    reads_catalogue : whether magnitudes of the catalogue decide what it predicts, not the pixels alone.
    reads_filters : whether its PDFs depend on the filters of the field that a galaxy was seen with.
    is_method : whether tables call it by ``name``; networks go by the name of their experiment.
    is_calibrated : whether its PDFs may be recalibrated (``module.calibration``), which reads labels.
    unused : keys of the config that reach nothing with it; a section stands for all in it. As it is here: those that
        only the training of networks reads. :data:`CALIBRATION` reaches all that are calibrated.
    """

    reads_catalogue: ClassVar[bool] = False
    reads_filters: ClassVar[bool] = False
    is_method: ClassVar[bool] = True
    is_calibrated: ClassVar[bool] = True
    unused: ClassVar[tuple[str, ...]] = NETWORKS_ALONE
    name: str
    target: str = Entry(alias="_target_")
