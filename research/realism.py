"""``task=realism``: are simulated galaxies like real ones? A forest trained on them estimates real redshifts."""

from __future__ import annotations

import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.ensemble import RandomForestRegressor

from photoz_lit.config import Config
from photoz_lit.console import shown
from photoz_lit.errors import InputError
from photoz_lit.evaluation.metrics.point import bias, delta_z, outlier_fraction, sigma_mad
from photoz_lit.fields import Field, load_field
from photoz_lit.files import write_json
from photoz_lit.provenance import git_commit
from photoz_lit.simulation.catalogue import read_catalogue
from photoz_lit.simulation.photometry import photometry_grid
from photoz_lit.simulation.settings import SimulationSettings
from photoz_lit.simulation.simulate import simulate_catalogue
from photoz_lit.tasks.options import RealismOptions
from research.realism_counts import counts_beside_published
from research.realism_figure import write_figure
from research.realism_sdss import (
    forest_rows,
    real_galaxies,
    scatter_at_fixed_colour,
    simulated_galaxies,
)
from research.sed_fit import fit_spectra, fit_zero_points, track_of

FloatArray = NDArray[np.float64]

BANDS = ("u", "g", "r", "i", "z", "j", "k")
FIELDS = ("hsc9b", "zcosmos")
FAINT = 23.0
TRAINED_ON = 20_000
TRIALS_FOR_ZERO_POINTS = 700


def run(config: Config, options: RealismOptions) -> None:
    """Write ``experiments/realism/results.json`` and the figure; ``task.tune=true`` prints the tuned numbers instead.

    Raises
    ------
    InputError : no catalogue is given.
    """
    console = Console()
    settings = config.simulation
    if settings.catalogue is None or settings.mapping is None:
        raise InputError("task=realism needs simulation=zcosmos and simulation.catalogue=<zCOSMOS table>.")
    real, _ = read_catalogue(settings.catalogue, settings.mapping, load_field("zcosmos"), settings.table)
    tuning = np.array([zlib.crc32(str(name).encode()) % 2 == 0 for name in real["object_id"]])
    if options.tune:
        _tune(real[tuning], config.field, console)
        return
    folder = Path(config.paths.experiments) / "realism"
    folder.mkdir(parents=True, exist_ok=True)
    samples: dict[str, pd.DataFrame] = {}
    rows: list[dict[str, Any]] = []
    predictions: dict[str, FloatArray] = {}
    offsets = options.zero_points
    for name in FIELDS:
        samples[name] = simulated_sample(load_field(name), settings, config.data.simulation_seed)
        forest = trained_forest(samples[name], samples[name]["z_true"].to_numpy(), config.seed)
        predictions[name] = forest.predict(features(calibrated(real, offsets[name])))
        for half, chosen in (("report", ~tuning), ("tuning", tuning)):
            rows.append(_row(name, half, real[chosen], predictions[name][chosen], config.seed))
        z_phot = forest.predict(features(real[~tuning]))
        rows.append({**_row(name, "report", real[~tuning], z_phot, config.seed), "zero_points": "as published"})
    ceiling = trained_forest(real[tuning], real["z"].to_numpy()[tuning], config.seed).predict(features(real[~tuning]))
    rows.append(
        {
            **_row("zcosmos", "report", real[~tuning], ceiling, config.seed),
            "trained_on": "real",
            "zero_points": "as published",
        }
    )
    counts = counts_beside_published(load_field("hsc9b"), settings.galaxies)
    sdss = _sdss(options.sdss, config) if options.sdss else {}
    write_json(
        folder / "results.json",
        {
            "command": " ".join(["python -m photoz_lit", *sys.argv[1:]]),
            "git_commit": git_commit(),
            "scale": config.scale.name,
            "simulation_version": settings.galaxies.version,
            "rows": rows + sdss.pop("rows", []),
            "i_band_counts": counts,
            **({"sdss_scatter": sdss} if sdss else {}),
        },
    )
    write_figure(
        folder / "realism.png",
        calibrated(real[~tuning], offsets["zcosmos"]),
        samples["zcosmos"],
        {k: v[~tuning] for k, v in predictions.items()},
    )
    _show(console, rows)
    largest = max(counts, key=lambda row: abs(row["difference"]))
    console.print(f"i-band counts: {largest['difference']:+.3f} dex at most, at i = {largest['magnitude']:g}.")
    for colour in sdss.get("simulated", {}):
        console.print(
            f"SDSS {colour} at fixed g-r scatters by", ", ".join(f"{k} {v[colour]:.4f}" for k, v in sdss.items())
        )
    console.print(f"Results: [bold]{shown(folder / 'results.json')}[/bold], figure realism.png")


def _sdss(path: Path, config: Config) -> dict[str, Any]:
    """Rows of the forests, and the scatter of colours of ``real_tuning``, ``real_report`` and ``simulated``."""
    field = load_field("sdss")
    real, tuning = real_galaxies(path, field)
    simulated = simulated_galaxies(field, config.simulation, config.data.simulation_seed)
    return {
        "rows": forest_rows(real, tuning, simulated, config.seed),
        "real_tuning": scatter_at_fixed_colour(real[tuning]),
        "real_report": scatter_at_fixed_colour(real[~tuning]),
        "simulated": scatter_at_fixed_colour(simulated),
    }


def simulated_sample(field: Field, settings: SimulationSettings, seed: int) -> pd.DataFrame:
    """Simulated galaxies with measured i <= 23 and all seven magnitudes, :data:`TRAINED_ON` of them."""
    plan = settings.model_copy(
        update={
            "catalogue": None,
            "mapping": None,
            "stamps": False,
            "representative": True,
            "n_galaxies": int(1.1 * TRAINED_ON),
            "magnitude_faint": FAINT + 0.05,
        }
    )
    sample = simulate_catalogue(field, plan, seed)
    good = np.isfinite(features(sample)).all(axis=1) & (sample["mag_i"].to_numpy() <= FAINT)
    return sample[good].iloc[:TRAINED_ON].reset_index(drop=True)


def features(catalogue: pd.DataFrame) -> FloatArray:
    """Six adjacent colours and i, (n, 7) [mag]."""
    magnitude = catalogue[[f"mag_{band}" for band in BANDS]].to_numpy(np.float64)
    return np.column_stack([-np.diff(magnitude, axis=1), magnitude[:, BANDS.index("i")]])


def trained_forest(catalogue: pd.DataFrame, z: FloatArray, seed: int) -> RandomForestRegressor:
    """A forest of 200 trees with at least 3 galaxies per leaf."""
    forest = RandomForestRegressor(200, min_samples_leaf=3, n_jobs=-1, random_state=seed)
    return forest.fit(features(catalogue), z).set_params(n_jobs=1)


def calibrated(catalogue: pd.DataFrame, offsets: dict[str, float]) -> pd.DataFrame:
    """The catalogue with ``offsets`` (band -> mag by which it is too faint) taken off its magnitudes."""
    return catalogue.assign(**{f"mag_{band}": catalogue[f"mag_{band}"] - offset for band, offset in offsets.items()})


def _row(field: str, half: str, real: pd.DataFrame, z_phot: FloatArray, seed: int) -> dict[str, Any]:
    delta = delta_z(z_phot, real["z"].to_numpy())
    return {
        "method": "catalogue_forest",
        "field": field,
        "trained_on": "simulated",
        "zero_points": "calibrated",
        "half": half,
        "seed": seed,
        "n_test": len(real),
        "sigma_mad": sigma_mad(delta),
        "eta": outlier_fraction(delta, 0.15),
        "bias": bias(delta),
    }


def _tune(real: pd.DataFrame, field: Field, console: Console) -> None:
    """Print the zero points of a field and the track of spectra, from the tuning half alone."""
    grid = photometry_grid({band: field.bands[band].filter for band in BANDS}, z_max=3.0)
    magnitude = real[[f"mag_{band}" for band in BANDS]].to_numpy(np.float64)
    z = real["z"].to_numpy(np.float64)
    good = z < 2.5
    magnitude, z = magnitude[good], z[good]
    some = np.random.default_rng(1).permutation(len(z))[:TRIALS_FOR_ZERO_POINTS]
    offset = fit_zero_points(magnitude[some], z[some], 0.018, grid)
    console.print("zero_points:", {band: round(float(o), 3) for band, o in zip(BANDS, offset, strict=True)})
    for node in track_of(fit_spectra(magnitude - offset, z, 0.018, grid), grid.uv):
        console.print(f"    {node},")


def _show(console: Console, rows: list[dict[str, Any]]) -> None:
    table = Table("field", "trained on", "zero points", "half", "n", "σ_MAD", "η", "bias")
    for row in rows:
        numbers = (f"{row['sigma_mad']:.4f}", f"{row['eta']:.2%}", f"{row['bias']:+.4f}")
        table.add_row(row["field"], row["trained_on"], row["zero_points"], row["half"], str(row["n_test"]), *numbers)
    console.print(table)
