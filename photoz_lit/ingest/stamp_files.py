"""Find each galaxy's file of stamps: by its id in the name, or by where the file lies on the sky."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

from photoz_lit.errors import InputError
from photoz_lit.ingest.band_planes import bands_of
from photoz_lit.ingest.fits_image import celestial_wcs, find_plane, opened_fits
from photoz_lit.ingest.mosaic_files import pattern_of
from photoz_lit.ingest.sky_frame import pixel_to_sky
from photoz_lit.sky_matching import SkyIndex

_SAMPLE = 100  # files whose bands are looked at


class StampFiles:
    """The files of stamps below a folder.

    Parameters
    ----------
    root : the folder.
    patterns : with ``{object_id}`` and perhaps ``{band}`` in it, or one per band.
    match_radius : a galaxy without a file of its id takes the one whose centre is as near as that [arcsec]; None takes
        none.
    """

    def __init__(self, root: Path, patterns: str | dict[str, str], match_radius: float | None) -> None:
        self.root, self.patterns, self.match_radius = root, patterns, match_radius

    @property
    def all_bands_in_one(self) -> bool:
        """Whether a galaxy's bands share one file."""
        return isinstance(self.patterns, str) and "{band}" not in self.patterns

    def sample(self, band: str) -> list[Path]:
        """Return some files of a band, spread over all."""
        files = self._all(band)
        return files[:: max(1, len(files) // _SAMPLE)]

    def _all(self, band: str) -> list[Path]:
        pattern = pattern_of(self.patterns, band)
        return sorted(self.root.glob(pattern.replace("{object_id}", "*"))) if pattern else []

    def stated_bands(self) -> tuple[str, ...]:
        """Return the bands that the files name, where all are in one file; none where they name none."""
        names: dict[str, None] = {}
        for path in self.sample("") if self.all_bands_in_one else []:
            names.update(dict.fromkeys(bands_in(path)))
        return tuple(names)

    def path(self, band: str, object_id: str, ra: float, dec: float) -> Path | None:
        """Return the file of a galaxy's stamp, None where there is none."""
        pattern = pattern_of(self.patterns, band)
        if not pattern:
            return None
        path = self.root / pattern.replace("{object_id}", object_id)
        if path.is_file():
            return path
        return self._nearest(ra, dec) if self.match_radius is not None and np.isfinite(ra + dec) else None

    def _nearest(self, ra: float, dec: float) -> Path | None:
        files, centres = self._centres
        row = int(centres.nearest([ra], [dec], self.match_radius or 0.0)[0][0])
        return files[row] if row >= 0 else None

    @cached_property
    def _centres(self) -> tuple[list[Path], SkyIndex]:
        """Files with all bands, and their centres on the sky."""
        files = self._all("") if self.all_bands_in_one else []
        ra, dec = np.array([_centre(path) for path in files]).reshape(-1, 2).T
        return files, SkyIndex(ra, dec)


def _centre(path: Path) -> tuple[float, float]:
    """Return the position [deg] of a file's middle, NaN where it has none."""
    bands = bands_in(path)
    try:
        plane = find_plane(path, band=bands[0] if bands else None)
        wcs = celestial_wcs(plane)
    except InputError:
        return np.nan, np.nan
    rows, columns = plane.shape
    ra, dec = pixel_to_sky(wcs, np.array([(columns - 1) / 2]), np.array([(rows - 1) / 2]))
    return float(ra[0]), float(dec[0])


def bands_in(path: Path) -> tuple[str, ...]:
    """Return the bands that a file names, in order; none where it does not.

    Raises
    ------
    InputError : it is no FITS file.
    """
    try:
        with opened_fits(path) as hdus:
            return bands_of(hdus)
    except OSError as error:
        raise InputError(f"{path} is no readable FITS file ({str(error).splitlines()[0]}); copy it again.") from error
