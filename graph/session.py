"""TensorFlow 1's way to run a graph: a session that holds the variables' values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ..errors import InvalidType, InvalidValue
from .interpreter import evaluate
from .step import Step
from .tensor import Tensor, topological
from .variables import Variable

__all__ = ["Session", "TrainingOp"]


class TrainingOp:
    """Updates to run, as `minimize` of a TensorFlow 1 optimizer returns them.

    Parameters
    ----------
    updates : mapping of Variable to Tensor
    initialize : bool
        Set all variables of the session back to fresh initial values first.
    """

    def __init__(self, updates: Mapping[Variable, Tensor], initialize: bool = False):
        self.updates = dict(updates)
        self.initialize = initialize


class Session:
    """A thin layer over programs: values of variables, and `run`.

    Each variable starts at its initial value when it is first used. All fetches of one `run` see
    the variables as they were before it; updates take place after it.

    Parameters
    ----------
    seed : int
        For initial values that are drawn.

    Examples
    --------
    >>> from cannery.graph import Session, TrainingOp, Variable, placeholder
    >>> x, total = placeholder("x", ()), Variable(0.0, "total")
    >>> add = TrainingOp({total: total + x})
    >>> with Session() as session:
    ...     _ = session.run(add, feed_dict={x: 2.0})
    ...     _, value = session.run([add, total * 1.0], feed_dict={x: 3.0})
    ...     float(value), float(session.run(total))
    (2.0, 5.0)
    """

    def __init__(self, seed: int = 0):
        self._generator = np.random.default_rng(seed)
        self._values: dict[Variable, npt.NDArray[Any]] = {}
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget all values; the session cannot run afterwards."""
        self._values.clear()
        self._closed = True

    def value(self, variable: Variable) -> npt.NDArray[Any]:
        """Return the current value of a variable."""
        if variable not in self._values:
            self._values[variable] = variable.initialize(self._generator)
        return self._values[variable]

    def run(self, fetches: Any, feed_dict: Mapping[Tensor, Any] | None = None) -> Any:
        """Return the values of `fetches`, in the structure they were given in.

        Parameters
        ----------
        fetches : Tensor, TrainingOp, Program, or a list, tuple or dict of them
            A training op gives None; a program gives its outputs, and its updates take place.
        feed_dict : mapping of Tensor to array, optional
            Values of placeholders, or of any other tensor in place of what it would be.

        Raises
        ------
        InvalidValue
            A placeholder is not fed, or the session is closed.
        InvalidType
            Something that cannot be fetched.
        """
        if self._closed:
            raise InvalidValue("session", "is closed", todo="make another one")
        tensors: list[Tensor] = []
        updates: dict[Variable, Tensor] = {}
        if _collect(fetches, tensors, updates):
            self._values.clear()
        roots = [*tensors, *updates.values()]
        feeds = {_known(node): _batch(node, value) for node, value in (feed_dict or {}).items()}
        for node in topological(roots, known=feeds):
            if isinstance(node, Variable) and node not in feeds:
                feeds[node] = self.value(node)
        values = evaluate(roots, feeds)
        # Copies: what is fetched, or a new value, may be a view of a variable's value.
        values = [np.array(value) for value in values]
        found, new = dict(zip(tensors, values, strict=False)), values[len(tensors) :]
        self._values.update(zip(updates, new, strict=True))
        return _filled(fetches, found)


def _collect(fetch: Any, tensors: list[Tensor], updates: dict[Variable, Tensor]) -> bool:
    """Gather what is fetched; return whether the variables start afresh."""
    if fetch is None:
        return False
    if isinstance(fetch, Tensor):
        tensors.append(fetch)
        return False
    if isinstance(fetch, TrainingOp):
        _merge(updates, fetch.updates)
        return fetch.initialize
    if isinstance(fetch, Step):
        tensors.extend(fetch.outputs.values())
        _merge(updates, fetch.updates)
        return False
    if isinstance(fetch, (Mapping, list, tuple)):
        parts = fetch.values() if isinstance(fetch, Mapping) else fetch
        fresh = [_collect(part, tensors, updates) for part in parts]
        return any(fresh)
    raise InvalidType("fetch", "must be a tensor, a training op or a program", repr(fetch))


def _merge(updates: dict[Variable, Tensor], more: Mapping[Variable, Tensor]) -> None:
    for variable, value in more.items():
        if updates.setdefault(variable, value) is not value:
            raise InvalidValue("fetch", f"two new values for {variable.name!r}", todo="run twice")


def _known(node: Any) -> Tensor:
    if not isinstance(node, Tensor):
        raise InvalidType("feed_dict", "must have tensors as keys", repr(node))
    return node


def _batch(node: Tensor, value: Any) -> Any:
    """Return what is fed; one number is a batch of one, as where TensorFlow knew no shape."""
    return [value] if node.shape == (None,) and np.ndim(value) == 0 else value


def _filled(fetch: Any, values: Mapping[Tensor, Any]) -> Any:
    if isinstance(fetch, Tensor):
        return values[fetch]
    if isinstance(fetch, Step):
        return {name: values[node] for name, node in fetch.outputs.items()}
    if isinstance(fetch, Mapping):
        return {key: _filled(part, values) for key, part in fetch.items()}
    if isinstance(fetch, (list, tuple)):
        parts = [_filled(part, values) for part in fetch]
        named = hasattr(fetch, "_fields")  # a namedtuple takes its parts one by one
        return type(fetch)(*parts) if named else type(fetch)(parts)
    return None
