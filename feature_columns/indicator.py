"""Ids as counts."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Self

from ..errors import InvalidType
from .column import Categorical, Column
from .frames import Frame

__all__ = ["Indicator", "check_categorical", "indicator_column"]


@dataclass(frozen=True)
class Indicator(Column, kind="indicator"):
    """How often each id occurs in a row, or the sum of its weights."""

    categorical: Categorical

    @property
    def name(self) -> str:
        """The categorical's name and ``_indicator``."""
        return f"{self.categorical.name}_indicator"

    @property
    def keys(self) -> tuple[str, ...]:
        """The raw columns it reads."""
        return self.categorical.keys

    @property
    def width(self) -> int:
        """One number for each id."""
        return self.categorical.size

    @property
    def learned(self) -> bool:
        """Whether the categorical is."""
        return self.categorical.learned

    @property
    def settled(self) -> bool:
        """Whether the categorical is."""
        return self.categorical.settled

    def _learn(self, frame: Frame) -> Self:
        return dataclasses.replace(self, categorical=self.categorical.learn(frame))


def check_categorical(subject: str, column: Any) -> Categorical:
    """Return `column` if it is categorical."""
    if not isinstance(column, Categorical):
        raise InvalidType(subject, "needs a categorical column", repr(column))
    return column


def indicator_column(categorical_column: Categorical) -> Indicator:
    """Count ids: one number for each id, how often a row has it.

    Repeated values add up; over a weighted column it is the sum of the weights. Values without
    an id count nowhere.

    Parameters
    ----------
    categorical_column : categorical column

    Returns
    -------
    Indicator

    Raises
    ------
    InvalidType
        Something that is not a categorical column.

    Examples
    --------
    >>> from cannery.feature_columns import categorical_column_with_identity, dense
    >>> column = indicator_column(categorical_column_with_identity("app", 3))
    >>> dense(column, {"app": [[2, 2, 0], []]}).tolist()
    [[1.0, 0.0, 2.0], [0.0, 0.0, 0.0]]
    """
    return Indicator(check_categorical("indicator_column", categorical_column))
