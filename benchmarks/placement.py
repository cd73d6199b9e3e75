"""How variables are best placed, and how far many workers scale: a simulation with measured costs.

python benchmarks/placement.py [--plot placement.png] [--steps 512 2048 4096] [--jitter 0.01]

Measured here, in CPU time: bytes a second of merges, steps of Wide & Deep and the bytes that they
change; by the clock: bytes a second of a local socket and the time of a small message.
Networks are parameters. In a round all workers take their steps, and the slowest is waited for;
each sends each task the new values of its pieces; each task merges; each worker fetches all that
was merged. Nothing overlaps. Tasks are the workers themselves, links carry both directions at full
rate, and nothing is faster than the socket here.
"""

from __future__ import annotations

import argparse
import math
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from cannery.estimators.pool import placement, pool, rounds
from cannery.estimators.pool.merge import merge
from cannery.estimators.pool.messages import Message, Part
from cannery.estimators.pool.placement import Sized
from cannery.graph import Variable

WORKERS = (1, 2, 4, 8, 16, 32, 64)
NETWORKS = (10, 100)  # Gbit/s
WAYS = {
    "round-robin": placement.round_robin,
    "greedy": placement.greedy,
    "partitioned": placement.partitioned,
}
PUBLISHED = 58  # of 64 workers: TensorFlow 1.0 with Inception-v3 on GPUs
# Krizhevsky et al., 2012: 60,965,224 numbers, 96 % of them in three layers.
ALEXNET = {
    "conv1": (11, 11, 3, 96),
    "conv2": (5, 5, 48, 256),
    "conv3": (3, 3, 256, 384),
    "conv4": (3, 3, 192, 384),
    "conv5": (3, 3, 192, 256),
    "fc6": (9216, 4096),
    "fc7": (4096, 4096),
    "fc8": (4096, 1000),
}
INCEPTION_BYTES, INCEPTION_STEP = 4 * 23_800_000, 64 / 30  # batches of 64 at 30 images/s of a K80


class Costs(NamedTuple):
    """Seconds and bytes a second, as measured."""

    socket: float
    message: float
    whole: float
    rows: float


class Task(NamedTuple):
    """What is trained: variables that workers exchange after some seconds of work."""

    name: str
    seconds: float
    variables: Sequence[Sized]
    merge: dict[str, float]  # seconds a byte of a worker's message


def measured_socket() -> tuple[float, float]:
    """Return bytes a second of a local socket, and seconds of a small message and its answer."""
    here, there = socket.socketpair()
    block, count = bytearray(1 << 20), 256

    def echo() -> None:
        for _ in range(1000):
            there.sendall(there.recv(64))
        for _ in range(count):
            there.sendall(block)

    thread = threading.Thread(target=echo)
    thread.start()
    began = time.perf_counter()
    for _ in range(1000):
        here.sendall(b"x" * 64)
        here.recv(64)
    small = time.perf_counter()
    left = len(block) * count
    while left:
        left -= here.recv_into(block, min(left, len(block)))
    ended = time.perf_counter()
    thread.join()
    return len(block) * count / (ended - small), (small - began) / 1000


def measured_merge(workers: int = 8) -> tuple[float, float]:
    """Return bytes a second of messages whose variables, or single rows, are merged."""
    random = np.random.default_rng(0)
    whole, table = (random.normal(size=size).astype(np.float32) for size in (1 << 18, (1 << 20, 8)))
    variables = [Variable(np.float32(0), name) for name in ("whole", "table")]
    parts = [Part(number, number, number + 1) for number in range(workers)]
    dense = [Message(part, whole={"whole": whole + part.number}) for part in parts]
    sparse = []
    for part in parts:
        ids = np.unique(random.integers(0, len(table), 4096))
        sparse.append(Message(part, whole={}, rows=[(ids, {"table": table[ids] + 1})]))
    state, rates = {"whole": whole, "table": table}, []
    for messages in (dense, sparse):
        touched = sum(size(message) for message in messages)
        took = []
        for _ in range(15):
            began = time.thread_time()
            merge(variables, state, messages)
            took.append(time.thread_time() - began)
        rates.append(touched / float(np.median(took)))
    return rates[0], rates[1]


def size(message: Message) -> int:
    """Return the bytes of new values in a message."""
    rows = sum(value.nbytes for _, tables in message.rows for value in tables.values())
    return rows + sum(value.nbytes for value in (message.whole or {}).values())


def measured_steps(steps: int) -> tuple[float, list[Sized], list[Sized], int]:
    """Return seconds of local steps of Wide & Deep, what they change, and the batch size.

    What they change are whole variables, and rows of tables.
    """
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
    model = WideDeepClassifier(
        linear_columns=wide, deep_columns=deep, epochs=3, jit=True, random_state=0
    )
    frame, truth, _ = make_app_store(steps * model.batch_size, random_state=0)
    model.set_params(pool=Pool(workers=1, local_steps=steps))
    rounds.run_part = run
    with joblib.parallel_config(backend="sequential"):
        model.fit(frame, truth)
    rounds.run_part = take
    last, rows = sent[-1], list[Sized]()
    whole = [Sized(name, np.shape(v), v.nbytes) for name, v in (last.whole or {}).items()]
    for ids, tables in last.rows:
        rows += [Sized(name, (len(ids),), value.nbytes) for name, value in tables.items()]
    return min(took[1:]), whole, rows, model.batch_size  # the first waits for code and data


def round_seconds(
    task: Task, workers: int, way: Any, network: float, costs: Costs, jitter: float
) -> float:
    """Return how long a round of `workers` takes."""
    slowest = float(np.random.default_rng(0).normal(size=(2000, workers)).max(1).mean())
    compute = task.seconds * (1 + jitter * slowest * (workers > 1))
    if workers == 1:
        return compute
    rate = min(network * 1e9 / 8, costs.socket)
    pieces = way(task.variables, workers)
    held = placement.loads(task.variables, pieces, workers)
    # Into a task, out of a worker.
    moved = max(max(held) * (workers - 1), sum(held) - min(held)) / rate
    busy = [v._replace(bytes=round(v.bytes * task.merge[v.name] * 1e12)) for v in task.variables]
    merging = workers * max(placement.loads(busy, pieces, workers)) / 1e12
    return compute + 2 * (moved + workers * costs.message) + merging


def imbalance(variables: Sequence[Sized], costs: Costs) -> dict[str, list[float]]:
    """Print what each way of placing AlexNet's variables leaves the heaviest task."""
    found: dict[str, list[float]] = {}
    print(f"AlexNet, {sum(v.bytes for v in variables) / 1e6:.0f} MB: bytes of the heaviest task by")
    print("an equal share; seconds to send, merge and fetch all on 10 and 100 Gbit/s")
    print(f"{'':14}" + "".join(f"{count:>20}" for count in WORKERS[1:]))
    for name, way in WAYS.items():
        print(f"{name:14}", end="")
        found[name] = []
        for count in WORKERS[1:]:
            held = placement.loads(variables, way(variables, count), count)
            found[name].append(max(held) * count / sum(held))
            idle = Task("AlexNet", 0.0, variables, {v.name: 1 / costs.whole for v in variables})
            took = [round_seconds(idle, count, way, rate, costs, 0.0) for rate in NETWORKS]
            print(f"{found[name][-1]:8.2f}{took[0]:6.2f}{took[1]:6.2f}", end="")
        print()
    return found


def scaling(tasks: Sequence[Task], costs: Costs, jitter: float) -> dict[str, list[float]]:
    """Print of how many workers each model has the use."""
    found = {}
    print(f"\nworkers' worth of rows/s, partitioned\n{'':44}", end="")
    print("".join(f"{count:>7}" for count in WORKERS))
    for task in tasks:
        for network in NETWORKS:
            curve = []
            for count in WORKERS:
                given = (task, count, placement.partitioned, network, costs, jitter)
                curve.append(count * task.seconds / round_seconds(*given))
            found[f"{task.name}, {network} Gbit/s"] = curve
            print(f"{f'{task.name}, {network} Gbit/s':44}", end="")
            print("".join(f"{value:7.1f}" for value in curve))
    return found


def draw(shares: dict[str, list[float]], curves: dict[str, list[float]], path: str) -> None:
    """Save both tables as a picture."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
    for name, share in shares.items():
        style = "--" if name == "greedy" else "-"
        left.plot(WORKERS[1:], share, style, marker="o", label=name)
    left.set(xscale="log", yscale="log", xlabel="tasks", ylabel="heaviest task / equal share")
    left.set(title="AlexNet's variables", xticks=WORKERS[1:], xticklabels=WORKERS[1:])
    left.set(yticks=(1, 2, 5, 10, 20), yticklabels=(1, 2, 5, 10, 20))
    right.plot(WORKERS, WORKERS, color="gray", linestyle=":", label="ideal")
    for number, (name, curve) in enumerate(curves.items()):
        style = {"color": f"C{number // 2}", "linestyle": "--" if number % 2 else "-"}
        right.plot(WORKERS, curve, marker=".", label=name, **style)
    right.plot(64, PUBLISHED, "k*", markersize=10, label="TensorFlow 1.0, Inception-v3")
    right.set(xlabel="workers", ylabel="workers' worth of rows/s", title="Simulated scaling")
    right.set(xticks=(1, 8, 16, 32, 64))
    left.legend(frameon=False)
    right.legend(frameon=False, fontsize=8, labelspacing=0.3, loc="lower right")
    for axes in (left, right):
        axes.minorticks_off()
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measure, simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, nargs="*", default=[512, 2048, 4096])
    parser.add_argument("--jitter", type=float, default=0.01)
    parser.add_argument("--plot", help="where to save the picture")
    options = parser.parse_args()
    costs = Costs(*measured_socket(), *measured_merge())
    print(f"local socket {costs.socket / 1e9:.2f} GB/s, small message {costs.message * 1e6:.0f} µs")
    print(f"merge {costs.whole / 1e9:.2f} GB/s of whole variables, {costs.rows / 1e9:.2f} of rows")
    alexnet = []
    for name, shape in ALEXNET.items():
        alexnet.append(Sized(name, shape, 4 * math.prod(shape)))
        alexnet.append(Sized(f"{name}/bias", shape[-1:], 4 * shape[-1]))
    print()
    shares = imbalance(alexnet, costs)
    even = [Sized("all", (INCEPTION_BYTES // 4096,), INCEPTION_BYTES)]
    tasks = [Task("Inception-v3", INCEPTION_STEP, even, {"all": 1 / costs.whole})]
    print(f"\nassumed: a round's time varies by {options.jitter:.1%} between workers (normal);")
    print(f"  Inception-v3: {INCEPTION_BYTES / 1e6:.0f} MB cut at will, ", end="")
    print(f"a merge after each step of {INCEPTION_STEP:.2f} s")
    for steps in options.steps:
        seconds, whole, rows, batch = measured_steps(steps)
        merging = {v.name: 1 / costs.whole for v in whole} | {v.name: 1 / costs.rows for v in rows}
        name = f"Wide & Deep, {steps:,} local steps"
        tasks.append(Task(name, seconds, [*whole, *rows], merging))
        print(f"  {name} of {seconds / steps * 1e6:.0f} µs, batch {batch}: ", end="")
        of_whole, of_rows = (sum(v.bytes for v in found) / 1e6 for found in (whole, rows))
        print(f"they change {of_whole:.1f} MB of whole variables and {of_rows:.1f} of rows")
    curves = scaling(tasks, costs, options.jitter)
    best = {name: curve[-1] for name, curve in curves.items() if curve[-1] >= PUBLISHED}
    print(f"\n{PUBLISHED} of 64 or better: {', '.join(best) or 'none'}")
    if options.plot:
        draw(shares, curves, options.plot)


if __name__ == "__main__":
    main()
