"""Errors of a target field's calibration, learnt from the alignment with the source."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field as Entry
from torch import Tensor, nn

from photoz_lit.alignment.part import Alignment, Shapes, Start
from photoz_lit.alignment.sky_noise import sky_noise
from photoz_lit.data.domains import SOURCE
from photoz_lit.data.pixels import stretch, unstretch
from photoz_lit.settings import Settings


class CalibrationOptions(Settings):
    """Options of the calibration.

    Attributes
    ----------
    learning_rate : of the flux scales (in their logarithm) and the backgrounds.
    """

    learning_rate: float = Entry(gt=0)


class Calibration(Alignment):
    """A flux scale and a background per band of every target field; the source's images stay as they are.

    Zero points of two fields differ by per cents and their sky levels by a fraction of the noise: two numbers per band,
    which a network without knowledge of the field can only make itself blind to. No label takes part: their gradient
    comes from whatever aligns the features.

    Attributes
    ----------
    log_scale : ln of the factor on linear flux, (n_targets, bands).
    background : taken from linear flux [sky sigma of the source], (n_targets, bands).
    sky_sigma : noise of a pixel of the source [flux unit of the field], (bands,); 1 until it is measured.
    """

    Options: ClassVar[type[CalibrationOptions]] = CalibrationOptions
    sky_sigma: Tensor

    def __init__(self, options: CalibrationOptions, shapes: Shapes) -> None:
        super().__init__(options, shapes)
        n_targets, n_bands = len(shapes.fields) - 1, len(shapes.bands)
        self.log_scale = nn.Parameter(torch.zeros(n_targets, n_bands))
        self.background = nn.Parameter(torch.zeros(n_targets, n_bands))
        self.register_buffer("sky_sigma", torch.ones(n_bands))

    def prepare(self, start: Start) -> dict[str, Any]:
        """Measure the noise of the source's pixels."""
        self.measure_sky(start.source_images())
        return {}

    def measure_sky(self, image: Tensor) -> None:
        """Set ``sky_sigma`` to 1.4826 times the median absolute deviation of pixels of the source.

        A background in this unit is of the order of a scale error, so that one learning rate fits both.

        Parameters
        ----------
        image : (B, bands, H, W) after the stretch.
        """
        self.sky_sigma.copy_(sky_noise(image))

    def report(self) -> dict[str, Any]:
        """For each target and band: ``magnitude_offset`` [mag], how much brighter it is made, and ``background``."""
        bands = self.shapes.bands
        offset = (2.5 / np.log(10) * self.log_scale).detach().tolist()
        background = self.background.detach().tolist()
        found = [
            {band: {"magnitude_offset": m, "background": b} for band, m, b in zip(bands, *of_target, strict=True)}
            for of_target in zip(offset, background, strict=True)
        ]
        return {"calibration": found}

    def images(self, image: Tensor, domain: Tensor) -> Tensor:
        """Calibrate the targets' images."""
        return scaled_targets(image, domain, self.log_scale, self.background * self.sky_sigma)


def scaled_targets(
    image: Tensor,
    domain: Tensor,
    log_scale: Tensor,
    sky: Tensor | None = None,
    of_each: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> Tensor:
    """Take a level off the linear flux of the targets' images and scale it; the source's images stay as they are.

    Parameters
    ----------
    image : stretched, (B, bands, H, W).
    domain : number of each image's field, (B,).
    log_scale : ln of the factor, (n_targets, bands).
    sky : level, (n_targets, bands); None takes none off.
    of_each : from the row of each target's field (n,) and which images are targets (B,) to what is added to the ln of
        each image's factor, (n, bands).
    """
    target = domain != SOURCE
    if not target.any():
        return image
    row = domain[target] - 1
    flux = unstretch(image[target].float())
    if sky is not None:
        flux = flux - sky[row][:, :, None, None]
    factor = log_scale[row] if of_each is None else log_scale[row] + of_each(row, target)
    scaled = image.clone()
    scaled[target] = stretch(flux * factor.exp()[:, :, None, None]).to(image.dtype)
    return scaled
