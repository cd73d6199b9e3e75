"""Every kind of column, and the parts they are made of, by the name their configuration uses."""

from __future__ import annotations

from typing import Any

from ..registry import Registry

__all__ = ["KINDS", "LEARNERS"]

KINDS: Registry[type[Any]] = Registry("kind of column")

# Classes of estimators that columns may hold, by name; each registers itself.
LEARNERS: Registry[type[Any]] = Registry("learner")
