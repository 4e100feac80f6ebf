"""Short spellings of options: ``run=<folder>`` stands for ``task.run=<folder>`` of every task that has it."""

from __future__ import annotations

from collections.abc import Container, Sequence

#: Short spelling -> options that it may stand for; it is the first that the task has. ``bench.*`` is of ``task=bench``.
ALIASES: dict[str, tuple[str, ...]] = {
    "store": ("store", "output"),
    "run": ("run",),
    "runs": ("runs",),
    "baseline": ("baseline",),
    "drop": ("drop",),
    "pdf": ("pdf",),
    "source": ("source",),
    "targets": ("targets",),
    "rerun": ("rerun",),
    "jobs": ("jobs",),
    "bench.full": ("full",),
    "bench.output": ("file",),
    "bench.batch_size": ("batch_size",),
    "bench.seconds": ("seconds",),
}
#: Tasks whose ``output`` is no store, though they have one: there ``store=`` would be taken for the store that is read.
NO_STORE_IS_WRITTEN = ("predict", "fetch")
#: Environment variable with the keys that the user typed, for the jobs of a sweep.
TYPED = "PHOTOZ_LIT_TYPED"


def option_of(spelling: str, options: Container[str], task: str) -> str | None:
    """Option that a short spelling stands for, None where the task has none such.

    Parameters
    ----------
    spelling : key as typed.
    options : names of the task's options.
    task : its name.
    """
    section, dot, _ = spelling.partition(".")
    if (dot and section != task) or (spelling == "store" and task in NO_STORE_IS_WRITTEN):
        return None
    return next((option for option in ALIASES.get(spelling, ()) if option in options), None)


def as_typed(override: str, typed: Sequence[str]) -> str:
    """An override of an option (``task.run=x``) as the user spelt its key (``run=x``).

    Parameters
    ----------
    override : with its key in full.
    typed : keys that the user typed.
    """
    key, equals, value = override.partition("=")
    option = key.removeprefix("task.")
    if option == key or key in typed:
        return override
    spelt = next((one for one in typed if option in ALIASES.get(one, ())), key)
    return f"{spelt}{equals}{value}"


def alias_of(option: str, options: Container[str], task: str, typed: Sequence[str] = ()) -> str | None:
    """Short spelling of an option, the one that the user typed if there are several; None where it has none."""
    found = [spelling for spelling in ALIASES if option_of(spelling, options, task) == option]
    return next((spelling for spelling in found if spelling in typed), found[0] if found else None)
