"""Values that stand beside the image in a network: a catalogue's columns and colours, or circles on the stamps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from photoz_lit.data.sample import Sample
from photoz_lit.errors import InputError, nearest
from photoz_lit.imaging.photometry import apertures
from photoz_lit.networks.catalogue_inputs import magnitudes_of
from photoz_lit.networks.settings import MEASURED, NetworkSettings

#: Columns that hold the answer, or say which galaxies have one.
ABOUT_LABELS = ("z", "z_err", "z_true", "z_source", "z_quality", "fold", "weight", "object_id")
_BLOCK = 512


def catalogue_values(network: NetworkSettings, sample: Sample, galaxies: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the values of some galaxies that a network reads beside the image, (n, values), NaN where missing.

    Parameters
    ----------
    network : its section of the config.
    sample : galaxies with their catalogue and stamps.
    galaxies : rows of it, (n,).

    Raises
    ------
    InputError : see :func:`require_columns`.
    """
    if network.catalogue_inputs == MEASURED:
        return measured_colours(sample, galaxies, network.catalogue_apertures).astype(np.float32)
    columns = network.catalogue_columns
    require_columns(sample, columns)
    table = sample.catalogue.iloc[galaxies]
    values = table[list(columns)].to_numpy(np.float64)
    magnitudes = table[magnitudes_of(columns)].to_numpy(np.float64)
    both = np.concatenate([values, magnitudes[:, :-1] - magnitudes[:, 1:]], axis=1)
    return np.where(np.isfinite(both), both, np.nan).astype(np.float32)


def what_stands_beside(network: NetworkSettings) -> str:
    """Say what a network reads beside the image, and how often it does without in training."""
    columns = network.catalogue_columns
    what = f"{', '.join(columns)} and their colours" if columns else "magnitudes and colours measured on the stamps"
    return f"{what}; left out for {100 * network.catalogue_dropout:.0f} % of the training galaxies"


def require_columns(sample: Sample, columns: Sequence[str]) -> None:
    """Refuse columns that are not there, hold no number, or hold the answer.

    Raises
    ------
    InputError : names the column.
    """
    catalogue = sample.catalogue
    for name in columns:
        if name in ABOUT_LABELS:
            raise InputError(f"network.catalogue_inputs: '{name}' is about labels; give columns such as mag_g.")
        if name not in catalogue:
            known = [str(column) for column in catalogue.columns if column not in ABOUT_LABELS]
            raise InputError(f"network.catalogue_inputs: the catalogue has no column '{name}'{nearest(name, known)}")
        if catalogue[name].dtype.kind not in "fiu":
            raise InputError(f"network.catalogue_inputs: the catalogue's column '{name}' holds no numbers.")
        if len(catalogue) and not np.isfinite(catalogue[name].to_numpy(np.float64)).any():
            raise InputError(
                f"network.catalogue_inputs: the catalogue's column '{name}' has no value for any galaxy; give a store"
                " whose catalogue has it, or a network without it."
            )


def measured_colours(sample: Sample, galaxies: NDArray[np.int64], radii: Sequence[float]) -> NDArray[np.float64]:
    """Measure adjacent colours in all circles but the largest, the reference magnitude in the largest, and how much
    brighter it is there than in the others, (n, values), NaN where missing.

    Parameters
    ----------
    sample, galaxies : see :func:`catalogue_values`.
    radii : of the circles, ascending, in units of the field's widest seeing (FWHM).
    """
    circles = apertures(sample.field, sample.bands, sample.stamp_size, radii)
    blocks = [galaxies[start : start + _BLOCK] for start in range(0, len(galaxies), _BLOCK)]
    measured = [circles.measure(sample.flux(rows)).magnitude for rows in blocks]
    bands, n_circles = len(sample.bands), len(circles.radii)
    magnitude = np.concatenate(measured) if measured else np.empty((0, bands, n_circles))
    field = sample.field
    reference = sample.bands.index(field.reference_band) if field.reference_band in sample.bands else bands // 2
    inner = magnitude[:, :, : max(n_circles - 1, 1)]
    colours = (inner[:, :-1] - inner[:, 1:]).reshape(len(magnitude), -1)
    brightness = magnitude[:, reference]
    reach = brightness[:, :-1] - brightness[:, -1:]
    return np.concatenate([colours, brightness[:, -1:], reach], axis=1)
