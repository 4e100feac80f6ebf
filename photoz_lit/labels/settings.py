"""Section ``labels`` of the config."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from photoz_lit.data.smoothing_settings import SmoothingSettings
from photoz_lit.settings import Numbers, Role, Settings

TIERS = ("spec", "grism", "prism", "photo")
Tier = Literal["spec", "grism", "prism", "photo"]


class ConsensusSettings(Settings):
    """Which photo-z agree.

    Attributes
    ----------
    max_spread : largest σ(z) / (1 + z̄) of a consensus.
    match_radius : CLASSIC and FARMER are matched within it [arcsec].
    z_min, z_max : a photo-z outside this open interval is no value.
    """

    max_spread: float = Field(default=0.1, gt=0)
    match_radius: float = Field(default=0.6, gt=0)
    z_min: float = 0.0
    z_max: float = 12.0


class LabelSourceSettings(Settings):
    """One catalogue of labels.

    Attributes
    ----------
    name : written to ``z_source``.
    tier : what its redshifts are, best first: ``spec``, ``grism``, ``prism``, ``photo``.
    path : table (CSV, FITS, ECSV, Parquet, VOTable), or a CutoutStore.
    table : name or number of the table, where the file holds several.
    columns : our column -> its column, e.g. ``{z: ZSPEC, ra: RA, mag_i: i}``.
    select : expression that a secure label fulfils, e.g. ``"3 <= ZFLAG < 5"``; others are counted and left out.
    photo_z : columns whose consensus is the label; ``columns.z`` is then not needed.
    match : how a label finds its photometry: by position in the target catalogue, by ``object_id``, or ``none`` where
        the label catalogue brings its own magnitudes.
    """

    name: str
    tier: Tier
    path: str
    table: str | int | None = None
    columns: dict[str, str] = {}
    select: str = ""
    photo_z: list[str] = []
    match: Literal["sky", "id", "none"] = "sky"


class CosmosSettings(Settings):
    """COSMOS2020.

    Attributes
    ----------
    classic, farmer : files of the two catalogues; empty: not used.
    table : name or number of the table in them, where they hold several.
    select : expression on the resulting labels, e.g. ``"mag_i <= 25"``.
    """

    classic: str = ""
    farmer: str = ""
    table: str | int | None = None
    select: str = ""

    @model_validator(mode="after")
    def _both(self) -> CosmosSettings:
        if bool(self.classic) != bool(self.farmer):
            raise ValueError("cosmos2020 needs both 'classic' and 'farmer', or neither")
        return self


class SomSettings(Settings):
    """The self-organising map.

    Attributes
    ----------
    magnitude : band of the one magnitude among the features.
    bands : bands whose adjacent colours are the features, in order; empty: those that the target catalogue has.
    rows, columns : cells; 0: by rule.
    trainer : ``minisom``, ``batch``, or ``auto``: batch from ``batch_from`` galaxies on.
    batch_from : see ``trainer``.
    min_features : a galaxy with fewer valid features cannot be placed; it is counted and left out.
    n_training : at most so many target galaxies train the map, drawn at random.
    passes : passes over the training galaxies.
    sigma_final : width of the neighbourhood at the end of training [cells].
    """

    magnitude: str = "i"
    bands: list[str] = []
    rows: int = Field(default=0, ge=0)
    columns: int = Field(default=0, ge=0)
    trainer: Literal["auto", "minisom", "batch"] = "auto"
    batch_from: int = 10_000
    min_features: int = Field(default=3, ge=1)
    n_training: int = Field(default=200_000, ge=10)
    passes: int = Field(default=10, ge=1)
    sigma_final: float = Field(default=0.5, gt=0)


class MergeSettings(Settings):
    """How labels fill the cells.

    Attributes
    ----------
    size : galaxies in the merged catalogue; 0: as many as ``fill`` allows.
    fill : share of the covered target sample that gets a separate label in the largest merged catalogue.
    match_radius : labels of one object lie within it [arcsec].
    gold_test : leave out cells whose spec-z and photo-z contradict each other.
    gold_sigma, gold_floor : a cell passes where |⟨z_spec⟩ − ⟨z_phot⟩| ≤ max(gold_sigma · σ_MAD, gold_floor).
    max_weight : weights stay within [1 / max_weight, max_weight].
    """

    size: int = Field(default=0, ge=0)
    fill: float = Field(default=0.9, gt=0, le=1)
    match_radius: float = Field(default=0.6, gt=0)
    gold_test: bool = True
    gold_sigma: float = 5.0
    gold_floor: float = 0.4
    max_weight: float = Field(default=10.0, ge=1)


class LabelStudySettings(Settings):
    """The study of ``hsc_deep_labels``: networks trained on four label sets of one simulated field.

    Attributes
    ----------
    methods : label sets, among ``spec_only``, ``consensus_only``, ``som_merge`` and ``som_merge_kde``.
    seeds : training seeds.
    images : training images that each network sees; label sets of different size thus get equal training.
    faint : the faint target sample begins here [mag in the field's reference band].
    catalogue_galaxies : galaxies of a further simulated catalogue without stamps, for the figures of the labels alone;
        0: none.
    """

    methods: Annotated[list[Literal["spec_only", "consensus_only", "som_merge", "som_merge_kde"]], Role.WORK] = [
        "spec_only",
        "consensus_only",
        "som_merge",
        "som_merge_kde",
    ]
    seeds: Annotated[list[int], Role.WORK] = [0, 1, 2]
    images: Annotated[int, Role.WORK] = Field(default=24_000, ge=1)  # it counts as trainer.max_epochs
    faint: Annotated[float, Role.RESULT] = 23.5
    catalogue_galaxies: Annotated[int, Role.WORK] = Field(default=200_000, ge=0)


class LabelsSettings(Settings):
    """Label set of a deep field.

    Attributes
    ----------
    output : folder of the label set.
    target : photometric catalogue that defines what is representative: a table or a CutoutStore; empty: a simulated
        COSMOS is drawn.
    target_table : its table, by name or number, where that file holds several.
    target_columns : our column -> its column; null: the catalogue has our names already.
    target_select : expression that the target sample fulfils.
    sources : catalogues of labels.
    missing, allow : redshifts of the sources that mean "no value", beside ±99 and the like, and those that stand out by
        how often they repeat and are real.
    cosmos2020 : CLASSIC and FARMER files, as a source of tier ``photo``.
    study : see :class:`LabelStudySettings`; read by ``task=labels_study`` alone.
    benchmark : instead of a label set, measure the merge of a million galaxies.
    """

    output: str = "labels"
    target: str = ""
    target_table: str | int | None = None
    target_columns: dict[str, str] | None = None
    target_select: str = ""
    sources: list[LabelSourceSettings] = []
    missing: Numbers = ()
    allow: Numbers = ()
    cosmos2020: CosmosSettings = CosmosSettings()
    consensus: ConsensusSettings = ConsensusSettings()
    som: SomSettings = SomSettings()
    merge: MergeSettings = MergeSettings()
    smoothing: SmoothingSettings = SmoothingSettings()
    study: LabelStudySettings = LabelStudySettings()
    benchmark: bool = False
