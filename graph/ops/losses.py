"""Losses: one number an element or example; nothing is reduced over the batch."""

from __future__ import annotations

import math
from typing import Any

from ...errors import InvalidValue, ShapeMismatch
from ..op import Array, as_tensor, elementwise
from ..tensor import Tensor, TensorLike
from .comparison import cast, where
from .elements import gather
from .elementwise import abs, exp, log, maximum, minimum, relu, sigmoid, square
from .reduction import sum
from .shaping import expand, squeeze
from .softmax import log_softmax, logsumexp

__all__ = [
    "absolute_error",
    "hinge",
    "huber",
    "poisson",
    "quantile",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
    "sparse_softmax_cross_entropy",
    "squared_error",
    "squared_hinge",
]


def _pair(labels: TensorLike, predictions: TensorLike) -> tuple[Tensor, Tensor]:
    """Return both as tensors of the dtype of the predictions."""
    predictions = as_tensor(predictions)
    labels = cast(as_tensor(labels, predictions), predictions.dtype)
    if labels.shape != predictions.shape:
        wrong = f"labels must have the predictions' shape {predictions.shape}"
        raise ShapeMismatch("loss", wrong, labels.shape)
    return labels, predictions


def _sigmoid_cross_entropy_kernel(
    xp: Any, labels: Array, logits: Array, out: Array | None = None
) -> Array:
    y = xp.absolute(logits, out)
    y = xp.negative(y, out)
    y = xp.exp(y, out)
    y = xp.log1p(y, out)
    linear = xp.maximum(logits, xp.zeros((), logits.dtype)) - logits * labels
    return xp.add(y, linear, out)


_sigmoid_cross_entropy = elementwise(
    "sigmoid_cross_entropy",
    _sigmoid_cross_entropy_kernel,
    "({1} < 0 ? 0 : {1}) - {1} * {0} + log1p(exp(-fabs({1})))",
    lambda g, y, labels, logits: (-g * logits, g * (sigmoid(logits) - labels)),
    arity=2,
    kinds="f",
    low=(0, -2),
    high=(1, 2),
    overwrites=False,
)


def sigmoid_cross_entropy(labels: TensorLike, logits: TensorLike) -> Tensor:
    """Return ``-z log(sigmoid(x)) - (1 - z) log(1 - sigmoid(x))``, exact for large logits too.

    Parameters
    ----------
    labels : Tensor
        Between 0 and 1.
    logits : Tensor of the same shape

    Returns
    -------
    Tensor of the same shape

    Examples
    --------
    >>> from cannery.graph import evaluate, sigmoid_cross_entropy
    >>> evaluate([sigmoid_cross_entropy([1.0, 1.0], [0.0, 100.0])])[0].round(4)
    array([0.6931, 0.    ], dtype=float32)
    """
    return _sigmoid_cross_entropy(*_pair(labels, logits))


def softmax_cross_entropy(labels: TensorLike, logits: TensorLike) -> Tensor:
    """Return ``-sum(labels * log(softmax(logits)))`` over the last axis.

    Parameters
    ----------
    labels : Tensor of shape (..., classes)
        The probability of each class.
    logits : Tensor of shape (..., classes)

    Returns
    -------
    Tensor of shape (...)

    Examples
    --------
    >>> from cannery.graph import evaluate, softmax_cross_entropy
    >>> evaluate([softmax_cross_entropy([[0.5, 0.5]], [[1.0, 1.0]])])[0].round(4)
    array([0.6931], dtype=float32)
    """
    labels, logits = _pair(labels, logits)
    return -sum(labels * log_softmax(logits), -1)


def sparse_softmax_cross_entropy(labels: TensorLike, logits: TensorLike) -> Tensor:
    """Return ``-log(softmax(logits))`` of the class each label names.

    Parameters
    ----------
    labels : Tensor of shape (...)
        int32 or int64, from 0 to the number of classes less one.
    logits : Tensor of shape (..., classes)

    Returns
    -------
    Tensor of shape (...)

    Raises
    ------
    InvalidValue
        When run: a label is not below the number of classes.

    Examples
    --------
    >>> from cannery.graph import evaluate, sparse_softmax_cross_entropy
    >>> evaluate([sparse_softmax_cross_entropy([1], [[1.0, 1.0]])])[0].round(4)
    array([0.6931], dtype=float32)
    """
    labels, logits = as_tensor(labels), as_tensor(logits)
    return logsumexp(logits, -1) - squeeze(gather(logits, expand(labels, -1)), -1)


def squared_error(labels: TensorLike, predictions: TensorLike) -> Tensor:
    """Return ``(prediction - label)^2``.

    Parameters
    ----------
    labels : Tensor
    predictions : Tensor of the same shape

    Returns
    -------
    Tensor of the same shape

    Examples
    --------
    >>> from cannery.graph import evaluate, squared_error
    >>> evaluate([squared_error([1.0], [3.0])])[0].tolist()
    [4.0]
    """
    labels, predictions = _pair(labels, predictions)
    return square(predictions - labels)


def absolute_error(labels: TensorLike, predictions: TensorLike) -> Tensor:
    """Return ``|prediction - label|``.

    Parameters
    ----------
    labels : Tensor
    predictions : Tensor of the same shape

    Returns
    -------
    Tensor of the same shape

    Examples
    --------
    >>> from cannery.graph import absolute_error, evaluate
    >>> evaluate([absolute_error([1.0], [3.0])])[0].tolist()
    [2.0]
    """
    labels, predictions = _pair(labels, predictions)
    return abs(predictions - labels)


def huber(labels: TensorLike, predictions: TensorLike, delta: float = 1.0) -> Tensor:
    """Return half the squared error up to `delta`, and a straight line beyond.

    Parameters
    ----------
    labels : Tensor
    predictions : Tensor of the same shape
    delta : float
        Where the line starts.

    Returns
    -------
    Tensor of the same shape

    References
    ----------
    Huber, "Robust estimation of a location parameter", 1964.

    Examples
    --------
    >>> from cannery.graph import evaluate, huber
    >>> evaluate([huber([0.0, 0.0], [0.5, 3.0])])[0].tolist()
    [0.125, 2.5]
    """
    if not delta > 0:
        raise InvalidValue("huber", "delta must be positive", delta)
    error = absolute_error(labels, predictions)
    near = minimum(error, delta)
    return square(near) * 0.5 + (error - near) * delta


def hinge(labels: TensorLike, logits: TensorLike) -> Tensor:
    """Return ``max(0, 1 - y x)``, where ``y`` is 1 for label 1 and -1 for label 0.

    Parameters
    ----------
    labels : Tensor
        0 or 1.
    logits : Tensor of the same shape

    Returns
    -------
    Tensor of the same shape

    Examples
    --------
    >>> from cannery.graph import evaluate, hinge
    >>> evaluate([hinge([1.0, 0.0], [0.25, 2.0])])[0].tolist()
    [0.75, 3.0]
    """
    labels, logits = _pair(labels, logits)
    return relu(1.0 - (labels * 2 - 1) * logits)


def squared_hinge(labels: TensorLike, logits: TensorLike) -> Tensor:
    """Return the square of `hinge`.

    Parameters
    ----------
    labels : Tensor
        0 or 1.
    logits : Tensor of the same shape

    Returns
    -------
    Tensor of the same shape

    Examples
    --------
    >>> from cannery.graph import evaluate, squared_hinge
    >>> evaluate([squared_hinge([0.0], [1.0])])[0].tolist()
    [4.0]
    """
    return square(hinge(labels, logits))


def poisson(labels: TensorLike, logits: TensorLike, full: bool = False) -> Tensor:
    """Return the negative log-likelihood of counts, given the logarithm of their expectation.

    Parameters
    ----------
    labels : Tensor
        The counts.
    logits : Tensor of the same shape
    full : bool
        Add ``log(labels!)`` by Stirling's formula, ``z log(z) - z + log(2 pi z) / 2`` for counts
        ``z`` above 1.

    Returns
    -------
    Tensor of the same shape

    Examples
    --------
    >>> from cannery.graph import evaluate, poisson
    >>> evaluate([poisson([3.0], [0.0])])[0].tolist()
    [1.0]
    """
    counts, x = _pair(labels, logits)
    loss = exp(x) - x * counts
    if not full:
        return loss
    few = (counts >= 0) & (counts <= 1)
    many = where(few, 1.0, counts)
    stirling = many * log(many) - many + log(many * (2 * math.pi)) * 0.5
    return loss + where(few, 0.0, stirling)


def quantile(labels: TensorLike, predictions: TensorLike, level: float = 0.5) -> Tensor:
    """Return the pinball loss, which the `level` quantile of the labels minimises.

    Parameters
    ----------
    labels : Tensor
    predictions : Tensor of the same shape
    level : float
        Between 0 and 1.

    Returns
    -------
    Tensor of the same shape

    References
    ----------
    Koenker and Bassett, "Regression quantiles", 1978.

    Examples
    --------
    >>> from cannery.graph import evaluate, quantile
    >>> evaluate([quantile([1.0, 1.0], [0.0, 2.0], 0.75)])[0].tolist()
    [0.75, 0.25]
    """
    if not 0 < level < 1:
        raise InvalidValue("quantile", "level must be between 0 and 1", level)
    labels, predictions = _pair(labels, predictions)
    error = labels - predictions
    return maximum(error * level, error * (level - 1))
