"""The estimator that a config names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from photoz_lit.config import Config
from photoz_lit.estimators.estimator import Estimator
from photoz_lit.targets import find_class

if TYPE_CHECKING:  # predictions in a notebook do without Lightning
    from pytorch_lightning.loggers import Logger


def estimator_of(config: Config, loggers: Sequence[Logger] = ()) -> Estimator:
    """Return the estimator behind ``network._target_``; a family of networks is what the CNN estimators train.

    Parameters
    ----------
    config : of the run.
    loggers : get a network's training curve beside ``metrics.csv``.
    """
    kind = estimator_class(config)
    if kind is not None:
        return kind(config, loggers)
    from photoz_lit.estimators.adaptation import AdaptationEstimator
    from photoz_lit.estimators.cnn import CNNEstimator

    return AdaptationEstimator(config, loggers) if config.data.adapts else CNNEstimator(config, loggers)


def estimator_class(config: Config) -> type[Estimator] | None:
    """Return the estimator that ``network._target_`` names; None where it names a family of networks."""
    kind = find_class(config.network.target, object, "network", "network._target_")
    return kind if issubclass(kind, Estimator) else None
