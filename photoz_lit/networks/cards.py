"""What makers state of their GPUs, to measure utilisation against."""

from __future__ import annotations

#: A word of the name that torch gives a card -> dense bfloat16 products with float32 sums, without sparsity [TFLOP/s].
#: From NVIDIA's data sheets; the first word that is found counts. Cards without bfloat16 units (V100, T4) are not here.
STATED_TFLOPS = {
    "B200": 2250.0,
    "H200 NVL": 835.5,
    "H200": 989.0,
    "H100 NVL": 835.5,
    "H100 PCIe": 756.0,
    "H100": 989.0,
    "A100": 312.0,
    "A40": 149.7,
    "A30": 165.0,
    "A10G": 70.0,
    "A10": 125.0,
    "L40S": 362.0,
    "L40": 181.0,
    "L4": 121.0,
}


def stated_gflops(card: str, precision: str) -> float | None:
    """Return the rate that a card's maker states for this precision [10⁹ operations per second]; None: not known.

    Parameters
    ----------
    card : its name, e.g. ``NVIDIA H100 80GB HBM3``.
    precision : Lightning's name; only products in bfloat16 are known.

    Examples
    --------
    >>> stated_gflops("NVIDIA A100-SXM4-80GB", "bf16-mixed")
    312000.0
    """
    if precision != "bf16-mixed":
        return None
    return next((1e3 * rate for word, rate in STATED_TFLOPS.items() if word in card), None)
