"""What a run fits, be it a network, a forest or templates: the methods that every estimator has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from photoz_lit.alignment.build import needs_network
from photoz_lit.config import Config
from photoz_lit.console import NamesTable
from photoz_lit.data.sample import Sample
from photoz_lit.data.split import Split
from photoz_lit.data.store_view import bands_of_field
from photoz_lit.errors import InputError
from photoz_lit.fields import Field
from photoz_lit.settings import EstimatorSettings

if TYPE_CHECKING:  # predictions in a notebook do without Lightning
    from pytorch_lightning.loggers import Logger


@dataclass(frozen=True)
class Description:
    """What is printed before the fits.

    Attributes
    ----------
    lines : label -> text, e.g. ``{"network": "random forest of 200 trees"}``.
    details : a table below them, of a network its branches and their cost.
    """

    lines: dict[str, str]
    details: NamesTable | None = None


@dataclass(frozen=True)
class Cost:
    """Size of a fitted estimator and operations per galaxy; None where they cannot be counted.

    Attributes
    ----------
    parameters : that are learnt.
    gflop_per_image : 10⁹ operations of a prediction.
    gflop_parallel : the part of them before the modalities are fused.
    """

    parameters: int | None = None
    gflop_per_image: float | None = None
    gflop_parallel: float | None = None

    @property
    def figures(self) -> dict[str, float]:
        """What is known, by name, as it stands in ``metrics.json``."""
        return {name: value for name, value in vars(self).items() if value is not None}


class Estimator(ABC):
    """Fits and applies one member (one fold, one seed) of a run.

    Each class declares its options, a :class:`~photoz_lit.settings.EstimatorSettings`, as ``Settings``; they
    are the section ``network`` of the config, whose ``_target_`` names the class.

    Parameters
    ----------
    config : of the run.
    loggers : get a training curve, where there is one.

    Attributes
    ----------
    settings : the section ``network``.
    fit_report : of the last fit: ``epochs``, how often it went through its training galaxies; of a network also
        ``restarts`` (dead networks whose place it took), ``val_loss`` and ``val_loss_one_pdf`` (that of one PDF for
        all galaxies); of an adapted one these are its start's.
    """

    Settings: ClassVar[type[EstimatorSettings]]
    settings: EstimatorSettings
    fit_report: dict[str, float]

    def __init__(self, config: Config, loggers: Sequence[Logger] = ()) -> None:
        self.config = config
        self.loggers = list(loggers)
        self.settings = config.network
        self.fit_report = {}

    @abstractmethod
    def fit(self, sample: Sample, split: Split, seed: int, folder: Path) -> None:
        """Fit on ``split.train``, choose on ``split.validation`` and keep the result in ``folder``."""

    @abstractmethod
    def load(self, folder: Path) -> None:
        """Read what :meth:`fit` kept in ``folder``.

        Raises
        ------
        InputError : nothing, or not all of it, is there.
        """

    @abstractmethod
    def predict(
        self, sample: Sample, galaxies: NDArray[np.int64], dropped: Collection[str] = ()
    ) -> NDArray[np.float32]:
        """Return PDFs of some galaxies, (n, n_bins) probabilities, in the order of ``galaxies``.

        Parameters
        ----------
        sample : any, with the bands of the fit.
        galaxies : rows of it, (n,).
        dropped : names of modalities to leave out.

        Raises
        ------
        InputError : modalities are to be dropped that there are not.
        """

    def describe(self, sample: Sample, split: Split, n_fits: int) -> Description:  # noqa: ARG002
        """Say what is fitted and, where it takes long, about how long ``n_fits`` fits take."""
        return Description({"network": self.settings.name})

    @property
    def label(self) -> str:
        """What tells jobs of several estimators and settings apart, the seed aside: the job type in W&B."""
        return f"{self.settings.name}-{self.config.module.name}"

    def cost(self, sample: Sample) -> Cost:  # noqa: ARG002
        """Return size and operations per galaxy for the bands and stamps of a sample."""
        return Cost()

    def training_figures(self, n_train: int, fits: Sequence[dict[str, Any]]) -> dict[str, Any]:  # noqa: ARG002
        """Return what ``metrics.json`` says of the fits beside their time.

        Parameters
        ----------
        n_train : training galaxies of a fit.
        fits : the ``fit_report`` of every member.
        """
        return {}

    def check(self, bands: Sequence[str], stamp_size: int, field: Field) -> None:  # noqa: ARG002
        """Refuse what does not fit, before anything is simulated, read or made.

        Parameters
        ----------
        bands : names, in order.
        stamp_size : [pixel].
        field : its bands and redshift grid.

        Raises
        ------
        InputError : bands, stamps, labels or adaptation do not fit; one sentence.
        """
        bands_of_field(field, bands)
        self._check_adaptation()
        if self.config.data.label_weights:
            raise InputError(
                f"data.label_weights weighs the loss of a network, and network={self.settings.name} has none; leave it"
                " out, or choose labels with data.select."
            )

    def _check_adaptation(self) -> None:
        if self.config.data.adapts and needs_network(self.config.adapt):
            raise InputError(f"network={self.settings.name} has no features to align; choose adapt=none or a network.")

    def check_sample(self, sample: Sample) -> None:  # noqa: B027  # most can do with any
        """Refuse galaxies that cannot be fitted, before the run folder is made.

        Raises
        ------
        InputError : the catalogue lacks what is fitted.
        """

    def features(
        self,
        sample: Sample,  # noqa: ARG002
        galaxies: NDArray[np.int64],  # noqa: ARG002
        device: str | None = None,  # noqa: ARG002
    ) -> NDArray[np.float32] | None:
        """Return learnt features of some galaxies, (n, F), in their order; None where none are learnt."""
        return None

    def refuse_dropped(self, dropped: Collection[str]) -> None:
        """Refuse to leave out modalities where there are none.

        Raises
        ------
        InputError : some are to be left out.
        """
        if dropped:
            raise InputError(f"drop: network={self.settings.name} has no modalities; drop them from a multimodal run.")
