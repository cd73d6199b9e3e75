"""Trees against a plain walk: numbers, ids, what is missing, and tables that are no trees."""

from __future__ import annotations

import platform

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from cannery.errors import InvalidValue, ShapeMismatch
from cannery.graph import Program, Variable, placeholder, tree_leaves, tree_nodes
from cannery.graph.compiler.compiled import Compiled, CompiledExecution
from cannery.graph.compiler.toolchain import find_toolchain
from cannery.graph.ops.tree_table import jump_bits, with_far_jumps

ENGINES = [
    False,
    pytest.param(
        True, marks=pytest.mark.skipif(find_toolchain() is None, reason="no C compiler here")
    ),
]


def subset(covered, inside):
    """Return the words of a subset of so many ids."""
    bits = np.zeros(-(-covered // 32) * 32, np.uint8)
    bits[list(inside)] = 1
    return np.concatenate([[covered], np.packbits(bits, bitorder="little").view(np.int32)])


# By how many ids they cover; some fit into a node.
SUBSETS = {
    size: set(np.flatnonzero(np.random.default_rng(size).integers(0, 2, size)))
    for size in (0, 1, 3, 31, 32, 33, 70, 1000)
}
SIZES = list(SUBSETS)
PARTS = [subset(size, inside) for size, inside in SUBSETS.items()]
WORDS = np.concatenate(PARTS).astype(np.int32)
STARTS = dict(zip(SUBSETS, np.cumsum([0, *map(len, PARTS)]), strict=False))


def grown(generator, trees, numbers, ids):
    """Return random trees of nodes as dicts, siblings side by side, their roots and leaves."""
    nodes, roots, leaves = [], [], 0
    for _ in range(trees):
        roots.append(len(nodes))
        nodes.append(leaf := {})
        free = [leaf]
        for _ in range(int(generator.integers(0, 30))):
            # Nodes are visited in the order of their places: children come after their parent.
            node = free.pop(int(generator.integers(len(free))))
            node.update(
                columns=int(generator.integers(numbers + ids)),
                thresholds=float(generator.choice([*generator.normal(size=9), 0.0, -0.0, np.inf])),
                covered=int(generator.choice(SIZES)),
                missing_left=bool(generator.integers(2)),
                left=len(nodes),
            )
            children = [{}, {}]
            nodes += children
            free += children
        for node in nodes[roots[-1] :]:
            if not node:
                node.update(columns=-1, thresholds=0, covered=0, missing_left=False, left=leaves)
                leaves += 1
    return nodes, np.array(roots, np.int32), leaves


def tables(nodes, numbers, ids=2):
    keys = ("columns", "thresholds", "left", "missing_left")
    facts = {key: [node[key] for node in nodes] for key in keys}
    starts = [STARTS[node["covered"]] for node in nodes]
    return tree_nodes(**facts, subsets=starts, words=WORDS, numbers=numbers, ids=ids)


def walk(nodes, root, numbers, ids):
    """Return the leaf of one row, as the documentation says it."""
    node = nodes[int(root)]
    while node["columns"] >= 0:
        column = node["columns"]
        if column < len(numbers):
            x = numbers[column]
            left = node["missing_left"] if np.isnan(x) else x <= np.float32(node["thresholds"])
        else:
            x, covered = int(ids[column - len(numbers)]), node["covered"]
            left = x in SUBSETS[covered] if 0 <= x < covered else node["missing_left"]
        node = nodes[node["left"] + (not left)]
    return node["left"]


def rows_of(generator, count, numbers, ids):
    x = generator.normal(size=(count, numbers)).astype(np.float32)
    x[generator.random(x.shape) < 0.2] = np.nan
    x[generator.random(x.shape) < 0.1] = np.inf
    x[generator.random(x.shape) < 0.1] = -0.0
    c = generator.integers(-2, 75, (count, ids)).astype(np.int32)
    for value in (np.iinfo(np.int32).max, np.iinfo(np.int32).min, 999, 1000):
        c[generator.random(c.shape) < 0.05] = value
    return x, c


def program(nodes, subsets, roots, numbers=3, ids=2):
    x, c = placeholder("x", (None, numbers)), placeholder("c", (None, ids), "int32")
    trees = (
        Variable(array, name, trainable=False)
        for array, name in ((nodes, "nodes"), (subsets, "subsets"), (roots, "roots"))
    )
    return Program([x, c], {"leaves": tree_leaves(x, c, *trees)})


@pytest.fixture(params=ENGINES, scope="module", ids=["interpreted", "compiled"])
def forest(request):
    """Return random trees, rows of all kinds, and the trees at work on tables of either width."""
    generator = np.random.default_rng(0)
    nodes, roots, leaves = grown(generator, 40, 3, 2)
    table, subsets = tables(nodes, 3)
    far = with_far_jumps(table, jump_bits(3, 2))
    at_work = [program(t, subsets, roots).start(jit=request.param) for t in (table, far)]
    rows = rows_of(generator, 2500, 3, 2)
    expected = [[walk(nodes, root, *row) for root in roots] for row in zip(*rows, strict=True)]
    assert len(np.unique(expected)) > leaves / 4  # the trees are walked
    return at_work, rows, np.array(expected)


@pytest.mark.parametrize("wide", [False, True], ids=["two words", "three words"])
def test_each_row_ends_in_the_leaf_of_a_plain_walk(forest, wide):
    executions, (x, c), expected = forest
    run = executions[wide].run
    # Few rows and many take different ways, and so do rows in another order.
    for count in (1, 2, 13, 127, 128, 129, 300, 2500):
        found = run({"x": x[:count], "c": c[:count]})["leaves"]
        np.testing.assert_array_equal(found, expected[:count])
    order = np.random.default_rng(1).permutation(len(x))[:400]
    again = run({"x": x, "c": c}, rows=order, batch_size=177)["leaves"]
    np.testing.assert_array_equal(again, expected[order])


@pytest.mark.skipif(
    find_toolchain() is None or platform.machine() not in ("x86_64", "AMD64"),
    reason="no C compiler for a processor that may have vectors of 512 bits",
)
def test_processors_without_wide_vectors_follow_rows_one_by_one():
    generator = np.random.default_rng(3)
    nodes, roots, _ = grown(generator, 20, 3, 2)
    x, c = rows_of(generator, 500, 3, 2)
    found = []
    whole = program(*tables(nodes, 3), roots)
    for extra in ((), ("-mno-avx512f",)):
        values = {variable.name: variable.initial_value for variable in whole.variables}
        execution = CompiledExecution(Compiled(whole, extra), values)
        found.append(execution.run({"x": x, "c": c})["leaves"])
    np.testing.assert_array_equal(*found)


def damaged(good, roots, numbers=3, ids=2):
    """Return tables in which something is wrong, each a copy of a good one."""
    bits, words = jump_bits(numbers, ids), good.shape[1]
    inner = good[:, 1] >= 0
    first = int(roots[inner[roots]][0])
    column = good[:, 1] >> 1 if words == 3 else (good[:, 1] & (1 << bits) - 1) >> 1
    large = inner & (column >= numbers + ids)
    assert large.any()
    kept = good[:, 1] & ~((1 << bits) - 1) if words == 2 else np.zeros(len(good), np.int32)
    wrong = [
        # A child after the last node, and no leaf at all, so that every walk goes on to the end.
        ((first, words - 1), good[first, words - 1] | (2**31 - 1 & ~((1 << bits) - 1))),
        ((~inner, 1), 1),
        # A column that is not there.
        ((inner, 1), kept[inner] | 2 * (numbers + 2 * ids)),
        # A subset that is not there.
        ((large, 0), 2**31 - 1),
        ((large, 0), -(2**31)),
    ]
    if words == 3:
        wrong += [((first, 2), -2), ((first, 2), -(2**31)), ((inner, 1), 2**31 - 1)]
    for where, value in wrong:
        nodes = good.copy()
        nodes[where] = value
        yield nodes


@pytest.mark.parametrize("jit", ENGINES)
@pytest.mark.parametrize("wide", [False, True], ids=["two words", "three words"])
def test_what_is_no_tree_is_refused_and_never_read_out_of_bounds(jit, wide):
    generator = np.random.default_rng(1)
    nodes, roots, _ = grown(generator, 6, 3, 2)
    good, subsets = tables(nodes, 3)
    good = with_far_jumps(good, jump_bits(3, 2)) if wide else good
    whole = program(good, subsets, roots)
    rows = rows_of(generator, 200, 3, 2)
    rows[1][:40] = 2**31 - 2  # covered by a subset that claims as many ids
    some = [{"x": x, "c": c} for x, c in (rows, tuple(part[:60] for part in rows))]
    lies = np.where(np.arange(len(subsets)) % 2, 2**31 - 1, subsets).astype(np.int32)
    broken = [{"nodes": nodes} for nodes in damaged(good, roots)]
    broken += [{"roots": np.full(6, at, np.int32)} for at in (-1, len(good), 2**31 - 1, -(2**31))]
    broken += [{"subsets": np.full(len(subsets), 2**31 - 1, np.int32)}]
    for tables_of in broken:
        execution = whole.start(tables_of, jit=jit)
        for feeds in some:
            with pytest.raises(InvalidValue, match="op 'tree_leaves': every test must lead to a"):
                execution.run(feeds)
    # What a subset says of its size may be wrong without a walk that meets it.
    for feeds in some:
        try:
            whole.start({"subsets": lies}, jit=jit).run(feeds)
        except InvalidValue as error:
            assert "every test must lead to a node" in str(error)
        assert whole.start(jit=jit).run(feeds)["leaves"].shape == (len(feeds["x"]), 6)


@pytest.mark.parametrize("jit", ENGINES)
def test_trees_may_be_leaves_alone(jit):
    facts = {"columns": [-1, -1], "thresholds": [0, 0], "subsets": [0, 0], "left": [1, 0]}
    tables = tree_nodes(**facts, missing_left=[False, False], numbers=3, ids=2)
    stumps = program(*tables, np.array([0, 1], np.int32)).start(jit=jit)
    feeds = {"x": np.zeros((2, 3), np.float32), "c": np.zeros((2, 2), np.int32)}
    assert stumps.run(feeds)["leaves"].tolist() == [[1, 0], [1, 0]]
    none = tuple(part[:0] for part in feeds.values())
    assert stumps.run(dict(zip(feeds, none, strict=True)))["leaves"].shape == (0, 2)


def one_test(threshold=0.0, missing_left=False, words=(), **columns):
    facts = {"columns": [0, -1, -1], "thresholds": [threshold, 0, 0], "subsets": [0, 0, 0]}
    missing = [missing_left, False, False]
    return tree_nodes(**facts, left=[1, 0, 1], missing_left=missing, words=words, **columns)


@pytest.mark.parametrize("jit", ENGINES)
def test_numbers_or_ids_alone_will_do(jit):
    c, x = placeholder("c", (None, 1), "int32"), placeholder("x", (None, 1))
    on_ids = tree_leaves(None, c, *one_test(words=[2, 0b10], numbers=0, ids=1), [0])
    on_numbers = tree_leaves(x, None, *one_test(1.0, numbers=1), [0])
    both = Program(outputs={"ids": on_ids, "numbers": on_numbers}).simplified().start(jit=jit)
    found = both.run({"c": np.int32([[0], [1], [9]]), "x": np.float32([[1], [1.5], [np.nan]])})
    assert found["ids"].tolist() == [[1], [0], [1]]
    assert found["numbers"].tolist() == [[0], [1], [1]]


@pytest.mark.parametrize("jit", ENGINES)
@pytest.mark.parametrize("missing_left", [False, True])
def test_numbers_are_compared_as_floats(jit, missing_left):
    edges = np.float32([-np.inf, -1.5, -1e-45, -0.0, 0.0, 1e-45, 1.5, 3.4e38, np.inf, np.nan])
    x = placeholder("x", (None, 1))
    trees = [one_test(edge, missing_left, numbers=1)[0] for edge in edges]
    roots = np.arange(0, 3 * len(edges), 3, dtype=np.int32)
    leaves = tree_leaves(x, None, np.concatenate(trees), [0], roots)
    rows = np.tile(edges, 20)[:, None]  # enough for all ways to walk
    found = Program(outputs={"leaves": leaves}).start(jit=jit).run({"x": rows})["leaves"]
    left = np.where(np.isnan(rows), missing_left, rows <= edges)
    np.testing.assert_array_equal(found, np.where(left, 0, 1))


def test_something_must_be_tested():
    with pytest.raises(InvalidValue, match="tree_leaves: needs numbers or ids"):
        tree_leaves(None, None, *one_test(numbers=1), [0])


def test_far_children_and_many_columns_take_a_third_word():
    facts = {"thresholds": [0.0] * 3, "subsets": [0] * 3, "missing_left": [False] * 3}
    near, _ = tree_nodes(columns=[0, -1, -1], left=[1, 0, 1], **facts, numbers=2**24)
    assert near.shape == (3, 2)
    facts = {key: value + value[1:] for key, value in facts.items()}
    far, _ = tree_nodes(
        columns=[2**24 - 1, -1, -1, -1, -1], left=[3, 0, 1, 2, 3], **facts, numbers=2**29
    )
    assert far.tolist()[0] == [-1, 2**25 - 1, 2]


def test_tables_say_what_is_wrong_with_them():
    with pytest.raises(InvalidValue, match="children must come after their parent, got"):
        facts = {"thresholds": [1] * 3, "subsets": [0] * 3, "missing_left": [False] * 3}
        tree_nodes(columns=[0, 0, -1], left=[1, 0, 0], **facts, numbers=1)
    with pytest.raises(InvalidValue, match="columns must be below 3, got 3"):
        tree_nodes([3], [1], [0], [1], [False], numbers=1, ids=2)
    for words in ([], [33, 0], [-1]):
        with pytest.raises(InvalidValue, match="subsets must lie within the words, got one from 0"):
            one_test(words=words, numbers=0, ids=1)
    nodes, subsets = one_test(numbers=1)
    with pytest.raises(InvalidValue, match="children must come after their parent"):
        tree_leaves(np.zeros((1, 1), np.float32), None, nodes[:2], subsets, [0])
    with pytest.raises(ShapeMismatch, match="takes nodes of so many columns"):
        tree_leaves(placeholder("x", (None, 2**30)), None, nodes, subsets, [0])


def by_level(tree):
    """Return the nodes of a tree of scikit-learn in the order of levels, children as pairs."""
    levels = [np.zeros(1, int)]
    while len(levels[-1]):
        inner = levels[-1][tree.children_left[levels[-1]] >= 0]
        levels.append(np.stack([tree.children_left[inner], tree.children_right[inner]], 1).ravel())
    return np.concatenate(levels)


@pytest.mark.parametrize("jit", ENGINES)
def test_leaves_of_a_forest_of_scikit_learn_are_those_it_applies(jit):
    generator = np.random.default_rng(2)
    X = generator.normal(size=(400, 5)).astype(np.float32)
    X[generator.random(X.shape) < 0.1] = np.nan
    y = np.nan_to_num(X[:, 0] * X[:, 1]) > 0
    forest = RandomForestClassifier(8, random_state=0).fit(X, y)
    parts, roots, reached, first = [], [], [], 0
    for tree, applied in zip(forest, forest.apply(X).T, strict=True):
        tree = tree.tree_
        order, place = by_level(tree), np.zeros(tree.node_count, int)
        place[order] = np.arange(len(order))
        # Between two float32 numbers there may be a threshold: the lower one has the same effect.
        threshold = tree.threshold.astype(np.float32)
        lower = np.nextafter(threshold, np.float32(-np.inf))
        threshold = np.where(threshold > tree.threshold, lower, threshold)[order]
        inner = tree.children_left[order] >= 0
        left = np.where(inner, place[tree.children_left[order]], first + np.arange(len(order)))
        columns, missing_left = tree.feature[order], tree.missing_go_to_left[order]
        columns = np.where(inner, columns, -1)
        none = np.zeros(len(order), int)
        nodes, subsets = tree_nodes(columns, threshold, none, left, missing_left, numbers=5, ids=2)
        parts.append(nodes)
        roots.append(first)
        reached.append(first + place[applied])
        first += len(order)
    execution = program(np.concatenate(parts), subsets, np.array(roots, np.int32), 5)
    feeds = {"x": X, "c": np.full((400, 2), -1, np.int32)}
    found = execution.start(jit=jit).run(feeds)["leaves"]
    np.testing.assert_array_equal(found, np.stack(reached, axis=1))
