"""What messages advise to type is read by the command line, key by key, as it is printed."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

import photoz_lit
from photoz_lit.command_line.choices import choices_of, config_folders, is_group
from photoz_lit.command_line.key_types import accepts, is_open, types_of
from photoz_lit.command_line.overrides import for_hydra, key_of, task_chosen_by
from photoz_lit.command_line.quoting import parsed
from photoz_lit.command_line.reach import leaves
from photoz_lit.config import Config
from photoz_lit.fields import conf_directory
from photoz_lit.tasks.aliases import ALIASES

SOURCE = Path(photoz_lit.__file__).parent
FOLDERS = config_folders()
TASKS = list(choices_of("task", FOLDERS))
FILLED = "\N{BULLET}"  # stands for what a message fills in
#: What a key or a value may be that a message fills in or leaves to the user.
STAND_FOR = ("x", "x: 0.5", "bands_first", "1", "0.5", "r", "z", "{x: 0.5}", "[x]", "[0.5]", "true")
TOKEN = re.compile(
    rf"""(?<![\w.\[{{/])(['"]?)(\+*[a-z][\w]*(?:\.[\w{FILLED}]+)*)=((?:\[[^\]]*\]|\{{[^}}]*\}}|"[^"]*"|<[^>]*>|[^\s;,()'"])+)"""
)


def messages(tree: ast.AST) -> Iterator[str]:
    """Texts of errors and of what is printed; ``FILLED`` stands for what is filled in."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            if name in ("InputError", "print", "_fail", "ValueError"):
                yield from (text_of(one) for one in call.args)


def text_of(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) if isinstance(part, ast.Constant) else FILLED for part in node.values)
    if isinstance(node, ast.BinOp):
        return text_of(node.left) + text_of(node.right)
    return FILLED


def advice() -> list[str]:
    """``key=value`` in every message whose key belongs to the config."""
    known = {*Config.model_fields, "experiment", *(spelling.split(".")[0] for spelling in ALIASES)}
    found = set()
    for path in sorted(SOURCE.rglob("*.py")):
        for message in messages(ast.parse(path.read_text())):
            for _, key, value in TOKEN.findall(re.sub(r"\[/?[a-z ]+\]", "", message)):
                wrong = key == f"task.{FILLED}"  # names what was wrong, and advises nothing
                if key.lstrip("+").split(".")[0] in known and not wrong:
                    found.add(f"{key}={value.rstrip('.:')}")
    return sorted(found)


def candidates(one: str) -> Iterator[str]:
    """An advised override with all that may stand for what it leaves open."""
    key, _, value = one.partition("=")
    for name in ("r", "z", "x") if FILLED in key else ("",):
        filled_key = key.replace(FILLED, name)
        open_parts = re.findall(rf"<[^>]*>|…|{FILLED}", value)
        group = filled_key.lstrip("+")
        known = list(choices_of(group, FOLDERS)) if is_group(group, FOLDERS) else []
        for stand_for in (known or STAND_FOR) if open_parts else ("",):
            yield f"{filled_key}={re.sub(rf'<[^>]*>|…|{FILLED}', stand_for, value)}"


@cache
def keys_under(*context: str) -> frozenset[str]:
    """Sections and keys of the config that some choices compose."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_directory().resolve()), version_base="1.3"):
        composed = leaves(OmegaConf.to_container(compose("config", overrides=list(context)), resolve=False))
    return frozenset(".".join(key.split(".")[:n]) for key in composed for n in range(1, key.count(".") + 2))


def is_read(override: str) -> bool:
    """Whether the command line knows an override's key under some task or choice, and the key takes the value."""
    name = override.lstrip("+").partition("=")[0]
    contexts = [(), ("simulation=zcosmos",), ("network=catalogue_forest",), ("study=width",), ("ingest=arrays",)]
    contexts += [(f"task={task}",) for task in TASKS] if name.startswith("task.") or name in ALIASES else []
    for context in contexts:
        task = task_chosen_by(context, FOLDERS)
        assert task is not None
        as_read = for_hydra([*context, override])[len(context)]
        name, options, read = key_of(as_read), task.options, parsed(as_read)
        if read is None:
            continue
        if is_group(name, FOLDERS):
            if read.value() in choices_of(name, FOLDERS):
                return True
        elif is_open(name, options) or name in keys_under(*context):
            kinds = types_of(name, options)
            if not kinds or accepts(kinds, read.value()):
                return True
    return False


ADVICE = advice()


def test_advice_is_found() -> None:
    assert len(ADVICE) > 60
    assert any(one.startswith(f"ingest.zero_points.{FILLED}=") for one in ADVICE)


@pytest.mark.parametrize("one", ADVICE)
def test_what_a_message_advises_is_read_as_it_is_printed(one: str) -> None:
    assert any(is_read(candidate) for candidate in candidates(one))
