"""What the command line runs: one command, one file."""

from .demo import demo
from .fit import MODELS, TASKS, fit

__all__ = ["MODELS", "TASKS", "demo", "fit"]
