"""Programs for one row as C99 compute what the interpreter computes."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from cannery.graph import (
    OPS,
    Program,
    Variable,
    concat,
    evaluate,
    exp,
    log,
    matmul,
    multi_hot,
    placeholder,
    relu,
    softmax,
    sum_rows,
    take,
    tanh,
    tree_leaves,
)
from cannery.graph.compiler.ahead import program_c
from cannery.graph.compiler.toolchain import load

INCLUDES = "#include <math.h>\n#include <stdbool.h>\n#include <stdint.h>\n#include <string.h>\n"
random = np.random.default_rng(0)


def run(program, variables, feeds, counts=None, most_values=None):
    """Return the outputs of the compiled program; feeds are a row's values by name."""
    text = program_c(program, variables, "model", most_values)
    arrays = [feeds[field.name] for field in text.feeds]
    numbers = [(counts or {})[word] for word in text.counts]
    outputs = [np.full(field.width or 1, -7, _dtype(field.c_type)) for field in text.outputs]
    lines = [f"feeds.{f.field} = from[{i}];" for i, f in enumerate(text.feeds)]
    lines += [f"feeds.{member} = counts[{i}];" for i, member in enumerate(text.counts.values())]
    lines += [f"outputs.{f.field} = to[{i}];" for i, f in enumerate(text.outputs)]
    function = (
        "void call(const void **from, const int64_t *counts, void **to, unsigned char *scratch) {\n"
        "  model_feeds feeds; model_outputs outputs; (void)from; (void)counts;\n  "
        + " ".join(lines)
        + "\n  model_program(&feeds, &outputs, scratch);\n}\n"
    )
    call = load(INCLUDES + text.source + function).call
    scratch = np.full(text.scratch_bytes + 64, 0xA5, np.uint8)
    call(
        _pointers(arrays),
        (ctypes.c_int64 * max(1, len(numbers)))(*numbers),
        _pointers(outputs),
        ctypes.c_void_p(scratch.ctypes.data),
    )
    assert (scratch[text.scratch_bytes :] == 0xA5).all()
    return dict(zip([field.name for field in text.outputs], outputs, strict=True))


def _dtype(c_type: str) -> str:
    return {"float": "f4", "double": "f8", "int32_t": "i4", "int64_t": "i8", "bool": "?"}[c_type]


def _pointers(arrays):
    return (ctypes.c_void_p * max(1, len(arrays)))(*(array.ctypes.data for array in arrays))


def weights(*shape):
    return random.normal(size=shape).astype(np.float32)


def test_layers_with_indicators_and_embeddings(toolchain):
    ids, numbers = placeholder("ids", (None, 3), "int32"), placeholder("numbers", (None, 4))
    table, first, second = (
        Variable(weights(*shape), name)
        for shape, name in (((9, 2), "table"), ((17, 6), "first"), ((6, 3), "second"))
    )
    row = concat([numbers, take(table, ids[:, 0]), multi_hot(ids[:, 1:], depth=11)], axis=1)
    logits = matmul(relu(matmul(row, first)), second)
    program = Program(outputs={"probabilities": softmax(logits), "logits": tanh(logits) * 2.0})
    values = {v.name: weights(*v.shape) for v in (table, first, second)}
    for given in ([0, 3, 10], [-1, -1, 5], [8, 0, 0]):
        feeds = {"ids": np.int32([given]), "numbers": weights(1, 4)}
        expected = evaluate(list(program.outputs.values()), feeds, values)
        found = run(program, values, feeds)
        for name, value in zip(program.outputs, expected, strict=True):
            np.testing.assert_allclose(found[name], value[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("size", [0, 1, 5, 33])
def test_bags_of_any_size_within_the_room_for_them(toolchain, size):
    table = Variable(weights(20, 3), "table")
    words = {"apps": 40, "more apps": 7}
    bags = []
    for word in words:
        ids = placeholder(word, (word,), "int32")
        lengths = placeholder(f"{word}/lengths", (None,), "int32")
        given = placeholder(f"{word}/weights", (word,))
        bags.append(sum_rows(table, ids, given, lengths=lengths, combiner="mean"))
    program = Program(outputs={"y": concat(bags, axis=1)})
    counts = {"apps": size, "more apps": min(size, 7)}
    feeds, expected = {}, []
    values = {"table": weights(20, 3)}
    for word, count in counts.items():
        ids = random.integers(0, 20, count).astype(np.int32)
        shares = random.random(count).astype(np.float32) + 0.1
        feeds |= {word: ids, f"{word}/weights": shares}
        total = (values["table"][ids] * shares[:, None]).sum(axis=0)
        expected.append(total / shares.sum() if count else total)
    found = run(program, values, feeds, counts, words)
    np.testing.assert_allclose(found["y"], np.concatenate(expected), rtol=1e-5, atol=1e-6)


def test_zeros_are_skipped_where_all_weights_are_finite(toolchain):
    x, kernel = placeholder("x", (None, 4)), Variable(weights(4, 3), "kernel")
    program = Program(outputs={"y": matmul(relu(x), kernel)})
    values = {"kernel": weights(4, 3)}
    feeds = {"x": np.float32([[-1, 2, 0, np.nan]])}
    assert "== 0) continue;" in program_c(program, values, "model").source
    (expected,) = evaluate([program.outputs["y"]], feeds, values)
    np.testing.assert_array_equal(run(program, values, feeds)["y"], expected[0])
    values["kernel"][0, 0] = np.inf
    assert "continue" not in program_c(program, values, "model").source
    (expected,) = evaluate([program.outputs["y"]], feeds, values)
    np.testing.assert_array_equal(run(program, values, feeds)["y"], expected[0])


def test_outputs_that_need_no_feed(toolchain):
    bias = Variable(np.zeros(2, np.float32), "bias")
    program = Program(outputs={"y": exp(bias), "z": log(bias + 1.0)})
    found = run(program, {"bias": np.float32([0, 1])}, {})
    np.testing.assert_allclose(found["y"], [1, np.e], rtol=1e-6)
    np.testing.assert_allclose(found["z"], [0, np.log(2)], rtol=1e-6)


def test_the_text_holds_no_function_that_nobody_calls():
    x = placeholder("x", (None, 2))
    text = program_c(Program(outputs={"y": tanh(x)}), {}, "model").source
    assert "tanh_f32" in text and "exp_f32" in text and "squares" not in text


def test_rows_walk_through_trees(toolchain):
    sample = next(iter(OPS["tree_leaves"].samples()))
    numbers = np.array([[0.5, 2], [0.25, -1], [1.5, 1], [-3, np.nan]], np.float32)
    ids = sample.arrays[0][:, 2:]
    values = dict(zip(("nodes", "subsets", "roots"), sample.arrays[1:], strict=True))
    trees = [Variable(array, name) for name, array in values.items()]
    table = Variable(weights(8, 2), "table")
    feeds = placeholder("numbers", (None, 2)), placeholder("ids", (None, 1), "int32")
    leaves = tree_leaves(*feeds, *trees)
    program = Program(outputs={"leaves": leaves, "y": sum_rows(table, leaves)})
    values["table"] = weights(8, 2)
    for i in range(len(numbers)):
        row = {"numbers": numbers[i : i + 1], "ids": ids[i : i + 1]}
        expected = program.start(values).run(row)
        found = run(program, values, row)
        assert found["leaves"].tolist() == expected["leaves"][0].tolist()
        np.testing.assert_allclose(found["y"], expected["y"][0], rtol=1e-6)
