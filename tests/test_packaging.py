"""The recipes in packaging/ name what the repository and pyproject.toml have."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

import photoz_lit

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DOCKERFILE = (ROOT / "packaging" / "Dockerfile").read_text(encoding="utf-8")
APPTAINER = (ROOT / "packaging" / "apptainer.def").read_text(encoding="utf-8")
RECIPE = yaml.safe_load((ROOT / "packaging" / "conda-forge" / "recipe.yaml").read_text(encoding="utf-8"))
#: Names on conda-forge, where they differ from those on PyPI.
ON_CONDA = {
    "astropy": "astropy-base",
    "matplotlib": "matplotlib-base",
    "pydantic_core": "pydantic-core",
    "torch": "pytorch",
}
#: What a wheel is built of.
SOURCES = {"pyproject.toml", "build_version.py", "README.md", "LICENSE", "photoz_lit", "hydra_plugins", "conf"}


def test_containers_copy_what_the_wheel_is_built_of_and_install_extras_that_exist() -> None:
    docker = {one for line in re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE) for one in line.split()}
    apptainer = set(re.findall(r"^    (\S+) /source/", APPTAINER, re.MULTILINE))
    assert docker == apptainer == SOURCES | {"constraints.txt"}
    assert all((ROOT / name).exists() for name in docker)
    for text in (DOCKERFILE, APPTAINER):
        (extras,) = re.findall(r"(?:EXTRAS|extras)=(\S+)", text)
        assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])


def test_the_recipe_for_conda_needs_what_the_wheel_needs() -> None:
    wanted = {re.split(r"[<>=]", one)[0]: one for one in PROJECT["dependencies"]}
    expected = {f"{ON_CONDA.get(name, name)} {one.removeprefix(name)}" for name, one in wanted.items()}
    assert {one for one in RECIPE["requirements"]["run"] if not one.startswith("python ")} == expected
    assert f">={RECIPE['context']['python_min']}" == PROJECT["requires-python"]


def test_the_version_is_one() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert cited["version"] == RECIPE["context"]["version"] == photoz_lit.__version__
