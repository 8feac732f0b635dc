"""Calling a Keras layer so that it can be judged: weights in, values and gradients out.

These functions run beside student code. They compute no expected value; what they return for the
reference, in a process of the grader's own, is what the student's values are compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from autograder.exercise import Malformed

WEIGHTS = ("kernel", "recurrent_kernel", "bias")
DISCONNECTED = "disconnected: no gradient reaches it"


def probe_recurrent_cell(
    cell_class: type, inputs: Mapping[str, np.ndarray], *, states: tuple[str, ...], weights: tuple[str, ...] = WEIGHTS
) -> dict[str, object]:
    """Build a recurrent cell, put weights in, run it under `keras.layers.RNN`, differentiate it.

    Args:
        cell_class: a `keras.layers.Layer` subclass that takes `units`.
        inputs: "inputs" (batch, time, features), "upstream" (batch, time, units), the initial states by
            the names in `states`, the weights by the names in `weights`. float64.
        states: the initial states, in the cell's order.
        weights: the names of the cell's weights.

    Returns:
        outputs, final_state, gradient.* of the weights, the inputs and the first state, and as text what the cell
        promises: its weights, dtypes, state and config.

    Raises:
        Malformed: when the object is not a cell class, or lacks a weight.
    """
    import keras

    if not (isinstance(cell_class, type) and issubclass(cell_class, keras.layers.Layer)):
        raise Malformed(f"It must be a class that inherits from keras.layers.Layer. Received: {_kind(cell_class)}.")
    units = inputs[states[0]].shape[-1]
    cell = cell_class(units, dtype="float64")
    layer = keras.layers.RNN(cell, return_sequences=True, return_state=True, dtype="float64")
    layer.build(inputs["inputs"].shape)
    registered = {weight.name: tuple(weight.shape) for weight in cell.trainable_weights}
    for name in weights:
        _put(cell, name, inputs[name])

    initial = [inputs[name] for name in states]
    watched = {"inputs": inputs["inputs"], **dict(zip(states, initial, strict=True))}

    def run(tensors: Mapping[str, object]) -> list[object]:
        return layer(tensors["inputs"], initial_state=[tensors[name] for name in states])

    outputs, gradients = differentiate(run, watched, [getattr(cell, name) for name in weights], inputs["upstream"])
    values: dict[str, object] = {"outputs": np.asarray(outputs[0])}
    for index, name in enumerate(states):
        suffix = "" if index == 0 else f"_{name}"
        values[f"final_state{suffix}"] = np.asarray(outputs[1 + index])
    for name, gradient in zip([*weights, "inputs", *states], gradients, strict=True):
        values[f"gradient.{name}"] = DISCONNECTED if gradient is None else gradient

    values["weights"] = ", ".join(f"{name} {shape}" for name, shape in sorted(registered.items())) or "none"
    values["dtypes"] = f"outputs {values['outputs'].dtype}, weights " + ", ".join(
        sorted({str(weight.dtype) for weight in cell.trainable_weights})
    )
    values["zero_state"], values["first_output"] = _zero_state(cell, layer, inputs, len(states))
    values["config"], values["rebuilt_outputs"] = _rebuilt(cell, inputs, initial, weights)
    return values


def differentiate(
    run: Callable[[Mapping[str, object]], list[object]],
    tensors: Mapping[str, np.ndarray],
    variables: list[object],
    upstream: np.ndarray,
) -> tuple[list[object], list[np.ndarray | None]]:
    """Outputs of `run`, and the gradients of sum(upstream * first output) by the TensorFlow tape.

    Returns:
        (outputs, gradients): the gradients of the variables, then of the tensors; None where disconnected.
    """
    import tensorflow as tf

    watched = {name: tf.constant(value) for name, value in tensors.items()}
    sources = [getattr(variable, "value", variable) for variable in variables] + list(watched.values())
    with tf.GradientTape() as tape:
        for source in sources:
            if tf.is_tensor(source):
                tape.watch(source)
        outputs = run(watched)
        loss = tf.reduce_sum(tf.cast(upstream, outputs[0].dtype) * outputs[0])
    gradients = tape.gradient(loss, sources)
    return outputs, [None if g is None else np.asarray(g) for g in gradients]


def _kind(thing: object) -> str:
    return f"the {type(thing).__name__} {thing!r}"[:80]


def _put(cell: object, name: str, value: np.ndarray) -> None:
    """Give a weight its value; a plain attribute gets it too, so that the outputs can be judged apart."""
    import keras

    if not hasattr(cell, name):
        raise Malformed(f"The cell has no weight `{name}` after build(). Create it there, with self.add_weight.")
    weight = getattr(cell, name)
    if tuple(np.shape(weight)) != value.shape:
        raise Malformed(f"The shape of `{name}` must be {value.shape}. Received: {tuple(np.shape(weight))}.")
    if hasattr(weight, "assign"):
        weight.assign(value)
    else:
        setattr(cell, name, keras.ops.convert_to_tensor(value))


def _zero_state(cell: object, layer: object, inputs: Mapping[str, np.ndarray], count: int) -> tuple[object, object]:
    """What get_initial_state gives for a batch of three, and the outputs that start from it."""
    try:
        state = cell.get_initial_state(batch_size=3)
        listed = list(state) if isinstance(state, (list, tuple)) else [state]
        if len(listed) != count:
            return f"{len(listed)} states where the cell has {count}", "not reached"
        state = np.concatenate([np.asarray(s) for s in listed], axis=-1)
        return state, np.asarray(layer(inputs["inputs"])[0])
    except Exception as error:
        return f"{type(error).__name__} in get_initial_state", "not reached"


def _rebuilt(
    cell: object, inputs: Mapping[str, np.ndarray], initial: list[np.ndarray], weights: tuple[str, ...]
) -> tuple[str, object]:
    """The config's own entries as text, and the outputs of a cell made again from it."""
    import keras

    try:
        config = cell.get_config()
        common = {"name", "dtype", "trainable"}
        text = ", ".join(f"{key}={config[key]}" for key in sorted(config) if key not in common)
        twin = type(cell).from_config(config)
        layer = keras.layers.RNN(twin, return_sequences=True, dtype="float64")
        layer.build(inputs["inputs"].shape)
        for name in weights:
            _put(twin, name, inputs[name])
        return text, np.asarray(layer(inputs["inputs"], initial_state=initial))
    except Exception as error:
        return f"{type(error).__name__} when made again from its config", "not reached"
