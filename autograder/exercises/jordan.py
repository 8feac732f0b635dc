"""Lesson 05: how the Jordan exercises are tested."""

import numpy as np

from autograder.exercise import (
    NOT_BY_HAND,
    Case,
    Exercise,
    Part,
    backward,
    call_function,
    distinct_sizes,
    evenly,
    forward,
)
from autograder.layers import ABOUT_CELL, probe_recurrent_cell

SCALE = 0.3  # of the weights: the output comes back through the state, and tanh must not saturate
WEIGHTS = ("kernel", "recurrent_kernel", "bias", "output_kernel", "output_bias")


def _weights(rng: np.random.Generator, features: int, units: int, outputs: int) -> dict[str, np.ndarray]:
    return {
        "Wx": SCALE * rng.standard_normal((features, units)),
        "Ws": SCALE * rng.standard_normal((outputs, units)),
        "b": SCALE * rng.standard_normal(units),
        "Wy": SCALE * rng.standard_normal((units, outputs)),
        "by": SCALE * rng.standard_normal(outputs),
    }


def draw_step(rng: np.random.Generator) -> Case:
    """x (batch, features), s (batch, outputs), Wx, Ws, b, Wy, by."""
    sizes = distinct_sizes(rng, "batch", "features", "units", "outputs")
    batch, features, units, outputs = sizes.values()
    inputs = {
        "x": rng.standard_normal((batch, features)),
        "s": rng.standard_normal((batch, outputs)),
        **_weights(rng, features, units, outputs),
    }
    return Case(inputs, sizes)


def draw_step_backward(rng: np.random.Generator) -> Case:
    """dy (batch, outputs), then the arguments of the step."""
    case = draw_step(rng)
    return Case({"dy": rng.standard_normal(case.inputs["s"].shape), **case.inputs}, case.sizes)


def _forced(rng: np.random.Generator, time: int) -> np.ndarray:
    """Forced and free steps in an order in which different wrong readings of it show differently.

    The last step does not count, its state is never used. Among the others there are both kinds early enough to be
    seen when everything is shifted, some step is forced just after a free one, two neighbours are alike, and some
    free step hands its memory on to another free one or to the initial state. Inverted, shifted either way, or all
    alike, the order says something else each time. Shape (time,), booleans.
    """
    while True:
        forced = rng.random(time) < 0.5
        first, second = forced[:-2], forced[1:-1]  # neighbours
        both = 0 < first.sum() < len(first)
        alike = np.any(first == second)
        taught_after_free = np.any(second & ~first)
        memory_shows = not forced[0] or np.any(~first & ~second)
        readings = [forced, ~forced, np.roll(forced, 1), np.roll(forced, -1), forced | True, forced & False]
        all_differ = len({reading[:-1].tobytes() for reading in readings}) == len(readings)
        if both and alike and taught_after_free and memory_shows and all_differ:
            return forced


def draw_sequence(rng: np.random.Generator) -> Case:
    """x, s0, the weights, mu, targets (batch, time, outputs), forced (time,)."""
    sizes = distinct_sizes(rng, "batch", "time", "features", "units", "outputs")
    while sizes["time"] < 4:
        sizes = distinct_sizes(rng, "batch", "time", "features", "units", "outputs")
    batch, time, features, units, outputs = sizes.values()
    forced = _forced(rng, time)
    inputs = {
        "x": rng.standard_normal((batch, time, features)),
        "s0": rng.standard_normal((batch, outputs)),
        **_weights(rng, features, units, outputs),
        "mu": np.array(rng.uniform(0.3, 0.7)),
        "targets": rng.standard_normal((batch, time, outputs)),
        "forced": forced,
    }
    return Case(inputs, sizes)


def draw_sequence_backward(rng: np.random.Generator) -> Case:
    """dy (batch, time, outputs), then the arguments of the sequence."""
    case = draw_sequence(rng)
    return Case({"dy": rng.standard_normal(case.inputs["targets"].shape), **case.inputs}, case.sizes)


def with_mu_a_number(returns: tuple[str, ...]):
    """A probe that calls a function with the inputs in order, `mu` as a float."""
    call = call_function(returns)

    def probe(function, inputs):
        return call(function, {**inputs, "mu": float(inputs["mu"])})

    return probe


def draw_cell(rng: np.random.Generator) -> Case:
    """A sequence, its upstream gradient, mu, and the weights to put into the cell, by their Keras names."""
    case = draw_sequence_backward(rng)
    inputs = case.inputs
    renamed = {
        "inputs": inputs["x"],
        "initial_state": inputs["s0"],
        "upstream": inputs["dy"],
        "mu": inputs["mu"],
        **{name: inputs[letters] for name, letters in zip(WEIGHTS, ("Wx", "Ws", "b", "Wy", "by"), strict=True)},
    }
    return Case(renamed, case.sizes)


def probe_jordan_cell(cell_class, inputs):
    """Build the cell, put the weights in, run it under `keras.layers.RNN`: see `autograder.layers`."""
    units, outputs = inputs["output_kernel"].shape
    return probe_recurrent_cell(
        cell_class,
        inputs,
        states=("initial_state",),
        weights=WEIGHTS,
        initial=("bias", "output_bias"),
        glorot=KERNELS,
        make={"units": units, "outputs": outputs, "mu": float(inputs["mu"])},
    )


KERNELS = ("kernel", "recurrent_kernel", "output_kernel")
SEQUENCE_GRADIENTS = ("dx", "ds0", "dWx", "dWs", "db", "dWy", "dby")
CELL_RTOL = 1e-10  # one pass through float32 leaves errors just below 1e-7, which a float64 layer must not have

EXERCISES = [
    forward("jordan.step_forward", 4, draw_step, ("y",)),
    backward(
        "jordan.step_backward", 8, draw_step_backward, ("dx", "ds", "dWx", "dWs", "db", "dWy", "dby"),
        forward="jordan.step_forward", upstream="dy",
    ),
    Exercise(
        "jordan.sequence_forward", 7, draw_sequence, with_mu_a_number(("y",)), evenly(("y",)), "forward",
        time_axis={"y": 1}, forbidden=NOT_BY_HAND,
    ),
    Exercise(
        "jordan.sequence_backward", 11, draw_sequence_backward, with_mu_a_number(SEQUENCE_GRADIENTS),
        evenly(SEQUENCE_GRADIENTS), "backward",
        forward="jordan.sequence_forward", upstream="dy", time_axis={"dx": 1}, forbidden=NOT_BY_HAND,
    ),
    Exercise(
        "jordan.JordanCell", 10, draw_cell, probe_jordan_cell,
        {
            "outputs": Part(0.25, ("outputs", "final_state"), gate=True),
            "gradients": Part(
                0.45, (*(f"gradient.{name}" for name in WEIGHTS), "gradient.inputs", "gradient.initial_state")
            ),
            "weights": Part(
                0.1, ("weights", "dtypes", *(f"initial.{name}" for name in ("bias", "output_bias", *KERNELS)))
            ),
            "state": Part(0.1, ("zero_state", "first_output")),
            "config": Part(0.1, ("config", "rebuilt_outputs")),
        },
        kind="layer", rtol=CELL_RTOL, forbidden=("keras.layers.SimpleRNN", "keras.layers.SimpleRNNCell"),
        about={
            **ABOUT_CELL,
            "initial.output_kernel": "what the output kernel starts from",
            "initial.output_bias": "the output bias as `build` leaves it",
        },
        time_axis={"outputs": 1, "gradient.inputs": 1},
    ),
]  # fmt: skip
