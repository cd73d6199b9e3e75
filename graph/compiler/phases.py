"""Which values of a step are computed row by row, which once a step, and which need memory.

A step runs in phases that take turns. In *whole* phases (even) values that do not follow the rows
of the batch are computed; in *row* phases (odd) each row is followed through all its values, so
that rows can be taken in small tiles that stay in cache, and by several threads. What a row phase
sums over the batch is there for the whole phase after it.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator

from ..plan import LEAVES, Plan
from ..step import Step
from ..tensor import Shape, Tensor

__all__ = ["Phases", "behind", "by_rows", "is_row", "is_whole", "wide"]

# Ops that cost so much that no element is computed twice.
COSTLY = frozenset(
    "sum max min prod logsumexp argmax exp expm1 log log1p power tanh sigmoid softplus erf sin cos "
    "sigmoid_cross_entropy divide sqrt reciprocal matmul uniform dropout_mask sum_rows".split()
)
ANY_ROW = frozenset({"take", "sum_rows"})  # ids say which row of the first input is read
GEMM_COLUMNS = 8  # narrower products are written out as loops


@functools.lru_cache(maxsize=1024)
def is_row(shape: Shape) -> bool:
    """Whether a value has one entry for each row of the batch."""
    return bool(shape) and shape[0] is None and all(isinstance(s, int) for s in shape[1:])


@functools.lru_cache(maxsize=1024)
def is_whole(shape: Shape) -> bool:
    """Whether a value's shape does not depend on the feeds."""
    return all(isinstance(size, int) for size in shape)


@functools.lru_cache(maxsize=1024)
def wide(shape: Shape) -> Shape:
    """Return a shape without its axes of size one."""
    return tuple(size for size in shape if size != 1)


def behind(source: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Return the value that views show, and these views."""
    views: list[Tensor] = []
    while source.op.view:
        views.append(source)
        source = source.inputs[0]
    return source, views


def by_rows(source: Tensor) -> bool:
    """Whether row i of a value is row i of what its views show, or the same for every row.

    A view of another shape may move rows: ``reshape(transpose(x), (-1, 3))`` does.
    """
    base, views = behind(source)
    shapes = [base.shape, *(view.shape for view in reversed(views))]
    first = next((n for n, shape in enumerate(shapes) if not is_whole(shape)), len(shapes))
    return all(map(is_row, shapes[first:]))


def is_product(node: Tensor) -> bool:
    """Whether a node is a product of two matrices that is worth calling a library for."""
    if node.op.name != "matmul" or node.rank != 2 or node.dtype != "float32":
        return False
    a, b = node.inputs
    if a.rank != 2 or b.rank != 2:
        return False
    columns, inner = b.shape[1], a.shape[1]
    wide_enough = isinstance(columns, int) and columns >= GEMM_COLUMNS
    return wide_enough and inner != 1 and node.shape[0] != 1


class Phases:
    """The phase of each value of a step, and whether it needs memory.

    Parameters
    ----------
    program : Step
    plan : Plan
        Says which variables lie side by side.
    products : bool
        Whether there is a kernel for products of matrices.

    Attributes
    ----------
    phase : dict of Tensor to int
    stored : set of Tensor
        Values that have memory, or may: a kernel may turn out to be the only reader.
    """

    def __init__(self, program: Step, plan: Plan, products: bool = True):
        self.plan, self.products = plan, products
        read = [source for node in program.nodes for source in node.inputs]
        roots = program.roots
        self._once = {node for node, n in Counter([*read, *roots]).items() if n == 1}
        self._variable_of = {root: variable for variable, root in program.updates.items()}
        self.phase: dict[Tensor, int] = {}
        for node in program.nodes:
            self.phase[node] = self._phase(node)
        self.nodes = [n for n in plan.order if n not in plan.arenas]
        self._delay(program)
        last = max([self.phase[node] for node in self.nodes], default=0)
        self.last = last + last % 2
        self.roots = {behind(root)[0] for root in roots}
        self.users: dict[Tensor, list[tuple[Tensor, Tensor]]] = {}
        for node in self.nodes:
            for source in () if node.op.view else node.inputs:
                self.users.setdefault(behind(source)[0], []).append((node, source))
        # Numbers computed from the whole batch: a phase that sees a part of it cannot.
        self.gathered: set[Tensor] = set()
        for node in self.nodes:
            if is_whole(node.shape) and any(
                not is_whole(x.shape) or x in self.gathered for x in node.inputs
            ):
                self.gathered.add(node)
        self.stored: set[Tensor] = set()
        for node in reversed(self.nodes):
            if self._needs_memory(node):
                self.stored.add(node)

    def is_leaf(self, node: Tensor) -> bool:
        """Whether a value is there before the step."""
        return node.op.name in LEAVES or node in self.plan.arenas

    def _phase(self, node: Tensor) -> int:
        if self.is_leaf(node):
            return 0
        if node.op.view:
            phase = self.phase[node.inputs[0]]
            return phase + (phase % 2 and not by_rows(node))
        rows = self.follows_rows(node)
        sources = self._sources(node) if rows else node.inputs
        need = max((self._needed(source, rows) for source in sources), default=0)
        return need + (need % 2 != rows)

    def _delay(self, program: Step) -> None:
        """Compute what only later whole phases read there, where it may need no memory."""
        readers: dict[Tensor, list[int]] = {}
        roots = set(program.roots)
        for node in reversed(self.nodes):
            op, phase = node.op, self.phase[node]
            pulled = not (op.writes(node) or op.push_shape(node) or self.is_product(node))
            if phase % 2 == 0 and pulled and node not in roots and op.name != "concat":
                first = min(readers.get(node, [phase]))
                self.phase[node] = first if first % 2 == 0 else phase
            for source in node.inputs:
                readers.setdefault(source, []).append(self.phase[node])

    def follows_rows(self, node: Tensor) -> bool:
        """Whether a node takes one row at a time: for a row of its own, or to add it to a sum."""
        if node.op.writes(node) and not node.op.row_local:
            return False
        domain = node.op.push_shape(node)
        if not all(map(by_rows, self._sources(node))):
            return False
        if node.op.name == "replace_rows" and not self.replaces(node):
            return False  # the table would be copied for each tile of rows
        if node.op.name in ANY_ROW and not is_whole(node.inputs[0].shape):
            return False
        if is_row(node.shape):
            local = node.op.by_row or node.op.row_local
            return local and (domain is None or is_row(domain))
        return is_whole(node.shape) and domain is not None and is_row(domain)

    def replaces(self, node: Tensor) -> bool:
        """Whether a variable is what it was but for some rows, which nothing else reads."""
        if node.op.name != "replace_rows" or node not in self._once:
            return False
        return self._variable_of.get(node) is node.inputs[0]

    def _sources(self, node: Tensor) -> list[Tensor]:
        """Return the inputs, or what is behind the transposed one that a sum over rows reads."""
        if node.op.name != "matmul" or not is_whole(node.shape):
            return list(node.inputs)
        a, b = node.inputs
        return [a.inputs[0] if a.op.name == "transpose" and a.rank == 2 else a, b]

    def _needed(self, source: Tensor, rows: bool) -> int:
        """Return the first phase in which a reader may run."""
        base, phase = behind(source)[0], self.phase[source]
        if phase % 2 == 0 or (rows and is_row(base.shape)):
            return phase
        return phase + 1

    def is_product(self, node: Tensor) -> bool:
        """Whether a node is a matrix product worth a kernel of its own."""
        return self.products and is_product(node)

    def folds_rows(self, node: Tensor) -> bool:
        """Whether a value takes a loop of its own to give one number a row.

        What is computed from it goes into another loop, over rows alone, which can be vectorised.
        """
        return self.products and node.op.folds and wide(node.shape) == (None,)

    def _needs_memory(self, node: Tensor) -> bool:
        if node.op.view:
            return self._packed(node)
        if self.dissolves(node):
            return False
        if node.op.name == "concat" or self.is_product(node) or node.op.writes(node):
            return True
        if node.op.push_shape(node) is not None:
            return True
        if self.folds_rows(node):
            return True
        users = self.users.get(node, [])
        if any(self._read_from_memory(node, user, source) for user, source in users):
            return True
        several = len(users) + (node in self.roots) > 1
        return several and bool(wide(node.shape)) and not self._trivial(node)

    def dissolves(self, node: Tensor) -> bool:
        """Whether the parts of a concat go straight into a longer vector that it is a part of."""
        if node.op.name != "concat" or node.attributes["axis"] != 0 or node in self.roots:
            return False
        users = self.users.get(node, [])
        if len(users) != 1 or not is_whole(node.shape):
            return False
        user, source = users[0]
        flat = source.op.name == "reshape" and source.inputs[0] is node
        return flat and user.op.name == "concat" and user.rank == 1 and not self.is_leaf(user)

    def _packed(self, node: Tensor) -> bool:
        """Whether a product needs a copy of a view: strides cannot describe it as an operand."""
        base, views = behind(node)
        for user, source in self.users.get(base, ()):
            if source is node and self.is_product(user):
                odd = any(not describes(view) for view in views)
                fed = base.op.name == "placeholder"
                turned = sum(view.op.name == "transpose" for view in views) % 2 == 1
                return odd or fed or (turned and node is user.inputs[1])
        return False

    def _read_from_memory(self, node: Tensor, user: Tensor, source: Tensor) -> bool:
        """Whether a reader needs the value in memory."""
        if self.phase[user] != self.phase[node] and (wide(node.shape) or node in self.gathered):
            return True
        if source in self.stored and source is not node:
            return False  # the view has memory of its own
        if self.is_product(user) or user.op.writes(user):
            return True
        if any(x is source for x in (user.inputs[i] for i in user.op.random_access)):
            return True
        return node.op.name in COSTLY and self._repeats(user, node)

    def _repeats(self, user: Tensor, node: Tensor) -> bool:
        """Whether a reader visits each element several times."""
        domain = user.op.push_shape(user) or user.shape
        if user.op.name == "matmul":
            return True
        return len(wide(domain)) > len(wide(node.shape)) > 0

    def _trivial(self, node: Tensor) -> bool:
        """Whether computing a value again costs no more than reading it."""
        sources = (behind(source)[0] for source in node.inputs)
        return node.op.name not in COSTLY and all(self.is_leaf(x) for x in sources)

    def depends_on_feeds(self, node: Tensor, changing: set[Tensor]) -> bool:
        """Whether a value may differ from step to step; `changing` are the updated variables."""
        seen: set[Tensor] = set()
        stack = [node]
        while stack:
            x = stack.pop()
            if x in seen:
                continue
            seen.add(x)
            if x.op.name == "placeholder" or x in changing or not is_whole(x.shape):
                return True
            stack.extend(x.inputs)
        return False


def describes(view: Tensor) -> bool:
    """Whether a view of a matrix in memory is one with other strides."""
    return view.op.name in ("transpose", "slice") and view.rank == 2


def ancestors(roots: list[Tensor]) -> Iterator[Tensor]:
    """Return all that values depend on, and themselves."""
    seen: set[Tensor] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            yield node
            stack.extend(node.inputs)
