"""A program for one row: what no row changes is computed beforehand."""

from __future__ import annotations

import numpy as np

from cannery.graph import Program, Variable, evaluate, matmul, placeholder, relu, reshape, sum_rows
from cannery.graph.compiler.one_row import one_row


def test_what_variables_alone_determine_is_a_constant():
    x, scale = placeholder("x", (None, 3)), Variable(np.ones(3, np.float32), "scale")
    spread = Variable(np.full(3, 4.0, np.float32), "spread")
    program = Program(outputs={"y": x * (scale / spread) + scale})
    values = {"scale": np.float32([1, 2, 3]), "spread": np.float32([2, 4, 8])}
    single, before = one_row(program, values)
    assert [node.name for node in single.variables] == ["scale"]
    assert before == {"feed_x": "x"} and single.outputs["y"].shape == (1, 3)
    given = {"feed_x": np.float32([[2, 2, 2]])}
    (found,) = evaluate([single.outputs["y"]], given, values)
    np.testing.assert_allclose(found, [[2, 3, 3.75]])


def test_an_output_of_variables_alone_is_a_constant_too():
    weight = Variable(np.ones(2, np.float32), "weight")
    single, _ = one_row(Program(outputs={"y": relu(weight)}), {"weight": np.float32([-1, 1])})
    assert single.variables == () and single.outputs["y"].op.name == "constant"


def test_feeds_get_names_that_c_can_tell_apart():
    table = Variable(np.ones((5, 2), np.float32), "table")
    bags = []
    for name in ("a b", "a_b", "é"):
        lengths = placeholder(f"{name}/lengths", (None,), "int32")
        bags.append(sum_rows(table, placeholder(name, (name,), "int32"), lengths=lengths))
    program = Program(outputs={"y": bags[0] + bags[1] + bags[2]})
    single, before = one_row(program, {"table": np.ones((5, 2), np.float32)})
    names = [node.name for node in single.inputs]
    assert sorted(names) == sorted(before) and len(set(names)) == 6
    assert {before[name] for name in names} == {node.name for node in program.inputs}
    assert all(name.replace("/", "_").isidentifier() and name.isascii() for name in names)


def test_a_row_of_a_matrix_product_keeps_its_place():
    x = placeholder("x", (None, 2))
    y = reshape(matmul(x, np.float32([[1, 2], [3, 4]])), (None, 1, 2))
    single, _ = one_row(Program(outputs={"y": y}), {})
    assert single.outputs["y"].shape == (1, 1, 2)
