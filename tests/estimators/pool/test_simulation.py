"""The simulated cluster of benchmarks/cluster.py: what can be told by hand, and what must hold."""

from __future__ import annotations

import importlib.util
import sys
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cannery.estimators.pool.placement import Sized, greedy, partitioned, round_robin

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
counts = st.integers(2, 12)


def load(name):
    """Return a module of the benchmarks, which are no package but import each other."""
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


networks, cluster = load("networks"), load("cluster")
FAST = cluster.Network(1e9, 0.0, 0.0)


def model(layers, seconds=1.0, merge=0.0):
    names = [one.name for layer in layers for one in layer.variables]
    return cluster.Model("model", seconds, layers, dict.fromkeys(names, merge))


@st.composite
def models(draw):
    sizes = draw(st.lists(st.integers(1, 10**7), min_size=1, max_size=6))
    work = draw(st.lists(st.integers(1, 100), min_size=len(sizes), max_size=len(sizes)))
    layers = [
        networks.Layer(float(share), (Sized(f"v{n}", (size,), 4 * size),))
        for n, (share, size) in enumerate(zip(work, sizes, strict=True))
    ]
    return model(layers, draw(st.floats(0.0, 10.0)), draw(st.sampled_from([0.0, 1e-9])))


def test_networks_have_the_sizes_of_their_papers():
    found = {}
    for name in ("alexnet", "inception"):
        layers = getattr(networks, name)()
        numbers = sum(one.bytes for layer in layers for one in layer.variables) // 4
        found[name] = (numbers, round(sum(layer.work for layer in layers) / 1e6))
    assert found == {"alexnet": (60_965_224, 724), "inception": (23_817_352, 5713)}


@given(models(), st.sampled_from([round_robin, greedy, partitioned]), st.booleans())
def test_one_worker_exchanges_nothing(given_model, way, overlap):
    took = cluster.round_seconds(given_model, 1, way, FAST, overlap=overlap)
    assert took == given_model.seconds


@given(counts, st.integers(1, 10**5))
def test_an_even_cut_moves_twice_all_but_ones_own_share(count, share):
    numbers = count * share
    one = model([networks.Layer(1.0, (Sized("v", (numbers,), 4 * numbers),))], 1.0, 1e-8)
    way = partial(partitioned, least_slice=1)
    moved = 2 * 4 * share * (count - 1) / FAST.rate
    expected = 1.0 + moved + 4 * numbers * 1e-8
    assert cluster.round_seconds(one, count, way, FAST) == pytest.approx(expected)


@given(counts, st.integers(1, 10**6), st.floats(1.0, 9.0))
def test_one_task_receives_from_all_others_and_answers_them(count, numbers, grown):
    one = model([networks.Layer(1.0, (Sized("v", (numbers,), 4 * numbers),))], 1.0, 1e-8)
    moved = (1 + grown) * 4 * numbers * (count - 1) / FAST.rate
    expected = 1.0 + moved + count * 4 * numbers * 1e-8
    took = cluster.round_seconds(one, count, round_robin, FAST, grown=grown)
    assert took == pytest.approx(expected)


@given(models(), counts, st.sampled_from([round_robin, greedy, partitioned]), st.booleans())
def test_a_round_takes_the_slowest_workers_time_at_least(given_model, count, way, overlap):
    took = cluster.round_seconds(given_model, count, way, FAST, overlap=overlap, slowest=1.5)
    assert took >= 1.5 * given_model.seconds * (1 - 1e-9)


@given(models(), counts)
def test_a_slower_network_never_helps(given_model, count):
    # Nothing overlaps: where it does, a message that is late may let a more urgent one pass.
    took = [
        cluster.round_seconds(
            given_model, count, partitioned, cluster.Network(*network), overlap=False
        )
        for network in ((1e10, 0.0, 0.0), (1e9, 0.0, 0.0), (1e9, 1e-3, 1e-5))
    ]
    assert took[0] <= took[1] * (1 + 1e-9) and took[1] <= took[2] * (1 + 1e-9)


def test_overlap_hides_what_travels_beside_much_work():
    one = model(networks.inception(), 2.0, 1e-9)
    apart, beside = (
        cluster.round_seconds(one, 64, partitioned, FAST, overlap=overlap)
        for overlap in (False, True)
    )
    assert 2.0 <= beside < 2.02 < apart


def test_on_few_tasks_the_heaviest_is_waited_for():
    one = model(networks.alexnet())
    took = [cluster.round_seconds(one, 8, partitioned, FAST, tasks=tasks) for tasks in (1, 2, 8)]
    assert took[0] > took[1] > took[2]


def test_through_one_folder_all_goes_over_one_link():
    one = model([networks.Layer(1.0, (Sized("v", (250,), 1000),))], 1.0)
    network = cluster.Network(1000.0, 0.0, 0.0)
    assert cluster.folder_seconds(one, 1, network) == 1.0
    assert cluster.folder_seconds(one, 4, network) == pytest.approx(1 + 2 * 4 + 3 + 4)
    assert cluster.folder_seconds(one, 4, network, grown=2.0) == pytest.approx(1 + 8 + 2 * 7)
