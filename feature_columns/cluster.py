"""The clusters of rows as columns: k-means fitted inside the fit of another model."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ..errors import InvalidValue
from .c_text.learner import learner_c
from .c_text.writer import Looked, Writer
from .checks import check_choice, check_key
from .column import Categorical, Number
from .frames import Frame, as_frame
from .learners import Learner, LearnerColumn, check_learner
from .normalizers import NORMALIZERS, Normalizer

__all__ = ["Cluster", "ClusterDistances", "cluster_column"]

OUTPUTS = ("cluster", "distances")


@dataclass(frozen=True)
class Cluster(LearnerColumn, Categorical, kind="cluster"):
    """The number of the nearest centre."""

    learner: Learner
    key: str

    @property
    def name(self) -> str:
        """The name given, or the learner's and ``_cluster``."""
        return self.key

    @property
    def size(self) -> int:
        """The number of clusters."""
        found: int = self.learner.estimator.n_clusters
        return found

    @property
    def several(self) -> bool:
        """A row is in one cluster."""
        return False

    def _with(self, learner: Learner, frame: Frame) -> Self:
        return dataclasses.replace(self, learner=learner)

    def lookup(self, frame: Frame) -> np.ndarray:
        """Return the cluster of each row."""
        found: np.ndarray = self.values(frame)
        return found

    def _ordinary(self, frame: Frame) -> np.ndarray:
        return self.learner.answers(frame, "cluster")[:, 0].astype(self.dtype)

    def write_c(self, writer: Writer) -> Looked:
        """Write the C that finds the nearest centre."""
        return Looked(learner_c(writer, self.learner, OUTPUTS)["cluster"], "1", "0", 1)


@dataclass(frozen=True)
class ClusterDistances(LearnerColumn, Number, kind="cluster_distances"):
    """The distance to each centre."""

    learner: Learner
    key: str
    normalizer: str | None = None
    scale: Normalizer | None = None

    @property
    def name(self) -> str:
        """The name given, or the learner's and ``_distances``."""
        return self.key

    @property
    def width(self) -> int:
        """The number of clusters."""
        found: int = self.learner.estimator.n_clusters
        return found

    @property
    def learned(self) -> bool:
        """Whether the learner is fitted and the scale is known."""
        return self.learner.fitted and (self.normalizer is None or self.scale is not None)

    def _with(self, learner: Learner, frame: Frame) -> Self:
        found = dataclasses.replace(self, learner=learner)
        if self.normalizer is None:
            return found
        distances = found._ordinary(frame).astype(np.float64)
        return dataclasses.replace(found, scale=NORMALIZERS[self.normalizer](distances))

    def encode(self, frame: Any) -> np.ndarray:
        """Return float32 numbers of shape (n, width)."""
        self.require_learned()
        found: np.ndarray = self.values(as_frame(frame))
        if self.scale is not None:
            found = self.scale(found.astype(np.float64))
        return np.ascontiguousarray(found, dtype=np.float32)

    def _ordinary(self, frame: Frame) -> np.ndarray:
        return self.learner.answers(frame, "distances")

    def write_c(self, writer: Writer, out: str) -> None:
        """Write the C that puts the distances at `out`."""
        x = f"{learner_c(writer, self.learner, OUTPUTS)['distances']}[i]"
        value = f"(double){x}"
        if self.scale is not None:
            value = f"to_float({self.scale.write_c(writer, self.name, value)})"
        else:
            value = x
        writer.do(f"for (size_t i = 0; i < {self.width}; i++) ({out})[i] = {value};")


def cluster_column(
    kmeans: Any,
    output: str = "cluster",
    *,
    normalizer: str | None = None,
    name: str | None = None,
) -> Cluster | ClusterDistances:
    """Put rows into clusters, or measure their distance to each centre, by k-means.

    The clusters are found once, within the fit of the model that has the column, on the rows of
    that fit and with its `sample_weight`; columns over equal learners share them. They look at no
    targets, so that nothing leaks into the rows they were found on.

    Parameters
    ----------
    kmeans : KMeans
        With columns of its own, or None to infer them from the frame. Unfitted, it is fitted where
        the column learns; without a `random_state` it takes one from the fit around it. Fitted, it
        is used as it is.
    output : {"cluster", "distances"}
        A categorical column, to be used alone, crossed, counted or embedded; or a number column.
    normalizer : {"standard", "minmax", "quantile", "log"}, optional
        A scale that the distances learn, as in `numeric_column`.
    name : str, optional
        What the column is called, ``kmeans_cluster`` or ``kmeans_distances`` by default.

    Returns
    -------
    Cluster or ClusterDistances

    Raises
    ------
    InvalidType
        Something that is no clusterer of this library.
    InvalidValue
        Another output, or a normalizer of clusters.

    Examples
    --------
    >>> from cannery import KMeans, LinearClassifier
    >>> from cannery.feature_columns import cluster_column
    >>> X, y = {"x": [1.0, 1.1, 5.0, 5.1, 9.0, 9.1] * 20}, [0, 0, 1, 1, 0, 0] * 20
    >>> column = cluster_column(KMeans(n_clusters=3))
    >>> column
    Cluster(learner=KMeans(n_clusters=3), key='kmeans_cluster')
    >>> LinearClassifier(columns=[column], random_state=0).fit(X, y).score(X, y)
    1.0
    """
    learner = check_learner("cluster_column", kmeans, "clusterer")
    check_choice("cluster_column: output", output, OUTPUTS)
    what = type(kmeans).__name__.lower()
    key = check_key(f"{what}_{output}" if name is None else name)
    if output == "distances":
        if normalizer is not None:
            NORMALIZERS[normalizer]
        return ClusterDistances(learner, key, normalizer)
    if normalizer is not None:
        raise InvalidValue("cluster_column", "a cluster has no scale", repr(normalizer))
    return Cluster(learner, key)
