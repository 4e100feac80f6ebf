"""Settings of runs as tables of a report; what a setting is for, its role, decides where it is printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from photoz_lit.setting_roles import keys_of
from photoz_lit.settings import Role

#: Title of a table -> roles of the settings in it. Names and logs say nothing about a result and are in config.yaml.
TABLES = {
    "what shapes the result": (Role.RESULT,),
    "machine and arithmetic": (Role.NUMERICS, Role.MACHINE),
    "places": (Role.PLACE,),
    "task": (Role.WORK,),
}

FIELD = "field.name"


def settings_tables(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Tables of a run's settings by role, less those at the default of their class.

    Parameters
    ----------
    record : the config in ``provenance.json``.

    Returns
    -------
    Tables as ``{"header", "rows", "of_keys"}``; none that is empty.
    """
    keys = [key for key in keys_of(record) if not key.at_default and key.value not in (None, {}, [])]
    tables = [
        {
            "header": [title, "value"],
            "rows": [[key.name, _text(key.value)] for key in keys if key.role in roles],
            "of_keys": True,
        }
        for title, roles in TABLES.items()
    ]
    return [table for table in tables if table["rows"]]


def differing_settings(records: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    """Settings that shape the result and are not the same in all runs: dotted key, and its text in each run.

    Of different fields the name stands for all the rest.
    """
    shaping = [{k.name: k.value for k in keys_of(record) if k.role is Role.RESULT} for record in records]
    names = dict.fromkeys(name for one in shaping for name in one)
    rows = [(name, [_text(one.get(name)) for one in shaping]) for name in names]
    differing = {name: texts for name, texts in rows if len(set(texts)) > 1}
    by_name = FIELD in differing
    return [
        (name, texts)
        for name, texts in differing.items()
        if not (by_name and name.startswith("field.") and name != FIELD)
    ]


def _text(value: Any) -> str:
    """A value as it is typed on the command line."""
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    return str(value).lower() if isinstance(value, bool) else "null" if value is None else str(value)
