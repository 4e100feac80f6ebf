"""Galaxies of a run for its report: the best, the worst and some outliers, with stamps and PDFs (``gallery.json``)."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from photoz_lit.errors import InputError
from photoz_lit.evaluation.plots.montage import colour_composites
from photoz_lit.evaluation.plots.shown_pdf import shown_pdf
from photoz_lit.evaluation.report.pdf_drawing import pdf_drawing
from photoz_lit.evaluation.report.record import read_json
from photoz_lit.fields import Field
from photoz_lit.files import plain, write_json

GALLERY = "gallery.json"
EACH = 6  # galaxies of a kind
SHOWN = ("object_id", "z", "z_phot", "z_lo68", "z_hi68", "mag", "z_source", "crps")
TEXTS = {
    "best": "Smallest CRPS / (1 + z): narrow PDFs at the label.",
    "worst": "Largest CRPS / (1 + z): probability far from the label.",
    "outlying": "Drawn at random from the other outliers, |Δz| ≥ {threshold:g}: {outliers:,} of {labelled:,} galaxies.",
}


def choose_for_gallery(
    predictions: pd.DataFrame, threshold: float, each: int = EACH, seed: int = 0
) -> dict[str, NDArray[np.int64]]:
    """Return rows of the table of predictions by kind, none twice.

    Parameters
    ----------
    predictions : with ``z``, ``z_phot`` and ``crps``; galaxies without a label are not chosen.
    threshold : |Δz| from which a galaxy is an outlier.
    each : number of a kind; fewer where galaxies are few.
    seed : of the draw among the outliers.

    Returns
    -------
    ``best`` and ``worst`` by CRPS / (1 + z), the best and the worst first; ``outlying`` of the other outliers.
    """
    z, z_phot = predictions["z"].to_numpy(np.float64), predictions["z_phot"].to_numpy(np.float64)
    score = predictions["crps"].to_numpy(np.float64) / (1 + z)
    labelled = np.flatnonzero(np.isfinite(score))
    order = labelled[np.argsort(score[labelled], kind="stable")]
    number = min(each, len(order) // 2)
    best, worst = order[:number], order[::-1][:number]
    others = np.setdiff1d(labelled, np.concatenate([best, worst]))
    outliers = others[np.abs(z_phot - z)[others] >= threshold * (1 + z[others])]
    drawn = np.random.default_rng(seed).choice(outliers, min(each, len(outliers)), replace=False)
    return {"best": best, "worst": worst, "outlying": np.sort(drawn)}


def write_gallery(
    folder: Path,
    predictions: pd.DataFrame,
    pdf: NDArray[Any],
    field: Field,
    stamps: Callable[[NDArray[np.int64]], NDArray[Any]],
    bands: Sequence[str],
) -> Path | None:
    """Write ``gallery.json`` of a run; nothing where no galaxy has a label.

    Parameters
    ----------
    folder : of the run.
    predictions : the table of predictions, (N rows).
    pdf : probabilities, (N, n_bins), in the same order.
    field : redshift grid and outlier threshold.
    stamps : gives the linear flux (n, bands, H, W) of rows of the table.
    bands : names of the stamps' bands, in order.
    """
    chosen = choose_for_gallery(predictions, field.outlier_threshold)
    rows = np.concatenate(list(chosen.values()))
    if not len(rows):
        return None
    composites = colour_composites(stamps(rows), bands)
    entries = [
        _entry(predictions.iloc[row], pdf[row], field, {name: _png(images[k]) for name, images in composites.items()})
        for k, row in enumerate(rows)
    ]
    known = predictions[np.isfinite(predictions["z"])]
    delta = (known["z_phot"] - known["z"]) / (1 + known["z"])
    outliers = int((delta.abs() >= field.outlier_threshold).sum())
    numbers = {"threshold": field.outlier_threshold, "outliers": outliers, "labelled": len(known)}
    groups, first = [], 0
    for kind, of_kind in chosen.items():
        text = TEXTS[kind].format(**numbers)
        groups.append({"kind": kind, "text": text, "galaxies": entries[first : first + len(of_kind)]})
        first += len(of_kind)
    path = folder / GALLERY
    write_json(path, {"groups": groups})
    return path


def read_gallery(folder: Path) -> list[dict[str, Any]]:
    """Return the groups of a run's galaxies, each with its PDF as ``drawing``; none where it has no ``gallery.json``.

    Raises
    ------
    InputError : the file is no gallery.
    """
    path = folder / GALLERY
    if not path.is_file():
        return []
    content = read_json(path)
    try:
        groups: list[dict[str, Any]] = [one for one in content["groups"] if one["galaxies"]]
        for group in groups:
            for galaxy in group["galaxies"]:
                galaxy["drawing"] = pdf_drawing(galaxy["density"], galaxy["edges"], galaxy["z_phot"], galaxy["z"])
                galaxy["captions"] = _captions(galaxy)
    except (KeyError, TypeError, ValueError, IndexError, ZeroDivisionError) as error:
        raise InputError(f"{path} is no gallery of galaxies; remove it and write the report again.") from error
    return groups


def _captions(galaxy: dict[str, Any]) -> list[str]:
    """``z_phot 0.91 (0.85–0.97)``, below it label and magnitude."""
    label = f"{galaxy['z_source'] or 'label'} {galaxy['z']:.3f}"
    mag = "" if galaxy["mag"] is None else f", {galaxy['band']}\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{galaxy['mag']:.1f}"
    low, high = f"{galaxy['z_lo68']:.2f}", f"{galaxy['z_hi68']:.2f}"
    return [f"z_phot {galaxy['z_phot']:.3f} ({low}\N{WORD JOINER}–\N{WORD JOINER}{high})", label + mag]


def _entry(row: pd.Series[Any], pdf: NDArray[Any], field: Field, stamps: dict[str, str]) -> dict[str, Any]:
    """One galaxy: its row, its PDF as it is drawn, and its stamps as PNG in base 64."""
    density, edges = shown_pdf(pdf, field.z_edges, [row["z_phot"], row["z"]])
    values = {name: plain(row[name]) for name in SHOWN}
    return {
        **values,
        "band": field.reference_band,
        "density": [round(float(one), 4) for one in density],
        "edges": [round(float(one), 5) for one in edges],
        "stamps": stamps,
    }


def _png(image: NDArray[np.uint8]) -> str:
    """A colour image (H, W, 3) with its first row at the bottom, as PNG in base 64."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image[::-1])).save(file, format="PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")
