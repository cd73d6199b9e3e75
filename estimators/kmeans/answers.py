"""What a clustering answers, as tensors: the cluster of a row, and its distances."""

from __future__ import annotations

import numpy as np

from ...graph import (
    Tensor,
    Variable,
    argmax,
    expand,
    matmul,
    maximum,
    name_scope,
    one_hot,
    sqrt,
    square,
    take,
    transpose,
    where,
)
from ...graph import max as largest
from ...graph import sum as total

__all__ = ["cluster_outputs", "unit_rows"]

TINY = 1e-30  # a row that is this short has no direction


def unit_rows(x: Tensor) -> Tensor:
    """Return rows of length one; rows of zeros stay as they are."""
    # Divided by the largest number first, no square is too large or too small.
    scaled = x / maximum(largest(maximum(x, -x), axis=1, keepdims=True), TINY)
    return scaled / maximum(sqrt(total(square(scaled), axis=1, keepdims=True)), TINY)


def cluster_outputs(
    x: Tensor, clusters: int, width: int, unit: bool
) -> tuple[dict[str, Tensor], tuple[Variable, ...]]:
    """Return what is answered about rows of dense inputs, and the variables it needs.

    Squared distances are ``|x|^2 - 2 (x c - |c|^2 / 2)`` with the mean of all rows subtracted from
    `x` and `c` before, so that little cancels out; the nearest centre is that of the largest
    bracket, and its own distance, also in ``inertia``, the sum of squared differences itself.

    Parameters
    ----------
    x : Tensor of shape (batch, width)
    clusters, width : int
    unit : bool
        Whether distances are ``1 - cos``, and the centres have length one.

    Returns
    -------
    outputs : dict
        ``distances`` (batch, clusters), ``cluster`` (batch, 1) and ``inertia`` (batch, 1).
    variables : tuple
        ``kmeans/origin`` (width,), unless `unit`, and ``kmeans/centers`` (clusters, width).
    """
    with name_scope("kmeans"):
        centers = Variable(np.zeros((clusters, width), np.float32), "centers")
        if unit:
            x = unit_rows(x)
            cosines = matmul(x, transpose(centers))
            distances, cluster = 1.0 - cosines, argmax(cosines, axis=1)
            nearest = take(centers, cluster)
            inertia = 1.0 - total(x * nearest, axis=1, keepdims=True)
            return _outputs(distances, cluster, inertia), (centers,)
        origin = Variable(np.zeros(width, np.float32), "origin")
        x = x - origin
        scores = matmul(x, transpose(centers)) - 0.5 * total(square(centers), axis=1)
        cluster = argmax(scores, axis=1)
        squares = maximum(total(square(x), axis=1, keepdims=True) - 2.0 * scores, 0.0)
        inertia = total(square(x - take(centers, cluster)), axis=1, keepdims=True)
        # Close to zero the root makes much of what was lost.
        squares = where(one_hot(cluster, clusters) > 0.0, inertia, squares)
        return _outputs(sqrt(squares), cluster, inertia), (origin, centers)


def _outputs(distances: Tensor, cluster: Tensor, inertia: Tensor) -> dict[str, Tensor]:
    return {"distances": distances, "cluster": expand(cluster, axis=1), "inertia": inertia}
