"""What is said before a training starts: scale, data, split, network, and about how long it will take."""

from __future__ import annotations

import copy
import time

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from photoz_lit.config import Config, ForestSettings, PhotometryForestSettings, TemplateFitSettings
from photoz_lit.console import shown
from photoz_lit.data.domains import AdaptationSplit
from photoz_lit.data.module import Split
from photoz_lit.data.sample import Sample
from photoz_lit.estimators.cnn import CNNEstimator
from photoz_lit.modules.trainer import precision_of
from photoz_lit.networks.summary import network_summary
from photoz_lit.run_folder import RunFolder
from photoz_lit.tasks.results import DATA_MARK

TIMED_STEPS = 8  # the first ones are slow: kernels are chosen and weights reordered
TIMED_SECONDS = 6.0


def print_start(console: Console, config: Config, sample: Sample, split: Split, folder: RunFolder, n_fits: int) -> None:
    """Print the start summary of a run of ``n_fits`` trainings."""
    table = Table(title=f"{shown(config.experiment.name)}", title_justify="left", show_header=False)
    table.add_row("scale", f"{shown(config.scale.name)}: {sample.stamp_size}×{sample.stamp_size} pixels")
    adapted = len(split.target_train) if isinstance(split, AdaptationSplit) else 0
    unlabelled = 0 if adapted else int((~sample.labelled).sum())
    table.add_row("data", f"{DATA_MARK[sample.data]}, field {shown(sample.field.name)}, bands {' '.join(sample.bands)}")
    counts = f"{len(split.train)} to train, {len(split.validation)} to validate, {len(split.test)} to test"
    if adapted and config.adapt.uses_target_images:
        counts += f", {adapted} of the target to adapt to"
    counts += f", {unlabelled} without a redshift left out" if unlabelled else ""
    table.add_row("galaxies", counts + (f", {sample.lacking} that lack a band left out" if sample.lacking else ""))
    network = None
    if isinstance(config.network, ForestSettings | PhotometryForestSettings):
        read = "the catalogue's magnitudes" if config.network.reads_catalogue else "magnitudes measured on the stamps"
        table.add_row("network", f"random forest on {read}, {config.network.trees} trees")
    elif isinstance(config.network, TemplateFitSettings):
        table.add_row("network", f"template fit, {config.network.colours * len(config.network.a_v)} templates")
    else:
        network = _describe_network(table, config, sample, split, n_fits)
    table.add_row("run folder", str(folder.path))
    console.print(table)
    if network is not None:
        console.print(network)


def _describe_network(table: Table, config: Config, sample: Sample, split: Split, n_fits: int) -> Table:
    """Add network and time to the table; return the table of its branches, fusion point and cost."""
    estimator = CNNEstimator(config)
    with torch.random.fork_rng():
        module = estimator.build(sample)
        summary = network_summary(module.network, sample.stamp_size, f"network {config.network.name}")
        seconds = seconds_per_image(estimator, sample, split)
    settings = config.trainer
    further = config.adapt.epochs if config.data.adapts else 0
    images = len(split.train) * (settings.max_epochs + further * (2 if config.adapt.uses_target_images else 1))
    if settings.max_steps > 0:
        images = min(images, settings.max_steps * config.data.batch_size)
    epochs = settings.max_epochs + further
    validated = len(split.validation) * epochs
    total = n_fits * seconds * (images + validated / 3)
    table.add_row("recipe", f"{config.module.recipe}; {config.images_per_galaxy} image(s) per galaxy predicted")
    table.add_row("time", f"about {_duration(total)} for {n_fits} training(s) of {epochs} epochs, here")
    return summary


def seconds_per_image(estimator: CNNEstimator, sample: Sample, split: Split) -> float:
    """Time of forward and backward per image, the best of a few steps on the first training galaxies [s]."""
    config = estimator.config
    use_gpu = config.trainer.accelerator in ("auto", "gpu") and torch.cuda.is_available()
    device = torch.device("cuda" if use_gpu else "cpu")
    precision = precision_of(config.trainer, "gpu" if use_gpu else "cpu")
    module = copy.deepcopy(estimator.build(sample)).to(device)
    galaxies = split.train[: config.data.batch_size]
    batch = estimator.data_module(sample, split, 0).galaxies.__getitems__(galaxies.tolist())
    batch = {name: column.to(device) for name, column in batch.items()}
    batch.setdefault("image", torch.zeros(len(galaxies), len(sample.bands), *2 * [sample.stamp_size], device=device))
    times = []
    for _ in range(TIMED_STEPS):
        start = time.perf_counter()
        with torch.autocast(device.type, torch.bfloat16, enabled="bf16" in precision):
            output = module(batch["image"], batch["ebv"])
            loss = module.loss(output, batch).mean()
        torch.autograd.backward(loss)
        loss.item()  # waits for the device
        times.append(time.perf_counter() - start)
        if sum(times) > TIMED_SECONDS:
            break
    return float(np.min(times)) / len(galaxies)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
