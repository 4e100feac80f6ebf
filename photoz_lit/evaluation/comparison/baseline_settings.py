"""The baseline as one setting of a method, such as ``multimodal (order 1)``, with which its other settings compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from photoz_lit.errors import InputError
from photoz_lit.evaluation.comparison.runs import Run
from photoz_lit.evaluation.comparison.table import Group, baseline_method, group_runs


def set_apart(
    runs: Sequence[Run], baseline: str | None, settings: Mapping[str, str | float]
) -> tuple[list[Run], str | None]:
    """Rename the baseline's runs with some settings, so that the other settings are compared with them.

    Parameters
    ----------
    runs : all that are compared.
    baseline : as for :func:`~photoz_lit.evaluation.comparison.table.compare`.
    settings : name -> value, as the comparison shows them; empty sets nothing apart.

    Returns
    -------
    The runs, and the name of what the others are compared with, e.g. ``multimodal (order 1, fusion early)``.

    Raises
    ------
    InputError : no run of the baseline has these settings, or runs of several settings have them.
    """
    if not settings:
        return list(runs), baseline
    groups = group_runs(runs)
    method = baseline_method(groups, baseline)
    known = [group for group in groups if group.method == method]
    found = {group.label for group in known if _has(group, settings)}
    if len(found) != 1:
        labels = ", ".join(dict.fromkeys(group.label for group in known))
        raise InputError(f"task.baseline_settings fit {len(found)} of {labels}; name the settings of one of them.")
    (label,) = found
    chosen = {id(run) for group in known if group.label == label for run in group.runs}
    return [replace(run, method=label, settings={}) if id(run) in chosen else run for run in runs], label


def _has(group: Group, settings: Mapping[str, str | float]) -> bool:
    """Whether a group has these settings: numbers compare as numbers, all else as text."""
    known = group.settings
    return all(name in known and (known[name] == v or str(known[name]) == str(v)) for name, v in settings.items())
