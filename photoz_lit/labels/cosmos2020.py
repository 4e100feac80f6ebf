"""COSMOS2020 (Weaver et al. 2022): CLASSIC and FARMER joined, cleaned, with the four photo-z of each galaxy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from photoz_lit.errors import InputError
from photoz_lit.labels.consensus import consensus, photo_z_columns
from photoz_lit.labels.exclusions import Exclusions
from photoz_lit.labels.settings import ConsensusSettings
from photoz_lit.sky_matching import mutual_nearest
from photoz_lit.tables.no_value import numbers
from photoz_lit.tables.reading import read_table, table_columns

# FLAG_COMBINED 0: inside HSC, UltraVISTA and outside every bright-star mask. lp_type 0 galaxy, 1 star, 2 X-ray source,
# -9 failed fit. MODEL_FLAG 0: The Farmer found a valid profile.
CLASSIC_COLUMNS = ("ID", "ALPHA_J2000", "DELTA_J2000", "FLAG_COMBINED", "lp_type", "lp_zPDF", "ez_z_phot")
FARMER_COLUMNS = (*CLASSIC_COLUMNS, "MODEL_FLAG")
PHOTO_Z = ("lp_zPDF_classic", "ez_z_phot_classic", "lp_zPDF_farmer", "ez_z_phot_farmer")
PHOTOMETRY = {
    "u": "CFHT_u",
    **{band: f"HSC_{band}" for band in "grizy"},
    "j": "UVISTA_J",
    "h": "UVISTA_H",
    "k": "UVISTA_Ks",
}
SUFFIXES = ("_AUTO", "")  # of CLASSIC's total magnitudes, of FARMER's model magnitudes
STAR, XRAY, FAILED = 1, 2, -9


@dataclass(frozen=True)
class CosmosLabels:
    """Consensus labels of COSMOS2020.

    Attributes
    ----------
    table : ``object_id``, ``ra``, ``dec`` [deg], ``z``, ``z_err``, ``z_quality``, and ``mag_<band>``,
        ``mag_err_<band>`` where the CLASSIC file has them (AB, NaN where invalid).
    counts : reason -> rows removed, from CLASSIC's rows on; ``kept`` last.
    """

    table: pd.DataFrame
    counts: dict[str, int]


def cosmos2020_labels(
    classic_path: str | Path,
    farmer_path: str | Path,
    settings: ConsensusSettings | None = None,
    table: str | int | None = None,
) -> CosmosLabels:
    """Read, match and clean COSMOS2020 and keep the galaxies whose four photo-z agree.

    Parameters
    ----------
    classic_path, farmer_path : the two catalogues, in any format.
    settings : which photo-z agree.
    table : name or number of the table in them, where they hold several.

    Raises
    ------
    InputError : a file is wrong, has no photometry, the catalogues do not overlap, or nothing is left.
    """
    limits, key = settings or ConsensusSettings(), "labels.cosmos2020.table"
    photometry = _photometry_in(classic_path, table_columns(classic_path, table, key))
    classic = read_table(classic_path, [*CLASSIC_COLUMNS, *photometry.values()], table, key)
    _photometry_in(farmer_path, table_columns(farmer_path, table, key))  # a file without any is not the published one
    farmer = read_table(farmer_path, FARMER_COLUMNS, table, key)
    rows, others = mutual_nearest(
        classic["ALPHA_J2000"],
        classic["DELTA_J2000"],
        farmer["ALPHA_J2000"],
        farmer["DELTA_J2000"],
        limits.match_radius,
    )
    if not len(rows):
        raise InputError(
            f"{classic_path} and {farmer_path} do not overlap: no object lies within {limits.match_radius}″ in both;"
            " give the CLASSIC and the FARMER catalogue of one field."
        )
    matched = np.zeros(len(classic), bool)
    matched[rows] = True
    joined = pd.concat(
        [
            classic.iloc[rows].reset_index(drop=True).rename(columns=lambda n: f"{n}_classic"),
            farmer.iloc[others].reset_index(drop=True).rename(columns=lambda n: f"{n}_farmer"),
        ],
        axis=1,
    )
    exclusions = _clean(joined, limits, f"{classic_path} and {farmer_path}")
    result = consensus(joined[list(PHOTO_Z)].to_numpy(np.float64), limits)
    keep = exclusions.keep
    labels = pd.DataFrame(
        {
            "object_id": [f"cosmos2020-{i}" for i in joined.loc[keep, "ID_classic"]],
            "ra": joined.loc[keep, "ALPHA_J2000_classic"].to_numpy(np.float64),
            "dec": joined.loc[keep, "DELTA_J2000_classic"].to_numpy(np.float64),
            "z": result.z[keep],
            "z_err": result.spread[keep],
            "z_quality": "consensus",
            **_magnitudes(joined[keep], photometry),
        }
    )
    unmatched = {"without a FARMER counterpart": int((~matched).sum())}
    return CosmosLabels(labels, {**unmatched, **exclusions.counts, "kept": len(labels)})


def _clean(joined: pd.DataFrame, limits: ConsensusSettings, where: str) -> Exclusions:
    """Count and remove stars, X-ray sources, masked objects, failed fits and photo-z that disagree."""
    exclusions = Exclusions(len(joined), where)

    def either(column: str, value: int) -> np.ndarray:
        return np.asarray((joined[f"{column}_classic"] == value) | (joined[f"{column}_farmer"] == value))

    exclusions.remove("stars", either("lp_type", STAR))
    exclusions.remove("X-ray sources", either("lp_type", XRAY))
    exclusions.remove("masked", (joined["FLAG_COMBINED_classic"] != 0) | (joined["FLAG_COMBINED_farmer"] != 0))
    exclusions.remove("failed fits", either("lp_type", FAILED) | (joined["MODEL_FLAG_farmer"] != 0))
    result = consensus(photo_z_columns(joined, PHOTO_Z, where), limits)
    exclusions.remove("without four valid photo-z", ~result.valid)
    exclusions.remove("whose photo-z disagree", ~result.agrees)
    exclusions.require_rows("check that these are the COSMOS2020 catalogues.")
    return exclusions


def _photometry_in(path: str | Path, known: Sequence[str]) -> dict[str, str]:
    """Return our column -> the catalogue's: ``HSC_i_MAG_AUTO`` in CLASSIC, ``HSC_i_MAG`` in FARMER.

    Raises
    ------
    InputError : the catalogue has no magnitude of any band.
    """
    columns: dict[str, str] = {}
    for band, name in PHOTOMETRY.items():
        for target, kind in ((f"mag_{band}", "MAG"), (f"mag_err_{band}", "MAGERR")):
            found = [column for suffix in SUFFIXES if (column := f"{name}_{kind}{suffix}") in known]
            if found:
                columns[target] = found[0]
    if not any(not target.startswith("mag_err_") for target in columns):
        raise InputError(
            f"{path} has no magnitudes: no {PHOTOMETRY['i']}_MAG_AUTO (CLASSIC), no {PHOTOMETRY['i']}_MAG (FARMER) and"
            " none of another band is among its columns; give the published catalogue."
        )
    return columns


def _magnitudes(joined: pd.DataFrame, photometry: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Return AB magnitudes and their errors; a magnitude is valid between 0 and 50."""
    columns: dict[str, np.ndarray] = {}
    for target, name in photometry.items():
        if target.startswith("mag_err_"):
            continue
        magnitude = numbers(joined[f"{name}_classic"], f"column '{name}'")
        valid = np.isfinite(magnitude) & (magnitude > 0) & (magnitude < 50)
        columns[target] = np.where(valid, magnitude, np.nan)
        error = photometry.get(target.replace("mag_", "mag_err_"))
        if error:
            values = numbers(joined[f"{error}_classic"], f"column '{error}'")
            columns[target.replace("mag_", "mag_err_")] = np.where(valid, values, np.nan)
    return columns
