"""``task=calibrate``: recalibrate a run's PDFs on validation galaxies, and measure on test galaxies what it changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from photoz_lit.config import Config
from photoz_lit.console import NamesTable, shown
from photoz_lit.data.sample import Sample
from photoz_lit.errors import InputError
from photoz_lit.estimators.choice import estimator_of
from photoz_lit.estimators.estimator import Estimator
from photoz_lit.evaluation.calibration import calpit
from photoz_lit.evaluation.calibration.by_fold import FoldCalibrations
from photoz_lit.evaluation.calibration.local import LocalCalibration, fit_local_calibration
from photoz_lit.evaluation.calibration.pit import PitCalibration, fit_pit_calibration
from photoz_lit.evaluation.calibration.temperature import fit_temperature
from photoz_lit.evaluation.metrics.summary import summarise
from photoz_lit.evaluation.plots.calibration import calibration_figure
from photoz_lit.evaluation.plots.style import save
from photoz_lit.evaluation.predictions.table import predictions_table
from photoz_lit.evaluation.reliability.reach import training_reach
from photoz_lit.files import read_array, require_no_links
from photoz_lit.metric import metric
from photoz_lit.progress import doing
from photoz_lit.run_folder import CALIBRATION, RECALIBRATED, RunFolder, config_of_run
from photoz_lit.tasks.calibration import VALIDATION, validation_weights
from photoz_lit.tasks.ensemble_mean import average
from photoz_lit.tasks.options import CalibrateOptions
from photoz_lit.tasks.recalibrated import FoldPdfs, judged, places
from photoz_lit.tasks.training_data import TrainingData, training_data
from photoz_lit.tasks.unseen_networks import reach_file

COMPARED = ("pit_ks", "crps", "cde_loss", "nll", "nz_mean_shift")
IN_BIN = 200  # galaxies of a magnitude bin whose PIT is judged


def run(config: Config, options: CalibrateOptions) -> None:
    """Write ``calibrate/`` in the run folder: the comparison, the intervals, and what later predictions use."""
    console, folder = Console(), RunFolder(options.run)
    require_no_links(folder.path)
    trained = config_of_run(folder.path, config)
    quiet = config.trainer.model_copy(update={"progress": False})
    trained = trained.model_copy(update={"trainer": quiet})
    _refuse(trained, options)
    data = training_data(trained)
    if folder.read_json("provenance.json")["data_hash"] != data.sample.data_hash:
        raise InputError(f"{folder.path}: the store's galaxies are not those that it was trained on; train it again.")
    members = {fold: _members(trained, folder, fold) for fold in data.splits}
    (folder.path / RECALIBRATED).mkdir(exist_ok=True)
    with doing("predicting the validation galaxies", console) as say:
        pdfs = {fold: _fold_pdfs(trained, folder, data, fold, members[fold]) for fold in data.splits}
        say(f"fitting {', '.join(options.compare)}")
        fitted = cache(partial(calibrations, data.sample, pdfs))  # of a method; the chosen one is compared too
        rows = compared(data, pdfs, options.compare, fitted)
        chosen = fitted(options.method)
    content = {
        "data": data.sample.data,
        "method": options.method,
        "galaxies": round(float(np.mean([np.count_nonzero(one.weight) for one in pdfs.values()]))),
        "compared": [{k: v for k, v in row.items() if k != "pit"} for row in rows],
        **judged(data, pdfs, chosen, options.levels, folder),
    }
    if options.reach:
        _keep_reach(data, members, folder)
    chosen.write(folder.path / RECALIBRATED / CALIBRATION)
    save(
        calibration_figure({r["method"]: r["pit"] for r in rows}, data.sample.data),
        folder.path / RECALIBRATED / "pit.png",
    )
    folder.write_json(f"{RECALIBRATED}/calibrate.json", content)
    _print(console, content)
    console.print(
        f"Later predictions of this run are recalibrated by {options.method}:"
        f" [bold]{shown(folder.path / RECALIBRATED)}[/bold] (without that folder they are as before)"
    )


def compared(
    data: TrainingData,
    pdfs: Mapping[int, FoldPdfs],
    methods: Sequence[str],
    fitted: Callable[[str], FoldCalibrations],
) -> list[dict[str, Any]]:
    """Metrics of the test galaxies for each way of recalibrating, fitted on the validation galaxies.

    Parameters
    ----------
    data, pdfs : galaxies, and the PDFs of each fold.
    methods : names of the ways.
    fitted : the recalibrations of a way, see :func:`calibrations`.

    Returns
    -------
    Rows with ``method``, ``n``, the metrics, ``pit_ks_worst_bin`` (of the magnitude bins with 200 galaxies or more),
    ``pit_ks_by_mag``, ``seconds`` of fit and application, and ``pit``, the PIT values.
    """
    sample = data.sample
    edges, catalogue = sample.field.z_edges, data.evaluated.catalogue
    test = np.concatenate([one.split.test for one in pdfs.values()])
    rows = []
    for method in methods:
        start = time.perf_counter()
        if method == "calpit":
            pdf = np.concatenate([_by_calpit(sample, one) for one in pdfs.values()])
        else:
            found_by = fitted(method)
            parts = [
                found_by.apply(one.test, edges, fold, places(sample, one.split.test)) for fold, one in pdfs.items()
            ]
            pdf = np.concatenate(parts)
        seconds = time.perf_counter() - start
        table = predictions_table(pdf, edges, catalogue.iloc[test], -1, sample.field.reference_band)
        found = summarise(table, pdf, edges, sample.field, sample.data)
        bins = {name: row["pit_ks"] for name, row in found["by_mag"].items() if row["n"] >= IN_BIN}
        rows.append(
            {
                "method": method,
                "n": found["n_test"],
                **{name: found[name] for name in COMPARED},
                "pit_ks_worst_bin": max(bins.values(), default=None),
                "pit_ks_by_mag": bins,
                "seconds": round(seconds, 2),
                "pit": table["pit"].to_numpy(),
            }
        )
    return rows


def calibrations(sample: Sample, pdfs: Mapping[int, FoldPdfs], method: str) -> FoldCalibrations:
    """Fit each fold's recalibration on its validation galaxies; no test galaxy takes part."""
    fitted = {fold: _fitted(method, sample, one) for fold, one in pdfs.items()}
    return FoldCalibrations(fitted, {fold: int(np.count_nonzero(one.weight)) for fold, one in pdfs.items()})


def _fitted(method: str, sample: Sample, one: FoldPdfs) -> PitCalibration | LocalCalibration:
    edges, rows = sample.field.z_edges, one.split.validation
    z = sample.catalogue["z"].to_numpy(np.float64)[rows]
    if method == "local":
        return fit_local_calibration(one.validation, edges, z, places(sample, rows), one.weight)
    fit = {"pit": fit_pit_calibration, "temperature": fit_temperature}.get(method)
    return PitCalibration.identity() if fit is None else fit(one.validation, edges, z, one.weight)


def _by_calpit(sample: Sample, one: FoldPdfs) -> NDArray[np.float32]:
    """PDFs of a fold's test galaxies, recalibrated by the library Cal-PIT."""
    edges = sample.field.z_edges
    magnitude = sample.catalogue[f"mag_{sample.field.reference_band}"].to_numpy(np.float64)
    z, known = sample.catalogue["z"].to_numpy(np.float64), one.weight > 0
    rows = one.split.validation[known]
    return calpit.recalibrated(
        one.validation[known], edges, z[rows], magnitude[rows], one.test, magnitude[one.split.test]
    )


def _keep_reach(data: TrainingData, members: Mapping[int, Sequence[Estimator]], folder: RunFolder) -> None:
    """Keep where the training galaxies of each fold's first network lie, where it has features."""
    for fold, split in data.splits.items():
        network = members[fold][0]
        training = network.features(data.sample, split.train)
        validation = network.features(data.sample, split.validation)
        if training is not None and validation is not None:
            training_reach(training, validation).write(reach_file(folder, fold))


def _fold_pdfs(
    trained: Config, folder: RunFolder, data: TrainingData, fold: int, members: Sequence[Estimator]
) -> FoldPdfs:
    """PDFs that the run kept, or those that its networks make now."""
    split, found = data.splits[fold], []
    for name, rows in ((VALIDATION, split.validation), ("test", split.test)):
        kept = [folder.further_pdf(fold, number, name) for number in range(len(members))]
        of_members = [
            read_array(file) if file.is_file() else one.predict(data.sample, rows)
            for file, one in zip(kept, members, strict=True)
        ]
        found.append(average(of_members, trained.ensemble.mean))
    validation, test = found
    return FoldPdfs(split, validation, test, validation_weights(trained, data.sample, split))


def _members(trained: Config, folder: RunFolder, fold: int) -> list[Estimator]:
    loaded = []
    for number in range(trained.ensemble.members):
        loaded.append(estimator_of(trained))
        loaded[-1].load(folder.member(fold, number))
    return loaded


def _refuse(trained: Config, options: CalibrateOptions) -> None:
    if trained.data.adapts:
        raise InputError(
            f"{options.run} was adapted to another field, whose redshifts no calibration may read; calibrate a run of"
            " that field."
        )
    if "calpit" in options.compare and not calpit.is_installed():
        raise InputError("task.compare: calpit is not installed; pip install 'photoz-lit[calpit]', or leave it out.")


def _print(console: Console, content: Mapping[str, Any]) -> None:
    table = NamesTable(title=f"recalibrated on {content['galaxies']:,} validation galaxies", title_justify="left")
    table.add_column("method")
    for name in COMPARED:
        table.add_column(metric(name).label, justify="right")
    table.add_column("PIT KS, worst mag bin", justify="right")
    for row in content["compared"]:
        worst = row["pit_ks_worst_bin"]
        last = "–" if worst is None else f"{worst:.4f}"
        table.add_row(row["method"], *(f"{row[name]:.4f}" for name in COMPARED), last)
    console.print(table)
    for one in content["conformal"]:
        console.print(
            f"conformal {100 * one['level']:g} %: {100 * one['coverage']:.1f} ± {100 * one['error']:.1f} % of the test"
            f" galaxies inside, median width {one['median_width']:.4f}"
        )
