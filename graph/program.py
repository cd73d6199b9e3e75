"""A step as a value: what goes in, what comes out, and what each variable becomes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import CanneryError, InvalidType, InvalidValue, ShapeMismatch
from .compiler.compiled import Compiled, CompiledExecution
from .compiler.source import Source
from .compiler.toolchain import compile_shared
from .interpreter import Execution
from .serialize import from_json, to_json
from .simplify import simplify
from .step import Step
from .tensor import Tensor
from .text import notebook_html, program_text
from .variables import Variable

__all__ = ["Program"]


class Program(Step):
    """Expressions to compute together, and the new value of each variable.

    A program has no state and no order: every expression sees the variables as they were before
    the step, and all updates take place together after it.

    Parameters
    ----------
    inputs : sequence of Tensor, optional
        The placeholders that will be fed; by default all that the expressions use.
    outputs : mapping of str to Tensor, or sequence of Tensor
        What a run returns. A sequence is named by its tensors' names.
    updates : mapping of Variable to Tensor, optional
        The new value of each variable that changes.

    Attributes
    ----------
    origin : Program or None
        The program that this one was simplified from.

    Raises
    ------
    ShapeMismatch
        An update differs from its variable in shape or dtype.
    InvalidValue
        Two feeds or two variables share a name, or a needed placeholder is not in `inputs`.

    Examples
    --------
    >>> from cannery.graph import Program, Variable, placeholder
    >>> x = placeholder("x", ())
    >>> total = Variable(0.0, "total")
    >>> program = Program(outputs={"before": total}, updates={total: total + x})
    >>> execution = program.start()
    >>> _ = execution.run({"x": 2.0})
    >>> float(execution.run({"x": 3.0})["before"]), float(execution.variables["total"])
    (2.0, 5.0)
    """

    def __init__(
        self,
        inputs: Sequence[Tensor] | None = None,
        outputs: Mapping[str, Tensor] | Sequence[Tensor] = (),
        updates: Mapping[Variable, Tensor] | None = None,
    ):
        if not isinstance(outputs, Mapping):
            outputs = {tensor.name: tensor for tensor in outputs}
        super().__init__(outputs, updates or {})
        self.origin: Program | None = None
        self._compiled: Compiled | None = None
        self._compiling: threading.Thread | None = None
        self._text: Source | None = None
        needed = self.inputs
        if inputs is not None:
            self.inputs = tuple(inputs)
        self._check(needed)

    def _check(self, found: Sequence[Tensor]) -> None:
        for kind, nodes in (("feed", self.inputs), ("variable", self.variables)):
            names = [node.name for node in nodes]
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise InvalidValue("program", f"two {kind}s share a name", twice, "rename one")
        for node in found:
            if node not in self.inputs:
                raise InvalidValue(
                    "program", f"needs the feed {node.name!r}", todo="add it to inputs"
                )
        for variable, value in self.updates.items():
            if not isinstance(variable, Variable):
                raise InvalidType("program", "only variables can be updated", repr(variable))
            if variable.shape != value.shape or variable.dtype != value.dtype:
                wanted = f"must have shape {variable.shape} and dtype {variable.dtype}"
                given = f"{value.shape} {value.dtype}"
                raise ShapeMismatch(f"update of {variable.name!r}", wanted, given)

    def initial_values(self, seed: int | None = 0) -> dict[str, npt.NDArray[Any]]:
        """Return a fresh first value for each variable, by name.

        The draw of a variable depends on `seed` and its place among the variables only.
        """
        seeds = np.random.SeedSequence(seed).spawn(len(self.variables))
        return {
            variable.name: variable.initialize(np.random.default_rng(child))
            for variable, child in zip(self.variables, seeds, strict=True)
        }

    def start(
        self,
        values: Mapping[str, npt.NDArray[Any]] | None = None,
        seed: int | None = 0,
        share: bool = False,
        jit: bool = False,
        threads: int = 1,
        adopt: bool = False,
    ) -> Execution | CompiledExecution:
        """Return a running instance of this program, with its own variables.

        Parameters
        ----------
        values : mapping of str to array, optional
            First values by variable name; the others are initialised.
        seed : int, optional
            For the initialisers; None draws a fresh one.
        share : bool
            Use the arrays in `values` themselves instead of copies, where the program does not
            update them.
        jit : bool
            Run compiled C instead of numpy: the same values up to rounding.
        threads : int
            The most threads that compiled code runs in. Sums over the batch are taken in an order
            that depends on this number and the batch size, never on time.
        adopt : bool
            Use the arrays in `values` themselves and change them, where they can be changed.

        Returns
        -------
        Execution
            Or a `CompiledExecution`, which has the same methods.

        Raises
        ------
        MissingDependency
            With `jit`, if there is no C compiler.
        """
        values = values or {}
        missing = [v.name for v in self.variables if v.name not in values]
        drawn = self.initial_values(seed) if missing else {}
        first = {v.name: values.get(v.name, drawn.get(v.name)) for v in self.variables}
        if jit:
            return CompiledExecution(self.compile(), first, share, threads, adopt)
        return Execution(self, first, share, adopt)

    def compile(self) -> Compiled:
        """Return the program as machine code; compiled once, and kept in the user's cache.

        Returns
        -------
        Compiled
            Its `source` is the C text.

        Raises
        ------
        MissingDependency
            There is no C compiler: neither ``CC``, gcc, clang nor the extra ``jit``.
        """
        if self._compiling is not None:
            self._compiling.join()
        if self._compiled is None:
            self._compiled = Compiled(self, text=self._text)
        return self._compiled

    def compile_soon(self) -> None:
        """Begin to compile in another thread, for which `compile` waits.

        What goes wrong there is said by `compile`, which then tries again.
        """
        if self._compiled is None and self._compiling is None:
            self._text = Source(self)
            self._compiling = threading.Thread(target=self._fill_cache)
            self._compiling.start()

    def _fill_cache(self) -> None:
        assert self._text is not None
        with contextlib.suppress(CanneryError):
            compile_shared(self._text.text)

    def simplified(self) -> Program:
        """Return a program of the same values that takes fewer ops; see `cannery.graph.simplify`.

        Returns
        -------
        Program
            Its `origin` is this program. Feeds that nothing needs any more are not its inputs.

        Examples
        --------
        >>> from cannery.graph import Program, log, placeholder
        >>> x = placeholder("x", (None,))
        >>> print(Program(outputs={"y": log(x * 1.0 + 1.0)}).simplified())
        x = placeholder()  # (batch) float32
        log1p = log1p(x)  # (batch) float32
        output y = log1p
        """
        roots = simplify(self.roots)
        names, late = list(self.outputs), roots[len(self.outputs) :]
        found = Program(
            outputs=dict(zip(names, roots, strict=False)),
            updates=dict(zip(self.updates, late, strict=True)),
        )
        found.origin = self
        return found

    def to_json(self) -> dict[str, Any]:
        """Return the program as plain data; see `cannery.graph.serialize.to_json`."""
        return to_json(self)

    @classmethod
    def from_json(cls, data: Any) -> Program:
        """Return the program that `to_json` described; its variables start at zero.

        Raises
        ------
        InvalidValue
            The data are no whole program of a known format.
        """
        step = from_json(data)
        return cls(step.inputs, step.outputs, step.updates)

    def __reduce__(self) -> Any:
        # Node by node, as pickle would do it, deep graphs exceed Python's recursion limit.
        return _restored, (self.to_json(), self.variables)

    def __str__(self) -> str:
        return program_text(self)

    def _repr_html_(self) -> str:
        return notebook_html(self)

    def __repr__(self) -> str:
        feeds = ", ".join(node.name for node in self.inputs)
        return (
            f"<Program ({feeds}) -> ({', '.join(self.outputs)}), {len(self.nodes)} nodes, "
            f"{len(self.updates)} updates>"
        )


def _restored(data: Any, variables: Sequence[Variable]) -> Program:
    step = from_json(data, {variable.name: variable for variable in variables})
    return Program(step.inputs, step.outputs, step.updates)
