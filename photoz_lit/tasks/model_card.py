"""The model card of a run: what it was trained on, how good it is, where it ends, and how it is used."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, StrictUndefined

from photoz_lit.config import Config
from photoz_lit.metric import shown_in
from photoz_lit.printed import number
from photoz_lit.run_folder import CALIBRATION, RECALIBRATED, RunFolder

TEMPLATE = Path(__file__).with_name("model_card.md.j2")
KINDS = {
    "simulated": "SIMULATED galaxies: no image of the sky took part. It is not for real galaxies without a test.",
    "simulated_from_catalogue": "stamps DRAWN from a real catalogue, whose magnitudes and redshifts are real.",
    "real": "real images.",
}


def model_card(trained: Config, folder: RunFolder, files: Mapping[str, Path], differences: Mapping[str, float]) -> str:
    """Return the card as Markdown.

    Parameters
    ----------
    trained : config of the run.
    folder : of the run.
    files : format -> file of the model.
    differences : format -> largest difference of a probability to the run's own.
    """
    record, metrics = folder.read_json("provenance.json"), folder.read_json("metrics.json")
    field = trained.field
    roles = pd.read_parquet(folder.path / "split.parquet")["role"].replace("", "unlabelled").value_counts()
    test = pd.read_parquet(folder.path / "predictions.parquet", columns=["z", "mag"])
    template = Environment(undefined=StrictUndefined, keep_trailing_newline=True).from_string(TEMPLATE.read_text())
    return template.render(
        config=trained,
        field=field,
        record={name: record.get(name, "unknown") for name in ("photoz_lit", "data_hash", "git_commit")},
        kind=KINDS.get(str(record.get("data")), str(record.get("data"))),
        bands=list(trained.data.bands or field.band_names),
        size=trained.scale.stamp_size,
        members=len(list(folder.path.glob("checkpoints/*/best.ckpt"))),
        calibrated=any((folder.path / place).is_file() for place in (CALIBRATION, f"{RECALIBRATED}/{CALIBRATION}")),
        roles=", ".join(f"{name} {n:,}" for name, n in roles.items()),
        magnitudes=_range(test["mag"], field.reference_band),
        redshifts=_range(test["z"], "z"),
        n_test=metrics["n_test"],
        metrics=_table(metrics),
        hashes={path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files.values()},
        differences=differences,
    )


def _table(metrics: Mapping[str, Any]) -> str:
    """Headline metrics of all test galaxies and of those of each magnitude bin, as a table in Markdown."""
    columns = shown_in("headline")
    rows = {"all": {"n": metrics["n_test"], **metrics}}
    rows |= {f"{name} mag": row for name, row in metrics["by_mag"].items()}
    lines = [["galaxies", "n", *(one.label for one in columns.values())], ["---"] * (len(columns) + 2)]
    lines += [[name, str(row["n"]), *(number(row.get(one), 4) for one in columns)] for name, row in rows.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _range(values: pd.Series[Any], name: str) -> str:
    known = values.dropna()
    if not len(known):
        return f"{name} unknown"
    low, high = known.quantile([0.01, 0.99])
    return f"{low:.3g} ≤ {name} ≤ {high:.3g}"
