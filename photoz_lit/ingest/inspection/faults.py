"""Faults of a store's bands: shifted, in other units, swapped, constant; each as one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from photoz_lit.data.store import CutoutStore
from photoz_lit.ingest.inspection.measure import Measurements

BRIGHT = 10.0  # signal-to-noise from which a stamp takes part
FEWEST = 10  # galaxies from which a median is believed
SHIFT = 0.25  # pixel
UNIT_STEP = 0.7  # mag; apertures and colour terms differ by less between bands
COLOUR = 4.0  # mag; without magnitudes, a median colour between neighbours beyond this is no galaxy's
SWAP_GAIN = 0.85  # a swap must cut the scatter of both bands at least to this share


@dataclass(frozen=True)
class Fault:
    """Something wrong with a store.

    Attributes
    ----------
    kind : ``shift``, ``units``, ``swap``, ``constant``, ``missing``, ``infinite``, ``checksum``, ``repeat``,
        ``neighbour``, ``id``, ``redshift``, ``position``, ``reddening`` or ``magnitude``.
    bands : the bands concerned.
    sentence : what is wrong and what to do.
    """

    kind: str
    bands: tuple[str, ...]
    sentence: str


def named(store: CutoutStore, row: int) -> str:
    """Return how a sentence names a galaxy."""
    return f"object_id {store.catalogue['object_id'].iloc[row]} (row {row})"


def band_faults(store: CutoutStore, measurements: Measurements) -> list[Fault]:
    """Return the faults of a store's bands."""
    difference = magnitude_differences(store, measurements)
    swaps = swapped_bands(store, difference)
    swapped = {band for fault in swaps for band in fault.bands}
    return [
        *constant_stamps(store, measurements),
        *shifted_bands(store, measurements),
        *swaps,
        *[fault for fault in other_units(store, measurements, difference) if not swapped & set(fault.bands)],
    ]


def constant_stamps(store: CutoutStore, measurements: Measurements) -> list[Fault]:
    """Find stamps whose pixels are all equal, and bands that are missing where the catalogue does not say so."""
    faults = []
    for k, band in enumerate(store.header.bands):
        empty = measurements.missing[:, k] == store.header.height * store.header.width
        rows = np.flatnonzero(measurements.constant[:, k] & ~empty)
        if len(rows):
            sentence = (
                f"{len(rows)} stamps of band {band} are constant, the first is of {named(store, rows[0])}; they carry"
                " no image and should be dropped."
            )
            faults.append(Fault("constant", (band,), sentence))
    return faults


def shifted_bands(store: CutoutStore, measurements: Measurements) -> list[Fault]:
    """Find bands whose galaxies are off the place that they have in the other bands."""
    bright = measurements.signal_to_noise > BRIGHT
    x = np.where(bright, measurements.x, np.nan)
    y = np.where(bright, measurements.y, np.nan)
    faults = []
    for k, band in enumerate(store.header.bands):
        others = [j for j in range(len(store.header.bands)) if j != k]
        usable = bright[:, k] & bright[:, others].any(axis=1)
        if not others or usable.sum() < FEWEST:
            continue
        dx = float(np.median(x[usable, k] - np.nanmedian(x[usable][:, others], axis=1)))
        dy = float(np.median(y[usable, k] - np.nanmedian(y[usable][:, others], axis=1)))
        if np.hypot(dx, dy) > SHIFT:
            sentence = (
                f"band {band} is shifted by ({dx:+.2f}, {dy:+.2f}) pixels (columns, rows) against the others,"
                f" the median of {int(usable.sum())} bright galaxies; align it before training."
            )
            faults.append(Fault("shift", (band,), sentence))
    return faults


def magnitude_differences(store: CutoutStore, measurements: Measurements) -> NDArray[np.float64]:
    """Return magnitude of image band a minus catalogue magnitude of band b, (N, bands a, bands b).

    NaN where the stamp is faint, saturated or incomplete, or the catalogue has no value.
    """
    header = store.header
    zero_points = np.array([header.zero_points[b] for b in header.bands])
    usable = (measurements.signal_to_noise > BRIGHT) & (measurements.missing == 0) & ~measurements.saturated
    flux = np.where(usable & (measurements.flux > 0), measurements.flux, np.nan)
    of_image = zero_points - 2.5 * np.log10(flux)
    of_catalogue = np.stack(
        [store.catalogue.get(f"mag_{b}", np.full(len(store), np.nan)) for b in header.bands], axis=1
    ).astype(np.float64)
    return np.asarray(of_image[:, :, None] - of_catalogue[:, None, :])


def other_units(store: CutoutStore, measurements: Measurements, difference: NDArray[np.float64]) -> list[Fault]:
    """Find bands whose fluxes are off by a factor: against the catalogue, or, without one, against the neighbours."""
    bands = store.header.bands
    own = np.diagonal(difference, axis1=1, axis2=2)
    offsets = np.array([_median(own[:, k]) for k in range(len(bands))])
    known = np.isfinite(offsets)
    faults = []
    if known.sum() > 0:
        # Light outside the aperture makes all bands somewhat faint; what counts is to stand out from the others.
        common = float(np.median(offsets[known])) if known.sum() > 2 else 0.0
        for k in np.flatnonzero(known & (np.abs(offsets - common) > UNIT_STEP)):
            faults.append(_units_fault(bands[k], float(offsets[k] - common), "the catalogue's magnitudes"))
        if not faults and abs(common) > 2 * UNIT_STEP:
            sentence = f"all bands are {common:+.2f} mag off the catalogue's magnitudes; check the zero points."
            faults.append(Fault("units", bands, sentence))
    return faults or _unlikely_colours(store, measurements)


def _units_fault(band: str, offset: float, reference: str) -> Fault:
    factor = 10.0 ** (-0.4 * offset)
    return Fault(
        "units",
        (band,),
        f"band {band} is {offset:+.2f} mag off {reference}, so its fluxes are {factor:.3g} times what its zero point"
        " says; it is in other units: correct ingest.zero_points and ingest again.",
    )


def _unlikely_colours(store: CutoutStore, measurements: Measurements) -> list[Fault]:
    bands = store.header.bands
    zero_points = np.array([store.header.zero_points[b] for b in bands])
    usable = (measurements.signal_to_noise > BRIGHT) & (measurements.flux > 0)
    magnitudes = zero_points - 2.5 * np.log10(np.where(usable, measurements.flux, np.nan))
    medians = np.array([_median(magnitudes[:, k]) for k in range(len(bands))])
    steps = {(a, b) for a, b in pairwise(range(len(bands))) if abs(medians[b] - medians[a]) > COLOUR}
    faults = []
    inner_first = [*range(1, len(bands) - 1), 0, len(bands) - 1]  # an inner band off its place makes two steps
    for k in inner_first:
        touching = {pair for pair in steps if k in pair}
        if touching and len(touching) == (2 if 0 < k < len(bands) - 1 else 1):
            neighbours = [medians[j] for pair in touching for j in pair if j != k]
            faults.append(_units_fault(bands[k], float(medians[k] - np.mean(neighbours)), "its neighbours"))
            steps -= touching
    return faults


def swapped_bands(store: CutoutStore, difference: NDArray[np.float64]) -> list[Fault]:
    """Find bands that follow another band's magnitudes more closely than their own.

    The scatter of image − catalogue magnitude is smallest where both are of one band, whatever the units. The
    assignment of images to magnitudes with the least total scatter tells which are exchanged.
    """
    bands = store.header.bands
    scatter = np.array([[_scatter(difference[:, a, b]) for b in range(len(bands))] for a in range(len(bands))])
    known = np.flatnonzero(np.isfinite(np.diagonal(scatter)))
    if len(known) < 2:
        return []
    cost = np.nan_to_num(scatter[np.ix_(known, known)], nan=1e3)
    _, assigned = linear_sum_assignment(cost)
    faults = []
    moved = [k for k, a in enumerate(assigned) if a != k and cost[k, a] < SWAP_GAIN * cost[k, k]]
    done: set[int] = set()
    for k in moved:
        if k in done:
            continue
        cycle = [k]
        while assigned[cycle[-1]] != k and len(cycle) <= len(known):
            cycle.append(int(assigned[cycle[-1]]))
        done |= set(cycle)
        if not set(cycle) <= set(moved):
            continue
        names = tuple(bands[known[j]] for j in cycle)
        follows = ", ".join(f"image {bands[known[j]]} follows magnitude {bands[known[assigned[j]]]}" for j in cycle)
        faults.append(
            Fault("swap", names, f"bands {' and '.join(names)} are swapped: {follows}; correct ingest.bands.")
        )
    return faults


def _scatter(values: NDArray[np.float64]) -> float:
    finite = values[np.isfinite(values)]
    if len(finite) < FEWEST:
        return float("nan")
    return float(np.median(np.abs(finite - np.median(finite))))


def _median(values: NDArray[np.float64]) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) >= FEWEST else float("nan")
