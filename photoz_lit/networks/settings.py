"""Typed sections ``network``, ``modality`` and ``fusion`` of the config (no torch in here)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field as Entry

from photoz_lit.settings import Settings


class NetworkSettings(Settings):
    """One family of networks and the size of its member.

    Attributes
    ----------
    name : name of the family, as it appears in tables.
    target : import path of the :class:`~photoz_lit.networks.family.Family` that builds the four stages
        (``_target_`` in YAML).
    width : factor on every channel and dense width; 1 is the published network.
    depth : factor on the number of blocks per stage; 1 is the published network.
    dense : width of the dense layer that follows the trunk and E(B-V); its output is the features.
    pdf_head : hidden widths of head A, which ends in one logit per redshift bin.
    scalar_head : hidden widths of head B, which ends in one redshift; empty is a single dense layer.
    reads_catalogue : whether it predicts from the catalogue's magnitudes.
    """

    reads_catalogue: ClassVar[bool] = False
    name: str
    target: str = Entry(alias="_target_")
    width: float = Entry(default=1.0, gt=0)
    depth: float = Entry(default=1.0, gt=0)
    dense: int = Entry(gt=0)
    pdf_head: list[int]
    scalar_head: list[int]


class ModalitySettings(Settings):
    """Which bands go together into which parallel branch.

    Attributes
    ----------
    size : bands per modality; ``all`` is one modality with every band, the baseline.
    order : every how many-th neighbour is taken; several orders put their modalities side by side.
    sets : explicit modalities, e.g. ``[[u, g], [i, z, y]]``; they replace ``size`` and ``order``.
    stem_filters : filters of a branch's first convolutions; null is 32 per band of the modality, ``family`` the
        baseline's own stem.
    branch_width : ``thin`` gives a branch of M of B bands the share M/B of the family's widths behind the stem
        (at least 8), ``full`` all of it.
    dropout : probability with which a modality is dropped from an image in training (never all of them).
    """

    size: int | Literal["all"] = "all"
    order: int | list[int] = 1
    sets: list[list[str]] | None = None
    stem_filters: Annotated[int, Entry(gt=0)] | Literal["family"] | None = None
    branch_width: Literal["thin", "full"] = "thin"
    dropout: float = Entry(default=0.0, ge=0, lt=1)


class FusionSettings(Settings):
    """Where the parallel branches are joined.

    Attributes
    ----------
    stage : name of the fusion, as it appears in tables.
    parallel_stages : how many of the four stages ("quarters" of the depth) run once per modality.
    """

    stage: Literal["early", "middle", "late"]
    parallel_stages: int = Entry(ge=1, le=3)


class AdaptSettings(Settings):
    """How a network trained on a source field is carried to target fields whose labels it must not see.

    Attributes
    ----------
    name : name of the method, as it appears in tables.
    labels : whose labels train the network: ``source``; or ``target``, the oracle that bounds what adaptation can do.
    degrade : blur and dim the source images to the target's seeing, noise and background.
    guided : every source galaxy of a batch gets a target galaxy of like magnitude; otherwise any target galaxy.
    discriminator : ``single`` tells the field of one galaxy, ``paired`` whether two galaxies of like magnitude come
        from the same field; null trains without an adversary.
    coral : weight of the alignment of feature means and covariances (Sun & Saenko 2016), 0 is off.
    calibrate : learn a flux scale and a background per band of every target, from the alignment alone.
    strength : largest weight λ of the adversary's reversed gradient.
    steepness : of the rise of λ, 2 / (1 + exp(−steepness p)) − 1 with the progress p of the adaptation.
    layer : what is aligned: ``features`` (first dense layer, E(B-V) joined) or ``trunk`` (the image alone).
    tolerance : largest difference of magnitudes that count as alike [mag].
    match_bands : further bands whose magnitudes must be alike.
    partners : of the paired discriminator: how many galaxies of one field stand on the other side of a pair.
    memory : batches whose features the discriminator remembers and draws partners from; 0 is none.
    hidden : width of the discriminator.
    epochs : of the adaptation, after the training on the source.
    batch_size : source galaxies per step of the adaptation, and as many targets; null takes ``data.batch_size``.
    learning_rate : of the network in the adaptation.
    discriminator_learning_rate : of the discriminator, before and during the adaptation.
    calibration_learning_rate : of the targets' flux scales (in their logarithm) and backgrounds.
    discriminator_updates : steps of the discriminator alone on remembered features, before each step of both.
    discriminator_steps : steps of the discriminator on frozen features, at most, before λ rises.
    discriminator_tries : discriminators that are taught, one after the other, until one wins.
    least_accuracy : on held-out frozen features, that the discriminator must reach before λ rises; 0 asks for none.
    without_win : what follows where no discriminator wins: ``stop`` ends the run, ``unaligned`` trains on with λ = 0.
    probe_weight : weight of the probe's 2 AUC − 1 beside the source's validation loss when the epoch is chosen.
    """

    name: str
    labels: Literal["source", "target"] = "source"
    degrade: bool = False
    guided: bool = False
    discriminator: Literal["single", "paired"] | None = None
    coral: float = Entry(default=0.0, ge=0)
    calibrate: bool = False
    strength: float = Entry(default=1.0, ge=0)
    steepness: float = Entry(default=10.0, gt=0)
    layer: Literal["features", "trunk"] = "features"
    tolerance: float = Entry(default=0.1, gt=0)
    match_bands: list[str] = []
    partners: int = Entry(default=16, gt=0)
    memory: int = Entry(default=16, ge=0)
    hidden: int = Entry(default=128, gt=0)
    epochs: int = Entry(default=8, gt=0)
    batch_size: int | None = Entry(default=None, gt=0)
    learning_rate: float = Entry(default=3e-4, gt=0)
    discriminator_learning_rate: float = Entry(default=1e-3, gt=0)
    calibration_learning_rate: float = Entry(default=5e-4, gt=0)
    discriminator_updates: int = Entry(default=0, ge=0)
    discriminator_steps: int = Entry(default=2000, ge=0)
    discriminator_tries: int = Entry(default=3, gt=0)
    least_accuracy: float = Entry(default=0.65, ge=0, lt=1)
    without_win: Literal["stop", "unaligned"] = "stop"
    probe_weight: float = Entry(default=0.0, ge=0)

    @property
    def adversarial(self) -> bool:
        """Whether a discriminator takes part."""
        return self.discriminator is not None

    @property
    def uses_target_images(self) -> bool:
        """Whether target images go through the network in training."""
        return self.adversarial or self.coral > 0


class BenchSettings(Settings):
    """What ``task=bench`` measures.

    Attributes
    ----------
    full : every network with 5, 6 and 9 bands; otherwise a selection that takes minutes on two cores.
    output : file of the results.
    batch_size : images per step; null is 16 on a CPU, 256 on a GPU.
    seconds : for how long each figure is repeated [s].
    """

    full: bool = False
    output: Path = Path("bench.json")
    batch_size: int | None = Entry(default=None, gt=0)
    seconds: float = Entry(default=2.0, gt=0)
