"""TensorFlow 1's names over `cannery.graph`: ``import cannery.graph.v1 as tf``.

Examples
--------
>>> import cannery.graph.v1 as tf
>>> x, y = tf.placeholder(tf.float32, (None,)), tf.placeholder(tf.float32, (None,))
>>> slope = tf.Variable(0.0)
>>> loss = tf.reduce_mean(tf.square(x * slope - y))
>>> train = tf.train.GradientDescentOptimizer(0.05).minimize(loss)
>>> with tf.Session() as session:
...     _ = session.run(tf.global_variables_initializer())
...     for _ in range(50):
...         _ = session.run(train, feed_dict={x: [1.0, 2.0], y: [3.0, 6.0]})
...     round(float(session.run(slope)), 3)
3.0
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from . import ops
from . import variables as leaves
from .gradients import gradients as _gradients
from .ops import (
    abs,
    add,
    argmax,
    cast,
    concat,
    cumsum,
    divide,
    equal,
    exp,
    floor,
    greater,
    greater_equal,
    less,
    less_equal,
    log,
    logical_and,
    logical_not,
    logical_or,
    matmul,
    maximum,
    minimum,
    multiply,
    negative,
    not_equal,
    one_hot,
    pad,
    reshape,
    sigmoid,
    sign,
    split,
    sqrt,
    square,
    squeeze,
    stack,
    subtract,
    take,
    tanh,
    tile,
    transpose,
    where,
)
from .ops import power as pow
from .optimizers import SGD, Adadelta, Adagrad, Adam, Ftrl, Momentum, ProximalAdagrad, RMSProp
from .session import Session, TrainingOp
from .tensor import Tensor, name_scope, topological
from .variables import Variable, constant

__all__ = [
    "Session",
    "Tensor",
    "Variable",
    "abs",
    "add",
    "argmax",
    "bool",
    "cast",
    "clip_by_value",
    "concat",
    "constant",
    "cumsum",
    "divide",
    "equal",
    "exp",
    "expand_dims",
    "float32",
    "float64",
    "floor",
    "gather",
    "global_variables_initializer",
    "gradients",
    "greater",
    "greater_equal",
    "int32",
    "int64",
    "less",
    "less_equal",
    "log",
    "logical_and",
    "logical_not",
    "logical_or",
    "losses",
    "matmul",
    "maximum",
    "minimum",
    "multiply",
    "name_scope",
    "negative",
    "nn",
    "not_equal",
    "one_hot",
    "pad",
    "placeholder",
    "pow",
    "reduce_logsumexp",
    "reduce_max",
    "reduce_mean",
    "reduce_min",
    "reduce_prod",
    "reduce_sum",
    "reshape",
    "sigmoid",
    "sign",
    "split",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "subtract",
    "tanh",
    "tile",
    "train",
    "transpose",
    "where",
]

float32, float64 = np.dtype("float32"), np.dtype("float64")
int32, int64, bool = np.dtype("int32"), np.dtype("int64"), np.dtype("bool")
gather, clip_by_value, expand_dims = take, ops.clip, ops.expand
_numbers = itertools.count(1)


def placeholder(
    dtype: npt.DTypeLike, shape: Sequence[int | None] = (), name: str | None = None
) -> Tensor:
    """Return a tensor that is fed when a session runs; only its batch size may be None."""
    # Placeholders of one name are one node here, and two different things in TensorFlow.
    return leaves.placeholder(name or f"Placeholder_{next(_numbers)}", tuple(shape), dtype)


def gradients(ys: Tensor, xs: Sequence[Tensor]) -> list[Tensor | None]:
    """Return the derivative of the sum of `ys` with respect to each of `xs`."""
    return _gradients(ys, xs)


def global_variables_initializer() -> TrainingOp:
    """Return an op that does nothing: a session initialises variables when they are first used."""
    return TrainingOp({})


def _reduction(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def reduce(input_tensor: Tensor, axis: Any = None, keepdims: Any = False) -> Tensor:
        return function(input_tensor, axis=axis, keepdims=keepdims)

    return reduce


reduce_sum, reduce_mean, reduce_max = map(_reduction, (ops.sum, ops.mean, ops.max))
reduce_min, reduce_prod, reduce_logsumexp = map(_reduction, (ops.min, ops.prod, ops.logsumexp))


def _with_logits(function: Callable[[Any, Tensor], Tensor]) -> Callable[..., Tensor]:
    def loss(labels: Any, logits: Tensor) -> Tensor:
        return function(labels, logits)

    return loss


nn = SimpleNamespace(
    elu=ops.elu,
    embedding_lookup=take,
    leaky_relu=ops.leaky_relu,
    relu=ops.relu,
    selu=ops.selu,
    sigmoid=sigmoid,
    sigmoid_cross_entropy_with_logits=_with_logits(ops.sigmoid_cross_entropy),
    softmax=ops.softmax,
    softmax_cross_entropy_with_logits=_with_logits(ops.softmax_cross_entropy),
    softplus=ops.softplus,
    sparse_softmax_cross_entropy_with_logits=_with_logits(ops.sparse_softmax_cross_entropy),
    tanh=tanh,
)


def _mean_loss(function: Callable[[Any, Tensor], Tensor]) -> Callable[..., Tensor]:
    def loss(labels: Any, predictions: Tensor, weights: Any = 1.0) -> Tensor:
        return ops.mean(function(labels, predictions) * weights)

    return loss


losses = SimpleNamespace(
    absolute_difference=_mean_loss(ops.absolute_error),
    huber_loss=_mean_loss(ops.huber),
    mean_squared_error=_mean_loss(ops.squared_error),
    sigmoid_cross_entropy=_mean_loss(ops.sigmoid_cross_entropy),
    softmax_cross_entropy=_mean_loss(ops.softmax_cross_entropy),
    sparse_softmax_cross_entropy=_mean_loss(ops.sparse_softmax_cross_entropy),
)


class _Optimizer:
    """An optimizer whose `minimize` returns something a session runs."""

    def __init__(self, optimizer: Any):
        self.optimizer = optimizer

    def minimize(
        self,
        loss: Tensor,
        global_step: Variable | None = None,
        var_list: Sequence[Variable] | None = None,
    ) -> TrainingOp:
        """Return the op of one step down the gradient of `loss`."""
        found = [node for node in topological([loss]) if isinstance(node, Variable)]
        variables = [v for v in found if v.trainable] if var_list is None else list(var_list)
        step = global_step
        if step is None:
            step = Variable(np.int64(0), f"global_step_{next(_numbers)}", trainable=False)
        updates = self.optimizer.minimize(loss, variables, step)
        return TrainingOp({**updates, step: step + 1})


def _optimizer(kind: Any, order: Sequence[str]) -> Callable[..., _Optimizer]:
    def make(*arguments: Any, **named: Any) -> _Optimizer:
        named.pop("name", None)
        return _Optimizer(kind(**dict(zip(order, arguments, strict=False)), **named))

    return make


train = SimpleNamespace(
    AdadeltaOptimizer=_optimizer(Adadelta, ("learning_rate", "rho", "epsilon")),
    AdagradOptimizer=_optimizer(Adagrad, ("learning_rate", "initial_accumulator_value")),
    AdamOptimizer=_optimizer(Adam, ("learning_rate", "beta1", "beta2", "epsilon")),
    FtrlOptimizer=_optimizer(Ftrl, ("learning_rate", "learning_rate_power")),
    GradientDescentOptimizer=_optimizer(SGD, ("learning_rate",)),
    MomentumOptimizer=_optimizer(Momentum, ("learning_rate", "momentum")),
    ProximalAdagradOptimizer=_optimizer(ProximalAdagrad, ("learning_rate",)),
    RMSPropOptimizer=_optimizer(RMSProp, ("learning_rate", "decay", "momentum", "epsilon")),
)
