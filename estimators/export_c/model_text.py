"""The C of a model: its header and its source, from columns, program and variables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from importlib import resources

from ...errors import InvalidValue
from ...feature_columns.c_text.encoder import EncoderText, encoder_c
from ...feature_columns.c_text.library import needed
from ...feature_columns.c_text.literals import c_string
from ...graph.compiler.ahead import ProgramText, program_c
from ...graph.step import Step
from ..model import Model
from .answer import Answer

__all__ = ["ModelText", "model_text"]

ALIGNED = 16
MEANINGS = {"text": "t", "number": "n", "boolean": "b", "entry": "e"}
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
        writing.fill("main.c"),
        writing.fill("CMakeLists.txt"),
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
        """Return a template with names, choices and values filled in, in that order."""
        text = (resources.files(__package__) / "c" / file).read_text(encoding="utf-8")
        chosen = _choose(text, {"CLASSES"} if self.answer.classes else set())
        named = self._named(chosen)
        return re.sub(r"\b[A-Z][A-Z_]+\b", lambda found: values.get(found[0], found[0]), named)

    def _named(self, text: str) -> str:
        upper = self.name.upper()
        text = re.sub(r"\bMODEL_(?=\w)", f"{upper}_", re.sub(r"\bmodel_(?=\w)", f"{self.name}_", text))
        return re.sub(r"\bmodel(?=\.[ch]\b| STATIC| PUBLIC| PROPERTIES| LANGUAGES|\))", self.name, text)

    def header(self) -> str:
        """Return the text of the header."""
        labels = self.answer.classes and self.widths[self.answer.classes] > 1
        outputs = "the predictions"
        if self.answer.classes:
            outputs = f"the probability of each {'label' if labels else 'class'}"
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
        """Yield lines of the header's example, for columns that hold no lists."""
        for column in [column for column in self.encoder.raw if not column.several][:3]:
            yield f" *     row.cells[{column.constant}] = {CELLS[column.meaning]};"

    def _columns(self) -> Iterator[str]:
        yield f"#define MODEL_COLUMNS {len(self.encoder.raw)}"
        for place, column in enumerate(self.encoder.raw):
            of = "a list of " if column.several else ""
            words = {"entry": "entries", "number": "number", "boolean": "boolean", "text": "text"}
            word = words[column.meaning] + ("s" if column.several and column.meaning != "entry" else "")
            said = f"/* {_comment(c_string(column.key))}: {of}{word} */"
            yield f"#define {column.constant} {place} {said}"

    def source(self) -> str:
        """Return the text of the source."""
        meanings = {column.meaning for column in self.encoder.raw}
        flags = {f"{meaning.upper()}S".replace("YS", "IES") for meaning in meanings}
        meaning = (resources.files(__package__) / "c" / "meaning.c").read_text(encoding="utf-8")
        meaning = _choose(meaning, flags)
        library = needed(f"{self.encoder.source}\n{meaning}")
        self._refuse_clash(f"{self.encoder.source}\n{library}\n{self.program.source}")
        return self.fill(
            "model.c",
            TITLE=_comment(self.title),
            LIBRARY=self._named(library),
            ENCODER=self._named(self.encoder.source),
            READ_MEANING=self._named(meaning.rstrip()),
            PROGRAM=self.program.source.rstrip(),
            ENCODED_SIZE=str(self.encoded_bytes),
            FEEDS="\n".join(self._feeds()),
            VALUES=self._output(self.answer.values),
            CLASS_OUTPUT=self._output(self.answer.classes or ""),
            CLASS_NAMES=_strings(self.answer.names),
            COLUMN_NAMES=_strings(column.key for column in self.encoder.raw),
            COLUMN_LISTS=", ".join(str(int(c.several)) for c in self.encoder.raw) or "0",
            COLUMN_MEANINGS="".join(MEANINGS[column.meaning] for column in self.encoder.raw),
        )

    def _refuse_clash(self, text: str) -> None:
        """Refuse a name with which the header would define what the source has already."""
        declared = set(re.findall(r"\bmodel_\w+|\bMODEL_\w+", self.header_names()))
        ours = {self._named(word) for word in declared}
        clash = sorted(ours & set(re.findall(r"\w+", text)) - declared)
        if clash:
            wrong = f"would define {clash[0]}, which the C has another use for"
            raise InvalidValue("name", wrong, repr(self.name), "choose another name")

    def header_names(self) -> str:
        """Return a text with every name that begins with the model's."""
        text = (resources.files(__package__) / "c" / "model.h").read_text(encoding="utf-8")
        constants = " ".join(column.constant for column in self.encoder.raw)
        return f"{text} {self.encoder.header} {constants}"

    def _output(self, name: str) -> str:
        return next((o.field for o in self.program.outputs if o.name == name), "")

    def _feeds(self) -> Iterator[str]:
        for field in self.program.feeds:
            base, _, part = field.name.rpartition("/")
            if part == "weights" and base in self.encoder.feeds:
                yield f"    feeds.{field.field} = {self.encoder.feeds[base].weights};"
            else:
                yield f"    feeds.{field.field} = {self.encoder.feeds[field.name].values};"
        for place, member in self.program.counts.items():
            yield f"    feeds.{member} = {self.encoder.feeds[place].length};"
        if not self.program.feeds:
            yield "    memset(&feeds, 0, sizeof feeds);"


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
