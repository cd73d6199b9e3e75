"""Where each value of a program lives: order, lifetimes, shared buffers, updates in place.

Nothing here depends on how kernels are run; the interpreter and the compiler read one plan.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from .aligned import ALIGNMENT
from .tensor import Dimension, Tensor, topological
from .variables import Variable

__all__ = ["Block", "Plan", "allocate"]

LEAVES = frozenset({"placeholder", "variable", "constant"})
# Views that keep the order of the elements, so that a whole block can stand in for them.
FLAT_VIEWS = frozenset({"reshape", "expand", "squeeze"})


@dataclass
class Block:
    """A stretch of memory: the values in it, and the first and last position of their use."""

    first: int
    last: int
    members: list[Tensor] = field(default_factory=list)


def is_dynamic(node: Tensor) -> bool:
    """Whether the size of a value changes from step to step: it depends on a ragged feed."""
    return any(isinstance(size, str) for size in node.shape)


def element_count(shape: tuple[Dimension, ...], batch: int) -> int:
    """Return the number of elements once the batch size is known."""
    return math.prod(batch if size is None else int(size) for size in shape)


def viewed(node: Tensor, only: frozenset[str] | None = None) -> Tensor:
    """Return what `node` is a view of, through views of any kind or of these ops `only`."""
    while node.op.view and (only is None or node.op.name in only):
        node = node.inputs[0]
    return node


class Plan:
    """The order of a program's nodes and what may share memory.

    Attributes
    ----------
    order : list of Tensor
        Every node that is computed: outputs first, then what updates need, then the updates.
    last : dict of Tensor to int
        The position after which the memory of a value is free; views count for their base.
    inside : dict of Tensor to (Tensor, int)
        A value that is computed straight into a `concat` of it: the concat and the element offset.
    arenas : dict of Tensor to list of Variable
        A `concat` of whole variables, which are laid side by side instead.
    overwritten : dict of Tensor to Tensor
        A node whose result overwrites the variables' memory it reads last.
    borrowed : set of Tensor
        Outputs and new values that lie in a variable's memory: unless a new value already lies in
        its own place, they are copied before any variable changes.
    """

    def __init__(self, outputs: Iterable[Tensor], updates: dict[Variable, Tensor]):
        self.outputs = list(outputs)
        self.updates = updates
        roots = list(updates.values())
        bases = [viewed(root) for root in roots]
        needed = [source for base in bases for source in base.inputs]
        ordered = topological([*self.outputs, *needed, *bases, *roots])
        self.order = [node for node in ordered if node.op.name not in LEAVES]
        self.position = {node: i for i, node in enumerate(self.order)}
        self.end = len(self.order)
        self.last = self._lifetimes()
        self.arenas = self._find_arenas()
        self.inside = self._place_in_concats()
        self._arena = {v: arena for arena, members in self.arenas.items() for v in members}
        self.overwritten = self._find_overwritten(dict(zip(updates, bases, strict=True)))
        self.borrowed = self._find_borrowed()

    def base(self, node: Tensor) -> Tensor:
        """Return the node that owns the memory of `node`."""
        return viewed(node)

    def _lifetimes(self) -> dict[Tensor, int]:
        last: dict[Tensor, int] = {}
        for node in self.order:
            last.setdefault(self.base(node), self.position[node])
            for source in node.inputs:
                owner = self.base(source)
                last[owner] = max(last.get(owner, 0), self.position[node])
        for root in (*self.outputs, *self.updates.values()):
            last[self.base(root)] = self.end
        return last

    def _find_arenas(self) -> dict[Tensor, list[Variable]]:
        arenas: dict[Tensor, list[Variable]] = {}
        taken: set[Tensor] = set()
        for node in self.order:
            if node.op.name != "concat" or node.attributes["axis"] != 0:
                continue
            sources = [viewed(source, FLAT_VIEWS) for source in node.inputs]
            variables = [source for source in sources if isinstance(source, Variable)]
            fresh = len(set(variables)) == len(sources) and not taken.intersection(variables)
            if fresh:
                arenas[node] = variables
                taken.update(variables)
        return arenas

    def _place_in_concats(self) -> dict[Tensor, tuple[Tensor, int]]:
        inside: dict[Tensor, tuple[Tensor, int]] = {}
        for node in self.order:
            known = all(isinstance(size, int) for size in node.shape)
            if node.op.name != "concat" or node.attributes["axis"] != 0 or not known:
                continue
            if node in self.arenas:
                continue
            offset = 0
            for source in node.inputs:
                owner = viewed(source, FLAT_VIEWS)
                count = element_count(source.shape, 0)
                free = owner in self.position and owner not in inside and not owner.op.view
                if free and owner.op.name != "concat":
                    inside[owner] = (node, offset)
                offset += count
        return inside

    def _find_overwritten(self, bases: dict[Variable, Tensor]) -> dict[Tensor, Tensor]:
        last_read: dict[Tensor, int] = {}
        for node in self.order:
            if node in self.arenas or (node.op.view and isinstance(self.base(node), Variable)):
                continue
            for source in node.inputs:
                last_read[self._memory(source)] = self.position[node]
        # Outputs, and variables that become another's value, are copied when all is computed.
        for root in (*self.outputs, *bases.values()):
            last_read[self._memory(root)] = self.end
        # An output may be checked before anything changes, so what it needs stays in buffers.
        first = max((self.position.get(root, -1) for root in self.outputs), default=-1) + 1
        found: dict[Tensor, Tensor] = {}
        for base in bases.values():
            if base in self.inside or self.position.get(base, -1) < first:
                continue
            for source in base.inputs[base.op.overwrites]:
                owner = self._memory(source, FLAT_VIEWS)
                if any(x is not source and self._memory(x) is owner for x in base.inputs):
                    continue  # another view of that memory would be read after it is written
                members = self.arenas.get(owner, [owner])
                whole = source.shape == base.shape and source.dtype == base.dtype
                own = all(bases.get(member) is base for member in members)  # type: ignore[call-overload]
                filled = own and element_count(owner.shape, 0) == element_count(base.shape, 0)
                if whole and filled and last_read.get(owner, -1) <= self.position[base]:
                    found[base] = owner
                    break
        return found

    def _find_borrowed(self) -> set[Tensor]:
        changing = {self._memory(variable) for variable in self.updates}
        owners = {
            root: self.overwritten.get(self.base(root), self._memory(root))
            for root in (*self.outputs, *self.updates.values())
        }
        return {root for root, owner in owners.items() if owner in changing}

    def _memory(self, node: Tensor, through: frozenset[str] | None = None) -> Tensor:
        """Return the node, variable or arena in whose memory a value lies."""
        owner = viewed(node, through)
        return self._arena.get(owner, owner) if isinstance(owner, Variable) else owner


def allocate(plan: Plan, batch: int) -> tuple[dict[Tensor, int], int, int]:
    """Lay the values of a plan out in one stretch of memory.

    First fit over free gaps; a node that may overwrite a dying input takes its place.

    Parameters
    ----------
    plan : Plan
    batch : int
        The batch size.

    Returns
    -------
    offsets : dict of Tensor to int
        In bytes, for every node that owns memory of known size.
    size : int
        The bytes needed.
    unshared : int
        The bytes that would be needed if no two values shared memory.
    """
    blocks: dict[Tensor, Block] = {}
    owners = [
        node
        for node in plan.order
        if not node.op.view
        and node not in plan.arenas
        and node not in plan.overwritten
        and not is_dynamic(node)
    ]
    for node in owners:
        home = plan.inside[node][0] if node in plan.inside else node
        block = blocks.setdefault(home, Block(plan.position[node], plan.last[node]))
        block.last = max(block.last, plan.last[node], plan.last[home])
    sizes = {
        home: max(1, -(-element_count(home.shape, batch) * home.dtype.itemsize // ALIGNMENT))
        * ALIGNMENT
        for home in blocks
    }
    offsets: dict[Tensor, int] = {}
    live: list[tuple[int, int, Tensor]] = []  # offset, end, home
    top = 0
    for home in sorted(blocks, key=lambda node: blocks[node].first):
        now = blocks[home].first
        donor = _donor(plan, home, blocks, offsets, sizes)
        live = [entry for entry in live if blocks[entry[2]].last >= now and entry[2] is not donor]
        start = offsets[donor] if donor is not None else _first_gap(live, sizes[home])
        offsets[home] = start
        live.append((start, start + sizes[home], home))
        live.sort(key=lambda entry: entry[0])
        top = max(top, start + sizes[home])
    for node, (home, elements) in plan.inside.items():
        offsets[node] = offsets[home] + elements * node.dtype.itemsize
    return offsets, top, sum(sizes.values())


def _first_gap(live: list[tuple[int, int, Tensor]], size: int) -> int:
    start = 0
    for begin, end, _ in live:
        if begin - start >= size:
            return start
        start = max(start, end)
    return start


def _donor(
    plan: Plan,
    node: Tensor,
    blocks: dict[Tensor, Block],
    offsets: dict[Tensor, int],
    sizes: dict[Tensor, int],
) -> Tensor | None:
    """Return an input that dies at `node` and whose memory it may overwrite."""
    if node.op.name == "concat" or blocks[node].first != plan.position[node]:
        return None
    for source in node.inputs[node.op.overwrites]:
        same = source.shape == node.shape and source.dtype == node.dtype
        owner = viewed(source, FLAT_VIEWS)
        homes = [plan.inside.get(plan.base(x), (plan.base(x), 0))[0] for x in node.inputs]
        if any(
            x is not source and home is owner for x, home in zip(node.inputs, homes, strict=True)
        ):
            continue  # another view of that memory would be read after it is written
        dies = owner in offsets and owner in blocks and blocks[owner].last == plan.position[node]
        if same and dies and sizes[owner] >= sizes[node] and not owner.op.view:
            return owner
    return None
