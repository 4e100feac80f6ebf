"""Which settings the section ``network`` has: those that the class behind its ``_target_`` declares."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from photoz_lit.fields import conf_directory
from photoz_lit.networks.settings import NetworkSettings
from photoz_lit.settings import EstimatorSettings
from photoz_lit.targets import PACKAGE, find_class


def settings_type(target: str) -> type[EstimatorSettings]:
    """Type of the settings of an estimator or a family of networks.

    Parameters
    ----------
    target : import path, ``network._target_``. The package's own families are not imported: that would load torch.

    Raises
    ------
    InputError : there is no such class, or it is in a package that the command line does not name.
    """
    if target.startswith(f"{PACKAGE}.networks."):
        return NetworkSettings
    found = getattr(find_class(target, object, "network", "network._target_"), "Settings", None)
    return found if isinstance(found, type) and issubclass(found, EstimatorSettings) else NetworkSettings


def settings_type_of(network: Any) -> type[EstimatorSettings]:
    """Type of the settings of a whole section ``network``, as it was composed or recorded.

    A record without ``_target_`` is of the package's own choice of that name, ``conf/network/<name>.yaml``.
    """
    section = network if isinstance(network, Mapping) else {}
    target = section.get("_target_", section.get("target"))
    file = conf_directory() / "network" / f"{section.get('name')}.yaml"
    if target is None and re.fullmatch(r"\w+", str(section.get("name"))) and file.is_file():
        target = yaml.safe_load(file.read_text(encoding="utf-8"))["_target_"]
    return settings_type(target) if isinstance(target, str) else NetworkSettings
