"""The metrics as torchmetrics classes, exact over batches and over ranks.

Every class is built from the bin edges and updated with PDFs (B, n_bins) and redshifts (B,). A mean keeps a sum and a
count, in double precision, which are added up over ranks; a median or a rank statistic is no mean of its parts, so it
keeps every galaxy's value, gathers them all and is computed once. Galaxies without a label (z NaN) do not count.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from photoz_lit.evaluation.metrics import binned, point
from photoz_lit.evaluation.metrics.pdf import DENSITY_FLOOR, PIT_LIMITS, pit_uniformity

Edges = Sequence[float] | np.ndarray[Any, Any] | Tensor


class PDFMetric(Metric):
    """Base of the metrics: holds the bin edges and turns a batch into one value per galaxy.

    Parameters
    ----------
    z_edges : edges of the redshift bins, (n_bins + 1,).

    Examples
    --------
    >>> metric = CRPS([0.0, 1.0, 2.0])
    >>> metric.update(torch.tensor([[0.5, 0.5], [1.0, 0.0]]), torch.tensor([1.0, 0.5]))
    >>> round(float(metric.compute()), 4)
    0.125
    """

    full_state_update = False

    def __init__(self, z_edges: Edges, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # no buffer: a module cast to half precision would take the edges along
        self.z_edges = torch.as_tensor(z_edges, dtype=torch.float64)

    @abstractmethod
    def values(self, pdf: Tensor, z: Tensor) -> Tensor:
        """Return one value per galaxy, (B,), from normalised PDFs (B, n_bins) and z (B,), all in double precision."""

    def _values(self, pdf: Tensor, z: Tensor) -> Tensor:
        """Values of a batch, (B,), NaN where there is no label; nothing here waits for the device."""
        self.z_edges = self.z_edges.to(pdf.device)
        probability = pdf.detach().double()
        probability = probability / probability.sum(dim=1, keepdim=True)
        truth = z.detach().double()
        known = torch.isfinite(truth)
        values = self.values(probability, torch.where(known, truth, self.z_edges[0]))
        return torch.where(known, values, torch.nan)


class _MeanMetric(PDFMetric):
    """Mean of the galaxies' values: sums and counts, added up over ranks. NaN before the first galaxy."""

    total: Tensor
    count: Tensor

    def __init__(self, z_edges: Edges, **kwargs: Any) -> None:
        super().__init__(z_edges, **kwargs)
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, pdf: Tensor, z: Tensor) -> None:
        """Add a batch: PDFs (B, n_bins), redshifts (B,)."""
        values = self._values(pdf, z)
        self.total = self.total + torch.nansum(values)
        self.count = self.count + torch.isfinite(values).sum()

    def compute(self) -> Tensor:
        """Mean over every galaxy of every rank."""
        return self.total / self.count


class _GatheredMetric(PDFMetric):
    """A statistic of all galaxies' values together: every value is kept and gathered over ranks."""

    kept: list[Tensor]

    def __init__(self, z_edges: Edges, **kwargs: Any) -> None:
        super().__init__(z_edges, **kwargs)
        self.add_state("kept", [], dist_reduce_fx="cat")

    def update(self, pdf: Tensor, z: Tensor) -> None:
        """Add a batch: PDFs (B, n_bins), redshifts (B,)."""
        self.kept.append(self._values(pdf, z))

    def compute(self) -> Tensor:
        """The statistic of every galaxy of every rank; NaN without any."""
        if not len(self.kept):
            return torch.tensor(torch.nan, dtype=torch.float64)
        gathered = dim_zero_cat(self.kept)
        values = gathered[torch.isfinite(gathered)].cpu().numpy()
        result = self.statistic(values) if len(values) else np.nan
        return torch.tensor(result, dtype=torch.float64, device=self.z_edges.device)

    @abstractmethod
    def statistic(self, values: np.ndarray[Any, Any]) -> float:
        """Return the statistic of all values, (N,)."""


class _DeltaZ(PDFMetric):
    """Values are Δz of the PDF's median."""

    def values(self, pdf: Tensor, z: Tensor) -> Tensor:
        return (binned.quantile(pdf, self.z_edges, 0.5) - z) / (1 + z)


class _PIT(PDFMetric):
    """Values are the PIT, linear within the bin."""

    def values(self, pdf: Tensor, z: Tensor) -> Tensor:
        return binned.cdf_at(pdf, self.z_edges, z)


class SigmaMAD(_DeltaZ, _GatheredMetric):
    """σ_MAD of the PDF's median; see :func:`photoz_lit.evaluation.metrics.point.sigma_mad`."""

    def statistic(self, values: np.ndarray[Any, Any]) -> float:
        """1.4826 · median(|Δz − median(Δz)|)."""
        return point.sigma_mad(values)


class SigmaIQR(_DeltaZ, _GatheredMetric):
    """σ_IQR of the PDF's median (RAIL); see :func:`photoz_lit.evaluation.metrics.point.sigma_iqr`."""

    def statistic(self, values: np.ndarray[Any, Any]) -> float:
        """Interquartile range / 1.349."""
        return point.sigma_iqr(values)


class MedianBias(_DeltaZ, _GatheredMetric):
    """Median Δz of the PDF's median (RAIL's bias)."""

    def statistic(self, values: np.ndarray[Any, Any]) -> float:
        """Median of Δz."""
        return point.median_bias(values)


class Bias(_DeltaZ, _MeanMetric):
    """Mean Δz of the PDF's median."""


class OutlierFraction(_DeltaZ, _MeanMetric):
    """Fraction of galaxies with |Δz| ≥ ``threshold``."""

    def __init__(self, z_edges: Edges, threshold: float, **kwargs: Any) -> None:
        super().__init__(z_edges, **kwargs)
        self.threshold = threshold

    def values(self, pdf: Tensor, z: Tensor) -> Tensor:
        """1 for an outlier, else 0."""
        return (super().values(pdf, z).abs() >= self.threshold).double()


class CRPS(_MeanMetric):
    """Mean ∫ (CDF − H)² dz, exact for the piecewise linear CDF [redshift]."""

    def values(self, pdf: Tensor, z: Tensor) -> Tensor:
        """CRPS of each galaxy."""
        return binned.crps(pdf, self.z_edges, z)


class CDELoss(_MeanMetric):
    """Mean ∫ p² dz − 2 mean p(z)."""

    def values(self, pdf: Tensor, z: Tensor) -> Tensor:
        """∫ p² dz − 2 p(z) of each galaxy."""
        return binned.squared_density(pdf, self.z_edges) - 2 * binned.density_at(pdf, self.z_edges, z)


class NLL(_MeanMetric):
    """Mean −ln of the density at z, floored at ``DENSITY_FLOOR``."""

    def values(self, pdf: Tensor, z: Tensor) -> Tensor:
        """−ln p(z) of each galaxy."""
        return -torch.log(binned.density_at(pdf, self.z_edges, z).clamp(min=DENSITY_FLOOR))


class PITOutlierRate(_PIT, _MeanMetric):
    """Fraction of PIT values outside [1e-4, 0.9999]."""

    def values(self, pdf: Tensor, z: Tensor) -> Tensor:
        """1 for a PIT outlier, else 0."""
        pit = super().values(pdf, z)
        return ((pit < PIT_LIMITS[0]) | (pit > PIT_LIMITS[1])).double()


class PITUniformity(_PIT, _GatheredMetric):
    """Distance of the PIT from uniform: ``ks``, ``cvm`` or ``ad``."""

    def __init__(self, z_edges: Edges, distance: str = "ks", **kwargs: Any) -> None:
        super().__init__(z_edges, **kwargs)
        self.distance = distance

    def statistic(self, values: np.ndarray[Any, Any]) -> float:
        """The distance's statistic; see :func:`photoz_lit.evaluation.metrics.pdf.pit_uniformity`."""
        return pit_uniformity(values)[self.distance]


def metric_collection(z_edges: Edges, threshold: float) -> dict[str, Callable[[], PDFMetric]]:
    """Return every metric by its name in ``metrics.json``, as functions that build it."""
    return {
        "sigma_mad": lambda: SigmaMAD(z_edges),
        "eta": lambda: OutlierFraction(z_edges, threshold),
        "bias": lambda: Bias(z_edges),
        "median_bias": lambda: MedianBias(z_edges),
        "sigma_iqr": lambda: SigmaIQR(z_edges),
        "crps": lambda: CRPS(z_edges),
        "cde_loss": lambda: CDELoss(z_edges),
        "nll": lambda: NLL(z_edges),
        "pit_ks": lambda: PITUniformity(z_edges, "ks"),
        "pit_cvm": lambda: PITUniformity(z_edges, "cvm"),
        "pit_ad": lambda: PITUniformity(z_edges, "ad"),
        "pit_outlier_rate": lambda: PITOutlierRate(z_edges),
    }
