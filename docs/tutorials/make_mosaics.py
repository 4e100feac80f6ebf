"""Mosaics of Gaussian galaxies whose colours follow their redshift: stand-ins for mosaics of your own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from astropy.io import fits
from astropy.wcs import WCS

BANDS = {"g": 0.2, "r": 0.6, "i": 1.0}  # how much a galaxy brightens with redshift [mag per redshift]
SCALE, ZERO_POINT, CELL = 0.168, 27.0, 48  # arcsec, AB mag, pixels from galaxy to galaxy


def make_mosaics(folder: str | Path, n: int = 400, seed: int = 0) -> None:
    """Write ``g.fits``, ``r.fits``, ``i.fits`` and ``galaxies.csv`` into a folder.

    Parameters
    ----------
    folder : made where it is missing.
    n : galaxies, on a square grid.
    seed : of redshifts, magnitudes and noise.
    """
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(n)))
    size = side * CELL
    y, x = (CELL * (np.array(np.unravel_index(np.arange(n), (side, side))) + 0.5)).astype(int)
    z, brightness = random.uniform(0.1, 1.5, n), random.uniform(20, 23, n)
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], [150.1, 2.2], [size / 2, size / 2]
    wcs.wcs.cdelt = [-SCALE / 3600, SCALE / 3600]
    ra, dec = wcs.all_pix2world(x, y, 0)
    table = {"object_id": [f"galaxy {i}" for i in range(n)], "ra": ra, "dec": dec, "z": z, "ebv": 0.02}
    rows, columns = np.indices((CELL, CELL)) - CELL // 2
    profile = np.exp(-(rows**2 + columns**2) / (2 * 2.5**2)) / (2 * np.pi * 2.5**2)
    for band, slope in BANDS.items():
        magnitude = brightness - slope * z + random.normal(0, 0.03, n)
        image = random.normal(0, 0.03, (size, size))
        for number in range(n):
            cell = (
                slice(y[number] - CELL // 2, y[number] + CELL // 2),
                slice(x[number] - CELL // 2, x[number] + CELL // 2),
            )
            image[cell] += 10 ** (0.4 * (ZERO_POINT - magnitude[number])) * profile
        table[f"mag_{band}"] = magnitude
        header = wcs.to_header()
        header["BUNIT"] = "count"
        fits.PrimaryHDU(image.astype(np.float32), header).writeto(path / f"{band}.fits", overwrite=True)
    pd.DataFrame(table).to_csv(path / "galaxies.csv", index=False)
