"""Lesson 03: how the Hopfield exercises are tested."""

import re
from collections.abc import Sequence

import numpy as np

from autograder.exercise import NOT_BY_HAND, Case, Exercise, Malformed, Part, call_function, distinct_sizes, evenly
from autograder.layers import probe_layer

SOFTMAX = (
    "scipy.special.softmax",
    "scipy.special.log_softmax",
    "keras.ops.softmax",
    "keras.activations.softmax",
    "tensorflow.nn.softmax",
)


def _numbers(inputs):
    """Arrays without axes as plain numbers."""
    return {name: array.item() if array.ndim == 0 else array for name, array in inputs.items()}


def _by_hand(id, points, draw, returns):
    """A function of arrays and numbers."""
    call = call_function(returns)

    def probe(function, inputs):
        return call(function, _numbers(inputs))

    return Exercise(id, points, draw, probe, evenly(returns), "forward", forbidden=NOT_BY_HAND)


def _signs(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.choice([-1.0, 1.0], shape)


def _coupled(rng: np.random.Generator, units: int) -> np.ndarray:
    """Weights (units, units), symmetric with a zero diagonal."""
    upper = np.triu(rng.standard_normal((units, units)), 1)
    return upper + upper.T


def draw_patterns(rng: np.random.Generator) -> Case:
    """patterns (count, units). The count is odd, so that no unit's mean is zero.

    The first pattern and the last one are neither equal nor opposite.
    """
    count, units = int(rng.choice([3, 5])), int(rng.integers(6, 10))
    patterns = _signs(rng, count, units)
    patterns[-1, :2] = patterns[0, :2] * (1, -1)
    return Case({"patterns": patterns}, {"count": count, "units": units})


def draw_states(rng: np.random.Generator) -> Case:
    """s (batch, units), W (units, units), b (units,)."""
    sizes = distinct_sizes(rng, "batch", "units", low=3)
    batch, units = sizes.values()
    inputs = {
        "s": _signs(rng, batch, units),
        "W": _coupled(rng, units),
        "b": rng.choice([-1.0, 1.0], units) * rng.uniform(0.3, 1.0, units),
    }
    return Case(inputs, sizes)


def draw_step(rng: np.random.Generator) -> Case:
    """s (batch, units), W (units, units), b (units,), with a field that is exactly zero.

    One unit has nobody to listen to: its field is zero. It starts with both signs. In the first state, the bias of two
    others outweighs what they hear from the rest, against it for one of them and with it for the other.
    """
    batch, units = int(rng.integers(4, 8)), int(rng.integers(10, 15))
    s, W = _signs(rng, batch, units), _coupled(rng, units)
    b = rng.choice([-1.0, 1.0], units) * rng.uniform(0.5, 1.5, units)
    alone = int(rng.integers(units))
    W[alone] = W[:, alone] = b[alone] = 0
    s[:2, alone] = 1, -1
    heard = s[0] @ W
    for unit, side in zip(np.argsort(np.abs(heard))[1:3], (-1, 1), strict=True):  # the first of them is alone
        b[unit] = side * (heard[unit] + 0.5 * np.sign(heard[unit]))
    return Case({"s": s, "W": W, "b": b}, {"batch": batch, "units": units})


CHAIN = 5  # units that flip one after the other, one in each step or sweep


def _arranged(rng: np.random.Generator, batch: int, units: int) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """States and weights whose first units are a machine of known movement; the others hear each other, by chance.

    The first unit (turned) hears two others alike (down, up), which start at +1 in state 1 while it starts at -1. It
    flips at once. `down` is then pulled down by the next (pull), while `up` is held by the one after it (hold), so that
    from now on the field of `turned` is exactly zero. `hold` also pulls the first unit of a chain, which starts at -1,
    and each unit of the chain the one after it, one in each step.

    One more unit (alone) has nobody to listen to. It starts with both signs. In state 0 the machine is at rest.

    Returns:
        (s, W, place): states (batch, units), weights (units, units), and the units by name, of which `rest` are those
        outside the machine.
    """
    machine = 5 + CHAIN
    number = rng.permutation(units)
    place = {
        "turned": number[0],
        "down": number[1],
        "chain": number[5:machine],
        "alone": number[machine],
        "rest": np.sort(number[machine + 1 :]),
    }
    up, pull, hold = number[2:5]
    W = np.zeros((units, units))
    w = rng.uniform(0.5, 1.0)
    joined = [
        (place["turned"], place["down"], w),
        (place["turned"], up, w),
        (place["down"], pull, -rng.uniform(2, 3)),
        (pull, hold, rng.uniform(5, 6)),
        (up, hold, rng.uniform(5, 6)),
    ]
    strengths = np.linspace(4, 1, CHAIN) + rng.uniform(0, 0.2, CHAIN)
    chained = (hold, *place["chain"])
    joined += list(zip(chained[:-1], chained[1:], strengths, strict=True))
    for i, j, weight in joined:
        W[i, j] = W[j, i] = weight
    W[np.ix_(place["rest"], place["rest"])] = _coupled(rng, len(place["rest"]))
    s = _signs(rng, batch, units)
    s[:2, number[:machine]] = 1
    s[0, place["down"]] = -1
    s[1, [place["turned"], *place["chain"]]] = -1
    s[:2, place["alone"]] = 1, -1
    return s, W, place


def draw_recall(rng: np.random.Generator) -> Case:
    """s (batch, units), W (units, units), b (units,), order (units,), sweeps.

    State 0 is at rest from the start, by its biases, while others move on beyond the last sweep (the chain of
    `_arranged`, visited from its end). A unit that has flipped meets a field of exactly zero in the next sweep, since
    it is visited before the one that flips back. Of a unit with nobody to listen to, the field is always zero; its
    visit, at which nothing changes, is in the first half of a sweep.
    """
    sizes = {"batch": int(rng.integers(14, 18)), "units": int(rng.integers(36, 42))}
    s, W, place = _arranged(rng, **sizes)
    rest = place["rest"]
    b = np.zeros(sizes["units"])
    heard = s[0, rest] @ W[np.ix_(rest, rest)]
    b[rest] = s[0, rest] * rng.uniform(0.5, 1.5, len(rest))
    agrees = s[0, rest] * heard > 0
    b[rest] += np.where(agrees, 0, -heard)
    order = rng.permutation(sizes["units"])
    early = rng.integers(len(order) // 2)
    order[order == place["alone"]], order[early] = order[early], place["alone"]
    _visit(order, (place["turned"], place["down"]))
    _visit(order, place["chain"][::-1])
    return Case({"s": s, "W": W, "b": b, "order": order, "sweeps": np.array(CHAIN - 2)}, sizes)


def _visit(order: np.ndarray, units: Sequence[int]) -> None:
    """Let some units change places in an order, so that they are visited in the order in which they are given."""
    order[np.sort([np.flatnonzero(order == unit)[0] for unit in units])] = units


def draw_loads(rng: np.random.Generator) -> Case:
    """patterns (patterns, units), counts (loads,), order (units,), sweeps.

    32 units, so that the weights are exact, and odd counts, so that no field is zero, however sums are rounded. The
    first pattern has others like it after it, which agree with each other and not with it at two units: it loses those.
    So do the last four patterns with the sixth, at four units, and they are never stored: who stores them sees it.
    """
    units = 32
    counts = np.delete(np.arange(7, 19, 2), rng.integers(6))
    sizes = {"patterns": 21, "units": units, "loads": len(counts)}
    patterns = _signs(rng, sizes["patterns"], units)
    two, others = np.split(rng.permutation(units)[:14], [2])
    for pattern, own in zip(patterns[1:4], others.reshape(3, 4), strict=True):
        pattern[:] = patterns[0]
        pattern[np.concatenate([two, own])] *= -1
    four, others = np.split(rng.permutation(units)[:8], [4])
    for pattern, own in zip(patterns[17:], others, strict=True):
        pattern[:] = patterns[5]
        pattern[[*four, own]] *= -1
    inputs = {
        "patterns": patterns,
        "counts": counts,
        "order": rng.permutation(units),
        "sweeps": np.array(3),
    }
    return Case(inputs, sizes)


def draw_layer(rng: np.random.Generator) -> Case:
    """states (batch, units), a kernel (units, units) that no rule made, steps, patterns to store (count, units).

    A unit that has flipped meets a field of exactly zero, and another one has never another field. Something changes in
    each step, and beyond the last one.
    """
    sizes = {"batch": int(rng.integers(5, 8)), "units": int(rng.integers(18, 23)), "count": int(rng.choice([3, 9, 11]))}
    states, kernel, _ = _arranged(rng, sizes["batch"], sizes["units"])
    inputs = {
        "states": states,
        "kernel": kernel,
        "steps": np.array(CHAIN - 2),
        "patterns": _signs(rng, sizes["count"], sizes["units"]),
    }
    return Case(inputs, sizes)


def _refuse_unfinished(layer_class, make, states):
    """Say what a layer lacks before anything is asked of it.

    Raises:
        Malformed: when it has no kernel after `build`, or returns nothing from `call`.
    """
    import keras

    if not (isinstance(layer_class, type) and issubclass(layer_class, keras.layers.Layer)):
        return  # the general probe says so
    layer = layer_class(**make, dtype="float64")
    layer.build(states.shape)
    if not hasattr(layer, "kernel"):
        raise Malformed("The layer has no `kernel`: does `build` create it under this name?")
    if layer(states) is None:
        raise Malformed("`call` returned nothing. Is the `return` missing?")


def _on_a_symbol(layer_class, make, states):
    """What `call` makes of an input without numbers, as in a Keras model, in words. NumPy can make nothing of it."""
    import keras

    try:
        outputs = layer_class(**make, dtype="float64")(keras.Input(states.shape[1:], dtype="float64"))
        return f"a tensor {tuple(outputs.shape)}"
    except Exception:
        return "refused: `call` needs numbers, as NumPy does"


def probe_hopfield_layer(layer_class, inputs):
    """Put a kernel in and take the steps, then let a layer of its own store patterns. No gradient: a sign has none."""
    states, kernel, patterns = inputs["states"], inputs["kernel"], inputs["patterns"]
    make = {"units": kernel.shape[0], "steps": int(inputs["steps"])}
    _refuse_unfinished(layer_class, make, states)
    given = {"states": states, "kernel": kernel, "upstream": np.ones(states.shape)}
    values = probe_layer(layer_class, given, make=make, arguments=("states",), weights=("kernel",), initial=("kernel",))
    values = {name: value for name, value in values.items() if not name.startswith("gradient.")}
    again = values["rebuilt_outputs"]
    values["rebuilt_dtype"] = again if isinstance(again, str) else str(again.dtype)
    values["symbolic"] = _on_a_symbol(layer_class, make, states)
    layer = layer_class(**make, dtype="float64")
    layer(states)
    held = [f"{w.name} {tuple(w.shape)} {'' if w.trainable else 'not '}trainable" for w in layer.weights]
    values["weights"] = re.sub(r"_\d+ ", " ", ", ".join(sorted(held))) or "none"  # Keras numbers nameless weights
    values["dtypes"] = f"{values['outputs'].dtype}, {', '.join(sorted({str(w.dtype) for w in layer.weights}))}"
    if not hasattr(layer.kernel, "assign"):
        return values | dict.fromkeys(
            ("stored", "saved"), "not tried: the kernel is no weight that could be given a value"
        )
    layer.store(np.ones_like(patterns))
    layer.store(patterns)
    values["stored"] = np.asarray(layer.kernel)
    values["saved"] = np.concatenate([np.ravel(weight) for weight in layer.get_weights() or [np.zeros(0)]])
    return values


ABOUT_LAYER = {
    "outputs": "the states after the steps, with a kernel that the check put in",
    "symbolic": "what `call` gives for an input without numbers, as in a Keras model: NumPy cannot work with it",
    "stored": "the kernel after store(patterns)",
    "saved": "the weights that a saved model would hold after store(patterns), in a row",
    "weights": "the names and shapes of the weights, and whether they are trainable",
    "dtypes": "the dtypes of outputs and weights in a float64 layer",
    "initial.kernel": "the kernel before anything is stored",
    "config": "what get_config adds to that of every layer",
    "rebuilt_outputs": "the states that a layer gives that was made again from its config",
    "rebuilt_dtype": "the dtype of those states, of a float64 layer",
}


def draw_modern(rng: np.random.Generator) -> Case:
    """state (batch, units), patterns (count, units), beta."""
    sizes = distinct_sizes(rng, "batch", "count", "units", low=3)
    batch, count, units = sizes.values()
    inputs = {
        "state": rng.standard_normal((batch, units)),
        "patterns": rng.standard_normal((count, units)),
        "beta": np.array(rng.uniform(0.4, 0.7)),
    }
    return Case(inputs, sizes)


def draw_modern_forward(rng: np.random.Generator) -> Case:
    """state, patterns, beta, and a beta for which exp overflows. One state is near a pattern, one is long."""
    case = draw_modern(rng)
    state, patterns = case.inputs["state"], case.inputs["patterns"]
    state[0] = patterns[1] + 0.1 * state[0]
    state[1] = 6 * patterns[0] / np.linalg.norm(patterns[0])
    return Case({**case.inputs, "large_beta": np.array(rng.uniform(3_000, 5_000))}, case.sizes)


def draw_modern_backward(rng: np.random.Generator) -> Case:
    """dnew (batch, units), then the arguments of the forward pass."""
    case = draw_modern(rng)
    return Case({"dnew": rng.standard_normal(case.inputs["state"].shape), **case.inputs}, case.sizes)


def probe_modern_forward(modern_update_forward, inputs):
    """One step at a moderate beta, and at a large one for all states and for one alone."""
    state, patterns, beta, large_beta = _numbers(inputs).values()
    values = {"new": modern_update_forward(state, patterns, beta)}
    with np.errstate(all="ignore"):
        values["new_at_large_beta"] = modern_update_forward(state, patterns, large_beta)
        values["one_at_large_beta"] = modern_update_forward(state[:1].copy(), patterns, large_beta)
    return values


def probe_modern_backward(modern_update_backward, inputs):
    return call_function(("dstate", "dpatterns"))(modern_update_backward, _numbers(inputs))


EXERCISES = [
    _by_hand("hopfield.hebb", 4, draw_patterns, ("W",)),
    _by_hand("hopfield.energy", 4, draw_states, ("E",)),
    _by_hand("hopfield.synchronous_step", 4, draw_step, ("s",)),
    _by_hand("hopfield.recall", 7, draw_recall, ("s",)),
    _by_hand("hopfield.capacity_curve", 5, draw_loads, ("error",)),
    Exercise(
        "hopfield.Hopfield", 6, draw_layer, probe_hopfield_layer,
        {
            "recall": Part(0.3, ("outputs",)),
            "in a model": Part(0.1, ("symbolic",)),
            "store": Part(0.3, ("stored", "saved")),
            "weights": Part(0.2, ("weights", "dtypes", "initial.kernel")),
            "config": Part(0.1, ("config", "rebuilt_outputs", "rebuilt_dtype")),
        },
        kind="layer", rtol=1e-10, about=ABOUT_LAYER,
    ),
    Exercise(
        "hopfield.modern_update_forward", 4, draw_modern_forward, probe_modern_forward,
        {"moderate": Part(0.7, ("new",)), "large": Part(0.3, ("new_at_large_beta", "one_at_large_beta"))},
        "forward", forbidden=NOT_BY_HAND + SOFTMAX,
        about={
            "new": "the new states",
            "new_at_large_beta": "the new states where beta is some thousand",
            "one_at_large_beta": "the first state alone, where beta is some thousand",
        },
    ),
    Exercise(
        "hopfield.modern_update_backward", 6, draw_modern_backward, probe_modern_backward,
        evenly(("dstate", "dpatterns")), "backward",
        forward="hopfield.modern_update_forward", upstream="dnew", forbidden=NOT_BY_HAND + SOFTMAX,
    ),
]  # fmt: skip
