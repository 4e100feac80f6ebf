"""``task=emitters run=<run>``: a run's networks on narrow-band emitters of its target field, at one redshift."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.console import Console

from photoz_lit.config import Config
from photoz_lit.console import NamesTable, shown
from photoz_lit.data.sample import Sample, load_sample
from photoz_lit.data.store import CutoutStore
from photoz_lit.errors import InputError
from photoz_lit.evaluation.comparison.emitters import REMOVED, TRUE, WITH
from photoz_lit.evaluation.metrics.pdf import quantiles
from photoz_lit.fields import conf_directory, load_field
from photoz_lit.files import require_no_links
from photoz_lit.metric import evaluate, shown_in
from photoz_lit.printed import number
from photoz_lit.rows import RowCount, lines, record
from photoz_lit.run_folder import EMITTERS, RunFolder, config_of_run
from photoz_lit.simulation.settings import EmitterSettings
from photoz_lit.simulation.simulate import cached_store
from photoz_lit.tasks.options import EmittersOptions
from photoz_lit.tasks.predict import predict_unseen

PROVENANCE = "emitters_provenance.json"
#: Why a galaxy that is drawn is not in a sample.
LEFT_OUT = {REMOVED: "removed as interlopers by their colours", TRUE: "of another line"}
COUNTED = (0.0, 3.0, 60)  # bins of the histogram of z_phot; the last one holds all beyond


def run(config: Config, options: EmittersOptions) -> None:
    """Print the metrics of the emitters and write ``emitters.json`` into the run folder."""
    folder = RunFolder(options.run)
    require_no_links(folder.path)
    trained = config_of_run(folder.path, config).model_copy(update={"trainer": config.trainer})
    store = emitter_store(config, trained, options)
    sample = _sample(trained, store)
    pdf, _ = predict_unseen(trained, folder, sample, [])
    z_phot = quantiles(pdf, sample.field.z_edges, [0.5])[:, 0]
    rows = emitter_rows(sample.catalogue, z_phot, options.redshift, sample.field.outlier_threshold)
    folder.write_json(EMITTERS, rows)
    title = f"{trained.experiment.name}: emitters of {store.header.field} at z = {options.redshift:g} (simulated)"
    table = NamesTable(title=title, title_justify="left", box=SIMPLE_HEAD)
    measures = shown_in("emitters")
    for name in ("sample", "n", *(one.label for one in measures.values())):
        table.add_column(name, justify="left" if name == "sample" else "right")
    for row in rows:
        table.add_row(row["sample"], str(row["n_test"]), *(number(row[name], 4) for name in measures))
    Console().print(table)
    rows_of = {row["sample"]: rows_of_sample(row, len(sample)) for row in rows}
    for line in lines(sample.rows, rows_of, "galaxies"):
        Console().print(line, highlight=False)
    folder.write_json(PROVENANCE, {"store": str(store.path), **record(sample.rows, rows_of)})
    Console().print(f"Results: [bold]{shown(folder.path / EMITTERS)}[/bold]")


def rows_of_sample(row: dict[str, Any], drawn: int) -> RowCount:
    """Return how many of the galaxies drawn are in a sample, and why the others are not."""
    return RowCount.of(drawn).without(LEFT_OUT.get(row["sample"], ""), drawn - row["n_test"]).checked(row["n_test"])


def emitter_store(config: Config, trained: Config, options: EmittersOptions) -> CutoutStore:
    """Emitters of the run's target field (its own field where nothing was adapted), simulated or from the cache.

    Population, magnitude limits, stamps and observing conditions are those that the run was trained with.

    Raises
    ------
    InputError : the run's target is no simulated field or there are several; or the sky is one that the run has seen.
    """
    data = trained.data
    if data.stores or data.source or data.targets or len(data.target_fields) > 1:
        raise InputError(f"task=emitters draws its galaxies, so {options.run} must have one simulated target field.")
    if options.simulation_seed in (data.simulation_seed, data.target_seed):
        raise InputError(
            f"task.simulation_seed={options.simulation_seed} is the sky that the run was trained on; take another."
        )
    field = load_field(data.target_fields[0]) if data.target_fields else trained.field
    emitters = survey_settings(options.survey)
    settings = trained.simulation.model_copy(
        update={
            "emitters": emitters,
            "n_galaxies": options.galaxies,
            "stamps": True,
            "processes": config.simulation.processes,
        }
    )
    return cached_store(field, settings, options.simulation_seed, Path(config.data.cache))


def survey_settings(name: str) -> EmitterSettings:
    """Narrow-band survey of ``conf/simulation/<name>.yaml``.

    Raises
    ------
    InputError : there is no such file or no survey in it.
    """
    file = conf_directory() / "simulation" / f"{name}.yaml"
    content = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else {}
    if not content.get("emitters"):
        raise InputError(f"task.survey={name}: {file.name} in conf/simulation has no 'emitters'; take oii_emitters.")
    return EmitterSettings.model_validate(content["emitters"])


def emitter_rows(
    catalogue: pd.DataFrame, z_phot: NDArray[np.float64], redshift: float, threshold: float
) -> list[dict[str, Any]]:
    """Metrics of the emitters without the interlopers that colours tell, with them, and of the true emitters alone.

    Parameters
    ----------
    catalogue : of the emitters, with ``interloper_removed``, ``line_true``, ``z_true``, (N rows).
    z_phot : (N,).
    redshift : of the emitters that are looked for.
    threshold : |Δz| from which a galaxy is an outlier.

    Returns
    -------
    Rows with ``sample``, ``n_test``, ``contamination`` (share of galaxies of another line), the metrics (``sigma_mad``,
    ``eta``, ``bias``) of Δz = (z_phot − redshift) / (1 + redshift), ``<metric>_true`` of Δz against ``z_true``, and
    ``z_phot_counts`` (``z_min``, ``z_max``, ``counts``).
    """
    wanted = (catalogue["line_true"] == "oii").to_numpy()
    kept = ~catalogue["interloper_removed"].to_numpy(bool)
    truth = catalogue["z_true"].to_numpy(np.float64)
    low, high, bins = COUNTED
    rows = []
    for name, rule in ((REMOVED, kept), (WITH, np.ones(len(kept), bool)), (TRUE, wanted)):
        if not rule.any():
            raise InputError(f"no emitter is left of the sample '{name}'; raise task.galaxies.")
        row: dict[str, Any] = {
            "sample": name,
            "n_test": int(rule.sum()),
            "contamination": float(np.mean(~wanted[rule])),
        }
        deltas = {"": (z_phot - redshift) / (1 + redshift), "_true": (z_phot - truth) / (1 + truth)}
        for suffix, delta in deltas.items():
            found = evaluate(shown_in("emitters").values(), {"delta": delta[rule], "threshold": threshold})
            row |= {f"{name}{suffix}": value for name, value in found.items()}
        counts = np.histogram(np.clip(z_phot[rule], low, high), bins, (low, high))[0]
        row["z_phot_counts"] = {"z_min": low, "z_max": high, "counts": counts.tolist()}
        rows.append(row)
    return rows


def _sample(trained: Config, store: CutoutStore) -> Sample:
    """Return the emitters as the run's networks see them, or through their field's filters where these are read."""
    field = load_field(store.header.field) if trained.network.reads_filters else trained.field
    bands = trained.data.bands or list(trained.field.band_names)
    return load_sample([store], field, trained.scale.stamp_size, bands)
