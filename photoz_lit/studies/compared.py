"""What a comparison learns from a study: its reference, its methods in order with their labels, and its duels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from photoz_lit.fields import conf_directory
from photoz_lit.settings import Settings


class Duel(Settings):
    """Two methods that differ in one ingredient, which is what their difference is due to.

    Attributes
    ----------
    method, reference : of the study; differences are those of the method against the reference.
    differs_in : the ingredient, in words, for headings.
    keys : all of the config in which their jobs may differ, a section for all in it. A test holds the studies to it.
    """

    method: str
    reference: str
    differs_in: str
    keys: list[str]


class Compared(Settings):
    """How a study's methods are compared.

    Attributes
    ----------
    reference : method that the others are compared with.
    bound : method that none can be better than, as an oracle.
    unshifted : settings of the reference that are the bound in its place, where a study has them.
    methods : method -> label in figures, in the order of tables. Others follow by name.
    duels : see :class:`Duel`; the first is the main one.
    main_field : comes first in tables of adaptations.
    tuned_on : fields whose results chose the settings; what is pooled over fields is given without them too.
    """

    reference: str | None = None
    bound: str | None = None
    unshifted: dict[str, str | int | float] = {}
    methods: dict[str, str] = {}
    duels: list[Duel] = []
    main_field: str | None = None
    tuned_on: list[str] = []

    def label(self, method: str) -> str:
        """Return what a method is called in figures."""
        return self.methods.get(method, method.replace("_", " "))

    def rank(self, method: str) -> tuple[int, str]:
        """Return a key that sorts methods as tables show them."""
        order = list(self.methods)
        return (order.index(method) if method in order else len(order)), method

    @property
    def main(self) -> str | None:
        """The method that the study is about, if it has a duel."""
        return self.duels[0].method if self.duels else None


def compared_in(results: Mapping[str, Any], study: str) -> Compared:
    """Return how the results of a study are compared.

    Parameters
    ----------
    results : content of a ``results.json``; older ones do not say it.
    study : name of their folder, and of the study whose file says it then.
    """
    said = {name: results[name] for name in Compared.model_fields if name in results}
    file = conf_directory() / "study" / f"{study}.yaml"
    if "reference" not in said and file.is_file():
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        said = {name: content[name] for name in Compared.model_fields if name in content} | said
    return Compared.model_validate(said)
