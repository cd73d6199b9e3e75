"""The training loop and what listens to it."""

from typing import TYPE_CHECKING

from ...lazy import lazy_names

if TYPE_CHECKING:
    from .callbacks import Callback
    from .history import plot_history
    from .loop import Trainer

__all__ = ["Callback", "Trainer", "plot_history"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, __all__, within=["history", "callbacks", "loop"])
