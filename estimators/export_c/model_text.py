"""The C of a model: its header and its source, from columns, program and variables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from importlib import resources

from ...errors import InvalidValue
from ...feature_columns.c_text.encoder import EncoderText, encoder_c, feeding_c
from ...feature_columns.c_text.library import needed
from ...feature_columns.c_text.literals import c_string
from ...graph.compiler.ahead import ProgramText, program_c
from ...graph.step import Step
from ..model import Model
from .answer import Answer

__all__ = ["ModelText", "model_text"]

ALIGNED = 16
MEANINGS = {"text": "t", "number": "n", "boolean": "b", "entry": "e"}
WORDS = {"text": "text", "number": "a number", "boolean": "a boolean", "entry": "an entry"}
CELLS = {
    "number": "model_number(39)",
    "boolean": "model_boolean(1)",
    "text": 'model_text("text", 4)',
}
_CONDITIONAL = re.compile(
    r"^#ifdef ([A-Z]+)\n(.*?)(?:^#else\n(.*?))?^#endif\n", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class ModelText:
    """A model as C.

    Parameters
    ----------
    header, source, main, cmake : str
        The texts of its files.
    scratch_bytes, weights_bytes : int
    columns, outputs : int
        How many cells and how many predictions a row has.
    """

    header: str
    source: str
    main: str
    cmake: str
    scratch_bytes: int
    weights_bytes: int
    columns: int
    outputs: int


def model_text(
    model: Model,
    answer: Answer,
    name: str,
    title: str,
    max_values: int | None = None,
    strict: bool = False,
) -> ModelText:
    """Return a model as C.

    Parameters
    ----------
    model : Model
    answer : Answer
    name : str
        What every name in the header begins with: a C identifier.
    title : str
        What the model is, for the first line of its files.
    max_values : int, optional
        How many values of a list are kept.
    strict : bool
        Whether values that were not there in training are refused.

    Returns
    -------
    ModelText

    Raises
    ------
    InvalidType
        A column that has no C.
    InvalidValue
        A name that the C has another use for.
    """
    encoder = encoder_c(model.columns, max_values, strict)
    wanted = [answer.values, *([answer.classes] if answer.classes else [])]
    outputs = {key: model.program.outputs[key] for key in wanted}
    most = {place: feed.capacity for place, feed in encoder.feeds.items()}
    program = program_c(Step(outputs, {}), model.variables, "graph", most)
    writing = _Writing(encoder, program, answer, name, title)
    return ModelText(
        writing.header(),
        writing.source(),
        writing.fill("main.c", MEANING=answer.meaning),
        re.sub(r"\bmodel(?=_|\b)", name, _template("CMakeLists.txt")),
        writing.scratch_bytes,
        sum(array.nbytes for array in model.variables.values()),
        len(encoder.raw),
        writing.widths[answer.values],
    )


@dataclass(frozen=True)
class _Writing:
    encoder: EncoderText
    program: ProgramText
    answer: Answer
    name: str
    title: str

    @property
    def encoded_bytes(self) -> int:
        """What encoding needs, so that the program's memory is aligned after it."""
        return -(-self.encoder.scratch_bytes // 64) * 64

    @property
    def scratch_bytes(self) -> int:
        """All that a call needs."""
        return ALIGNED + self.encoded_bytes + self.program.scratch_bytes

    @property
    def widths(self) -> dict[str, int]:
        """How many numbers a row has in each output."""
        return {output.name: output.width or 1 for output in self.program.outputs}

    def fill(self, file: str, **values: str) -> str:
        """Return a template with choices made, names given and values filled in, in that order."""
        text = self._named(_choose(_template(file), {"CLASSES"} if self.answer.classes else set()))
        return re.sub(r"\b[A-Z][A-Z_]+\b", lambda found: values.get(found[0], found[0]), text)

    def _named(self, text: str) -> str:
        """Return C with the model's name in place of ``model``."""
        text = re.sub(r"\bmodel(?=_\w|\.[ch]\b)", self.name, text)
        return re.sub(r"\bMODEL(?=_\w)", self.name.upper(), text)

    def header(self) -> str:
        """Return the text of the header."""
        labels = self.answer.classes and self.widths[self.answer.classes] > 1
        outputs = "the predictions"
        if self.answer.classes:
            outputs = f"the {self.answer.meaning} each {'label' if labels else 'class'}"
        return self.fill(
            "model.h",
            TITLE=_comment(self.title),
            EXAMPLE=self._named("\n".join(self._example())),
            SCRATCH_BYTES=str(self.scratch_bytes),
            MAX_VALUES=str(self.encoder.max_values),
            OUTPUTS_TEXT=outputs,
            OUTPUTS=str(self.widths[self.answer.values]),
            CLASS_COUNT=str(len(self.answer.names)),
            CLASS_WIDTH=str(self.widths.get(self.answer.classes or "", 0)),
            COLUMN_MACROS=self._named("\n".join(self._columns())),
            ROW_TYPES=self._named(self.encoder.header.rstrip()),
        )

    def _example(self) -> Iterator[str]:
        """Yield a line of the header's example for each kind of column without lists."""
        first = {column.meaning: column for column in reversed(self.encoder.raw)}
        for meaning, column in first.items():
            if not column.several:
                yield f" *     row.cells[{column.constant}] = {CELLS[meaning]};"

    def _columns(self) -> Iterator[str]:
        yield f"#define MODEL_COLUMNS {len(self.encoder.raw)}"
        for place, column in enumerate(self.encoder.raw):
            of = "a list, each " if column.several else ""
            said = f"{_comment(c_string(column.key))}: {of}{WORDS[column.meaning]}"
            yield f"#define {column.constant} {place} /* {said} */"

    def source(self) -> str:
        """Return the text of the source."""
        meanings = {column.meaning for column in self.encoder.raw}
        flags = {f"{meaning.upper()}S".replace("YS", "IES") for meaning in meanings}
        meaning = _choose(_template("meaning.c"), flags)
        library = needed(f"{self.encoder.source}\n{meaning}")
        shared = dict.fromkeys(f for inner in self.encoder.programs for f in inner.functions)
        inner = [*shared, *(program.body for program in self.encoder.programs)]
        program = [f for f in self.program.functions if f not in shared]
        outer = "\n".join([*program, self.program.body]).rstrip()
        library = "\n\n".join([library, *map(str.rstrip, inner)]).strip()
        self._refuse_clash(f"{self.encoder.source}\n{library}\n{outer}")
        return self.fill(
            "model.c",
            TITLE=_comment(self.title),
            LIBRARY=self._named(library),
            ENCODER=self._named(self.encoder.source),
            READ_MEANING=self._named(meaning.rstrip()),
            PROGRAM=outer,
            ENCODED_SIZE=str(self.encoded_bytes),
            FEEDS="\n".join(f"    {line}" for line in feeding_c(self.program, self.encoder.feeds)),
            VALUES=self._output(self.answer.values),
            CLASS_OUTPUT=self._output(self.answer.classes or ""),
            CLASS_NAMES=_strings(self.answer.names),
            COLUMN_NAMES=_strings(column.key for column in self.encoder.raw),
            COLUMN_LISTS=", ".join(str(int(c.several)) for c in self.encoder.raw) or "0",
            COLUMN_MEANINGS="".join(MEANINGS[column.meaning] for column in self.encoder.raw),
        )

    def _refuse_clash(self, text: str) -> None:
        """Refuse a name with which the header would define what the source has already."""
        constants = " ".join(column.constant for column in self.encoder.raw)
        header = f"{_template('model.h')} {self.encoder.header} {constants}"
        declared = set(re.findall(r"\bmodel_\w+|\bMODEL_\w+", header))
        ours = {self._named(word) for word in declared}
        clash = sorted(ours & set(re.findall(r"\w+", text)) - declared)
        if clash:
            wrong = f"would define {clash[0]}, which the C has another use for"
            raise InvalidValue("name", wrong, repr(self.name), "choose another name")

    def _output(self, name: str) -> str:
        return next((o.field for o in self.program.outputs if o.name == name), "")


def _template(file: str) -> str:
    return (resources.files(__package__) / "c" / file).read_text(encoding="utf-8")


def _choose(text: str, flags: Set[str]) -> str:
    """Return a text without the parts that `flags` leave out, and without the marks around them."""

    def chosen(found: re.Match[str]) -> str:
        return found[2] if found[1] in flags else found[3] or ""

    return _CONDITIONAL.sub(chosen, text)


def _comment(text: str) -> str:
    """Return a text that may stand in a comment."""
    return text.replace("*/", "* /").replace("/*", "/ *")


def _strings(texts: Iterable[str]) -> str:
    return "\n".join(f"        {c_string(text)}," for text in texts) or "        NULL"
