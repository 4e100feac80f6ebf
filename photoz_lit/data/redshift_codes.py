"""Redshifts that are codes for "no value" (−1, 9.99, 9.9999 …): found by how often they repeat, and refused.

The rule, on the redshifts of a table that are finite:

1. A value is looked at if it stands in more than 0.5 % of them.
2. Values that no galaxy has, below −0.02 or written in nines alone from 9.9 on (9.99, 9.9999, 99), are codes if they
   stand there at least twice.
3. Any other value is a code if it stands there at least four times, at least four times as often as the ten
   neighbouring values on either side on average, and more often than chance allows: the neighbours' numbers are taken
   as those of a Poisson distribution, of which only the values that occur are seen, and over all values one false
   alarm in a thousand tables is accepted.
4. Where the neighbours repeat too (their median number is 2 or more) or lie on a grid of 0.01 (rounded photo-z), a
   cluster of galaxies makes one value frequent. A value of rule 3 is then a code only if it is the smallest or the
   largest, or apart from the others by five times their usual step.
5. A value of rule 3 that more than half of the table has is the sample's own redshift (narrow-band emitters), unless
   it is exactly 0. In a table of fewer than a hundred redshifts, or with fewer than ten neighbouring values, there is
   too little to compare with, and it passes.

What is a code and what is real only the user knows: a value found is named with the two keys that say so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.stats import poisson

from photoz_lit.errors import InputError
from photoz_lit.tables.no_value import blank_missing

SHARE = 0.005  # of the rows; a value that repeats more often is looked at
FEWEST = 4  # rows of one value
TABLE = 100  # rows, from which on values are compared with their neighbours
GRID = 0.01  # of rounded redshifts
RATIO = 4.0  # to the neighbouring values
NEIGHBOURS = 10  # values on either side
APART = 5.0  # steps of the neighbouring values
CHANCE = 1e-3  # false alarms per table
LOWEST = -0.02  # no galaxy moves faster towards us
REDSHIFT_COLUMNS = ("z", "z_err")
_NINES = re.compile(r"-?9+(\.9+)?")
_MATCH = 1e-6  # relative; a float32 column's 9.9999 is 9.9999


@dataclass(frozen=True)
class RedshiftKeys:
    """The keys of a task that say what a repeated redshift is.

    Attributes
    ----------
    missing_key, allow_key : their names, as they are typed.
    missing : values that mean "no redshift".
    allow : values that are real.
    """

    missing_key: str
    allow_key: str
    missing: Sequence[float] = ()
    allow: Sequence[float] = ()


def without_codes(table: pd.DataFrame, missing: Sequence[float]) -> pd.DataFrame:
    """Return the table with these codes in ``z`` and ``z_err`` as NaN."""
    if not len(missing):
        return table
    present = [name for name in REDSHIFT_COLUMNS if name in table]
    return table.assign(**{name: blank_missing(table[name].to_numpy(np.float64), missing) for name in present})


def require_no_codes(z: ArrayLike, where: str, keys: RedshiftKeys) -> None:
    """Refuse redshifts among which a value looks like a code for "no redshift".

    Parameters
    ----------
    z : (N,), NaN where there is none; what ``keys.missing`` lists is NaN already.
    where : what they are, for the sentence.
    keys : how the user says what such a value is.

    Raises
    ------
    InputError : names the values, how often they stand there, and what to type.
    """
    found = suspicious_redshifts(z)
    new = {value: n for value, n in found.items() if not np.isclose(value, keys.allow, rtol=_MATCH, atol=0).any()}
    if not new:
        return
    rows = int(np.isfinite(np.asarray(z, np.float64)).sum())
    named = " and ".join(f"{_text(value)} in {n:,} of {rows:,} rows" for value, n in new.items())
    raise InputError(
        f"{where}: the redshift stands at {named}, which looks like a code for 'no value'; type"
        f" '{keys.missing_key}={_listed([*keys.missing, *new])}' if it is one, or"
        f" '{keys.allow_key}={_listed([*keys.allow, *new])}' if it is real."
    )


def suspicious_redshifts(z: ArrayLike) -> dict[float, int]:
    """Return the values that look like codes, with the number of their rows; the rule stands above.

    Parameters
    ----------
    z : redshifts (N,); NaN and infinities do not count.
    """
    values = np.asarray(z, np.float64)
    values = values[np.isfinite(values)]
    distinct, counts = np.unique(values, return_counts=True)
    frequent = np.flatnonzero((counts > SHARE * len(values)) & (counts >= 2))
    unreal = np.array([_no_redshift(value) for value in distinct[frequent]], bool)
    others = np.delete(np.arange(len(distinct)), frequent[unreal])
    piled = [k for k in frequent[~unreal] if _piles_up(int(np.searchsorted(others, k)), distinct, counts, others)]
    chosen = np.sort(np.concatenate([frequent[unreal], np.asarray(piled, np.int64)])).astype(np.int64)
    return {float(distinct[k]): int(counts[k]) for k in chosen}


def _no_redshift(value: float) -> bool:
    return value < LOWEST or (value >= 9.9 and _NINES.fullmatch(_text(value)) is not None)


def _piles_up(
    position: int, distinct: NDArray[np.float64], counts: NDArray[np.int64], others: NDArray[np.int64]
) -> bool:
    """Whether a value stands out of its neighbours among ``others``, where it is at ``position``."""
    value, count = distinct[others[position]], counts[others[position]]
    if counts.sum() < TABLE or count < FEWEST or (value != 0.0 and count > counts.sum() / 2):
        return False
    near = np.concatenate([others[max(0, position - NEIGHBOURS) : position], others[position + 1 :][:NEIGHBOURS]])
    if len(near) < NEIGHBOURS:
        return False
    mean = float(counts[near].mean())
    if count < RATIO * mean or len(others) * poisson.sf(count - 1, _rate(mean)) >= CHANCE:
        return False
    on_grid = np.abs(distinct[near] / GRID - np.round(distinct[near] / GRID)) < 1e-4
    if (np.median(counts[near]) < 2 and not on_grid.all()) or position in (0, len(others) - 1):
        return True
    step = float(np.median(np.diff(distinct[near])))
    return bool(np.abs(distinct[near] - value).min() >= APART * step)


def _rate(mean: float) -> float:
    """Return the rate λ of a Poisson distribution whose positive values have this mean, λ / (1 − exp(−λ))."""
    if mean <= 1.0 + 1e-9:
        return 1e-9
    return float(brentq(lambda rate: rate / -np.expm1(-rate) - mean, 1e-9, mean + 1.0))


def _text(value: float) -> str:
    """Return a value as short as a table would write it."""
    return f"{value:.6g}"


def _listed(values: Sequence[float]) -> str:
    return f"[{','.join(_text(value) for value in dict.fromkeys(values))}]"
