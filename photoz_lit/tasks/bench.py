"""``task=bench``: images per second, operations and utilisation of the networks on this machine, to ``bench.json``."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass
from typing import Any

import torch
import yaml
from rich.console import Console

from photoz_lit.config import Config
from photoz_lit.console import shown
from photoz_lit.errors import InputError
from photoz_lit.fields import conf_directory
from photoz_lit.files import whole_file
from photoz_lit.networks.cards import stated_gflops
from photoz_lit.networks.complexity import TRAINING_FACTOR, complexity_of
from photoz_lit.networks.grouped import GroupedBlock
from photoz_lit.networks.multimodal import PhotoZNetwork, build_network
from photoz_lit.networks.settings import FusionSettings, ModalitySettings, NetworkSettings
from photoz_lit.networks.stacked import StackedNetworks, gradients_one_by_one
from photoz_lit.networks.throughput import (
    Setup,
    best_time,
    branches_step,
    branches_time,
    measure,
    muon_time,
    peak_gflops,
    training_step,
)
from photoz_lit.progress import counted
from photoz_lit.tasks.bench_feeding import data_wait, feeding
from photoz_lit.tasks.bench_table import SHARES, SPEEDS, branches_line, ensembles_line, networks_table
from photoz_lit.tasks.bench_writing import share_of_network, writing, writing_line
from photoz_lit.tasks.options import BenchOptions

BANDS = "ugrizyjhk"
N_BINS = 400
STAMP_SIZE = 64
MEMBERS = 4  # of the ensemble whose two ways of training are timed


@dataclass(frozen=True)
class Case:
    """One row of the bench: a network at its exact, published width."""

    name: str
    family: str
    n_bands: int
    fusion: str | None = None
    stamp_size: int = STAMP_SIZE
    width: float = 1.0
    align: int = 1

    def build(self) -> PhotoZNetwork:
        """Build the network: pairs of neighbouring bands where it has a fusion, else the baseline."""
        return build_network(
            NetworkSettings.model_validate(_choice("network", self.family, width=self.width, align=self.align)),
            ModalitySettings.model_validate(_choice("modality", "neighbours" if self.fusion else "all_bands")),
            FusionSettings.model_validate(_choice("fusion", self.fusion or "early")),
            BANDS[: self.n_bands],
            self.stamp_size,
            N_BINS,
        )


def cases(full: bool, stamp_size: int = STAMP_SIZE, width: float = 1.0) -> list[Case]:
    """Networks to measure; ``multimodal_<fusion>`` is treyer's, the other families carry their name."""
    networks: list[tuple[str, str, str | None]] = [(name, name, None) for name in ("treyer", "pasquet", "plain")]
    networks += [(f"multimodal_{fusion}", "treyer", fusion) for fusion in ("early", "middle", "late")]
    if full:
        networks.append(("treyer_aligned", "treyer", None))
        networks += [(f"{family}_multimodal_early", family, "early") for family in ("pasquet", "plain")]
    counts = (5, 6, 9) if full else (5, 9)
    found = [
        Case(name, family, n, fusion, stamp_size, width, 8 if name.endswith("aligned") else 1)
        for name, family, fusion in networks
        for n in counts
    ]
    quick = {("treyer", 5), ("treyer", 9), ("pasquet", 5), ("plain", 5), ("multimodal_early", 5)}
    quick |= {(f"multimodal_{fusion}", 9) for fusion in ("early", "middle", "late")}
    return found if full else [case for case in found if (case.name, case.n_bands) in quick]


def run(config: Config, options: BenchOptions) -> None:
    """Measure, print and write ``task.file``.

    Raises
    ------
    InputError : the folder of ``task.file`` is not there.
    """
    console, settings = Console(), options
    if not settings.file.absolute().parent.is_dir():
        raise InputError(f"bench.output: there is no folder {settings.file.absolute().parent}; make it first.")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    best, plain = Setup.best(device), Setup.plain(device)
    machine = _machine(best)
    console.print(
        f"{machine['processor']}, {machine['threads']} threads; best setup: {best.precision}, channels last; "
        "plain port: 32-true, channels first"
    )
    rates = [peak_gflops(best)]
    results: dict[str, Any] = {"machine": machine, "stamp_size": STAMP_SIZE}
    groups = {"networks": cases(settings.full)}
    if config.scale.name == "demo":
        groups["networks_demo"] = cases(settings.full, config.scale.stamp_size, config.scale.width)
    with counted("networks", console) as progress:
        bar = progress.add_task("bench", total=sum(len(group) for group in groups.values()))
        for key, group in groups.items():
            results[key] = {}
            for case in group:
                progress.update(bar, description=f"{shown(case.name)}, {case.n_bands} bands, {case.stamp_size} px")
                row = measured(case, best, plain, settings)
                results[key].setdefault(case.name, {})[str(case.n_bands)] = row
                rates.append(peak_gflops(best, min(settings.seconds, 0.5)))  # other programs may have slowed one
                progress.advance(bar)
    machine["measured_gflops"] = max(rates)
    machine["peak_gflops"] = machine["peak_gflops"] or max(rates)
    for key in groups:
        add_utilisation(results[key], machine["peak_gflops"])
    console.print(f"{machine['peak_gflops']:.0f} GFLOP/s at most ({machine['peak']})")
    results["branches"] = loop_and_grouped(best, settings)
    written = writing(settings.seconds)
    shares = share_of_network(written, results["networks"])
    results["writing"] = {**written, "share_of_network": shares}
    for key, group in groups.items():
        title = f"{group[0].stamp_size}×{group[0].stamp_size} pixels, width {group[0].width:g}"
        console.print(networks_table(results[key], title, SPEEDS))
        console.print(networks_table(results[key], f"shares of a training step, {shown(title)}", SHARES))
    console.print(branches_line(results["branches"]))
    console.print(writing_line(written, shares))
    results["ensembles"] = one_by_one_and_stacked(best.device, config.scale.stamp_size, config.scale.width, settings)
    console.print(ensembles_line(results["ensembles"], MEMBERS))
    with whole_file(settings.file) as partial:
        partial.write_text(json.dumps(results, indent=1) + "\n")
    console.print(f"written to {shown(settings.file)}")


def measured(case: Case, best: Setup, plain: Setup, settings: BenchOptions) -> dict[str, float]:
    """Measure one network in both setups.

    Parameters
    ----------
    case : the network.
    best, plain : the trainer's setup, and the one it is compared with.
    settings : of the task.
    """
    network = case.build()
    cost = complexity_of(network, case.stamp_size)
    batch_size = settings.batch_size or (256 if best.device.type == "cuda" else 16)
    fast = measure(network, case.stamp_size, best, batch_size, settings.seconds)
    slow = measure(network, case.stamp_size, plain, batch_size, settings.seconds)
    branches = branches_time(network, case.stamp_size, best, batch_size, settings.seconds)
    muon = muon_time(network, case.stamp_size, best, batch_size, min(settings.seconds, 0.5))
    with feeding(case.n_bands, case.stamp_size, batch_size, best.device) as data:
        waited = data_wait(data, training_step(network, best), settings.seconds)
    return {
        "train_img_s": fast.train_img_s,
        "infer_img_s": fast.infer_img_s,
        "plain_train_img_s": slow.train_img_s,
        "plain_infer_img_s": slow.infer_img_s,
        "speedup_train": fast.train_img_s / slow.train_img_s,
        "speedup_infer": fast.infer_img_s / slow.infer_img_s,
        "gflop_per_image": cost.gflop,
        "parameters": cost.parameters,
        "data_wait": waited,
        "muon_share": muon / (muon + batch_size / fast.train_img_s),
        "parallel_time_share": branches * fast.train_img_s / batch_size,
        "parallel_flop_share": cost.parallel.flop / cost.total.flop,
    }


def add_utilisation(networks: dict[str, dict[str, dict[str, float]]], peak: float) -> None:
    """Add ``mfu`` and ``mfu_infer``, the share of the rate ``peak`` [GFLOP/s] that training and inference reach."""
    for by_bands in networks.values():
        for row in by_bands.values():
            row["mfu"] = TRAINING_FACTOR * row["gflop_per_image"] * row["train_img_s"] / peak
            row["mfu_infer"] = row["gflop_per_image"] * row["infer_img_s"] / peak


def loop_and_grouped(setup: Setup, settings: BenchOptions) -> dict[str, dict[str, float]]:
    """Time of treyer's parallel stems, forward and backward, as a loop and as grouped convolutions [ms]."""
    found: dict[str, dict[str, float]] = {}
    for n_bands in (5, 9):
        block = Case("multimodal_early", "treyer", n_bands, "early").build().parallel.to(setup.device)
        image = torch.randn(16, n_bands, STAMP_SIZE, STAMP_SIZE, device=setup.device)
        image = image.contiguous(memory_format=torch.channels_last)
        found[str(n_bands)] = {}
        for name, module in (("loop_ms", block), ("grouped_ms", GroupedBlock(block))):
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            seconds = best_time(branches_step(module, image, setup), setup.device, settings.seconds)
            found[str(n_bands)][name] = 1e3 * seconds
    return found


def one_by_one_and_stacked(
    device: torch.device, stamp_size: int, width: float, settings: BenchOptions
) -> dict[str, dict[str, float]]:
    """Time of the gradients of four networks for a batch of 32, one by one and with their weights stacked [ms].

    Parameters
    ----------
    device : where.
    stamp_size, width : of the networks: baseline and early fusion of 9 bands.
    settings : of the task.
    """
    found: dict[str, dict[str, float]] = {}
    image, ebv = torch.randn(32, 9, stamp_size, stamp_size, device=device), torch.rand(32, 1, device=device)
    z_bin = torch.zeros(32, dtype=torch.long, device=device)
    for name, fusion in (("baseline", None), ("multimodal_early", "early")):
        networks = [Case(name, "treyer", 9, fusion, stamp_size, width).build().to(device) for _ in range(MEMBERS)]
        stacked = StackedNetworks(networks)
        steps = {
            "one_by_one_ms": lambda networks=networks: gradients_one_by_one(networks, image, ebv, z_bin),
            "stacked_ms": lambda stacked=stacked: stacked.gradients(image, ebv, z_bin),
        }
        found[name] = {key: 1e3 * best_time(step, device, settings.seconds) for key, step in steps.items()}
    return found


def _choice(group: str, name: str, **changes: Any) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((conf_directory() / group / f"{name}.yaml").read_text())
    return {**content, **changes}


def _machine(best: Setup) -> dict[str, Any]:
    if best.device.type == "cuda":
        processor = torch.cuda.get_device_name(best.device)
    else:
        processor = str(torch.cpu.get_capabilities().get("cpu_name", platform.processor()))
    stated = stated_gflops(processor, best.precision)
    return {
        "processor": processor,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "precision": best.precision,
        "peak_gflops": stated,
        "peak": "measured" if stated is None else "stated",
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
