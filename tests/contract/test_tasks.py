"""Every task: its file and its options agree, what it names is looked for at once, and its help says what it takes."""

import inspect
from typing import Any, get_type_hints

import pytest

from photoz_lit.__main__ import main
from photoz_lit.command_line.choices import choices_of, config_folders, read_choice
from photoz_lit.command_line.overrides import for_hydra
from photoz_lit.config import Config
from photoz_lit.errors import InputError
from photoz_lit.settings import Input
from photoz_lit.targets import find_task
from photoz_lit.tasks.aliases import ALIASES
from photoz_lit.tasks.task import NOT_OPTIONS, Task, marked, within
from tests.command_line.answered import answered

FILES = choices_of("task", config_folders())
TASKS = sorted(FILES)


def content_of(task: str) -> dict[str, Any]:
    return read_choice(FILES[task])


def task_of(task: str) -> Task:
    return Task.of(content_of(task))


def needed(task: Task, defaults: dict[str, Any]) -> list[str]:
    """Options that have no default."""
    return [
        name
        for name, field in task.options.model_fields.items()
        if defaults[name] is None and type(None) not in getattr(field.annotation, "__args__", ())
    ]


@pytest.mark.parametrize("name", TASKS)
def test_the_file_has_a_default_for_every_option_and_no_other_key(name: str) -> None:
    content, task = content_of(name), task_of(name)
    assert content["name"] == name
    assert set(content) - set(NOT_OPTIONS) == set(task.options.model_fields)
    defaults = {key: value for key, value in content.items() if key not in NOT_OPTIONS}
    places = {key: "given" if key != "targets" else ["given"] for key in needed(task, defaults)}
    task.read_options({**defaults, **places})


@pytest.mark.parametrize("name", TASKS)
def test_every_option_has_a_description_and_its_default_in_the_file_alone(name: str) -> None:
    for field in task_of(name).options.model_fields.values():
        assert field.description
        assert field.is_required()


@pytest.mark.parametrize("name", TASKS)
def test_the_function_takes_the_config_and_the_declared_options(name: str) -> None:
    run, task = find_task(content_of(name)["_target_"]), task_of(name)
    assert list(inspect.signature(run).parameters) == ["config", "options"]
    hints = get_type_hints(run)
    assert hints["config"] is Config
    assert issubclass(task.options, hints["options"])


def inputs_of(task: Task) -> dict[str, Input]:
    """Keys of a task that name something: its own options, and keys of the config that it reads in any case."""
    read = [*task.takes.needs, *(task.takes.reads or ())]
    always = {key for rule in task.takes.unused for key in rule.keys}
    of_config = {key: kind for key, kind in marked(Config) if any(within(key, one) for one in read)}
    kept = {key: kind for key, kind in of_config.items() if not any(within(key, one) for one in always)}
    return {**{f"task.{key}": kind for key, kind in marked(task.options)}, **kept}


def naming_what_is_not_there(name: str) -> list[list[str]]:
    """Commands of a task that each name something that is not there."""
    task = task_of(name)
    inputs = [*inputs_of(task), *(key for key in task.takes.needs if key != "study")]
    study = ["study=width"] if "study" in task.takes.needs else []
    needs = needed(task, {key: value for key, value in content_of(name).items() if key not in NOT_OPTIONS})
    commands = []
    for key in dict.fromkeys(inputs):
        others = [f"task.{other}=/elsewhere" for other in needs if f"task.{other}" != key]
        commands.append([f"task={name}", f"{key}=/nowhere", *study, *others])
    return commands


def test_what_a_task_names_is_looked_for_before_anything_heavy_is_loaded() -> None:
    """One process answers for all tasks, for it takes seconds to start; what is loaded, stays loaded."""
    commands = [command for name in TASKS for command in naming_what_is_not_there(name)]
    assert len({command[0] for command in commands}) > len(TASKS) // 2
    for command, sentence in zip(commands, answered(commands), strict=True):
        assert "/nowhere" in sentence or "/elsewhere" in sentence or " needs " in sentence, command


@pytest.mark.parametrize("name", TASKS)
def test_an_unknown_option_is_answered_with_the_nearest(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["photoz_lit"])
    options = list(task_of(name).options.model_fields)
    for option in options or ["nothing"]:
        with pytest.raises(SystemExit, match="2"):
            main([f"task={name}", f"task.{option}x=1"])
        said = capsys.readouterr().err
        assert said.startswith(f"photoz_lit: unknown key 'task.{option}x'")
        assert not options or f"did you mean 'task.{option}'?" in said


@pytest.mark.parametrize("name", TASKS)
def test_a_missing_option_is_named_as_users_spell_it(name: str) -> None:
    task = task_of(name)
    defaults = {key: value for key, value in content_of(name).items() if key not in NOT_OPTIONS}
    for option in needed(task, defaults):
        with pytest.raises(InputError, match=rf"^task={name} needs .*\b{task.spelt(option)}=<"):
            task.read_options(defaults)


@pytest.mark.parametrize("name", TASKS)
def test_short_spellings_stand_for_options(name: str) -> None:
    task = task_of(name)
    for spelling in ALIASES:
        full = task.key_of(spelling)
        assert full == spelling or full.removeprefix("task.") in task.options.model_fields
        assert for_hydra([f"task={name}", f"{spelling}=1"])[1].partition("=")[0] == full
        if full != spelling:
            assert task.spelt(full.removeprefix("task."), [spelling]) == spelling
            assert task.spelt(full.removeprefix("task."), [full]) == full


def test_every_short_spelling_is_of_some_task() -> None:
    assert [one for one in ALIASES if all(task_of(name).key_of(one) == one for name in TASKS)] == []


@pytest.mark.parametrize("name", TASKS)
def test_help_shows_every_option_with_its_short_spelling(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    main([f"task={name}", "--help"])
    lines = {line.split("  ")[0]: line for line in capsys.readouterr().out.splitlines()}
    task = task_of(name)
    for option, field in task.options.model_fields.items():
        shown = lines[f"task.{option}"]
        assert field.description is not None
        assert field.description in shown
        short = task.spelt(option)
        assert short.startswith("task.") or f"also {short}=" in shown
    for option, kind in marked(task.options):
        assert str(kind) in lines[f"task.{option}"]
