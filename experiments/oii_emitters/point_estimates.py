"""Emitters' redshifts by other point estimates, of each run and of the mean PDF of all.

``python experiments/oii_emitters/point_estimates.py <run> <run> ...``: runs of one method that differ in their seed.
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from photoz_lit.data.sample import load_sample
from photoz_lit.evaluation.comparison.emitters import REMOVED
from photoz_lit.evaluation.metrics.pdf import mean, median, mode
from photoz_lit.run_folder import RunFolder, config_of_run
from photoz_lit.tasks.emitters import EmitterTaskSettings, emitter_rows, emitter_store
from photoz_lit.tasks.predict import predict_unseen

options = EmitterTaskSettings()
runs = [Path(place) for place in sys.argv[1:]]
trained = config_of_run(runs[0])
store = emitter_store(trained.model_copy(update={"run": str(runs[0])}), trained, options)
sample = load_sample([store], trained.field, trained.scale.stamp_size, trained.data.bands)
pdfs = [predict_unseen(config_of_run(run), RunFolder(run), sample, [])[0] for run in runs]
edges = trained.field.z_edges
table = Table("runs", "estimate", "σ_MAD", "η", "bias", "1.4826 median |Δz|")


def add(name: str, found: list[NDArray[np.float32]]) -> None:
    """One row per point estimate: means over the PDFs found."""
    kept = ~sample.catalogue["interloper_removed"].to_numpy(bool)
    for estimate in (median, mean, mode):
        numbers = []
        for pdf in found:
            z_phot = estimate(pdf, edges)
            rows = emitter_rows(sample.catalogue, z_phot, options.redshift, trained.field.outlier_threshold)
            row = next(row for row in rows if row["sample"] == REMOVED)
            width = 1.4826 * np.median(np.abs(z_phot[kept] - options.redshift)) / (1 + options.redshift)
            numbers.append([row["sigma_mad"], row["eta"], row["bias"], width])
        table.add_row(name, estimate.__name__, *(f"{value:+.4f}" for value in np.mean(numbers, axis=0)))


add(f"mean of {len(pdfs)}", pdfs)
add("one mean PDF", [np.mean(pdfs, axis=0, dtype=np.float64).astype(np.float32)])
Console().print(f"{trained.experiment.name}, {trained.adapt.name}: emitters of {store.header.field} (simulated)", table)
