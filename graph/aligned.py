"""Memory for variables that starts at a cache line."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["ALIGNMENT", "aligned"]

ALIGNMENT = 64  # bytes: one cache line, and the widest vector register


def aligned(shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return memory that starts at a cache line, so that short rows lie in one.

    Examples
    --------
    >>> from cannery.graph.aligned import aligned
    >>> aligned((5, 16), "float32").ctypes.data % 64
    0
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)
