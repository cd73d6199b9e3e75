"""Generated data: app-store impressions with known click probabilities, and a census."""

from .app_store import make_app_store
from .census import make_census

__all__ = ["make_app_store", "make_census"]
