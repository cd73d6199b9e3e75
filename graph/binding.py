"""A program's kernels with all their arrays laid out for one batch size."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import NonFinite
from .plan import Plan, allocate, element_count, is_dynamic
from .step import Step
from .tensor import Tensor
from .variables import Variable

__all__ = ["Binding"]

Array = npt.NDArray[Any]


class Binding:
    """A program's kernels with all their arrays, for one batch size."""

    def __init__(
        self, program: Step, plan: Plan, storage: dict[Tensor, Array], batch: int, guard: str | None
    ):
        self.batch = batch
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
        for node in program.inputs:
            self._bind_placeholder(node)
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

    def _bind_placeholder(self, node: Tensor) -> None:
        if is_dynamic(node):
            self.arrays[node] = None
        else:
            buffer = np.empty(self._shape(node), node.dtype)
            self.arrays[node] = self.feeds[node.name] = buffer

    def _shape(self, node: Tensor) -> tuple[int, ...]:
        return tuple(self.batch if size is None else int(size) for size in node.shape)

    def _buffer(self, node: Tensor) -> Array:
        if node in self.plan.overwritten:
            return self.storage[self.plan.overwritten[node]].reshape(self._shape(node))
        count = element_count(node.shape, self.batch)
        start = self._offsets[node]
        stretch = self._pool[start : start + count * node.dtype.itemsize]
        return stretch.view(node.dtype).reshape(self._shape(node))

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
        elif node.op.name == "concat" and node.attributes["axis"] == 0:
            self._bind_concat(node, arrays)
        else:
            self.arrays[node] = out = self._buffer(node)
            self.calls.append(functools.partial(kernel, *arrays, out))

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

        self.calls.append(call)

    def _bind_view(self, node: Tensor, kernel: Callable[..., Array], arrays: list[Any]) -> None:
        view = kernel(*arrays, None)
        self.arrays[node] = view
        if view.size and not np.may_share_memory(view, arrays[0]):
            # A reshape of a transposed value cannot be a view: it is copied at every step.
            self.arrays[node] = out = np.empty(self._shape(node), node.dtype)
            self.calls.append(lambda: np.copyto(out, kernel(*arrays, None)))

    def _bind_concat(self, node: Tensor, arrays: list[Any]) -> None:
        self.arrays[node] = out = self._buffer(node)
        start = 0
        for array in arrays:
            part = out[start : start + len(array)]
            start += len(array)
            if part.size and part.ctypes.data != array.ctypes.data:
                self.calls.append(functools.partial(np.copyto, part, array))

    def _bind_guard(self, node: Tensor) -> None:
        array = self.arrays[node]
        assert array is not None
        scalar = array.ndim == 0

        def check() -> None:
            if not (math.isfinite(array.item()) if scalar else np.isfinite(array).all()):
                raise NonFinite(f"tensor {node.name!r}", "is not finite")

        self.calls.append(check)

    def _borrow(self, node: Tensor) -> Array:
        """Have the value copied at this point of the step; return the copy."""
        value = self.arrays[node]
        assert value is not None
        copy = np.empty_like(value, order="C")
        self.calls.append(functools.partial(np.copyto, copy, value))
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
            late.append(functools.partial(np.copyto, target, value))
        self.calls.extend(late)

    def step(self) -> None:
        """Run every kernel once, on the feeds that are in the buffers."""
        for call in self.calls:
            call()
