"""Feature columns as a scikit-learn transformer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from ..errors import InvalidType, MissingColumn
from ..hyperparameters import hyperparameters
from .column import Column, Number
from .encoding import ColumnSet, Encoded, Slot
from .frames import Frame, as_frame
from .inference import infer_columns
from .ragged import Ragged

__all__ = ["FeatureColumns"]


@hyperparameters
class FeatureColumns(TransformerMixin, BaseEstimator):
    """Turn a frame into a matrix of float32 features.

    Number columns give their numbers. Categorical columns, whether plain, bucketized, indicator
    or embedding, give counts: one feature for each id (an embedding has no table here).

    Parameters
    ----------
    columns : sequence of Column, optional
        Columns that have not learnt yet learn in `fit`. By default the deep columns of
        `infer_columns`.
    sparse_output : bool
        Whether to return a CSR matrix.
    strict : bool
        Whether `transform` refuses values that `fit` did not see.

    Attributes
    ----------
    columns_ : ColumnSet
        The learnt columns.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only where the frame has names.

    Examples
    --------
    >>> from cannery.feature_columns import FeatureColumns, categorical_column, numeric_column
    >>> features = FeatureColumns(columns=[numeric_column("age"), categorical_column("city")])
    >>> features.fit_transform({"age": [20, 40], "city": ["Oslo", "Rome"]}).tolist()
    [[20.0, 1.0, 0.0, 0.0], [40.0, 0.0, 1.0, 0.0]]
    >>> features.get_feature_names_out().tolist()
    ['age', 'city=Oslo', 'city=Rome', 'city=<other 0>']
    """

    columns: Sequence[Column] | None = field(default=None, kw_only=False)
    sparse_output: bool = False
    strict: bool = False

    def fit(self, X: Any, y: Any = None) -> FeatureColumns:
        """Learn the columns.

        Parameters
        ----------
        X : frame
            A pandas or polars frame, dict of arrays, 2-D array or sparse matrix.
        y : ignored

        Returns
        -------
        FeatureColumns
        """
        X = self._validated(X, reset=True)
        columns = self.columns
        if columns is None:
            columns = infer_columns(X).deep
        self.columns_ = ColumnSet(columns).learn(X)
        return self

    def transform(self, X: Any) -> Any:
        """Return the features of each row.

        Parameters
        ----------
        X : frame

        Returns
        -------
        ndarray of float32 or csr_array, shape (n, features)
        """
        check_is_fitted(self)
        encoded = self.columns_.encode(self._validated(X, reset=False), self.strict)
        if self.sparse_output:
            return _csr(self.columns_, encoded)
        return _array(self.columns_, encoded)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the name of each feature: ``age``, ``city=Oslo``, ``age_bucketized=[18, 65)``.

        Parameters
        ----------
        input_features : ignored
            Names follow the columns.

        Returns
        -------
        ndarray of str
        """
        check_is_fitted(self)
        names: list[str] = []
        for name, column in zip(self.columns_.layout, self.columns_.cores, strict=True):
            if not isinstance(column, Number):
                names += [f"{name}={token}" for token in column.tokens()]
            elif column.width == 1:
                names.append(name)
            else:
                names += [f"{name}_{at}" for at in range(column.width)]
        return np.array(names, dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "columns_")

    def _validated(self, X: Any, reset: bool) -> Any:
        if isinstance(X, Frame):
            raise InvalidType("X", "must be a frame itself", "an open Frame")
        if isinstance(X, pd.DataFrame):
            if not reset:
                self._check_keys(X)
            as_frame(X)
            validate_data(self, X, reset=reset, skip_check_array=True)
            return X
        if _is_named(X):
            if reset:
                keys = as_frame(X).keys
                self.feature_names_in_ = np.array(keys, dtype=object)
                self.n_features_in_ = len(keys)
            return X
        options = {"dtype": None, "ensure_all_finite": False, "accept_sparse": "csr"}
        return validate_data(self, X, reset=reset, **options)

    def _check_keys(self, X: pd.DataFrame) -> None:
        missing = [key for key in self.columns_.keys if key not in set(map(str, X.columns))]
        if missing:
            try:
                validate_data(self, X, reset=False, skip_check_array=True)
            except ValueError as error:
                raise MissingColumn(
                    f"column {missing[0]!r}", "not in the frame", todo=str(error)
                ) from None


def _is_named(X: Any) -> bool:
    if scipy.sparse.issparse(X) or isinstance(X, np.ndarray):
        return False
    return isinstance(X, Mapping) or hasattr(X, "__arrow_c_stream__")


def _placed(columns: ColumnSet) -> list[tuple[Column, Slot, slice]]:
    start = 0
    found: list[tuple[Column, Slot, slice]] = []
    for column, slot in zip(columns.cores, columns.layout.values(), strict=True):
        width = column.width if isinstance(column, Number) else column.size
        found.append((column, slot, slice(start, start + width)))
        start += width
    return found


def _array(columns: ColumnSet, encoded: Encoded) -> np.ndarray:
    placed = _placed(columns)
    features = placed[-1][2].stop if placed else 0
    found = np.zeros((len(encoded), features), dtype=np.float32)
    for _, slot, place in placed:
        if slot.block == "numbers":
            found[:, place] = encoded.numbers[:, slot.place]
            continue
        rows, ids, weights = _entries(encoded, slot)
        if slot.block == "ids":
            found[rows, place.start + ids] = 1
        else:
            np.add.at(found, (rows, place.start + ids), weights)
    return found


def _csr(columns: ColumnSet, encoded: Encoded) -> Any:
    blocks = []
    for _, slot, place in _placed(columns):
        if slot.block == "numbers":
            blocks.append(scipy.sparse.csr_array(encoded.numbers[:, slot.place]))
            continue
        rows, ids, weights = _entries(encoded, slot)
        shape = (len(encoded), place.stop - place.start)
        blocks.append(scipy.sparse.coo_array((weights, (rows, ids)), shape=shape))
    if not blocks:
        return scipy.sparse.csr_array((len(encoded), 0), dtype=np.float32)
    return scipy.sparse.hstack(blocks, format="csr", dtype=np.float32)


def _entries(encoded: Encoded, slot: Slot) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if slot.block == "ids":
        ids = encoded.ids[:, slot.place]
        rows = np.flatnonzero(ids >= 0)
        return rows, ids[rows], np.ones(len(rows), dtype=np.float32)
    found: Ragged = encoded.ragged[str(slot.place)]
    rows = np.repeat(np.arange(len(encoded)), np.diff(found.offsets))
    weights = np.ones(len(rows), dtype=np.float32) if found.weights is None else found.weights
    valid = found.ids >= 0
    return rows[valid], found.ids[valid], weights[valid]
