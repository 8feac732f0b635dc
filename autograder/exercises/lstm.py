"""Lesson 08: how the LSTM exercises are tested."""

import numpy as np

from autograder.exercise import Case, Exercise, Part, backward, distinct_sizes, forward
from autograder.layers import (
    ABOUT_CELL,
    AS_KERAS,
    WEIGHTS,
    copied_parts,
    probe_copied_weights,
    probe_recurrent_cell,
    show_recurrent_cell,
    start_of,
)

SCALE = 0.5  # of the weights: large enough that gates open and close, small enough that they do not saturate


def _weights(rng: np.random.Generator, features: int, units: int) -> dict[str, np.ndarray]:
    return {
        "Wx": SCALE * rng.standard_normal((features, 4 * units)),
        "Wh": SCALE * rng.standard_normal((units, 4 * units)),
        "b": SCALE * rng.standard_normal(4 * units),
    }


def draw_step(rng: np.random.Generator) -> Case:
    """x (batch, features), h_prev and c_prev (batch, units), Wx, Wh, b."""
    sizes = distinct_sizes(rng, "batch", "features", "units")
    batch, features, units = sizes.values()
    inputs = {
        "x": rng.standard_normal((batch, features)),
        "h_prev": rng.uniform(-0.9, 0.9, (batch, units)),
        "c_prev": rng.standard_normal((batch, units)),
        **_weights(rng, features, units),
    }
    return Case(inputs, sizes)


def draw_step_backward(rng: np.random.Generator) -> Case:
    """dh and dc (batch, units), then the arguments of the step."""
    case = draw_step(rng)
    shape = case.inputs["h_prev"].shape
    upstream = {"dh": rng.standard_normal(shape), "dc": rng.standard_normal(shape)}
    return Case({**upstream, **case.inputs}, case.sizes)


def draw_sequence(rng: np.random.Generator) -> Case:
    """x (batch, time, features), h0 and c0 (batch, units), Wx, Wh, b."""
    sizes = distinct_sizes(rng, "batch", "time", "features", "units", high=6)  # four gates: numeric gradients cost
    batch, time, features, units = sizes.values()
    inputs = {
        "x": rng.standard_normal((batch, time, features)),
        "h0": rng.uniform(-0.9, 0.9, (batch, units)),
        "c0": rng.standard_normal((batch, units)),
        **_weights(rng, features, units),
    }
    return Case(inputs, sizes)


def draw_sequence_backward(rng: np.random.Generator) -> Case:
    """dh and dc (batch, time, units), then the arguments of the sequence."""
    case = draw_sequence(rng)
    shape = (case.sizes["batch"], case.sizes["time"], case.sizes["units"])
    upstream = {"dh": rng.standard_normal(shape), "dc": rng.standard_normal(shape)}
    return Case({**upstream, **case.inputs}, case.sizes)


def draw_cell(rng: np.random.Generator) -> Case:
    """A sequence, its upstream gradient, and the weights to put into the cell, by their Keras names."""
    case = draw_sequence_backward(rng)
    inputs = case.inputs
    renamed = {
        "inputs": inputs["x"],
        "h": inputs["h0"],
        "c": inputs["c0"],
        "upstream": inputs["dh"],
        "kernel": inputs["Wx"],
        "recurrent_kernel": inputs["Wh"],
        "bias": inputs["b"],
    }
    return Case(renamed, case.sizes)


def probe_lstm_cell(cell_class, inputs):
    """Build the cell, put the weights in, run it under `keras.layers.RNN`: see `autograder.layers`.

    The bias after `build` is looked at twice, with `unit_forget_bias` left at its default and set to False.
    """
    import keras

    values = probe_recurrent_cell(cell_class, inputs, states=("h", "c"), **AS_KERAS)
    without = cell_class(inputs["h"].shape[-1], unit_forget_bias=False, dtype="float64")
    keras.layers.RNN(without, dtype="float64").build(inputs["inputs"].shape)
    values["initial.bias_without"] = start_of(without, "bias")
    return values


def probe_copy_weights(copy_weights, inputs):
    """Copy into and out of a `keras.layers.LSTM`: see `autograder.layers`."""
    import keras

    return probe_copied_weights(copy_weights, inputs, keras.layers.LSTM)


def draw_copy(rng: np.random.Generator) -> Case:
    """The three weights."""
    case = draw_cell(rng)
    return Case({name: case.inputs[name] for name in WEIGHTS}, case.sizes)


_about_copy = {
    f"{direction}.{prefix}{name}": f"the {name.replace('_', ' ')} of the {side}, copying {way}"
    for direction, way in (
        ("into_keras", "from a cell of its own to keras.layers.LSTM"),
        ("out_of_keras", "from keras.layers.LSTM to a cell of its own"),
    )
    for prefix, side in (("", "target"), ("source_", "source"))
    for name in WEIGHTS
}
_about_cell = {
    **ABOUT_CELL,
    "final_state": "the hidden state after the last step",
    "final_state_c": "the cell state after the last step",
    "gradient.h": "the gradient that reaches the initial hidden state",
    "gradient.c": "the gradient that reaches the initial cell state",
    "initial.bias": "the bias after build()",
    "initial.bias_without": "the bias after build() with unit_forget_bias=False",
}
_keras_lstm = ("keras.layers.LSTM", "keras.layers.LSTMCell")
CELL_RTOL = 1e-10  # one pass through float32 leaves errors just below 1e-7, which a float64 layer must not have

EXERCISES = [
    forward("lstm.step_forward", 4, draw_step, ("h", "c")),
    backward(
        "lstm.step_backward", 10, draw_step_backward, ("dx", "dh_prev", "dc_prev", "dWx", "dWh", "db"),
        forward="lstm.step_forward", upstream=("dh", "dc"),
    ),
    forward("lstm.sequence_forward", 4, draw_sequence, ("h", "c"), {"h": 1, "c": 1}),
    backward(
        "lstm.sequence_backward", 10, draw_sequence_backward, ("dx", "dh0", "dc0", "dWx", "dWh", "db"),
        forward="lstm.sequence_forward", upstream=("dh", "dc"), time_axis={"dx": 1},
    ),
    Exercise(
        "lstm.LSTMCell", 9, draw_cell, probe_lstm_cell,
        {
            "outputs": Part(0.25, ("outputs", "final_state", "final_state_c"), gate=True),
            "gradients": Part(
                0.4,
                (
                    "gradient.kernel", "gradient.recurrent_kernel", "gradient.bias",
                    "gradient.inputs", "gradient.h", "gradient.c",
                ),
            ),
            "weights": Part(0.1, ("weights", "dtypes", "initial.kernel", "initial.recurrent_kernel")),
            "forget bias": Part(0.1, ("initial.bias", "initial.bias_without")),
            "state": Part(0.05, ("zero_state", "first_output")),
            "config": Part(0.1, ("config", "rebuilt_outputs")),
        },
        kind="layer", rtol=CELL_RTOL, forbidden=_keras_lstm, shown=show_recurrent_cell, about=_about_cell,
        time_axis={"outputs": 1, "gradient.inputs": 1},
    ),
    Exercise(
        "lstm.copy_weights", 3, draw_copy, probe_copy_weights,
        copied_parts(), kind="layer", rtol=CELL_RTOL, about=_about_copy,
    ),
]  # fmt: skip
