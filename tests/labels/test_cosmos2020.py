"""COSMOS2020 reader on small FITS files with its column names."""

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table

from photoz_lit.errors import InputError
from photoz_lit.labels.cosmos2020 import cosmos2020_labels

ARCSEC = 1 / 3600


def catalogues(tmp_path, shift=0.2 * ARCSEC, edit=None):
    n = 8
    ra, dec = 150 + 0.01 * np.arange(n), np.full(n, 2.0)
    classic = Table(
        {
            "ID": np.arange(n),
            "ALPHA_J2000": ra,
            "DELTA_J2000": dec,
            "FLAG_COMBINED": np.zeros(n, int),
            "lp_type": np.zeros(n, int),
            "lp_zPDF": np.full(n, 1.0),
            "ez_z_phot": np.full(n, 1.1),
            "HSC_i_MAG": np.array([22.0, -99.0, *[23.0] * 6], "f4"),
            "HSC_i_MAGERR": np.full(n, 0.1),
        }
    )
    farmer = classic["ALPHA_J2000", "DELTA_J2000", "FLAG_COMBINED", "lp_type", "ez_z_phot"].copy()
    farmer["ID"] = np.arange(n)[::-1]
    farmer["lp_zPDF"] = 1.2
    farmer["MODEL_FLAG"] = 0
    farmer["HSC_i_MAG"] = 23.0
    farmer["DELTA_J2000"] += shift
    if edit:
        edit(classic, farmer)
    paths = tmp_path / "classic.fits", tmp_path / "farmer.fits"
    classic.write(paths[0])
    farmer[::-1].write(paths[1])
    return paths


def test_each_exclusion_is_counted(tmp_path):
    def edit(classic, farmer):
        farmer["DELTA_J2000"][0] += 5 * ARCSEC
        classic["lp_type"][1] = 1
        farmer["lp_type"][2] = 2
        classic["FLAG_COMBINED"][3] = 1
        farmer["MODEL_FLAG"][4] = 1
        classic["ez_z_phot"][5] = -99
        farmer["lp_zPDF"][6] = 3.0

    labels = cosmos2020_labels(*catalogues(tmp_path, edit=edit))
    assert labels.counts == {
        "without a FARMER counterpart": 1,
        "stars": 1,
        "X-ray sources": 1,
        "masked": 1,
        "failed fits": 1,
        "without four valid photo-z": 1,
        "whose photo-z disagree": 1,
        "kept": 1,
    }
    assert labels.table["object_id"].tolist() == ["cosmos2020-7"]
    np.testing.assert_allclose(labels.table["z"], 1.1)
    np.testing.assert_allclose(labels.table["z_err"], np.std([1.0, 1.1, 1.2, 1.1]))


def test_invalid_magnitudes_become_nan_and_columns_native(tmp_path):
    table = cosmos2020_labels(*catalogues(tmp_path)).table
    np.testing.assert_allclose(table["mag_i"][:3], [22.0, np.nan, 23.0])
    assert table["mag_i"].to_numpy().dtype.isnative
    assert len(table) == 8


def test_the_published_headers_of_both_files(tmp_path):
    """CLASSIC says <BAND>_MAG_AUTO, FARMER <BAND>_MAG; any format is read."""
    n = 40
    names = {"u": "CFHT_u", **{b: f"HSC_{b}" for b in "grizy"}, "j": "UVISTA_J", "h": "UVISTA_H", "k": "UVISTA_Ks"}
    common = {"ID": np.arange(n), "ALPHA_J2000": 150 + 0.001 * np.arange(n), "DELTA_J2000": 2.0, "FLAG_COMBINED": 0}
    common |= {"lp_type": 0, "lp_zPDF": 1.0, "ez_z_phot": 1.01, "MODEL_FLAG": 0}
    for kind, suffix in (("CLASSIC", "_AUTO"), ("FARMER", "")):
        magnitudes = {f"{name}_MAG{suffix}": 20.0 + k for k, name in enumerate(names.values())}
        errors = {f"{name}_MAGERR{suffix}": 0.02 + 0.01 * k for k, name in enumerate(names.values())}
        pd.DataFrame({**common, **magnitudes, **errors}).to_parquet(tmp_path / f"{kind}.parquet")
    paths = [tmp_path / f"{kind}.parquet" for kind in ("CLASSIC", "FARMER")]
    for order in (paths, paths[::-1]):
        table = cosmos2020_labels(*order).table
        for k, band in enumerate(names):
            np.testing.assert_allclose(table[f"mag_{band}"], 20.0 + k)
            np.testing.assert_allclose(table[f"mag_err_{band}"], 0.02 + 0.01 * k)
    pd.DataFrame({**common, "HSC_i_FLUX": 1.0}, index=np.arange(n)).to_parquet(tmp_path / "none.parquet")
    with pytest.raises(InputError, match=r"none\.parquet has no magnitudes: no HSC_i_MAG_AUTO \(CLASSIC\)"):
        cosmos2020_labels(tmp_path / "none.parquet", paths[1])
    with pytest.raises(InputError, match=r"none\.parquet has no magnitudes"):
        cosmos2020_labels(paths[0], tmp_path / "none.parquet")


def test_catalogues_without_overlap_are_refused(tmp_path):
    with pytest.raises(InputError, match="do not overlap"):
        cosmos2020_labels(*catalogues(tmp_path, shift=1.0))


def test_missing_column_is_named(tmp_path):
    paths = catalogues(tmp_path, edit=lambda classic, farmer: classic.rename_column("lp_zPDF", "lp_zPDF1"))
    with pytest.raises(InputError, match=r"classic\.fits has no column 'lp_zPDF'; did you mean 'lp_zPDF1'"):
        cosmos2020_labels(*paths)
