"""What made a result: config, versions of the software, machine and data."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import photoz_lit
from photoz_lit.config import Config

LIBRARIES = ("numpy", "torch", "pytorch-lightning", "scikit-learn", "galsim", "qp-prob")


def provenance(config: Config, data: str, data_hash: str) -> dict[str, Any]:
    """Everything needed to make a result again: config, versions, seed, git commit, data hash, and the command."""
    command = typed_command()
    return {
        "photoz_lit": photoz_lit.__version__,
        "git_commit": git_commit(),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "libraries": {name: _version(name) for name in LIBRARIES},
        "seed": config.seed,
        "data": data,
        "data_hash": data_hash,
        **({} if command is None else {"command": command}),
        "config": config.model_dump(mode="json", by_alias=True),
    }


def typed_command() -> str | None:
    """Return the command line that makes this job, of a sweep its own; None where no command line started it."""
    if "hydra" not in sys.modules:
        return None
    from hydra.core.hydra_config import HydraConfig

    if not HydraConfig.initialized():
        return None
    given = HydraConfig.get()
    folders = [str(one.path) for one in given.runtime.config_sources if one.provider == "command-line"]
    words = [*(f"--config-dir={folder}" for folder in folders), *given.overrides.task]
    return shlex.join(["python", "-m", "photoz_lit", *words])


def git_commit() -> str:
    """Commit of the checkout the package runs from, with ``+`` where it was changed; "" outside a checkout."""
    root = Path(photoz_lit.__file__).parent.parent
    if not (root / ".git").exists():
        return ""
    try:
        command = ["git", "-C", str(root), "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
