"""How long a program would take to interpret: whether compiling it pays."""

from __future__ import annotations

import math
from functools import lru_cache

from ..step import Step
from ..tensor import Dimension

__all__ = ["COMPILE_SECONDS", "interpreted_seconds", "step_work"]

CALL = 1.7e-6  # seconds: one kernel of numpy called on little data
ELEMENT = 4e-10  # seconds: one number through one kernel
MULTIPLICATION = 2.5e-11  # seconds: one product summed in a matrix product
COMPILE_SECONDS = 1.0  # what compiling a training step takes, on a slow day


def _count(shape: tuple[Dimension, ...], batch: int) -> int:
    return math.prod(size if isinstance(size, int) else batch for size in shape)


@lru_cache(maxsize=64)
def step_work(program: Step, batch: int) -> tuple[int, int, int]:
    """Return the kernels of a step, the numbers they write, and the products they sum."""
    kernels = numbers = products = 0
    for node in program.nodes:
        if not node.inputs or node.op.view:
            continue
        kernels += 1
        count = _count(node.shape, batch)
        numbers += count
        if node.op.name == "matmul":
            products += count * _count(node.inputs[0].shape[-1:], batch)
    return kernels, numbers, products


def interpreted_seconds(program: Step, batch: int, steps: int) -> float:
    """Return about how long numpy takes for so many steps; the same on every machine.

    It decides which of two ways of rounding is taken, so it must not depend on a clock.
    """
    kernels, numbers, products = step_work(program, batch)
    return steps * (kernels * CALL + numbers * ELEMENT + products * MULTIPLICATION)
