"""Canned estimators, heads, and the parts they are made of."""

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from .canned import (
        ESTIMATORS,
        BaselineClassifier,
        BaselineRegressor,
        DNNClassifier,
        DNNRegressor,
        KMeans,
        LinearClassifier,
        LinearRegressor,
        RandomForestClassifier,
        RandomForestRegressor,
        SVMClassifier,
        SVMRegressor,
        WideDeepClassifier,
        WideDeepRegressor,
    )
    from .pool import Pool, plot_pool_report

__all__ = [
    "ESTIMATORS",
    "BaselineClassifier",
    "BaselineRegressor",
    "DNNClassifier",
    "DNNRegressor",
    "KMeans",
    "LinearClassifier",
    "LinearRegressor",
    "Pool",
    "RandomForestClassifier",
    "RandomForestRegressor",
    "SVMClassifier",
    "SVMRegressor",
    "WideDeepClassifier",
    "WideDeepRegressor",
    "plot_pool_report",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, __all__, within=["pool", "canned"])
