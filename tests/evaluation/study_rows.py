"""Rows of a study without runs."""

from __future__ import annotations

#: Files of every comparison on a field with published numbers.
WRITTEN = ("comparison.md", "comparison.csv", "comparison.png", "published.csv", "published.png")


def rows(with_depth: bool = False) -> list[dict[str, object]]:
    """Rows of a study's results.json."""
    out = []
    for seed in range(3):
        for method, sigma in (("baseline", 0.02), ("multimodal", 0.018)):
            for depth in (0.5, 1.0) if with_depth else (None,):
                row = {"method": method, "field": "hsc9b", "seed": seed, "n_test": 100, "data": "simulated"}
                row |= {"sigma_mad": sigma * (depth or 1) + 0.001 * (seed - 1), "eta": 0.02, "bias": 0.001}
                out.append(row | ({} if depth is None else {"depth": depth}))
    return out
