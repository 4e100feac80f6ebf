from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from photoz_lit.errors import InputError
from photoz_lit.evaluation.plots.pit import pit_histogram
from photoz_lit.evaluation.plots.style import save
from photoz_lit.evaluation.report.html import write_report
from photoz_lit.evaluation.report.record import read_json
from photoz_lit.evaluation.report.runs_report import write_runs_report
from photoz_lit.evaluation.report.settings_tables import differing_settings, settings_tables
from photoz_lit.files import write_json
from photoz_lit.metric import metric
from tests.evaluation.mixtures import make_run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("runs")
    made = [make_run(folder / "hsc6b_baseline" / f"seed{seed}-x", "hsc6b_baseline", seed) for seed in range(2)]
    save(pit_histogram(np.linspace(0, 1, 50), "simulated"), made[0] / "plots" / "pit.png")
    (made[0] / "config.yaml").write_text("name: <script>alert(1)</script>\n")
    return made


class Links(HTMLParser):
    """Everything a page loads, and where it leads within itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.anchors: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [str(v) for k, v in attrs if k in ("src", "href", "srcset", "data")]
        self.found += [tag] if tag in ("link", "iframe", "object") else []
        self.anchors += [f"#{v}" for k, v in attrs if k == "id"]


def test_report_is_self_contained(runs: list[Path]) -> None:
    page = write_report(runs[0]).read_text()
    links = Links()
    links.feed(page)
    outside = [link for link in links.found if link not in links.anchors]
    assert outside
    assert all(link.startswith("data:image/png;base64,") for link in outside)
    assert "url(" not in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert "&lt;script&gt;" in page  # the config is shown, not run


def test_report_shows_metrics_sources_and_the_mark(runs: list[Path]) -> None:
    page = write_report(runs[0]).read_text()
    metrics = read_json(runs[0] / "metrics.json")
    assert f"{metrics['sigma_mad']:.4f}" in page
    assert f"{100 * metrics['eta']:.2f} %" in page
    for source in ("spec", "grism", "prism", "simulated truth"):
        assert f"<td>{source}</td>" in page
    assert "Simulated data." in page
    assert "git commit abc" in page


def test_seeds_deaths_and_the_command_stand_on_the_page(runs: list[Path], tmp_path: Path) -> None:
    metrics = {**read_json(runs[0] / "metrics.json"), "restarts": 2, "dead_networks": 1}
    fit = {"seed": 17, "seconds": 3.25, "epochs": 5, "restarts": 2, "val_loss": 6.1}
    command = "python -m photoz_lit +experiment=hsc6b_baseline 'simulation.n_galaxies=600'"
    (tmp_path / "checkpoints" / "fold_0_member_0").mkdir(parents=True)
    write_json(tmp_path / "metrics.json", metrics)
    write_json(tmp_path / "checkpoints" / "fold_0_member_0" / "fit.json", fit)
    write_json(tmp_path / "provenance.json", {"seed": 17, "command": command})
    page = unescape(write_report(tmp_path).read_text())
    assert "3 networks died" in page
    assert "2 were replaced by networks with fresh weights, 1 are in the results" in page
    assert "<td>fold 0 member 0</td><td>17</td><td>5</td><td>3.2</td><td>2</td><td>6.100</td>" in page
    assert f"{command}</pre>" in page


def test_published_numbers_stand_beside_ours_with_their_caveat(runs: list[Path], tmp_path: Path) -> None:
    page = write_report(runs[0]).read_text()
    metrics = read_json(runs[0] / "metrics.json")
    assert "<td>published, multimodal</td><td>HSC-6b</td><td>46,800</td><td>0.0089</td><td>1.20 %</td>" in page
    assert (
        f"<td>ours, simulated</td><td>HSC, 6 bands, all labels</td><td>400</td><td>{metrics['sigma_mad']:.4f}" in page
    )
    assert "their levels cannot be compared" in page
    write_json(tmp_path / "metrics.json", {**metrics, "field": "my_survey"})
    assert "Published numbers" not in write_report(tmp_path).read_text()


def test_real_data_has_no_banner(runs: list[Path], tmp_path: Path) -> None:
    write_json(tmp_path / "metrics.json", {**read_json(runs[0] / "metrics.json"), "data": "real"})
    page = write_report(tmp_path).read_text()
    assert 'class="banner"' not in page
    assert "Real data</span>" in page


def test_report_over_runs(runs: list[Path], tmp_path: Path) -> None:
    page = write_runs_report(runs, tmp_path / "report.html").read_text()
    found = re.findall(r"<td>(hsc6b_baseline / seed\d-x)</td><td>(run \d)</td>", page)
    assert found == [("hsc6b_baseline / seed0-x", "run 1"), ("hsc6b_baseline / seed1-x", "run 2")]
    for run in runs:
        for group in read_json(run / "metrics.json")["by_mag"].values():
            assert f"<td>{group['sigma_mad']:.4f}</td>" in page
    assert "Simulated data." in page
    with pytest.raises(InputError, match="at least one"):
        write_runs_report([], tmp_path / "report.html")


def test_settings_stand_under_what_they_are_for(runs: list[Path], tmp_path: Path) -> None:
    config = {"module": {"optimiser": "muon"}, "trainer": {"threads": 2}, "paths": {"runs": "elsewhere"}, "seed": 3}
    made = {"config": {**config, "experiment": {"name": "a name"}}}
    tables = {table["header"][0]: table["rows"] for table in settings_tables(made["config"])}
    assert tables == {
        "what shapes the result": [["module.optimiser", "muon"], ["seed", "3"]],
        "machine and arithmetic": [["trainer.threads", "2"]],
        "places": [["paths.runs", "elsewhere"]],
    }
    write_json(tmp_path / "metrics.json", read_json(runs[0] / "metrics.json"))
    write_json(tmp_path / "provenance.json", made)
    assert "<td>module.optimiser</td><td>muon</td>" in write_report(tmp_path).read_text()


def test_runs_side_by_side_show_what_differs_in_their_results(runs: list[Path], tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("a", "b")]
    for folder, optimiser, threads in zip(folders, ("adam", "muon"), (1, 2), strict=True):
        folder.mkdir()
        write_json(folder / "metrics.json", read_json(runs[0] / "metrics.json"))
        config = {"module": {"optimiser": optimiser}, "trainer": {"threads": threads}, "seed": 3}
        write_json(folder / "provenance.json", {"config": config})
    page = write_runs_report(folders, tmp_path / "report.html").read_text()
    assert "<td>module.optimiser</td><td>adam</td><td>muon</td>" in page
    assert "trainer.threads" not in page
    assert "<td>seed</td>" not in page


def test_of_different_fields_the_name_stands_for_their_bands() -> None:
    records = [{"field": {"name": name, "bands": {"u": {"depth": depth}}}} for name, depth in (("a", 26), ("b", 27))]
    assert differing_settings(records) == [("field.name", ["a", "b"])]
    records[1]["field"]["name"] = "a"
    assert differing_settings(records) == [("field.bands.u.depth", ["26", "27"])]


def test_a_folder_without_metrics_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"metrics\.json is not there"):
        write_report(tmp_path)
    (tmp_path / "metrics.json").write_text("{")
    with pytest.raises(InputError, match="no valid JSON"):
        write_report(tmp_path)


def test_numbers() -> None:
    assert metric("eta").text(0.0123) == "1.23 %"
    assert metric("bias").text(0.001) == "+0.0010"
    assert metric("crps").text(None) == "–"
