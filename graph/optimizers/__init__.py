"""Optimizers, learning rate schedules and gradient clipping, all as graph expressions."""

from .adadelta import Adadelta
from .adagrad import Adagrad
from .adam import Adam
from .adamw import AdamW
from .clipping import clip_by_global_norm, clip_by_norm, clip_by_value, global_norm
from .ftrl import Ftrl
from .momentum import Momentum
from .optimizer import OPTIMIZERS, Optimizer, get_optimizer
from .proximal_adagrad import ProximalAdagrad
from .rmsprop import RMSProp
from .schedules import (
    ConstantSchedule,
    CosineDecay,
    ExponentialDecay,
    InverseTimeDecay,
    PolynomialDecay,
    Schedule,
    WarmUp,
)
from .sgd import SGD
from .tracing import trace

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "ConstantSchedule",
    "CosineDecay",
    "ExponentialDecay",
    "Ftrl",
    "InverseTimeDecay",
    "Momentum",
    "Optimizer",
    "PolynomialDecay",
    "ProximalAdagrad",
    "RMSProp",
    "Schedule",
    "WarmUp",
    "clip_by_global_norm",
    "clip_by_norm",
    "clip_by_value",
    "get_optimizer",
    "global_norm",
    "trace",
]
