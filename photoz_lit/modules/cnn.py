"""LightningModules: one base, the baseline CNN and the multimodal CNN on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics import MeanMetric, Metric

from photoz_lit.data.pixels import turn
from photoz_lit.data.prefetch import Batch
from photoz_lit.errors import InputError
from photoz_lit.evaluation.metrics.streamed import StreamedMetric
from photoz_lit.modules.micro_batches import sum_in_pieces
from photoz_lit.networks.multimodal import build_network
from photoz_lit.networks.optimiser import build_optimiser, rate_factor
from photoz_lit.networks.settings import FusionSettings, ModalitySettings, NetworkSettings
from photoz_lit.networks.soft_bins import soft_bins

VAL_LOSS = "val_loss"


class PhotoZModule(pl.LightningModule):
    """Redshift PDF from an image cube: cross-entropy over the bins plus MAE (or MSE) of the scalar head.

    Parameters are plain data, so that a checkpoint can rebuild its module. Those with a default are not in checkpoints
    of before there were recipes: they were made so.

    Parameters
    ----------
    network, modality, fusion : settings of :func:`photoz_lit.networks.build_network`.
    bands : names, in channel order.
    stamp_size : [pixel].
    z_edges : edges of the redshift bins, (n_bins + 1,).
    learning_rate : of Adam, after the warm-up.
    optimiser, muon_learning_rate, muon_momentum : see :func:`~photoz_lit.networks.optimiser.build_optimiser`.
    schedule : ``steps`` or ``linear``, see :func:`~photoz_lit.networks.optimiser.rate_factor`.
    milestones, decay : at these shares of the training the learning rate is multiplied by ``decay`` (``steps``).
    warmup : share of the training over which the learning rate rises from zero.
    weight_decay : decoupled (AdamW); 0 is plain Adam.
    point_loss, point_loss_weight : ``mae`` or ``mse`` of the scalar head, and its weight.
    initialisation : ``glorot``, or ``quiet_heads``: the last layer of each head begins at zero.
    label_smoothing : width of the labels in training, see :func:`~photoz_lit.networks.soft_bins.soft_bins`; 0 is none.
    channels_last : memory format of images and weights.

    Attributes
    ----------
    images_per_galaxy : 8 predicts the mean PDF over all flips and quarter turns of an image, 1 the image as it is.
    micro_batches : pieces of a training batch that go through the network one after the other.
    input_scale : factor per band on the stretched image, (bands, 1, 1); 1 as published, see :meth:`standardise`.
    """

    input_scale: Tensor
    z_edges: Tensor

    def __init__(
        self,
        network: dict[str, Any],
        modality: dict[str, Any],
        fusion: dict[str, Any],
        bands: Sequence[str],
        stamp_size: int,
        z_edges: Sequence[float],
        learning_rate: float,
        milestones: Sequence[float],
        decay: float,
        warmup: float,
        weight_decay: float,
        point_loss: str,
        point_loss_weight: float,
        channels_last: bool,
        optimiser: str = "adam",
        muon_learning_rate: float = 0.02,
        muon_momentum: float = 0.9,
        schedule: str = "steps",
        initialisation: str = "glorot",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.network = build_network(
            NetworkSettings.model_validate(network),
            ModalitySettings.model_validate(modality),
            FusionSettings.model_validate(fusion),
            bands,
            stamp_size,
            len(z_edges) - 1,
        )
        if initialisation == "quiet_heads":
            self.network.heads.quieten()
        if channels_last:
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.register_buffer("input_scale", torch.ones(len(bands), 1, 1))
        self.register_buffer("z_edges", torch.tensor(list(z_edges), dtype=torch.float32), persistent=False)
        self.dropped: frozenset[str] = frozenset()  # modalities left out, by name
        self.images_per_galaxy = 1
        self.micro_batches = 1
        self.point_loss = {"mae": nn.L1Loss(reduction="none"), "mse": nn.MSELoss(reduction="none")}[point_loss]
        self.val_loss = MeanMetric()
        self.val_metrics = nn.ModuleDict({name: StreamedMetric(name, z_edges) for name in ("sigma_mad", "crps")})

    def standardise(self, image: Tensor) -> None:
        """Set ``input_scale`` to the inverse root mean square of stretched images (B, bands, H, W), band by band.

        One factor for all images of a band, so a galaxy's brightness still counts. The published networks do without
        and train for ten times as long: deep surveys' pixels are so small in the units of their zero point that the
        first layer needs many steps to grow.
        """
        scale = image.float().square().mean(dim=(0, 2, 3)).sqrt().clamp_min(1e-6)
        self.input_scale.copy_(1.0 / scale[:, None, None])

    def forward(self, image: Tensor, ebv: Tensor, catalogue: Tensor | None = None) -> Any:
        """Network output for stretched images (B, bands, H, W), reddening (B, 1) and the catalogue's values (B, C)."""
        return self.network(self.scaled(image), ebv, self.dropped, catalogue)

    def _output(self, batch: Batch) -> Any:
        return self(batch["image"], batch["ebv"], batch.get("catalogue"))

    def scaled(self, image: Tensor) -> Tensor:
        """Stretched images (B, bands, H, W) as the network takes them: each band times its ``input_scale``."""
        image = image * self.input_scale
        return image.contiguous(memory_format=torch.channels_last) if self.hparams["channels_last"] else image

    def loss(self, output: Any, batch: Batch) -> Tensor:
        """Loss of every galaxy, (B,), before weighting; labels are smoothed in training alone."""
        logits = output.logits.float()
        width = float(self.hparams["label_smoothing"])
        target = soft_bins(batch["z"], self.z_edges, width) if width > 0 and self.training else batch["z_bin"]
        cross_entropy = functional.cross_entropy(logits, target, reduction="none")
        point = self.point_loss(output.z_point.float(), batch["z"])
        weight = float(self.hparams["point_loss_weight"])
        total: Tensor = cross_entropy + weight * point
        return total

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Weighted mean loss of a batch."""
        weight = batch["weight"]
        mean = self._summed(batch) / weight.sum().clamp_min(torch.finfo(weight.dtype).tiny)
        self.log("train_loss", mean.detach(), on_step=False, on_epoch=True, batch_size=len(weight))
        return mean

    def _summed(self, batch: Batch) -> Tensor:
        """Weighted sum of a batch's losses, in as many pieces as memory asks for."""
        if self.micro_batches == 1:
            return self._weighted(batch)
        free = [weight for weight in self.parameters() if weight.requires_grad]
        return sum_in_pieces(self._weighted, batch, self.micro_batches, free)

    def _weighted(self, batch: Batch) -> Tensor:
        return (self.loss(self._output(batch), batch) * batch["weight"]).sum()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Update the validation metrics."""
        output = self._output(batch)
        self.val_loss.update(self.loss(output, batch), batch["weight"])
        pdf = output.logits.float().softmax(dim=1)
        for metric in self.val_metrics.values():
            assert isinstance(metric, Metric)
            metric.update(pdf, batch["z"])

    def on_validation_epoch_end(self) -> None:
        """Log ``val_loss``, ``val_sigma_mad`` and ``val_crps``, exact over ranks."""
        self.log(VAL_LOSS, self.val_loss.compute(), prog_bar=True)
        self.val_loss.reset()
        for name, metric in self.val_metrics.items():
            assert isinstance(metric, Metric)
            self.log(f"val_{name}", metric.compute(), prog_bar=name == "sigma_mad")
            metric.reset()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the validation loss of these weights with them, where there was a validation."""
        loss = self.trainer.callback_metrics.get(VAL_LOSS)
        if loss is not None:
            checkpoint[VAL_LOSS] = float(loss)

    def predict_step(self, batch: Batch, batch_idx: int) -> tuple[Tensor, Tensor]:
        """Rows of the sample, (B,), and their PDFs, (B, n_bins): the mean over the symmetric images."""
        pdf = sum(self.pdf(turned) for turned in self._symmetric(batch))
        assert isinstance(pdf, Tensor)
        return batch["index"], pdf / self.images_per_galaxy

    def pdf(self, batch: Batch) -> Tensor:
        """PDFs of a batch, (B, n_bins), of its images as they are."""
        logits: Tensor = self._output(batch).logits
        return logits.float().softmax(dim=1)

    def _symmetric(self, batch: Batch) -> Iterator[Batch]:
        image = batch["image"]
        for symmetry in range(self.images_per_galaxy):
            transform = torch.full((len(image),), symmetry, device=image.device)
            yield {**batch, "image": turn(image, transform) if symmetry else image}

    def rate_factor(self, step: int) -> float:
        """Factor on the learning rates at a step of the training."""
        settings = self.hparams
        one = 1.0 / max(1, int(self.trainer.estimated_stepping_batches))
        return rate_factor(
            step * one, settings["schedule"], settings["milestones"], settings["decay"], settings["warmup"], one
        )

    def configure_optimizers(self) -> Any:
        """The recipe's optimiser, with a short warm-up and its schedule."""
        optimiser = build_optimiser(self, self.hparams)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, self.rate_factor)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class BaselineCNN(PhotoZModule):
    """All bands in one stack (Pasquet et al. 2019, Treyer et al. 2023)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        n_modalities = len(self.network.modalities)
        if n_modalities != 1:
            raise InputError(f"module=baseline has one modality, not {n_modalities}; choose module=multimodal.")


class MultimodalCNN(PhotoZModule):
    """Subsets of bands in parallel blocks, fused early, middle or late, then a common block."""
