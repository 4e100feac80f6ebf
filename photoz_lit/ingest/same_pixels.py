"""Two images of one band that cover the same pixels: an image and another plane of it, or two versions.

Tiles of a survey overlap by a rim (HSC patches 5 % of their area, DES tiles 7 %), dithered exposures by less than the
whole. Files of one brick (image, chi2, inverse variance) lie on top of each other. What tells them apart is the share
of the smaller one's area that lies inside of the larger one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_area

from photoz_lit.errors import InputError
from photoz_lit.ingest.band_planes import OTHER_PLANES
from photoz_lit.ingest.fits_image import PlaneInfo, celestial_wcs
from photoz_lit.ingest.sky_frame import pixel_to_sky, sky_to_pixel
from photoz_lit.ingest.stamp_geometry import sky_circle

SAME = 0.9  # share of the smaller image from which both cover the same pixels
_POINTS = 12  # along each side of an image, at which that is looked up


def refuse_same_pixels(root: Path, band: str, images: Sequence[PlaneInfo], pattern_per_band: bool) -> None:
    """Refuse images of a band of which two cover the same pixels.

    Parameters
    ----------
    root : folder of the images.
    band : its name.
    images : of that band.
    pattern_per_band : the config has a pattern for each band.

    Raises
    ------
    InputError : two do; the sentence names both, and the pattern that takes one of them. Or a WCS is missing.
    """
    if len(images) < 2:
        return
    wcs = [celestial_wcs(image) for image in images]
    centres, radii = zip(*(sky_circle(w, image.shape) for w, image in zip(wcs, images, strict=True)), strict=True)
    middle, radius = np.stack(centres), np.asarray(radii)
    apart = np.arccos(np.clip(middle @ middle.T, -1.0, 1.0))
    # Of two that share nearly all of the smaller one's area, the middle of that lies well inside the larger one.
    larger, smaller = np.maximum.outer(radius, radius), np.minimum.outer(radius, radius)
    near = np.triu(~(apart > larger - 0.5 * smaller), 1)  # circles that are unknown (NaN) are looked at too
    for first, second in np.argwhere(near):
        if overlap(wcs[first], images[first].shape, wcs[second], images[second].shape) > SAME:
            paths = [images[k].path for k in (first, second)]
            key = f"ingest.options.images{f'.{band}' if pattern_per_band else ''}"
            raise InputError(
                f"{root}: two images of band '{band}' cover the same pixels, {shown(root, paths[0])} and"
                f" {shown(root, paths[1])}; name the one that holds the flux:"
                f" {key}='{_pattern(root, band, paths, pattern_per_band)}'"
            )


def overlap(one: WCS, one_shape: tuple[int, int], other: WCS, other_shape: tuple[int, int]) -> float:
    """Return the share of the smaller image's area that lies inside the larger one.

    Parameters
    ----------
    one, other : celestial WCS.
    one_shape, other_shape : rows, columns.
    """
    images = [(one, one_shape), (other, other_shape)]
    small, large = sorted(images, key=lambda image: math.prod(image[1]) * proj_plane_pixel_area(image[0]))
    at = (np.arange(_POINTS) + 0.5) / _POINTS
    x, y = np.meshgrid(at * small[1][1] - 0.5, at * small[1][0] - 0.5)
    x, y = sky_to_pixel(large[0], *pixel_to_sky(small[0], x.ravel(), y.ravel()))
    rows, columns = large[1]
    with np.errstate(invalid="ignore"):
        return float(np.mean((x > -0.5) & (x < columns - 0.5) & (y > -0.5) & (y < rows - 0.5)))


def shown(root: Path, path: Path) -> str:
    """Return a file's path as seen from the folder of the images."""
    return path.relative_to(root).as_posix()


def _pattern(root: Path, band: str, paths: Sequence[Path], pattern_per_band: bool) -> str:
    """Return a pattern that fits one of two files, the one whose name speaks of flux; of all bricks where it can."""
    flux = [path for path in paths if not OTHER_PLANES.search(path.name)]
    wanted = (flux or list(paths))[0]
    other = paths[1] if wanted == paths[0] else paths[0]
    here = wanted.name if pattern_per_band else re.sub(rf"(?<![A-Za-z]){band}(?![A-Za-z])", "{band}", wanted.name)
    folder = wanted.relative_to(root).parent.as_posix()
    before = "" if folder == "." else f"{folder}/"
    words, others = re.findall(r"[-_.]?[^-_.]+", here), re.findall(r"[-_.]?[^-_.]+", other.name)
    same = next((k for k, pair in enumerate(zip(words, others, strict=False)) if pair[0] != pair[1]), 0)
    for pattern in (f"{before}*{''.join(words[same:])}", before + here) if same else (before + here,):
        found = set(root.glob(pattern.replace("{band}", band)))
        if wanted in found and other not in found:
            return pattern
    return shown(root, wanted)
