"""Content of a checkpoint: tensors and plain data alone, checked for damage; read without Lightning."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from photoz_lit.errors import InputError
from photoz_lit.files import require_whole_archive

BEST = "best.ckpt"  # of a member: the weights of the chosen epoch


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


def _line(error: Exception) -> str:
    """First line of an error's text."""
    return next(iter(str(error).splitlines()), type(error).__name__)
