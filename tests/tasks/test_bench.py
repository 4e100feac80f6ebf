from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import torch

from photoz_lit.errors import InputError
from photoz_lit.networks.cards import stated_gflops
from photoz_lit.networks.complexity import complexity_of
from photoz_lit.networks.throughput import Setup
from photoz_lit.tasks import bench, bench_feeding
from photoz_lit.tasks.task import perform
from tests.composed import composed


def test_default_cases_hold_the_promised_names_and_full_holds_all() -> None:
    quick, full = bench.cases(full=False), bench.cases(full=True)
    assert {case.name for case in quick} >= {"treyer", "pasquet", "plain", "multimodal_early"}
    assert set(quick) < set(full)
    assert {case.n_bands for case in full} == {5, 6, 9}


def test_results_are_written_with_the_promised_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = bench.Case("multimodal_early", "plain", 5, "early", stamp_size=32, width=0.1)
    monkeypatch.setattr(bench, "cases", lambda *_: [tiny])
    monkeypatch.setattr(bench, "loop_and_grouped", lambda *_: {"5": {"loop_ms": 1.0, "grouped_ms": 2.0}})
    times = {"baseline": {"one_by_one_ms": 1.0, "stacked_ms": 2.0}}
    monkeypatch.setattr(bench, "one_by_one_and_stacked", lambda *_: times)
    rates = iter((50.0, 70.0))  # the first while another program ran
    monkeypatch.setattr(bench, "peak_gflops", lambda *_: next(rates))
    output = tmp_path / "bench.json"
    perform(composed("task=bench", "scale=paper", f"bench.output={output}", "bench.seconds=0.01", "bench.batch_size=2"))
    results = json.loads(output.read_text())
    row = results["networks"]["multimodal_early"]["5"]
    assert row["gflop_per_image"] == complexity_of(tiny.build(), 32).gflop
    assert row["speedup_train"] == pytest.approx(row["train_img_s"] / row["plain_train_img_s"])
    assert row["speedup_infer"] == pytest.approx(row["infer_img_s"] / row["plain_infer_img_s"])
    peak = results["machine"]["peak_gflops"]
    assert row["mfu"] == pytest.approx(3 * row["gflop_per_image"] * row["train_img_s"] / peak)
    assert results["machine"]["peak"] == "measured"
    assert results["machine"]["measured_gflops"] == peak == 70
    assert 0 < row["data_wait"] < 1
    assert 0 < row["muon_share"] < 1
    assert 0 < row["parallel_flop_share"] < 1
    assert row["parallel_time_share"] > 0
    written = results["writing"]
    for kind in ("bins", "quantiles"):
        share = written["share_of_network"][kind]["multimodal_early.5"]
        assert share == pytest.approx(row["infer_img_s"] / written[f"{kind}_pdf_s"])
        assert written[f"{kind}_pdf_s"] > 1000
    assert results["machine"]["precision"] == Setup.best(torch.device("cpu")).precision


@pytest.mark.parametrize(
    ("card", "rate"),
    [
        ("NVIDIA H100 80GB HBM3", 989e3),
        ("NVIDIA H100 PCIe", 756e3),
        ("NVIDIA H200", 989e3),
        ("NVIDIA A100-SXM4-80GB", 312e3),
        ("NVIDIA L40S", 362e3),
        ("NVIDIA L4", 121e3),
        ("Tesla V100-SXM2-16GB", None),
    ],
)
def test_a_card_is_known_by_its_name(card: str, rate: float | None) -> None:
    assert stated_gflops(card, "bf16-mixed") == rate
    assert stated_gflops(card, "32-true") is None


def test_data_wait_is_the_share_of_the_reading() -> None:
    cpu = torch.device("cpu")
    seen: list[tuple[int, ...]] = []

    def slow(batch: dict[str, torch.Tensor]) -> None:
        seen.append(tuple(batch["image"].shape))
        time.sleep(0.2)

    with bench_feeding.feeding(5, 32, 4, cpu) as data:
        assert 0 < bench_feeding.data_wait(data, slow, 0.01) < 0.3
        assert bench_feeding.data_wait(data, lambda _: None, 0.01) > 0.8
    assert seen == [(4, 5, 32, 32)] * 2


def test_a_missing_folder_is_said_before_anything_is_measured(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"bench\.output: there is no folder"):
        perform(composed("task=bench", f"bench.output={tmp_path}/nowhere/bench.json"))
