"""Typed sections ``network``, ``modality`` and ``fusion`` of the config (no torch in here)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator
from pydantic import Field as Entry

from photoz_lit.settings import EstimatorSettings, Settings

MEASURED: Literal["measured"] = "measured"

#: Columns of the catalogue, a single one without brackets, or ``measured``.
CatalogueInputs = Annotated[
    Literal["measured"] | tuple[str, ...],
    BeforeValidator(lambda value: (value,) if isinstance(value, str) and value != MEASURED else value),
]


#: Width of a hidden layer.
Width = Annotated[int, Entry(gt=0, le=1_000_000)]


class NetworkSettings(EstimatorSettings):
    """One family of networks and the size of its member.

    Attributes
    ----------
    target : import path of the :class:`~photoz_lit.networks.family.Family` that builds the four stages.
    width : factor on every channel and dense width; 1 is the published network.
    align : multiple that channels and dense widths are rounded up to; 1 is the published network.
    depth : factor on the number of blocks per stage; 1 is the published network.
    dense : width of the dense layer that follows the trunk and E(B-V); its output is the features.
    pdf_head : hidden widths of head A, which ends in one logit per redshift bin.
    scalar_head : hidden widths of head B, which ends in one redshift; empty is a single dense layer.
    catalogue_inputs : columns of the catalogue that stand beside E(B-V), with the colours between neighbouring
        magnitudes, or ``measured`` for magnitudes and colours in circles on the stamps; empty is the image alone.
    catalogue_apertures : radii of these circles, ascending, in units of the field's widest seeing (FWHM).
    catalogue_dropout : share of the training galaxies, drawn anew in every batch, that are seen without these inputs.
    """

    is_method: ClassVar[bool] = False
    unused: ClassVar[tuple[str, ...]] = ()
    width: float = Entry(default=1.0, ge=1e-3, le=100)
    align: int = Entry(default=1, ge=1, le=1024)
    depth: float = Entry(default=1.0, ge=1e-3, le=100)
    dense: Width
    pdf_head: list[Width]
    scalar_head: list[Width]
    catalogue_inputs: CatalogueInputs = ()
    catalogue_apertures: tuple[Annotated[float, Entry(gt=0)], ...] = Entry(default=(0.5, 1.0, 2.0), min_length=1)
    catalogue_dropout: float = Entry(default=0.25, ge=0, lt=1)

    @property
    def catalogue_columns(self) -> tuple[str, ...]:
        """Columns of the catalogue that the network reads."""
        return () if self.catalogue_inputs == MEASURED else tuple(self.catalogue_inputs)


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
    stem_filters: Annotated[int, Entry(gt=0, le=100_000)] | Literal["family"] | None = None
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
