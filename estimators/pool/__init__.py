"""One fit on many workers: rounds of local steps through joblib, merged after each.

A worker imports its part of this package, which is why names are imported one by one.
"""

from typing import TYPE_CHECKING

from ...lazy import lazy_names

if TYPE_CHECKING:
    from .execution import PoolExecution
    from .pool import Pool, get_pool
    from .report import plot_pool_report

__all__ = ["Pool", "PoolExecution", "get_pool", "plot_pool_report"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, __all__, within=["report", "pool", "execution"])
