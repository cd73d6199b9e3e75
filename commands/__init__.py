"""What the command line runs: one command, one file."""

from .demo import run_demo
from .fit import MODELS, TASKS, fit_file

__all__ = ["MODELS", "TASKS", "fit_file", "run_demo"]
