"""What a study's jobs take over from its own command line, and the refusal of all that they would not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Quote, QuotedString

from photoz_lit.config import Config
from photoz_lit.errors import InputError
from photoz_lit.setting_roles import Key, keys_of
from photoz_lit.settings import Role
from photoz_lit.tasks.changed_settings import composed

#: What a study's jobs take over: where things lie, and on what they run.
TAKEN_OVER = (Role.NUMERICS, Role.MACHINE, Role.PLACE)


def overrides_of_jobs(config: Config) -> list[str]:
    """What a study's jobs take over from its own command line: where things lie, and on what they run."""
    given = [key for key in _given(config) if key.role in TAKEN_OVER]
    return [
        f"trainer={config.trainer.name}",
        *(_override(key.name, key.value) for key in given),
        "trainer.progress=false",
        *_logger(config),
    ]


def require_taken_over(config: Config) -> None:
    """Refuse what was given to the study and would reach none of its jobs.

    Raises
    ------
    InputError : names the first such key.
    """
    common = [] if config.study is None else config.study.common
    for key in _given(config):
        if key.role not in (*TAKEN_OVER, Role.WORK) and not key.name.startswith("logger."):  # see _logger
            override = f"{key.name.removesuffix('.name')}={str(key.value).replace(chr(39), '')}"  # no quotes in quotes
            raise InputError(
                f"a study's jobs do not get {override}; give it to all of them, as in"
                f' "study.common={[*common, override]}".'
            )


def _given(config: Config) -> list[Key]:
    """Keys that a study's command line set."""
    usual = keys_of(composed(["task=study", f"trainer={config.trainer.name}", f"logger={config.logger.name}"]))
    values = {key.name: key.value for key in usual}
    return [key for key in keys_of(config) if key.name not in values or values[key.name] != key.value]


def _override(key: str, value: Any) -> str:
    return quoted(key, value) if isinstance(value, str) else f"{key}={json.dumps(value, separators=(',', ':'))}"


def quoted(key: str, path: str | Path) -> str:
    """Override in quotes: a comma, as in the job ``order-1,2``, is a sweep without them."""
    return f"{key}={QuotedString(str(path), Quote.single).with_quotes()}"


def _logger(config: Config) -> list[str]:
    """W&B where the study asks for it: its jobs make one group."""
    if config.logger.name == "csv" or config.study is None:
        return []
    entity = "null" if config.logger.entity is None else config.logger.entity
    return [
        f"logger={config.logger.name}",
        f"logger.project={config.logger.project}",
        f"logger.group={config.study.name}",
        f"logger.entity={entity}",
    ]
