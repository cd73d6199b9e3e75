"""How many rows tables have, told to the code when it runs: refits then need no new code."""

from __future__ import annotations

from typing import Any

from ..code import Code, size_text
from ..tensor import Tensor
from ..variables import Variable

__all__ = ["length_of"]


def length_of(source: Any, x: Tensor) -> Code:
    """Return the C text of how many rows `x` has.

    Trees grown from other rows, or a vocabulary learnt from them, make tables of another length
    and otherwise the same program. Steps that train keep it as a number, for their loops over
    whole tables have it too.

    Parameters
    ----------
    source : Source
        The text that is being written.
    x : Tensor
    """
    if source.ahead or source.program.updates or not isinstance(x, Variable):
        return Code(size_text(x.shape[0]))
    name = f"{source.place(x).name}_0"  # loops count from 1
    source._used[name] = f"const int64_t {name} = w->run->lengths[{source.variables.index(x)}];"
    return Code(name)
