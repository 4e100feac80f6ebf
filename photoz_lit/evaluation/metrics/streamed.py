"""A metric over batches and over ranks, exact.

Every galaxy's numbers that a metric is of (Δz, PIT, density …) are kept on the device, gathered over ranks and given to
the metric's function once: a median or a rank statistic is no mean of its parts. Galaxies without a label (z NaN) do
not count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torchmetrics
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from photoz_lit.evaluation.metrics import binned
from photoz_lit.evaluation.metrics.scores import FORMULAS
from photoz_lit.metric import Metric, metric

Edges = Sequence[float] | np.ndarray[Any, Any] | Tensor

#: What a batch gives a metric: formulas of PDFs (B, n_bins), edges and z (B,).
STREAMED: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    **FORMULAS,
    "delta": lambda pdf, edges, z: (binned.quantile(pdf, edges, 0.5) - z) / (1 + z),
    "z": lambda _pdf, _edges, z: z,
    "z_phot": lambda pdf, edges, _z: binned.quantile(pdf, edges, 0.5),
    "z_lo68": lambda pdf, edges, _z: binned.quantile(pdf, edges, 0.16),
    "z_hi68": lambda pdf, edges, _z: binned.quantile(pdf, edges, 0.84),
    "z_lo95": lambda pdf, edges, _z: binned.quantile(pdf, edges, 0.025),
    "z_hi95": lambda pdf, edges, _z: binned.quantile(pdf, edges, 0.975),
    "outside": lambda _pdf, edges, z: (z < edges[0]) | (z > edges[-1]),
}


def can_stream(one: Metric) -> bool:
    """Whether a metric is of what a batch of PDFs and redshifts gives."""
    return set(one.inputs) <= {*STREAMED, "threshold"}


class StreamedMetric(torchmetrics.Metric):
    """A metric of ``conf/metric`` that is updated with PDFs (B, n_bins) and redshifts (B,).

    Parameters
    ----------
    name : of the metric, one of those that :func:`can_stream`.
    z_edges : edges of the redshift bins, (n_bins + 1,).
    threshold : |Δz| from which a galaxy is an outlier, for metrics that ask for it.

    Examples
    --------
    >>> crps = StreamedMetric("crps", [0.0, 1.0, 2.0])
    >>> crps.update(torch.tensor([[0.5, 0.5], [1.0, 0.0]]), torch.tensor([1.0, 0.5]))
    >>> round(float(crps.compute()), 4)
    0.125
    """

    full_state_update = False

    def __init__(self, name: str, z_edges: Edges, threshold: float = np.nan, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.metric = metric(name)
        self.threshold = threshold
        self.kept = [name for name in self.metric.inputs if name in STREAMED]
        for name in self.kept:
            self.add_state(name, [], dist_reduce_fx="cat")
        # no buffer: a module cast to half precision would take the edges along
        self.z_edges = torch.as_tensor(z_edges, dtype=torch.float64)

    def update(self, pdf: Tensor, z: Tensor) -> None:
        """Add a batch: PDFs (B, n_bins), redshifts (B,), NaN where there is no label; nothing waits for the device."""
        self.z_edges = self.z_edges.to(pdf.device)
        probability = pdf.detach().double()
        probability = probability / probability.sum(dim=1, keepdim=True)
        truth = z.detach().double()
        known = torch.isfinite(truth)
        truth = torch.where(known, truth, self.z_edges[0])
        for name in self.kept:
            values = STREAMED[name](probability, self.z_edges, truth).double()
            getattr(self, name).append(torch.where(known, values, torch.nan))

    def compute(self) -> Tensor:
        """Return the metric of every galaxy of every rank; NaN without any."""
        gathered = {name: dim_zero_cat(getattr(self, name)) for name in self.kept if len(getattr(self, name))}
        values: dict[str, Any] = {name: kept[torch.isfinite(kept)].cpu().numpy() for name, kept in gathered.items()}
        some = bool(values) and all(len(kept) for kept in values.values())
        result = self.metric.of({**values, "threshold": self.threshold}) if some else np.nan
        return torch.tensor(result, dtype=torch.float64, device=self.z_edges.device)
