"""Trees against a plain walk: numbers, ids, what is missing, and tables that are no trees."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from cannery.errors import InvalidValue
from cannery.graph import Program, Variable, placeholder, tree_leaves, tree_nodes
from cannery.graph.compiler.toolchain import find_toolchain

ENGINES = [
    False,
    pytest.param(
        True, marks=pytest.mark.skipif(find_toolchain() is None, reason="no C compiler here")
    ),
]
SUBSETS = {0: {0, 2}, 3: {31, 32, 69}, 7: set()}
WORDS = np.array([3, 0b101, 0, 70, -(2**31), 1, 1 << 5, 0, 1 << 6], np.int32)
SIZES = {0: 3, 3: 70, 7: 0}


def grown(generator, trees, numbers, ids):
    """Return random trees of nodes as dicts, each child after its parent, and their roots."""
    nodes, roots, leaves = [], [], 0
    for _ in range(trees):
        first, inner = len(nodes), int(generator.integers(0, 30))
        roots.append(first if inner else ~leaves)
        leaves += not inner
        free = []
        for number in range(inner):
            if free:
                parent, side = free.pop(int(generator.integers(len(free))))
                nodes[parent][side] = first + number
            nodes.append(
                {
                    "columns": int(generator.integers(numbers + ids)),
                    "thresholds": float(generator.normal()),
                    "subsets": int(generator.choice(list(SUBSETS))),
                    "missing_left": bool(generator.integers(2)),
                }
            )
            free += [(first + number, "left"), (first + number, "right")]
        for parent, side in free:
            nodes[parent][side], leaves = ~leaves, leaves + 1
    return nodes, np.array(roots, np.int32), leaves


def table(nodes, numbers):
    keys = ("columns", "thresholds", "subsets", "left", "right", "missing_left")
    return tree_nodes(*([node[key] for node in nodes] for key in keys), numbers=numbers)


def walk(nodes, root, numbers, ids):
    """Return the leaf of one row, as the documentation says it."""
    at = int(root)
    while at >= 0:
        node = nodes[at]
        column = node["columns"]
        if column < len(numbers):
            x = numbers[column]
            left = node["missing_left"] if np.isnan(x) else x <= np.float32(node["thresholds"])
        else:
            x, start = ids[column - len(numbers)], node["subsets"]
            covered = 0 <= x < SIZES[start]
            left = int(x) in SUBSETS[start] if covered else node["missing_left"]
        at = node["left"] if left else node["right"]
    return ~at


def rows_of(generator, count, numbers, ids):
    x = generator.normal(size=(count, numbers)).astype(np.float32)
    x[generator.random(x.shape) < 0.2] = np.nan
    x[generator.random(x.shape) < 0.1] = np.inf
    c = generator.integers(-2, 75, (count, ids)).astype(np.int32)
    c[generator.random(c.shape) < 0.1] = np.iinfo(np.int32).max
    c[generator.random(c.shape) < 0.1] = np.iinfo(np.int32).min
    return x, c


def program(nodes, roots, words=WORDS, numbers=3, ids=2):
    x, c = placeholder("x", (None, numbers)), placeholder("c", (None, ids), "int32")
    trees = (
        Variable(array, name, trainable=False)
        for array, name in ((nodes, "nodes"), (words, "subsets"), (roots, "roots"))
    )
    return Program([x, c], {"leaves": tree_leaves(x, c, *trees)})


@pytest.mark.parametrize("jit", ENGINES)
def test_each_row_ends_in_the_leaf_of_a_plain_walk(jit):
    generator = np.random.default_rng(0)
    nodes, roots, leaves = grown(generator, 40, 3, 2)
    x, c = rows_of(generator, 300, 3, 2)
    execution = program(table(nodes, 3), roots).start(jit=jit)
    found = execution.run({"x": x, "c": c})["leaves"]
    expected = [[walk(nodes, root, *row) for root in roots] for row in zip(x, c, strict=True)]
    np.testing.assert_array_equal(found, expected)
    assert len(np.unique(found)) > leaves / 4  # the trees were walked
    # A row alone, and rows in another order, end where they did.
    one = [execution.run({"x": x[i : i + 1], "c": c[i : i + 1]})["leaves"][0] for i in range(9)]
    np.testing.assert_array_equal(one, expected[:9])
    order = generator.permutation(300)[:150]
    again = execution.run({"x": x, "c": c}, rows=order, batch_size=77)["leaves"]
    np.testing.assert_array_equal(again, found[order])


@pytest.mark.parametrize("jit", ENGINES)
def test_what_is_no_tree_is_refused_and_never_read_out_of_bounds(jit):
    generator = np.random.default_rng(1)
    nodes, roots, _ = grown(generator, 6, 3, 2)
    good, rows = table(nodes, 3), rows_of(generator, 200, 3, 2)
    execution = program(good, roots).start(jit=jit)
    feeds = dict(zip(("x", "c"), rows, strict=True))
    first, on_id = int(roots[roots >= 0][0]), good[:, 0] >= 6
    for where, value in [
        ((first, slice(2, 4)), len(good)),
        ((first, slice(2, 4)), 2**31 - 1),
        ((first, slice(2, 4)), first),  # a walk in a circle
        ((slice(None), 0), 10),
        ((slice(None), 0), -2),
        ((on_id, 1), len(WORDS)),
        ((on_id, 1), -(2**31)),
    ]:
        nodes = good.copy()
        nodes[where] = value
        broken = program(good, roots).start({"nodes": nodes}, jit=jit)
        with pytest.raises(InvalidValue, match="op 'tree_leaves': every test must lead to a node"):
            broken.run(feeds)
    words = np.array([2**31 - 1, 0, 0, 2**31 - 1, 0, 0, 0, 2**31 - 1, 0], np.int32)
    broken = program(good, roots).start({"subsets": words}, jit=jit)
    with pytest.raises(InvalidValue, match="every test must lead to a node"):
        broken.run(feeds)
    assert execution.run(feeds)["leaves"].shape == (200, 6)


@pytest.mark.parametrize("jit", ENGINES)
def test_trees_of_one_leaf_have_no_nodes(jit):
    nodes = tree_nodes([], [], [], [], [], [], numbers=3)
    assert nodes.shape == (0, 4)
    stumps = program(nodes, np.array([~1, ~0], np.int32), np.zeros(0, np.int32)).start(jit=jit)
    feeds = {"x": np.zeros((2, 3), np.float32), "c": np.zeros((2, 2), np.int32)}
    assert stumps.run(feeds)["leaves"].tolist() == [[1, 0], [1, 0]]


@pytest.mark.parametrize("jit", ENGINES)
def test_numbers_or_ids_alone_will_do(jit):
    c, x = placeholder("c", (None, 1), "int32"), placeholder("x", (None, 1))
    nodes = tree_nodes([0], [0], [0], [~0], [~1], [False], numbers=0)
    on_ids = tree_leaves(None, c, nodes, [2, 0b10], [0])
    nodes = tree_nodes([0], [1.0], [0], [~0], [~1], [False], numbers=1)
    on_numbers = tree_leaves(x, None, nodes, [0], [0])
    both = Program(outputs={"ids": on_ids, "numbers": on_numbers}).simplified().start(jit=jit)
    found = both.run({"c": np.int32([[0], [1], [9]]), "x": np.float32([[1], [1.5], [np.nan]])})
    assert found["ids"].tolist() == [[1], [0], [1]]
    assert found["numbers"].tolist() == [[0], [1], [1]]


def test_something_must_be_tested():
    nodes = np.zeros((0, 4), np.int32)
    with pytest.raises(InvalidValue, match="tree_leaves: needs numbers or ids"):
        tree_leaves(None, None, nodes, [0], [0])


def test_nodes_come_in_order():
    with pytest.raises(InvalidValue, match="children must come after their parent, got"):
        tree_nodes([0, 0], [1, 2], [0, 0], [1, 0], [~0, ~1], [False, False], numbers=1)
    with pytest.raises(InvalidValue, match="columns must be at least 0, got -1"):
        tree_nodes([-1], [1], [0], [~0], [~1], [False], numbers=1)
    circle = np.array([[0, 0, 0, -1]], np.int32)
    with pytest.raises(InvalidValue, match="children must come after their parent"):
        tree_leaves(np.zeros((1, 1), np.float32), None, circle, [0], [0])


def test_leaves_of_a_forest_of_scikit_learn_are_those_it_applies():
    generator = np.random.default_rng(2)
    X = generator.normal(size=(400, 5)).astype(np.float32)
    X[generator.random(X.shape) < 0.1] = np.nan
    y = np.nan_to_num(X[:, 0] * X[:, 1]) > 0
    forest = RandomForestClassifier(8, random_state=0).fit(X, y)
    parts, roots, reached, first, leaves = [], [], [], 0, 0
    for tree, applied in zip(forest, forest.apply(X).T, strict=True):
        tree = tree.tree_
        inner = tree.children_left >= 0
        number = np.where(inner, first + np.cumsum(inner) - 1, ~(leaves + np.cumsum(~inner) - 1))
        # Between two float32 numbers there may be a threshold: the lower one has the same effect.
        threshold = tree.threshold[inner].astype(np.float32)
        lower = np.nextafter(threshold, np.float32(-np.inf))
        threshold = np.where(threshold > tree.threshold[inner], lower, threshold)
        children = number[tree.children_left[inner]], number[tree.children_right[inner]]
        missing_left = tree.missing_go_to_left[inner]
        none, ends = np.zeros(len(threshold), int), np.full(len(threshold), -1)
        feature = tree.feature[inner]
        parts.append(tree_nodes(feature, threshold, none, ends, ends, missing_left, 5))
        parts[-1][:, 2], parts[-1][:, 3] = children
        roots.append(number[0])
        reached.append(~number[applied])
        first, leaves = first + inner.sum(), leaves + (~inner).sum()
    nodes = np.concatenate(parts)
    execution = program(nodes, np.array(roots, np.int32), numbers=5).start()
    found = execution.run({"x": X, "c": np.full((400, 2), -1, np.int32)})["leaves"]
    np.testing.assert_array_equal(found, np.stack(reached, axis=1))
