"""A page of a notebook: its text, its code, and the outputs that it was saved with."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any


def write_page(notebook: Path) -> None:
    """Write ``<name>.md`` beside a notebook, its figures below ``pictures/``."""
    lines: list[str] = []
    for number, cell in enumerate(json.loads(notebook.read_text(encoding="utf-8"))["cells"]):
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            lines += [text, ""]
            continue
        lines += ["```python", text, "```", ""]
        for output in cell["outputs"]:
            lines += [*_shown(output, notebook.parent, f"{notebook.stem}_{number}.png"), ""]
    notebook.with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _shown(output: dict[str, Any], folder: Path, name: str) -> list[str]:
    data = output.get("data", {})
    if "image/png" in data:
        (folder / "pictures" / name).write_bytes(base64.b64decode(data["image/png"]))
        return [f"![output](pictures/{name})"]
    return ["```text", "".join(output.get("text", data.get("text/plain", ""))).rstrip(), "```"]
