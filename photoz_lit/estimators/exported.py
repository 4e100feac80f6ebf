"""A whole run as one function of pixels that needs nothing of this package: what ``task=export`` writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import comb

import torch
from torch import Tensor, nn

from photoz_lit.alignment.part import Alignment
from photoz_lit.data.pixels import stretch
from photoz_lit.errors import InputError
from photoz_lit.estimators.applied import AppliedNetwork
from photoz_lit.evaluation.calibration.mixture import MIN_WIDTH
from photoz_lit.evaluation.calibration.pit import LOG_POWER, LOG_WIDTH, PitCalibration
from photoz_lit.fields import Field

LEAST = 1e-12  # of a probability in a harmonic mean


class ExportedRun(nn.Module):
    """Linear flux and reddening in, calibrated PDFs and their medians out.

    Parameters
    ----------
    members : fold -> its networks.
    calibrations : fold -> its recalibration; empty without any.
    field : gives the flux divisor and the redshift grid.
    images_per_galaxy : 8 takes the mean over flips and quarter turns.
    mean : of members, ``arithmetic`` or ``harmonic``.
    """

    z_edges: Tensor

    def __init__(
        self,
        members: Mapping[int, Sequence[AppliedNetwork]],
        calibrations: Mapping[int, PitCalibration],
        field: Field,
        images_per_galaxy: int,
        mean: str,
    ) -> None:
        super().__init__()
        self.folds = nn.ModuleList([nn.ModuleList(networks) for networks in members.values()])
        for network in (network for networks in members.values() for network in networks):
            _require_plain(network)
            network.channels_last = False  # of speed alone
        self.calibrations = nn.ModuleList(
            [
                CalibrationLayer(calibrations.get(fold, PitCalibration.identity()), field.z_edges.tolist())
                for fold in members
            ]
        )
        self.register_buffer("z_edges", torch.tensor(field.z_edges, dtype=torch.float32))
        self.flux_divisor = field.flux_divisor
        self.images_per_galaxy = images_per_galaxy
        self.harmonic = mean == "harmonic"

    def forward(self, images: Tensor, ebv: Tensor) -> tuple[Tensor, Tensor]:
        """PDFs (N, n_bins) that sum to 1, and their medians (N,).

        Parameters
        ----------
        images : (N, bands, size, size) float32 flux at the field's zero points; NaN is a pixel without a value.
        ebv : (N, 1) float32 Galactic reddening [mag].
        """
        seen = stretch(images / self.flux_divisor)
        turned = [_turned(seen, symmetry) for symmetry in range(self.images_per_galaxy)]
        total = torch.zeros((), device=images.device)
        for networks, calibration in zip(self.folds, self.calibrations, strict=True):
            assert isinstance(networks, nn.ModuleList)
            pdfs = torch.stack([self._mean(network, turned, ebv) for network in networks])
            if self.harmonic:
                pdf = 1.0 / (1.0 / pdfs.clamp_min(LEAST)).mean(dim=0)
            else:
                pdf = pdfs.mean(dim=0)
            total = total + calibration(pdf / pdf.sum(dim=1, keepdim=True))
        pdf = total / total.sum(dim=1, keepdim=True)
        return pdf, quantile(pdf, self.z_edges, 0.5)

    def _mean(self, network: nn.Module, images: Sequence[Tensor], ebv: Tensor) -> Tensor:
        pdfs = [network(image, ebv).logits.float().softmax(dim=1) for image in images]
        return torch.stack(pdfs).mean(dim=0)


class CalibrationLayer(nn.Module):
    """:class:`~photoz_lit.evaluation.calibration.pit.PitCalibration` in torch.

    The Beta distributions have whole parameters, so that their CDFs are sums of binomial terms.
    """

    def __init__(self, calibration: PitCalibration, z_edges: Sequence[float]) -> None:
        super().__init__()
        self.leaves_all = calibration.leaves_all
        self.raises = bool(calibration.power.any())
        self.power = calibration.power.tolist()
        self.knots = calibration.knots.tolist()
        degree = calibration.weights.shape[1]
        self.register_buffer("edges", torch.tensor(list(z_edges), dtype=torch.float32))
        self.register_buffer("weights", torch.tensor(calibration.weights, dtype=torch.float32))
        binomial = [float(comb(degree, j)) for j in range(degree + 1)]
        self.register_buffer("binomial", torch.tensor(binomial))
        self.degree = degree

    def forward(self, pdf: Tensor) -> Tensor:
        """Recalibrate PDFs (N, n_bins)."""
        if self.leaves_all:
            return pdf
        edges, weights, binomial = self.get_buffer("edges"), self.get_buffer("weights"), self.get_buffer("binomial")
        width = 0.5 * (quantile(pdf, edges, 0.84) - quantile(pdf, edges, 0.16))
        log_width = width.clamp_min(MIN_WIDTH).log()
        if self.raises:
            wide = torch.diff(edges)
            exponent = (self.power[0] + self.power[1] * (log_width - LOG_WIDTH)).clamp(*LOG_POWER).exp()[:, None]
            density = pdf / wide
            pdf = (density / density.amax(dim=1, keepdim=True)) ** exponent * wide
            pdf = pdf / pdf.sum(dim=1, keepdim=True)
        cdf = _cdf(pdf).clamp(0.0, 1.0)[:, :, None]
        number = torch.arange(self.degree + 1, device=pdf.device, dtype=pdf.dtype)
        terms = binomial * cdf**number * (1.0 - cdf) ** (self.degree - number)  # (N, n_bins + 1, degree + 1)
        betas = terms.flip(-1).cumsum(dim=-1).flip(-1)[:, :, 1:]  # CDF of Beta(d, degree + 1 − d): j ≥ d
        mapped = (betas * (self._shares(log_width) @ weights)[:, None, :]).sum(dim=-1)
        return torch.diff(mapped, dim=1).clamp_min(0.0)

    def _shares(self, log_width: Tensor) -> Tensor:
        """Share of each knot, (N, K): linear between knots, constant beyond them."""
        if len(self.knots) == 1:
            return torch.ones_like(log_width)[:, None]
        steps = [
            ((log_width - low) / (high - low)).clamp(0.0, 1.0)
            for low, high in zip(self.knots[:-1], self.knots[1:], strict=True)
        ]
        upper = torch.stack([torch.ones_like(log_width), *steps], dim=1)
        lower = torch.stack([*steps, torch.zeros_like(log_width)], dim=1)
        return upper - lower


def quantile(pdf: Tensor, z_edges: Tensor, level: float) -> Tensor:
    """Redshift (N,) where the CDF of each PDF (N, n_bins) reaches a level, linear within the bin."""
    cdf = _cdf(pdf)
    k = ((cdf < level).sum(dim=1, keepdim=True) - 1).clamp(0, pdf.shape[1] - 1)
    low, high = cdf.gather(1, k), cdf.gather(1, k + 1)
    fraction = ((level - low) / (high - low).clamp_min(1e-30)).clamp(0.0, 1.0)[:, 0]
    left, right = z_edges[k[:, 0]], z_edges[k[:, 0] + 1]
    return left + fraction * (right - left)


def _cdf(pdf: Tensor) -> Tensor:
    """CDF at the bins' edges, (N, n_bins + 1)."""
    cdf = torch.cat([torch.zeros_like(pdf[:, :1]), pdf.cumsum(dim=1)], dim=1)
    return cdf / cdf[:, -1:]


def _turned(image: Tensor, symmetry: int) -> Tensor:
    """Apply one of the eight flips and quarter turns, as :func:`photoz_lit.data.pixels.turn` numbers them."""
    image = image.flip(-1) if symmetry & 1 else image
    image = image.flip(-2) if symmetry & 2 else image
    return image.transpose(-1, -2) if symmetry & 4 else image


def _require_plain(network: AppliedNetwork) -> None:
    """Refuse networks that read more than images and reddening."""
    if network.network.heads.catalogue is not None:
        raise InputError(
            "task.format: onnx and torch hold networks of images alone, and this one reads values beside them; use"
            " task=predict, or photoz_lit.load in Python."
        )
    parts = [part for part in network.parts.values() if isinstance(part, Alignment)]
    if any(type(part).images is not Alignment.images for part in parts):
        raise InputError(
            "task.format: this run calibrates the images of its target field, which onnx and torch files do not hold;"
            " use task=predict, or photoz_lit.load in Python."
        )
