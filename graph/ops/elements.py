"""Elements of the last axis picked by id, and their adjoints. A negative id means none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..code import Code, Index, Push, Writer
from ..op import OPS, Array, Kernel, Op, Sample, Spec, as_tensor
from ..tensor import Shape, Tensor, TensorLike
from .lookup import SAMPLE_IDS, add_at, require_ids, within
from .shaping import expand

__all__ = ["gather", "multi_hot", "one_hot"]


class _Gather(Op):
    """y[i, k] = x[i, ids[i, k]], or zero where there is none."""

    name = "gather"
    row_local = True
    random_access = (0,)

    def infer(self, x: Tensor, ids: Tensor) -> Spec:
        require_ids(self, x, ids, ids=ids)
        if not x.rank or x.rank != ids.rank or x.shape[:-1] != ids.shape[:-1]:
            raise self.refuse("takes values (..., n) and ids (..., k)", x, ids)
        return Spec(ids.shape, x.dtype)

    def kernel(self, xp: Any) -> Kernel:
        def compute(x: Array, ids: Array, out: Array | None = None) -> Array:
            width = x.shape[-1]
            if xp is not np:
                y = xp.take_along_axis(x, xp.maximum(ids, 0), -1)
                return xp.where(ids < 0, xp.zeros((), y.dtype), y)
            if not x.size:
                return np.zeros(ids.shape, x.dtype) if out is None else out
            y = x.reshape(-1).take(_flat(np, ids, width), None, out, "clip")
            if not within(ids, width, "gather"):
                y[ids < 0] = 0
            return y

        return compute

    def gradient(self, g: Tensor, y: Tensor, x: Tensor, ids: Tensor) -> Sequence[Tensor | None]:
        return _multi_hot(ids, g, depth=x.shape[-1], dtype=g.dtype.name), None

    def emit(self, c: Writer, y: Tensor, index: Index) -> Code:
        x, ids = y.inputs
        row = c.row(ids, index, x.shape[-1], self.name)
        return c.choose(f"{row} >= 0", x, Index(x.shape, (*index.axes[:-1], row)))

    def samples(self) -> Iterable[Sample]:
        x = np.random.default_rng(14).normal(size=(4, 5))
        yield Sample((x, SAMPLE_IDS), batched=(0, 1))
        yield Sample((x, np.maximum(SAMPLE_IDS[:, :1], 0)), batched=(0, 1))


_gather = _Gather()
OPS.add("gather", _gather)


def _flat(xp: Any, ids: Array, width: int) -> Array:
    """Return where x[i, ids[i, k]] is in x laid out flat, x being `width` wide."""
    first = xp.arange(0, ids[..., 0].size * width, width).reshape(*ids.shape[:-1], 1)
    return ids + first


def gather(x: TensorLike, ids: TensorLike) -> Tensor:
    """Return elements of the last axis; zeros where an id is negative.

    Parameters
    ----------
    x : Tensor of shape (..., n)
    ids : Tensor of shape (..., k)
        int32 or int64.

    Returns
    -------
    Tensor of shape (..., k)

    Raises
    ------
    InvalidValue
        When run: an id is not below ``n``.

    Examples
    --------
    >>> from cannery.graph import evaluate, gather
    >>> evaluate([gather([[1.0, 2.0], [3.0, 4.0]], [[1], [0]])])[0].tolist()
    [[2.0], [3.0]]
    """
    return _gather(as_tensor(x), as_tensor(ids))


class _MultiHot(Op):
    """y[i, r] = sum of weights[i, k] over the k with ids[i, k] == r."""

    name = "multi_hot"
    by_row = True

    def infer(self, ids: Tensor, *weights: Tensor, depth: int, dtype: str) -> Spec:
        require_ids(self, ids, *weights, ids=ids)
        wrong = any(w.shape != ids.shape or w.dtype != np.dtype(dtype) for w in weights)
        if not ids.rank or wrong:
            raise self.refuse("takes ids (..., k) and a weight for each", ids, *weights)
        return Spec((*ids.shape[:-1], depth), np.dtype(dtype))

    def kernel(self, xp: Any, *, depth: int, dtype: str) -> Kernel:
        one = xp.ones((), dtype)

        def compute(ids: Array, *rest: Array) -> Array:
            out = rest[-1]
            if out is None:
                out = xp.zeros((*ids.shape[:-1], depth), dtype)
            else:
                out.fill(0)
            index = _flat(xp, ids, depth).reshape(-1)
            weights = rest[0].reshape(-1) if len(rest) == 2 else one
            if xp is not np:
                weights = xp.where(ids.reshape(-1) < 0, xp.zeros((), dtype), weights)
            elif not within(ids, depth, "multi_hot"):
                kept = ids.reshape(-1) >= 0
                index, weights = index[kept], weights[kept] if weights.ndim else one
            if xp is np and ids.shape[-1] == 1:  # nothing comes twice
                out.reshape(-1)[index] = weights
                return out
            y = add_at(xp, out.reshape(-1), index, weights)
            return out if xp is np else y.reshape(out.shape)

        return compute

    def gradient(
        self, g: Tensor, y: Tensor, ids: Tensor, *weights: Tensor, depth: int, dtype: str
    ) -> Sequence[Tensor | None]:
        return (None, gather(g, ids)) if weights else (None,)

    def push_shape(self, y: Tensor) -> Shape | None:
        return y.inputs[0].shape

    def push(self, c: Writer, y: Tensor, index: Index) -> Push:
        ids, *weights = y.inputs
        row = c.row(ids, index, y.shape[-1], self.name)
        value = c.read(weights[0], index) if weights else Code("1")
        place = Index(y.shape, (*index.axes[:-1], row))
        return Push(place, value, Code(f"{row} >= 0", row))

    def samples(self) -> Iterable[Sample]:
        weights = np.random.default_rng(15).normal(size=SAMPLE_IDS.shape)
        attributes = {"depth": 5, "dtype": "float64"}
        yield Sample((SAMPLE_IDS, weights), attributes, batched=(0, 1))
        yield Sample((SAMPLE_IDS,), attributes)
        yield Sample((SAMPLE_IDS[:, :1].astype("int64"),), {"depth": 7, "dtype": "float32"})


_multi_hot = _MultiHot()
OPS.add("multi_hot", _multi_hot)


def multi_hot(
    ids: TensorLike, depth: int, weights: TensorLike | None = None, dtype: Any = "float32"
) -> Tensor:
    """Return how often each id occurs in a bag, or the sum of its weights there.

    Parameters
    ----------
    ids : Tensor of shape (..., k)
        int32 or int64; a negative id is skipped.
    depth : int
        The number of different ids.
    weights : Tensor of shape (..., k), optional
    dtype : dtype
        Of the result where there are no weights.

    Returns
    -------
    Tensor of shape (..., depth)

    Raises
    ------
    InvalidValue
        When run: an id is not below `depth`.

    Examples
    --------
    >>> from cannery.graph import evaluate, multi_hot
    >>> evaluate([multi_hot([[0, 2, 2], [1, -1, -1]], 3)])[0].tolist()
    [[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]]
    """
    ids = as_tensor(ids)
    if weights is None:
        return _multi_hot(ids, depth=depth, dtype=np.dtype(dtype).name)
    weights = as_tensor(weights)
    return _multi_hot(ids, weights, depth=depth, dtype=weights.dtype.name)


def one_hot(ids: TensorLike, depth: int, dtype: Any = "float32") -> Tensor:
    """Return a row of zeros with a one at each id; only zeros where an id is negative.

    Parameters
    ----------
    ids : Tensor of int32 or int64
    depth : int
        The number of different ids.
    dtype : dtype
        Of the result.

    Returns
    -------
    Tensor of shape ids.shape + (depth,)

    Raises
    ------
    InvalidValue
        When run: an id is not below `depth`.

    Examples
    --------
    >>> from cannery.graph import evaluate, one_hot
    >>> evaluate([one_hot([1, -1], 3)])[0].tolist()
    [[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    return multi_hot(expand(ids, -1), depth, dtype=dtype)
