"""Rows in random order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["shuffled"]

PILES = 256
LEAST_ROWS = 1 << 20  # fewer are shuffled within the cache


def shuffled(rows: int, generator: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return the numbers below `rows` in random order, every order as likely as any other.

    Many are dealt out to piles, each of which the cache holds while it is shuffled: to exchange
    numbers anywhere in memory takes twice as long.

    Parameters
    ----------
    rows : int
    generator : numpy.random.Generator

    Returns
    -------
    ndarray of int64 of shape (rows,)

    References
    ----------
    Sandelius, "A simple randomization procedure", 1962.

    Examples
    --------
    >>> import numpy as np
    >>> sorted(shuffled(4, np.random.default_rng(0)).tolist())
    [0, 1, 2, 3]
    """
    if rows < LEAST_ROWS:
        return generator.permutation(rows)
    piles = generator.integers(PILES, size=rows, dtype=np.uint8)
    order = np.argsort(piles, kind="stable")
    ends = np.cumsum(np.bincount(piles, minlength=PILES))
    for pile in np.split(order, ends[:-1]):
        generator.shuffle(pile)
    return order
