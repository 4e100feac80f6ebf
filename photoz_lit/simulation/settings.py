"""Settings of a simulated field (``conf/simulation``)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field as Entry
from pydantic import model_validator

from photoz_lit.fields import Band
from photoz_lit.settings import Input, Numbers, Role, Settings
from photoz_lit.simulation.disturbance_settings import Disturbances
from photoz_lit.simulation.galaxies import GalaxyPopulation, earlier_galaxies

LabelSource = Literal["spec", "grism", "prism", "cosmos2020"]


class SurveyWindow(Settings):
    """What a survey looks at.

    Attributes
    ----------
    magnitude_bright, magnitude_faint : limits on the reference band, free of Galactic dust and of noise [AB mag].
    z_max : redshift limit of the sample.
    centre : right ascension and declination of the footprint's centre [deg].
    width : side of the square footprint [deg].
    ebv_median : median Galactic E(B-V) [mag].
    ebv_scatter : its log-normal scatter over the footprint [dex].
    stars : foreground stars with i between 16 and 25 [1 / arcmin²].
    neighbour_depth : neighbours reach this much beyond the faint limit [mag].
    labels : which sources give redshifts in this field.
    structure : standard deviation of the ln of the galaxies' density per step of 0.006 in ln(1+z): walls and voids that
        are the field's own, see :func:`photoz_lit.simulation.population.density_contrast`; 0 is a smooth field.
    own_streams : True seeds all draws by the field's name too, so that two fields share no galaxy; False draws them
        from the simulation's seed alone.
    photometric_share : share of the sample whose label comes from the last source. A training sample is no
        magnitude-limited one: spectra come from wide areas, photo-z from one deep field. Galaxies are drawn until the
        shares hold; null takes them as they come.
    """

    magnitude_bright: float
    magnitude_faint: float
    z_max: float = Entry(gt=0, le=7)
    centre: tuple[float, float] = (150.12, 2.2)
    width: float = Entry(default=1.5, gt=0)
    ebv_median: float = Entry(default=0.02, ge=0, le=100)
    ebv_scatter: float = Entry(default=0.05, ge=0)
    stars: float = Entry(default=3.0, ge=0)
    neighbour_depth: float = Entry(default=1.0, ge=0)
    labels: tuple[LabelSource, ...] = ("spec",)
    photometric_share: float | None = Entry(default=None, ge=0, le=1)
    structure: float = Entry(default=0.0, ge=0, le=2)
    own_streams: bool = False


class ConditionSettings(Settings):
    """Which of its observing conditions a simulated field keeps.

    Attributes
    ----------
    base : field whose conditions hold for everything else.
    parts : what stays the field's own: ``filters``, ``depth``, ``seeing``, ``background``, ``zero_points``,
        ``noise_correlation``.
    """

    base: str
    parts: tuple[str, ...]


class ColourCut(Settings):
    """A half-plane in colours: Σ weight · magnitude must lie below a value.

    Attributes
    ----------
    colour : band -> weight of its measured magnitude; weights add up to 0.
    below : limit [mag].
    """

    colour: dict[str, float]
    below: float

    @model_validator(mode="after")
    def _is_colour(self) -> ColourCut:
        if abs(sum(self.colour.values())) > 1e-9:
            raise ValueError(f"the weights {self.colour} do not add up to 0, so this is no colour")
        return self


class EmitterSettings(Settings):
    """A narrow-band survey for one emission line; see ``conf/simulation/oii_emitters.yaml``.

    Attributes
    ----------
    line : the line that is looked for.
    band : the narrow band and its observing conditions; ``"box:<centre>,<width>"`` is a filter of a box's shape.
    continuum_bands : broad bands on its blue and red side.
    flux_limit : least measured line flux [erg s-1 cm-2].
    equivalent_width : least measured equivalent width, observer's frame [Angstrom].
    significance : least line flux in units of its error.
    magnitude_floor : calibration scatter of the magnitudes that the survey selects with, narrow and broad [mag]; those
        in the catalogue are without it.
    colour_cuts : all hold for a galaxy that is taken for an emitter of ``line``; others are removed as interlopers.
    """

    line: Literal["oii", "oiii", "hb", "ha"]
    band: Band
    continuum_bands: tuple[str, str]
    flux_limit: float = Entry(gt=0)
    equivalent_width: float = Entry(ge=0)
    significance: float = Entry(ge=0)
    magnitude_floor: float = Entry(default=0.0, ge=0)
    colour_cuts: tuple[ColourCut, ...] = ()


class CatalogueMapping(Settings):
    """How to read a real catalogue.

    Attributes
    ----------
    name : name of the data set.
    object_id : column of a unique identifier; None takes the row number.
    columns : name in the store -> column of the catalogue. Known names: ``z``, ``z_err``, ``z_quality``, ``ra``,
        ``dec``, ``ebv``, ``mag_<band>``, ``mag_err_<band>``, and where the catalogue has shapes ``radius_disk``,
        ``radius_bulge`` (half-light, major axis, arcsec), ``axis_ratio_disk``, ``axis_ratio_bulge``.
    z_source : what the redshifts are.
    missing : numbers that mean "no value" in any column.
    allow : redshifts that repeat and are real, see :mod:`photoz_lit.data.redshift_codes`.
    missing_magnitudes : further numbers that mean "no value" in a magnitude.
    ranges : column of the catalogue -> closed intervals; a row is kept if its value lies in one of them.
    incomplete : what becomes of a row that lacks a magnitude of the field's bands or a redshift.
    """

    name: str
    object_id: str | None = None
    columns: dict[str, str]
    z_source: str = "spec"
    missing: Numbers = ()
    allow: Numbers = ()
    missing_magnitudes: tuple[float, ...] = ()
    ranges: dict[str, tuple[tuple[float, float], ...]] = {}
    incomplete: Literal["drop", "refuse"] = "drop"


class SimulationSettings(Settings):
    """What is simulated, and how; see ``conf/simulation``. Records without ``galaxies`` are of the earlier ones.

    Attributes
    ----------
    catalogue : real catalogue of any format of :mod:`photoz_lit.tables`; None draws from the luminosity function.
    table : its table, by name or number, where that file holds several.
    mapping : how to read it.
    n_galaxies : number of galaxies; None takes every row of the catalogue.
    stamp_size : side of a stamp [pixel].
    stamps : False writes the catalogue alone.
    processes : worker processes; None takes every core. The result does not depend on it.
    magnitude_bright, magnitude_faint, z_max : override the field's window.
    labels : overrides the window's label sources.
    representative : True draws the magnitude-limited sample whatever the window's ``photometric_share``.
    galaxies_of : field whose galaxies are drawn (selection, structure, places, Galactic dust, random numbers,
        neighbours), to be seen under the conditions and through the filters of the simulated field; None takes its own.
    conditions : observing conditions in parts, see :class:`ConditionSettings`; None takes the field's own.
    emitters : a narrow-band survey whose galaxies alone are drawn, see :class:`EmitterSettings`; None draws all.
    neighbours : factor on the surface density of neighbouring galaxies and stars; 0 draws none.
    centroid_jitter : scatter of the catalogue position about the galaxy's centre, per axis [arcsec].
    magnitude_floor : calibration scatter [mag]: every galaxy and band has its own factor on its flux, the same in
        pixels and in measured magnitudes.
    windows : field name -> :class:`SurveyWindow`.
    disturbances : field name -> :class:`Disturbances`; fields that are not named have none.
    galaxies : which galaxies there are, also as neighbours; see :class:`GalaxyPopulation`.
    """

    catalogue: Annotated[Path | None, Input.FILE, Role.PLACE]
    table: str | int | None = None
    mapping: CatalogueMapping | None
    n_galaxies: int | None = Entry(ge=1)
    stamp_size: int = Entry(ge=8)
    stamps: bool
    processes: Annotated[int | None, Role.MACHINE] = Entry(ge=1)
    magnitude_bright: float | None
    magnitude_faint: float | None
    z_max: float | None = Entry(gt=0, le=7)
    labels: tuple[LabelSource, ...] | None
    representative: bool
    galaxies_of: str | None
    conditions: ConditionSettings | None
    emitters: EmitterSettings | None
    neighbours: float = Entry(ge=0)
    centroid_jitter: float = Entry(ge=0)
    magnitude_floor: float = Entry(ge=0)
    windows: dict[str, SurveyWindow]
    disturbances: dict[str, Disturbances] = {}
    galaxies: GalaxyPopulation = Entry(default_factory=earlier_galaxies)
