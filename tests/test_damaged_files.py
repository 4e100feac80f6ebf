"""Files of a run or a store that are cut off, empty, random or missing are named before they are used."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from photoz_lit.data.sample import load_sample
from photoz_lit.data.split import split_sample
from photoz_lit.data.store import CutoutStore, open_store
from photoz_lit.errors import InputError
from photoz_lit.estimators.cnn import CNNEstimator
from photoz_lit.evaluation.report.html import write_report
from photoz_lit.fields import load_field
from photoz_lit.modules.checkpoint_files import PARTS, CheckpointFiles
from photoz_lit.tasks.task import perform
from tests.composed import composed
from tests.spoilt_runs import SMALL, asked, best, changeable_run, hostile_store, trained_run

store, trained, run = hostile_store, trained_run, changeable_run


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def garbage(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(5000))


def gone(path: Path) -> None:
    path.unlink()


def holding(text: str) -> Callable[[Path], None]:
    def hold(path: Path) -> None:
        path.write_text(text)

    return hold


DAMAGES = (truncated, emptied, garbage, gone)
NO_RECORD = ("null", "[]", "", "{", "{}", "7", "[" * 100_000)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["checkpoints/fold_0_member_0/best.ckpt", "split.parquet", "provenance.json"])
def test_a_damaged_run_is_named(
    name: str, damage: Callable[[Path], None], run: Path, store: CutoutStore, tmp_path: Path
) -> None:
    damage(run / name)
    with pytest.raises(InputError, match=re.escape(str(run / name))) as refused:
        perform(composed("field=hsc6b", *asked("predict", run, store, tmp_path)))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", NO_RECORD, ids=[text[:4] for text in NO_RECORD])
def test_a_record_that_is_none_is_named(text: str, run: Path, store: CutoutStore, tmp_path: Path) -> None:
    (run / "provenance.json").write_text(text)
    with pytest.raises(InputError, match=r"provenance\.json"):
        perform(composed("field=hsc6b", *asked("predict", run, store, tmp_path)))
    (run / "metrics.json").write_text(text)
    with pytest.raises(InputError, match=r"metrics\.json"):
        write_report(run)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["images.npy", "catalogue.parquet", "store.json"])
def test_a_damaged_store_is_named(
    name: str, damage: Callable[[Path], None], store: CutoutStore, tmp_path: Path
) -> None:
    shutil.copytree(store.path, tmp_path / "damaged")
    damage(tmp_path / "damaged" / name)
    with pytest.raises(InputError, match=re.escape(str(tmp_path / "damaged"))):
        open_store(tmp_path / "damaged").verify()


def test_a_flipped_bit_in_a_store_is_found_before_it_is_used(store: CutoutStore, tmp_path: Path) -> None:
    shutil.copytree(store.path, tmp_path / "flipped")
    path = tmp_path / "flipped" / "images.npy"
    right = path.read_bytes()
    for place in np.random.default_rng(1).integers(0, len(right), 25):
        changed = bytearray(right)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(InputError, match="flipped"):
            open_store(tmp_path / "flipped").read(np.arange(len(store)))


@pytest.mark.parametrize("damage", DAMAGES[:3])
def test_a_damaged_last_checkpoint_is_named(damage: Callable[[Path], None], store: CutoutStore, tmp_path: Path) -> None:
    sample = load_sample([store], load_field("hsc6b"), 32)
    damage_in = tmp_path / "member"
    damage_in.mkdir()
    (damage_in / "last.ckpt").write_bytes(b"PK" * 4000)
    damage(damage_in / "last.ckpt")
    with pytest.raises(InputError, match=r"last\.ckpt"):
        CNNEstimator(composed(*SMALL)).fit(sample, split_sample(sample), 0, damage_in)


@pytest.mark.parametrize("part", PARTS)
def test_a_checkpoint_that_lacks_a_part_is_named(part: str, trained: Path, tmp_path: Path) -> None:
    content = torch.load(best(trained), weights_only=True)
    torch.save({name: value for name, value in content.items() if name != part}, tmp_path / "last.ckpt")
    with pytest.raises(InputError, match=f"last.ckpt has no {part}"):
        CheckpointFiles().load_checkpoint(tmp_path / "last.ckpt")
