"""Run the examples in the docstrings of every module, under the name users import it by."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import cannery

MODULES = [
    "cannery",
    *(
        found.name
        # A package that does not import fails its own test, not the collection of all.
        for found in pkgutil.walk_packages(cannery.__path__, "cannery.", onerror=lambda name: None)
        if found.name != "cannery.__main__"
    ),
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    module = importlib.import_module(name)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for examples in doctest.DocTestFinder().find(module):
        runner.run(examples, out=report.append)
    assert not runner.summarize(verbose=False).failed, "".join(report)
