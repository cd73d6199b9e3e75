"""Trees grown by C."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt

from ...graph.compiler.extension import Extension
from .examples import CRITERIA, Examples, Rules
from .tree import Tree

__all__ = ["FOREST", "CompiledGrower", "put_into_bins"]

POINTER, INTEGER = ctypes.c_void_p, ctypes.c_int64
FOREST = Extension(
    __package__,
    ["forest.h", "scores.h", "numbers.h", "categories.h", "node.h", "tree.h"],
    {
        "forest_grow": [ctypes.c_int, POINTER, POINTER, ctypes.c_uint64, POINTER],
        "forest_release": [None, POINTER],
        "forest_leaves": [None, POINTER, POINTER, POINTER, INTEGER, POINTER],
        "forest_bin": [None, POINTER, INTEGER, INTEGER, POINTER, ctypes.c_int32, POINTER],
    },
    "numpy grows the same trees",
    # A product and a sum in one rounding would grow other trees than numpy does.
    flags=("-ffp-contract=off",),
)


class _Data(ctypes.Structure):
    _fields_ = (
        ("rows", ctypes.c_int64),
        *(
            (name, ctypes.c_int32)
            for name in (
                "numbers categoricals outputs criterion max_features max_depth "
                "min_samples_split min_samples_leaf"
            ).split()
        ),
        ("min_weight_leaf", ctypes.c_double),
        *(
            (name, ctypes.c_void_p)
            for name in "bins ids sizes targets classes alike monotonic".split()
        ),
    )


ARRAYS = {
    "feature": np.int32,
    "cut": np.int32,
    "left": np.int32,
    "missing_left": np.uint8,
    "gain": np.float64,
    "weight": np.float64,
    "value": np.float64,
}


class _Tree(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ARRAYS),
        ("nodes", ctypes.c_int64),
        ("words", ctypes.POINTER(ctypes.c_int32)),
        ("word_count", ctypes.c_int64),
        ("word_room", ctypes.c_int64),
    )


class CompiledGrower:
    """Grows trees in C, with Python's lock released.

    Parameters
    ----------
    examples : Examples
    rules : Rules

    Raises
    ------
    CompileError, MissingDependency
        There is no C compiler that works.
    """

    def __init__(self, examples: Examples, rules: Rules):
        self.examples, self.rules, self._library = examples, rules, FOREST.require()
        given = (
            np.ascontiguousarray(examples.bins, np.uint8),
            np.ascontiguousarray(examples.ids, np.int32),
            np.ascontiguousarray(examples.sizes, np.int32),
            _contiguous(examples.targets, np.float64),
            _contiguous(examples.classes, np.int32),
            np.ascontiguousarray(examples.alike, np.int32),
            _contiguous(rules.monotonic, np.int8),
        )
        self._kept = given  # for as long as C has their addresses
        self._data = _Data(
            examples.rows,
            examples.numbers,
            len(examples.ids),
            examples.outputs,
            CRITERIA.index(rules.criterion),
            rules.max_features,
            rules.max_depth,
            rules.min_samples_split,
            rules.min_samples_leaf,
            max(rules.min_weight_leaf, np.finfo(np.float64).tiny),
            *(None if array is None else array.ctypes.data for array in given),
        )

    def grow(self, weights: npt.NDArray[np.float64], key: int) -> Tree:
        """Return a tree of the rows of positive weight, whose draws follow from `key`."""
        weights = np.ascontiguousarray(weights, np.float64)
        room = 2 * max(int(np.count_nonzero(weights > 0)), 1)
        widths = {"value": (room, self.examples.outputs)}
        arrays = {name: np.zeros(widths.get(name, room), dtype) for name, dtype in ARRAYS.items()}
        tree = _Tree(**{name: array.ctypes.data for name, array in arrays.items()})
        grow = self._library.forest_grow
        try:
            if grow(ctypes.byref(self._data), weights.ctypes.data, key, ctypes.byref(tree)):
                raise MemoryError("a tree does not fit into memory")
            words = np.empty(0, np.int32)
            if tree.word_count:
                words = np.ctypeslib.as_array(tree.words, (tree.word_count,)).copy()
        finally:
            self._library.forest_release(ctypes.byref(tree))
        found: dict[str, Any] = {name: array[: tree.nodes] for name, array in arrays.items()}
        found["missing_left"] = found["missing_left"] > 0
        return Tree(**found, words=words).by_level(self.examples.numbers)

    def leaves(self, tree: Tree, rows: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Return the node of `tree` that each of some rows ends in."""
        missing_left = tree.missing_left.astype(np.uint8)
        structure = _Tree(
            feature=tree.feature.ctypes.data,
            cut=tree.cut.ctypes.data,
            left=tree.left.ctypes.data,
            missing_left=missing_left.ctypes.data,
            words=tree.words.ctypes.data_as(ctypes.POINTER(ctypes.c_int32)),
        )
        found = np.empty(len(rows), np.int32)
        self._library.forest_leaves(
            ctypes.byref(self._data),
            ctypes.byref(structure),
            rows.ctypes.data,
            len(rows),
            found.ctypes.data,
        )
        return found


def put_into_bins(
    values: npt.NDArray[np.float32], edges: npt.NDArray[np.float32]
) -> npt.NDArray[np.uint8]:
    """Return the bin of each number, as `examples.put_into_bins` does, several times as fast."""
    found = np.empty(len(values), np.uint8)
    stride = values.strides[0] // values.itemsize
    FOREST.require().forest_bin(
        values.ctypes.data, len(values), stride, edges.ctypes.data, len(edges), found.ctypes.data
    )
    return found


def _contiguous(array: Any, dtype: Any) -> Any:
    return None if array is None else np.ascontiguousarray(array, dtype)
