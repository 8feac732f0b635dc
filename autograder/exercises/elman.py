"""Lesson 04: how the Elman exercises are tested."""

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
)

SCALE = 0.5  # of the weights: large enough that tanh bends, small enough that it does not saturate


def _weights(rng: np.random.Generator, features: int, units: int) -> dict[str, np.ndarray]:
    return {
        "Wx": SCALE * rng.standard_normal((features, units)),
        "Wh": SCALE * rng.standard_normal((units, units)),
        "b": SCALE * rng.standard_normal(units),
    }


def draw_step(rng: np.random.Generator) -> Case:
    """x (batch, features), h_prev (batch, units), Wx, Wh, b."""
    sizes = distinct_sizes(rng, "batch", "features", "units")
    batch, features, units = sizes.values()
    inputs = {
        "x": rng.standard_normal((batch, features)),
        "h_prev": rng.uniform(-0.9, 0.9, (batch, units)),
        **_weights(rng, features, units),
    }
    return Case(inputs, sizes)


def draw_step_backward(rng: np.random.Generator) -> Case:
    """dh (batch, units), then the arguments of the step."""
    case = draw_step(rng)
    return Case({"dh": rng.standard_normal(case.inputs["h_prev"].shape), **case.inputs}, case.sizes)


def draw_output(rng: np.random.Generator) -> Case:
    """h (batch, time, units), Wy (units, outputs), by (outputs,)."""
    sizes = distinct_sizes(rng, "batch", "time", "units", "outputs")
    batch, time, units, outputs = sizes.values()
    inputs = {
        "h": rng.uniform(-0.9, 0.9, (batch, time, units)),
        "Wy": SCALE * rng.standard_normal((units, outputs)),
        "by": SCALE * rng.standard_normal(outputs),
    }
    return Case(inputs, sizes)


def draw_output_backward(rng: np.random.Generator) -> Case:
    """dy (batch, time, outputs), then the arguments of the readout."""
    case = draw_output(rng)
    shape = (case.sizes["batch"], case.sizes["time"], case.sizes["outputs"])
    return Case({"dy": rng.standard_normal(shape), **case.inputs}, case.sizes)


def draw_sequence(rng: np.random.Generator) -> Case:
    """x (batch, time, features), h0 (batch, units), Wx, Wh, b."""
    sizes = distinct_sizes(rng, "batch", "time", "features", "units")
    batch, time, features, units = sizes.values()
    inputs = {
        "x": rng.standard_normal((batch, time, features)),
        "h0": rng.uniform(-0.9, 0.9, (batch, units)),
        **_weights(rng, features, units),
    }
    return Case(inputs, sizes)


def draw_sequence_backward(rng: np.random.Generator) -> Case:
    """dh (batch, time, units), then the arguments of the sequence."""
    case = draw_sequence(rng)
    shape = (case.sizes["batch"], case.sizes["time"], case.sizes["units"])
    return Case({"dh": rng.standard_normal(shape), **case.inputs}, case.sizes)


def draw_cell(rng: np.random.Generator) -> Case:
    """A sequence, its upstream gradient, and the weights to put into the cell, by their Keras names."""
    case = draw_sequence_backward(rng)
    inputs = case.inputs
    renamed = {
        "inputs": inputs["x"],
        "initial_state": inputs["h0"],
        "upstream": inputs["dh"],
        "kernel": inputs["Wx"],
        "recurrent_kernel": inputs["Wh"],
        "bias": inputs["b"],
    }
    return Case(renamed, case.sizes)


def probe_elman_cell(cell_class, inputs):
    """Build the cell, put the weights in, run it under `keras.layers.RNN`: see `autograder.layers`."""
    return probe_recurrent_cell(
        cell_class,
        inputs,
        states=("initial_state",),
        **AS_KERAS,
    )


def probe_copy_weights(copy_weights, inputs):
    """Copy into and out of a `keras.layers.SimpleRNN`: see `autograder.layers`."""
    import keras

    return probe_copied_weights(copy_weights, inputs, keras.layers.SimpleRNN)


def draw_copy(rng: np.random.Generator) -> Case:
    """The three weights."""
    case = draw_cell(rng)
    return Case({name: case.inputs[name] for name in WEIGHTS}, case.sizes)


_keras_elman = ("keras.layers.SimpleRNN", "keras.layers.SimpleRNNCell")
CELL_RTOL = 1e-10  # one pass through float32 leaves errors just below 1e-7, which a float64 layer must not have

EXERCISES = [
    forward("elman.step_forward", 3, draw_step, ("h",)),
    backward(
        "elman.step_backward", 7, draw_step_backward, ("dx", "dh_prev", "dWx", "dWh", "db"),
        forward="elman.step_forward", upstream="dh",
    ),
    forward("elman.output_forward", 2, draw_output, ("y",), {"y": 1}),
    backward(
        "elman.output_backward", 4, draw_output_backward, ("dh", "dWy", "dby"),
        forward="elman.output_forward", upstream="dy", time_axis={"dh": 1},
    ),
    forward("elman.sequence_forward", 4, draw_sequence, ("h",), {"h": 1}),
    backward(
        "elman.sequence_backward", 9, draw_sequence_backward, ("dx", "dh0", "dWx", "dWh", "db"),
        forward="elman.sequence_forward", upstream="dh", time_axis={"dx": 1},
    ),
    Exercise(
        "elman.ElmanCell", 8, draw_cell, probe_elman_cell,
        {
            "outputs": Part(0.25, ("outputs", "final_state"), gate=True),
            "gradients": Part(
                0.45,
                (
                    "gradient.kernel", "gradient.recurrent_kernel", "gradient.bias",
                    "gradient.inputs", "gradient.initial_state",
                ),
            ),
            "weights": Part(0.1, ("weights", "dtypes", "initial.bias", "initial.kernel", "initial.recurrent_kernel")),
            "state": Part(0.1, ("zero_state", "first_output")),
            "config": Part(0.1, ("config", "rebuilt_outputs")),
        },
        kind="layer", rtol=CELL_RTOL, forbidden=_keras_elman, shown=show_recurrent_cell, about=ABOUT_CELL,
        time_axis={"outputs": 1, "gradient.inputs": 1},
    ),
    Exercise(
        "elman.copy_weights", 3, draw_copy, probe_copy_weights,
        copied_parts(), kind="layer",
    ),
]  # fmt: skip
