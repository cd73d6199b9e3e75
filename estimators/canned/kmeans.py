"""K-means over feature columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.metrics import silhouette_score
from sklearn.utils.validation import check_is_fitted

from ...errors import InvalidValue
from ...feature_columns import ColumnSet, Frame, as_frame
from ...feature_columns.express import feeds
from ...feature_columns.kinds import LEARNERS
from ...graph import Program
from ...graph.compiler.cost import interpreted_seconds
from ...hyperparameters import Allowed, NonNegative, OneOf, PositiveInt, hyperparameters
from ..documentation import documented
from ..engine import uses_c
from ..estimator import Estimator
from ..export_c import Answer
from ..kmeans import (
    KMEANS,
    SOLVERS,
    Assigning,
    Found,
    Points,
    Space,
    Stream,
    chosen_columns,
    cluster_outputs,
    divide,
    first_centers,
    held_to,
    mean_of,
    named,
    total_of,
)
from ..model import Model
from ..pool.rounds import Rounds
from ..rows import check_rows
from ..weights import check_sample_weight

__all__ = ["KMeans"]

SAMPLE = 2000  # rows that `evaluate` finds the silhouette of
RESTARTS = 10  # from random rows, whose result is less sure than that of k-means++

Times = Allowed(
    "'auto' or a whole number of at least 1",
    lambda n: (
        n == "auto"
        if isinstance(n, str)
        else isinstance(n, (int, np.integer)) and not isinstance(n, bool) and bool(n >= 1)
    ),
)


@documented
@hyperparameters
class KMeans(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, Estimator):
    """Clusters around centres, over feature columns.

    Rows are near each other where their encoded numbers are. Inferred number columns are
    standardised, so that no unit outweighs another; give `numeric_column` without a normalizer to
    measure in raw units. Categorical columns are counted: two values lie ``sqrt(2)`` apart. An
    embedding column has a table that is drawn once, or made by its `initializer`, and stays as it
    is: by default a random projection of the counts, in which two values are about as far apart.

    Parameters
    ----------
    columns : list of feature columns or None
        What distances are measured in: number, categorical, bucketized, indicator and embedding
        columns. None has them inferred, see `cannery.feature_columns.infer_columns`; a sparse
        matrix is taken as it is up to 1024 columns, and projected to 64 dimensions or fewer above.
    n_clusters : int
        How many clusters. More than there are distinct rows gives a ``ConvergenceWarning``, more
        than there are rows is an error.
    init : {"k-means++", "random"}, array of shape (n_clusters, numbers) or callable
        Where centres start: at rows that greedy k-means++ chooses, at rows drawn at random, at
        these points of the encoded space, or at what ``init(x, n_clusters, random_state)`` returns.
    n_init : int or "auto"
        How often to start; the lowest inertia wins. "auto" is 10 for random rows, else 1; an array
        is started from once.
    max_iter : int
        The most passes over the rows.
    tol : float
        Centres rest once their squared movements add up to this share of the mean variance;
        mini-batches, once their mean inertia falls by less than this share.
    distance : {"squared_euclidean", "cosine"}
        With "cosine", ``1 - cos`` of the angle at the origin (spherical k-means). A row of zeros
        has no direction: it is 1 from every centre and moves none.
    algorithm : {"lloyd", "mini_batch"}
        Whether each iteration looks at all rows, or at a batch of them. Without a C compiler it is
        scikit-learn's engine that looks at all rows, where distances are Euclidean.
    batch_size : int
        Rows of a mini-batch.
    n_jobs : int or None
        Threads, -1 for all; None means one, or with a pool as many as it has workers. Without a C
        compiler and with three or more, the last bits of centres depend on which is done first.
    pool : Pool, int or None
        Divides the passes over all rows among workers, see `cannery.estimators.Pool`; a number is
        one of workers. None, and `partial_fit`, look at all rows here.
    verbose : int
        0 is silent, 1 prints a line for each start.
    random_state : int, RandomState or None
        Seeds starts, batches and the tables of embedding columns. The same number gives the same
        bits on the same machine.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, numbers)
        In the space of encoded rows; `centers_` names its numbers.
    labels_ : ndarray of int32, shape (n,)
        The cluster of each row of the fit, or of the last `partial_fit`.
    inertia_ : float
        The weighted sum of their squared distances (cosine: of the distances) to the nearest
        centre.
    n_iter_ : int
        The passes over the rows, or the calls of `partial_fit`.

    Notes
    -----
    Lloyd, "Least squares quantization in PCM", 1982. A cluster that loses all its rows starts anew
    at the row farthest from its centre, in mini-batches too; none moves to the origin. Missing
    cells are treated as their columns say, before any distance is measured. Rows of weight zero
    move no centre, though columns learn from all rows.

    Examples
    --------
    >>> import pandas as pd
    >>> from cannery import KMeans
    >>> X = pd.DataFrame({"age": [20, 22, 61, 64], "city": ["Oslo", "Oslo", "Rome", "Rome"]})
    >>> model = KMeans(n_clusters=2, random_state=0).fit(X)
    >>> bool((model.labels_ == model.predict(X)).all()), model.transform(X).shape
    (True, (4, 2))
    >>> model.centers_.columns.tolist()
    ['age', 'city=Oslo', 'city=Rome', 'city=<other 0>']
    >>> model.evaluate(X)["cluster_sizes"]
    [2, 2]
    """

    columns: Any = None
    n_clusters: PositiveInt = 8
    init: Any = "k-means++"
    n_init: Annotated[Any, Times] = "auto"
    max_iter: PositiveInt = 300
    tol: NonNegative = 1e-4
    distance: OneOf("squared_euclidean", "cosine") = "squared_euclidean"  # type: ignore[valid-type]
    algorithm: OneOf("lloyd", "mini_batch") = "lloyd"  # type: ignore[valid-type]
    batch_size: PositiveInt = 1024
    pool: Any = None

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn columns and centres.

        Parameters
        ----------
        X : frame, mapping of arrays, array or sparse matrix of shape (n, features)
        y : ignored
        sample_weight : array-like of shape (n,), optional

        Returns
        -------
        self

        Raises
        ------
        InvalidValue
            Hyperparameters out of range, fewer rows of some weight than clusters, rows that are
            not finite, weights that are negative or all zero.
        """
        with self._unharmed():
            self._check_settings()
            with self._rounds(Assigning, "rows") as rounds:
                return self._fit(X, sample_weight, rounds)

    def _fit(self, X: Any, sample_weight: Any, rounds: Rounds | None) -> Self:
        X = check_rows(self, X, reset=True)
        frame = as_frame(X, strict=self.strict)
        weights = check_sample_weight(sample_weight, frame.rows)
        generator = self._new_generator()
        encoded = self._learn(frame, generator)
        points = self._points(encoded, weights, fresh=True)
        if rounds is not None:
            points = divide(points, rounds)
        with held_to(points.threads):
            found = self._best(points, generator)
        self._stream = Stream(found.centers, found.weights)
        self.n_iter_ = found.iterations
        self._answer_for(encoded, weights)
        return self

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Move the centres towards the means of one more batch, whatever the `algorithm`.

        The first call learns columns, and seeds the centres from its rows.

        Parameters
        ----------
        X : frame, mapping of arrays, array or sparse matrix of shape (n, features)
        y : ignored
        sample_weight : array-like of shape (n,), optional

        Returns
        -------
        self
        """
        fresh = not hasattr(self, "model_")
        with self._unharmed():
            self._check_settings()
            if not fresh and len(self._stream.centers) != self.n_clusters:
                wrong = f"cannot change from {len(self._stream.centers)} in partial_fit"
                raise InvalidValue("n_clusters", wrong, self.n_clusters, "call fit")
            X = check_rows(self, X, reset=fresh)
            frame = as_frame(X, strict=self.strict)
            weights = check_sample_weight(sample_weight, frame.rows)
            if fresh:
                generator = self._new_generator()
                encoded = self._learn(frame, generator)
            else:
                encoded = feeds(self.columns_.encode(frame, strict=self.strict))
            points = self._points(encoded, weights, fresh)
            with held_to(points.threads):
                if fresh:
                    start = first_centers(
                        points, self.init, self.n_clusters, generator, self._origin
                    )
                    self._stream = Stream(start, np.zeros(len(start)))
                self._stream = self._stream.copy()
                self._stream.step(points)
            self.n_iter_ = 1 if fresh else self.n_iter_ + 1
            self._answer_for(encoded, weights)
        return self

    def _learn(self, frame: Frame, generator: np.random.Generator) -> Mapping[str, Any]:
        """Learn columns, express what is asked of them, and return the rows encoded."""
        columns = ColumnSet(chosen_columns(self.columns, frame)).learn(frame, self._threads())
        self._space = Space(columns, generator)
        unit = self.distance == "cosine"
        width = self._space.width
        outputs, _ = cluster_outputs(self._space.x, self.n_clusters, width, unit)
        seconds = interpreted_seconds(Program(outputs=outputs), frame.rows, 1)
        first = Program(outputs=outputs).initial_values()
        self._set_model(columns, outputs, {**first, **self._space.tables}, seconds)
        return feeds(columns.encode(frame, self.strict, self._threads()))

    def _points(self, encoded: Mapping[str, Any], weights: Any, fresh: bool) -> Points:
        """Return rows of some weight around the origin, or on the sphere."""
        x = self._space.points(encoded)
        unit = self.distance == "cosine"
        if fresh:
            origin = np.zeros(x.shape[1]) if unit else mean_of(x, weights, self._threads())
            self._origin = origin.astype(np.float32)
        return Points.of(x, weights, self._origin, unit, self._threads(), uses_c(self.jit, KMEANS))

    def _best(self, points: Points, generator: np.random.Generator) -> Found:
        """Return the best of some starts."""
        named = isinstance(self.init, str)
        times = self.n_init
        if times == "auto":
            times = RESTARTS if named and self.init == "random" else 1
        best: Found | None = None
        for number in range(times if named or callable(self.init) else 1):
            start = first_centers(points, self.init, self.n_clusters, generator, self._origin)
            found = SOLVERS[self.algorithm](points, start, self, generator)
            if self.verbose:
                said = f"start {number + 1}: {found.iterations} passes, inertia {found.inertia:g}"
                print(", ".join([said, *points.progress]))
            if best is None or found.inertia < best.inertia:
                best = found
        assert best is not None
        return best

    def _answer_for(self, encoded: Mapping[str, Any], weights: Any) -> None:
        """Give the model its centres, and say what it makes of the rows of a fit."""
        self.cluster_centers_ = self._stream.centers + self._origin
        values = {
            **self._space.tables,
            "kmeans/centers": self._stream.centers.astype(np.float32),
            "kmeans/origin": self._origin,
        }
        engine, program = self.model_.engine, self.model_.program
        busy = Model(self.columns_, program, values, replace(engine, threads=self._threads()))
        found = busy.answers(encoded, ("cluster", "inertia"))
        self.model_ = Model(self.columns_, program, values, engine)
        self.labels_ = found["cluster"][:, 0].astype(np.int32)
        self.inertia_ = total_of(found["inertia"], weights)

    @property
    def _n_features_out(self) -> int:
        return len(self.cluster_centers_)

    def _answers(self, X: Any, *names: str) -> dict[str, npt.NDArray[Any]]:
        if not hasattr(self, "model_"):
            check_is_fitted(self, "model_")
        X = check_rows(self, X, reset=False)
        encoded = feeds(self.columns_.encode(X, strict=self.strict))
        return self.model_.answers(encoded, names)

    @property
    def centers_(self) -> pd.DataFrame:
        """The centres in the space of encoded rows, with the names of its numbers."""
        check_is_fitted(self, "model_")
        index = pd.RangeIndex(len(self.cluster_centers_), name="cluster")
        return pd.DataFrame(self.cluster_centers_, index, named(self._space.names))

    def predict(self, X: Any) -> npt.NDArray[np.int32]:
        """Return the cluster of each row: that of the nearest centre, the first of equal ones.

        Parameters
        ----------
        X : frame, mapping of arrays, array or sparse matrix of shape (n, features)

        Returns
        -------
        ndarray of int32, shape (n,)
        """
        return self._answers(X, "cluster")["cluster"][:, 0].astype(np.int32)

    def transform(self, X: Any) -> npt.NDArray[np.float32]:
        """Return the distance of each row to each centre: Euclidean, not squared, or cosine.

        Returns
        -------
        ndarray of float32, shape (n, n_clusters)
        """
        return self._answers(X, "distances")["distances"]

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the negative inertia, as scikit-learn does; the larger the better.

        Parameters
        ----------
        X : frame, mapping of arrays, array or sparse matrix of shape (n, features)
        y : ignored
        sample_weight : array-like of shape (n,), optional
        """
        found = self._answers(X, "inertia")["inertia"]
        return -total_of(found, check_sample_weight(sample_weight, len(found)))

    def evaluate(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, sample_size: int = SAMPLE
    ) -> dict[str, Any]:
        """Return how well the centres stand for a data set.

        Parameters
        ----------
        X : frame, mapping of arrays, array or sparse matrix of shape (n, features)
        y : ignored
        sample_weight : array-like of shape (n,), optional
        sample_size : int
            The most rows to find the silhouette of, drawn with the seed 0.

        Returns
        -------
        dict
            ``score``, the negative ``inertia``; ``cluster_sizes``, the rows in each cluster, or
            their weight; ``silhouette``, the mean silhouette of a sample of the rows, NaN where all
            are in one cluster or each in its own.
        """
        found = self._answers(X, "cluster", "inertia")
        labels = found["cluster"][:, 0]
        weights = check_sample_weight(sample_weight, len(labels))
        inertia = total_of(found["inertia"], weights)
        return {
            "score": -inertia,
            "inertia": inertia,
            "cluster_sizes": np.bincount(labels, weights, self.n_clusters).tolist(),
            "silhouette": self._silhouette(X, labels, sample_size),
        }

    def _silhouette(self, X: Any, labels: npt.NDArray[Any], size: int) -> float:
        order = np.random.default_rng(0).permutation(len(labels))[:size]
        mask = np.zeros(len(labels), bool)
        mask[order] = True
        some = labels[mask]
        if not 1 < len(np.unique(some)) < len(some):
            return float("nan")
        frame = as_frame(check_rows(self, X, reset=False)).where(mask)
        x = self._space.points(feeds(self.columns_.encode(frame)))
        metric = "cosine" if self.distance == "cosine" else "euclidean"
        return float(silhouette_score(x - self._origin, some, metric=metric))

    def _answer(self) -> Answer:
        names = tuple(map(str, range(self.n_clusters)))
        return Answer("distances", "cluster", names, "distance to")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags


LEARNERS.add("KMeans", KMeans)
