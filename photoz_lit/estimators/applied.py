"""A finished network as predictions need it: no training, no Lightning, any device."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from photoz_lit.alignment.build import build_parts, names_now
from photoz_lit.alignment.part import Alignment, Shapes
from photoz_lit.alignment.settings import AdaptSettings
from photoz_lit.config import Config
from photoz_lit.data.domains import store_field_numbers
from photoz_lit.data.pixels import stretch, turn
from photoz_lit.data.sample import Sample
from photoz_lit.errors import InputError
from photoz_lit.estimators.catalogue_values import catalogue_values
from photoz_lit.estimators.choice import estimator_class
from photoz_lit.networks.checkpoint import BEST, read_checkpoint
from photoz_lit.networks.heads import NetworkOutput
from photoz_lit.networks.multimodal import build_network, feature_length
from photoz_lit.networks.precision import float32_throughout
from photoz_lit.networks.settings import FusionSettings, ModalitySettings, NetworkSettings


class Predictor(Protocol):
    """What is needed of a member of a run to predict with it; every estimator has it."""

    def load(self, folder: Path) -> None:
        """Read what was fitted."""

    def predict(
        self, sample: Sample, galaxies: NDArray[np.int64], dropped: Collection[str] = ()
    ) -> NDArray[np.float32]:
        """PDFs of some galaxies, (n, n_bins), in their order."""

    def features(self, sample: Sample, galaxies: NDArray[np.int64]) -> NDArray[np.float32] | None:
        """Learnt features of some galaxies, (n, F), in their order; None where none are learnt."""


class AppliedNetwork(nn.Module):
    """The network of a checkpoint, with the scales of its inputs and what an adaptation does to a target's images.

    Parameters
    ----------
    arguments : ``hyper_parameters`` of the checkpoint.

    Attributes
    ----------
    input_scale : factor per band on the stretched image, (bands, 1, 1).
    parts : of an adaptation; empty without one.
    """

    input_scale: Tensor

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        super().__init__()
        bands = arguments["bands"]
        self.network = build_network(
            NetworkSettings.model_validate(arguments["network"]),
            ModalitySettings.model_validate(arguments["modality"]),
            FusionSettings.model_validate(arguments["fusion"]),
            bands,
            arguments["stamp_size"],
            len(arguments["z_edges"]) - 1,
        )
        self.channels_last = bool(arguments["channels_last"])
        if self.channels_last:
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.register_buffer("input_scale", torch.ones(len(bands), 1, 1))
        self.fields, self.stores = tuple(arguments.get("fields", ())), tuple(arguments.get("stores", ()))
        if "adapt" in arguments:
            adapt = AdaptSettings.model_validate(arguments["adapt"])
            self.parts = build_parts(adapt, Shapes(feature_length(self.network, adapt.layer), self.fields, bands))
        else:
            self.parts = nn.ModuleDict()

    def forward(
        self,
        image: Tensor,
        ebv: Tensor,
        domain: Tensor | None = None,
        catalogue: Tensor | None = None,
        dropped: Collection[str] = (),
    ) -> NetworkOutput:
        """Logits of the PDF, redshift and features.

        Parameters
        ----------
        image : (B, bands, H, W) pixels after the stretch.
        ebv : (B, 1) Galactic reddening [mag].
        domain : (B,) number of each galaxy's field, of an adapted network; None is the source for all.
        catalogue : (B, values) that a network reads beside the image, NaN where missing.
        dropped : names of modalities to leave out.
        """
        if domain is not None:
            for part in self.parts.values():
                assert isinstance(part, Alignment)
                image = part.images(image, domain)
        image = image * self.input_scale
        if self.channels_last:
            image = image.contiguous(memory_format=torch.channels_last)
        output: NetworkOutput = self.network(image, ebv, dropped, catalogue)
        return output


def read_network(path: Path) -> AppliedNetwork:
    """Rebuild the network of a checkpoint, in evaluation mode on the CPU.

    Raises
    ------
    InputError : the checkpoint is not there, cannot be read, or is of another network.
    """
    checkpoint = read_checkpoint(path)
    try:
        network = AppliedNetwork(checkpoint["hyper_parameters"])
        network.load_state_dict(names_now(checkpoint["state_dict"]))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path} does not fit the network of its run ({reason}); train the run again.") from error
    return network.eval()


class AppliedCNN:
    """A member of a run that is a network.

    Parameters
    ----------
    config : of the run.
    device : where it computes.
    batch_size : images at once.
    """

    def __init__(self, config: Config, device: torch.device, batch_size: int) -> None:
        assert isinstance(config.network, NetworkSettings)
        self.settings = config.network
        self.images_per_galaxy = config.images_per_galaxy
        self.device = device
        self.batch_size = batch_size
        self.network: AppliedNetwork | None = None

    def load(self, folder: Path) -> None:
        """Read the weights of the chosen epoch."""
        self.network = read_network(folder / BEST).to(self.device)

    def predict(
        self, sample: Sample, galaxies: NDArray[np.int64], dropped: Collection[str] = ()
    ) -> NDArray[np.float32]:
        """PDFs of some galaxies, (n, n_bins), in their order: means over the symmetric images where the run has them.

        Raises
        ------
        InputError : modalities are to be dropped that there are not, or the catalogue lacks what the network reads.
        """
        assert self.network is not None
        left_out = self.network.network.check_dropped(dropped) if dropped else frozenset[str]()
        out = np.empty((len(galaxies), sample.field.n_bins), np.float32)
        for part, image, beside in self._batches(sample, galaxies):
            out[part] = self._mean_pdf(image, *beside, left_out)
        return out

    def features(self, sample: Sample, galaxies: NDArray[np.int64]) -> NDArray[np.float32]:
        """Features of some galaxies, (n, F), in their order, from their images as they are."""
        assert self.network is not None
        with torch.inference_mode():
            found = [
                self.network(image, *beside).features.cpu() for _, image, beside in self._batches(sample, galaxies)
            ]
        return np.asarray(torch.cat(found).numpy(), np.float32)

    @torch.inference_mode()
    def _batches(
        self, sample: Sample, galaxies: NDArray[np.int64]
    ) -> Iterator[tuple[slice, Tensor, tuple[Tensor | None, ...]]]:
        """Batches: their places, stretched images, and reddening, field and catalogue values beside them."""
        network = self.network
        assert network is not None
        ebv = np.nan_to_num(sample.catalogue["ebv"].to_numpy(float)).astype(np.float32)
        numbers = store_field_numbers(sample, network.fields, network.stores)[sample.part] if network.parts else None
        for start in range(0, len(galaxies), self.batch_size):
            rows = galaxies[start : start + self.batch_size]
            values = catalogue_values(self.settings, sample, rows) if self.settings.catalogue_inputs else None
            beside = (
                self._tensor(ebv[rows, None]),
                None if numbers is None else self._tensor(numbers[rows]),
                None if values is None else self._tensor(values),
            )
            yield slice(start, start + len(rows)), stretch(self._tensor(sample.flux(rows))), beside

    @torch.inference_mode()
    def _mean_pdf(self, image: Tensor, *beside: Any) -> NDArray[np.float32]:
        """Mean PDF over the symmetric images of a batch."""
        assert self.network is not None
        total = torch.zeros((), device=self.device)
        with float32_throughout(self.device.type):
            for symmetry in range(self.images_per_galaxy):
                seen = turn(image, torch.full((len(image),), symmetry, device=image.device)) if symmetry else image
                total = total + self.network(seen, *beside).logits.float().softmax(dim=1)
        return np.asarray((total / self.images_per_galaxy).cpu().numpy(), np.float32)

    def _tensor(self, values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)


def predictor_of(config: Config, device: torch.device, batch_size: int) -> Predictor:
    """What predicts as a member of a run: a network without Lightning, or the estimator that the config names."""
    kind = estimator_class(config)
    return AppliedCNN(config, device, batch_size) if kind is None else kind(config)
