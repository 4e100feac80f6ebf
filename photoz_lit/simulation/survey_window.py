"""The field whose galaxies are drawn, its magnitude window, and the conditions under which they are observed."""

from __future__ import annotations

from photoz_lit.errors import InputError, nearest
from photoz_lit.fields import Field, load_field
from photoz_lit.simulation.conditions import mixed_conditions
from photoz_lit.simulation.disturbance_settings import Disturbances
from photoz_lit.simulation.settings import SimulationSettings, SurveyWindow


def observed_as(field: Field, settings: SimulationSettings) -> Field:
    """The field with the observing conditions that ``settings.conditions`` leaves it.

    Raises
    ------
    InputError : the base or a part is unknown, or the base lacks a band.
    """
    if settings.conditions is None:
        return field
    return mixed_conditions(field, _other(field, settings.conditions.base), settings.conditions.parts)


def origin_of(field: Field, settings: SimulationSettings) -> Field:
    """The field whose galaxies are drawn.

    Raises
    ------
    InputError : there is no such field, or galaxies come from a real catalogue.
    """
    for name in ("galaxies_of", "emitters"):
        if settings.catalogue is not None and getattr(settings, name) is not None:
            raise InputError(f"simulation.{name} draws galaxies, simulation.catalogue has them; set one of the two.")
    if settings.galaxies_of is None:
        return field
    return _other(field, settings.galaxies_of)


def disturbances_of(field: Field, settings: SimulationSettings) -> Disturbances | None:
    """Disturbances of a field; None where it has none, so that its simulations stay what they were."""
    found = settings.disturbances.get(field.name)
    return None if found is None or found == Disturbances() else found


def _other(field: Field, name: str) -> Field:
    return field if name == field.name else load_field(name)


def survey_window(field: Field, settings: SimulationSettings) -> SurveyWindow:
    """The window of the field whose galaxies are drawn, with the overrides of the settings.

    Raises
    ------
    InputError : the settings have no window for this field, or an override makes it empty.
    """
    field = origin_of(field, settings)
    if field.name not in settings.windows:
        tail = nearest(field.name, settings.windows)
        raise InputError(f"simulation.windows has no entry for field '{field.name}'{tail}")
    overrides = {
        name: value
        for name in ("magnitude_bright", "magnitude_faint", "z_max", "labels")
        if (value := getattr(settings, name)) is not None
    }
    window = settings.windows[field.name].model_copy(update=overrides)
    if window.magnitude_bright >= window.magnitude_faint:
        raise InputError(
            f"simulation.magnitude_bright={window.magnitude_bright:g} is not brighter than"
            f" magnitude_faint={window.magnitude_faint:g}."
        )
    return window.model_copy(update={"z_max": min(window.z_max, float(field.z_edges[-1]))})
