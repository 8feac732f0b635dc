"""Grading one submission, start to end, in a worker that never runs student code itself."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import nbformat
from nbformat.notebooknode import NotebookNode

from autograder import delegation, intake
from autograder import exercise as exercises
from autograder.grade.outputs import clean
from autograder.grade.plan import Plan
from autograder.judge import judge
from autograder.result import Result
from autograder.sandbox.bubblewrap import WarmDied
from autograder.sandbox.limits import Limits
from autograder.sandbox.run import Outcome, run
from autograder.sandbox.warm import Warm, ready
from autograder.subject import Observation, Problem


@dataclass
class Graded:
    """What grading one submission gave; plain data throughout.

    Attributes:
        student: the id.
        status: "graded" or "failed".
        results: exercise id -> Result.
        notebook: the executed notebook with the verdicts in it, as text.
        notes: what had to be put right in the file.
        stopped: why it ended early, or "".
        reason: why it failed, or "".
        submission_hash: SHA-256 of the file.
        seconds: wall time.
        spent: where the time went, phase -> seconds.
    """

    student: str
    status: str
    results: dict[str, Result]
    notebook: str
    notes: list[str] = field(default_factory=list)
    stopped: str = ""
    reason: str = ""
    submission_hash: str = ""
    seconds: float = 0.0
    spent: dict[str, float] = field(default_factory=dict)

    @property
    def score(self) -> float:
        return sum(result.points for result in self.results.values())

    @property
    def max_score(self) -> float:
        return sum(result.max_points for result in self.results.values())


class WarmBox:
    """A worker's warm process, shared by the submissions under way: started when first needed, again when it died."""

    def __init__(self, limits: Limits, *, sandbox: bool = True) -> None:
        self.limits, self.sandbox = limits, sandbox
        self._warm: Warm | None = None
        self._lock = threading.Lock()

    def get(self) -> Warm:
        with self._lock:
            if self._warm is None or not self._warm.alive:
                self._close()
                self._warm = ready(self.limits, sandbox=self.sandbox)
            return self._warm

    def drop(self, warm: Warm) -> None:
        """End a warm process that does not work any more, unless another thread did."""
        with self._lock:
            if self._warm is warm:
                self._close()

    def close(self) -> None:
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._warm is not None:
            self._warm.close()
            self._warm = None


async def grade(student: str, data: bytes | str, plan: Plan, box: WarmBox) -> Graded:
    """Grade one submission. Several may be under way in one event loop: only what waits for a kernel lets others in.

    Args:
        student: the id.
        data: the submitted file, or, as text, why there is none.
        plan: of the run.
        box: the worker's warm process.
    """
    start = time.monotonic()
    digest = hashlib.sha256(data if isinstance(data, bytes) else data.encode()).hexdigest()
    source = nbformat.reads(plan.source, as_version=4)
    try:
        if isinstance(data, str):
            raise intake.BadSubmission(data)
        found = intake.rebuild(data, source, plan.limits.notebook_bytes)
    except intake.BadSubmission as bad:
        return _failed(student, str(bad), digest, source, plan)
    taken_in = time.monotonic()
    outcome = await _run(found.notebook, plan, box)
    ran = time.monotonic()
    results = _judge(found, outcome, plan)
    clean(outcome.notebook)
    _write_in(outcome.notebook, results, [*found.notes, *([outcome.stopped] if outcome.stopped else [])])
    end = time.monotonic()
    spent = {"intake": taken_in - start, "student code": ran - taken_in, "judging": end - ran}
    return Graded(
        student, "graded", results, nbformat.writes(outcome.notebook), found.notes, outcome.stopped, "", digest,
        end - start, spent,
    )  # fmt: skip


async def _run(notebook: NotebookNode, plan: Plan, box: WarmBox) -> Outcome:
    """Run a submission; once more if it got no kernel or the warm process died, which is not the submission's doing."""
    for attempt in (1, 2, 3):
        warm = await asyncio.to_thread(box.get)
        try:
            return await run(warm, nbformat.from_dict(notebook), plan.cases)
        except (WarmDied, RuntimeError) as error:
            if isinstance(error, WarmDied) or attempt == 2:
                box.drop(warm)
            if attempt == 3:
                raise
    raise AssertionError("unreachable")


def _judge(found: intake.Intake, outcome: Outcome, plan: Plan) -> dict[str, Result]:
    cells = [found.notebook.cells[i] for i in found.student_cells]
    sources = delegation.Sources([cell.source for cell in cells if cell.cell_type == "code"])
    results = {}
    for id, points in plan.points.items():
        exercise = exercises.find(id)
        cases, expectation = plan.cases[id], plan.expectations[id]
        seen = outcome.seen.get(id)
        if seen is None:
            seen = [Observation(problem=_not_reached(outcome))] * len(cases)
        elif hit := sources.search(exercise.object, exercise.forbidden):
            seen = [Observation(problem=Problem("forbidden", str(delegation.Forbidden(hit)), hit))] * len(cases)
        forward_mistake = None
        if exercise.kind == "backward" and exercise.forward in outcome.seen and exercise.forward in plan.expectations:
            mistake = plan.expectations[exercise.forward].recognise(outcome.seen[exercise.forward])
            forward_mistake = mistake and mistake.id
        results[id] = judge(
            exercise,
            cases,
            seen,
            expectation,
            max_points=points,
            forward_mistake=forward_mistake,
            sound=lambda other: other in results and results[other].verdict == "right",
        )
    first = next((id for id in plan.points if id not in outcome.seen), None)
    if outcome.stopped and first:
        message = f"{outcome.stopped} What came before it counts."
        results[first] = Result(first, 0, plan.points[first], "limit", message)
    return results


def _not_reached(outcome: Outcome) -> Problem:
    why = outcome.stopped or "Its check cell did not run."
    return Problem("not_reached", f"The notebook ended before this exercise. {why}")


def _failed(student: str, reason: str, digest: str, source: NotebookNode, plan: Plan) -> Graded:
    results = {id: Result(id, 0, points, "not_reached", reason) for id, points in plan.points.items()}
    _write_in(source, results, [reason])
    return Graded(student, "failed", results, nbformat.writes(source), reason=reason, submission_hash=digest)


def _write_in(notebook: NotebookNode, results: Mapping[str, Result], notes: list[str]) -> None:
    """Put each verdict below its check cell, as an output of ours, and the notes on top."""
    for cell in notebook.cells:
        result = results.get(cell.metadata.get("unrolled", {}).get("exercise"))
        if result is None:
            continue
        card = {"text/html": result.html(), "text/plain": result.text()}
        points = {"text/plain": repr(float(result.points))}
        cell.outputs = nbformat.from_dict(
            [  # not new_output, which takes a millisecond each to validate them; the notebook is validated as a whole
                {"output_type": "display_data", "data": card, "metadata": {}},
                {"output_type": "execute_result", "data": points, "metadata": {}, "execution_count": 1},
            ]
        )
        cell.execution_count = 1
    if notes:
        text = "**Notes of the grader**\n\n" + "\n".join(f"- {note}" for note in notes)
        notebook.cells.insert(0, nbformat.v4.new_markdown_cell(text, id="grader-notes"))
