"""The results of ``task=mismatch`` on disk: a table, the same for machines, a page to read, and the figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.evaluation.mismatch.images import FieldImages, reference_axis
from photoz_lit.evaluation.mismatch.redshifts import FieldPredictions
from photoz_lit.evaluation.mismatch.verdict import Verdict
from photoz_lit.evaluation.plots.mismatch import conditions_figure, noise_figure, probe_figure, redshift_figure
from photoz_lit.evaluation.plots.style import save
from photoz_lit.files import whole_file
from photoz_lit.printed import cell, grid

CONDITION_COLUMNS = (
    "field", "band", "seeing", "d_seeing", "blur", "depth", "d_depth", "noise_ratio", "noise_correlation",
    "d_noise_correlation", "background_sigma", "d_background_sigma", "colour_offset", "colour_offset_err",
)  # fmt: skip
NOTES = """Differences (`d_…`) are target − source. Seeing is the FWHM of the most compact galaxies, about 0.1″ above
that of a star in deep fields; `blur` is the FWHM of the kernel that takes the source to the target's seeing (negative:
the target is sharper; below 0.2″ it is no more than the seeing's error), free of the galaxies' own size. Depth is 5σ
in a 2″ aperture, from noise and its correlation. Background is in units of the sky noise. Colour offsets are medians
of band − reference band at the same magnitude: zero points, and what is left of different populations.
"""
PROBE_NOTES = """AUC of a cross-fitted linear probe that tells the fields apart: 0.5 where alike, 1 where always;
`auc_noise` is its scatter by chance. Matched: both fields have the same distribution of magnitude, so what is left is
not their depth of selection. The control is the source against itself. `photometry`: fluxes and colours; `shape`:
concentration (seeing); `sky`: level, scatter and correlation of the corners; `pixels`: the three together; `network`:
features of the run's first network.
"""
Z_NOTES = """Stacked PDFs of galaxies that no network was trained on, against the source's same group; `nz_tv_noise` is
what two random samples of the source differ by. Metrics against the simulation's truth where it is known, else labels.
"""


@dataclass(frozen=True)
class Mismatch:
    """All results.

    Attributes
    ----------
    fields : images, the source first.
    conditions, probes : of :mod:`photoz_lit.evaluation.mismatch.images`.
    predictions, redshifts, z_edges : of the run, or empty, None and None without one.
    provenance : what made the results.
    warnings : sentences for the reader.
    verdicts : by target, whether to adapt.
    """

    fields: Sequence[FieldImages]
    conditions: pd.DataFrame
    probes: pd.DataFrame
    predictions: Sequence[FieldPredictions]
    redshifts: pd.DataFrame | None
    z_edges: NDArray[np.float64] | None
    provenance: dict[str, Any]
    warnings: Sequence[str]
    verdicts: Mapping[str, Verdict]

    @property
    def data(self) -> str:
        """``simulated``, ``simulated_from_catalogue`` or ``real``; several are joined by "and"."""
        return " and ".join(sorted({f.sample.data for f in self.fields}))


def write_mismatch(result: Mismatch, folder: Path) -> list[Path]:
    """Write ``mismatch.csv``, ``.json``, ``.md`` and the figures ``conditions.png``, ``noise_power.png``,
    ``probe.png`` and, with a run, ``redshifts.png``.

    Raises
    ------
    InputError : the files cannot be written.
    """
    first = result.fields[0]
    band = first.sample.bands[reference_axis(first.sample)]
    powers = {f.name: f.power for f in result.fields}
    noise = {f.name: f.conditions["sky_noise"].to_numpy(float) for f in result.fields}
    figures = {
        "conditions.png": conditions_figure(result.conditions, band, result.data),
        "noise_power.png": noise_figure(powers, noise, result.data),
        "probe.png": probe_figure(result.probes, result.data),
    }
    if result.redshifts is not None and result.z_edges is not None:
        figures["redshifts.png"] = redshift_figure(result.predictions, result.redshifts, result.z_edges, result.data)
    with whole_file(folder / "mismatch.csv") as partial:
        result.conditions.to_csv(partial, index=False)
    written = [folder / "mismatch.csv"]
    texts = {
        "mismatch.json": json.dumps(content(result), indent=1, ensure_ascii=False) + "\n",
        "mismatch.md": page(result, list(figures)),
    }
    for name, text in texts.items():
        with whole_file(folder / name) as partial:
            partial.write_text(text, encoding="utf-8")
        written.append(folder / name)
    return [*written, *(save(figure, folder / name) for name, figure in figures.items())]


def content(result: Mismatch) -> dict[str, Any]:
    """What ``mismatch.json`` holds."""
    source = result.fields[0]
    out: dict[str, Any] = {
        "data": result.data,
        "source": source.name,
        "targets": [f.name for f in result.fields[1:]],
        "bands": list(source.sample.bands),
        "n": {f.name: len(f.sample) for f in result.fields},
        "warnings": list(result.warnings),
        "verdicts": {name: one.record() for name, one in result.verdicts.items()},
        "conditions": _records(result.conditions),
        "noise_power": {
            f.name: {
                "frequency": f.power.frequency.tolist(),
                **{band: _nulls(f.power.power[k]) for k, band in enumerate(f.power.bands)},
            }
            for f in result.fields
        },
        "probes": _records(result.probes),
        "redshifts": [] if result.redshifts is None else _records(result.redshifts),
    }
    return {**out, "provenance": result.provenance}


def page(result: Mismatch, figures: Sequence[str]) -> str:
    """What ``mismatch.md`` says."""
    source, *targets = (f.name for f in result.fields)
    kind = result.data.replace("_", " ")
    parts = [f"# {', '.join(targets)} against {source}\n", f"Data: **{kind}**. Source: `{source}`.\n"]
    parts += [f"> {sentence}\n" for sentence in result.warnings]
    parts += ["## Should one adapt?\n", *(f"- {name}: {one.sentence}" for name, one in result.verdicts.items()), ""]
    parts += ["## Images\n", _grid(result.conditions[list(CONDITION_COLUMNS)], 2), "", NOTES]
    parts += ["## Probes\n", _grid(result.probes, 2), "", PROBE_NOTES]
    if result.redshifts is not None:
        parts += ["## Redshifts\n", _grid(result.redshifts, 2), "", Z_NOTES]
    return "\n".join([*parts, *(f"![{name.removesuffix('.png').replace('_', ' ')}]({name})" for name in figures), ""])


def _grid(table: pd.DataFrame, left: int) -> str:
    return grid(list(table.columns), [[cell(value) for value in row] for row in table.itertuples(index=False)], left)


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON knows them; NaN becomes null."""
    records: list[dict[str, Any]] = json.loads(table.to_json(orient="records", double_precision=10))
    return records


def _nulls(values: NDArray[np.float64]) -> list[float | None]:
    return [float(v) if np.isfinite(v) else None for v in values]
