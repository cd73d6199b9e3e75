"""Run a program on numpy: once and plainly, or many steps over resident arrays.

`evaluate` is the definition: it calls one kernel after the other and keeps every value.
`Execution` gives the same numbers from buffers laid out beforehand, so that a step costs little
more than its kernels.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InvalidType, InvalidValue, ShapeMismatch
from .aligned import ALIGNMENT, aligned
from .binding import Binding
from .feeds import Feeder, Results, check_outputs
from .lowering import id_limits, in_range, lowered
from .plan import Plan, element_count
from .staging import rowwise, substitute
from .step import Step
from .tensor import Dimension, Tensor, topological
from .variables import Variable

__all__ = ["Execution", "evaluate"]

Array = npt.NDArray[Any]
DEFAULT_BATCH = 4096  # rows at a time where nobody asks for a batch size: buffers stay in cache
STAGED_ROWS = 8192  # rows prepared at a time for the steps of a training run
FEW_ROWS = 512  # in a batch: copying its feeds costs less than the calls for each of them
BINDINGS_KEPT = 4  # batch sizes whose buffers are kept: full, last, and two of a prediction


def evaluate(
    outputs: Sequence[Tensor],
    feeds: Mapping[Any, Any] | None = None,
    variables: Mapping[str, Any] | None = None,
) -> list[Array]:
    """Return the values of `outputs`, computed one kernel after the other.

    Parameters
    ----------
    outputs : sequence of Tensor
    feeds : mapping, optional
        Values by placeholder or its name. Any other tensor may be fed too, in place of its value.
    variables : mapping of str to array, optional
        Values by variable name; others take their initial value.

    Returns
    -------
    list of ndarray

    Raises
    ------
    InvalidValue
        A placeholder is not fed.
    ShapeMismatch
        A value given has another shape than its node, or another batch size than others.

    Examples
    --------
    >>> from cannery.graph import evaluate, placeholder
    >>> x = placeholder("x", (None,))
    >>> evaluate([x + 1.0], {"x": [1.0, 2.0]})[0].tolist()
    [2.0, 3.0]
    """
    values = evaluate_all(outputs, feeds, variables)
    return [values[node] for node in outputs]


def evaluate_all(
    outputs: Sequence[Tensor],
    feeds: Mapping[Any, Any] | None = None,
    variables: Mapping[str, Any] | None = None,
) -> dict[Tensor, Array]:
    """Return the value of everything that `outputs` depend on, in order of computation."""
    feeds, variables = feeds or {}, variables or {}
    values: dict[Tensor, Array] = {}
    sizes: dict[Dimension, int] = {}
    with np.errstate(all="ignore"):
        for node in topological(outputs, known=feeds):
            if node in feeds:
                values[node] = _fitting(node, feeds[node], sizes)
            elif node.op.name == "placeholder":
                if node.name not in feeds:
                    raise InvalidValue(f"feed {node.name!r}", "is missing", todo="add it to feeds")
                values[node] = _fitting(node, feeds[node.name], sizes)
            elif isinstance(node, Variable):
                given = variables.get(node.name)
                drawn = node.initialize(np.random.default_rng(0)) if given is None else given
                values[node] = _fitting(node, drawn, sizes)
            else:
                kernel = node.op.kernel(np, **node.attributes)
                value = kernel(*[values[source] for source in node.inputs], None)
                # Sums depend on the order in memory, which `Execution` has row by row.
                values[node] = np.asarray(value, node.dtype, order="K" if node.op.view else "C")
    return values


def _fitting(node: Tensor, value: Any, sizes: dict[Dimension, int]) -> Array:
    """Return a given value as an array of the node's shape; `sizes` holds what is unknown in it."""
    try:
        array = np.asarray(value, node.dtype)
    except (TypeError, ValueError):
        raise InvalidType(f"feed {node.name!r}", "must be numbers", repr(value)[:80]) from None
    if array.ndim == node.rank:
        wanted = [
            size if isinstance(size, int) else sizes.setdefault(size, given)
            for size, given in zip(node.shape, array.shape, strict=True)
        ]
        if array.shape == tuple(wanted):
            return array
    unknown = "".join(f", {size or 'batch'} = {number}" for size, number in sizes.items())
    message = f"must have shape {node.shape}{unknown}"
    raise ShapeMismatch(f"feed {node.name!r}", message, array.shape)


def allocate_variables(
    program: Step,
    arenas: Mapping[Tensor, Sequence[Variable]],
    values: Mapping[str, Any],
    share: bool,
    adopt: bool = False,
) -> dict[Tensor, Array]:
    """Return the memory of a program's variables, filled; `arenas` lie side by side.

    See `Program.start` for `share` and `adopt`.
    """
    storage: dict[Tensor, Array] = {}
    for arena, members in arenas.items():
        flat = aligned((element_count(arena.shape, 0),), arena.dtype)
        storage[arena] = flat.reshape(arena.shape)  # type: ignore[arg-type]
        start = 0
        for variable in members:
            count = element_count(variable.shape, 0)
            part = flat[start : start + count]
            storage[variable] = part.reshape(variable.shape)  # type: ignore[arg-type]
            start += count
    for variable in program.variables:
        value = np.asarray(values[variable.name], variable.dtype)
        if value.shape != variable.shape:
            wanted = f"must have shape {variable.shape}"
            raise ShapeMismatch(f"variable {variable.name!r}", wanted, value.shape)
        if variable in storage:
            storage[variable][...] = value
            continue
        taken = adopt and value.flags.writeable and value.ctypes.data % ALIGNMENT == 0
        shared = share and variable not in program.updates
        if not value.flags.c_contiguous or not (taken or shared):
            old, value = value, aligned(value.shape, value.dtype)
            value[...] = old
        storage[variable] = value
    return storage


class Execution:
    """A program at work: its variables, and the buffers of its steps.

    Made by `Program.start`; with a dict for `times`, the seconds that each op takes are added up
    there. Safe to use from several threads, which then take turns.

    Attributes
    ----------
    program : Program
    variables : dict of str to ndarray
        The variables' current values. These are the arrays the program updates, not copies.
    """

    def __init__(
        self,
        program: Step,
        values: Mapping[str, Any],
        share: bool = False,
        adopt: bool = False,
        times: dict[Tensor, float] | None = None,
    ):
        check_outputs(program.outputs)
        self.program, self._times = program, times
        self._before: Execution | None = None
        self._step: Step = program
        if program.updates:
            self._stage(lowered(program))
        self._limits: dict[Tensor, int] = {} if self._before is None else id_limits(self._step)
        self._plan = Plan(self._step.outputs.values(), self._step.updates)
        self._storage = allocate_variables(program, self._plan.arenas, values, share, adopt)
        self.variables = {v.name: self._storage[v] for v in program.variables}
        self._bindings: dict[tuple[int, str | None, frozenset[Tensor]], Binding] = {}
        self._lock = threading.Lock()

    def _stage(self, program: Step) -> None:
        """Take out of the step what feeds alone determine, row by row."""
        fed = rowwise(program)
        if not fed:
            self._step = program
            return
        self._step = program.with_roots(substitute(program.roots, fed))
        early = {stand_in.name: node for node, stand_in in fed.items()}
        self._before = Execution(Step(early, {}), {}, times=self._times)

    def _binding(
        self, batch: int, guard: str | None, sure: frozenset[Tensor] = frozenset()
    ) -> Binding:
        key = (batch, guard, sure)
        found = self._bindings.pop(key, None)
        if found is None:
            found = Binding(self._step, self._plan, self._storage, batch, guard, sure)
            if self._times is not None:
                found.take_times(self._times)
        self._bindings[key] = found
        while len(self._bindings) > BINDINGS_KEPT:
            del self._bindings[next(iter(self._bindings))]
        return found

    def prepare(self, feeds: Mapping[str, Any]) -> Feeder:
        """Return feeds that `run` takes without looking through them again.

        Raises
        ------
        InvalidValue, InvalidType, ShapeMismatch
            As `run` does.
        """
        return Feeder(self.program.inputs, feeds)

    def run(
        self,
        feeds: Mapping[str, Any] | Feeder | None = None,
        rows: npt.ArrayLike | None = None,
        batch_size: int | None = None,
        finite: str | None = None,
    ) -> dict[str, Array]:
        """Run one step for each batch of rows.

        Parameters
        ----------
        feeds : mapping of str to array or ragged
            By placeholder name, the whole data set: axis 0 is the row wherever the placeholder's
            is the batch. A feed with ``offsets``, ``ids`` and ``weights`` is ragged. Where many
            runs take the same, `prepare` has them checked once.
        rows : array of int, optional
            The rows to visit and their order; all of them as they come by default.
        batch_size : int, optional
            Rows a step; the last step takes what is left.
        finite : str, optional
            An output that must be finite. It is checked before any update of its step.

        Returns
        -------
        dict of str to ndarray
            An output with a batch axis in front has one entry a row visited; any other has one
            a step, or none of that axis where nothing fed has a batch axis.

        Raises
        ------
        InvalidValue
            A feed is missing, or its rows differ in number from the others.
        ShapeMismatch
            A feed has another shape than its placeholder.
        NonFinite
            The output named by `finite` is not; the variables are as before that step.
        """
        if finite is not None and finite not in self.program.outputs:
            raise InvalidValue("finite", "must name an output", repr(finite))
        with self._lock, np.errstate(all="ignore"):
            feeder = Feeder.of(self.program.inputs, feeds)
            return self._run(feeder, rows, batch_size, finite)

    def _run(
        self, feeder: Feeder, rows: Any, batch_size: int | None, finite: str | None
    ) -> dict[str, Array]:
        if feeder.rows is None:
            if rows is not None:
                raise InvalidValue("rows", "nothing that is fed has rows", todo="leave them out")
            binding = self._binding(0, finite)
            feeder.load(binding.feeds, binding.ragged, None, 0, 0)
            binding.step()
            return {
                name: np.array(binding.results[node]) for name, node in self.program.outputs.items()
            }
        chosen = None if rows is None else feeder.check_rows(rows)
        count = feeder.rows if chosen is None else len(chosen)
        if batch_size is not None and batch_size < 1:
            raise InvalidValue("batch_size", "must be at least 1", batch_size)
        size = min(batch_size or DEFAULT_BATCH, max(count, 1))
        results = Results(self._step.outputs, count, -(-count // size))
        if not self.program.updates:
            self._steps(feeder, chosen, 0, count, size, finite, results)
            return results.arrays
        many = size * max(1, STAGED_ROWS // size)
        for low in range(0, count, many):
            high = min(low + many, count)
            places = np.arange(low, high) if chosen is None else chosen[low:high]
            part = self._prepared(feeder, places)
            self._steps(Feeder(self._step.inputs, part), None, low, high, size, finite, results)
        return results.arrays

    def _prepared(self, feeder: Feeder, places: npt.NDArray[np.intp]) -> dict[str, Any]:
        """Return the feeds of many steps, with what they need computed from feeds alone."""
        part = {**feeder.feeds, **feeder.ragged_rows(places)}
        if self._before is None:
            part.update((name, array.take(places, 0)) for name, array in feeder.batched.items())
            return part
        early = self._before
        binding = early._binding(len(places), None)
        Feeder(early._step.inputs, feeder.feeds).load(
            binding.feeds, binding.ragged, places, 0, len(places)
        )
        binding.step()
        outputs = early._step.outputs.items()
        part.update((name, binding.results[node]) for name, node in outputs)
        return part

    def _steps(
        self,
        feeder: Feeder,
        rows: npt.NDArray[np.intp] | None,
        first: int,
        end: int,
        size: int,
        finite: str | None,
        results: Results,
    ) -> None:
        """Run the steps from row `first` of the run on; the feeder's rows begin there."""
        sure = in_range(self._limits, feeder.batched)
        low = first
        if rows is None and end - first > size <= FEW_ROWS:
            # What all steps are fed is laid out once, so that a step copies one stretch of memory.
            binding = self._binding(size, finite, sure)
            feeder.load_fixed(binding.feeds)
            for block in binding.blocks(feeder.batched, (end - first) // size):
                high = low + size
                np.copyto(binding.block, block)
                feeder.load_ragged(binding.feeds, binding.ragged, slice(low - first, high - first))
                binding.step()
                results.store(binding.results, low // size, low, high)
                low = high
        for start in range(low, end, size):
            high = min(start + size, end)
            binding = self._binding(high - start, finite, sure)
            feeder.load(binding.feeds, binding.ragged, rows, start - first, high - first)
            binding.step()
            results.store(binding.results, start // size, start, high)
