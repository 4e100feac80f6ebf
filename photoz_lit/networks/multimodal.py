"""The network: parallel branches through the first stages, one per modality, then the common rest and the heads.

The single-stack baseline is the special case of one modality that holds every band.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor, nn

from photoz_lit.errors import InputError, nearest
from photoz_lit.networks.catalogue_inputs import CatalogueInputs, number_of_values
from photoz_lit.networks.family import Family, Widths, chain
from photoz_lit.networks.heads import Heads, NetworkOutput
from photoz_lit.networks.layers import Stage
from photoz_lit.networks.modalities import Modality, modalities_of, modality_name
from photoz_lit.networks.settings import FusionSettings, ModalitySettings, NetworkSettings
from photoz_lit.targets import find_class

FILTERS_PER_BAND = 32


class ParallelBlock(nn.Module):
    """One branch per modality; their maps are concatenated on channels.

    A dropped modality's map is zero. The others are not scaled up for it: the zeros are how the common part knows that
    a modality is missing (no branch gives exact zeros otherwise), a full image passes as if there were no dropout, and
    with one modality of eight left a factor of eight would leave the range the common part was trained on.

    Parameters
    ----------
    modalities : bands of each branch.
    bands : bands of the image, in order.
    branches : one stage chain per modality.
    dropout : probability with which a modality of an image is dropped in training.
    """

    def __init__(
        self, modalities: Sequence[Modality], bands: Sequence[str], branches: Sequence[Stage], dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.names = tuple(modality_name(modality) for modality in modalities)
        self.branches = nn.ModuleList(branches)
        self.outputs_of = [branch.outputs for branch in branches]
        self.outputs = sum(self.outputs_of)
        self.dropout = dropout
        for number, modality in enumerate(modalities):
            index = torch.tensor([list(bands).index(band) for band in modality])
            self.register_buffer(f"bands_{number}", index, persistent=False)

    def forward(self, image: Tensor, dropped: Collection[str] = ()) -> Tensor:
        """Map (B, bands, H, W) to (B, outputs, h, w); modalities named in ``dropped`` are zero for every image."""
        maps: list[Tensor | None] = [
            None if name in dropped else branch(image.index_select(1, self.get_buffer(f"bands_{number}")))
            for number, (name, branch) in enumerate(zip(self.names, self.branches, strict=True))
        ]
        some = next(found for found in maps if found is not None)
        filled = [
            some.new_zeros(len(image), outputs, *some.shape[2:]) if found is None else found
            for outputs, found in zip(self.outputs_of, maps, strict=True)
        ]
        if self.training and self.dropout > 0 and len(filled) > 1:
            keep = draw_kept(len(image), len(filled), self.dropout, image.device).to(some.dtype)
            filled = [found * keep[:, number, None, None, None] for number, found in enumerate(filled)]
        return torch.cat(filled, dim=1) if len(filled) > 1 else filled[0]


def draw_kept(images: int, modalities: int, dropout: float, device: torch.device | str = "cpu") -> Tensor:
    """Draw which modalities each image keeps, (images, modalities) bool; where all would go, one of them stays.

    Examples
    --------
    >>> bool(draw_kept(1000, 2, 0.9).any(dim=1).all())
    True
    """
    draw = torch.rand(images, modalities, device=device)
    # The largest draw is the last to be dropped: this alone is what an image keeps whose draws all fall below.
    return (draw >= dropout) | (draw == draw.amax(dim=1, keepdim=True))


class PhotoZNetwork(nn.Module):
    """Images and E(B-V) in, redshift PDF, redshift and features out.

    Attributes
    ----------
    bands : bands of the image, in order.
    modalities : bands of each branch.
    parallel : the first stages, once per modality.
    common : the rest of the stages; its output is flat.
    heads : the dense part.
    """

    def __init__(
        self, bands: Sequence[str], modalities: Sequence[Modality], parallel: ParallelBlock, common: Stage, heads: Heads
    ) -> None:
        super().__init__()
        self.bands = tuple(bands)
        self.modalities = tuple(modalities)
        self.parallel = parallel
        self.common = common
        self.heads = heads

    @property
    def modality_names(self) -> tuple[str, ...]:
        """Names by which modalities are dropped."""
        return self.parallel.names

    def trunk(self, image: Tensor, dropped: Collection[str] = ()) -> Tensor:
        """Output of the last stage, (B, values): all that is known of the image before E(B-V) joins."""
        values: Tensor = self.common(self.parallel(image, dropped))
        return values

    def forward(
        self, image: Tensor, ebv: Tensor, dropped: Collection[str] = (), catalogue: Tensor | None = None
    ) -> NetworkOutput:
        """Estimate redshifts.

        Parameters
        ----------
        image : (B, bands, H, W) pixels after the stretch.
        ebv : (B, 1) Galactic reddening [mag].
        dropped : names of modalities to leave out, see :meth:`check_dropped`.
        catalogue : (B, values), NaN where missing, for a network that reads them; None: all are missing.
        """
        output: NetworkOutput = self.heads(self.trunk(image, dropped), ebv, catalogue)
        return output

    def check_dropped(self, dropped: Collection[str]) -> frozenset[str]:
        """Return the names as a set.

        Raises
        ------
        InputError : a name is no modality of this network, or none would be left.
        """
        for name in dropped:
            if name not in self.modality_names:
                raise InputError(f"drop: no modality '{name}'{nearest(name, self.modality_names)}")
        if set(dropped) == set(self.modality_names):
            raise InputError("drop: every modality is dropped; leave at least one.")
        return frozenset(dropped)


def build_network(
    network: NetworkSettings,
    modality: ModalitySettings,
    fusion: FusionSettings,
    bands: Sequence[str],
    stamp_size: int,
    n_bins: int,
) -> PhotoZNetwork:
    """Build a network with fresh weights from the global random state.

    Parameters
    ----------
    network, modality, fusion : sections of the config.
    bands : bands of the image, in order.
    stamp_size : side of the image [pixel].
    n_bins : redshift bins.

    Raises
    ------
    InputError : the family is unknown or has no member for this stamp size, or the modalities do not fit the bands.
    """
    family = _family(network)(network, stamp_size)
    modalities = modalities_of(modality, bands)
    stages = fusion.parallel_stages
    branches = [
        chain(family.stages[:stages], len(one), _branch_widths(one, family, network, modality, bands))
        for one in modalities
    ]
    parallel = ParallelBlock(modalities, bands, branches, modality.dropout)
    common = chain(
        family.stages[stages:], parallel.outputs, Widths(family.stem_filters, 1.0, network.width, network.align)
    )
    values = number_of_values(network, len(bands))
    catalogue = CatalogueInputs(values, network.catalogue_dropout) if values else None
    return PhotoZNetwork(bands, modalities, parallel, common, Heads(common.outputs, n_bins, network, catalogue))


def feature_length(network: PhotoZNetwork, layer: str) -> int:
    """Length of what is aligned."""
    first = network.heads.features[0]
    assert isinstance(first, nn.Linear)
    return network.common.outputs if layer == "trunk" else first.out_features


def _family(network: NetworkSettings) -> type[Family]:
    what = f"family of networks (network '{network.name}')"
    return find_class(network.target, Family, what, "network._target_")  # type: ignore[type-abstract]  # it is concrete


def _branch_widths(
    one: Modality, family: Family, network: NetworkSettings, modality: ModalitySettings, bands: Sequence[str]
) -> Widths:
    stem = FILTERS_PER_BAND * len(one) if modality.stem_filters is None else modality.stem_filters
    share = len(one) / len(bands) if modality.branch_width == "thin" else 1.0
    return Widths(family.stem_filters if stem == "family" else stem, share, network.width, network.align)
