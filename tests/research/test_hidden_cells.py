"""Hidden cells: photo-z out of fold, cells without spectra filled by consensus, real zCOSMOS where it is there."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from photoz_lit.errors import InputError
from photoz_lit.labels.settings import LabelsSettings, SomSettings
from research.hidden_cells import REGRESSORS, cross_fitted_photo_z, hide_half_of_the_cells, photo_z_features

SETTINGS = LabelsSettings(som=SomSettings(rows=6, columns=6, trainer="batch"))


@pytest.fixture(scope="module")
def catalogue(make_field):
    table = make_field(700, seed=11)
    return table.rename(columns={"z_true": "z"})


@pytest.fixture(scope="module")
def photo_z(catalogue):
    return cross_fitted_photo_z(photo_z_features(catalogue, "i"), catalogue["z"].to_numpy(), trees=20)


def test_photo_z_are_out_of_fold(catalogue, photo_z):
    assert list(photo_z) == list(REGRESSORS)
    assert photo_z.notna().to_numpy().all()
    # A galaxy's own label changes nothing in its own photo-z.
    z = catalogue["z"].to_numpy().copy()
    z[7] = 5.0
    changed = cross_fitted_photo_z(photo_z_features(catalogue, "i"), z, trees=20)
    np.testing.assert_allclose(changed.iloc[7], photo_z.iloc[7])
    assert (changed != photo_z).to_numpy().any()


def test_hidden_cells_get_photo_z_and_others_spectra(catalogue, photo_z):
    for which in ("random", "faint"):
        result = hide_half_of_the_cells(catalogue, photo_z, SETTINGS, "simulated", 0, which)
        table = result.catalogue
        assert (table.loc[table["hidden"], "z_source"] == "photo").all()
        assert (table.loc[~table["hidden"], "z_source"] == "spec").mean() > 0.9
        np.testing.assert_array_equal(
            table.loc[table["z_source"] == "spec", "z"], table.loc[table["z_source"] == "spec", "z_spec"]
        )
        assert 0.3 < result.hidden_share < 0.7
        assert result.labels.report["coverage"]["spec"] == pytest.approx(1 - result.hidden_share)
    hidden = table["hidden"]
    assert table.loc[hidden, "mag_i"].median() > table.loc[~hidden, "mag_i"].median() + 1


def test_missing_magnitude_and_few_galaxies_are_refused(catalogue):
    with pytest.raises(InputError, match="1 galaxies lack a magnitude, the first is row 3"):
        photo_z_features(catalogue.assign(mag_u=catalogue["mag_u"].where(catalogue.index != 3)), "i")
    with pytest.raises(InputError, match="too few"):
        cross_fitted_photo_z(np.ones((20, 3)), np.ones(20))


@pytest.mark.long
def test_real_zcosmos_fills_hidden_cells_at_the_forests_accuracy():
    path = Path(__file__).parents[2].parent / "shared" / "data" / "zcosmos_bright20k.csv.gz"
    if not path.is_file():
        pytest.skip("the zCOSMOS catalogue is not there")
    raw = pd.read_csv(path)
    secure = (raw["cc"] % 10).between(3.0, 4.6) & (raw["cc"] < 10) & (raw["zpec"] > 0.002) & (raw["zpec"] < 9)
    table = pd.DataFrame({"object_id": raw["id_zcosmos"].astype(str), "ra": raw["alpha"], "dec": raw["delta"]})
    table["z"] = raw["zpec"]
    for band in "ugrizjk":
        magnitude = raw[f"{band}_photzi25"]
        table[f"mag_{band}"] = magnitude.where((magnitude > 0) & (magnitude < 50))
    table = table[secure & table.notna().all(axis=1)].reset_index(drop=True)
    assert len(table) == pytest.approx(11_034, abs=150)
    photo_z = cross_fitted_photo_z(photo_z_features(table, "i"), table["z"].to_numpy())
    result = hide_half_of_the_cells(table, photo_z, LabelsSettings(), "real")
    hidden = result.catalogue[result.catalogue["hidden"]]
    delta = (hidden["z"] - hidden["z_spec"]) / (1 + hidden["z_spec"])
    assert 1.4826 * np.median(np.abs(delta - delta.median())) < 0.022
    assert (np.abs(delta) >= 0.15).mean() < 0.02
    assert result.labels.report["coverage"]["any"] > 0.98
