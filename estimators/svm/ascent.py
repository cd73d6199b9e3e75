"""Stochastic dual coordinate ascent, in C."""

from __future__ import annotations

import ctypes
import weakref

import numpy as np
import numpy.typing as npt

from ...graph.compiler.extension import Extension
from .design import Design
from .problem import Problem
from .solution import Solution

__all__ = ["ASCENT", "ascend"]

Floats = npt.NDArray[np.float64]
CHECKED = (20, 50)  # passes before the gap is looked at first, and each time after
STIFFNESS = 0.1  # of the bias, in squared lengths of rows: any near it does as well
LITTLE = 1e-11  # the step, in errors, below which nothing more is gained
ROW = np.dtype([(name, "f8") for name in "value target low high own loss length unused".split()])
STATE = np.dtype(
    [(name, "f8") for name in "margin stiffness center sum bound violation gap".split()]
    + [("random", "u8"), ("active", "i8")]
)


ASCENT = Extension(
    __package__,
    ["ascent.c"],
    {
        "ascend": [
            *[ctypes.c_int64, *[ctypes.c_void_p] * 5],
            *[ctypes.c_int64, ctypes.c_double, ctypes.c_double],
        ]
    },
    "Newton's method is used",
)


class _Design(ctypes.Structure):
    _fields_ = [
        ("width", ctypes.c_int64),
        ("sparse", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("starts", "ids", "weights", "numbers")),
    ]


def ascend(
    problem: Problem, tol: float, max_iter: int, seed: int, start: Floats | None = None
) -> Solution:
    """Return a solution whose relative duality gap is at most `tol`, where `max_iter` suffices.

    Rows are visited in a random order, a new one each pass, and each takes the best step for its
    own dual variable; rows that lie still at an end of their box rest until the gap is looked at
    (Hsieh et al. 2008). The bias is the multiplier of the condition on the sum of all variables:
    an augmented Lagrangian, whose multiplier moves after each pass (Bertsekas 1982).

    Parameters
    ----------
    problem : Problem
        With the penalty ``"l2"``.
    tol : float
    max_iter : int
        The most passes over the rows.
    seed : int
        Of the order of rows.
    start : ndarray, optional
        A dual point to begin with.
    """
    rows = _Rows(problem, seed, start)
    made, close, best = 0, tol, rows.objective(problem) if start is not None else None
    while True:
        passes = min(CHECKED[made > 0], max_iter - made)
        bound = close * (float(problem.losses(problem.target).sum()) if best is None else best)
        made += rows.passes(passes, bound)
        found = Solution.of(problem, rows.weights(), rows.values, made)
        stuck = rows.violation < LITTLE
        if found.relative_gap <= tol or made >= max_iter or stuck:
            return found
        if rows.gap < bound:
            close /= 2  # what was met on the way is no longer what it was
        best = found.primal


class _Packed:
    """A design as the C reads it, made once for all problems over it."""

    def __init__(self, design: Design):
        sparse = design.sparse
        count, self.width = sparse.shape
        counts = np.bincount(sparse.indices, minlength=self.width)
        # Columns by how often they occur: those that are always needed lie together.
        self.order = np.argsort(65535 - np.minimum(counts, 65535).astype(np.uint16), kind="stable")
        place = np.empty(self.width, np.int32)
        place[self.order] = np.arange(self.width, dtype=np.int32)
        self.shared = int(np.count_nonzero(counts > 1))
        ids = place[sparse.indices]
        kept = ids < self.shared
        row_of = np.repeat(np.arange(count), np.diff(sparse.indptr))
        # What no other row has moves with one variable alone, and is left out of the weights.
        self.alone = row_of[~kept], sparse.indices[~kept], sparse.data[~kept]
        self.ids = np.ascontiguousarray(ids[kept])
        self.starts = np.zeros(count + 1, np.int64)
        np.cumsum(np.bincount(row_of[kept], minlength=count), out=self.starts[1:])
        data = sparse.data[kept]
        self.data = None if (data == 1.0).all() else np.ascontiguousarray(data)
        self.numbers = design.dense
        self.own = _sums(self.alone[0], self.alone[2] ** 2, count)
        self.length = _sums(row_of[kept], data**2, count)
        self.length += np.einsum("ij,ij->i", self.numbers, self.numbers, dtype=np.float64)


def _sums(rows: npt.NDArray[np.intp], values: Floats, count: int) -> Floats:
    # Of nothing, bincount makes whole numbers.
    return np.bincount(rows, values, minlength=count).astype(np.float64)


_PACKED: weakref.WeakKeyDictionary[Design, _Packed] = weakref.WeakKeyDictionary()


def _packed(design: Design) -> _Packed:
    found = _PACKED.get(design)
    if found is None:
        found = _PACKED[design] = _Packed(design)
    return found


class _Rows:
    """The rows of a problem as the C sees them."""

    def __init__(self, problem: Problem, seed: int, start: Floats | None):
        self.packed = packed = _packed(problem.design)
        self.rows = np.zeros(len(problem.design), ROW)
        for name in ("target", "low", "high"):
            self.rows[name] = getattr(problem, name)
        self.rows["loss"] = problem.curvature
        self.rows["own"], self.rows["length"] = packed.own, packed.length
        self.state = np.zeros(1, STATE)
        self.state["margin"] = problem.margin
        if problem.bias:
            whole = float((packed.length + packed.own).mean())
            self.state["stiffness"] = max(whole * STIFFNESS, 1e-3)
        self.state["random"] = seed
        self.weight = np.zeros(packed.shared + packed.numbers.shape[1])
        if start is not None:
            self._begin(problem, start)

    def _begin(self, problem: Problem, start: Floats) -> None:
        self.rows["value"] = np.clip(start, problem.low, problem.high)
        pull = problem.design.pull(self.rows["value"])
        shared = self.packed.shared
        self.weight[:shared] = pull[self.packed.order[:shared]]
        self.weight[shared:] = pull[self.packed.width :]
        self.state["sum"] = self.rows["value"].sum()
        if problem.bias:
            self.state["center"] = problem.best_bias(problem.design.scores(pull))

    def objective(self, problem: Problem) -> float:
        """Return the objective where the rows stand."""
        weights = self.weights()
        errors = problem.target - problem.design.scores(weights) - float(self.state["center"][0])
        return problem.primal(weights, errors)

    def passes(self, count: int, gap: float) -> int:
        """Make passes over the rows, all of them taking part at first; return how many."""
        order = np.arange(len(self.rows), dtype=np.int32)
        self.state["active"], self.state["bound"] = len(self.rows), np.inf
        packed = self.packed
        blocks = (packed.starts, packed.ids, packed.data, packed.numbers)
        pointers = (None if block is None else block.ctypes.data for block in blocks)
        design = _Design(packed.numbers.shape[1], packed.shared, *pointers)
        arrays = (self.rows, self.weight, order, self.state)
        places = (array.ctypes.data for array in arrays)
        made = ASCENT.require().ascend(ctypes.byref(design), *places, count, gap, LITTLE)
        return int(made)

    @property
    def values(self) -> Floats:
        """The dual point."""
        return np.array(self.rows["value"])

    @property
    def violation(self) -> float:
        """The largest step that a row of the last pass wanted."""
        return float(self.state["violation"][0])

    @property
    def gap(self) -> float:
        """About the duality gap."""
        return float(self.state["gap"][0])

    def weights(self) -> Floats:
        """Return the weights in the order of the design's columns."""
        packed, shared = self.packed, self.packed.shared
        found = np.zeros(packed.width + packed.numbers.shape[1])
        found[packed.order[:shared]] = self.weight[:shared]
        row, column, entry = packed.alone
        found[column] = self.rows["value"][row] * entry
        found[packed.width :] = self.weight[shared:]
        return found
