"""Recipes of training: ``conf/recipe/<name>.yaml``, read where ``${recipe:<name>,<key>}`` stands in the config."""

from __future__ import annotations

from typing import Any

import yaml
from omegaconf import OmegaConf

from photoz_lit.errors import InputError, nearest
from photoz_lit.fields import conf_directory


def load_recipe(name: str) -> dict[str, Any]:
    """Return the settings of a recipe.

    Raises
    ------
    InputError : there is no such recipe.
    """
    folder = conf_directory() / "recipe"
    path = folder / f"{name}.yaml"
    if path.parent != folder or not path.is_file():
        raise InputError(f"unknown recipe '{name}'{nearest(name, [p.stem for p in folder.glob('*.yaml')])}")
    return dict(yaml.safe_load(path.read_text()))


def recipe_value(name: str, key: str) -> Any:
    """Return one setting of a recipe.

    Raises
    ------
    InputError : there is no such recipe, or it does not say that setting.
    """
    recipe = load_recipe(name)
    if key not in recipe:
        raise InputError(f"conf/recipe/{name}.yaml does not say '{key}'; add it.")
    return recipe[key]


def register_recipes() -> None:
    """Let configs say ``${recipe:<name>,<key>}``."""
    OmegaConf.register_new_resolver("recipe", recipe_value, replace=True)
