"""Predictions of a run for a store that are there already: found again only where nothing that shaped them changed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import photoz_lit
from photoz_lit.config import Config
from photoz_lit.data.sample import Sample
from photoz_lit.run_folder import CALIBRATION, RunFolder
from photoz_lit.setting_roles import identity

NAME = "made_of.json"
FILES = ("predictions.parquet", "pdfs.hdf5")
OF_RUN = ("split.parquet", CALIBRATION)
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
    digest.update(json.dumps([identity(trained), options], sort_keys=True, default=str).encode())
    digest.update(sample.catalogue.to_csv().encode())
    for file in sorted([*(source.path / name for name in OF_RUN), *source.path.glob("checkpoints/*/*")]):
        if file.is_file():
            digest.update(f"{file.relative_to(source.path)} {_content(file)}".encode())
    return digest.hexdigest()


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
