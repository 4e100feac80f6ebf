"""How many images per second a network trains and infers on this machine."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from photoz_lit.networks.multimodal import PhotoZNetwork
from photoz_lit.networks.muon import KernelMuon
from photoz_lit.networks.precision import Precision, best_precision

LEAST_REPEATS = 2


@dataclass(frozen=True)
class Setup:
    """How a network is run.

    Attributes
    ----------
    device : where.
    precision : ``32-true``, or ``bf16-mixed`` for autocast to bfloat16.
    channels_last : memory format of weights and images.
    """

    device: torch.device
    precision: Precision
    channels_last: bool

    @classmethod
    def plain(cls, device: torch.device) -> Setup:
        """Return the plain port that speed is compared with: float32, channels first."""
        return cls(device, "32-true", False)

    @classmethod
    def best(cls, device: torch.device) -> Setup:
        """Return what the trainer uses on the device."""
        return cls(device, best_precision(device), True)

    def autocast(self) -> torch.autocast:
        """Context in which the forward pass runs."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16-mixed")


@dataclass(frozen=True)
class Throughput:
    """Speed of one network in one setup.

    Attributes
    ----------
    train_img_s : images per second through forward, loss, backward and Adam.
    infer_img_s : images per second through forward.
    """

    train_img_s: float
    infer_img_s: float


def measure(
    network: PhotoZNetwork, stamp_size: int, setup: Setup, batch_size: int = 16, seconds: float = 3.0
) -> Throughput:
    """Time a copy of the network on random images, the fastest repeat of each.

    Parameters
    ----------
    network : any network; it is not changed.
    stamp_size : side of the image [pixel].
    setup : how it is run.
    batch_size : images per step.
    seconds : for how long each figure is repeated, at least twice.
    """
    timed, image = _prepared(network, stamp_size, setup, batch_size)
    train = best_time(_training_step(timed, image, setup), setup.device, seconds)
    infer = best_time(_inference_step(timed, image, setup), setup.device, seconds)
    return Throughput(batch_size / train, batch_size / infer)


def branches_time(network: PhotoZNetwork, stamp_size: int, setup: Setup, batch_size: int, seconds: float) -> float:
    """Time of the parallel branches alone, forward and backward, for a batch [s]; parameters as in :func:`measure`."""
    timed, image = _prepared(network, stamp_size, setup, batch_size)
    return best_time(branches_step(timed.parallel, image, setup), setup.device, seconds)


def muon_time(network: PhotoZNetwork, stamp_size: int, setup: Setup, batch_size: int, seconds: float) -> float:
    """Time of Muon's step on all convolution kernels [s]; parameters as in :func:`measure`."""
    timed, image = _prepared(network, stamp_size, setup, batch_size)
    _training_step(timed, image, setup)()  # leaves gradients
    muon = KernelMuon([layer for layer in timed.modules() if isinstance(layer, nn.Conv2d)], lr=1e-6)
    return best_time(muon.step, setup.device, seconds)


def training_step(network: PhotoZNetwork, setup: Setup) -> Callable[[Mapping[str, Tensor]], None]:
    """Return a step that trains a copy of the network on a batch of a data module."""
    timed, _ = _prepared(network, 1, setup, 1)
    optimiser = torch.optim.Adam(timed.parameters(), lr=1e-6, fused=True)

    def step(batch: Mapping[str, Tensor]) -> None:
        image = batch["image"]
        if setup.channels_last:
            image = image.contiguous(memory_format=torch.channels_last)
        _train(timed, optimiser, setup, image, batch["ebv"], batch["z"], batch["z_bin"])

    return step


def _prepared(network: PhotoZNetwork, stamp_size: int, setup: Setup, batch_size: int) -> tuple[PhotoZNetwork, Tensor]:
    """Return a copy of the network and random images, (B, bands, H, W), as the setup wants them."""
    timed = copy.deepcopy(network).to(setup.device)
    image = torch.randn(batch_size, len(network.bands), stamp_size, stamp_size, device=setup.device)
    if setup.channels_last:
        timed.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        image = image.contiguous(memory_format=torch.channels_last)
    return timed, image


def best_time(step: Callable[[], object], device: torch.device, seconds: float) -> float:
    """Time of the fastest repeat of a step, after one that warms up [s]."""
    times: list[float] = []
    _run(step, device)
    while sum(times) < seconds or len(times) < LEAST_REPEATS:
        times.append(_run(step, device))
    return min(times)


def peak_gflops(setup: Setup, seconds: float = 1.0) -> float:
    """Return the highest rate that products reach in this precision here [10⁹ operations per second].

    It is the better of a square matrix product and a wide convolution, and what utilisation is measured against.
    """
    size = 8192 if setup.device.type == "cuda" else 2048
    images, channels, side = (256, 256, 32) if setup.device.type == "cuda" else (16, 128, 32)
    matrix = torch.randn(size, size, device=setup.device)
    maps = torch.randn(images, channels, side, side, device=setup.device).contiguous(memory_format=torch.channels_last)
    wide = nn.Conv2d(channels, channels, 5, padding=2, device=setup.device)
    if setup.precision == "bf16-mixed":
        matrix, maps, wide = matrix.bfloat16(), maps.bfloat16(), wide.bfloat16()
    wide = wide.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    with torch.inference_mode():
        product = 2 * size**3 / best_time(lambda: matrix @ matrix, setup.device, seconds)
        convolution = 2 * maps.numel() * wide.weight[0].numel() / best_time(lambda: wide(maps), setup.device, seconds)
    return float(max(product, convolution)) / 1e9


def _run(step: Callable[[], object], device: torch.device) -> float:
    start = time.perf_counter()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def _training_step(network: PhotoZNetwork, image: Tensor, setup: Setup) -> Callable[[], None]:
    images = len(image)
    ebv, z = torch.rand(images, 1, device=setup.device), torch.rand(images, device=setup.device)
    z_bin = torch.zeros(images, dtype=torch.long, device=setup.device)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-6, fused=True)
    return lambda: _train(network, optimiser, setup, image, ebv, z, z_bin)


def _train(
    network: PhotoZNetwork,
    optimiser: torch.optim.Optimizer,
    setup: Setup,
    image: Tensor,
    ebv: Tensor,
    z: Tensor,
    z_bin: Tensor,
) -> None:
    network.train()
    optimiser.zero_grad()
    with setup.autocast():
        output = network(image, ebv)
        loss = functional.cross_entropy(output.logits, z_bin) + functional.l1_loss(output.z_point, z)
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()


def branches_step(parallel: nn.Module, image: Tensor, setup: Setup) -> Callable[[], None]:
    """Return a step that runs parallel branches forward and backward."""
    with setup.autocast(), torch.no_grad():
        gradient = torch.ones_like(parallel(image))

    def step() -> None:
        parallel.zero_grad()
        with setup.autocast():
            maps = parallel(image)
        maps.backward(gradient)

    return step


def _inference_step(network: PhotoZNetwork, image: Tensor, setup: Setup) -> Callable[[], None]:
    ebv = torch.rand(len(image), 1, device=setup.device)

    def step() -> None:
        network.eval()
        with torch.inference_mode(), setup.autocast():
            network(image, ebv)

    return step
