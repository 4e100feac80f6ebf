"""The section ``adapt``: parts, flags, options, and records of runs made before there were parts."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from photoz_lit.alignment.adversary import PairedDiscriminator, SingleDiscriminator
from photoz_lit.alignment.build import batches_of, build_parts, classes_of, labels_of, needs_network
from photoz_lit.alignment.part import Alignment, Shapes
from photoz_lit.alignment.settings import AdaptSettings
from photoz_lit.config import validate
from photoz_lit.errors import InputError
from photoz_lit.modules.aligned import AlignedModule
from photoz_lit.setting_roles import what_shapes
from tests.alignment.builders import TRAINING, adapt_of, config_of, fields_of

#: As provenance.json had it before there were parts.
RECORD: dict[str, Any] = {
    "name": "guided_paired", "labels": "source", "degrade": False, "guided": True, "discriminator": "paired",
    "coral": 0.0, "calibrate": True, "strength": 10.0, "steepness": 10.0, "layer": "features", "tolerance": 0.2,
    "match_bands": ["g"], "partners": 4, "memory": 16, "hidden": 16, "epochs": 1, "batch_size": 128,
    "learning_rate": 0.001, "discriminator_learning_rate": 0.001, "calibration_learning_rate": 0.0005,
    "discriminator_updates": 10, "discriminator_steps": 20, "discriminator_tries": 3, "least_accuracy": 0.0,
    "without_win": "stop", "probe_weight": 0.5,
}  # fmt: skip
MINE = f"{__name__}.Mine"
SHAPES = Shapes(5, fields_of(2), "ugr")


class Mine(Alignment):
    """A part of a user's own."""

    needs_targets = True


def test_a_record_of_flags_is_read_as_its_parts() -> None:
    adapt = AdaptSettings.model_validate(RECORD)
    assert list(classes_of(adapt)) == ["adversary", "calibration"]
    part = build_parts(adapt, SHAPES)["adversary"]
    assert isinstance(part, PairedDiscriminator)
    assert (part.options.hidden, part.options.partners, part.options.tolerance) == (16, 4, 0.2)
    batches = batches_of(adapt)
    assert batches is not None
    assert batches.options.model_dump() == {"match_bands": ["g"], "tolerance": 0.2}
    again = adapt_of("guided_paired", tolerance=0.2, match_bands="[g]", partners=4, hidden=16, epochs=1,
                     discriminator_steps=20, least_accuracy=0)  # fmt: skip
    assert again == adapt


def test_records_read_as_before_there_were_parts() -> None:
    config = config_of("adapt=guided_paired", "data.target=t")
    written = config.model_dump(mode="json", by_alias=True)["adapt"]
    assert written.keys() == RECORD.keys()
    shaping = {key.name for key in what_shapes(config) if key.name.startswith("adapt.")}
    assert shaping == {f"adapt.{name}" for name in RECORD.keys() - {"without_win"}}
    whole = {**config.model_dump(mode="json", by_alias=True), "adapt": RECORD}
    assert validate(whole).adapt == AdaptSettings.model_validate(RECORD)


@pytest.mark.parametrize(
    ("method", "flags", "parts", "batches"),
    [
        ("guided_paired", {"calibrate": False}, ["adversary"], "Guided"),
        ("dann", {"calibrate": True}, ["adversary", "calibration"], "AnyTargets"),
        ("dann", {"coral": 2}, ["adversary", "coral"], "AnyTargets"),
        ("none", {"coral": 0.3}, ["coral"], "AnyTargets"),
        ("none", {"degrade": True}, ["degraded"], None),
        ("none", {"labels": "target"}, ["labels"], None),
        ("none", {"guided": True}, [], None),
        ("dann", {"guided": True}, ["adversary"], "Guided"),
        ("guided", {"guided": False}, ["adversary", "calibration"], "AnyTargets"),
        ("guided", {"discriminator": "none"}, ["calibration"], None),
        ("oracle", {"labels": "source"}, [], None),
        ("coral", {"coral": 0}, [], None),
    ],
)
def test_a_flag_puts_its_part_in_or_takes_it_out(
    method: str, flags: dict[str, Any], parts: list[str], batches: str | None
) -> None:
    adapt = adapt_of(method, **flags)
    assert list(adapt.parts) == parts
    found = batches_of(adapt)
    assert (None if found is None else type(found).__name__) == batches
    for flag, value in flags.items():
        wanted = {"none": None}.get(value, value) if flag != "guided" else batches == "Guided"
        assert getattr(adapt, flag) == wanted
    assert AdaptSettings.model_validate(adapt.model_dump()) == adapt


def test_another_kind_of_discriminator_takes_the_place_of_the_methods_own() -> None:
    part = build_parts(adapt_of("paired", discriminator="single", hidden=7), SHAPES)["adversary"]
    assert isinstance(part, SingleDiscriminator)
    assert part.options.hidden == 7


def test_parts_can_be_set_one_by_one_and_stand_in_the_record() -> None:
    adapt = config_of("adapt=guided_paired", "adapt.parts.adversary.partners=3", "adapt.parts.calibration=null").adapt
    assert list(adapt.parts) == ["adversary"]
    assert adapt.parts["adversary"].options["partners"] == 3
    assert adapt.model_dump()["parts"]["adversary"]["partners"] == 3
    assert AdaptSettings.model_validate(adapt.model_dump(by_alias=True)) == adapt


def test_what_methods_ask_for() -> None:
    assert [labels_of(adapt_of(method)) for method in ("dann", "oracle", "none")] == ["source", "target", "source"]
    assert [needs_network(adapt_of(method)) for method in ("dann", "oracle", "none")] == [True, False, False]


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["adapt=guided", "adapt.tolerance=abc"], r"'adapt\.tolerance=abc' is wrong: Input should be a valid number"),
        (["adapt=dann", "adapt.discriminator_steps=-1"], r"'adapt\.discriminator_steps=-1' is wrong: .* greater than"),
        (["adapt=dann", "+adapt.parts.adversary.hiden=1"], "unknown key 'adapt.parts.adversary.hiden'; did you mean"),
        (["adapt=dann", "~adapt.parts.adversary.steps"], r"Discriminator needs adapt\.parts\.adversary\.steps; give"),
        (["+adapt.parts.mine._target_=" + MINE], r"adapt\.parts\.mine needs target galaxies; choose adapt\.batches"),
        (["adapt=coral", "adapt.parts.coral._target_=os.system"], "'os.system' is no part of an adaptation"),
        (["adapt=dann", "adapt.batches._target_=photoz_lit.alignment.coral.Coral"], "is no choice of batches"),
        (["adapt=oracle", "adapt.coral=1"], "is the oracle, which has nothing to adapt; leave out the other parts"),
    ],
)
def test_what_is_wrong_is_named_as_the_user_sets_it(overrides: list[str], sentence: str) -> None:
    adapt = config_of(*overrides).adapt
    with pytest.raises(InputError, match=sentence):
        classes_of(adapt)


def test_a_checkpoint_of_earlier_versions_is_read() -> None:
    config = config_of()
    sections = {name: getattr(config, name).model_dump() for name in ("network", "modality", "fusion")}
    made = {
        **sections,
        **TRAINING,
        "bands": list("ugr"),
        "stamp_size": 16,
        "z_edges": [0.0, 1.0, 2.0],
        "fields": ["a", "b"],
    }
    module = AlignedModule(**made, adapt=RECORD)
    earlier = {name.removeprefix("parts."): value for name, value in module.state_dict().items()}
    assert {"adversary.discriminator.weight", "calibration.log_scale", "calibration.sky_sigma"} <= earlier.keys()
    torch.manual_seed(7)
    again = AlignedModule(**made, adapt=RECORD)
    again.load_state_dict(earlier)
    for name, value in module.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name


def test_a_part_alone_does_nothing() -> None:
    part = build_parts(adapt_of("oracle"), SHAPES)["labels"]
    assert isinstance(part, Alignment)
    image = torch.rand(2, 3, 4, 4)
    assert part.images(image, torch.tensor([0, 1])) is image
    assert (part.learning_rate, part.nothing_to_align, part.kept(), part.report()) == (None, None, {}, {})
