"""Arrays of zeros, ones and whole numbers that kernels read again and again."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..op import Array

__all__ = ["arange", "ones", "zeros"]


def _filled(shape: Any, dtype: np.dtype[Any], value: int) -> Array:
    array = np.full(shape, value, dtype)
    array.flags.writeable = False
    return array


@functools.lru_cache(maxsize=64)
def ones(size: int, dtype: np.dtype[Any]) -> Array:
    """Return a vector of ones, always the same array."""
    return _filled(size, dtype, 1)


@functools.lru_cache(maxsize=64)
def zeros(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return zeros of that shape, always the same array."""
    return _filled(shape, dtype, 0)


@functools.lru_cache(maxsize=64)
def arange(size: int, dtype: np.dtype[Any]) -> Array:
    """Return the whole numbers below `size`, always the same array."""
    array = np.arange(size, dtype=dtype)
    array.flags.writeable = False
    return array
