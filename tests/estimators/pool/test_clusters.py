"""The same fit on the clusters that joblib knows, as far as they are installed."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import joblib
import numpy as np
import pytest

from cannery import KMeans, LinearClassifier, RandomForestClassifier
from cannery.estimators import Pool
from cannery.feature_columns import categorical_column, numeric_column

pytestmark = pytest.mark.slow


def fit(**settings):
    random = np.random.default_rng(0)
    X = {"city": random.integers(0, 50, 2000).astype(str), "age": random.normal(size=2000)}
    y = (X["city"].astype(int) % 2) ^ (X["age"] > 0)
    columns = [categorical_column("city"), numeric_column("age")]
    pool = Pool(workers=2, local_steps=4)
    given = {"epochs": 4, "batch_size": 32, "jit": False, "random_state": 0, **settings}
    model = LinearClassifier(columns=columns, pool=pool, **given).fit(X, y)
    return {name: value.tobytes() for name, value in model.variables_.items()}


def fit_whole():
    """Return the bits of k-means and of a forest."""
    X = np.random.default_rng(0).normal(size=(2000, 3))
    groups = KMeans(n_clusters=4, pool=2, random_state=0).fit(X)
    forest = RandomForestClassifier(n_estimators=6, pool=2, random_state=0).fit(X, X[:, 0] > 0)
    return [{n: v.tobytes() for n, v in model.variables_.items()} for model in (groups, forest)]


@pytest.fixture(scope="module")
def here():
    with joblib.parallel_config(backend="sequential"):
        return fit()


@pytest.fixture(scope="module")
def dask():
    distributed = pytest.importorskip("distributed", reason="the extra dask is not installed")
    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with (
        distributed.LocalCluster(memory_limit=0, **settings) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def ray(tmp_path_factory):
    """Two workers of Ray that write nothing into the user's home and tell nobody."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_MODE", "disabled")
        ray = pytest.importorskip("ray", reason="the extra ray is not installed")
        from ray.util.joblib import register_ray

        register_ray()
        quiet = {"include_dashboard": False, "log_to_driver": False, "configure_logging": False}
        ray.init(num_cpus=2, **quiet)
        yield ray
        ray.shutdown()


def test_dask_gives_the_same_bits(dask, here):
    with joblib.parallel_config(backend="dask"):
        assert fit() == here


@pytest.mark.parametrize("engine", ["dask", "ray"])
def test_clusters_and_forests_are_the_same(engine, request):
    with joblib.parallel_config(backend="sequential"):
        alone = fit_whole()
    request.getfixturevalue(engine)
    with joblib.parallel_config(backend=engine):
        assert fit_whole() == alone


def test_dask_loses_a_worker_and_no_bit(dask, here):
    def kill(estimator, epoch, logs):
        if epoch == 1:
            process = next(iter(dask.run(os.getpid).values()))
            os.kill(process, signal.SIGKILL)

    with joblib.parallel_config(backend="dask"):
        assert fit(callbacks=[kill]) == here


def test_ray_gives_the_same_bits(ray, here):
    with joblib.parallel_config(backend="ray"):
        assert fit() == here


def test_ray_loses_a_worker_and_no_bit(ray, here, caplog):
    def kill(estimator, epoch, logs):
        if epoch == 1:
            os.kill(worker(), signal.SIGKILL)

    with joblib.parallel_config(backend="ray"):
        assert fit(callbacks=[kill]) == here
    assert "a worker was lost" in caplog.text


def worker():
    """Return the process of one of Ray's workers: it names itself after what it runs."""
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if (folder / "cmdline").read_bytes().startswith(b"ray::PoolActor"):
                return int(folder.name)
    raise LookupError("no worker of Ray is running")
