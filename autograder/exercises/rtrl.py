"""Lesson 06, second half: how the exercises on real-time recurrent learning are tested."""

import re
from collections.abc import Callable

import numpy as np

from autograder.delegation import Forbidden
from autograder.exercise import (
    NOT_BY_HAND,
    Case,
    Exercise,
    Malformed,
    Part,
    call_function,
    distinct_sizes,
    evenly,
    forward,
)
from autograder.layers import FEW_STEPS, held_by, orthogonality, spread

SCALE = 0.5  # of the weights: large enough that tanh bends, small enough that it does not saturate
WEIGHT_GRADIENTS = ("dWx", "dWh", "db")
WEIGHTS = ("kernel", "recurrent_kernel", "bias")
KEPT = ("state", "sensitivities")
IN_WORDS = {"kernel": "kernel", "recurrent_kernel": "recurrent kernel", "bias": "bias"}
OF_GRADIENTS = {"dWx": "the kernel's part", "dWh": "the recurrent kernel's part", "db": "the bias's part"}
ONE_THEN_TWO = (
    "Call it with one step, then with two, batch 1, and print the state and the sensitivities that each step starts "
    "from; your `truncated_backward`, if it is right, gives the same with k1 = k2 = time"
)
ONE_LEARN = "after one `learn` at the end of a run; `call` was right up to there, so the slip is in `learn`"
MANY_LEARNS = "a run with `learn` after every step; one `learn` alone is right"
LEARNING_STEPS = 3  # of the run that learns at every step
LAYER_RTOL = 1e-10  # one pass through float32 leaves errors just below 1e-7, which a float64 layer must not have


def _weights(rng: np.random.Generator, features: int, units: int) -> dict[str, np.ndarray]:
    return {
        "Wx": SCALE * rng.standard_normal((features, units)),
        "Wh": SCALE * rng.standard_normal((units, units)),
        "b": SCALE * rng.standard_normal(units),
    }


def draw_sensitivity(rng: np.random.Generator) -> Case:
    """P_prev (batch, units, parameters), x (batch, features), h_prev (batch, units), Wx, Wh, b."""
    sizes = distinct_sizes(rng, "batch", "features", "units", high=7)
    batch, features, units = sizes.values()
    parameters = (features + units + 1) * units
    inputs = {
        "P_prev": rng.standard_normal((batch, units, parameters)),
        "x": rng.standard_normal((batch, features)),
        "h_prev": rng.uniform(-0.9, 0.9, (batch, units)),
        **_weights(rng, features, units),
    }
    return Case(inputs, {**sizes, "parameters": parameters})


def draw_gradient(rng: np.random.Generator) -> Case:
    """dh (batch, time, units), x (batch, time, features), h0 (batch, units), Wx, Wh, b."""
    sizes = distinct_sizes(rng, "batch", "time", "features", "units", high=7)
    batch, time, features, units = sizes.values()
    inputs = {
        "dh": rng.standard_normal((batch, time, units)),
        "x": rng.standard_normal((batch, time, features)),
        "h0": rng.uniform(-0.9, 0.9, (batch, units)),
        **_weights(rng, features, units),
    }
    return Case(inputs, sizes)


def draw_online(rng: np.random.Generator) -> Case:
    """inputs and upstream, one row for each step, the learning rate, and the weights to start from."""
    sizes = distinct_sizes(rng, "time", "features", "units", high=7)
    time, features, units = sizes.values()
    weights = _weights(rng, features, units)
    inputs = {
        "inputs": rng.standard_normal((time, features)),
        "upstream": rng.standard_normal((time, units)),
        "learning_rate": np.array(rng.uniform(0.02, 0.08)),
        **{name: weights[letters] for name, letters in zip(WEIGHTS, ("Wx", "Wh", "b"), strict=True)},
    }
    return Case(inputs, sizes)


def refusing(name: str, call: Callable) -> Callable:
    """The probe `call`, for an answer that must not use the notebook's function of that name: it is refused."""

    def probe(function, inputs):
        names = getattr(function, "__globals__", {})
        if name not in names:
            return call(function, inputs)
        hits = []

        def refuse(*_, **__):
            hits.append(name)
            raise Forbidden(name)

        own, names[name] = names[name], refuse
        try:
            values = call(function, inputs)
        finally:
            names[name] = own
        if hits:  # and the exception was swallowed
            raise Forbidden(name)
        return values

    return probe


def probe_online(layer_class, inputs):
    """Let a layer run and then learn once; others run and learn at every step, compiled too, or start a new sequence.

    Each is a layer of its own, so that what is wrong in one does not show in the others.

    Returns:
        outputs, state and sensitivities of a run without learning, and weights, state and sensitivities when `learn`
        has followed it; outputs and weights of a run that learns at every step; state, sensitivities and first output
        of a new sequence; and as text what the layer promises.
    """
    import keras

    if not (isinstance(layer_class, type) and issubclass(layer_class, keras.layers.Layer)):
        raise Malformed("It must be a class that inherits from keras.layers.Layer.")
    units, features = inputs["bias"].shape[0], inputs["inputs"].shape[1]
    make = {"units": units, "learning_rate": float(inputs["learning_rate"]), "dtype": "float64"}
    steps, upstream = (
        [keras.ops.convert_to_tensor(row[None]) for row in inputs[name]] for name in ("inputs", "upstream")
    )

    def ready(layer=None):
        return _filled(_built(layer or layer_class(**make), features), inputs)

    def run(layer, first=None, learn=False):
        outputs = []
        for x, dh in list(zip(steps, upstream, strict=True))[:first]:
            outputs.append(np.array(layer(x)))
            if learn:
                layer.learn(dh)
        return np.stack(outputs)

    layer = _built(layer_class(**make), features)
    values = _promised(layer)
    own = _own(_filled(layer, inputs))
    values["outputs"] = run(layer)
    values |= {f"{name}_at_last": held_by(own[name], layer, name) for name in KEPT}
    layer.learn(upstream[-1])
    for name, weight in own.items():
        values[f"{name}_{'learned' if name in WEIGHTS else 'after_learn'}"] = held_by(weight, layer, name)
    values["dtypes"] = f"outputs {values['outputs'].dtype}, weights " + ", ".join(
        sorted({str(weight.dtype) for weight in layer.weights})
    )

    learner = ready()
    own = _own(learner)
    values["outputs_learning"] = run(learner, LEARNING_STEPS, learn=True)
    values |= {f"{name}_at_last": held_by(own[name], learner, name) for name in WEIGHTS}
    values["compiled"] = _compiled(ready(), steps, upstream, values["outputs_learning"])

    again = ready()
    for x in steps[:FEW_STEPS]:
        again(x)
    again.reset_state()
    values |= {f"{name}_reset": np.array(getattr(again, name)) for name in KEPT}
    values["output_after_reset"] = np.array(again(steps[0]))
    try:
        config = layer.get_config()
        entries = sorted(set(config) - {"name", "dtype", "trainable"})
        values["config"] = ", ".join(f"{key}={config[key]}" for key in entries)
        values["rebuilt_outputs"] = run(ready(type(layer).from_config(config)), FEW_STEPS)
    except NotImplementedError:
        values |= {"config": "`get_config` still raises NotImplementedError", "rebuilt_outputs": "not reached"}
    except Exception as error:
        values["config"] = f"{type(error).__name__} when made again from its config"
        values["rebuilt_outputs"] = "not reached"
    return values


def _built(layer, features):
    layer.build((1, features))
    for name in (*WEIGHTS, *KEPT):
        if not hasattr(getattr(layer, name, None), "assign"):
            raise Malformed(f"It has no weight `{name}` after build(). Create it there, with self.add_weight.")
    return layer


def _filled(layer, inputs):
    """The layer with the case's weights in it."""
    for name in WEIGHTS:
        weight = getattr(layer, name)
        if tuple(weight.shape) != inputs[name].shape:
            raise Malformed(f"The shape of `{name}` must be {inputs[name].shape}. Received: {tuple(weight.shape)}.")
        weight.assign(inputs[name])
    return layer


def _own(layer):
    """The layer's weights by name: later another thing may stand in an attribute."""
    return {name: getattr(layer, name) for name in (*WEIGHTS, *KEPT)}


def _promised(layer):
    """The weights that a layer has just built, and what they start from."""
    return {
        "weights": f"trainable: {_named(layer.trainable_weights)}; not: {_named(layer.non_trainable_weights)}",
        "initial.kernel": spread(layer.kernel),
        "initial.recurrent_kernel": orthogonality(layer.recurrent_kernel),
        **{f"{name}_at_first": np.array(getattr(layer, name)) for name in KEPT},
    }


def _compiled(layer, steps, upstream, outputs):
    """How `call` and `learn` fare inside tf.function, as section 5 runs them: in words.

    Args:
        outputs: of the first steps of a run that is not compiled and learns. What is compiled must give the same.
    """
    import tensorflow as tf

    def compiled(function, row):
        try:
            return tf.function(function, autograph=False).get_concrete_function(row), "runs"
        except Exception as error:  # tensors hold no numbers yet
            reads = isinstance(error, NotImplementedError) or "numpy" in str(error)
            return None, f"stops: {'NumPy in it' if reads else type(error).__name__}"

    call, called = compiled(lambda x: layer(x), steps[0])
    learn, learned = compiled(lambda dh: layer.learn(dh), upstream[0])
    text = f"`call` {called}, `learn` {learned}"
    if not (call and learn):
        return text
    first = call(steps[0])
    learn(upstream[0])
    second = call(steps[1])
    same = all(
        np.shape(one) == other.shape and np.allclose(one, other, rtol=0, atol=1e-6, equal_nan=True)
        for one, other in zip((first, second), outputs, strict=False)
    )
    return f"{text}, {'the same numbers as' if same else 'other numbers than'} step by step"


def _named(weights) -> str:
    named = {re.sub(r"_\d+$", "", weight.name): tuple(weight.shape) for weight in weights}
    return ", ".join(f"{name} {shape}" for name, shape in sorted(named.items())) or "none"


EXERCISES = [
    forward("rtrl.sensitivity_step", 8, draw_sensitivity, ("P",)),
    Exercise(
        "rtrl.gradient", 6, draw_gradient, refusing("truncated_backward", call_function(WEIGHT_GRADIENTS)),
        evenly(WEIGHT_GRADIENTS),
        forbidden=NOT_BY_HAND,
        about={name: f"{of}. {ONE_THEN_TWO}" for name, of in OF_GRADIENTS.items()},
    ),
    Exercise(
        "rtrl.OnlineElman", 10, draw_online, probe_online,
        {
            "outputs": Part(0.1, ("outputs",)),
            "sensitivities": Part(0.2, tuple(f"{name}_at_last" for name in KEPT)),
            "learning": Part(
                0.3,
                (
                    *(f"{name}_learned" for name in WEIGHTS), *(f"{name}_after_learn" for name in KEPT),
                    "outputs_learning", *(f"{name}_at_last" for name in WEIGHTS),
                ),
            ),
            "compiled": Part(0.1, ("compiled",)),
            "reset": Part(
                0.1,
                (
                    "state_at_first", "sensitivities_at_first", "state_reset", "sensitivities_reset",
                    "output_after_reset",
                ),
            ),
            "weights": Part(0.1, ("weights", "dtypes", "initial.kernel", "initial.recurrent_kernel")),
            "config": Part(0.1, ("config", "rebuilt_outputs")),
        },
        kind="layer", rtol=LAYER_RTOL, forbidden=NOT_BY_HAND,
        about={
            "outputs": "what each call returns in a run without `learn`",
            "state_at_last": "the `state` after a run without `learn`",
            "sensitivities_at_last": "the `sensitivities` after a run without `learn`; compare them with your "
            "`sensitivity_step`, one step after the other",
            **{f"{name}_learned": f"the {words} {ONE_LEARN}" for name, words in IN_WORDS.items()},
            "state_after_learn": "the `state` after a `learn`, which has nothing to do with it",
            "sensitivities_after_learn": "the `sensitivities` after a `learn`, which reads them only",
            "outputs_learning": f"what each call returns in {MANY_LEARNS}",
            **{f"{name}_at_last": f"the {words} after {MANY_LEARNS}" for name, words in IN_WORDS.items()},
            "compiled": "`call` and `learn` inside tf.function, as section 5 runs them, where tensors hold no numbers "
            "that NumPy or Python could read",
            "initial.kernel": "what the kernel starts from",
            "initial.recurrent_kernel": "what the recurrent kernel starts from",
            "state_at_first": "the `state` as `build` leaves it",
            "sensitivities_at_first": "the `sensitivities` as `build` leaves them",
            "state_reset": "the `state` after `reset_state`",
            "sensitivities_reset": "the `sensitivities` after `reset_state`",
            "output_after_reset": "the first output after `reset_state`",
            "weights": "the names and shapes of the weights, trainable or not",
            "dtypes": "the dtypes in a float64 layer",
            "config": "what get_config adds to that of every layer",
            "rebuilt_outputs": "the outputs of a layer made again from its config, with the same weights",
        },
        time_axis={"outputs": 0, "outputs_learning": 0},
    ),
]  # fmt: skip
