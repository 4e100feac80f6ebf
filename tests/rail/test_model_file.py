"""A model that is no run, or unpacks to far more than it holds, is refused before anything is unpacked."""

import zipfile
from pathlib import Path

import pytest

from photoz_lit.errors import InputError

pytest.importorskip("rail.core")
from photoz_lit.rail.handles import read_run


def test_a_file_that_inflates_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "model.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.yaml", b"0" * 20_000_000)
    with pytest.raises(InputError, match=r"model\.zip would unpack to 0\.02 GB, as no model does"):
        read_run(tmp_path / "model.zip")


def test_a_file_that_is_no_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.zip").write_text("no zip")
    with pytest.raises(InputError, match=r"model\.zip is no model of photoz_lit"):
        read_run(tmp_path / "model.zip")
