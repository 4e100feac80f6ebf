"""The seam of metrics: what measures the redshifts of a set of galaxies, and how its number is shown.

A metric is a function of arrays and a file ``conf/metric/<name>.yaml``, which says in which tables and figures it
stands. See ``docs/add_a_metric.md``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import cache, cached_property
from typing import Any, Literal

import numpy as np
import yaml
from numpy.typing import ArrayLike, NDArray
from pydantic import Field as Entry
from pydantic import ValidationError

from photoz_lit.errors import InputError, nearest
from photoz_lit.fields import conf_directory
from photoz_lit.printed import number, with_error
from photoz_lit.settings import Settings
from photoz_lit.targets import find_function

Floats = NDArray[np.float64]
Shown = Literal["headline", "further", "comparison", "study", "adaptation", "emitters"]
Drawn = Literal["comparison", "adaptation"]

#: Unit -> factor of the number in it, what stands behind a name in tables, and in figures.
UNITS = {"one": (1.0, "", ""), "percent": (1e2, " %", " [%]"), "thousandths": (1e3, " ×10⁻³", " [$10^{-3}$]")}
PLAIN_DIGITS = 4  # of thousandths in reports


class Metric(Settings):
    """Content of ``conf/metric/<name>.yaml``.

    Attributes
    ----------
    name : in ``metrics.json``, ``results.json`` and tables for machines.
    description : a line on it.
    formula : in plain signs, for the glossary of the documentation.
    target : import path of its function (``_target_``). The function's parameters name what it is of:
        ``delta`` = Δz, ``threshold`` of outliers, any column of ``predictions.parquet`` (``z``, ``z_lo68``, ``pit``
        …), the galaxies' scores (see :func:`~photoz_lit.evaluation.metrics.scores.galaxy_scores`), or N(z) as
        ``stacked``, ``reference`` (n_bins,) and ``z_edges``.
    mean : the function returns a value of each galaxy, (N,), and the metric is their mean; comparisons can resample
        it, so it has p-values. Else the function returns the number.
    label : name in tables.
    short : name in the heads of gains; the label by default.
    symbol : name in figures, mathtext; the label by default.
    unit : in which comparisons show it; reports show thousandths as plain numbers.
    digits : decimals of the number in its unit.
    better : which value is the better one; ``zero`` is for a number of either sign.
    place : order in tables, small first.
    tables : where it stands: ``headline`` and ``further`` (the two tables of a report, the first in the terminal too),
        ``comparison``, ``study`` (rows of ``results.json``), ``adaptation``, ``emitters``.
    plots : figures that show it: ``comparison``, ``adaptation``.
    """

    name: str
    description: str
    formula: str = ""
    target: str = Entry(alias="_target_")
    mean: bool = False
    label: str
    short: str = ""
    symbol: str = ""
    unit: Literal["one", "percent", "thousandths"] = "one"
    digits: int = Entry(2, ge=0)
    better: Literal["lower", "higher", "zero"]
    place: float
    tables: tuple[Shown, ...] = ()
    plots: tuple[Drawn, ...] = ()

    @cached_property
    def function(self) -> Callable[..., Any]:
        """The function behind ``_target_``."""
        return find_function(self.target, "metric", f"_target_ of conf/metric/{self.name}.yaml")

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Names of what it is of: the parameters of its function."""
        return tuple(inspect.signature(self.function).parameters)

    def each(self, values: Mapping[str, Any]) -> NDArray[Any]:
        """Return the value of each galaxy, (N,), of a metric that is a mean, as its function gives it."""
        return np.asarray(self.function(**{name: values[name] for name in self.inputs}))

    def of(self, values: Mapping[str, Any]) -> float:
        """Return the metric.

        Parameters
        ----------
        values : by name, all of :attr:`inputs`; arrays are (N,), one number per galaxy, or (n_bins,).

        Raises
        ------
        InputError : there is no galaxy, or a number is not finite: none is left out silently.
        """
        for name in self.inputs:
            self._require_finite(name, np.asarray(values[name]))
        found = self.each(values)
        if not self.mean:
            return float(found)
        self._require_finite("its value", found)
        return float(np.mean(found))

    def badness(self, values: ArrayLike) -> Floats:
        """Return values so turned that less is better: |x| where zero is best, −x where more is better."""
        plain = np.asarray(values, np.float64)
        return {"zero": np.abs, "higher": np.negative, "lower": np.positive}[self.better](plain)

    @property
    def factor(self) -> float:
        """Factor of the number in its unit."""
        return UNITS[self.unit][0]

    @property
    def head(self) -> str:
        """Head of a column in its unit: ``σ_MAD ×10⁻³``."""
        return self.label + UNITS[self.unit][1]

    @property
    def axis(self) -> str:
        """Name of an axis in its unit, mathtext."""
        return (self.symbol or self.label) + UNITS[self.unit][2]

    def text(self, value: float | None) -> str:
        """Return the number as reports show it, thousandths with four decimals; a dash where there is none."""
        sign = "+" if self.better == "zero" else ""
        if self.unit == "thousandths" or value is None or not np.isfinite(value):
            return number(value, PLAIN_DIGITS, sign)
        return number(value * self.factor, self.digits, sign) + UNITS[self.unit][1]

    def scaled(self, value: float, error: float = np.nan) -> str:
        """Return the number in its unit as comparisons show it, with its error where there is one."""
        return with_error(value * self.factor, error * self.factor, self.digits)

    def _require_finite(self, what: str, values: NDArray[Any]) -> None:
        if not values.size:
            raise InputError(f"{self.label} of no galaxies ({what} is empty); give at least one with a label.")
        if not np.isfinite(values).all():
            row = int(np.flatnonzero(~np.isfinite(values))[0])
            raise InputError(
                f"{self.label}: {what} is {values.ravel()[row]} in row {row}; drop galaxies without a finite value."
            )


@cache
def metrics() -> dict[str, Metric]:
    """Return every metric of ``conf/metric`` by its name, in the order of tables.

    Raises
    ------
    InputError : a file there is not that of a metric.
    """
    found = [_read(path.stem) for path in sorted((conf_directory() / "metric").glob("*.yaml"))]
    return {metric.name: metric for metric in sorted(found, key=lambda metric: metric.place)}


def metric(name: str) -> Metric:
    """Return the metric of a name.

    Raises
    ------
    InputError : there is none; the nearest is named.
    """
    if name not in metrics():
        raise InputError(f"unknown metric '{name}'{nearest(name, metrics())}")
    return metrics()[name]


def shown_in(table: Shown) -> dict[str, Metric]:
    """Return the metrics of a kind of table, in its order."""
    return {name: one for name, one in metrics().items() if table in one.tables}


def drawn_in(plot: Drawn) -> dict[str, Metric]:
    """Return the metrics of a kind of figure, in its order."""
    return {name: one for name, one in metrics().items() if plot in one.plots}


def evaluate(chosen: Iterable[Metric], values: Mapping[str, Any]) -> dict[str, float]:
    """Return the metrics whose inputs are all given, by name.

    Parameters
    ----------
    chosen : metrics; those of other inputs are left out.
    values : see :meth:`Metric.of`.
    """
    return {one.name: one.of(values) for one in chosen if set(one.inputs) <= set(values)}


def _read(name: str) -> Metric:
    path = conf_directory() / "metric" / f"{name}.yaml"
    try:
        return Metric.model_validate({"name": name, **yaml.safe_load(path.read_text(encoding="utf-8"))})
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{path}: '{'.'.join(map(str, first['loc']))}' is wrong: {first['msg']}.") from error
