"""What makes a simulation the one that it is: its identity, its hash, and the header of its store."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from typing import Any

from photoz_lit.data.store import DataKind, StoreHeader
from photoz_lit.fields import Field
from photoz_lit.rows import RowCount
from photoz_lit.settings import Settings
from photoz_lit.simulation.catalogue import file_hash
from photoz_lit.simulation.settings import SimulationSettings
from photoz_lit.simulation.survey_window import disturbances_of, observed_as, origin_of, survey_window
from photoz_lit.simulation.version import SIMULATION_VERSION

#: Settings that shape a byte only where they are on; off, they stay out of the hash.
SWITCHES = ("conditions", "emitters", "structure", "own_streams", "table", "allow")


def simulation_hash(field: Field, settings: SimulationSettings, seed: int) -> str:
    """Hash, 16 hex digits, of everything that shapes the pixels of a simulation."""
    text = json.dumps(identity(field, settings, seed), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def data_kind(settings: SimulationSettings) -> DataKind:
    """How results must mark this data."""
    return "simulated" if settings.catalogue is None else "simulated_from_catalogue"


def identity(field: Field, settings: SimulationSettings, seed: int) -> dict[str, Any]:
    """Return everything that shapes a byte of a simulation, as the provenance of its store keeps it."""
    shaping = dumped(settings, {"processes", "catalogue", "windows", "galaxies_of", "disturbances"})
    origin = origin_of(field, settings)
    disturbances = disturbances_of(field, settings)
    return {
        "code_version": SIMULATION_VERSION,
        "simulation_version": settings.galaxies.version,
        "versions": {name: version(name) for name in ("galsim", "numpy", "scipy", "speclite", "astro-sedpy", "skypy")},
        "field": _shaping(observed_as(field, settings)),
        "window": dumped(survey_window(field, settings), set()),
        "settings": shaping,
        "seed": seed,
        "catalogue": file_hash(settings.catalogue) if settings.catalogue else None,
        **({} if origin is field else {"origin": _shaping(origin)}),
        **({} if disturbances is None else {"disturbances": disturbances.model_dump(mode="json")}),
    }


def _shaping(field: Field) -> dict[str, Any]:
    """Content of a field, less its name for pages, which is younger than kept simulations."""
    return field.model_dump(mode="json", exclude={"label"})


def dumped(section: Settings, without: set[str]) -> dict[str, Any]:
    """Content of a section of the settings, less what cannot change a byte: switches that are off."""
    return _without_idle(section.model_dump(mode="json", exclude=without))


def _without_idle(content: dict[str, Any]) -> dict[str, Any]:
    on = {name: value for name, value in content.items() if value or name not in SWITCHES}
    return {name: _without_idle(value) if isinstance(value, dict) else value for name, value in on.items()}


def header_of(field: Field, settings: SimulationSettings, seed: int, rows: RowCount) -> StoreHeader:
    """Return the header of a simulated store; ``rows`` are those of the catalogue that are drawn."""
    return StoreHeader(
        data=data_kind(settings),
        field=field.name,
        bands=field.band_names,
        pixel_scale=field.pixel_scale,
        flux_unit="flux of one zero point",
        zero_points={name: band.zero_point for name, band in field.bands.items()},
        n_galaxies=rows.used,
        height=settings.stamp_size,
        width=settings.stamp_size,
        rows=rows,
        provenance={"simulation": identity(field, settings, seed)},
    )
