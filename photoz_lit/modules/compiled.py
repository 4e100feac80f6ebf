"""Networks compiled by torch, with CUDA graphs where they are asked for."""

from __future__ import annotations

import os
import shutil
from typing import Literal

import torch
from torch import nn

from photoz_lit.errors import InputError

#: ``trainer.compile``.
Compilation = bool | Literal["reduce-overhead"]

COMPILERS = ("g++", "clang++", "c++")


def compiled(network: nn.Module, way: Compilation) -> None:
    """Compile a network's forward and backward pass in place, at its first batch; its weights keep their names.

    With ``reduce-overhead`` a GPU replays each pass as one CUDA graph per shape of batch, which saves the launch of
    every kernel: the small networks are bound by it. A CPU has no such graphs and compiles as with ``true``.

    Parameters
    ----------
    network : is called as a whole by who trains it.
    way : ``trainer.compile``.

    Raises
    ------
    InputError : a CPU's code needs a C++ compiler, and there is none.
    """
    if way is False:
        return
    if not torch.cuda.is_available() and not _finds_compiler():
        raise InputError(
            "trainer.compile needs a C++ compiler for this CPU; install g++, or give trainer.compile=false."
        )
    if way == "reduce-overhead":
        network.compile(mode=way, dynamic=False)  # a graph is of one shape: an epoch's last batch gets its own
    else:
        network.compile()


def _finds_compiler() -> bool:
    return any(shutil.which(name) for name in (os.environ.get("CXX", COMPILERS[0]), *COMPILERS))
