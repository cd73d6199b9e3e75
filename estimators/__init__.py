"""Canned estimators, heads, and the parts they are made of."""

from .canned import *  # noqa: F403
from .canned import __all__ as _canned

__all__ = [*_canned]
