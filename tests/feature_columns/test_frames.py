"""Every kind of frame is read alike."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import cannery.feature_columns as fc
from cannery.errors import InvalidType, InvalidValue

CELLS = {
    "city": ["Oslo", "Rome", None, "Rome"],
    "age": [20, 30, 40, 50],
    "apps": [["a"], ["b", "a"], [], ["a"]],
    "height": [1.5, None, 2.5, 3.5],
}


def columns():
    return fc.ColumnSet(
        [
            fc.categorical_column("city"),
            fc.categorical_column("age"),
            fc.categorical_column("apps"),
            fc.numeric_column("height"),
            fc.crossed_column(["city", "age"], 1000),
        ]
    ).learn(CELLS)


def lists(encoded):
    return (
        encoded.numbers.tolist(),
        encoded.ids.tolist(),
        {k: (r.offsets.tolist(), r.ids.tolist()) for k, r in encoded.ragged.items()},
    )


def test_pandas_like_dict():
    frame = pd.DataFrame(CELLS)
    expected = lists(columns().encode(CELLS))
    assert lists(columns().encode(frame)) == expected
    indexed = frame.set_index(pd.Index([9, 9, 1, 1]))
    assert lists(columns().encode(indexed)) == expected
    assert lists(columns().encode({key: frame[key] for key in frame})) == expected


@pytest.mark.parametrize("categorical", ["String", "Categorical"])
def test_polars_like_dict(categorical):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(CELLS).with_columns(
        polars.col("city").cast(getattr(polars, categorical))
    )
    expected = lists(columns().encode(CELLS))
    assert lists(columns().encode(frame)) == expected
    assert lists(columns().learn(frame).encode(frame)) == expected
    assert lists(columns().encode(frame.head(1))) == lists(
        columns().encode(pd.DataFrame(CELLS)[:1])
    )


def test_arrow_like_dict():
    arrow = pytest.importorskip("pyarrow")
    expected = lists(columns().encode(CELLS))
    table = arrow.table(CELLS)
    assert lists(columns().encode(table)) == expected
    frame = table.to_pandas(types_mapper=pd.ArrowDtype)
    assert lists(columns().encode(frame)) == expected
    assert lists(columns().encode(frame[1:2])) == lists(columns().encode(pd.DataFrame(CELLS)[1:2]))


def test_array_columns_are_numbered():
    array = np.array([[1.0, 2.0], [3.0, 4.0]])
    frame = fc.as_frame(array)
    assert frame.keys == ["x0", "x1"]
    assert fc.numeric_column("x1").encode(array).ravel().tolist() == [2, 4]
    texts = np.array([["a", 1], ["b", 2]], dtype=object)
    assert fc.categorical_column("x0").learn(texts).encode(texts).tolist() == [0, 1]
    assert fc.numeric_column("x1").encode(texts).ravel().tolist() == [1, 2]


def test_columns_named_by_numbers():
    frame = pd.DataFrame({0: ["a", "b"], 1: [1, 2]})
    assert fc.as_frame(frame).keys == ["0", "1"]
    for rows in (frame, frame[:1]):
        found = fc.numeric_column("1").encode(rows).ravel().tolist()
        assert found == [1, 2][: len(rows)]


def test_a_sparse_matrix_is_never_made_dense():
    huge = scipy.sparse.csr_array(
        (np.ones(2), (np.array([0, 1]), np.array([5, 10**9]))), shape=(2, 2 * 10**9)
    )
    found = fc.sparse_column().learn(huge).encode(huge)
    assert found.ids.tolist() == [5, 10**9]
    chosen = fc.infer_columns(huge)
    assert [column.name for column in chosen.wide + chosen.deep] == ["x", "x_embedding"]


def test_a_sparse_matrix_of_another_width_or_with_nan_is_refused():
    column = fc.sparse_column(3)
    with pytest.raises(InvalidValue, match="must have 3 columns"):
        column.encode(scipy.sparse.csr_array((2, 4)))
    with pytest.raises(InvalidValue, match="row 1 is not finite"):
        column.encode(scipy.sparse.csr_array([[1.0, 0, 0], [0, np.nan, 0]]))
    with pytest.raises(InvalidType, match="must be a sparse matrix"):
        column.encode({"x": [1]})


def test_vectors_of_numbers_from_lists_and_matrices():
    column = fc.numeric_column("v", shape=(2,))
    expected = [[1, 2], [3, 4]]
    cells = [[1, 2], (3, 4)]
    for frame in ({"v": cells}, {"v": np.array(expected)}, pd.DataFrame({"v": cells})):
        assert column.encode(frame).tolist() == expected
    filled = column.learn({"v": [[1, 2], None, [3, np.nan]]})
    assert filled.encode({"v": [None, [0, np.nan]]}).tolist() == [[2, 2], [0, 2]]
    with pytest.raises(InvalidValue, match=r"'v': row 1 .* give 2 numbers a row"):
        column.encode({"v": [[1, 2], [3]]})
    assert fc.numeric_column("m", shape=(2, 2)).encode({"m": [[[1, 2], [3, 4]]]}).shape == (1, 4)


def test_an_open_frame_is_read_once():
    frame = fc.as_frame(CELLS)
    assert frame.factor("city") is frame.factor("city")
    assert fc.as_frame(frame) is frame
    strict = fc.as_frame(frame, strict=True)
    assert strict.strict and not frame.strict
    assert strict.factor("city") is not frame.factor("city")


def test_a_list_of_lists_is_refused_by_row():
    column = fc.categorical_column("x")
    for nested in (["a", ["b"]], [("a",)]):
        with pytest.raises(InvalidValue, match=r"'x': row 1 holds a list of lists"):
            column.learn({"x": [["a"], nested]})
        with pytest.raises(InvalidValue, match=r"'x': row 0 holds a list of lists"):
            column.learn(pd.DataFrame({"x": [nested]}))


def test_times_and_grouped_digits_are_no_numbers():
    for cells in (np.array(["2024-01-01"], "M8[ns]"), np.array([5], "m8[ns]"), ["1_000"]):
        for frame in ({"x": cells}, pd.DataFrame({"x": cells})):
            with pytest.raises(InvalidValue, match=r"'x': row 0 is not a number"):
                fc.numeric_column("x").encode(frame)
    assert fc.categorical_column_with_identity("x", 9999).encode({"x": ["1_000"]}).tolist() == [-1]


def test_columns_without_anything_to_learn_encode_at_once():
    columns = [fc.categorical_column_with_identity("x", 3), fc.numeric_column("y")]
    found = fc.encode(columns, {"x": [[1], [0, 2]], "y": [1, 2]})
    assert found.ragged["x"].ids.tolist() == [1, 0, 2]
    assert fc.encode(columns, {"x": [], "y": []}).ids.shape == (0, 1)
    with pytest.raises(InvalidValue, match="no mean has been learnt"):
        fc.encode(columns, {"x": [1, 2], "y": [1, None]})


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_lists_of_another_library(library):
    module = pytest.importorskip(library)
    make = module.DataFrame if library == "polars" else module.table
    lists = {
        "apps": [["a", "b"], [], None, ["c", None]],
        "pair": [[1.0, 2.0], None, [3, 4], [5, 6]],
    }
    frame = fc.as_frame(make(lists))
    assert list(frame.column("apps")) == lists["apps"]
    assert frame.numbers("pair", 2)[[0, 2, 3]].tolist() == [[1, 2], [3, 4], [5, 6]]
    assert np.isnan(frame.numbers("pair", 2)[1]).all()
    assert len(fc.as_frame(make(lists)[:0]).column("apps")) == 0


def test_a_long_matrix_is_read_as_its_columns_are():
    """Rows that no cache holds are read and written some columns at a time."""
    matrix = np.random.default_rng(0).normal(size=(10_001, 19))
    matrix[5, 7] = np.nan
    chosen = fc.infer_columns(matrix).deep
    named = dict(zip((f"x{i}" for i in range(19)), matrix.T.copy(), strict=True))
    expected = fc.ColumnSet(chosen).learn(named).encode(named).numbers
    assert not np.isnan(expected).any()
    for given in (matrix, np.asfortranarray(matrix), matrix[::-1][::-1]):
        learnt = fc.ColumnSet(chosen).learn(given)
        assert learnt.encode(given).numbers.tobytes() == expected.tobytes()
        mask = np.arange(10_001) % 3 > 0
        part = learnt.encode(fc.as_frame(given).where(mask)).numbers
        assert part.tobytes() == expected[mask].tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8", "Int64", "bool"])
def test_a_single_row_of_many_columns_reads_as_among_others(dtype):
    numbers = np.random.default_rng(0).uniform(0, 9, (30, 30))
    frame = pd.DataFrame(numbers.astype(dtype.lower()), columns=[f"c{i}" for i in range(30)])
    frame = frame.astype(dtype)
    columns = fc.ColumnSet(
        [fc.numeric_column("c0"), fc.crossed_column(["c1", "c2"], 10**6)]
        + [fc.categorical_column_with_hash_bucket(f"c{i}", 10**6) for i in range(3, 30)]
    ).learn(frame)
    whole = columns.encode(frame)
    for row in range(30):
        alone = columns.encode(frame.iloc[[row]])
        assert (alone.ids[0] == whole.ids[row]).all()
        assert (alone.numbers[0] == whole.numbers[row]).all()
