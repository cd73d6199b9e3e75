"""Names that are imported when they are first asked for behave as if they had always been there."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

import cannery
from cannery import estimators


def printed(program: str) -> str:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_name_is_what_its_module_has():
    assert cannery.LinearClassifier is estimators.canned.linear.LinearClassifier
    assert cannery.estimators.Pool is estimators.pool.pool.Pool


def test_a_name_is_asked_for_once():
    assert cannery.DNNRegressor is vars(cannery)["DNNRegressor"]


def test_modules_that_no_list_names_are_there_too():
    program = (
        "import cannery; print(cannery.graph.optimizers.Adam.__name__, cannery.registry.__name__)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout == "Adam cannery.registry\n"


@pytest.mark.parametrize(
    "name", ["LinearClasifier", "tests", "docs", "_hidden", "graph.ops", "a b"]
)
def test_what_is_not_there_is_an_error(name):
    assert not hasattr(cannery, name)
    with pytest.raises(AttributeError, match=f"^module 'cannery' has no attribute '{name}'$"):
        getattr(cannery, name)


def test_a_wrong_import_is_an_import_error():
    with pytest.raises(ImportError, match="cannot import name 'LinearClasifier' from 'cannery'"):
        from cannery import LinearClasifier  # noqa: F401


def test_dir_lists_names_before_and_after_their_use():
    assert {*cannery.__all__, "__doc__"} <= set(dir(cannery))
    assert dir(cannery) == sorted(set(dir(cannery)))


def test_a_pickle_is_read_where_nothing_was_imported(tmp_path):
    path = tmp_path / "model.pickle"
    path.write_bytes(pickle.dumps(cannery.LinearClassifier(epochs=3)))
    program = f"import pickle; print(pickle.load(open({str(path)!r}, 'rb')))"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout == "LinearClassifier(epochs=3)\n"
