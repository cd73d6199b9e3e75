"""Every error cannery raises on purpose.

Messages read ``subject: what is wrong, what was given; what to do``. Each class is also the
builtin it specialises, so ``except ValueError`` keeps working.

Examples
--------
>>> from cannery.errors import InvalidValue
>>> str(InvalidValue("column 'age'", "boundaries must increase", "[3, 1]", "sort them"))
"column 'age': boundaries must increase, got [3, 1]; sort them"
"""

from __future__ import annotations

__all__ = [
    "CanneryError",
    "CompileError",
    "InvalidType",
    "InvalidValue",
    "MissingColumn",
    "MissingDependency",
    "NonFinite",
    "NotFound",
    "ShapeMismatch",
    "UnseenCategory",
    "WorkerLost",
]


class CanneryError(Exception):
    """An error with a subject, what is wrong, what was given and what to do about it.

    Parameters
    ----------
    subject : str
        The node, column, parameter or file the error is about.
    wrong : str
        What is wrong with it.
    given : object, optional
        What was given; strings appear as they are, anything else by its ``repr``.
    todo : str, optional
        What to do instead.
    """

    def __init__(self, subject: str, wrong: str = "", given: object = None, todo: str = ""):
        # Unpickling calls the class with `args`, so all four must be there.
        super().__init__(subject, wrong, given, todo)
        self.subject, self.wrong, self.given, self.todo = subject, wrong, given, todo

    def __str__(self) -> str:
        text = f"{self.subject}: {self.wrong}" if self.wrong else self.subject
        if self.given is not None:
            text += f", got {self.given if isinstance(self.given, str) else repr(self.given)}"
        return f"{text}; {self.todo}" if self.todo else text


class InvalidValue(CanneryError, ValueError):
    """A value outside what is allowed."""


class InvalidType(CanneryError, TypeError):
    """A value of the wrong type."""


class ShapeMismatch(InvalidValue):
    """Shapes or dtypes that do not go together, found while the graph is being defined."""


class NotFound(CanneryError, LookupError):
    """A name that no registry, graph or file knows."""


class MissingColumn(InvalidValue, KeyError):
    """A frame lacks a column that was asked for."""


class UnseenCategory(InvalidValue):
    """A value that `fit` never saw, refused because `strict=True`."""


class NonFinite(CanneryError, ArithmeticError):
    """A loss or tensor became NaN or infinite."""


class MissingDependency(CanneryError, ImportError):
    """An optional package is needed and not installed."""


class CompileError(CanneryError, RuntimeError):
    """A C compiler refused a source, or made a library that does not load."""


class WorkerLost(CanneryError, RuntimeError):
    """A worker of a pool does not survive what it is given."""
