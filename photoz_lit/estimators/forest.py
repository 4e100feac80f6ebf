"""Random forests on colours and magnitudes, whoever measured them: same folds, same PDFs as the networks."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Entry
from scipy.sparse import csr_array
from sklearn.ensemble import RandomForestRegressor

from photoz_lit.config import Config
from photoz_lit.data.sample import Sample
from photoz_lit.data.split import Split
from photoz_lit.errors import InputError
from photoz_lit.estimators.decision_trees import DecisionTrees, trees_of
from photoz_lit.estimators.estimator import Description, Estimator
from photoz_lit.files import require_whole_archive, whole_file
from photoz_lit.progress import doing
from photoz_lit.settings import EstimatorSettings

if TYPE_CHECKING:  # predictions in a notebook do without Lightning
    from pytorch_lightning.loggers import Logger

FILE = "forest.npz"
NODES = ("start", "left", "right", "feature", "threshold")
MISSING = -5.0  # of a colour or magnitude without a value: far from all others, so that a tree can split it off


def with_missing(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Features with -5 where there is no value."""
    return np.asarray(np.nan_to_num(features, nan=MISSING))


class ForestSettings(EstimatorSettings):
    """Size of a random forest.

    Attributes
    ----------
    trees : how many.
    min_samples_leaf : fewest training galaxies in a leaf.
    max_features : share of the features that a node chooses from.
    """

    trees: int = Entry(gt=0)
    min_samples_leaf: int = Entry(gt=0)
    max_features: float = Entry(gt=0, le=1)


class QuantileForest(Estimator):
    """Random forest whose PDF is the distribution of the training redshifts in the leaves a galaxy falls into.

    This is a quantile regression forest (Meinshausen 2006): each tree spreads the weight 1 over the labels of the
    galaxy's leaf, the trees are averaged, and the labels are binned on the field's redshift grid.

    Attributes
    ----------
    trees : of the fitted forest, else None.
    leaves : leaf of every training galaxy in every tree, (n_train, trees).
    z_bin : redshift bin of every training galaxy, (n_train,).
    further : arrays of a subclass that are kept with the forest.
    reads : what the features are, for the start summary.
    """

    settings: ForestSettings
    reads: ClassVar[str]

    def __init__(self, config: Config, loggers: Sequence[Logger] = ()) -> None:
        super().__init__(config, loggers)
        self.trees: DecisionTrees | None = None
        self.leaves = np.empty((0, 0), np.int32)
        self.z_bin = np.empty(0, np.int64)
        self.further: dict[str, NDArray[Any]] = {}
        self.fit_report = {"epochs": 1}

    @abstractmethod
    def inputs(self, sample: Sample, galaxies: NDArray[np.int64]) -> NDArray[np.float64]:
        """What the trees split on, (n, features) without NaN."""

    def fit(self, sample: Sample, split: Split, seed: int, folder: Path) -> None:
        """Fit on the galaxies a network would be trained on; the validation galaxies take no part."""
        features = self.inputs(sample, split.train)
        z = sample.catalogue["z"].to_numpy(float)[split.train]
        forest = RandomForestRegressor(
            n_estimators=self.settings.trees,
            min_samples_leaf=self.settings.min_samples_leaf,
            max_features=self.settings.max_features,
            random_state=seed % 2**32,
            n_jobs=-1,
        )
        with doing(f"fitting {self.settings.trees} trees to {len(z):,} galaxies"):
            forest.fit(features, z)
        z_bin = np.clip(np.searchsorted(sample.field.z_edges, z, side="right") - 1, 0, sample.field.n_bins - 1)
        self.trees, self.leaves, self.z_bin = trees_of(forest), forest.apply(features).astype(np.int32), z_bin
        nodes: dict[str, Any] = {name: getattr(self.trees, name) for name in NODES} | self.further
        with whole_file(folder / FILE) as partial:
            np.savez_compressed(partial, leaves=self.leaves, z_bin=self.z_bin, **nodes)

    def load(self, folder: Path) -> None:
        """Read the forest.

        Raises
        ------
        InputError : it is not there, is damaged, or holds something else.
        """
        require_whole_archive(folder / FILE)
        try:
            with np.load(folder / FILE, allow_pickle=False) as content:
                self.trees = DecisionTrees(*(content[name] for name in NODES))
                self.leaves, self.z_bin = content["leaves"], content["z_bin"]
                own = {*NODES, "leaves", "z_bin"}
                self.further = {name: content[name] for name in content.files if name not in own}
        except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
            raise InputError(f"{folder / FILE} cannot be read ({error}); train the run again.") from error

    def predict(
        self, sample: Sample, galaxies: NDArray[np.int64], dropped: Collection[str] = ()
    ) -> NDArray[np.float32]:
        """PDFs of some galaxies, (n, n_bins)."""
        self.refuse_dropped(dropped)
        assert self.trees is not None
        leaves = self.trees.apply(self.inputs(sample, galaxies))
        pdf = np.zeros((len(galaxies), sample.field.n_bins), np.float32)
        for tree in range(leaves.shape[1]):
            pdf += _leaf_histograms(self.leaves[:, tree], self.z_bin, sample.field.n_bins)[leaves[:, tree]].toarray()
        return np.asarray(pdf / pdf.sum(axis=1, keepdims=True))

    def describe(self, sample: Sample, split: Split, n_fits: int) -> Description:  # noqa: ARG002
        """Say what the trees split on and how many there are."""
        return Description({"network": f"random forest on {self.reads}, {self.settings.trees} trees"})


def _leaf_histograms(leaf: NDArray[np.int32], z_bin: NDArray[np.int64], n_bins: int) -> csr_array:
    """Share of a leaf's training galaxies in each redshift bin, sparse (leaf number, n_bins)."""
    per_leaf = np.bincount(leaf)
    share = (1.0 / per_leaf[leaf]).astype(np.float32)
    return csr_array((share, (leaf, z_bin)), shape=(len(per_leaf), n_bins))
