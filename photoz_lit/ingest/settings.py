"""The config section ``ingest``: which reader, which files, which columns and which galaxies."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field as Entry

from photoz_lit.data.column_source import ColumnSource
from photoz_lit.settings import Numbers, Settings


class JoinSettings(Settings):
    """A further catalogue whose columns replace those of the galaxies, where it has a value.

    Attributes
    ----------
    path : the file, or a folder or pattern of HDF5 files; null joins nothing.
    table : name or number of the table, where the file holds several.
    by : match by ``object_id`` or by position.
    radius : largest distance of a match on the sky [arcsec].
    columns : target column -> source column, as for the galaxies; ``object_id`` or ``ra`` and ``dec`` among them.
    unmatched : keep the galaxies without a match, or drop them.
    """

    path: str | None = None
    table: str | int | None = None
    by: Literal["id", "sky"] = "id"
    radius: float = Entry(default=1.0, gt=0)
    columns: dict[str, str | ColumnSource | None] = {}
    unmatched: Literal["keep", "drop"] = "keep"


class DustSettings(Settings):
    """A dust map for E(B-V) where the catalogue has none, read through the optional library ``dustmaps``.

    Attributes
    ----------
    path : folder with the map's own files; null uses no map.
    map : dotted path of the query class, e.g. ``dustmaps.sfd.SFDQuery``.
    """

    path: str | None = None
    map: str = "dustmaps.sfd.SFDQuery"


class IngestSettings(Settings):
    """How an archive becomes a store.

    Attributes
    ----------
    name : name of the reader, for provenance.
    description : one line.
    target : dotted path of the reader: called with (settings, field), it returns a
        :class:`photoz_lit.ingest.source.Source`.
    path : file, folder or pattern of the images.
    layout : axis of the bands in an archive that can have it in either: ``bands_first`` or ``bands_last``.
    options : the reader's own parameters, see its file in ``conf/ingest``.
    catalogue : table of the galaxies, where the archive holds none (FITS, arrays).
    table : name or number of the table in ``catalogue``, where that file holds several.
    columns : target column -> column of the archive's table or of ``catalogue``.
    missing : redshifts that mean "no value", beside the usual ±99 and the like; of the galaxies and of ``join``.
    allow : redshifts that repeat and are real, see :mod:`photoz_lit.data.redshift_codes`.
    join : a further catalogue, e.g. of redshifts.
    select : expression on mapped and original columns, e.g. ``"18 <= mag_i <= 25 and flags == 0"``.
    bands : names of the archive's bands in its order, where it does not name them, or those to take.
    stamp_size : height and width of the stamps [pixel]; null keeps the archive's own (FITS: 64).
    flagged : keep or drop galaxies whose stamp has missing pixels (an edge, a gap, a missing band).
    zero_points : band -> AB magnitude of one flux unit, where the archive does not say it or says it wrongly.
    flux_unit : name of the archive's flux unit.
    pixel_scale : of the archive [arcsec / pixel]; null takes what it says, else the field's.
    dtype : type of the stored pixels; ``auto`` is float16 where it costs nothing that matters.
    dust : source of E(B-V) beside the catalogue.
    data : whether the archive's pixels are real.
    limit : take only the first so many galaxies after the selection; null takes all.
    """

    name: str
    description: str = ""
    target: str = Entry(alias="_target_")
    path: str | None
    layout: Literal["bands_first", "bands_last"] | None = None
    options: dict[str, Any] = {}
    catalogue: str | None = None
    table: str | int | None = None
    columns: dict[str, str | ColumnSource | None] = {}
    missing: Numbers = ()
    allow: Numbers = ()
    join: JoinSettings = JoinSettings()
    select: str = ""
    bands: list[str] | None = None
    stamp_size: int | None = Entry(default=None, gt=0)
    flagged: Literal["keep", "drop"] = "keep"
    zero_points: dict[str, float] = {}
    flux_unit: str = "counts"
    pixel_scale: float | None = Entry(default=None, gt=0)
    dtype: Literal["auto", "float32", "float16"] = "auto"
    dust: DustSettings = DustSettings()
    data: Literal["real", "simulated", "simulated_from_catalogue"] = "real"
    limit: int | None = Entry(default=None, gt=0)
