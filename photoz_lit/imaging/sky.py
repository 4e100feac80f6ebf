"""The sky of stamps: background, noise and its correlation, measured in tiles without visible sources.

Which tiles are dark is decided by the *other* bands: choosing them by the band that is measured would keep the tiles
whose noise happens to be low. The noise of two bands is independent, their sources are the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from photoz_lit.errors import InputError
from photoz_lit.imaging.stamps import Stamps

Floats = NDArray[np.float64]

TILE = 12  # pixel: holds lags far beyond any resampling kernel, and keeps clear of the galaxy in 32 pixel stamps
CLEARANCE = 4.0  # pixel from the stamp's centre that no tile may touch
DARK_SHARE = 0.12  # of the tiles; of these the half beside the fainter galaxies gives the noise
LONGEST_LAG = 5  # pixel
CLIP = 3.0  # robust sigma beyond which a tile holds something that only this band shows
LIT_SHARE = 0.5  # of the tiles, for the background: they must differ in how much light reaches them
FAINT_SHARE = 0.8  # of those: beyond it galaxies are larger and wings do not grow in proportion
APERTURE_RADIUS = 1.0  # arcsec: depths are given for 2 arcsec apertures
_FREQUENCIES = (np.arange(256) + 0.5) / 512  # cycles per pixel, midpoints of [0, 1/2]
_BLOCK = 512


@dataclass(frozen=True)
class Sky:
    """The sky of one band.

    Attributes
    ----------
    background : mean level [flux per pixel].
    noise : standard deviation of a pixel [flux].
    correlation : sigma of the Gaussian kernel that leaves the noise this correlated [pixel].
    """

    background: float
    noise: float
    correlation: float

    def aperture_noise(self, pixel_scale: float, radius: float = APERTURE_RADIUS) -> float:
        """Standard deviation of the flux in an aperture of ``radius`` [arcsec], correlation included [flux]."""
        mask = aperture(radius / pixel_scale)
        lag = np.abs(np.subtract.outer(np.arange(len(mask)), np.arange(len(mask))))
        covariance = correlation_at(self.correlation, np.arange(len(mask)))[lag]
        return float(self.noise * np.sqrt(np.sum(mask * (covariance @ mask @ covariance))))


@dataclass(frozen=True)
class Tiles:
    """Tiles of one band, the darkest first.

    Attributes
    ----------
    pixels : linear flux, (n, 12, 12).
    galaxy : mean flux per pixel near the centre of the tile's stamp, (n,).
    """

    pixels: NDArray[np.float32]
    galaxy: Floats

    @property
    def dark(self) -> NDArray[np.float32]:
        """Those without a visible source and beside a faint galaxy, (m, 12, 12)."""
        n = max(int(DARK_SHARE * len(self.pixels)), min(len(self.pixels), 40))
        darkest = self.pixels[:n][self.galaxy[:n] <= np.median(self.galaxy[:n])] if n else self.pixels
        return np.asarray(darkest[_unclipped(darkest.var(axis=(1, 2)))])


def sorted_tiles(stamps: Stamps, galaxies: NDArray[np.int64]) -> list[Tiles]:
    """Return every band's tiles, sorted by how much light the other bands show in them (its own if there is no other).

    Stamps without an image in a band (a pixel without value, or all pixels equal) do not count; a band without any
    gets no tiles.

    Raises
    ------
    InputError : the stamps are too small to have any sky.
    """
    corners, n_bands = tile_corners(stamps.stamp_size), len(stamps.bands)
    if not corners:
        raise InputError(
            f"stamps of {stamps.stamp_size} pixels leave no sky beside the galaxy; use at least 30 pixels."
        )
    near = slice((stamps.stamp_size - 10) // 2, (stamps.stamp_size + 10) // 2)
    cut, centre = [], []
    for start in range(0, len(galaxies), _BLOCK):
        flux = stamps.flux(galaxies[start : start + _BLOCK])
        flux[~usable(flux)] = np.nan
        cut.append(np.stack([flux[:, :, y : y + TILE, x : x + TILE] for y, x in corners], axis=1))
        centre.append(flux[:, :, near, near].mean(axis=(2, 3)))
    tiles = np.concatenate(cut).reshape(-1, n_bands, TILE, TILE)
    galaxy = np.repeat(np.concatenate(centre), len(corners), axis=0).astype(np.float64)
    light = brightness(tiles.mean(axis=(2, 3)))
    out = []
    for k in range(n_bands):
        others = [j for j in range(n_bands) if j != k] or [k]
        total = np.where(np.isfinite(light[:, k]), np.nansum(light[:, others], axis=1), np.nan)
        order = np.argsort(total, kind="stable")[: int(np.isfinite(total).sum())]
        out.append(Tiles(tiles[order, k], galaxy[order, k]))
    return out


def usable(flux: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether a band of a galaxy has an image, (n, bands), from stamps (n, bands, height, width)."""
    low, high = flux.min(axis=(2, 3)), flux.max(axis=(2, 3))
    return np.asarray(np.isfinite(low) & np.isfinite(high) & (high > low))


def tile_corners(stamp_size: int) -> list[tuple[int, int]]:
    """Upper left corners (row, column) of the tiles of a stamp, those on the central galaxy left out."""
    places = np.linspace(0, stamp_size - TILE, max(2, stamp_size // TILE)).round().astype(int)
    middle = (stamp_size - 1) / 2

    def gap(start: int) -> float:
        return max(start - middle, middle - (start + TILE - 1), 0.0)

    return [(int(y), int(x)) for y in places for x in places if np.hypot(gap(y), gap(x)) >= CLEARANCE]


def brightness(means: NDArray[np.float32]) -> Floats:
    """Mean fluxes of tiles (n, bands), in units of the scatter of each band's darker half, less its median."""
    level = np.asarray(means, np.float64)
    known = np.isfinite(level).any(axis=0)
    out = np.full(level.shape, np.nan)
    if not known.any():
        return out
    low, middle = np.nanpercentile(level[:, known], [16.0, 50.0], axis=0)
    out[:, known] = (level[:, known] - middle) / np.maximum(middle - low, np.finfo(np.float32).tiny)
    return out


def measured_sky(tiles: Tiles) -> Sky:
    """Measure the sky of a band's tiles; all NaN where there are none.

    Noise and correlation fit half the mean square difference of pixels at each lag of up to 5 pixels, which neither
    the background nor the smooth wings of galaxies change.
    """
    dark = tiles.dark
    if not len(dark):
        return Sky(np.nan, np.nan, np.nan)
    lags, half_square = structure(dark)
    scale = float(half_square.max())
    if not scale > 0:
        return Sky(background(tiles), 0.0, 0.0)

    def misfit(parameters: Floats) -> Floats:
        one = correlation_at(float(parameters[1]), np.arange(LONGEST_LAG + 1))
        return np.asarray(parameters[0] * (1.0 - one[lags[:, 0]] * one[lags[:, 1]]) - half_square / scale)

    fit = least_squares(misfit, [1.0, 0.5], bounds=([0.0, 0.0], [np.inf, 4.0]), xtol=1e-10)
    return Sky(background(tiles), float(np.sqrt(fit.x[0] * scale)), float(fit.x[1]))


def background(tiles: Tiles) -> float:
    """Mean level that tiles would have if no light of their stamp's galaxy reached them [flux per pixel].

    The wings of galaxies lift even dark tiles by 0.03 to 0.2 sigma of the noise. They are in proportion to the galaxy,
    so the level is a straight line in the flux of the stamp's centre; its value at no flux is the background.
    """
    n = max(int(LIT_SHARE * len(tiles.pixels)), min(len(tiles.pixels), 40))
    level = tiles.pixels[:n].mean(axis=(1, 2), dtype=np.float64)
    galaxy = tiles.galaxy[:n]
    faint = galaxy <= np.percentile(galaxy, 100 * FAINT_SHARE)
    level, galaxy = level[faint], galaxy[faint]
    keep = _unclipped(level)
    slope = intercept = 0.0
    for _ in range(5):
        slope, intercept = np.polyfit(galaxy[keep], level[keep], 1) if np.ptp(galaxy[keep]) > 0 else (0.0, level.mean())
        residual = level - intercept - slope * galaxy
        low, middle = np.percentile(residual[keep], [15.87, 50.0])
        keep = np.abs(residual) <= 2.5 * (middle - low) + np.finfo(np.float32).tiny
        if keep.sum() < 10:
            break
    # The flux of the centre has the background in it.
    return float(intercept / (1.0 - slope)) if slope < 0.5 else float(np.median(level))


def structure(tiles: NDArray[np.float32]) -> tuple[NDArray[np.int64], Floats]:
    """Return lags (n, 2) [pixel] and half the mean square difference of the pixels of tiles at each lag, (n,)."""
    lags = [(dy, dx) for dy in range(LONGEST_LAG + 1) for dx in range(LONGEST_LAG + 1)]
    lags = [lag for lag in lags if 0 < np.hypot(*lag) <= LONGEST_LAG]
    values = []
    for dy, dx in lags:
        forward = tiles[:, dy:, dx:] - tiles[:, : TILE - dy, : TILE - dx]
        backward = tiles[:, dy:, : TILE - dx] - tiles[:, : TILE - dy, dx:]
        values.append(0.25 * float(np.mean(forward**2, dtype=np.float64) + np.mean(backward**2, dtype=np.float64)))
    return np.array(lags), np.array(values)


def correlation_at(correlation: float, lags: NDArray[np.int64]) -> Floats:
    """Correlation of two pixels ``lags`` apart along one axis, (n,), of white noise smoothed by a Gaussian kernel.

    Power exp(−4 π² s² f²) up to half a cycle per pixel, s the kernel's sigma [pixel]; the two axes multiply.
    """
    power = np.exp(-((2 * np.pi * correlation * _FREQUENCIES) ** 2))
    return np.asarray(np.cos(2 * np.pi * np.multiply.outer(lags, _FREQUENCIES)) @ power / power.sum())


def ring_frequencies() -> Floats:
    """Mean frequency of the rings of a tile's Fourier plane, each one cycle per tile wide [cycles per pixel], (6,)."""
    frequency, ring = _rings()
    return np.array([frequency[ring == r].mean() for r in range(1, TILE // 2 + 1)])


def noise_spectrum(tiles: NDArray[np.float32], background: float) -> Floats:
    """Mean power of dark tiles (n, 12, 12) in each ring of the Fourier plane, (6,) [flux²]; NaN without tiles.

    Windowed (Hann) periodograms, normalised so that their mean over all frequencies is the variance of a pixel: white
    noise of standard deviation σ has the power σ² everywhere.
    """
    if not len(tiles):
        return np.full(TILE // 2, np.nan)
    window = np.hanning(TILE + 2)[1:-1]
    taper = np.outer(window, window)
    spectrum = np.abs(np.fft.fft2((tiles - background) * taper)) ** 2 / np.sum(taper**2)
    mean, ring = spectrum.mean(axis=0, dtype=np.float64), _rings()[1]
    return np.array([mean[ring == r].mean() for r in range(1, TILE // 2 + 1)])


def _rings() -> tuple[Floats, NDArray[np.int64]]:
    """Frequency [cycles per pixel] and number of the ring of each mode of a tile, (12, 12) each."""
    axis = np.fft.fftfreq(TILE)
    frequency = np.hypot(axis[:, None], axis[None, :])
    return frequency, np.rint(frequency * TILE).astype(np.int64)


def aperture(radius: float) -> Floats:
    """Share of each pixel inside a circle of ``radius`` [pixel] about a pixel corner, (side, side)."""
    half, fine = int(np.ceil(radius)) + 1, 16
    place = (np.arange(2 * half * fine) + 0.5) / fine - half
    inside = (place[:, None] ** 2 + place[None, :] ** 2 <= radius**2).astype(np.float64)
    return np.asarray(inside.reshape(2 * half, fine, 2 * half, fine).mean(axis=(1, 3)))


def _unclipped(values: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Whether values (n,) are not far above the others, by the robust scatter of those below the median."""
    if not len(values):
        return np.zeros(0, bool)
    low, middle = np.percentile(values, [15.87, 50.0])
    return np.asarray(values <= middle + CLIP * max(middle - low, 0.0) + np.finfo(np.float32).tiny)
