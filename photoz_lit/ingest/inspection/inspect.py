"""Inspect a store: measure, judge, draw, write the page."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.console import Console

from photoz_lit.data.store import CutoutStore
from photoz_lit.errors import InputError
from photoz_lit.ingest.inspection.bands import BandSummary, summarise_bands
from photoz_lit.ingest.inspection.catalogue_faults import catalogue_faults
from photoz_lit.ingest.inspection.faults import Fault, band_faults
from photoz_lit.ingest.inspection.figures import band_figure, magnitude_figure, montage_figure, redshift_figure
from photoz_lit.ingest.inspection.measure import measure
from photoz_lit.ingest.inspection.page import write_page
from photoz_lit.ingest.inspection.pixel_faults import checksum_faults, missing_pixels
from photoz_lit.ingest.inspection.repeats import Repeats, find_repeats, label_counts, repeat_faults
from photoz_lit.ingest.source import StampFlag


@dataclass(frozen=True)
class Inspection:
    """What an inspection found.

    Attributes
    ----------
    bands : per band.
    labels : per label source, see :func:`~photoz_lit.ingest.inspection.repeats.label_counts`.
    flags : name -> number of galaxies with that flag.
    repeats : pairs of rows that are one object.
    faults : what is wrong.
    """

    bands: list[BandSummary]
    labels: pd.DataFrame
    flags: dict[str, int]
    repeats: Repeats
    faults: list[Fault]

    @property
    def band_table(self) -> pd.DataFrame:
        """Photometry of the bands: magnitudes in AB, seeing in arcsec, sky and noise in the store's flux unit."""
        names = ["band", "zero_point", "sky", "noise", "seeing", "depth", "median_magnitude"]
        return self._per_band[names].rename(columns={"zero_point": "zero point", "median_magnitude": "magnitude"})

    @property
    def pixel_table(self) -> pd.DataFrame:
        """Counts of bad stamps and pixels per band."""
        headings = {
            "band": "band", "missing_stamps": "stamps with NaN", "missing_pixels": "NaN pixels",
            "saturated_stamps": "saturated", "constant_stamps": "constant",
        }  # fmt: skip
        return self._per_band[list(headings)].rename(columns=headings)

    @property
    def _per_band(self) -> pd.DataFrame:
        return pd.DataFrame([vars(band) for band in self.bands])

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables with their headings."""
        return {
            "Labels": self.labels,
            "Bands (sky and noise per pixel; depth: 5 sigma in 2 arcsec; seeing: compact galaxies)": self.band_table,
            "Pixels": self.pixel_table,
            "Flags and repeats": self.flag_table,
        }

    @property
    def flag_table(self) -> pd.DataFrame:
        """Counts of flags and repeats."""
        counts = {
            **self.flags,
            "pairs within 1 arcsec with one redshift": len(self.repeats.close),
            "neighbours within 1 arcsec": len(self.repeats.neighbours),
            "pairs with the same pixels": len(self.repeats.identical),
            "pairs with the same pixels and different redshifts": len(self.repeats.contradicting),
        }
        return pd.DataFrame({"what": list(counts), "n": list(counts.values())})


def inspect_store(store: CutoutStore, console: Console) -> Inspection:
    """Look at every galaxy of a store.

    Parameters
    ----------
    store : the store.
    console : where the progress is shown.
    """
    measurements = measure(store, console)
    repeats = find_repeats(store, measurements)
    flags = store.catalogue["flags"].to_numpy()
    counts = Counter({str(f.name).lower(): int(((flags & int(f)) != 0).sum()) for f in StampFlag})
    faults = [
        *checksum_faults(store, console),
        *catalogue_faults(store),
        *missing_pixels(store, measurements),
        *band_faults(store, measurements),
        *repeat_faults(store, repeats),
    ]
    return Inspection(
        summarise_bands(store, measurements), label_counts(store.catalogue), dict(counts), repeats, faults
    )


def write_inspection(store: CutoutStore, inspection: Inspection, folder: Path) -> Path:
    """Write PNG files and ``inspection.html``.

    Returns
    -------
    Path of the page.

    Raises
    ------
    InputError : the folder cannot be written.
    """
    figures = {
        "Redshifts": ("redshifts", redshift_figure(store)),
        "Magnitudes": ("magnitudes", magnitude_figure(store, inspection.bands)),
        "Depth and seeing": ("bands", band_figure(store, inspection.bands)),
        "Montage": ("montage", montage_figure(store, inspection.bands)),
    }
    header = store.header
    try:
        folder.mkdir(parents=True, exist_ok=True)
        images = {}
        for heading, (name, figure) in figures.items():
            images[heading] = folder / f"{name}.png"
            figure.savefig(images[heading], dpi=130)
        page = folder / "inspection.html"
        write_page(
            page,
            f"{store.path.name}: {len(store):,} galaxies",
            f"Data: {header.data}. Field {header.field}, bands {' '.join(header.bands)}, {header.height}×{header.width}"
            f" pixels of {header.pixel_scale:g}″, {header.dtype}, flux unit {header.flux_unit}. Data hash"
            f" {store.data_hash}.",
            inspection.faults,
            inspection.tables,
            images,
        )
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written ({error.strerror or error}); choose another paths.runs."
        ) from error
    return page
