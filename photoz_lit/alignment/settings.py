"""Typed section ``adapt`` of the config (no torch in here)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field as Entry
from pydantic import SerializerFunctionWrapHandler, model_serializer, model_validator

from photoz_lit.alignment.flags import expanded
from photoz_lit.settings import Role, Settings


class PartSettings(Settings):
    """One part of a way of adapting.

    Attributes
    ----------
    target : import path of its class (``_target_`` in YAML); further keys are options, which that class checks.
    """

    model_config = {**Settings.model_config, "extra": "allow"}
    target: str = Entry(alias="_target_")

    @property
    def options(self) -> dict[str, Any]:
        """What the class gets."""
        return dict(self.model_extra or {})


class AdaptSettings(Settings):
    """How a network trained on a source field is carried to target fields whose labels it must not see.

    Further keys are options that the parts refer to, ``${adapt.tolerance}``; see ``conf/adapt/base.yaml``.

    Attributes
    ----------
    name : name of the method, as it appears in tables.
    epochs : of the adaptation, after the training on the source.
    batch_size : source galaxies per step of the adaptation, and as many targets; null takes ``data.batch_size``.
    learning_rate : of the network in the adaptation.
    strength : largest weight λ of the alignment: of the adversary's reversed gradient, of CORAL's distance.
    steepness : of the rise of λ, 2 / (1 + exp(−steepness p)) − 1 with the progress p of the adaptation.
    layer : what is aligned: ``features`` (first dense layer, E(B-V) joined) or ``trunk`` (the image alone).
    probe_weight : weight of the probe's 2 AUC − 1 beside the source's validation loss when the epoch is chosen.
    without_win : what follows where no discriminator wins: ``stop`` ends the run, ``unaligned`` trains on with λ = 0.
    batches : which target galaxies stand beside the source's (:mod:`photoz_lit.alignment.batches`); null is none.
    parts : what is added to loss, images or labels, by name (:class:`~photoz_lit.alignment.part.Alignment`).
    labels : whose labels train the network: ``source``; ``target``, the oracle that bounds what adaptation can do; or
        ``matched``, the oracle with labels of the target that are as good as the source's.
    degrade : blur and dim the source images to the target's seeing, noise and background.
    guided : every source galaxy of a batch gets a target galaxy of like magnitude; otherwise any target galaxy.
    discriminator : ``single`` tells the field of one galaxy, ``paired`` whether galaxies of like magnitude come from
        the same field; ``none`` leaves it out.
    coral : weight of the alignment of feature means and covariances (Sun & Saenko 2016), 0 leaves it out.
    calibrate : learn a flux scale and a background per band of every target, from the alignment alone.
    """

    model_config = {**Settings.model_config, "extra": "allow"}
    name: str
    epochs: int = Entry(gt=0)
    batch_size: int | None = Entry(gt=0)
    learning_rate: float = Entry(gt=0)
    strength: float = Entry(ge=0)
    steepness: float = Entry(gt=0)
    layer: Literal["features", "trunk"]
    probe_weight: float = Entry(ge=0)
    without_win: Annotated[Literal["stop", "unaligned"], Role.WORK]  # a run that it stops leaves nothing
    batches: PartSettings | None
    parts: dict[str, PartSettings]
    labels: Literal["source", "target", "matched"]
    degrade: bool
    guided: bool
    discriminator: Literal["single", "paired", "none"] | None
    coral: float = Entry(ge=0)
    calibrate: bool

    @model_validator(mode="before")
    @classmethod
    def _with_parts(cls, content: Any) -> Any:
        return expanded(content) if isinstance(content, Mapping) else content

    @model_serializer(mode="wrap")
    def _in_short(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave the parts out where the flags say all about them, so that records read as before there were parts."""
        content: dict[str, Any] = whole(self)
        short = {key: value for key, value in content.items() if key not in ("batches", "parts")}
        again = expanded(short)
        batches = None if again["batches"] is None else PartSettings.model_validate(again["batches"])
        parts = {name: PartSettings.model_validate(part) for name, part in again["parts"].items()}
        return short if (batches, parts) == (self.batches, self.parts) else content

    @property
    def uses_target_images(self) -> bool:
        """Whether target images go through the network in training."""
        return self.batches is not None
