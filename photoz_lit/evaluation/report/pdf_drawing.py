"""A redshift PDF as a drawing inside an HTML page: sharp at any size, in the colours of the page's scheme."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator

WIDTH, HEIGHT, AXIS = 200.0, 92.0, 16.0  # of the drawing, and of the numbers below it
TICKS = 4


def pdf_drawing(density: Sequence[float], edges: Sequence[float], z_phot: float, z: float | None) -> str:
    """Return a PDF as SVG of numbers alone: steps, the estimate as a solid line and the label as a dashed one.

    Parameters
    ----------
    density : per unit redshift, (n,).
    edges : (n + 1,).
    z_phot : point estimate.
    z : label; None draws none.
    """
    low, high, top = edges[0], edges[-1], 1.08 * max(max(density), 1e-12)
    base = HEIGHT - AXIS

    def across(redshift: float) -> float:
        return WIDTH * (redshift - low) / (high - low)

    steps = []
    for value, left, right in zip(density, edges[:-1], edges[1:], strict=True):
        height = base * (1 - value / top)
        steps.append(f"{across(left):.1f},{height:.1f} {across(right):.1f},{height:.1f}")
    outline = f"0,{base:g} {' '.join(steps)} {WIDTH:g},{base:g}"
    lines = [f'<line class="estimate" x1="{across(z_phot):.1f}" x2="{across(z_phot):.1f}" y1="0" y2="{base:g}"/>']
    if z is not None and low <= z <= high:
        lines.append(f'<line class="label" x1="{across(z):.1f}" x2="{across(z):.1f}" y1="0" y2="{base:g}"/>')
    numbers = [
        f'<line class="tick" x1="{across(one):.1f}" x2="{across(one):.1f}" y1="{base:g}" y2="{base + 3:g}"/>'
        f'<text x="{across(one):.1f}" y="{HEIGHT - 2:g}">{one:g}</text>'
        for one in _ticks(low, high)
    ]
    what = f"PDF between z = {low:.2f} and {high:.2f}, median {z_phot:.3f}"
    return (
        f'<svg class="pdf" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="{what}">'
        f'<polygon points="{outline}"/>{"".join(lines)}'
        f'<line class="axis" x1="0" x2="{WIDTH:g}" y1="{base:g}" y2="{base:g}"/>{"".join(numbers)}</svg>'
    )


def _ticks(low: float, high: float) -> list[float]:
    """Round redshifts between two, none so near the rim that its number would be cut."""
    rim = 0.06 * (high - low)
    ticks = MaxNLocator(TICKS, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [round(float(one), 6) for one in np.asarray(ticks) if low + rim <= one <= high - rim]
