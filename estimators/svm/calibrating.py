"""Classifiers whose scores become probabilities by what rows scored while they were held out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ...hyperparameters import hyperparameters
from ..rows import Rows
from .heads import calibration
from .kernel import Gram, solve_kernel
from .machine import Fitted, SupportVectorMachine
from .platt import FOLDS, folds, platt, row_codes

__all__ = ["CalibratedMachine"]

Floats = npt.NDArray[np.float64]
ENOUGH = 0.01  # the relative duality gap of a fit that only judges rows
ROWS = 1000  # on each side, held out, are enough to fit a slope and an offset
REMEMBERED = 5000  # rows of a stream that its calibration goes by


@hyperparameters
class CalibratedMachine(SupportVectorMachine):
    """A machine that tells classes apart, with a sigmoid for each score."""

    probability: bool = True

    def _calibrate(self, fitted: Fitted, rows: Rows) -> Mapping[str, npt.NDArray[Any]]:
        if not self.probability:
            return {}
        signs = self._aims(rows, False)
        weights = np.ones(len(rows)) if rows.weights is None else rows.weights
        scores = self._held_out(fitted, rows, signs, weights)
        judged = ~np.isnan(scores).any(axis=1)
        scores, signs, weights = scores[judged], signs[judged], weights[judged]
        if fitted.stream:
            self._judged = (
                np.zeros((0, signs.shape[1])),
                np.zeros((0, signs.shape[1])),
                weights[:0],
            )
        return self._sigmoids(scores, signs, weights, fitted.stream)

    def _held_out(self, fitted: Fitted, rows: Rows, signs: Floats, weights: Floats) -> Floats:
        """Return scores by machines that saw neither a row nor its copies, NaN where not needed."""
        single = signs.shape[1] == 1 or rows.targets.ndim == 1
        classes = rows.targets.reshape(len(rows), -1)[:, 0] if single else np.zeros(len(rows))
        seed = int(fitted.generator.integers(2**31))
        parts = folds(row_codes(fitted.encoded), classes.astype(np.intp), seed)
        scores, seen = np.full(signs.shape, np.nan), np.zeros(len(rows), bool)
        for part in range(FOLDS):
            held = parts == part
            if held.any():
                scores[held] = self._scores_without(fitted, held)
                seen |= held
            if self._suffice(signs[seen], weights[seen]):
                break
        return scores

    def _suffice(self, signs: Floats, weights: Floats) -> bool:
        """Whether so many rows lie on both sides that two numbers follow from them."""
        sides = weights @ (signs > 0), weights @ (signs < 0)
        return bool(min(side.min() for side in sides) >= ROWS)

    def _scores_without(self, fitted: Fitted, held: npt.NDArray[np.bool_]) -> Floats:
        """Return the scores of some rows by machines that were fitted to the others."""
        tol, design = max(self.tol, ENOUGH), fitted.design
        if isinstance(design, Gram):
            others = design.take(~held)
            found = []
            costs = fitted.costs[~held] * self.C
            for place, problem in enumerate(fitted.problems):
                part = self._problem(others, problem.target[~held], costs, place)
                solution = solve_kernel(part, costs, tol, self.max_iter)
                scores = others.products(design.points[held], solution.weights)
                found.append(scores + solution.bias)
            return np.stack(found, axis=1)
        problems = [problem.without(held) for problem in fitted.problems]
        # Where the whole fit ended, without the rows that are held out, is near the end.
        starts = [np.where(held, 0.0, found.values) for found in fitted.solutions]
        solutions = self._solutions(problems, tol, fitted.generator, starts)
        rows = design.take(np.flatnonzero(held))
        return np.stack([rows.scores(found.weights) + found.bias for found in solutions], axis=1)

    def _sigmoids(
        self, scores: Floats, signs: Floats, weights: Floats, stream: bool
    ) -> Mapping[str, npt.NDArray[Any]]:
        if stream:
            joined = zip(self._judged, (scores, signs, weights), strict=True)
            scores, signs, weights = (np.concatenate(pair)[-REMEMBERED:] for pair in joined)
            self._judged = scores, signs, weights
        each = [platt(s, t > 0, weights) for s, t in zip(scores.T, signs.T, strict=True)]
        return calibration(*zip(*each, strict=True))

    def _recalibrate(
        self, scores: Floats, rows: Rows, costs: Floats
    ) -> Mapping[str, npt.NDArray[Any]]:
        if not self.probability:
            return {}
        weights = np.ones(len(rows)) if rows.weights is None else rows.weights
        if not hasattr(self, "_judged"):  # the stream began with a fit
            self._judged = scores[:0], scores[:0], weights[:0]
        return self._sigmoids(scores, self._aims(rows, False), weights, stream=True)
