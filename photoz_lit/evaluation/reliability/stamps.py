"""What a stamp shows beside its galaxy: a bright neighbour, missing pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, maximum_filter

Bools = NDArray[np.bool_]

RADIUS = 3.0  # FWHM of the seeing within which a neighbour counts
APART = 1.0  # FWHM: a maximum nearer to the centre is the galaxy itself
RATIO = 0.1  # of a neighbour's peak to the galaxy's
SIGNIFICANCE = 5.0  # of a neighbour's peak above the sky, in sigmas of the smoothed sky
MISSING = 0.005  # share of a band's pixels without a value from which it counts


@dataclass(frozen=True)
class StampFlags:
    """Flags of n galaxies.

    Attributes
    ----------
    blended : whether another source is near the galaxy in the reference band, (n,).
    edge : whether pixels are missing in a band, as at the edge of an image, (n,).
    """

    blended: Bools
    edge: Bools


def stamp_flags(flux: NDArray[np.float32], reference: int, seeing: float, absent: Bools | None = None) -> StampFlags:
    """Look at stamps.

    A neighbour is a maximum of the smoothed reference band between 1 and 3 FWHM from the centre, five sigmas above the
    sky and at a tenth of the galaxy's own peak or more. A pixel is missing where it is NaN or exactly 0.

    Parameters
    ----------
    flux : linear flux, (n, bands, height, width).
    reference : number of the band that is searched for neighbours.
    seeing : its FWHM [pixel].
    absent : bands that a galaxy lacks altogether, (n, bands), which do not count as missing pixels.
    """
    no_value = ~np.isfinite(flux) | (flux == 0)
    share = no_value.mean(axis=(2, 3))
    if absent is not None:
        share = np.where(absent, 0.0, share)
    return StampFlags(
        _blended(np.nan_to_num(flux[:, reference], posinf=0.0, neginf=0.0), seeing), (share > MISSING).any(axis=1)
    )


def _blended(image: NDArray[np.float32], seeing: float) -> Bools:
    """Whether another source is near the centre of images (n, height, width)."""
    if not len(image):
        return np.zeros(0, bool)
    smooth = gaussian_filter(image.astype(np.float64), (0, *[seeing / 2.355] * 2), mode="nearest")
    y, x = np.indices(image.shape[1:]) - 0.5 * (np.array(image.shape[1:])[:, None, None] - 1)
    distance = np.hypot(y, x) / seeing
    sky = np.median(smooth, axis=(1, 2))
    sigma = 1.4826 * np.median(np.abs(smooth - sky[:, None, None]), axis=(1, 2))
    height = smooth - sky[:, None, None]
    own = height[:, distance < APART].max(axis=1, initial=0.0)
    near = (distance >= APART) & (distance <= RADIUS)
    peaks = np.where((smooth == maximum_filter(smooth, (1, 3, 3))) & near, height, 0.0).max(axis=(1, 2))
    return np.asarray((peaks > SIGNIFICANCE * sigma) & (peaks >= RATIO * own) & (peaks > 0))
