"""A program's kernels with all their arrays laid out for one batch size."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import NonFinite
from .aligned import ALIGNMENT
from .plan import FLAT_VIEWS, Plan, allocate, element_count, is_dynamic, viewed
from .step import Step
from .tensor import Tensor
from .variables import Variable

__all__ = ["Binding"]

Array = npt.NDArray[Any]


class Binding:
    """A program's kernels with all their arrays, for one batch size."""

    def __init__(
        self,
        program: Step,
        plan: Plan,
        storage: dict[Tensor, Array],
        batch: int,
        guard: str | None,
        sure: frozenset[Tensor] = frozenset(),
    ):
        self.batch = batch
        # Runs every kernel once, on the feeds that are in the buffers.
        self.step: Callable[[], object] = self._step_once
        self._sure = sure
        self.plan = plan
        self.storage = storage
        offsets, size, _ = allocate(plan, batch)
        pool = np.empty(size + 64, np.uint8)
        self._pool = pool[-pool.ctypes.data % 64 :]
        self._offsets = offsets
        self.arrays: dict[Tensor, Array | None] = {}
        self.feeds: dict[str, Array] = {}
        self.ragged: dict[str, Array] = {}
        self._current: dict[Tensor, Array] = {}
        self.calls: list[Callable[[], object]] = []
        self._owners: list[Tensor] = []
        self._bind_placeholders(program)
        for node in program.nodes:
            if node.op.name == "constant":
                self.arrays[node] = node.attributes["value"]
            elif isinstance(node, Variable):
                self.arrays[node] = storage[node]
        watched = program.outputs[guard] if guard else None
        if watched is not None and watched not in plan.position:
            self._bind_guard(watched)
        for node in plan.order:
            self._bind(node)
            if node is watched:
                self._bind_guard(node)
        self.results: dict[Tensor, Any] = {
            node: self._borrow(node) if node in plan.borrowed else self.arrays[node]
            for node in plan.outputs
        }
        self._bind_updates(program.updates)

    def _bind_placeholders(self, program: Step) -> None:
        """Lay what changes from step to step side by side in `block`."""
        self._places: dict[str, slice] = {}
        end = 0
        for node in program.inputs:
            if node.shape[:1] == (None,) and not is_dynamic(node):
                size = element_count(node.shape, self.batch) * node.dtype.itemsize
                self._places[node.name] = slice(end, end + size)
                end += -(-size // ALIGNMENT) * ALIGNMENT
        self.block = np.empty(end, np.uint8)
        for node in program.inputs:
            if is_dynamic(node):
                self.arrays[node] = None
                continue
            if node.name in self._places:
                buffer = self.block[self._places[node.name]].view(node.dtype)
                buffer = buffer.reshape(self._shape(node))
            else:
                buffer = np.empty(self._shape(node), node.dtype)
            self.arrays[node] = self.feeds[node.name] = buffer

    def blocks(self, feeds: Mapping[str, Array], steps: int) -> Array:
        """Return the feeds of so many steps as rows of bytes, each as `block` takes it."""
        found = np.empty((steps, self.block.size), np.uint8)
        for name, array in feeds.items():
            shape = self.feeds[name].shape
            if math.prod(shape):
                part = found[:, self._places[name]].view(array.dtype).reshape(steps, *shape)
                np.copyto(part, array[: steps * self.batch].reshape(part.shape))
        return found

    def _shape(self, node: Tensor) -> tuple[int, ...]:
        return tuple(self.batch if size is None else int(size) for size in node.shape)

    def _buffer(self, node: Tensor) -> Array:
        if node in self.plan.overwritten:
            return self.storage[self.plan.overwritten[node]].reshape(self._shape(node))
        count = element_count(node.shape, self.batch)
        start = self._offsets[node]
        stretch = self._pool[start : start + count * node.dtype.itemsize]
        return stretch.view(node.dtype).reshape(self._shape(node))

    def _is_sure(self, node: Tensor) -> bool:
        """Whether the ids that `node` looks up are known to be in range."""
        found = [viewed(ids, FLAT_VIEWS) in self._sure for ids in node.inputs[node.op.ids]]
        return bool(found) and all(found)

    def _bind(self, node: Tensor) -> None:
        kernel = node.op.kernel(np, **node.attributes)
        arrays = [self.arrays[source] for source in node.inputs]
        if node in self.plan.arenas:
            self.arrays[node] = self.storage[node]
        elif is_dynamic(node):
            self.arrays[node] = None
            self._bind_dynamic(node, kernel, None)
        elif any(array is None for array in arrays):
            out = np.empty(self._shape(node), node.dtype) if node.op.view else self._buffer(node)
            self.arrays[node] = out
            self._bind_dynamic(node, kernel, out)
        elif node.op.view:
            self._bind_view(node, kernel, arrays)
        elif node.op.of_shapes and node not in self.plan.inside:
            self.arrays[node] = np.asarray(kernel(*arrays, None))
        elif node.op.name == "concat" and node.attributes["axis"] == 0:
            self._bind_concat(node, arrays)
        else:
            self.arrays[node] = out = self._buffer(node)
            for call in node.op.calls(node, arrays, out, self._is_sure(node)):
                self._add(node, call)

    def _bind_dynamic(self, node: Tensor, kernel: Callable[..., Array], out: Array | None) -> None:
        fixed = [self.arrays[source] for source in node.inputs]
        current, ragged = self._current, self.ragged
        sources = node.inputs

        def value(source: Tensor) -> Array:
            return ragged[source.name] if source.op.name == "placeholder" else current[source]

        def call() -> None:
            arrays = [
                value(source) if array is None else array
                for source, array in zip(sources, fixed, strict=True)
            ]
            result = kernel(*arrays, out)
            if out is None:
                current[node] = result if node.op.view else np.ascontiguousarray(result)
            elif result is not out:
                np.copyto(out, result)

        self._add(node, call)

    def _bind_view(self, node: Tensor, kernel: Callable[..., Array], arrays: list[Any]) -> None:
        view = kernel(*arrays, None)
        self.arrays[node] = view
        if view.size and not np.may_share_memory(view, arrays[0]):
            # A reshape of a transposed value cannot be a view: it is copied at every step.
            self.arrays[node] = out = np.empty(self._shape(node), node.dtype)
            self._add(node, lambda: np.copyto(out, kernel(*arrays, None)))

    def _bind_concat(self, node: Tensor, arrays: list[Any]) -> None:
        self.arrays[node] = out = self._buffer(node)
        start = 0
        for array in arrays:
            part = out[start : start + len(array)]
            start += len(array)
            if part.size and part.ctypes.data != array.ctypes.data:
                self._add(node, functools.partial(np.copyto, part, array))

    def _bind_guard(self, node: Tensor) -> None:
        array = self.arrays[node]
        assert array is not None
        scalar = array.ndim == 0

        def check() -> None:
            if not (math.isfinite(array.item()) if scalar else np.isfinite(array).all()):
                raise NonFinite(f"tensor {node.name!r}", "is not finite")

        self._add(node, check)

    def _borrow(self, node: Tensor) -> Array:
        """Have the value copied at this point of the step; return the copy."""
        value = self.arrays[node]
        assert value is not None
        copy = np.empty_like(value, order="C")
        self._add(node, functools.partial(np.copyto, copy, value))
        return copy

    def _bind_updates(self, updates: dict[Variable, Tensor]) -> None:
        late = []
        for variable, root in updates.items():
            target, value = self.storage[variable], self.arrays[root]
            assert value is not None
            if value.ctypes.data == target.ctypes.data and value.strides == target.strides:
                continue
            if root in self.plan.borrowed:
                value = self._borrow(root)
            late.append((root, functools.partial(np.copyto, target, value)))
        for root, copy in late:
            self._add(root, copy)

    def _add(self, node: Tensor, call: Callable[[], object]) -> None:
        self.calls.append(call)
        self._owners.append(node)

    def take_times(self, times: dict[Tensor, float]) -> None:
        """Have every kernel add the seconds it takes to its node's."""
        pairs = zip(self._owners, self.calls, strict=True)
        self.calls = [_timed(node, call, times) for node, call in pairs]

    def _step_once(self) -> None:
        for call in self.calls:
            call()
        self.step = self._step_again

    def _step_again(self) -> None:
        self.step = straight_line(self.calls)
        self.step()


def straight_line(calls: Iterable[Callable[[], object]]) -> Callable[[], object]:
    """Return one function that makes all `calls` in turn, as if written out by hand.

    For small arrays a loop over the calls would take a noticeable part of a step's time.
    """
    names: dict[int, str] = {}
    values: list[object] = []

    def name(value: object) -> str:
        if id(value) not in names:
            names[id(value)] = f"v{len(values)}"
            values.append(value)
        return names[id(value)]

    lines = []
    for call in calls:
        whole = call if isinstance(call, functools.partial) else functools.partial(call)
        arguments = [name(value) for value in whole.args]
        arguments += [f"{key}={name(value)}" for key, value in whole.keywords.items()]
        lines.append(f"        {name(whole.func)}({', '.join(arguments)})")
    parameters = ", ".join(names.values())
    text = "\n".join([f"def make({parameters}):", "    def step():", *lines, "        pass"])
    found: dict[str, Any] = {}
    exec(f"{text}\n    return step", found)  # of names and brackets only, nothing given
    step: Callable[[], object] = found["make"](*values)
    return step


def _timed(
    node: Tensor, call: Callable[[], object], times: dict[Tensor, float]
) -> Callable[[], None]:
    times.setdefault(node, 0.0)

    def timed() -> None:
        start = time.perf_counter()
        call()
        times[node] += time.perf_counter() - start

    return timed
