"""The nearest centres of points, and how near candidates for one are, found by C."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt

from ...graph.compiler.extension import Extension

__all__ = ["KMEANS", "Closer", "Nearest"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
LANES, AT_ONCE = 32, 4  # the most points, and the centres, that C looks at together
POINTER, INTEGER = ctypes.c_void_p, ctypes.c_int64
POINTS = (POINTER, INTEGER, INTEGER)
KMEANS = Extension(
    __package__,
    ["nearest.c"],
    {
        "kmeans_nearest": [None, *POINTS, *[POINTER] * 3, INTEGER, *[POINTER] * 6],
        "kmeans_closer": [
            *[None, *POINTS, *[POINTER] * 4, INTEGER],
            *[POINTER, INTEGER, *[POINTER] * 3],
        ],
    },
    "clusters are found without it",
)


class Nearest:
    """Finds the nearest of some centres, with Python's lock released.

    Parameters
    ----------
    centers : ndarray of float64, shape (k, d)

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

    width = 8

    def __init__(self, centers: Doubles):
        self.shape = centers.shape
        self._centers, self._shifts = _filled_up(centers)
        self._nearest = KMEANS.require().kmeans_nearest

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
        room = _room(self.shape[1])
        given = _places(weights, self._centers, self._shifts)
        written = _places(labels, scores, sums, each, total, room)
        self._nearest(x.ctypes.data, *x.shape, *given, len(self._centers), *written)
        return sums, each, float(total[0])


class Closer:
    """Tells how near points would be to some seeds with one of several candidates added.

    Parameters
    ----------
    seeds : ndarray of float32, shape (k, d)
        A seed, and candidates for the next.
    """

    def __init__(self, seeds: Floats):
        self._count = len(seeds)
        self._seeds, self._shifts = _filled_up(seeds)
        self._closer = KMEANS.require().kmeans_closer

    def add(
        self, x: Floats, weights: Floats | None, norms: Floats, nearest: Floats, step: int
    ) -> Doubles:
        """Add the seed to those that `nearest` is about; return sums with each candidate added.

        Parameters
        ----------
        x : ndarray of float32, shape (n, d)
        weights : ndarray of float32, shape (n,), optional
        norms : ndarray of float32, shape (n,)
            Squared lengths.
        nearest : ndarray of float32, shape (n,)
            Each point's squared distance to the nearest seed, which is lowered.
        step : int
            So many points have sums of their own; a multiple of 64.

        Returns
        -------
        ndarray of float64, shape (steps, k)
            The first of each row is the sum without a candidate.
        """
        sums = np.zeros((-(-len(x) // step), len(self._seeds)))
        room, parts = _room(x.shape[1]), np.empty(LANES * len(self._seeds))
        given = _places(weights, norms, self._seeds, self._shifts)
        changed, *written = _places(nearest, sums, room, parts)
        self._closer(x.ctypes.data, *x.shape, *given, len(self._seeds), changed, step, *written)
        return sums[:, : self._count]


def _filled_up(centers: Any) -> tuple[Floats, Floats]:
    """Return as many centres as C looks at together or a multiple, and half of ``|c|^2``."""
    count = len(centers)
    full = np.zeros((-(-count // AT_ONCE) * AT_ONCE, centers.shape[1]), np.float32)
    full[:count] = centers
    shifts = np.full(len(full), np.inf, np.float32)  # what fills up is near to nothing
    shifts[:count] = np.einsum("ij,ij->i", full[:count], full[:count]) / 2
    return full, shifts


def _room(width: int) -> Floats:
    """Return place for the numbers of as many points as C looks at together, aligned."""
    room = np.zeros(LANES * (width + 1), np.float32)
    return room[-room.ctypes.data // room.itemsize % LANES :]


def _places(*arrays: npt.NDArray[Any] | None) -> list[int | None]:
    """Return where arrays lie, which somebody else must hold on to."""
    return [None if array is None else array.ctypes.data for array in arrays]
