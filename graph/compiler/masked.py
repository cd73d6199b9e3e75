"""Updates of few rows of a table: stretches in which a mask holds nowhere are passed over."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..tensor import Tensor
from .kernel import Item, Kernel
from .phases import wide

__all__ = [
    "mask_of",
    "masked_by",
    "named_by",
    "names_of",
    "reads_only_named",
    "row_mask",
    "stretches",
    "walk_of",
    "walk_size",
]

AT_ONCE = 8  # rows of one number each that are updated from a touched one on


def mask_of(kernel: Kernel, source: Any) -> str | None:
    """Return the C text of a pointer to booleans, where all that a kernel does depends on them.

    So it is where each item is ``where(mask, new, old)`` and written over `old` alone: a row of
    which the mask is false stays as it is. A wide table that is fed by several columns is updated
    like this, and a batch touches few of its rows.

    Parameters
    ----------
    kernel : Kernel
    source : Source
        Knows whether the mask is in memory.
    """
    mask = _mask(kernel)
    place = None if mask is None else source.place(mask)
    return None if place is None or place.strides is not None else place.name


def _mask(kernel: Kernel) -> Tensor | None:
    """Return the boolean of each row without which a kernel changes nothing."""
    masks = {masked_by(item) for item in kernel.items if _is_written(item)}
    mask = masks.pop() if len(masks) == 1 else None
    return mask if mask is not None and wide(mask.shape) == kernel.domain[:1] else None


def reads_only_named(table: Tensor, ids: Iterable[Tensor], kernels: Iterable[Kernel]) -> bool:
    """Whether of a table nothing but updates of rows that `ids` name is ever computed.

    What its other rows hold does not matter then, and they need not be set to zero at each step.
    """
    masks = set[Tensor | None]()
    for kernel in kernels:
        modes = [item.reads[table] for item in kernel.items if table in item.reads]
        if modes:
            masks.add(_mask(kernel) if all(mode == {"same"} for mode in modes) else None)
    return bool(masks) and all(
        mask is not None and mask.op.name == "named_rows" and set(mask.inputs) <= set(ids)
        for mask in masks
    )


def named_by(kernel: Kernel) -> Tensor | None:
    """Return the mask where all that a kernel does is change rows that ids name.

    C keeps a list of them beside such a mask, so that nobody looks for them.
    """
    mask = _mask(kernel)
    return mask if mask is not None and mask.op.name == "named_rows" else None


def names_of(mask: Tensor, source: Any) -> str:
    """Return the C text of a pointer to how many rows are named, and these."""
    return f"rows_named({source.place(mask).name}, {mask.shape[0]})"


def walk_of(kernel: Kernel) -> object:
    """Return what tells kernels apart whose outer loops visit other rows."""
    mask = named_by(kernel)
    return kernel.domain if mask is None else mask


def walk_size(kernel: Kernel, source: Any) -> str:
    """Return the C text of how often the outer loop of a kernel is run through."""
    mask = named_by(kernel)
    return str(kernel.domain[0]) if mask is None else f"{names_of(mask, source)}[0]"


def _is_written(item: Item) -> bool:
    """Whether an item is more than a step on the way to others."""
    return item.home is not None or item.variable is not None or bool(item.outputs)


def masked_by(item: Item) -> Tensor | None:
    """Return the mask where an item leaves a variable as it is wherever that is false."""
    if item.kind != "assign" or item.variable is None or item.outputs:
        return None
    return row_mask(item.variable, item.node)


def row_mask(variable: Tensor, new: Tensor) -> Tensor | None:
    """Return the boolean of each row without which an update leaves the row of a table as it is."""
    if new.op.name != "where" or new.inputs[2] is not variable:
        return None
    mask = new.inputs[0]
    if mask.rank != variable.rank:  # broadcast, it would be of the columns
        return None
    while mask.op.name == "expand" and mask.attributes["axis"] > 0:
        mask = mask.inputs[0]
    return mask if mask.rank == 1 and mask.shape == variable.shape[:1] else None


def stretches(mask: str, i: str, limits: tuple[str, str], alone: bool) -> tuple[str, str, str]:
    """Return the heading of a loop over stretches that begin where a mask holds, and their range.

    Parameters
    ----------
    mask : str
        What `mask_of` returned.
    i : str
        The loop's counter.
    limits : tuple of str
        Of all rows.
    alone : bool
        Whether a row is a single number.
    """
    low, high = limits
    found = f"({i} = next_true({mask}, {i}, {high})) < {high}"
    step = AT_ONCE if alone else 1
    end = f"({i} + {step} < {high} ? {i} + {step} : {high})"
    return f"for (int64_t {i} = {low}; {found}; {i} += {step})", i, end
