"""On how many threads and ranks a result was made: its last digits depend on them, and its run id does not."""

from __future__ import annotations

import json
from typing import Any

import torch

from photoz_lit.config import Config
from photoz_lit.data.sampling import world
from photoz_lit.run_folder import RunFolder

NAMES = ("threads", "ranks")


def threads_and_ranks() -> dict[str, int]:
    """``threads`` of this process and ``ranks``, the processes that work together."""
    return {"threads": torch.get_num_threads(), "ranks": world()[1]}


def keep_threads_and_ranks(folder: RunFolder) -> None:
    """Write the threads and ranks of a run's networks into its ``provenance.json``: a number, or a list of several."""
    fits = [json.loads(path.read_text()) for path in sorted(folder.path.glob("checkpoints/*/fit.json"))]
    found: dict[str, Any] = {}
    for name in NAMES:
        numbers = sorted({fit[name] for fit in fits if name in fit})
        if numbers:
            found[name] = numbers[0] if len(numbers) == 1 else numbers
    folder.write_json("provenance.json", {**folder.read_json("provenance.json"), **found})


def made_on_others(config: Config, folder: RunFolder) -> list[str]:
    """A sentence where a finished run was made on other threads or ranks than this command asks for."""
    devices, nodes = config.trainer.devices, config.trainer.num_nodes
    on_one = devices if isinstance(devices, int) else len(devices) if isinstance(devices, list) else None
    here = {
        "threads": config.trainer.threads or torch.get_num_threads(),
        "ranks": None if on_one is None else on_one * nodes,
    }
    made = folder.read_json("provenance.json")
    if all(made.get(name) in (None, here[name]) or here[name] is None for name in NAMES):
        return []
    asked = {name: made.get(name) if here[name] is None else here[name] for name in NAMES}
    return [
        f"It was made on {_text(made)}; on {_text(asked)}, as this command asks for, its last digits would differ (by"
        " some 1e-5). rerun=true makes it so."
    ]


def _text(numbers: dict[str, Any]) -> str:
    parts = []
    for name in NAMES:
        several = numbers.get(name)
        counts = several if isinstance(several, list) else [several]
        one = name.removesuffix("s") if counts == [1] else name
        parts.append(f"{' and '.join('an unknown number of' if n is None else str(n) for n in counts)} {one}")
    return " and ".join(parts)
