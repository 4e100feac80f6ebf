"""The network as a table: branches, fusion point, parameters and operations of the parallel and the common part."""

from __future__ import annotations

from photoz_lit.console import NamesTable
from photoz_lit.networks.complexity import Complexity, Cost, complexity_of
from photoz_lit.networks.multimodal import PhotoZNetwork


def network_summary(network: PhotoZNetwork, stamp_size: int, title: str | None = None) -> NamesTable:
    """Return a table to print.

    Parameters
    ----------
    network : any network.
    stamp_size : side of the image [pixel].
    title : what stands above the table.
    """
    cost = complexity_of(network, stamp_size)
    table = NamesTable(title=title, title_justify="left")
    table.add_column("part")
    for column in ("parameters", "GFLOP/image", "share"):
        table.add_column(column, justify="right")
    for name, branch in cost.branches.items():
        table.add_row(f"branch {name}", *_cells(branch, cost))
    table.add_section()
    table.add_row(f"parallel ({len(cost.branches)} branches)", *_cells(cost.parallel, cost))
    table.add_row(f"fusion: {cost.channels} channels of {cost.map_size}×{cost.map_size}")
    table.add_row("common", *_cells(cost.common, cost))
    table.add_section()
    table.add_row("network", *_cells(cost.total, cost))
    return table


def _cells(part: Cost, whole: Complexity) -> tuple[str, str, str]:
    """Parameters, GFLOP per image and share of the operations."""
    return f"{part.parameters:,}", f"{part.gflop:.4f}", f"{part.flop / whole.total.flop:.1%}"
