"""The report as a browser shows it, on a telephone and on a desk, in a light and a dark scheme."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from photoz_lit.evaluation.plots.pit import pit_histogram
from photoz_lit.evaluation.plots.style import save
from photoz_lit.evaluation.report.gallery import write_gallery
from photoz_lit.evaluation.report.html import write_report
from photoz_lit.evaluation.report.runs_report import write_runs_report
from photoz_lit.fields import load_field
from tests.evaluation.mixtures import gaussian_pdfs, make_run
from tests.evaluation.report.browser import measured

LAYOUT = """
  document.querySelectorAll("details").forEach((one) => { one.open = true; });
  const wide = [...document.querySelectorAll("body *")].filter((one) => !one.closest(".scroll, pre, dialog")
      && one.getBoundingClientRect().right > window.innerWidth + 1).map((one) => one.tagName + "." + one.className);
  const small = [...document.querySelectorAll("p, td, figcaption")]
      .filter((one) => parseFloat(getComputedStyle(one).fontSize) < 11).length;
  return {width: window.innerWidth, scroll: document.documentElement.scrollWidth, wide: wide.slice(0, 5), small,
          page: getComputedStyle(document.body).backgroundColor, ink: getComputedStyle(document.body).color};
"""
SORTED = """
  const table = [...document.querySelectorAll("#by-magnitude table")][0];
  const column = () => [...table.tBodies[0].rows].map((row) => parseFloat(row.cells[2].textContent));
  const head = table.tHead.rows[0].cells[2];
  head.querySelector("button").click();
  const rising = column();
  const said = head.getAttribute("aria-sort");
  head.querySelector("button").click();
  return {rising, falling: column(), said};
"""
ZOOMED = """
  document.querySelector("button.zoom").click();
  const dialog = document.querySelector("dialog");
  const open = dialog.open, same = dialog.querySelector("img").src === document.querySelector("button.zoom img").src;
  dialog.querySelector(".close").click();
  return {open, same, closed: !dialog.open};
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    run = make_run(folder / "hsc6b_baseline" / "seed0-x", "hsc6b_baseline", 0)
    save(pit_histogram(np.linspace(0, 1, 50), "simulated"), run / "plots" / "pit.png")
    field = load_field("hsc6b")
    table = pd.read_parquet(run / "predictions.parquet")
    random = np.random.default_rng(0)
    pdf, _ = gaussian_pdfs(len(table), 0, 0.03, field.z_edges)
    write_gallery(run, table, pdf, field, lambda rows: random.normal(size=(len(rows), 6, 16, 16)), field.band_names)
    return write_report(run)


@pytest.mark.parametrize(("width", "dark"), [(390, False), (390, True), (1280, False), (1280, True)])
def test_it_is_readable_at_both_widths_and_schemes(report: Path, width: int, dark: bool) -> None:
    found, console = measured(report, LAYOUT, width, dark)
    assert console == []
    assert found["width"] == width
    assert found["scroll"] <= width  # tables scroll, not the page
    assert found["wide"] == []
    assert found["small"] == 0
    lightness = [np.mean([int(part) for part in found[name][4:-1].split(",")]) for name in ("page", "ink")]
    assert (lightness[0] < 60 and lightness[1] > 200) if dark else (lightness[0] == 255 and lightness[1] < 60)


def test_tables_are_sorted_and_figures_are_shown_large(report: Path) -> None:
    found, console = measured(report, SORTED, 1280)
    assert console == []
    assert found["rising"] == sorted(found["rising"])
    assert len(set(found["rising"])) > 2
    assert found["falling"] == found["rising"][::-1]
    assert found["said"] == "ascending"
    assert measured(report, ZOOMED, 1280) == ({"open": True, "same": True, "closed": True}, [])


def test_a_report_over_runs_fits_a_telephone(report: Path) -> None:
    other = make_run(report.parents[1] / "seed1-x", "hsc6b_baseline", 1)
    page = write_runs_report([report.parent, other], report.parents[1] / "report.html")
    found, console = measured(page, LAYOUT, 390)
    assert (console, found["scroll"], found["wide"]) == ([], 390, [])
