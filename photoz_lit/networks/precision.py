"""Which arithmetic a machine is fast in, and float32 throughout where digits count."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Literal

import torch

Precision = Literal["bf16-mixed", "32-true"]


def best_precision(device: torch.device | str) -> Precision:
    """Return the name under which Lightning knows the fastest precision that keeps float32's range.

    bfloat16 is chosen where the processor multiplies in it (CUDA from compute capability 8.0 on, x86 with AVX512-BF16
    or AMX); elsewhere it is emulated and slower than float32. Weights, heads and losses stay in float32.

    Parameters
    ----------
    device : ``cpu``, ``cuda`` or a device of these kinds.
    """
    kind = torch.device(device).type
    if kind == "cuda":
        computes = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        computes = kind == "cpu" and cpu_computes_bfloat16()
    return "bf16-mixed" if computes else "32-true"


def cpu_computes_bfloat16() -> bool:
    """Whether this processor has instructions for products in bfloat16."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


@contextlib.contextmanager
def float32_throughout(device: str) -> Generator[None, None, None]:
    """Products in float32 inside a ``with`` block: no autocast, and no TF32 on a GPU."""
    tf32 = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        with torch.autocast(device, enabled=False):
            yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = tf32
