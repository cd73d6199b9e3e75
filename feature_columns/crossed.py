"""Crosses: one id for each combination of values, by hash."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Self

import numpy as np

from ..errors import InvalidType, InvalidValue
from .c_text.literals import c_uint64
from .c_text.writer import MOST_COMBINATIONS, Looked, Values, Writer
from .cells import Cells, cells_of, learn_cells
from .checks import check_count, check_key
from .column import ABSENT, Categorical, Leaf, leaf_of
from .factor import Factor
from .frames import Frame
from .hashed import Hashed
from .hashing import CROSS_SEED, EMPTY, concatenate, concatenate_one
from .kinds import KINDS
from .ragged import Ragged, combinations
from .values import whole
from .weighted import Weighted

__all__ = ["Crossed", "crossed_column"]

_SMALL = 8


@dataclass(frozen=True)
class Side:
    """One side of a cross in C: its values, and the hash and the absence of the one at ``{}``."""

    values: Values
    hash: str
    absent: str | None = None


@dataclass(frozen=True)
class Raw:
    """A raw column in a cross: texts by their fingerprint, whole numbers as they are.

    A missing cell counts as the empty text, a value like any other.
    """

    key: str
    cells: Cells | None = None

    def __repr__(self) -> str:
        return repr(self.key)

    @property
    def name(self) -> str:
        """The key."""
        return self.key

    @property
    def keys(self) -> tuple[str, ...]:
        """The raw column it reads."""
        return (self.key,)

    @property
    def learned(self) -> bool:
        """A raw column can always be read."""
        return True

    @property
    def settled(self) -> bool:
        """Whether a frame has been seen."""
        return self.cells is not None

    @property
    def several(self) -> bool | None:
        """Whether a cell holds several values."""
        return None if self.cells is None else self.cells.several

    def learn(self, frame: Frame) -> Self:
        """Return the leaf that knows whether its values are numbers."""
        return dataclasses.replace(self, cells=learn_cells(frame, self.key))

    def leaf(self, frame: Frame) -> Leaf:
        """Return the hash of each cell."""
        return frame.once_for(self, self._leaf)

    def _leaf(self, frame: Frame) -> Leaf:
        factor = cells_of(frame, self.key, self.cells)
        kinds = factor.kinds if self.cells is None else set(self.cells.kinds)
        values = _numbers(factor) if _numeric(kinds) else factor.fingerprints
        hashes = np.append(values, np.uint64(EMPTY))
        return leaf_of(factor, hashes, np.zeros(len(hashes), dtype=bool))

    def leaf_c(self, writer: Writer) -> Side:
        """Write the C that reads the cell; return the hash of one of its values."""
        assert self.cells is not None
        values = writer.values(self.key, self.cells.several, self.cells.kinds)
        function = "number_hash" if _numeric(set(self.cells.kinds)) else "text_hash"
        return Side(values, f"{function}(&{values.array}[{{}}])")


KINDS.add("raw", Raw)


@dataclass(frozen=True)
class Crossed(Categorical, kind="crossed"):
    """FingerprintCat64 over the leaves, modulo the number of buckets."""

    leaves: tuple[Raw | Categorical, ...]
    hash_bucket_size: int
    hash_key: int | None = None

    @functools.cached_property
    def name(self) -> str:
        """The leaves' names, sorted, joined by ``_X_``."""
        return "_X_".join(sorted(leaf.name for leaf in self.leaves))

    @property
    def keys(self) -> tuple[str, ...]:
        """The raw columns it reads."""
        return tuple(dict.fromkeys(key for leaf in self.leaves for key in leaf.keys))

    @property
    def size(self) -> int:
        """The number of buckets."""
        return self.hash_bucket_size

    @property
    def weighted(self) -> bool:  # type: ignore[override]
        """Whether any leaf has weights, of which a combination has the product."""
        return any(leaf.weighted for leaf in self.leaves if isinstance(leaf, Categorical))

    @property
    def several(self) -> bool | None:
        """Whether any leaf has several values a row."""
        found = [leaf.several for leaf in self.leaves]
        return True if True in found else (None if None in found else False)

    @property
    def learned(self) -> bool:
        """Whether every leaf is."""
        return all(leaf.learned for leaf in self.leaves)

    @property
    def settled(self) -> bool:
        """Whether every leaf is."""
        return all(leaf.settled for leaf in self.leaves)

    def _learn(self, frame: Frame) -> Self:
        leaves = tuple(leaf.learn(frame) for leaf in self.leaves)
        return dataclasses.replace(self, leaves=leaves)

    def lookup(self, frame: Frame) -> np.ndarray | Ragged:
        """Return the bucket of each combination."""
        leaves = self._ordered(frame)
        if any(leaf.offsets is not None for leaf in leaves):
            return self._products(leaves, frame.rows)
        return self._of_flat(leaves)

    def _of_flat(self, leaves: list[Leaf]) -> np.ndarray:
        """Return the bucket of each combination of sides that have as many codes."""
        count = len(leaves[0].codes)
        if count <= _SMALL:
            return self._each(leaves)
        if np.prod([float(len(leaf.hashes)) for leaf in leaves]) <= max(count, 1024):
            return self._by_table(leaves)
        found = self._hash([leaf.hashes[leaf.codes] for leaf in leaves])
        for leaf in leaves:
            if leaf.absent.any():
                found[leaf.absent[leaf.codes]] = ABSENT
        return found

    def write_c(self, writer: Writer) -> Looked:
        """Write the C that finds the bucket of each combination."""
        sides = [_side(leaf, writer) for leaf in self.leaves]
        pairs = list(zip(self.leaves, sides, strict=True))
        dense = [isinstance(leaf, Raw) and not leaf.several for leaf, _ in pairs]
        sides = [side for side, last in zip(sides, dense, strict=True) if not last] + [
            side for side, last in zip(sides, dense, strict=True) if last
        ]
        return _cross_c(writer, self, self._seed, sides)

    def _ordered(self, frame: Frame) -> list[Leaf]:
        # TensorFlow hashes sparse inputs before dense ones, whatever order the keys have.
        sparse: list[Leaf] = []
        dense: list[Leaf] = []
        for leaf in self.leaves:
            found = leaf.leaf(frame)
            is_dense = isinstance(leaf, Raw) and found.offsets is None
            (dense if is_dense else sparse).append(found)
        return sparse + dense

    @property
    def _seed(self) -> int:
        return CROSS_SEED if self.hash_key is None else self.hash_key & 0xFFFFFFFFFFFFFFFF

    def _hash(self, hashes: Iterable[np.ndarray]) -> np.ndarray:
        found = np.array([self._seed], dtype=np.uint64)
        for each in hashes:
            found = concatenate(found, each)
        return (found % np.uint64(self.hash_bucket_size)).astype(self.dtype)

    def _each(self, leaves: list[Leaf]) -> np.ndarray:
        found = []
        for codes in zip(*(leaf.codes.tolist() for leaf in leaves), strict=True):
            combined = self._seed
            for leaf, code in zip(leaves, codes, strict=True):
                combined = concatenate_one(combined, int(leaf.hashes[code]))
                if leaf.absent[code]:
                    break
            else:
                found.append(combined % self.hash_bucket_size)
                continue
            found.append(ABSENT)
        return np.array(found, dtype=self.dtype)

    def _by_table(self, leaves: list[Leaf]) -> np.ndarray:
        shape = tuple(len(leaf.hashes) for leaf in leaves)
        table = np.broadcast_to(self._hash(_along_axes([leaf.hashes for leaf in leaves])), shape)
        table = table.copy()
        for absent in _along_axes([leaf.absent for leaf in leaves]):
            if absent.any():
                table[np.broadcast_to(absent, shape)] = ABSENT
        combined = leaves[0].codes.astype(np.intp)
        for leaf, length in zip(leaves[1:], shape[1:], strict=True):
            combined *= length
            combined += leaf.codes
        return table.ravel().take(combined)

    def _products(self, leaves: list[Leaf], rows: int) -> Ragged:
        offsets, places = combinations([leaf.offsets for leaf in leaves], rows)
        weights = np.ones(int(offsets[-1]), np.float32) if self.weighted else None
        codes = []
        for leaf, place in zip(leaves, places, strict=True):
            codes.append(place(leaf.codes))
            if weights is not None and leaf.weights is not None:
                weights *= place(leaf.weights)
        flat = [
            dataclasses.replace(leaf, codes=code, offsets=None, weights=None)
            for leaf, code in zip(leaves, codes, strict=True)
        ]
        return Ragged(offsets, self._of_flat(flat), weights)


def _numeric(kinds: Set[str]) -> bool:
    """Whether whole numbers stand for themselves.

    What was a number at first stays one when it comes back as text, and conversely.
    """
    return bool(kinds & {"number", "boolean"}) and kinds <= {"number", "boolean", "missing"}


def _numbers(factor: Factor) -> np.ndarray:
    """Return whole numbers as they are and any other value's fingerprint, as uint64."""
    if isinstance(factor.values, np.ndarray) and factor.values.dtype.kind == "i":
        return factor.values.astype(np.int64).view(np.uint64)
    hashes = factor.fingerprints.copy()
    for at, value in enumerate(factor.texts):
        number = whole(value)
        if number is not None:
            hashes[at] = number & 0xFFFFFFFFFFFFFFFF
    return hashes


def _side(leaf: Raw | Categorical, writer: Writer) -> Side:
    if isinstance(leaf, Raw):
        return leaf.leaf_c(writer)
    found = writer.lookup(leaf)
    return Side(found, f"(uint64_t){found.array}[{{}}]", f"{found.array}[{{}}] == ABSENT")


def _cross_c(writer: Writer, column: Crossed, seed: int, sides: Sequence[Side]) -> Looked:
    """Write a function over the combinations of a row, of which the last side turns fastest."""
    several = [side.values for side in sides if side.values.count != "1"]
    most = max(writer.max_values, MOST_COMBINATIONS)
    capacity = min(math.prod(values.capacity for values in several), most)
    found = writer.ids(column.name, capacity=capacity if several else 1)
    places = iter([f"at_{i}" for i in range(len(several))])
    at = ["0" if side.values.count == "1" else next(places) for side in sides]
    absent = [side.absent.format(i) for side, i in zip(sides, at, strict=True) if side.absent]
    bucket = f"(int64_t)(hash % {c_uint64(column.hash_bucket_size)})"
    one = [
        f"uint64_t hash = {c_uint64(seed)};",
        *(
            f"hash = concatenated(hash, {side.hash.format(i)});"
            for side, i in zip(sides, at, strict=True)
        ),
        f"{found.array}[{'i' if several else '0'}] = "
        + (f"{' || '.join(absent)} ? ABSENT : {bucket};" if absent else f"{bucket};"),
    ]
    pairs = zip(sides, at, strict=True)
    factors = [f"{x.values.weights}[{i}]" for x, i in pairs if x.values.weights]
    if factors:
        product = " * ".join(factors)
        weights = writer.array("float", writer.name("weights", column.name), found.capacity)
        one.append(f"{weights}[{'i' if several else '0'}] = {product};")
        found = dataclasses.replace(found, weights=weights)
    function = writer.name("cross", column.name)
    body = _each_combination(several, found, one) if several else one
    writer.function(f"void {function}(row_scratch *s)", body)
    writer.do(f"{function}(s);")
    return found


def _each_combination(several: Sequence[Values], found: Looked, one: Sequence[str]) -> list[str]:
    total = " * ".join(values.count for values in several)
    given = " * ".join(f"({values.count} + {values.dropped})" for values in several)
    places = []
    for at, values in reversed(list(enumerate(several))):
        places.append(f"size_t at_{at} = place{f' % {values.count}' if at else ''};")
        places += [f"place /= {values.count};"] if at else []
    return [
        f"size_t total = {total};",
        f"{found.count} = total < {found.capacity} ? total : {found.capacity};",
        f"{found.dropped} = {given} - {found.count};",
        f"s->dropped |= {found.dropped} > 0;",
        f"for (size_t i = 0; i < {found.count}; i++) {{",
        *(f"    {line}" for line in ["size_t place = i;", *places, *one]),
        "}",
    ]


def _along_axes(vectors: list[np.ndarray]) -> list[np.ndarray]:
    """Vector j along axis j, so that together they broadcast to every combination."""
    count = len(vectors)
    return [
        vector.reshape([-1 if axis == at else 1 for axis in range(count)])
        for at, vector in enumerate(vectors)
    ]


def crossed_column(
    keys: Iterable[str | Categorical], hash_bucket_size: int, hash_key: int | None = None
) -> Crossed:
    """Ids of combinations of values: h = FingerprintCat64(h, leaf) over the leaves, mod size.

    h starts as `hash_key`, or 0xDECAFCAFFE. Categorical columns and raw columns of lists come
    first, then raw columns of single values, each in the order of `keys`, as in TensorFlow. A raw
    column contributes Fingerprint64 of a text or the whole number itself, and its missing cells
    count as the empty text; a categorical column contributes its id, -1 for a value outside its
    vocabulary, and a row where it is missing has no cross. Cells with several values give every
    combination. The order of `keys` matters for the ids, not for the name.

    Parameters
    ----------
    keys : iterable of str or categorical column
        At least two raw columns, categorical or bucketized columns, or other crosses.
    hash_bucket_size : int
        The number of ids.
    hash_key : int, optional
        Another start value.

    Returns
    -------
    Crossed

    Raises
    ------
    InvalidValue, InvalidType
        Fewer than two keys, or a hashed or weighted column among them.

    Examples
    --------
    >>> column = crossed_column(["education", "occupation"], 1000)
    >>> column.name
    'education_X_occupation'
    >>> column.encode({"education": ["a", "a"], "occupation": ["Some-college", "a"]}).tolist()
    [68, 915]
    """
    if isinstance(keys, (str, bytes)) or not isinstance(keys, Iterable):
        raise InvalidType("crossed_column", "keys must be a list", repr(keys))
    leaves: list[Raw | Categorical] = []
    for key in keys:
        if isinstance(key, Crossed):
            leaves.extend(key.leaves)
        elif isinstance(key, (Hashed, Weighted)):
            raise InvalidValue(
                "crossed_column",
                f"cannot cross the {key.kind} column {key.name!r}",
                todo="cross its raw column, given by name",
            )
        elif isinstance(key, Categorical):
            leaves.append(key)
        else:
            leaves.append(Raw(check_key(key)))
    if len(leaves) < 2:
        raise InvalidValue("crossed_column", "needs at least two keys", f"{len(leaves)}")
    check_count("crossed_column: hash_bucket_size", hash_bucket_size)
    if hash_key is not None:
        check_count("crossed_column: hash_key", hash_key, 0)
    return Crossed(tuple(leaves), hash_bucket_size, hash_key)
