"""Photometric redshifts by template fitting, as LePhare (Ilbert et al. 2009) and BPZ (Benítez 2000) do it.

χ² of every template at every redshift with a free amplitude, marginalised over the templates. They are the continua
along ``sed_mix.TRACK``, with lines as in Ilbert et al. 2009, behind a few values of A_V. Simulated galaxies scatter
about that track but are made of the same continua, so on simulated fields this rival is better off than on real ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from photoz_lit.fields import Field
from photoz_lit.simulation.photometry import STEPS_PER_REDSHIFT, photometry_grid
from photoz_lit.simulation.sed_mix import TRACK, along_track
from photoz_lit.simulation.spectra import CONTINUA, LINE_GROUPS, LOG_STEP

FloatArray = NDArray[np.float64]

A_V_STEPS = (0.0, 0.15, 0.3, 0.5, 0.8, 1.2, 1.8)
#: Relative error of a template's flux, added to the measured one (Ilbert et al. 2009 sect. 4.1: 0.02-0.05 mag).
TEMPLATE_ERROR = 0.03
#: Galaxies fitted at a time; bounds the memory at some 100 MB.
CHUNK = 64
#: Prior of Benítez 2000 (ApJ 536, 571, table 1), per type (elliptical, spiral, irregular): α, z_0, k of
#: p(z | T, m) ∝ z^α exp(-(z / (z_0 + k (m - 20)))^α), and f, κ of p(T | m) = f exp(-κ (m - 20)), irregulars the rest.
PRIOR = ((2.46, 0.431, 0.091, 0.35, 0.147), (1.81, 0.390, 0.0636, 0.50, 0.450), (0.91, 0.063, 0.123, 0.0, 0.0))
#: Intrinsic UV - V from which on a template is an elliptical, a spiral.
TYPE_COLOURS = (3.2, 1.7)


@dataclass(frozen=True)
class TemplateLibrary:
    """Fluxes of all templates at all redshifts.

    Attributes
    ----------
    bands : names of the bands.
    z : (n_z,) redshifts, uniform in ln(1+z).
    flux : (bands, n_z * templates) AB maggies of any scale, float32, redshift varying slowest.
    kind : (templates,) 0 elliptical, 1 spiral, 2 irregular.
    reddening : (bands,) Galactic A_band / E(B-V) [mag/mag].
    """

    bands: tuple[str, ...]
    z: FloatArray
    flux: NDArray[np.float32]
    kind: NDArray[np.int64]
    reddening: FloatArray


@dataclass(frozen=True)
class PhotoZ:
    """Redshifts of n galaxies.

    Attributes
    ----------
    z_phot, z_lo68, z_hi68 : (n,) median, 16 % and 84 % quantile of the PDF.
    pdf : (n, n_bins) probability in the bins of a redshift grid, rows add up to 1; float32.
    chi2 : (n,) least χ².
    """

    z_phot: FloatArray
    z_lo68: FloatArray
    z_hi68: FloatArray
    pdf: NDArray[np.float32]
    chi2: FloatArray


def template_library(
    filters: Mapping[str, Mapping[str, float]],
    z_max: float = 6.0,
    colours: int = 24,
    a_v: tuple[float, ...] = A_V_STEPS,
    stride: int = 3,
) -> TemplateLibrary:
    """Compute the library of a field's bands.

    Parameters
    ----------
    filters : band -> mixture of filter names, as in ``Band.filter``.
    z_max : redshift limit.
    colours : steps along the track from the bluest to the reddest spectrum.
    a_v : attenuations in the galaxy [mag].
    stride : step in ln(1+z) in units of 0.002, the step of the photometry.
    """
    grid = photometry_grid(filters)
    shares, _ = along_track(np.linspace(TRACK[0][0], TRACK[-1][0], colours))
    lines = np.repeat((shares @ grid.uv)[:, None], len(LINE_GROUPS), axis=1)
    weights = np.repeat(np.hstack([shares, lines]), len(a_v), axis=0)
    dust = np.tile(a_v, colours)
    step = stride * STEPS_PER_REDSHIFT * LOG_STEP
    z = np.expm1(step * np.arange(1, int(np.log1p(z_max) / step) + 2))
    clear = np.zeros(dust.size)
    flux = np.stack([grid.maggies(weights, np.full(dust.size, one), dust, clear) for one in z])
    flux /= flux.mean(axis=2, keepdims=True)
    colour = np.repeat(np.linspace(TRACK[0][0], TRACK[-1][0], colours), len(a_v))
    kind = np.where(colour >= TYPE_COLOURS[0], 0, np.where(colour >= TYPE_COLOURS[1], 1, 2))
    reddening = grid.reddening[: z.size, : len(CONTINUA)].mean(axis=(0, 1))
    return TemplateLibrary(
        tuple(filters), z, flux.reshape(-1, len(filters)).T.astype(np.float32), kind, np.asarray(reddening)
    )


def fit_photo_z(
    magnitude: FloatArray,
    error: FloatArray,
    ebv: FloatArray,
    library: TemplateLibrary,
    field: Field,
    prior: bool = True,
    template_error: float = TEMPLATE_ERROR,
) -> PhotoZ:
    """Fit every galaxy.

    Parameters
    ----------
    magnitude, error : (n, bands) as measured [AB mag], in the library's order. A value without number is a flux of 0
        with the noise of the field's depth.
    ebv : (n,) Galactic E(B-V) [mag].
    library : of the same bands.
    field : redshift grid, reference band and depths.
    prior : True multiplies by Benítez' prior of the reference magnitude, False is flat in redshift and template.
    template_error : relative error of a template's flux.
    """
    depth = np.array([field.bands[name].limit for name in library.bands])
    seen = np.isfinite(magnitude) & np.isfinite(error)
    clear = magnitude - ebv[:, None] * library.reddening
    flux = np.where(seen, 10 ** (-0.4 * np.where(seen, clear, 0.0)), 0.0)
    sigma = np.where(seen, flux * np.where(seen, error, 0.0) / 1.0857, 10 ** (-0.4 * depth) / 5)
    sigma = np.hypot(sigma, template_error * flux)
    reference = field.reference_band if field.reference_band in library.bands else library.bands[-1]
    brightness = clear[:, library.bands.index(reference)]
    weight = _prior(brightness, library) if prior else None
    log_z, log_edges = np.log1p(library.z), np.log1p(field.z_edges)
    cumulative = np.empty((len(flux), field.z_edges.size))
    quantiles, least = np.empty((len(flux), 3)), np.empty(len(flux))
    for start in range(0, len(flux), CHUNK):
        rows = slice(start, start + CHUNK)
        density, least[rows] = _posterior(flux[rows], sigma[rows], library, None if weight is None else weight[rows])
        density = density * (1 + library.z)  # from per redshift to per ln(1+z)
        total = np.pad(np.cumsum(0.5 * (density[:, 1:] + density[:, :-1]), axis=1), ((0, 0), (1, 0)))
        for row, steps in enumerate(total / total[:, -1:], start):
            cumulative[row] = np.interp(log_edges, log_z, steps, left=0.0, right=1.0)
            quantiles[row] = np.expm1(np.interp((0.5, 0.16, 0.84), steps, log_z))
    pdf = np.diff(cumulative, axis=1) + 1e-12
    pdf /= pdf.sum(axis=1, keepdims=True)
    return PhotoZ(quantiles[:, 0], quantiles[:, 1], quantiles[:, 2], pdf.astype(np.float32), least)


def _posterior(
    flux: FloatArray, sigma: FloatArray, library: TemplateLibrary, weight: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    """Density per unit redshift (n, n_z) of any scale, and the least χ² (n,)."""
    scale = flux.max(axis=1, keepdims=True).clip(1e-30)
    inverse = (scale / sigma) ** 2
    cross = ((flux / scale) * inverse).astype(np.float32) @ library.flux
    square = inverse.astype(np.float32) @ library.flux**2
    gain = np.square(np.clip(cross, 0.0, None)) / square  # by which the best amplitude lowers χ²
    best = gain.max(axis=1, keepdims=True)
    likelihood = np.exp(0.5 * (gain - best)).reshape(len(flux), library.z.size, -1)
    constant = ((flux / scale) ** 2 * inverse).sum(axis=1)
    if weight is None:
        density = likelihood.sum(axis=2)
    else:
        of_kind = np.stack([likelihood[:, :, library.kind == k].sum(axis=2) for k in range(len(PRIOR))], axis=1)
        density = (of_kind * weight).sum(axis=1)
    return np.asarray(density, np.float64) + 1e-30, np.asarray(constant - best[:, 0], np.float64)


def _prior(magnitude: FloatArray, library: TemplateLibrary) -> FloatArray:
    """p(z, T | m) shared among the templates of a type, (n, types, n_z)."""
    beyond = np.clip(np.nan_to_num(magnitude, nan=25.0) - 20.0, 0.0, 6.0)[:, None]
    fraction: list[FloatArray] = [share * np.exp(-decay * beyond) for *_, share, decay in PRIOR]
    fraction[-1] = 1.0 - fraction[0] - fraction[1]
    out = np.empty((len(magnitude), len(PRIOR), library.z.size))
    for k, (alpha, z_0, slope, _, _) in enumerate(PRIOR):
        density = library.z**alpha * np.exp(-((library.z / (z_0 + slope * beyond)) ** alpha))
        density /= np.reshape(np.trapezoid(density, library.z, axis=1), (-1, 1))
        out[:, k] = fraction[k] * density / max(int((library.kind == k).sum()), 1)
    return out
