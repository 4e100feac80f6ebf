"""Transmission curves of real filters, and mixtures of them."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from photoz_lit.errors import InputError, nearest
from photoz_lit.extras import require_extra
from photoz_lit.fields import Band

FloatArray = NDArray[np.float64]


def filter_curve(name: str) -> tuple[FloatArray, FloatArray]:
    """Load one filter curve from the data that speclite or sedpy carry.

    Parameters
    ----------
    name : ``"speclite:<group>-<band>"`` or ``"sedpy:<name>"``, for example ``"speclite:hsc2017-r2"``,
        ``"sedpy:vista_vircam_J"``, or ``"box:<centre>,<full width at half maximum>"`` [Angstrom]. Curves of
        the libraries are total responses per photon (telescope, detector and, where they say so, atmosphere).

    Returns
    -------
    wavelength : (n,) [Angstrom], increasing.
    response : (n,) dimensionless, at least 0.

    Raises
    ------
    InputError : neither library has the filter, or the extra ``sim`` is not installed.
    """
    library, _, curve = name.partition(":")
    if library == "speclite" and curve:
        return _speclite(name, curve)
    if library == "sedpy" and curve:
        return _sedpy(name, curve)
    if library == "box" and curve:
        return _box(name, curve)
    raise InputError(f"filter '{name}' is not of the form 'speclite:<name>', 'sedpy:<name>' or 'box:<centre>,<width>'.")


def mixed_response(mixture: Mapping[str, float], wavelength: FloatArray) -> FloatArray:
    """Response of a band whose exposures were taken through one or several filters.

    Parameters
    ----------
    mixture : filter name -> share of the exposures (any positive scale).
    wavelength : (n,) grid [Angstrom].

    Returns
    -------
    (n,) response, each filter weighted by its share after scaling to unit ∫ R dlnλ: a coadd averages images that
    are calibrated to one AB zero point.

    Raises
    ------
    InputError : a filter is unknown, a share is not positive, or a curve lies outside the grid.
    """
    total = np.zeros_like(wavelength)
    for name, share in mixture.items():
        if share <= 0:
            raise InputError(f"filter '{name}' has the share {share}; give a positive one.")
        lam, response = filter_curve(name)
        on_grid = np.interp(wavelength, lam, response, left=0.0, right=0.0)
        norm = np.trapezoid(on_grid, np.log(wavelength))
        if norm <= 0:
            raise InputError(f"filter '{name}' lies outside {wavelength[0]:.0f} to {wavelength[-1]:.0f} Angstrom.")
        total += share * on_grid / norm
    if not mixture:
        raise InputError("a band has no filter; name at least one.")
    return total


def log_wavelength(band: Band) -> float:
    """Response-weighted mean of ln(λ / Angstrom) of a band's filters."""
    parts = [(share, *filter_curve(name)) for name, share in band.filter.items()]
    means = [(w, float(np.average(np.log(lam), weights=r + 1e-30))) for w, lam, r in parts]
    return sum(w * m for w, m in means) / sum(w for w, _ in means)


def _box(name: str, curve: str) -> tuple[FloatArray, FloatArray]:
    try:
        centre, width = (float(number) for number in curve.split(","))
    except ValueError as error:
        raise InputError(f"filter '{name}' is not of the form 'box:<centre>,<width>'.") from error
    if not 0 < width < centre:
        raise InputError(f"filter '{name}' needs a width between 0 and its centre.")
    half, edge = 0.5 * width, 0.05 * width
    return centre + np.array([-half - edge, -half + edge, half - edge, half + edge]), np.array([0.0, 1.0, 1.0, 0.0])


def _speclite(name: str, curve: str) -> tuple[FloatArray, FloatArray]:
    require_extra("sim", f"filter '{name}'", ("speclite",))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import speclite.filters as library

        try:
            loaded = library.load_filter(curve)
        except (ValueError, OSError) as error:
            folder = Path(library.__file__).parent / "data" / "filters"
            raise InputError(
                f"unknown filter '{name}'{nearest(curve, [p.stem for p in folder.glob('*.ecsv')])}"
            ) from error
    return np.asarray(loaded.wavelength, np.float64), np.clip(np.asarray(loaded.response, np.float64), 0.0, None)


def _sedpy(name: str, curve: str) -> tuple[FloatArray, FloatArray]:
    require_extra("sim", f"filter '{name}'", ("sedpy",))
    with warnings.catch_warnings(), Path(os.devnull).open("w") as sink, contextlib.redirect_stdout(sink):
        warnings.simplefilter("ignore")
        from sedpy import observate

        folder = Path(observate.__file__).parent / "data" / "filters"
        if not (folder / f"{curve}.par").is_file():
            raise InputError(f"unknown filter '{name}'{nearest(curve, [p.stem for p in folder.glob('*.par')])}")
        loaded = observate.Filter(curve)
    order = np.argsort(loaded.wavelength)
    wavelength = np.asarray(loaded.wavelength, np.float64)[order]
    return wavelength, np.clip(np.asarray(loaded.transmission, np.float64)[order], 0.0, None)
