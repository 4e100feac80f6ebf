"""The config section ``fetch``: a service, what is asked of it, and how politely."""

from __future__ import annotations

from pydantic import Field as Entry
from pydantic import model_validator

from photoz_lit.data.column_source import ColumnSource
from photoz_lit.settings import Settings


class Credentials(Settings):
    """Names of the environment variables that hold an account; its password is never in a config, a file or a log.

    Attributes
    ----------
    user, password : names of the variables.
    """

    user: str
    password: str


class FetchSettings(Settings):
    """A service of images and how it is asked, see ``conf/fetch/base.yaml``.

    ``url`` and ``file`` are templates: ``{object_id}``, ``{ra}``, ``{dec}`` [deg] and what else ``columns`` names;
    ``{band}``, in ``url`` as the service calls it; ``{bands}``, all of them in a row; ``{size}`` [pixel],
    ``{pixel_scale}`` [arcsec], ``{width_arcsec}``, ``{half_width_arcsec}``, ``{width_deg}``; every key of ``options``.
    A format may follow, as in ``{run:06d}``.

    Attributes
    ----------
    name : of the service.
    description : one line.
    url : template of the address of one file.
    file : template of its name; files that several galaxies share are fetched once.
    columns : name in the templates -> column of the table, as in ``ingest.columns``.
    bands : names of the bands to fetch, as the field has them.
    band_names : band -> what the service calls it.
    options : further words of the template, e.g. the survey or the data release.
    size : width and height of a stamp [pixel].
    max_size : the largest that the service gives [pixel].
    pixel_scale : [arcsec / pixel].
    zero_point : AB magnitude of one flux unit, where the files do not say it [mag]; null: they do, or you must know it.
    requests_per_second : at most.
    timeout : for a whole answer [s].
    attempts : at one file, before it counts as failed.
    back_off : wait before the second attempt [s]; it doubles with each further one.
    longest_wait : at most [s]; where the service asks for a longer one, the task stops.
    max_megabytes : of one file.
    failures_in_a_row : files that failed one after the other, after which the task stops: the service is down.
    credentials : of a service that needs an account.
    read_with : overrides with which ``task=ingest`` reads the folder.
    """

    name: str
    description: str = ""
    url: str
    file: str
    columns: dict[str, str | ColumnSource | None]
    bands: list[str] = Entry(min_length=1)
    band_names: dict[str, str]
    options: dict[str, str | int | float] = {}
    size: int = Entry(gt=0)
    max_size: int = Entry(gt=0)
    pixel_scale: float = Entry(gt=0)
    zero_point: float | None = None
    requests_per_second: float = Entry(gt=0)
    timeout: float = Entry(gt=0)
    attempts: int = Entry(ge=1)
    back_off: float = Entry(ge=0)
    longest_wait: float = Entry(gt=0)
    max_megabytes: float = Entry(gt=0)
    failures_in_a_row: int = Entry(ge=1)
    credentials: Credentials | None = None
    read_with: list[str]

    @model_validator(mode="after")
    def _fits(self) -> FetchSettings:
        unknown = [band for band in self.bands if band not in self.band_names]
        if unknown:
            raise ValueError(f"fetch.bands: {self.name} has no band '{unknown[0]}', it has {' '.join(self.band_names)}")
        if self.size > self.max_size:
            raise ValueError(f"fetch.size is {self.size}, and {self.name} gives {self.max_size} pixels at most")
        return self

    @property
    def all_bands_in_one(self) -> bool:
        """Whether a galaxy's bands share one file."""
        return "{band}" not in self.file
