"""A value that a loop nest has computed, and where it goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..code import Push
from .memory import Place

__all__ = ["Store"]


@dataclass(frozen=True)
class Store:
    """A value on its way to memory.

    Attributes
    ----------
    place : Place
    push : Push
    dtype : numpy.dtype
    dense : bool
        Whether the innermost loop writes each element at most once.
    """

    place: Place
    push: Push
    dtype: np.dtype[Any]
    dense: bool = True
