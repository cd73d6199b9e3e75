"""Linear, deep and Wide & Deep on app-store impressions, beside the best possible."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import train_test_split

from ..datasets import make_app_store
from ..errors import InvalidValue
from ..estimators import DNNClassifier, LinearClassifier, WideDeepClassifier
from ..feature_columns import (
    Column,
    bucketized_column,
    categorical_column,
    crossed_column,
    embedding_column,
    indicator_column,
    numeric_column,
)
from ..graph.optimizers import Adam, Ftrl
from .output import make_folder, save_picture, table

__all__ = ["app_store_columns", "run_demo"]

LEAST_IMPRESSIONS = 1000


def app_store_columns() -> tuple[list[Column], list[Column]]:
    """Return the wide and the deep columns of the demo.

    Returns
    -------
    wide, deep : list of Column

    Examples
    --------
    >>> from cannery.commands.demo import app_store_columns
    >>> wide, deep = app_store_columns()
    >>> [column.name for column in wide][-2:]
    ['app_X_installed_apps', 'app_X_country']
    """
    texts = {
        key: categorical_column(key)
        for key in ("app", "category", "developer", "country", "language", "device")
    }
    installed = categorical_column("installed_apps")
    age, hour = (numeric_column(key, normalizer="standard") for key in ("age", "hour"))
    wide: list[Column] = [
        *texts.values(),
        installed,
        bucketized_column(numeric_column("age"), boundaries=10),
        crossed_column(["installed_apps", "app"], 200_000),
        crossed_column(["country", "app"], 20_000),
    ]
    deep = [
        age,
        hour,
        indicator_column(texts["device"]),
        indicator_column(texts["country"]),
        embedding_column(installed, dimension=16),
        embedding_column(texts["app"], dimension=16),
        embedding_column(texts["category"], dimension=8),
        embedding_column(texts["developer"], dimension=8),
    ]
    return wide, deep


def _models(random_state: int, verbose: int) -> dict[str, Any]:
    wide, deep = app_store_columns()
    ftrl, adam = Ftrl(learning_rate=0.5), Adam(learning_rate=0.001)
    layers: dict[str, Any] = {"hidden_units": (100, 50), "dropout": 0.3}
    shared: dict[str, Any] = {"epochs": 15, "early_stopping": True, "patience": 2}
    shared |= {"random_state": random_state, "verbose": verbose}
    return {
        "linear": LinearClassifier(columns=wide, optimizer=ftrl, **shared),
        "deep": DNNClassifier(columns=deep, optimizer=adam, **layers, **shared),
        "wide & deep": WideDeepClassifier(
            linear_columns=wide,
            deep_columns=deep,
            linear_optimizer=ftrl,
            deep_optimizer=adam,
            **layers,
            **shared,
        ),
    }


def run_demo(impressions: int, out: Path, random_state: int) -> pd.DataFrame:
    """Fit the three models, print how well they do and draw their learning curves.

    Parameters
    ----------
    impressions : int
        At least 1,000; a third is held out.
    out : Path
        Folder for ``learning_curves.png``.
    random_state : int

    Returns
    -------
    DataFrame
        `log loss`, `AUC` and training `seconds` of each model on the held-out impressions, and
        of the true probabilities.
    """
    if impressions < LEAST_IMPRESSIONS:
        raise InvalidValue("--impressions", f"must be at least {LEAST_IMPRESSIONS}", impressions)
    make_folder(out)
    frame, clicks, probabilities = make_app_store(impressions, random_state)
    print(f"{impressions:,} impressions, {clicks.mean():.1%} clicked; a third is held out")
    X, X_test, y, y_test, _, known = train_test_split(
        frame, clicks, probabilities, test_size=1 / 3, random_state=random_state
    )
    verbose = int(sys.stderr.isatty())
    results, histories = {}, {}
    for name, model in _models(random_state, verbose).items():
        print(f"fitting {name} ...", flush=True)
        model.fit(X, y)
        results[name] = (
            *_quality(y_test, model.predict_proba(X_test)[:, 1]),
            model.training_seconds_,
        )
        histories[name] = model.history_
    results["best possible"] = (*_quality(y_test, known), 0.0)
    found = pd.DataFrame.from_dict(results, orient="index", columns=["log loss", "AUC", "seconds"])
    rows = [
        [name, loss, auc, f"{seconds:.1f}" if seconds else "-"]
        for name, loss, auc, seconds in found.itertuples()
    ]
    print("\n" + table(["model", *found.columns], rows) + "\n")
    best = found.loc["best possible", "log loss"]
    print(save_picture(out / "learning_curves.png", lambda ax: _draw(ax, histories, best)))
    return found


def _quality(clicks: Any, probabilities: Any) -> tuple[float, float]:
    return float(log_loss(clicks, probabilities)), float(roc_auc_score(clicks, probabilities))


def _draw(ax: Any, histories: dict[str, pd.DataFrame], best: float) -> None:
    colours = dict(zip(histories, ("tab:blue", "tab:orange", "tab:green"), strict=True))
    for name, history in histories.items():
        style = {"color": colours[name]}
        ax.plot(history["epoch"], history["val_average_loss"], "o-", ms=4, label=name, **style)
        ax.plot(history["epoch"], history["loss"], ":", alpha=0.6, **style)
    ax.axhline(best, color="black", lw=1, ls="--", label="best possible")
    ax.plot([], [], ":", color="grey", label="(dotted: training loss)")
    ax.set(xlabel="epoch", ylabel="log loss", title="App-store clicks, validation loss by epoch")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(alpha=0.3)
    ax.legend(frameon=False)
