import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from photoz_lit.errors import InputError
from photoz_lit.files import inside, require_no_links, whole_file, whole_folder, write_json, write_table


def test_names_stay_below_their_folder(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    assert inside(folder, "galaxies/a.parquet") == folder / "galaxies" / "a.parquet"
    assert inside(folder, "galaxies/../a.parquet").resolve() == folder / "a.parquet"
    (folder / "out").symlink_to(tmp_path)
    for name in ("../a", str(tmp_path / "a"), "galaxies/../../a", ".", "", "out", "out/a", "/"):
        with pytest.raises(InputError, match="leads out of"):
            inside(folder, name)


def test_a_folder_with_a_link_is_refused_but_for_those_that_wandb_makes(tmp_path: Path) -> None:
    (tmp_path / "wandb" / "run").mkdir(parents=True)
    (tmp_path / "wandb" / "latest-run").symlink_to("run")
    require_no_links(tmp_path)
    require_no_links(tmp_path / "not_there")
    (tmp_path / "deep" / "wandb").mkdir(parents=True)
    (tmp_path / "deep" / "wandb" / "link").symlink_to(tmp_path)
    with pytest.raises(InputError, match="link is a link"):
        require_no_links(tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "wandb").symlink_to(tmp_path)
    with pytest.raises(InputError, match="wandb is a link"):
        require_no_links(tmp_path / "other")


def fail_to_write(path: Path) -> None:
    with whole_file(path) as partial:
        partial.write_text("half")
        raise LookupError


def test_a_file_appears_whole_and_nothing_is_left_of_one_that_failed(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    with whole_file(path) as partial:
        partial.write_text("first")
        assert not path.exists()
    with pytest.raises(LookupError):
        fail_to_write(path)
    assert path.read_text() == "first"
    assert [one.name for one in path.parent.iterdir()] == ["file.txt"]
    mode = path.stat().st_mode
    plain = tmp_path / "plain"
    plain.touch()
    assert mode == plain.stat().st_mode


def test_a_folder_appears_whole_and_nothing_is_left_of_one_that_failed(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder"
    with pytest.raises(ZeroDivisionError), whole_folder(path) as partial:
        (partial / "half").write_text(str(1 / 0))
    assert list(path.parent.iterdir()) == []
    with whole_folder(path) as partial:
        write_table(partial / "a.csv", pd.DataFrame({"a": [1]}))
        write_table(partial / "a.parquet", pd.DataFrame({"a": [1]}))
    assert sorted(file.name for file in path.iterdir()) == ["a.csv", "a.parquet"]
    assert (path / "a.csv").read_text() == "a\n1\n"
    with pytest.raises(InputError, match="exists already"), whole_folder(path):
        pass


def test_json_knows_no_nan_and_no_numpy(tmp_path: Path) -> None:
    content = {
        1: np.float32(0.5),
        "b": [np.nan, np.inf, np.int64(3), np.bool_(True)],
        "d": np.arange(2),
    }
    path = write_json(tmp_path / "a.json", content)
    assert json.loads(path.read_text()) == {"1": 0.5, "b": [None, None, 3, True], "d": [0, 1]}
