from pathlib import Path

import pytest

from photoz_lit.errors import InputError
from photoz_lit.files import inside, require_no_links, whole_file


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
