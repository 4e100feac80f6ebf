"""Which spectra galaxies have: a continuous mixture of templates, dust and lines for each kind of galaxy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from photoz_lit.simulation.spectra import CONTINUA, LINE_GROUPS

FloatArray = NDArray[np.float64]

KINDS = ("quiescent", "star_forming")


@dataclass(frozen=True)
class KindMix:
    """The spectra of one kind of galaxy: a track of template mixtures with scatter about it.

    Attributes
    ----------
    track : (nodes, continua) weights (light at 5500 Angstrom) along the track from early to late, each row sums to 1.
    position : mean and scatter of the position on the track, in units of its length.
    luminosity_slope : change of the position per magnitude of M_B + 20.5 (faint is positive).
    redshift_slope : change of the position per unit z - 0.5, up to z = 2.
    weight_scatter : log-normal scatter of each weight [natural log].
    dust : scale of the gamma distribution (shape 2) of A_V [mag] at M_B = -20.5.
    dust_luminosity_slope : change of that scale per magnitude of M_B + 20.5.
    line_scatter : log-normal scatter of the line strengths, common to all groups [dex].
    """

    track: FloatArray
    position: tuple[float, float]
    luminosity_slope: float
    redshift_slope: float
    weight_scatter: float
    dust: float
    dust_luminosity_slope: float
    line_scatter: float


def _track(*nodes: dict[str, float]) -> FloatArray:
    rows = np.array([[node.get(name, 0.0) for name in CONTINUA] for node in nodes])
    return np.asarray(rows / rows.sum(axis=1, keepdims=True))


MIXES: dict[str, KindMix] = {
    "quiescent": KindMix(
        track=_track({"cww_e": 0.4, "nmf_3": 0.6}, {"cww_e": 0.5, "nmf_3": 0.3, "cww_sbc": 0.2, "nmf_2": 0.1}),
        position=(0.4, 0.3),
        luminosity_slope=0.1,
        redshift_slope=0.2,
        weight_scatter=0.3,
        dust=0.05,
        dust_luminosity_slope=0.0,
        line_scatter=0.3,
    ),
    "star_forming": KindMix(
        track=_track(
            {"cww_sbc": 0.7, "nmf_0": 0.3},
            {"cww_scd": 0.6, "nmf_2": 0.2, "nmf_0": 0.2},
            {"cww_im": 0.5, "cww_scd": 0.2, "nmf_2": 0.2, "nmf_4": 0.05, "nmf_1": 0.05},
            {"cww_im": 0.6, "nmf_1": 0.2, "nmf_4": 0.2},
        ),
        position=(0.5, 0.25),
        luminosity_slope=0.08,
        redshift_slope=0.15,
        weight_scatter=0.4,
        dust=0.25,
        dust_luminosity_slope=-0.05,
        line_scatter=0.2,
    ),
}


def draw_spectra(
    star_forming: NDArray[np.bool_],
    absolute_magnitude: FloatArray,
    z: FloatArray,
    uv: FloatArray,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """Draw the spectrum of every galaxy.

    Parameters
    ----------
    star_forming : (n,) kind of each galaxy.
    absolute_magnitude : (n,) M_B [AB mag].
    z : (n,) redshift.
    uv : (continua,) UV maggies per unit weight, ``PhotometryGrid.uv``.
    rng : source of randomness.

    Returns
    -------
    weights : (n, components); continua sum to 1, line groups follow the UV light of the continua.
    a_v : (n,) attenuation [mag].
    """
    n = z.size
    normal = rng.standard_normal((n, 3 + len(CONTINUA)))
    gamma = rng.gamma(2.0, size=n)
    faintness = np.clip(absolute_magnitude + 20.5, -2.5, 4.0)
    continua = np.empty((n, len(CONTINUA)))
    a_v = np.empty(n)
    lines = np.empty(n)
    for kind, rows in (("quiescent", ~star_forming), ("star_forming", star_forming)):
        mix = MIXES[kind]
        mean = mix.position[0] + mix.luminosity_slope * faintness + mix.redshift_slope * (np.clip(z, 0.0, 2.0) - 0.5)
        position = np.clip(mean + mix.position[1] * normal[:, 0], 0.0, 1.0)
        mixture = _along(mix.track, position) * np.exp(mix.weight_scatter * normal[:, 3:])
        continua[rows] = (mixture / mixture.sum(axis=1, keepdims=True))[rows]
        scale = np.clip(mix.dust + mix.dust_luminosity_slope * faintness, 0.02, None)
        a_v[rows] = np.clip(scale * gamma, 0.0, 4.0)[rows]
        lines[rows] = (10 ** (mix.line_scatter * normal[:, 1]))[rows]
    strength = (continua @ uv) * lines
    groups = np.repeat(strength[:, None], len(LINE_GROUPS), axis=1)
    groups[:, LINE_GROUPS.index("oiii_hb")] *= 10 ** (0.15 * normal[:, 2])
    return np.hstack([continua, groups]), a_v


def _along(track: FloatArray, position: FloatArray) -> FloatArray:
    """Linear interpolation between the nodes of a track; ``position`` runs from 0 to 1."""
    scaled = position * (len(track) - 1)
    low = np.clip(np.floor(scaled).astype(int), 0, len(track) - 2)
    share = (scaled - low)[:, None]
    return np.asarray(track[low] * (1 - share) + track[low + 1] * share)
