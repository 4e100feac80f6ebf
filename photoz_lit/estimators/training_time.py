"""How long a network trains here, from a few steps on its first galaxies."""

from __future__ import annotations

import copy
import time

import numpy as np
import torch

from photoz_lit.config import TrainerSettings
from photoz_lit.data.module import CutoutDataModule
from photoz_lit.modules.cnn import PhotoZModule
from photoz_lit.modules.trainer import precision_of

TIMED_STEPS = 4  # the first ones are slow: kernels are chosen and weights reordered
TIMED_SECONDS = 2.0


def seconds_per_image(module: PhotoZModule, data: CutoutDataModule, settings: TrainerSettings) -> float:
    """Time of forward and backward per image, the best of a few steps on the first training galaxies [s].

    Parameters
    ----------
    module : is copied, and not changed.
    data : batches to train on.
    settings : device, precision, and in how many pieces a batch is trained on.
    """
    use_gpu = settings.accelerator in ("auto", "gpu") and torch.cuda.is_available()
    device = torch.device("cuda" if use_gpu else "cpu")
    precision = precision_of(settings, "gpu" if use_gpu else "cpu")
    n = -(-min(data.batch_size, len(data.split.train)) // settings.micro_batches)
    while True:
        try:
            return _seconds_per_image(module, data, data.split.train[:n].tolist(), device, precision)
        except torch.OutOfMemoryError:
            if n == 1:
                raise
            n = -(-n // 2)  # the training itself will say so


def _seconds_per_image(
    module: PhotoZModule, data: CutoutDataModule, galaxies: list[int], device: torch.device, precision: str
) -> float:
    timed = copy.deepcopy(module).to(device)
    batch = {name: column.to(device) for name, column in data.galaxies.__getitems__(galaxies).items()}
    sample = data.sample
    batch.setdefault("image", torch.zeros(len(galaxies), len(sample.bands), *2 * [sample.stamp_size], device=device))
    times = []
    with torch.random.fork_rng():
        for _ in range(TIMED_STEPS):
            start = time.perf_counter()
            with torch.autocast(device.type, torch.bfloat16, enabled="bf16" in precision):
                output = timed(batch["image"], batch["ebv"], batch.get("catalogue"))
                loss = timed.loss(output, batch).mean()
            torch.autograd.backward(loss)
            loss.item()  # waits for the device
            times.append(time.perf_counter() - start)
            if sum(times) > TIMED_SECONDS:
                break
    return float(np.min(times)) / len(galaxies)
