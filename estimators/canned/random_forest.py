"""Random forests, grown in C on binned columns."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import accuracy_score, r2_score

from ...feature_columns.kinds import LEARNERS
from ...graph import Tensor, argmax, cast, clip, concat, expand, log
from ...hyperparameters import OneOf, hyperparameters
from ..classifier import Classifier
from ..documentation import documented
from ..forest.forest import Forest, MaxFeatures
from ..heads import BinaryHead, MultiClassHead
from ..regressor import Regressor
from ..rows import Rows

__all__ = ["RandomForestClassifier", "RandomForestRegressor"]

Array = npt.NDArray[Any]
# Logits are those of shares kept this far from 0 and 1, as scikit-learn's log_loss has it.
LEAST_SHARE = float(np.finfo(np.float32).eps)


@documented
@hyperparameters
class RandomForestClassifier(Classifier, Forest):
    """A forest of decision trees that vote with the shares of classes in their leaves.

    Numbers are put into at most 255 bins of about equal numbers of rows, once per fit; missing
    numbers stay missing and go where a split sends them. Categories are parted by subsets, however
    many there are: a node puts them in the order of their mean target (Fisher 1958; of several
    classes, along the first principal direction of their shares, Coppersmith, Hong & Hosking 1999)
    and cuts that order. Several labels a row are grown together.

    Probabilities are the mean of the trees' shares. Logits, and with them the losses of
    `evaluate`, are those of probabilities kept ``2**-23`` away from 0 and 1; so are the
    probabilities of several labels, which scikit-learn wants strictly between.

    Notes
    -----
    Breiman, "Random forests", Machine Learning 45 (2001). Categories in the order of their means
    seem to part rows well even where they mean nothing, the more so the more of them there are. So
    the gain of such a split is lowered by what it would gain by chance, before it is compared with
    others and counted as importance: the variance within categories times
    ``sum(sqrt(q)) ** 2 / w - 1``, where ``q`` is the sum of squared weights of a category's rows
    and ``w`` the node's weight. That bounds the expectation, by Cauchy and Schwarz, and is all that
    can be gained where each row has a category of its own. The variance within is drawn towards
    that of the whole node, as if 300 more rows had shown it.

    Missing and unseen categories, and missing numbers, go where those missing in the node went; if
    it saw none, to the heavier child, as do categories that the node has not seen. The trees follow
    from `random_state` alone: not from the number of threads, nor from whether C or numpy grows
    them.

    Examples
    --------
    >>> import pandas as pd
    >>> from cannery import RandomForestClassifier
    >>> X = pd.DataFrame({"city": ["Oslo", "Rome", "Lima", "Oslo"] * 25, "size": range(100)})
    >>> y = (X["city"] == "Oslo").map({True: "cold", False: "warm"})
    >>> model = RandomForestClassifier(n_estimators=20, random_state=0).fit(X, y)
    >>> model.predict(X.head(3)).tolist()
    ['cold', 'warm', 'warm']
    >>> model.importances().index[0]
    'city'
    """

    criterion: OneOf("gini", "entropy", "log_loss") = "gini"  # type: ignore[valid-type]

    def _criterion(self) -> str:
        if self.criterion == "gini":
            return "squares"
        several = isinstance(self.head_, MultiClassHead)
        return "entropy of classes" if several else "entropy of outputs"

    def _targets(self, rows: Rows, weights: Array) -> dict[str, Any]:
        if isinstance(self.head_, MultiClassHead):
            classes = rows.targets.astype(np.int32)
            return {"outputs": self.head_.width, "alike": classes, "classes": classes}
        return _numeric(rows.targets.astype(np.float64))

    def _answers(self, mean: Tensor) -> dict[str, Tensor]:
        if isinstance(self.head_, MultiClassHead):
            return {
                "logits": log(clip(mean, LEAST_SHARE, 1.0)),
                "probabilities": mean,
                "class_ids": expand(argmax(mean, axis=1), axis=1),
            }
        held = clip(mean, LEAST_SHARE, 1.0 - LEAST_SHARE)
        answers = {
            "logits": log(held) - log(1.0 - held),
            "class_ids": cast(mean > 0.5, dtype="int64"),
        }
        if not isinstance(self.head_, BinaryHead):
            return {**answers, "probabilities": held}
        both = concat([1.0 - mean, mean], axis=1)
        return {**answers, "logistic": mean, "probabilities": both}

    def _keep_out_of_bag(self, means: Array, rows: Rows) -> None:
        known = ~np.isnan(means).any(axis=1)
        binary = isinstance(self.head_, BinaryHead)
        shares = np.concatenate([1.0 - means, means], axis=1) if binary else means
        self.oob_decision_function_ = shares
        if isinstance(self.head_, MultiClassHead) or binary:
            found, truth = shares.argmax(axis=1), rows.targets.reshape(-1)
        else:
            found, truth = shares > 0.5, rows.targets
        self.oob_score_ = math.nan
        if known.any():
            self.oob_score_ = float(accuracy_score(truth[known], found[known]))


@documented
@hyperparameters
class RandomForestRegressor(Regressor, Forest):
    """A forest of decision trees whose predictions are averaged.

    Numbers and categories are treated as `RandomForestClassifier` does; `y` may hold several
    numbers a row, which are grown together.

    Notes
    -----
    Breiman, "Random forests", Machine Learning 45 (2001). Splits lower the sum of squares. With
    several outputs they lower the sum over all of them, each divided by its range.

    Examples
    --------
    >>> import numpy as np
    >>> from cannery import RandomForestRegressor
    >>> X = np.linspace(0, 6, 200)[:, None]
    >>> model = RandomForestRegressor(n_estimators=20, random_state=0).fit(X, np.sin(X[:, 0]))
    >>> model.score(X, np.sin(X[:, 0])) > 0.99
    True
    """

    criterion: OneOf("squared_error") = "squared_error"  # type: ignore[valid-type]
    max_features: MaxFeatures = 1.0

    def _criterion(self) -> str:
        return "squares"

    def _targets(self, rows: Rows, weights: Array) -> dict[str, Any]:
        targets = rows.targets.astype(np.float64).reshape(len(rows), -1)
        kept = targets[weights > 0]
        self._middle = np.median(kept, axis=0)
        spread = np.ptp(kept, axis=0)
        self._unit = np.where(spread > 0, spread, 1.0)
        return _numeric((targets - self._middle) / self._unit)

    def _values(self, value: Array) -> Array:
        return value * self._unit + self._middle

    def _answers(self, mean: Tensor) -> dict[str, Tensor]:
        return {"predictions": mean}

    def _keep_out_of_bag(self, means: Array, rows: Rows) -> None:
        known = ~np.isnan(means).any(axis=1)
        self.oob_prediction_ = self.labels_.decode(means)
        self.oob_score_ = math.nan
        if known.sum() > 1:
            self.oob_score_ = float(r2_score(rows.targets[known], means[known]))


def _numeric(targets: npt.NDArray[np.float64]) -> dict[str, Any]:
    alike = targets[:, 0].astype(np.int32)
    if targets.shape[1] > 1 or not ((targets == 0) | (targets == 1)).all():
        _, numbered = np.unique(targets, axis=0, return_inverse=True)
        alike = numbered.reshape(-1).astype(np.int32)
    return {"outputs": targets.shape[1], "alike": alike, "targets": targets}


for forest in (RandomForestClassifier, RandomForestRegressor):
    LEARNERS.add(forest.__name__, forest)
