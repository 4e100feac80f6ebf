"""A toy deep field: galaxies whose magnitudes follow from redshift and kind, with noise; the truth is known."""

import numpy as np
import pandas as pd
import pytest

BANDS = "ugrizyjh"


def toy_field(n, seed=0):
    random = np.random.default_rng(seed)
    i = 18 + 7 * random.power(4, n)
    z = 0.02 + random.gamma(3, 0.03 * (i - 14), n).clip(0, 5.5) * 0.8
    kind = random.random(n)
    table = pd.DataFrame({"object_id": [f"t{k}" for k in range(n)]})
    table["ra"], table["dec"] = random.uniform(149.5, 150.5, n), random.uniform(1.7, 2.7, n)
    table["z_true"] = z
    wavelength = np.array([0.38, 0.48, 0.62, 0.77, 0.89, 0.98, 1.25, 1.63])
    rest = wavelength / (1 + z[:, None])
    strength = 0.5 + 1.8 * kind[:, None]
    spectrum = strength / (1 + np.exp(-(0.4 - rest) / 0.05)) + 3 / (1 + np.exp(-(0.1216 - rest) / 0.01)) - 0.4 * rest
    magnitudes = i[:, None] + spectrum - spectrum[:, [3]]
    noise = 0.02 + 0.1 * 10 ** (0.4 * (magnitudes - 25.5)).clip(0, 3)
    magnitudes = magnitudes + noise * random.normal(size=magnitudes.shape)
    for k, band in enumerate(BANDS):
        table[f"mag_{band}"] = magnitudes[:, k]
    return table


@pytest.fixture(scope="session")
def make_field():
    """The function ``(n, seed) -> catalogue``."""
    return toy_field
