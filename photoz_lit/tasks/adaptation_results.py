"""What an adaptation reports beside its target's metrics: the source field, each target, and what the probe found."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.alignment.build import labels_of
from photoz_lit.config import Config
from photoz_lit.data.id_type import with_typed_ids
from photoz_lit.estimators.adaptation_report import REPORT
from photoz_lit.evaluation.metrics.summary import coarse_nz, summarise
from photoz_lit.evaluation.mismatch.verdict import evidence_of, nz_scatter, verdict
from photoz_lit.evaluation.predictions.table import predictions_table
from photoz_lit.files import read_array, write_table
from photoz_lit.run_folder import RunFolder
from photoz_lit.tasks.ensemble_mean import average
from photoz_lit.tasks.training_data import TrainingData

SOURCE_TEST = "source"


def adaptation_results(
    config: Config,
    data: TrainingData,
    table: pd.DataFrame,
    pdf: NDArray[np.float32],
    folder: RunFolder,
) -> dict[str, Any]:
    """Evaluate the source's test galaxies and every target on its own, and gather the members' reports.

    Parameters
    ----------
    config : of the run.
    data : see :class:`~photoz_lit.tasks.training_data.TrainingData`.
    table, pdf : predictions of the targets' test galaxies, in the order of the splits.
    folder : of the run; ``source_predictions.parquet`` is written there.

    Returns
    -------
    ``adapt`` (method), ``source`` (metrics of the source's test galaxies), ``nz`` (of the targets, see
    :func:`~photoz_lit.evaluation.metrics.summary.coarse_nz`), ``by_field`` (of every target where there are several),
    ``adaptation`` (means of the members' reports: discriminator on frozen features, probe AUCs), ``verdict`` (whether
    to use the adapted network, see :mod:`photoz_lit.evaluation.mismatch.verdict`; an oracle has none).
    """
    sample = data.evaluated
    own = sample.field.model_copy(update={"name": data.fields[0]})
    parts, pdfs, folds = [], [], []
    for fold, split in data.splits.items():
        source_test = split.further_tests[SOURCE_TEST]
        members = [read_array(folder.further_pdf(fold, m, SOURCE_TEST)) for m in range(config.ensemble.members)]
        pdfs.append(average(members, config.ensemble.mean))
        parts.append(source_test)
        folds.append(np.full(len(source_test), fold))
    source_pdf = np.concatenate(pdfs)
    rows = np.concatenate(parts)
    catalogue = sample.catalogue.iloc[rows].copy()
    source = predictions_table(source_pdf, own.z_edges, catalogue, np.concatenate(folds), own.reference_band)
    write_table(folder.path / "source_predictions.parquet", with_typed_ids(source, sample.id_type_of(rows)))
    content: dict[str, Any] = {
        "adapt": config.adapt.name,
        "nz": coarse_nz(pdf, own.z_edges, table["z"].to_numpy(np.float64)),
        "source": summarise(source, source_pdf, own.z_edges, own, sample.data),
        "adaptation": _reports(folder),
    }
    if labels_of(config.adapt) == "source":
        scatter = _scatter_of_members(config, data, folder)
        content["verdict"] = verdict(evidence_of(content["adaptation"], scatter)).record()
    if len(data.fields) > 2:
        rows = np.concatenate([split.test for split in data.splits.values()])
        content["by_field"] = {
            name: summarise(
                table[sample.part[rows] == number].reset_index(drop=True),
                pdf[sample.part[rows] == number],
                own.z_edges,
                own.model_copy(update={"name": name}),
                sample.data,
            )
            for number, name in enumerate(data.fields[1:], start=1)
        }
    return content


def _scatter_of_members(config: Config, data: TrainingData, folder: RunFolder) -> float | None:
    """Total variation of the targets' N(z) between members, which differ by their seed alone, over the folds."""
    found = []
    for fold in data.splits:
        pdfs = [folder.member_pdf(fold, member) for member in range(config.ensemble.members)]
        stacked = [pdf.sum(axis=0) for pdf in pdfs if pdf is not None]
        found.append(nz_scatter(stacked, data.evaluated.field.z_edges))
    known = [value for value in found if value is not None]
    return float(np.mean(known)) if known else None


def _reports(folder: RunFolder) -> dict[str, Any]:
    """Mean of every number in the members' ``adaptation.json``; ``wins`` only where all of them do."""
    reports = [json.loads(path.read_text()) for path in sorted(folder.path.glob(f"checkpoints/*/{REPORT}"))]
    numbers = {
        name: float(np.mean([report[name] for report in reports]))
        for name in (reports[0] if reports else {})
        if isinstance(reports[0][name], int | float) and not isinstance(reports[0][name], bool)
    }
    if reports and "wins" in reports[0]:
        numbers["wins"] = all(report["wins"] for report in reports)
    return numbers
