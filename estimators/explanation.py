"""What fitted towers say about themselves: weights by value, embeddings by token."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from ..errors import InvalidValue
from ..feature_columns import Categorical
from .towers import DeepTower, LinearTower

__all__ = ["EmbeddingTables", "LinearWeights"]


def _tower(estimator: Any, kind: type[Any]) -> Any:
    check_is_fitted(estimator, "model_")
    return next(tower for tower in estimator._towers if isinstance(tower, kind))


class LinearWeights:
    """Estimators with a linear tower."""

    @property
    def linear_weights_(self) -> pd.DataFrame:
        """The linear tower's weights: a row for each value of each column, and the bias.

        Columns ``column``, ``value`` (the category, the bucket's range, the hash bucket's number;
        empty for numbers), and ``weight``; where there are several logits, ``weight_<class>``.
        They add up to the logit, or a regressor's prediction, in the unit of the targets; the
        weight of a normalised number goes with its normalised value.
        """
        tower = _tower(self, LinearTower)
        parts = []
        if tower.joint.columns:
            table = self.variables_[tower.table.name]  # type: ignore[attr-defined]
            for column in tower.joint.columns:
                start = tower.joint.starts[column]
                rows = table[start : start + column.size]
                parts.append((column.name, column.tokens(), rows))
        start = 0
        for column in tower.numbers:
            kernel = self.variables_[tower.kernel.name]  # type: ignore[attr-defined]
            names = [""] if column.width == 1 else [str(i) for i in range(column.width)]
            parts.append((column.name, names, kernel[start : start + column.width]))
            start += column.width
        bias = self.variables_[tower.bias.name][None]  # type: ignore[attr-defined]
        parts = [(name, values, self._scale.in_units(rows)) for name, values, rows in parts]  # type: ignore[attr-defined]
        parts.append(("(bias)", [""], self._scale(bias)))  # type: ignore[attr-defined]
        width = bias.shape[1]
        labels = ["weight"] if width == 1 else [f"weight_{c}" for c in self._logit_names(width)]
        frames = []
        for name, values, weights in parts:
            frame = pd.DataFrame(np.asarray(weights), columns=labels)
            frame.insert(0, "value", list(values))
            frame.insert(0, "column", name)
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    def _logit_names(self, width: int) -> list[Any]:
        names: Any = getattr(self.labels_, "names", None)  # type: ignore[attr-defined]
        if names is None:
            names = getattr(self, "classes_", range(width))
        return list(names)


class EmbeddingTables:
    """Estimators with a deep tower."""

    def embedding_table(self, column: Any) -> pd.DataFrame:
        """Return the learnt embedding of a column, a row for each token.

        Parameters
        ----------
        column : str or column
            An embedding column or its name, the categorical column it wraps or its name, or the
            raw column's.

        Returns
        -------
        DataFrame of shape (size, dimension), indexed by token

        Raises
        ------
        InvalidValue
            No embedding of that name.
        """
        tower = _tower(self, DeepTower)
        wanted = getattr(column, "name", column)
        for embedding in tower.inputs.embeddings:
            categorical: Categorical = embedding.categorical
            names = {embedding.name, embedding.table_name, categorical.name, *categorical.keys}
            if wanted in names:
                table = self.variables_[tower.inputs.tables[embedding.table_name].name]  # type: ignore[attr-defined]
                index = pd.Index(categorical.tokens(), name=categorical.name)
                return pd.DataFrame(np.array(table), index=index)
        known = [embedding.name for embedding in tower.inputs.embeddings]
        raise InvalidValue(
            "embedding_table", f"no embedding of {wanted!r}", todo=f"choose one of {known}"
        )
