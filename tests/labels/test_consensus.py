"""Consensus of photo-z: against hand-computed values and the real four-photo-z file."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from photoz_lit.errors import InputError
from photoz_lit.labels.consensus import consensus, photo_z_columns
from photoz_lit.labels.settings import ConsensusSettings

FOUR_PHOTO_Z = Path(__file__).parents[2].parent / "shared" / "data" / "bpz_four_photoz.csv.gz"


def test_mean_and_population_spread():
    result = consensus([[1.0, 1.0, 1.2, 1.2], [0.5, 0.5, 0.5, 2.5]])
    np.testing.assert_allclose(result.z, [1.1, 1.0])
    np.testing.assert_allclose(result.spread, [0.1, np.sqrt(0.75)])
    assert result.agrees.tolist() == [True, False]


def test_limit_itself_agrees():
    # σ = 0.25 at z̄ = 1.25; the limit 0.25 / 2.25 is given exactly
    assert consensus([[1.0, 1.5]], ConsensusSettings(max_spread=0.25 / 2.25)).agrees.all()


@pytest.mark.parametrize("no_value", [np.nan, -99.0, 99.0, 99.99, np.inf, 0.0])
def test_one_invalid_estimate_makes_no_consensus(no_value):
    result = consensus([[1.0, 1.0, 1.0, no_value]])
    assert not result.valid[0]
    assert not result.agrees[0]
    assert np.isnan(result.z[0])


def test_column_of_minus_99_is_named():
    table = pd.DataFrame({"a": [0.5, 0.6], "b": [-99.0, -99.0]})
    with pytest.raises(InputError, match=r"cat\.csv: photo-z column 'b' has no valid redshift"):
        photo_z_columns(table, ["a", "b"], "cat.csv")


def test_missing_column_gets_a_hint():
    with pytest.raises(InputError, match="did you mean 'zphot_b'"):
        photo_z_columns(pd.DataFrame({"zphot_a": [1.0], "zphot_b": [1.0]}), ["zphot_a", "zphot_bb"], "cat.csv")


@pytest.mark.skipif(not FOUR_PHOTO_Z.is_file(), reason="the four-photo-z file is not there")
def test_real_four_photo_z_give_the_published_figures():
    table = pd.read_csv(FOUR_PHOTO_Z)
    columns = [name for name in table if name.startswith("zphot_")]
    assert len(columns) == 4
    result = consensus(photo_z_columns(table, columns, str(FOUR_PHOTO_Z)))

    def figures(keep):
        delta = (result.z[keep] - table["zspec"][keep]) / (1 + table["zspec"][keep])
        sigma_mad = 1.4826 * np.median(np.abs(delta - np.median(delta)))
        return sigma_mad, np.mean(np.abs(delta) >= 0.15), np.mean(delta)

    assert result.valid.sum() == 15_831
    np.testing.assert_allclose(figures(result.valid), [0.0398, 0.0672, 0.0122], atol=5e-5)
    assert result.agrees.sum() == 15_175
    np.testing.assert_allclose(figures(result.agrees), [0.0378, 0.0432, -0.0029], atol=5e-5)
