"""What is compared, by name: for a command line that is to answer before anything is imported."""

from __future__ import annotations

import re

from .. import estimators

__all__ = ["MODEL_NAMES", "TASKS"]

TASKS = ("auto", "classification", "regression")


def _short(name: str) -> str:
    """Return ``wide_deep`` for ``WideDeepClassifier``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.removesuffix("Classifier")).lower()


def _pairs() -> dict[str, tuple[str, str]]:
    """Pair each canned classifier with its regressor; what has no target has no part in it."""
    found: dict[str, tuple[str, str]] = {}
    for name in estimators.__all__:
        regressor = name.removesuffix("Classifier") + "Regressor"
        if name.endswith("Classifier") and regressor in estimators.__all__:
            found[_short(name)] = (name, regressor)
    return found


MODEL_NAMES = _pairs()
