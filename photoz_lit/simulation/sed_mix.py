"""Which spectra galaxies have: a continuous mixture of templates, dust and lines for each kind of galaxy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from photoz_lit.simulation.galaxies import KindMix
from photoz_lit.simulation.spectra import CONTINUA, LINE_GROUPS

FloatArray = NDArray[np.float64]

#: Intrinsic UV - V colour (AB at 2300 and 5500 Angstrom, no dust), mean A_V [mag], and shares of the continua in the
#: light at 5500 Angstrom in the order of ``CONTINUA``. Means of non-negative fits of the continua with dust
#: to the seven bands of secure zCOSMOS galaxies of the tuning half, in bins of that colour (task=realism, tune).
TRACK: tuple[tuple[float, float, tuple[float, ...]], ...] = (
    (0.02, 0.87, (0.01, 0.03, 0.01, 0.10, 0.14, 0.50, 0.15, 0.03, 0.03)),
    (0.68, 0.41, (0.01, 0.02, 0.02, 0.16, 0.13, 0.25, 0.40, 0.00, 0.01)),
    (1.04, 0.30, (0.00, 0.04, 0.06, 0.14, 0.17, 0.16, 0.42, 0.01, 0.00)),
    (1.39, 0.23, (0.01, 0.09, 0.12, 0.16, 0.20, 0.09, 0.29, 0.03, 0.01)),
    (1.75, 0.25, (0.04, 0.19, 0.20, 0.13, 0.15, 0.05, 0.15, 0.08, 0.01)),
    (2.17, 0.37, (0.08, 0.28, 0.18, 0.08, 0.12, 0.02, 0.09, 0.15, 0.00)),
    (2.60, 0.48, (0.16, 0.33, 0.16, 0.05, 0.10, 0.01, 0.05, 0.14, 0.00)),
    (2.99, 0.40, (0.18, 0.33, 0.07, 0.02, 0.09, 0.00, 0.14, 0.17, 0.00)),
    (3.40, 0.35, (0.18, 0.29, 0.05, 0.01, 0.14, 0.00, 0.09, 0.24, 0.00)),
    (3.81, 0.23, (0.19, 0.23, 0.02, 0.00, 0.16, 0.00, 0.06, 0.34, 0.00)),
    (4.22, 0.21, (0.18, 0.13, 0.00, 0.00, 0.19, 0.00, 0.05, 0.45, 0.00)),
    (4.58, 0.20, (0.15, 0.07, 0.00, 0.00, 0.22, 0.00, 0.03, 0.53, 0.00)),
    (4.98, 0.13, (0.08, 0.03, 0.00, 0.00, 0.15, 0.00, 0.01, 0.73, 0.00)),
)


#: Between them the scatter of the dust goes from that of near galaxies to that of distant ones.
DUST_REDSHIFTS = (0.15, 0.3)


def draw_spectra(
    mixes: Mapping[str, KindMix],
    star_forming: NDArray[np.bool_],
    absolute_magnitude: FloatArray,
    z: FloatArray,
    uv: FloatArray,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """Draw the spectrum of every galaxy.

    Parameters
    ----------
    mixes : kind -> its spectra.
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
    uniform = rng.random(n)
    faintness = np.clip(absolute_magnitude + 20.5, -3.0, 4.0)
    continua = np.empty((n, len(CONTINUA)))
    a_v = np.empty(n)
    lines = np.empty(n)
    for kind, rows in (("quiescent", ~star_forming), ("star_forming", star_forming)):
        mix = mixes[kind]
        mean = mix.colour + mix.colour_luminosity * faintness + mix.colour_redshift * (np.clip(z, 0.0, 1.5) - 0.5)
        colour = np.clip(mean + mix.colour_scatter * normal[:, 0], *mix.colour_range)
        shares, mean_dust = along_track(colour)
        mixture = shares * np.exp(mix.weight_scatter * normal[:, 3:])
        continua[rows] = (mixture / mixture.sum(axis=1, keepdims=True))[rows]
        dust = np.clip(mean_dust + mix.dust_luminosity * (faintness - 0.5), 0.03, None)
        distant = mix.dust_shape if mix.dust_shape_distant is None else mix.dust_shape_distant
        shape = np.interp(z, DUST_REDSHIFTS, (mix.dust_shape, distant))
        a_v[rows] = np.clip(dust / shape * gammaincinv(shape, uniform), 0.0, 4.0)[rows]
        lines[rows] = (10 ** (mix.line_scatter * normal[:, 1]))[rows]
    strength = (continua @ uv) * lines
    groups = np.repeat(strength[:, None], len(LINE_GROUPS), axis=1)
    groups[:, LINE_GROUPS.index("oiii_hb")] *= 10 ** (0.15 * normal[:, 2])
    return np.hstack([continua, groups]), a_v


def along_track(colour: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean shares of the continua and mean dust on the track, linear between its nodes.

    Parameters
    ----------
    colour : (n,) intrinsic UV - V [mag].

    Returns
    -------
    shares : (n, continua), each row sums to 1.
    a_v : (n,) mean attenuation [mag].
    """
    nodes = np.array([node for node, _, _ in TRACK])
    shares = np.array([share for _, _, share in TRACK])
    mean = np.stack([np.interp(colour, nodes, column) for column in shares.T], axis=1)
    return mean, np.interp(colour, nodes, [dust for _, dust, _ in TRACK])
