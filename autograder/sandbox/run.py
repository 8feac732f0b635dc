"""Running one submission: its cells in order in a locked-in kernel, and at each check the question put to it.

Nothing here judges. What comes back is the executed notebook and, per exercise, what the student's object gave.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import nbformat
from nbformat.notebooknode import NotebookNode

from autograder.exercise import Case
from autograder.sandbox import answer
from autograder.sandbox.limits import Limits
from autograder.sandbox.provisioner import WarmKernelManager
from autograder.sandbox.session import Ended, Session
from autograder.sandbox.warm import Warm
from autograder.subject import MAX_BYTES, Observation, Problem, decode, encode_inputs


@dataclass
class Outcome:
    """What running a submission gave.

    Attributes:
        notebook: with the outputs of the student's cells.
        seen: exercise id -> one observation per case.
        stopped: why it ended early, or "".
        seconds: wall time.
    """

    notebook: NotebookNode
    seen: dict[str, list[Observation]] = field(default_factory=dict)
    stopped: str = ""
    seconds: float = 0.0


async def run(
    warm: Warm, notebook: NotebookNode, cases: Mapping[str, Sequence[Case]], files: Mapping[str, bytes] | None = None
) -> Outcome:
    """Run one submission in a fork of `warm`.

    Args:
        warm: the warm process; its limits hold.
        notebook: from `autograder.intake.rebuild`; outputs are written into it. Cells tagged `demo` are not run.
        cases: exercise id -> the inputs to ask with.
        files: name -> bytes, to lie beside the notebook.

    Raises:
        WarmDied, RuntimeError: when the kernel could not be had; the submission is not to blame.
    """
    start = time.monotonic()
    outcome = Outcome(notebook)
    async with Session(WarmKernelManager(warm, files), warm.limits) as session:
        try:
            await asyncio.wait_for(_walk(session, cases, outcome), warm.limits.total_seconds)
        except TimeoutError:
            outcome.stopped = f"The notebook took longer than {warm.limits.total_seconds:g} s in all."
        except Ended as ended:
            outcome.stopped = str(ended)
    outcome.seconds = time.monotonic() - start
    return outcome


async def _walk(session: Session, cases: Mapping[str, Sequence[Case]], outcome: Outcome) -> None:
    """The cells in order. At a check cell the exercise is asked, as it is defined at that point."""
    failed: dict[str, str] = {}  # answer cell -> its error
    for cell in outcome.notebook.cells:
        if cell.cell_type != "code" or not cell.source.strip() or "demo" in cell.metadata.get("tags", ()):
            continue
        exercise = cell.metadata.get("unrolled", {}).get("exercise")
        if exercise is None:
            ran = await session.run(cell.source)
            cell.outputs = ran.outputs
            if ran.timed_out:
                text = _too_long("This cell", session.limits)
                cell.outputs.append(nbformat.v4.new_output("error", ename="TimeLimit", evalue=text, traceback=[text]))
            if ran.error is not None:
                failed[cell["id"]] = f"{ran.error.ename}: {ran.error.evalue}"[:300]
        elif exercise in cases:
            seen = await _ask(session, exercise, cases[exercise])
            outcome.seen[exercise] = _blame(seen, failed.get(f"{cell['id']}-answer"))


def _too_long(what: str, limits: Limits) -> str:
    return f"{what} took longer than {limits.cell_seconds:g} s and was stopped: is there a loop that does not end?"


def _blame(seen: list[Observation], error: str | None) -> list[Observation]:
    """An object that is missing because its cell failed: say so."""
    if error and all(observation.problem and observation.problem.kind == "missing" for observation in seen):
        text = re.sub(r"\(\d+\.py, (line \d+)\)", r"(\1)", error)  # the kernel's own name for a cell says nothing
        problem = Problem("cell", f"The cell that should define it stopped with {text}")
        return [Observation(problem=problem)] * len(seen)
    return seen


async def _ask(session: Session, exercise: str, cases: Sequence[Case]) -> list[Observation]:
    """Have one exercise answered in the kernel. Whatever comes back is data, and bounded."""

    def failed(kind: str, message: str) -> list[Observation]:
        return [Observation(problem=Problem(kind, message))] * len(cases)

    ran = await session.run(answer.request(exercise, encode_inputs(cases)), output_bytes=2 * MAX_BYTES)
    if ran.timed_out:
        return failed("limit", _too_long("Calling it", session.limits))
    answers = [output.data[answer.MIME] for output in ran.outputs if answer.MIME in output.get("data", {})]
    if answers and isinstance(answers[-1], str):
        try:
            return decode(answers[-1], len(cases))
        except ValueError as error:
            return failed("error", str(error))
    said = f"{ran.error.ename}: {ran.error.evalue}"[:300] if ran.error is not None else "nothing came back"
    return failed("error", f"Calling it failed: {said}")
