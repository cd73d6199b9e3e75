"""What every estimator shares, whatever solver fits it: from a frame to a model that answers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from numbers import Integral
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from joblib import cpu_count
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ..feature_columns import ColumnSet
from ..graph import Program, Tensor
from ..graph.compiler.toolchain import require_toolchain
from ..hyperparameters import Allowed, NonNegativeInt, OneOf, check, hyperparameters
from .engine import Engine
from .export_c import Exported
from .model import Model
from .pool.jobs import Job
from .pool.pool import Pool, get_pool
from .pool.rounds import Rounds, start_workers
from .rows import check_rows

__all__ = ["Estimator"]

Threads = Annotated[
    Any,
    Allowed(
        "None, -1 or a number of threads",
        lambda n: n is None or (isinstance(n, Integral) and n != 0 and not isinstance(n, bool)),
    ),
]


@hyperparameters
class Estimator(Exported, BaseEstimator):
    """Feature columns, a predict program and its variables: what a fit of any kind leaves behind.

    A solver learns columns and variables and hands them to `_set_model`; prediction, export and
    all else that is asked of a fitted model follow from these three.
    """

    strict: bool = False
    n_jobs: Threads = None
    jit: OneOf("auto", True, False) = "auto"  # type: ignore[valid-type]
    random_state: Any = None
    verbose: NonNegativeInt = 0

    @contextlib.contextmanager
    def _unharmed(self) -> Iterator[None]:
        """Let a fit that fails leave nothing behind, and an earlier fit as it was."""
        before = dict(vars(self))
        try:
            yield
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _check_settings(self) -> None:
        """Raise unless every hyperparameter can be used."""
        check(self)
        self._pool()
        if self.jit is True:
            require_toolchain()

    def _pool(self) -> Pool | None:
        """Return the pool that a fit is divided among, for estimators that take one."""
        return get_pool(getattr(self, "pool", None))

    def _threads(self) -> int:
        """Return how many threads this process uses in a fit for what no pool does.

        `n_jobs` says so; unless it is set, as many as the pool has workers, who wait meanwhile.
        """
        pool, threads = self._pool(), self.n_jobs
        if threads is None and pool is not None:
            threads = min(pool.workers, cpu_count())
        return Engine.chosen(False, threads, 0.0).threads

    @contextlib.contextmanager
    def _rounds(self, kind: type[Job], unit: str) -> Iterator[Rounds | None]:
        """Have a pool's workers at hand where there is a pool, and keep what their rounds took."""
        pool = self._pool()
        if pool is None:
            yield None
            return
        with Rounds(pool, unit) as rounds:
            start_workers(pool, kind)
            yield rounds
            self.pool_report_ = rounds.report()

    def _new_generator(self) -> np.random.Generator:
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        return np.random.default_rng(seed)

    def _set_model(
        self,
        columns: ColumnSet,
        outputs: Mapping[str, Tensor],
        values: Mapping[str, npt.NDArray[Any]],
        seconds: float,
    ) -> None:
        """Set ``columns_`` and ``model_``.

        Parameters
        ----------
        columns : ColumnSet
            Learnt.
        outputs : mapping of str to Tensor
            What the predict program answers, over the placeholders of `Features`.
        values : mapping of str to ndarray
            The program's variables by name.
        seconds : float
            About how long an interpreter takes for all that the model is likely asked: whether
            compiling pays. It must follow from sizes alone, never from a clock.
        """
        self.columns_ = columns
        engine = Engine.chosen(self.jit, self.n_jobs, seconds)
        self.model_ = Model(columns, Program(outputs=outputs).simplified(), values, engine)

    def adopt(
        self,
        columns: ColumnSet,
        program: Program,
        variables: Mapping[str, npt.NDArray[Any]],
    ) -> None:
        """Take over a model that was fitted before, and written as JSON; it is interpreted."""
        self.columns_ = columns
        self.model_ = Model(columns, program, variables)

    @property
    def variables_(self) -> dict[str, npt.NDArray[Any]]:
        """The fitted values of the model's variables, by name."""
        check_is_fitted(self, "model_")
        return self.model_.variables

    def _predictions(self, X: Any) -> dict[str, npt.NDArray[Any]]:
        if not hasattr(self, "model_"):
            check_is_fitted(self, "model_")  # slow, for it asks for the tags
        X = check_rows(self, X, reset=False)
        return self.model_.predict(X, strict=self.strict)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.non_deterministic = False
        return tags
