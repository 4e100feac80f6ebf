"""By how much the colours of two fields differ at equal magnitude."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from photoz_lit.evaluation.mismatch.magnitude_match import BIN, matched_rows

Floats = NDArray[np.float64]
#: Standard error of a median over that of the mean, for a Gaussian; and σ over the median absolute deviation.
_OF_MEDIAN, _OF_DEVIATION = 1.2533, 1.4826


def colour_shift(
    source: ArrayLike,
    target: ArrayLike,
    reference: int,
    brightness: tuple[ArrayLike, ArrayLike],
    seed: int = 0,
    names: tuple[str, str] = ("first", "second"),
) -> tuple[Floats, Floats]:
    """Median colour of the target less the source's, both drawn to the same distribution of magnitude.

    The colour that galaxies of both fields have at a magnitude is taken off first, so that its run with magnitude does
    not widen the error.

    Parameters
    ----------
    source, target : magnitudes [AB], (n, bands) and (m, bands); NaN takes no part in its band.
    reference : place of the band that is subtracted.
    brightness : magnitudes of both by which they are matched, (n,) and (m,).
    seed : of the draw.
    names : of the fields, for the error's sentence.

    Returns
    -------
    shift : median (band − reference band) of the target less that of the source [mag], (bands,), 0 in the reference
        band: zero points, and what is left of different populations. NaN where a field has no magnitude in a band.
    error : standard error of the shift [mag], (bands,).

    Raises
    ------
    InputError : no magnitude has galaxies of both fields.
    """
    both = [np.asarray(values, np.float64) for values in (source, target)]
    by = [np.asarray(values, np.float64) for values in brightness]
    rows = matched_rows(by[0], by[1], seed, names)
    bins = [np.floor(values[chosen] / BIN) for values, chosen in zip(by, rows, strict=True)]
    colours = [values[chosen] - values[chosen][:, [reference]] for values, chosen in zip(both, rows, strict=True)]
    trend = pd.DataFrame(np.concatenate(colours)).groupby(np.concatenate(bins)).transform("median").to_numpy()
    medians, errors = [], []
    for colour, at_magnitude in zip(colours, np.split(trend, [len(rows[0])]), strict=True):
        of_both = pd.DataFrame(colour - at_magnitude)
        medians.append(of_both.median().to_numpy())
        spread = _OF_DEVIATION * (of_both - of_both.median()).abs().median().to_numpy()
        errors.append(_OF_MEDIAN * spread / np.sqrt(np.maximum(of_both.notna().sum().to_numpy(), 1)))
    return medians[1] - medians[0], np.hypot(*errors)
