"""Categorical columns with a vocabulary: given as a list, read from a file or learnt."""

from __future__ import annotations

import dataclasses
import gzip
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from ..errors import InvalidType, InvalidValue, NotFound
from .c_text.literals import c_uint64
from .c_text.writer import Writer
from .cells import Cells, learn_cells
from .checks import check_count, check_key
from .column import ABSENT, UNSEEN, Keyed
from .factor import Factor
from .frames import Frame
from .hashing import hash_buckets
from .tokens import Vocabulary
from .values import kind_of, text

__all__ = [
    "Learnt",
    "Listed",
    "categorical_column",
    "categorical_column_with_vocabulary_file",
    "categorical_column_with_vocabulary_list",
]


class _Vocabular(Keyed):
    vocabulary: Vocabulary | None
    num_oov_buckets: int
    default_value: int
    drops_minus_one: bool

    @property
    def size(self) -> int:
        """The vocabulary and its out-of-vocabulary buckets."""
        self.require_learned()
        assert self.vocabulary is not None
        return max(1, len(self.vocabulary) + self.num_oov_buckets)

    def tokens(self) -> list[str]:
        """Return the text of each id; buckets for other values are ``<other 0>``, ….

        Examples
        --------
        >>> categorical_column_with_vocabulary_list("city", ["Oslo"], num_oov_buckets=1).tokens()
        ['Oslo', '<other 0>']
        """
        self.require_learned()
        assert self.vocabulary is not None
        return [*self.vocabulary.tokens, *(f"<other {at}>" for at in range(self.num_oov_buckets))]

    def table(self, factor: Factor) -> np.ndarray:
        """Return the id of each distinct value."""
        assert self.vocabulary is not None
        found = self.vocabulary.lookup(factor.texts)
        if found.size and found.min() == UNSEEN:
            other = np.flatnonzero(found == UNSEEN)
            if self.num_oov_buckets:
                texts = [factor.texts[at] for at in other]
                found[other] = len(self.vocabulary) + hash_buckets(texts, self.num_oov_buckets)
            else:
                found[other] = self.default_value
        if self.drops_minus_one and factor.minus_one is not None:
            found[factor.minus_one] = ABSENT
        return found

    def unseen(self, factor: Factor, table: np.ndarray) -> np.ndarray:
        """Return which distinct values are outside the vocabulary."""
        assert self.vocabulary is not None
        outside = self.vocabulary.lookup(factor.texts) == UNSEEN
        found: np.ndarray = outside & (table != ABSENT)
        return found

    def table_c(self, writer: Writer) -> list[str]:
        """Return the C statements that return the id of one value."""
        assert self.vocabulary is not None
        tokens, size = self.vocabulary.write_c(writer, self.name), len(self.vocabulary)
        find = "id_of_number_token" if self.vocabulary.integer else "id_of_token"
        other = str(self.default_value)
        if writer.strict:
            other = "REFUSED(MODEL_UNSEEN)"
        elif self.num_oov_buckets:
            buckets = c_uint64(self.num_oov_buckets)
            other = f"{size} + (int64_t)(fingerprint_of(x) % {buckets})"
        return [
            f"int64_t found = {find}(x, &{tokens});",
            *(["if (is_minus_one(x)) return ABSENT;"] if self.drops_minus_one else []),
            f"return found >= 0 ? found : {other};",
        ]


@dataclass(frozen=True)
class Listed(_Vocabular, kind="vocabulary_list"):
    """The position of a value in a given list."""

    key: str
    vocabulary: Vocabulary
    default_value: int = UNSEEN
    num_oov_buckets: int = 0
    cells: Cells | None = field(default=None, compare=True)
    drops_minus_one = True


@dataclass(frozen=True)
class Learnt(_Vocabular, kind="learnt_vocabulary"):
    """The rank of a value among those seen, by how often it occurred."""

    key: str
    max_tokens: int | None = None
    min_frequency: int = 1
    num_oov_buckets: int = 1
    vocabulary: Vocabulary | None = None
    cells: Cells | None = None
    drops_minus_one = False
    default_value = UNSEEN

    @property
    def learned(self) -> bool:
        """Whether the vocabulary is known."""
        return self.vocabulary is not None

    def _learn(self, frame: Frame) -> Self:
        vocabulary = self.learn_vocabulary(frame, [self.key])
        cells = learn_cells(frame, self.key)
        return dataclasses.replace(self, vocabulary=vocabulary, cells=cells)

    def learn_vocabulary(self, frame: Frame, keys: Iterable[str]) -> Vocabulary:
        """Return the values of the raw columns, the most frequent first, ties by text."""
        counts: dict[str, int] = {}
        numbers = True
        for key in keys:
            factor = frame.factor(key)
            for token, count in zip(factor.texts, factor.counts.tolist(), strict=True):
                if count:
                    counts[token] = counts.get(token, 0) + count
            numbers = numbers and factor.kinds <= {"number", "missing"}
        kept = [token for token, count in counts.items() if count >= self.min_frequency]
        kept.sort(key=lambda token: (-counts[token], token))
        return Vocabulary(tuple(kept[: self.max_tokens]), numbers and bool(counts))


def categorical_column(
    key: str,
    max_tokens: int | None = None,
    min_frequency: int = 1,
    num_oov_buckets: int = 1,
) -> Learnt:
    """Ids of a vocabulary that is learnt from the frame.

    Ids follow frequency, the most frequent value being 0, ties broken by text. A value outside
    the vocabulary goes to ``len(vocabulary) + Fingerprint64(text) mod num_oov_buckets``, or has
    no id where there are no such buckets. Missing cells have no id. Every value, -1 included,
    is looked up by its text, whatever its dtype.

    Parameters
    ----------
    key : str
        The raw column; its cells may hold lists.
    max_tokens : int, optional
        Keep at most so many of the most frequent values.
    min_frequency : int
        Keep values that occur at least so often.
    num_oov_buckets : int
        How many ids all other values share.

    Returns
    -------
    Learnt

    Raises
    ------
    InvalidValue, InvalidType
        An argument out of range.

    Examples
    --------
    >>> column = categorical_column("city").learn({"city": ["Oslo", "Rome", "Rome", None]})
    >>> column.tokens()
    ['Rome', 'Oslo', '<other 0>']
    >>> column.encode({"city": ["Oslo", "Lima", None]}).tolist()
    [1, 2, -1]
    """
    subject = f"categorical_column({key!r})"
    if max_tokens is not None:
        check_count(f"{subject}.max_tokens", max_tokens)
    check_count(f"{subject}.min_frequency", min_frequency)
    check_count(f"{subject}.num_oov_buckets", num_oov_buckets, 0)
    return Learnt(check_key(key), max_tokens, min_frequency, num_oov_buckets)


def categorical_column_with_vocabulary_list(
    key: str,
    vocabulary_list: Iterable[Any],
    dtype: Any = None,
    default_value: int = UNSEEN,
    num_oov_buckets: int = 0,
) -> Listed:
    """Ids by position in a list.

    A value outside the list gets `default_value`, or the id
    ``len(vocabulary_list) + Fingerprint64(text) mod num_oov_buckets``. Missing cells, and the
    integer -1, have no id.

    Parameters
    ----------
    key : str
        The raw column; its cells may hold lists.
    vocabulary_list : iterable of str or int
        Distinct values, not empty.
    dtype : dtype, optional
        Kept for compatibility: values are compared by their text, so 5 and "5" are the same.
    default_value : int
        The id of all other values; -1 gives them none.
    num_oov_buckets : int
        How many ids all other values share instead.

    Returns
    -------
    Listed

    Raises
    ------
    InvalidValue, InvalidType
        An empty list, a repeated value, or an argument out of range.

    Examples
    --------
    >>> column = categorical_column_with_vocabulary_list("size", ["S", "M", "L"])
    >>> column.encode({"size": ["L", "XL", ""]}).tolist()
    [2, -1, -1]
    """
    if isinstance(vocabulary_list, (str, bytes)):
        raise InvalidType(f"column {key!r}", "vocabulary_list must be a list", vocabulary_list)
    values = list(vocabulary_list)
    tokens = tuple(text(value) for value in values)
    if len(set(tokens)) < len(tokens):
        repeated = next(token for token in tokens if tokens.count(token) > 1)
        raise InvalidValue(f"column {key!r}", "vocabulary_list repeats a value", repr(repeated))
    integer = bool(values) and all(kind_of(value) == "number" for value in values)
    return _listed(key, Vocabulary(tokens, integer), default_value, num_oov_buckets)


def categorical_column_with_vocabulary_file(
    key: str,
    vocabulary_file: str | os.PathLike[str],
    vocabulary_size: int | None = None,
    num_oov_buckets: int = 0,
    default_value: int | None = None,
    dtype: Any = None,
) -> Listed:
    r"""Ids by line in a text file, which is read now and travels with the column.

    Parameters
    ----------
    key : str
        The raw column; its cells may hold lists.
    vocabulary_file : path
        One value a line, UTF-8, perhaps gzipped (``.gz``).
    vocabulary_size : int, optional
        Use only the first so many lines.
    num_oov_buckets : int
        How many ids all other values share.
    default_value : int, optional
        The id of all other values instead; none by default.
    dtype : dtype, optional
        Kept for compatibility: values are compared by their text.

    Returns
    -------
    Listed

    Raises
    ------
    NotFound
        There is no such file.
    InvalidValue
        Fewer lines than `vocabulary_size`, a repeated line or an argument out of range.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "sizes.txt"
    >>> _ = path.write_text("S\nM\nL\n")
    >>> categorical_column_with_vocabulary_file("size", path).tokens()
    ['S', 'M', 'L']
    """
    path = Path(vocabulary_file)
    if not path.is_file():
        raise NotFound(f"column {key!r}", "no such vocabulary file", str(path))
    raw = path.read_bytes()
    raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
    lines = raw.decode("utf-8").replace("\r\n", "\n").removesuffix("\n").split("\n")
    if vocabulary_size is not None:
        size = check_count(f"column {key!r}: vocabulary_size", vocabulary_size)
        if size > len(lines):
            raise InvalidValue(
                f"column {key!r}", f"{path.name} has only {len(lines)} lines", f"a size of {size}"
            )
        lines = lines[:size]
    if len(set(lines)) < len(lines):
        raise InvalidValue(f"column {key!r}", f"{path.name} repeats a line", todo="remove it")
    default = UNSEEN if default_value is None else default_value
    return _listed(key, Vocabulary(tuple(lines)), default, num_oov_buckets)


def _listed(key: str, vocabulary: Vocabulary, default_value: int, num_oov_buckets: int) -> Listed:
    subject = f"column {key!r}"
    if not len(vocabulary) or vocabulary.tokens == ("",):
        raise InvalidValue(subject, "the vocabulary is empty", todo="give at least one value")
    check_count(f"{subject}: num_oov_buckets", num_oov_buckets, 0)
    check_count(f"{subject}: default_value", default_value, UNSEEN)
    if num_oov_buckets and default_value != UNSEEN:
        raise InvalidValue(subject, "takes num_oov_buckets or default_value, not both")
    if default_value >= len(vocabulary):
        raise InvalidValue(subject, f"default_value must be below {len(vocabulary)}", default_value)
    return Listed(check_key(key), vocabulary, default_value, num_oov_buckets)
