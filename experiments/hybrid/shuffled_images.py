"""Test galaxies of a hybrid run as they are, with each other's images, and without what stands beside the images.

``python experiments/hybrid/shuffled_images.py <run> [data.cache=<folder>]``: a run with ``network.catalogue_inputs``.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from photoz_lit.command_line.choices import compose_config
from photoz_lit.config import validate
from photoz_lit.data.sample import Sample
from photoz_lit.data.split import split_sample
from photoz_lit.estimators.choice import estimator_of
from photoz_lit.estimators.cnn import CNNEstimator
from photoz_lit.evaluation.metrics.summary import summarise
from photoz_lit.evaluation.predictions.table import predictions_table
from photoz_lit.run_folder import RunFolder, config_of_run
from photoz_lit.tasks.calibration import calibrations_of
from photoz_lit.tasks.data_source import sample_of

run = RunFolder(Path(sys.argv[1]))
trained = config_of_run(run.path, validate(compose_config(sys.argv[2:])))
sample = sample_of(trained)
test = split_sample(sample).test
edges, calibrations = sample.field.z_edges, calibrations_of(trained, run)
estimator = estimator_of(trained)
assert isinstance(estimator, CNNEstimator)
estimator.load(run.member(0, 0))
values = estimator.catalogue_of(sample, test)
table = Table("galaxies", "σ_MAD", "η", "CRPS")


def add(name: str, seen: Sample, beside: NDArray[np.float32]) -> None:
    """One row: redshifts from the images of a sample and from values beside them."""
    vars(estimator)["catalogue_of"] = lambda _sample, _rows: beside
    pdf = calibrations.apply(estimator.predict(seen, test), edges, 0)
    catalogue = sample.catalogue.iloc[test]
    galaxies = predictions_table(pdf, edges, catalogue, 0, sample.field.reference_band)
    found = summarise(galaxies, pdf, edges, sample.field, sample.data)
    table.add_row(name, *(f"{found[metric]:.4f}" for metric in ("sigma_mad", "eta", "crps")))


other = np.arange(len(sample))
other[test] = np.random.default_rng(0).permutation(test)
add("as they are", sample, values)
add("with each other's images", replace(sample, part=sample.part[other], row=sample.row[other]), values)
add("images alone", sample, np.full_like(values, np.nan))
add("with each other's catalogue", sample, values[np.random.default_rng(0).permutation(len(values))])
Console().print(table)
