"""Predictions of a run for a store that are there already: found again only where nothing that shaped them changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import photoz_lit
from photoz_lit.config import Config
from photoz_lit.data.sample import Sample
from photoz_lit.run_folder import CALIBRATION, RECALIBRATED, RunFolder
from photoz_lit.setting_roles import identity

NAME = "made_of.json"
FILES = ("predictions.parquet", "pdfs.hdf5")
OF_RUN = ("split.parquet", CALIBRATION)
OF_CALIBRATE = (CALIBRATION, "reach_*.npz")
BLOCK = 1 << 20


def key_of(config: Config, drop: list[str], trained: Config, source: RunFolder, sample: Sample) -> str:
    """Hash of all that shapes the predictions of a run for a store.

    Networks count by the content of their files, galaxies by the hash of their store and by their labels and folds,
    which the table repeats.

    Parameters
    ----------
    config : of the task.
    drop : modalities left out.
    trained : of the run, as it is applied.
    source : folder of the run.
    sample : galaxies of the store.
    """
    digest = hashlib.sha256()
    data = config.data
    options = [photoz_lit.__version__, sample.data_hash, drop, data.select, data.missing_bands]
    if sample.id_type != "text":
        options.append(sample.id_type)
    digest.update(json.dumps([identity(trained), options], sort_keys=True, default=str).encode())
    digest.update(sample.catalogue.to_csv().encode())
    for text in _network_files(source):
        digest.update(text.encode())
    return digest.hexdigest()


def networks_digest(source: RunFolder) -> str:
    """Short hash of the files of a run's networks, their calibration and the galaxies that they were trained on."""
    return digest_of(list(_network_files(source)))


def digest_of(content: Any) -> str:
    """Short hash of what JSON can hold."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:12]


def _network_files(source: RunFolder) -> Iterator[str]:
    """Name and hash of each file of a run that shapes its predictions."""
    later = [file for name in OF_CALIBRATE for file in source.path.glob(f"{RECALIBRATED}/{name}")]
    for file in sorted([*(source.path / name for name in OF_RUN), *later, *source.path.glob("checkpoints/*/*")]):
        if file.is_file():
            yield f"{file.relative_to(source.path)} {_content(file)}"


def seal(folder: RunFolder, key: str) -> None:
    """Say what whole predictions were made of, after everything else is written."""
    folder.write_json(NAME, {"key": key, "files": _states(folder.path)})


def unseal(folder: RunFolder) -> None:
    """Remove the seal before predictions are written again."""
    (folder.path / NAME).unlink(missing_ok=True)


def are_there(folder: RunFolder, key: str) -> bool:
    """Whether a folder holds whole predictions made of just this, which nobody changed since."""
    try:
        return bool(json.loads((folder.path / NAME).read_text()) == {"key": key, "files": _states(folder.path)})
    except (OSError, ValueError):
        return False


def _states(folder: Path) -> dict[str, list[int]]:
    states = {name: (folder / name).stat() for name in FILES}
    return {name: [state.st_size, state.st_mtime_ns] for name, state in states.items()}


def _content(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
