"""The estimator that a config names."""

from __future__ import annotations

from collections.abc import Sequence

from pytorch_lightning.loggers import Logger

from photoz_lit.config import Config
from photoz_lit.estimators.adaptation import AdaptationEstimator
from photoz_lit.estimators.cnn import CNNEstimator
from photoz_lit.estimators.estimator import Estimator
from photoz_lit.targets import find_class


def estimator_of(config: Config, loggers: Sequence[Logger] = ()) -> Estimator:
    """Return the estimator behind ``network._target_``; a family of networks is what the CNN estimators train.

    Parameters
    ----------
    config : of the run.
    loggers : get a network's training curve beside ``metrics.csv``.
    """
    kind = find_class(config.network.target, object, "network", "network._target_")
    if issubclass(kind, Estimator):
        return kind(config, loggers)
    return AdaptationEstimator(config, loggers) if config.data.adapts else CNNEstimator(config, loggers)
