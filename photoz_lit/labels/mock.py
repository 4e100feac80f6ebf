"""Label samples drawn from a simulated catalogue whose truth is known: biased spectra, grism, prism, four photo-z.

The shapes are those of the COSMOS field's samples: zCOSMOS-like spectra (bright, failing on faint red galaxies and in
the redshift desert), 3D-HST-like grism and PRIMUS-like prism redshifts, and COSMOS2020-like photo-z from two
photometries times two codes, whose errors share a common part as they do in the field's real four-photo-z sets (there
the correlation of two columns is 0.5 to 0.75).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.labels.consensus import consensus
from photoz_lit.labels.settings import ConsensusSettings, Tier
from photoz_lit.labels.sources import LabelCatalogue

FloatArray = NDArray[np.float64]
Random = np.random.Generator

PHOTO_Z = ("classic_lephare", "classic_eazy", "farmer_lephare", "farmer_eazy")
PHOTOMETRY_OF = (0, 0, 1, 1)
CODE_OF = (0, 1, 0, 1)
# Variance of a photo-z error: common to all four, of the photometry, of the code, of the single estimate.
COMMON, OF_PHOTOMETRY, OF_CODE, OWN = 0.55, 0.1, 0.2, 0.15
CODE_BIAS = (0.002, -0.004)  # in (1 + z)
FAILED_FIT = -99.0
# Structure: log-normal walls of this width in ln(1 + z), and one rich cluster like COSMOS's at z = 0.73.
STRUCTURE_STEP = 0.008
STRUCTURE_AMPLITUDE = 0.45
SPIKE_REDSHIFT, SPIKE_WIDTH, SPIKE_EXCESS = 0.73, 0.012, 2.0
DENSEST = 2.6  # density, in units of the smooth one, from which on every galaxy is kept


def structure_mask(z: FloatArray, random: Random) -> NDArray[np.bool_]:
    """Thin a smooth population so that walls, voids and one spike stand out in N(z).

    Parameters
    ----------
    z : (N,) true redshifts of the smooth population.
    random : source of randomness, for the structure and for the draw.

    Returns
    -------
    (N,) the galaxies that the small field has; about two in five.
    """
    x = np.log1p(z)
    nodes = np.arange(0.0, max(float(x.max()), 0.1) + 2 * STRUCTURE_STEP, STRUCTURE_STEP)
    density = np.exp(STRUCTURE_AMPLITUDE * np.clip(random.standard_normal(len(nodes)), -2, 2))
    chance = np.interp(x, nodes, density)
    chance = chance + SPIKE_EXCESS * np.exp(-0.5 * ((x - np.log1p(SPIKE_REDSHIFT)) / SPIKE_WIDTH) ** 2)
    return np.asarray(random.random(len(z)) < chance / DENSEST)


def _logistic(value: FloatArray) -> FloatArray:
    return np.asarray(1 / (1 + np.exp(-value)))


def spectroscopic_sample(truth: pd.DataFrame, random: Random) -> pd.DataFrame:
    """Secure spec-z: bright, with success rates that fall for faint, for red faint and for desert galaxies.

    Targeting: half of the galaxies to i = 22.5, then a tail to i = 24. Success: 0.95 at the bright end, half at
    i = 23.2; red galaxies (g − r over 1) lack emission lines and fail from one magnitude brighter on; at
    1.4 < z < 2.2 no strong line is in the optical, and one in six succeeds. Error 0.0004 (1 + z); 0.3 % are wrong.
    """
    i = truth["mag_i"].to_numpy(np.float64)
    z = truth["z_true"].to_numpy(np.float64)
    colour = np.nan_to_num((truth["mag_g"] - truth["mag_r"]).to_numpy(np.float64))
    targeted = 0.5 * _logistic((22.6 - i) / 0.15) + 0.05 * _logistic((24.0 - i) / 0.2)
    red = _logistic((colour - 1.0) / 0.15)
    success = 0.95 * _logistic((23.2 - red - i) / 0.35)
    success = np.where((z > 1.4) & (z < 2.2), success / 6, success)
    return _measured(truth, targeted * success, 0.0004, 0.003, "spec", random)


def grism_sample(truth: pd.DataFrame, random: Random) -> pd.DataFrame:
    """Grism redshifts of a twelfth of the field: near-infrared lines, 0.6 < z < 3.4, to H ~ 24; σ = 0.003 (1 + z)."""
    z = truth["z_true"].to_numpy(np.float64)
    red_band = truth["mag_h"] if "mag_h" in truth else truth["mag_i"] - 0.8
    bright = _logistic((23.6 - np.nan_to_num(red_band.to_numpy(np.float64), nan=99.0)) / 0.3)
    inside = (z > 0.6) & (z < 3.4) & _patch(truth, 1 / 12)
    return _measured(truth, np.where(inside, 0.7 * bright, 0.0), 0.003, 0.03, "grism", random)


def prism_sample(truth: pd.DataFrame, random: Random) -> pd.DataFrame:
    """Prism redshifts: i < 22.8, z < 1.2, σ = 0.005 (1 + z), 3 % outliers."""
    z = truth["z_true"].to_numpy(np.float64)
    i = truth["mag_i"].to_numpy(np.float64)
    chance = np.where(z < 1.2, 0.35 * _logistic((22.8 - i) / 0.1), 0.0)
    return _measured(truth, chance, 0.005, 0.03, "prism", random)


def _patch(truth: pd.DataFrame, share: float) -> NDArray[np.bool_]:
    """A strip of the field that holds a share of its galaxies."""
    dec = truth["dec"].to_numpy(np.float64)
    return np.asarray(dec <= np.quantile(dec, share))


def _measured(
    truth: pd.DataFrame, chance: FloatArray, scatter: float, wrong: float, quality: str, random: Random
) -> pd.DataFrame:
    drawn = random.random(len(truth)) < chance
    rows = truth[drawn]
    z = rows["z_true"].to_numpy(np.float64)
    measured = np.abs(z + scatter * (1 + z) * random.standard_normal(len(rows)))
    bad = random.random(len(rows)) < wrong
    measured[bad] = random.uniform(0.05, 2.5, bad.sum())
    return pd.DataFrame(
        {
            "object_id": rows["object_id"].to_numpy(object),
            "ra": rows["ra"].to_numpy(np.float64),
            "dec": rows["dec"].to_numpy(np.float64),
            "z": np.maximum(measured, 0.003),
            "z_err": scatter * (1 + z),
            "z_quality": quality,
        }
    )


def photo_z_scatter(magnitude: FloatArray) -> FloatArray:
    """σ_z / (1 + z) of a 30-band photo-z: 0.009 to i = 22, ×1.48 per magnitude beyond (Weaver et al. 2022)."""
    return np.asarray(0.009 * 10 ** (0.17 * np.clip(np.nan_to_num(magnitude, nan=25.0) - 22, 0, 5)))


def outlier_rate(magnitude: FloatArray) -> FloatArray:
    """Share of catastrophic failures of one photo-z: 1 % to i = 22, 10 % at i = 25."""
    return np.asarray(0.01 * 10 ** (np.clip(np.nan_to_num(magnitude, nan=25.0) - 22, 0, 4) / 3))


def four_photo_z(truth: pd.DataFrame, random: Random) -> pd.DataFrame:
    """Four photo-z per galaxy, :data:`PHOTO_Z`, with correlated errors, outliers and failed fits (−99).

    Of the catastrophic failures three in ten are shared by all four, three in ten by both photometries of one code,
    the others are one column's own. Half are confusions of the Lyman and the Balmer break, half are anywhere.
    """
    n = len(truth)
    z = truth["z_true"].to_numpy(np.float64)
    i = truth["mag_i"].to_numpy(np.float64)
    scatter = photo_z_scatter(i) * (1 + z)
    common, photometry, code, own = (random.standard_normal((n, k)) for k in (1, 2, 2, 4))
    error = (
        np.sqrt(COMMON) * common
        + np.sqrt(OF_PHOTOMETRY) * photometry[:, PHOTOMETRY_OF]
        + np.sqrt(OF_CODE) * code[:, CODE_OF]
        + np.sqrt(OWN) * own
    )
    bias = np.asarray(CODE_BIAS)[list(CODE_OF)] * (1 + z[:, None])
    columns = np.abs(z[:, None] + bias + scatter[:, None] * error)
    rate = outlier_rate(i)[:, None]
    shared = random.random((n, 1)) < 0.3 * rate
    of_code = (random.random((n, 2)) < 0.3 * rate)[:, CODE_OF]
    alone = random.random((n, 4)) < 0.4 * rate
    wrong_at = _wrong_redshift(z, random)
    columns = np.where(shared | of_code, wrong_at[:, None] + scatter[:, None] * error, columns)
    columns = np.where(alone & ~shared & ~of_code, random.uniform(0.02, 5.0, (n, 4)), columns)
    columns = np.where(random.random((n, 4)) < 0.005, FAILED_FIT, np.where(columns > 0, columns, 0.01))
    return pd.DataFrame(columns, columns=list(PHOTO_Z), index=truth.index)


def _wrong_redshift(z: FloatArray, random: Random) -> FloatArray:
    """The other break's redshift, (1 + z) times or over 4000/1216, where it is possible; else anywhere."""
    ratio = 4000 / 1216
    confused = np.where(z > 2.3, (1 + z) / ratio - 1, (1 + z) * ratio - 1)
    anywhere = random.uniform(0.02, 5.0, len(z))
    use = (confused > 0.02) & (confused < 5.0) & (random.random(len(z)) < 0.5)
    return np.asarray(np.where(use, confused, anywhere))


def mock_sources(
    truth: pd.DataFrame, seed: int = 0, limits: ConsensusSettings | None = None
) -> tuple[list[LabelCatalogue], pd.DataFrame]:
    """Draw every label sample of a simulated deep field.

    Parameters
    ----------
    truth : ``object_id``, ``ra``, ``dec``, ``z_true``, ``mag_g``, ``mag_r``, ``mag_i`` and, where there, ``mag_h``.
    seed : of the draw.
    limits : of the consensus.

    Returns
    -------
    sources : spec, grism, prism and cosmos2020, matched by ``object_id``.
    photo_z : the four photo-z of every row of ``truth``.
    """
    random = np.random.default_rng(seed)
    choice = limits or ConsensusSettings()
    sources: list[LabelCatalogue] = []
    draws: dict[Tier, Any] = {"spec": spectroscopic_sample, "grism": grism_sample, "prism": prism_sample}
    for tier, draw in draws.items():
        table = draw(truth, random)
        sources.append(LabelCatalogue(tier, tier, table, "id", {"kept": len(table)}))
    photo_z = four_photo_z(truth, random)
    result = consensus(photo_z.to_numpy(np.float64), choice)
    table = truth.loc[result.agrees, ["object_id", "ra", "dec"]].reset_index(drop=True)
    table = table.assign(z=result.z[result.agrees], z_err=result.spread[result.agrees], z_quality="consensus")
    counts = {
        "without 4 valid photo-z": int((~result.valid).sum()),
        "whose photo-z disagree": int((result.valid & ~result.agrees).sum()),
        "kept": len(table),
    }
    sources.append(LabelCatalogue("cosmos2020", "photo", table, "id", counts))
    return sources, photo_z


TARGET_SHARE = 0.2


@dataclass(frozen=True)
class DeepField:
    """Photometry and label samples of a simulated field.

    Attributes
    ----------
    photometry : rows of the simulated catalogue that are in the target sample (``in_target``) or in the labelled field
        (``in_field``); no galaxy is in both.
    sources : label samples of the labelled field.
    photo_z : the four photo-z of the galaxies of the labelled field, by ``object_id``.
    """

    photometry: pd.DataFrame
    sources: list[LabelCatalogue]
    photo_z: pd.DataFrame


def deep_field(catalogue: pd.DataFrame, seed: int = 0, limits: ConsensusSettings | None = None) -> DeepField:
    """Split a simulated population into target and labelled field, and draw the labels.

    The target sample is a random part: it has the population's smooth N(z), as a wide field would. The others are
    thinned to walls, voids and a spike, as a small field shows them, and get spectra, grism, prism and photo-z.

    Parameters
    ----------
    catalogue : ``object_id``, ``ra``, ``dec``, ``z_true`` and ``mag_*``.
    seed : of the split, the structure and the labels.
    limits : of the consensus.
    """
    random = np.random.default_rng([seed, 1])
    in_target = random.random(len(catalogue)) < TARGET_SHARE
    in_field = ~in_target & structure_mask(catalogue["z_true"].to_numpy(np.float64), random)
    photometry = catalogue.assign(in_target=in_target, in_field=in_field)[in_target | in_field].reset_index(drop=True)
    truth = photometry[photometry["in_field"]].reset_index(drop=True)
    sources, photo_z = mock_sources(truth, seed, limits)
    photo_z.insert(0, "object_id", truth["object_id"].to_numpy(object))
    return DeepField(photometry, sources, photo_z)
