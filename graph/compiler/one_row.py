"""A program for a batch of one row, with all that no row changes computed beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

import numpy.typing as npt

from ..code import identifier
from ..interpreter import evaluate
from ..op import as_tensor
from ..step import Step
from ..tensor import Tensor, topological
from ..variables import Variable
from .indicators import without_indicators

__all__ = ["one_row"]

Array = npt.NDArray[Any]


def one_row(program: Step, variables: Mapping[str, Array]) -> tuple[Step, dict[str, str]]:
    """Return the program of one row, and what each of its feeds was called before.

    Products with indicators become sums of rows. What depends on variables alone is a constant.

    Parameters
    ----------
    program : Step
        Without updates.
    variables : mapping of str to array
        The variables' values.

    Returns
    -------
    Step
        Its feeds have names that are C identifiers, no two alike.
    dict of str to str
    """
    outputs = without_indicators(Step(program.outputs, {})).outputs
    constants = _constants(outputs, variables)
    names = _feed_names(outputs)
    new: dict[Tensor, Tensor] = {}
    for node in topological(outputs.values(), known=constants):
        if node in constants or node.op.name == "constant" or isinstance(node, Variable):
            new[node] = constants.get(node, node)
        elif node.op.name == "placeholder":
            new[node] = _feed(node, names)
        else:
            attributes = dict(node.attributes)
            if node.op.name == "reshape":
                attributes["shape"] = tuple(1 if n is None else n for n in attributes["shape"])
            new[node] = node.op(*(new[source] for source in node.inputs), **attributes)
    before = {new[node].name: node.name for node in new if node.op.name == "placeholder"}
    return Step({key: new[root] for key, root in outputs.items()}, {}), before


def _constants(
    outputs: Mapping[str, Tensor], variables: Mapping[str, Array]
) -> dict[Tensor, Tensor]:
    """Return, as a constant, what is computed of variables alone and used with something else."""
    fixed: set[Tensor] = set()
    last: dict[Tensor, None] = dict.fromkeys(outputs.values())
    for node in topological(outputs.values()):
        if _is_given(node) or (node.inputs and all(source in fixed for source in node.inputs)):
            fixed.add(node)
        else:
            last |= dict.fromkeys(node.inputs)
    wanted = [node for node in last if node in fixed and not _is_given(node)]
    values = evaluate(wanted, variables=variables) if wanted else []
    return {
        node: _named(as_tensor(value), node.name)
        for node, value in zip(wanted, values, strict=True)
    }


def _is_given(node: Tensor) -> bool:
    return isinstance(node, Variable) or node.op.name == "constant"


def _named(node: Tensor, name: str) -> Tensor:
    return Tensor(node.op, (), node.attributes, node.shape, node.dtype, name)


def _feed_names(outputs: Mapping[str, Tensor]) -> dict[str, str]:
    """Return a C name for each feed: columns may differ in what C cannot write."""
    found: dict[str, str] = {}
    for node in topological(outputs.values()):
        base, slash, part = node.name.rpartition("/")
        owner = base if slash and part in ("lengths", "weights") else node.name
        if node.op.name == "placeholder" and owner not in found:
            found[owner] = _fresh(f"feed_{identifier(owner)}", set(found.values()))
    return found


def _fresh(name: str, taken: Set[str]) -> str:
    found, number = name, 2
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    return found


def _feed(node: Tensor, names: Mapping[str, str]) -> Tensor:
    owner = node.name if node.name in names else node.name.rpartition("/")[0]
    name = names[owner] + node.name[len(owner) :]
    shape = tuple(
        1 if size is None else names.get(size, size) if isinstance(size, str) else size
        for size in node.shape
    )
    attributes = {**node.attributes, "shape": shape, "name": name}
    return Tensor(node.op, (), attributes, shape, node.dtype, name)
