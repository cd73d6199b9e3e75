"""What every head is: the meaning of a model's logits, with a loss and metrics."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..errors import InvalidValue, ShapeMismatch
from ..graph import Tensor, evaluate, mean, placeholder, squeeze
from .metrics import Floats, weighted_mean

__all__ = ["Evaluation", "Head", "per_row"]


@dataclass(frozen=True)
class Evaluation:
    """Rows to judge: encoded labels, predictions of the same rows, and a weight for each."""

    labels: npt.NDArray[Any]
    predictions: Mapping[str, npt.NDArray[Any]]
    weights: Floats
    thresholds: Sequence[float] = ()
    class_names: Sequence[Any] | None = None

    def prediction(self, key: str) -> npt.NDArray[Any]:
        """Return a prediction in the shape of the labels."""
        return np.asarray(self.predictions[key]).reshape(self.labels.shape)


@dataclass(frozen=True)
class Head(ABC):
    """What the logits of a model mean.

    Attributes
    ----------
    name : str
        The name in `HEADS`.
    answer : str
        The key of `predictions` that holds the prediction itself, still encoded.
    """

    name: ClassVar[str]
    answer: ClassVar[str] = "class_ids"

    @property
    @abstractmethod
    def link(self) -> str:
        """The function from logits to means: ``sigmoid``, ``softmax``, ``exp`` or ``identity``."""

    @property
    def width(self) -> int:
        """The number of logits."""
        return 1

    def labels(self) -> Tensor:
        """Return the placeholder ``"labels"`` that training feeds."""
        return placeholder("labels", (None, self.width))

    @abstractmethod
    def losses(self, labels: Tensor, logits: Tensor) -> Tensor:
        """Return the loss of each row, of shape ``(batch,)``, before any weight."""

    @abstractmethod
    def predictions(self, logits: Tensor) -> dict[str, Tensor]:
        """Return what the logits predict, under TensorFlow's keys, each with a row per example."""

    def metrics(
        self,
        labels: npt.ArrayLike,
        predictions: Mapping[str, npt.NDArray[Any]],
        weights: npt.ArrayLike | None = None,
        thresholds: Sequence[float] = (),
        class_names: Sequence[Any] | None = None,
    ) -> dict[str, float]:
        """Return the metrics of a whole data set, under TensorFlow's names.

        ``average_loss`` is ``sum(w * loss) / sum(w)``; ``loss`` is ``sum(w * loss) / n``, as
        TensorFlow 2 reports it, so halving all weights halves it and rows of weight zero count.
        Every other metric is a weighted one too: a row of weight two counts as two rows.

        Parameters
        ----------
        labels : array of shape (n, width), or (n,) for one logit and for multi-class
            Encoded labels.
        predictions : mapping of str to array
            The values of `predictions` for the same rows.
        weights : array of shape (n,), optional
        thresholds : sequence of float in (0, 1)
            Binary and multi-label: decide by these too, where ``probability > threshold``.
        class_names : sequence, optional
            Multi-label: names for the metrics of each label, ``class0``, ... by default.

        Returns
        -------
        dict of str to float
            NaN where a metric is not defined, such as the AUC of a single class.

        Raises
        ------
        InvalidValue
            Rows that do not go together, or thresholds where they mean nothing.
        """
        if len(thresholds) and self.link != "sigmoid":
            wrong = f"mean nothing to a {self.name} head"
            raise InvalidValue("thresholds", wrong, repr(thresholds), "leave them out")
        logits = np.asarray(predictions["logits" if "logits" in predictions else "predictions"])
        rows = len(logits)
        truth = self._truth(np.asarray(labels), rows)
        weight = np.ones(rows) if weights is None else np.asarray(weights, np.float64).reshape(-1)
        if len(weight) != rows:
            raise ShapeMismatch("weights", f"must be {rows}, one for each row", len(weight))
        losses = self._evaluate_losses(truth, logits)
        average = weighted_mean(losses, weight)
        loss = float(np.sum(weight * losses) / rows) if rows else math.nan
        judged = Evaluation(truth, predictions, weight, thresholds, class_names)
        return {"average_loss": average, "loss": loss, **self._metrics(judged)}

    def to_config(self) -> dict[str, Any]:
        """Return what `head_from_config` takes: names and numbers that JSON can hold."""
        return {"name": self.name, **asdict(self)}

    def _truth(self, labels: npt.NDArray[Any], rows: int) -> npt.NDArray[Any]:
        if labels.size != rows * self.width or (labels.ndim and len(labels) != rows):
            raise ShapeMismatch("labels", f"must have shape ({rows}, {self.width})", labels.shape)
        if self.link == "sigmoid" and not ((labels >= 0) & (labels <= 1)).all():
            raise InvalidValue("labels", "must lie in [0, 1]", repr(labels), "encode them first")
        return labels.astype(np.float64).reshape(rows, self.width)

    def _evaluate_losses(self, labels: npt.NDArray[Any], logits: npt.NDArray[Any]) -> Floats:
        """Run `losses` in float64, so that training and evaluation share one definition."""
        feed = placeholder("logits", (None, self.width), "float64")
        truth = placeholder("labels", (None, *labels.shape[1:]), labels.dtype)
        wide = logits.reshape(len(logits), self.width)
        (losses,) = evaluate([self.losses(truth, feed)], {truth: labels, feed: wide})
        return np.asarray(losses, np.float64)

    @abstractmethod
    def _metrics(self, rows: Evaluation) -> dict[str, float]:
        """Return the metrics beside the losses."""


def per_row(elements: Tensor) -> Tensor:
    """y[i] = mean over j of x[i, j]."""
    return squeeze(elements, axes=(1,)) if elements.shape[1] == 1 else mean(elements, axis=1)
