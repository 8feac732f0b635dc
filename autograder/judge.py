"""Verdicts: observed values against expected ones, points, and the sentence that explains them.

The judge sees arrays and text and nothing else. It is the same in the student's notebook, where the
expectation is fingerprints, and in grading, where it is arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from autograder.detail import Numeric, lines_of
from autograder.exercise import Case, Exercise
from autograder.expectation import Expectation, KnownMistake
from autograder.result import Line, Result
from autograder.subject import Observation, Problem

HALF = 0.5  # of the points: for follow-through, and for right values with the caller's arrays changed


def judge(
    exercise: Exercise,
    cases: Sequence[Case],
    seen: Sequence[Observation],
    expectation: Expectation,
    *,
    max_points: float | None = None,
    forward_mistake: str | None = None,
    numeric: Numeric | None = None,
    sound: Callable[[str], bool] = lambda _: False,
) -> Result:
    """Judge one exercise.

    Args:
        exercise: what was asked.
        cases: the inputs.
        seen: what the student's object gave, one observation per case.
        expectation: what the right answer and the known mistakes give.
        max_points: of the assignment; the exercise's own by default.
        forward_mistake: id of the known mistake that the student's forward pass makes, if it makes one.
        numeric: for a backward exercise and for a layer, case number -> the numeric gradient of the student's own
            forward pass, to show when an answer is wrong.
        sound: is the student's answer to another exercise right, and so not to blame? Default: not known.

    Returns:
        The result.
    """
    maximum = exercise.points if max_points is None else max_points

    def result(fraction: float, verdict: str, message: str, **more) -> Result:
        return Result(exercise.id, round(fraction * maximum, 2), maximum, verdict, message, **more)

    mistake = expectation.recognise(seen, lambda id: id != exercise.id and sound(id))
    problem = next((observation.problem for observation in seen if observation.problem), None)
    if problem:
        hint = _hint(problem, exercise)
        return result(0, *_without_values(problem, mistake), mistake=mistake and mistake.id, hint=hint)

    right = {
        name: all(
            name in observation.values and pattern.marks[name].matches(observation.values[name])
            for observation, pattern in zip(seen, expectation.right, strict=True)
        )
        for name in exercise.names
    }
    lines, guess = lines_of(exercise, cases, seen, expectation, right, numeric)
    more = {"lines": lines, "mistake": mistake and mistake.id}
    unstable = next((observation.unstable for observation in seen if observation.unstable), ())
    edited = next((observation.edited for observation in seen if observation.edited), ())
    fraction = _fraction(exercise, right)

    if unstable:
        names = ", ".join(unstable)
        message = f"Called twice with the same inputs it gave two answers ({names}). Is something kept, or random?"
        return result(0, "wrong", mistake.sentence if mistake else message, **more)
    if edited:
        names = ", ".join(f"`{name}`" for name in edited) + (" were" if len(edited) > 1 else " was")
        message = f"{names} changed in place. What a function is given belongs to the caller: work on a copy."
        return result(
            fraction * HALF, "partial" if fraction else "wrong", mistake.sentence if mistake else message, **more
        )
    if all(right.values()):
        return result(1, "right", "")
    if _follows(seen, expectation, forward_mistake):
        message = (
            f"This backward pass fits your forward pass, which has a mistake of its own (see {exercise.forward}). "
            "Half the points; mend the forward pass first."
        )
        return result(max(HALF, fraction), "follow_through", message, **(more | {"mistake": forward_mistake}))
    if mistake:
        message = mistake.sentence
        if mistake.origin != exercise.id:
            message = f"This comes from your {mistake.origin}, which it calls. {message}"
    else:
        message = f"Not one of the known mistakes. {guess or _about(exercise, lines)}".rstrip()
    verdict = "partial" if fraction > 0 else "wrong"
    return result(fraction, verdict, message, hint="" if mistake else _general_hint(exercise, cases), **more)


def _about(exercise: Exercise, lines: Sequence[Line]) -> str:
    """The first wrong value in words, where the exercise has some."""
    first = next((line for line in lines if not line.ok), None)
    if first and first.name in (exercise.about or {}):
        return f"Look first at `{first.name}`: {exercise.about[first.name]}."
    return ""


def _fraction(exercise: Exercise, right: Mapping[str, bool]) -> float:
    """The share of the points: parts all right, unless a gate is wrong."""
    whole = {name: all(right[value] for value in part.names) for name, part in exercise.parts.items()}
    if any(part.gate and not whole[name] for name, part in exercise.parts.items()):
        return 0.0
    return sum(part.share for name, part in exercise.parts.items() if whole[name])


def _follows(seen: Sequence[Observation], expectation: Expectation, forward_mistake: str | None) -> bool:
    answers = (expectation.follow_through or {}).get(forward_mistake, ())
    return any(
        all(pattern.matches(observation) for pattern, observation in zip(answer, seen, strict=True))
        for answer in answers
    )


def _without_values(problem: Problem, mistake: KnownMistake | None) -> tuple[str, str]:
    """The verdict and the message where there are no values to judge."""
    verdict = {"blank": "missing", "malformed": "wrong", "cell": "error"}.get(problem.kind, problem.kind)
    message = problem.message
    if mistake:
        message = f"{mistake.sentence} ({problem.message})"
    return verdict, message


def _hint(problem: Problem, exercise: Exercise) -> str:
    if exercise.kind == "layer" and problem.kind in ("malformed", "error"):
        return (
            'make one yourself in a new cell, with dtype="float64" as the check does, call it, and look at its '
            "attributes and at the shapes of its weights."
        )
    return {
        "malformed": "read `Returns` in the docstring: what, in which order, with which shapes.",
        "cell": "run that cell by itself, and mend what the error says.",
        "error": "call it yourself in a new cell, with small arrays of the stated shapes.",
    }.get(problem.kind, "")


def _general_hint(exercise: Exercise, cases: Sequence[Case]) -> str:
    if exercise.kind == "backward":
        return "take one returned array at a time, and follow every path from its input to the loss."
    if exercise.kind == "forward":
        sizes = "batch 1" if any("batch" in case.sizes for case in cases) else "few rows and columns"
        return f"work one element out on paper, with {sizes} and small numbers."
    return ""
