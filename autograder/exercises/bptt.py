"""Lesson 06, first half: how truncated backpropagation and the count of its cost are tested."""

import numpy as np

from autograder.exercise import NOT_BY_HAND, Case, Exercise, Part, call_function, distinct_sizes, evenly

WEIGHT_GRADIENTS = ("dWx", "dWh", "db")
OF_GRADIENTS = {"dWx": "the kernel's part", "dWh": "the recurrent kernel's part", "db": "the bias's part"}
PRINT_PASSES = (
    "Print for each pass the step after which it ends, the steps that it goes over and the losses that it takes in, "
    "for 8 steps with k1 = 3 and k2 = 5, and compare with the table of the exercise; if they agree, look at one step "
    "of a pass"
)
COSTS = ("bptt_operations", "bptt_memory", "rtrl_operations", "rtrl_memory")


def draw_truncated(rng: np.random.Generator) -> Case:
    """dh (batch, time, units), x, h0, Wx, Wh, b, and k1 < k2 < time, with steps left over after the last k1."""
    sizes = distinct_sizes(rng, "batch", "features", "units", high=7)
    batch, features, units = sizes.values()
    k1 = int(rng.integers(2, 4))
    k2 = k1 + int(rng.integers(2, 4))  # one more would hide a pass that is one step short
    time = int(rng.choice([steps for steps in range(k1 + k2 + 1, k1 + k2 + 4) if steps % k1]))
    inputs = {  # a strong recurrent kernel, so that what is cut off is not small
        "dh": rng.standard_normal((batch, time, units)),
        "x": rng.standard_normal((batch, time, features)),
        "h0": rng.uniform(-0.9, 0.9, (batch, units)),
        "Wx": 0.3 * rng.standard_normal((features, units)),
        "Wh": 0.6 * rng.standard_normal((units, units)),
        "b": 0.3 * rng.standard_normal(units),
        "k1": np.array(k1),
        "k2": np.array(k2),
    }
    return Case(inputs, {**sizes, "time": time})


def _numbers(inputs):
    """Arrays without axes as Python's own integers."""
    return {name: array if array.ndim else int(array) for name, array in inputs.items()}


_truncated = call_function(WEIGHT_GRADIENTS)


def probe_truncated(truncated_backward, inputs):
    """The gradients; and dWh where k1 divides the steps and equals k2, and where both are more than the steps."""
    plain = _numbers(inputs)
    values = _truncated(truncated_backward, plain)
    k1, time = plain["k1"], plain["x"].shape[1]
    even = {name: plain[name][:, : 2 * k1].copy() for name in ("dh", "x")} | {"k1": k1, "k2": k1}
    for name, other in (("dWh_even", even), ("dWh_long", {"k1": time + 1, "k2": time + 2})):
        given = {
            key: value.copy() if isinstance(value, np.ndarray) else value for key, value in (plain | other).items()
        }
        values[name] = _truncated(truncated_backward, given)["dWh"]
    return values


def draw_cost(rng: np.random.Generator) -> Case:
    """time, units, features: integers, all different. A count is no array: no axis to sum or to average over."""
    while True:
        sizes = distinct_sizes(rng, "time", "units", "features", low=3, high=30)
        units, features = sizes["units"], sizes["features"]
        if units**2 != features + units + 1:  # as many rows of weights as recurrent weights
            break
    return Case({name: np.array(size) for name, size in sizes.items()}, {})


def with_integers(returns: tuple[str, ...]):
    """A probe that calls a function with the inputs in order, numbers as Python's own integers.

    What comes back may be one array of so many numbers.
    """
    call = call_function(returns)

    def probe(function, inputs):
        def listed(*numbers):
            answer = function(*numbers)
            return list(answer) if isinstance(answer, np.ndarray) and answer.shape == (len(returns),) else answer

        return call(listed, _numbers(inputs))

    return probe


EXERCISES = [
    Exercise(
        "bptt.truncated_backward", 11, draw_truncated, probe_truncated,
        {**{name: Part(0.28, (name,)) for name in WEIGHT_GRADIENTS}, "passes": Part(0.16, ("dWh_even", "dWh_long"))},
        forbidden=NOT_BY_HAND,
        about={
            **{name: f"{of}. {PRINT_PASSES}" for name, of in OF_GRADIENTS.items()},
            "dWh_even": "dWh of 2 k1 steps with k2 = k1: two passes that meet and do not overlap",
            "dWh_long": "dWh where k1 and k2 are more than the steps: one pass over all of them",
        },
    ),
    Exercise(
        "bptt.cost", 5, draw_cost, with_integers(COSTS), evenly(COSTS),
        about={
            "bptt_operations": "the multiply-adds of backpropagation through time",
            "bptt_memory": "the numbers that backpropagation through time keeps",
            "rtrl_operations": "the multiply-adds of RTRL",
            "rtrl_memory": "the numbers that RTRL keeps",
        },
    ),
]  # fmt: skip
