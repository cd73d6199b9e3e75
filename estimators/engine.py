"""What runs an estimator's programs: compiled C or the interpreter, and in how many threads.

The choice between the two rounds numbers in one way or the other, so it never depends on a clock,
on the cache of compiled code or on what else the machine does.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from joblib.parallel import get_active_backend
from threadpoolctl import ThreadpoolController

from ..errors import CompileError
from ..graph import CompiledExecution, Execution, Program
from ..graph.compiler.blas import find_gemm
from ..graph.compiler.cache import warn_once
from ..graph.compiler.cost import COMPILE_SECONDS
from ..graph.compiler.extension import Extension
from ..graph.compiler.toolchain import find_toolchain

__all__ = ["Engine", "Running", "uses_c"]

Running = Execution | CompiledExecution


@dataclass(frozen=True)
class Engine:
    """How programs are run.

    Parameters
    ----------
    jit : bool
        Whether as compiled C, where there is a C compiler.
    threads : int
        The most threads.

    Examples
    --------
    >>> Engine.chosen(False, None, 60.0)
    Engine(jit=False, threads=1)
    """

    jit: bool = False
    threads: int = 1

    @classmethod
    def chosen(cls, jit: bool | str, n_jobs: int | None, seconds: float) -> Engine:
        """Return the engine for a fit.

        Parameters
        ----------
        jit : {"auto", True, False}
        n_jobs : int, optional
            As scikit-learn has it. Inside a worker of joblib, which shares the machine with
            others, it is no more than joblib grants.
        seconds : float
            About how long the interpreter would take for the whole fit.
        """
        pays = jit is True or (jit == "auto" and seconds > COMPILE_SECONDS)
        threads = effective_n_jobs(n_jobs or 1)
        if get_active_backend()[0].nesting_level:
            threads = min(threads, int(os.environ.get("OMP_NUM_THREADS") or 1))
        return cls(pays and find_toolchain() is not None, threads)

    def start(self, program: Program, values: Any, **options: Any) -> Running:
        """Return a program at work; interpreted, with a line in the log, where C fails.

        Parameters
        ----------
        program : Program
        values : mapping of str to ndarray
        **options : bool
            `share` and `adopt`, as `Program.start` has them.
        """
        if self.jit and find_toolchain() is not None:
            try:
                return program.start(values, jit=True, threads=self.threads, **options)
            except CompileError as error:
                warn_once(f"{error} (this program is interpreted)")
        return program.start(values, **options)

    @contextlib.contextmanager
    def limits(self) -> Iterator[None]:
        """Hold matrix products of the interpreter to these threads.

        Without it each takes all cores, and two threads that wait for a busy core take ten times
        as long as one.
        """
        with _controller().limit(limits=self.threads, user_api="blas"):
            yield


def uses_c(jit: bool | str, extension: Extension) -> bool:
    """Whether C does what is worth it in any case: unless that is switched off or there is none.

    Parameters
    ----------
    jit : {"auto", True, False}
    extension : Extension
        What would do it.

    Raises
    ------
    CompileError
        `jit` is True, and the extension does not compile.
    """
    if jit is True and find_toolchain() is not None:
        extension.require()
    return jit is not False and extension.find() is not None


@functools.cache
def _controller() -> ThreadpoolController:
    find_gemm(np.dtype(np.float32))  # what it may load is to be held as well
    return ThreadpoolController()
