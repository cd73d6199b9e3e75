"""What an estimator says about rows whose truth is known, in the order of all classes there are."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ShapeMismatch
from ..estimators.labels import (
    ClassLabels,
    NumericLabels,
    label_array,
    learn_labels,
)
from ..estimators.metrics import Floats
from .splits import take_rows

__all__ = ["Answers", "Target", "ask", "learn_target"]

WARM_UP = np.arange(2)  # rows predicted before the clock is started: what is compiled, is by then


@dataclass(frozen=True)
class Answers:
    """Truth and predictions of the same rows.

    Attributes
    ----------
    truth : ndarray
        Ids of classes, shape (n,); labels of 0 and 1 or numbers, shape (n, width).
    predicted : ndarray
        In the shape of `truth`.
    probabilities : ndarray of shape (n, classes or labels), optional
    scores : ndarray of shape (n, classes or labels), optional
        Whatever rises with the probability of each.
    weights : ndarray of shape (n,)
    """

    truth: npt.NDArray[Any]
    predicted: npt.NDArray[Any]
    probabilities: Floats | None
    scores: Floats | None
    weights: Floats


@dataclass(frozen=True)
class Target:
    """What is to be predicted: all of `y`, encoded.

    Attributes
    ----------
    kind : {"classes", "labels", "numbers"}
    labels : ClassLabels, IndicatorLabels or NumericLabels
    truth : ndarray
        As in `Answers`.
    """

    kind: str
    labels: Any
    truth: npt.NDArray[Any]

    @property
    def classes(self) -> npt.NDArray[Any] | None:
        """The class of each row, where a row has one."""
        return self.truth if self.kind == "classes" else None


def learn_target(y: Any, task: str, rows: int) -> Target:
    """Return what is learnt of `y`.

    Raises
    ------
    InvalidValue
        Missing labels, one class only, or another number of labels than rows.
    """
    if task == "regression":
        numbers = NumericLabels.learn(y)
        numbers.encode(y, rows)
        truth = label_array(y).astype(np.float64)  # which is encoded as float32
        return Target("numbers", numbers, truth.reshape(rows, numbers.width))
    labels = learn_labels(y)
    encoded = labels.encode(y, rows)
    if isinstance(labels, ClassLabels):
        return Target("classes", labels, encoded.reshape(-1).astype(np.intp))
    return Target("labels", labels, encoded.astype(np.float64))


def ask(model: Any, X: Any, target: Target, places: Any, weights: Floats) -> tuple[Answers, float]:
    """Return a fitted model's answers for the rows `X`, and the seconds `predict` took.

    Parameters
    ----------
    model : fitted estimator
    X : frame, mapping, array or sparse matrix of shape (n, features)
    target : Target
    places : ndarray of shape (n,)
        Where in `target` these rows are.
    weights : ndarray of shape (n,)
    """
    truth = target.truth[places]
    model.predict(take_rows(X, WARM_UP[: len(truth)]))
    began = time.perf_counter()
    predicted = model.predict(X)
    seconds = time.perf_counter() - began
    probabilities, scores = None, None
    if target.kind != "numbers":
        probabilities = _matrix(model, "predict_proba", X, target)
        # As scikit-learn's own AUC: of two classes, logits do not saturate as probabilities do.
        two = target.kind == "classes" and len(target.labels.classes) == 2
        if two or probabilities is None:
            scores = _matrix(model, "decision_function", X, target)
        scores = probabilities if scores is None else scores
    encoded = _encode(predicted, target).reshape(truth.shape)
    return Answers(truth, encoded, probabilities, scores, weights), seconds


def _encode(predicted: Any, target: Target) -> npt.NDArray[Any]:
    if target.kind == "numbers":
        return np.asarray(predicted, np.float64)
    return target.labels.encode(predicted)


def _matrix(model: Any, method: str, X: Any, target: Target) -> Floats | None:
    """Return the values of a method with a column for each class or label; None if it has none."""
    if not hasattr(model, method):
        return None
    found = getattr(model, method)(X)
    if isinstance(found, list):  # one matrix for each label, as scikit-learn's forests have it
        pairs = zip(found, model.classes_, strict=True)
        found = np.column_stack([_of_label_one(each, classes) for each, classes in pairs])
    values = np.asarray(found, np.float64)
    if target.kind == "labels":
        return values.reshape(len(values), -1)
    known = getattr(model, "classes_", target.labels.classes)
    if values.ndim == 1:
        values = np.column_stack([-values, values])
    if values.shape[1] != len(known):
        wrong = f"{method} must have a column for each of {len(known)} classes"
        raise ShapeMismatch(type(model).__name__, wrong, f"shape {values.shape}")
    # A class that the rows of the fit lack has no chance at all.
    absent = 0.0 if method == "predict_proba" else -np.inf
    matrix = np.full((len(values), len(target.labels.classes)), absent)
    matrix[:, target.labels.encode(known).reshape(-1).astype(np.intp)] = values
    return matrix


def _of_label_one(values: Any, classes: Any) -> Floats:
    places = np.flatnonzero(np.asarray(classes) == 1)
    return values[:, places[0]] if len(places) else np.zeros(len(values))
