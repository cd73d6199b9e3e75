"""Programs as JSON and back: structure and constants, not the values of variables."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import CanneryError, InvalidValue
from .initializers import zeros
from .op import DTYPES, as_tensor
from .step import Step
from .tensor import OPS, Tensor, name_scope, topological
from .variables import Variable

__all__ = ["FORMAT", "from_json", "to_json"]

FORMAT = "cannery.program/1"
# What ops and numpy raise where attributes are missing, of another type, or make no sense.
DAMAGE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    binascii.Error,
)
MOST_ELEMENTS = 2**31  # of one tensor; more is a damaged or hostile file


def to_json(program: Step) -> dict[str, Any]:
    """Return a program as plain lists, dicts, text and numbers.

    Constants keep every bit. A variable keeps its name, shape, dtype and whether it is trainable or
    a sum over steps; its values are not part of the program.

    Examples
    --------
    >>> from cannery.graph import Program, placeholder
    >>> from cannery.graph.serialize import from_json, to_json
    >>> program = Program(outputs={"y": placeholder("x", (None,)) * 2.0})
    >>> from_json(to_json(program)).outputs["y"] is program.outputs["y"]
    True
    """
    order = topological([*program.nodes, *program.inputs])
    places = {node: i for i, node in enumerate(order)}
    nodes = []
    for node in order:
        entry: dict[str, Any] = {"op": node.op.name, "name": node.name}
        if isinstance(node, Variable):
            entry.update(shape=list(node.shape), dtype=node.dtype.name, trainable=node.trainable)
            if node.additive:
                entry["additive"] = True
        else:
            entry["inputs"] = [places[source] for source in node.inputs]
            entry["attributes"] = {k: _encode(v) for k, v in node.attributes.items()}
        nodes.append(entry)
    return {
        "format": FORMAT,
        "nodes": nodes,
        "inputs": [places[node] for node in program.inputs],
        "outputs": {name: places[node] for name, node in program.outputs.items()},
        "updates": [[places[v], places[node]] for v, node in program.updates.items()],
    }


def _encode(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode("ascii")
        return {"array": data, "dtype": value.dtype.name, "shape": list(value.shape)}
    if isinstance(value, tuple):
        return {"tuple": [_encode(item) for item in value]}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if isinstance(value, np.generic):
        return _encode(value.item())
    return value


def _decode(value: Any) -> Any:
    if not isinstance(value, Mapping):
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        raise InvalidValue("program", "holds an attribute of no known kind", repr(value)[:80])
    if "tuple" in value:
        return tuple(_decode(item) for item in value["tuple"])
    if "float" in value:
        return float(value["float"])
    shape = tuple(_size(size) for size in value["shape"])
    dtype = _dtype(value["dtype"])
    data = base64.b64decode(value["array"], validate=True)
    if len(data) != math.prod(shape) * dtype.itemsize:
        raise InvalidValue("program", "holds a constant of the wrong length", len(data))
    return np.frombuffer(data, dtype).reshape(shape)


def _size(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST_ELEMENTS:
        raise InvalidValue("program", "holds a size that cannot be", repr(value)[:80])
    return value


def _dtype(name: Any) -> np.dtype[Any]:
    if not isinstance(name, str) or name not in {dtype.name for dtype in DTYPES}:
        raise InvalidValue("program", "holds an unknown dtype", repr(name)[:80])
    return np.dtype(name)


def from_json(data: Any, variables: Mapping[str, Variable] | None = None) -> Step:
    """Return the program that `to_json` described.

    Its expressions are the very nodes of the original where these still exist, its variables are
    new ones that start at zero. Nothing in `data` is executed.

    Parameters
    ----------
    data : dict
    variables : mapping of str to Variable, optional
        Variables to use, by name, instead of new ones.

    Raises
    ------
    InvalidValue
        `data` is not a whole program of this format: another version, an unknown op, a node that
        uses a later one, wrong types or sizes.
    """
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        given = data.get("format") if isinstance(data, Mapping) else type(data).__name__
        raise InvalidValue("program", f"must have the format {FORMAT!r}", repr(given)[:80])
    try:
        nodes: list[Tensor] = []
        for entry in data["nodes"]:
            found = (variables or {}).get(entry["name"]) if entry["op"] == "variable" else None
            nodes.append(_checked(_node(entry, nodes) if found is None else found))
        outputs = {str(name): nodes[_place(i, nodes)] for name, i in data["outputs"].items()}
        updates = {nodes[_place(v, nodes)]: nodes[_place(i, nodes)] for v, i in data["updates"]}
        if not all(isinstance(variable, Variable) for variable in updates):
            raise InvalidValue("program", "updates what is no variable")
        step = Step(outputs, updates)  # type: ignore[arg-type]
        step.inputs = tuple(nodes[_place(i, nodes)] for i in data["inputs"])
        if any(node.op.name != "placeholder" for node in step.inputs):
            raise InvalidValue("program", "is fed what is no placeholder")
        return step
    except CanneryError as error:
        raise InvalidValue("program", f"cannot be read: {error}") from None
    except DAMAGE as error:
        raise InvalidValue("program", f"is damaged: {type(error).__name__} {error}"[:200]) from None


def _place(value: Any, nodes: list[Tensor]) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < len(nodes):
        raise InvalidValue("program", "refers to a node that is not there", repr(value)[:80])
    return value


def _node(entry: Mapping[str, Any], nodes: list[Tensor]) -> Tensor:
    name, op = str(entry["name"]), entry["op"]
    if op == "variable":
        shape = tuple(_size(size) for size in entry["shape"])
        kind = {"trainable": bool(entry["trainable"]), "additive": bool(entry.get("additive"))}
        with name_scope(""):
            return Variable(zeros(), name, shape=shape, dtype=_dtype(entry["dtype"]), **kind)
    inputs = [nodes[_place(i, nodes)] for i in entry["inputs"]]
    attributes = {str(key): _decode(value) for key, value in entry["attributes"].items()}
    if op == "constant":
        return as_tensor(attributes["value"])
    with name_scope(name[: name.rfind("/") + 1]):
        return OPS[op](*inputs, **attributes)  # type: ignore[no-any-return]


def _checked(node: Tensor) -> Tensor:
    """Return `node`, whose shape and dtype an op may have taken unseen from its attributes."""
    _dtype(node.dtype.name)
    known = [_size(size) for size in node.shape if size is not None and not isinstance(size, str)]
    if math.prod(known) > MOST_ELEMENTS or not isinstance(node.name, str):
        raise InvalidValue(f"tensor {node.name!r}", "is too large", node.shape)
    return node
