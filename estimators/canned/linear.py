"""Linear models on feature columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...hyperparameters import hyperparameters
from ..documentation import documented
from ..explanation import LinearWeights
from ..gradient import GradientTrained
from ..gradient_kinds import GradientClassifier, GradientRegressor
from ..towers import LinearTower

__all__ = ["LinearClassifier", "LinearRegressor"]


@hyperparameters
class Linear(LinearWeights, GradientTrained):
    """One linear tower."""

    columns: Any = None
    optimizer: Any = "ftrl"

    def towers(self) -> Iterator[tuple[Any, Any]]:
        """Yield the linear tower and its optimizer."""
        yield LinearTower(self.columns, with_numbers=True), self.optimizer


@documented
@hyperparameters
class LinearClassifier(GradientClassifier, Linear):
    """Logistic regression on feature columns, crosses included.

    A weight for each value of each categorical column and cross, and for each number; every step
    touches only the weights that occur in its batch.

    Notes
    -----
    FTRL with ``l1_regularization_strength`` sets weights to exactly zero: McMahan et al., "Ad click
    prediction: a view from the trenches", 2013.

    Examples
    --------
    >>> import pandas as pd
    >>> from cannery import LinearClassifier
    >>> from cannery.feature_columns import crossed_column
    >>> X = pd.DataFrame({"city": ["Oslo", "Oslo", "Rome", "Rome"], "month": ["Jan", "Jul"] * 2})
    >>> X, y = pd.concat([X] * 25), ["cold", "warm", "warm", "warm"] * 25
    >>> model = LinearClassifier(columns=[crossed_column(["city", "month"], 100)], random_state=0)
    >>> model.fit(X, y).predict(X.head(4)).tolist()
    ['cold', 'warm', 'warm', 'warm']
    >>> model.linear_weights_.columns.tolist()
    ['column', 'value', 'weight']
    """


@documented
@hyperparameters
class LinearRegressor(GradientRegressor, Linear):
    """Linear regression on feature columns, crosses included.

    A weight for each value of each categorical column and cross, and for each number; every step
    touches only the weights that occur in its batch. Targets may be in any unit.

    Examples
    --------
    >>> import pandas as pd
    >>> from cannery import LinearRegressor
    >>> X = pd.DataFrame({"city": ["Oslo", "Rome", "Rome", "Oslo"], "size": [30, 50, 70, 90]})
    >>> X = pd.concat([X] * 50)
    >>> y = 100 * X["size"] + 2000 * (X["city"] == "Oslo")
    >>> model = LinearRegressor(epochs=30, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.99
    True
    """
