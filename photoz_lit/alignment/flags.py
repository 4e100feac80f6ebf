"""Parts of an adaptation in one word, ``adapt.calibrate=true``: on the command line, and in records of runs.

A flag that is set puts its part in or takes it out, whatever the method's file lists; afterwards every flag says what
there is. Runs made before there were parts have flags alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml
from omegaconf import OmegaConf

from photoz_lit.fields import conf_directory

Spec = dict[str, Any]

#: Flag -> name of the part, and its file in ``conf/adapt/part`` for each value; any other value is without it.
PARTS: dict[str, tuple[str, dict[object, str]]] = {
    "labels": ("labels", {"target": "oracle_labels", "matched": "matched_oracle_labels"}),
    "degrade": ("degraded", {True: "degraded"}),
    "discriminator": ("adversary", {"single": "single_discriminator", "paired": "paired_discriminator"}),
    "coral": ("coral", {True: "coral"}),
    "calibrate": ("calibration", {True: "calibration"}),
}
#: What a flag is without its part.
WITHOUT = {"labels": "source", "degrade": False, "discriminator": None, "coral": 0.0, "calibrate": False}
ALIGNING = {"single_discriminator", "paired_discriminator", "coral"}  # they need target images in the batches


def expanded(adapt: Mapping[str, Any]) -> Spec:
    """Content of the section ``adapt`` with its parts in full and flags that say which they are.

    Parameters
    ----------
    adapt : as composed, with ``batches`` and ``parts``, and flags that are null or set; or a record, in which flags
        alone say what there was.
    """
    files = _files()
    content = {**_read("base"), **adapt}
    parts = {name: _plain(part) for name, part in content["parts"].items() if part is not None}
    kinds = {name: _kind(part, files) for name, part in parts.items()}
    for flag, (name, values) in PARTS.items():
        if content[flag] is None and "parts" in adapt:
            continue  # as the method's file lists it
        wanted = values.get(bool(content[flag]) if flag == "coral" else content[flag])
        parts = {key: part for key, part in parts.items() if kinds[key] not in values.values() or kinds[key] == wanted}
        own = name in parts and kinds[name] is None  # a class of the user's own stays
        if wanted is not None and wanted not in kinds.values() and not own:
            parts[name], kinds[name] = _resolved(files[wanted], content), wanted
    content |= {"parts": parts, "batches": _batches(content, {kinds[name] for name in parts}, files)}
    return content | _flags(content, files)


def _batches(content: Spec, kinds: set[str | None], files: Mapping[str, Spec]) -> Spec | None:
    """The batches that are listed or that a flag or a part asks for; none where nothing is aligned."""
    if not kinds & {None, *ALIGNING}:
        return None
    listed = None if content["batches"] is None else _plain(content["batches"])
    wanted = {True: "guided", False: "any_targets"}.get(content["guided"])
    if wanted is None and listed is None and kinds & ALIGNING:
        wanted = "any_targets"
    if wanted is None or _kind(listed or {}, files) == wanted:
        return listed
    return _resolved(files[wanted], content)


def _flags(content: Spec, files: Mapping[str, Spec]) -> Spec:
    """What each flag is, by the parts that there are."""
    by_kind = {_kind(part, files): part for part in content["parts"].values()}
    found = {
        flag: next((value for value, kind in values.items() if kind in by_kind), WITHOUT[flag])
        for flag, (_, values) in PARTS.items()
    }
    weight = by_kind.get("coral", {}).get("weight", WITHOUT["coral"])
    return found | {"coral": weight, "guided": _kind(content["batches"] or {}, files) == "guided"}


def _kind(part: Mapping[str, Any], files: Mapping[str, Spec]) -> str | None:
    """Name of the file that has a part's class; None for a class of the user's own."""
    return next((name for name, file in files.items() if file["_target_"] == part.get("_target_")), None)


def _plain(part: Any) -> Spec:
    """A part as YAML has it, also where it was checked before."""
    content: Spec = part.model_dump() if hasattr(part, "model_dump") else dict(part)
    return {"_target_" if key == "target" else key: value for key, value in content.items()}


def _resolved(part: Spec, adapt: Spec) -> Spec:
    """A part with the options that the section ``adapt`` has for it."""
    found: Any = OmegaConf.to_container(OmegaConf.create({"adapt": adapt, "part": part}), resolve=True)
    return dict(found["part"])


def _files() -> dict[str, Spec]:
    """Parts in ``conf/adapt/part``, by name of the file."""
    return {path.stem: _read(f"part/{path.stem}") for path in (conf_directory() / "adapt" / "part").glob("*.yaml")}


def _read(name: str) -> Spec:
    """A file of ``conf/adapt`` upon the first of its defaults."""
    content: Spec = yaml.safe_load((conf_directory() / "adapt" / f"{name}.yaml").read_text())
    below = content.pop("defaults", ["_self_"])[0]
    return content if below == "_self_" else {**_read(f"part/{below}"), **content}
