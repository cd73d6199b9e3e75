"""One fit on many workers: rounds of local steps through joblib, merged after each."""

from .execution import PoolExecution
from .pool import Pool, get_pool
from .report import plot_pool_report
from .rounds import start_workers

__all__ = ["Pool", "PoolExecution", "get_pool", "plot_pool_report", "start_workers"]
