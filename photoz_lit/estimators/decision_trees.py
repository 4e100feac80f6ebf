"""The trees of a fitted forest as plain arrays: a file of them holds numbers alone, and reading it runs no code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor

ROWS = 65536  # galaxies that go down a tree at once


@dataclass(frozen=True)
class DecisionTrees:
    """Nodes of all trees below each other.

    Attributes
    ----------
    start : first node of each tree and, last, the number of nodes, (trees + 1,).
    left, right : child's number within its tree, -1 in a leaf, (nodes,).
    feature : column that is compared, (nodes,).
    threshold : rows at or below it go left, (nodes,).

    Raises
    ------
    ValueError : the arrays are no trees.
    """

    start: NDArray[np.int64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]

    def __post_init__(self) -> None:
        nodes = len(self.left)
        sizes = np.diff(self.start)
        if any(a.shape != (nodes,) for a in (self.right, self.feature, self.threshold)) or self.start.ndim != 1:
            raise ValueError("nodes and their columns differ in number")
        if len(sizes) < 1 or self.start[0] != 0 or self.start[-1] != nodes or np.any(sizes < 1):
            raise ValueError("trees do not fill the nodes")
        number = np.arange(nodes) - np.repeat(self.start[:-1], sizes)
        inner = self.left >= 0
        for child in (self.left[inner], self.right[inner]):  # children stand behind their parent, so every walk ends
            if np.any(child <= number[inner]) or np.any(child >= np.repeat(sizes, sizes)[inner]):
                raise ValueError("a node's child is no node of its tree")

    def apply(self, features: NDArray[np.float64]) -> NDArray[np.int32]:
        """Leaf of every row in every tree, (N, trees), numbers within the tree; as scikit-learn's ``apply``.

        Parameters
        ----------
        features : (N, features), compared in single precision as in the fit.

        Raises
        ------
        ValueError : the trees ask for more features than there are.
        """
        if self.feature.max(initial=0) >= features.shape[1]:
            raise ValueError(f"the forest has more than {features.shape[1]} features")
        values = features.astype(np.float32)
        leaves = np.empty((len(values), len(self.start) - 1), np.int32)
        for first in range(0, len(values), ROWS):
            some = values[first : first + ROWS]
            for tree, (begin, end) in enumerate(zip(self.start[:-1], self.start[1:], strict=True)):
                leaves[first : first + ROWS, tree] = self._leaf(slice(begin, end), some)
        return leaves

    def _leaf(self, nodes: slice, values: NDArray[np.float32]) -> NDArray[np.int32]:
        left, right = self.left[nodes], self.right[nodes]
        feature, threshold = self.feature[nodes], self.threshold[nodes]
        node = np.zeros(len(values), np.int32)
        rows = np.flatnonzero(left[node] >= 0)
        while len(rows):
            here = node[rows]
            goes_left = values[rows, feature[here]] <= threshold[here]
            node[rows] = np.where(goes_left, left[here], right[here])
            rows = rows[left[node[rows]] >= 0]
        return node


def trees_of(forest: RandomForestRegressor) -> DecisionTrees:
    """Arrays of a forest that is fitted."""
    trees = [one.tree_ for one in forest.estimators_]
    return DecisionTrees(
        np.concatenate([[0], np.cumsum([tree.node_count for tree in trees])]),
        np.concatenate([tree.children_left for tree in trees]).astype(np.int32),
        np.concatenate([tree.children_right for tree in trees]).astype(np.int32),
        np.concatenate([np.maximum(tree.feature, 0) for tree in trees]).astype(np.int32),
        np.concatenate([tree.threshold for tree in trees]).astype(np.float64),
    )
