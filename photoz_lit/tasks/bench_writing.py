"""How fast predictions are described and written to shards, for ``task=bench``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch

from photoz_lit.evaluation.predictions.pdf_columns import PdfColumns, PdfKind
from photoz_lit.evaluation.predictions.shard_files import ShardRows, write_shard
from photoz_lit.tasks.prediction_shard import described

N_PDFS = 20_000
N_BINS = 400
Networks = Mapping[str, Mapping[str, Mapping[str, float]]]
KINDS: tuple[PdfKind, ...] = ("bins", "quantiles")


def writing(seconds: float, n: int = N_PDFS) -> dict[str, float]:
    """Measure point estimates, flags and a Parquet shard of PDFs of 400 bins, kept as bins and as 20 quantiles.

    Parameters
    ----------
    seconds : for how long each is repeated.
    n : PDFs in the shard.

    Returns
    -------
    ``<kind>_pdf_s``, PDFs per second of core, the best of the repeats.
    """
    random = np.random.default_rng(0)
    pdf = torch.softmax(torch.from_numpy(random.normal(0, 2, (n, N_BINS)).astype(np.float32)), dim=1).numpy()
    catalogue = pd.DataFrame({"object_id": np.arange(n).astype(str), "z": np.nan, "mag_i": 24.0, "flags": 0})
    found = {}
    with TemporaryDirectory() as folder:
        for kind in KINDS:
            columns = PdfColumns(kind, np.linspace(0, 6, N_BINS + 1))
            best, end = np.inf, time.perf_counter() + seconds
            while not np.isfinite(best) or time.perf_counter() < end:
                start = time.process_time()  # of the core: other programs may share the machine
                rows = ShardRows(*described(pdf, catalogue, np.full(n, -1), "i", columns), columns, "simulated")
                write_shard(rows, Path(folder), 0, ["parquet"])
                best = min(best, time.process_time() - start)
            found[f"{kind}_pdf_s"] = n / best
    return found


def share_of_network(written: Mapping[str, float], networks: Networks) -> dict[str, dict[str, float]]:
    """Time to write a PDF over the time of each network to predict it: ``<kind>`` -> ``<network>.<bands>``."""
    return {
        kind: {
            f"{name}.{bands}": row["infer_img_s"] / written[f"{kind}_pdf_s"]
            for name, by_bands in networks.items()
            for bands, row in by_bands.items()
        }
        for kind in KINDS
    }


def writing_line(written: Mapping[str, float], shares: Mapping[str, Mapping[str, float]]) -> str:
    """Sentence for the terminal."""
    parts = [
        f"{written[f'{kind}_pdf_s']:,.0f}/s as {kind} (at most {max(shares[kind].values()):.1%} of a network's time)"
        for kind in KINDS
    ]
    return f"PDFs of {N_BINS} bins to disk, point estimates included: {', '.join(parts)}"
