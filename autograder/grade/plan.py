"""What is the same for every submission of a run: worked out when a lesson is released, and kept."""

from __future__ import annotations

import contextlib
import hashlib
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import nbformat

from autograder import exercise as exercises
from autograder.course import Course, CourseError, write_atomically
from autograder.exercise import Case, Exercise
from autograder.expectation import Expectation
from autograder.reference import ROOT, Expectations
from autograder.sandbox.limits import Limits

JUDGE = (
    "delegation", "detail", "exercise", "expectation", "intake", "judge", "layers", "reference", "subject",
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What is the same for every submission of a run.

    Attributes:
        lesson: its name.
        seed: of the inputs.
        source: the released notebook, as text.
        points: exercise id -> points in this course, in the notebook's order.
        cases: exercise id -> inputs.
        expectations: exercise id -> what the judge compares with.
        limits: of a submission.
        version: a hash of all this but the limits, so that a result can be told from one of another run.
    """

    lesson: str
    seed: int
    source: str
    points: Mapping[str, float]
    cases: Mapping[str, list[Case]]
    expectations: Mapping[str, Expectation]
    limits: Limits
    version: str


def plan_for(course: Course, lesson: str, seed: int, limits: Limits | None = None) -> Plan:
    """The plan of a run: as it was kept, or worked out and kept for the next one.

    References and known mistakes run for some seconds to give the expected values, and need TensorFlow. What they gave
    for this version, seed and these packages holds for every later run.

    Raises:
        CourseError: when the lesson was not released, or holds an exercise that does not exist any more.
    """
    wanted = _state(course, lesson, seed)
    plan = _kept(course, lesson, wanted)
    if plan is None:
        text, points, found = _released(course, lesson)
        cases = {exercise.id: exercise.grading_cases(seed) for exercise in found}
        expectations = Expectations(cases)
        known = {exercise.id: expectations.of(exercise) for exercise in found}
        plan = Plan(lesson, seed, text, points, cases, known, Limits(), version_of(course, lesson, seed))
        with contextlib.suppress(OSError):  # a full disk costs time, and no grading
            write_atomically(_path(course, lesson), pickle.dumps((wanted, plan), protocol=5))
    return replace(plan, limits=limits or Limits())


def version_of(course: Course, lesson: str, seed: int) -> str:
    """A hash of what a verdict depends on: notebook, seed, exercises, reference and mistakes, and the judge."""
    text, _, found = _released(course, lesson)
    digest = hashlib.sha256(f"{seed}\n{text}".encode())
    modules = sorted({exercise.module for exercise in found})
    files = [ROOT / "autograder" / f"{name}.py" for name in JUDGE]
    rooms = ("autograder/exercises", "solutions", "solutions/mistakes")
    files += [ROOT / room / f"{module}.py" for module in modules for room in rooms]
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _released(course: Course, lesson: str) -> tuple[str, dict[str, float], list[Exercise]]:
    """The released notebook's text, its points by exercise id, and the exercises.

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
        return nbformat.writes(source), points, [exercises.find(id) for id in points]
    except KeyError as error:
        raise CourseError(f"{error.args[0]} Release {lesson} again with `autograder release {lesson}`.") from None


def _path(course: Course, lesson: str) -> Path:
    """Where the plan is kept: in the instructor's own results, beside the seed. Students' work never reaches it."""
    return course.root / "results" / lesson / ".plan.pickle"


def _state(course: Course, lesson: str, seed: int) -> str:
    """A hash of what the expected values depend on: what verdicts do, how gradients are found, and the packages."""
    digest = hashlib.sha256(version_of(course, lesson, seed).encode())
    for file in (Path(__file__), *sorted((ROOT / "autograder" / "gradients").rglob("*.py"))):
        digest.update(file.read_bytes())
    digest.update("".join(version(name) for name in ("numpy", "keras", "tensorflow")).encode())
    return digest.hexdigest()


def _kept(course: Course, lesson: str, wanted: str) -> Plan | None:
    """The plan as it was kept, if it is of this state; None as well for a file that is damaged."""
    try:
        state, plan = pickle.loads(_path(course, lesson).read_bytes())
        return plan if state == wanted else None
    except Exception:  # a pickle that is cut off, or of other classes, may raise anything
        return None
