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

from ..errors import InvalidValue
from . import ops
from . import variables as leaves
from .gradients import gradients as _gradients
from .named_variables import (
    AUTO_REUSE,
    Variable,
    get_variable,
    ones,
    random_normal,
    random_uniform,
    reset_default_graph,
    trainable_variables,
    truncated_normal,
    variable_scope,
    zeros,
)
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
    ones_like,
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
    zeros_like,
)
from .ops import power as pow
from .optimizers import SGD, Adadelta, Adagrad, Adam, Ftrl, Momentum, ProximalAdagrad, RMSProp
from .session import Session as _Session
from .session import TrainingOp
from .tensor import Tensor, name_scope, topological
from .variables import constant

__all__ = [
    "AUTO_REUSE",
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
    "get_variable",
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
    "ones",
    "ones_like",
    "pad",
    "placeholder",
    "pow",
    "random_normal",
    "random_uniform",
    "reduce_logsumexp",
    "reduce_max",
    "reduce_mean",
    "reduce_min",
    "reduce_prod",
    "reduce_sum",
    "reset_default_graph",
    "reshape",
    "set_random_seed",
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
    "trainable_variables",
    "transpose",
    "truncated_normal",
    "variable_scope",
    "where",
    "zeros",
    "zeros_like",
]

float32, float64 = np.dtype("float32"), np.dtype("float64")
int32, int64, bool = np.dtype("int32"), np.dtype("int64"), np.dtype("bool")
gather, clip_by_value, expand_dims = take, ops.clip, ops.expand
_numbers = itertools.count(1)
_seeds = [0]  # the last one counts


def placeholder(
    dtype: npt.DTypeLike, shape: Sequence[int | None] | None = None, name: str | None = None
) -> Tensor:
    """Return a tensor that is fed when a session runs; only its batch size may be None.

    Without a shape it takes numbers one by one or in a row, as if the shape were ``(None,)``.
    """
    # Placeholders of one name are one node here, and two different things in TensorFlow.
    name = name or f"Placeholder_{next(_numbers)}"
    kind = float32 if dtype == "float" else dtype  # numpy's "float" has 64 bits
    return leaves.placeholder(name, (None,) if shape is None else tuple(shape), kind)


def gradients(ys: Tensor, xs: Sequence[Tensor]) -> list[Tensor | None]:
    """Return the derivative of the sum of `ys` with respect to each of `xs`."""
    return _gradients(ys, xs)


def global_variables_initializer() -> TrainingOp:
    """Return the op that gives all variables of a session fresh initial values.

    A variable that was never initialised takes its initial value when it is first used.
    """
    return TrainingOp({}, initialize=True)


def set_random_seed(seed: int) -> None:
    """Set the seed of sessions made from now on."""
    _seeds.append(seed)


class Session(_Session):
    """A session as `cannery.graph.Session` is, with the seed of `set_random_seed`."""

    def __init__(self, target: str = "", graph: Any = None, config: Any = None):
        super().__init__(seed=_seeds[-1])


def _reduction(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def reduce(
        input_tensor: Tensor,
        axis: Any = None,
        keepdims: Any = False,
        name: str | None = None,
        reduction_indices: Any = None,
        keep_dims: Any = False,
    ) -> Tensor:
        axis = reduction_indices if axis is None else axis
        return function(input_tensor, axis=axis, keepdims=keepdims or keep_dims)

    return reduce


reduce_sum, reduce_mean, reduce_max = map(_reduction, (ops.sum, ops.mean, ops.max))
reduce_min, reduce_prod, reduce_logsumexp = map(_reduction, (ops.min, ops.prod, ops.logsumexp))


def _named(function: Callable[[Any, Any], Tensor], first: str, second: str) -> Callable[..., Any]:
    """Return `function` with TensorFlow's names of its two arguments."""

    def loss(*arguments: Any, **named: Any) -> Tensor:
        named.pop("name", None)
        given = {**dict(zip((first, second), arguments, strict=False)), **named}
        if len(arguments) > 2 or given.keys() != {first, second}:
            raise InvalidValue("loss", f"takes {first} and {second}", sorted(given))
        return function(given[first], given[second])

    return loss


nn = SimpleNamespace(
    bias_add=add,
    elu=ops.elu,
    embedding_lookup=take,
    l2_loss=lambda t: ops.sum(square(t)) / 2,
    leaky_relu=ops.leaky_relu,
    relu=ops.relu,
    selu=ops.selu,
    sigmoid=sigmoid,
    sigmoid_cross_entropy_with_logits=_named(ops.sigmoid_cross_entropy, "labels", "logits"),
    softmax=ops.softmax,
    softmax_cross_entropy_with_logits=_named(ops.softmax_cross_entropy, "labels", "logits"),
    softplus=ops.softplus,
    sparse_softmax_cross_entropy_with_logits=_named(
        ops.sparse_softmax_cross_entropy, "labels", "logits"
    ),
    tanh=tanh,
)


def _mean_loss(
    function: Callable[[Any, Any], Tensor], first: str = "labels", second: str = "predictions"
) -> Callable[..., Tensor]:
    elementwise = _named(function, first, second)

    def loss(*arguments: Any, weights: Any = None, **named: Any) -> Tensor:
        if len(arguments) == 3:
            *arguments, weights = arguments  # type: ignore[assignment]
        losses = elementwise(*arguments, **named)
        if weights is None:
            return ops.mean(losses)
        scaled = losses * weights
        counted = ops.broadcast_like(cast(not_equal(weights, 0.0), losses.dtype), scaled)
        # All weights zero: TensorFlow's loss is zero then, not NaN.
        return ops.sum(scaled) / maximum(ops.sum(counted), 1.0)

    return loss


losses = SimpleNamespace(
    absolute_difference=_mean_loss(ops.absolute_error),
    hinge_loss=_mean_loss(ops.hinge, "labels", "logits"),
    huber_loss=_mean_loss(ops.huber),
    mean_squared_error=_mean_loss(ops.squared_error),
    sigmoid_cross_entropy=_mean_loss(ops.sigmoid_cross_entropy, "multi_class_labels", "logits"),
    softmax_cross_entropy=_mean_loss(ops.softmax_cross_entropy, "onehot_labels", "logits"),
    sparse_softmax_cross_entropy=_mean_loss(ops.sparse_softmax_cross_entropy, "labels", "logits"),
)


class _Optimizer:
    """An optimizer whose `minimize` returns something a session runs."""

    def __init__(self, optimizer: Any):
        self.optimizer = optimizer

    def minimize(
        self,
        loss: Tensor,
        global_step: leaves.Variable | None = None,
        var_list: Sequence[leaves.Variable] | None = None,
    ) -> TrainingOp:
        """Return the op of one step down the gradient of `loss`."""
        return self.apply_gradients(self.compute_gradients(loss, var_list), global_step)

    def compute_gradients(
        self, loss: Tensor, var_list: Sequence[leaves.Variable] | None = None
    ) -> list[tuple[Tensor | None, leaves.Variable]]:
        """Return the gradient of `loss` for each variable, beside the variable."""
        found = [node for node in topological([loss]) if isinstance(node, leaves.Variable)]
        variables = [v for v in found if v.trainable] if var_list is None else list(var_list)
        return list(zip(_gradients(loss, variables), variables, strict=True))

    def apply_gradients(
        self,
        grads_and_vars: Sequence[tuple[Tensor | None, leaves.Variable]],
        global_step: leaves.Variable | None = None,
    ) -> TrainingOp:
        """Return the op of one step against given gradients; None leaves a variable as it is."""
        pairs = [(v, gradient) for gradient, v in grads_and_vars if gradient is not None]
        if not pairs:
            names = [variable.name for _, variable in grads_and_vars]
            raise InvalidValue("loss", "depends on none of the variables", names)
        step = Variable(0, False, "global_step") if global_step is None else global_step
        return TrainingOp({**self.optimizer.apply(pairs, step), step: step + 1})


def _optimizer(kind: Any, *order: str) -> Callable[..., _Optimizer]:
    def make(*arguments: Any, **named: Any) -> _Optimizer:
        for ignored in ("name", "use_locking"):
            named.pop(ignored, None)
        if len(arguments) > len(order):
            todo = "give the others by name"
            raise InvalidValue(kind.__name__, f"takes {order} by place", arguments, todo)
        return _Optimizer(kind(**dict(zip(order, arguments, strict=False)), **named))

    return make


_ACCUMULATOR = ("learning_rate", "initial_accumulator_value")
_PENALTIES = ("l1_regularization_strength", "l2_regularization_strength")

train = SimpleNamespace(
    AdadeltaOptimizer=_optimizer(Adadelta, "learning_rate", "rho", "epsilon"),
    AdagradOptimizer=_optimizer(Adagrad, *_ACCUMULATOR),
    AdamOptimizer=_optimizer(Adam, "learning_rate", "beta1", "beta2", "epsilon"),
    FtrlOptimizer=_optimizer(
        Ftrl, "learning_rate", "learning_rate_power", "initial_accumulator_value", *_PENALTIES
    ),
    GradientDescentOptimizer=_optimizer(SGD, "learning_rate"),
    MomentumOptimizer=_optimizer(Momentum, "learning_rate", "momentum"),
    ProximalAdagradOptimizer=_optimizer(ProximalAdagrad, *_ACCUMULATOR, *_PENALTIES),
    RMSPropOptimizer=_optimizer(RMSProp, "learning_rate", "decay", "momentum", "epsilon"),
)
