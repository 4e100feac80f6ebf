"""Codes among redshifts are found by how often they repeat; rounded redshifts and clusters are not taken for codes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from photoz_lit.data.redshift_codes import RedshiftKeys, require_no_codes, suspicious_redshifts, without_codes
from photoz_lit.errors import InputError

KEYS = RedshiftKeys("ingest.missing", "ingest.allow")


def redshifts(n: int, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).gamma(2.0, 0.3, n)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("code", [-99.0, -9.99, -1.0, 0.0, 1.0, 2.9999, 9.99, 9.9999, 99.0])
@pytest.mark.parametrize("n", [500, 5000])
def test_a_code_in_two_of_a_hundred_rows_is_found(n: int, code: float, dtype: type) -> None:
    z = redshifts(n)
    z[: n // 50] = code
    found = suspicious_redshifts(z.astype(dtype))
    assert list(found.values()) == [n // 50]
    assert next(iter(found)) == pytest.approx(code, rel=1e-6)


def test_two_codes_side_by_side_are_found() -> None:
    z = redshifts(2000)
    z[:40], z[40:90] = 5.98, 5.99
    assert suspicious_redshifts(z) == {5.98: 40, 5.99: 50}


def test_below_half_a_percent_nothing_is_said() -> None:
    z = redshifts(2000)
    z[:10] = -1.0
    assert suspicious_redshifts(z) == {}
    z[10] = -1.0
    assert suspicious_redshifts(z) == {-1.0: 11}


def test_nan_and_infinities_are_no_rows() -> None:
    z = np.concatenate([redshifts(300), np.full(5000, np.nan), np.full(50, np.inf), np.full(6, -1.0)])
    assert suspicious_redshifts(z) == {-1.0: 6}
    assert suspicious_redshifts(np.full(10, np.nan)) == {}


def cluster(n: int, seed: int) -> NDArray[np.float64]:
    """A field with 15 % of its galaxies in one cluster."""
    z = redshifts(n, seed)
    members = int(0.15 * n)
    z[:members] = 0.396 + np.random.default_rng(seed).normal(0, 0.004, members)
    return z


@pytest.mark.parametrize("make", [redshifts, cluster])
@pytest.mark.parametrize("decimals", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("n", [20, 60, 100, 300, 1000, 5000, 20_000])
def test_rounded_redshifts_are_real(n: int, decimals: int, make: Callable[[int, int], NDArray[np.float64]]) -> None:
    for seed in range(5):
        assert suspicious_redshifts(make(n, seed).round(decimals)) == {}


def test_emitters_at_one_redshift_are_real() -> None:
    assert suspicious_redshifts(np.full(500, 1.47)) == {}
    mixed = np.concatenate([np.full(500, 1.47), redshifts(200)])
    assert suspicious_redshifts(mixed) == {}
    # … but most of a table at exactly 0 is a table of galaxies without redshift
    assert suspicious_redshifts(np.where(mixed == 1.47, 0.0, mixed)) == {0.0: 500}


def test_small_tables() -> None:
    assert suspicious_redshifts([0.5, 0.5, 0.5, 0.7]) == {}
    assert suspicious_redshifts([0.5, 0.6, 0.7, -1.0]) == {}
    assert suspicious_redshifts([0.5, 0.6, -9.99, 9.9999, -9.99, 9.9999]) == {-9.99: 2, 9.9999: 2}


def test_the_sentence_says_what_to_type() -> None:
    z = redshifts(1000)
    z[:50], z[50:70] = 9.99, -1.0
    with pytest.raises(InputError) as raised:
        require_no_codes(z, "cat.csv", KEYS)
    assert str(raised.value) == (
        "cat.csv: the redshift stands at -1 in 20 of 1,000 rows and 9.99 in 50 of 1,000 rows, which looks like a code"
        " for 'no value'; type 'ingest.missing=[-1,9.99]' if it is one, or 'ingest.allow=[-1,9.99]' if it is real."
    )
    require_no_codes(z, "cat.csv", RedshiftKeys("a", "b", allow=(9.99, -1)))
    with pytest.raises(InputError, match=r"'a=\[5,-1\]' if it is one, or 'b=\[9\.99,-1\]'"):
        require_no_codes(z, "cat.csv", RedshiftKeys("a", "b", missing=(5.0,), allow=(9.99,)))
    table = without_codes(pd.DataFrame({"z": z.astype("f4"), "z_err": -1.0, "mag_i": -1.0}), (9.99, -1.0))
    assert table["z"].isna().sum() == 70
    assert table["z_err"].isna().all()
    assert (table["mag_i"] == -1.0).all()
    require_no_codes(table["z"], "cat.csv", KEYS)
