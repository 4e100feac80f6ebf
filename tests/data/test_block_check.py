"""Damaged pixels are noticed when they are first read, by whoever reads them."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from photoz_lit.data.block_check import BlockCheck, block_checksum
from photoz_lit.data.module import CutoutDataModule
from photoz_lit.data.sample import Sample, load_sample
from photoz_lit.data.split import split_sample
from photoz_lit.data.store import CutoutStore, open_store
from photoz_lit.errors import InputError
from photoz_lit.fields import load_field
from tests.composed import TINY


def reverse(images: np.ndarray) -> None:
    images[:] = images[::-1].copy()


def flip_an_exponent(images: np.ndarray) -> None:
    images.view(np.uint32)[41, 2, 3, 4] ^= 1 << 28


def damaged(store: CutoutStore, damage: object = reverse) -> CutoutStore:
    images = np.load(store.path / "images.npy", mmap_mode="r+")
    damage(images)  # type: ignore[operator]
    images.flush()
    return open_store(store.path)


def sample_of(store: CutoutStore) -> Sample:
    return load_sample([store], load_field("hsc6b"), 32)


@pytest.mark.parametrize("damage", [reverse, flip_an_exponent])
def test_damaged_pixels_are_noticed_as_they_are_read(store: CutoutStore, damage: object) -> None:
    with pytest.raises(InputError, match=r"images\.npy: rows 0 to 59 differ from their checksum"):
        sample_of(damaged(store, damage)).flux([0])


@pytest.mark.parametrize("workers", [0, 2])
def test_workers_say_the_same_sentence(store: CutoutStore, workers: int) -> None:
    sample = sample_of(damaged(store))
    loader = CutoutDataModule(sample, split_sample(sample), num_workers=workers).train_dataloader()
    with pytest.raises(InputError) as caught:
        next(iter(loader))
    expected = f"{store.path / 'images.npy'}: rows 0 to 59 differ from their checksum; write the store again."
    assert str(caught.value) == expected


def test_a_block_is_checked_once_by_a_process_and_its_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.arange(2500.0).reshape(2500, 1)
    sums = [block_checksum(images[start : start + 1024]) for start in (0, 1024, 2048)]
    checked: list[int] = []
    check = BlockCheck(Path("images.npy"), images, sums)
    whole = BlockCheck._require_block
    monkeypatch.setattr(BlockCheck, "_require_block", lambda self, b: (checked.append(b), whole(self, b)))
    check.require(np.array([2499, 3]))
    assert checked == [0, 2]
    child = os.fork()
    if child == 0:
        check.require(np.array([1500]))
        os._exit(0 if checked == [0, 2, 1] else 1)
    assert os.waitpid(child, 0)[1] == 0
    check.require(np.arange(2500))
    assert checked == [0, 2]  # the worker's block is known
    images[2400] += 1  # read and checked before: not looked at again
    check.require(np.arange(2500))
    with pytest.raises(InputError, match="rows 2048 to 2499"):
        pickle.loads(pickle.dumps(BlockCheck(Path("images.npy"), images, sums))).require(np.array([2050]))


def test_a_store_without_checksums_is_read(store: CutoutStore) -> None:
    BlockCheck(store.path, store.images, ()).require(np.arange(60))


@pytest.mark.long
@pytest.mark.parametrize("workers", [0, 1])
def test_a_training_on_damaged_pixels_ends_with_one_sentence(store: CutoutStore, tmp_path: Path, workers: int) -> None:
    damaged(store, flip_an_exponent)
    where = ["field=hsc6b", "network=plain", f"data.store={store.path}", f"paths.runs={tmp_path / 'runs'}"]
    command = [sys.executable, "-m", "photoz_lit", *TINY, *where, f"data.num_workers={workers}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"photoz_lit: {store.path / 'images.npy'}: rows 0 to 59 differ")
    assert "Traceback" not in done.stderr
