"""The network that is carried to another field: redshift loss on the source, alignment of source and targets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from photoz_lit.alignment.calibration import FieldCalibration
from photoz_lit.alignment.coral import coral_loss
from photoz_lit.alignment.discriminators import Adversary
from photoz_lit.alignment.feature_memory import FeatureMemory
from photoz_lit.alignment.gradient_reversal import reversal_strength, reverse_gradient
from photoz_lit.alignment.pairs import Galaxies
from photoz_lit.data.domains import SOURCE
from photoz_lit.data.module import Batch
from photoz_lit.data.sampling import gathered, mean_over_ranks, of_all_ranks, world
from photoz_lit.modules.cnn import PhotoZModule
from photoz_lit.networks.multimodal import PhotoZNetwork
from photoz_lit.networks.settings import AdaptSettings

SPARRING = 1024  # galaxies that the discriminator judges in a step of its own
Probe = Callable[[NDArray[np.float64], NDArray[np.float64]], float]


class DomainAdversarialCNN(PhotoZModule):
    """Any network of :class:`~photoz_lit.modules.cnn.PhotoZModule` with an adversary behind its features.

    The loss is L_z(source) + L_D(reversed features) + coral · L_CORAL. The reversal multiplies the gradient that flows
    from the discriminator into the features by −λ, λ = strength · (2/(1 + exp(−steepness p)) − 1) with the progress p
    of the adaptation; the discriminator itself learns at weight 1 (Ganin & Lempitsky 2015).

    Parameters
    ----------
    args, kwargs : of :class:`~photoz_lit.modules.cnn.PhotoZModule`.
    adapt : the ``adapt`` section.
    fields : names of source and targets, in the order of their numbers.
    stores : hashes of their data, kept in the checkpoint so that their galaxies are known again.

    Attributes
    ----------
    won : whether the discriminator has won on frozen features; λ stays 0 where it has not.
    """

    def __init__(
        self, *args: Any, adapt: dict[str, Any], fields: Sequence[str], stores: Sequence[str] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.save_hyperparameters()
        self.fields, self.stores = tuple(fields), tuple(stores)
        self.adapt = AdaptSettings.model_validate(adapt)
        settings = self.adapt
        self.adversary: Adversary | None = None
        if settings.discriminator is not None:
            values = feature_length(self.network, settings.layer)
            self.adversary = Adversary(
                settings.discriminator,
                values,
                len(fields),
                settings.hidden,
                settings.tolerance,
                settings.partners,
            )
        self.calibration = FieldCalibration(len(fields) - 1, len(self.network.bands)) if settings.calibrate else None
        self._sparring: torch.optim.Optimizer | None = None  # of the discriminator's steps of its own
        self._sparring_state: dict[str, Any] | None = None
        self.memory = FeatureMemory(settings.memory)
        self._memory_state: list[dict[str, Any]] = []
        self.probe: Probe | None = None
        self.seed = 0  # of the draws of pairs, with the step
        self.won = True
        self._probed: list[tuple[Tensor, Tensor]] = []

    @property
    def strength(self) -> float:
        """λ at this point of the adaptation."""
        if not self.won:
            return 0.0
        trainer = self._trainer
        total = max(1, int(trainer.estimated_stepping_batches)) if trainer is not None else 1
        progress = min(1.0, self.global_step / total) if trainer is not None else 1.0
        return self.adapt.strength * reversal_strength(progress, self.adapt.steepness)

    def aligned(self, output: Any, trunk: Tensor) -> Tensor:
        """What is aligned, (B, values): the features, or the trunk's values."""
        return output.features if self.adapt.layer == "features" else trunk.float()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:  # noqa: ARG002
        """Redshift loss of the source, with the adversary's and CORAL's where they take part."""
        source = batch["domain"] == SOURCE if self.adapt.uses_target_images else torch.ones_like(batch["domain"]).bool()
        output, trunk = self.with_trunk(batch["image"], batch["ebv"], batch["domain"])
        columns = {name: batch[name][source] for name in ("z", "z_bin", "weight")}
        own = type(output)(*(part[source] for part in output))
        loss, weight = self.loss(own, columns), columns["weight"]
        total = (loss * weight).sum() / weight.sum().clamp_min(torch.finfo(weight.dtype).tiny)
        self.log("train_loss", total.detach(), on_step=False, on_epoch=True, batch_size=len(weight))
        values = self.aligned(output, trunk)
        if self.adversary is not None:
            about = (batch["match_mag"], batch["domain"], batch["index"])
            seen, judged = self.remembered(Galaxies(values.detach().float(), *about))
            random = torch.Generator(values.device).manual_seed(self.seed * 1_000_003 + self.global_step)
            self.keep_up(seen, random)
            reversed_ = reverse_gradient(values, self.strength).float()
            verdict = self.adversary(seen.with_features(judged, reversed_), judged, random)
            total = total + verdict.loss
            self.log("field_loss", verdict.loss.detach(), on_step=False, on_epoch=True, batch_size=len(weight))
            self.log("field_accuracy", verdict.accuracy.detach(), on_step=False, on_epoch=True, batch_size=len(weight))
        if self.adapt.coral > 0:
            distance = coral_loss(values[source], values[~source])
            total = total + self.adapt.coral * self.strength * distance
            self.log("coral", distance.detach(), on_step=False, on_epoch=True, batch_size=len(weight))
        return total

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the discriminator's own optimiser and each rank's memory, so that an interrupted adaptation goes on."""
        super().on_save_checkpoint(checkpoint)
        if self._sparring is not None:
            checkpoint["sparring"] = self._sparring.state_dict()
        checkpoint["memory"] = of_all_ranks(self.memory.state())

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up the state that :meth:`on_save_checkpoint` kept; other numbers of ranks begin with empty memories."""
        self._sparring_state = checkpoint.get("sparring")
        rank, ranks = world()
        memories = checkpoint.get("memory", [])
        self._memory_state = memories[rank] if len(memories) == ranks else []

    def remembered(self, batch: Galaxies) -> tuple[Galaxies, Tensor]:
        """Features of the last batches and, after them, of this one, which is kept; and its positions, (B,)."""
        if self._memory_state:
            self.memory.restore(self._memory_state, batch.features.device)
            self._memory_state = []
        everything, judged = self.memory.joined_by(batch)
        self.memory.keep(batch)
        return everything, judged

    def keep_up(self, seen: Galaxies, random: torch.Generator) -> None:
        """Let the discriminator alone learn from features without their graph, so that the network does not outrun it.

        Each step judges ``SPARRING`` of the galaxies, drawn at random.
        """
        assert self.adversary is not None
        parameters = list(self.adversary.parameters())
        if self._sparring is None:
            self._sparring = torch.optim.Adam(parameters, lr=self.adapt.discriminator_learning_rate)
            if self._sparring_state is not None:
                self._sparring.load_state_dict(self._sparring_state)
        for _ in range(self.adapt.discriminator_updates):
            judged = torch.randperm(len(seen), device=seen.domain.device, generator=random)[:SPARRING]
            loss = self.adversary(seen, judged, random).loss
            for parameter, slope in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
                parameter.grad = mean_over_ranks(slope)
            self._sparring.step()
        self._sparring.zero_grad()

    def with_trunk(self, image: Tensor, ebv: Tensor, domain: Tensor) -> tuple[Any, Tensor]:
        """Network output for stretched images (B, bands, H, W), and the trunk's values (B, values) before E(B-V)."""
        if self.calibration is not None:
            image = self.calibration(image, domain)
        trunk = self.network.trunk(self.scaled(image), self.dropped)
        return self.network.heads(trunk, ebv), trunk

    def validation_step(self, batch: Batch, batch_idx: int) -> None:  # noqa: ARG002
        """Update the metrics with the labelled field's galaxies, and keep all features for the probe."""
        output, trunk = self.with_trunk(batch["image"], batch["ebv"], batch["domain"])
        known = torch.isfinite(batch["z"])
        if known.any():
            own = type(output)(*(part[known] for part in output))
            columns = {name: batch[name][known] for name in ("z", "z_bin", "weight")}
            self.val_loss.update(self.loss(own, columns), columns["weight"])
            pdf = own.logits.float().softmax(dim=1)
            for metric in self.val_metrics.values():
                metric.update(pdf, columns["z"])  # type: ignore[operator]
        if self.adapt.uses_target_images:
            self._probed.append((self.aligned(output, trunk).float().cpu(), batch["domain"].cpu()))

    def pdf(self, batch: Batch) -> Tensor:
        """PDFs of a batch, (B, n_bins), of its images as they are, calibrated as their field's."""
        output, _ = self.with_trunk(batch["image"], batch["ebv"], batch["domain"])
        logits: Tensor = output.logits
        return logits.float().softmax(dim=1)

    def on_validation_epoch_end(self) -> None:
        """Log the source's metrics, the probe's AUC and ``val_selection``, by which the epoch is chosen.

        ``val_selection`` is the source's validation loss plus ``probe_weight`` · (2 AUC − 1): no label of a target
        takes part in it.
        """
        selection = self.val_loss.compute()
        super().on_validation_epoch_end()
        if self._probed and self.probe is not None:
            features = gathered(torch.cat([f for f, _ in self._probed]).double().numpy())
            domain = gathered(torch.cat([d for _, d in self._probed]).numpy())
            auc = self.probe(features[domain == SOURCE], features[domain != SOURCE])
            self.log("val_probe_auc", auc, prog_bar=True)
            self.log("val_strength", self.strength)
            selection = selection + self.adapt.probe_weight * (2 * auc - 1)
        self._probed.clear()
        self.log("val_selection", selection)

    def configure_optimizers(self) -> Any:
        """Adam with a rate each for network, discriminator and calibration; the discriminator has no schedule."""
        rates = {"network": self.hparams["learning_rate"]}
        if self.adversary is not None:
            rates["adversary"] = self.adapt.discriminator_learning_rate
        if self.calibration is not None:
            rates["calibration"] = self.adapt.calibration_learning_rate
        groups = [{"params": list(getattr(self, name).parameters()), "lr": rate} for name, rate in rates.items()]
        optimiser = torch.optim.AdamW(groups, weight_decay=self.hparams["weight_decay"])
        factors = [self.rate_factor if name != "adversary" else lambda _: 1.0 for name in rates]
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, factors)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def feature_length(network: PhotoZNetwork, layer: str) -> int:
    """Length of what is aligned."""
    first = network.heads.features[0]
    assert isinstance(first, nn.Linear)
    return network.common.outputs if layer == "trunk" else first.out_features
