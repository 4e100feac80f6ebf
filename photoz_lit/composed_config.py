"""Configs composed from Python, as the command line composes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.singleton import Singleton
from hydra.errors import HydraException
from omegaconf import OmegaConf

from photoz_lit.config import Config, validate
from photoz_lit.errors import InputError
from photoz_lit.fields import conf_directory


def configured(choices: Sequence[str], settings: Mapping[str, Any]) -> Config:
    """Compose the config of choices in groups and keys with values, as the command line does.

    Raises
    ------
    InputError : a choice or a key is unknown, or a value is wrong.
    """
    before = Singleton.get_state()  # a program around this may use Hydra itself
    try:
        GlobalHydra.instance().clear()
        with initialize_config_dir(str(conf_directory().resolve()), version_base="1.3"):
            composed = compose("config", overrides=list(choices))
    except HydraException as error:
        raise InputError(" ".join(str(error).split())) from error
    finally:
        Singleton.set_state(before)
    OmegaConf.set_struct(composed, False)
    for key, value in settings.items():
        OmegaConf.update(composed, key, value, merge=False)
    return validate(composed)
