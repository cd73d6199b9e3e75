"""Support vector machines on feature columns."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.utils.metaestimators import available_if

from ...hyperparameters import NonNegative, OneOf, hyperparameters
from ..classifier import Classifier
from ..documentation import documented
from ..head import Head
from ..labels import ClassLabels, IndicatorLabels
from ..regressor import Regressor
from ..rows import Rows
from ..svm.calibrating import CalibratedMachine
from ..svm.heads import BinaryMargin, EpsilonInsensitive, MultiClassMargin, MultiLabelMargin
from ..svm.machine import SupportVectorMachine
from ..svm.problem import Problem
from ..weights import row_weights

__all__ = ["SVMClassifier", "SVMRegressor"]

Floats = npt.NDArray[np.float64]


def _has_probabilities(estimator: Any) -> bool:
    return bool(estimator.probability)


@documented
@hyperparameters
class SVMClassifier(Classifier, CalibratedMachine):
    """Classes on two sides of the widest margin, in feature columns or in their Gaussian kernel.

    Minimises ``penalty + C * sum(weight * loss)`` for two classes, and for each class against the
    rest where there are more. The bias has no penalty. Each fit says how far its objective can be
    from the best one: ``dual_gap_``. `predict` goes by `decision_function`; `predict_proba` is a
    sigmoid of it fitted to rows that were held out, and may see a row near the margin on the other
    side.

    Parameters
    ----------
    C : float
        What a unit of loss costs, against the penalty.
    loss : {"auto", "hinge", "squared_hinge"}
        ``max(0, 1 - y score)`` or its square. "auto" is the square for the linear kernel, as
        `sklearn.svm.LinearSVC` has it, and the hinge itself for the other.
    penalty : {"l2", "l1"}
        Half the sum of squares of the weights, or the sum of their absolute values, which sets
        most to zero and needs the linear kernel and the squared loss.
    kernel : {"linear", "rbf"}
        A weight for each value of each column; or ``exp(-gamma |x - z|^2)`` between rows, whose
        categorical columns are counted.
    gamma : {"scale", "auto"} or float
        Of the Gaussian kernel: one over the number of encoded numbers and their common variance,
        one over their number, or a number.
    exact_rows : int
        Up to so many rows the Gaussian kernel is exact, solved by libsvm, and prediction goes over
        the support vectors. More rows get `n_components` random features instead.
    n_components : int
        How many random Fourier features stand for the kernel; the error of each kernel value is
        about one over the root of it.
    tol : float
        The relative duality gap at which a fit ends.
    max_iter : int
        The most passes over the rows, Newton steps, or thousands of libsvm's iterations; a fit that
        ends before `tol` gives a ``ConvergenceWarning``.
    probability : bool
        Whether there is `predict_proba`: up to five more fits, each without a fifth of the rows and
        begun where the whole one ended, until 1,000 rows of each class were held out.
    n_jobs : int or None
        Threads in which classes are fitted, -1 for all; None means one. The last bits of what
        Newton's method learns depend on their number, never on time.
    random_state : int, RandomState or None
        Seeds the order of rows, the folds of the calibration and random features.
    jit : {"auto", True, False}
        Whether coordinate ascent and prediction run as compiled C. Without it Newton's method
        finds a solution within the same `tol`. Small fits use Newton's method either way.
    verbose : int
        Of no effect.

    Attributes
    ----------
    dual_gap_ : ndarray of shape (scores,)
        How much lower than ``objective_`` the best objective can be at most: the difference to the
        dual objective of a feasible point. For two classes there is one score.
    relative_dual_gap_ : ndarray of shape (scores,)
        The same over ``objective_``.
    objective_ : ndarray of shape (scores,)
        What the weights attain, before they are rounded to float32.
    n_iter_ : int
        The most iterations that a score took.

    Notes
    -----
    Hsieh et al., "A dual coordinate descent method for large-scale linear SVM", 2008; Rahimi and
    Recht, "Random features for large-scale kernel machines", 2007; Platt, "Probabilities for SV
    machines", 2000.

    Examples
    --------
    >>> import pandas as pd
    >>> from cannery import SVMClassifier
    >>> X = pd.DataFrame({"city": ["Oslo", "Rome", "Lima", "Rome"], "age": [20, 40, 60, 80]})
    >>> X, y = pd.concat([X] * 10), ["no", "yes", "no", "no"] * 10
    >>> model = SVMClassifier(kernel="rbf", random_state=0).fit(X, y)
    >>> model.predict(X.head(4)).tolist()
    ['no', 'yes', 'no', 'no']
    >>> bool(model.relative_dual_gap_[0] <= model.tol)
    True
    """

    loss: OneOf("auto", "hinge", "squared_hinge") = "auto"  # type: ignore[valid-type]

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Learn from one more part of a stream; the first call learns columns and classes as well.

        The first part is fitted as `fit` does, with random features for the Gaussian kernel. Each
        further one minimises ``|w - w0|^2 / 2 + C * sum(weight * loss)`` over its rows, w0 being
        the weights and bias so far: a proximal step (Bertsekas 2011), exact as `fit`, without a
        learning rate. A smaller `C` remembers longer. The calibration goes by the scores of the
        last 5,000 rows before they were learnt.

        Parameters
        ----------
        X : frame, mapping of arrays, array or sparse matrix of shape (n, features)
        y : array-like of shape (n,)
        classes : array-like, optional
            All classes there will be, needed in the first call where `y` lacks some.
        sample_weight : array-like of shape (n,), optional

        Returns
        -------
        self
        """
        self._check_classes(classes)
        self._stream(X, y, sample_weight, classes)
        return self

    @available_if(_has_probabilities)
    def predict_proba(self, X: Any) -> npt.NDArray[np.float32]:
        """Return the probability of each class, in the order of ``classes_``.

        Sigmoids of the scores; of more than two classes they are divided by their sum. Where rows
        have several labels, that of each label on its own.

        Returns
        -------
        ndarray of shape (n, classes)
        """
        return super().predict_proba(X)

    @available_if(_has_probabilities)
    def predict_log_proba(self, X: Any) -> npt.NDArray[np.float32]:
        """Return the logarithm of `predict_proba`."""
        return super().predict_log_proba(X)

    def _head(self, labels: Any) -> Head:
        settings = {"squared": not self._lines, "calibrated": bool(self.probability)}
        if isinstance(labels, IndicatorLabels):
            return MultiLabelMargin(labels.n_labels, **settings)
        count = len(labels.classes)
        return BinaryMargin(**settings) if count == 2 else MultiClassMargin(count, **settings)

    def _costs(self, rows: Rows) -> Floats:
        weights = row_weights(self.labels_, rows.targets, self.class_weight, rows.weights)
        return np.ones(len(rows)) if weights is None else weights

    def _aims(self, rows: Rows, fresh: bool) -> Floats:
        targets = rows.targets
        if isinstance(self.labels_, ClassLabels) and targets.ndim == 1:
            targets = targets[:, None] == np.arange(len(self.classes_))
        return np.where(targets > 0, 1.0, -1.0)

    def _problem(
        self, design: Any, aims: Floats, costs: Floats, place: int, **options: Any
    ) -> Problem:
        options = {"penalty": self.penalty, **options}
        return Problem.classification(design, aims, costs, not self._lines, **options)


@documented
@hyperparameters
class SVMRegressor(Regressor, SupportVectorMachine):
    """Numbers within a tube around a linear function of feature columns, or of their kernel.

    Minimises ``penalty + C * sum(weight * loss)``, where errors below `epsilon` cost nothing. The
    problem is solved in units of the targets' deviation, so that `C` means the same whatever their
    unit; `epsilon` is in the targets' own. The bias has no penalty. Each fit says how far its
    objective can be from the best one: ``dual_gap_``.

    Parameters
    ----------
    C : float
        What a unit of loss costs, against the penalty; errors count in deviations of the targets.
    epsilon : float
        The error that costs nothing, in the unit of the targets.
    loss : {"auto", "epsilon_insensitive", "squared_epsilon_insensitive"}
        ``max(0, |y - score| - epsilon)`` or its square. "auto" is the square for the linear
        kernel, and the loss of lines for the other.
    penalty : {"l2", "l1"}
        Half the sum of squares of the weights, or the sum of their absolute values, which sets
        most to zero and needs the linear kernel and the squared loss.
    kernel : {"linear", "rbf"}
        A weight for each value of each column; or ``exp(-gamma |x - z|^2)`` between rows, whose
        categorical columns are counted.
    gamma : {"scale", "auto"} or float
        Of the Gaussian kernel: one over the number of encoded numbers and their common variance,
        one over their number, or a number.
    exact_rows : int
        Up to so many rows the Gaussian kernel is exact, solved by libsvm, and prediction goes over
        the support vectors. More rows get `n_components` random features instead.
    n_components : int
        How many random Fourier features stand for the kernel; the error of each kernel value is
        about one over the root of it.
    tol : float
        The relative duality gap at which a fit ends.
    max_iter : int
        The most passes over the rows, Newton steps, or thousands of libsvm's iterations; a fit that
        ends before `tol` gives a ``ConvergenceWarning``.
    n_jobs : int or None
        Threads in which outputs are fitted, -1 for all; None means one. The last bits of what
        Newton's method learns depend on their number, never on time.
    random_state : int, RandomState or None
        Seeds the order of rows and random features.
    jit : {"auto", True, False}
        Whether coordinate ascent and prediction run as compiled C. Without it Newton's method
        finds a solution within the same `tol`. Small fits use Newton's method either way.
    verbose : int
        Of no effect.

    Attributes
    ----------
    dual_gap_ : ndarray of shape (outputs,)
        How much lower than ``objective_`` the best objective can be at most: the difference to the
        dual objective of a feasible point.
    relative_dual_gap_ : ndarray of shape (outputs,)
        The same over ``objective_``.
    objective_ : ndarray of shape (outputs,)
        What the weights attain, in units of the targets' deviation.
    n_iter_ : int
        The most iterations that an output took.

    Notes
    -----
    Ho and Lin, "Large-scale linear support vector regression", 2012; Rahimi and Recht, "Random
    features for large-scale kernel machines", 2007.

    Examples
    --------
    >>> import pandas as pd
    >>> from cannery import SVMRegressor
    >>> X = pd.DataFrame({"city": ["Oslo", "Rome", "Rome", "Oslo"], "size": [30, 50, 70, 90]})
    >>> X = pd.concat([X] * 50)
    >>> y = 100 * X["size"] + 2000 * (X["city"] == "Oslo")
    >>> model = SVMRegressor(epsilon=10, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.99
    True
    """

    loss: OneOf("auto", "epsilon_insensitive", "squared_epsilon_insensitive") = "auto"  # type: ignore[valid-type]
    epsilon: NonNegative = 0.0

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from one more part of a stream; the first call learns the columns as well.

        The first part is fitted as `fit` does, with random features for the Gaussian kernel. Each
        further one minimises ``|w - w0|^2 / 2 + C * sum(weight * loss)`` over its rows, w0 being
        the weights and bias so far: a proximal step (Bertsekas 2011), exact as `fit`, without a
        learning rate. A smaller `C` remembers longer. The targets' deviation is that of the first
        part.

        Parameters
        ----------
        X : frame, mapping of arrays, array or sparse matrix of shape (n, features)
        y : array-like of shape (n,) or (n, outputs)
        sample_weight : array-like of shape (n,), optional

        Returns
        -------
        self
        """
        self._stream(X, y, sample_weight)
        return self

    def _head(self, labels: Any) -> Head:
        return EpsilonInsensitive(
            labels.width, epsilon=float(self.epsilon), squared=not self._lines
        )

    def _costs(self, rows: Rows) -> Floats:
        return np.ones(len(rows)) if rows.weights is None else rows.weights

    def _aims(self, rows: Rows, fresh: bool) -> Floats:
        targets = rows.targets.astype(np.float64)
        if fresh:
            self._center = np.average(targets, axis=0, weights=rows.weights)
            squares = np.average((targets - self._center) ** 2, axis=0, weights=rows.weights)
            self._deviation = np.where(squares > 0, np.sqrt(squares), 1.0)
        return (targets - self._center) / self._deviation

    def _problem(
        self, design: Any, aims: Floats, costs: Floats, place: int, **options: Any
    ) -> Problem:
        epsilon = float(self.epsilon / self._deviation[place])
        squared = not self._lines
        options = {"penalty": self.penalty, **options}
        return Problem.regression(design, aims, costs, squared, epsilon, **options)

    def _to_units(self, weights: Floats, biases: Floats) -> tuple[Floats, Floats]:
        return weights * self._deviation, biases * self._deviation + self._center

    def _from_units(self, weights: Floats, biases: Floats) -> tuple[Floats, Floats]:
        return weights / self._deviation, (biases - self._center) / self._deviation
