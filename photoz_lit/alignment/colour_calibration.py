"""Errors of a target's calibration that depend on a source's colour, as of another filter."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from pydantic import Field as Entry
from torch import Tensor, nn

from photoz_lit.alignment.calibration import Calibration, CalibrationOptions, scaled_targets
from photoz_lit.alignment.part import Shapes, Start
from photoz_lit.data.pixels import unstretch

LN_PER_MAG = 0.4 * np.log(10.0)
FURTHEST = 1.5  # from the pivot, that a colour counts [mag]: the flux of a red galaxy's bluest band is noise


class ColourCalibrationOptions(CalibrationOptions):
    """Options of the calibration with colour terms.

    Attributes
    ----------
    aperture : σ of the Gaussian weights around the centre in which a stamp's colours are measured [pixel].
    """

    aperture: float = Entry(gt=0)


class ColourCalibration(Calibration):
    """:class:`~photoz_lit.alignment.calibration.Calibration` whose flux scale depends on the colour of the source.

    A filter that differs from the source field's moves magnitudes by a slope times a colour. The colour of band b is
    that of b and the next redder band (of the last two bands for the last), in asinh magnitudes (Lupton, Gunn & Szalay
    1999) of the stamp itself; the pivot is the source's median, so that the slope leaves the mean zero point alone.

    Attributes
    ----------
    slope : magnitudes per magnitude of colour, (n_targets, bands).
    pivot : of each band's colour [mag], (bands,).
    """

    Options = ColourCalibrationOptions
    pivot: Tensor

    def __init__(self, options: ColourCalibrationOptions, shapes: Shapes) -> None:
        super().__init__(options, shapes)
        self.slope = nn.Parameter(torch.zeros_like(self.log_scale))
        self.register_buffer("pivot", torch.zeros(len(shapes.bands)))

    def prepare(self, start: Start) -> dict[str, Any]:
        """Measure the noise and the median colours of the source's stamps."""
        report = super().prepare(start)
        self.pivot.copy_(self.colours(start.source_images()).median(dim=0).values)
        return report

    def colours(self, image: Tensor) -> Tensor:
        """Colour of every band (B, bands) [mag] of stretched images (B, bands, H, W); no gradient passes."""
        flux = unstretch(image.detach().float())
        weight = _centred(flux.shape[-1], self.options.aperture, flux)
        softening = self.sky_sigma * weight.square().sum().sqrt()
        measured = (flux * weight).sum(dim=(2, 3))
        mag = -(torch.asinh(measured / (2 * softening)) + softening.log()) / LN_PER_MAG
        colour = mag[:, :-1] - mag[:, 1:]
        return torch.cat([colour, colour[:, -1:]], dim=1)

    def images(self, image: Tensor, domain: Tensor) -> Tensor:
        """Calibrate the targets' images."""
        from_pivot = (self.colours(image) - self.pivot).clamp(-FURTHEST, FURTHEST)
        return scaled_targets(
            image,
            domain,
            self.log_scale,
            self.background * self.sky_sigma,
            of_each=lambda row, target: LN_PER_MAG * self.slope[row] * from_pivot[target],
        )

    def report(self) -> dict[str, Any]:
        """Add ``slope`` [mag/mag] to what the calibration says of each target and band."""
        report = super().report()
        for of_target, slopes in zip(report["calibration"], self.slope.detach().tolist(), strict=True):
            for band, slope in zip(self.shapes.bands, slopes, strict=True):
                of_target[band]["slope"] = slope
        return report


def _centred(size: int, sigma: float, like: Tensor) -> Tensor:
    """Gaussian weights (H, W) around a stamp's centre."""
    along = torch.arange(size, device=like.device, dtype=like.dtype) - (size - 1) / 2
    line = torch.exp(-0.5 * (along / sigma).square())
    return line[:, None] * line[None, :]
