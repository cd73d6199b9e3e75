"""Hyperparameters compared: what may change between two fits of a model, and what may not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import InvalidValue
from .training.identity import described

__all__ = ["check_unchanged", "comparable", "lasting"]

# Hyperparameters that may change between two fits of one model.
FREE = set("epochs batch_size validation_fraction early_stopping patience min_delta".split()) | set(
    "class_weight warm_start strict n_jobs jit callbacks pool random_state verbose".split()
    + "checkpoint_dir checkpoint_seconds keep_checkpoints".split()
)
# Those that may change before a fit that was cut off goes on, for they do not change its end.
INCIDENTAL = set("epochs strict n_jobs jit callbacks verbose warm_start".split()) | set(
    "checkpoint_dir checkpoint_seconds keep_checkpoints".split()
)


def check_unchanged(estimator: Any, settings: Mapping[str, Any]) -> None:
    """Raise if a hyperparameter that shaped the model has another value than in `settings`.

    Raises
    ------
    InvalidValue
        Naming those that have.
    """
    params = estimator.get_params(deep=False).items()
    changed = [
        name for name, value in params if name not in FREE and comparable(value) != settings[name]
    ]
    if changed:
        wrong = "cannot go on training with other settings"
        raise InvalidValue("fit", wrong, sorted(changed), "set them back, or warm_start=False")


def comparable(value: Any) -> Any:
    """Return what a hyperparameter holds, for optimizers compare by identity."""
    if hasattr(value, "get_params"):
        params = value.get_params(deep=False)
        return type(value), {name: comparable(part) for name, part in params.items()}
    return value.tolist() if isinstance(value, np.ndarray) else value


def lasting(estimator: Any) -> dict[str, str]:
    """Return as text which estimator it is and what of its settings changes the end of a fit."""
    params = estimator.get_params(deep=False).items()
    texts = {name: described(value) for name, value in params if name not in INCIDENTAL}
    return {"estimator": type(estimator).__name__, **texts}
