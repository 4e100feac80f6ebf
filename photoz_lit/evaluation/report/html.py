"""``report.html`` of one run folder, from what lies in it: images inlined, no outside resource."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from photoz_lit.evaluation.report.gallery import read_gallery
from photoz_lit.evaluation.report.label_names import counted_sources
from photoz_lit.evaluation.report.page import CAPTIONS, Section, images, render
from photoz_lit.evaluation.report.published_section import published_section
from photoz_lit.evaluation.report.record import name_of, read_fits, read_metrics, read_provenance
from photoz_lit.evaluation.report.settings_tables import settings_tables
from photoz_lit.evaluation.report.trainings_section import trainings_section
from photoz_lit.fields import field_label
from photoz_lit.metric import metric, shown_in

TILES = 5  # of the headline
#: Key of ``provenance.json`` -> its name on the page.
MADE = {
    "seed": "seed",
    "photoz_lit": "photoz_lit",
    "git_commit": "git commit",
    "data_hash": "data hash",
    "python": "Python",
    "machine": "machine",
}
GROUPS = {
    "by_source": ("By label source", "source"),
    "by_mag": ("By magnitude", "magnitude"),
    "by_z": ("By redshift", "redshift"),
}


def write_report(run: str | Path) -> Path:
    """Write ``report.html`` of a run folder from its ``metrics.json``, ``provenance.json``, ``plots/`` and the rest.

    Raises
    ------
    InputError : the folder has no ``metrics.json``, or a file of it cannot be read.
    """
    folder = Path(run)
    metrics, made = read_metrics(folder), read_provenance(folder)
    groups = read_gallery(folder)
    shown = {name: text for name, text in CAPTIONS.items() if name != "montage" or not groups}
    sections = [
        Section("Metrics", _convention(metrics), [_headline(metrics), _further(metrics)]),
        Section("Figures", "A click shows a figure large.", figures=images(folder / "plots", shown)),
        *_groups(metrics),
        Section("Galaxies", "Solid: z_phot, the median of the PDF. Dashed: the label.", groups=groups),
        *trainings_section(metrics, read_fits(folder)),
        *published_section(metrics),
        _how_it_was_made(folder, made),
    ]
    name = name_of(metrics, folder)
    tiles = [(one.label, one.text(metrics.get(name))) for name, one in [*shown_in("headline").items()][:TILES]]
    count = f"{metrics['n_test']:,}"
    there = [
        one for one in sections if one.tables or one.figures or one.groups or one.folded or one.texts or one.command
    ]
    return render(
        folder / "report.html", name, _subtitle(metrics, folder), metrics["data"], there, [("galaxies", count), *tiles]
    )


def labels() -> list[str]:
    """Heads of the headline's numbers."""
    return [one.label for one in shown_in("headline").values()]


def texts(values: Mapping[str, Any]) -> list[str]:
    """The headline's numbers as a report shows them."""
    return [one.text(values.get(name)) for name, one in shown_in("headline").items()]


def _subtitle(metrics: Mapping[str, Any], folder: Path) -> str:
    """What the run is of, in a sentence with its two main numbers."""
    kinds = counted_sources({name: part["n"] for name, part in (metrics.get("by_source") or {}).items()})
    labelled = f"{metrics['n_test']:,} test galaxies with a label" + (f" ({kinds})" if kinds else "")
    numbers = [
        f"{metric(name).label} {metric(name).text(metrics[name])}" for name in ("sigma_mad", "eta") if metrics.get(name)
    ]
    return " · ".join([field_label(metrics["field"]), labelled, *numbers, f"run {folder.name}"])


def _convention(metrics: Mapping[str, Any]) -> str:
    return (
        "Δz = (z_phot − z) / (1 + z) with z_phot the median of the PDF; σ_MAD = 1.4826 · median |Δz − median Δz|; η = "
        f"share with |Δz| ≥ {metrics['outlier_threshold']:g}; bias = mean Δz. RAIL's convention stands apart."
    )


def _headline(metrics: Mapping[str, Any]) -> dict[str, Any]:
    rows = [["label", f"{metrics['n_test']:,}", *texts(metrics)]]
    if truth := metrics.get("against_truth"):
        rows.append(["simulated truth", f"{truth['n']:,}", *texts(truth)])
    if calibration := metrics.get("calibration"):
        rows.append(["label, before the calibration", f"{metrics['n_test']:,}", *texts(calibration["before"])])
    return {"header": ["against", "N", *labels()], "rows": rows}


def _further(metrics: Mapping[str, Any]) -> dict[str, Any]:
    rows = [[one.description, one.text(metrics[name])] for name, one in shown_in("further").items() if name in metrics]
    return {"header": ["further metrics", "value"], "rows": rows}


def _groups(metrics: Mapping[str, Any]) -> list[Section]:
    sections = []
    for key, (title, first) in GROUPS.items():
        groups: Mapping[str, Any] = metrics.get(key) or {}
        rows = [[name or "(none)", f"{row['n']:,}", *texts(row)] for name, row in groups.items()]
        if rows:
            sections.append(Section(title, tables=[{"header": [first, "N", *labels()], "rows": rows}]))
    return sections


def _how_it_was_made(folder: Path, made: Mapping[str, Any]) -> Section:
    """Command, versions, settings by what they are for, and the whole record."""
    config = folder / "config.yaml"
    long = [("config", config.read_text())] if config.is_file() else []
    long += [("provenance", json.dumps({k: v for k, v in made.items() if k != "config"}, indent=1))] if made else []
    parts = [f"{name} {made[key]}" for key, name in MADE.items() if made.get(key) is not None]
    command = str(made.get("command") or "")
    if command:
        parts.append("the command below makes it again; paths in it are of the folder that it was given in")
    settings = settings_tables(made.get("config") or {})
    return Section("How it was made", " · ".join(parts), folded=settings, command=command, texts=long)
