"""How the images of target fields differ from those of a source field: conditions, colours, and what a probe sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from photoz_lit.data.sample import Sample
from photoz_lit.evaluation.mismatch.colours import colour_shift
from photoz_lit.evaluation.mismatch.domain_probe import FEWEST, domain_probe
from photoz_lit.evaluation.mismatch.field_pixels import FieldPixels
from photoz_lit.evaluation.mismatch.magnitude_match import matched_rows
from photoz_lit.imaging.conditions import NoisePower
from photoz_lit.imaging.pixel_summaries import PixelSummaries

Floats = NDArray[np.float64]

COMPARED = ("seeing", "depth", "noise_correlation", "background_sigma")
CONTROL = "control"


@dataclass(frozen=True)
class FieldImages:
    """What was measured of one field's images.

    Attributes
    ----------
    name : of the field, as in tables and figures.
    sample : its galaxies.
    rows : those that the probe and the colours are about.
    conditions : see :func:`photoz_lit.imaging.conditions.measured_conditions`.
    power : noise power spectra.
    summaries : of ``rows``.
    magnitude : of ``rows`` in the reference band [AB], (n,).
    """

    name: str
    sample: Sample
    rows: NDArray[np.int64]
    conditions: pd.DataFrame
    power: NoisePower
    summaries: PixelSummaries
    magnitude: Floats


def compared_images(samples: Mapping[str, Sample], measured: Sequence[FieldPixels]) -> list[FieldImages]:
    """Return fields with the same bands as they are compared, the source first.

    Parameters
    ----------
    samples : name -> galaxies of a field.
    measured : of each field, see :func:`~photoz_lit.evaluation.mismatch.field_pixels.field_pixels`.
    """
    compared: list[FieldImages] = []
    unit: Floats | None = None
    for (name, sample), pixels in zip(samples.items(), measured, strict=True):
        if unit is None:  # of the source, so that all fields are bent alike
            noise = pixels.conditions["sky_noise"].to_numpy(float)
            unit = np.nan_to_num(noise * np.sqrt(np.pi) * 1.5 / sample.field.pixel_scale, nan=1.0)
        summaries = pixels.sums.summaries(sample.zero_points, unit)
        magnitude = reference_magnitude(sample, pixels.rows, summaries)
        compared.append(FieldImages(name, sample, pixels.rows, pixels.conditions, pixels.power, summaries, magnitude))
    return compared


def reference_magnitude(sample: Sample, rows: NDArray[np.int64], summaries: PixelSummaries | None = None) -> Floats:
    """The catalogue's magnitude in the field's reference band, or, without one, that of the pixels [AB]."""
    column = f"mag_{sample.field.reference_band}"
    if column in sample.catalogue and np.isfinite(sample.catalogue[column].to_numpy(float)[rows]).any():
        return np.asarray(sample.catalogue[column].to_numpy(float)[rows])
    if summaries is None:
        return np.full(len(rows), np.nan)
    return summaries.magnitude[:, reference_axis(sample)]


def reference_axis(sample: Sample) -> int:
    """Place of the reference band among the sample's bands; the first one's if it is not there."""
    band = sample.field.reference_band
    return sample.bands.index(band) if band in sample.bands else 0


def conditions_table(fields: Sequence[FieldImages], seed: int = 0) -> pd.DataFrame:
    """Return the conditions of every field and band, and their differences to the source (the first field).

    Returns
    -------
    One row per field and band: ``field``, ``role``, ``band``, ``data``, the columns of the conditions; ``d_seeing``
    [arcsec], ``blur`` (FWHM of the kernel that takes the source to this seeing, negative where the target is sharper;
    below 0.2 it is no more than the seeing's error) [arcsec], ``d_depth`` [mag], ``d_noise_correlation`` [pixel],
    ``d_background_sigma`` [sky sigma], ``noise_ratio``; ``colour_offset`` with ``colour_offset_err``, median colour
    (band − reference band) of magnitude-matched galaxies less the source's [mag]: zero points, and what is left of
    different populations.
    """
    source = fields[0]
    parts = []
    for field in fields:
        table = field.conditions.reset_index()
        table.insert(0, "field", field.name)
        table.insert(1, "role", "source" if field is source else "target")
        table.insert(3, "data", field.sample.data)
        theirs, own = source.conditions.reset_index(), field.conditions.reset_index()
        for name in COMPARED:
            table[f"d_{name}"] = own[name] - theirs[name]
        square = own["seeing"] ** 2 - theirs["seeing"] ** 2
        table["blur"] = np.sign(square) * np.sqrt(np.abs(square))
        table["noise_ratio"] = own["sky_noise"] / theirs["sky_noise"]
        table["colour_offset"], table["colour_offset_err"] = colour_offsets(source, field, seed)
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def colour_offsets(source: FieldImages, target: FieldImages, seed: int) -> tuple[Floats, Floats]:
    """Median colour of the target less the source's at the same magnitude, and its error [mag], (bands,) each."""
    if target is source:
        return np.zeros(len(source.sample.bands)), np.zeros(len(source.sample.bands))
    return colour_shift(
        source.summaries.magnitude,
        target.summaries.magnitude,
        reference_axis(source.sample),
        (source.magnitude, target.magnitude),
        seed,
        (source.name, target.name),
    )


def probe_table(
    fields: Sequence[FieldImages], network: Mapping[str, tuple[Floats, Floats]] | None = None, seed: int = 0
) -> pd.DataFrame:
    """Probe every target against the source, and the source against itself (two random halves), as a control.

    Parameters
    ----------
    fields : the source first.
    network : field -> features (n, F) and magnitudes (n,) of a network, if there is one.
    seed : of matching, halves and folds.

    Returns
    -------
    One row per field, ``features`` (``photometry``, ``shape``, ``sky``, ``pixels``, ``network``) and ``matched``
    (whether both fields have the same distribution of magnitude): ``n_source``, ``n_target``, ``auc``, ``accuracy``,
    ``a_distance``, ``auc_noise`` (standard deviation of an AUC of so many galaxies by chance, that of a rank sum; with
    hundreds of features of as few galaxies AUCs by chance also come out a little below 0.5). The control's ``field``
    is ``control``. Too few galaxies give NaN.
    """
    source = fields[0]
    rows: list[dict[str, Any]] = []
    for name in [*(f.name for f in fields[1:]), CONTROL]:
        field = next((f for f in fields if f.name == name), source)
        kinds = {k: (v, source.magnitude) for k, v in source.summaries.families.items()}
        theirs = {k: (v, field.magnitude) for k, v in field.summaries.families.items()}
        if network:
            kinds["network"], theirs["network"] = network[source.name], network[field.name]
        # The same galaxies in both fields would be in the fit and in the test at once.
        halves = field.sample.data_hash == source.sample.data_hash
        for kind, (values, magnitude) in kinds.items():
            other, other_magnitude = theirs[kind]
            first, second = np.arange(len(values)), np.arange(len(other))
            if halves:
                order = np.random.default_rng(seed + 1).permutation(len(values))
                first, second = order[::2], order[1::2]
            for matched in (False, True):
                a, b = first, second
                if matched:
                    pair = matched_rows(magnitude[first], other_magnitude[second], seed, (source.name, field.name))
                    a, b = first[pair[0]], second[pair[1]]
                row: dict[str, Any] = {
                    "field": name,
                    "features": kind,
                    "matched": matched,
                    "n_source": len(a),
                    "n_target": len(b),
                }
                if min(len(a), len(b)) >= FEWEST:
                    row |= vars(domain_probe(values[a], other[b], seed))
                    row["auc_noise"] = float(np.sqrt((len(a) + len(b) + 1) / (12 * len(a) * len(b))))
                else:
                    row |= dict.fromkeys(("auc", "accuracy", "a_distance", "auc_noise"), np.nan)
                rows.append(row)
    return pd.DataFrame(rows)
