"""What to say about each judged value: one line, a map of where it is wrong, and a guess at the cause."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from autograder import gradients
from autograder.exercise import Case, Exercise
from autograder.expectation import Exact, Expectation, Fingerprint, Mark, Text
from autograder.gradients import Comparison, NumericGradient
from autograder.heat import heat
from autograder.result import Line
from autograder.subject import Observation

Numeric = Callable[[int], NumericGradient | None]
NEARLY = 1e-5  # relative: what a pass through float32 leaves right


def lines_of(
    exercise: Exercise,
    cases: Sequence[Case],
    seen: Sequence[Observation],
    expectation: Expectation,
    right: Mapping[str, bool],
    numeric: Numeric | None,
) -> tuple[tuple[Line, ...], str | None]:
    """One line per value, and a guess at the cause: another order, another shape, or the first signature.

    Args:
        exercise, cases, seen, expectation: as `judge` has them.
        right: value name -> is it right in every case?
        numeric: case number -> the numeric gradient of the student's own forward pass.
    """
    lines, guess = [], _in_another_order(exercise, seen, expectation, right) or _of_shape(exercise, seen, expectation)
    for name in exercise.names:
        if right[name]:
            shape = expectation.right[0].marks[name].shape
            lines.append(Line(name, True, f"shape {shape}" if shape is not None else ""))
            continue
        case = next(
            number
            for number, (observation, pattern) in enumerate(zip(seen, expectation.right, strict=True))
            if name not in observation.values or not pattern.marks[name].matches(observation.values[name])
        )
        mark, answer = expectation.right[case].marks[name], seen[case].values.get(name)
        line, comparison = _line(exercise, cases[case], name, answer, mark, numeric and partial(numeric, case))
        lines.append(line)
        if guess is None:
            sizes = {} if _same_factor(name, seen, expectation) else cases[case].sizes
            guess = _signature(name, answer, mark, comparison, sizes)
    return tuple(lines), guess


def _same_factor(name: str, seen: Sequence[Observation], expectation: Expectation) -> bool:
    """Is a value off by one factor in all cases? Then the factor is no size, as sizes differ from case to case."""
    factors = []
    for observation, pattern in zip(seen, expectation.right, strict=True):
        answer, mark = observation.values.get(name), pattern.marks[name]
        if not isinstance(answer, np.ndarray) or isinstance(mark, Text) or answer.shape != mark.shape:
            return False
        factors.append(mark.factor(answer))
    return len(factors) > 1 and None not in factors and bool(np.ptp(factors) <= 1e-6 * abs(factors[0]))


def _signature(
    name: str, answer: object, mark: Mark, comparison: Comparison | None, sizes: Mapping[str, int]
) -> str | None:
    """What one wrong value looks like, in a sentence."""
    if isinstance(answer, np.ndarray) and not isinstance(mark, Text) and answer.shape == mark.shape:
        if answer.dtype.kind in "iub" and not mark.whole:
            return f"`{name}` holds whole numbers only ({answer.dtype}). Was a buffer made with an integer dtype?"
        if replace(mark, rtol=NEARLY).matches(answer):
            return (
                f"`{name}` is right to five digits or more, and no further. Does something pass through float32 on its "
                "way, or is a small number added?"
            )
    guess = None if comparison is None else gradients.describe(comparison, sizes=sizes, figures=False)
    return guess and f"`{name}`: {guess}{'' if guess.endswith('?') else '.'}"


def _in_another_order(
    exercise: Exercise, seen: Sequence[Observation], expectation: Expectation, right: Mapping[str, bool]
) -> str | None:
    """Is each wrong array the right one of another name? A layer returns no tuple whose order could be wrong."""
    if exercise.kind == "layer":
        return None
    wrong = [name for name in exercise.names if not right[name]]

    def stands_for(name: str, other: str) -> bool:
        return all(
            name in observation.values and pattern.marks[other].matches(observation.values[name])
            for observation, pattern in zip(seen, expectation.right, strict=True)
        )

    found = {
        name: next((other for other in wrong if other != name and stands_for(name, other)), None) for name in wrong
    }
    if len(wrong) < 2 or None in found.values():
        return None
    pairs = ", ".join(f"what stands for `{name}` is `{other}`" for name, other in found.items())
    return f"The arrays are right and in another order: {pairs}. Stated: ({', '.join(exercise.names)})."


def _of_shape(exercise: Exercise, seen: Sequence[Observation], expectation: Expectation) -> str | None:
    """The first array of another shape than stated, and what that suggests."""
    for name in exercise.names:
        answer, mark = seen[0].values.get(name), expectation.right[0].marks[name]
        if not isinstance(answer, np.ndarray) or mark.shape is None or answer.shape == mark.shape:
            continue
        found = f"`{name}` has the shape {answer.shape}, stated is {mark.shape}."
        if sorted(answer.shape) == sorted(mark.shape):
            return f"{found} Are two axes the wrong way round, or two arrays in each other's place?"
        if _without_ones(answer.shape) == _without_ones(mark.shape):
            return f"{found} There is an axis of length 1 too {'many' if answer.ndim > len(mark.shape) else 'few'}."
        if answer.ndim > len(mark.shape):
            return f"{found} Which axis should be summed over?"
        if answer.ndim < len(mark.shape):
            return f"{found} Which axis was lost?"
        if [abs(a - b) for a, b in zip(answer.shape, mark.shape, strict=True) if a != b] == [1]:
            return f"{found} Is there one step, row or column too many or too few?"
        return f"{found} What should each axis stand for, and what does it stand for in yours?"
    return None


def _without_ones(shape: Sequence[int]) -> list[int]:
    return [size for size in shape if size != 1]


def _line(
    exercise: Exercise,
    case: Case,
    name: str,
    answer: np.ndarray | str | None,
    mark: Mark,
    numeric: Callable[[], NumericGradient | None] | None,
) -> tuple[Line, Comparison | None]:
    """What to say about one wrong value; never the right values of a forward pass."""

    def without_values(detail: str) -> tuple[Line, None]:
        return Line(name, False, detail), None

    if answer is None:
        return without_values("not returned")
    if isinstance(mark, Text) or isinstance(answer, str):
        if isinstance(answer, str) and isinstance(mark, Text):
            return without_values(f"yours: {answer or 'nothing'}")
        return without_values(answer if isinstance(answer, str) else "an array where text is meant")
    if answer.shape != mark.shape:
        return without_values(f"shape {answer.shape}, stated {mark.shape}")

    gradient_of = _differentiated(exercise, name)
    expected, error, smooth = None, None, None
    found = numeric() if numeric is not None and gradient_of is not None else None
    if found is not None and gradient_of in found.values:
        expected, error, smooth = (part[gradient_of] for part in (found.values, found.error, found.smooth))
    elif isinstance(mark, Exact):
        expected = mark.array
    if expected is None or expected.shape != answer.shape:
        return Line(name, False, f"shape {answer.shape} ok, values not"), _from_fingerprint(mark, answer)

    axis = (exercise.time_axis or {}).get(name)
    answer, expected = answer.astype(np.float64), np.asarray(expected, np.float64)
    comparison = gradients.compare(answer, expected, error=error, smooth=smooth, rtol=exercise.rtol, time_axis=axis)
    shown = heat(answer, expected, comparison.wrong, time_axis=axis, sizes=case.sizes) if not comparison.ok else None
    if gradient_of is None:
        return Line(name, False, f"{comparison.wrong_count} of {comparison.size} elements wrong", shown), comparison
    if comparison.ok:
        return without_values("not the right one, and it fits your own forward pass: look at that first")
    worst = ", ".join(map(str, comparison.worst_index))
    detail = (
        f"[{worst}] yours {comparison.answer_value:.6g}, numeric {comparison.expected_value:.6g}; "
        f"relative error {comparison.relative_error:.1e}, cosine {comparison.cosine:.4f}, "
        f"norm ratio {comparison.norm_ratio:.4g}"
    )
    return Line(name, False, detail, shown), comparison


def _differentiated(exercise: Exercise, name: str) -> str | None:
    """The input whose gradient a value is, or None."""
    if exercise.kind == "backward" and name.startswith("d"):
        return name[1:]
    if exercise.kind == "layer" and name.startswith("gradient."):
        return name.removeprefix("gradient.")
    return None


def _from_fingerprint(mark: Mark, answer: np.ndarray) -> Comparison | None:
    """What a fingerprint tells about a wrong tensor: its sign, its factor, whether it is transposed or not finite."""
    if not isinstance(mark, Fingerprint) or not answer.size:
        return None
    unknown = float("nan")
    square = answer.ndim == 2 and answer.shape[0] == answer.shape[1]
    return Comparison(
        ok=False,
        wrong=np.ones(answer.shape, bool),
        wrong_count=answer.size,
        size=answer.size,
        not_finite=0 if mark.gaps else int((~np.isfinite(answer)).sum()),
        not_judged=0,
        not_smooth=np.zeros(answer.shape, bool),
        worst_index=(0,) * answer.ndim,
        answer_value=None,
        expected_value=None,
        relative_error=unknown,
        l2_error=unknown,
        cosine=unknown,
        norm_ratio=0.0 if not answer.any() and mark.scale > 0 else unknown,
        transposed=square and mark.matches(answer.T),
        negated=mark.matches(-1.0 * answer),
        factor=mark.factor(answer),
        per_time=None,
    )
