"""Updates of few rows of a table: stretches in which a mask holds nowhere are passed over."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from .kernel import Item, Kernel
from .phases import wide

__all__ = ["mask_of", "masked_by", "row_mask", "stretches"]

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
    kept = [item for item in kernel.items if _is_written(item)]
    masks = set(map(masked_by, kept))
    mask = masks.pop() if len(masks) == 1 else None
    if mask is None:
        return None
    if wide(mask.shape) != kernel.domain[:1]:
        return None
    place = source.place(mask)
    return None if place is None or place.strides is not None else place.name


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
