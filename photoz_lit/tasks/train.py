"""``task=train``: fit every fold and member that is missing, evaluate, write the run folder."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from pytorch_lightning.loggers import Logger
from rich.console import Console

from photoz_lit.config import Config, ForestSettings, PhotometryForestSettings, TemplateFitSettings
from photoz_lit.console import shown
from photoz_lit.data.domains import AdaptationSplit
from photoz_lit.data.module import Split
from photoz_lit.data.sample import Sample, bands_of_field
from photoz_lit.data.sampling import is_main_process
from photoz_lit.estimators.adaptation import AdaptationEstimator
from photoz_lit.estimators.catalogue_forest import CatalogueForest
from photoz_lit.estimators.cnn import CNNEstimator
from photoz_lit.estimators.estimator import Estimator
from photoz_lit.estimators.photometry_forest import PhotometryForest
from photoz_lit.estimators.template_fit import TemplateFit
from photoz_lit.files import whole_file, write_array
from photoz_lit.networks.settings import NetworkSettings
from photoz_lit.rows import lines, record
from photoz_lit.run_folder import FOLLOW_UPS, RunFolder, provenance, run_folder, write_config
from photoz_lit.tasks.adaptation_results import SOURCE_PDF, adaptation_results
from photoz_lit.tasks.machine import keep_machines, machine, other_machine
from photoz_lit.tasks.options import TrainOptions
from photoz_lit.tasks.results import print_metrics, write_results
from photoz_lit.tasks.start_summary import print_start
from photoz_lit.tasks.training_data import TrainingData, training_data
from photoz_lit.tasks.wandb_run import WandbRun


def run(config: Config, options: TrainOptions) -> None:
    """Train and evaluate; a finished run of the same config is shown, not repeated."""
    folder = train(config, options.rerun)
    if config.paths.pointer is not None and is_main_process():
        with whole_file(config.paths.pointer) as partial:
            partial.write_text(f"{folder.path}\n")


def train(config: Config, rerun: bool = False) -> RunFolder:
    """Train and evaluate.

    Parameters
    ----------
    config : of the job.
    rerun : whether a finished run of the same config is made again.

    Returns
    -------
    The run folder, with ``metrics.json``.
    """
    if not (config.data.stores or config.data.source or config.data.targets):  # before a field is simulated
        require_buildable(config, bands_of_field(config.field, config.data.bands))
    data = training_data(config)
    require_buildable(config, data.sample.bands)  # before the run folder is made
    folder = run_folder(config, data.sample.data_hash)
    if (folder.finished and not rerun) or not is_main_process():
        return _train(config, data, folder, rerun)
    with folder.only_writer(
        lambda: Console().print(f"Another process makes this run; waiting for it: {shown(folder.path)}")
    ):
        return _train(config, data, folder, rerun)


def _train(config: Config, data: TrainingData, folder: RunFolder, rerun: bool) -> RunFolder:
    """Make the run, or show it where it is finished."""
    console = Console()
    if folder.finished and not rerun:
        console.print(f"This run is finished already ([bold]rerun=true[/bold] trains it again): {shown(folder.path)}")
        print_metrics(console, folder)
        for sentence in other_machine(config, folder):
            console.print(f"[yellow]Note:[/yellow] {shown(sentence)}")
        return folder
    sample, splits = data.sample, data.splits
    if is_main_process():
        prepare(folder, config, data, rerun)
        first = next(iter(splits.values()))
        print_start(console, config, data.evaluated, first, folder, n_fits=len(splits) * config.ensemble.members)
        for line in lines(data.rows, sample.rows_of):
            console.print(line, highlight=False)
        for sentence in data.warnings:
            console.print(f"[yellow]Note:[/yellow] {shown(sentence)}")
    wandb_run = WandbRun(config, folder)
    pdfs = {fold: _fold(config, sample, split, folder, wandb_run, rerun) for fold, split in splits.items()}
    if is_main_process():
        keep_machines(folder)
        further = partial(adaptation_results, config, data, splits, folder=folder) if config.data.adapts else no_more
        write_results(config, data.evaluated, splits, pdfs, folder, wandb_run, further)
        print_metrics(console, folder)
    return folder


def require_buildable(config: Config, bands: Sequence[str]) -> None:
    """Build the network once and let it go: what does not fit is told before anything is made.

    Raises
    ------
    InputError : network, modalities and module do not fit the bands, the stamps or each other.
    """
    if isinstance(config.network, NetworkSettings):
        with torch.random.fork_rng(devices=[]):
            CNNEstimator(config).build_for(bands, config.scale.stamp_size, config.field)


def no_more(table: pd.DataFrame, pdf: NDArray[np.float32]) -> dict[str, Any]:  # noqa: ARG001
    """Nothing beside the metrics of the test galaxies."""
    return {}


def estimator_of(config: Config, loggers: list[Logger] | None = None) -> Estimator:
    """The estimator that ``network`` names; ``loggers`` get a network's training curve beside ``metrics.csv``."""
    if isinstance(config.network, ForestSettings):
        return CatalogueForest(config)
    if isinstance(config.network, PhotometryForestSettings):
        return PhotometryForest(config)
    if isinstance(config.network, TemplateFitSettings):
        return TemplateFit(config)
    return AdaptationEstimator(config, loggers) if config.data.adapts else CNNEstimator(config, loggers)


def member_seed(seed: int, fold: int, member: int) -> int:
    """Seed of one network: the run's own for the first member of fold 0, hashed for the others."""
    if fold == 0 and member == 0:
        return seed
    return int.from_bytes(hashlib.sha256(f"{seed}/{fold}/{member}".encode()).digest()[:4], "big")


def prepare(folder: RunFolder, config: Config, data: TrainingData, rerun: bool = False) -> None:
    """Write what made the run before it starts: provenance, rows used and left out, config and who is trained on."""
    sample = data.sample
    folder.make()
    for name in ("metrics.json", *FOLLOW_UPS):  # of networks that are replaced now
        (folder.path / name).unlink(missing_ok=True)
    if rerun:
        for pdf in folder.path.glob("checkpoints/*/*"):
            pdf.unlink()
    made = provenance(config, sample.data, sample.data_hash)
    of_sample = {
        "bands": list(sample.bands),
        "lacking_a_band": sample.lacking,
        "simulation_version": sample.simulation_version,
        **record(data.rows, sample.rows_of),
    }
    folder.write_json("provenance.json", {**made, **of_sample})
    write_config(folder.path, config)
    table = sample.catalogue[["object_id", "ra", "dec", "fold"]].copy()
    table["role"] = roles(len(sample), data.splits)
    with whole_file(folder.path / "split.parquet") as partial:
        table.to_parquet(partial, index=False)


def roles(n: int, splits: dict[int, Split]) -> NDArray[np.object_]:
    """``train``, ``validation``, ``test`` or "" (unlabelled) of every galaxy; ``cv`` where every fold is tested.

    ``adapt`` is a target galaxy whose image, but no label, takes part in an adaptation.
    """
    role = np.full(n, "", object)
    for split in splits.values():
        role[split.train] = "train" if len(splits) == 1 else "cv"
        role[split.validation] = "validation" if len(splits) == 1 else "cv"
    for split in splits.values():
        role[split.test] = "test" if len(splits) == 1 else "cv"
        if isinstance(split, AdaptationSplit):
            for rows in (split.target_train, split.target_validation):
                role[rows] = np.where(role[rows] == "", "adapt", role[rows])
    return role


def _fold(
    config: Config, sample: Sample, split: Split, folder: RunFolder, wandb_run: WandbRun, rerun: bool
) -> list[NDArray[np.float32]]:
    """Test PDFs of every member of a fold, fitting those that are not done."""
    pdfs = []
    for member in range(config.ensemble.members):
        pdf = None if rerun else folder.member_pdf(split.test_fold, member)
        if pdf is None:
            seed = member_seed(config.seed, split.test_fold, member)
            estimator = estimator_of(config, wandb_run.loggers(split.test_fold, member))
            start = time.perf_counter()
            estimator.fit(sample, split, seed, folder.member(split.test_fold, member))
            seconds = time.perf_counter() - start
            pdf = estimator.predict(sample, split.test)
            if isinstance(split, AdaptationSplit):
                source_pdf = estimator.predict(sample, split.source_test)
                if is_main_process():
                    write_array(folder.member(split.test_fold, member) / SOURCE_PDF, source_pdf)
            if is_main_process():
                folder.keep_member_pdf(split.test_fold, member, pdf)
                folder.write_json(
                    f"checkpoints/fold_{split.test_fold}_member_{member}/fit.json",
                    {
                        "seed": seed,
                        "seconds": round(seconds, 1),
                        "n_train": len(split.train),
                        **machine(),
                        **estimator.fit_report,
                    },
                )
        pdfs.append(pdf)
    return pdfs
