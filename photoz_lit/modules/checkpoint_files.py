"""Checkpoints on disk: tensors and plain data alone, written whole, and checked for damage when they are read."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, TypeVar

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.io import CheckpointIO

from photoz_lit.errors import InputError
from photoz_lit.files import require_whole_archive, whole_file

#: What a training that goes on needs of a checkpoint.
PARTS = ("state_dict", "epoch", "global_step", "loops", "callbacks", "optimizer_states", "lr_schedulers")
Module = TypeVar("Module", bound=pl.LightningModule)


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Return the content of a checkpoint, its tensors on the CPU.

    The file is a zip archive with a CRC-32 of every tensor, which torch writes and does not look at. Nothing but
    tensors and plain data is unpickled, so that a file from elsewhere cannot run code.

    Raises
    ------
    InputError : the file is not there, is damaged, or holds something else.
    """
    require_whole_archive(Path(path))
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path} holds more than tensors and plain data; that could run code and is not read; train the run again."
        ) from error
    except Exception as error:  # what reads tensors raises all sorts where the content was made up
        raise InputError(f"{path} cannot be read ({_line(error)}); train the run again.") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} is no checkpoint of a network; train the run again.")
    return content


def read_module(path: Path, kind: type[Module]) -> Module:
    """Rebuild the module of a checkpoint.

    Raises
    ------
    InputError : the checkpoint is not there, cannot be read, or is of another network.
    """
    checkpoint = read_checkpoint(path)
    try:
        module = kind(**checkpoint["hyper_parameters"])
        module.load_state_dict(checkpoint["state_dict"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path} does not fit the network of its run ({reason}); train the run again.") from error
    return module


def _line(error: Exception) -> str:
    """First line of an error's text."""
    return next(iter(str(error).splitlines()), type(error).__name__)


class CheckpointFiles(CheckpointIO):
    """Lightning's reading and writing of checkpoints, as :func:`read_checkpoint` and :func:`whole_file` do it.

    Lightning's own way writes to the folder for temporary files first, which may lie on another disk: a training that
    is stopped while the file is copied over leaves half a checkpoint.
    """

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: str | Path,
        storage_options: Any = None,  # noqa: ARG002
    ) -> None:
        """Write a checkpoint beside its name and rename it."""
        with whole_file(Path(path)) as partial, partial.open("wb") as file:
            torch.save(checkpoint, file)

    def load_checkpoint(self, path: str | Path, *_args: Any, **_options: Any) -> dict[str, Any]:
        """Read a checkpoint, whatever Lightning asks for."""
        content = read_checkpoint(path)
        missing = [part for part in PARTS if part not in content]
        if missing:
            raise InputError(f"{path} has no {missing[0]}; remove it, and the training begins anew.")
        return content

    def remove_checkpoint(self, path: str | Path) -> None:
        """Remove a checkpoint's file."""
        Path(path).unlink(missing_ok=True)
