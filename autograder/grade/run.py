"""`autograder grade`: from a lesson's name to a graded class."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial

from autograder.build.lesson import is_page
from autograder.course import Course, CourseError
from autograder.grade.gradebook import Writer, from_record, read_record
from autograder.grade.plan import Plan, plan_for, version_of
from autograder.grade.pool import grade_all, pool
from autograder.grade.task import Graded
from autograder.sandbox import bubblewrap
from autograder.sandbox.limits import Limits
from autograder.starting import starting


@dataclass
class Run:
    """What a grading run did.

    Attributes:
        graded: every submission asked for, sorted by student; earlier results that still hold among them. Without the
            notebooks, which lie in `autograded`: those of a large class would fill the memory.
        kept: students whose earlier result still holds.
        spent: where the time went, phase -> seconds, summed over workers.
        seconds: wall time.
    """

    graded: list[Graded] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    spent: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0


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
        workers: submissions at a time, on this machine.
        scheduler: a Dask scheduler to use instead.
        seed: of the inputs; by default the kept one. Given for the whole class, it is kept.
        force: grade again what was graded and has not changed.
        limits: on a submission.
        sandbox: False runs student code without one, for trusted work only.
        progress: called with (done, of, graded) at the start and after each submission.

    Raises:
        CourseError: before anything is written, when the course or a student does not allow it.
        NoSandbox: before anything is written, when student code cannot be locked in here.
    """
    start = time.monotonic()
    if is_page(lesson):
        raise CourseError(f"{lesson} is a page to read: it holds nothing to grade.")
    if sandbox:
        bubblewrap.require()
    everybody = course.students(lesson)
    course.released(lesson)
    unknown = [student for student in students if student not in everybody]
    if unknown:
        raise CourseError(
            f"No submission of {lesson} by {', '.join(unknown)}. There are: {', '.join(everybody) or 'none'}."
        )
    chosen = list(dict.fromkeys(students)) or everybody
    if not chosen:
        raise CourseError(f"Nobody has handed in {lesson}: {course.folder('submitted', lesson, '*')} has no folder.")
    course.check_late_penalty()
    run = Run()
    seed = course.seed(lesson, seed, keep=not students)
    todo = _to_do(course, lesson, chosen, version_of(course, lesson, seed), force, run)
    if todo:
        with contextlib.ExitStack() as stack:
            beside = stack.enter_context(ThreadPoolExecutor(1))
            with starting():  # the expected values are worked out while the workers start
                planning = beside.submit(plan_for, course, lesson, seed, limits)
                client = stack.enter_context(
                    pool(min(workers, len(todo)), scheduler, limits or Limits(), sandbox=sandbox)
                )
                plan = planning.result()
            _add(run.spent, {"start": time.monotonic() - start})
            file_of = partial(_read, course, lesson)
            progress(0, len(todo), None)
            _grade_into_gradebook(course, plan, grade_all(client, todo, file_of, plan), run, progress, len(todo))
    run.graded.sort(key=lambda graded: graded.student)
    run.seconds = time.monotonic() - start
    return run


def _grade_into_gradebook(
    course: Course,
    plan: Plan,
    results: Iterable[Graded],
    run: Run,
    progress: Callable[[int, int, Graded | None], None],
    of: int,
) -> None:
    logging.getLogger("tornado.application").setLevel(logging.CRITICAL)  # nbgrader's: `_saved` says what went wrong
    with course.gradebook() as gradebook:
        writer = Writer(course, plan, gradebook)
        for number, graded in enumerate(results, 1):
            saving = time.monotonic()
            graded = _saved(writer, graded)
            _add(run.spent, {**graded.spent, "gradebook": time.monotonic() - saving})
            run.graded.append(replace(graded, notebook=""))
            progress(number, of, graded)


def _to_do(course: Course, lesson: str, chosen: Sequence[str], wanted: str, force: bool, run: Run) -> list[str]:
    """Which submissions need grading; earlier results that still hold go into the run."""
    todo = []
    for student in chosen:
        try:
            stamp = str(course.timestamp(lesson, student))
        except CourseError as error:
            run.graded.append(Graded(student, "failed", {}, "", reason=str(error)))
            continue
        data = _read(course, lesson, student)
        record = None if force else read_record(course, lesson, student)
        digest = hashlib.sha256(data if isinstance(data, bytes) else data.encode()).hexdigest()
        kept = record and (record["plan"], record["submission_sha256"], record["timestamp"])
        if kept == (wanted, digest, stamp):
            run.graded.append(from_record(record))
            run.kept.append(student)
        else:
            todo.append(student)
    return todo


def _saved(writer: Writer, graded: Graded) -> Graded:
    """Store a result; one that cannot be stored is named, and stops nobody else."""
    try:
        writer.save(graded)
        return graded
    except Exception as error:  # nbgrader, its database, or a plugin of the course
        writer.gradebook.db.rollback()
        reason = f"It was graded and could not be stored: {type(error).__name__}: {error}".split("\n")[0][:300]
        return Graded(graded.student, "failed", {}, "", reason=reason)


def _read(course: Course, lesson: str, student: str) -> bytes | str:
    try:
        return course.submission(lesson, student)
    except CourseError as error:
        return str(error)


def _add(total: dict[str, float], more: dict[str, float]) -> None:
    for phase, seconds in more.items():
        total[phase] = total.get(phase, 0.0) + seconds
