"""Which values are computed in one loop nest, and where each is written.

Values of one phase with one domain meet in one kernel. A value needs memory only if another
kernel reads it, or its own at another place.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..op import OPS
from ..plan import Plan, element_count
from ..step import Step
from ..tensor import Shape, Tensor
from ..variables import Variable
from .kernel import Item, Kernel
from .masked import masked_by
from .phases import Phases, ancestors, behind, by_rows, is_row, is_whole, wide

__all__ = ["Schedule"]

SAME, OTHER = "same", "other"
ONES_ONLY = frozenset({"expand", "squeeze", "reshape"})


class Schedule:
    """The kernels of a step, in order.

    Attributes
    ----------
    kernels : list of Kernel
    stored : set of Tensor
        The values that have memory.
    inside : dict of Tensor to (Tensor, int)
        Values computed straight into the concat they are a part of, from some column on.
    arenas : dict of Tensor to list of Variable
        Variables that lie side by side.
    """

    def __init__(self, program: Step, plan: Plan, products: bool = True):
        self.program, self.plan = program, plan
        self.phases = Phases(program, plan, products)
        self.stored = self.phases.stored
        self.inside: dict[Tensor, tuple[Tensor, int]] = {}
        self.kernels: list[Kernel] = []
        self.items: dict[Tensor, list[Item]] = {}
        self._kernel_of: dict[Item, Kernel] = {}
        self._first = 0  # no kernel before this one may be joined
        self._updates = {v: root for v, root in program.updates.items() if root is not v}
        self._arena_of = {v: arena for arena, members in plan.arenas.items() for v in members}
        self._fill()
        self._sort()
        self._settle_updates()
        self._drop_unread()
        self._mark_once()

    def _fill(self) -> None:
        early = set(ancestors(list(self.program.outputs.values())))
        for node in self.phases.nodes:
            if node in early:
                self._add_node(node)
        for name, root in self.program.outputs.items():
            self._add_output(name, root)
        # Outputs are complete and checked before any variable changes.
        self._first = len(self.kernels)
        arenas = self._whole_arenas()
        for node in self.phases.nodes:
            if node not in early and (node in self.stored or node in arenas):
                self._add_node(node, arenas.get(node))
        done = {v for arena in arenas.values() for v in self.plan.arenas[arena]}
        for variable, root in self._updates.items():
            if variable not in done:
                self._add_update(variable, root)

    def _add_node(self, node: Tensor, variable: Tensor | None = None) -> None:
        if node not in self.stored and variable is None:
            return
        phase, domain = self.phases.phase[node], wide(node.shape)
        kind = "assign"
        if node.op.name == "concat":
            if variable is None:
                self._add_concat(node)
                return
        elif not node.op.view:
            pushed = node.op.push_shape(node)
            if self.phases.is_product(node):
                kind = "product"
            elif node.op.writes(node):
                kind = "statement"
            elif pushed is not None:
                kind, domain = "push", wide(pushed)
        home = node if node in self.stored else None
        self._add(Item(node, kind, phase, domain, home, variable=variable))

    def _add_concat(self, node: Tensor) -> None:
        axis, phase = node.attributes["axis"], self.phases.phase[node]
        for part, start in self._parts(node):
            if self._computed_inside(part, node, axis):
                self.inside[part] = (node, start)
                self.items.setdefault(node, []).extend(self.items[part])
            else:
                self._add(Item(part, "assign", phase, wide(part.shape), node, start))

    def _parts(self, node: Tensor, start: int = 0) -> Iterator[tuple[Tensor, int]]:
        """Yield the parts of a concat and where they start: along its axis, or in a vector."""
        axis = node.attributes["axis"]
        for part in node.inputs:
            size = part.shape[axis]
            assert isinstance(size, int)
            if node.rank > 1 and self.phases.dissolves(node):
                size *= element_count(part.shape[1:], 0)
            base = part.inputs[0] if part.op.name == "reshape" else part
            if node.rank == 1 and part is not base and is_whole(base.shape):
                # Along its own axes, for its memory may have gaps.
                if self.phases.dissolves(base):
                    yield from self._parts(base, start)
                else:
                    yield base, start
            else:
                yield part, start
            start += size

    def _computed_inside(self, part: Tensor, node: Tensor, axis: int) -> bool:
        """Whether a part that has memory anyway may have it inside the concat."""
        items, phases = self.items.get(part, []), self.phases
        return (
            len(items) == 1
            and items[0].kind == "push"
            and axis == node.rank - 1 == 1
            and is_row(part.shape)
            and phases.phase[part] == phases.phase[node]
            and len(phases.users.get(part, [])) == 1
            and part not in phases.roots
        )

    def _add_output(self, name: str, root: Tensor) -> None:
        items = self.items.get(root, [])
        if len(items) == 1 and items[0].kind == "assign" and items[0].node is root:
            items[0].outputs.append(name)
            return
        base, phase = behind(root)[0], self.phases.phase[root]
        rows = is_row(root.shape) and by_rows(root)
        if self.phases.is_leaf(base) and rows:
            phase = 1
        elif not rows:
            phase += phase % 2
        self._add(Item(root, "assign", phase, wide(root.shape), outputs=[name]))

    def _whole_arenas(self) -> dict[Tensor, Tensor]:
        """Return the values that are the new contents of whole arenas, and these arenas."""
        found: dict[Tensor, Tensor] = {}
        for arena, members in self.plan.arenas.items():
            roots = [self._updates.get(member) for member in members]
            bases = {behind(root)[0] for root in roots if root is not None}
            base = bases.pop() if len(bases) == 1 and None not in roots else None
            if base is None or base.shape != arena.shape or base in found:
                continue
            offset, fits = 0, True
            for member, root in zip(members, roots, strict=True):
                assert root is not None
                fits = fits and flat_start(root) == offset
                offset += element_count(member.shape, 0)
            if fits and base not in self.items:
                found[base] = arena
        return found

    def _add_update(self, variable: Variable, root: Tensor) -> None:
        """Have a new value written to its variable where it is computed, or by a copy."""
        items = self.items.get(root, [])
        late = [i for i in items if self.kernels.index(self._kernel_of[i]) >= self._first]
        one = late[0] if len(items) == len(late) == 1 else None
        if one is not None and one.kind in ("assign", "push") and one.variable is None:
            if one.replaced is None or self.phases.replaces(root):
                one.variable = None if one.accumulates else variable
            if one.variable is not None:
                return
        phase = self.phases.last
        self._add(Item(root, "assign", phase, wide(root.shape), variable=variable))

    # Kernels.

    def _add(self, item: Item) -> None:
        """Put an item into the last kernel that it may share, or into one of its own."""
        item.reads = self._reads(item)
        self.items.setdefault(item.node if item.home is None else item.home, []).append(item)
        first, own = self._first_allowed(item)
        kernel = None
        if item.kind in ("assign", "push"):
            for candidate in reversed(self.kernels[first:]):
                if self._may_join(item, candidate, own):
                    kernel = candidate
                    break
        if kernel is None:
            kernel = Kernel(item.phase, [])
            self.kernels.append(kernel)
        kernel.items.append(item)
        self._kernel_of[item] = kernel

    def _first_allowed(self, item: Item) -> tuple[int, Kernel | None]:
        """Return the first kernel that all an item reads leaves open; shared if read in place."""
        first, own = self._first if item.variable is not None else 0, None
        mask = masked_by(item)  # is complete before the rows are passed over where it is false
        for source, modes in item.reads.items():
            for other in self.items.get(source, ()):
                kernel = self._kernel_of.get(other)
                if kernel is None:
                    continue
                place = self.kernels.index(kernel)
                in_place = modes == {SAME} and source is not mask
                joinable = in_place and other.kind == "assign" and other.node is source
                if place >= first:
                    first, own = (place, kernel) if joinable else (place + 1, None)
        return first, own

    def _may_join(self, item: Item, kernel: Kernel, own: Kernel | None) -> bool:
        one = kernel.items[0]
        return (
            one.phase == item.phase
            and one.kind in ("assign", "push")
            and one.domain == item.domain
            and self.phases.folds_rows(one.node) == self.phases.folds_rows(item.node)
            # Two sums into memory at places that are not in order would undo vectorising.
            and (kernel is own or item.kind == one.kind or item.phase % 2 == 1)
        )

    def _reads(self, item: Item) -> dict[Tensor, set[object]]:
        """Return what an item reads from memory, looking through what has none."""
        found: dict[Tensor, set[object]] = {}
        copied = item.home is not item.node and not (
            item.kind != "assign" or item.node not in self.stored
        )
        if copied or self.phases.is_leaf(item.node):
            found.setdefault(item.node, set()).add(SAME)
            return found
        self._walk(item.node, item.domain, item.kind, SAME, found)
        return found

    def _walk(
        self,
        node: Tensor,
        domain: Shape,
        kind: str,
        mode: object,
        found: dict[Tensor, set[object]],
    ) -> None:
        for i, source in enumerate(node.inputs):
            here: object = mode if mode is SAME else OTHER
            if kind in ("product", "statement") or (node.op.folds and kind != "push"):
                here = OTHER
            if node.op.view and node.op.name not in ONES_ONLY:
                here = OTHER
            if i in node.op.random_access:
                here = node.inputs[1] if node.op.name == "take" and here is SAME else OTHER
            if i == 0 and node.op.name == "replace_rows":
                here = node.inputs[1]
            if here is SAME and wide(source.shape) != domain and wide(source.shape):
                here = OTHER
            if source in self.stored or self.phases.is_leaf(source):
                found.setdefault(source, set()).add(here)
            else:
                self._walk(source, domain, "assign", here, found)

    def _sort(self) -> None:
        """Order kernels by phase; within one they are in order already."""
        self.kernels.sort(key=lambda kernel: kernel.phase)

    # What is written where.

    def memory_of(self, node: Tensor) -> set[Tensor]:
        """Return all nodes that share a variable's memory."""
        arena = node if node in self.plan.arenas else self._arena_of.get(node)  # type: ignore[call-overload]
        return {node} if arena is None else {arena, *self.plan.arenas[arena]}

    def _settle_updates(self) -> None:
        """Where a variable is still read after it is written, write its new value beside it."""
        while self._move_replaced():
            pass
        late: list[Item] = []
        final = max((kernel.phase for kernel in self.kernels), default=0)
        final += final % 2
        for kernel in list(self.kernels):
            for item in list(kernel.items):
                if item.variable is None or self._in_place(item, kernel):
                    continue
                variable, item.variable = item.variable, None
                if item.home is None and item.node in self.stored:
                    kernel.items.remove(item)  # a copy, made later
                elif item.home is None:
                    # Under a name of its own: others compute the value where they need it.
                    item.node = item.home = OPS["reshape"](item.node, shape=item.node.shape)
                    self.stored.add(item.node)
                    self.items.setdefault(item.node, []).append(item)
                late.append(Item(item.node, "assign", final, wide(item.node.shape)))
                late[-1].variable = variable
                late[-1].reads = {item.node: {SAME}}
        self.kernels = [kernel for kernel in self.kernels if kernel.items]
        self.kernels.extend(Kernel(final, [item]) for item in late)

    def _move_replaced(self) -> bool:
        """Let a table of which rows change be copied before that, once and not for each tile."""
        for kernel in self.kernels:
            for item in kernel.items if kernel.phase % 2 else ():
                here = item.variable is not None and self._in_place(item, kernel)
                if here or item.replaced is None:
                    continue
                kernel.items.remove(item)
                item.phase += 1
                places = [n for n, k in enumerate(self.kernels) if k.phase >= item.phase]
                own = self._kernel_of[item] = Kernel(item.phase, [item])
                self.kernels.insert(min(places, default=len(self.kernels)), own)
                self.kernels = [kernel for kernel in self.kernels if kernel.items]
                return True
        return False

    def _in_place(self, item: Item, kernel: Kernel) -> bool:
        """Whether an item may write to its variable's memory where it stands."""
        assert item.variable is not None
        memory = self.memory_of(item.variable)
        if any(root in memory for root in self.phases.roots if root is not item.node):
            return False  # another variable's new value, or an output, is this one's old value
        here = self.kernels.index(kernel)
        tiled = kernel.phase % 2 == 1  # all kernels of the phase run again for the next rows
        for place, other in enumerate(self.kernels):
            again = other is kernel or (tiled and other.phase == kernel.phase)
            for reader in other.items:
                # A step can be refused until all its outputs are there.
                if reader.outputs and (place > here or (again and tiled)):
                    return False
                for source, modes in reader.reads.items():
                    if source not in memory:
                        continue
                    allowed = {SAME} if item.replaced is None else {item.node.inputs[1]}
                    if place > here or (again and not modes <= allowed):
                        return False
        return True

    def _drop_unread(self) -> None:
        """Take memory from values that only their own kernel reads, at the same place."""
        for node in list(self.stored):
            items = self.items.get(node, [])
            if len(items) != 1 or items[0].kind != "assign" or items[0].node is not node:
                continue
            own = self._kernel_of[items[0]]
            readers = [
                (kernel, modes)
                for kernel in self.kernels
                for item in kernel.items
                for source, modes in item.reads.items()
                if source is node
            ]
            if all(kernel is own and modes == {SAME} for kernel, modes in readers):
                self.stored.discard(node)
                items[0].home = None

    def _mark_once(self) -> None:
        """Find the kernels that give the same at every step of a run."""
        changing: set[Tensor] = set()
        for variable in self._updates:
            changing |= self.memory_of(variable)
        for kernel in self.kernels:
            kernel.once = kernel.phase == 0 and not any(
                item.variable is not None
                or item.outputs
                or self.phases.depends_on_feeds(item.node, changing)
                for item in kernel.items
            )


def flat_start(root: Tensor) -> int | None:
    """Return where a view starts in the vector behind it; None where it is no stretch of it."""
    start = 0
    while root.op.view:
        if root.op.name == "slice" and root.rank == 1:
            start += root.attributes["starts"][0]
        elif root.op.name not in ONES_ONLY:
            return None
        root = root.inputs[0]
    return start
