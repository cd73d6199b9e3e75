"""Columns whose values a model finds that is fitted inside the fit of the estimator they are in.

How it works, for whoever adds such a column:

- The column holds a `Learner`: an estimator, fitted or not, known by what it does and never
  imported here. It has ``fit(X, [y], sample_weight)`` and leaves ``model_`` behind, which has
  ``columns`` and ``answers(encoded, names)``: what every estimator of this library ends as. Its
  class is in `LEARNERS`, for columns that come from JSON.
- ``learn(frame)`` fits a clone, once for each frame and distinct learner, whichever columns of
  whichever towers hold it. A learner that has no ``random_state`` gets one from the fit around it.
  A later fit of the estimator (``warm_start``, ``partial_fit``) does not fit it again.
- Targets travel with the frame: a fit reads ``as_frame(X).aimed_at(targets)``, and no signature
  between it and the column knows of them. Ordinary columns never look.
- A learner that was fitted on targets knows too much of the rows it saw. ``Learner.saw(frame)``
  recognises them: the frame is one of a fit, and what the learner reads of it has the digest that
  it had in the learner's own. For those rows, and no others, `LearnerColumn.values` asks for
  `_held_out` instead of `_ordinary`: values that a model finds which did not see the row. Frames to
  predict or to validate with have no targets, so that the digest is never taken for them.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy.sparse
from sklearn.base import clone
from sklearn.utils import get_tags

from ..errors import InvalidType, InvalidValue
from .column import Column
from .encoding import Encoded
from .express import feeds
from .frames import Frame

__all__ = ["Learner", "LearnerColumn"]


@dataclass(frozen=True, eq=False, repr=False)
class Learner:
    """An estimator inside a column, compared by what it is and, once fitted, by what it learnt.

    Parameters
    ----------
    estimator : estimator
        Unfitted, to be fitted where the column learns; or fitted, to be used as it is.
    digest : str, optional
        Of the rows that it was fitted on, where it saw their targets.

    Examples
    --------
    >>> from cannery import KMeans
    >>> Learner(KMeans(n_clusters=3)) == Learner(KMeans(n_clusters=3))
    True
    """

    estimator: Any
    digest: str | None = None

    def __repr__(self) -> str:
        return repr(self.estimator)

    def __hash__(self) -> int:
        return hash(type(self.estimator))

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Learner) or self.fitted != other.fitted:
            return False
        return _alike(self.estimator, other.estimator) and self.mark == other.mark

    @property
    def fitted(self) -> bool:
        """Whether there is a model."""
        return hasattr(self.estimator, "model_")

    @property
    def mark(self) -> str:
        """What tells the models of two fitted learners apart."""
        if not self.fitted:
            return ""
        return self._content

    @functools.cached_property
    def _content(self) -> str:
        variables: Mapping[str, Any] = self.estimator.model_.variables
        return _digest([variables[name] for name in sorted(variables)])

    @property
    def keys(self) -> tuple[str, ...]:
        """The raw columns it reads, as far as they are known."""
        if self.fitted:
            found: tuple[str, ...] = self.estimator.model_.columns.keys
            return found
        given: Sequence[Any] = getattr(self.estimator, "columns", None) or ()
        return tuple(dict.fromkeys(key for column in given for key in column.keys))

    def learn(self, frame: Frame, subject: str) -> Learner:
        """Return the learner fitted on a frame; a fitted one as it is.

        Raises
        ------
        InvalidValue
            It needs targets, and the frame has none; or other columns than those of the frame.
        """
        if self.fitted:
            return self
        return frame.once(("fit", self), lambda: self._fit(frame, subject))

    def _fit(self, frame: Frame, subject: str) -> Learner:
        found: Any = clone(self.estimator)
        targets = frame.targets
        weights = None if targets is None else targets.weights
        if targets is not None and found.get_params(deep=False).get("random_state", 0) is None:
            found.set_params(random_state=targets.seed())
        X: Any = frame if frame.matrix is None else frame.matrix
        if not get_tags(found).target_tags.required:
            found.fit(X, sample_weight=weights)
            return Learner(found)
        if targets is None:
            wrong = f"{type(found).__name__} learns from targets, and this frame has none"
            todo = "fit an estimator that has the column, or give the column a fitted learner"
            raise InvalidValue(subject, wrong, todo=todo)
        found.fit(X, targets.values, sample_weight=weights)
        fitted = Learner(found)
        if not set(fitted.keys) <= set(frame.keys):
            wrong = f"{type(found).__name__} takes a sparse matrix apart, and a column cannot"
            raise InvalidValue(subject, wrong, todo="give a dense array or a frame")
        return Learner(found, fitted._digest_of(frame))

    def encoded(self, frame: Frame) -> Encoded:
        """Return what the learner reads of a frame, encoded once."""

        def encode() -> Encoded:
            found: Encoded = self.estimator.model_.columns.encode(frame, frame.strict)
            return found

        return frame.once(("encoded", self), encode)

    def answers(self, frame: Frame, name: str) -> np.ndarray:
        """Return an output of the learner's predict program for each row, found once."""

        def answer() -> np.ndarray:
            model = self.estimator.model_
            found: np.ndarray = model.answers(feeds(self.encoded(frame)), (name,))[name]
            return found

        return frame.once(("answer", self, name), answer)

    def saw(self, frame: Frame) -> bool:
        """Whether these are the rows of a fit whose targets the learner was fitted on."""
        if self.digest is None or frame.targets is None:
            return False
        return self.digest == frame.once(("digest", self), lambda: self._digest_of(frame))

    def _digest_of(self, frame: Frame) -> str:
        encoded = self.encoded(frame)
        arrays = [encoded.numbers, encoded.ids]
        for name in sorted(encoded.ragged):
            bag = encoded.ragged[name]
            arrays += [bag.offsets, bag.ids, *([] if bag.weights is None else [bag.weights])]
        return _digest(arrays)


class LearnerColumn(Column):
    """A column of the values that a learner finds."""

    learner: Learner

    @property
    def keys(self) -> tuple[str, ...]:
        """The raw columns that the learner reads; before it is fitted, those it was given."""
        return self.learner.keys

    @property
    def learned(self) -> bool:
        """Whether the learner is fitted."""
        return self.learner.fitted

    @property
    def inside(self) -> Sequence[Column]:
        """The columns that the fitted learner encodes."""
        found: Sequence[Column] = self.learner.estimator.model_.columns.cores
        return found

    def _learn(self, frame: Frame) -> Self:
        return self._with(self.learner.learn(frame, f"column {self.name!r}"), frame)

    def _with(self, learner: Learner, frame: Frame) -> Self:
        """Return the column with a fitted learner, and all else learnt from `frame`."""
        raise NotImplementedError

    def values(self, frame: Frame) -> Any:
        """Return the learner's values of each row, held out where the learner saw it."""
        self.require_learned()
        if self.learner.saw(frame):
            return self._held_out(frame)
        return self._ordinary(frame)

    def _ordinary(self, frame: Frame) -> Any:
        """Return the values of rows that the learner was not fitted on."""
        raise NotImplementedError

    def _held_out(self, frame: Frame) -> Any:
        """Return the values of the rows it was fitted on, as if it had not seen their targets."""
        raise NotImplementedError


def check_learner(subject: str, estimator: Any, kind: str) -> Learner:
    """Return an estimator that can stand in a column, as a `Learner`.

    Parameters
    ----------
    subject : str
    estimator : estimator
    kind : str
        What scikit-learn's tags call it, such as "clusterer".

    Raises
    ------
    InvalidType
        Something else.
    """
    if isinstance(estimator, type) or not hasattr(estimator, "get_params"):
        raise InvalidType(subject, f"needs a {kind}", repr(estimator))
    if get_tags(estimator).estimator_type != kind or not hasattr(estimator, "export_c"):
        raise InvalidType(subject, f"needs a {kind} of this library", repr(estimator))
    return Learner(estimator)


def _digest(arrays: Sequence[np.ndarray]) -> str:
    found = hashlib.blake2b(digest_size=16)
    for array in arrays:
        array = np.ascontiguousarray(array)
        found.update(f"{array.dtype.str}{array.shape}".encode())
        found.update(array.reshape(-1).view(np.uint8).data)
    return found.hexdigest()


def _alike(one: Any, other: Any) -> bool:
    """Whether two hyperparameters are the same, estimators and arrays by what they hold."""
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_alike, one, other))
    if type(one) is not type(other):
        return False
    if hasattr(one, "get_params"):
        return _alike(one.get_params(deep=False), other.get_params(deep=False))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_alike(one[k], other[k]) for k in one)
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    return bool(one == other) if not scipy.sparse.issparse(one) else one is other
