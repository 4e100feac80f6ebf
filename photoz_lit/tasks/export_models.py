"""Networks of a run as files that other programs run: ``torch.export`` and ONNX, with a model card beside them."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from photoz_lit.config import Config
from photoz_lit.data.folds import N_FOLDS
from photoz_lit.errors import InputError
from photoz_lit.estimators.applied import read_network
from photoz_lit.estimators.choice import estimator_class
from photoz_lit.estimators.exported import ExportedRun
from photoz_lit.evaluation.calibration.by_fold import FoldCalibrations
from photoz_lit.evaluation.calibration.pit import PitCalibration
from photoz_lit.networks.checkpoint import BEST
from photoz_lit.run_folder import RunFolder
from photoz_lit.tasks.calibration import calibrations_of

NAMES = {"torch": "photoz_model.pt2", "onnx": "photoz_model.onnx"}
OPSET = 20
TOLERANCE = 1e-4
NEEDED = ("onnx", "onnxscript")


def require_exportable(trained: Config, formats: list[str]) -> None:
    """Refuse models of what is no network, and ONNX without its libraries.

    Raises
    ------
    InputError : says what to do.
    """
    if estimator_class(trained) is not None:
        raise InputError(
            f"task.format: network={trained.network.name} is no neural network; give task.format=[parquet,fits,qp]."
        )
    missing = [name for name in NEEDED if find_spec(name) is None]
    if "onnx" in formats and missing:
        raise InputError(f"task.format=onnx needs {' and '.join(missing)}; pip install 'photoz-lit[onnx]'.")


def exported_run(trained: Config, folder: RunFolder) -> ExportedRun:
    """Join the networks of a run, their calibration and the stretch of the pixels, in evaluation mode on the CPU."""
    folds = range(N_FOLDS) if trained.cv.folds else [0]
    numbers = range(trained.ensemble.members)
    members = {fold: [read_network(folder.member(fold, number) / BEST) for number in numbers] for fold in folds}
    calibrations = _of_width_alone(calibrations_of(trained, folder), folder)
    return ExportedRun(members, calibrations, trained.field, trained.images_per_galaxy, trained.ensemble.mean).eval()


def _of_width_alone(calibrations: FoldCalibrations, folder: RunFolder) -> dict[int, PitCalibration]:
    """Calibrations that an exported network can hold: it is given no magnitudes."""
    fitted = {fold: one for fold, one in calibrations.of_fold.items() if isinstance(one, PitCalibration)}
    if len(fitted) < len(calibrations.of_fold):
        raise InputError(
            f"{folder.path} is recalibrated by magnitude and colour, which an exported network is not given; run"
            f" task=calibrate run={folder.path} task.method=pit first."
        )
    return fitted


def example(trained: Config, bands: list[str], n: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Stamps of round galaxies of several fluxes with noise, (n, bands, size, size), and reddening (n, 1)."""
    size, random = trained.scale.stamp_size, np.random.default_rng(0)
    y, x = np.indices((size, size)) - 0.5 * (size - 1)
    profile = np.exp(-0.5 * (x**2 + y**2) / 2.0**2)
    peak = 10 ** random.uniform(-1, 2, (n, len(bands), 1, 1))
    images = trained.field.flux_divisor * (peak * profile + random.normal(0, 0.05, (n, len(bands), size, size)))
    return torch.tensor(images, dtype=torch.float32), torch.full((n, 1), 0.02)


def write_models(
    model: ExportedRun, sample: tuple[torch.Tensor, torch.Tensor], files: dict[str, Path]
) -> dict[str, float]:
    """Write the files, read each again and compare.

    Parameters
    ----------
    model : see :func:`exported_run`.
    sample : images and reddening to compare with.
    files : ``torch`` and ``onnx`` -> the file.

    Returns
    -------
    Format -> largest difference of a probability; ONNX where onnxruntime is installed.

    Raises
    ------
    InputError : a file gives other PDFs than the run.
    """
    with torch.no_grad():
        expected = model(*sample)[0].numpy()
    batch = torch.export.Dim("galaxies", min=1)
    found: dict[str, np.ndarray[Any, Any]] = {}
    with _quiet():
        program = torch.export.export(model, sample, dynamic_shapes=({0: batch}, {0: batch}))
        if "torch" in files:
            torch.export.save(program, str(files["torch"]))
            found["torch"] = torch.export.load(str(files["torch"])).module()(*sample)[0].detach().numpy()
        if "onnx" in files:
            names = {"input_names": ["images", "ebv"], "output_names": ["pdf", "z_phot"]}
            onnx = torch.onnx.export(program, dynamo=True, opset_version=OPSET, verbose=False, **names)  # type: ignore[arg-type]
            assert onnx is not None
            onnx.save(str(files["onnx"]), external_data=False)
            if find_spec("onnxruntime") is not None:
                found["onnx"] = _by_onnxruntime(files["onnx"], sample)
    differences = {name: float(np.abs(pdf - expected).max()) for name, pdf in found.items()}
    for name, difference in differences.items():
        if not difference <= TOLERANCE:
            raise InputError(f"{files[name]} gives PDFs that differ by {difference:.2g}; report this with the run.")
    return differences


def _by_onnxruntime(file: Path, sample: tuple[torch.Tensor, torch.Tensor]) -> np.ndarray[Any, Any]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    pdf, _ = session.run(["pdf", "z_phot"], {"images": sample[0].numpy(), "ebv": sample[1].numpy()})
    return np.asarray(pdf)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporters' remarks on their own workings."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
