"""The canned estimators: each a short declaration over shared parts."""

from ...registry import Registry
from ..estimator import Estimator
from .baseline import BaselineClassifier, BaselineRegressor
from .dnn import DNNClassifier, DNNRegressor
from .kmeans import KMeans
from .linear import LinearClassifier, LinearRegressor
from .random_forest import RandomForestClassifier, RandomForestRegressor
from .svm import SVMClassifier, SVMRegressor
from .wide_deep import WideDeepClassifier, WideDeepRegressor

__all__ = [
    "ESTIMATORS",
    "BaselineClassifier",
    "BaselineRegressor",
    "DNNClassifier",
    "DNNRegressor",
    "KMeans",
    "LinearClassifier",
    "LinearRegressor",
    "RandomForestClassifier",
    "RandomForestRegressor",
    "SVMClassifier",
    "SVMRegressor",
    "WideDeepClassifier",
    "WideDeepRegressor",
]

ESTIMATORS: Registry[type[Estimator]] = Registry("estimator")
for _estimator in (
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
):
    ESTIMATORS.add(_estimator.__name__, _estimator)
