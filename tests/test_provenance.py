from __future__ import annotations

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.conf import ConfigSourceInfo
from hydra.core.hydra_config import HydraConfig

from photoz_lit.fields import conf_directory
from photoz_lit.provenance import typed_command


def test_the_command_of_a_job_is_what_a_shell_reads_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert typed_command() is None  # no command line started this process
    own = tmp_path / "my conf"
    own.mkdir()
    overrides = ["task=train", "seed=3", "data.select='mag_i < 24'", f"hydra.searchpath=[file://{own}]"]
    with initialize_config_dir(str(conf_directory()), version_base="1.3"):
        composed = compose("config", overrides=overrides, return_hydra_config=True)
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)
    composed.hydra.runtime.config_sources = [
        ConfigSourceInfo(str(conf_directory()), "file", "main"),
        ConfigSourceInfo(str(own), "file", "command-line"),
    ]
    HydraConfig.instance().set_config(composed)
    said = typed_command()
    assert said == (
        f"python -m photoz_lit '--config-dir={own}' task=train seed=3"
        """ 'data.select='"'"'mag_i < 24'"'"''"""
    )
