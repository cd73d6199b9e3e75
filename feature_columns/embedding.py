"""Ids as rows of a trained table, one table per column or one for several."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

from ..errors import InvalidType, InvalidValue
from .checks import check_choice, check_count
from .column import Categorical, Column
from .frames import Frame
from .indicator import check_categorical
from .vocabulary import Learnt
from .weighted import Weighted

__all__ = ["COMBINERS", "Embedding", "SharedEmbedding", "embedding_column", "shared_embeddings"]

COMBINERS = ("mean", "sqrtn", "sum")


class _Embedded(Column):
    categorical: Categorical
    dimension: int

    @property
    def keys(self) -> tuple[str, ...]:
        """The raw columns it reads."""
        return self.categorical.keys

    @property
    def width(self) -> int:
        """The dimension."""
        return self.dimension


@dataclass(frozen=True)
class Embedding(_Embedded, kind="embedding"):
    """The mean, sum or scaled sum of table rows, one for each id."""

    categorical: Categorical
    dimension: int
    combiner: str = "mean"
    initializer: Callable[..., Any] | None = None
    max_norm: float | None = None
    trainable: bool = True

    @property
    def name(self) -> str:
        """The categorical's name and ``_embedding``."""
        return f"{self.categorical.name}_embedding"

    @property
    def table_name(self) -> str:
        """The name of its table."""
        return self.name

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


@dataclass(frozen=True)
class SharedEmbedding(_Embedded, kind="shared_embedding"):
    """An embedding whose table belongs to a group of columns."""

    members: tuple[Categorical, ...]
    position: int
    dimension: int
    table_name: str
    combiner: str = "mean"
    initializer: Callable[..., Any] | None = None
    max_norm: float | None = None
    trainable: bool = True

    @property
    def categorical(self) -> Categorical:  # type: ignore[override]
        """The member of the group that this column looks up."""
        return self.members[self.position]

    @property
    def keys(self) -> tuple[str, ...]:
        """The raw columns that the table is learnt from."""
        return tuple(dict.fromkeys(key for member in self.members for key in member.keys))

    @property
    def name(self) -> str:
        """The categorical's name and ``_shared_embedding``."""
        return f"{self.categorical.name}_shared_embedding"

    @property
    def learned(self) -> bool:
        """Whether every member is."""
        return all(member.learned for member in self.members)

    @property
    def settled(self) -> bool:
        """Whether every member is."""
        return all(member.settled for member in self.members)

    def _learn(self, frame: Frame) -> Self:
        group = ("learn group", self.table_name, self.members)
        members = frame.once(group, lambda: _learn_members(self.members, frame))
        return dataclasses.replace(self, members=members)


def _learn_members(members: tuple[Categorical, ...], frame: Frame) -> tuple[Categorical, ...]:
    cores = [_core(member) for member in members]
    learnts = [core for core in cores if isinstance(core, Learnt) and not core.learned]
    if not learnts:
        return tuple(member.learn(frame) for member in members)
    if len(learnts) < len(members):
        raise InvalidValue("shared_embeddings", "cannot share a table with a learnt vocabulary")
    # One table needs one vocabulary: that of all the raw columns together.
    vocabulary = learnts[0].learn_vocabulary(frame, [core.key for core in learnts])
    found: list[Categorical] = []
    for member, learnt in zip(members, learnts, strict=True):
        core = dataclasses.replace(learnt.learn(frame), vocabulary=vocabulary)
        found.append(_with_core(member, core))
    return tuple(found)


def _core(column: Categorical) -> Categorical:
    return column.source if isinstance(column, Weighted) else column


def _with_core(column: Categorical, core: Categorical) -> Categorical:
    return dataclasses.replace(column, source=core) if isinstance(column, Weighted) else core


def embedding_column(
    categorical_column: Categorical,
    dimension: int,
    combiner: str = "mean",
    initializer: Callable[..., Any] | None = None,
    max_norm: float | None = None,
    trainable: bool = True,
) -> Embedding:
    """Rows of a trained table, combined where a row of the frame has several ids.

    With weights w and table rows e: "sum" is ``sum(w e)``, "mean" divides it by ``sum(w)``,
    "sqrtn" by ``sqrt(sum(w**2))``; unweighted, w is 1. For "mean" and "sqrtn" ids with a weight
    of 0 or less are left out. A row without ids is zero.

    Parameters
    ----------
    categorical_column : categorical column
    dimension : int
        The width of the table.
    combiner : {"mean", "sqrtn", "sum"}
    initializer : callable, optional
        Given a shape and a random generator, the first table; by default a normal distribution
        with deviation ``1 / sqrt(dimension)``, cut at two deviations.
    max_norm : float, optional
        Rows longer than this are shortened to it before they are combined.
    trainable : bool
        Whether training changes the table.

    Returns
    -------
    Embedding

    Raises
    ------
    InvalidValue, InvalidType
        An argument out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from cannery.feature_columns import categorical_column_with_identity, dense
    >>> column = embedding_column(categorical_column_with_identity("app", 3), 2)
    >>> table = np.array([[1, 2], [3, 4], [5, 6]])
    >>> dense(column, {"app": [[0, 2], []]}, table).tolist()
    [[3.0, 4.0], [0.0, 0.0]]
    """
    _check_table("embedding_column", dimension, combiner, initializer, max_norm)
    categorical = check_categorical("embedding_column", categorical_column)
    return Embedding(categorical, dimension, combiner, initializer, max_norm, trainable)


def _check_table(
    subject: str, dimension: Any, combiner: Any, initializer: Any, max_norm: Any
) -> None:
    check_count(f"{subject}: dimension", dimension)
    check_choice(f"{subject}: combiner", combiner, COMBINERS)
    if initializer is not None and not callable(initializer):
        raise InvalidType(f"{subject}: initializer", "must be callable", repr(initializer))
    if max_norm is not None and not (math.isfinite(max_norm) and max_norm > 0):
        raise InvalidValue(f"{subject}: max_norm", "must be above 0", max_norm)


def shared_embeddings(
    categorical_columns: Iterable[Categorical],
    dimension: int,
    combiner: str = "mean",
    initializer: Callable[..., Any] | None = None,
    shared_embedding_collection_name: str | None = None,
    max_norm: float | None = None,
    trainable: bool = True,
) -> list[SharedEmbedding]:
    """Embeddings of several columns in one table, say of items seen and the item shown.

    Parameters
    ----------
    categorical_columns : iterable of categorical columns
        Of one kind and size. Columns that learn their vocabulary learn a common one.
    dimension, combiner, initializer, max_norm, trainable
        As in `embedding_column`.
    shared_embedding_collection_name : str, optional
        The name of the table; by default the sorted names and ``_shared_embedding``.

    Returns
    -------
    list of SharedEmbedding
        In the order given.

    Raises
    ------
    InvalidValue, InvalidType
        Columns of different kinds or sizes, or an argument out of range.

    Examples
    --------
    >>> from cannery.feature_columns import categorical_column
    >>> seen, shown = categorical_column("seen"), categorical_column("shown")
    >>> [column.name for column in shared_embeddings([seen, shown], 8)]
    ['seen_shared_embedding', 'shown_shared_embedding']
    """
    subject = "shared_embeddings"
    members = tuple(check_categorical(subject, column) for column in categorical_columns)
    if not members:
        raise InvalidValue(subject, "needs at least one column")
    _check_table(subject, dimension, combiner, initializer, max_norm)
    cores = [_core(member) for member in members]
    if len({type(core) for core in cores}) > 1:
        raise InvalidValue(subject, "columns must be of one kind", [core.kind for core in cores])
    settings = {_settings(core) for core in cores}
    if len(settings) > 1:
        raise InvalidValue(subject, "columns must have one size", sorted(settings, key=str))
    names = sorted(member.name for member in members)
    table = shared_embedding_collection_name or "_".join(names) + "_shared_embedding"
    return [
        SharedEmbedding(members, at, dimension, table, combiner, initializer, max_norm, trainable)
        for at in range(len(members))
    ]


def _settings(column: Categorical) -> Any:
    if column.learned:
        return column.size
    return dataclasses.replace(column, key="") if isinstance(column, Learnt) else None
