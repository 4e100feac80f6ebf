"""Numbers that no training, field or network can use are refused by their bounds, before anything is made."""

from typing import Any

import pytest

from photoz_lit.config import validate
from photoz_lit.errors import InputError
from tests.composed import composed

ODD = {
    "trainer.devices": (0, -2, [], [-1], [0, 0.5], 2000, 1.5, None),
    "trainer.precision": ("foo", "64-true", "", None),
    "trainer.max_epochs": (0, -1, 1.5, float("inf")),
    "trainer.max_steps": (0, -2, -5, 0.5),
    "trainer.gradient_clip": (-1, float("nan"), float("inf")),
    "trainer.patience": (0, -1, 0.5),
    "trainer.threads": (0, -1, 1_000_000),
    "seed": (-1, 2**32, 0.5, float("inf")),
    "data.batch_size": (0, -1, float("inf")),
    "data.num_workers": (-1, 1_000_000),
    "data.label_weights": ({"spec": -1}, {"spec": float("nan")}, {"spec": float("inf")}),
    "ensemble.members": (0, -1, 1_000_000),
    "network.width": (0, 1e-9, 1e9, float("nan"), float("inf"), -1),
    "network.depth": (0, 1e-9, 1e9, float("inf")),
    "network.dense": (0, -1, 10**12),
    "network.pdf_head": ([-5], [0], [10**12], [0.5]),
    "network.scalar_head": ([-5], [10**12]),
    "modality.stem_filters": (0, -1, 1e12, 10**12),
    "modality.dropout": (1, -0.1, float("nan")),
    "module.learning_rate": (0, -1, float("nan"), float("inf")),
    "module.weight_decay": (-1, float("inf")),
    "module.milestones": ([-1], [float("nan")]),
    "module.label_smoothing": (-1, float("inf")),
    "scale.stamp_size": (0, 10**9, -1),
    "field.pixel_scale": (0, 1e9, 1e-9, float("inf")),
    "field.z_segments": (
        [], [[0, 1, 0]], [[0, 1, 10**12]], [[0, 1, 60_000], [1, 2, 60_000]], [[1, 0, 5]], [[0, float("nan"), 5]],
        [[-1, 1, 5]], [[0, 1e9, 5]], [[0, 1, 5], [2, 3, 5]],
    ),
    "field.outlier_threshold": (0, float("inf")),
    "simulation.n_galaxies": (0, -1),
    "simulation.z_max": (0, 8, float("nan")),
    "simulation.magnitude_faint": (float("inf"), float("nan")),
    "logger.project": ("a/b", "a#b", "", "x" * 200, "a:b", "a\\b", "a?b", "a%b"),
}  # fmt: skip
CASES = [(key, value) for key, values in ODD.items() for value in values]


@pytest.fixture(scope="module")
def content() -> dict[str, Any]:
    return composed("field=hsc6b", "network=plain").model_dump(mode="json", by_alias=True)


@pytest.mark.parametrize(("key", "value"), CASES, ids=[f"{key}={str(value)[:20]}" for key, value in CASES])
def test_an_odd_value_is_one_sentence_that_names_the_key(content: dict[str, Any], key: str, value: Any) -> None:
    section, _, name = key.rpartition(".")
    changed = {**content, section: {**content[section], name: value}} if section else {**content, name: value}
    with pytest.raises(InputError) as refused:
        validate(changed)
    assert key.split(".")[0] in str(refused.value)
    assert "\n" not in str(refused.value)


def test_infinities_of_every_window_are_refused(content: dict[str, Any]) -> None:
    windows = content["simulation"]["windows"]
    for name in ("ebv_median", "ebv_scatter", "stars", "width", "neighbour_depth", "magnitude_faint"):
        for value in (float("inf"), float("nan"), -1.0 if name != "magnitude_faint" else float("-inf")):
            changed = {**windows, "hsc6b": {**windows["hsc6b"], name: value}}
            with pytest.raises(InputError, match=name):
                validate({**content, "simulation": {**content["simulation"], "windows": changed}})


def test_values_that_mean_no_value_may_be_nan_or_infinite(content: dict[str, Any]) -> None:
    ingest = {**content["ingest"], "missing": [float("nan"), float("inf"), 9.99]}
    assert len(validate({**content, "ingest": ingest}).ingest.missing) == 3
