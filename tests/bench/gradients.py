"""What a numeric gradient costs: against the evaluations it needs, against the usual loops, and in the notebook.

Everything is a ratio from one run, and the best of several repetitions: noise only ever adds time.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from autograder import exercise as exercises
from autograder import gradients, reference
from autograder.exercise import Exercise
from autograder.notebook import evaluate
from autograder.quiet import quiet

LESSON = "elman"


def overheads(repetitions: int = 40) -> dict[str, tuple[float, float]]:
    """For each by-hand forward exercise with a backward one: id -> (seconds per call, wall time over evaluations).

    The numerator is the whole of `numeric_gradient`, central differences. The denominator is a bare loop that calls the
    function as often, with the same arguments each time.
    """
    found = {}
    for backward in exercises.every():
        if backward.kind != "backward":
            continue
        forward = exercises.find(backward.forward)
        function, case = reference.load(forward.module)[forward.object], backward.public_cases()[0]
        found[forward.id] = _overhead(function, backward, case.inputs, repetitions)
    return found


def _overhead(function, backward: Exercise, inputs: dict, repetitions: int) -> tuple[float, float]:
    arguments, upstream = backward.forward_call(inputs)
    wrt = [name[1:] for name in backward.names]
    bare, whole = [], []
    for _ in range(repetitions):
        start = time.perf_counter()
        numeric = gradients.numeric_gradient(function, arguments, upstream=upstream, wrt=wrt)
        whole.append(time.perf_counter() - start)
        values, calls = list(arguments.values()), numeric.evaluations
        start = time.perf_counter()
        for _ in range(calls):
            function(*values)
        bare.append(time.perf_counter() - start)
    return min(bare) / calls, min(whole) / min(bare)


def lesson_check_seconds(repetitions: int = 3) -> dict[str, float]:
    """Exercise id -> seconds that `check` takes in a notebook of lesson 04, the first TensorFlow trace apart."""
    from autograder.build.answers import write_key
    from autograder.build.lesson import SOURCES, read

    names, best = reference.load(LESSON), {}
    with tempfile.TemporaryDirectory() as folder, quiet():
        write_key(read(SOURCES / "04_elman.py"), Path(folder) / "04_elman.key.json", {})
        for exercise in exercises.of_module(LESSON).values():
            times = []
            for _ in range(repetitions + 1):  # the first one traces
                start = time.perf_counter()
                evaluate(exercise, names, Path(folder))
                times.append(time.perf_counter() - start)
            best[exercise.id] = min(times[1:])
    return best


def accuracy(function, arguments: dict, upstream: np.ndarray) -> dict[str, tuple[float, int]]:
    """method -> (relative L2 error against the complex step, evaluations) of the methods for a function of arrays."""
    exact = gradients.numeric_gradient(function, arguments, upstream=upstream, method="complex")
    truth = np.concatenate([value.ravel() for value in exact.values.values()])
    found = {}
    for method in ("central", "richardson"):
        numeric = gradients.numeric_gradient(function, arguments, upstream=upstream, method=method)
        values = np.concatenate([value.ravel() for value in numeric.values.values()])
        found[method] = (float(np.linalg.norm(values - truth) / np.linalg.norm(truth)), numeric.evaluations)
    return found
