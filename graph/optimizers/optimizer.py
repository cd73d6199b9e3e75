"""What an optimizer is, and how it updates whole variables, packs of them and rows of tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from sklearn.base import BaseEstimator

from ...errors import InvalidType, InvalidValue, NotFound, ShapeMismatch
from ...hyperparameters import Positive, check, hyperparameters
from ...registry import Registry
from ..gradients import gradients
from ..ops import concat, replace_rows, reshape, take, where
from ..plan import element_count
from ..tensor import Tensor
from ..variables import Variable
from .clipping import clip_by_global_norm, clip_by_norm, clip_by_value
from .schedules import Rate, rate_at
from .sparse import distinct_rows, is_sparse, touched_rows

__all__ = ["OPTIMIZERS", "Optimizer", "get_optimizer"]

# Up to this many elements a pass over the whole table is quicker than finding its rows.
SMALL_TABLE = 16_384
# Beyond this many elements a kernel call costs more than its overhead, and packing gains nothing.
LARGE_VARIABLE = 65_536


@hyperparameters
class Optimizer(BaseEstimator):
    """How a variable moves against its gradient, as graph expressions.

    A subclass writes `slots` and `update`, and says with `skips_absent_rows` and `absorbs_zero`
    what a gradient means that names only some rows of a table.

    Parameters
    ----------
    learning_rate : float or Schedule
    clip_value : float, optional
        Move every element of the gradients into ``[-clip_value, clip_value]``.
    clip_norm : float, optional
        Then scale each variable's gradient down to at most this L2 norm.
    global_clip_norm : float, optional
        Then scale all gradients down so that their norm together is at most this.
    """

    learning_rate: Rate = 0.01
    clip_value: Positive | None = None
    clip_norm: Positive | None = None
    global_clip_norm: Positive | None = None

    additive: ClassVar[frozenset[str]] = frozenset()  # the slots that are sums over all steps

    def slots(self) -> dict[str, float]:
        """Return the names and first values of what is remembered for each element."""
        return {}

    def update(
        self, weight: Tensor, gradient: Tensor, rate: Tensor | float, step: Tensor, **slots: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the new weight and slots, element by element.

        Parameters
        ----------
        weight, gradient : Tensor
            Whole variables, flat packs of them or some rows of a table.
        rate : Tensor or float
            The learning rate at this step.
        step : Tensor
            How many steps came before, an integer scalar.
        **slots : Tensor
            The slots' present values.
        """
        raise NotFound(f"optimizer {type(self).__name__}", "has no update")

    def skips_absent_rows(self) -> bool:
        """Whether rows that a sparse gradient does not name stay as they are, slots included.

        Otherwise their gradient counts as zero, and the step costs what the whole table costs.
        """
        return True

    def absorbs_zero(self, variable: Variable) -> bool:
        """Whether a zero gradient leaves `variable` and its slots as they are, to the bit.

        A sparse gradient may then be spread over the whole table where that is quicker.
        """
        return False

    def minimize(
        self, loss: Tensor, variables: Sequence[Variable], step: Tensor
    ) -> dict[Variable, Tensor]:
        """Return the updates of one step down the gradient of `loss`.

        Parameters
        ----------
        loss : Tensor
        variables : sequence of Variable
            Those that `loss` does not depend on are left out.
        step : Tensor
            How many steps came before, an integer scalar; whoever owns it advances it.

        Returns
        -------
        dict of Variable to Tensor
            For `Program(updates=...)`; the slots are in it as well.

        Raises
        ------
        InvalidValue
            `loss` depends on none of the variables.

        Examples
        --------
        >>> from cannery.graph import Program, Variable
        >>> from cannery.graph.optimizers import SGD
        >>> step, weight = Variable(0, "step", trainable=False), Variable(3.0, "weight")
        >>> updates = SGD(learning_rate=0.25).minimize(weight * weight, [weight], step)
        >>> execution = Program(updates={**updates, step: step + 1}).start()
        >>> _ = execution.run()
        >>> execution.variables["weight"].item()
        1.5
        """
        slopes = gradients(loss, variables)
        pairs = [(v, g) for v, g in zip(variables, slopes, strict=True) if g is not None]
        if not pairs:
            names = [variable.name for variable in variables]
            raise InvalidValue(f"loss {loss.name!r}", "depends on none of the variables", names)
        return self.apply(pairs, step)

    def apply(
        self, pairs: Sequence[tuple[Variable, Tensor]], step: Tensor, pack: bool = True
    ) -> dict[Variable, Tensor]:
        """Return the updates of one step for given gradients.

        A gradient that is an unexecuted `scatter_rows`, or a sum of such, is row-sparse.

        Parameters
        ----------
        pairs : sequence of (Variable, Tensor)
            Each variable with its gradient.
        step : Tensor
            How many steps came before, an integer scalar.
        pack : bool, default True
            Update all small dense variables as one, with one set of slots; same bits, fewer
            operations.

        Returns
        -------
        dict of Variable to Tensor
            New values of the variables and of their slots, which are made here.

        Raises
        ------
        ShapeMismatch
            A gradient differs from its variable in shape or dtype, or `step` is no whole number.
        InvalidValue, InvalidType
            A hyperparameter out of range, a variable given twice or not trainable.
        """
        check(self)
        _check_arguments(pairs, step)
        clipped = self._clip([gradient for _, gradient in pairs])
        updates: dict[Variable, Tensor] = {}
        packs: dict[str, list[tuple[Variable, Tensor]]] = {}
        for (variable, _), gradient in zip(pairs, clipped, strict=True):
            size = element_count(variable.shape, 0)
            sparse = is_sparse(gradient) and self.skips_absent_rows()
            if sparse and not (size <= SMALL_TABLE and self.absorbs_zero(variable)):
                updates |= self._update_rows(variable, gradient, step)
            elif pack and size <= LARGE_VARIABLE:
                packs.setdefault(variable.dtype.name, []).append((variable, gradient))
            else:
                updates |= self._update_whole(variable, gradient, step)
        for dtype, members in packs.items():
            name = "packed" if len(packs) == 1 else f"packed_{dtype}"
            updates |= self._update_pack(name, members, step)
        return updates

    def _clip(self, slopes: list[Tensor]) -> list[Tensor]:
        if self.clip_value is not None:
            limit = self.clip_value
            slopes = [clip_by_value(slope, -limit, limit) for slope in slopes]
        if self.clip_norm is not None:
            slopes = [clip_by_norm(slope, self.clip_norm) for slope in slopes]
        if self.global_clip_norm is not None:
            slopes, _ = clip_by_global_norm(slopes, self.global_clip_norm)
        return slopes

    def _changes(
        self,
        name: str,
        weight: Tensor,
        gradient: Tensor,
        step: Tensor,
        read: Callable[[Tensor], Tensor] = lambda whole: whole,
    ) -> tuple[Tensor, dict[Variable, Tensor]]:
        """Make the slots of `weight`; return its new value and theirs, of the part `read` takes."""
        shape, dtype = tuple(map(int, weight.shape)), weight.dtype  # type: ignore[arg-type]
        kind: Any = {"shape": shape, "dtype": dtype, "trainable": False}
        slots = {
            slot: Variable(first, f"{name}/{slot}", additive=slot in self.additive, **kind)
            for slot, first in self.slots().items()
        }
        rate = rate_at(self.learning_rate, step, dtype)
        parts = {slot: read(variable) for slot, variable in slots.items()}
        new, changed = self.update(read(weight), gradient, rate, step, **parts)
        return new, {slots[slot]: value for slot, value in changed.items()}

    def _update_whole(
        self, variable: Variable, gradient: Tensor, step: Tensor
    ) -> dict[Variable, Tensor]:
        new, slots = self._changes(variable.name, variable, gradient, step)
        return {variable: new, **slots}

    def _update_rows(
        self, variable: Variable, gradient: Tensor, step: Tensor
    ) -> dict[Variable, Tensor]:
        rows = distinct_rows(gradient)
        if rows is None:
            touched, total = touched_rows(gradient)
            updates = self._update_whole(variable, total, step)
            return {old: where(touched, new, old) for old, new in updates.items()}
        ids, values = rows.inputs
        new, slots = self._changes(variable.name, variable, values, step, lambda x: take(x, ids))
        return {old: replace_rows(old, ids, part) for old, part in {variable: new, **slots}.items()}

    def _update_pack(
        self, name: str, members: Sequence[tuple[Variable, Tensor]], step: Tensor
    ) -> dict[Variable, Tensor]:
        if len(members) == 1:
            return self._update_whole(*members[0], step)
        weight, gradient = (
            concat([*map(_flat, tensors)], axis=0) for tensors in zip(*members, strict=True)
        )
        new, updates = self._changes(name, weight, gradient, step)
        start = 0
        for variable, _ in members:
            stop = start + element_count(variable.shape, 0)
            updates[variable] = reshape(new[start:stop], variable.shape)
            start = stop
        return updates


def _flat(tensor: Tensor) -> Tensor:
    return reshape(tensor, (element_count(tensor.shape, 0),))


def _check_arguments(pairs: Sequence[tuple[Variable, Tensor]], step: Tensor) -> None:
    if step.dtype.kind != "i" or step.shape != ():
        raise ShapeMismatch("step", "must be one whole number", f"{step.shape} {step.dtype}")
    seen: set[Variable] = set()
    for variable, gradient in pairs:
        if not isinstance(variable, Variable):
            raise InvalidType("optimizer", "only variables can be updated", repr(variable))
        if not variable.trainable:
            raise InvalidValue(f"variable {variable.name!r}", "is not trainable")
        if variable in seen:
            raise InvalidValue(f"variable {variable.name!r}", "has two gradients", todo="add them")
        seen.add(variable)
        if gradient.shape != variable.shape or gradient.dtype != variable.dtype:
            wanted = f"must have shape {variable.shape} and dtype {variable.dtype}"
            given = f"{gradient.shape} {gradient.dtype}"
            raise ShapeMismatch(f"gradient of {variable.name!r}", wanted, given)


OPTIMIZERS: Registry[type[Optimizer]] = Registry("optimizer")


def get_optimizer(optimizer: str | Optimizer) -> Optimizer:
    """Return the optimizer of this name with its defaults, or the one given.

    Parameters
    ----------
    optimizer : str or Optimizer
        A name in `OPTIMIZERS`, in upper or lower case.

    Returns
    -------
    Optimizer

    Raises
    ------
    NotFound
        No optimizer has this name.
    InvalidType
        Neither a name nor an optimizer.

    Examples
    --------
    >>> from cannery.graph.optimizers import get_optimizer
    >>> get_optimizer("Adam")
    Adam()
    """
    if isinstance(optimizer, str):
        return OPTIMIZERS[optimizer.lower()]()
    if isinstance(optimizer, Optimizer):
        return optimizer
    todo = "write Adam(), not Adam"
    raise InvalidType("optimizer", "must be a name or an Optimizer", repr(optimizer), todo)
