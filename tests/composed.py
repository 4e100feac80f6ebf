"""Configs composed as the command line composes them, sized for tests."""

from __future__ import annotations

from typing import cast

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from photoz_lit.command_line.overrides import for_hydra
from photoz_lit.config import Config, validate
from photoz_lit.fields import conf_directory
from photoz_lit.run_folder import RunFolder
from photoz_lit.tasks.options import PredictOptions
from photoz_lit.tasks.predict import predict
from photoz_lit.tasks.task import Task

TINY = (
    "scale.width=0.04",
    "scale.max_epochs=2",
    "scale.batch_size=16",
    "trainer.progress=false",
    "trainer.accelerator=cpu",
    "trainer.threads=1",
)


def composed(*overrides: str) -> Config:
    """Compose and validate a config with tiny networks."""
    return _composed(*TINY, *overrides)


def composed_study(*overrides: str) -> Config:
    """Compose and validate the config of ``task=study``, whose jobs are as its file says; tiny ones say so there."""
    return _composed("task=study", "trainer=cpu", "trainer.threads=1", *overrides)


def composed_as_typed(*overrides: str) -> Config:
    """Compose and validate a config from a command, nothing added."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_directory().resolve()), version_base="1.3"):
        return validate(compose("config", overrides=for_hydra(overrides)))


def _composed(*overrides: str) -> Config:
    return composed_as_typed("scale=demo", *overrides)


def predicted(config: Config) -> RunFolder:
    """Do what ``task=predict`` does; return the folder of the predictions."""
    task = Task.of({"name": config.task.name, "takes": config.task.takes})
    return predict(config, cast(PredictOptions, task.read_options(config.task.model_extra or {})))
