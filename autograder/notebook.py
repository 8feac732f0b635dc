"""`check("elman.step_backward")`: what a student runs in a cell. Offline, in a second, against the answer key."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

from autograder import delegation, gradients, key, layers
from autograder import exercise as exercises
from autograder.exercise import Case, Exercise
from autograder.judge import judge
from autograder.quiet import quiet
from autograder.result import Line, Result, Shown
from autograder.subject import Observation, Problem, observe

PATIENCE = 30  # seconds, before an answer is stopped; grading stops a cell after as long


def check(exercise_id: str, *, namespace: Mapping[str, object] | None = None, folder: str | Path = ".") -> float:
    """Check one exercise in this notebook, show the result, and return the points.

    Args:
        exercise_id: for example "elman.step_backward".
        namespace: where the answer is defined; the notebook's own names by default.
        folder: where the answer key lies.

    Returns:
        The points, between 0 and the exercise's maximum. Stock nbgrader takes the cell's value for the score.

    Raises:
        KeyError: for an exercise that does not exist; FileNotFoundError: without an answer key.
    """
    exercise = exercises.find(exercise_id)
    names = _notebook_names() if namespace is None else namespace
    with quiet():
        result = evaluate(exercise, names, Path(folder))
    _show(result)
    return float(result.points)


def evaluate(exercise: Exercise, names: Mapping[str, object], folder: Path) -> Result:
    """Judge the object that `names` holds against the key in `folder`, without showing anything."""
    points, expectation = key.find(exercise.id, folder)
    cases = exercise.public_cases()
    try:
        with _time_limit():
            seen = observe(exercise, names, cases)
    except TookTooLong:
        message = f"It ran for {PATIENCE} seconds and was stopped. Is there a loop that never ends?"
        seen = [Observation(problem=Problem("limit", message))] * len(cases)
    hit = delegation.search_living(names, exercise.object, exercise.forbidden)
    if hit:
        seen = [Observation(problem=Problem("forbidden", str(delegation.Forbidden(hit)), hit))] * len(cases)
    forward_mistake, numeric = None, None
    if exercise.kind == "backward" and not any(observation.problem for observation in seen):
        forward = exercises.find(exercise.forward)
        known = key.find(forward.id, folder)[1]
        mistake = _patiently(lambda: known.recognise(observe(forward, names, forward.public_cases())))
        forward_mistake = mistake and mistake.id
        numeric = _numeric_of(exercise, forward, names, cases)
    if exercise.kind == "layer":
        numeric = _numeric_of_layer(exercise, names, cases)
    result = judge(
        exercise,
        cases,
        seen,
        expectation,
        max_points=points,
        forward_mistake=forward_mistake,
        numeric=numeric,
        sound=lambda id: bool(_patiently(lambda: _sound(exercises.find(id), names, folder))),
    )
    if exercise.shown and result.verdict == "right":
        shown = _patiently(lambda: exercise.shown(names[exercise.object], cases[0].inputs))
        result = replace(result, lines=tuple(Line(*one) for one in shown or ()))
    if any(line.detail == layers.DISCONNECTED for line in result.lines):
        result = replace(result, hint=_why_disconnected(exercise, names, cases[0]) or result.hint)
    return result


def _sound(exercise: Exercise, names: Mapping[str, object], folder: Path) -> bool:
    """Does the notebook hold a right answer to an exercise that another one calls?"""
    known, cases = key.find(exercise.id, folder)[1], exercise.public_cases()
    return judge(exercise, cases, observe(exercise, names, cases), known).verdict == "right"


class TookTooLong(KeyboardInterrupt):
    """A student's object is stopped as by the interrupt button, which `observe` lets through."""


@contextmanager
def _time_limit() -> Iterator[None]:
    """Stop what takes longer than PATIENCE, where signals can: in the main thread, and not on Windows."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        raise TookTooLong

    start = time.monotonic()
    handler = signal.signal(signal.SIGALRM, stop)
    left, interval = signal.setitimer(
        signal.ITIMER_REAL, PATIENCE, 1
    )  # and again each second, should the code catch it
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if left:  # somebody else's alarm, for example of a check around this one
            signal.setitimer(signal.ITIMER_REAL, max(0.001, left - (time.monotonic() - start)), interval)


def _patiently(function: Callable[[], object]) -> object:
    """What a function gives; None if it fails, or takes too long. For what is nice to know."""
    try:
        with _time_limit():
            return function()
    except (Exception, TookTooLong):
        return None


def _numeric_of(exercise: Exercise, forward: Exercise, names: Mapping[str, object], cases: list[Case]):
    """Case number -> the numeric gradient of the student's own forward pass, or None where it has none."""

    @cache
    def numeric(case: int) -> gradients.NumericGradient | None:
        arguments, upstream = exercise.forward_call(cases[case].inputs)
        wrt = [name[1:] for name in exercise.names]
        function = names.get(forward.object)  # one that is missing or fails has a check of its own, which says why
        return _patiently(lambda: gradients.numeric_gradient(function, arguments, upstream=upstream, wrt=wrt))

    return numeric


def _numeric_of_layer(exercise: Exercise, names: Mapping[str, object], cases: list[Case]):
    """Case number -> the numeric gradient of the student's own layer, or None where it has none."""

    @cache
    def numeric(case: int) -> gradients.NumericGradient | None:
        return _patiently(lambda: _called(exercise, names, cases[case]).numeric_gradient())

    return numeric


def _why_disconnected(exercise: Exercise, names: Mapping[str, object], case: Case) -> str:
    """The operation of the student's layer that lets no gradient through, in a sentence, or ""."""
    return _patiently(lambda: _called(exercise, names, case).why_disconnected()) or ""


def _called(exercise: Exercise, names: Mapping[str, object], case: Case) -> layers.Called:
    return layers.differentiated(exercise, names[exercise.object], case.inputs)


def _notebook_names() -> Mapping[str, object]:
    try:
        from IPython import get_ipython
    except ImportError:
        shell = None
    else:
        shell = get_ipython()
    if shell is None:
        raise RuntimeError(
            "check() looks for your answer among the notebook's names. Received: no notebook. Outside Jupyter give "
            'it the names: check("elman.step_forward", namespace=globals()).'
        )
    return shell.user_ns


def _show(result: Result) -> None:
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        print(result.text())
        return
    if get_ipython() is None:
        print(result.text())
    else:
        display(Shown(result))
