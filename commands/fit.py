"""Fit a canned estimator to a file, with inferred columns, and say how well it does."""

from __future__ import annotations

import ast
import difflib
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.model_selection import train_test_split

from ..errors import CanneryError, InvalidValue, MissingColumn, NotFound
from ..estimators import (
    DNNClassifier,
    DNNRegressor,
    LinearClassifier,
    LinearRegressor,
    WideDeepClassifier,
    WideDeepRegressor,
)
from ..feature_columns import infer_columns
from .output import make_folder, save_picture, table
from .reading import read_table

__all__ = ["MODELS", "TASKS", "fit_file"]

MODELS = {
    "linear": (LinearClassifier, LinearRegressor),
    "dnn": (DNNClassifier, DNNRegressor),
    "wide_deep": (WideDeepClassifier, WideDeepRegressor),
}
TASKS = ("auto", "classification", "regression")
MOST_CLASSES = 20  # whole numbers of more distinct values are taken for quantities
NOT_SETTABLE = {"columns", "linear_columns", "deep_columns", "callbacks"}
WORDS = {"true": True, "false": False, "none": None}


def fit_file(
    data: Path,
    target: str,
    model: str = "wide_deep",
    task: str = "auto",
    test_fraction: float = 0.2,
    out: Path = Path("cannery-fit"),
    settings: Sequence[str] = (),
    random_state: int = 0,
) -> Any:
    """Fit `model` to a file and print its metrics on a held-out part.

    Parameters
    ----------
    data : Path
        A CSV or Parquet file.
    target : str
        The column to predict; rows where it is missing are left out.
    model : {"wide_deep", "dnn", "linear"}
    task : {"auto", "classification", "regression"}
        By default texts, booleans and whole numbers of at most 20 values are classes.
    test_fraction : float
        The share of rows held out.
    out : Path
        Folder for ``learning_curves.png``.
    settings : sequence of str
        Hyperparameters as ``key=value``.
    random_state : int

    Returns
    -------
    The fitted estimator.

    Raises
    ------
    CanneryError
        Its message says what is wrong with the file, the target or a setting.
    """
    if not 0 < test_fraction < 1:
        raise InvalidValue("--test-fraction", "must be above 0 and below 1", test_fraction)
    frame, y = _split_target(read_table(data), target)
    task = _task(y) if task == "auto" else task
    estimator = MODELS[model][task == "regression"](
        random_state=random_state, verbose=int(sys.stderr.isatty())
    )
    for setting in settings:
        _apply(estimator, setting)
    make_folder(out)
    X, X_test, y, y_test = _hold_out(frame, y, task, test_fraction, random_state)
    print(f"{data}: {len(X):,} rows to fit, {len(X_test):,} held out; {task} of {target!r}\n")
    chosen = infer_columns(X)
    print(f"{chosen}\n")
    if not chosen.wide + chosen.deep:
        raise InvalidValue("DATA", "no column is left to learn from", todo="see the table above")
    # Rows that decide when to stop must not be those the metrics are reported on.
    judged = None if estimator.early_stopping else (X_test, y_test)
    estimator.fit(X, y, validation_data=judged)
    metrics = estimator.evaluate(X_test, y_test)
    print(f"{type(estimator).__name__} on the rows held out:")
    print(table(["metric", "value"], [[name, float(value)] for name, value in metrics.items()]))
    print()
    print(save_picture(out / "learning_curves.png", lambda ax: estimator.plot_history(ax=ax)))
    return estimator


def _split_target(frame: pd.DataFrame, target: str) -> tuple[pd.DataFrame, pd.Series]:
    if target not in frame:
        near = difflib.get_close_matches(target, map(str, frame.columns), 1)
        todo = f"did you mean {near[0]!r}?" if near else f"choose one of {list(frame.columns)}"
        raise MissingColumn("--target", "no such column", repr(target), todo)
    known = frame[target].notna()
    if not known.all():
        print(f"{int((~known).sum()):,} rows without {target!r} are left out")
        frame = frame[known]
    if frame[target].nunique() < 2:
        raise InvalidValue(f"target {target!r}", "needs at least two different values")
    return frame.drop(columns=target), frame[target]


def _task(y: pd.Series) -> str:
    numbers = pd.api.types.is_numeric_dtype(y) and not pd.api.types.is_bool_dtype(y)
    fractions = numbers and not (y == y.round()).all()
    return (
        "regression" if numbers and (fractions or y.nunique() > MOST_CLASSES) else "classification"
    )


def _hold_out(
    frame: pd.DataFrame, y: pd.Series, task: str, share: float, random_state: int
) -> list[Any]:
    if task == "regression" and not pd.api.types.is_numeric_dtype(y):
        raise InvalidValue(
            "--task", "regression needs a target of numbers", f"{y.name!r} of {y.dtype}"
        )
    stratify = y if task == "classification" and y.value_counts().min() > 1 else None
    try:
        return train_test_split(
            frame, y, test_size=share, random_state=random_state, stratify=stratify
        )
    except ValueError as error:
        raise InvalidValue("--test-fraction", f"leaves no usable split ({error})", share) from None


def _apply(estimator: Any, setting: str) -> None:
    """Set one ``key=value``; a key that is unknown gets the nearest known one suggested."""
    key, equals, text = setting.partition("=")
    if not equals or not key:
        raise InvalidValue("--set", "must be key=value", repr(setting))
    value = _value(setting, text)
    owner, nested, name = key.partition("__")
    _check_known("--set", owner, set(estimator.get_params(deep=False)) - NOT_SETTABLE)
    try:
        estimator.set_params(**{key: value})
    except CanneryError:
        raise
    except (ValueError, AttributeError, TypeError):
        part = getattr(estimator, owner)
        known = part.get_params(deep=False) if hasattr(part, "get_params") else ()
        if nested and known:
            _check_known(f"--set {owner}", name, set(known))
        raise InvalidValue("--set", "has no such part", repr(key)) from None


def _check_known(subject: str, name: str, known: set[str]) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        todo = f"did you mean {near[0]!r}?" if near else f"choose one of {sorted(known)}"
        raise NotFound(subject, "unknown name", repr(name), todo)


def _value(setting: str, text: str) -> Any:
    """Read a Python literal; a bare word stands for itself."""
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        if re.fullmatch(r"[A-Za-z_][\w./-]*", text):
            return text
        todo = "write a number, a word, true, false, none, or a tuple such as 64,32"
        raise InvalidValue("--set", "cannot read the value", repr(setting), todo) from None
