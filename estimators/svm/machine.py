"""The fit of a support vector machine: columns, problems, solutions, and the model of them."""

from __future__ import annotations

import dataclasses
import numbers
import warnings
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import Parallel, delayed
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from ...errors import InvalidValue
from ...feature_columns import ColumnSet, Encoded, Frame, as_frame
from ...feature_columns.express import feeds
from ...graph import Program
from ...graph.compiler.cost import interpreted_seconds
from ...hyperparameters import (
    Allowed,
    NonNegativeInt,
    OneOf,
    Positive,
    PositiveInt,
    hyperparameters,
)
from ..build import Scaling
from ..engine import Engine
from ..explanation import LinearWeights
from ..kmeans import Space, chosen_columns
from ..model import Model
from ..rows import Rows, check_rows
from ..settings import check_unchanged, comparable
from ..supervised import Supervised
from ..towers import LinearTower
from .design import Design
from .kernel import Gram, scale_of, solve_kernel
from .problem import Problem
from .solution import Solution
from .solve import solve
from .spaces import FourierSpace, KernelSpace, LinearSpace
from .weighing import weighed

__all__ = ["Fitted", "SupportVectorMachine"]

Floats = npt.NDArray[np.float64]
FREE = ("C", "tol", "max_iter")  # what may change between two parts of a stream

Gamma = Annotated[
    Any,
    Allowed(
        "'scale', 'auto' or a number above 0",
        lambda v: (
            v in ("scale", "auto")
            if isinstance(v, str)
            else isinstance(v, numbers.Real) and not isinstance(v, bool) and 0 < float(v) < np.inf
        ),
    ),
]


@dataclasses.dataclass(frozen=True, eq=False)
class Fitted:
    """What a solver was given and found: a problem and a solution for each score."""

    design: Any
    encoded: Encoded
    costs: Floats
    problems: Sequence[Problem]
    solutions: Sequence[Solution]
    generator: np.random.Generator
    stream: bool


@hyperparameters
class SupportVectorMachine(LinearWeights, Supervised):
    """A linear function of rows, or of their kernel, for each score.

    A classifier or a regressor brings targets and losses.
    """

    columns: Any = None
    C: Positive = 1.0
    penalty: OneOf("l2", "l1") = "l2"  # type: ignore[valid-type]
    kernel: OneOf("linear", "rbf") = "linear"  # type: ignore[valid-type]
    gamma: Gamma = "scale"
    n_components: PositiveInt = 1000
    exact_rows: NonNegativeInt = 5000
    tol: Positive = 1e-3
    max_iter: PositiveInt = 1000

    @abstractmethod
    def _aims(self, rows: Rows, fresh: bool) -> Floats:
        """Return what each score should be, a column for each."""

    @abstractmethod
    def _problem(
        self, design: Any, aims: Floats, costs: Floats, place: int, **options: Any
    ) -> Problem:
        """Return the problem of the score at a place."""

    @abstractmethod
    def _costs(self, rows: Rows) -> Floats:
        """Return the weight of each row, its class counted in."""

    def _to_units(self, weights: Floats, biases: Floats) -> tuple[Floats, Floats]:
        """Return weights and biases in the unit of the targets."""
        return weights, biases

    def _from_units(self, weights: Floats, biases: Floats) -> tuple[Floats, Floats]:
        """Return weights and biases in the unit in which problems are solved."""
        return weights, biases

    def _calibrate(self, fitted: Fitted, rows: Rows) -> Mapping[str, npt.NDArray[Any]]:
        """Return the variables of the head, fitted to the scores of rows held out."""
        return {}

    @property
    def _lines(self) -> bool:
        """Whether the loss is of lines, not of parabolas."""
        loss: str = self.loss
        return self.kernel == "rbf" if loss == "auto" else not loss.startswith("squared")

    def _check_settings(self) -> None:
        super()._check_settings()
        loss: str = self.loss
        if self.penalty == "l1" and (self.kernel == "rbf" or self._lines):
            given = f"kernel={self.kernel!r} and loss={loss!r}"
            todo = "choose penalty='l2', or the linear kernel and a squared loss"
            raise InvalidValue(
                "penalty", "'l1' needs the linear kernel, a squared loss", given, todo
            )
        if self.kernel == "rbf" and not self._lines:
            todo = f"choose loss={loss.removeprefix('squared_')!r} or 'auto'"
            raise InvalidValue("loss", "must not be squared for kernel='rbf'", repr(loss), todo)

    def _solve(self, rows: Rows, frame: Frame, stream: bool = False) -> None:
        costs = self._costs(rows)
        kept = costs > 0
        if not kept.all():
            if not kept.any():
                raise InvalidValue("class_weight", "leaves no row any weight", todo="raise one")
            rows, costs = rows.split(kept)[1], costs[kept]
            frame = self._frame(rows)
        self._settings = comparable(self)[1]
        generator = self._new_generator()
        self._seed, self._parts = int(generator.integers(2**31)), 0
        columns = self._learn(frame, rows.weights)
        encoded = columns.encode(frame, strict=self.strict)
        aims = self._aims(rows, True)
        if self.kernel == "rbf" and len(rows) <= self.exact_rows and not stream:
            space, fitted = self._fit_kernel(columns, encoded, aims, costs, generator)
        else:
            space, design = self._place(columns, encoded, aims.shape[1], generator)
            problems = self._problems(design, aims, costs)
            solutions = self._solutions(problems, self.tol, generator)
            fitted = Fitted(design, encoded, costs, problems, solutions, generator, stream)
        self._keep(columns, space, fitted, rows)

    def _learn(self, frame: Frame, weights: Floats | None) -> ColumnSet:
        if self.kernel == "rbf":
            chosen: Sequence[Any] = chosen_columns(self.columns, frame)
        else:
            chosen = LinearSpace.choose(LinearTower(self.columns, with_numbers=True), frame)
        return weighed(chosen, ColumnSet(chosen).learn(frame), frame, weights)

    def _place(
        self, columns: ColumnSet, encoded: Encoded, width: int, generator: np.random.Generator
    ) -> tuple[Any, Design]:
        """Return where rows lie, and the rows there."""
        if self.kernel == "linear":
            space: Any = LinearSpace(LinearTower(columns.columns), columns, width)
        else:
            inputs = Space(columns, generator)
            gamma = scale_of(self.gamma, inputs.points(feeds(encoded)))
            space = FourierSpace(inputs, gamma, self.n_components, width, generator)
        return space, space.design(encoded)

    def _problems(self, design: Any, aims: Floats, costs: Floats) -> list[Problem]:
        columns = enumerate(np.ascontiguousarray(aims.T))
        return [self._problem(design, aim, costs * self.C, place) for place, aim in columns]

    def _solutions(
        self,
        problems: Sequence[Problem],
        tol: float,
        generator: np.random.Generator,
        starts: Sequence[Any] = (),
    ) -> list[Solution]:
        """Return the solution of each problem, in threads where there are several."""
        seeds = generator.integers(2**31, size=len(problems)).tolist()
        begins = starts or [None] * len(problems)
        threads = min(Engine.chosen(False, self.n_jobs, 0.0).threads, len(problems))
        found: list[Solution] = Parallel(n_jobs=threads, prefer="threads")(
            delayed(solve)(problem, tol, self.max_iter, seed, self.jit, start)
            for problem, seed, start in zip(problems, seeds, begins, strict=True)
        )
        return found

    def _fit_kernel(
        self,
        columns: ColumnSet,
        encoded: Encoded,
        aims: Floats,
        costs: Floats,
        generator: np.random.Generator,
    ) -> tuple[KernelSpace, Fitted]:
        inputs = Space(columns, generator)
        points = inputs.points(feeds(encoded)).astype(np.float64)
        gram = Gram(points, scale_of(self.gamma, points))
        problems = self._problems(gram, aims, costs)
        solutions = [
            solve_kernel(problem, costs * self.C, self.tol, self.max_iter) for problem in problems
        ]
        support = np.any([solution.weights != 0 for solution in solutions], axis=0)
        space = KernelSpace(inputs, gram.gamma, points[support], len(problems))
        self._support = support
        return space, Fitted(gram, encoded, costs, problems, solutions, generator, False)

    def _keep(self, columns: ColumnSet, space: Any, fitted: Fitted, rows: Rows) -> None:
        """Make the model of what was found."""
        weights = np.stack([found.weights for found in fitted.solutions], axis=1)
        biases = np.array([found.bias for found in fitted.solutions])
        if isinstance(space, KernelSpace):
            weights = weights[self._support]
        self._space, self._scale = space, Scaling()
        self._towers = (space.tower,) if isinstance(space, LinearSpace) else ()
        values = dict(space.values(*self._to_units(weights, biases)))
        values |= self._calibrate(fitted, rows)
        outputs = self.head_.predictions(space.scores)
        seconds = interpreted_seconds(Program(outputs=outputs), len(rows), 1)
        self._set_model(columns, outputs, values, seconds)
        self._certify(fitted.solutions)

    def _certify(self, solutions: Sequence[Solution]) -> None:
        self.objective_ = np.array([found.primal for found in solutions])
        self.dual_gap_ = np.array([found.gap for found in solutions])
        self.relative_dual_gap_ = np.array([found.relative_gap for found in solutions])
        self.n_iter_ = max(found.iterations for found in solutions)
        worst = float(self.relative_dual_gap_.max())
        if worst > self.tol:
            warnings.warn(
                f"the relative duality gap is {worst:.2g} and not tol={self.tol:g} after "
                f"{self.n_iter_} iterations; raise max_iter, lower C, or scale the numbers",
                ConvergenceWarning,
                stacklevel=5,
            )

    def _continue(self, X: Any, y: Any, sample_weight: Any) -> None:
        """Move the weights by as little as lowers the loss of further rows."""
        if isinstance(self._space, KernelSpace):
            wrong = "cannot go on from the exact kernel, which keeps the rows of one fit"
            todo = "begin with partial_fit, or fit with exact_rows=0"
            raise InvalidValue("partial_fit", wrong, todo=todo)
        free = {name: getattr(self, name) for name in FREE}
        check_unchanged(self, {**self._settings, **free})
        X = check_rows(self, X, reset=False)
        rows = self._rows(X, y, sample_weight)
        costs = self._costs(rows)
        if not (costs > 0).all():
            if not (costs > 0).any():
                return
            rows, costs = rows.split(costs > 0)[1], costs[costs > 0]
        encoded = self.columns_.encode(as_frame(rows.X, strict=self.strict), strict=self.strict)
        design = self._space.design(encoded)
        weights, biases = self._from_units(*self._space.read(self.model_.variables))
        scores = np.stack([design.scores(column) for column in weights.T], axis=1) + biases
        more = Design.of(design.sparse, np.concatenate([design.dense, np.ones((len(rows), 1))], 1))
        targets = self._aims(rows, False)
        problems = [
            dataclasses.replace(
                self._problem(more, aims, costs * self.C, place, bias=False), target=aims - score
            )
            for place, (aims, score) in enumerate(zip(targets.T, scores.T, strict=True))
        ]
        self._parts += 1
        generator = np.random.default_rng([self._seed, self._parts])
        solutions = self._solutions(problems, self.tol, generator)
        moved = np.stack([found.weights for found in solutions], axis=1)
        values = dict(self._space.values(*self._to_units(weights + moved[:-1], biases + moved[-1])))
        values |= self._recalibrate(scores, rows, costs)
        self.model_ = Model(self.columns_, self.model_.program, values, self.model_.engine)
        self._certify(solutions)

    def _recalibrate(
        self, scores: Floats, rows: Rows, costs: Floats
    ) -> Mapping[str, npt.NDArray[Any]]:
        """Return the variables of the head, fitted to scores of rows before these were learnt."""
        return {}

    def _stream(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> None:
        """Fit the first rows of a stream, or learn from further ones."""
        with self._unharmed():
            self._check_settings()
            if self.penalty == "l1":
                todo = "choose penalty='l2', or call fit with all rows"
                raise InvalidValue("partial_fit", "needs penalty='l2'", repr(self.penalty), todo)
            with Engine.chosen(False, self.n_jobs, 0.0).limits():
                if hasattr(self, "model_"):
                    self._continue(X, y, sample_weight)
                    return
                X = check_rows(self, X, reset=True)
                self._learn_targets(y, classes)
                rows = self._rows(X, y, sample_weight)
                self._solve(rows, self._frame(rows), stream=True)

    @property
    def linear_weights_(self) -> pd.DataFrame:
        """The weights of the linear kernel: a row for each value of each column, and the bias.

        As `LinearClassifier` has them: columns ``column``, ``value`` and ``weight``, or
        ``weight_<class>`` for several scores.
        """
        check_is_fitted(self, "model_")
        if not self._towers:
            raise AttributeError("linear_weights_ needs kernel='linear'")
        found: pd.DataFrame = LinearWeights.linear_weights_.__get__(self)
        return found
