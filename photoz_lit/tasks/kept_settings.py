"""``made_with.json`` of a study: what each file of its kept galaxies was made with, what they share written once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from photoz_lit.errors import InputError
from photoz_lit.files import write_json
from photoz_lit.studies import Setting

NAME = "made_with.json"
COMMON, OWN = "common", "own"


def read_kept_settings(study: Path) -> dict[str, Setting]:
    """Return what shaped the runs whose galaxies a study keeps: file of the galaxies -> value by dotted key.

    Parameters
    ----------
    study : folder of its ``results.json``; files are named below it.

    Raises
    ------
    InputError : its ``made_with.json`` cannot be read.
    """
    path = study / NAME
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text())
        return {file: {**content[COMMON], **own} for file, own in content[OWN].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} cannot be read ({error}); remove it, and the study makes its jobs again.") from error


def keep_settings(study: Path, made: Mapping[str, Setting]) -> None:
    """Add to a study's ``made_with.json``; what it says of files that are gone is dropped.

    Parameters
    ----------
    study : folder of its ``results.json``.
    made : file of the galaxies, below that folder -> what they were made with.
    """
    old = read_kept_settings(study)
    settings = {file: found for file, found in {**old, **made}.items() if (study / file).is_file()}
    if settings == old:
        return
    first: dict[str, Any] = next(iter(settings.values()), {})
    common = {k: v for k, v in first.items() if all(k in one and one[k] == v for one in settings.values())}
    own = {file: {k: v for k, v in settings[file].items() if k not in common} for file in sorted(settings)}
    write_json(study / NAME, {COMMON: common, OWN: own})
