"""Measure every stamp of a store: sky, flux, position, missing and saturated pixels, in one pass of bounded memory."""

from __future__ import annotations

import warnings
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from photoz_lit.data.store import CutoutStore
from photoz_lit.progress import counted

ROWS = 256  # stamps held at once
FLUX_RADIUS = 3.0  # arcsec, or the stamp's edge
CENTROID_RADIUS = 2.0  # arcsec, or the stamp's edge
CORE_RADIUS = 1.0  # arcsec
PLATEAU = 4  # as many pixels at a stamp's highest value are saturated …
PLATEAU_SIGMA = 50.0  # … where that is as many sky sigma above the sky
_BORDER = 2  # pixels


@dataclass(frozen=True)
class Measurements:
    """Measurements per galaxy and band.

    Attributes
    ----------
    missing : pixels without a value, (N, bands).
    infinite : a pixel is infinite, (N, bands).
    constant : all pixels are equal, (N, bands).
    saturated : the brightest pixels form a plateau, (N, bands).
    sky, noise : median and 1.4826 · MAD of the outermost pixels [flux unit], (N, bands).
    flux : sky-subtracted flux within 3 arcsec, (N, bands).
    signal_to_noise : of the flux within 1 arcsec, pixel noise taken as independent, (N, bands).
    x, y : centroid from the stamp's centre [pixel], (N, bands).
    checksum : CRC-32 of the central pixels of all bands, (N,).
    """

    missing: NDArray[np.int64]
    infinite: NDArray[np.bool_]
    constant: NDArray[np.bool_]
    saturated: NDArray[np.bool_]
    sky: NDArray[np.float64]
    noise: NDArray[np.float64]
    flux: NDArray[np.float64]
    signal_to_noise: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    checksum: NDArray[np.int64]


def measure(store: CutoutStore, console: Console) -> Measurements:
    """Measure all stamps of a store.

    Parameters
    ----------
    store : the store.
    console : where the progress is shown.
    """
    kernel = _apertures(store.header.height, store.header.width, store.header.pixel_scale)
    parts = []
    with counted("galaxies", console) as progress:
        task = progress.add_task("measuring", total=len(store))
        for start in range(0, len(store), ROWS):
            images = np.asarray(store.images[start : start + ROWS], np.float32)
            parts.append(_measure_rows(images, kernel))
            progress.advance(task, len(images))
    names = Measurements.__dataclass_fields__
    return Measurements(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def _apertures(height: int, width: int, pixel_scale: float) -> NDArray[np.float32]:
    """Return the weights of the sums that are measured, (height · width, 5).

    Columns: 0 flux aperture, 1 core of 1 arcsec, 2 centroid aperture, 3 and 4 the same times x and y.
    """
    y, x = np.mgrid[:height, :width].astype(np.float64)
    x -= (width - 1) / 2
    y -= (height - 1) / 2
    radius = np.hypot(x, y) * pixel_scale
    edge = (min(height, width) - 1) / 2 * pixel_scale
    flux = radius <= min(FLUX_RADIUS, edge)
    core = radius <= CORE_RADIUS
    near = radius <= min(CENTROID_RADIUS, edge)
    columns = [flux, core, near, near * x, near * y]
    return np.stack([np.asarray(c, np.float32).ravel() for c in columns], axis=1)


def _measure_rows(images: NDArray[np.float32], kernel: NDArray[np.float32]) -> Measurements:
    n, bands, height, width = images.shape
    infinite = np.asarray(np.isinf(images).any(axis=(2, 3)))
    if infinite.any():
        images = np.where(np.isinf(images), np.float32(np.nan), images)
    finite = np.isfinite(images)
    high = np.where(finite, images, -np.inf).max(axis=(2, 3))
    low = np.where(finite, images, np.inf).min(axis=(2, 3))
    sky, noise = _sky(images)
    level = np.nan_to_num(sky)[..., None, None].astype(np.float32)
    flat = np.where(finite, images - level, np.float32(0.0)).reshape(n * bands, height * width)
    sums = (flat @ kernel).astype(np.float64).reshape(n, bands, -1)
    plateau = (images == high[..., None, None]).sum(axis=(2, 3)) >= PLATEAU
    with np.errstate(divide="ignore", invalid="ignore"):
        snr = sums[..., 1] / (noise * np.sqrt(kernel[:, 1].sum()))
        x, y = sums[..., 3] / sums[..., 2], sums[..., 4] / sums[..., 2]
        bright = (high - sky) > PLATEAU_SIGMA * noise
    half = slice(height // 2 - 4, height // 2 + 4), slice(width // 2 - 4, width // 2 + 4)
    centres = np.ascontiguousarray(images[:, :, half[0], half[1]])
    return Measurements(
        missing=(~finite).sum(axis=(2, 3)),
        infinite=infinite,
        constant=high <= low,
        saturated=plateau & bright & (high > low),
        sky=sky,
        noise=noise,
        flux=sums[..., 0],
        signal_to_noise=snr,
        x=x,
        y=y,
        checksum=np.array([zlib.crc32(centre.tobytes()) for centre in centres], np.int64),
    )


def _sky(images: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return median and 1.4826 · MAD of the two outermost rows and columns, NaN where they have no value."""
    inner = slice(_BORDER, -_BORDER)
    n, bands = images.shape[:2]
    border: NDArray[np.float32] = np.concatenate(
        [
            images[:, :, :_BORDER].reshape(n, bands, -1),
            images[:, :, -_BORDER:].reshape(n, bands, -1),
            images[:, :, inner, :_BORDER].reshape(n, bands, -1),
            images[:, :, inner, -_BORDER:].reshape(n, bands, -1),
        ],
        axis=-1,
    )
    # The plain median is far faster than the one that looks for NaN.
    median = np.median if bool(np.isfinite(border).all()) else np.nanmedian
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a border without any value; its median is NaN
        sky = np.asarray(median(border, axis=-1))
        noise = np.asarray(median(np.abs(border - sky[..., None]), axis=-1))
    return sky.astype(np.float64), 1.4826 * noise.astype(np.float64)
