"""The pages that add a survey, a network or a reader work as they are written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.docs.recipe import follow, page, read_recipe

TINY = ("simulation.n_galaxies=300", "trainer.max_epochs=1", "network.width=0.05", "paths.runs=runs")


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def test_a_page_without_two_files_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "add_a_riddle.md"
    path.write_text("**`a.py`**\n\n```python\n```\n\n```sh\npython -c 1\n```\n")
    with pytest.raises(AssertionError, match="shows 1 files, not two"):
        read_recipe(path)


def test_output_that_a_page_shows_and_a_command_lacks_is_found(tmp_path: Path) -> None:
    path = tmp_path / "add_a_line.md"
    files = "**`a.py`**\n\n```python\nprint('one')\n```\n\n**`b.yaml`**\n\n```yaml\n```\n"
    path.write_text(files + "```sh\npython a.py\n```\n\n```text\none\ntwo\n```\n")
    with pytest.raises(AssertionError, match=r"does not print \['two'\]"):
        follow(path, tmp_path / "copy")


@pytest.mark.long
def test_add_a_network(tmp_path: Path) -> None:
    follow(page("network"), tmp_path, TINY)
    metrics = json.loads(only(tmp_path, "runs/sdss_multimodal/*/metrics.json").read_text())
    assert np.isfinite(metrics["sigma_mad"])


@pytest.mark.long
def test_add_a_survey(tmp_path: Path) -> None:
    follow(page("survey"), tmp_path, TINY)
    metrics = json.loads(only(tmp_path, "runs/kids_multimodal/*/metrics.json").read_text())
    assert (metrics["data"], metrics["field"]) == ("simulated", "kids")


def test_add_a_reader(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    stamps = {band: random.normal(1.0, 0.1, (40, 40, 40)).astype(np.float32) for band in "gri"}
    columns = {
        "ra": random.uniform(10, 20, 40),
        "dec": random.uniform(0, 9, 40),
        "redshift": random.uniform(0, 0.4, 40),
    }
    np.savez(tmp_path / "night.npz", id=np.arange(40), mag_r=random.uniform(15, 17, 40), **stamps, **columns)
    follow(page("reader"), tmp_path)
    store = json.loads((tmp_path / "stores/night/store.json").read_text())
    assert store["rows"]["used"] == 40
    assert np.load(tmp_path / "stores/night/images.npy").shape == (40, 3, 40, 40)
