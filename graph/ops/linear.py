"""Products of matrices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..code import Code, Index, Push, Writer
from ..op import OPS, Array, Call, Kernel, Op, Sample, Spec
from ..tensor import Shape, Tensor, TensorLike, broadcast_shapes
from .shaping import transpose

__all__ = ["matmul"]

WORTH_TURNING = range(2048, 16_384)  # elements of a transposed matrix
FEW_ROWS = range(32, 512)  # of the matrix that it multiplies


class _MatMul(Op):
    """y[..., i, j] = sum over k of a[..., i, k] * b[..., k, j]."""

    name = "matmul"
    row_local = True
    folds = True

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

        def compute(a: Array, b: Array, out: Array | None = None) -> Array:
            return matrix_product(a, b)(a, b, out)

        return compute

    def calls(self, y: Tensor, arrays: Sequence[Array], out: Array, sure: bool) -> list[Call]:
        a, b = arrays
        turned = b.ndim == 2 and b.flags.f_contiguous and not b.flags.c_contiguous
        if not turned or b.size not in WORTH_TURNING or len(a) not in FEW_ROWS:
            return [partial(matrix_product(a, b), a, b, out)]
        # The BLAS packs a transposed matrix slowly; for these sizes a copy costs less.
        copy = np.empty(b.shape, b.dtype)
        return [partial(np.copyto, copy, b), partial(matrix_product(a, copy), a, copy, out)]

    def gradient(self, g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Sequence[Tensor | None]:
        return matmul(g, _swapped(b)), matmul(_swapped(a), g)

    def emit(self, c: Writer, y: Tensor, index: Index) -> Code:
        a, _ = y.inputs
        *lead, i, j = index.axes
        if a.shape[-1] == 1:
            left, right = self._factors(c, y, lead, i, j, Code("0"))
            return Code(f"{left} * {right}", left, right)
        with c.fold(y.dtype, "0", [a.shape[-1]], index.depth) as (total, (k,), add):
            left, right = self._factors(c, y, lead, i, j, k)
            add(f"{total} += {left} * {right};")
        return total

    def _factors(
        self, c: Writer, y: Tensor, lead: Sequence[Code], i: Code, j: Code, k: Code
    ) -> tuple[Code, Code]:
        a, b = y.inputs
        outer = Index(y.shape[:-2], tuple(lead))
        left, right = outer.broadcast(a.shape[:-2]).axes, outer.broadcast(b.shape[:-2]).axes
        return c.read(a, Index(a.shape, (*left, i, k))), c.read(b, Index(b.shape, (*right, k, j)))

    def push_shape(self, y: Tensor) -> Shape | None:
        # A sum over the batch: each row adds the product of its two parts.
        # A row times a matrix runs along the rows of the matrix.
        a, b = y.inputs
        if not a.rank == b.rank == 2 or None in y.shape:
            return None
        row = y.shape[0] == 1 != y.shape[1] and a.shape[1] != 1
        return (a.shape[1], *y.shape) if row or a.shape[1] is None else None

    def push(self, c: Writer, y: Tensor, index: Index) -> Push:
        k, i, j = index.axes
        left, right = self._factors(c, y, (), i, j, k)
        return Push(Index(y.shape, (i, j)), Code(f"{left} * {right}", left, right))

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


def matrix_product(a: Array, b: Array) -> Kernel:
    # Two matrices: dot hands them to the BLAS with less ado, transposed views included.
    return np.dot if a.ndim == b.ndim == 2 else np.matmul


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
