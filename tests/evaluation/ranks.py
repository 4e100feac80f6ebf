"""What one of two processes does in the test of metrics over ranks; imports little, as each process does it anew."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.distributed as dist

from photoz_lit.evaluation.metrics.streamed import StreamedMetric, can_stream
from photoz_lit.metric import metrics


def metrics_in_batches(pdf: torch.Tensor, z: torch.Tensor, edges: torch.Tensor, batch: int) -> dict[str, float]:
    """Every metric after updates batch by batch."""
    streamed = {name: StreamedMetric(name, edges, 0.15) for name, one in metrics().items() if can_stream(one)}
    for start in range(0, len(z), batch):
        for metric in streamed.values():
            metric.update(pdf[start : start + batch], z[start : start + batch])
    return {name: float(metric.compute()) for name, metric in streamed.items()}


def one_rank(rank: int, folder: str) -> None:
    """Every second galaxy of those in ``folder/galaxies.pt``."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    pdf, z, edges = torch.load(Path(folder) / "galaxies.pt")
    torch.save(metrics_in_batches(pdf[rank::2], z[rank::2], edges, 64), Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()
