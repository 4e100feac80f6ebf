"""``task=simulate``: simulate a field, or draw the stamps of a real catalogue, into a store."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from photoz_lit.config import Config
from photoz_lit.console import shown
from photoz_lit.evaluation.report.record import read_json
from photoz_lit.rows import RowCount
from photoz_lit.simulation.identity import data_kind
from photoz_lit.simulation.simulate import cached_store, simulate_store, write_catalogue
from photoz_lit.tasks.options import SimulateOptions


def run(config: Config, options: SimulateOptions) -> None:
    """Write ``task.output``; without it the simulation goes to the cache."""
    console = Console()
    settings, seed = config.simulation, config.data.simulation_seed
    kind = data_kind(settings)
    if not settings.stamps:
        path = options.output or Path(config.data.cache) / f"{config.field.name}-catalogue-{seed}"
        content = read_json(write_catalogue(config.field, settings, seed, path) / "catalogue.json")
        console.print(RowCount.model_validate(content["rows"]).line("galaxies"), highlight=False)
        console.print(f"[bold]{shown(path / 'catalogue.parquet')}[/bold]: {kind}, no stamps")
        return
    if options.output is None:
        store = cached_store(config.field, settings, seed, Path(config.data.cache), config.engine)
    else:
        store = simulate_store(config.field, settings, seed, options.output, config.engine)
    console.print((store.header.rows or RowCount.of(len(store))).line("galaxies"), highlight=False)
    bands = " ".join(store.header.bands)
    console.print(
        f"[bold]{shown(store.path)}[/bold]: {len(store)} galaxies, {kind}, field {shown(config.field.name)},"
        f" bands {bands}"
    )
