"""The seeing of stamps' bands, from the widths of the most compact galaxies.

Stamps are of galaxies, so no width is the seeing itself. The galaxies that the *other* bands show to be the most
compact are taken, and the median of their widths in this band: a low percentile of the band's own widths would follow
its noise. The brightest share of the galaxies takes part, not those above a signal-to-noise ratio, so that two fields
of different depth are measured with the same kind of galaxy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from photoz_lit.imaging.sky import usable
from photoz_lit.imaging.stamps import Stamps

Floats = NDArray[np.float64]

BRIGHT_SHARE = 0.5  # of the galaxies, in each band
LEAST_SIGNAL = 15.0  # signal-to-noise in a 2 arcsec aperture below which a width is noise
COMPACT_SHARE = 0.08  # of the bright galaxies
FEWEST = 5  # galaxies from which a seeing is given
REACH = 10  # pixel from the stamp's centre that widths look at
ITERATIONS = 25
MOFFAT_BETA = 3.0  # typical of HSC and MegaCam; widths of a Moffat between 2.5 and 4 give the same FWHM to 3 %
_BLOCK = 256


def measured_seeing(
    stamps: Stamps, galaxies: NDArray[np.int64], background: Floats, aperture_noise: Floats
) -> tuple[Floats, Floats]:
    """Return the seeing and its standard error [arcsec], (bands,) each; NaN where too few galaxies are bright.

    Parameters
    ----------
    stamps, galaxies : whose stamps.
    background : level of the sky [flux per pixel], (bands,).
    aperture_noise : standard deviation of the flux in a 2 arcsec aperture, (bands,).
    """
    scale = stamps.pixel_scale
    flux, width = measured_widths(stamps, galaxies, background)
    with np.errstate(invalid="ignore", divide="ignore"):
        signal = np.where(np.isfinite(width), flux / aperture_noise, np.nan)
        bright = (signal > LEAST_SIGNAL) & (flux >= np.nanpercentile(_padded(flux), 100 * (1 - BRIGHT_SHARE), axis=0))
        size = np.where(bright, width, np.nan)
        relative = np.log(size / np.nanmedian(_padded(size), axis=0))
    weight = np.where(np.isfinite(relative), np.clip(np.nan_to_num(signal), 0, 100) ** 2, 0.0)
    seeing, error = np.full(len(stamps.bands), np.nan), np.full(len(stamps.bands), np.nan)
    for k in range(len(stamps.bands)):
        others = [j for j in range(len(stamps.bands)) if j != k] or [k]
        total = weight[:, others].sum(axis=1)
        rank = np.nansum(weight * np.nan_to_num(relative), axis=1, where=np.isin(np.arange(len(stamps.bands)), others))
        known = np.flatnonzero(bright[:, k] & (total > 0))
        if len(known) < FEWEST:
            continue
        order = known[np.argsort(rank[known] / total[known], kind="stable")]
        chosen = width[order[: max(FEWEST, round(COMPACT_SHARE * len(known)))], k]
        middle = float(np.median(chosen))
        seeing[k] = fwhm_of_width(middle) * scale
        spread = 1.4826 * float(np.median(np.abs(chosen - middle)))
        error[k] = 1.2533 * spread / np.sqrt(len(chosen)) * seeing[k] / middle
    return seeing, error


def measured_widths(
    stamps: Stamps, galaxies: NDArray[np.int64], background: Floats
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return flux within 1 arcsec and adaptive width [pixel] of the central galaxies, (n, bands) each, or NaN."""
    fluxes, widths = [], []
    centre = (stamps.stamp_size - 1) / 2
    y, x = np.mgrid[: stamps.stamp_size, : stamps.stamp_size] - centre
    inside = (np.hypot(x, y) * stamps.pixel_scale <= 1.0).astype(np.float32)
    reach = min(REACH, stamps.stamp_size // 2)
    cut = slice(stamps.stamp_size // 2 - reach, stamps.stamp_size // 2 + reach)
    for start in range(0, len(galaxies), _BLOCK):
        flux = stamps.flux(galaxies[start : start + _BLOCK])
        known = usable(flux)
        flux = np.nan_to_num(flux - np.nan_to_num(background).astype(np.float32)[:, None, None])
        fluxes.append(np.where(known, np.tensordot(flux, inside, axes=2), np.nan))
        small = flux[:, :, cut, cut].reshape(-1, 2 * reach, 2 * reach)
        widths.append(np.where(known, adaptive_width(small).reshape(known.shape), np.nan))
    return np.concatenate(fluxes), np.concatenate(widths)


def adaptive_width(stamps: NDArray[np.float32]) -> Floats:
    """Return the sigma [pixel] of the round Gaussian that fits each stamp best, (n,), from stamps (n, side, side).

    Adaptive moments (Bernstein & Jarvis 2002, AJ 123, 583, sect. 3.1): the Gaussian weight takes centre and width of
    what it measures until both agree. NaN where they do not come to rest on the stamp.
    """
    n, side = stamps.shape[:2]
    place = (np.arange(side) - (side - 1) / 2).astype(np.float32)
    x = y = np.zeros(n, np.float32)
    variance = np.full(n, 4.0, np.float32)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        for _ in range(ITERATIONS):
            dx, dy = place - x[:, None], place - y[:, None]
            wx, wy = np.exp(-0.5 * dx**2 / variance[:, None]), np.exp(-0.5 * dy**2 / variance[:, None])
            along = np.einsum("nyx,nx->ny", stamps, wx)
            total = np.einsum("ny,ny->n", along, wy)
            mean_x = np.einsum("ny,ny->n", np.einsum("nyx,nx->ny", stamps, wx * dx), wy) / total
            mean_y = np.einsum("ny,ny->n", along, wy * dy) / total
            square_x = np.einsum("ny,ny->n", np.einsum("nyx,nx->ny", stamps, wx * dx**2), wy) / total
            square_y = np.einsum("ny,ny->n", along, wy * dy**2) / total
            measured = 0.5 * (square_x + square_y - mean_x**2 - mean_y**2)
            x, y = x + np.clip(2 * mean_x, -1, 1), y + np.clip(2 * mean_y, -1, 1)
            # The product of two Gaussians: 1 / measured = 1 / width² + 1 / weight².
            new = 1.0 / (1.0 / measured - 1.0 / variance)
            step = np.abs(new / variance - 1.0)
            variance = np.clip(np.where(new > 0, new, 1.5 * variance), 0.3, side**2)
    settled = (step < 0.02) & (np.hypot(x, y) < 0.25 * side) & (variance < (0.5 * side) ** 2) & (total > 0)
    return np.where(settled, np.sqrt(variance), np.nan).astype(np.float64)


def fwhm_of_width(width: float) -> float:
    """Return the FWHM [pixel] of the Moffat whose pixels have an adaptive width [pixel]."""
    fwhm = np.geomspace(1.2, 14.0, 24)
    widths = adaptive_width(np.stack([_moffat(float(f)) for f in fwhm]).astype(np.float32))
    known = np.isfinite(widths)
    return float(np.interp(width, widths[known], fwhm[known]))


def _moffat(fwhm: float) -> Floats:
    """A Moffat in the middle of pixels, averaged over each, (side, side)."""
    fine, side = 7, 2 * REACH
    place = (np.arange(side * fine) + 0.5) / fine - side / 2
    square = place[:, None] ** 2 + place[None, :] ** 2
    profile = (1 + square * 4 * (2 ** (1 / MOFFAT_BETA) - 1) / fwhm**2) ** -MOFFAT_BETA
    return np.asarray(profile.reshape(side, fine, side, fine).mean(axis=(1, 3)))


def _padded(values: Floats) -> Floats:
    """The same with 0-filled columns where all is NaN, so that nothing warns."""
    empty = ~np.isfinite(values).any(axis=0)
    return np.where(empty, 0.0, values)
