"""Products of matrices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..op import OPS, Array, Kernel, Op, Sample, Spec
from ..tensor import Tensor, TensorLike, broadcast_shapes
from .shaping import transpose

__all__ = ["matmul"]


class _MatMul(Op):
    """y[..., i, j] = sum over k of a[..., i, k] * b[..., k, j]."""

    name = "matmul"

    def infer(self, a: Tensor, b: Tensor) -> Spec:
        if a.dtype != b.dtype or a.dtype.kind not in "fiu":
            raise self.refuse("takes numbers of one dtype", a, b)
        if a.rank < 2 or b.rank < 2 or a.shape[-1] != b.shape[-2]:
            raise self.refuse("takes matrices (..., i, k) and (..., k, j)", a, b)
        leading = broadcast_shapes("op 'matmul'", a.shape[:-2], b.shape[:-2])
        return Spec((*leading, a.shape[-2], b.shape[-1]), a.dtype)

    def kernel(self, xp: Any) -> Kernel:
        if xp is not np:
            return lambda a, b, out: xp.matmul(a, b)
        dot, product = np.dot, np.matmul

        def compute(a: Array, b: Array, out: Array | None = None) -> Array:
            # Two matrices: numpy hands them to the BLAS with less ado, transposed views included.
            return dot(a, b, out) if a.ndim == b.ndim == 2 else product(a, b, out)

        return compute

    def gradient(self, g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Sequence[Tensor | None]:
        return matmul(g, _swapped(b)), matmul(_swapped(a), g)

    def samples(self) -> Iterable[Sample]:
        generator = np.random.default_rng(7)
        shapes = {
            ((4, 3), (3, 2)): (0,),
            ((3, 4), (4, 2)): (),
            ((4, 2, 3), (4, 3, 2)): (0, 1),
            ((4, 2, 3), (3, 2)): (0,),
        }
        for (a, b), batched in shapes.items():
            yield Sample((generator.normal(size=a), generator.normal(size=b)), batched=batched)


def _swapped(x: Tensor) -> Tensor:
    return transpose(x, (*range(x.rank - 2), x.rank - 1, x.rank - 2))


_matmul = _MatMul()
OPS.add("matmul", _matmul)


def matmul(a: TensorLike, b: TensorLike) -> Tensor:
    """Return the matrix product ``a @ b``, over leading axes where there are any.

    Parameters
    ----------
    a : Tensor of shape (..., i, k)
    b : Tensor of shape (..., k, j)

    Returns
    -------
    Tensor of shape (..., i, j)

    Raises
    ------
    ShapeMismatch
        The inner sizes differ, or there are fewer than two axes.

    Examples
    --------
    >>> from cannery.graph import evaluate, matmul
    >>> evaluate([matmul([[1.0, 2.0]], [[3.0], [4.0]])])[0].tolist()
    [[11.0]]
    """
    return _matmul(a, b)
