"""What the command line runs: one command, one file."""

from .demo import run_demo
from .fit import fit_file

__all__ = ["fit_file", "run_demo"]
