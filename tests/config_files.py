"""Files of the config: tests compose thousands of configs of the same hundred files, and reading takes half of it."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult, ConfigSource


@contextmanager
def read_once() -> Iterator[None]:
    """Within it, this process reads a file of the config again only where it changed."""
    Plugins.instance()  # finds the classes of sources, each in a module that Hydra loads anew
    files = SourcesRegistry.instance().resolve("file")
    read = files.load_config
    kept: dict[tuple[str, str, int, int], bytes] = {}

    def load_config(source: ConfigSource, config_path: str) -> ConfigResult:
        file = Path(source.path) / source._normalize_file_name(config_path)
        if not file.is_file():
            return read(source, config_path)
        state = file.stat()
        key = (source.path, config_path, state.st_mtime_ns, state.st_size)
        if key not in kept:
            kept[key] = pickle.dumps(read(source, config_path), pickle.HIGHEST_PROTOCOL)
        result: ConfigResult = pickle.loads(kept[key])  # a copy: Hydra changes what it gets
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "load_config", load_config)
        yield
