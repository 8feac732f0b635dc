"""Verdicts: observed values against expected ones, points, and the sentence that explains them.

The judge sees arrays and text and nothing else. It is the same in the student's notebook, where the
expectation is fingerprints, and in grading, where it is arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from autograder import gradients
from autograder.exercise import Case, Exercise
from autograder.expectation import Exact, Expectation, KnownMistake, Text
from autograder.result import Line, Result
from autograder.subject import Observation, Problem

HALF = 0.5  # of the points: for follow-through, and for right values with the caller's arrays changed

Numeric = Callable[[int], Mapping[str, gradients.NumericGradient] | None]


def judge(
    exercise: Exercise,
    cases: Sequence[Case],
    seen: Sequence[Observation],
    expectation: Expectation,
    *,
    max_points: float | None = None,
    forward_mistake: str | None = None,
    numeric: Callable[[int], gradients.NumericGradient | None] | None = None,
) -> Result:
    """Judge one exercise.

    Args:
        exercise: what was asked.
        cases: the inputs.
        seen: what the student's object gave, one observation per case.
        expectation: what the right answer and the known mistakes give.
        max_points: of the assignment; the exercise's own by default.
        forward_mistake: id of the known mistake that the student's forward pass makes, if it makes one.
        numeric: for a backward exercise, case number -> the numeric gradient of the student's own forward
            pass, to show when an answer is wrong.

    Returns:
        The result.
    """
    maximum = exercise.points if max_points is None else max_points

    def result(fraction: float, verdict: str, message: str, **more) -> Result:
        return Result(exercise.id, round(fraction * maximum, 2), maximum, verdict, message, **more)

    mistake = expectation.recognise(seen)
    problem = next((observation.problem for observation in seen if observation.problem), None)
    if problem:
        return result(0, *_without_values(problem, mistake), mistake=mistake and mistake.id, hint=_hint(problem))

    right = {
        name: all(
            name in observation.values and pattern.marks[name].matches(observation.values[name])
            for observation, pattern in zip(seen, expectation.right, strict=True)
        )
        for name in exercise.names
    }
    lines, guess = _lines(exercise, cases, seen, expectation, right, numeric)
    more = {"lines": lines, "mistake": mistake and mistake.id}
    unstable = next((observation.unstable for observation in seen if observation.unstable), ())
    edited = next((observation.edited for observation in seen if observation.edited), ())
    fraction = _fraction(exercise, right)

    if unstable:
        names = ", ".join(unstable)
        message = f"Called twice with the same inputs it gave two answers ({names}). Is something kept, or random?"
        return result(0, "wrong", mistake.sentence if mistake else message, **more)
    if edited:
        names = ", ".join(f"`{name}`" for name in edited)
        message = f"{names} was changed in place. What a function is given belongs to the caller: work on a copy."
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
        origin = mistake.id.split(":")[0]
        if origin != exercise.id:
            message = f"This comes from your {origin}, which it calls. {message}"
    else:
        message = guess or _of_shape(exercise, seen, expectation) or _about(exercise, lines)
    verdict = "partial" if fraction > 0 else "wrong"
    return result(fraction, verdict, message, hint="" if mistake else _general_hint(exercise), **more)


def _of_shape(exercise: Exercise, seen: Sequence[Observation], expectation: Expectation) -> str | None:
    """The first array of another shape than stated, and what that suggests."""
    for name in exercise.names:
        answer, mark = seen[0].values.get(name), expectation.right[0].marks[name]
        if not isinstance(answer, np.ndarray) or mark.shape is None or answer.shape == mark.shape:
            continue
        found = f"`{name}` has the shape {answer.shape}, stated is {mark.shape}."
        if sorted(answer.shape) == sorted(mark.shape):
            return f"{found} Are two axes the wrong way round, or two arrays in each other's place?"
        if answer.ndim > len(mark.shape):
            return f"{found} Which axis should be summed over?"
        if answer.ndim < len(mark.shape):
            return f"{found} Which axis was lost?"
        return f"{found} Is there one step, row or column too many or too few?"
    return None


def _about(exercise: Exercise, lines: Sequence[Line]) -> str:
    """The first wrong value in words, where the exercise has some."""
    first = next((line for line in lines if not line.ok), None)
    if first and first.name in (exercise.about or {}):
        return f"Look first at `{first.name}`: {exercise.about[first.name]}. Not one of the mistakes known here."
    return "Not one of the mistakes known here."


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


def _hint(problem: Problem) -> str:
    return {
        "malformed": "read `Returns` in the docstring: what, in which order, with which shapes.",
        "cell": "run that cell by itself, and mend what the error says.",
        "error": "call it yourself in a new cell, with small arrays of the stated shapes.",
    }.get(problem.kind, "")


def _general_hint(exercise: Exercise) -> str:
    if exercise.kind == "backward":
        return "take one returned array at a time, and follow every path from its input to the loss."
    if exercise.kind == "forward":
        return "work one element out on paper, with batch 1 and small numbers."
    return ""


def _lines(
    exercise: Exercise,
    cases: Sequence[Case],
    seen: Sequence[Observation],
    expectation: Expectation,
    right: Mapping[str, bool],
    numeric: Callable[[int], gradients.NumericGradient | None] | None,
) -> tuple[tuple[Line, ...], str | None]:
    """One line per value, and a guess at the cause from the first wrong one's signature."""
    lines, guess = [], None
    for name in exercise.names:
        if right[name]:
            shape = expectation.right[0].marks[name].shape
            lines.append(Line(name, True, f"shape {shape}" if shape is not None else ""))
            continue
        case, answer, mark = next(
            (number, observation.values.get(name), pattern.marks[name])
            for number, (observation, pattern) in enumerate(zip(seen, expectation.right, strict=True))
            if name not in observation.values or not pattern.marks[name].matches(observation.values[name])
        )
        detail, comparison = _detail(exercise, name, answer, mark, numeric and numeric(case))
        if comparison is not None and guess is None:
            guess = gradients.describe(comparison, sizes=cases[case].sizes)
        lines.append(Line(name, False, detail))
    return tuple(lines), guess


def _detail(exercise, name, answer, mark, numeric) -> tuple[str, gradients.Comparison | None]:
    """What to say about one wrong value; never the right values of a forward pass."""
    if answer is None:
        return "not returned", None
    if isinstance(mark, Text) or isinstance(answer, str):
        if isinstance(answer, str) and isinstance(mark, Text):
            return f"yours: {answer or 'nothing'}", None
        return answer if isinstance(answer, str) else "an array where text is meant", None
    if answer.shape != mark.shape:
        return f"shape {answer.shape}, stated {mark.shape}", None
    expected, error = None, None
    if exercise.kind == "backward" and numeric is not None and name[1:] in numeric.values:
        expected, error = numeric.values[name[1:]], numeric.error[name[1:]]
    elif isinstance(mark, Exact):
        expected = mark.array
    if expected is None or expected.shape != answer.shape:
        return f"shape {answer.shape} ok, values not", None
    axis = (exercise.time_axis or {}).get(name)
    comparison = gradients.compare(
        answer.astype(np.float64), np.asarray(expected, np.float64), error=error, rtol=exercise.rtol, time_axis=axis
    )
    if exercise.kind != "backward":
        return f"{comparison.wrong_count} of {comparison.size} elements wrong", comparison
    if comparison.ok:
        return "differs from the numeric gradient by less than that one's own error", None
    worst = ", ".join(map(str, comparison.worst_index))
    return (
        f"[{worst}] yours {comparison.answer_value:.6g}, numeric {comparison.expected_value:.6g}; "
        f"relative error {comparison.relative_error:.1e}, cosine {comparison.cosine:.4f}, "
        f"norm ratio {comparison.norm_ratio:.4g}",
        comparison,
    )
