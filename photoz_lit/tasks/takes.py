"""What a task declares in its file in ``conf/task``: options, inputs and the keys of the config that it reads."""

from __future__ import annotations

from typing import Literal

from omegaconf import DictConfig, OmegaConf

from photoz_lit.settings import Settings


class Unused(Settings):
    """Keys that a task leaves unused in some circumstance.

    Attributes
    ----------
    keys : dotted; a section stands for all in it.
    when : all must hold: ``a|b`` is one of them set, ``!a`` is ``a`` unset, ``a=x`` a value. Empty holds always.
    """

    keys: list[str]
    when: list[str] = []


def takes_of(composed: DictConfig) -> Takes:
    """What the task of a composed config declares; nothing, where its file says nothing."""
    return Takes.model_validate(OmegaConf.to_container(composed.task.get("takes") or OmegaConf.create({})))


class Takes(Settings):
    """Content of ``takes`` in ``conf/task/<task>.yaml``.

    Attributes
    ----------
    options : dotted path of the type of the task's own options, the keys ``task.*``.
    needs : keys that must be given.
    inputs : key -> what it names; it is looked for before the task's libraries are loaded. The task reads these keys.
    reads : further keys that the task reads, a section for all in it. Keys to which these refer (``${scale.width}``)
        are read too. None lets every key through.
    unused : keys among them that reach nothing in some circumstance.
    check : a further check of the config; ``passed_on``: what is given to a study reaches its jobs.
    """

    options: str | None = None
    needs: list[str] = []
    inputs: dict[str, Literal["store", "run", "runs", "file"]] = {}
    reads: list[str] | None = None
    unused: list[Unused] = []
    check: Literal["passed_on"] | None = None
