"""The network that is carried to another field: redshift loss on the source, alignment of source and targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from photoz_lit.alignment.build import build_parts, names_now
from photoz_lit.alignment.gradient_reversal import reversal_strength
from photoz_lit.alignment.pairs import Galaxies
from photoz_lit.alignment.part import Alignment, Shapes, Step
from photoz_lit.alignment.settings import AdaptSettings
from photoz_lit.data.domains import SOURCE
from photoz_lit.data.prefetch import Batch
from photoz_lit.data.sampling import gathered
from photoz_lit.modules.cnn import PhotoZModule
from photoz_lit.networks.multimodal import feature_length

Probe = Callable[[NDArray[np.float64], NDArray[np.float64]], float]


class AlignedModule(PhotoZModule):
    """Any network of :class:`~photoz_lit.modules.cnn.PhotoZModule` with the parts of an adaptation behind its features.

    The loss is that of the source's redshifts and what the parts add, λ = strength · (2/(1 + exp(−steepness p)) − 1)
    with the progress p of the adaptation (Ganin & Lempitsky 2015).

    Parameters
    ----------
    args, kwargs : of :class:`~photoz_lit.modules.cnn.PhotoZModule`.
    adapt : the ``adapt`` section.
    fields : names of source and targets, in the order of their numbers.
    stores : hashes of their data, kept in the checkpoint so that their galaxies are known again.

    Attributes
    ----------
    parts : :class:`~photoz_lit.alignment.part.Alignment` by name.
    probe : AUC of a classifier that tells source features from target features; None chooses the epoch without it.
    seed : of what the parts draw, with the step.
    """

    def __init__(
        self, *args: Any, adapt: dict[str, Any], fields: Sequence[str], stores: Sequence[str] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.save_hyperparameters()
        self.fields, self.stores = tuple(fields), tuple(stores)
        self.adapt = AdaptSettings.model_validate(adapt)
        values = feature_length(self.network, self.adapt.layer)
        self.parts = build_parts(self.adapt, Shapes(values, self.fields, self.network.bands))
        self.probe: Probe | None = None
        self.seed = 0
        self._probed: list[tuple[Tensor, Tensor]] = []

    def alignments(self) -> Iterator[Alignment]:
        """The parts in their order."""
        for part in self.parts.values():
            assert isinstance(part, Alignment)
            yield part

    @property
    def nothing_to_align(self) -> str | None:
        """Why λ stays 0; None where it rises."""
        return next((part.nothing_to_align for part in self.alignments() if part.nothing_to_align), None)

    @property
    def strength(self) -> float:
        """λ at this point of the adaptation."""
        if self.nothing_to_align:
            return 0.0
        trainer = self._trainer
        total = max(1, int(trainer.estimated_stepping_batches)) if trainer is not None else 1
        progress = min(1.0, self.global_step / total) if trainer is not None else 1.0
        return self.adapt.strength * reversal_strength(progress, self.adapt.steepness)

    def aligned(self, output: Any, trunk: Tensor) -> Tensor:
        """What is aligned, (B, values): the features, or the trunk's values."""
        return output.features if self.adapt.layer == "features" else trunk.float()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:  # noqa: ARG002
        """Redshift loss of the source and the terms of the parts."""
        source = batch["domain"] == SOURCE if self.adapt.uses_target_images else torch.ones_like(batch["domain"]).bool()
        seed = self.seed * 1_000_003 + self.global_step
        output, trunk = self.with_trunk(batch["image"], batch["ebv"], batch["domain"], seed)
        columns = {name: batch[name][source] for name in ("z", "z_bin", "weight")}
        own = type(output)(*(part[source] for part in output))
        loss, weight = self.loss(own, columns), columns["weight"]
        total = (loss * weight).sum() / weight.sum().clamp_min(torch.finfo(weight.dtype).tiny)
        self._show("train_loss", total, len(weight))
        galaxies = Galaxies(self.aligned(output, trunk), batch["match_mag"], batch["domain"], batch["index"])
        step = Step(galaxies, self.strength, seed)
        for part in self.alignments():
            if (term := part.loss(step)) is not None:
                total = total + term.loss
                for name, value in term.shown.items():
                    self._show(name, value, len(weight))
        return total

    def _show(self, name: str, value: Tensor, n: int) -> None:
        self.log(name, value.detach(), on_step=False, on_epoch=True, batch_size=n)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what the parts need to go on after an interruption."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["parts"] = {name: part.kept() for name, part in zip(self.parts, self.alignments(), strict=True)}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on from what :meth:`on_save_checkpoint` kept."""
        for name, part in zip(self.parts, self.alignments(), strict=True):
            part.restore(checkpoint.get("parts", {}).get(name, {}))

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **options: Any) -> Any:
        """Take weights, also those of networks made before there were parts."""
        return super().load_state_dict(names_now(state_dict), *args, **options)

    def with_trunk(
        self, image: Tensor, ebv: Tensor, domain: Tensor, training_seed: int | None = None
    ) -> tuple[Any, Tensor]:
        """Network output for stretched images (B, bands, H, W), and the trunk's values (B, values) before E(B-V)."""
        for part in self.alignments():
            image = part.images(image, domain)
            if training_seed is not None:
                image = part.training_images(image, training_seed)
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
        """PDFs of a batch, (B, n_bins), of its images as the parts show them to the network."""
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
        """Adam with the learning rates of the network and of each part, and the schedules that they ask for."""
        rate = self.hparams["learning_rate"]
        groups, scheduled = [{"params": list(self.network.parameters()), "lr": rate}], [True]
        for part in self.alignments():
            if parameters := list(part.parameters()):
                own = part.learning_rate
                groups.append({"params": parameters, "lr": rate if own is None else own})
                scheduled.append(part.scheduled)
        factors = [self.rate_factor if falls else lambda _: 1.0 for falls in scheduled]
        optimiser = torch.optim.AdamW(groups, weight_decay=self.hparams["weight_decay"])
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, factors)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
