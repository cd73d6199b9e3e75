"""Compiled or interpreted: who decides, that it stays so, and what joblib's workers do."""

from __future__ import annotations

import logging
import os
import pickle
import shlex

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config

from cannery import DNNClassifier, KMeans, RandomForestClassifier, WideDeepClassifier
from cannery.errors import CompileError
from cannery.estimators.engine import Engine, uses_c
from cannery.estimators.forest.compiled import FOREST
from cannery.estimators.kmeans import KMEANS
from cannery.estimators.pool.compiled import MERGING
from cannery.estimators.svm.ascent import ASCENT
from cannery.graph import CompiledExecution, Execution, Program
from cannery.graph.compiler.cache import warn_once
from cannery.graph.compiler.toolchain import find_toolchain

SMALL = {"hidden_units": (8, 4), "epochs": 2, "random_state": 0}


@pytest.fixture(scope="session")
def has_compiler():
    """Skip where this machine has no C compiler."""
    if find_toolchain() is None:
        pytest.skip("no C compiler on this machine")


@pytest.fixture
def frame(frame):
    """Two columns will do."""
    return frame[["age", "city", "member"]]


@pytest.fixture
def compiled(frame, target, has_compiler):
    return DNNClassifier(**SMALL, jit=True).fit(frame, target)


def test_auto_compiles_long_fits_only(has_compiler):
    assert Engine.chosen("auto", None, 0.5) == Engine.chosen(False, None, 60.0) == Engine()
    assert Engine.chosen("auto", None, 60.0) == Engine.chosen(True, None, 0.0) == Engine(jit=True)
    assert Engine.chosen(True, 2, 0.0).threads == 2


def test_nothing_is_compiled_where_it_is_switched_off(monkeypatch):
    monkeypatch.setenv("CANNERY_JIT", "0")
    assert Engine.chosen("auto", None, 1e9) == Engine()


def test_a_short_fit_is_interpreted_until_it_has_gone_on_for_long(frame, target, has_compiler):
    model = DNNClassifier(**SMALL).fit(frame, target)
    assert not model.model_.engine.jit
    before = model.predict_proba(frame)
    assert isinstance(model.model_._execution, Execution)
    model._estimate = 60.0  # seconds of training, as it would add up
    assert (model.predict_proba(frame) == before).all()
    model.partial_fit(frame, target)
    assert model.model_.engine.jit
    assert np.abs(model.predict_proba(frame) - before).max() < 0.2
    assert isinstance(model.model_._execution, CompiledExecution)


def test_predictions_stay_when_a_model_is_pickled(compiled, frame):
    expected = compiled.predict_proba(frame)
    copy = pickle.loads(pickle.dumps(compiled))
    assert (copy.predict_proba(frame) == expected).all()
    assert (copy.predict_proba(frame[7:8]) == expected[7:8]).all()
    assert isinstance(copy.model_._execution, CompiledExecution)


def test_compiled_predictions_are_the_interpreters(compiled, frame, monkeypatch):
    copy = pickle.loads(pickle.dumps(compiled))
    monkeypatch.setenv("CANNERY_JIT", "0")
    np.testing.assert_allclose(
        copy.predict_proba(frame), compiled.predict_proba(frame), rtol=1e-5, atol=1e-6
    )
    assert isinstance(copy.model_._execution, Execution)


def test_a_program_that_does_not_compile_is_interpreted(frame, target, monkeypatch, caplog):
    def refuse(self):
        raise CompileError("C source", "does not compile", "a bug")

    monkeypatch.setattr(Program, "compile", refuse)
    monkeypatch.setattr(Program, "compile_soon", lambda self: None)
    monkeypatch.setattr("cannery.estimators.engine.find_toolchain", lambda: object())
    monkeypatch.setattr("cannery.estimators.engine.COMPILE_SECONDS", 0.0)
    warn_once.cache_clear()
    with caplog.at_level(logging.WARNING):
        model = DNNClassifier(**SMALL).fit(frame, target)
        assert model.predict_proba(frame).shape == (240, 2)
    (line,) = caplog.messages
    assert line == "C source: does not compile, got a bug (this program is interpreted)"
    with pytest.raises(CompileError, match="a bug"):
        monkeypatch.setattr("cannery.estimators.estimator.require_toolchain", lambda: None)
        model.set_params(jit=True).fit(frame, target)


@pytest.fixture
def breaking(has_compiler, tmp_path, monkeypatch):
    """A compiler that compiles the program it is tried with, and no other."""
    if os.name != "posix":
        pytest.skip("it is a shell script")
    script, real = tmp_path / "breaking", shlex.join(find_toolchain().command)
    script.write_text(
        f"""#!/bin/sh
case "$*" in *--version) exec {real} "$@" ;; esac
grep -q cannery_trial program.c && exec {real} "$@"
echo "program.c:1: error: broken"; exit 1
"""
    )
    script.chmod(0o700)
    monkeypatch.setenv("CC", str(script))
    monkeypatch.setenv("CANNERY_CACHE_DIR", str(tmp_path / "cache"))
    warn_once.cache_clear()


@pytest.mark.parametrize("extension", [ASCENT, FOREST, MERGING, KMEANS])
def test_an_extension_that_does_not_compile(extension, has_compiler, breaking, caplog):
    assert not uses_c(False, extension)
    assert not caplog.messages
    assert not uses_c("auto", extension)
    (line,) = caplog.messages
    assert "error: broken" in line and line.endswith(f"({extension.instead})")
    with pytest.raises(CompileError, match="broken"):
        uses_c(True, extension)


def test_what_numpy_does_where_c_does_not_compile(frame, target, breaking, caplog):
    for model, answer in (
        (RandomForestClassifier(n_estimators=3, random_state=0), "predict_proba"),
        (KMeans(n_clusters=3, random_state=0), "transform"),
    ):
        found, expected = (
            getattr(model.set_params(jit=jit).fit(frame, target), answer)(frame)
            for jit in ("auto", False)
        )
        np.testing.assert_array_equal(found, expected)
        with pytest.raises(CompileError, match="broken"):
            model.set_params(jit=True).fit(frame, target)
    assert FOREST.instead in caplog.text and KMEANS.instead in caplog.text


def threads_of(n_jobs):
    return Engine.chosen(False, n_jobs, 0.0).threads


def test_threads_inside_workers_of_joblib(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert threads_of(2) == 2
    assert threads_of(-1) >= 1
    with parallel_config("threading", n_jobs=2):
        assert Parallel()(delayed(threads_of)(n) for n in (None, 2, -1)) == [1, 1, 1]
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    with parallel_config("threading", n_jobs=2):
        assert Parallel()([delayed(threads_of)(8)]) == [3]


def test_fits_in_threads_of_joblib_give_the_same_bits(frame, target, has_compiler):
    def answer(seed):
        model = WideDeepClassifier(**{**SMALL, "random_state": seed}, jit=True)
        return model.fit(frame, target).predict_proba(frame)

    with parallel_config("threading", n_jobs=2):
        together = Parallel()(delayed(answer)(seed) for seed in (0, 1, 0))
    assert (together[0] == together[2]).all() and (together[1] == answer(1)).all()
