"""What several tests share: a course with lesson 04 released, and the made class graded in it."""

from __future__ import annotations

import pytest

from autograder.build.lesson import resolve
from autograder.course import Course
from autograder.grade.release import release
from autograder.grade.run import Run, grade_lesson
from autograder.sandbox.limits import Limits

# Short enough that endless loops do not make the tests long, long enough for a busy machine.
QUICK = Limits(cell_seconds=10)
SEED = 2013


@pytest.fixture(scope="session")
def released(tmp_path_factory) -> Course:
    """A course with lesson 04 released and nothing handed in. Read only: copy it to change it."""
    course = Course.init(tmp_path_factory.mktemp("released") / "course")
    release(course, resolve("04"))
    return course


@pytest.fixture(scope="session")
def classroom(tmp_path_factory) -> tuple[Course, Run]:
    """The made class, graded."""
    from tests.classroom import LESSON, submissions
    from tests.classroom.__main__ import hand_in

    course = Course.init(tmp_path_factory.mktemp("class") / "course")
    release(course, resolve("04"))
    hand_in(course, LESSON, submissions())
    return course, grade_lesson(course, resolve("04"), seed=SEED, limits=QUICK)
