"""What estimators share in their docstrings, written once."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from typing import TypeVar

__all__ = ["documented"]

T = TypeVar("T")

# Numpydoc entries in the order in which they are shown; defaults come from the class.
PARAMETERS = """
columns : list of feature columns or None
    What the model sees of a frame; None has columns inferred from it, see
    `cannery.feature_columns.infer_columns`. A linear model takes categorical and numeric columns;
    a deep one takes dense columns: numeric, bucketized, indicator and embedding columns; a forest
    takes numeric and categorical ones.
linear_columns : list of feature columns or None
    What the linear tower sees: categorical columns, crosses above all, and numeric ones. None has
    them inferred, without crosses.
deep_columns : list of feature columns or None
    What the deep tower sees: numeric, bucketized, indicator and embedding columns. None has them
    inferred.
hidden_units : sequence of int
    The width of each hidden layer; empty for none.
activation : str or callable
    Of the hidden layers: "identity", "elu", "gelu", "leaky_relu", "relu", "selu", "sigmoid",
    "softplus", "swish", "tanh", or a function from tensor to tensor.
dropout : float in [0, 1)
    The share of each hidden layer's units dropped at each training step.
batch_norm : bool
    Whether hidden layers are normalised over the batch, after activation and dropout.
optimizer : str or Optimizer
    A name in `cannery.graph.optimizers` for that optimizer with its defaults, or one with settings
    of its own. "ftrl" has the learning rate 0.2, "adagrad" 0.05.
linear_optimizer : str or Optimizer
    Trains the linear tower; a name means that optimizer's defaults: "ftrl" has the learning rate
    0.2. ``set_params(linear_optimizer__learning_rate=0.1)`` works for a name as well.
deep_optimizer : str or Optimizer
    Trains the deep tower; a name means that optimizer's defaults: "adagrad" has the learning rate
    0.05.
loss : {"squared_error", "absolute_error", "huber", "quantile", "poisson"}
    What is minimised, and so what is predicted: the mean, the median, something between both, a
    quantile, or the mean of counts as an exponential.
delta : float
    Where the Huber loss turns from a parabola into a line, in the unit of the targets.
quantile : float in (0, 1)
    The share of targets that should be below the prediction, for the quantile loss.
n_estimators : int
    The number of trees.
criterion : str
    What splits make less of. Classification: "gini", or "entropy", which "log_loss" names as well.
    Regression: "squared_error".
max_features : {"sqrt", "log2", None}, int or float
    How many columns a node looks at, drawn at random: a function of their number, all of them, so
    many, or a share. It looks at further ones while none of them can split it.
max_depth : int or None
    The most splits on the way to a leaf; None grows until leaves are pure.
min_samples_split : int or float
    Nodes with fewer rows are leaves; a float is a share of the rows.
min_samples_leaf : int or float
    The least rows of a leaf; a float is a share of the rows.
min_weight_fraction_leaf : float in [0, 0.5]
    The least share of the total weight that a leaf has.
max_leaf_nodes : int or None
    The most leaves of a tree: those splits are made that gain most.
monotonic_cst : mapping of str to int, array-like or None
    For raw columns of numbers: 1 where predictions must not fall as the column rises, -1 where they
    must not rise, 0 where they may do both. Of two classes the second's probability is meant.
bootstrap : bool
    Whether each tree is grown from rows drawn with replacement, or from all rows.
max_samples : int, float or None
    How many rows are drawn for each tree; a float is a share, None means as many as there are.
oob_score : bool
    Whether to judge each row by the trees that were grown without it.
class_weight : dict, "balanced" or None
    A factor for the weights of each class's rows while training. "balanced" gives classes the
    same total weight.
epochs : int
    Passes over the rows in one `fit`.
batch_size : int
    Rows a step; small data sets have smaller batches, so that an epoch has at least ten steps.
validation_fraction : float in [0, 1)
    The share of rows held out of training and judged after each epoch; classes keep their shares.
early_stopping : bool or str
    Whether to stop when the validation data say so, and to restore the weights of the best epoch.
    True looks at "average_loss"; a name such as "auc" at another metric of `evaluate`. Without
    `validation_fraction` or validation data, a tenth of the rows is held out.
patience : int
    How many epochs without an improvement early stopping waits.
min_delta : float
    The least change that early stopping counts as an improvement.
warm_start : bool
    Whether `fit` goes on from the last one: same columns, classes and weights, more epochs.
strict : bool
    Whether values that were not there in `fit` are refused, naming column, row and value. By
    default each column has a place for them.
n_jobs : int or None
    Threads, -1 for all; None means one. The last bits of what is learnt depend on their number,
    never on time.
jit : {"auto", True, False}
    Whether training and prediction run as compiled C. "auto" compiles where a C compiler is found
    and interpreting the fit would take longer than compiling, by an estimate from the number of
    rows and epochs alone; True insists; False, and the environment variable CANNERY_JIT=0,
    interpret. Both give the same values up to rounding.
callbacks : list of callables and objects
    Who hears of each epoch, see `cannery.estimators.training.Callback`.
checkpoint_dir : str, path or None
    A folder that keeps where `fit` is. The same call finds it there and goes on after the process
    was killed, to the same bits; it answers at once if that fit was over. More `epochs` go on, too;
    other data or settings are refused. `partial_fit` keeps nothing.
checkpoint_seconds : float
    The least time between two checkpoints, and so what a killed fit loses. Large ones are further
    apart, so as to take no more than a twentieth of the time; 0 takes every occasion.
keep_checkpoints : int
    How many of the newest checkpoints stay.
pool : Pool, int or None
    Divides the fit among workers, see `cannery.estimators.Pool`; a number is one of workers. None
    fits in this process.
random_state : int, RandomState or None
    Seeds first weights, shuffling, dropout and the rows held out. The same number gives the same
    bits on the same machine.
verbose : int
    0 is silent, 1 shows a progress bar, 2 prints a line an epoch, or a round of a forest's pool.
"""

ATTRIBUTES = """
classes_ : ndarray
    The classes in sorted order; the numbers of the labels where rows have several.
columns_ : ColumnSet
    The feature columns with all they have learnt.
history_ : DataFrame
    A row an epoch: loss, seconds, rows a second, and validation metrics as ``val_<metric>``.
linear_weights_ : DataFrame
    A row for each value of each column of the linear tower: ``column``, ``value``, ``weight``.
variables_ : dict of str to ndarray
    All weights by name.
n_iter_ : int
    The epochs done.
best_epoch_ : int
    The epoch whose weights early stopping restored.
n_features_in_ : int
    The number of raw columns.
feature_names_in_ : ndarray
    The names of the raw columns, where `X` has names.
"""


def _entries(text: str) -> dict[str, tuple[str, str]]:
    """Return type and description of each entry of a numpydoc section, by name."""
    parts = re.split(r"^(\w+) : (.*)\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::3], zip(parts[1::3], parts[2::3], strict=True), strict=True))


def _sections(text: str) -> dict[str, str]:
    """Return the parts of a numpydoc text by their titles, what stands before under none."""
    titles = "Parameters|Attributes|Notes|References|Examples"
    parts = re.split(rf"^({titles})\n-+\n", inspect.cleandoc(text), flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def documented(cls: type[T]) -> type[T]:
    """Put parameters and attributes into a class's docstring, before notes and examples.

    What it says of them itself comes first, and stands for what is said here.
    """
    defaults = {field.name: field.default for field in fields(cls)}  # type: ignore[arg-type]
    sections = _sections(cls.__doc__ or "")
    own = _entries(sections.get("Parameters", "") + "\n")
    shared = {name: entry for name, entry in _entries(PARAMETERS).items() if name not in own}
    parameters = [
        f"{name} : {kind}, default={defaults[name]!r}\n{text.rstrip()}\n"
        for name, (kind, text) in {**own, **shared}.items()
        if name in defaults
    ]
    has = {
        "classes_": hasattr(cls, "predict_proba"),
        "linear_weights_": hasattr(cls, "linear_weights_"),
        "history_": hasattr(cls, "plot_history"),
        "best_epoch_": hasattr(cls, "early_stopping"),
        "n_iter_": hasattr(cls, "epochs"),
    }
    own = _entries(sections.get("Attributes", "") + "\n")
    general = {n: e for n, e in _entries(ATTRIBUTES).items() if n not in own and has.get(n, True)}
    attributes = [
        f"{name} : {kind}\n{text.rstrip()}\n" for name, (kind, text) in {**own, **general}.items()
    ]
    sections["Parameters"], sections["Attributes"] = "".join(parameters), "".join(attributes)
    order = ("Parameters", "Attributes", "Notes", "References", "Examples")
    shown = [f"{t}\n{'-' * len(t)}\n{sections[t].rstrip()}\n" for t in order if t in sections]
    cls.__doc__ = "\n".join([sections[""].rstrip() + "\n", *shown])
    return cls
