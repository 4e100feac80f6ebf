"""The published numbers (``published.yaml``) beside ours."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pandas as pd
import yaml

from photoz_lit.evaluation.comparison.table import ALL, label_of, settings_of
from photoz_lit.metric import Metric, metric


def read_published() -> dict[str, Any]:
    """Return the content of ``published.yaml``: ``literature``, ``multimodal``, ``oii_emitters``, in plain units."""
    text = (files("photoz_lit.evaluation.comparison") / "published.yaml").read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.safe_load(text)
    return content


def published_metrics() -> dict[str, Metric]:
    """Return the metrics of which gains were published."""
    return {name: metric(name) for name in read_published()["multimodal"][0]["gain"]}


def beside_published(table: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Put the published baseline and multimodal network beside our rows of the same field and label source.

    Parameters
    ----------
    table : of :func:`photoz_lit.evaluation.comparison.table.compare`.
    baseline : name of our baseline's method.

    Returns
    -------
    ``data``, ``who`` (``published`` or ``ours``), ``method`` (ours with its settings), ``n``, ``sigma_mad``, ``eta``,
    ``bias``, ``gain_<metric>``, ``gain_<metric>_error`` (of ours) and ``p_<metric>`` (ours is ``p_galaxies``, the
    paper's kind); empty where no row of ours has a published counterpart.
    """
    rows, settings, measures = [], settings_of(table), published_metrics()
    for entry in read_published()["multimodal"]:
        sources = [entry["source"], ALL] if entry["source"] == "spec" else [entry["source"]]
        ours = pd.DataFrame()
        for source in sources:
            if ours.empty:
                ours = table[(table["field"] == entry["field"]) & (table["source"] == source)]
        if ours.empty:
            continue
        for method in ("baseline", "multimodal"):
            row = {"data": entry["data"], "who": "published", "method": method, "n": entry["n"], **entry[method]}
            if method == "multimodal":
                row.update({f"gain_{name}": entry["gain"][name] for name in measures})
                row.update({f"p_{name}": entry["p"][name] for name in measures})
            rows.append(row)
        for _, mine in ours.iterrows():
            row = {
                "data": entry["data"],
                "who": f"ours, {mine['data'] or 'unknown'}",
                "method": label_of(mine, settings),
            }
            row.update({name: mine[name] for name in ("n", *measures)})
            if mine["method"] != baseline:
                row.update({f"gain_{name}": mine[f"gain_{name}"] for name in measures})
                row.update({f"gain_{name}_error": mine[f"gain_{name}_error"] for name in measures})
                row.update({f"p_{name}": mine[f"p_galaxies_{name}"] for name in measures})
            rows.append(row)
    return pd.DataFrame(rows)
