"""Rows of large tables that a part names, held by the worker one after the other.

What a worker has of such a table grows with its part and not with the table: it pulls the rows that
its part will touch, takes its steps on them under numbers of their own, and tells their new values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...graph import Program, Tensor, placeholder
from ...graph.ops.lookup import within
from ...graph.plan import element_count
from ...graph.tensor import topological
from .merge import distinct

__all__ = ["Pulled", "named", "pull_apart", "root_of"]

Array = npt.NDArray[Any]
LEAST_PULLED = 1 << 24  # bytes: of smaller tables whole copies are cheap


@dataclass(frozen=True)
class Pulled:
    """Tables whose rows are named by the same ids.

    Parameters
    ----------
    ids : Tensor
        Rows of the tables, in the program as it was.
    feed : str
        What takes the numbers of these rows among those that were pulled.
    tables : sequence of str
    """

    ids: Tensor
    feed: str
    tables: Sequence[str]

    def pull(
        self, ids: Array, state: Mapping[str, Array], variables: Mapping[str, Array]
    ) -> tuple[Array, Array]:
        """Copy the rows that a part names to the front of the worker's tables.

        Parameters
        ----------
        ids : ndarray
            The values of `ids` for all rows of the part.
        state, variables : mapping of str to ndarray
            The tables, and those of the worker.

        Returns
        -------
        rows, numbers
            The rows in rising order, and what to feed: a missing id stays -1.

        Raises
        ------
        InvalidValue
            An id is past the end of a table.
        """
        rows = named(ids)
        for name in self.tables:
            within(rows, len(state[name]), "take")
            state[name].take(rows, 0, variables[name][: len(rows)], "clip")
        numbers = np.searchsorted(rows, ids) if len(rows) else np.zeros(ids.shape, np.intp)
        return rows, np.where(ids < 0, -1, numbers).astype(ids.dtype)


def named(ids: Array) -> Array:
    """Return the rows that ids name, in rising order."""
    rows = distinct(np.sort(ids, axis=None))
    return rows[np.searchsorted(rows, 0) :]


def pull_apart(
    program: Program, groups: Mapping[Tensor, Sequence[str]]
) -> tuple[Program, list[Pulled]]:
    """Return the program that finds pulled rows at the front of tables, and what is to be pulled.

    Tables are pulled that are large, and of which steps look up and replace single rows and do
    nothing else. Sums over rows that share an id keep their order, for numbers rise with ids.

    Parameters
    ----------
    program : Program
    groups : mapping of Tensor to sequence of str
        The tables of which steps replace rows, by the ids of these rows.
    """
    names = {variable.name: variable for variable in program.variables}
    found = [
        Pulled(ids, f"pulled/{number}", tables)
        for number, (ids, tables) in enumerate(groups.items())
        if all(isinstance(size, int | None) for size in ids.shape)
        and all(_is_large(names[name]) for name in tables)
        and all(_is_looked_up(program, names[name], ids) for name in tables)
    ]
    if not found:
        return program, []
    fed = {one.ids: placeholder(one.feed, one.ids.shape, one.ids.dtype) for one in found}
    pulled = {names[name] for one in found for name in one.tables}
    new: dict[Tensor, Tensor] = {}

    def number(ids: Tensor) -> Tensor:
        """Return the numbers that stand for ids."""
        if ids.op.name != "group_ids":
            return fed[ids]
        return ids.op(number(ids.inputs[0]), new[ids.inputs[1]])

    for node in topological(program.roots):
        inputs = [new[source] for source in node.inputs]
        if node.inputs and node.inputs[0] in pulled:
            inputs[1] = number(node.inputs[1])
        same = tuple(inputs) == node.inputs
        new[node] = node if same else node.op(*inputs, **node.attributes)
    outputs = {name: new[node] for name, node in program.outputs.items()}
    updates = {variable: new[node] for variable, node in program.updates.items()}
    return Program([*program.inputs, *fed.values()], outputs, updates), found


def root_of(ids: Tensor) -> Tensor:
    """Return the ids of which others are the distinct ones."""
    while ids.op.name == "group_ids":
        ids = ids.inputs[0]
    return ids


def _is_large(table: Tensor) -> bool:
    return element_count(table.shape, 0) * table.dtype.itemsize >= LEAST_PULLED


def _is_looked_up(program: Program, table: Tensor, ids: Tensor) -> bool:
    """Whether all that becomes of a table are rows of it that these ids name."""
    users = [node for node in program.nodes if table in node.inputs]
    return table not in program.outputs.values() and all(
        node.op.name in ("take", "replace_rows")
        and node.inputs.count(table) == 1
        and node.inputs[0] is table
        and root_of(node.inputs[1]) is ids
        for node in users
    )
