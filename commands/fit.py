"""Fit a canned estimator to a file, with inferred columns, and say how well it does."""

from __future__ import annotations

import ast
import difflib
import re
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.base import is_classifier
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import train_test_split

from ..comparison import MODELS, compare, guess_task, plot_comparison
from ..errors import CanneryError, InvalidValue, MissingColumn, NotFound
from ..feature_columns import infer_columns
from ..hyperparameters import check
from .output import make_folder, save_picture, table
from .reading import read_table

__all__ = ["fit_file"]

NOT_SETTABLE = {"columns", "linear_columns", "deep_columns", "callbacks"}
SECONDS = ("fit_seconds", "predict_seconds")
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
    """Fit `model` to a file and print its metrics on a held-out part; or compare all models.

    Parameters
    ----------
    data : Path
        A CSV or Parquet file.
    target : str
        The column to predict; rows where it is missing are left out.
    model : str
        One of `MODELS`; or "all", which cross-validates them all and prints how they compare.
    task : {"auto", "classification", "regression"}
        By default texts, booleans and whole numbers of at most 20 values are classes.
    test_fraction : float
        The share of rows held out; with "all" every such part of the rows in its turn.
    out : Path
        Folder for ``learning_curves.png``, ``comparison.png`` with "all".
    settings : sequence of str
        Hyperparameters as ``key=value``; with "all" each model takes those it has.
    random_state : int

    Returns
    -------
    The fitted estimator, or the frame of `cannery.compare`.

    Raises
    ------
    CanneryError
        Its message says what is wrong with the file, the target or a setting.
    """
    if not 0 < test_fraction < 1:
        raise InvalidValue("--test-fraction", "must be above 0 and below 1", test_fraction)
    X, y = _split_target(read_table(data), target)
    task = guess_task(y) if task == "auto" else task
    if task == "regression" and not pd.api.types.is_numeric_dtype(y):
        wrong = "regression needs a target of numbers"
        raise InvalidValue("--task", wrong, f"{target!r} of {y.dtype}")
    names = list(MODELS) if model == "all" else [model]
    estimators = {name: MODELS[name][task == "regression"]() for name in names}
    for estimator in estimators.values():
        estimator.set_params(random_state=random_state)
    for setting in settings:
        _apply(list(estimators.values()), setting)
    for estimator in estimators.values():
        check(estimator)
    make_folder(out)
    if model == "all":
        print(f"{data}: {len(X):,} rows; {task} of {target!r}\n")
        _print_columns(X)
        return _compare(estimators, X, y, test_fraction, out, random_state)
    return _fit(estimators[model], _hold_out(X, y, task, test_fraction, random_state), data, out)


def _print_columns(X: pd.DataFrame) -> None:
    chosen = infer_columns(X)
    print(f"{chosen}\n")
    if not chosen.wide + chosen.deep:
        raise InvalidValue("DATA", "no column is left to learn from", todo="see the table above")


def _fit(estimator: Any, parts: Sequence[Any], data: Path, out: Path) -> Any:
    X, X_test, y, y_test = parts
    kind = "classification" if is_classifier(estimator) else "regression"
    print(f"{data}: {len(X):,} rows to fit, {len(X_test):,} held out; {kind} of {y.name!r}\n")
    _print_columns(X)
    estimator.set_params(verbose=int(sys.stderr.isatty()))
    step_by_step = hasattr(estimator, "early_stopping")
    # Rows that decide when to stop must not be those the metrics are reported on.
    judged = step_by_step and not estimator.early_stopping
    estimator.fit(X, y, **({"validation_data": (X_test, y_test)} if judged else {}))
    metrics = estimator.evaluate(X_test, y_test)
    print(f"{type(estimator).__name__} on the rows held out:")
    print(table(["metric", "value"], [[name, float(value)] for name, value in metrics.items()]))
    if step_by_step:
        path = out / "learning_curves.png"
        print("\n" + save_picture(path, lambda ax: estimator.plot_history(ax=ax)))
    return estimator


def _compare(
    estimators: Mapping[str, Any],
    X: pd.DataFrame,
    y: pd.Series,
    test_fraction: float,
    out: Path,
    random_state: int,
) -> pd.DataFrame:
    folds = max(2, round(1 / test_fraction))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitFailedWarning)  # the table says it
        verbose = int(sys.stderr.isatty())
        found = compare(estimators, X, y, folds, random_state=random_state, verbose=verbose)
    metrics = list(dict.fromkeys(found["metric"]))
    print(f"mean and deviation over {folds} parts of the rows, each held out in its turn:")
    rows = [_line(found[found["estimator"] == name], metrics) for name in _ranked(found)]
    print(table(["model", *metrics, "behind the best", "fit s", "predict s"], rows))
    for row in found[found["metric"] == metrics[0]].itertuples():
        if row.failure:
            print(f"{row.estimator} failed: {row.failure}")
    print("\n" + save_picture(out / "comparison.png", lambda ax: plot_comparison(found, ax=ax)))
    return found


def _ranked(found: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(found["estimator"]))


def _line(rows: pd.DataFrame, metrics: Sequence[str]) -> list[str]:
    """Return the cells of one model: its metrics, its distance to the best, its times."""
    by_metric = rows.set_index("metric")
    main = by_metric.loc[metrics[0]]
    return [
        str(main["estimator"]),
        *(_span(by_metric.loc[name, "mean"], by_metric.loc[name, "std"]) for name in metrics),
        _span(abs(main["difference"]), main["standard_error"]) if main["difference"] else "-",
        *(f"{main[key]:.3f}" if pd.notna(main[key]) else "-" for key in SECONDS),
    ]


def _span(middle: float, width: float) -> str:
    return f"{middle:.4f} ± {width:.4f}" if pd.notna(middle) else "-"


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


def _hold_out(
    frame: pd.DataFrame, y: pd.Series, task: str, share: float, random_state: int
) -> list[Any]:
    stratify = y if task == "classification" and y.value_counts().min() > 1 else None
    try:
        return train_test_split(
            frame, y, test_size=share, random_state=random_state, stratify=stratify
        )
    except ValueError as error:
        raise InvalidValue("--test-fraction", f"leaves no usable split ({error})", share) from None


def _apply(estimators: Sequence[Any], setting: str) -> None:
    """Set one ``key=value`` wherever there is such a key; suggest the nearest if none has it."""
    key, equals, text = setting.partition("=")
    if not equals or not key:
        raise InvalidValue("--set", "must be key=value", repr(setting))
    value = _value(setting, text)
    owner = key.partition("__")[0]
    known = [set(estimator.get_params(deep=False)) - NOT_SETTABLE for estimator in estimators]
    _check_known("--set", owner, set().union(*known))
    for estimator, names in zip(estimators, known, strict=True):
        if owner in names:
            _set(estimator, key, value)


def _set(estimator: Any, key: str, value: Any) -> None:
    owner, nested, name = key.partition("__")
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
    """Read a Python literal; a bare word or a path stands for itself."""
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        if re.fullmatch(r"[A-Za-z_./][\w./-]*", text):
            return text
        todo = "write a number, a word, true, false, none, or a tuple such as 64,32"
        raise InvalidValue("--set", "cannot read the value", repr(setting), todo) from None
