from __future__ import annotations

import numpy as np
import pytest

from photoz_lit.evaluation.plots.shown_pdf import MOST_BINS, shown_pdf
from photoz_lit.fields import load_field
from tests.evaluation.mixtures import gaussian_pdfs

EDGES = load_field("hsc9b").z_edges


@pytest.mark.parametrize("scatter", [0.0005, 0.01, 0.3])
def test_bins_are_wide_enough_to_be_seen_and_no_probability_is_lost(scatter: float) -> None:
    pdf, z = gaussian_pdfs(30, 0, scatter, EDGES, outliers=0)
    for one, label in zip(pdf, z, strict=True):
        density, edges = shown_pdf(one, EDGES, [label])
        assert len(density) <= MOST_BINS
        assert edges[0] <= label <= edges[-1]
        inside = (EDGES[:-1] >= edges[0]) & (EDGES[1:] <= edges[-1])
        assert (density * np.diff(edges)).sum() == pytest.approx(one[inside].sum(), rel=1e-9)
        assert one[inside].sum() > 0.98 * one.sum()
        assert set(edges) <= set(EDGES)  # bins of the grid are joined, not cut


def test_a_label_far_from_the_pdf_is_in_the_range_and_one_beyond_the_grid_is_not() -> None:
    pdf, _ = gaussian_pdfs(1, 0, 0.01, EDGES, outliers=0)
    assert shown_pdf(pdf[0], EDGES, [5.5])[1][-1] >= 5.5
    plain = shown_pdf(pdf[0], EDGES, [])[1]
    np.testing.assert_array_equal(shown_pdf(pdf[0], EDGES, [9.0, np.nan])[1], plain)


def test_all_probability_in_one_bin_at_either_end_of_the_grid() -> None:
    for place in (0, len(EDGES) - 2):
        pdf = np.zeros(len(EDGES) - 1)
        pdf[place] = 1
        density, edges = shown_pdf(pdf, EDGES, [])
        assert (density * np.diff(edges)).sum() == pytest.approx(1)
