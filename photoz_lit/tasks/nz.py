"""``task=nz``: N(z) of a run's galaxies, or of a store that the run is applied to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.console import Console

from photoz_lit.config import Config
from photoz_lit.console import NamesTable, shown
from photoz_lit.data.mapping import map_columns
from photoz_lit.data.redshift_codes import RedshiftKeys, require_no_codes
from photoz_lit.errors import InputError
from photoz_lit.evaluation.nz.distributions import (
    Block,
    Grouping,
    RedshiftDistributions,
    group_galaxies,
    redshift_distributions,
    with_reference,
)
from photoz_lit.evaluation.nz.files import write_nz
from photoz_lit.evaluation.nz.statistics import coarse_edges, nz_table
from photoz_lit.evaluation.predictions.qp_file import iterate_pdfs, pdf_count, read_pdfs_hdf5
from photoz_lit.evaluation.predictions.table import read_predictions
from photoz_lit.evaluation.report.record import read_json
from photoz_lit.files import require_no_links, write_json
from photoz_lit.printed import number
from photoz_lit.progress import counted
from photoz_lit.rows import RowCount, lines, record
from photoz_lit.tables.frame import missing_column
from photoz_lit.tables.no_value import blank_missing
from photoz_lit.tables.reading import read_table
from photoz_lit.tasks.options import DroppingOptions, NzOptions
from photoz_lit.tasks.predict import predict

FOUR = [0.0, 0.25, 0.5, 0.75, 1.0]


def run(config: Config, options: NzOptions) -> None:
    """Measure N(z) of ``task.run``; with ``task.store`` (or ``data.store``) of that store's galaxies."""
    console = Console()
    source = _source(config, options)
    require_no_links(source)
    table = read_predictions(source)
    pdfs = source / "pdfs.hdf5"
    if pdf_count(pdfs) != len(table):
        raise InputError(f"{source}: pdfs.hdf5 and predictions.parquet differ in length; run the prediction again.")
    distributions, rows, rows_of = _distributions(table, pdfs, options)
    coarse = coarse_edges(distributions.z_edges, options.bin_width)
    data = str(read_json(source / "provenance.json").get("data", ""))
    name = options.reference.name if options.reference else _labels(distributions)
    written = write_nz(distributions, coarse, source / "nz", data, name)
    about = {"run": str(options.run), "data": data, "task": options.model_dump(mode="json")}
    write_json(source / "nz" / "provenance.json", {**about, **record(rows, rows_of)})
    console.print(_shown(nz_table(distributions, coarse)))
    for line in lines(rows, rows_of, "galaxies"):
        console.print(line, highlight=False)
    for path in written:
        console.print(f"[bold]{shown(path)}[/bold]")


def _labels(distributions: RedshiftDistributions) -> str:
    """What the labels are called in the figure: of how many galaxies they are, where they are not of all."""
    known, n = int(distributions.n_labelled[0]), int(distributions.n[0])
    return f"labels of {known:,} of {n:,}" if known < n else "labels"


def _source(config: Config, options: NzOptions) -> Path:
    """The run itself, or the folder of its predictions for a store, made now where they are not there."""
    store = config.data.store if options.store is None else str(options.store)
    if not store:
        return options.run
    data = config.data.model_copy(update={"store": store})
    chosen = DroppingOptions(run=options.run, drop=options.drop)
    return predict(config.model_copy(update={"data": data}), chosen, reuse=True).path


Rows = tuple[RowCount, dict[str, RowCount]]


def _distributions(table: pd.DataFrame, pdfs: Path, options: NzOptions) -> tuple[RedshiftDistributions, *Rows]:
    """N(z) of the galaxies that no network was trained on, against labels or another catalogue; and the rows used."""
    keep = ~table["in_training"].to_numpy(bool) if "in_training" in table else np.ones(len(table), bool)
    if not keep.any():
        raise InputError(f"{pdfs.parent}: every galaxy was trained on; N(z) needs others, or a run with cv.folds=5.")
    magnitude = table["mag"].to_numpy(np.float64) if "mag" in table else np.full(len(table), np.nan)
    z_phot = table["z_phot"].to_numpy(np.float64)
    m_edges = _edges(options.magnitude_edges, magnitude[keep])
    z_edges = _edges(options.tomographic_edges, z_phot[keep])
    grouping = group_galaxies(magnitude[keep], z_phot[keep], m_edges, z_edges)
    rows = RowCount.of(len(table)).keeping("every network was trained on", keep)
    if options.reference:
        unlabelled = np.full(int(keep.sum()), np.nan)
        stacked = _of(keep, table, unlabelled, pdfs, grouping, options)
        reference, of_reference = _against_catalogue(stacked, options, m_edges)
        return reference, rows, {"task.reference": of_reference}
    z_label = table["z"].to_numpy(np.float64)
    distributions = _of(keep, table, z_label[keep], pdfs, grouping, options)
    rows_of = {"labels": _on_grid(z_label[keep], distributions)}
    low, high = distributions.z_edges[[0, -1]]
    known = keep & (z_label >= low) & (z_label <= high)
    if not 0 < known.sum() < keep.sum():
        return distributions, rows, rows_of
    part = group_galaxies(magnitude[known], z_phot[known], m_edges, z_edges)
    compared = _of(known, table, z_label[known], pdfs, part, options)
    return replace(distributions, compared=compared), rows, rows_of


def _on_grid(z: NDArray[np.float64], distributions: RedshiftDistributions) -> RowCount:
    """Count the redshifts of a reference that are on the grid of the PDFs."""
    low, high = distributions.z_edges[[0, -1]]
    known = np.isfinite(z)
    rows = RowCount.of(len(z)).keeping("without redshift", known)
    return rows.keeping("outside the redshift grid", (z[known] >= low) & (z[known] <= high))


def _of(
    keep: NDArray[np.bool_],
    table: pd.DataFrame,
    label: NDArray[np.float64],
    pdfs: Path,
    grouping: Grouping,
    options: NzOptions,
) -> RedshiftDistributions:
    """N(z) of some galaxies of the table, with labels (n,) of these."""
    with counted("galaxies") as progress:
        step = progress.add_task("N(z)", total=int(keep.sum()))
        return redshift_distributions(
            _kept(pdfs, keep),
            read_pdfs_hdf5(pdfs, slice(0, 1))[1],
            table["z_phot"].to_numpy(np.float64)[keep],
            label,
            grouping,
            options.bootstraps,
            options.seed,
            lambda rows: progress.advance(step, rows),
        )


def _kept(pdfs: Path, keep: NDArray[np.bool_]) -> Iterator[Block]:
    """Blocks of the PDFs of the galaxies kept, numbered among these."""
    start = 0
    for rows, block, _ in iterate_pdfs(pdfs):
        chosen = block[keep[rows]]
        yield slice(start, start + len(chosen)), chosen
        start += len(chosen)


def _against_catalogue(
    distributions: RedshiftDistributions, options: NzOptions, magnitude_edges: list[float]
) -> tuple[RedshiftDistributions, RowCount]:
    """Take the redshifts of another catalogue as reference, in the same magnitude bins if it has magnitudes."""
    catalogue = read_table(str(options.reference), None, options.reference_table, "task.reference_table")
    for key, name in (("reference_z", options.reference_z), ("reference_mag", options.reference_mag)):
        if name is not None and name not in catalogue:
            raise InputError(
                f"{options.reference} has no column '{name}' (task.{key}){missing_column(name, catalogue.columns)}"
            )
    z = map_columns(catalogue, {"z": options.reference_z})["z"].to_numpy(np.float64)
    z = blank_missing(z, options.reference_missing)
    missing, allow = options.reference_missing, options.reference_allow
    keys = RedshiftKeys("task.reference_missing", "task.reference_allow", missing, allow)
    require_no_codes(z, f"{options.reference}, column '{options.reference_z}'", keys)
    known = options.reference_mag is not None
    magnitude = np.full(len(z), np.nan)
    if options.reference_mag is not None:
        magnitude = map_columns(catalogue, {"mag_x": options.reference_mag})["mag_x"].to_numpy(np.float64)
    grouping = group_galaxies(magnitude, z, magnitude_edges if known else [], [])
    return with_reference(distributions, z, grouping, options.seed), _on_grid(z, distributions)


def _edges(given: list[float] | None, values: NDArray[np.float64]) -> list[float]:
    """The edges given, or those of four bins of equal number; none where there are no values."""
    if given is not None:
        return given
    known = values[np.isfinite(values)]
    if not len(known):
        return []
    edges = np.unique(np.quantile(known, FOUR))
    edges[-1] = np.nextafter(edges[-1], np.inf)  # the largest value belongs to the last bin
    return [float(edge) for edge in edges] if len(edges) > 1 else []


def _shown(statistics: pd.DataFrame) -> NamesTable:
    """The stacked PDFs' statistics, for the terminal."""
    table = NamesTable(title="N(z) of stacked PDFs", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    columns = [name for name in ("mean", "width", "mean_shift", "tv", "w1") if name in statistics]
    table.add_column("group", no_wrap=True)
    for name in ("n", *columns):
        table.add_column(name, justify="right", no_wrap=True)
    for _, row in statistics[statistics["estimate"] == "stacked"].iterrows():
        table.add_row(row["group"], f"{row['n']:,}", *(number(row[name], 4) for name in columns))
    return table
