"""``task=train``: fit every fold and member that is missing, evaluate, write the run folder."""

from __future__ import annotations

import hashlib
import time

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from photoz_lit.config import Config
from photoz_lit.console import shown
from photoz_lit.data.sample import Sample
from photoz_lit.data.sampling import is_main_process
from photoz_lit.data.split import Split
from photoz_lit.data.store_view import bands_of_field
from photoz_lit.errors import InputError
from photoz_lit.estimators.choice import estimator_of
from photoz_lit.estimators.estimator import Estimator
from photoz_lit.files import whole_file, write_array
from photoz_lit.progress import doing
from photoz_lit.provenance import provenance
from photoz_lit.rows import lines, record
from photoz_lit.run_folder import CALIBRATION, FOLLOW_UPS, RECALIBRATED, RunFolder, run_folder, write_config
from photoz_lit.tasks.calibration import rows_to_calibrate
from photoz_lit.tasks.nodes import require_started_on_nodes
from photoz_lit.tasks.options import TrainOptions
from photoz_lit.tasks.start_summary import print_start
from photoz_lit.tasks.threads_and_ranks import keep_threads_and_ranks, made_on_others, threads_and_ranks
from photoz_lit.tasks.training_data import TrainingData, training_data
from photoz_lit.tasks.wandb_run import WandbRun, require_wandb


def run(config: Config, options: TrainOptions) -> None:
    """Train and evaluate; a finished run of the same config is shown, not repeated."""
    pointer = config.paths.pointer
    if pointer is not None and pointer.is_dir():
        raise InputError(f"paths.pointer={pointer} is a folder; give the name of a file that may be written.")
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
    require_wandb(config)
    require_started_on_nodes(config.trainer)
    estimator = estimator_of(config)
    if not (config.data.stores or config.data.source or config.data.targets):  # before a field is simulated
        estimator.check(bands_of_field(config.field, config.data.bands), config.scale.stamp_size, config.field)
    data = training_data(config)
    estimator.check(data.sample.bands, data.sample.stamp_size, data.sample.field)
    estimator.check_sample(data.sample)
    folder = run_folder(config, data.sample.data_hash)
    if (folder.finished and not rerun) or not is_main_process():
        return _train(config, estimator, data, folder, rerun)
    with folder.only_writer(
        lambda: Console().print(f"Another process makes this run; waiting for it: {shown(folder.path)}")
    ):
        return _train(config, estimator, data, folder, rerun)


def _train(config: Config, estimator: Estimator, data: TrainingData, folder: RunFolder, rerun: bool) -> RunFolder:
    """Make the run, or show it where it is finished."""
    console = Console()
    if folder.finished and not rerun:
        console.print(f"This run is finished already ([bold]rerun=true[/bold] trains it again): {shown(folder.path)}")
        show_finished(console, folder)
        for sentence in made_on_others(config, folder):
            console.print(f"[yellow]Note:[/yellow] {shown(sentence)}")
        return folder
    if is_main_process():
        prepare(folder, config, data, rerun)
        n_fits = len(data.splits) * config.ensemble.members
        print_start(console, config, data, estimator.describe(data.evaluated, data.first, n_fits), folder)
        for line in lines(data.rows, data.sample.rows_of):
            console.print(line, highlight=False)
        for sentence in data.warnings:
            console.print(f"[yellow]Note:[/yellow] {shown(sentence)}")
    wandb_run = WandbRun(config, folder, estimator.label)
    sample, splits = data.sample, data.splits
    pdfs = {fold: _fold(config, estimator, sample, split, folder, wandb_run, rerun) for fold, split in splits.items()}
    if is_main_process():
        from photoz_lit.tasks.results import print_metrics, write_results  # here: two seconds, before the first step

        keep_threads_and_ranks(folder)
        with doing("calibration, metrics, figures and report", console):
            write_results(config, estimator, data, pdfs, folder, wandb_run)
        print_metrics(console, folder)
    return folder


def show_finished(console: Console, folder: RunFolder) -> None:
    """Print a finished run's metrics, and write the last file where it was stopped before that."""
    from photoz_lit.evaluation.report.html import write_report  # here, as results
    from photoz_lit.tasks.results import print_metrics

    if is_main_process() and not (folder.path / "report.html").is_file():
        write_report(folder.path)
    print_metrics(console, folder)


def member_seed(seed: int, fold: int, member: int) -> int:
    """Seed of one network: the run's own for the first member of fold 0, hashed for the others."""
    if fold == 0 and member == 0:
        return seed
    return int.from_bytes(hashlib.sha256(f"{seed}/{fold}/{member}".encode()).digest()[:4], "big")


def prepare(folder: RunFolder, config: Config, data: TrainingData, rerun: bool = False) -> None:
    """Write the provenance of a run before it starts: rows used and left out, config, and the role of every galaxy."""
    sample = data.sample
    folder.make()
    later = (folder.path / RECALIBRATED).glob("*")
    for file in (*(folder.path / name for name in ("metrics.json", CALIBRATION, *FOLLOW_UPS)), *later):
        file.unlink(missing_ok=True)  # of networks that are replaced now
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
        for rows in split.images_only:
            role[rows] = np.where(role[rows] == "", "adapt", role[rows])
    return role


def _fold(
    config: Config,
    estimator: Estimator,
    sample: Sample,
    split: Split,
    folder: RunFolder,
    wandb_run: WandbRun,
    rerun: bool,
) -> list[NDArray[np.float32]]:
    """Test PDFs of every member of a fold, fitting those that are not done."""
    pdfs = []
    for member in range(config.ensemble.members):
        pdf = None if rerun else folder.member_pdf(split.test_fold, member)
        if pdf is None:
            estimator.loggers = wandb_run.loggers(split.test_fold, member)
            pdf = _member(config, estimator, sample, split, member, folder)
        pdfs.append(pdf)
    return pdfs


def _member(
    config: Config, estimator: Estimator, sample: Sample, split: Split, member: int, folder: RunFolder
) -> NDArray[np.float32]:
    """Fit one member, keep it with its test PDFs, and return these."""
    fold = split.test_fold
    seed = member_seed(config.seed, fold, member)
    start = time.perf_counter()
    estimator.fit(sample, split, seed, folder.member(fold, member))
    seconds = round(time.perf_counter() - start, 1)
    kept = {**split.further_tests, **rows_to_calibrate(config, split)}
    n = len(split.test) + sum(map(len, kept.values()))
    with doing(f"predicting {n:,} galaxies", shown=is_main_process(), in_files_alone=True):
        pdf = estimator.predict(sample, split.test)
        further = {name: estimator.predict(sample, rows) for name, rows in kept.items()}
    if is_main_process():
        for name, values in further.items():
            write_array(folder.further_pdf(fold, member, name), values)
        about = {
            "seed": seed,
            "seconds": seconds,
            "n_train": len(split.train),
            **threads_and_ranks(),
            **estimator.fit_report,
        }
        folder.keep_member(fold, member, about, pdf)
    return pdf
