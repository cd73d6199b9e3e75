"""What the scores of support vector machines mean: margins, and probabilities fitted to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ...graph import (
    Tensor,
    Variable,
    absolute_error,
    concat,
    hinge,
    name_scope,
    one_hot,
    relu,
    sigmoid,
    square,
    squared_hinge,
    where,
)
from ...graph import sum as total
from ..head import Evaluation, per_row
from ..heads import HEADS, BinaryHead, MultiClassHead, MultiLabelHead, RegressionHead

__all__ = ["BinaryMargin", "EpsilonInsensitive", "MultiClassMargin", "MultiLabelMargin"]


def _hinge(labels: Tensor, logits: Tensor, squared: bool) -> Tensor:
    return per_row((squared_hinge if squared else hinge)(labels, logits))


def _calibrated(logits: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Return the sigmoids of scores, and one minus them, by slopes and offsets to be fitted."""
    with name_scope("calibration"):
        slopes = Variable(np.ones(width, np.float32), "slopes", trainable=False)
        offsets = Variable(np.zeros(width, np.float32), "offsets", trainable=False)
        fitted = logits * slopes + offsets
        return sigmoid(fitted), sigmoid(-fitted)


@dataclass(frozen=True)
class BinaryMargin(BinaryHead):
    """Two classes on the two sides of a margin; ``average_loss`` is the hinge loss.

    Parameters
    ----------
    squared : bool
        Whether it is the square of it.
    calibrated : bool
        Whether there are probabilities, a sigmoid of the score whose slope and offset are
        variables. Class 1 is where the score is above zero, whatever its probability.

    Examples
    --------
    >>> from cannery.estimators.svm.heads import BinaryMargin
    >>> head = BinaryMargin(calibrated=False)
    >>> metrics = head.metrics([1, 0], {"logits": [[0.5], [-2.0]], "class_ids": [[1], [0]]})
    >>> metrics["average_loss"], metrics["accuracy"]
    (0.25, 1.0)
    """

    squared: bool = False
    calibrated: bool = True

    name: ClassVar[str] = "binary_margin"

    @property
    def link(self) -> str:
        """The function from scores to probabilities, if there are any."""
        return "sigmoid" if self.calibrated else "identity"

    def losses(self, labels: Tensor, logits: Tensor) -> Tensor:
        """Return the hinge loss of each row, or its square."""
        return _hinge(labels, logits, self.squared)

    def predictions(self, logits: Tensor) -> dict[str, Tensor]:
        """Return what a binary head does; without probabilities, margins in their place."""
        found = super().predictions(logits)
        if not self.calibrated:
            margins = concat([-logits, logits], axis=1)
            return {"logits": logits, "margins": margins, "class_ids": found["class_ids"]}
        logistic, other = _calibrated(logits, 1)
        return {**found, "logistic": logistic, "probabilities": concat([other, logistic], axis=1)}

    def _metrics(self, rows: Evaluation) -> dict[str, float]:
        if self.calibrated:
            return super()._metrics(rows)
        scores = np.zeros_like(np.asarray(rows.predictions["logits"], np.float64))
        known = {**rows.predictions, "logistic": scores}
        found = super()._metrics(Evaluation(rows.labels, known, rows.weights))
        del found["prediction/mean"]
        return found


@dataclass(frozen=True)
class MultiClassMargin(MultiClassHead):
    """Several classes, each against the rest; the highest score wins.

    ``average_loss`` is the mean of the classes' hinge losses.

    Parameters
    ----------
    n_classes : int
    squared, calibrated : bool
        As `BinaryMargin`. Probabilities are each class's sigmoid over the sum of all; where all
        are zero, classes are equally likely.
    """

    squared: bool = False
    calibrated: bool = True

    name: ClassVar[str] = "multi_class_margin"

    @property
    def link(self) -> str:
        """The function from scores to what is normalised, if there are probabilities."""
        return "one_vs_rest" if self.calibrated else "identity"

    def losses(self, labels: Tensor, logits: Tensor) -> Tensor:
        """Return the mean over the classes of the hinge loss of each row, or of its square."""
        return _hinge(one_hot(labels, depth=self.n_classes), logits, self.squared)

    def predictions(self, logits: Tensor) -> dict[str, Tensor]:
        """Return logits, class_ids, and probabilities or else margins."""
        found = super().predictions(logits)
        del found["probabilities"]
        if not self.calibrated:
            return {**found, "margins": logits}
        each, _ = _calibrated(logits, self.n_classes)
        whole = total(each, axis=1, keepdims=True)
        shares = where(whole > 0.0, each / whole, 1.0 / self.n_classes)
        return {"logits": logits, "probabilities": shares, "class_ids": found["class_ids"]}


@dataclass(frozen=True)
class MultiLabelMargin(MultiLabelHead):
    """Several labels that a row may have, a margin for each.

    Parameters
    ----------
    n_labels : int
    squared, calibrated : bool
        As `BinaryMargin`.
    """

    squared: bool = False
    calibrated: bool = True

    name: ClassVar[str] = "multi_label_margin"

    @property
    def link(self) -> str:
        """The function from scores to probabilities, if there are any."""
        return "sigmoid" if self.calibrated else "identity"

    def losses(self, labels: Tensor, logits: Tensor) -> Tensor:
        """Return the mean over the labels of the hinge loss of each row, or of its square."""
        return _hinge(labels, logits, self.squared)

    def predictions(self, logits: Tensor) -> dict[str, Tensor]:
        """Return logits, class_ids, and probabilities or else margins."""
        found = super().predictions(logits)
        del found["probabilities"]
        if not self.calibrated:
            return {**found, "margins": logits}
        return {**found, "probabilities": _calibrated(logits, self.n_labels)[0]}

    def _metrics(self, rows: Evaluation) -> dict[str, float]:
        if self.calibrated:
            return super()._metrics(rows)
        nothing = np.zeros_like(np.asarray(rows.predictions["logits"], np.float64))
        known = {**rows.predictions, "probabilities": nothing}
        judged = Evaluation(rows.labels, known, rows.weights, (), rows.class_names)
        found = super()._metrics(judged)
        return {key: value for key, value in found.items() if "probability" not in key}


@dataclass(frozen=True)
class EpsilonInsensitive(RegressionHead):
    """Numbers, whose errors cost nothing up to epsilon; ``average_loss`` is what the rest costs.

    Parameters
    ----------
    width : int
    epsilon : float
        In the unit of the targets.
    squared : bool
        Whether the rest is squared.

    Examples
    --------
    >>> from cannery.estimators.svm.heads import EpsilonInsensitive
    >>> EpsilonInsensitive(epsilon=0.5).metrics([1, 2], {"predictions": [[3], [2]]})["average_loss"]
    0.75
    """

    epsilon: float = 0.0
    squared: bool = False

    name: ClassVar[str] = "epsilon_insensitive"

    def losses(self, labels: Tensor, logits: Tensor, units: Any = None) -> Tensor:
        """Return the loss of each row, the mean over its outputs."""
        over = relu(absolute_error(labels, logits) - self.epsilon)
        elements = square(over) if self.squared else over
        return per_row(elements if units is None else elements / units)


for _head in (BinaryMargin, MultiClassMargin, MultiLabelMargin, EpsilonInsensitive):
    HEADS.add(_head.name, _head)


def calibration(
    slopes: npt.ArrayLike, offsets: npt.ArrayLike
) -> Mapping[str, npt.NDArray[np.float32]]:
    """Return the variables of calibrated heads by name."""
    values = {"calibration/slopes": slopes, "calibration/offsets": offsets}
    return {name: np.asarray(value, np.float32) for name, value in values.items()}
