"""The run folder: where a job's results lie, its id, and which parts are done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

import photoz_lit
from photoz_lit.config import Config, validate
from photoz_lit.errors import InputError
from photoz_lit.files import locked, read_array, require_no_links, write_array, write_json, write_text
from photoz_lit.setting_roles import identity

#: Options of tasks that stood at the root of the config: records of older runs have them.
FORMER = ("store", "run", "runs", "baseline", "source", "targets", "drop", "rerun", "jobs", "bench")
#: What ``task=emitters`` and ``task=modalities`` find with a run's networks.
FOLLOW_UPS = (EMITTERS, MODALITIES) = ("emitters.json", "modalities.json")
#: Recalibrations of a run's PDFs, where it has them.
CALIBRATION = "calibration.json"
#: What the fit of a member took.
FIT = "fit.json"
#: What ``task=calibrate`` writes: a recalibration of later predictions, and where the training galaxies lie.
RECALIBRATED = "calibrate"


@dataclass(frozen=True)
class RunFolder:
    """``runs/<experiment>/<id>/`` of one job."""

    path: Path

    @property
    def finished(self) -> bool:
        """Whether the job is done: ``metrics.json`` is written last."""
        return (self.path / "metrics.json").is_file()

    @contextmanager
    def only_writer(self, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Keep other processes from making the same run meanwhile.

        Parameters
        ----------
        waiting : is called once where another process makes it already.

        Raises
        ------
        InputError : the lock file cannot be written.
        """
        with ExitStack() as held:
            try:
                held.enter_context(locked(self.path / ".lock", waiting))
            except OSError as error:
                raise InputError(f"{self.path} cannot be written ({error.strerror}); set paths.runs.") from error
            yield

    def make(self) -> None:
        """Make the folder where it is missing.

        Raises
        ------
        InputError : something in it is a link, which would lead what is written and removed to another place.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        require_no_links(self.path)

    def member(self, fold: int, member: int) -> Path:
        """Folder of one network: its checkpoints and training curve."""
        return self.path / "checkpoints" / f"fold_{fold}_member_{member}"

    def member_pdf(self, fold: int, member: int) -> NDArray[np.float32] | None:
        """Test PDFs of a member that is done, else None.

        Raises
        ------
        InputError : the file cannot be read.
        """
        path = self.member(fold, member) / "test_pdf.npy"
        return read_array(path) if path.is_file() and (path.parent / FIT).is_file() else None

    def further_pdf(self, fold: int, member: int, name: str) -> Path:
        """File of a member's PDFs of galaxies beside the test galaxies."""
        return self.member(fold, member) / f"{name}_pdf.npy"

    def keep_member(self, fold: int, member: int, about: dict[str, Any], pdf: NDArray[np.float32]) -> None:
        """Keep what a member's fit took and its test PDFs; from then on it counts as done."""
        write_json(self.member(fold, member) / FIT, about)
        write_array(self.member(fold, member) / "test_pdf.npy", pdf)

    def write_json(self, name: str, content: Any) -> None:
        """Write a JSON file so that it is there whole or not at all; NaN becomes null."""
        write_json(self.path / name, content)

    def read_json(self, name: str) -> dict[str, Any]:
        """Read the record in a JSON file of the run.

        Raises
        ------
        InputError : it is not there or cannot be read.
        """
        try:
            content = json.loads((self.path / name).read_text())
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"{self.path / name} cannot be read ({error}); is {self.path} a run folder?") from error
        if not isinstance(content, dict):
            raise InputError(f"{self.path / name} holds no record; is {self.path} a run folder?")
        return content


def run_folder(config: Config, data_hash: str) -> RunFolder:
    """Folder of a job: its id is a hash of all that shapes the result, so that the same job finds its folder again."""
    text = json.dumps([identity(config), data_hash, photoz_lit.__version__], sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return RunFolder(config.paths.runs / config.experiment.name / f"seed{config.seed}-{digest}")


def require_finished(path: Path) -> None:
    """Refuse a folder that is no finished run.

    Raises
    ------
    InputError : it has no ``metrics.json``.
    """
    if not RunFolder(path).finished:
        raise InputError(f"{path} is no finished run: it has no metrics.json; give a folder below runs/.")


def config_of_run(path: Path, here: Config) -> Config:
    """Read the config that a run was made with; ``data.bands`` are those of its sample where it left them open.

    Parameters
    ----------
    path : run folder.
    here : config of the task; it says where things are written (``paths``, ``data.cache``) and how many processes read
        batches (``data.num_workers``), not the run's file, and may ask for another number of images per galaxy
        (``tta``).

    Raises
    ------
    InputError : the folder is no finished run.
    """
    config = recorded_config(path)
    data = config.data.model_copy(update={"cache": here.data.cache, "num_workers": here.data.num_workers})
    tta = config.tta if here.tta is None else here.tta
    return config.model_copy(update={"data": data, "paths": here.paths, "tta": tta})


def recorded_config(path: Path) -> Config:
    """Read the config that a run was made with, as it stands there; ``data.bands`` are those of its sample.

    Raises
    ------
    InputError : the folder is no finished run.
    """
    require_finished(path)
    record = RunFolder(path).read_json("provenance.json")
    if not isinstance(record.get("config"), dict):
        raise InputError(f"{path / 'provenance.json'} holds no config; is {path} a run folder?")
    config = validate({name: value for name, value in record["config"].items() if name not in FORMER})
    data = config.data.model_copy(update={"bands": config.data.bands or record.get("bands")})
    return config.model_copy(update={"data": data})


def write_config(folder: Path, config: Config) -> None:
    """Write the resolved config beside the results, as YAML."""
    text = yaml.safe_dump(config.model_dump(mode="json", by_alias=True), sort_keys=False, allow_unicode=True)
    write_text(folder / "config.yaml", text)
