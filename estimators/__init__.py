"""Canned estimators, heads, and the parts they are made of."""

from .canned import *  # noqa: F403
from .canned import __all__ as _canned
from .pool import Pool, plot_pool_report

__all__ = [*_canned, "Pool", "plot_pool_report"]
