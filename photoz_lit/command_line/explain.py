"""Hydra's errors as one sentence, with the nearest known name or the quotes that a value needs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from photoz_lit.command_line.choices import choices_of, config_folders, is_group
from photoz_lit.command_line.key_types import accepts, takes_dictionaries, takes_lists, types_of
from photoz_lit.command_line.overrides import key_of
from photoz_lit.command_line.quoting import parsed, shell_quoted, typed
from photoz_lit.errors import nearest
from photoz_lit.fields import conf_directory


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
    for override, shown in zip_longest(overrides, as_typed[: len(overrides)]):
        read = parsed(override)
        if read is None:
            return unreadable(shown or override)
        if read.is_sweep_override() and f"'{override}'" in text and "Ambiguous value" in text:
            return _several_values(shown or override)
    if match := re.search(r"(?:Could not find|In '.*': Could not find|Could not load) '([\w/]+)/([^\n]+)'", text):
        group, choice = match.groups()
        return f"unknown {group} '{choice}'{nearest(choice, choices_of(group, folders))}"
    if match := re.search(r"Could not override '(@?[\w.@]+)'", text):
        return _unknown_key(match[1], overrides, config_dir)
    if match := re.search(r"Key '(\w+)' (?:is )?not in", text + cause):
        return _unknown_key(match[1], overrides, config_dir)
    if match := re.search(r"Could not append to config. An item is already at '([\w.]+)'", text):
        return f"'+{match[1]}' is a known key; write '{match[1]}=...' without the plus sign."
    first = next((line for line in text.splitlines() if line.strip()), type(error).__name__)
    return f"{first.strip().rstrip('.')}."


def unreadable(override: str) -> str:
    """Sentence on an override that Hydra's grammar cannot read."""
    key, _, value = override.partition("=")
    name = key_of(override)
    shown = shell_quoted(override)
    if parsed(f"{key}=1") is None:
        return f"{shown} cannot be read: a key has letters, digits, _, - and dots only; set others in a config file."
    kinds = types_of(name)
    if kinds and not accepts(kinds, value) and not takes_lists(kinds) and not takes_dictionaries(kinds):
        return f"{shown} cannot be read: '{value}' is no value that {name} takes."
    if value.strip()[:1] in ("[", "{"):
        example = '["a=b","c"]' if value.strip()[0] == "[" else '{name: "a=b"}'
        return (
            f"{shown} cannot be read: a bracket or a quote does not close, or a text in it needs quotes, as in"
            f" '{name}={example}'."
        )
    return f"{shown} cannot be read; a text with such letters is typed as {typed(name, value)}."


def _several_values(override: str) -> str:
    key, _, value = override.partition("=")
    name = key_of(override)
    as_list = f", a list as {shell_quoted(f'{key}=[{value}]')}" if takes_lists(types_of(name)) else ""
    as_text = f", a text with commas as {typed(key, value)}" if accepts(types_of(name), value) else ""
    return f"{shell_quoted(override)} is several values, as only a sweep (-m) takes them{as_list}{as_text}."


def _unknown_key(key: str, overrides: Sequence[str], config_dir: Path | None) -> str:
    known = _known_keys(overrides, config_dir)
    if key in known or any(k.startswith(key + ".") for k in known):
        return f"'{key}' cannot be set that way; see the file of its group in conf/."
    group = key.split(".")[0]
    beside = [k for k in known if k.startswith(group + ".")]
    if beside:
        return f"unknown key '{key}'{nearest(key, beside, group + '.')}"
    return f"unknown key '{key}'{nearest(group, {k.split('.')[0] for k in known})}"


def _known_keys(overrides: Sequence[str], config_dir: Path | None) -> list[str]:
    """Dotted names of every key of the default config with the groups that ``overrides`` choose."""
    folders = config_folders(config_dir)
    search = [] if config_dir is None else [f"hydra.searchpath=['file://{config_dir.resolve()}']"]
    chosen = [o for o in overrides if is_group(key_of(o), folders)]
    for choices in (chosen, []):  # a choice may be the one that is unknown, or one of a sweep
        GlobalHydra.instance().clear()
        with initialize_config_dir(str(conf_directory().resolve()), version_base="1.3"):
            try:
                return _dotted(compose("config", overrides=[*choices, *search]))
            except (HydraException, OmegaConfBaseException):
                continue
    return []


def _dotted(config: DictConfig) -> list[str]:
    def walk(node: Any, prefix: str) -> list[str]:
        if not isinstance(node, dict):
            return [prefix]
        return [name for k, v in node.items() for name in walk(v, f"{prefix}.{k}" if prefix else str(k))]

    return walk(OmegaConf.to_container(config, resolve=False), "")
