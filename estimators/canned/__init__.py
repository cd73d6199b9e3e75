"""The canned estimators: each a short declaration over shared parts."""

from .baseline import BaselineClassifier, BaselineRegressor
from .dnn import DNNClassifier, DNNRegressor
from .linear import LinearClassifier, LinearRegressor
from .wide_deep import WideDeepClassifier, WideDeepRegressor

__all__ = [
    "BaselineClassifier",
    "BaselineRegressor",
    "DNNClassifier",
    "DNNRegressor",
    "LinearClassifier",
    "LinearRegressor",
    "WideDeepClassifier",
    "WideDeepRegressor",
]
