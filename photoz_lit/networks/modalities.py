"""Modalities: ordered tuples of bands, each read by a separate branch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from photoz_lit.errors import InputError, nearest
from photoz_lit.networks.settings import ModalitySettings

Modality: TypeAlias = tuple[str, ...]


def modality_name(modality: Modality) -> str:
    """Name of a modality: its bands joined by ``_``, e.g. ``u_g``."""
    return "_".join(modality)


def neighbours(bands: Sequence[str], size: int, order: int) -> list[Modality]:
    """Modalities of ``size`` bands, taking every ``order``-th neighbour, one from every band they fit behind.

    Raises
    ------
    InputError : the bands do not reach that far.

    Examples
    --------
    >>> neighbours("ugriz", 3, 2)
    [('u', 'r', 'z')]
    """
    if size < 1 or order < 1:
        raise InputError(f"modality.size {size} and modality.order {order} must be 1 or more.")
    reach = (size - 1) * order + 1
    if reach > len(bands):
        raise InputError(
            f"modality.size {size} with modality.order {order} spans {reach} bands, but there are {len(bands)} "
            f"({' '.join(bands)}); take a smaller size or order."
        )
    return [tuple(bands[start : start + reach : order]) for start in range(len(bands) - reach + 1)]


def modalities_of(settings: ModalitySettings, bands: Sequence[str]) -> list[Modality]:
    """Return the modalities that the settings describe for an ordered list of bands, each one once.

    Raises
    ------
    InputError : a set is empty, holds a band twice or one that is not there, or the bands cannot fill a size and order.
    """
    if settings.sets is not None:
        return _explicit(settings.sets, bands)
    if settings.size == "all":
        return [tuple(bands)]
    orders = [settings.order] if isinstance(settings.order, int) else settings.order
    if not orders:
        raise InputError("modality.order is an empty list; name at least one order.")
    found = [modality for order in orders for modality in neighbours(bands, settings.size, order)]
    return list(dict.fromkeys(found))


def _explicit(sets: Sequence[Sequence[str]], bands: Sequence[str]) -> list[Modality]:
    if not sets:
        raise InputError("modality.sets is an empty list; name at least one set of bands.")
    for bands_of_set in sets:
        if not bands_of_set or len(set(bands_of_set)) < len(bands_of_set):
            raise InputError(f"modality.sets: {list(bands_of_set)} must hold at least one band, and no band twice.")
        for band in bands_of_set:
            if band not in bands:
                raise InputError(f"modality.sets: no band '{band}' in {' '.join(bands)}{nearest(band, bands)}")
    found = [tuple(bands_of_set) for bands_of_set in sets]
    if len(set(found)) < len(found):
        raise InputError("modality.sets holds the same set twice; keep one of them.")
    return found
