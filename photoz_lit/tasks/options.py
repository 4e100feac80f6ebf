"""Options of every task, the keys ``task.*``; nothing here needs torch, so that a slip is answered at once.

Their defaults stand in ``conf/task/<task>.yaml``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, PositiveInt
from pydantic import Field as Entry

from photoz_lit.config import Config
from photoz_lit.engines.settings import EngineSettings
from photoz_lit.errors import InputError
from photoz_lit.settings import Input, Numbers
from photoz_lit.tasks.task import TaskOptions


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str | Path) else value


#: Several of a kind, or a single one without brackets: ``drop=u_g``.
Names = Annotated[list[str], BeforeValidator(_listed)]
Places = Annotated[list[Path], BeforeValidator(_listed)]
Output = Annotated[Path, Entry(description="folder that is written")]


class RunOptions(TaskOptions):
    """Options of a task that applies a run."""

    run: Annotated[Path, Input.RUN] = Entry(description="the run whose networks are applied")


class DroppingOptions(RunOptions):
    """Options of a task that may apply a run's networks without some modalities."""

    drop: Names = Entry(description="modalities left out, e.g. [u_g,g_r]")


class BenchOptions(TaskOptions):
    """Options of ``task=bench``."""

    full: bool = Entry(description="every network with 5, 6 and 9 bands, not those alone that take minutes")
    file: Path = Entry(description="file of the results")
    batch_size: int | None = Entry(gt=0, description="images per step; null: 16 on a CPU, 256 on a GPU")
    seconds: float = Entry(gt=0, description="for how long each figure is repeated [s]")


CalibrationWay = Literal["none", "temperature", "pit", "local"]


class CalibrateOptions(RunOptions):
    """Options of ``task=calibrate``."""

    method: CalibrationWay = Entry(
        description="the recalibration that later predictions of the run get; none: as its networks make them"
    )
    compare: Annotated[list[Literal["none", "temperature", "pit", "local", "calpit"]], BeforeValidator(_listed)] = (
        Entry(description="ways that are compared on the test galaxies; calpit needs that library")
    )
    levels: list[Annotated[float, Entry(gt=0, lt=1)]] = Entry(description="coverages of the conformal intervals")
    reach: bool = Entry(description="keep how far validation galaxies lie from the training, for task=predict")


class CompareOptions(TaskOptions):
    """Options of ``task=compare``."""

    runs: Annotated[Places | None, Input.RUNS] = Entry(description="run folders, folders of them, or a results.json")
    baseline: str | None = Entry(description="run or method that the others are compared with")
    baseline_settings: dict[str, str | int | float] | None = Entry(
        description="of the baseline, where the method's other settings are compared with these: {order: 1}"
    )
    draws: int = Entry(gt=0, description="bootstrap resamples per pair of methods")
    title: str | None = Entry(description="heading of the table; null: the study's name")
    output: Output | None = Entry(description="folder of the table; null: beside the runs or the study's results")


class EmittersOptions(RunOptions):
    """Options of ``task=emitters``."""

    survey: str = Entry(description="simulation in conf/simulation whose narrow-band survey selects the galaxies")
    galaxies: int = Entry(ge=50, description="emitters that are drawn, interlopers among them")
    simulation_seed: int = Entry(ge=0, description="of their sky, another than that of the training's sky")
    redshift: float = Entry(gt=0, description="at which the wanted line lies in the band; metrics are against it")


class ExportOptions(TaskOptions):
    """Options of ``task=export``."""

    run: Annotated[Path, Input.RUN] = Entry(description="the run whose predictions are exported")
    output: Output | None = Entry(description="folder of the files; null: export/ in the run")
    format: Annotated[list[Literal["parquet", "fits", "votable", "qp", "torch", "onnx"]], BeforeValidator(_listed)] = (
        Entry(min_length=1, description="catalogues, the PDFs as qp, and the networks as torch.export and ONNX files")
    )


class FetchOptions(TaskOptions):
    """Options of ``task=fetch``."""

    catalogue: Annotated[Path, Input.FILE] = Entry(description="table of the galaxies, with positions")
    table: str | int | None = Entry(description="name or number of the table, where the file holds several")
    output: Output
    again: bool = Entry(description="ask once more for files of which the service said that it has none")


class IngestOptions(TaskOptions):
    """Options of ``task=ingest``."""

    output: Output = Entry(description="folder of the store that is written")


class InspectOptions(TaskOptions):
    """Options of ``task=inspect``."""

    store: Annotated[Path | None, Input.STORE] = Entry(description="the store to look at; null: data.store")


class LabelsOptions(TaskOptions):
    """Options of ``task=labels``."""

    output: Output | None = Entry(description="folder of the label set; null: labels.output")


class MismatchOptions(TaskOptions):
    """Options of ``task=mismatch``."""

    source: Annotated[Path, Input.STORE] = Entry(description="store of the source field")
    targets: Annotated[Places, Input.STORE] = Entry(min_length=1, description="stores of the target fields")
    run: Annotated[Path | None, Input.RUN] = Entry(description="a run whose features and redshifts are compared too")
    drop: Names = Entry(description="modalities of the run left out, e.g. [u_g,g_r]")
    galaxies: int = Entry(ge=20, description="of each field, for the probe, the colours and the predictions")
    seed: int = Entry(ge=0, description="of draws, matching and bootstrap")
    output: Output | None = Entry(description="folder of tables and figures; null: one below paths.runs")


class ModalitiesOptions(RunOptions):
    """Options of ``task=modalities``."""


class NzOptions(DroppingOptions):
    """Options of ``task=nz``."""

    store: Annotated[Path | None, Input.STORE] = Entry(description="a store, whose galaxies replace the run's")
    bootstraps: int = Entry(gt=1, description="resamples of the galaxies")
    bin_width: float | None = Entry(
        gt=0, description="[redshift] of figure and total variation; null: 1/80 of the redshift grid"
    )
    magnitude_edges: list[float] | None = Entry(description="of magnitude bins [AB]; null: quartiles, []: none")
    tomographic_edges: list[float] | None = Entry(description="in z_phot; null: four bins of equal number, []: none")
    reference: Annotated[Path | None, Input.FILE] = Entry(
        description="a catalogue whose redshifts are the reference; null: the labels"
    )
    reference_table: str | int | None = Entry(description="its table, by name or number, where it holds several")
    reference_z: str = Entry(description="its column of redshifts")
    reference_missing: Numbers = Entry(description='its redshifts that mean "no value", beside ±99 and the like')
    reference_allow: Numbers = Entry(description="its redshifts that repeat conspicuously often and are real")
    reference_mag: str | None = Entry(description="its column of magnitudes; null: no comparison in magnitude bins")
    seed: int = Entry(ge=0, description="of the resampling")


class PredictOptions(DroppingOptions):
    """Options of ``task=predict``."""

    output: Output | None = Entry(description="folder of shards, for stores of any length; null: one run folder")
    format: Annotated[list[Literal["parquet", "hats", "qp", "fits"]], BeforeValidator(_listed)] = Entry(
        min_length=1, description="of the predictions, e.g. [parquet,hats,qp,fits]; hats is one catalogue of all shards"
    )
    pdf: Literal["bins", "quantiles"] = Entry(description="what a shard keeps of a PDF: every bin, or 20 quantiles")
    shard: PositiveInt = Entry(description="galaxies in a shard")
    margin: float = Entry(
        ge=0,
        le=60,
        description="width of the margin beside the HATS catalogue, for matches across its partitions' edges [arcsec];"
        " 0: none",
    )
    processes: PositiveInt | None = Entry(description="former spelling of engine.workers")

    def check(self, config: Config) -> None:
        """Refuse what would be given twice, or reach nothing."""
        data = config.data
        if data.mosaics is not None and data.stores:
            raise InputError("data.mosaics and data.store are both given; predictions are of one of them.")
        if self.output is None:
            if data.mosaics is not None:
                raise InputError("data.mosaics needs task.output=<folder>: its predictions go into shards.")
            return
        if self.processes is not None and config.engine != EngineSettings():
            raise InputError(f"task.processes={self.processes} is engine.workers by its former name; give that alone.")
        if config.data.num_workers:
            raise InputError(
                f"shards are read in blocks, without data.num_workers={config.data.num_workers}; leave it out, and give"
                " engine.workers for several processes."
            )


class RealismOptions(TaskOptions):
    """Options of ``task=realism``."""

    sdss: Annotated[Path | None, Input.FILE] = Entry(description="table of SDSS galaxies, judged too; null: none")
    tune: bool = Entry(description="print the SED track and zero points of field=<name> from the tuning half")
    zero_points: dict[str, dict[str, float]] = Entry(
        description="field -> band -> what the real catalogue is too faint by [mag]"
    )


class RenameOptions(TaskOptions):
    """Options of ``task=rename``."""

    store: Annotated[Path, Input.STORE] = Entry(description="the store, which stays as it is")
    bands: dict[str, str] = Entry(description="band: its new name, e.g. {G: g}; two may change places")
    output: Annotated[Path, Entry(description="the store that is written; it shares the images")]

    def check(self, config: Config) -> None:  # noqa: ARG002
        """Refuse a call that renames nothing."""
        if not self.bands:
            raise InputError("task=rename needs task.bands={<band>: <its new name>}.")


class ReportOptions(TaskOptions):
    """Options of ``task=report``."""

    runs: Annotated[Places | None, Input.RUNS] = Entry(description="run folders, or folders of them")
    run: Annotated[Path | None, Input.RUN] = Entry(description="a single run")


class PanelsOptions(TaskOptions):
    """Options of ``task=panels``."""

    view: str = Entry(min_length=1, description="name of the view that holds the panels")


class SimulateOptions(TaskOptions):
    """Options of ``task=simulate``."""

    output: Output | None = Entry(description="folder of the store that is written; null: one below data.cache")


class StudyOptions(TaskOptions):
    """Options of ``task=study``."""

    seeds: list[int] | None = Entry(min_length=1, description="of the jobs of this session; null: all jobs")
    jobs: PositiveInt | Literal["auto"] = Entry(description="at once; auto: one per GPU, or one on the CPU")

    def check(self, config: Config) -> None:
        """Refuse what is given to the study and would reach none of its jobs."""
        from photoz_lit.tasks.overrides_of_jobs import require_taken_over  # it reads the options of tasks itself

        if config.study is not None:
            require_taken_over(config)


class TrainOptions(TaskOptions):
    """Options of ``task=train``."""

    rerun: bool = Entry(description="train again where a finished run of the same config exists")
