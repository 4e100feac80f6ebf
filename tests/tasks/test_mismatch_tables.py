"""The tables of ``task=mismatch`` on a terminal of 80 columns."""

from __future__ import annotations

import io

import pandas as pd
from rich.console import Console

from photoz_lit.evaluation.mismatch.files import Mismatch
from photoz_lit.tasks.mismatch import _show


def test_tables_fit_into_80_columns_and_no_number_is_cut() -> None:
    fields = ["cosmos_ultra_deep_2023", "elais_d"]
    images = ("seeing", "d_seeing", "depth", "d_depth", "noise_correlation", "background_sigma", "colour_offset")
    conditions = pd.DataFrame([{"field": f, "band": "i", **dict.fromkeys(images, -12.345)} for f in fields])
    kinds = ("photometry", "shape", "sky", "pixels", "network")
    probes = pd.DataFrame([{"field": f, "features": k, "matched": True, "auc": 0.8765} for f in fields for k in kinds])
    numbers = ("nz_mean_shift", "nz_tv", "nz_tv_noise", "bias", "d_bias", "d_bias_err", "sigma_mad", "eta")
    redshifts = pd.DataFrame(
        [
            {"field": f, "group": group, "n": 123456, **dict.fromkeys(numbers, -0.1234)}
            for f in fields
            for group in ("all", "matched")
        ]
    )
    out = io.StringIO()
    _show(Console(file=out, width=80), Mismatch([], conditions, probes, [], redshifts, None, {}, [], {}))
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert text.count("-0.1234") == len(numbers) * len(redshifts)
    assert text.count("-12.345") == len(images) * len(fields)
    assert text.count("0.876") + text.count("0.877") == len(probes)
    assert text.count("123,456") == 2 * len(redshifts)
    for name in ("Δ⟨z⟩", "TV by chance", "Δbias", "σ_MAD", "η", "matched", "elais_d", "photometry"):
        assert name in text
