"""Hydra's errors as one sentence, with the nearest known name or the quotes that a value needs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path
from typing import Any

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from photoz_lit.command_line.choices import choices_of, compose_config, config_folders, is_group
from photoz_lit.command_line.key_types import accepts, takes_dictionaries, takes_lists, types_of
from photoz_lit.command_line.overrides import key_of, task_chosen_by
from photoz_lit.command_line.quoting import parsed, shell_quoted, typed
from photoz_lit.command_line.reach import leaves, refused_alias
from photoz_lit.errors import NEAR_NAMES, nearest
from photoz_lit.tasks.task import NOT_OPTIONS, within


def explain(
    error: Exception, overrides: Sequence[str] = (), config_dir: Path | None = None, as_typed: Sequence[str] = ()
) -> str:
    """Turn an error of Hydra or OmegaConf into one sentence.

    Unknown keys and choices are answered with the nearest known one; the group choices among ``overrides`` tell
    which keys there are.

    Parameters
    ----------
    error : that Hydra raised.
    overrides : as Hydra got them.
    config_dir : the user's own config folder.
    as_typed : the same overrides as the user typed them, to be shown.
    """
    text = str(error)
    cause = str(error.__cause__ or "")
    folders = config_folders(config_dir)
    task = None
    with suppress(HydraException, OmegaConfBaseException, TypeError, ValueError):  # what is to be explained comes again
        task = task_chosen_by(overrides, folders)
    options = None if task is None else task.options
    for override, shown in zip_longest(overrides, as_typed[: len(overrides)]):
        read = parsed(override)
        kinds = types_of(key_of(override), options)
        if read is None:
            return unreadable(shown or override, kinds)
        if read.is_sweep_override() and f"'{override}'" in text and "Ambiguous value" in text:
            return _several_values(shown or override, kinds)
    if match := re.search(r"(?:Could not find|In '.*': Could not find|Could not load) '([\w/]*\w)/([^\n]+)'", text):
        group, choice = match.groups()
        return f"unknown {group} '{choice}'{nearest(choice, choices_of(group, folders))}"
    if match := re.search(r"Could not override '(@?[\w.@]+)'", text):
        given = [one for one in as_typed if key_of(one) == match[1]]
        return _unknown_key(match[1], overrides, config_dir, given)
    if match := re.search(r"Key '(\w+)' (?:is )?not in", text + cause):
        return _unknown_key(match[1], overrides, config_dir)
    if match := re.search(r"Could not append to config. An item is already at '([\w.]+)'", text):
        return f"'+{match[1]}' is a known key; write '{match[1]}=...' without the plus sign."
    first = next((line for line in text.splitlines() if line.strip()), type(error).__name__)
    return f"{first.strip().rstrip('.')}."


def unreadable(override: str, kinds: list[Any]) -> str:
    """Sentence on an override that Hydra's grammar cannot read; its key takes values of some types."""
    key, _, value = override.partition("=")
    name = key_of(override)
    shown = shell_quoted(override)
    if parsed(f"{key}=1") is None:
        return f"{shown} cannot be read: a key has letters, digits, _, - and dots only; set others in a config file."
    if kinds and not accepts(kinds, value) and not takes_lists(kinds) and not takes_dictionaries(kinds):
        return f"{shown} cannot be read: '{value}' is no value that {name} takes."
    if value.strip()[:1] in ("[", "{"):
        example = '["a=b","c"]' if value.strip()[0] == "[" else '{name: "a=b"}'
        return (
            f"{shown} cannot be read: a bracket or a quote does not close, or a text in it needs quotes, as in"
            f" '{name}={example}'."
        )
    return f"{shown} cannot be read; a text with such letters is typed as {typed(name, value)}."


def _several_values(override: str, kinds: list[Any]) -> str:
    key, _, value = override.partition("=")
    as_list = f", a list as {shell_quoted(f'{key}=[{value}]')}" if takes_lists(kinds) else ""
    as_text = f", a text with commas as {typed(key, value)}" if accepts(kinds, value) else ""
    return f"{shell_quoted(override)} is several values, as only a sweep (-m) takes them{as_list}{as_text}."


def _unknown_key(key: str, overrides: Sequence[str], config_dir: Path | None, given: Sequence[str] = ()) -> str:
    """Sentence on a key that Hydra does not find, or on a short spelling of an option that the task lacks."""
    config = _config_of_choices(overrides, config_dir)
    if given and config is not None and (sentence := refused_alias(config, given[0])) is not None:
        return sentence
    hidden = [f"task.{name}" for name in NOT_OPTIONS]
    known = [] if config is None else list(leaves(OmegaConf.to_container(config, resolve=False)))
    known = [name for name in known if not any(within(name, one) for one in hidden)]
    if key in known or any(k.startswith(key + ".") for k in known):
        return f"'{key}' cannot be set that way; see the file of its group in conf/."
    group = key.split(".")[0]
    depth = key.count(".") + 1
    beside = {".".join(k.split(".")[:depth]) for k in known if k.startswith(group + ".")}
    if beside:
        return f"unknown key '{key}'{nearest(key, beside, group + '.')}"
    below = sorted(name for name in known if name.rpartition(".")[2] == key)[:NEAR_NAMES]
    if below:
        return f"unknown key '{key}'; did you mean {' or '.join(map(repr, below))}?"
    return f"unknown key '{key}'{nearest(group, {k.split('.')[0] for k in known})}"


def _config_of_choices(overrides: Sequence[str], config_dir: Path | None) -> DictConfig | None:
    """The default config with the groups that ``overrides`` choose."""
    chosen = [o for o in overrides if is_group(key_of(o), config_folders(config_dir))]
    for choices in (chosen, []):  # a choice may be the one that is unknown, or one of a sweep
        with suppress(HydraException, OmegaConfBaseException):
            return compose_config(choices, config_dir)
    return None
