"""Lesson 09, first half: how the GRU exercises are tested."""

import numpy as np

from autograder.exercise import Case, Exercise, Malformed, Part, backward, distinct_sizes, forward
from autograder.layers import ABOUT_CELL, AS_KERAS, probe_recurrent_cell, show_recurrent_cell

SCALE = 0.5  # of the weights: large enough that gates open and close, small enough that they do not saturate


def draw_step(rng: np.random.Generator) -> Case:
    """x (batch, features), h_prev (batch, units), Wx, Wh, b (2, 3 units)."""
    sizes = distinct_sizes(rng, "batch", "features", "units")
    batch, features, units = sizes.values()
    inputs = {
        "x": rng.standard_normal((batch, features)),
        "h_prev": rng.uniform(-0.9, 0.9, (batch, units)),
        "Wx": SCALE * rng.standard_normal((features, 3 * units)),
        "Wh": SCALE * rng.standard_normal((units, 3 * units)),
        "b": SCALE * rng.standard_normal((2, 3 * units)),
    }
    return Case(inputs, sizes)


def draw_step_backward(rng: np.random.Generator) -> Case:
    """dh (batch, units), then the arguments of the step."""
    case = draw_step(rng)
    return Case({"dh": rng.standard_normal(case.inputs["h_prev"].shape), **case.inputs}, case.sizes)


def draw_cell(rng: np.random.Generator) -> Case:
    """A sequence, its upstream gradient, and the weights by their Keras names, with one bias for each convention."""
    sizes = distinct_sizes(rng, "batch", "time", "features", "units")
    batch, time, features, units = sizes.values()
    inputs = {
        "inputs": rng.standard_normal((batch, time, features)),
        "initial_state": rng.uniform(-0.9, 0.9, (batch, units)),
        "upstream": rng.standard_normal((batch, time, units)),
        "kernel": SCALE * rng.standard_normal((features, 3 * units)),
        "recurrent_kernel": SCALE * rng.standard_normal((units, 3 * units)),
        "bias": SCALE * rng.standard_normal((2, 3 * units)),
        "bias_before": SCALE * rng.standard_normal(3 * units),
    }
    return Case(inputs, sizes)


BEFORE = "before."  # in front of the values of a cell with reset_after=False
_gradients = (
    "gradient.kernel",
    "gradient.recurrent_kernel",
    "gradient.bias",
    "gradient.inputs",
    "gradient.initial_state",
)
_initial = ("initial.bias", "initial.kernel", "initial.recurrent_kernel")
_asked_before = ("outputs", "final_state", *_gradients, "weights", "config", "rebuilt_outputs")


def probe_gru_cell(cell_class, inputs):
    """Build the cell in both conventions, put the weights in, run it: see `autograder.layers`.

    The convention that is not the default is judged apart: if it fails, its values say how, and those of the
    default stand.
    """
    values = probe_recurrent_cell(
        cell_class,
        inputs,
        states=("initial_state",),
        **AS_KERAS,
    )
    make = {"units": inputs["initial_state"].shape[-1], "reset_after": False}
    given = {**inputs, "bias": inputs["bias_before"]}
    try:
        before = probe_recurrent_cell(cell_class, given, states=("initial_state",), make=make)
    except Malformed as malformed:
        before = dict.fromkeys(_asked_before, str(malformed))
    except Exception as error:
        before = dict.fromkeys(_asked_before, f"{type(error).__name__} in a cell with reset_after=False")
    return values | {BEFORE + name: before[name] for name in _asked_before}


_about_cell = ABOUT_CELL | {
    BEFORE + name: f"with reset_after=False, {what}" for name, what in ABOUT_CELL.items() if name in _asked_before
}
_keras_gru = ("keras.layers.GRU", "keras.layers.GRUCell")
CELL_RTOL = 1e-10  # one pass through float32 leaves errors just below 1e-7, which a float64 layer must not have


def _of_before(*names: str) -> tuple[str, ...]:
    return tuple(BEFORE + name for name in names)


EXERCISES = [
    forward("gru.step_forward", 4, draw_step, ("h",)),
    backward(
        "gru.step_backward", 8, draw_step_backward, ("dx", "dh_prev", "dWx", "dWh", "db"),
        forward="gru.step_forward", upstream="dh",
    ),
    Exercise(
        "gru.GRUCell", 8, draw_cell, probe_gru_cell,
        {
            "outputs": Part(0.2, ("outputs", "final_state"), gate=True),
            "gradients": Part(0.3, _gradients),
            "outputs, reset before": Part(0.15, _of_before("outputs", "final_state")),
            "gradients, reset before": Part(0.15, _of_before(*_gradients)),
            "weights": Part(0.08, ("weights", "dtypes", *_initial, *_of_before("weights"))),
            "state": Part(0.04, ("zero_state", "first_output")),
            "config": Part(0.08, ("config", "rebuilt_outputs", *_of_before("config", "rebuilt_outputs"))),
        },
        kind="layer", rtol=CELL_RTOL, forbidden=_keras_gru, shown=show_recurrent_cell, about=_about_cell,
        time_axis={
            "outputs": 1, "gradient.inputs": 1, BEFORE + "outputs": 1, BEFORE + "gradient.inputs": 1,
        },
    ),
]  # fmt: skip
