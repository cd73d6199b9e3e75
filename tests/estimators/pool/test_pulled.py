"""Workers pull the rows of large tables that they touch, and come to the same bits."""

from __future__ import annotations

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cannery import DNNClassifier, WideDeepClassifier
from cannery.errors import InvalidValue
from cannery.estimators import Pool
from cannery.estimators.pool import pulled, worker
from cannery.estimators.pool.pulled import Pulled, pull_apart
from cannery.estimators.pool.worker import row_updates
from cannery.feature_columns import (
    categorical_column_with_hash_bucket,
    categorical_column_with_identity,
    embedding_column,
    numeric_column,
)
from cannery.graph import Program, Variable, placeholder, sum, take
from cannery.graph.aligned import aligned
from cannery.graph.optimizers import Adagrad

ROWS = 400


@pytest.fixture(autouse=True)
def tables_are_large(monkeypatch):
    monkeypatch.setattr(pulled, "LEAST_PULLED", 1)


@pytest.fixture(scope="module")
def frame():
    random = np.random.default_rng(0)
    item = random.integers(0, 9000, ROWS).astype(float)
    item[::7] = np.nan
    frame = pd.DataFrame(
        {
            "item": item,
            "user": random.integers(0, 5000, ROWS),
            "tags": [list(random.integers(0, 700, 3)) for _ in range(ROWS)],
            "age": random.normal(size=ROWS),
        }
    )
    return frame, frame["user"] % 2


def model(**settings):
    item = categorical_column_with_hash_bucket("item", 9000)
    user = categorical_column_with_identity("user", 5000)
    tags = categorical_column_with_identity("tags", 700)
    usual = {"epochs": 2, "batch_size": 16, "random_state": 0, "hidden_units": (4,)}
    return WideDeepClassifier(
        linear_columns=[item, user, tags],
        deep_columns=[embedding_column(c, 16) for c in (item, user, tags)]
        + [numeric_column("age")],
        pool=Pool(workers=2, local_steps=3),
        **{**usual, **settings},
    )


def bits(estimator):
    return {name: value.tobytes() for name, value in estimator.variables_.items()}


@pytest.mark.parametrize("jit", [False, True])
def test_to_the_bits_of_tables_at_hand(frame, jit, monkeypatch):
    found = []
    monkeypatch.setattr(
        worker, "pull_apart", lambda *given: found.append(pull_apart(*given)) or found[-1]
    )
    with joblib.parallel_config(backend="sequential"):
        apart = model(jit=jit).fit(*frame)
        monkeypatch.setattr(pulled, "LEAST_PULLED", 1 << 40)
        whole = model(jit=jit).fit(*frame)
    tables = [sorted(name.split("/")[-1] for name in one.tables) for one in found[0][1]]
    assert sorted(tables) == [["accumulator", "item_embedding"], ["accumulator", "user_embedding"]]
    assert not found[-1][1]
    assert bits(apart) == bits(whole)
    assert (apart.history_["loss"] == whole.history_["loss"]).all()


def users(size):
    column = embedding_column(categorical_column_with_identity("user", size), 16)
    return DNNClassifier(
        columns=[column],
        hidden_units=(4,),
        batch_size=16,
        random_state=0,
        epochs=1,
        jit=True,
        pool=Pool(workers=2, local_steps=3),
    )


def test_other_processes_come_to_the_same_bits(frame, monkeypatch):
    monkeypatch.setattr(pulled, "LEAST_PULLED", 1 << 40)  # for this process: those have their own
    fits = []
    for backend in ("sequential", "loky"):
        with joblib.parallel_config(backend=backend):
            fits.append(bits(users(300_000).fit(*frame)))
    assert fits[0] == fits[1]


def test_a_worker_touches_what_it_has_pulled_alone(frame, monkeypatch):
    held = []

    def untouched(shape, dtype):
        held.append(aligned(shape, dtype))
        held[-1][...] = np.nan
        return held[-1]

    monkeypatch.setattr(worker, "aligned", untouched)
    with joblib.parallel_config(backend="sequential"):
        users(5000).fit(*frame)
    assert len(held) == 2  # weights and an accumulator
    for table in held:
        touched = np.flatnonzero(~np.isnan(table).any(axis=1))
        assert 0 < len(touched) <= 3 * 16 and touched[-1] == len(touched) - 1


@given(
    ids=arrays.arrays(np.int32, st.integers(0, 30), elements=st.integers(-2, 39)),
    seed=st.integers(0, 9),
)
def test_a_number_stands_for_its_row(ids, seed):
    state = {"a": np.random.default_rng(seed).normal(size=(40, 3)), "b": np.arange(40.0)}
    variables = {name: np.empty_like(table) for name, table in state.items()}
    rows, numbers = Pulled(placeholder("x"), "feed", ["a", "b"]).pull(ids, state, variables)
    assert numbers.dtype == ids.dtype and ((numbers < 0) == (ids < 0)).all()
    assert (np.diff(rows) > 0).all() and set(rows) == set(ids[ids >= 0])
    for name, table in state.items():
        np.testing.assert_array_equal(variables[name][numbers[ids >= 0]], table[ids[ids >= 0]])


def test_an_id_past_the_end_is_refused():
    state = {"a": np.zeros((4, 1), np.float32)}
    with pytest.raises(InvalidValue, match="below 4, got 4"):
        Pulled(placeholder("x"), "feed", ["a"]).pull(np.array([0, 4], np.int32), state, state)


@pytest.mark.parametrize("also", ["nothing else", "its sum", "other ids", "an output"])
def test_tables_of_which_more_is_computed_stay_whole(also):
    ids, others = placeholder("ids", (None,), "int32"), placeholder("others", (None,), "int32")
    table = Variable(np.zeros((500_000, 2), np.float32), "table")
    loss = sum(take(table, ids))
    outputs = {"loss": loss}
    if also == "its sum":
        outputs["all"] = sum(table)
    elif also == "other ids":
        outputs["rows"] = take(table, others)
    elif also == "an output":
        outputs["table"] = table
    step = Variable(0, "step", trainable=False)
    program = Program(
        outputs=outputs, updates=Adagrad(learning_rate=0.1).minimize(loss, [table], step)
    )
    new, apart = pull_apart(program, row_updates(program))
    assert [one.ids for one in apart] == ([ids] if also == "nothing else" else [])
    assert (new is program) == (also != "nothing else")
