"""The standard galaxies against published counts and real SDSS colours; the earlier ones stay what they were."""

from __future__ import annotations

import numpy as np
import pytest

from photoz_lit.fields import load_field
from photoz_lit.simulation.galaxies import earlier_galaxies, standard_galaxies
from photoz_lit.simulation.simulate import simulate_catalogue
from research.realism_counts import COSMOS2020_I, counts_beside_published
from research.realism_sdss import forest_rows, real_galaxies, scatter_at_fixed_colour, simulated_galaxies
from tests.simulation.conftest import settings_of, shared_data


def test_published_counts_are_per_magnitude() -> None:
    """Bins of 0.5 mag: to i < 25 they add up to 44 per square arcminute; the LSST Science Book (sect. 3.7) has 46."""
    assert 0.5 * sum(10**value for value in COSMOS2020_I) / 3600 == pytest.approx(44.4, abs=0.1)


def test_counts_are_cosmos2020s_within_a_twentieth_of_a_dex() -> None:
    field = load_field("hsc9b").model_copy(update={"bands": {"i": load_field("hsc9b").bands["i"]}})
    difference = [row["difference"] for row in counts_beside_published(field, standard_galaxies())]
    assert np.abs(difference).max() < 0.05
    earlier = [row["difference"] for row in counts_beside_published(field, earlier_galaxies())]
    assert max(earlier) < -0.05
    assert min(earlier) < -0.18


def test_sdss_colours_scatter_like_real_ones() -> None:
    """At fixed g - r the real report half scatters by 0.033 in r - i, 0.032 in i - z; a forest of 3 000 gets 0.015."""
    field = load_field("sdss")
    real, tuning = real_galaxies(shared_data("sdss_galaxies.csv.gz"), field)
    simulated = simulated_galaxies(field, settings_of(stamps=False), 0)
    report, ours = scatter_at_fixed_colour(real[~tuning]), scatter_at_fixed_colour(simulated)
    assert ours["r-i"] == pytest.approx(report["r-i"], rel=0.2)
    assert ours["i-z"] == pytest.approx(report["i-z"], rel=0.2)
    on_real, on_simulated, _ = forest_rows(real, tuning, simulated, 0)
    assert on_real["sigma_mad"] == pytest.approx(0.0150, abs=0.001)
    assert on_simulated["sigma_mad"] == pytest.approx(on_real["sigma_mad"], rel=0.12)


def test_sdss_colours_need_no_real_table() -> None:
    """Figures of the real galaxies, written down: r - i 0.031 and i - z 0.032."""
    ours = scatter_at_fixed_colour(simulated_galaxies(load_field("sdss"), settings_of(stamps=False), 0))
    assert ours["r-i"] == pytest.approx(0.031, rel=0.2)
    assert ours["i-z"] == pytest.approx(0.032, rel=0.2)


def test_earlier_galaxies_are_others() -> None:
    field = load_field("sdss")
    now, then = (
        simulate_catalogue(field, settings_of(stamps=False, galaxies=one.model_dump()), 0)
        for one in (standard_galaxies(), earlier_galaxies())
    )
    assert (now["z_true"] != then["z_true"]).any()
    assert (standard_galaxies().version, earlier_galaxies().version) == (6, 5)
