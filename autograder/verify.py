"""`autograder verify`: is the course sound? The reference and every known mistake, judged as students are."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from autograder import exercise as exercises
from autograder import reference
from autograder.build.lesson import SOURCES, read
from autograder.build.notebook import instructor
from autograder.exercise import Exercise
from autograder.expectation import fingerprinted
from autograder.judge import judge
from autograder.reference import Expectations
from autograder.subject import observe


@dataclass
class Report:
    """What verifying one lesson found.

    Attributes:
        lesson: its name.
        faults: one line each; none when the course is sound.
        exercises, mistakes, seeds: how much was tried.
    """

    lesson: str
    faults: list[str] = field(default_factory=list)
    exercises: int = 0
    mistakes: int = 0
    seeds: int = 0

    @property
    def sound(self) -> bool:
        return not self.faults

    def text(self) -> str:
        tried = f"{self.exercises} exercises, {self.mistakes} mistakes, {self.seeds} sets of inputs"
        if self.sound:
            return f"{self.lesson}: sound ({tried}: reference full marks, blank 0, every mistake rejected and named)"
        return "\n".join([f"{self.lesson}: {len(self.faults)} faults ({tried})", *(f"  {f}" for f in self.faults)])


def verify_lesson(name: str, seeds: int) -> Report:
    """Build a lesson, and judge its reference, its blanks and its mistakes at the public and at fresh inputs."""
    lesson = read(SOURCES / f"{name}.py")
    for language in lesson.languages:
        instructor(lesson, language)
    found = [exercises.find(id) for id in lesson.exercises]
    report = Report(name, exercises=len(found), seeds=seeds)
    modules = sorted({exercise.module for exercise in found})
    ids = set(lesson.exercises)
    report.mistakes = sum(m.exercise in ids for module in modules for m in reference.mistakes(module))
    for seed in range(seeds):
        expectations = Expectations({exercise.id: exercise.grading_cases(seed) for exercise in found})
        for exercise in found:
            report.faults += verify_exercise(exercise, expectations, fingerprints=seed == 0)
    return report


def verify_exercise(exercise: Exercise, expectations: Expectations, *, fingerprints: bool) -> list[str]:
    """The faults of one exercise at given inputs.

    Args:
        exercise: which.
        expectations: for its cases.
        fingerprints: judge by fingerprints too, as the student's notebook does.
    """
    faults = []
    cases = expectations.cases[exercise.id]
    whole = expectations.of(exercise)
    views = [whole, fingerprinted(whole, exercise.id)] if fingerprints else [whole]
    right = reference.load(exercise.module)
    for view in views:
        result = judge(exercise, cases, observe(exercise, right, cases), view)
        if result.verdict != "right" or result.points != exercise.points:
            faults.append(f"{exercise.id}: the reference gets {result.points:g} ({result.verdict}): {result.message}")
        blank = judge(exercise, cases, observe(exercise, reference.blank(exercise.id), cases), view)
        if blank.points or blank.verdict != "missing":
            faults.append(f"{exercise.id}: a blank gets {blank.points:g} ({blank.verdict})")
        for mistake in reference.mistakes(exercise.module):
            if mistake.exercise != exercise.id:
                continue
            seen = observe(exercise, reference.mutate(mistake), cases)
            result = judge(exercise, cases, seen, view)
            if result.points >= exercise.points or result.verdict == "right":
                faults.append(f"{mistake.id}: not rejected, it gets {result.points:g} ({result.verdict})")
            elif result.mistake != mistake.id:
                faults.append(f"{mistake.id}: named {result.mistake}")
    faults += _gradient_faults(exercise, cases)
    return faults


def _gradient_faults(exercise: Exercise, cases) -> list[str]:
    """A backward reference must be the gradient of its forward reference."""
    if exercise.kind != "backward":
        return []
    right = reference.load(exercise.module)
    faults = []
    for case in cases:
        true = reference.true_gradient(exercise, right, case)
        (seen,) = observe(exercise, right, [case])
        for name, value in true.items():
            error = np.max(np.abs(seen.values[name] - value)) / np.max(np.abs(value))
            if not error < 1e-9:
                faults.append(f"{exercise.id}: the reference's {name} is off its own gradient by {error:.1e}")
    return faults
