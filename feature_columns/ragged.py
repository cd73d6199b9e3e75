"""Several ids per row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Ragged"]


@dataclass(frozen=True, eq=False)
class Ragged:
    """Several ids per row: row i has ``ids[offsets[i]:offsets[i + 1]]``, weighted alike.

    Parameters
    ----------
    offsets : ndarray of int64, shape (n + 1,)
    ids : ndarray of int32 or int64
        -1 is a value outside the vocabulary, which counts for nothing.
    weights : ndarray of float32, optional
        One per id.
    """

    offsets: np.ndarray
    ids: np.ndarray
    weights: np.ndarray | None = None

    def keep(self, mask: np.ndarray) -> Ragged:
        """Return only the entries where `mask` holds."""
        if mask.all():
            return self
        counts = np.concatenate([[0], np.cumsum(mask)])
        weights = None if self.weights is None else self.weights[mask]
        return Ragged(counts[self.offsets], self.ids[mask], weights)
