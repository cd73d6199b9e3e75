"""Simplification: the same values from fewer nodes.

Interning has already made equal expressions one node, and what no root depends on is no part of
the result. Here constants are folded and rules applied until none applies any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from .op import as_tensor
from .ops import (
    abs,
    equal,
    exp,
    expm1,
    log,
    log1p,
    logical_not,
    maximum,
    minimum,
    negative,
    not_equal,
    reciprocal,
    relu,
    sigmoid,
    softplus,
    square,
    where,
)
from .rewrites import REWRITES, fold, unspread
from .tensor import Tensor, name_scope, topological
from .variables import placeholder

__all__ = ["KINDS", "RULES", "count_ops", "simplify", "simplify_once"]

# Kinds of rewrites, in the order in which they are tried on a node.
KINDS = ("constants", "shapes", "broadcasts", "algebra")

COMMUTATIVE = frozenset(
    {"add", "multiply", "maximum", "minimum", "equal", "not_equal", "logical_and", "logical_or"}
)
MOST_PASSES = 50  # a rule makes a graph smaller; this ends a pair of rules that undo each other


def wildcards(names: str, dtype: str = "float32") -> Iterator[Tensor]:
    """Return tensors that stand for any tensor in a rule."""
    return (placeholder(f"any {name}", (), dtype) for name in names.split())


x, y = wildcards("x y")
(condition,) = wildcards("condition", "bool")

# Equal up to rounding, NaN and infinities included. So x * 0 stays, and so do x + 0, since
# -0.0 + 0.0 is 0.0, and exp(log(x)), which is NaN for negative x.
RULES: tuple[tuple[Tensor, Tensor], ...] = (
    (x * 1, x),
    (x / 1, x),
    (x + -0.0, x),
    (x - 0, x),
    (x**1, x),
    (x**2, square(x)),
    (x**-1, reciprocal(x)),
    (x * -1, -x),
    (x / -1, -x),
    (x * x, square(x)),
    (1 / x, reciprocal(x)),
    (negative(negative(x)), x),
    (x + -y, x - y),
    (x - -y, x + y),
    (-x * -y, x * y),
    (-x / -y, x / y),
    (square(-x), square(x)),
    (square(abs(x)), square(x)),
    (abs(-x), abs(x)),
    (abs(abs(x)), abs(x)),
    (abs(square(x)), square(x)),
    (relu(relu(x)), relu(x)),
    (maximum(x, 0), relu(x)),
    (maximum(x, x), x),
    (minimum(x, x), x),
    (log(sigmoid(x)), -softplus(-x)),
    (log(x + 1), log1p(x)),
    (exp(x) - 1, expm1(x)),
    (logical_not(logical_not(condition)), condition),
    (logical_not(equal(x, y)), not_equal(x, y)),
    (logical_not(not_equal(x, y)), equal(x, y)),
    (where(condition, x, x), x),
    (where(logical_not(condition), x, y), where(condition, y, x)),
    (condition & condition, condition),
    (condition | condition, condition),
)

_WILD = frozenset({x, y, condition})
_RULES_OF: dict[str, list[tuple[Tensor, Tensor]]] = {}
for _rule in RULES:
    _RULES_OF.setdefault(_rule[0].op.name, []).append(_rule)

Bindings = dict[Tensor, Tensor]


def simplify(roots: Sequence[Tensor]) -> list[Tensor]:
    """Return tensors of the same values as `roots`, which take less to compute.

    Parameters
    ----------
    roots : sequence of Tensor

    Returns
    -------
    list of Tensor
        Equal up to rounding for all inputs, NaN and infinities included; the sign of a zero may
        differ, and a logarithm of a sigmoid stays finite where it would overflow.

    Examples
    --------
    >>> from cannery.graph import log, placeholder, sigmoid
    >>> from cannery.graph.simplify import simplify
    >>> x = placeholder("x", (None, 3))
    >>> simplify([log(sigmoid(x * 1.0))])
    [<negative 'negative' (batch, 3) float32>]
    """
    current = list(roots)
    for _ in range(MOST_PASSES):
        simpler = simplify_once(current)
        if simpler == current:
            break
        current = simpler
    return current


def simplify_once(
    roots: Sequence[Tensor],
    kinds: Collection[str] = KINDS,
    applied: Counter[str] | None = None,
) -> list[Tensor]:
    """Return the roots after one improvement of each node, inputs first.

    Parameters
    ----------
    roots : sequence of Tensor
    kinds : collection of str
        The kinds of rewrites to try.
    applied : Counter, optional
        Counts the rewrites of each kind.
    """
    done: dict[Tensor, Tensor] = {}
    count: Counter[str] = Counter() if applied is None else applied
    for node in topological(roots):
        inputs = tuple(done[source] for source in node.inputs)
        with name_scope(node.name[: node.name.rfind("/") + 1]):
            same = inputs == node.inputs
            rebuilt = node if same else node.op(*inputs, **node.attributes)
            done[node] = _improve(rebuilt, kinds, count)
    return [done[root] for root in roots]


def _improve(node: Tensor, kinds: Collection[str], applied: Counter[str]) -> Tensor:
    """Return the result of the first rule that applies, or the node itself."""
    for kind in kinds:
        for found in _candidates(kind, node):
            # A rule that would drop a broadcast does not apply.
            if found is not None and found.shape == node.shape and found.dtype == node.dtype:
                applied[kind] += found is not node
                return found
    return node


def _candidates(kind: str, node: Tensor) -> Iterator[Tensor | None]:
    if kind == "constants":
        yield fold(node)
    elif kind == "shapes":
        for rewrite in REWRITES.get(node.op.name, ()):
            yield rewrite(node)
    elif kind == "broadcasts":
        yield unspread(node)
    else:
        for left, right in _RULES_OF.get(node.op.name, ()):
            bindings = _match(left, node, {})
            yield None if bindings is None else _build(right, bindings, node)


def count_ops(roots: Sequence[Tensor]) -> int:
    """Return how many ops tensors take to compute, those that are given left out."""
    return sum(bool(node.inputs) for node in topological(roots))


def _match(pattern: Tensor, node: Tensor, bindings: Bindings) -> Bindings | None:
    """Return what each wildcard stands for where a node has the form of a pattern."""
    if pattern in _WILD:
        bound = bindings.get(pattern, node)
        return {**bindings, pattern: node} if bound is node else None
    if pattern.op is not node.op:
        return None
    if pattern.op.name == "constant":
        return bindings if _equal_constants(pattern, node) else None
    if pattern.attributes != node.attributes:
        return None
    orders = [node.inputs]
    if pattern.op.name in COMMUTATIVE:
        orders.append(node.inputs[::-1])
    for inputs in orders:
        found: Bindings | None = bindings
        for inner, source in zip(pattern.inputs, inputs, strict=True):
            found = None if found is None else _match(inner, source, found)
        if found is not None:
            return found
    return None


def _equal_constants(pattern: Tensor, node: Tensor) -> bool:
    """Whether all elements of a constant are the number in a rule; -0.0 is not 0.0."""
    number, array = pattern.attributes["value"], node.attributes["value"]
    if not (array == number).all():
        return False
    return array.dtype.kind != "f" or bool((np.signbit(array) == np.signbit(number)).all())


def _build(pattern: Tensor, bindings: Bindings, node: Tensor) -> Tensor:
    """Return the right side of a rule for what its wildcards stand for."""
    if pattern in _WILD:
        return bindings[pattern]
    if pattern.op.name == "constant":
        return as_tensor(pattern.attributes["value"].astype(node.dtype))
    inputs = (_build(source, bindings, node) for source in pattern.inputs)
    found: Tensor = pattern.op(*inputs, **pattern.attributes)
    return found
