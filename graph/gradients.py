"""Reverse-mode differentiation: a walk back over the graph that builds more graph."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import InvalidType, ShapeMismatch
from .op import as_tensor
from .tensor import OPS, Tensor, TensorLike, topological

__all__ = ["gradients"]


def gradients(
    y: Tensor, xs: Sequence[Tensor], grad_y: TensorLike | None = None
) -> list[Tensor | None]:
    """Return the derivative of ``sum(y * grad_y)`` with respect to each of `xs`.

    The result is graph again, so it can be differentiated any number of times.

    Parameters
    ----------
    y : Tensor
        A floating-point tensor of any shape.
    xs : sequence of Tensor
        Any tensors, not only variables.
    grad_y : Tensor or number, optional
        The weight of each element of `y`; one by default.

    Returns
    -------
    list of Tensor or None
        None where `y` does not depend on ``x``, or only through ops without a derivative.

    Raises
    ------
    InvalidType
        `y` is not floating point.

    Examples
    --------
    >>> from cannery.graph import evaluate, gradients, placeholder
    >>> x = placeholder("x", ())
    >>> (slope,) = gradients(x * x * x, [x])
    >>> (curvature,) = gradients(slope, [x])
    >>> [float(value) for value in evaluate([slope, curvature], {"x": 2.0})]
    [12.0, 12.0]
    """
    if y.dtype.kind != "f":
        raise InvalidType(
            f"tensor {y.name!r}", "only floating point can be differentiated", y.dtype
        )
    order = topological([y])
    wanted = set(xs)
    leading = {node for node in order if node in wanted}
    for node in order:
        if any(source in leading for source in node.inputs):
            leading.add(node)
    arriving: dict[Tensor, list[Tensor]] = {}
    if y in leading:
        start = as_tensor(1.0 if grad_y is None else grad_y, y)
        arriving[y] = [start if start.shape == y.shape else OPS["broadcast_like"](start, y)]
    for node in reversed(order):
        if node not in arriving or not node.inputs:
            continue
        g = _total(arriving[node])
        arriving[node] = [g]
        parts = node.op.gradient(g, node, *node.inputs, **node.attributes)
        for source, part in zip(node.inputs, parts, strict=True):
            if part is not None and source in leading:
                arriving.setdefault(source, []).append(_unbroadcast(part, source))
    return [_total(arriving[x]) if x in arriving else None for x in xs]


def _total(parts: list[Tensor]) -> Tensor:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _unbroadcast(g: Tensor, x: Tensor) -> Tensor:
    """Sum `g` over the axes along which `x` was repeated."""
    if g.shape == x.shape:
        return g
    extra = g.rank - x.rank
    if extra < 0:
        raise ShapeMismatch(f"gradient of {x.name!r}", f"must have shape {x.shape}", g.shape)
    if extra:
        g = OPS["sum"](g, axis=tuple(range(extra)), keepdims=False)
    repeated = tuple(i for i, size in enumerate(x.shape) if size == 1 and g.shape[i] != 1)
    return OPS["sum"](g, axis=repeated, keepdims=True) if repeated else g
