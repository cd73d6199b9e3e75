"""Random draws the generators share: all of a column at once."""

from __future__ import annotations

import typing
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_random_state

from ..errors import InvalidType, InvalidValue
from ..hyperparameters import PositiveInt

__all__ = ["check_count", "draw", "generator", "zipf"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def check_count(name: str, count: Any) -> int:
    """Return `count` as an int, or say why it cannot be a number of rows."""
    (allowed,) = typing.get_args(PositiveInt)[1:]
    if not allowed.contains(count):
        error = InvalidValue if isinstance(count, int | float) else InvalidType
        raise error(name, f"must be {allowed.words}", repr(count))
    return int(count)


def generator(random_state: Any) -> np.random.Generator:
    """Turn scikit-learn's notion of a random state into a numpy generator."""
    return np.random.default_rng(check_random_state(random_state).randint(2**31 - 1))


def zipf(size: int, power: float) -> Floats:
    """p[k] proportional to (k + 1) ** -power, summing to one."""
    weights = np.arange(1.0, size + 1) ** -power
    return weights / weights.sum()


def draw(random: np.random.Generator, probabilities: Floats, rows: Integers) -> Integers:
    """Draw one column number from row `rows[i]` of `probabilities`, for every i."""
    cumulative = np.cumsum(probabilities, axis=1)
    cumulative /= cumulative[:, -1:]
    # Row r covers (r, r + 1], so one sorted array serves all rows.
    ladder = (cumulative + np.arange(len(cumulative))[:, None]).ravel()
    width = probabilities.shape[1]
    found = np.searchsorted(ladder, rows + random.random(len(rows)), side="right")
    return np.minimum(found - rows * width, width - 1)
