"""What the simulation of placement measures: connections, merges, and rounds of Wide & Deep."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from cannery.estimators.pool import pool, rounds
from cannery.estimators.pool.merge import merge
from cannery.estimators.pool.messages import Message, Part
from cannery.estimators.pool.placement import Sized
from cannery.graph import Variable

__all__ = [
    "REPETITIONS",
    "Costs",
    "Rounds",
    "measured_merges",
    "measured_rounds",
    "measured_socket",
]

REPETITIONS = 3  # of the same rounds


class Costs(NamedTuple):
    """Seconds and bytes a second, as measured."""

    socket: float
    handling: float
    merges: Mapping[str, float]  # seconds a byte of AdaSum, and of sums


class Rounds(NamedTuple):
    """Rounds of local steps, as measured."""

    steps: int
    batch: int
    seconds: np.ndarray
    whole: Sequence[Sized]
    rows: Sequence[Sized]
    kinds: Mapping[str, str]  # how each is merged
    row_cost: float  # seconds a byte to merge rows, of which workers share many
    tables: int  # bytes of all rows


def measured_socket() -> tuple[float, float]:
    """Return bytes a second of a local TCP connection, and seconds of each end for a message."""
    listener = socket.create_server(("127.0.0.1", 0))
    here = socket.create_connection(listener.getsockname())
    there, _ = listener.accept()
    for end in (here, there):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    block, count = bytearray(1 << 20), 64

    def answer() -> None:
        for _ in range(200):
            there.sendall(there.recv(64))
        for _ in range(count):
            there.sendall(block)

    found = []
    for _ in range(20):
        thread = threading.Thread(target=answer)
        thread.start()
        began = time.perf_counter()
        for _ in range(200):
            here.sendall(b"x" * 64)
            here.recv(64)
        small = time.perf_counter()
        left = len(block) * count
        while left:
            left -= here.recv_into(block, min(left, len(block)))
        ended = time.perf_counter()
        thread.join()
        # A message and its answer are handled at four ends.
        found.append((len(block) * count / (ended - small), (small - began) / 800))
    for end in (here, there, listener):
        end.close()
    return max(rate for rate, _ in found), min(seconds for _, seconds in found)


def measured_merges(workers: int = 8) -> dict[str, float]:
    """Return seconds a byte of messages whose variables are combined, or added up."""
    whole = np.random.default_rng(0).normal(size=1 << 18).astype(np.float32)
    messages = [Message(Part(n, n, n + 1), whole={"it": whole + n}) for n in range(workers)]
    weights = Variable(np.float32(0), "it")
    sums = Variable(np.float32(0), "it", trainable=False, additive=True)
    cases = {"AdaSum": weights, "sum": sums}
    return {kind: merging([one], {"it": whole}, messages) for kind, one in cases.items()}


def merging(variables: Sequence[Variable], state: Any, messages: Sequence[Message]) -> float:
    """Return seconds a byte to merge messages."""
    took = []
    for _ in range(15):
        state = {name: value.copy() for name, value in state.items()}
        began = time.thread_time()
        merge(variables, state, messages, jit=True)
        took.append(time.thread_time() - began)
    return float(np.median(took)) / sum(map(size, messages))


def size(message: Message) -> int:
    """Return the bytes of new values in a message."""
    rows = sum(value.nbytes for _, tables in message.rows for value in tables.values())
    return rows + sum(value.nbytes for value in (message.whole or {}).values())


def measured_rounds(steps: int) -> Rounds:
    """Return rounds of local steps of Wide & Deep on the app store."""
    import joblib

    from cannery.commands.demo import app_store_columns
    from cannery.datasets import make_app_store
    from cannery.estimators import Pool, WideDeepClassifier

    sent: list[Message] = []
    took: list[float] = []
    take = rounds.run_part

    def run(job: Any, part: Any) -> Message:
        began = time.process_time()
        sent.append(take(job, part))
        took.append(time.process_time() - began)
        return sent[-1]

    pool.LEAST_ROUNDS = 1
    wide, deep = app_store_columns()
    model = WideDeepClassifier(linear_columns=wide, deep_columns=deep, jit=True, random_state=0)
    in_epoch = max(2, 1024 // steps)
    frame, truth, _ = make_app_store(in_epoch * steps * model.batch_size, random_state=0)
    model.set_params(pool=Pool(workers=2, local_steps=steps), epochs=3)
    rounds.run_part = run
    with joblib.parallel_config(backend="sequential"):
        for _ in range(REPETITIONS):
            model.fit(frame, truth)
    rounds.run_part = take
    least = np.reshape(took, (REPETITIONS, -1)).min(0)[1:]  # the first waits for code and data
    last, rows = sent[-1], list[Sized]()
    whole = [Sized(name, np.shape(v), v.nbytes) for name, v in (last.whole or {}).items()]
    for ids, tables in last.rows:
        rows += [Sized(name, (len(ids),), value.nbytes) for name, value in tables.items()]
    kinds = {one.name: "rows" for one in rows}
    variables = model.training_program_.variables
    for variable in variables:
        kinds.setdefault(variable.name, "AdaSum" if variable.trainable else "sum")
    state = {v.name: np.zeros(v.shape, np.float32) for v in variables if v.name in kinds}
    several = [replace(message, whole={}) for message in sent[-8:]]
    cost = merging(variables, state, several) if rows else 0.0
    tables = sum(state[one.name].nbytes for one in rows)
    return Rounds(steps, model.batch_size, least, whole, rows, kinds, cost, tables)
