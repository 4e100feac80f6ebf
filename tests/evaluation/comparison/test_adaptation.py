"""What each way of adapting takes back, on networks of known scatter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from photoz_lit.errors import InputError
from photoz_lit.evaluation.comparison.adaptation import adaptation_tables, pooled
from photoz_lit.evaluation.comparison.adaptation_draws import paired_draws
from photoz_lit.evaluation.comparison.adaptation_files import adaptation_markdown, write_adaptation
from photoz_lit.evaluation.comparison.runs import Run, rows_as_runs
from photoz_lit.studies.compared import Compared, Duel
from tests.evaluation.adaptation_rows import METHODS, adaptation_row

METHODS_IN_ORDER = {"none": "no adaptation", "coral": "", "dann": "", "guided_paired": "guided + paired", "oracle": ""}
DUELS = [
    ("guided_paired", "dann", "guiding and pairing"),
    ("dann", "none", "alignment"),
    ("guided_paired", "coral", ""),
]
COMPARED = Compared(
    reference="none",
    bound="oracle",
    methods=METHODS_IN_ORDER,
    main_field="xmm_d",
    duels=[Duel(method=m, reference=r, differs_in=ingredient, keys=[]) for m, r, ingredient in DUELS],
)


def runs_of(folder: Path, fields: tuple[str, ...] = ("xmm_d", "elais_d"), scale: float = 1.0) -> list[Run]:
    rows = [
        adaptation_row(folder, method, field, seed, scale=scale)
        for field in fields
        for method in METHODS
        for seed in range(3)
    ]
    return rows_as_runs({"rows": rows, "swept": []}, folder)


def test_shares_reductions_and_worsening_follow_their_formulas(tmp_path: Path) -> None:
    tables = adaptation_tables(runs_of(tmp_path), COMPARED, draws=500)
    assert list(tables.methods["field"].unique()) == ["xmm_d", "elais_d"]
    here = tables.methods[tables.methods["field"] == "xmm_d"].set_index("method")
    assert list(here.index) == ["none", "dann", "guided_paired", "oracle"]
    sigma, bias, tv = here["sigma_mad"], here["bias"], here["nz_tv"]
    ours = here.loc["guided_paired"]
    expected = (sigma["none"] - sigma["guided_paired"]) / (sigma["none"] - sigma["oracle"])
    assert ours["closed_sigma_mad"] == pytest.approx(expected, abs=0.002)
    assert 0.45 < expected < 0.8
    assert 0 < ours["closed_sigma_mad_err"] < 0.2
    assert ours["change_sigma_mad"] == pytest.approx(sigma["guided_paired"] - sigma["none"], abs=1e-4)
    assert ours["bias_reduction"] == pytest.approx(1 - abs(bias["guided_paired"] / bias["none"]), abs=1e-6)
    assert ours["nz_tv_reduction"] == pytest.approx(1 - tv["guided_paired"] / tv["none"])
    assert ours["source_worsening"] == pytest.approx(0.0204 / 0.020 - 1)
    assert here.loc["none", "gap_measurable"]
    assert here["seeds"].tolist() == [3] * 4
    assert np.isnan(here.loc["oracle", "closed_sigma_mad"])
    assert here.loc["none", "sigma_mad_err"] == pytest.approx(
        np.std([r.metrics["sigma_mad"] for r in runs_of(tmp_path)[:3]], ddof=1) / np.sqrt(3)
    )


def test_a_gap_within_its_error_is_not_measurable(tmp_path: Path) -> None:
    tables = adaptation_tables(runs_of(tmp_path, ("xmm_d",), scale=0.02), COMPARED, draws=300)
    assert not tables.methods["gap_measurable"].any()
    assert "closed_sigma_mad" not in tables.methods
    text = adaptation_markdown(tables, "x")
    assert text.count("| not measurable |") == 2


def test_guided_and_paired_against_dann_field_by_field_and_over_all(tmp_path: Path) -> None:
    (found, duel), (other, _) = adaptation_tables(runs_of(tmp_path), COMPARED, draws=300).duels
    assert (found, other) == tuple(COMPARED.duels[:2])
    assert duel["field"].tolist() == ["xmm_d", "elais_d", "all"]
    assert (duel["difference_sigma_mad"] < 0).all()
    assert duel["difference_sigma_mad"].iloc[2] == pytest.approx(duel["difference_sigma_mad"].iloc[:2].mean())
    errors = duel["difference_sigma_mad_err"]
    assert errors.iloc[2] == pytest.approx(np.hypot(errors.iloc[0], errors.iloc[1]) / 2)
    assert pooled([]).empty
    rows = duel.iloc[:2].to_dict("records")
    assert pooled(rows, ["elais_d"])["field"].tolist()[2:] == ["all", "all but elais_d"]
    assert pooled(rows, ["elais_d"]).iloc[3]["difference_bias"] == rows[0]["difference_bias"]
    assert len(pooled(rows[:1])) == 1


def test_pairing_makes_a_difference_surer_than_its_parts(tmp_path: Path) -> None:
    runs = runs_of(tmp_path, ("xmm_d",))
    drawn = paired_draws({m: [r for r in runs if r.method == m] for m in ("none", "dann")}, 1000)
    assert drawn is not None
    none, dann = drawn["none"]["sigma_mad"], drawn["dann"]["sigma_mad"]
    assert (none - dann).error < np.hypot(none.error, dann.error)
    assert none.draws.mean() == pytest.approx(none.value, rel=0.03)
    assert paired_draws({"none": runs[:1], "dann": runs[4:5]}, 10) is None  # no seed in common


def test_parts_of_the_shift_are_measured_against_no_shift(tmp_path: Path) -> None:
    parts = COMPARED.model_copy(update={"unshifted": {"part": "none"}})
    harm = {"all": 1.0, "depth": 0.8, "none": 0.05}
    rows = [
        adaptation_row(tmp_path, method, "xmm_d", 0, scale=scale, part=part)
        for part, scale in harm.items()
        for method in ("none", "guided_paired")
    ]
    tables = adaptation_tables(rows_as_runs({"rows": rows, "swept": ["part"]}, tmp_path), parts, draws=300)
    assert tables.swept == ("part",)
    table = tables.methods.set_index(["part", "method"])
    none, best = table.loc[("depth", "none"), "sigma_mad"], table.loc[("none", "none"), "sigma_mad"]
    gap = table.loc[("depth", "none"), "gap_sigma_mad"]
    assert gap == pytest.approx(none - best, abs=1e-4)
    assert np.isnan(table.loc[("none", "none"), "gap_sigma_mad"])
    share = table.loc[("depth", "guided_paired"), "closed_sigma_mad"]
    assert share == pytest.approx((none - table.loc[("depth", "guided_paired"), "sigma_mad"]) / (none - best), abs=0.01)


def test_rows_without_galaxies_have_means_alone(tmp_path: Path) -> None:
    rows = [adaptation_row(tmp_path, m, "xmm_d", 0) | {"galaxies": None, "nz": None} for m in ("none", "dann")]
    tables = adaptation_tables(rows_as_runs({"rows": rows}, tmp_path), COMPARED)
    assert "change_sigma_mad" not in tables.methods
    assert tables.methods["bias_reduction"].notna().tolist() == [False, True]
    assert len(write_adaptation(tables, tmp_path / "out", "x")) == 4


def test_without_the_method_none_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none of the runs is without adaptation"):
        adaptation_tables([Run("dann", "xmm_d", 0, adaptation_row(tmp_path, "dann", "xmm_d", 0))], COMPARED)


def test_files(tmp_path: Path) -> None:
    tables = adaptation_tables(runs_of(tmp_path), COMPARED, draws=200)
    written = write_adaptation(tables, tmp_path / "out", "Domain adaptation")
    assert [path.name for path in written] == [
        "adaptation.md", "adaptation.csv", "adaptation_by_mag.csv", "adaptation.png", "adaptation_nz.png",
    ]  # fmt: skip
    text = written[0].read_text()
    assert "Data: **simulated**" in text
    assert "`guided_paired` against `dann`: guiding and pairing" in text
    assert "`dann` against `none`: alignment" in text
    assert "`guided_paired` against `coral`" not in text  # it was not run
    assert "| xmm_d | 22-23 | none | 300 |" in text
    assert pd.read_csv(written[2])["mag"].tolist()[:2] == ["22-23", "23-24"]
