"""Feature columns, a dataflow graph and canned estimators with scikit-learn's interface."""

from typing import TYPE_CHECKING

from .lazy import lazy_names

if TYPE_CHECKING:
    from . import comparison, datasets, errors, estimators, feature_columns, graph
    from .comparison import compare, plot_comparison
    from .estimators import (
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
    from .feature_columns import FeatureColumns, infer_columns

__all__ = [
    "BaselineClassifier",
    "BaselineRegressor",
    "DNNClassifier",
    "DNNRegressor",
    "FeatureColumns",
    "KMeans",
    "LinearClassifier",
    "LinearRegressor",
    "RandomForestClassifier",
    "RandomForestRegressor",
    "SVMClassifier",
    "SVMRegressor",
    "WideDeepClassifier",
    "WideDeepRegressor",
    "__version__",
    "compare",
    "comparison",
    "datasets",
    "errors",
    "estimators",
    "feature_columns",
    "graph",
    "infer_columns",
    "plot_comparison",
]

__version__ = "0.1.0"

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__, __all__, within=["estimators", "comparison", "feature_columns"]
    )
