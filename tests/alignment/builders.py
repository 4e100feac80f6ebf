"""Parts of adaptations with the options of ``conf/adapt``."""

from __future__ import annotations

import functools
from typing import Any

from photoz_lit.alignment.adversary import Adversary
from photoz_lit.alignment.batches import Batches
from photoz_lit.alignment.build import batches_of, build_parts
from photoz_lit.alignment.calibration import Calibration
from photoz_lit.alignment.pairs import Galaxies
from photoz_lit.alignment.part import Shapes, Start
from photoz_lit.alignment.settings import AdaptSettings
from photoz_lit.config import Config
from tests.composed import composed

#: A plain training of a module, as the first networks had it.
TRAINING: dict[str, Any] = {
    "learning_rate": 1e-4, "milestones": (0.7, 0.9), "decay": 0.1, "warmup": 0.0, "weight_decay": 0.0,
    "point_loss": "mae", "point_loss_weight": 1.0, "channels_last": True,
}  # fmt: skip


@functools.cache
def config_of(*overrides: str) -> Config:
    return composed("field=hsc6b", "network=plain", *overrides)


def adapt_of(method: str, **changes: Any) -> AdaptSettings:
    """The section ``adapt`` of a method."""
    given = {"adapt": method, **{f"adapt.{key}": value for key, value in changes.items()}}
    return config_of(*(f"{key}={value}" for key, value in given.items())).adapt


def fields_of(n: int) -> tuple[str, ...]:
    return ("cosmos_ud", "xmm_ud", "xmm_d", "elais_d")[:n]


def adversary_of(method: str, values: int, n_fields: int = 2, **changes: Any) -> Adversary:
    """The discriminator of a method for feature vectors of some length."""
    adapt = adapt_of(method, **changes)
    part = build_parts(adapt, Shapes(values, fields_of(n_fields), "ugrizy"))["adversary"]
    assert isinstance(part, Adversary)
    return part


def calibration_of(n_targets: int, bands: str) -> Calibration:
    part = build_parts(adapt_of("guided"), Shapes(3, fields_of(n_targets + 1), bands))["calibration"]
    assert isinstance(part, Calibration)
    return part


def guided(tolerance: float | None) -> Batches:
    """Guided batches, or, without a tolerance, any target galaxies."""
    batches = batches_of(adapt_of("dann") if tolerance is None else adapt_of("guided", tolerance=tolerance))
    assert batches is not None
    return batches


def start_of(known: Galaxies, held: Galaxies, batches: Batches, batch_size: int = 64) -> Start:
    def no_images() -> Any:
        raise NotImplementedError

    return Start(known, held, no_images, batches, batch_size, seed=0)
