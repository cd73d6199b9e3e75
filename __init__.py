"""Feature columns, a dataflow graph and canned estimators with scikit-learn's interface."""

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
