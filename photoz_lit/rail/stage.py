"""What the stages share: training by a typed command, a run as the model, PDFs as RAIL expects them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from ceci.config import StageParameter
from numpy.typing import NDArray
from rail.core.enums import DistributionType
from rail.estimation.estimator import CatEstimator
from rail.estimation.informer import CatInformer

from photoz_lit.api import Model, PDFs, load
from photoz_lit.command_line.overrides import for_hydra
from photoz_lit.composed_config import configured
from photoz_lit.errors import InputError
from photoz_lit.rail.handles import Run, RunHandle
from photoz_lit.tasks.train import train

#: Bytes of an id in the ancillary table.
ID_BYTES = 64


class OwnCommand:
    """A stage that ``ceci`` starts by its own command, as ``python -m photoz_lit`` is another one."""

    name: ClassVar[str]

    @classmethod
    def generate_command(cls, *arguments: Any, **options: Any) -> str:
        """Return the command with which ``ceci`` runs the stage."""
        command: str = super().generate_command(*arguments, **options)  # type: ignore[misc]
        return command.replace(f"-m photoz_lit {cls.name}", f"-m ceci photoz_lit.rail.{cls.name}", 1)


class PhotozLitInformer(OwnCommand, CatInformer):  # type: ignore[misc]
    """Trains a run; the model is the run."""

    name = "PhotozLitInformer"
    parallel = False
    outputs: ClassVar[list[tuple[str, type]]] = [("model", RunHandle)]
    config_options = CatInformer.config_options.copy()
    config_options.update(
        overrides=StageParameter(
            list, [], msg="keys of the command line, e.g. ['experiment=hsc6b_early_fusion', 'trainer.max_epochs=10']"
        )
    )

    def train(self, store: Path, *further: str) -> None:
        """Train on a store as the command line does, and keep the run as the model.

        Parameters
        ----------
        store : its folder.
        further : overrides before the user's own.
        """
        typed = [*further, *self.config.overrides, f"data.store={store}"]
        folder = train(configured(for_hydra(typed), {}))
        self.model = Run(folder.path.resolve())
        self.add_data("model", self.model)


class PhotozLitEstimator(OwnCommand, CatEstimator):  # type: ignore[misc]
    """Estimates PDFs with a run."""

    name = "PhotozLitEstimator"
    inputs: ClassVar[list[tuple[str, type]]] = [("model", RunHandle)]
    config_options = CatEstimator.config_options.copy()
    config_options.update(
        device=StageParameter(str, "auto", msg="where the networks run: auto, cpu or cuda"),
        batch_size=StageParameter(int, 256, msg="images that go through a network at once"),
    )

    networks: Model

    @classmethod
    def default_distribution_type(cls) -> DistributionType:
        """Return posterior: the training set is the prior."""
        return DistributionType.posterior

    def open_model(self, tag: str = "model", **options: Any) -> Run:
        """Open a run by its folder, by a file that an informer wrote, or by the handle of either."""
        given = options.get(tag)
        if isinstance(given, str | Path) and str(given) != "None":
            given = RunHandle(tag, path=str(given))
            given.read()
        run: Run = super().open_model(tag, **{tag: given})
        self.networks = load(run.path, self.config.device, batch_size=self.config.batch_size)
        return run

    def write(self, pdfs: PDFs, beside: Mapping[str, NDArray[Any]], start: int, end: int, first: bool) -> None:
        """Hand the PDFs of a block to RAIL, with point estimates and further columns in the ancillary table."""
        ensemble = pdfs.to_qp()
        written = self.config.output_mode != "return"
        columns = {name: in_a_file(values) if written else values for name, values in beside.items()}
        ensemble.set_ancil({"zmode": pdfs.z_mode, "zmean": pdfs.z_mean, "zmedian": pdfs.z_phot, **columns})
        self._do_chunk_output(ensemble, start, end, first, data={})


def as_texts(names: Sequence[Any] | NDArray[Any]) -> NDArray[np.str_]:
    """Return ids as texts, (N,).

    Raises
    ------
    InputError : one is longer than 64 bytes of UTF-8, which is what a file keeps of every id.
    """
    texts = [name.decode() if isinstance(name, bytes) else str(name) for name in names]
    for text in texts:
        if len(text.encode()) > ID_BYTES:
            raise InputError(f"the id '{text}' is longer than {ID_BYTES} bytes; give shorter ids.")
    return np.array(texts, np.str_)


def in_a_file(values: NDArray[Any]) -> NDArray[Any]:
    """Return values as HDF5 keeps them: texts as UTF-8, of the same width in every block of a file."""
    if values.dtype.kind != "U":
        return values
    return np.array([text.encode() for text in values], dtype=f"S{ID_BYTES}")
