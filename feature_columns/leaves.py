"""The leaves of a forest as ids: trees grown inside the fit of another model."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ..errors import InvalidType, InvalidValue
from .c_text.learner import learner_c
from .c_text.writer import Looked, Writer
from .checks import check_key
from .column import Categorical
from .frames import Frame
from .learners import Learner, LearnerColumn
from .ragged import Ragged

__all__ = ["Leaves", "leaf_column"]

NODES, ROOTS = 1, 3  # among the inputs of `tree_leaves`


@dataclass(frozen=True)
class Leaves(LearnerColumn, Categorical, kind="leaves"):
    """The leaf of every tree that a row ends in; the weights of a row add up to all trees."""

    learner: Learner
    key: str

    weighted = True

    @property
    def name(self) -> str:
        """The name given, or the learner's and ``_leaves``."""
        return self.key

    @property
    def size(self) -> int:
        """The number of leaves of all trees."""
        self.require_learned()
        return self._leaves

    @functools.cached_property
    def _leaves(self) -> int:
        return int(np.count_nonzero(self._table(NODES)[:, 1] < 0))

    @property
    def several(self) -> bool:
        """A row has a leaf in each tree."""
        return True

    def _table(self, place: int) -> np.ndarray:
        """Return one of the tables of trees, by its place among the inputs of `tree_leaves`."""
        model = self.learner.estimator.model_
        found: np.ndarray = model.variables[model.program.outputs["leaves"].inputs[place].name]
        return found

    def tokens(self) -> list[str]:
        """Return the tree of each leaf and its number in it, such as ``2.17``."""
        trees = _trees_of(self._table(NODES), self._table(ROOTS))
        first = np.searchsorted(trees, trees)
        places = np.arange(self.size) - first
        return [f"{tree}.{leaf}" for tree, leaf in zip(trees, places, strict=True)]

    def _learn(self, frame: Frame) -> Self:
        if not getattr(self.learner.estimator, "bootstrap", True):
            todo = "leave bootstrap=True"
            raise InvalidValue(
                f"column {self.name!r}", "needs trees that have not seen every row", todo=todo
            )
        return super()._learn(frame)

    def _with(self, learner: Learner, frame: Frame) -> Self:
        return dataclasses.replace(self, learner=learner)

    def lookup(self, frame: Frame) -> Ragged:
        """Return the leaves of each row."""
        found: Ragged = self.values(frame)
        return found

    def _ordinary(self, frame: Frame) -> Ragged:
        leaves = self.learner.answers(frame, "leaves")
        rows, trees = leaves.shape
        offsets = np.arange(rows + 1, dtype=np.int64) * trees
        return Ragged(offsets, leaves.reshape(-1), np.ones(leaves.size, np.float32))

    def _held_out(self, frame: Frame) -> Ragged:
        leaves = self.learner.answers(frame, "leaves")
        kept = self._left_out(len(leaves))
        counts = np.count_nonzero(kept, axis=1)
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        weights = np.repeat(kept.shape[1] / np.maximum(counts, 1), counts).astype(np.float32)
        return Ragged(offsets, leaves[kept], weights)

    def _left_out(self, rows: int) -> np.ndarray:
        """Return which trees have not seen each row, shape (rows, trees)."""
        drawn = getattr(self.learner.estimator, "estimators_samples_", None)
        if drawn is None:
            wrong = "does not remember which rows each tree was grown from"
            raise InvalidValue(f"column {self.name!r}", wrong, todo="fit it anew")
        kept = np.ones((rows, len(drawn)), bool)
        for tree, samples in enumerate(drawn):
            kept[samples, tree] = False
        return kept

    def write_c(self, writer: Writer) -> Looked:
        """Write the C that finds the leaf of each tree."""
        leaves = learner_c(writer, self.learner, ("leaves",))["leaves"]
        trees = len(self._table(ROOTS))
        ids = writer.array("int64_t", writer.name("ids", self.name), trees)
        weights = writer.array("float", writer.name("weights", self.name), trees)
        each = f"for (size_t i = 0; i < {trees}; i++)"
        writer.do(f"{each} {ids}[i] = {leaves}[i], {weights}[i] = 1.0f;")
        return Looked(ids, str(trees), "0", trees, weights)


def _trees_of(nodes: np.ndarray, roots: np.ndarray) -> np.ndarray:
    """Return the tree that each leaf belongs to; a tree's nodes follow its root."""
    link = nodes[:, 1]
    leaves = np.flatnonzero(link < 0)
    found = np.empty(len(leaves), np.int64)
    found[~link[leaves]] = np.searchsorted(roots, leaves, "right") - 1
    return found


def leaf_column(forest: Any, *, name: str | None = None) -> Leaves:
    """Have a forest's trees make categories: the leaf of each tree that a row ends in.

    A leaf stands for all the tests on the way to it, so a linear model over leaves weighs
    combinations of columns that the trees found (He et al. 2014, "Practical lessons from
    predicting clicks on ads at Facebook"). The forest is grown once, within the fit of the model
    that has the column, on the rows of that fit and with its `sample_weight`; columns over equal
    forests share it.

    A tree knows the targets of the rows it was grown from, so a model trained on their leaves
    would trust what was learnt by heart. The rows of the fit therefore get ids only from trees
    that were grown without them, a good third; all others, to validate or predict with, from all
    trees. They are the same trees, so an id means the same for both. As the number of ids differs,
    each of n ids weighs as much as the trees by n: one where all trees give ids. So what a linear
    model adds up, and what an embedding combines as a mean, has the same scale for both. A row that
    every tree has seen has no ids.

    A linear model learns an unseen weight for each leaf of each tree, all of which a row moves at
    once: its learning rate may be a tenth of what columns of single values take. Forests of small
    trees (``max_leaf_nodes=64``) do well.

    Parameters
    ----------
    forest : RandomForestClassifier or RandomForestRegressor
        With columns of its own, or None to infer them from the frame. Unfitted, it is grown where
        the column learns; without a `random_state` it takes one from the fit around it. A fitted
        one is used as it is: fit other rows with it than it was grown from.
    name : str, optional
        What the column is called, such as ``randomforestclassifier_leaves`` by default.

    Returns
    -------
    Leaves
        To be used alone, crossed, counted or embedded.

    Raises
    ------
    InvalidType
        Something that is no forest of this library.
    InvalidValue
        When it learns: a forest without bootstrap samples, or a frame without targets.

    Examples
    --------
    >>> from cannery import LinearClassifier, RandomForestClassifier
    >>> from cannery.feature_columns import leaf_column
    >>> X = {"x": [0.0, 0.0, 1.0, 1.0] * 50, "y": [0.0, 1.0, 0.0, 1.0] * 50}
    >>> y = [0, 1, 1, 0] * 50
    >>> column = leaf_column(RandomForestClassifier(n_estimators=20, max_features=None))
    >>> LinearClassifier(columns=[column], epochs=50, random_state=0).fit(X, y).score(X, y)
    1.0
    """
    # scikit-learn's forests remember their samples too.
    ours = hasattr(forest, "export_c") and hasattr(type(forest), "estimators_samples_")
    if isinstance(forest, type) or not ours:
        raise InvalidType("leaf_column", "needs a forest of this library", repr(forest))
    key = f"{type(forest).__name__.lower()}_leaves" if name is None else name
    return Leaves(Learner(forest), check_key(key))
