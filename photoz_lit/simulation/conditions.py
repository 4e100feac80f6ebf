"""One field's observing conditions in parts, to ask which part of the difference between two fields does the harm."""

from __future__ import annotations

from collections.abc import Sequence

from photoz_lit.errors import InputError, nearest
from photoz_lit.fields import Field

#: Part of the observing conditions -> keys of a band that belong to it.
PARTS: dict[str, tuple[str, ...]] = {
    "filters": ("filter",),
    "depth": ("depth", "gain"),
    "seeing": ("seeing", "moffat_beta", "psf_ellipticity"),
    "background": ("background",),
    "zero_points": ("zero_point_error",),
    "noise_correlation": ("noise_correlation",),
}


def mixed_conditions(field: Field, base: Field, parts: Sequence[str]) -> Field:
    """Return ``field`` observed as ``base``, except for the named parts, which stay the field's own.

    Parameters
    ----------
    field : gives name, bands, pixel scale, zero points, redshift grid, and the named parts.
    base : gives all other observing conditions; needs every band of ``field``.
    parts : names in :data:`PARTS`; none gives the base's conditions, all give the field's.

    Raises
    ------
    InputError : a part is unknown or the base lacks a band.
    """
    for part in parts:
        if part not in PARTS:
            tail = nearest(part, PARTS)
            raise InputError(f"simulation.conditions.parts: unknown part '{part}'{tail}")
    missing = [name for name in field.bands if name not in base.bands]
    if missing:
        raise InputError(
            f"simulation.conditions.base: field '{base.name}' has no band {', '.join(missing)} of '{field.name}';"
            " choose a base with all its bands."
        )
    others = [key for part, keys in PARTS.items() if part not in parts for key in keys]
    bands = {
        name: band.model_copy(update={key: getattr(base.bands[name], key) for key in others})
        for name, band in field.bands.items()
    }
    return field.model_copy(update={"bands": bands})
