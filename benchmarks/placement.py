"""How variables are best placed, and how far many workers scale: a simulation with measured costs.

python benchmarks/placement.py [--plot placement.png] [--steps 64 512 2048] [--half-duplex]

Measured here: bytes a second of a local connection and what a small message costs, by the clock;
merges, and rounds of Wide & Deep with their spread and the bytes that they change, in CPU time.
Published: networks and how fast one GPU trains them. Assumed: what is printed as such.
`cluster.py` says what is simulated, `networks.py` of which layers, `costs.py` measures.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import networks
import numpy as np
from cluster import Model, Network, Way, folder_seconds, round_seconds
from costs import REPETITIONS, Costs, Rounds, measured_merges, measured_rounds, measured_socket

from cannery.estimators.pool import merge, placement
from cannery.estimators.pool.placement import Piece, Sized

WORKERS = (1, 2, 4, 8, 16, 32, 64)
RATES = (10, 100)  # Gbit/s
WANTED = 58  # of 64: what TensorFlow 1.0 was announced with, Inception-v3 on 64 GPUs
SMALL_SLICE = 1 << 14  # bytes
COLOURS = {"round-robin": "#D55E00", "greedy": "#E69F00", "partitioned": "#0072B2"}
WAYS: dict[str, Way] = {
    "round-robin": placement.round_robin,
    "greedy": placement.greedy,
    "partitioned": placement.partitioned,
}


class Published(NamedTuple):
    """Images a second that TensorFlow measured: K80s, 8 a machine, SGD, gradients summed in it.

    tensorflow.org/performance/benchmarks of May 2017: p2.8xlarge (10 Gbit/s), synthetic data.
    """

    batch: int
    one: float  # GPU, alone
    machine: float
    eight: float  # machines
    tasks: int
    layers: Sequence[networks.Layer]


PUBLISHED = {
    "Inception-v3": Published(64, 29.7, 229, 1783, 6, networks.inception()),
    "ResNet-50": Published(64, 52.4, 378, 2744, 8, networks.even(50, 25.6e6)),
    "ResNet-152": Published(32, 19.4, 146, 981, 4, networks.even(152, 60.2e6)),
}
ALEXNET_BATCH, ALEXNET_RATE = 512, 684  # images/s of one K80, same source


class Case(NamedTuple):
    """A curve: what is trained, and how long a round of many workers on a network takes."""

    name: str
    model: Model
    steps: int  # in a round
    seconds: Callable[[Model, int, Network], float]


def summed(name: str, seconds: float, layers: Sequence[networks.Layer], costs: Costs) -> Model:
    """Return a model whose gradients are added up after each step."""
    merges = {one.name: costs.merges["sum"] for layer in layers for one in layer.variables}
    return Model(name, seconds, layers, merges)


def wide_and_deep(found: Rounds, costs: Costs) -> Model:
    """Return what was measured, as one layer."""
    each = {**costs.merges, "rows": found.row_cost}
    merges = {name: each[kind] for name, kind in found.kinds.items()}
    layer = networks.Layer(1.0, (*found.whole, *found.rows))
    return Model("Wide & Deep", float(np.median(found.seconds)), [layer], merges)


def as_pools_cut(kinds: Mapping[str, str], variables: Sequence[Sized], tasks: int) -> list[Piece]:
    """Place slices of rows and of sums, and other variables whole: AdaSum of a part needs all."""
    rows = {one.name: one.rows for one in variables}
    sizes = []
    for one in variables:
        cut = (1,) if kinds[one.name] == "AdaSum" else one.shape
        cost = merge.ROW_COST if kinds[one.name] == "rows" else 1
        sizes.append(Sized(one.name, cut, one.bytes * tasks * cost))
    pieces = placement.partitioned(sizes, tasks, merge.LEAST_SLICE)
    return [p._replace(stop=rows[p.name]) if kinds[p.name] == "AdaSum" else p for p in pieces]


def growth(found: Sequence[Rounds], one: Rounds, workers: int) -> float:
    """Return by how much all rows that any worker touches outnumber those of one, by their bytes.

    Many workers touch in a round what one touches in as many times the steps: between what was
    measured, and above it in proportion to the logarithm, up to whole tables.
    """
    whole, rows = (sum(v.bytes for v in part) for part in (one.whole, one.rows))
    if not rows:
        return 1.0
    steps, touched = zip(
        *sorted((r.steps, sum(v.bytes for v in r.rows)) for r in found), strict=True
    )
    wanted, known = np.log(one.steps * workers), np.log(steps)
    all_rows = np.interp(wanted, known, touched)
    if wanted > known[-1] and len(known) > 1:
        slope = (touched[-1] - touched[-2]) / (known[-1] - known[-2])
        all_rows = touched[-1] + slope * (wanted - known[-1])
    return float((whole + min(max(all_rows, rows), one.tables)) / (whole + rows))


def slowest(workers: int, spread: Any) -> float:
    """Return how long the slowest takes, by the usual: normal, or drawn from what was seen."""
    random = np.random.default_rng(0)
    if isinstance(spread, float):
        return 1 + spread * float(random.normal(size=(4000, workers)).max(1).mean())
    return float(random.choice(spread, (4000, workers)).max(1).mean() / np.median(spread))


def imbalance(costs: Costs, nets: Sequence[Network]) -> dict[str, list[float]]:
    """Print what each way of placing AlexNet's variables leaves the heaviest task."""
    layers = networks.alexnet()
    idle = summed("AlexNet", 0.0, layers, costs)
    found: dict[str, list[float]] = {}
    print(f"\nAlexNet, {sum(v.bytes for v in idle.variables) / 1e6:.0f} MB: the heaviest task's")
    print("bytes by an equal share; seconds to send, add up and fetch all on 10 and 100 Gbit/s")
    print(f"{'tasks':14}" + "".join(f"{count:>20}" for count in WORKERS[1:]))
    for name, way in WAYS.items():
        print(f"{name:14}", end="")
        found[name] = []
        for count in WORKERS[1:]:
            held = placement.loads(idle.variables, way(idle.variables, count), count)
            found[name].append(max(held) * count / sum(held))
            print(f"{found[name][-1]:8.2f}", end="")
            for net in nets:
                print(f"{round_seconds(idle, count, way, net):6.2f}", end="")
        print()
    return found


def compared(costs: Costs, net: Network, jitter: float) -> None:
    """Print what the simulation says of the clusters that TensorFlow was measured on."""
    print("\nTensorFlow's own measurements, 8 machines of 8 K80s: how many machines' worth of")
    print(
        "images/s, and what is simulated of the same placement, in turn, without and with overlap"
    )
    late = slowest(8, jitter)
    for name, one in PUBLISHED.items():
        model = summed(name, 8 * one.batch / one.machine, one.layers, costs)
        given = {"tasks": one.tasks, "slowest": late}
        worth = []
        for overlap in (False, True):
            took = round_seconds(model, 8, WAYS["round-robin"], net, overlap=overlap, **given)
            worth.append(8 * model.seconds / took)
        print(f"  {name:14}{one.eight / one.machine:5.2f} measured", end="")
        print(f"{worth[0]:7.2f}{worth[1]:6.2f} simulated")


def cases(costs: Costs, found: Sequence[Rounds], jitter: float) -> list[Case]:
    """Return the curves to draw."""
    inception = PUBLISHED["Inception-v3"]
    step = inception.batch / inception.one
    of_gpus = {
        "Inception-v3": summed("Inception-v3", step, inception.layers, costs),
        "AlexNet": summed("AlexNet", ALEXNET_BATCH / ALEXNET_RATE, networks.alexnet(), costs),
    }

    def gpus(name: str, way: str, overlap: bool) -> Case:
        def seconds(model: Model, count: int, net: Network) -> float:
            given = {"overlap": overlap, "slowest": slowest(count, jitter)}
            return round_seconds(model, count, WAYS[way], net, **given)

        after = "" if overlap else ", no overlap"
        return Case(f"{name}, {way}{after}", of_gpus[name], 1, seconds)

    listed = [gpus("Inception-v3", "partitioned", overlap) for overlap in (True, False)]
    listed += [gpus("Inception-v3", "round-robin", True)]
    listed += [gpus("AlexNet", way, True) for way in WAYS]
    for one in found:
        listed.append(pooled(f"{one.steps:,} local steps", found, one, costs, as_pools_do))
    first = f"{found[0].steps:,}"
    listed.append(pooled(f"{first}, all in slices", found, found[0], costs, sliced))
    listed.append(pooled(f"{first}, through one folder", found, found[0], costs, in_folder))
    return listed


def pooled(name: str, found: Sequence[Rounds], one: Rounds, costs: Costs, seconds: Any) -> Case:
    """Return the curve of Wide & Deep in rounds of local steps, after which all is exchanged."""

    def of_round(model: Model, count: int, net: Network) -> float:
        given = {"slowest": slowest(count, one.seconds), "grown": growth(found, one, count)}
        return float(seconds(one, model, count, net, given))

    return Case(f"Wide & Deep, {name}", wide_and_deep(one, costs), one.steps, of_round)


def as_pools_do(one: Rounds, model: Model, count: int, net: Network, given: Any) -> float:
    """Return seconds of a round where variables that AdaSum combines are not cut."""
    way = partial(as_pools_cut, one.kinds)
    return round_seconds(model, count, way, net, **given)


def sliced(one: Rounds, model: Model, count: int, net: Network, given: Any) -> float:
    """Return seconds of a round where all are cut: products of slices are exchanged for AdaSum."""
    way = partial(placement.partitioned, least_slice=SMALL_SLICE)
    products = np.ceil(np.log2(count)) * 2 * (net.delay + count * net.handling)
    return float(round_seconds(model, count, way, net, **given) + products)


def in_folder(one: Rounds, model: Model, count: int, net: Network, given: Any) -> float:
    """Return seconds of a round whose values go through one folder."""
    return folder_seconds(model, count, net, **given)


def scaling(listed: Sequence[Case], nets: Sequence[Network]) -> dict[str, list[float]]:
    """Print of how many workers each model has the use."""
    found = {}
    print(f"\nworkers' worth of rows/s\n{'':48}", end="")
    print("".join(f"{count:>7}" for count in WORKERS))
    for case in listed:
        for rate, net in zip(RATES, nets, strict=True):
            curve = [n * case.model.seconds / case.seconds(case.model, n, net) for n in WORKERS]
            found[f"{case.name}, {rate} Gbit/s"] = curve
            print(f"{f'{case.name}, {rate} Gbit/s':48}", end="")
            print("".join(f"{value:7.1f}" for value in curve))
    return found


def least_seconds(case: Case, net: Network) -> float:
    """Return how long the work of a round must be for 64 workers to be worth 58; 0 if never."""

    def reached(seconds: float) -> bool:
        model = case.model._replace(seconds=seconds)
        return 64 * seconds / case.seconds(model, 64, net) >= WANTED

    low, high = 1e-4, 1e4
    if not reached(high):
        return 0.0
    while high / low > 1.005:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def needed(listed: Sequence[Case], nets: Sequence[Network]) -> None:
    """Print how much work a round must be for 58 of 64."""
    print(f"\nwork of a round for {WANTED} of 64, its messages as they are\n{'':44}", end="")
    print("".join(f"{f'{rate} Gbit/s':>24}" for rate in RATES))
    for case in listed:
        print(f"{case.name:44}", end="")
        for net in nets:
            least = least_seconds(case, net)
            steps = f", {least / case.model.seconds * case.steps:,.0f} steps"
            text = f"{least:.2f} s{steps if case.steps > 1 else ''}"
            print(f"{text if least else 'never':>24}", end="")
        print()


def basis(options: argparse.Namespace, costs: Costs, found: Sequence[Rounds]) -> None:
    """Print what was measured, what others published, and what is believed."""
    merges = ", ".join(f"{1e-9 / cost:.2f} of {kind}" for kind, cost in costs.merges.items())
    print("measured here")
    print(f"  A local TCP connection {costs.socket / 1e9:.2f} GB/s;", end="")
    print(f" each end of a small message {costs.handling * 1e6:.0f} µs.")
    print(f"  Merges of eight workers' messages, GB/s: {merges}.")
    for one in found:
        whole, rows = (sum(v.bytes for v in part) / 1e6 for part in (one.whole, one.rows))
        middle = np.median(one.seconds)
        print(f"  Wide & Deep, batch {one.batch}, {one.steps:,} local steps of", end="")
        print(f" {middle / one.steps * 1e6:.0f} µs: {whole:.1f} MB of whole variables,", end="")
        rate = 1e-9 / one.row_cost if one.row_cost else 0.0
        print(f" {rows:.1f} of rows,\n    merged at {rate:.2f} GB/s;", end="")
        print(f" of {len(one.seconds)} rounds the slowest takes", end="")
        print(f" {one.seconds.max() / middle - 1:.1%} more than the median.")
    inception = PUBLISHED["Inception-v3"]
    ways = "one way at a time" if options.half_duplex else "each way at once"
    text = f"""
published
  One K80: Inception-v3 {inception.one} images/s in batches of {inception.batch}, AlexNet
  {ALEXNET_RATE} in batches of {ALEXNET_BATCH} (tensorflow.org/performance/benchmarks, May 2017).
assumed
  Links of 10 and 100 Gbit/s {ways}, {options.delay:.0f} µs on the way, one to each machine; none
  faster than the local connection; no loss, and nobody else's traffic. Each worker has a machine,
  and tasks are on workers' machines: there they merge on a core of their own.
  GPUs: gradients are summed after each step. A step's time goes to layers by their multiplications,
  a third of it forward. A layer's gradients travel while layers below are at work, and its forward
  part begins when its new weights are there. Steps spread normally by {options.jitter:.1%}.
  Wide & Deep: nothing overlaps. Of rows, all get what any has touched: as much as one touches in
  as many times the steps, by the rounds measured. The slowest of many is drawn from these, each of
  which is the least of {REPETITIONS} times: what other processes take is not in it."""
    print(text[1:])


def draw(shares: dict[str, list[float]], curves: dict[str, list[float]], path: str) -> None:
    """Save both tables as a picture."""
    import matplotlib.pyplot as plt

    figure, (left, *rest) = plt.subplots(1, 3, figsize=(13, 4.4), layout="constrained")
    for name, share in shares.items():
        style = "--" if name == "greedy" else "-"
        left.plot(WORKERS[1:], share, style, marker="o", ms=4, color=COLOURS[name], label=name)
    left.set(yscale="log", xlabel="tasks", title="AlexNet's variables: heaviest task")
    left.set(ylabel="bytes, by an equal share")
    left.set(yticks=(1, 2, 5, 10, 20, 40), yticklabels=(1, 2, 5, 10, 20, 40))
    left.legend(frameon=False, loc="upper left")
    for axes, prefixes in zip(rest, (("Inception", "AlexNet"), ("Wide",)), strict=True):
        chosen = {name: curve for name, curve in curves.items() if name.startswith(prefixes)}
        for number, (name, curve) in enumerate(chosen.items()):
            base, _, rate = name.rpartition(", ")
            slow = rate.startswith("10 ")
            style = {"color": f"C{number // 2}", "linestyle": "--" if slow else "-"}
            label = None if slow else base.removeprefix("Wide & Deep, ")
            worth = np.divide(curve, WORKERS)
            axes.plot(WORKERS, worth, marker="o", ms=3, label=label, **style)
        axes.axhline(WANTED / 64, color="0.7", lw=1, zorder=0)
        axes.set(xlabel="workers (dashed: 10 Gbit/s)", ylim=(0, 1.05))
        axes.yaxis.set_major_formatter("{x:.0%}")
    rest[0].legend(frameon=False, fontsize=8.5, loc=(0.42, 0.4)).set_in_layout(False)
    rest[1].legend(frameon=False, fontsize=8.5, loc=(0.02, 0.06))
    rest[1].text(80, WANTED / 64, f"{WANTED} of 64", va="center", color="0.4", fontsize=8.5)
    rest[0].set(title="A merge after each step, K80s", ylabel="share of the workers' speed")
    rest[1].set(title="Wide & Deep in rounds, one core each")
    for axes in (left, *rest):
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_xscale("log", base=2)
        axes.minorticks_off()
        axes.set_xticks(WORKERS[1:] if axes is left else WORKERS)
        axes.xaxis.set_major_formatter("{x:.0f}")
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measure, simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, nargs="+", default=[64, 512, 2048])
    parser.add_argument("--jitter", type=float, default=0.01)
    parser.add_argument("--delay", type=float, default=50.0, help="µs")
    parser.add_argument("--half-duplex", action="store_true")
    parser.add_argument("--plot", help="where to save the picture")
    options = parser.parse_args()
    costs = Costs(*measured_socket(), measured_merges())
    found = [measured_rounds(steps) for steps in options.steps]
    nets = []
    for rate in RATES:
        bytes_ = min(rate * 1e9 / 8, costs.socket) / (2 if options.half_duplex else 1)
        nets.append(Network(bytes_, options.delay / 1e6, costs.handling))
    basis(options, costs, found)
    shares = imbalance(costs, nets)
    compared(costs, nets[0], options.jitter)
    listed = cases(costs, found, options.jitter)
    curves = scaling(listed, nets)
    print(f"\n{WANTED} of 64 or better:")
    for name, curve in curves.items():
        if curve[-1] >= WANTED:
            print(f"  {name}: {curve[-1]:.1f}")
    needed(listed, nets)
    if options.plot:
        draw(shares, curves, options.plot)


if __name__ == "__main__":
    main()
