"""The plan of a run: kept from the release, and worked out again where it does not fit any more."""

from __future__ import annotations

import shutil

import pytest

from autograder.course import Course
from autograder.grade import plan as plans
from autograder.sandbox.limits import Limits
from tests.classroom import LESSON


@pytest.fixture
def course(released, tmp_path) -> Course:
    return Course(shutil.copytree(released.root, tmp_path / "course"))


@pytest.fixture
def worked_out(monkeypatch) -> list[str]:
    """Which exercises had their expected values worked out, in a stand-in that gives none."""
    asked: list[str] = []

    class Counted:
        def __init__(self, cases):
            pass

        def of(self, exercise):
            asked.append(exercise.id)

    monkeypatch.setattr(plans, "Expectations", Counted)
    return asked


def test_grading_takes_the_plan_that_the_release_kept(course, worked_out):
    plan = plans.plan_for(course, LESSON, course.seed(LESSON), Limits(cell_seconds=7))
    assert not worked_out
    assert len(plan.expectations) == len(plan.points) == 8
    assert plan.limits.cell_seconds == 7
    assert plan.version == plans.version_of(course, LESSON, course.seed(LESSON))


def damage(course):
    path = course.root / "results" / LESSON / ".plan.pickle"
    path.write_bytes(path.read_bytes()[:1000])


def other_points(course):
    path = course.folder("release", LESSON) / f"{LESSON}.ipynb"
    text = path.read_text(encoding="utf-8")
    assert '"points": 7' in text
    path.write_text(text.replace('"points": 7', '"points": 6'), encoding="utf-8")


CHANGES = {
    "another seed": lambda course: course.seed(LESSON, 5),
    "a file cut short": damage,
    "no file": lambda course: (course.root / "results" / LESSON / ".plan.pickle").unlink(),
    "another release": other_points,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_a_plan_that_does_not_fit_is_worked_out_again(course, worked_out, change):
    change(course)
    plan = plans.plan_for(course, LESSON, course.seed(LESSON))
    assert worked_out == list(plan.points)
    worked_out.clear()
    plans.plan_for(course, LESSON, course.seed(LESSON))
    assert not worked_out, "the new one is kept as well"


def test_a_seed_for_the_class_is_kept_and_one_for_a_student_is_not(course):
    (course.root / "results" / LESSON / ".seed.json").unlink()  # a course that an older version released
    first = course.seed(LESSON, keep=False)
    assert course.seed(LESSON, 5, keep=False) == 5
    assert course.seed(LESSON) == first
    assert course.seed(LESSON, 6) == 6
    assert course.seed(LESSON) == 6
