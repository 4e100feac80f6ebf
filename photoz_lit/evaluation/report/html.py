"""One self-contained ``report.html`` of a run folder or of several runs: images inlined, no outside resource."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from photoz_lit.errors import InputError
from photoz_lit.evaluation.report.label_names import counted_sources
from photoz_lit.evaluation.report.settings_tables import differing_settings, settings_tables
from photoz_lit.files import whole_file
from photoz_lit.metric import shown_in

BANNERS = {
    "simulated": ("Simulated data.", "Every galaxy of this report was drawn by the survey simulation."),
    "simulated_from_catalogue": (
        "Simulated from a catalogue.",
        "Magnitudes and redshifts are real; the stamps were drawn from them by the simulation.",
    ),
}
TILES = 5  # of the headline
CAPTIONS = {
    "redshift": "Photometric against label redshift, coloured by density; dashed: outlier limits. Below: residuals,"
    " with running median and 16–84 % range.",
    "nz": "Redshift distribution from stacked PDFs and point estimates, and the labels with their Poisson band.",
    "pit": "PIT histogram and the 95 % band of a uniform sample of this size.",
    "montage": "Galaxies with their PDFs, z_phot (solid) and label (dashed); the last ones have the largest |Δz|.",
    "residuals": "Bias, σ_MAD and outlier fraction in bins of equal number, with 1 σ errors: of a bootstrap, and"
    " Wilson's interval of the outlier fraction.",
    "training": "Training curves of every network of the run.",
}
WIDE = {"residuals", "montage", "training"}


@dataclass(frozen=True)
class Section:
    """One part of a report: tables as ``{"header", "rows"}``, figures as ``{"content", "caption", "wide"}``."""

    title: str
    text: str = ""
    tables: Sequence[Mapping[str, Any]] = ()
    figures: Sequence[Mapping[str, Any]] = ()
    texts: Sequence[tuple[str, str]] = field(default=())


def write_report(run: str | Path) -> Path:
    """Write ``report.html`` of a run folder from its ``metrics.json``, ``provenance.json`` and ``plots/``.

    Raises
    ------
    InputError : the folder has no ``metrics.json``.
    """
    folder = Path(run)
    metrics = read_json(folder / "metrics.json")
    for name in ("n_test", "field", "data", "outlier_threshold"):
        if name not in metrics:
            raise InputError(f"{folder / 'metrics.json'} has no '{name}'; run the evaluation again.")
    made = _provenance(folder)
    config = folder / "config.yaml"
    texts = [("config", config.read_text())] if config.is_file() else []
    texts += [("provenance", json.dumps({k: v for k, v in made.items() if k != "config"}, indent=1))] if made else []
    sections = [
        Section("Metrics", _convention(metrics), [_headline(metrics), _further(metrics)]),
        Section("Figures", figures=images(folder / "plots")),
        *_groups(metrics),
        Section("How it was made", _made_by(made), settings_tables(made.get("config") or {}), texts=texts),
    ]
    name = str(metrics.get("experiment") or folder.parent.name or folder.name)
    tiles = [(one.label, one.text(metrics.get(name))) for name, one in [*shown_in("headline").items()][:TILES]]
    count = f"{metrics['n_test']:,}"
    kinds = counted_sources({name: part["n"] for name, part in (metrics.get("by_source") or {}).items()})
    labelled = f"{count} galaxies with a label" + (f" ({kinds})" if kinds else "")
    subtitle = f"field {metrics['field']} · {labelled} · run {folder.name}"
    return render(folder / "report.html", name, subtitle, metrics["data"], sections, [("galaxies", count), *tiles])


def write_runs_report(runs: Sequence[str | Path], path: str | Path) -> Path:
    """Write one report over several run folders: their metrics side by side and each one's figures.

    Raises
    ------
    InputError : no run is given, or one has no ``metrics.json``.
    """
    if not runs:
        raise InputError("a report over several runs needs at least one; give runs=<folder or list>.")
    folders = [Path(run) for run in runs]
    metrics = [read_json(folder / "metrics.json") for folder in folders]
    names = [f"{m.get('experiment') or f.parent.name} / {f.name}" for m, f in zip(metrics, folders, strict=True)]
    rows = [
        [name, m["field"], m["data"], f"{m['n_test']:,}", *_texts(m)] for name, m in zip(names, metrics, strict=True)
    ]
    sections = [Section("Runs", tables=[{"header": ["run", "field", "data", "N", *_labels()], "rows": rows}])]
    records = [_provenance(folder).get("config") or {} for folder in folders]
    if differing := differing_settings(records):
        rows = [[setting, *texts] for setting, texts in differing]
        sections.append(Section("Settings that differ", tables=[{"header": ["setting", *names], "rows": rows}]))
    for name, folder in zip(names, folders, strict=True):
        chosen = [image for image in images(folder / "plots") if not image["wide"]]
        if chosen:
            sections.append(Section(name, figures=chosen))
    kinds = sorted({str(m["data"]) for m in metrics} - {"real"})
    return render(Path(path), "Runs side by side", f"{len(folders)} runs", kinds[0] if kinds else "real", sections, [])


def render(
    path: Path, title: str, subtitle: str, data: str, sections: Iterable[Section], tiles: Sequence[tuple[str, str]]
) -> Path:
    """Write an HTML page of sections, with a banner where ``data`` is not real."""
    environment = Environment(
        loader=PackageLoader("photoz_lit.evaluation.report", "."), autoescape=True, undefined=StrictUndefined
    )
    page = environment.get_template("report.html.j2").render(
        title=title, subtitle=subtitle, banner=BANNERS.get(data), sections=list(sections), tiles=tiles
    )
    with whole_file(path) as partial:
        partial.write_text(page, encoding="utf-8")
    return path


def images(folder: Path, names: Mapping[str, str] = CAPTIONS) -> list[dict[str, Any]]:
    """Return the PNG files of ``names`` (file stem -> caption) that a folder has, ready to be inlined."""
    return [
        {
            "content": base64.b64encode((folder / f"{name}.png").read_bytes()).decode("ascii"),
            "caption": caption,
            "wide": name in WIDE,
        }
        for name, caption in names.items()
        if (folder / f"{name}.png").is_file()
    ]


def read_json(path: Path) -> dict[str, Any]:
    """Read the record in a JSON file of a run folder.

    Raises
    ------
    InputError : it is missing or no JSON.
    """
    if not path.is_file():
        raise InputError(f"{path} is not there; give the folder of a finished run.")
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is no valid JSON ({error}); run the evaluation again.") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no record; run the evaluation again.")
    return content


def _provenance(folder: Path) -> dict[str, Any]:
    """What ``provenance.json`` says; nothing where a run has none."""
    path = folder / "provenance.json"
    return read_json(path) if path.is_file() else {}


def _convention(metrics: Mapping[str, Any]) -> str:
    return (
        "Δz = (z_phot − z) / (1 + z) with z_phot the median of the PDF; σ_MAD = 1.4826 · median |Δz − median Δz|; η = "
        f"share with |Δz| ≥ {metrics['outlier_threshold']:g}; bias = mean Δz. RAIL's convention stands apart."
    )


def _headline(metrics: Mapping[str, Any]) -> dict[str, Any]:
    rows = [["label", f"{metrics['n_test']:,}", *_texts(metrics)]]
    if truth := metrics.get("against_truth"):
        rows.append(["simulated truth", f"{truth['n']:,}", *_texts(truth)])
    if calibration := metrics.get("calibration"):
        rows.append(["label, before the calibration", f"{metrics['n_test']:,}", *_texts(calibration["before"])])
    return {"header": ["against", "N", *_labels()], "rows": rows}


def _labels() -> list[str]:
    return [one.label for one in shown_in("headline").values()]


def _texts(values: Mapping[str, Any]) -> list[str]:
    """The headline's numbers."""
    return [one.text(values.get(name)) for name, one in shown_in("headline").items()]


def _further(metrics: Mapping[str, Any]) -> dict[str, Any]:
    rows = [[one.description, one.text(metrics[name])] for name, one in shown_in("further").items() if name in metrics]
    return {"header": ["further metrics", "value"], "rows": rows}


def _groups(metrics: Mapping[str, Any]) -> list[Section]:
    sections = []
    for key, title, first in (
        ("by_source", "By label source", "source"),
        ("by_mag", "By magnitude", "magnitude"),
        ("by_z", "By redshift", "redshift"),
    ):
        groups: Mapping[str, Any] = metrics.get(key) or {}
        rows = [[name or "(none)", f"{row['n']:,}", *_texts(row)] for name, row in groups.items()]
        if rows:
            sections.append(Section(title, tables=[{"header": [first, "N", *_labels()], "rows": rows}]))
    return sections


def _made_by(made: Mapping[str, Any]) -> str:
    parts = [
        f"{key.replace('_', ' ')} {made[key]}"
        for key in ("seed", "git_commit", "data_hash")
        if made.get(key) is not None
    ]
    return " · ".join(parts)
