"""Programs that differ in the length of their tables alone: one text, and checks for each."""

from __future__ import annotations

import numpy as np
import pytest

from cannery import RandomForestRegressor
from cannery.errors import InvalidValue
from cannery.graph import Program, Variable, placeholder, take
from cannery.graph.compiler.source import Source
from cannery.graph.compiler.toolchain import find_toolchain

needs_compiler = pytest.mark.skipif(find_toolchain() is None, reason="no C compiler here")


def looked_up(rows):
    """Return a program that looks rows up in a table of so many."""
    table = Variable(np.arange(2.0 * rows, dtype=np.float32).reshape(rows, 2), "table")
    ids = placeholder("ids", (None,), "int32")
    return Program([ids], {"found": take(table, ids)})


@needs_compiler
def test_one_text_checks_the_ids_of_each_program():
    short, long = looked_up(3), looked_up(5)
    assert Source(short).text == Source(long).text
    short, long = short.start(jit=True), long.start(jit=True)
    ids = {"ids": np.int32([4, 0])}
    assert long.run(ids)["found"].tolist() == [[8, 9], [0, 1]]
    with pytest.raises(InvalidValue, match="ids must be below 3, got 4"):
        short.run(ids)
    with pytest.raises(InvalidValue, match="ids must be below 5, got 5"):
        long.run({"ids": np.int32([5])})


def test_forests_of_other_rows_have_one_text():
    X = np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)
    forests = [
        RandomForestRegressor(n_estimators=5, random_state=0).fit(X[rows], X[rows, 0] * X[rows, 1])
        for rows in (slice(200), slice(300))
    ]
    sizes = {len(forest.variables_["nodes"]) for forest in forests}
    assert len(sizes) == 2
    assert len({Source(forest.model_.program).text for forest in forests}) == 1
