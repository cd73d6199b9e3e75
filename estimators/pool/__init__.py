"""One fit on many workers: rounds of local steps through joblib, merged after each."""

from .execution import PoolExecution
from .pool import Pool, get_pool
from .report import plot_pool_report

__all__ = ["Pool", "PoolExecution", "get_pool", "plot_pool_report"]
