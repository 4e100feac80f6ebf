from pathlib import Path
from typing import Any, cast

import pytest

from photoz_lit.config import Config, validate
from photoz_lit.errors import InputError
from photoz_lit.estimators.catalogue_forest import CatalogueForestSettings
from photoz_lit.estimators.template_fit import TemplateFitSettings
from photoz_lit.tasks.options import MismatchOptions
from photoz_lit.tasks.task import Task
from tests.composed import composed


@pytest.fixture(scope="module")
def content() -> dict[str, object]:
    return composed().model_dump(by_alias=True)


def test_round_trip(content: dict[str, object]) -> None:
    assert validate(content) == Config.model_validate(content)
    forest = composed("network=catalogue_forest")
    assert isinstance(forest.network, CatalogueForestSettings)
    assert validate(forest.model_dump(by_alias=True)).model_dump() == forest.model_dump()
    templates = composed("network=template_fit")
    assert isinstance(templates.network, TemplateFitSettings)
    assert validate(templates.model_dump(by_alias=True)).model_dump() == templates.model_dump()


@pytest.mark.parametrize(
    ("section", "key", "value", "sentence"),
    [
        ("trainer", "max_epoch", 3, "unknown key 'trainer.max_epoch'; did you mean 'max_epochs'?"),
        ("trainer", "max_epochs", 0, "'trainer.max_epochs=0' is wrong: Input should be greater than 0."),
        ("data", "missing_bands", "guess", "'data.missing_bands=guess' is wrong: Input should be 'drop' or 'blank'."),
        ("network", "widht", 1, "unknown key 'network.widht'"),
        ("trainer", "devices", "all", "'trainer.devices=all' is wrong: Input should be a valid integer"),
    ],
)
def test_a_wrong_key_or_value_is_named(
    content: dict[str, object], section: str, key: str, value: object, sentence: str
) -> None:
    changed = {**content, section: {**content[section], key: value}}  # type: ignore[dict-item]
    with pytest.raises(InputError) as caught:
        validate(changed)
    assert str(caught.value).startswith(sentence)


def test_a_single_name_needs_no_brackets(content: dict[str, Any]) -> None:
    config = composed("data.bands=g", "data.target_fields=xmm_d", "field=cosmos_ud")
    assert config.data.bands == ["g"]
    assert config.data.target_fields == ["xmm_d"]
    with pytest.raises(InputError, match=r"'data\.bands=3' is wrong: Input should be a valid list"):
        validate({**content, "data": {**content["data"], "bands": 3}})
    task = Task.of(content["task"] | {"takes": {"options": "photoz_lit.tasks.options.MismatchOptions"}})
    given = {"source": "s", "run": None, "output": None, "galaxies": 30, "seed": 0}
    options = cast(MismatchOptions, task.read_options({**given, "targets": "stores/mine", "drop": "u_g"}))
    assert options.targets == [Path("stores/mine")]
    assert options.drop == ["u_g"]
    with pytest.raises(InputError, match="'drop=3' is wrong: Input should be a valid list"):
        task.read_options({**given, "targets": "stores/mine", "drop": 3})
