from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from photoz_lit.errors import InputError
from photoz_lit.evaluation.metrics import pdf as pdfs
from photoz_lit.evaluation.metrics import point
from photoz_lit.evaluation.metrics.summary import summarise
from photoz_lit.evaluation.predictions.table import PREDICTION_COLUMNS, predictions_table, read_predictions
from photoz_lit.fields import Field, load_field
from tests.evaluation.mixtures import galaxies, gaussian_pdfs

FIELD = load_field("hsc6b")


@pytest.fixture(scope="module")
def sample() -> tuple[np.ndarray, pd.DataFrame, pd.DataFrame]:
    """PDFs, catalogue and table of 500 galaxies, 50 of them without label."""
    pdf, z = gaussian_pdfs(500, edges=FIELD.z_edges)
    catalogue = galaxies(z, FIELD)
    catalogue.loc[:49, "z"] = np.nan
    return pdf, catalogue, predictions_table(pdf, FIELD.z_edges, catalogue, 0, FIELD.reference_band)


def summary_of(table: pd.DataFrame, pdf: np.ndarray, field: Field = FIELD) -> dict:  # type: ignore[type-arg]
    return summarise(table, pdf, field.z_edges, field, "simulated")


def test_table_has_the_promised_columns(sample: tuple[np.ndarray, pd.DataFrame, pd.DataFrame]) -> None:
    pdf, catalogue, table = sample
    assert list(table.columns)[: len(PREDICTION_COLUMNS)] == list(PREDICTION_COLUMNS)
    np.testing.assert_allclose(table["z_phot"], pdfs.median(pdf, FIELD.z_edges))
    np.testing.assert_allclose(table["z_mean"], pdfs.mean(pdf, FIELD.z_edges))
    np.testing.assert_allclose(table["pdf_width"], (table["z_hi68"] - table["z_lo68"]) / 2)
    np.testing.assert_allclose(table[["z_lo95", "z_hi95"]], pdfs.quantiles(pdf, FIELD.z_edges, [0.025, 0.975]))
    np.testing.assert_array_equal(table["mag"], catalogue["mag_i"])
    np.testing.assert_array_equal(table["z_true"], catalogue["z_true"])
    assert table["crps"].isna().to_numpy()[:50].all()
    known = catalogue["z"].notna()
    np.testing.assert_allclose(table["crps"][known], pdfs.crps(pdf[known], FIELD.z_edges, catalogue["z"][known]))
    np.testing.assert_allclose(table["pit"][known], pdfs.pit(pdf[known], FIELD.z_edges, catalogue["z"][known]))


def test_summary_is_of_labelled_galaxies_only(sample: tuple[np.ndarray, pd.DataFrame, pd.DataFrame]) -> None:
    pdf, catalogue, table = sample
    summary = summary_of(table, pdf)
    known = catalogue["z"].notna().to_numpy()
    z = catalogue["z"].to_numpy()[known]
    delta = point.delta_z(table["z_phot"].to_numpy()[known], z)
    edges = FIELD.z_edges
    assert (summary["data"], summary["field"]) == ("simulated", "hsc6b")
    assert (summary["n_predicted"], summary["n_test"]) == (500, 450)
    assert summary["sigma_mad"] == pytest.approx(point.sigma_mad(delta))
    assert summary["eta"] == pytest.approx(np.mean(np.abs(delta) >= 0.15))
    assert summary["bias"] == pytest.approx(delta.mean())
    assert summary["crps"] == pytest.approx(pdfs.crps(pdf[known], edges, z).mean())
    assert summary["cde_loss"] == pytest.approx(pdfs.cde_loss(pdf[known], edges, z))
    assert summary["nll"] == pytest.approx(pdfs.nll(pdf[known], edges, z))
    assert summary["pit_ks"] == pytest.approx(pdfs.pit_uniformity(pdfs.pit(pdf[known], edges, z))["ks"])


def test_summary_by_source_and_magnitude(sample: tuple[np.ndarray, pd.DataFrame, pd.DataFrame]) -> None:
    pdf, catalogue, table = sample
    summary = summary_of(table, pdf)
    assert set(summary["by_source"]) == {"spec", "grism", "prism"}
    assert sum(part["n"] for part in summary["by_source"].values()) == 450
    grism = (catalogue["z_source"] == "grism") & catalogue["z"].notna()
    delta = point.delta_z(table["z_phot"][grism], catalogue["z"][grism])
    assert summary["by_source"]["grism"]["sigma_mad"] == pytest.approx(point.sigma_mad(delta))
    assert list(summary["by_mag"]) == ["19-20", "20-21", "21-22", "22-23"]
    assert sum(part["n"] for part in summary["by_mag"].values()) == 450


def test_truth_is_scored_apart_and_includes_unlabelled(sample: tuple[np.ndarray, pd.DataFrame, pd.DataFrame]) -> None:
    pdf, catalogue, table = sample
    truth = summary_of(table, pdf)["against_truth"]
    delta = point.delta_z(table["z_phot"], catalogue["z_true"])
    assert truth["n"] == 500
    assert truth["sigma_mad"] == pytest.approx(point.sigma_mad(delta))


def test_threshold_is_the_fields() -> None:
    sdss = load_field("sdss")
    z = np.full(20, 0.2)
    pdf = np.zeros((20, sdss.n_bins))
    pdf[np.arange(20), np.searchsorted(sdss.z_edges, 0.2 + np.repeat([0.0, 0.1], 10))] = 1
    table = predictions_table(pdf, sdss.z_edges, galaxies(z, sdss).assign(z=z), 0, sdss.reference_band)
    assert summary_of(table, pdf, sdss)["eta"] == 0.5  # Δz = 0.083: an outlier at 0.05, none at 0.15


def test_no_labels_at_all_give_nulls(sample: tuple[np.ndarray, pd.DataFrame, pd.DataFrame]) -> None:
    pdf, catalogue, _ = sample
    blind = catalogue.drop(columns=["z", "z_source", "z_true"])
    table = predictions_table(pdf, FIELD.z_edges, blind, -1, FIELD.reference_band)
    summary = summary_of(table, pdf)
    assert summary["n_test"] == 0
    assert summary["sigma_mad"] is None
    assert summary["by_source"] == {}
    assert "NaN" not in json.dumps(summary)


def test_nz_of_perfect_pdfs_is_the_labels() -> None:
    z = 0.5 * (FIELD.z_edges[1:] + FIELD.z_edges[:-1])
    pdf = np.eye(FIELD.n_bins)
    table = predictions_table(pdf, FIELD.z_edges, galaxies(z, FIELD).assign(z=z), 0, "i")
    summary = summary_of(table, pdf)
    for name in ("nz_tv", "nz_ks", "nz_w1", "nz_mean_shift"):
        assert summary[name] == pytest.approx(0, abs=1e-12)
    assert summary["sigma_mad"] == pytest.approx(0, abs=1e-12)


def test_bad_input_is_named(sample: tuple[np.ndarray, pd.DataFrame, pd.DataFrame], tmp_path) -> None:  # type: ignore[no-untyped-def]
    pdf, catalogue, table = sample
    with pytest.raises(InputError, match="499 PDFs but 500 rows"):
        predictions_table(pdf[:-1], FIELD.z_edges, catalogue, 0, "i")
    with pytest.raises(InputError, match="same galaxies"):
        summary_of(table, pdf[:-1])
    with pytest.raises(InputError, match="object_id"):
        predictions_table(pdf, FIELD.z_edges, catalogue.drop(columns="object_id"), 0, "i")
    with pytest.raises(InputError, match="not there"):
        read_predictions(tmp_path)
    table.drop(columns="z_mode").to_parquet(tmp_path / "predictions.parquet")
    with pytest.raises(InputError, match="no column 'z_mode'"):
        read_predictions(tmp_path)
    (tmp_path / "predictions.parquet").write_text("no table")
    with pytest.raises(InputError, match="cannot be read"):
        read_predictions(tmp_path)
