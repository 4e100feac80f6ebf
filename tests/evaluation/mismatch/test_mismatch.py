from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from photoz_lit.data.sample import Sample
from photoz_lit.evaluation.mismatch.redshifts import FieldPredictions, redshift_table
from photoz_lit.evaluation.plots.mismatch import redshift_figure
from photoz_lit.imaging.pixel_summaries import pixel_sums
from tests.conftest import make_store
from tests.evaluation.mixtures import EDGES, gaussian_pdfs
from tests.imaging.observed import sample_of_store


def predicted(name: str, n: int, seed: int, shift: float = 0.0) -> FieldPredictions:
    """Honest PDFs, moved up by ``shift`` whole bins of 0.025."""
    pdf, z = gaussian_pdfs(n, seed, outliers=0.0)
    bins = round(shift / 0.025)
    if bins:
        pdf[:, bins:] = pdf[:, :-bins].copy()
        pdf[:, :bins] = 0
        pdf /= pdf.sum(axis=1, keepdims=True)
    middle = 0.5 * (EDGES[1:] + EDGES[:-1])
    z_phot = np.array([middle[np.searchsorted(row.cumsum(), 0.5)] for row in pdf])
    magnitude = 20 + 2 * np.random.default_rng(n).random(n)
    return FieldPredictions(name, pdf.astype(np.float32), z_phot, z, magnitude)


def test_a_shifted_field_shows_its_shift() -> None:
    source, same, moved = (predicted(*a) for a in (("s", 3000, 0), ("same", 2500, 1), ("moved", 2500, 2, 0.1)))
    table = redshift_table([source, same, moved], EDGES, 0.15).set_index(["field", "group"])
    assert table.loc[("s", "all"), ["nz_tv", "nz_mean_shift", "d_bias"]].to_numpy(float) == pytest.approx([0, 0, 0])
    row = table.loc[("moved", "all")]
    assert row["n"] == 2500
    middle = 0.5 * (EDGES[1:] + EDGES[:-1])
    means = [float(f.pdf.sum(axis=0) @ middle / f.pdf.sum()) for f in (source, moved)]
    assert row["nz_mean"] == pytest.approx(means[1], rel=1e-5)
    assert row["nz_mean_shift"] == pytest.approx(means[1] - means[0], abs=1e-5)
    assert row["nz_mean_shift"] > 5 * row["nz_mean_shift_err"]
    assert row["nz_tv"] > 2 * row["nz_tv_noise"]
    delta = (moved.z_phot - moved.truth) / (1 + moved.truth)
    assert row["bias"] == pytest.approx(delta.mean())
    assert row["bias_err"] == pytest.approx(delta.std(ddof=1) / 50)
    assert row["d_bias"] == pytest.approx(delta.mean() - table.loc[("s", "all"), "bias"])
    same_row = table.loc[("same", "all")]
    assert abs(same_row["nz_mean_shift"]) < 4 * same_row["nz_mean_shift_err"]
    assert same_row["nz_tv"] < 2 * same_row["nz_tv_noise"]
    assert abs(same_row["d_bias"]) < 4 * same_row["d_bias_err"]
    assert 2300 < table.loc[("moved", "matched"), "n"] <= 2500
    bins = [group for group in table.loc["moved"].index if group.startswith("mag")]
    assert len(bins) == 4
    assert table.loc[("s", bins), "n"].sum() == 3000


def test_without_redshifts_or_with_few_galaxies() -> None:
    source = predicted("s", 300, 0)
    blind = replace(predicted("blind", 200, 1), truth=np.full(200, np.nan))
    few = predicted("few", 5, 2)
    table = redshift_table([source, blind, few], EDGES, 0.15).set_index(["field", "group"])
    assert table.loc[("blind", "all"), "n_truth"] == 0
    assert np.isnan(table.loc[("blind", "all"), "bias"])
    assert np.isfinite(table.loc[("blind", "all"), "nz_tv"])
    assert np.isnan(table.loc[("few", "all"), "nz_tv"])
    figure = redshift_figure([source, blind], table.reset_index(), EDGES, "simulated")
    assert figure.axes[0].get_xlabel() == "redshift $z$"
    assert len(figure.axes) == 2
    blind_only = redshift_table([replace(source, truth=np.full(300, np.nan)), blind], EDGES, 0.15)
    assert len(redshift_figure([source, blind], blind_only, EDGES, "real").axes) == 1


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    return sample_of_store(make_store(tmp_path / "store", n=60))


def test_pixel_summaries_are_what_they_say(sample: Sample) -> None:
    rows = np.arange(60)
    summaries = pixel_sums(sample, rows, np.zeros(6)).summaries(sample.zero_points, np.ones(6))
    catalogue = sample.catalogue[[f"mag_{b}" for b in sample.bands]].to_numpy(float)
    y, x = np.mgrid[:32, :32] - 15.5
    blob, radius = np.exp(-(x**2 + y**2) / 18) / (18 * np.pi), 0.168 * np.hypot(x, y)
    wide, core = blob[radius <= 1.5].sum(), blob[radius <= 0.5].sum()
    assert np.median(summaries.magnitude - catalogue, axis=0) == pytest.approx(-2.5 * np.log10(wide), abs=0.03)
    assert np.median(summaries.shape, axis=0) == pytest.approx(core / wide, rel=0.03)
    sky = summaries.sky.reshape(60, 6, 3)
    assert np.median(np.exp(sky[:, :, 1]), axis=0) == pytest.approx(0.05, rel=0.1)
    assert np.abs(np.median(sky[:, :, 2], axis=0)).max() < 0.1
    assert summaries.families["pixels"].shape == (60, 11 + 6 + 18)


def test_missing_pixels_count_as_sky(sample: Sample) -> None:
    blank = np.zeros((60, 6), bool)
    blank[:3, 1] = True
    summaries = pixel_sums(replace(sample, blank=blank), np.arange(60), np.zeros(6)).summaries(
        sample.zero_points, np.ones(6)
    )
    assert all(np.isfinite(values).all() for values in summaries.families.values())
    assert np.isnan(summaries.magnitude[:3, 1]).all()
    assert pd.notna(summaries.magnitude[3:, 1]).all()
