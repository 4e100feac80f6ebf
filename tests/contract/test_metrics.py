"""What every metric in ``conf/metric`` must keep."""

from __future__ import annotations

import doctest
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.mathtext import MathTextParser
from numpy.typing import NDArray
from qp.metrics import point_estimate_metric_classes as rail
from scipy import stats

from photoz_lit.errors import InputError
from photoz_lit.evaluation.comparison.files import markdown
from photoz_lit.evaluation.comparison.paired import paired_residuals
from photoz_lit.evaluation.comparison.runs import find_runs, read_runs
from photoz_lit.evaluation.comparison.table import compare
from photoz_lit.evaluation.metrics.scores import galaxy_scores
from photoz_lit.evaluation.metrics.summary import galaxy_values, nz_values
from photoz_lit.evaluation.plots.comparison import comparison_figure
from photoz_lit.evaluation.predictions.table import predictions_table
from photoz_lit.evaluation.report.html import write_report
from photoz_lit.evaluation.report.record import read_json
from photoz_lit.evaluation.significance.bootstrap import Resampler, bootstrap_counts
from photoz_lit.fields import conf_directory, load_field
from photoz_lit.metric import Metric, drawn_in, evaluate, metric, metrics, shown_in
from tests.evaluation.mixtures import EDGES, galaxies, gaussian_pdfs, make_run

NAMES = sorted(path.stem for path in (conf_directory() / "metric").glob("*.yaml"))
MEANS = [name for name in NAMES if metric(name).mean]
N, THRESHOLD = 400, 0.15
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Raw:
    """Galaxies for the references, which compute all that they need from PDFs (N, n_bins) and redshifts (N,)."""

    pdf: Floats
    z: Floats

    @property
    def cdf(self) -> Floats:
        return np.concatenate([np.zeros((len(self.pdf), 1)), np.cumsum(self.pdf, axis=1)], axis=1)

    @property
    def delta(self) -> Floats:
        return (np.array([np.interp(0.5, cdf, EDGES) for cdf in self.cdf]) - self.z) / (1 + self.z)

    @property
    def pit(self) -> Floats:
        return np.sort([np.interp(z, EDGES, cdf) for z, cdf in zip(self.z, self.cdf, strict=True)])

    @property
    def pit_half_bin(self) -> Floats:
        k = np.digitize(self.z, EDGES) - 1
        rows = np.arange(len(k))
        inside = np.clip(k, 0, self.pdf.shape[1] - 1)
        half = self.cdf[rows, inside] + 0.5 * self.pdf[rows, inside]
        return np.sort(np.where(self.z > EDGES[-1], 1.0, half))

    @property
    def density(self) -> Floats:
        density = self.pdf / np.diff(EDGES)
        k = np.digitize(self.z, EDGES) - 1
        rows = np.arange(len(k))
        return np.where(self.z > EDGES[-1], 0, density[rows, np.clip(k, 0, density.shape[1] - 1)])

    @property
    def shares(self) -> tuple[Floats, Floats]:
        """N(z) of stacked PDFs and of the redshifts, those beyond the grid in the last bin; each adds up to 1."""
        counts = np.histogram(self.z.clip(EDGES[0], EDGES[-1]), EDGES)[0]
        return self.pdf.mean(axis=0), counts / counts.sum()

    @property
    def cdfs(self) -> tuple[Floats, Floats, Floats]:
        """A fine grid and the CDFs of both N(z) there."""
        fine = np.linspace(EDGES[0], EDGES[-1], 400_001)
        first, second = (np.interp(fine, EDGES, np.append(0, np.cumsum(share))) for share in self.shares)
        return fine, first, second


def kolmogorov(u: Floats) -> float:
    k = np.arange(len(u))
    return float(max((u - k / len(u)).max(), ((k + 1) / len(u) - u).max()))


def cramer(u: Floats) -> float:
    k = np.arange(1, len(u) + 1)
    return float(1 / (12 * len(u)) + ((u - (2 * k - 1) / (2 * len(u))) ** 2).sum())


def anderson(u: Floats) -> float:
    """n ∫ (F_n − u)² / u (1 − u) du on a fine grid."""
    inside = (u[(u > 1e-4) & (u < 0.9999)] - 1e-4) / 0.9998
    fine = (np.arange(2_000_000) + 0.5) / 2_000_000
    steps = np.searchsorted(inside, fine, side="right") / len(inside)
    return float(len(inside) * np.mean((steps - fine) ** 2 / (fine * (1 - fine))))


def crps(raw: Raw) -> float:
    """∫ (CDF − H)² dz on a fine grid, as far as the last redshift."""
    fine = np.linspace(0, 5, 100_001)[:-1] + 2.5e-5
    return float(
        np.mean([
            5 * np.mean((np.interp(fine, EDGES, cdf) - (fine > z)) ** 2) for z, cdf in zip(raw.z, raw.cdf, strict=True)
        ])
    )  # fmt: skip


def coarse_variation(raw: Raw) -> float:
    fine, first, second = raw.cdfs
    edges = np.linspace(EDGES[0], EDGES[-1], 81)
    parts = (np.diff(np.interp(edges, fine, cdf)) for cdf in (first, second))
    return float(0.5 * np.abs(np.subtract(*parts)).sum())


REFERENCES: dict[str, Callable[[Raw], float]] = {
    "sigma_mad": lambda raw: 1.4826 * stats.median_abs_deviation(raw.delta),
    "eta": lambda raw: sum(abs(value) >= THRESHOLD for value in raw.delta.tolist()) / len(raw.z),
    "bias": lambda raw: math.fsum(raw.delta) / len(raw.z),
    "median_bias": lambda raw: stats.scoreatpercentile(raw.delta, 50),
    "sigma_iqr": lambda raw: stats.iqr(raw.delta) / 1.349,
    "outlier_rate_rail": lambda raw: rail.PointOutlierRate().evaluate(raw.delta * (1 + raw.z) + raw.z, raw.z),
    "crps": crps,
    "cde_loss": lambda raw: float(np.mean((raw.pdf**2 / np.diff(EDGES)).sum(axis=1)) - 2 * raw.density.mean()),
    "nll": lambda raw: -math.fsum(math.log(max(value, 1e-6)) for value in raw.density) / len(raw.z),
    "pit_ks": lambda raw: kolmogorov(raw.pit),
    "pit_ks_p": lambda raw: stats.kstwo.sf(kolmogorov(raw.pit), len(raw.z)),
    "pit_cvm": lambda raw: cramer(raw.pit),
    "pit_cvm_p": lambda raw: stats.cramervonmises(raw.pit, "uniform").pvalue,
    "pit_ad": lambda raw: anderson(raw.pit),
    "pit_ks_half_bin": lambda raw: kolmogorov(raw.pit_half_bin),
    "pit_outlier_rate": lambda raw: float(np.mean(np.abs(raw.pit - 0.5) > 0.4999)),
    "outside_grid": lambda raw: np.count_nonzero(raw.z > EDGES[-1]) / len(raw.z),
    "nz_mean_shift": lambda raw: float(0.5 * (EDGES[1:] + EDGES[:-1]) @ np.subtract(*raw.shares)),
    "nz_ks": lambda raw: float(np.abs(np.subtract(*raw.cdfs[1:])).max()),
    "nz_tv": coarse_variation,
    "nz_w1": lambda raw: float(np.trapezoid(np.abs(np.subtract(*raw.cdfs[1:])), raw.cdfs[0])),
}
APPROXIMATE = {"crps": 1e-3, "pit_ad": 1e-3, "nz_w1": 1e-4}  # integrals on a grid


@pytest.fixture(scope="module")
def raw() -> Raw:
    pdf, z = gaussian_pdfs(N)
    z[:3] = 4.5  # beyond the grid
    return Raw(pdf, z)


def values_of(raw: Raw) -> dict[str, Any]:
    """All that a metric may be of."""
    catalogue = galaxies(raw.z, load_field("hsc6b")).assign(z=raw.z)
    table = predictions_table(raw.pdf, EDGES, catalogue, 0, "i").drop(columns=["crps", "pit"])
    scored = table.join(galaxy_scores(raw.pdf, EDGES, raw.z))
    return {**galaxy_values(scored, "z", THRESHOLD), **nz_values(raw.pdf, EDGES, raw.z)}


@pytest.fixture(scope="module")
def values(raw: Raw) -> dict[str, Any]:
    return values_of(raw)


def arrays_of(one: Metric, values: dict[str, Any]) -> list[str]:
    return [name for name in one.inputs if np.ndim(values[name]) == 1]


@pytest.mark.parametrize("name", NAMES)
def test_the_value_is_that_of_an_independent_reference_or_of_the_example(
    name: str, raw: Raw, values: dict[str, Any]
) -> None:
    one = metric(name)
    if name in REFERENCES:
        assert one.of(values) == pytest.approx(REFERENCES[name](raw), rel=APPROXIMATE.get(name, 1e-9), abs=1e-12)
        return
    (example,) = doctest.DocTestFinder(recurse=False).find(one.function, globs=one.function.__globals__)
    assert example.examples, f"{one.target} needs an example in its docstring, or a reference in this test"
    assert doctest.DocTestRunner().run(example).failed == 0


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_the_galaxies_does_not_matter(name: str, raw: Raw, values: dict[str, Any]) -> None:
    order = np.random.default_rng(0).permutation(N)
    assert metric(name).of(values_of(Raw(raw.pdf[order], raw.z[order]))) == pytest.approx(metric(name).of(values))


@pytest.mark.parametrize("name", MEANS)
def test_a_galaxy_that_counts_twice_has_twice_the_weight(name: str, values: dict[str, Any]) -> None:
    counts = np.random.default_rng(1).integers(0, 4, N)
    one = metric(name)
    repeated = {key: np.repeat(values[key], counts) for key in arrays_of(one, values)}
    assert one.of({**values, **repeated}) == pytest.approx(np.average(one.each(values), weights=counts), abs=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_no_galaxy_at_all_is_refused(name: str, values: dict[str, Any]) -> None:
    one = metric(name)
    with pytest.raises(InputError, match=r"of no galaxies .* is empty"):
        one.of({**values, **{key: np.zeros(0) for key in arrays_of(one, values)}})


@pytest.mark.parametrize("name", NAMES)
def test_a_single_galaxy_has_a_value_or_nan(name: str, raw: Raw) -> None:
    assert isinstance(metric(name).of(values_of(Raw(raw.pdf[5:6], raw.z[5:6]))), float)


@pytest.mark.parametrize("name", NAMES)
def test_nan_is_never_silently_averaged(name: str, values: dict[str, Any]) -> None:
    one = metric(name)
    for key in arrays_of(one, values):
        holed = values[key].astype(np.float64)
        holed[3] = np.nan
        with pytest.raises(InputError, match=f"{key} is nan in row 3"):
            one.of({**values, key: holed})


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_there_gives_no_value(name: str, values: dict[str, Any]) -> None:
    one = metric(name)
    for key in one.inputs:
        assert evaluate([one], {other: value for other, value in values.items() if other != key}) == {}


@pytest.mark.parametrize("name", NAMES)
def test_its_number_is_shown_in_its_unit(name: str) -> None:
    one = metric(name)
    assert one.name == name
    assert one.text(None) == one.text(np.nan) == one.scaled(np.nan) == "–"
    assert one.text(0.25).startswith("+") == (one.better == "zero")
    assert float(one.scaled(0.012345)) == pytest.approx(0.012345 * one.factor, abs=0.51 * 10.0**-one.digits)
    assert one.scaled(0.5, 0.25).split(" ± ") == [one.scaled(0.5), one.scaled(0.25)]
    assert one.text(0.25).endswith(" %") == one.head.endswith(" %") == (one.unit == "percent")
    MathTextParser("path").parse(one.axis)


@pytest.mark.parametrize("name", NAMES)
def test_less_is_better_of_its_badness(name: str) -> None:
    one = metric(name)
    good, bad = {"lower": (-1.0, 2.0), "higher": (2.0, 1.0), "zero": (-1.0, 2.0)}[one.better]
    assert one.badness(good) < one.badness(bad)


def test_places_in_tables_are_told_apart() -> None:
    assert sorted(metrics()) == NAMES
    places = [one.place for one in metrics().values()]
    assert places == sorted(set(places))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for experiment, scatter in (("hsc6b_baseline", 0.03), ("hsc6b_early_fusion", 0.028)):
        for seed in range(3):
            make_run(folder / experiment / f"seed{seed}-x", experiment, seed, 200, scatter)
    return folder


def test_every_metric_is_in_metrics_json_and_where_its_file_says(runs: Path) -> None:
    run = runs / "hsc6b_baseline" / "seed0-x"
    measured, page = read_json(run / "metrics.json"), write_report(run).read_text()
    assert set(NAMES) <= set(measured)
    assert set(NAMES) <= set(measured["against_truth"])
    for name, one in shown_in("headline").items():
        assert f'<th scope="col">{one.label}</th>' in page
        assert f"<td>{one.text(measured[name])}</td>" in page
    for name, one in shown_in("further").items():
        row = page.split("<td>" + one.description.replace(">", "&gt;") + "</td>")[1]
        assert row.startswith(f"<td>{one.text(measured[name])}</td>")
    table = compare(read_runs(find_runs(runs)), draws=50)
    text = markdown(table, "baseline", "")
    for name, one in shown_in("comparison").items():
        assert one.head in text
        assert one.scaled(table[name].iloc[0], table[f"{name}_spread"].iloc[0]) in text
        assert np.isfinite(table[f"gain_{name}"].iloc[1])
    labels = {axis.get_xlabel() for axis in comparison_figure(table, "baseline").axes}
    assert {one.axis for one in drawn_in("comparison").values()} <= labels


def test_resampled_metrics_are_those_of_the_drawn_galaxies(runs: Path) -> None:
    found = read_runs(find_runs(runs))
    pair = paired_residuals(found[:3], found[3:])
    assert pair is not None
    counts = next(bootstrap_counts(pair[0].n_galaxies, 20, np.random.default_rng(0)))
    resampled = Resampler(pair[0]).metrics(counts)
    assert {name for name in MEANS if name in shown_in("comparison")} <= set(resampled)
    means = {**pair[0].means, "sigma_mad": pair[0].delta}
    for name, drawn in resampled.items():
        for seed in range(3):
            rows = [np.repeat(means[name][seed], row.astype(int)) for row in counts]
            exact = [metric(name).of({"delta": row}) if name == "sigma_mad" else row.mean() for row in rows]
            np.testing.assert_allclose(drawn[:, seed], exact, atol=1e-7, err_msg=name)
