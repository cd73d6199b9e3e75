"""Columns, learnt or not, to and from JSON; nothing is ever unpickled or imported by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import InvalidType, InvalidValue, NotFound
from .kinds import KINDS

__all__ = ["from_config", "to_config"]


def to_config(value: Any) -> Any:
    """Return a column, or a list of columns, as plain JSON values.

    Parameters
    ----------
    value : Column or sequence of Column

    Returns
    -------
    dict or list
        A function is written as ``{"function": "module.name"}``.

    Raises
    ------
    InvalidType
        Something that has no such form, a lambda among them.

    Examples
    --------
    >>> from cannery.feature_columns import categorical_column_with_identity
    >>> to_config(categorical_column_with_identity("hour", 24))["kind"]
    'identity'
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [to_config(member) for member in value]
    for kind, cls in KINDS.items():
        if type(value) is cls:
            fields = {f.name: to_config(getattr(value, f.name)) for f in dataclasses.fields(value)}
            return {"kind": kind, **fields}
    name = getattr(value, "__qualname__", "")
    if callable(value) and name and "<" not in name:
        return {"function": f"{value.__module__}.{name}"}
    raise InvalidType("configuration", "cannot be written", repr(value), "use a named function")


def from_config(config: Any, functions: Mapping[str, Callable[..., Any]] | None = None) -> Any:
    """Return the column or the list of columns that `to_config` wrote.

    Parameters
    ----------
    config : dict or list
    functions : mapping of str to callable, optional
        The functions that the configuration names.

    Returns
    -------
    Column or list of Column

    Raises
    ------
    NotFound
        An unknown kind of column, or a function that is not among `functions`.
    InvalidValue
        Fields that the kind does not have.

    Examples
    --------
    >>> from cannery.feature_columns import categorical_column_with_identity
    >>> column = categorical_column_with_identity("hour", 24)
    >>> from_config(to_config(column)) == column
    True
    """
    found = _restore(config, functions or {})
    return list(found) if isinstance(found, tuple) else found


def _restore(config: Any, functions: Mapping[str, Callable[..., Any]]) -> Any:
    if isinstance(config, (list, tuple)):
        return tuple(_restore(member, functions) for member in config)
    if not isinstance(config, Mapping):
        return config
    if "function" in config:
        name = config["function"]
        if name not in functions:
            raise NotFound("function", "not among those given", name, "pass it in `functions`")
        return functions[name]
    fields = {name: _restore(value, functions) for name, value in config.items() if name != "kind"}
    cls = KINDS[config.get("kind", "")]
    known = {field.name for field in dataclasses.fields(cls)}
    if not fields.keys() <= known:
        unknown = sorted(fields.keys() - known)
        raise InvalidValue(f"configuration of {config['kind']!r}", "has unknown fields", unknown)
    return cls(**fields)
