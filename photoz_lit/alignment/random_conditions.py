"""Training images under conditions drawn at random, so that a network does not lean on those of its field."""

from __future__ import annotations

from typing import Any

import torch
from pydantic import Field as Entry
from torch import Tensor
from torch.nn import functional

from photoz_lit.alignment.part import Alignment, Shapes
from photoz_lit.alignment.sky_noise import sky_noise, some_images
from photoz_lit.data.domains import SOURCE, AdaptationSplit
from photoz_lit.data.pixels import stretch, unstretch
from photoz_lit.data.sample import Sample
from photoz_lit.settings import Settings

SKY_GALAXIES = 500  # whose pixels tell the noise of the source
WIDEST = 4.0  # half the width of a blur's kernel, in its largest σ


class RandomConditionsOptions(Settings):
    """Options of conditions drawn at random.

    Attributes
    ----------
    zero_point : scatter of each band's zero point [mag].
    background : scatter of each band's sky level [sky sigma of the source].
    blur : σ of the widest blur, drawn evenly from 0 for each band [pixel]; 0 blurs nothing.
    """

    zero_point: float = Entry(ge=0)
    background: float = Entry(ge=0)
    blur: float = Entry(ge=0)


class RandomConditions(Alignment):
    """Every band of every training image gets another zero point, sky level and blur (domain randomisation).

    Where fields differ by what varies from place to place, no constant of a field takes it off; a network that has seen
    it vary reads what does not depend on it (Tobin et al. 2017). Images of all fields are changed alike, so that it
    tells nothing about the field, and none outside the training.

    Attributes
    ----------
    sky_sigma : noise of a pixel of the source [flux unit of the field], (bands,); 1 until it is measured.
    """

    Options = RandomConditionsOptions
    sky_sigma: Tensor

    def __init__(self, options: RandomConditionsOptions, shapes: Shapes) -> None:
        super().__init__(options, shapes)
        self.register_buffer("sky_sigma", torch.ones(len(shapes.bands)))

    def measure(self, sample: Sample, split: AdaptationSplit) -> dict[str, Any]:
        """Measure the noise of the source's pixels."""
        own = split.train[sample.part[split.train] == SOURCE]
        self.sky_sigma.copy_(sky_noise(some_images(sample, own, SKY_GALAXIES)))
        return {}

    def training_images(self, image: Tensor, seed: int) -> Tensor:
        """Draw conditions for stretched images (B, bands, H, W), the same for the same seed."""
        random = torch.Generator().manual_seed(seed)
        shape = image.shape[:2]
        zero_point = self.options.zero_point * torch.randn(shape, generator=random)
        background = self.options.background * torch.randn(shape, generator=random)
        sigma = self.options.blur * torch.rand(shape, generator=random)
        flux = blurred(unstretch(image.float()), sigma, self.options.blur)
        factor = (10 ** (-0.4 * zero_point)).to(flux)
        sky = background.to(flux) * self.sky_sigma
        return stretch(flux * factor[:, :, None, None] + sky[:, :, None, None]).to(image.dtype)


def blurred(flux: Tensor, sigma: Tensor, largest: float) -> Tensor:
    """Blur each band of each image with its Gaussian, mirrored at the edges; the flux inside is kept.

    Parameters
    ----------
    flux : (B, bands, H, W).
    sigma : (B, bands) [pixel].
    largest : of all σ, which sets the size of the kernel; 0 leaves the flux as it is.
    """
    if not largest:
        return flux
    half = max(1, int(WIDEST * largest + 0.5))
    n_images, n_bands, height, width = flux.shape
    along = torch.arange(-half, half + 1, device=flux.device, dtype=flux.dtype)
    kernel = torch.exp(-0.5 * (along / sigma.to(flux).clamp_min(1e-3)[:, :, None]).square())
    kernel = (kernel / kernel.sum(dim=-1, keepdim=True)).flatten(0, 1)
    padded = functional.pad(flux, (half, half, half, half), mode="reflect").flatten(0, 1)[None]
    count = n_images * n_bands
    lines = functional.conv2d(padded, kernel[:, None, None, :], groups=count)
    both = functional.conv2d(lines, kernel[:, None, :, None], groups=count)
    return both.reshape(n_images, n_bands, height, width)
