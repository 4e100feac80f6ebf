"""Checkpoints on disk: tensors and plain data alone, written whole, and checked for damage when they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.io import CheckpointIO

from photoz_lit.errors import InputError
from photoz_lit.files import whole_file
from photoz_lit.networks.checkpoint import read_checkpoint

#: What a training that goes on needs of a checkpoint.
PARTS = ("state_dict", "epoch", "global_step", "loops", "callbacks", "optimizer_states", "lr_schedulers")
Module = TypeVar("Module", bound=pl.LightningModule)


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
