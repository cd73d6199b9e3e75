"""Columns, learnt or not, to and from JSON; nothing is ever unpickled or imported by name."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..errors import InvalidType, InvalidValue, NotFound
from ..graph import Program
from .encoding import ColumnSet
from .kinds import KINDS, LEARNERS
from .learners import Learner

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
    if isinstance(value, Learner):
        return _learner_config(value)
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode("ascii")
        return {"kind": "array", "dtype": value.dtype.str, "shape": [*value.shape], "data": data}
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
    if config.get("kind") == "learner":
        return _restore_learner(config, functions)
    if config.get("kind") == "array":
        flat = np.frombuffer(base64.b64decode(config["data"]), np.dtype(config["dtype"]))
        return flat.reshape(config["shape"]).copy()
    fields = {name: _restore(value, functions) for name, value in config.items() if name != "kind"}
    cls = KINDS[config.get("kind", "")]
    known = {field.name for field in dataclasses.fields(cls)}
    if not fields.keys() <= known:
        unknown = sorted(fields.keys() - known)
        raise InvalidValue(f"configuration of {config['kind']!r}", "has unknown fields", unknown)
    return cls(**fields)


def _learner_config(learner: Learner) -> dict[str, Any]:
    """Return an estimator's class, parameters and, where it is fitted, its model."""
    estimator = learner.estimator
    name = type(estimator).__name__
    if name not in LEARNERS or LEARNERS[name] is not type(estimator):
        raise InvalidType("configuration", "cannot be written", repr(estimator))
    parameters = estimator.get_params(deep=False)
    parameters.pop("pool", None)  # where a fit runs is no part of what it finds
    written = {name: to_config(value) for name, value in parameters.items()}
    found: dict[str, Any] = {"kind": "learner", "name": name, "parameters": written}
    if learner.fitted:
        model = estimator.model_
        found["digest"] = learner.digest
        found["columns"] = to_config(model.columns.columns)
        found["program"] = model.program.to_json()
        found["variables"] = {k: to_config(v) for k, v in model.variables.items()}
    return found


def _restore_learner(
    config: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]
) -> Learner:
    cls = LEARNERS[config["name"]]
    parameters = {k: _restore(v, functions) for k, v in config["parameters"].items()}
    estimator = cls(**parameters)
    if "program" not in config:
        return Learner(estimator)
    columns = ColumnSet(_restore(config["columns"], functions))
    variables = {k: _restore(v, functions) for k, v in config["variables"].items()}
    estimator.adopt(columns, Program.from_json(config["program"]), variables)
    return Learner(estimator, config["digest"])
