"""What tells one fit from another: its settings as text, its data and its step as digests."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...graph import Program

__all__ = ["data_identity", "described", "digest", "program_digest"]


def described(value: Any) -> str:
    """Return a hyperparameter as text that is the same in every process.

    Objects with parameters or fields are spelled out, functions named by their place, arrays
    hashed; of anything else only the type is known.

    Examples
    --------
    >>> from cannery.estimators.training.identity import described
    >>> from cannery.feature_columns import numeric_column
    >>> described({"columns": [numeric_column("age")], "widths": (64, 32), "function": len})
    "{'columns': [Numeric(key='age', ...)], 'widths': [64, 32], 'function': builtins.len}"
    """
    if isinstance(value, np.generic):
        value = value.item()  # some of numpy's numbers are Python's too, and print in their own way
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(described, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{k!r}: {described(v)}' for k, v in value.items())}}}"
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return digest(value)
    kind = type(value)
    if hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    fields: dict[str, Any] = {}
    if hasattr(value, "get_params"):
        fields = value.get_params(deep=False)
    elif dataclasses.is_dataclass(value):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    return f"{kind.__qualname__}({', '.join(f'{k}={described(v)}' for k, v in fields.items())})"


def digest(feed: Any) -> str:
    """Return dtype, shape and hash of an array, or of all arrays of a ragged feed.

    Examples
    --------
    >>> import numpy as np
    >>> from cannery.estimators.training.identity import digest
    >>> digest(np.zeros((2, 3), np.float32))[:12]
    'float32(2,3)'
    """
    found = hashlib.sha256()
    said = ""
    for array in _arrays(feed):
        array = np.ascontiguousarray(array)
        said += f"{array.dtype}({','.join(map(str, array.shape))})"
        found.update(f"{array.dtype.str}{array.shape}".encode())
        found.update(array.reshape(-1).view(np.uint8).data)
    return f"{said} {found.hexdigest()}"


def _arrays(feed: Any) -> Iterator[Any]:
    if not hasattr(feed, "offsets"):
        yield np.asarray(feed)
        return
    yield feed.offsets
    yield feed.ids
    if feed.weights is not None:
        yield feed.weights


def data_identity(encoded: Mapping[str, Any], features: str) -> dict[str, str]:
    """Return what tells encoded rows from others.

    Parameters
    ----------
    encoded : mapping of str to array or ragged
        Feeds, ``labels`` and ``weights``, which may be None.
    features : str
        What the feeds were made of, for messages.
    """
    names = {"labels": "y", "weights": "weights"}
    start = "" if features == "X" else f"{features} "
    found = {f"{start}rows": str(len(encoded["labels"]))}
    for name, feed in encoded.items():
        said = start + names[name] if name in names else f"{features} {name}"
        found[said] = "None" if feed is None else digest(feed)
    return found


def program_digest(program: Program) -> str:
    """Return a hash of a program's expressions, whatever their nodes are called."""
    content = program.to_json()
    for node in content["nodes"]:
        # A node keeps the name of the first program that it was made for.
        if node["op"] not in ("placeholder", "variable"):
            del node["name"]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
