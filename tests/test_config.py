import pytest

from photoz_lit.config import Config, ForestSettings, TemplateFitSettings, validate
from photoz_lit.errors import InputError
from tests.composed import composed


@pytest.fixture(scope="module")
def content() -> dict[str, object]:
    return composed().model_dump(by_alias=True)


def test_round_trip(content: dict[str, object]) -> None:
    assert validate(content) == Config.model_validate(content)
    forest = composed("network=catalogue_forest")
    assert isinstance(forest.network, ForestSettings)
    assert validate(forest.model_dump(by_alias=True)) == forest
    templates = composed("network=template_fit")
    assert isinstance(templates.network, TemplateFitSettings)
    assert validate(templates.model_dump(by_alias=True)) == templates


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


def test_jobs_at_once_are_a_number_or_auto(content: dict[str, object]) -> None:
    assert composed().jobs == "auto"
    assert composed("jobs=3").jobs == 3
    with pytest.raises(InputError, match=r"'jobs=0' is wrong: Input should be greater than 0; or: .* 'auto'\."):
        validate({**content, "jobs": 0})


def test_a_single_name_needs_no_brackets() -> None:
    config = composed("targets=stores/mine", "drop=u_g", "data.bands=g", "data.target_fields=xmm_d", "field=cosmos_ud")
    assert config.targets == ["stores/mine"]
    assert config.drop == ["u_g"]
    assert config.data.bands == ["g"]
    assert config.data.target_fields == ["xmm_d"]
    with pytest.raises(InputError, match="'drop=3' is wrong: Input should be a valid list"):
        composed("drop=3")
