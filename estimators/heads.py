"""Heads: what logits mean, the loss that trains them and the metrics that judge them."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.metrics import r2_score

from ..errors import InvalidType, InvalidValue, ShapeMismatch
from ..graph import (
    Tensor,
    absolute_error,
    argmax,
    cast,
    concat,
    exp,
    expand,
    huber,
    minimum,
    placeholder,
    poisson,
    quantile,
    sigmoid,
    sigmoid_cross_entropy,
    softmax,
    sparse_softmax_cross_entropy,
    squared_error,
)
from ..graph import max as largest
from ..registry import Registry
from .head import Evaluation, Head, per_row
from .metrics import areas_under_curves, decision_metrics, threshold_metrics, weighted_mean

__all__ = [
    "HEADS",
    "LOSSES",
    "BinaryHead",
    "Head",
    "MultiClassHead",
    "MultiLabelHead",
    "RegressionHead",
    "head_from_config",
]

# Beyond it the log-Poisson loss goes on as a straight line: exp(40) squared still fits float32.
STEEPEST_LOGIT = 40.0


def _count(subject: str, value: Any, least: int, todo: str = "") -> None:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise InvalidType(subject, "must be a whole number", repr(value))
    if value < least:
        raise InvalidValue(subject, f"must be at least {least}", value, todo)


@dataclass(frozen=True)
class BinaryHead(Head):
    """Two classes, one logit: its sigmoid is the probability of class 1.

    Labels may be probabilities themselves: the loss takes them as they are, a label above 0.5
    counts as positive in accuracy, precision and recall, and the areas split it in two.

    Metrics: accuracy, accuracy_baseline (the share of the larger class), auc,
    auc_precision_recall, label/mean, precision, prediction/mean, recall; and for each threshold
    accuracy, precision and recall under ``/positive_threshold_``. A logit of zero is class 0. The
    areas are exact (see `areas_under_curves`), where TensorFlow uses 200 fixed thresholds, and rank
    by logit, which does not saturate.

    Examples
    --------
    >>> import numpy as np
    >>> from cannery.estimators.heads import BinaryHead
    >>> from cannery.graph import evaluate, placeholder
    >>> head = BinaryHead()
    >>> predicted = head.predictions(placeholder("logits", (None, 1)))
    >>> values = evaluate(list(predicted.values()), {"logits": [[-2.0], [0.0], [3.0]]})
    >>> metrics = head.metrics([0, 0, 1], dict(zip(predicted, values)))
    >>> metrics["accuracy"], metrics["auc"]
    (1.0, 1.0)
    """

    name: ClassVar[str] = "binary"

    @property
    def link(self) -> str:
        """The function from logits to probabilities."""
        return "sigmoid"

    def losses(self, labels: Tensor, logits: Tensor) -> Tensor:
        """Return the sigmoid cross-entropy of each row."""
        return per_row(sigmoid_cross_entropy(labels, logits))

    def predictions(self, logits: Tensor) -> dict[str, Tensor]:
        """Return logits, logistic, probabilities and class_ids; two columns of probabilities."""
        logistic = sigmoid(logits)
        return {
            "logits": logits,
            "logistic": logistic,
            "probabilities": concat([sigmoid(-logits), logistic], axis=1),
            "class_ids": cast(logits > 0.0, dtype="int64"),
        }

    def _metrics(self, rows: Evaluation) -> dict[str, float]:
        labels, weights = rows.labels[:, 0], rows.weights
        positive = labels > 0.5
        logits, logistic, chosen = (
            rows.prediction(key)[:, 0] for key in ("logits", "logistic", "class_ids")
        )
        share = weighted_mean(labels, weights)
        roc, precision_recall = areas_under_curves(labels, logits, weights)
        return {
            **decision_metrics(positive, chosen > 0, weights),
            "accuracy_baseline": max(share, 1.0 - share),
            "auc": roc,
            "auc_precision_recall": precision_recall,
            "label/mean": share,
            "prediction/mean": weighted_mean(logistic.astype(np.float64), weights),
            **threshold_metrics(positive, logistic, weights, rows.thresholds),
        }


@dataclass(frozen=True)
class MultiClassHead(Head):
    """Three classes or more, a logit for each; a tie goes to the lower class.

    Metrics: accuracy.

    Parameters
    ----------
    n_classes : int
    """

    n_classes: int

    name: ClassVar[str] = "multi_class"

    @property
    def link(self) -> str:
        """The function from logits to probabilities."""
        return "softmax"

    def __post_init__(self) -> None:
        _count("MultiClassHead.n_classes", self.n_classes, 3, "use BinaryHead for two")

    @property
    def width(self) -> int:
        """The number of logits."""
        return self.n_classes

    def labels(self) -> Tensor:
        """Return the placeholder ``"labels"``: the number of each row's class."""
        return placeholder("labels", (None,), "int32")

    def losses(self, labels: Tensor, logits: Tensor) -> Tensor:
        """Return the softmax cross-entropy of each row."""
        return sparse_softmax_cross_entropy(labels, logits)

    def predictions(self, logits: Tensor) -> dict[str, Tensor]:
        """Return logits, probabilities and class_ids."""
        return {
            "logits": logits,
            # Beside a large logit the sum of exponentials would lose its last digits.
            "probabilities": softmax(logits - largest(logits, axis=1, keepdims=True)),
            "class_ids": expand(argmax(logits, axis=1), axis=1),
        }

    def _truth(self, labels: npt.NDArray[Any], rows: int) -> npt.NDArray[Any]:
        if labels.size != rows:
            raise ShapeMismatch("labels", f"must have shape ({rows},)", labels.shape)
        ids = labels.reshape(-1).astype(np.int32)
        if ((ids < 0) | (ids >= self.n_classes) | (ids != labels.reshape(-1))).any():
            raise InvalidValue("labels", f"must be whole numbers below {self.n_classes}", labels)
        return ids

    def _metrics(self, rows: Evaluation) -> dict[str, float]:
        right = rows.labels == rows.prediction("class_ids")
        return {"accuracy": weighted_mean(right.astype(np.float64), rows.weights)}


@dataclass(frozen=True)
class MultiLabelHead(Head):
    """Several labels that a row may or may not have, a logit for each.

    The loss of a row is the mean of its labels' sigmoid cross-entropies.

    Metrics: auc and auc_precision_recall over all labels together; probability_mean, auc and
    auc_precision_recall of each label under ``/class0``, ... or ``/name``; and for each threshold
    accuracy, precision and recall under ``/positive_threshold_``.

    Parameters
    ----------
    n_labels : int
    """

    n_labels: int

    name: ClassVar[str] = "multi_label"

    @property
    def link(self) -> str:
        """The function from logits to probabilities."""
        return "sigmoid"

    def __post_init__(self) -> None:
        _count("MultiLabelHead.n_labels", self.n_labels, 1)

    @property
    def width(self) -> int:
        """The number of logits."""
        return self.n_labels

    def losses(self, labels: Tensor, logits: Tensor) -> Tensor:
        """Return the mean sigmoid cross-entropy of each row's labels."""
        return per_row(sigmoid_cross_entropy(labels, logits))

    def predictions(self, logits: Tensor) -> dict[str, Tensor]:
        """Return logits, probabilities and class_ids: 1 for each label that a row likely has."""
        return {
            "logits": logits,
            "probabilities": sigmoid(logits),
            "class_ids": cast(logits > 0.0, dtype="int64"),
        }

    def _metrics(self, rows: Evaluation) -> dict[str, float]:
        labels, weights, names = rows.labels, rows.weights, rows.class_names
        if names is None:
            names = [f"class{i}" for i in range(self.n_labels)]
        if len(names) != self.n_labels:
            raise ShapeMismatch("class_names", f"must be {self.n_labels}, one a label", len(names))
        logits, probabilities = rows.prediction("logits"), rows.prediction("probabilities")
        each = np.repeat(weights, self.n_labels)
        roc, precision_recall = areas_under_curves(labels.ravel(), logits.ravel(), each)
        found = {"auc": roc, "auc_precision_recall": precision_recall}
        for i, name in enumerate(names):
            means = probabilities[:, i].astype(np.float64)
            roc, precision_recall = areas_under_curves(labels[:, i], logits[:, i], weights)
            found[f"probability_mean/{name}"] = weighted_mean(means, weights)
            found[f"auc/{name}"] = roc
            found[f"auc_precision_recall/{name}"] = precision_recall
        positive = labels.ravel() > 0.5
        return found | threshold_metrics(positive, probabilities.ravel(), each, rows.thresholds)


LOSSES = ("squared_error", "absolute_error", "huber", "quantile", "poisson")


@dataclass(frozen=True)
class RegressionHead(Head):
    """Numbers, one or several for each row; the loss of a row is the mean over them.

    Metrics: label/mean and prediction/mean, as TensorFlow; beyond it rmse over all outputs and r2,
    the mean over the outputs as in scikit-learn (NaN for fewer than two rows).

    Parameters
    ----------
    width : int
        The number of outputs.
    loss : {"squared_error", "absolute_error", "huber", "quantile", "poisson"}
        ``"poisson"`` predicts the exponential of the logits; its loss is that of
        ``tf.nn.log_poisson_loss`` with the Stirling term.
    delta : float
        Of the Huber loss: where the parabola becomes a line.
    quantile : float
        Of the quantile loss: the share of labels below the prediction.

    Examples
    --------
    >>> from cannery.estimators.heads import RegressionHead
    >>> RegressionHead(loss="poisson").link
    'exp'
    """

    width: int = 1
    loss: str = "squared_error"
    delta: float = 1.0
    quantile: float = 0.5

    name: ClassVar[str] = "regression"
    answer: ClassVar[str] = "predictions"

    def __post_init__(self) -> None:
        _count("RegressionHead.width", self.width, 1)
        if self.loss not in LOSSES:
            choices = ", ".join(map(repr, LOSSES))
            raise InvalidValue("RegressionHead.loss", f"must be one of {choices}", repr(self.loss))
        if not (self.delta > 0 and math.isfinite(self.delta)):
            raise InvalidValue("RegressionHead.delta", "must be a number above 0", self.delta)
        if not 0 < self.quantile < 1:
            raise InvalidValue("RegressionHead.quantile", "must lie between 0 and 1", self.quantile)

    @property
    def link(self) -> str:
        """The function from logits to mean predictions."""
        return "exp" if self.loss == "poisson" else "identity"

    def losses(self, labels: Tensor, logits: Tensor, units: Any = None) -> Tensor:
        """Return the loss of each row, the mean over its outputs, each in a unit of its own."""
        if self.loss == "huber":
            elements = huber(labels, logits, delta=self.delta)
        elif self.loss == "quantile":
            elements = quantile(labels, logits, level=self.quantile)
        elif self.loss == "poisson":
            bounded = minimum(logits, STEEPEST_LOGIT)
            slope = exp(bounded) - labels
            elements = poisson(labels, bounded, full=True) + slope * (logits - bounded)
        else:
            error = squared_error if self.loss == "squared_error" else absolute_error
            elements = error(labels, logits)
        return per_row(elements if units is None else elements / units)

    def predictions(self, logits: Tensor) -> dict[str, Tensor]:
        """Return predictions; the logits too where they differ."""
        if self.link == "exp":
            return {"predictions": exp(logits), "logits": logits}
        return {"predictions": logits}

    def _metrics(self, rows: Evaluation) -> dict[str, float]:
        labels, weights = rows.labels, rows.weights
        predicted = rows.prediction("predictions").astype(np.float64)
        squares = np.mean((predicted - labels) ** 2, axis=1)
        r2 = math.nan
        if np.count_nonzero(weights) > 1 and np.isfinite(predicted).all():
            r2 = float(r2_score(labels, predicted, sample_weight=weights))
        return {
            "label/mean": weighted_mean(labels.mean(axis=1), weights),
            "prediction/mean": weighted_mean(predicted.mean(axis=1), weights),
            "rmse": math.sqrt(weighted_mean(squares, weights)),
            "r2": r2,
        }


HEADS: Registry[type[Head]] = Registry("head")
for _head in (BinaryHead, MultiClassHead, MultiLabelHead, RegressionHead):
    HEADS.add(_head.name, _head)


def head_from_config(config: Mapping[str, Any]) -> Head:
    """Return the head that `Head.to_config` described.

    Raises
    ------
    NotFound
        A name that is not in `HEADS`.
    InvalidValue
        Arguments that this head does not take.

    Examples
    --------
    >>> from cannery.estimators.heads import MultiClassHead, head_from_config
    >>> head_from_config(MultiClassHead(4).to_config())
    MultiClassHead(n_classes=4)
    """
    arguments = dict(config)
    head = HEADS[arguments.pop("name", None)]
    try:
        return head(**arguments)
    except TypeError:
        wrong = "does not take these arguments"
        raise InvalidValue(f"head {head.name!r}", wrong, arguments) from None
