"""Options of the evaluation tasks, which stand in their conf/task/<verb>.yaml beside name and description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import Field as Entry
from pydantic import ValidationError

from photoz_lit.errors import InputError, nearest
from photoz_lit.settings import Numbers, Settings

S = TypeVar("S", bound=Settings)


class CompareSettings(Settings):
    """Options of ``task=compare``.

    Attributes
    ----------
    draws : bootstrap resamples per pair of methods.
    title : heading of the table; null takes the study's name.
    baseline_settings : of the baseline, where others of the same method are to be compared with it; null: they are not.
    """

    draws: int = Entry(default=10_000, gt=0)
    title: str | None = None
    baseline_settings: dict[str, str | int | float] | None = None


class NzSettings(Settings):
    """Options of ``task=nz``.

    Attributes
    ----------
    bootstraps : resamples of the galaxies.
    bin_width : width of the bins in which N(z) is drawn and its total variation taken [redshift]; null takes 1/80 of
        the redshift grid.
    magnitude_edges : edges of the magnitude bins [AB]; null takes quartiles, [] none.
    tomographic_edges : edges in z_phot of the tomographic bins; null takes four of equal number, [] none.
    reference : catalogue (CSV, FITS, ECSV, Parquet) whose redshifts are the reference; null takes the labels.
    reference_table : its table, by name or number, where that file holds several.
    reference_z : its column of redshifts.
    reference_missing, reference_allow : its redshifts that mean "no value", beside ±99 and the like, and those that
        stand out by how often they repeat and are real.
    reference_mag : its column of magnitudes, for the magnitude bins; null leaves them without reference.
    seed : of the resampling.
    """

    bootstraps: int = Entry(default=1000, gt=1)
    bin_width: float | None = Entry(default=None, gt=0)
    magnitude_edges: list[float] | None = None
    tomographic_edges: list[float] | None = None
    reference: str | None = None
    reference_table: str | int | None = None
    reference_z: str = "z"
    reference_missing: Numbers = ()
    reference_allow: Numbers = ()
    reference_mag: str | None = None
    seed: int = Entry(default=0, ge=0)


class MismatchSettings(Settings):
    """Options of ``task=mismatch``.

    Attributes
    ----------
    galaxies : so many of each field are drawn for the probe, the colours and the predictions.
    seed : of draws, matching and bootstrap.
    """

    galaxies: int = Entry(default=3000, ge=20)
    seed: int = Entry(default=0, ge=0)


class EmitterTaskSettings(Settings):
    """Options of ``task=emitters``.

    Attributes
    ----------
    survey : simulation in ``conf/simulation`` whose narrow-band survey selects the galaxies.
    galaxies : emitters that are drawn, interlopers among them.
    simulation_seed : of their sky, another than that of the training's sky.
    redshift : at which the wanted line lies in the band; point metrics are against it.
    """

    survey: str = "oii_emitters"
    galaxies: int = Entry(default=7500, ge=50)
    simulation_seed: int = Entry(default=2, ge=0)
    redshift: float = Entry(default=1.47, gt=0)


class StudyTaskSettings(Settings):
    """Options of ``task=study``.

    Attributes
    ----------
    seeds : of the jobs that are run in this sitting; null runs all.
    """

    seeds: list[int] | None = Entry(default=None, min_length=1)


def task_settings(kind: type[S], options: Mapping[str, Any] | None) -> S:
    """Check the options of a task.

    Raises
    ------
    InputError : a key is unknown (the nearest one is named) or its value is wrong.
    """
    try:
        return kind.model_validate(dict(options or {}))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise InputError(f"unknown key 'task.{key}'{nearest(key, kind.model_fields)}") from error
        raise InputError(f"'task.{key}={first['input']}' is wrong: {first['msg']}.") from error
