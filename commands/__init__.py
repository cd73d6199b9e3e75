"""What the command line runs: one command, one file."""

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from .demo import run_demo
    from .fit import fit_file

__all__ = ["fit_file", "run_demo"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, __all__, within=["demo", "fit"])
