"""A learner inside a column as C: its columns, then its predict program."""

from __future__ import annotations

from collections.abc import Sequence

from ...graph.compiler.ahead import program_c
from ...graph.step import Step
from ..learners import Learner
from .encoder import feeding_c, feeds_c
from .writer import Writer

__all__ = ["learner_c"]

ALIGNED = 16


def learner_c(writer: Writer, learner: Learner, names: Sequence[str]) -> dict[str, str]:
    """Write what a fitted learner makes of a row, once for all columns that ask for it.

    Parameters
    ----------
    writer : Writer
    learner : Learner
    names : sequence of str
        The outputs of its predict program that columns of this kind read, whichever of them they
        need.

    Returns
    -------
    dict of str to str
        By the name of an output, the C expression of the array that holds it.
    """
    return writer.once((learner, *names), lambda: _write(writer, learner, names))


def _write(writer: Writer, learner: Learner, names: Sequence[str]) -> dict[str, str]:
    model = learner.estimator.model_
    name = writer.name("learner", type(learner.estimator).__name__.lower())
    feeds = feeds_c(model.columns, writer, name)
    outputs = {output: model.program.outputs[output] for output in names}
    most = {place: feed.capacity for place, feed in feeds.items()}
    program = program_c(Step(outputs, {}), model.variables, name, most)
    writer.programs.append(program)
    room = program.scratch_bytes + ALIGNED
    scratch = writer.array("unsigned char", writer.name("scratch", name), room)
    found = {
        output.name: writer.array(output.c_type, writer.name(output.name, name), output.width or 1)
        for output in program.outputs
    }
    function = writer.name("find", name)
    body = [
        f"{name}_feeds feeds;",
        f"{name}_outputs outputs;",
        f"unsigned char *scratch = {scratch};",
        *feeding_c(program, feeds),
        *(f"outputs.{output.field} = {found[output.name]};" for output in program.outputs),
        f"scratch += ({ALIGNED} - (uintptr_t)scratch % {ALIGNED}) % {ALIGNED};",
        f"{name}_program(&feeds, &outputs, scratch);",
    ]
    writer.function(f"void {function}(row_scratch *s)", body)
    writer.do(f"{function}(s);")
    return found
