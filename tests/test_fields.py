"""A field for real images needs bands with zero points, a pixel scale and a redshift grid; a simulation needs more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from photoz_lit.errors import InputError
from photoz_lit.fields import Field, conf_directory, load_field, parse_field
from photoz_lit.imaging.photometry import apertures
from photoz_lit.tasks.task import perform
from tests.composed import composed_as_typed

SMALL: dict[str, Any] = {
    "name": "mine",
    "pixel_scale": 0.2,
    "bands": {band: {"zero_point": 25.0} for band in "grz"},
    "z_segments": [[0.0, 1.0, 100]],
}


def test_bands_scale_zero_points_and_grid_are_enough() -> None:
    field = parse_field(SMALL, "mine.yaml")
    assert (field.outlier_threshold, field.reference_band, field.n_bins) == (0.15, "r", 100)
    assert (field.bands["g"].seeing, field.bands["g"].depth, field.bands["g"].filter) == (None, None, {})
    assert Field.model_validate(field.model_dump(mode="json")) == field
    named = {"u": {"zero_point": 25.0}, "b": {"zero_point": 25.0}, "v": {"zero_point": 25.0}}
    assert parse_field({**SMALL, "bands": named}, "mine.yaml").reference_band == "b"


def test_all_missing_keys_stand_in_one_sentence() -> None:
    content = {"name": "mine", "bands": {"g": {}, "r": {"zero_point": 25.0}, "i": {}}}
    with pytest.raises(InputError) as error:
        parse_field(content, "mine.yaml")
    assert str(error.value) == (
        "mine.yaml has no 'pixel_scale', 'bands.g.zero_point', 'bands.i.zero_point', 'z_segments'; give each a value."
    )


def test_all_missing_keys_of_a_config_stand_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"the config has no 'field\.pixel_scale', 'field\.z_segments'; give them values"
    ):
        composed_as_typed("task=ingest", "~field.pixel_scale", "~field.z_segments")


def test_what_simulates_names_all_that_a_field_lacks(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        perform(composed_as_typed("task=simulate", "field=des", "simulation.n_galaxies=10", f"store={tmp_path}/store"))
    assert str(error.value) == (
        "field 'des' has no 'filter' of g r i z y and no 'seeing' of g r i z y and no 'depth' of g r i z y, which a"
        " simulation needs; add them to its bands in conf/field/des.yaml."
    )
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="has no 'seeing' of r and no 'depth' of r, which photometry on stamps needs"):
        apertures(load_field("des"), ["r"], 32, [1.0])


def test_fields_of_real_images_say_so() -> None:
    for path in sorted((conf_directory() / "field").glob("*.yaml")):
        field = load_field(path.stem)
        simulated = all(band.filter and band.seeing and band.depth for band in field.bands.values())
        assert simulated or "real images alone" in yaml.safe_load(path.read_text())["description"]
