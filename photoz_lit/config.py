"""The typed config: what Hydra composed, checked; a wrong key or value gives one readable sentence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import BeforeValidator, SerializeAsAny, ValidationError
from pydantic import Field as Entry

from photoz_lit.alignment.settings import AdaptSettings
from photoz_lit.config_errors import input_error
from photoz_lit.engines.settings import EngineSettings
from photoz_lit.errors import InputError
from photoz_lit.fetch.settings import FetchSettings
from photoz_lit.fields import Field
from photoz_lit.files import FileName
from photoz_lit.ingest.settings import IngestSettings
from photoz_lit.labels.settings import LabelsSettings
from photoz_lit.network_choice import settings_type_of
from photoz_lit.networks.settings import FusionSettings, ModalitySettings, NetworkSettings
from photoz_lit.recipes import register_recipes
from photoz_lit.settings import EstimatorSettings, Input, Numbers, Role, Settings
from photoz_lit.simulation.settings import SimulationSettings
from photoz_lit.studies.definition import Study

register_recipes()  # before any config is composed

#: Names, or a single one without brackets: ``data.bands=g``.
Names = Annotated[list[str], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]


#: Number of a device.
Index = Annotated[int, Entry(ge=0)]


class TaskSettings(Settings):
    """A verb: ``target`` is the dotted path of its function; further keys are its options, see ``tasks/task.py``."""

    model_config = {**Settings.model_config, "extra": "allow"}
    name: str
    description: str
    target: str = Entry(alias="_target_")
    takes: Any = Entry(default=None, exclude=True)  # what the task declares is no setting


class ExperimentSettings(Settings):
    """Name of the run folder's parent, and one line for ``--help``."""

    name: FileName
    description: str = ""


class ScaleSettings(Settings):
    """``demo``, ``paper`` or ``aligned``: sizes that other groups refer to, where they count."""

    name: str
    stamp_size: int = Entry(gt=0, le=4096)
    width: Annotated[float, Role.COSMETIC] = Entry(gt=0)
    align: Annotated[int, Role.COSMETIC] = Entry(default=1, gt=0)
    n_galaxies: Annotated[int, Role.COSMETIC] = Entry(gt=0)
    max_epochs: Annotated[int, Role.COSMETIC] = Entry(gt=0)
    batch_size: Annotated[int, Role.COSMETIC] = Entry(gt=0)
    learning_rate: Annotated[float, Role.COSMETIC] = Entry(gt=0)
    standardise: Annotated[bool, Role.COSMETIC]
    recipe: Annotated[str, Role.COSMETIC] = "published"


class DataSettings(Settings):
    """Which stores are read, and how; see ``conf/data/survey.yaml`` for each key."""

    store: Annotated[str | list[str] | None, Input.STORE, Role.PLACE]
    source: Annotated[str | None, Input.STORE, Role.PLACE]
    target: Annotated[str | list[str] | None, Input.STORE, Role.PLACE]
    mosaics: Annotated[str | None, Input.FILE, Role.PLACE] = None
    target_fields: Names
    bands: Annotated[Names, Entry(min_length=1)] | None
    cache: Annotated[str, Role.MACHINE]
    simulation_seed: int = Entry(ge=0)
    target_seed: int = Entry(ge=0)
    batch_size: int = Entry(gt=0)
    num_workers: Annotated[int, Role.MACHINE] = Entry(ge=0, le=1024)
    augment: bool
    missing_bands: Literal["drop", "blank"]
    select: str | None
    source_select: str | None = None
    label_weights: dict[str, Annotated[float, Entry(ge=0)]] | None
    weighted_sampling: bool
    labels: Annotated[str | None, Input.FILE, Role.PLACE]
    labels_table: str | int | None = None
    label_missing: Numbers = ()
    label_allow: Numbers = ()
    n_labelled: int | None = Entry(default=None, gt=0)
    resident: Annotated[bool | Literal["auto", "half"], Role.MACHINE]
    prefetch: Annotated[bool | Literal["auto"], Role.MACHINE] = "auto"

    @property
    def stores(self) -> list[str]:
        """The stores as a list, empty where the field is simulated."""
        return [self.store] if isinstance(self.store, str) else list(self.store or [])

    @property
    def targets(self) -> list[str]:
        """The target stores as a list, empty where the target fields are simulated or there are none."""
        return [self.target] if isinstance(self.target, str) else list(self.target or [])

    @property
    def adapts(self) -> bool:
        """Whether a network is to be carried from one field to others."""
        return bool(self.targets or self.target_fields)


class ModuleSettings(Settings):
    """LightningModule class, loss and recipe of training; see ``conf/module/base.yaml``.

    What has a default here is not in the records of runs made before there were recipes: they were made so.
    """

    name: str
    target: str = Entry(alias="_target_")
    recipe: str = "published"
    learning_rate: float = Entry(gt=0)
    optimiser: Literal["adam", "muon"] = "adam"
    muon_learning_rate: float = Entry(default=0.02, gt=0)
    muon_momentum: float = Entry(default=0.9, ge=0, lt=1)
    schedule: Literal["steps", "linear"] = "steps"
    milestones: list[Annotated[float, Entry(ge=0)]]
    decay: float = Entry(gt=0, le=1)
    warmup: float = Entry(ge=0, lt=1)
    tta: Literal[1, 8] = 1
    label_smoothing: float = Entry(default=0.0, ge=0)
    weight_average: float | None = Entry(default=None, gt=0, lt=1)
    initialisation: Literal["glorot", "quiet_heads"] = "glorot"
    calibration: Literal["none", "pit"] = "none"
    weight_decay: float = Entry(ge=0)
    point_loss: Literal["mae", "mse"]
    point_loss_weight: float = Entry(ge=0)
    standardise: bool
    init: Annotated[Path | None, Input.RUN] = None
    frozen: list[str] = Entry(default=[])


class TrainerSettings(Settings):
    """How Lightning's Trainer runs; see ``conf/trainer``."""

    name: Annotated[str, Role.COSMETIC]
    accelerator: Annotated[Literal["auto", "cpu", "gpu"], Role.NUMERICS]
    devices: Annotated[
        Annotated[int, Entry(gt=0, le=1024)] | Annotated[list[Index], Entry(min_length=1)] | Literal[-1, "auto"],
        Role.NUMERICS,
    ]
    strategy: Annotated[str, Role.NUMERICS]
    num_nodes: Annotated[int, Role.NUMERICS] = Entry(default=1, gt=0)
    max_epochs: int = Entry(gt=0)
    max_steps: Literal[-1] | Annotated[int, Entry(gt=0)]
    precision: Annotated[Literal["auto", "32", "32-true", "bf16-mixed", "16-mixed"], Role.NUMERICS]
    evaluation_precision: Annotated[Literal["float32", "training"], Role.NUMERICS] = "float32"
    channels_last: Annotated[bool, Role.NUMERICS]
    compile: Annotated[bool | Literal["reduce-overhead"], Role.NUMERICS]
    micro_batches: Annotated[int, Role.NUMERICS] = Entry(default=1, gt=0)
    gradient_clip: float | None = Entry(ge=0)
    patience: int | None = Entry(gt=0)
    threads: Annotated[int | None, Role.MACHINE] = Entry(gt=0, le=1024)
    progress: Annotated[bool, Role.MACHINE]


class LoggerSettings(Settings):
    """Where training curves go beside ``metrics.csv``; see ``conf/logger/wandb.yaml``."""

    name: Literal["csv", "wandb"]
    project: Annotated[str, Entry(pattern=r"^[^/\\#?%:]{1,128}$")]  # what W&B takes
    group: Annotated[str, Entry(max_length=128)]
    entity: str | None
    job_type: Annotated[str, Entry(max_length=64)] | None
    worst: int = Entry(ge=0)


class CrossValidationSettings(Settings):
    """``folds=5`` tests every fold once; null tests fold 0 and validates on fold 1."""

    folds: Literal[5] | None


class EnsembleSettings(Settings):
    """Networks trained per fold, each with another seed; their PDFs are averaged."""

    members: int = Entry(gt=0, le=1000)
    mean: Literal["arithmetic", "harmonic"]


class PathSettings(Settings):
    """Where run folders and study results go; ``pointer`` is a file that gets the path of the job's run folder."""

    runs: Path
    experiments: Path
    pointer: Path | None


def _network(content: Any) -> Any:
    """Section ``network`` as the class behind its ``_target_`` declares it.

    Raises
    ------
    InputError : a key is unknown or missing, or its value is wrong.
    """
    if not isinstance(content, Mapping):
        return content
    kind = settings_type_of(content)
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise input_error(error, kind, content, "network.") from error


class Config(Settings):
    """The whole config of one job."""

    task: Annotated[TaskSettings, Role.WORK]
    experiment: Annotated[ExperimentSettings, Role.COSMETIC]
    seed: int = Entry(ge=0, lt=2**32)  # what numpy and torch take
    scale: ScaleSettings
    field: Field
    data: DataSettings
    simulation: SimulationSettings
    network: Annotated[SerializeAsAny[NetworkSettings | EstimatorSettings], BeforeValidator(_network)]
    modality: ModalitySettings
    fusion: FusionSettings
    module: ModuleSettings
    adapt: AdaptSettings
    ingest: Annotated[IngestSettings, Role.PLACE]
    labels: Annotated[LabelsSettings, Role.PLACE]
    trainer: TrainerSettings
    logger: Annotated[LoggerSettings, Role.COSMETIC]
    cv: CrossValidationSettings
    ensemble: EnsembleSettings
    paths: Annotated[PathSettings, Role.PLACE]
    trust: Annotated[Names, Role.MACHINE] = []
    study: Annotated[Study | None, Role.WORK] = None
    tta: Literal[1, 8] | None = None
    engine: Annotated[EngineSettings, Role.PLACE] = EngineSettings()
    fetch: Annotated[FetchSettings | None, Role.PLACE] = None

    @property
    def images_per_galaxy(self) -> int:
        """How many symmetric images of a galaxy its PDF is the mean of: ``tta``, or what the recipe says."""
        return self.module.tta if self.tta is None else self.tta

    @property
    def calibrates(self) -> bool:
        """Whether the run's PDFs are recalibrated on its validation galaxies.

        Not in an adaptation: its validation galaxies are of the source, and a calibration holds in one field alone.
        """
        return self.module.calibration == "pit" and self.network.is_calibrated and not self.data.adapts

    @property
    def reads_catalogue(self) -> bool:
        """Whether magnitudes of the catalogue decide what is trained on or predicted, not the pixels alone.

        Guided batches do not count: which galaxies of like magnitude meet in a batch is a draw anyhow.
        """
        data = self.data
        chosen = data.select is not None or data.source_select is not None or data.weighted_sampling
        beside_images = isinstance(self.network, NetworkSettings) and bool(self.network.catalogue_columns)
        return self.network.reads_catalogue or beside_images or chosen


def validate(composed: DictConfig | Mapping[str, Any]) -> Config:
    """Turn a composed config into a :class:`Config`.

    Raises
    ------
    InputError : a key is unknown (the nearest one is named), missing, or its value is wrong.
    """
    try:
        content = OmegaConf.to_container(composed, resolve=True) if isinstance(composed, DictConfig) else composed
        return Config.model_validate(content)
    except OmegaConfBaseException as error:
        if isinstance(error.__cause__, InputError):
            raise error.__cause__ from error
        raise InputError(f"config: {str(error).splitlines()[0]}.") from error
    except ValidationError as error:
        raise input_error(error, Config, content) from error
