"""The dataflow graph: define expressions, differentiate them, run them as programs."""

from typing import TYPE_CHECKING

from ..lazy import lazy_names
from . import ops
from .compiler.compiled import Compiled, CompiledExecution
from .explain import Explanation, explain
from .gradients import gradients
from .interpreter import Execution, evaluate
from .op import OPS
from .ops import *  # noqa: F403
from .program import Program
from .session import Session, TrainingOp
from .simplify import simplify
from .tensor import Tensor, name_scope
from .variables import Variable, constant, placeholder

__all__ = [
    "OPS",
    "Compiled",
    "CompiledExecution",
    "Execution",
    "Explanation",
    "Program",
    "Session",
    "Tensor",
    "TrainingOp",
    "Variable",
    "constant",
    "evaluate",
    "explain",
    "gradients",
    "name_scope",
    "placeholder",
    "simplify",
    *ops.__all__,
]

if not TYPE_CHECKING:  # `cannery.graph.optimizers` needs no import of its own
    __getattr__, __dir__ = lazy_names(__name__, __all__)
