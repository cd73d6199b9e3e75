"""Number columns."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ..errors import InvalidType, InvalidValue, UnseenCategory
from .c_text.literals import c_double
from .c_text.writer import Writer
from .cells import Cells
from .checks import check_choice, check_count, check_key
from .column import Number
from .frames import Frame, as_frame
from .normalizers import NORMALIZERS, Normalizer
from .reading import PLAIN, first_text
from .values import shown

__all__ = ["Numeric", "numeric_column"]

_POLICIES = ("mean", "zero", "nan", "refuse")


@dataclass(frozen=True)
class Numeric(Number, kind="numeric"):
    """Numbers as they are, or on a learnt scale, with missing ones filled in."""

    key: str
    shape: tuple[int, ...] = (1,)
    default_value: float | tuple[float, ...] | None = None
    dtype: str = "float32"
    normalizer_fn: Callable[[Any], Any] | None = None
    normalizer: str | None = None
    missing: str | float = "mean"
    scale: Normalizer | None = None
    fill: tuple[float, ...] | None = None
    cells: Cells | None = None

    @property
    def name(self) -> str:
        """The key."""
        return self.key

    @property
    def keys(self) -> tuple[str, ...]:
        """The raw column it reads."""
        return (self.key,)

    @property
    def width(self) -> int:
        """How many numbers a row has."""
        return math.prod(self.shape)

    @property
    def learned(self) -> bool:
        """Whether the scale is known."""
        return self.normalizer is None or self.scale is not None

    @property
    def settled(self) -> bool:
        """Whether the scale and what fills a gap are known."""
        return self.cells is not None

    def _learn(self, frame: Frame) -> Self:
        values = frame.numbers(self.key, self.width).astype(np.float64, copy=False)
        scale = None if self.normalizer is None else NORMALIZERS[self.normalizer](values)
        gaps = np.isnan(values)
        if gaps.any():
            counts = np.maximum((~gaps).sum(axis=0), 1)
            means = np.where(gaps, 0.0, values).sum(axis=0) / counts
        else:
            means = values.sum(axis=0) / max(1, len(values))
        texts = first_text(frame.column(self.key)) is not None
        kinds = ("missing",) * bool(gaps.any()) + ("number",) + ("text",) * texts
        cells = Cells(several=self.width > 1, kinds=kinds)
        return dataclasses.replace(self, scale=scale, fill=tuple(means.tolist()), cells=cells)

    def encode(self, frame: Any) -> np.ndarray:
        """Return float32 numbers of shape (n, width)."""
        self.require_learned()
        values = self.filled(as_frame(frame))
        if self.normalizer_fn is not None:
            values = _apply(self.key, self.normalizer_fn, values)
        if self.scale is not None:
            values = self.scale(values)
        # Scaling comes before the cast: float32 holds integers only up to 2**24.
        return np.ascontiguousarray(values, dtype=np.float32)

    def of_cell(self, cell: Any) -> float | None:
        """Return a plain number as it is, where neither scale nor function changes it."""
        if type(cell) not in PLAIN or self.width != 1:
            return None
        if self.scale is not None or self.normalizer_fn is not None:
            return None
        number = float(cell)
        return number if math.isfinite(number) else None

    def filled(self, frame: Frame) -> np.ndarray:
        """Return the raw numbers with missing ones treated by the column's policy."""
        if frame.strict and self.cells is not None and "text" not in self.cells.kinds:
            self._refuse_text(frame)
        values = frame.numbers(self.key, self.width)
        if values.dtype.kind != "f" or (self.missing == "nan" and not frame.strict):
            return values
        gaps = np.isnan(values)
        if not gaps.any():
            return values
        row = int(np.flatnonzero(gaps.any(axis=1))[0])
        if frame.strict and self.cells is not None and "missing" not in self.cells.kinds:
            raise UnseenCategory(
                f"column {self.key!r}",
                f"row {row} is missing, and no number was when it learnt",
                shown(values[row] if self.width > 1 else values[row, 0]),
                "give a number, or set strict=False",
            )
        return self._fill(values, gaps, row)

    def _refuse_text(self, frame: Frame) -> None:
        found = first_text(frame.column(self.key))
        if found is not None:
            raise UnseenCategory(
                f"column {self.key!r}",
                f"row {found[0]} is a text, and none was when it learnt",
                shown(found[1]),
                "give a number, or set strict=False",
            )

    def _fill(self, values: np.ndarray, gaps: np.ndarray, row: int) -> np.ndarray:
        if self.missing == "nan":
            return values
        if self.missing == "refuse":
            raise InvalidValue(
                f"column {self.key!r}", f"row {row} is missing", todo="give a number"
            )
        if self.missing == "mean":
            if self.fill is None:
                raise InvalidValue(
                    f"column {self.key!r}",
                    f"row {row} is missing, and no mean has been learnt to stand for it",
                    todo="call learn first, or choose missing='zero'",
                )
            return np.where(gaps, np.array(self.fill), values)
        return np.where(gaps, 0.0 if self.missing == "zero" else float(self.missing), values)

    def write_c(self, writer: Writer, out: str) -> None:
        """Write the C that puts the numbers of a row at `out`."""
        self.require_learned()
        if self.normalizer_fn is not None:
            raise InvalidType(
                f"column {self.key!r}",
                "a normalizer_fn is Python and cannot be written as C",
                repr(self.normalizer_fn),
                "use normalizer=, or apply the function before",
            )
        if self.cells is not None:
            writer.check(self.key, ("missing", "number", "boolean", *self.cells.kinds))
        function = writer.name("numbers_of", self.name)
        several = self.width > 1
        x, scaled = ("x[i]" if several else "x[0]"), ("out[i]" if several else "out[0]")
        value = x if self.scale is None else self.scale.write_c(writer, self.name, x)
        each = [*self._missing_c(writer, x), f"{scaled} = to_float({value});"]
        loop = [f"for (size_t i = 0; i < {self.width}; i++) {{", *(f"    {e}" for e in each), "}"]
        body = [
            f"double x[{self.width}];",
            f"int status = read_numbers(cell, {self.width}, x);",
            "if (status < 0) return status;",
            *self._refuse_missing_c(writer),
            *(loop if several else each),
            "return status;",
        ]
        writer.function(f"int {function}(const model_cell *cell, float *out)", body)
        writer.call(self.key, f"{function}({writer.cell(self.key)}, {out})")

    def _refuse_missing_c(self, writer: Writer) -> list[str]:
        unseen = writer.strict and self.cells is not None and "missing" not in self.cells.kinds
        unfilled = self.missing == "mean" and self.fill is None
        if not unseen and not unfilled and self.missing != "refuse":
            return []
        status = "MODEL_UNSEEN" if unseen else "MODEL_NO_NUMBER"
        return [f"if (any_missing(x, {self.width})) return {status};"]

    def _missing_c(self, writer: Writer, x: str) -> list[str]:
        fill = self.fill if self.missing == "mean" else (0.0,)
        if self.missing in ("nan", "refuse") or fill is None:
            return []
        if not isinstance(self.missing, str):
            fill = (float(self.missing),)
        value = c_double(fill[0])
        if len(fill) > 1:
            value = writer.table("double", writer.name("fill", self.name), map(c_double, fill))
            value += "[i]"
        return [f"if ({x} != {x}) {x} = {value};"]


def _apply(key: str, function: Callable[[Any], Any], values: np.ndarray) -> np.ndarray:
    found = np.asarray(function(values.astype(np.float32)))
    if found.shape != values.shape:
        raise InvalidValue(
            f"column {key!r}", f"normalizer_fn must keep the shape {values.shape}", found.shape
        )
    return found


def numeric_column(
    key: str,
    shape: int | Iterable[int] = (1,),
    default_value: float | Iterable[float] | None = None,
    dtype: Any = "float32",
    normalizer_fn: Callable[[Any], Any] | None = None,
    *,
    normalizer: str | None = None,
    missing: str | float = "mean",
) -> Numeric:
    """Numbers of a raw column, as float32.

    Numbers, booleans and texts of numbers are read; anything else, and infinity, is an error
    that names the row. Missing cells follow `missing`.

    Parameters
    ----------
    key : str
        The raw column; with a shape, each cell holds a list of numbers.
    shape : int or iterable of int
        How many numbers a cell holds.
    default_value : number or iterable of numbers, optional
        What stands for a field that a serialized example lacks; never used for missing cells of
        a frame.
    dtype : dtype
        The type in serialized examples.
    normalizer_fn : callable, optional
        Applied to the float32 array of shape (n, width), after missing cells were filled.
    normalizer : {"standard", "minmax", "quantile", "log"}, optional
        A scale that is learnt: mean 0 and deviation 1; the range seen to [0, 1]; the rank among
        the values seen, in [0, 1]; or ``sign(x) log(1 + |x|)`` standardised.
    missing : {"mean", "zero", "nan", "refuse"} or number
        What a missing cell becomes before scaling: the mean learnt, 0, NaN as in TensorFlow, an
        error, or the number given.

    Returns
    -------
    Numeric

    Raises
    ------
    InvalidValue, InvalidType
        An argument out of range.

    Examples
    --------
    >>> column = numeric_column("age", normalizer="standard").learn({"age": [20, 40]})
    >>> column.encode({"age": [20, None, 50]}).ravel().tolist()
    [-1.0, 0.0, 2.0]
    """
    subject = f"column {key!r}"
    sizes = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    sizes = tuple(check_count(f"{subject}: shape", size) for size in sizes)
    if isinstance(missing, str):
        check_choice(f"{subject}: missing", missing, _POLICIES)
    elif isinstance(missing, bool) or not math.isfinite(missing):
        raise InvalidValue(f"{subject}: missing", "must be a finite number", repr(missing))
    if normalizer is not None:
        NORMALIZERS[normalizer]
        if normalizer_fn is not None:
            raise InvalidValue(subject, "takes normalizer or normalizer_fn, not both")
    if normalizer_fn is not None and not callable(normalizer_fn):
        raise InvalidType(f"{subject}: normalizer_fn", "must be callable", repr(normalizer_fn))
    default = _default(subject, default_value, math.prod(sizes))
    name = dtype if isinstance(dtype, str) else np.dtype(dtype).name
    return Numeric(check_key(key), sizes, default, name, normalizer_fn, normalizer, missing)


def _default(subject: str, value: Any, width: int) -> float | tuple[float, ...] | None:
    if value is None or isinstance(value, (int, float)):
        return value
    found = tuple(float(number) for number in np.asarray(value).ravel())
    if len(found) != width:
        raise InvalidValue(f"{subject}: default_value", f"must hold {width} numbers", found)
    return found
