"""Configs composed as the command line composes them, sized for tests."""

from __future__ import annotations

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from photoz_lit.config import Config, validate
from photoz_lit.fields import conf_directory

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
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_directory().resolve()), version_base="1.3"):
        return validate(compose("config", overrides=[*TINY, *overrides]))
