"""Simulated HSC fields whose observing conditions differ by known amounts."""

from __future__ import annotations

from pathlib import Path

from photoz_lit.data.sample import Sample, load_sample
from photoz_lit.data.store import CutoutStore
from photoz_lit.fields import Field, load_field
from photoz_lit.simulation.simulate import simulate_store
from tests.composed import composed


def changed_field(
    seeing: float = 0.0,
    depth: float = 0.0,
    background: float = 0.0,
    noise_correlation: float | None = None,
) -> Field:
    """The six-band HSC field with seeing, depth and background shifted and another noise correlation in every band."""
    field = load_field("hsc6b")
    bands = {
        name: band.model_copy(
            update={
                "seeing": band.seeing + seeing,
                "depth": band.depth + depth,
                "background": band.background + background,
                "noise_correlation": band.noise_correlation if noise_correlation is None else noise_correlation,
            }
        )
        for name, band in field.bands.items()
    }
    return field.model_copy(update={"bands": bands})


def observed(field: Field, path: Path, n: int, seed: int, galaxies: str = "standard") -> CutoutStore:
    """Simulate n galaxies with 32 pixel stamps."""
    size = (f"simulation.n_galaxies={n}", "simulation.stamp_size=32", "simulation.processes=1")
    return simulate_store(
        field, composed("field=hsc6b", f"simulation/galaxies={galaxies}", *size).simulation, seed, path
    )


def sample_of_store(store: CutoutStore) -> Sample:
    """All its galaxies and bands, at the field's zero points."""
    return load_sample([store], load_field("hsc6b"), 32)
