"""Wide & Deep on Adult through cannery's public interface, from the raw frame."""

from __future__ import annotations

import os

import adult
import numpy as np
import pandas as pd
from peer_numpy import ONE_THREAD_UP_TO
from sklearn.metrics import accuracy_score, roc_auc_score

from cannery.estimators import WideDeepClassifier
from cannery.feature_columns import (
    bucketized_column,
    categorical_column,
    crossed_column,
    embedding_column,
    indicator_column,
    numeric_column,
)
from cannery.graph.optimizers import Adagrad, Ftrl


def columns() -> tuple[list, list]:
    """Return the wide and the deep columns."""
    categorical = {key: categorical_column(key) for key in adult.CATEGORICAL}
    buckets = bucketized_column(numeric_column("age"), list(adult.AGE_BOUNDARIES))
    wide = [*categorical.values(), buckets]
    for cross in adult.CROSSES:
        keys = [buckets if key == "age_buckets" else key for key in cross]
        wide.append(crossed_column(keys, adult.CROSS_BUCKETS))
    deep = [numeric_column(key, normalizer="standard") for key in adult.NUMERIC]
    deep += [embedding_column(categorical[key], adult.EMBEDDING_WIDTH) for key in adult.EMBEDDED]
    deep += [indicator_column(categorical[key]) for key in adult.INDICATED]
    return wide, deep


def estimator(
    batch_size: int, epochs: int = 1, random_state: int = 0, jit: bool = True, threads: int = 1
) -> WideDeepClassifier:
    """Return the unfitted model with the optimizers that every peer has."""
    wide, deep = columns()
    return WideDeepClassifier(
        linear_columns=wide,
        deep_columns=deep,
        hidden_units=adult.HIDDEN_UNITS,
        linear_optimizer=Ftrl(learning_rate=adult.LINEAR_LEARNING_RATE),
        deep_optimizer=Adagrad(learning_rate=adult.DEEP_LEARNING_RATE),
        batch_size=batch_size,
        epochs=epochs,
        jit=jit,
        n_jobs=threads,
        random_state=random_state,
    )


def part(random_state: int = 0) -> tuple[pd.DataFrame, np.ndarray, pd.DataFrame, np.ndarray]:
    """Return the raw features and the labels, for training and held out."""
    data = adult.frame()
    features, labels = data.drop(columns=adult.TARGET), data[adult.TARGET].to_numpy()
    train, test = adult.split(len(data), random_state)
    return features.iloc[train], labels[train], features.iloc[test], labels[test]


EPOCHS = 4  # timed at once, so that starting threads and touching memory first weigh little


def cores() -> int:
    """Return how many threads the peers are held to."""
    held = hasattr(os, "sched_getaffinity")
    return len(os.sched_getaffinity(0)) if held else os.cpu_count() or 1


class Worker:
    """Answers what the driver asks: a short timed training, or the quality of a longer one."""

    def __init__(self, jit: bool = True) -> None:
        self.jit = jit
        self.data = part()

    def speed(self, batch_size: int) -> float:
        """Return the rows a second of the training loop, encoding left out."""
        features, labels, *_ = self.data
        # Interpreted, it has the cores that the numpy loop has.
        threads = cores() if self.jit or batch_size > ONE_THREAD_UP_TO else 1
        model = estimator(batch_size, EPOCHS, jit=self.jit, threads=threads).fit(features, labels)
        return EPOCHS * len(labels) / model.training_seconds_

    def quality(self, batch_size: int, epochs: int) -> tuple[float, float]:
        """Return the held-out AUC and accuracy."""
        features, labels, test_features, test_labels = self.data
        model = estimator(batch_size, epochs, jit=self.jit, threads=cores()).fit(features, labels)
        scores = model.predict_proba(test_features)[:, list(model.classes_).index(adult.POSITIVE)]
        auc = roc_auc_score(test_labels == adult.POSITIVE, scores)
        return float(auc), accuracy_score(test_labels, model.predict(test_features))
