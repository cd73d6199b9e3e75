"""A column set as C: from a raw row to the feeds of a program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import InvalidValue
from ...graph.compiler.ahead import ProgramText
from ..column import Categorical, Number
from ..encoding import ColumnSet
from .literals import identifier
from .raw import RawColumn, raw_columns
from .writer import Writer

__all__ = ["EncoderText", "Feed", "encoder_c", "feeding_c", "feeds_c"]

LEAST_VALUES = 64
C_IDS = {np.int32: "int32_t", np.int64: "int64_t"}


@dataclass(frozen=True)
class Feed:
    """C expressions for what a placeholder is fed.

    Parameters
    ----------
    values : str
        An array of numbers or ids.
    kind : str
        The C type of each.
    weights, length : str, optional
        Of a column with several ids a row: an array of floats, and how many ids there are.
    capacity : int
        The most ids there are.
    """

    values: str
    kind: str
    weights: str | None = None
    length: str | None = None
    capacity: int = 1


@dataclass(frozen=True)
class EncoderText:
    """The C text of an encoder; ``model`` and ``MODEL`` stand for the name it will have.

    Parameters
    ----------
    raw : tuple of RawColumn
        The cells of a row.
    header : str
        The types of a cell and a row.
    source : str
        Tables, ``row_scratch`` and ``static int encode(const model_row *, row_scratch *)``, without
        what they use of the library and of `programs`.
    programs : tuple of ProgramText
        Those of learners inside columns.
    scratch_bytes : int
        What ``sizeof(row_scratch)`` is at most.
    feeds : mapping of str to Feed
        By the name of the placeholder.
    max_values : int
        How many values of one cell are kept.
    """

    raw: tuple[RawColumn, ...]
    header: str
    source: str
    programs: tuple[ProgramText, ...]
    scratch_bytes: int
    feeds: Mapping[str, Feed]
    max_values: int


def encoder_c(
    columns: ColumnSet, max_values: int | None = None, strict: bool = False
) -> EncoderText:
    """Return the C that encodes one raw row as `ColumnSet.encode` does.

    Parameters
    ----------
    columns : ColumnSet
        Learnt columns.
    max_values : int, optional
        How many values of one cell are kept; by default as many as a cell had in training, and at
        least 64.
    strict : bool
        Whether values that were not there in training are refused.

    Returns
    -------
    EncoderText

    Raises
    ------
    InvalidValue
        Columns that have not learnt.
    InvalidType
        A column that has no C text: one with a ``normalizer_fn``, say.

    Examples
    --------
    >>> from cannery.feature_columns import ColumnSet, categorical_column_with_hash_bucket
    >>> column = categorical_column_with_hash_bucket("city", 100)
    >>> text = encoder_c(ColumnSet([column]).learn({"city": ["Oslo", "Rome"]}))
    >>> [column.key for column in text.raw], text.feeds["ids"].kind
    (['city'], 'int32_t')
    """
    for column in columns.cores:
        if not column.settled:
            column.require_learned()
            raise InvalidValue(f"column {column.name!r}", "has seen no frame", todo="call learn")
    raw = raw_columns(columns)
    if max_values is None:
        max_values = max([LEAST_VALUES, *(column.longest for column in raw)])
    writer = Writer([column.key for column in raw], max_values, strict)
    feeds = feeds_c(columns, writer)
    scratch, size = writer.scratch()
    header = (Path(__file__).parent / "row.h").read_text(encoding="utf-8")
    return EncoderText(
        raw,
        header,
        _source(writer, scratch),
        tuple(writer.programs),
        # A flag, a column and what alignment costs.
        size + 64,
        feeds,
        max_values,
    )


def feeds_c(columns: ColumnSet, writer: Writer, subject: str = "") -> dict[str, Feed]:
    """Write what encodes learnt columns; return the feeds of a program over them.

    Parameters
    ----------
    columns : ColumnSet
    writer : Writer
    subject : str
        Whose columns they are, where they are not those of the model itself.
    """
    width = sum(core.width for core in columns.cores if isinstance(core, Number))
    flat = [c for c in columns.cores if isinstance(c, Categorical) and not c.several]
    # As for the placeholder, one type serves all.
    kind = "int64_t" if any(core.dtype is np.int64 for core in flat) else "int32_t"
    numbers, ids = (
        writer.name(block, subject) if subject else block for block in ("numbers", "ids")
    )
    feeds = {
        "numbers": Feed(writer.array("float", numbers, max(1, width)), "float"),
        "ids": Feed(writer.array(kind, ids, max(1, len(flat))), kind),
    }
    for column in columns.cores:
        slot = columns.slot(column)
        writer.do(f"/* {identifier(column.name)} */")
        if isinstance(column, Number):
            column.write_c(writer, f"{feeds['numbers'].values} + {slot.place.start}")
        elif slot.block == "ids":
            found = writer.lookup(column)
            writer.do(f"{feeds['ids'].values}[{slot.place}] = ({kind})single_id({found.array}[0]);")
        else:
            feeds[str(slot.place)] = _keep(column, str(slot.place), writer)
    return feeds


def feeding_c(program: ProgramText, feeds: Mapping[str, Feed]) -> Iterator[str]:
    """Yield the statements that fill in ``feeds``, the struct of what a program reads."""
    for field in program.feeds:
        base, _, part = field.name.rpartition("/")
        weighted = part == "weights" and base in feeds
        values = feeds[base].weights if weighted else feeds[field.name].values
        yield f"feeds.{field.field} = {values};"
    for place, member in program.counts.items():
        yield f"feeds.{member} = {feeds[place].length};"
    if not program.feeds:
        yield "memset(&feeds, 0, sizeof feeds);"


def _keep(column: Categorical, place: str, writer: Writer) -> Feed:
    """Write what leaves out the values that are absent."""
    found, kind = writer.lookup(column), C_IDS[column.dtype]
    name = writer.name("kept", place)
    kept, weights = writer.array(kind, name, found.capacity), None
    writer.fields.append(("int32_t", f"length_of_{name}", 0))
    length = f"s->length_of_{name}"
    call = f"keep_{kind.removesuffix('_t')}({found.array}, {found.count}, {kept})"
    writer.do(f"{length} = {call};")
    if found.weights is not None:
        weights = writer.array("float", f"weights_of_{name}", found.capacity)
        writer.do(f"keep_weights({found.array}, {found.count}, {found.weights}, {weights});")
    return Feed(kept, kind, weights, length, found.capacity)


def _source(writer: Writer, scratch: str) -> str:
    fails = any("status" in call for call in writer.calls)
    body = ["int status;"] if fails else ["(void)row;"]
    body += ["s->dropped = 0;", *writer.calls, "return s->dropped ? MODEL_DROPPED : MODEL_FINE;"]
    struct = (
        "/* What lies between a raw row and the program. */\n"
        f"typedef struct {{\n{scratch}\n    int dropped, column;\n}} row_scratch;"
    )
    writer.function("int encode(const model_row *row, row_scratch *s)", body)
    return "\n\n".join([*writer.tables, struct, *writer.functions])
