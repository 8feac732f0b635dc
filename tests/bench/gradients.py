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
from tests.bench import peers, tables

LESSON = "elman"


def run() -> dict[str, object]:
    """Measure everything and write the tables; the figures."""
    costs = overheads()
    layer = layer_speed()
    checks = lesson_check_seconds()
    others = peers.every()
    wall = sum(seconds * ratio * calls for seconds, ratio, calls in costs.values())
    bare = sum(seconds * calls for seconds, _, calls in costs.values())
    figures = {
        "overhead": round(wall / bare, 3),
        "overhead_by_function": {id: round(ratio, 3) for id, (_, ratio, _) in costs.items()},
        **layer,
        "lesson_check_seconds": round(sum(checks.values()), 3),
        "lesson_check_seconds_by_exercise": {id: round(seconds, 3) for id, seconds in checks.items()},
        "peers": {p.name: {"seconds": p.seconds, "accepts": p.accepts, "finds": p.finds} for p in others},
    }
    rows = [
        (f"`{id}`", f"{1e6 * seconds:.1f}", calls, f"{ratio:.2f}")
        for id, (seconds, ratio, calls) in sorted(costs.items(), key=lambda item: item[1][0])
    ]
    rows.append(("all together", "", "", f"{wall / bare:.2f}"))
    head = ("by-hand function", "microseconds a call", "calls", "wall time / own evaluations")
    text = [tables.table(head, rows)]
    head = ("an Elman cell under `keras.layers.RNN`: 137 elements, 274 evaluations", "eager loop / ours")
    rows = [
        ("`layer_gradient`, tracing included", f"{layer['keras_speedup']:.1f}"),
        ("the same, the eager layer made with `unroll=True`", f"{layer['keras_speedup_unrolled']:.1f}"),
        ("`layer_gradient`, once traced", f"{layer['keras_speedup_once_traced']:.1f}"),
    ]
    text.append(tables.table(head, rows))
    text.append(
        f"Relative L2 error against the complex step of the same layer in NumPy: eager loop {layer['error_eager']:.0e}, "
        f"ours {layer['error_ours']:.0e}. All checks of lesson 04 in the notebook: {sum(checks.values()):.2f} s."
    )
    head = (
        "checker, on an Elman layer of 137 elements",
        "milliseconds",
        "accepts the right gradient",
        "finds 1 element off by 1e-4",
    )
    rows = [
        (p.name, f"{1e3 * p.seconds:.1f}", "yes" if p.accepts else "no", "yes" if p.finds else "no") for p in others
    ]
    text.append(tables.table(head, rows))
    tables.put("gradients", "\n\n".join(text))
    print("\n\n".join(text), flush=True)
    return figures


def layer_speed(repetitions: int = 3) -> dict[str, float]:
    """The usual loop of two eager calls per element against `layer_gradient`, at equal steps, on the same Keras layer.

    Returns:
        keras_speedup: eager time over ours, a fresh trace included. keras_speedup_unrolled: the same for an eager layer
        with unroll=True. keras_speedup_once_traced: ours without what the first call takes besides. error_eager, error_ours: relative L2 error against the complex step in NumPy.
    """
    import keras

    from solutions.elman import ElmanCell, sequence_forward

    arrays, upstream = peers.inputs()

    def made(**more) -> keras.layers.RNN:
        cell = ElmanCell(peers.UNITS, dtype="float64")
        layer = keras.layers.RNN(cell, return_sequences=True, dtype="float64", **more)
        layer.build(arrays["x"].shape)
        for name, weight in (("Wx", "kernel"), ("Wh", "recurrent_kernel"), ("b", "bias")):
            getattr(cell, weight).assign(arrays[name])
        return layer

    layer, unrolled = made(), made(unroll=True)
    truth = gradients.numeric_gradient(sequence_forward, arrays, upstream=upstream, method="complex").values

    def ours() -> dict[str, np.ndarray]:
        found = gradients.layer_gradient(layer, arrays["x"], states=[arrays["h0"]], upstream=upstream).values
        return dict(zip(("Wx", "Wh", "b", "x", "h0"), found.values(), strict=True))

    def eager() -> dict[str, np.ndarray]:
        return _eager_loop(layer, arrays, upstream)

    times: dict[str, list[float]] = {"ours": [], "eager": [], "unrolled": []}
    found = {}
    for _ in range(repetitions):
        for name, way in (
            ("ours", ours),
            ("eager", eager),
            ("unrolled", lambda: _eager_loop(unrolled, arrays, upstream)),
        ):
            start = time.perf_counter()
            found[name] = way()
            times[name].append(time.perf_counter() - start)
    traced = _once_traced(layer, arrays, upstream)
    errors = {name: _relative(values, truth) for name, values in found.items()}
    return {
        "keras_speedup": round(min(times["eager"]) / min(times["ours"]), 2),
        "keras_speedup_unrolled": round(min(times["unrolled"]) / min(times["ours"]), 2),
        "keras_speedup_once_traced": round(min(times["eager"]) / traced, 2),
        "error_eager": errors["eager"],
        "error_ours": errors["ours"],
    }


def _eager_loop(layer, arrays: dict[str, np.ndarray], upstream: np.ndarray) -> dict[str, np.ndarray]:
    """What most courses show: two calls per element, with the step that is best for float64."""
    import tensorflow as tf

    h = np.finfo(float).eps ** (1 / 3)
    cell, up = layer.cell, tf.constant(upstream)
    weights = {"Wx": cell.kernel, "Wh": cell.recurrent_kernel, "b": cell.bias}
    given = {"x": arrays["x"], "h0": arrays["h0"]}

    def loss() -> float:
        return float(tf.reduce_sum(up * layer(given["x"], initial_state=[given["h0"]])))

    found = {}
    for name, array in arrays.items():
        gradient = np.zeros_like(array)
        moved = array.copy()
        for index in np.ndindex(array.shape):
            values = []
            for step in (h, -h):
                moved[index] = array[index] + step
                if name in weights:
                    weights[name].assign(moved)
                else:
                    given[name] = moved
                values.append(loss())
            moved[index] = array[index]
            gradient[index] = (values[0] - values[1]) / (2 * h)
        if name in weights:
            weights[name].assign(array)
        else:
            given[name] = array
        found[name] = gradient
    return found


def _once_traced(layer, arrays: dict[str, np.ndarray], upstream: np.ndarray) -> float:
    """Seconds of a second numeric gradient on the graph that the first one made."""
    from autograder.gradients.layers.layer_gradient import _traced
    from autograder.gradients.layers.run import LayerRun

    run = LayerRun(layer, arrays["x"], states=[arrays["h0"]])
    moved = run.values()
    many = _traced(run, moved)

    def outputs(*values: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(run.outputs(dict(zip(moved, values, strict=True))))

    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        gradients.numeric_gradient(outputs, moved, upstream=(upstream,), many=many)
        best = min(best, time.perf_counter() - start)
    return best


def _relative(values: dict[str, np.ndarray], truth: dict[str, np.ndarray]) -> float:
    off = np.concatenate([(values[name] - truth[name]).ravel() for name in truth])
    return float(np.linalg.norm(off) / np.linalg.norm(np.concatenate([array.ravel() for array in truth.values()])))


def overheads(repetitions: int = 40) -> dict[str, tuple[float, float, int]]:
    """For each by-hand forward exercise with a backward one: id -> (seconds a call, wall time over evaluations, calls).

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


def _overhead(function, backward: Exercise, inputs: dict, repetitions: int) -> tuple[float, float, int]:
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
    return min(bare) / calls, min(whole) / min(bare), calls


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
