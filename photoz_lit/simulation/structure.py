"""Walls and voids along the line of sight: each field has its own, the same in every simulation of it."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

#: Spacing of independent densities in ln(1+z): 10 to 15 Mpc at z = 1, the thickness of walls of small deep fields.
STEP = 0.006
LOG_Z_MAX = float(np.log1p(7.0))


def field_key(name: str) -> list[int]:
    """Four 32-bit words that stand for a field's name in a seed, the same on every machine."""
    digest = hashlib.sha256(name.encode()).digest()
    return [int.from_bytes(digest[start : start + 4], "little") for start in range(0, 16, 4)]


def density_contrast(name: str, amplitude: float, log_z: FloatArray) -> FloatArray:
    """Density of a field's galaxies relative to the mean, log-normal, 1 on average.

    Between independent Gaussian nodes every :data:`STEP` the field is linear and scaled to unit variance; nodes lie at
    fixed redshifts, so windows of different depth see the same walls.

    Parameters
    ----------
    name : name of the field; the structure depends on it and on nothing else.
    amplitude : standard deviation of the ln of the density; 0 is a smooth field.
    log_z : (n,) ln(1+z).

    Returns
    -------
    (n,) relative density, exp(a g - a²/2).
    """
    nodes = np.random.default_rng(field_key(name)).standard_normal(int(LOG_Z_MAX / STEP) + 2)
    position = np.clip(log_z / STEP, 0.0, nodes.size - 1.001)
    low = position.astype(np.int64)
    share = position - low
    gaussian = ((1 - share) * nodes[low] + share * nodes[low + 1]) / np.hypot(1 - share, share)
    return np.asarray(np.exp(amplitude * gaussian - 0.5 * amplitude**2))
