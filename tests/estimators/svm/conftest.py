"""Small linear problems of every kind."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

from cannery.estimators.svm import Design, Problem
from cannery.graph.compiler.toolchain import find_toolchain


def make_design(rows, seed):
    """Return a design of ids, some of which occur once, and of numbers."""
    random = np.random.default_rng(seed)
    ids = np.stack([random.integers(0, 8, rows), 8 + random.integers(0, 400, rows)], axis=1)
    ends = np.arange(rows + 1) * 2
    sparse = scipy.sparse.csr_array((np.ones(2 * rows), ids.ravel(), ends), (rows, 410))
    return Design.of(sparse, random.normal(size=(rows, 3)))


def make_problem(kind, seed=0, rows=300, costs=None, **options):
    """Return a problem with one of the four losses, whose rows cost differently."""
    random = np.random.default_rng(seed)
    design = make_design(rows, seed)
    signal = design.scores(random.normal(size=design.width)) + random.normal(size=rows)
    costs = random.uniform(0.2, 2.0, rows) if costs is None else np.full(rows, costs)
    squared = kind.startswith("squared")
    if kind.endswith("hinge"):
        signs = np.where(signal > 0.5, 1.0, -1.0)
        return Problem.classification(design, signs, costs, squared, **options)
    return Problem.regression(design, signal, costs, squared, 0.3, **options)


@pytest.fixture(scope="session")
def problem():
    """Make a problem: `problem("hinge", seed=3)`."""
    return make_problem


@pytest.fixture(scope="session")
def compiled():
    """Skip where there is no C compiler."""
    if find_toolchain() is None:
        pytest.skip("no C compiler on this machine")
