"""Wide & Deep: a linear tower that memorises and a deep tower that generalises, trained jointly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...hyperparameters import Fraction, hyperparameters
from ..documentation import documented
from ..explanation import EmbeddingTables, LinearWeights
from ..gradient import GradientTrained
from ..gradient_kinds import GradientClassifier, GradientRegressor
from ..towers import DeepTower, LinearTower

__all__ = ["WideDeepClassifier", "WideDeepRegressor"]


@hyperparameters
class WideDeep(LinearWeights, EmbeddingTables, GradientTrained):
    """Two towers: their logits add up, one loss trains both, each with its own optimizer."""

    linear_columns: Any = None
    deep_columns: Any = None
    hidden_units: Any = (128, 64)
    activation: Any = "relu"
    dropout: Fraction = 0.0
    batch_norm: bool = False
    linear_optimizer: Any = "ftrl"
    deep_optimizer: Any = "adagrad"

    def towers(self) -> Iterator[tuple[Any, Any]]:
        """Yield each tower and its optimizer."""
        settings = (self.hidden_units, self.activation, self.dropout, self.batch_norm)
        yield LinearTower(self.linear_columns), self.linear_optimizer
        yield DeepTower(self.deep_columns, *settings), self.deep_optimizer


@documented
@hyperparameters
class WideDeepClassifier(GradientClassifier, WideDeep):
    """Memorise crosses with a linear tower, generalise with a deep one; predict classes.

    The logits of both towers add up, and one loss trains both at once, each with its own
    optimizer.

    Notes
    -----
    Cheng et al., "Wide & deep learning for recommender systems", 2016.

    Examples
    --------
    >>> import pandas as pd
    >>> from cannery import WideDeepClassifier
    >>> X = pd.DataFrame({"city": ["Oslo", "Rome", "Lima", "Rome"], "age": [20, 40, 60, 80]})
    >>> X = pd.concat([X] * 50)
    >>> y = ["no", "yes", "no", "no"] * 50
    >>> model = WideDeepClassifier(hidden_units=(16, 8), random_state=0).fit(X, y)
    >>> model.predict(X.head(4)).tolist()
    ['no', 'yes', 'no', 'no']
    >>> model.evaluate(X, y)["auc"]
    1.0

    With columns of one's own:

    >>> from cannery.feature_columns import (
    ...     categorical_column,
    ...     crossed_column,
    ...     embedding_column,
    ...     numeric_column,
    ... )
    >>> city, age = categorical_column("city"), numeric_column("age", normalizer="standard")
    >>> model = WideDeepClassifier(
    ...     linear_columns=[city, crossed_column(["city", "age"], 100)],
    ...     deep_columns=[embedding_column(city, 4), age],
    ...     linear_optimizer="ftrl",
    ...     deep_optimizer="adagrad",
    ...     random_state=0,
    ... )
    >>> model.fit(X, y).embedding_table("city").index.tolist()
    ['Rome', 'Lima', 'Oslo', '<other 0>']
    """


@documented
@hyperparameters
class WideDeepRegressor(GradientRegressor, WideDeep):
    """Memorise crosses with a linear tower, generalise with a deep one; predict numbers.

    The outputs of both towers add up, and one loss trains both at once, each with its own
    optimizer. Targets may be in any unit.

    Notes
    -----
    Cheng et al., "Wide & deep learning for recommender systems", 2016.

    Examples
    --------
    >>> import pandas as pd
    >>> from cannery import WideDeepRegressor
    >>> X = pd.DataFrame({"city": ["Oslo", "Rome", "Lima", "Rome"], "age": [20, 40, 60, 80]})
    >>> X = pd.concat([X] * 50)
    >>> y = X["age"] * (X["city"] == "Rome")
    >>> model = WideDeepRegressor(hidden_units=(16, 8), random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.99
    True
    """
