"""What a processor is told to bring into its cache before it is read: rows in no order."""

from __future__ import annotations

from collections.abc import Sequence

from ..code import size_text
from ..plan import element_count
from ..step import Step
from ..tensor import Tensor
from ..variables import Variable
from .kernel import Kernel
from .phases import is_row

__all__ = ["fetch_lines", "fetched_feeds", "fetched_tables"]

LONGEST = 512  # bytes: of longer rows a processor fetches the rest by itself
LARGE = 1 << 19  # bytes: smaller tables stay in cache from step to step


def fetched_feeds(feeds: Sequence[Tensor]) -> dict[int, int]:
    """Return the bytes a row of the feeds worth fetching, by their numbers."""
    sizes = {
        number: element_count(node.shape, 1) * node.dtype.itemsize
        for number, node in enumerate(feeds)
        if is_row(node.shape)
    }
    return {number: size for number, size in sizes.items() if 0 < size <= LONGEST}


def fetched_tables(program: Step) -> dict[Tensor, list[Variable]]:
    """Return the large variables of which a step changes some rows, by the ids of these rows."""
    found: dict[Tensor, list[Variable]] = {}
    for variable, root in program.updates.items():
        if root.op.name == "replace_rows" and element_count(variable.shape, 1) * 4 >= LARGE:
            ids = root.inputs[1]
            if ids.rank == 1:
                found.setdefault(ids, []).append(variable)
    return found


def fetch_lines(kernel: Kernel, tables: Sequence[tuple[Tensor, str, str, int]]) -> list[str]:
    """Return the loop that fetches rows of tables once the kernel has found their ids.

    Parameters
    ----------
    kernel : Kernel
    tables : sequence of (Tensor, str, str, int)
        The ids, what C calls them and the table, and the bytes a row.
    """
    if not tables:
        return []
    ids, name = tables[0][:2]
    size = "rows" if kernel.phase % 2 == 1 else size_text(ids.shape[0])
    return [
        f"  for (int64_t i = 0; i < {size}; i++) {{",
        f"    if ({name}[i] < 0) continue;",
        *(f"    fetch_row({table}, {name}[i], {width});" for _, _, table, width in tables),
        "  }",
    ]
