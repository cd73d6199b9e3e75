"""Which outputs of a predict program are its answer, and what they are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..head import Head

__all__ = ["Answer", "answer_of"]


@dataclass(frozen=True)
class Answer:
    """What an exported model answers.

    Parameters
    ----------
    values : str
        The output of numbers, of type float32.
    classes : str, optional
        The output of whole numbers: the class of each row, or 0 and 1 for each of several labels.
    names : tuple of str
        What the classes or labels are called.
    meaning : str
        What a number says of the class it belongs to.
    """

    values: str
    classes: str | None = None
    names: tuple[str, ...] = ()
    meaning: str = "probability of"


def answer_of(head: Head, labels: Any) -> Answer:
    """Return what `predict_proba` and `predict` answer, or `predict` alone for a regression.

    Examples
    --------
    >>> from cannery.estimators.heads import RegressionHead
    >>> answer_of(RegressionHead(), None)
    Answer(values='predictions', classes=None, names=(), meaning='probability of')
    """
    if head.answer == "predictions":
        return Answer("predictions")
    names = getattr(labels, "names", None)
    given = tuple(map(str, labels.classes.tolist() if names is None else names))
    if not getattr(head, "calibrated", True):
        return Answer("margins", head.answer, given, "score of")
    return Answer("probabilities", head.answer, given)
