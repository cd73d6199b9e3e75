"""The training loop and what listens to it."""

from .callbacks import Callback
from .history import plot_history
from .loop import Trainer

__all__ = ["Callback", "Trainer", "plot_history"]
