"""Pages of the reference, made of the typed settings, the config files and the metrics when the pages are built."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

from omegaconf import OmegaConf

from photoz_lit.command_line.choices import choices_of, compose_config, config_folders, description_of, read_choice
from photoz_lit.command_line.key_types import types_of
from photoz_lit.command_line.overrides import for_hydra
from photoz_lit.command_line.task_help import comments_in_use, config_rows, option_rows, type_name
from photoz_lit.config import Config, validate
from photoz_lit.evaluation.predictions.catalogue_files import DESCRIPTIONS, UCDS, UNITS
from photoz_lit.metric import metrics
from photoz_lit.setting_roles import keys_of
from photoz_lit.tasks.task import Task, within

#: Keys of the machinery that composes the config.
NOT_KEYS = ("hydra", "task", "study")
HIDDEN = ("target", "_target_", "description")
UNIT = re.compile(r"\[((?:arcsec|pixel|mag|deg|redshift|AB|s\b|flux|sky|degrees|electrons)[^\]]*)\]")
ALONE = re.compile("(arcsec|pixels|mag|deg)")
BETTER = {"lower": "lower is better", "higher": "higher is better", "zero": "0 is best"}


def write_reference(folder: Path) -> None:
    """Write ``tasks.md``, ``config_keys.md``, ``metrics.md`` and ``columns.md`` into a folder."""
    folder.mkdir(exist_ok=True)
    pages = {"tasks": tasks_page, "config_keys": keys_page, "metrics": metrics_page, "columns": columns_page}
    for name, make in pages.items():
        (folder / f"{name}.md").write_text(make(), encoding="utf-8")


def tasks_page() -> str:
    """Every task with its options, and the keys of the config that it reads."""
    folders = config_folders()
    lines = [
        "# Tasks",
        "",
        "`python -m photoz_lit task=<task> --help` prints the options of a task with all keys that it reads.",
        "`needed` has no default.",
        "",
    ]
    for name, path in choices_of("task", folders).items():
        content = read_choice(path)
        task = Task.of(content)
        lines += [f"## {name}", "", _cell(description_of(path, "task")), ""]
        rows = option_rows(task, content)
        if rows:
            lines += [*_table(("option", "type", "default", "meaning"), map(_row, rows)), ""]
        read = [*task.takes.needs, *(task.takes.reads or ())]
        lines += [f"It reads {_listed(read)}." if read or task.takes.reads is not None else "It reads every key.", ""]
    return "\n".join(lines)


def keys_page() -> str:
    """Every key of the config with type, unit, default, role and meaning."""
    composed = compose_config(for_hydra([]))
    content = cast(dict[str, Any], OmegaConf.to_container(composed, resolve=True))
    everything = Task.of({"name": "train", "takes": {"reads": [name for name in content if name not in NOT_KEYS]}})
    roles = {key.name: str(key.role.value) for key in keys_of(validate(composed))}
    rows = config_rows(everything, content, comments_in_use([], content, config_folders()))
    shown = {row[0] for row in rows}
    rows += [  # keys that the files leave to their class
        (key.name, " | ".join(map(type_name, types_of(key.name))), str(key.value), "")
        for key in keys_of(validate(composed))
        if not any(within(key.name, one) for one in (*shown, *NOT_KEYS)) and not key.name.endswith(HIDDEN)
    ]
    lines = [
        "# Keys of the config",
        "",
        "Values are those of a plain `python -m photoz_lit`; choices of groups (`network=pasquet`) change those of",
        "their section. **Role**: `result` shapes what comes out, `numerics` its last digits, `machine` and `place`",
        "neither, `cosmetic` is a name; the id of a run is made of the first two.",
        "",
    ]
    for section in dict.fromkeys(row[0].split(".")[0] for row in rows):
        lines += [f"## {section}", ""]
        table = []
        for key, kind, default, meaning in (row for row in rows if row[0].split(".")[0] == section):
            unit = UNIT.search(meaning) or ALONE.fullmatch(meaning)
            role = roles.get(key) or next((r for name, r in roles.items() if name.startswith(f"{key}.")), "")
            plain = meaning.replace(unit[0], "").strip() if unit else meaning
            table.append((f"`{key}`", _cell(kind), unit[1] if unit else "", _code(default), role, _cell(plain)))
        lines += [*_table(("key", "type", "unit", "default", "role", "meaning"), table), ""]
    return "\n".join(lines)


def metrics_page() -> str:
    """The glossary of metrics with their formulas."""
    lines = [
        "# Metrics",
        "",
        "Δz = (z_phot − z) / (1 + z) with the median z_phot of the PDF; p(x) is the density of a PDF, CDF(x) its",
        "integral, linear within a bin; u = CDF(z) is the PIT of a galaxy. All are over the N galaxies with a label.",
        "`metrics.json` has plain units: σ_MAD 0.0079, η a fraction.",
        "",
    ]
    rows = [
        (
            f"`{one.name}`",
            one.label,
            _cell(one.description),
            f"`{one.formula}`" if one.formula else "",
            BETTER[one.better],
        )
        for one in metrics().values()
    ]
    return "\n".join([*lines, *_table(("name", "label", "what it is", "formula", ""), rows), ""])


def columns_page() -> str:
    """Columns of predictions with unit, UCD and meaning."""
    lines = ["# Columns of predictions", "", "`predictions.parquet`, the exports and shards have these columns.", ""]
    names = list(dict.fromkeys([*DESCRIPTIONS, *UCDS]))
    places = {"ra": "right ascension (ICRS)", "dec": "declination (ICRS)"}
    rows = [
        (
            f"`{name}`",
            UNITS.get(name, ""),
            _code(UCDS.get(name, "")),
            _cell(DESCRIPTIONS.get(name, places.get(name, ""))),
        )
        for name in names
    ]
    return "\n".join([*lines, *_table(("column", "unit", "UCD", "meaning"), rows), ""])


def known_keys() -> set[str]:
    """Names of all keys of a default config."""
    return {key.name for key in keys_of(cast(Config, validate(compose_config(for_hydra([])))))}


def _row(row: tuple[str, str, str, str]) -> tuple[str, str, str, str]:
    key, kind, default, meaning = row
    return f"`{key}`", _cell(kind), _code(default), _cell(meaning)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [_line(head), _line(["---"] * len(head)), *map(_line, rows)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _code(text: str) -> str:
    return f"`{text.replace('|', chr(92) + '|')}`" if text else ""


def _cell(text: str) -> str:
    """Text as a cell takes it: no bar ends it, nothing in it is taken for HTML or a link."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("[", "\\[").replace("*", "\\*").replace("_", "\\_")


def _listed(keys: Sequence[str]) -> str:
    return ", ".join(f"`{key}`" for key in keys) or "no key of the config"
