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
    """

    def __init__(self, updates: Mapping[Variable, Tensor]):
        self.updates = dict(updates)


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
        _collect(fetches, tensors, updates)
        roots = [*tensors, *updates.values()]
        feeds: dict[Any, Any] = dict(feed_dict or {})
        for node in topological(roots):
            if isinstance(node, Variable) and node not in feeds:
                feeds[node] = self.value(node)
        values = evaluate(roots, feeds)
        found = dict(zip(tensors, values, strict=False))
        # Copies: an update may be a view of another variable's value.
        new = [np.array(value) for value in values[len(tensors) :]]
        self._values.update(zip(updates, new, strict=True))
        return _filled(fetches, found)


def _collect(fetch: Any, tensors: list[Tensor], updates: dict[Variable, Tensor]) -> None:
    if fetch is None:
        return
    if isinstance(fetch, Tensor):
        tensors.append(fetch)
    elif isinstance(fetch, TrainingOp):
        updates.update(fetch.updates)
    elif isinstance(fetch, Step):
        tensors.extend(fetch.outputs.values())
        updates.update(fetch.updates)
    elif isinstance(fetch, Mapping):
        for part in fetch.values():
            _collect(part, tensors, updates)
    elif isinstance(fetch, (list, tuple)):
        for part in fetch:
            _collect(part, tensors, updates)
    else:
        raise InvalidType("fetch", "must be a tensor, a training op or a program", repr(fetch))


def _filled(fetch: Any, values: Mapping[Tensor, Any]) -> Any:
    if isinstance(fetch, Tensor):
        return values[fetch]
    if isinstance(fetch, Step):
        return {name: values[node] for name, node in fetch.outputs.items()}
    if isinstance(fetch, Mapping):
        return {key: _filled(part, values) for key, part in fetch.items()}
    if isinstance(fetch, (list, tuple)):
        return type(fetch)(_filled(part, values) for part in fetch)
    return None
