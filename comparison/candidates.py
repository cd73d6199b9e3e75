"""Who takes part: estimators by name, in lists and in mappings, all of one task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.pipeline import Pipeline

from ..errors import InvalidType, InvalidValue
from ..estimators import ESTIMATORS
from ..estimators.labels import label_array
from ..registry import Registry
from .names import MODEL_NAMES, TASKS

__all__ = ["MODELS", "candidates", "guess_task"]

MOST_CLASSES = 20  # whole numbers of more distinct values are taken for quantities


def _models() -> Registry[tuple[type[Any], type[Any]]]:
    found: Registry[tuple[type[Any], type[Any]]] = Registry("model")
    for name, (classifier, regressor) in MODEL_NAMES.items():
        found.add(name, (ESTIMATORS[classifier], ESTIMATORS[regressor]))
    return found


MODELS = _models()


def guess_task(y: Any) -> str:
    """Return ``"classification"`` or ``"regression"``, by what the target holds.

    Texts, booleans and whole numbers of at most 20 distinct values are classes, and so is a matrix
    of zeros and ones; all else is a quantity.

    Examples
    --------
    >>> guess_task(["no", "yes"]), guess_task([1, 2, 2]), guess_task([0.5, 1])
    ('classification', 'classification', 'regression')
    """
    array = label_array(y)
    if array.dtype.kind not in "iuf":
        return "classification"
    if array.ndim == 2 and array.shape[1] > 1:
        return "classification" if np.isin(array, (0, 1)).all() else "regression"
    fractions = (array != np.round(array)).any()
    return "regression" if fractions or len(np.unique(array)) > MOST_CLASSES else "classification"


def candidates(
    estimators: Any, y: Any, task: str = "auto", random_state: int | None = None
) -> tuple[dict[str, Any], str]:
    """Return an unfitted copy of each estimator under its name, and their task.

    Parameters
    ----------
    estimators : mapping, list, str or estimator
        As `cannery.compare` takes them.
    y : array-like
        Decides what a name stands for, where no estimator does.
    task : {"auto", "classification", "regression"}
    random_state : int, optional
        Given to the copies wherever they have none.

    Raises
    ------
    InvalidType
        Something that is no estimator, or classifiers and regressors together.
    InvalidValue
        No estimators at all, or an unknown task.
    NotFound
        A name that is none of `MODELS`.
    """
    if task not in TASKS:
        raise InvalidValue("task", f"must be one of {', '.join(map(repr, TASKS))}", repr(task))
    named = dict(_named(estimators))
    if not named:
        raise InvalidValue("estimators", "there is none to compare", todo="give at least one")
    kinds = {name: _kind(name, one, task) for name, one in named.items()} if task == "auto" else {}
    given = {kind for kind in kinds.values() if kind}
    if len(given) > 1:
        wrong = "must be all classifiers or all regressors"
        raise InvalidType("estimators", wrong, {name: kind for name, kind in kinds.items() if kind})
    if task == "auto":
        task = given.pop() if given else guess_task(y)
    return {name: _unfitted(name, one, task, random_state) for name, one in named.items()}, task


def _named(estimators: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(estimators, Mapping):
        return ((str(name), one) for name, one in estimators.items())
    if isinstance(estimators, str) or hasattr(estimators, "fit"):
        estimators = [estimators]
    try:
        listed = list(estimators)
    except TypeError:
        wrong = "must be a mapping of names to estimators, a list of them, or names"
        raise InvalidType("estimators", wrong, repr(estimators)) from None
    listed = [name for one in listed for name in (MODELS if _is(one, "all") else [one])]
    return iter(_numbered([_name(one) for one in listed], listed))


def _is(one: Any, word: str) -> bool:
    return isinstance(one, str) and one == word


def _name(one: Any) -> str:
    if isinstance(one, str):
        return one
    last = one.steps[-1][1] if isinstance(one, Pipeline) else one
    return type(last).__name__


def _numbered(names: list[str], listed: list[Any]) -> list[tuple[str, Any]]:
    """Tell equal names apart by a number: two of a kind, or a model that was named twice."""
    found: dict[str, Any] = {}
    for name, one in zip(names, listed, strict=True):
        count = 1
        label = name
        while label in found:
            count += 1
            label = f"{name} {count}"
        found[label] = one
    return list(found.items())


def _kind(name: str, one: Any, task: str) -> str | None:
    if isinstance(one, str):
        return None
    _check_estimator(name, one)
    if is_classifier(one):
        return "classification"
    if is_regressor(one):
        return "regression"
    todo = "say which by task="
    raise InvalidType(f"estimator {name!r}", "is neither classifier nor regressor", one, todo)


def _check_estimator(name: str, one: Any) -> None:
    if isinstance(one, type) or not all(hasattr(one, m) for m in ("fit", "predict", "get_params")):
        wrong = "must be an estimator or the name of a model"
        raise InvalidType(f"estimator {name!r}", wrong, one, f"the names are {sorted(MODELS)}")


def _unfitted(name: str, one: Any, task: str, random_state: int | None) -> Any:
    if isinstance(one, str):
        copy = MODELS[one][task == "regression"]()
    else:
        _check_estimator(name, one)
        copy = clone(one)
    if random_state is not None:
        lacking = {
            key: random_state
            for key, value in copy.get_params(deep=True).items()
            if value is None and (key == "random_state" or key.endswith("__random_state"))
        }
        copy.set_params(**lacking)
    return copy
