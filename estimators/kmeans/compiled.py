"""The nearest centres of points, found by C."""

from __future__ import annotations

import ctypes
import functools
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from ...graph.compiler.toolchain import load

__all__ = ["Nearest", "kmeans_library"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
LANES, AT_ONCE = 32, 4  # the most points, and the centres, that C looks at together


class Nearest:
    """Finds the nearest of some centres, with Python's lock released.

    Parameters
    ----------
    centers : ndarray of float64, shape (k, d)
    library : optional
        `kmeans_library`, which is worth while to look up once for many passes.

    Attributes
    ----------
    width : int
        A block of points is best so large that so many numbers for each stay in the cache.

    Raises
    ------
    CompileError, MissingDependency
        There is no C compiler that works.

    Examples
    --------
    >>> import numpy as np
    >>> from cannery.graph.compiler.toolchain import find_toolchain
    >>> x = np.array([[1.0], [2.0], [9.0]], np.float32)
    >>> centers = np.array([[0.0], [10.0]])
    >>> if find_toolchain():
    ...     sums, weights, total = Nearest(centers).add(x)
    ... else:
    ...     sums, weights = np.array([[3.0], [9.0]]), np.array([2.0, 1.0])
    >>> sums.tolist(), weights.tolist()
    ([[3.0], [9.0]], [2.0, 1.0])
    """

    width = 16

    def __init__(self, centers: Doubles, library: Any = None):
        self.shape = centers.shape
        room = -(-len(centers) // AT_ONCE) * AT_ONCE
        self._centers = np.zeros((room, centers.shape[1]), np.float32)
        self._centers[: len(centers)] = centers
        self._shifts = np.full(room, np.inf, np.float32)  # what fills up is never nearest
        narrow = self._centers[: len(centers)]
        self._shifts[: len(centers)] = np.einsum("ij,ij->i", narrow, narrow) / 2
        self._nearest = (library or kmeans_library()).kmeans_nearest

    def add(
        self,
        x: Floats,
        weights: Floats | None = None,
        labels: npt.NDArray[np.int32] | None = None,
        scores: Floats | None = None,
    ) -> tuple[Doubles, Doubles, float]:
        """Return the weighted sum of each centre's points, their weight, and the sum of all scores.

        Parameters
        ----------
        x : ndarray of float32, shape (n, d)
        weights : ndarray of float32, shape (n,), optional
        labels, scores : ndarray of int32 and float32, shape (n,), optional
            Each point's centre is written there, and ``x c - |c|^2 / 2`` with that centre.
        """
        sums, each, total = np.zeros(self.shape), np.zeros(self.shape[0]), np.zeros(1)
        room = np.zeros(LANES * (self.shape[1] + 1), np.float32)
        aligned = room[-room.ctypes.data // room.itemsize % LANES :]
        given = (weights, self._centers, self._shifts)
        places = [None if array is None else array.ctypes.data for array in given]
        written = (labels, scores, sums, each, total, aligned)
        others = [None if array is None else array.ctypes.data for array in written]
        count = len(self._centers)
        self._nearest(x.ctypes.data, *x.shape, *places, count, *others)
        return sums, each, float(total[0])


def kmeans_library() -> Any:
    """Return the compiled library, from the cache where it is there."""
    library = load(_source())
    pointer, integer = ctypes.c_void_p, ctypes.c_int64
    kinds: Any = [pointer, integer, integer, *[pointer] * 3, integer, *[pointer] * 6]
    library.kmeans_nearest.argtypes = kinds
    library.kmeans_nearest.restype = None
    return library


@functools.cache
def _source() -> str:
    return (resources.files(__package__) / "c" / "nearest.c").read_text(encoding="utf-8")
