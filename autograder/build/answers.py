"""Making a lesson's answer key: run the reference and its mistakes at the public inputs, keep fingerprints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from autograder import exercise as exercises
from autograder import key
from autograder.build.lesson import Lesson
from autograder.expectation import fingerprinted
from autograder.reference import Expectations


def write_key(lesson: Lesson, path: Path, points: Mapping[str, float] | None = None) -> None:
    """Write the answer key of a lesson; `points` are those that a course changes."""
    found = [exercises.find(id) for id in lesson.exercises]
    expectations = Expectations({exercise.id: exercise.public_cases() for exercise in found})
    entries = {
        exercise.id: (
            (points or {}).get(exercise.id, exercise.points),
            fingerprinted(expectations.of(exercise), exercise.id),
        )
        for exercise in found
    }
    key.write(path, lesson.name, entries)
