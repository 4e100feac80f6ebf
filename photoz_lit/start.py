"""Compose the config, call its task."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

import hydra
from hydra._internal.hydra import Hydra
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

import photoz_lit
from photoz_lit.command_line.arguments import Arguments, read_arguments, require_key_and_value, with_named_task
from photoz_lit.command_line.choices import config_folders
from photoz_lit.command_line.explain import explain
from photoz_lit.command_line.help import print_help
from photoz_lit.command_line.overrides import for_hydra, key_of, trusted
from photoz_lit.command_line.reach import CHECKED, require_reached
from photoz_lit.command_line.task_help import print_task_help
from photoz_lit.config import validate
from photoz_lit.errors import InputError
from photoz_lit.faults import INTERRUPTED, fail
from photoz_lit.fields import conf_directory
from photoz_lit.targets import import_trusted
from photoz_lit.tasks.aliases import TYPED
from photoz_lit.tasks.task import perform

#: Exit code of a process that SIGTERM ended.
STOPPED = 128 + signal.SIGTERM


def run_task(composed: DictConfig, given: Arguments) -> None:
    """Validate a composed config and call its task."""
    try:
        config = validate(composed)
        if CHECKED not in os.environ:
            require_reached(composed, given.overrides, config_folders(given.config_dir))
        perform(config, [key_of(one) for one in given.overrides])
    except InputError as error:
        fail(str(error))  # here, since Hydra would print more lines before letting it through


def start(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; bad input prints one sentence and exits with code 2."""
    try:
        given = with_named_task(read_arguments(sys.argv[1:] if arguments is None else arguments))
        if given.wants_version:
            print(f"photoz_lit {photoz_lit.__version__}")
            return
        import_trusted(trusted(given.overrides))  # the options of a task of the user's own may stand there
        if given.wants_help and given.overrides:
            _print_task_help(given)
        elif given.wants_help or given.asks_for_nothing:
            print_help(given.config_dir)
        else:
            _run(given)
    except InputError as error:
        fail(str(error))


def _print_task_help(given: Arguments) -> None:
    require_key_and_value(given.overrides, given.config_dir)
    try:
        print_task_help(given.overrides, given.config_dir)
    except (HydraException, OmegaConfBaseException) as error:
        fail(explain(error, for_hydra(given.overrides, False, given.config_dir), given.config_dir, given.overrides))


def _run(given: Arguments) -> None:
    """Hand the command line to Hydra, which composes the config and calls :func:`run_task` or the sweep."""
    # Hydra prints its errors and exits with 1; with this it lets them through to the sentence below.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    require_key_and_value(given.overrides, given.config_dir)
    overrides = for_hydra(given.overrides, given.multirun, given.config_dir)
    if given.multirun:
        os.environ[TYPED] = " ".join(map(key_of, given.overrides))  # for the launcher, which Hydra calls

    is_composed = False

    def call_task(composed: DictConfig) -> None:
        nonlocal is_composed
        is_composed = True
        run_task(composed, given)

    try:
        sys.argv[1:] = [*given.options, *overrides]
        # Hydra would compose the whole config once more, to see whether it holds hydra.mode; -m says it here.
        Hydra.get_mode = _mode_of_the_command_line  # type: ignore[method-assign]
        hydra.main(version_base="1.3", config_path=str(conf_directory()), config_name="config")(call_task)()
    except (HydraException, OmegaConfBaseException) as error:
        fail(explain(error, overrides, given.config_dir, given.overrides))
    except YAMLError as error:
        fail(f"a config file is no YAML: {' '.join(str(error).split())}.")
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        if is_composed:
            raise
        fail(f"Hydra cannot compose this command line ({' '.join(str(error).split())}); correct its choices.")
    except RuntimeError as error:
        if "slurm" not in str(error):
            raise
        fail(f"hydra/launcher=submitit_slurm: {error} Give this command on a Slurm cluster.")
    except SystemExit as stop:
        if stop.code not in (None, STOPPED):
            raise
        # Lightning may leave a training that SIGTERM ended with no code, which a sweep would take for success
        fail(INTERRUPTED, code=STOPPED)


def _mode_of_the_command_line(*_: object, **__: object) -> None:
    """No mode: Hydra runs one job, or with -m a sweep."""
