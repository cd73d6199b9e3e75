"""Several ids per row as one row of numbers."""

from __future__ import annotations

import numpy as np

from .ragged import Ragged

__all__ = ["combine", "count"]


def count(entries: Ragged, size: int) -> np.ndarray:
    """y[i, j] = sum of the weights of the ids j in row i, as float32; negative ids are skipped."""
    rows = np.repeat(np.arange(len(entries.offsets) - 1), np.diff(entries.offsets))
    valid = (entries.ids >= 0) & (entries.ids < size)
    found = np.zeros((len(entries.offsets) - 1, size), dtype=np.float32)
    weights = np.float32(1) if entries.weights is None else entries.weights[valid]
    np.add.at(found, (rows[valid], entries.ids[valid]), weights)
    return found


def combine(
    entries: Ragged, table: np.ndarray, combiner: str, max_norm: float | None = None
) -> np.ndarray:
    """y[i] = sum over k of w[i, k] table[ids[i, k]], scaled as the combiner says.

    "mean" divides by the sum of w, "sqrtn" by the root of the sum of w squared, "sum" by 1.
    Negative ids are skipped, and for "mean" and "sqrtn" weights of 0 and less. Rows of the
    table longer than `max_norm` are shortened to it first.
    """
    n = len(entries.offsets) - 1
    rows = np.repeat(np.arange(n), np.diff(entries.offsets))
    weights = entries.weights
    if weights is None:
        weights = np.ones(len(entries.ids), dtype=np.float32)
    valid = (entries.ids >= 0) & (entries.ids < len(table))
    if combiner != "sum":
        valid &= weights > 0
    rows, ids, weights = rows[valid], entries.ids[valid], weights[valid]
    picked = table[ids]
    if max_norm is not None:
        norms = np.linalg.norm(picked, axis=1, keepdims=True)
        picked = picked * np.minimum(1, max_norm / np.maximum(norms, np.finfo(np.float32).tiny))
    found = np.zeros((n, table.shape[1]), dtype=np.float32)
    np.add.at(found, rows, picked * weights[:, np.newaxis])
    if combiner == "sum":
        return found
    total = np.bincount(rows, weights if combiner == "mean" else weights**2, minlength=n)
    total = total if combiner == "mean" else np.sqrt(total)
    scaled = found / np.where(total > 0, total, 1)[:, np.newaxis]
    return scaled.astype(np.float32)
