"""One HTML page without any other file: sections of tables, figures and galaxies, readable on a telephone."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from photoz_lit.files import whole_file

#: Kind of data -> its mark, and what the mark says.
MARKS = {
    "simulated": ("Simulated data.", "Every galaxy of this report was drawn by the survey simulation."),
    "simulated_from_catalogue": (
        "Simulated from a catalogue.",
        "Magnitudes and redshifts are real; the stamps were drawn from them by the simulation.",
    ),
    "real": ("Real data.", ""),
}
CAPTIONS = {
    "redshift": "Photometric against label redshift, coloured by density; dashed: outlier limits. Below: residuals,"
    " with running median and 16–84 % range.",
    "nz": "Redshift distribution from stacked PDFs and point estimates, and the labels with their Poisson band.",
    "pit": "PIT histogram and the 95 % band of a uniform sample of this size.",
    "residuals": "Bias, σ_MAD and outlier fraction in bins of equal number, with 1 σ errors: of a bootstrap, and"
    " Wilson's interval of the outlier fraction.",
    "training": "Training curves of every network of the run.",
    "montage": "Galaxies with their PDFs, z_phot (solid) and label (dashed); the last ones have the largest |Δz|.",
}
WIDE = {"residuals", "montage", "training"}
#: Pictures of the sky keep their colours in a dark scheme.
SKY = {"montage"}


@dataclass(frozen=True)
class Section:
    """One part of a page.

    Attributes
    ----------
    title : heading; it is in the page's list of contents too.
    text : a sentence below it.
    tables : each as ``{"header", "rows"}``; those of several rows can be sorted. ``of_keys`` breaks long keys.
    figures : each as ``{"content", "caption", "wide", "sky"}``, see :func:`images`.
    groups : of galaxies, as :func:`~photoz_lit.evaluation.report.gallery.read_gallery` returns them.
    folded : tables that a click on their first head unfolds.
    command : a command line that is shown to be copied.
    texts : long texts by name, folded.
    """

    title: str
    text: str = ""
    tables: Sequence[Mapping[str, Any]] = ()
    figures: Sequence[Mapping[str, Any]] = ()
    groups: Sequence[Mapping[str, Any]] = ()
    folded: Sequence[Mapping[str, Any]] = ()
    command: str = ""
    texts: Sequence[tuple[str, str]] = field(default=())

    @property
    def anchor(self) -> str:
        """Name of the section within links of its page."""
        return re.sub(r"\W+", "-", self.title.lower()).strip("-")


def render(
    path: Path, title: str, subtitle: str, data: str, sections: Iterable[Section], tiles: Sequence[tuple[str, str]]
) -> Path:
    """Write an HTML page of sections with the mark of its data.

    Parameters
    ----------
    path : of the file, whole or not at all.
    title, subtitle : above all.
    data : ``simulated``, ``simulated_from_catalogue`` or ``real``.
    sections : in order.
    tiles : name and number of what stands large below the title.
    """
    environment = Environment(
        loader=PackageLoader("photoz_lit.evaluation.report", "."), autoescape=True, undefined=StrictUndefined
    )
    page = environment.get_template("report.html.j2").render(
        title=title,
        subtitle=subtitle,
        mark=MARKS.get(data, (f"{data} data.", "")),
        real=data == "real",
        sections=list(sections),
        tiles=tiles,
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
            "sky": name in SKY,
        }
        for name, caption in names.items()
        if (folder / f"{name}.png").is_file()
    ]
