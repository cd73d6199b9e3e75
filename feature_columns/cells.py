"""What the cells of a raw column were when a column learnt, and what may come later."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InvalidValue, UnseenCategory
from .factor import Factor
from .frames import Frame
from .kinds import KINDS
from .values import kind_of, shown

__all__ = ["Cells", "cells_of", "learn_cells", "refuse_unseen"]


@dataclass(frozen=True)
class Cells:
    """What `learn` saw in a raw column.

    Parameters
    ----------
    several : bool
        Whether cells hold several values.
    kinds : tuple of str
        The kinds of values, sorted.
    longest : int
        The most values of one cell.
    """

    several: bool
    kinds: tuple[str, ...] = ()
    longest: int = 1


KINDS.add("cells", Cells)


def learn_cells(frame: Frame, key: str) -> Cells:
    """Return what the cells of a raw column are."""
    factor = frame.factor(key)
    longest = 1 if factor.offsets is None else int(np.diff(factor.offsets).max(initial=0))
    return Cells(factor.offsets is not None, tuple(sorted(factor.kinds)), longest)


def cells_of(frame: Frame, key: str, cells: Cells | None) -> Factor:
    """Return the factor of a raw column, laid out as it was when it was learnt.

    Raises
    ------
    InvalidValue
        A list in a column that held single values when it was learnt.
    UnseenCategory
        With ``strict``, a kind of value (text, number, missing, …) that was not there before.
    """
    factor = frame.factor(key)
    if cells is None:
        return factor
    if factor.offsets is not None and not cells.several:
        # argmax is 0 where every list has one value.
        row = int((np.diff(factor.offsets) != 1).argmax())
        raise InvalidValue(
            f"column {key!r}",
            f"row {row} holds a list, and the column held single values when it was learnt",
            todo="give one value a row, or learn from a frame with lists",
        )
    if frame.strict and factor.kinds - set(cells.kinds):
        _refuse_kind(key, factor, cells)
    if factor.offsets is None and cells.several:
        present = factor.codes >= 0
        offsets = np.concatenate([[0], np.cumsum(present)])
        return Factor(factor.codes[present], factor.values, offsets)
    return factor


def _refuse_kind(key: str, factor: Factor, cells: Cells) -> None:
    new = sorted(factor.kinds - set(cells.kinds))[0]
    if new == "missing":
        row, given = factor.row_of(int(np.flatnonzero(factor.codes < 0)[0])), "a missing value"
    else:
        wanted = np.array([kind_of(value) == new for value in factor.values])
        row, given = factor.row_where(wanted), shown(factor.values[int(wanted.argmax())])
    raise UnseenCategory(
        f"column {key!r}",
        f"row {row} is of another kind ({new}) than when it learnt ({', '.join(cells.kinds)})",
        given,
        "give values like those, or set strict=False",
    )


def refuse_unseen(key: str, factor: Factor, unseen: np.ndarray) -> None:
    """Raise `UnseenCategory` for the first cell whose distinct value is marked in `unseen`."""
    occurring = np.zeros(len(unseen) + 1, dtype=bool)
    occurring[factor.codes] = True
    unseen = unseen & occurring[:-1]
    if unseen.any():
        row = factor.row_where(unseen)
        value = factor.values[int(unseen.argmax())]
        flat = np.flatnonzero(np.append(unseen, False)[factor.codes])[0]
        value = factor.values[int(factor.codes[flat])]
        raise UnseenCategory(
            f"column {key!r}",
            f"row {row} holds a value outside the vocabulary",
            shown(value),
            "add it, or set strict=False",
        )
