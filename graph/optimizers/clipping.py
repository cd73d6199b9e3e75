"""Limits on the size of gradients; row-sparse gradients stay row-sparse."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence

from ...errors import InvalidValue
from ..ops import clip, maximum, scatter_rows, sqrt, square
from ..ops import sum as sum_of
from ..tensor import Tensor
from .sparse import distinct_rows

__all__ = ["clip_by_global_norm", "clip_by_norm", "clip_by_value", "global_norm"]


def _on_elements(f: Callable[[Tensor], Tensor], gradient: Tensor) -> Tensor:
    """Apply `f`, which keeps zeros, to the elements that may not be zero."""
    rows = distinct_rows(gradient)
    if rows is None:
        return f(gradient)
    ids, values = rows.inputs
    return scatter_rows(ids, f(values), rows=gradient.shape[0])


def _sum_of_squares(gradient: Tensor) -> Tensor:
    rows = distinct_rows(gradient)
    return sum_of(square(gradient if rows is None else rows.inputs[1]))


def clip_by_value(gradient: Tensor, clip_value_min: float, clip_value_max: float) -> Tensor:
    """Move every element into ``[clip_value_min, clip_value_max]``.

    Rows that a sparse gradient names twice are summed first.

    Parameters
    ----------
    gradient : Tensor
    clip_value_min, clip_value_max : float
        Below zero, and above.

    Returns
    -------
    Tensor

    Raises
    ------
    InvalidValue
        Zero is not between the limits.

    Examples
    --------
    >>> from cannery.graph import constant, evaluate
    >>> from cannery.graph.optimizers import clip_by_value
    >>> evaluate([clip_by_value(constant([-3.0, 0.5]), -1.0, 1.0)])[0].tolist()
    [-1.0, 0.5]
    """
    if not clip_value_min < 0 < clip_value_max:
        limits = f"{clip_value_min} and {clip_value_max}"
        raise InvalidValue("clip_by_value", "zero must be between the limits", limits)
    return _on_elements(lambda x: clip(x, float(clip_value_min), float(clip_value_max)), gradient)


def clip_by_norm(gradient: Tensor, clip_norm: float) -> Tensor:
    """Scale the gradient down to an L2 norm of at most `clip_norm`.

    Parameters
    ----------
    gradient : Tensor
    clip_norm : float

    Returns
    -------
    Tensor
        ``gradient * clip_norm / max(norm, clip_norm)``.

    Raises
    ------
    InvalidValue
        `clip_norm` is not above zero.

    Examples
    --------
    >>> from cannery.graph import constant, evaluate
    >>> from cannery.graph.optimizers import clip_by_norm
    >>> evaluate([clip_by_norm(constant([3.0, 4.0]), 2.5)])[0].tolist()
    [1.5, 2.0]
    """
    return clip_by_global_norm([gradient], clip_norm)[0][0]


def global_norm(gradients: Sequence[Tensor]) -> Tensor:
    """Return the L2 norm of all elements of all `gradients` together.

    Examples
    --------
    >>> from cannery.graph import constant, evaluate
    >>> from cannery.graph.optimizers import global_norm
    >>> evaluate([global_norm([constant([3.0]), constant([[4.0]])])])[0].item()
    5.0
    """
    if not gradients:
        raise InvalidValue("global_norm", "needs at least one gradient", "none")
    return sqrt(functools.reduce(operator.add, map(_sum_of_squares, gradients)))


def clip_by_global_norm(
    gradients: Sequence[Tensor], clip_norm: float
) -> tuple[list[Tensor], Tensor]:
    """Scale all gradients by one factor, so that their norm together is at most `clip_norm`.

    Pascanu et al., "On the difficulty of training recurrent neural networks", 2013.

    Parameters
    ----------
    gradients : sequence of Tensor
    clip_norm : float

    Returns
    -------
    list of Tensor
        The gradients, scaled.
    Tensor
        Their norm before that.

    Raises
    ------
    InvalidValue
        `clip_norm` is not above zero, or there are no gradients.

    Examples
    --------
    >>> from cannery.graph import constant, evaluate
    >>> from cannery.graph.optimizers import clip_by_global_norm
    >>> clipped, norm = clip_by_global_norm([constant([3.0]), constant([4.0])], 2.5)
    >>> [value.tolist() for value in evaluate([*clipped, norm])]
    [[1.5], [2.0], 5.0]
    """
    if not clip_norm > 0:
        raise InvalidValue("clip_norm", "must be a number above 0", clip_norm)
    norm = global_norm(gradients)
    scale = float(clip_norm) / maximum(norm, float(clip_norm))
    return [_on_elements(lambda x: x * scale, gradient) for gradient in gradients], norm
