"""``task=mismatch``: how target fields differ from a source field, in images and in what a run makes of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.console import Console

from photoz_lit.config import Config
from photoz_lit.console import NamesTable, shown
from photoz_lit.data.sample import Sample, load_sample
from photoz_lit.data.store import CutoutStore, open_store
from photoz_lit.data.store_view import shared_bands
from photoz_lit.errors import InputError
from photoz_lit.estimators.choice import estimator_of
from photoz_lit.evaluation.metrics.pdf import quantiles
from photoz_lit.evaluation.mismatch.field_pixels import pixels_of_fields
from photoz_lit.evaluation.mismatch.files import Mismatch, write_mismatch
from photoz_lit.evaluation.mismatch.images import compared_images, conditions_table, probe_table, reference_magnitude
from photoz_lit.evaluation.mismatch.magnitude_match import matched_rows
from photoz_lit.evaluation.mismatch.redshifts import ALL, MATCHED, FieldPredictions, redshift_table
from photoz_lit.evaluation.mismatch.verdict import Verdict, evidence_of, largest_shift, verdict
from photoz_lit.fields import Field, conf_directory, load_field
from photoz_lit.imaging.conditions import some_galaxies
from photoz_lit.metric import metric
from photoz_lit.printed import number
from photoz_lit.provenance import provenance
from photoz_lit.rows import RowCount, lines, record, total
from photoz_lit.run_folder import RunFolder, config_of_run
from photoz_lit.tasks.options import MismatchOptions
from photoz_lit.tasks.predict import predict_unseen
from photoz_lit.tasks.unseen_networks import SEEN_BY_ALL

FEWEST = 20  # galaxies of a field


@dataclass(frozen=True)
class _Applied:
    """A run applied to one field."""

    predictions: FieldPredictions
    features: NDArray[np.float64] | None
    rows: RowCount


def run(config: Config, options: MismatchOptions) -> None:
    """Compare ``targets`` with ``source`` and, with ``run``, what that run's networks make of them.

    Raises
    ------
    InputError : a store is missing, too small, or shares no band or no magnitude with the source.
    """
    console = Console()
    stores = [open_store(path) for path in (options.source, *options.targets)]
    trained = config_of_run(options.run, config) if options.run else None
    field = trained.field if trained else field_of(stores[0], config.field)
    samples = dict(zip(store_names(stores), load_fields(stores, field), strict=True))
    check_magnitudes(samples)
    folder = output_folder(config, samples, options)
    seen_by_run = _samples_of_run(trained, stores) if trained else []
    warnings = same_data(samples)
    for sentence in warnings:
        console.print(f"[bold yellow]{shown(sentence)}[/bold yellow]", highlight=False)
    pixels = pixels_of_fields(samples, options.galaxies, options.seed, config.engine, folder)
    images = compared_images(samples, pixels)
    applied: dict[str, _Applied] = {}
    if trained:
        for name, sample in zip(samples, seen_by_run, strict=True):
            applied[name] = _apply(config, trained, sample, name, options)
    features = {n: (a.features, a.predictions.magnitude) for n, a in applied.items() if a.features is not None}
    predictions = [a.predictions for a in applied.values()]
    z_edges = field.z_edges if applied else None
    rows_of = {name: sample.rows for name, sample in samples.items()}
    rows_of |= {f"run, {name}": one.rows for name, one in applied.items()}
    rows = total(sample.rows for sample in samples.values())
    run_path = None if options.run is None else str(options.run)
    made = provenance(config, images[0].sample.data, images[0].sample.data_hash) | {"run": run_path}
    conditions, probes = conditions_table(images, options.seed), probe_table(images, features, options.seed)
    result = Mismatch(
        images,
        conditions,
        probes,
        predictions,
        redshift_table(predictions, field.z_edges, field.outlier_threshold, options.seed) if applied else None,
        z_edges,
        made | record(rows, rows_of),
        warnings,
        {name: verdict_of(name, conditions, probes, report_of(options.run)) for name in list(samples)[1:]},
    )
    written = write_mismatch(result, folder)
    _show(console, result)
    for line in lines(rows, rows_of, "galaxies"):
        console.print(line, highlight=False)
    for path in written:
        console.print(f"[bold]{shown(path)}[/bold]")


def report_of(run: Path | None) -> dict[str, Any]:
    """What a run's adaptation reported; empty without a run, or of one that adapted nothing."""
    file = None if run is None else run / "metrics.json"
    content = json.loads(file.read_text()) if file is not None and file.is_file() else {}
    report: dict[str, Any] = content.get("adaptation", {})
    return report


def verdict_of(target: str, conditions: pd.DataFrame, probes: pd.DataFrame, report: Mapping[str, Any]) -> Verdict:
    """Whether to adapt to a target, from the probe on the run's features and the colours of both fields.

    Parameters
    ----------
    target : its name.
    conditions, probes : of :mod:`photoz_lit.evaluation.mismatch.images`.
    report : of the run's own adaptation, whose probe was taken before; empty where there was none.
    """
    own = conditions[conditions["field"] == target]
    shift, error = largest_shift(own["colour_offset"], own["colour_offset_err"])
    rows = probes[(probes["field"] == target) & (probes["features"] == "network") & probes["matched"]]
    now = float(rows["auc"].iloc[0]) if len(rows) and np.isfinite(rows["auc"].iloc[0]) else None
    adapted = "probe_auc_after" in report
    evidence = replace(evidence_of(report), colour_shift=shift, colour_error=error)
    return verdict(replace(evidence, auc_after=now) if adapted else replace(evidence, auc_before=now))


def field_of(store: CutoutStore, otherwise: Field) -> Field:
    """The field that a store names, or ``field=…`` where ``conf/field`` does not know it."""
    known = (conf_directory() / "field" / f"{store.header.field}.yaml").is_file()
    return load_field(store.header.field) if known else otherwise


def load_fields(stores: Sequence[CutoutStore], field: Field) -> list[Sample]:
    """One sample per store, with the bands that all of them have and stamps of the smallest one's size."""
    bands = shared_bands(stores, field, None)
    size = min(min(s.header.height, s.header.width) for s in stores)
    samples = [load_sample([store], field, size, bands) for store in stores]
    for store, sample in zip(stores, samples, strict=True):
        if len(sample) < FEWEST:
            raise InputError(f"{store.path} has {len(sample)} galaxies; a comparison needs at least {FEWEST}.")
    return samples


def _samples_of_run(trained: Config, stores: Sequence[CutoutStore]) -> list[Sample]:
    """One sample per store with the bands and stamps of a run's networks."""
    bands = trained.data.bands or list(trained.field.band_names)
    return [load_sample([store], trained.field, trained.scale.stamp_size, bands) for store in stores]


def store_names(stores: Sequence[CutoutStore]) -> list[str]:
    """A name per store: its field where these differ, else its folder, else that with a number."""
    for names in ([s.header.field for s in stores], [s.path.resolve().name for s in stores]):
        if len(set(names)) == len(names):
            return names
    folders = [s.path.resolve().name for s in stores]
    return [f"{name}_{k}" if folders.count(name) > 1 else name for k, name in enumerate(folders)]


def check_magnitudes(samples: dict[str, Sample]) -> None:
    """Refuse fields whose catalogues share no magnitude with the source's, before the long work starts."""
    names = list(samples)
    magnitude = {name: reference_magnitude(s, np.arange(len(s))) for name, s in samples.items()}
    for name in names[1:]:
        if np.isfinite(magnitude[names[0]]).any() and np.isfinite(magnitude[name]).any():
            matched_rows(magnitude[names[0]], magnitude[name], 0, (names[0], name))


def same_data(samples: dict[str, Sample]) -> list[str]:
    """A sentence for every target that is the source's very data."""
    source, *targets = samples
    return [
        f"{name} holds the same data as the source {source}: differences are 0 and probes compare two halves of it."
        for name in targets
        if samples[name].data_hash == samples[source].data_hash
    ]


def output_folder(config: Config, samples: dict[str, Sample], options: MismatchOptions) -> Path:
    """``task.output``, or ``<paths.runs>/mismatch/<id>`` with a hash of stores, run and options.

    Raises
    ------
    InputError : ``task.output`` is a file, or holds a store or a run.
    """
    if options.output:
        folder = options.output
        taken = next((n for n in ("store.json", "metrics.json", "catalogue.parquet") if (folder / n).exists()), None)
        if taken or folder.is_file():
            what = f"holds a {taken}" if taken else "is a file"
            raise InputError(f"{folder} {what}; give task=mismatch another folder (store=<folder>).")
        return folder
    run_path = str(options.run.resolve()) if options.run else ""
    sizes = f"galaxies={options.galaxies} seed={options.seed}"
    text = " ".join([*(s.data_hash for s in samples.values()), run_path, sizes])
    return config.paths.runs / "mismatch" / hashlib.sha256(text.encode()).hexdigest()[:8]


def _apply(config: Config, trained: Config, sample: Sample, name: str, options: MismatchOptions) -> _Applied:
    """Predict the galaxies of a field that not every network was trained on, and take the first network's features."""
    assert options.run is not None
    source = RunFolder(options.run)
    applied = trained.model_copy(update={"trainer": config.trainer})
    chosen = some_galaxies(np.arange(len(sample)), 5 * options.galaxies, options.seed)
    drawn = sample.take(chosen, "beyond 5 task.galaxies")
    pdf, fold = predict_unseen(applied, source, drawn, options.drop)
    unseen = np.flatnonzero(fold != SEEN_BY_ALL)
    if len(unseen) < FEWEST:
        raise InputError(
            f"{name} has {len(unseen)} galaxies that the run was not trained on, of {len(drawn)} looked at;"
            " give a run with cv.folds=5, or a store with more."
        )
    rows = unseen[some_galaxies(np.arange(len(unseen)), options.galaxies, options.seed)]
    count = drawn.rows.without("every network was trained on", len(drawn) - len(unseen))
    count = count.without("beyond task.galaxies", len(unseen) - len(rows)).checked(len(rows))
    catalogue = drawn.catalogue.iloc[rows]
    label = catalogue["z"].to_numpy(float)
    truth = pd.to_numeric(catalogue["z_true"], errors="coerce").to_numpy(float) if "z_true" in catalogue else label
    z_phot = quantiles(pdf[rows], sample.field.z_edges, [0.5])[:, 0]
    magnitude = reference_magnitude(drawn, rows)
    predictions = FieldPredictions(name, pdf[rows], z_phot, np.where(np.isfinite(truth), truth, label), magnitude)
    estimator = estimator_of(applied)
    estimator.load(source.member(0, 0))
    device = "cpu" if config.trainer.accelerator == "cpu" else None
    features = estimator.features(drawn, rows, device)
    return _Applied(predictions, None if features is None else features.astype(np.float64), count)


def _show(console: Console, result: Mismatch) -> None:
    """The differences, the matched probes, the redshifts and the verdicts, for the terminal; files hold the rest."""
    kind = result.data.replace("_", " ")
    bands = result.conditions
    columns = {"seeing": "seeing″", "d_seeing": "Δ", "depth": "depth", "d_depth": "Δ", "noise_correlation": "corr. px",
               "background_sigma": "sky σ", "colour_offset": "Δcolour"}  # fmt: skip
    table = _table(f"images ({kind})", ["field", "band"], list(columns.values()))
    for _, row in bands.iterrows():
        table.add_row(row["field"], row["band"], *(number(row[name], 3) for name in columns))
    console.print(table)
    matched = result.probes[result.probes["matched"]]
    kinds = list(dict.fromkeys(matched["features"]))
    table = _table("probe AUC at the same magnitude", ["field"], kinds)
    for name, rows in matched.groupby("field", sort=False):
        areas = rows.set_index("features")["auc"]
        table.add_row(str(name), *(number(areas[kind], 3) for kind in kinds))
    console.print(table)
    if result.redshifts is not None:
        listed = result.redshifts[result.redshifts["group"].isin([ALL, MATCHED])]
        parts = {
            "N(z) against the source's": {"nz_mean_shift": "Δ⟨z⟩", "nz_tv": "TV", "nz_tv_noise": "TV by chance"},
            "redshifts against the source's": {
                **{"bias": "bias", "d_bias": "Δbias", "d_bias_err": "±"},
                **{name: metric(name).label for name in ("sigma_mad", "eta")},
            },
        }
        for title, names in parts.items():  # two tables: one is wider than a terminal of 80 columns
            table = _table(title, ["field", "group"], ["n", *names.values()])
            for _, row in listed.iterrows():
                numbers = (number(row.get(name, np.nan), 4) for name in names)
                table.add_row(row["field"], row["group"], f"{row['n']:,}", *numbers)
            console.print(table)

    for name, one in result.verdicts.items():
        console.print(f"[bold]{shown(name)}[/bold]: {shown(one.sentence)}", highlight=False)


def _table(title: str, left: Sequence[str], right: Sequence[str]) -> NamesTable:
    table = NamesTable(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for place, name in enumerate(left):
        table.add_column(name, no_wrap=place > 0, overflow="fold")  # long names of stores wrap, no number is cut
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    return table
