"""Networks as far as a cluster is concerned: their layers' variables, and the work of each layer.

Work is counted in multiplications for one image. A kernel counts as one long row of numbers: sums
can be cut anywhere. Of Inception-v3, without its side head: kernels, the offsets of its batch
normalisation, and the last layer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from cannery.estimators.pool.placement import Sized

__all__ = ["Layer", "alexnet", "even", "inception"]


class Layer(NamedTuple):
    """Variables, and the work of the layer that has them, in any unit."""

    work: float
    variables: tuple[Sized, ...]


def layer(name: str, shape: Sequence[int], places: int = 1) -> Layer:
    """Return a layer of a kernel, used at so many places of an image, and an offset."""
    kernel = Sized(name, (math.prod(shape),), 4 * math.prod(shape))
    offset = Sized(f"{name}/offset", (shape[-1],), 4 * shape[-1])
    return Layer(math.prod(shape) * places, (kernel, offset))


def alexnet() -> list[Layer]:
    """Return the eight layers of Krizhevsky et al., 2012: three hold 96 % of the numbers."""
    return [
        layer("conv1", (11, 11, 3, 96), 55 * 55),
        layer("conv2", (5, 5, 48, 256), 27 * 27),
        layer("conv3", (3, 3, 256, 384), 13 * 13),
        layer("conv4", (3, 3, 192, 384), 13 * 13),
        layer("conv5", (3, 3, 192, 256), 13 * 13),
        layer("fc6", (9216, 4096)),
        layer("fc7", (4096, 4096)),
        layer("fc8", (4096, 1000)),
    ]


# Rows of an image, channels that come in, and branches of (height, width, channels out) or, where
# a step of two makes an image smaller, (height, width, channels out, rows).
Branch = Sequence[tuple[int, ...]]
STEM: list[tuple[int, ...]] = [
    (3, 3, 32, 149),
    (3, 3, 32, 147),
    (3, 3, 64, 147),
    (1, 1, 80, 73),
    (3, 3, 192, 71),
]


def wide_block(channels: int, pooled: int) -> tuple[int, int, list[Branch]]:
    double = [(1, 1, 64), (3, 3, 96), (3, 3, 96)]
    return 35, channels, [[(1, 1, 64)], [(1, 1, 48), (5, 5, 64)], double, [(1, 1, pooled)]]


def middle_block(inner: int) -> tuple[int, int, list[Branch]]:
    one = [(1, 1, inner), (1, 7, inner), (7, 1, 192)]
    two = [(1, 1, inner), (7, 1, inner), (1, 7, inner), (7, 1, inner), (1, 7, 192)]
    return 17, 768, [[(1, 1, 192)], one, two, [(1, 1, 192)]]


def last_blocks(channels: int) -> list[tuple[int, int, list[Branch]]]:
    one, two = [(1, 1, 384), (1, 3, 384)], [(1, 1, 448), (3, 3, 384), (1, 3, 384)]
    beside: list[Branch] = [[(3, 1, 384)], [(3, 1, 384)]]  # each forks off its branch
    return [(8, channels, [[(1, 1, 320)], one, two, [(1, 1, 192)]]), (8, 384, beside)]


def inception() -> list[Layer]:
    """Return the layers of Szegedy et al., 2015, "Rethinking the Inception architecture"."""
    smaller: list[Branch] = [[(3, 3, 384, 17)], [(1, 1, 64), (3, 3, 96), (3, 3, 96, 17)]]
    last_smaller: list[Branch] = [
        [(1, 1, 192), (3, 3, 320, 8)],
        [(1, 1, 192), (1, 7, 192), (7, 1, 192), (3, 3, 192, 8)],
    ]
    blocks = [
        (299, 3, [STEM]),
        *(wide_block(*sizes) for sizes in ((192, 32), (256, 64), (288, 64))),
        (35, 288, smaller),
        *(middle_block(inner) for inner in (128, 160, 160, 192)),
        (17, 768, last_smaller),
        *last_blocks(1280),
        *last_blocks(2048),
    ]
    layers = []
    for rows, channels, branches in blocks:
        for branch in branches:
            side, before = rows, channels
            for height, width, after, *smaller_side in branch:
                side = smaller_side[0] if smaller_side else side
                shape = (height, width, before, after)
                layers.append(layer(f"conv{len(layers)}", shape, side * side))
                before = after
    return [*layers, layer("logits", (2048, 1000))]


def even(count: int, numbers: float) -> list[Layer]:
    """Return layers that all have as much work and as many numbers, which can be cut at will."""
    share = round(numbers / count)
    return [Layer(1.0, (Sized(f"layer{n}", (share,), 4 * share),)) for n in range(count)]
