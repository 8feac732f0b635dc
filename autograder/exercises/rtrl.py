"""Lesson 06, second half: how the exercises on real-time recurrent learning are tested."""

import re

import numpy as np

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
from autograder.layers import held_by, orthogonality, spread

SCALE = 0.5  # of the weights: large enough that tanh bends, small enough that it does not saturate
WEIGHT_GRADIENTS = ("dWx", "dWh", "db")
WEIGHTS = ("kernel", "recurrent_kernel", "bias")
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


def probe_online(layer_class, inputs):
    """Let the layer run and learn, one step after the other; then start a new sequence.

    Returns:
        outputs of every step, the weights after the last one, the state and the sensitivities before the first step,
        after the last and after a reset, the first output after it, and as text what the layer promises.
    """
    import keras

    if not (isinstance(layer_class, type) and issubclass(layer_class, keras.layers.Layer)):
        raise Malformed("It must be a class that inherits from keras.layers.Layer.")
    time, features = inputs["inputs"].shape
    units = inputs["bias"].shape[0]
    make = {"units": units, "learning_rate": float(inputs["learning_rate"]), "dtype": "float64"}

    def made(layer):
        layer.build((1, features))
        for name in (*WEIGHTS, "state", "sensitivities"):
            if not hasattr(getattr(layer, name, None), "assign"):
                raise Malformed(f"It has no weight `{name}` after build(). Create it there, with self.add_weight.")
        registered = f"trainable: {_named(layer.trainable_weights)}; not: {_named(layer.non_trainable_weights)}"
        before = {f"{name}_at_first": np.array(getattr(layer, name)) for name in ("state", "sensitivities")}
        before["initial.kernel"] = spread(layer.kernel)
        before["initial.recurrent_kernel"] = orthogonality(layer.recurrent_kernel)
        for name in WEIGHTS:
            weight = getattr(layer, name)
            if tuple(weight.shape) != inputs[name].shape:
                raise Malformed(f"The shape of `{name}` must be {inputs[name].shape}. Received: {tuple(weight.shape)}.")
            weight.assign(inputs[name])
        return layer, registered, before

    def run(layer):
        outputs = []
        for x, dh in zip(inputs["inputs"], inputs["upstream"], strict=True):
            output = np.array(layer(keras.ops.convert_to_tensor(x[None])))
            outputs.append(output)
            layer.learn(keras.ops.convert_to_tensor(dh[None]))
        return np.stack(outputs)

    layer, registered, values = made(layer_class(**make))
    own = {name: getattr(layer, name) for name in (*WEIGHTS, "state", "sensitivities")}
    values["outputs"] = run(layer)
    for name, weight in own.items():
        values[f"{name}_{'learned' if name in WEIGHTS else 'at_last'}"] = held_by(weight, layer, name)
    layer.reset_state()
    values |= {f"{name}_reset": np.array(getattr(layer, name)) for name in ("state", "sensitivities")}
    values["output_after_reset"] = np.array(layer(keras.ops.convert_to_tensor(inputs["inputs"][:1])))
    values["weights"] = registered
    values["dtypes"] = f"outputs {values['outputs'].dtype}, weights " + ", ".join(
        sorted({str(weight.dtype) for weight in layer.weights})
    )
    try:
        config = layer.get_config()
        own = sorted(set(config) - {"name", "dtype", "trainable"})
        values["config"] = ", ".join(f"{key}={config[key]}" for key in own)
        values["rebuilt_outputs"] = run(made(type(layer).from_config(config))[0])
    except NotImplementedError:
        values |= {"config": "`get_config` still raises NotImplementedError", "rebuilt_outputs": "not reached"}
    except Exception as error:
        values["config"] = f"{type(error).__name__} when made again from its config"
        values["rebuilt_outputs"] = "not reached"
    return values


def _named(weights) -> str:
    named = {re.sub(r"_\d+$", "", weight.name): tuple(weight.shape) for weight in weights}
    return ", ".join(f"{name} {shape}" for name, shape in sorted(named.items())) or "none"


EXERCISES = [
    forward("rtrl.sensitivity_step", 8, draw_sensitivity, ("P",)),
    Exercise(
        "rtrl.gradient", 6, draw_gradient, call_function(WEIGHT_GRADIENTS), evenly(WEIGHT_GRADIENTS),
        forbidden=NOT_BY_HAND,
    ),
    Exercise(
        "rtrl.OnlineElman", 10, draw_online, probe_online,
        {
            "outputs": Part(0.2, ("outputs",)),
            "sensitivities": Part(0.2, ("state_at_last", "sensitivities_at_last")),
            "learning": Part(0.3, tuple(f"{name}_learned" for name in WEIGHTS)),
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
            "outputs": "what each call returns while the layer runs and learns",
            "state_at_last": "the `state` after the last step",
            "sensitivities_at_last": "the `sensitivities` after the last step",
            "kernel_learned": "the kernel after the last step",
            "recurrent_kernel_learned": "the recurrent kernel after the last step",
            "bias_learned": "the bias after the last step",
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
        time_axis={"outputs": 0},
    ),
]  # fmt: skip
