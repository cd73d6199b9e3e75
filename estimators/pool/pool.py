"""How a fit is divided among workers: what a user sets."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any

from sklearn.base import BaseEstimator

from ...errors import InvalidType
from ...hyperparameters import Positive, PositiveInt, check, hyperparameters

__all__ = ["Pool", "get_pool"]

LEAST_ROUNDS = 8  # in an epoch: few rows are merged more often, or go to fewer workers


@hyperparameters
class Pool(BaseEstimator):
    """A fit in rounds: each worker takes steps of its own, then what they have learnt is merged.

    joblib runs the workers, so that ``joblib.parallel_config(backend=...)`` says where: processes
    of this machine ("loky", the default), its threads ("threading"), or a cluster of Dask or Ray
    whose machines share `folder`. Data and weights lie in files there that workers map into
    memory: they are written once, and what workers do not change takes memory once for all.

    A round depends on the weights before it and on the rows it is given, on nothing else. A worker
    that dies therefore costs time and no bit of the result, and the same number of workers gives
    the same bits on every backend.

    Parameters
    ----------
    workers : int
        How many. Each takes its steps in one thread. Where an epoch has fewer than eight batches
        for each, fewer of them take part, for what they learn apart would be worth less than what
        one learns alone.
    local_steps : int
        Steps of a worker between two merges; fewer where an epoch would not have eight rounds.
    tries : int
        How often a round is tried that workers do not survive.
    straggler : float
        A worker that takes so many times as long as the slowest of the others is given up, after
        ten seconds at the least; its rows are done here and the workers are started again.
    folder : path, optional
        Where files for the workers are put, in a folder of their own that is removed after the
        fit: the system's folder for temporary files, unless set.

    Notes
    -----
    `cannery.estimators.pool.merge` says how: sums of squares and the like add up, weights are
    combined so that what all workers have found counts once and what one has found counts in full,
    moving averages are averaged. The number of workers may so change the result; few steps between
    two merges change it less and cost more time.

    Maleki et al., "Scaling distributed training with adaptive summation", 2021; Stich, "Local SGD
    converges fast and communicates little", 2019.

    Examples
    --------
    >>> import joblib
    >>> from cannery import LinearClassifier
    >>> from cannery.estimators import Pool
    >>> X = {"age": [23, 45, 31, 60, 52, 38, 29, 41] * 50}
    >>> y = ["no", "yes", "no", "yes", "yes", "no", "no", "yes"] * 50
    >>> model = LinearClassifier(pool=Pool(workers=2, local_steps=8), random_state=0)
    >>> with joblib.parallel_config(backend="threading"):
    ...     model = model.fit(X, y)
    >>> model.score(X, y) > 0.9
    True
    """

    workers: PositiveInt = 2
    local_steps: PositiveInt = 64
    tries: PositiveInt = 3
    straggler: Positive = 5.0
    folder: Any = None

    def taking_part(self, rows: int, batch_size: int) -> int:
        """Return how many workers take steps, in an epoch of so many rows.

        Examples
        --------
        >>> Pool(workers=8).taking_part(4_000, 250), Pool(workers=8).taking_part(40_000, 250)
        (2, 8)
        """
        return min(self.workers, max(1, math.ceil(rows / batch_size) // LEAST_ROUNDS))

    def steps(self, rows: int, batch_size: int) -> int:
        """Return how many steps each of them takes in a full round."""
        batches, workers = math.ceil(rows / batch_size), self.taking_part(rows, batch_size)
        return max(1, min(self.local_steps, batches // (workers * LEAST_ROUNDS)))


def get_pool(pool: Any) -> Pool | None:
    """Return what a hyperparameter `pool` means: a number is a number of workers.

    Raises
    ------
    InvalidType, InvalidValue
        Neither a `Pool`, a number of workers nor None; or settings out of range.

    Examples
    --------
    >>> get_pool(4)
    Pool(workers=4)
    """
    if isinstance(pool, Integral) and not isinstance(pool, bool):
        pool = Pool(workers=int(pool))
    if pool is None:
        return None
    if not isinstance(pool, Pool):
        raise InvalidType("pool", "must be a Pool, a number of workers or None", repr(pool))
    check(pool)
    return pool
