"""What both forests are: growing in `fit`, importances, and what is known out of bag."""

from __future__ import annotations

import math
from multiprocessing.pool import ThreadPool
from numbers import Integral, Real
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse
from sklearn.utils.validation import check_is_fitted

from ...errors import InvalidType, InvalidValue
from ...feature_columns import ColumnSet, Frame
from ...feature_columns.express import feeds
from ...graph import Tensor
from ...hyperparameters import Allowed, PositiveInt, hyperparameters
from ..drawing import pyplot
from ..engine import uses_c
from ..pool.rounds import Rounds
from ..rows import Rows, check_rows
from ..supervised import Supervised
from . import compiled
from .divided import Growing, grow_on_pool
from .ensemble import ensemble_tables, leaves_and_mean
from .examples import Examples, Rules, bin_edges, put_into_bins
from .growing import Drawing, Grown, Nursery, grow_forest
from .inputs import TreeInputs, tree_columns

__all__ = ["Forest"]

Array = npt.NDArray[Any]
MOST_CELLS = 1 << 32  # of a sparse matrix that is made dense, and of rows times columns
FOLLOWED = 6e-8  # seconds: a row followed by numpy from one node to the next


def _whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, (bool, np.bool_))


def _share(value: Any) -> bool:
    return isinstance(value, Real) and not _whole(value) and not isinstance(value, (bool, np.bool_))


def _number_or_share(least: int, most_share: float = 1.0) -> Any:
    words = f"a whole number of at least {least} or a share in (0, {most_share:g}]"
    return Annotated[
        Any,
        Allowed(
            words,
            lambda v: v >= least if _whole(v) else _share(v) and 0 < v <= most_share,
        ),
    ]


MaxFeatures = Annotated[
    Any,
    Allowed(
        "'sqrt', 'log2', None, a whole number of at least 1 or a share in (0, 1]",
        lambda v: (
            v is None
            or v in ("sqrt", "log2")
            or (v >= 1 if _whole(v) else _share(v) and 0 < v <= 1)
        ),
    ),
]

MaxLeafNodes = Annotated[
    Any,
    Allowed("None or a whole number of at least 2", lambda v: v is None or (_whole(v) and v >= 2)),
]
Half = Annotated[
    float,
    Allowed("a number in [0, 0.5]", lambda v: isinstance(v, Real) and 0 <= v <= 0.5),
]


@hyperparameters
class Forest(Supervised):
    """Trees on bootstrap samples, each node looking at a few columns drawn at random.

    `RandomForestClassifier` and `RandomForestRegressor` say what targets a tree is grown from,
    and what the mean of the trees predicts.
    """

    columns: Any = None
    n_estimators: PositiveInt = 100
    max_features: MaxFeatures = "sqrt"
    max_depth: PositiveInt | None = None
    min_samples_split: _number_or_share(2) = 2  # type: ignore[valid-type]
    min_samples_leaf: _number_or_share(1) = 1  # type: ignore[valid-type]
    min_weight_fraction_leaf: Half = 0.0
    max_leaf_nodes: MaxLeafNodes = None
    monotonic_cst: Any = None
    bootstrap: bool = True
    max_samples: _number_or_share(1) | None = None  # type: ignore[valid-type]
    oob_score: bool = False
    pool: Any = None

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Grow the forest.

        Parameters
        ----------
        X : frame, mapping of arrays, array or sparse matrix of shape (n, features)
            A sparse matrix is made dense.
        y : array-like of shape (n,) or (n, outputs)
            Classes of any type, or numbers.
        sample_weight : array-like of shape (n,), optional
            A row that is drawn twice weighs twice as much. Rows of weight zero are not drawn.

        Returns
        -------
        self

        Raises
        ------
        InvalidValue
            Hyperparameters out of range, missing labels, one class only, no rows, nothing that
            tells rows apart.
        """
        if scipy.sparse.issparse(X):
            if math.prod(X.shape) > MOST_CELLS:
                wrong = f"a forest makes it dense, which takes at most {MOST_CELLS} cells"
                raise InvalidValue("X", wrong, f"shape {X.shape}", "use a linear model")
            X = X.toarray()
        return super().fit(X, y, sample_weight)

    def _targets(self, rows: Rows, weights: Array) -> dict[str, Any]:
        """Return `outputs`, `alike` and `targets` or `classes` of `Examples`."""
        raise NotImplementedError

    def _criterion(self) -> str:
        raise NotImplementedError

    def _values(self, value: Array) -> Array:
        """Return what a tree's nodes say in the unit of the targets."""
        return value

    def _answers(self, mean: Tensor) -> dict[str, Tensor]:
        """Return the predictions that follow from the mean of the trees."""
        raise NotImplementedError

    def _keep_out_of_bag(self, means: Array, rows: Rows) -> None:
        """Set the attributes about rows out of bag."""
        raise NotImplementedError

    def _check_settings(self) -> None:
        super()._check_settings()
        if self.oob_score and not self.bootstrap:
            todo = "set bootstrap=True"
            raise InvalidValue("oob_score", "needs rows left out of bootstrap samples", todo=todo)
        if self.max_samples is not None and not self.bootstrap:
            raise InvalidValue("max_samples", "means nothing without bootstrap", self.max_samples)

    def _solve(self, rows: Rows, frame: Frame) -> None:
        with self._rounds(Growing, "trees") as rounds:
            self._grow(rows, frame, rounds)

    def _grow(self, rows: Rows, frame: Frame, rounds: Rounds | None) -> None:
        generator = self._new_generator()
        given = self._given_columns(frame)
        threads = self._threads()
        columns = ColumnSet(given).learn(frame, threads)
        inputs = TreeInputs(columns)
        weights = self._tree_weights(rows)
        jit = uses_c(self.jit, compiled.FOREST)
        numbers, ids = inputs.arrays(columns.encode(frame, self.strict, threads))
        self._refuse_size(len(rows), len(inputs.sources))
        edges, bins = _binned(numbers, weights > 0, threads, jit)
        targets = self._targets(rows, weights)
        examples = Examples(bins=bins, ids=ids, sizes=inputs.sizes, **targets)
        names = frame.keys
        rules = self._rules(examples, weights, inputs.signs(self.monotonic_cst, names))
        drawing = self._drawing(generator, weights)
        nursery = Nursery(examples, rules, drawing, weights, jit=jit, out_of_bag=self.oob_score)
        if rounds is None:
            grown = grow_forest(nursery, threads, self.verbose)
        else:
            grown = grow_on_pool(nursery, rounds, self.verbose)
        self._raw_names = names
        self._drawn = drawing, len(rows), np.packbits(weights > 0)
        self._keep(columns, inputs, edges, grown, len(rows))
        self.feature_importances_ = _importances(grown, inputs, names)
        if grown.out_of_bag is not None:
            self._keep_out_of_bag(self._values(grown.out_of_bag.means()), rows)

    def _given_columns(self, frame: Frame) -> Any:
        if self.columns is None:
            return tree_columns(frame)
        if not isinstance(self.columns, (list, tuple)) or not len(self.columns):
            raise InvalidType("columns", "must be a list of feature columns", repr(self.columns))
        return self.columns

    def _tree_weights(self, rows: Rows) -> npt.NDArray[np.float64]:
        weights = self._training_weights(rows).astype(np.float64)
        if not (weights > 0).any():
            raise InvalidValue("class_weight", "leaves no row any weight", self.class_weight)
        return weights

    def _refuse_size(self, rows: int, columns: int) -> None:
        if rows * columns > MOST_CELLS or rows > np.iinfo(np.int32).max // 4:
            wrong = f"a forest holds at most {MOST_CELLS} cells in memory"
            raise InvalidValue("X", wrong, f"{rows} rows of {columns} columns", "fit on fewer")

    def _rules(self, examples: Examples, weights: Array, signs: Any) -> Rules:
        rows = int(np.count_nonzero(weights))
        if signs is not None and (examples.outputs > 1 or examples.classes is not None):
            wrong = "needs one output or two classes"
            raise InvalidValue("monotonic_cst", wrong, f"{examples.outputs} outputs")
        return Rules(
            criterion=self._criterion(),
            max_features=_max_features(self.max_features, examples.columns),
            max_depth=min(self.max_depth or 2**30, 2**30),
            min_samples_split=_number_of_rows(self.min_samples_split, rows, 2),
            min_samples_leaf=_number_of_rows(self.min_samples_leaf, rows, 1),
            min_weight_leaf=self.min_weight_fraction_leaf * float(weights.sum()),
            monotonic=signs,
        )

    def _drawing(self, generator: np.random.Generator, weights: Array) -> Drawing:
        rows = int(np.count_nonzero(weights))
        draws = 0
        if self.bootstrap:
            draws = rows
            given: Any = self.max_samples
            if _whole(given):
                draws = min(int(given), rows)
            elif given is not None:
                draws = max(1, round(rows * given))
        seed = int(generator.integers(2**31))
        return Drawing(self.n_estimators, seed, draws, self.max_leaf_nodes)

    def _keep(
        self, columns: ColumnSet, inputs: TreeInputs, edges: Any, grown: Grown, rows: int
    ) -> None:
        trees = grown.trees
        values = [self._values(tree.value) for tree in trees]
        tables = ensemble_tables(trees, edges, len(inputs.ids), values)
        depth = math.log2(2 + len(tables["leaf_values"]) / len(trees))
        seconds = rows * len(trees) * depth * FOLLOWED
        leaves, mean = leaves_and_mean(*inputs.tensors(), tables)
        outputs = {**self._answers(mean), "leaves": leaves}
        self._set_model(columns, outputs, tables, seconds)

    @property
    def estimators_samples_(self) -> list[npt.NDArray[np.int64]]:
        """The rows each tree was grown from, in order; drawn twice, a row is there twice."""
        check_is_fitted(self, "_drawn")
        drawing, rows, packed = self._drawn
        weights = np.unpackbits(packed, count=rows)
        counts = (drawing.counts(tree, weights) for tree in range(drawing.trees))
        return [np.repeat(np.arange(rows), count.astype(np.int64)) for count in counts]

    def apply(self, X: Any) -> npt.NDArray[np.int32]:
        """Return the leaf of every tree that each row ends in, numbered over the whole forest.

        Parameters
        ----------
        X : frame or array of shape (n, features)

        Returns
        -------
        ndarray of int32, shape (n, n_estimators)
        """
        return self._asked(X, ["leaves"])["leaves"]

    def _predictions(self, X: Any) -> dict[str, Array]:
        return self._asked(X, None)

    def _asked(self, X: Any, names: list[str] | None) -> dict[str, Array]:
        """Return some outputs; all but the leaves by default, which take memory."""
        if not hasattr(self, "model_"):
            check_is_fitted(self, "model_")  # slow, for it asks for the tags
        X = check_rows(self, X, reset=False)
        names = names or [name for name in self.model_.program.outputs if name != "leaves"]
        return self.model_.answers(feeds(self.columns_.encode(X, strict=self.strict)), names)

    def importances(self) -> pd.Series:
        """Return `feature_importances_` by raw column, the largest first."""
        check_is_fitted(self, "feature_importances_")
        series = pd.Series(self.feature_importances_, index=self._raw_names, name="importance")
        return series.rename_axis("column").sort_values(ascending=False, kind="stable")

    def plot_importances(self, most: int = 20, ax: Any = None) -> Any:
        """Draw the importances of raw columns as bars.

        Parameters
        ----------
        most : int
            How many columns to show.
        ax : matplotlib Axes, optional

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        MissingDependency
            matplotlib is not installed.
        """
        shown = self.importances()[:most][::-1]
        plt = pyplot("plot_importances")
        if ax is None:
            _, ax = plt.subplots(figsize=(6, 1.2 + 0.3 * len(shown)), layout="constrained")
        ax.barh([str(name) for name in shown.index], shown.to_numpy())
        ax.set_xlabel("share of the impurity that splits took away")
        return ax


def _binned(
    numbers: npt.NDArray[np.float32], kept: Array, threads: int, jit: bool
) -> tuple[list[npt.NDArray[np.float32]], npt.NDArray[np.uint8]]:
    """Return the edges of each column of numbers, found from the rows kept, and the bins."""
    put = compiled.put_into_bins if jit else put_into_bins
    bins = np.empty(numbers.shape[::-1], np.uint8)
    every = kept.all()

    def bin_column(place: int) -> npt.NDArray[np.float32]:
        column = numbers[:, place]
        edges = bin_edges(column if every else column[kept])
        bins[place] = put(column, edges)
        return edges

    places = range(numbers.shape[1])
    if threads == 1:
        return [bin_column(place) for place in places], bins
    with ThreadPool(threads) as pool:
        return pool.map(bin_column, places), bins


def _max_features(given: Any, columns: int) -> int:
    if given is None:
        return columns
    if given in ("sqrt", "log2"):
        return max(1, int(math.sqrt(columns) if given == "sqrt" else math.log2(columns)))
    if _whole(given):
        if given > columns:
            wrong = f"must be at most the number of columns, {columns}"
            raise InvalidValue("max_features", wrong, given)
        return int(given)
    return max(1, int(given * columns))


def _number_of_rows(given: Any, rows: int, least: int) -> int:
    number = given if _whole(given) else math.ceil(given * rows)
    return int(min(max(number, least), 2**30))


def _importances(grown: Grown, inputs: TreeInputs, names: list[str]) -> npt.NDArray[np.float64]:
    """Return the share of all gains that each raw column has, the mean over the trees."""
    place = {name: at for at, name in enumerate(names)}
    share = np.zeros((len(inputs.sources), len(names)))
    for at, column in enumerate(inputs.sources):
        for key in column.keys:  # a cross divides its gains among its columns
            share[at, place[key]] += 1.0 / len(column.keys)
    total = np.zeros(len(names))
    for tree in grown.trees:
        inner = tree.feature >= 0
        gains = np.bincount(
            tree.feature[inner], np.maximum(tree.gain[inner], 0.0), len(inputs.sources)
        )
        if gains.sum() > 0:
            total += (gains / gains.sum()) @ share
    return total / total.sum() if total.sum() > 0 else total
