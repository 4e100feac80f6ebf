"""``task=labels``: build the representative label set of a deep field."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rich.console import Console

from photoz_lit.command_line.quoting import typed
from photoz_lit.config import Config
from photoz_lit.console import NamesTable, shown
from photoz_lit.errors import InputError
from photoz_lit.labels.benchmark import benchmark_merge
from photoz_lit.labels.build import LabelSet, build_labels
from photoz_lit.labels.exclusions import row_count
from photoz_lit.labels.folder import write_label_set
from photoz_lit.labels.mock import deep_field
from photoz_lit.labels.sources import LabelCatalogue, read_cosmos2020, read_source, read_target
from photoz_lit.printed import number
from photoz_lit.provenance import provenance
from photoz_lit.rows import RowCount
from photoz_lit.simulation.identity import data_kind
from photoz_lit.simulation.simulate import simulate_catalogue
from photoz_lit.tasks.options import LabelsOptions


def run(config: Config, options: LabelsOptions) -> None:
    """Write the label set to ``task.output``, or to ``labels.output``."""
    console = Console()
    settings = config.labels
    if settings.benchmark:
        for name, value in benchmark_merge(config.seed).items():
            console.print(f"{name:>24}: {value:g}")
        return
    folder = options.output or Path(settings.output)
    if folder.exists():
        raise InputError(f"{folder} exists already; choose another store=<folder> or remove it.")
    labels = _real(config, console) if settings.target else _simulated(config, console)
    made = provenance(config, labels.report["data"], "")
    write_label_set(labels, folder, made)
    _summarise(labels, console)
    console.print(
        f"Label set: [bold]{shown(folder)}[/bold] (labels.parquet, som.npz, cells.parquet, report.json, plots/)"
    )
    console.print(
        f"Train on it with {shown(typed('data.labels', folder / 'labels.parquet'))} data.weighted_sampling=true"
    )


def _real(config: Config, console: Console) -> LabelSet:
    settings = config.labels
    photometry, data, counts = read_target(
        settings.target, settings.target_columns or {}, settings.target_select, settings.target_table
    )
    _print_counts(console, f"target sample ({settings.target})", counts)
    numbered = {"object_id": "row number, from 0"} if photometry.attrs.get("numbered") else {}
    if numbered:
        console.print(
            f"{shown(settings.target)} has no column of ids: object_id is the row number, from 0.", highlight=False
        )
    sources: list[LabelCatalogue] = [
        read_source(source, settings.consensus, settings.missing, settings.allow) for source in settings.sources
    ]
    if settings.cosmos2020.classic:
        sources.append(read_cosmos2020(settings.cosmos2020, settings.consensus))
    reference = "z_phot" if "z_phot" in photometry else None
    labels = build_labels(photometry, sources, settings, data, config.seed, reference)
    rows_of = {"labels.target": row_count(counts).content(), **labels.report["rows_of"]}
    return replace(labels, report={**labels.report, "rows_of": rows_of, **numbered})


def _simulated(config: Config, console: Console) -> LabelSet:
    if config.labels.sources or config.labels.cosmos2020.classic:
        raise InputError("labels.sources are given without a target sample; give labels.target=<catalogue or store>.")
    console.print("No labels.target is given: a deep field is simulated, with biased spectra and four photo-z.")
    settings = config.simulation.model_copy(update={"representative": True})
    catalogue = simulate_catalogue(config.field, settings, config.data.simulation_seed)
    field = deep_field(catalogue, config.data.simulation_seed, config.labels.consensus)
    kind = data_kind(config.simulation)
    return build_labels(field.photometry, field.sources, config.labels, kind, config.seed, "z_true")


def _summarise(labels: LabelSet, console: Console) -> None:
    report = labels.report
    for source, counts in report["labels_left_out"].items():
        _print_counts(console, f"labels of {source}", counts)
    _print_counts(console, "merge", report["merge"])
    console.print(RowCount.model_validate(report["rows"]).line("labels"), highlight=False)
    size = report["map"]
    console.print(
        f"Map {size['rows']}×{size['columns']}: {size['target_galaxies']} target galaxies"
        f" ({size['target_with_missing_features']} lack a feature, {size['target_not_placed']} could not be placed),"
        f" quantisation error {size['quantisation_error']:.3f}"
    )
    covered = report["coverage"]
    console.print(
        f"Target sample in cells with spec-z {covered['spec']:.1%}, with any label {covered['any']:.1%},"
        f" with none {covered['none']:.1%}, not placed {covered['unplaced']:.1%}; gold test failed"
        f" {covered['gold_failed']:.1%} of {covered['gold_tested']:.1%} tested"
    )
    table = NamesTable(
        title=f"Distance from the target sample ({report['data'].replace('_', ' ')})", title_justify="left"
    )
    for column in ("sample", "n", "KS magnitude", "KS colours, mean", "mean z", "N(z) total variation"):
        table.add_column(column, justify="left" if column == "sample" else "right")
    for name, sample in labels.samples.items():
        ks = report["feature_ks"][name]
        colours = [ks[feature] for feature in labels.som.space.names[1:]]
        n_of_z = report["n_of_z"][name]
        variation = n_of_z.get("total_variation")
        table.add_row(
            name,
            str(len(sample.table)),
            f"{ks[labels.som.space.magnitude]:.3f}",
            f"{sum(colours) / len(colours):.3f}",
            f"{n_of_z['mean']:.3f}",
            number(variation, 3),
        )
    console.print(table)


def _print_counts(console: Console, title: str, counts: dict[str, int]) -> None:
    left_out = ", ".join(f"{count} {reason}" for reason, count in counts.items() if count and reason != "kept")
    console.print(f"{shown(title)}: {counts['kept']} kept" + (f"; left out {left_out}" if left_out else ""))
