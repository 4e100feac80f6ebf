"""Arithmetic of a training in which nothing but the training step may be rounded to fewer digits than float32.

A network that predicts in bfloat16 (8 bits) or TF32 (11 bits) writes another catalogue on each kind of processor: up to
0.19 in z_phot were seen between bfloat16 and float32. Validation, which chooses the epoch, and predictions therefore
run in float32 throughout; the training step keeps the precision that the processor is fast in.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator

from pytorch_lightning.plugins.precision import MixedPrecision, Precision

from photoz_lit.networks.precision import float32_throughout


class _EvaluatesInFloat32(Precision):
    """Lightning's precision, but for the steps of validation, test and prediction."""

    kind_of_device = "cpu"

    @contextlib.contextmanager
    def val_step_context(self) -> Generator[None, None, None]:
        """Context of a validation step."""
        with float32_throughout(self.kind_of_device):
            yield

    @contextlib.contextmanager
    def test_step_context(self) -> Generator[None, None, None]:
        """Context of a test step."""
        with float32_throughout(self.kind_of_device):
            yield

    @contextlib.contextmanager
    def predict_step_context(self) -> Generator[None, None, None]:
        """Context of a prediction step."""
        with float32_throughout(self.kind_of_device):
            yield


class Float32(_EvaluatesInFloat32):
    """Training as the device multiplies float32 (on a GPU perhaps in TF32), evaluation in float32 throughout."""

    def __init__(self, device: str) -> None:
        super().__init__()
        self.kind_of_device = device


class MixedInTraining(_EvaluatesInFloat32, MixedPrecision):
    """Training steps under autocast (``bf16-mixed``, ``16-mixed``), evaluation in float32 throughout."""

    def __init__(self, precision: str, device: str) -> None:
        MixedPrecision.__init__(self, precision, device)  # type: ignore[arg-type]  # checked there
        self.kind_of_device = device


def precision_plugin(precision: str, accelerator: str) -> Precision | None:
    """Return the plugin for Lightning's name of a precision; None where weights themselves have other digits.

    Parameters
    ----------
    precision : e.g. ``32-true``, ``bf16-mixed``.
    accelerator : ``cpu`` or ``gpu``.
    """
    device = "cuda" if accelerator == "gpu" else "cpu"
    if precision in ("32-true", "32"):
        return Float32(device)
    return MixedInTraining(precision, device) if precision.endswith("-mixed") else None
