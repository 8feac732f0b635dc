"""`autograder grade`: from a lesson's name to a graded class."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import nbformat

from autograder import exercise as exercises
from autograder.course import Course, CourseError
from autograder.exercise import GRADING_CASES
from autograder.grade.gradebook import Writer, from_record, read_record
from autograder.grade.pool import grade_all, pool
from autograder.grade.task import Graded, Plan
from autograder.reference import ROOT, Expectations
from autograder.sandbox import bubblewrap
from autograder.sandbox.limits import Limits


@dataclass
class Run:
    """What a grading run did.

    Attributes:
        graded: every submission asked for, sorted by student; earlier results that still hold among them.
        kept: students whose earlier result still holds.
        spent: where the time went, phase -> seconds, summed over workers.
        seconds: wall time.
    """

    graded: list[Graded] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    spent: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0


def plan_for(course: Course, lesson: str, seed: int, limits: Limits | None = None) -> Plan:
    """Everything that is the same for all submissions, expected values included.

    Raises:
        CourseError: when the lesson was not released, or holds an exercise that does not exist any more.
    """
    source = course.released(lesson)
    points = {
        cell.metadata.unrolled.exercise: float(cell.metadata.nbgrader.points)
        for cell in source.cells
        if "exercise" in cell.metadata.get("unrolled", {})
    }
    if not points:
        raise CourseError(
            f"The released notebook of {lesson} has no check cells. Release it with `autograder release`."
        )
    try:
        found = [exercises.find(id) for id in points]
    except KeyError as error:
        raise CourseError(f"{error.args[0]} Release {lesson} again with `autograder release {lesson}`.") from None
    cases = {exercise.id: exercise.cases(seed, GRADING_CASES) for exercise in found}
    expectations = Expectations(cases)
    known = {exercise.id: expectations.of(exercise) for exercise in found}
    text = nbformat.writes(source)
    return Plan(lesson, seed, text, points, cases, known, limits or Limits(), version(text, seed, found))


def version(source: str, seed: int, found: Sequence[exercises.Exercise]) -> str:
    """A hash of what a verdict depends on: notebook, seed, exercises, reference and mistakes, and the judge."""
    digest = hashlib.sha256(f"{seed}\n{source}".encode())
    modules = sorted({exercise.module for exercise in found})
    files = [
        ROOT / "autograder" / name
        for name in ("judge.py", "expectation.py", "subject.py", "delegation.py", "layers.py")
    ]
    files += [
        ROOT / folder / f"{m}.py"
        for m in modules
        for folder in ("autograder/exercises", "solutions", "solutions/mistakes")
    ]
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def grade_lesson(
    course: Course,
    lesson: str,
    *,
    students: Sequence[str] = (),
    workers: int = 2,
    scheduler: str | None = None,
    seed: int | None = None,
    force: bool = False,
    limits: Limits | None = None,
    sandbox: bool = True,
    progress: Callable[[int, int, Graded | None], None] = lambda done, of, graded: None,
) -> Run:
    """Grade a lesson's submissions into the gradebook.

    Args:
        course, lesson: what to grade.
        students: whom; everybody who handed in by default.
        workers: processes on this machine.
        scheduler: a Dask scheduler to use instead.
        seed: of the inputs; by default that of the first grading.
        force: grade again what was graded and has not changed.
        limits: on a submission.
        sandbox: False runs student code without one, for trusted work only.
        progress: called with (done, of, graded) at the start and after each submission.

    Raises:
        CourseError: before anything is written, when the course or a student does not allow it.
        NoSandbox: before anything is written, when student code cannot be locked in here.
    """
    start = time.monotonic()
    if sandbox:
        bubblewrap.require()
    everybody = course.students(lesson)
    course.released(lesson)
    unknown = [student for student in students if student not in everybody]
    if unknown:
        raise CourseError(
            f"No submission of {lesson} by {', '.join(unknown)}. There are: {', '.join(everybody) or 'none'}."
        )
    chosen = list(students) or everybody
    if not chosen:
        raise CourseError(f"Nobody has handed in {lesson}: {course.folder('submitted', lesson, '*')} has no folder.")
    run = Run()
    seed = course.seed(lesson, seed)
    with pool(min(workers, len(chosen)), scheduler, limits or Limits(), sandbox=sandbox) as client:
        plan = plan_for(course, lesson, seed, limits)
        todo = []
        for student in chosen:
            data = _read(course, lesson, student)
            record = None if force else read_record(course, lesson, student)
            digest = hashlib.sha256(data if isinstance(data, bytes) else data.encode()).hexdigest()
            if record and (record["plan"], record["submission_sha256"]) == (plan.version, digest):
                run.graded.append(from_record(record))
                run.kept.append(student)
            else:
                todo.append((student, data))
        run.spent["start"] = time.monotonic() - start
        progress(0, len(todo), None)
        if todo:
            with course.gradebook() as gradebook:
                writer = Writer(course, plan, gradebook)
                for number, graded in enumerate(grade_all(client, todo, plan), 1):
                    saving = time.monotonic()
                    writer.save(graded)
                    _add(run.spent, {**graded.spent, "gradebook": time.monotonic() - saving})
                    run.graded.append(graded)
                    progress(number, len(todo), graded)
    run.graded.sort(key=lambda graded: graded.student)
    run.seconds = time.monotonic() - start
    return run


def _read(course: Course, lesson: str, student: str) -> bytes | str:
    try:
        return course.submission(lesson, student)
    except CourseError as error:
        return str(error)


def _add(total: dict[str, float], more: dict[str, float]) -> None:
    for phase, seconds in more.items():
        total[phase] = total.get(phase, 0.0) + seconds
