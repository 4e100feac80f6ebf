"""A store whose writing was killed at any call that changes a file is finished by the same call."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from photoz_lit.data.store import StoreHeader, open_store
from photoz_lit.data.store_writer import StoreWriter, write_store
from photoz_lit.errors import InputError
from tests.conftest import make_store

CALLS = (
    (shutil, "rmtree"),
    (Path, "rename"),
    (Path, "unlink"),
    (Path, "replace"),
    (Path, "write_text"),
    (Path, "mkdir"),
)

FILES = {"images.npy", "catalogue.parquet", "store.json"}


class Killed(BaseException):
    """Stands for SIGKILL: nothing is tidied up after it that checks for errors."""


def killed_at(monkeypatch: pytest.MonkeyPatch, number: int, work: Callable[[], object]) -> bool:
    """Whether the call was reached at which the work is killed."""
    count = 0

    def wrapped(original: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal count
            count += 1
            if count >= number:
                raise Killed
            return original(*arguments, **options)

        return call

    with monkeypatch.context() as patch:
        for owner, name in CALLS:
            patch.setattr(owner, name, wrapped(getattr(owner, name)))
        try:
            work()
        except Killed:
            return True
    return False


@pytest.mark.parametrize("number", range(1, 40))
def test_a_store_that_was_killed_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    whole = make_store(tmp_path / "whole", n=40)
    table = whole.catalogue

    def write() -> None:
        header = whole.header.model_copy(update={"checksums": (), "catalogue_checksum": 0, "rows": None})
        write_store(tmp_path / "store", StoreHeader.model_validate(header.model_dump()), whole.images, table)

    if not killed_at(monkeypatch, number, write):
        return
    if not (tmp_path / "store").exists():
        with pytest.raises(InputError):
            open_store(tmp_path / "store")
        write()
    found = open_store(tmp_path / "store")
    found.verify()
    assert found.header.checksums == whole.header.checksums
    assert found.catalogue.equals(whole.catalogue)
    assert not (tmp_path / "store.partial").exists()
    assert {path.name for path in found.path.iterdir()} - {"plan.json"} == FILES


def test_a_store_of_earlier_versions_between_its_last_two_steps_is_finished(tmp_path: Path) -> None:
    whole = make_store(tmp_path / "whole", n=40)
    header = whole.header.model_copy(update={"checksums": (), "catalogue_checksum": 0})
    writer = StoreWriter(tmp_path / "store", header)
    writer.write_block(0, np.asarray(whole.images), whole.catalogue)
    writer._join({})
    shutil.rmtree(writer.partial / "blocks")  # killed here, every restart said that all blocks are missing
    again = StoreWriter(tmp_path / "store", header)
    assert again.missing_blocks() == []
    assert again.finish().catalogue.equals(whole.catalogue)
