"""What is chosen for each kind of raw column."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import cannery.feature_columns as fc
from cannery.errors import InvalidValue


@pytest.fixture(scope="module")
def frame():
    n = 400
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "user_id": random.integers(0, 99, n),
            "row_id": random.permutation(n),
            "serial": np.arange(n) + 1000,
            "token": [f"t{at}" for at in range(n)],
            "constant": "same",
            "empty": None,
            "flag": random.random(n) < 0.5,
            "city": random.choice(["Oslo", "Rome", "Lima"], n),
            "street": [f"street {at}" for at in random.integers(0, 120, n)],
            "age": random.integers(18, 80, n),
            "price": random.lognormal(size=n),
            "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 9999, n), "h"),
            "born": pd.Timestamp("2000-01-01") + pd.to_timedelta(random.integers(0, 999, n), "D"),
            "apps": [[f"a{at}" for at in random.integers(0, 30, k % 4)] for k in range(n)],
            "vector": [random.random(3).tolist() for _ in range(n)],
        }
    )


@pytest.fixture(scope="module")
def chosen(frame):
    return fc.infer_columns(frame)


def names(chosen, key):
    choice = next(choice for choice in chosen.choices if choice.key == key)
    return [c.name for c in choice.wide], [c.name for c in choice.deep]


@pytest.mark.parametrize(
    ("key", "wide", "deep"),
    [
        ("user_id", ["user_id"], ["user_id_embedding"]),
        ("row_id", [], []),
        ("serial", [], []),
        ("token", [], []),
        ("constant", [], []),
        ("empty", [], []),
        ("flag", ["flag"], ["flag_indicator"]),
        ("city", ["city"], ["city_indicator"]),
        ("street", ["street"], ["street_embedding"]),
        ("age", ["age_bucketized"], ["age"]),
        ("price", ["price_bucketized"], ["price"]),
        (
            "born",
            ["born_month", "born_weekday"],
            ["born_elapsed", "born_month_indicator", "born_weekday_indicator"],
        ),
        ("apps", ["apps"], ["apps_embedding"]),
        ("vector", [], ["vector"]),
    ],
)
def test_choice(chosen, key, wide, deep):
    assert names(chosen, key) == (wide, deep)


def test_a_time_adds_the_hour(chosen):
    wide, deep = names(chosen, "when")
    assert "when_hour" in wide and "when_hour_indicator" in deep


def test_the_table_says_what_was_dropped_and_why(chosen):
    assert chosen.dropped == ["row_id", "serial", "token", "constant", "empty"]
    table = str(chosen)
    for key in ("row_id", "serial", "token"):
        assert any(line.startswith(key) and "an id" in line for line in table.splitlines())
    assert "constant, always same" in table and "all cells are missing" in table


def test_the_choice_can_be_learnt_and_encoded(frame, chosen):
    columns = fc.ColumnSet([*chosen.wide, *chosen.deep]).learn(frame)
    found = columns.encode(frame)
    assert len(found) == 400 and np.isfinite(found.numbers).all()
    standardised = found.numbers[:, columns.slot(fc.learn([chosen.deep[-1]], frame)[0]).place]
    np.testing.assert_allclose(standardised.mean(axis=0), 0, atol=1e-5)


def test_hashed_texts_get_room_and_the_stated_width(frame, chosen):
    count = frame["street"].nunique()
    embedding = next(c for c in chosen.deep if c.name == "street_embedding")
    assert embedding.dimension == round(6 * count**0.25)
    size = embedding.categorical.size
    assert size & (size - 1) == 0 and size >= 2 * count > size / 2


def test_excluded_columns_and_limits(frame):
    chosen = fc.infer_columns(frame[["city", "street", "age"]], exclude=["age"], max_vocabulary=200)
    assert [choice.key for choice in chosen.choices] == ["city", "street"]
    assert [column.name for column in chosen.deep] == ["city_indicator", "street_indicator"]


def test_an_array_keeps_every_column():
    array = np.column_stack([np.arange(50), np.ones(50)])
    chosen = fc.infer_columns(array)
    assert [column.name for column in chosen.deep] == ["x0", "x1"] and not chosen.dropped


def test_gaps_alone_do_not_make_a_constant():
    chosen = fc.infer_columns({"seen": ["yes", None, "yes", None]})
    assert [column.name for column in chosen.wide] == ["seen"]


def test_an_empty_frame_is_refused():
    with pytest.raises(InvalidValue, match="no rows"):
        fc.infer_columns({"a": []})


def test_adult(shared):
    pytest.importorskip("pyarrow")
    frame = pd.read_parquet(shared / "data" / "adult.parquet")
    chosen = fc.infer_columns(frame, exclude=["income"])
    assert len(chosen.wide) == len(chosen.deep) == 14 and not chosen.dropped


def test_arrays_without_values_are_left_out():
    frame = pd.DataFrame({"ids": [np.array([], int)] * 30, "x": np.arange(30.0)})
    assert "all lists are empty" in str(fc.infer_columns(frame))


@pytest.mark.parametrize("rows", [9_000, 12_000])
def test_measured_numbers_are_standardised_however_many(rows):
    drawn = np.random.default_rng(0).normal(size=rows)
    drawn[3] = np.nan
    frame = pd.DataFrame({"height": drawn, "rooms": np.arange(rows) % 7 + 0.0, "whole": drawn // 1})
    chosen = fc.infer_columns(frame)
    assert [choice.becomes for choice in chosen.choices] == ["standardised number"] * 3
    assert ("many different" in chosen.choices[0].why) == (rows > 10_000)
    assert chosen.choices[1].why == "7 different numbers"


def test_categories_that_no_cell_holds_are_nothing():
    frame = pd.DataFrame({"a": pd.Categorical([None] * 5, ["x", "y"]), "b": range(5)})
    choice, _ = fc.infer_columns(frame).choices
    assert (choice.becomes, choice.why) == ("dropped", "all cells are missing")


def test_complex_numbers_are_no_numbers():
    chosen = fc.infer_columns({"a": np.array([1j, 2j] * 5), "b": [1.5, 2.5] * 5})
    assert [choice.becomes for choice in chosen.choices] == ["vocabulary", "standardised number"]
