"""E(B-V) from a dust map on the user's disk, through the optional library ``dustmaps``."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

from photoz_lit.errors import InputError
from photoz_lit.ingest.settings import DustSettings


def fill_ebv(
    ebv: NDArray[np.float64], ra: NDArray[np.float64], dec: NDArray[np.float64], settings: DustSettings
) -> NDArray[np.float64]:
    """Return E(B-V) [mag] with missing values taken from the map; nothing is downloaded.

    Parameters
    ----------
    ebv : of the catalogue, NaN where it has none, (n,).
    ra, dec : positions [deg], (n,).
    settings : folder and query class of the map; without a folder the values come back as they are.

    Raises
    ------
    InputError : the library is not installed, the map is not there or not read.
    """
    if settings.path is None:
        return ebv
    folder = Path(settings.path)
    if not folder.is_dir():
        raise InputError(f"ingest.dust.path={folder} is no folder; give the folder with the dust map's files.")
    module, _, name = settings.map.rpartition(".")
    if module.partition(".")[0] != "dustmaps":
        raise InputError(f"ingest.dust.map={settings.map} is not in dustmaps; e.g. dustmaps.sfd.SFDQuery.")
    try:
        query_class = getattr(import_module(module), name)
    except (ImportError, ValueError) as error:
        raise InputError(
            f"ingest.dust.map={settings.map} needs the library dustmaps; pip install 'photoz-lit[dust]'."
        ) from error
    except AttributeError as error:
        raise InputError(f"ingest.dust.map={settings.map} is not in dustmaps; e.g. dustmaps.sfd.SFDQuery.") from error
    missing = np.flatnonzero(~np.isfinite(ebv) & np.isfinite(ra) & np.isfinite(dec))
    out = ebv.copy()
    if len(missing):
        try:
            query = query_class(map_dir=str(folder))
        except (OSError, TypeError, ValueError) as error:
            raise InputError(f"{folder}: the dust map cannot be read by {settings.map} ({error}).") from error
        out[missing] = query(SkyCoord(ra[missing] * u.deg, dec[missing] * u.deg))
    return out
