from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from photoz_lit.fields import Field, conf_directory, load_field
from photoz_lit.simulation.galaxies import standard_galaxies
from photoz_lit.simulation.photometry import PhotometryGrid, photometry_grid
from photoz_lit.simulation.settings import CatalogueMapping, SimulationSettings


@pytest.fixture(scope="session")
def field() -> Field:
    """Three HSC bands: enough for every rule, quick to integrate."""
    hsc = load_field("hsc6b")
    bands = {name: hsc.bands[name] for name in ("g", "r", "i")}
    return hsc.model_copy(update={"bands": bands})


@pytest.fixture(scope="session")
def grid(field: Field) -> PhotometryGrid:
    return photometry_grid({name: band.filter for name, band in field.bands.items()})


def settings_of(**changes: object) -> SimulationSettings:
    content = yaml.safe_load((conf_directory() / "simulation" / "population.yaml").read_text())
    content.update(n_galaxies=40, stamp_size=32, processes=1, galaxies=standard_galaxies())
    return SimulationSettings.model_validate({**content, **changes})


def mapping_of(name: str) -> CatalogueMapping:
    content = yaml.safe_load((conf_directory() / "simulation" / f"{name}.yaml").read_text())
    return CatalogueMapping.model_validate(content["mapping"])


def shared_data(name: str) -> Path:
    """A file of ../shared/data; the test that asks for it is skipped where it is absent."""
    path = Path(__file__).parents[3] / "shared" / "data" / name
    if not path.is_file():
        pytest.skip(f"{name} is not beside the checkout (../shared/data)")
    return path
