"""Calling a Keras layer so that it can be judged: weights in, values and gradients out.

These functions run beside student code. They compute no expected value; what they return for the
reference, in a process of the grader's own, is what the student's values are compared with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from autograder import gradients
from autograder.exercise import Exercise, Malformed, Part

WEIGHTS = ("kernel", "recurrent_kernel", "bias")
DIRECTIONS = ("into_keras", "out_of_keras")
ABOUT_CELL = {
    "outputs": "the outputs under keras.layers.RNN",
    "final_state": "the state after the last step",
    "gradient.inputs": "the gradient that reaches the inputs",
    "gradient.initial_state": "the gradient that reaches the initial state",
    "weights": "the names and shapes of the trainable weights",
    "dtypes": "the dtypes in a float64 cell",
    "initial.bias": "the bias as `build` leaves it",
    "initial.kernel": "what the kernel starts from",
    "initial.recurrent_kernel": "what the recurrent kernel starts from",
    "zero_state": "what get_initial_state(batch_size=3) returns",
    "first_output": "the outputs when no initial state is given",
    "config": "what get_config adds to that of every layer",
    "rebuilt_outputs": "the outputs of a cell made again from its config, with the same weights",
}
AS_KERAS = {
    "initial": ("bias",),
    "orthogonal": ("recurrent_kernel",),
    "glorot": ("kernel",),
}  # as Keras' own
FEW_STEPS = 2  # for what a second step tells as well as a tenth
DISCONNECTED = "disconnected: no gradient reaches it"

_called: list[Called] | None = None  # where probes leave what they called, while `differentiated` asks for it


@dataclass(frozen=True)
class Called:
    """A layer with its weights in it, and what a probe called it with.

    Attributes:
        layer: the layer.
        arguments: its positional arguments.
        states: the initial states of a recurrent layer, or None.
        names: what the exercise calls its floating-point arguments and states, in order.
        upstream: the gradient with respect to its first output.
    """

    layer: object
    arguments: tuple[np.ndarray, ...]
    states: list[np.ndarray] | None
    names: tuple[str, ...]
    upstream: np.ndarray

    def numeric_gradient(self) -> gradients.NumericGradient:
        """The numeric gradient of its weights, arguments and states, by the exercise's names for them."""
        upstream = [self.upstream] + [None] * len(self.states or ())
        found = gradients.layer_gradient(self.layer, self.arguments, states=self.states, upstream=upstream)
        weights = {weight.name for weight in self.layer.weights}
        given = iter(self.names)
        renamed = {name: name if name in weights else next(given, name) for name in found.values}

        def with_names(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            return {renamed[name]: array for name, array in arrays.items()}

        return replace(
            found, values=with_names(found.values), error=with_names(found.error), smooth=with_names(found.smooth)
        )

    def why_disconnected(self) -> str:
        """Which operation lets no gradient through, in a sentence; "" if none is known."""
        from autograder.gradients.layers.disconnected import Paths
        from autograder.gradients.layers.run import LayerRun

        run = LayerRun(self.layer, self.arguments, states=self.states)
        paths = Paths(run)
        broken = [blocker for name in run.values() if (blocker := paths.broken_by(name, choices=False))]
        return f"look at {broken[0]}: no gradient gets through it." if broken else ""


def differentiated(exercise: Exercise, target: object, inputs: Mapping[str, np.ndarray]) -> Called | None:
    """The layer that an exercise's probe builds and calls, to be looked into. For the student's notebook.

    Returns:
        None where the probe calls no layer, or not in the usual way.
    """
    global _called
    _called = []
    try:
        exercise.probe(target, {name: array.copy() for name, array in inputs.items()})
        return _called[0] if _called else None
    finally:
        _called = None


def probe_recurrent_cell(
    cell_class: type,
    inputs: Mapping[str, np.ndarray],
    *,
    states: tuple[str, ...],
    weights: tuple[str, ...] = WEIGHTS,
    initial: tuple[str, ...] = (),
    orthogonal: tuple[str, ...] = (),
    glorot: tuple[str, ...] = (),
    make: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """Build a recurrent cell, put weights in, run it under `keras.layers.RNN`, differentiate it.

    Args:
        cell_class: a `keras.layers.Layer` subclass that takes `units`.
        inputs: "inputs" (batch, time, features), "upstream" (batch, time, output), the initial states by
            the names in `states`, the weights by the names in `weights`. float64.
        states: the initial states, in the cell's order.
        weights: the names of the cell's weights.
        initial: the weights whose values after `build` are judged too, because they are not random.
        orthogonal, glorot: the weights that must be orthogonal, or uniform after Glorot, as `build` leaves them.
        make: arguments of the constructor. Default: `units`, the size of the first state.

    Returns:
        outputs, final_state (and final_state_<name> of each further state), gradient.* of the weights, the inputs
        and the states, initial.* of the weights in `initial`, and as text what the cell promises: its weights,
        dtypes, state and config.

    Raises:
        Malformed: when the object is not a cell class, or lacks a weight.
    """
    import keras

    _refuse_other_than_layer(cell_class)
    cell = cell_class(**(make or {"units": inputs[states[0]].shape[-1]}), dtype="float64")
    layer = keras.layers.RNN(cell, return_sequences=True, return_state=True, unroll=True, dtype="float64")
    layer.build(inputs["inputs"].shape)
    first = _initial_values(cell, initial, orthogonal, glorot)
    registered = _registered(cell)
    for name in weights:
        _put(cell, name, inputs[name])

    start = [inputs[name] for name in states]
    _note(Called(layer, (inputs["inputs"],), start, ("inputs", *states), inputs["upstream"]))
    watched = {"inputs": inputs["inputs"], **dict(zip(states, start, strict=True))}

    def run(tensors: Mapping[str, object]) -> list[object]:
        return layer(tensors["inputs"], initial_state=[tensors[name] for name in states])

    try:
        outputs, found = differentiate(run, watched, [getattr(cell, name) for name in weights], inputs["upstream"])
    except Exception:
        _refuse_other_than_two_things(cell, inputs["inputs"][:, 0], start)
        raise
    values: dict[str, object] = {"outputs": np.asarray(outputs[0])}
    for index, name in enumerate(states):
        suffix = "" if index == 0 else f"_{name}"
        values[f"final_state{suffix}"] = np.asarray(outputs[1 + index])
    for name, gradient in zip([*weights, "inputs", *states], found, strict=True):
        values[f"gradient.{name}"] = DISCONNECTED if gradient is None else gradient

    values |= first
    values["weights"] = registered
    values["zero_state"], values["first_output"], state_dtype = _zero_state(cell, layer, inputs, len(states))
    values["dtypes"] = f"{_dtypes(values['outputs'], cell)}, initial state {state_dtype}"

    def again(twin: object) -> object:
        layer = keras.layers.RNN(twin, return_sequences=True, unroll=True, dtype="float64")
        layer.build(inputs["inputs"].shape)
        for name in weights:
            _put(twin, name, inputs[name])
        return layer(inputs["inputs"][:, :FEW_STEPS], initial_state=start)

    values["config"], values["rebuilt_outputs"] = _rebuilt(cell, again)
    return values


def probe_layer(
    layer_class: type,
    inputs: Mapping[str, np.ndarray],
    *,
    make: Mapping[str, object],
    arguments: tuple[str, ...],
    weights: tuple[str, ...],
    initial: tuple[str, ...] = (),
    orthogonal: tuple[str, ...] = (),
    glorot: tuple[str, ...] = (),
    first_call: tuple[str, ...] = (),
    call: Callable[[object, Mapping[str, object]], object] | None = None,
) -> dict[str, object]:
    """Build a Keras layer that is no cell, put weights in, call it, differentiate it.

    Args:
        layer_class: a `keras.layers.Layer` subclass.
        inputs: what it is called with, its weights by name, and "upstream", of the shape of its (first) output.
        make: arguments of the constructor, without the dtype; it is made in float64.
        arguments: the names of `inputs` that it is called with. The floating-point ones are differentiated.
        weights: the names of its weights: attributes of the layer, and names in `inputs`.
        initial: the weights whose values after `build` are judged too, because they are not random.
        orthogonal, glorot: the weights that must be orthogonal, or uniform after Glorot, as `build` leaves them.
        first_call: where `call` is given, the arguments of a plain call that gives its first output, if one does.
        call: (layer, name -> tensor) -> output or tuple of outputs. Default: the arguments in their order.

    Returns:
        outputs (and outputs_1, outputs_2, … of further ones), gradient.* of the weights and the floating-point
        arguments, initial.* of the weights in `initial`, and as text `weights`, `dtypes` and `config`, with
        `rebuilt_outputs` of a layer made again from it.

    Raises:
        Malformed: when the object is not a layer class, or lacks a weight.
    """
    _refuse_other_than_layer(layer_class)
    first_call = arguments if call is None else first_call
    call = call or (lambda layer, tensors: layer(*[tensors[name] for name in arguments]))

    def run_on(layer: object, tensors: Mapping[str, object]) -> list[object]:
        outputs = call(layer, tensors)
        return list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]

    given = {name: inputs[name] for name in arguments}
    watched = {name: array for name, array in given.items() if array.dtype.kind == "f"}
    layer = layer_class(**make, dtype="float64")
    run_on(layer, given)  # builds it
    first = _initial_values(layer, initial, orthogonal, glorot)
    registered = _registered(layer)
    for name in weights:
        _put(layer, name, inputs[name])
    if first_call:
        names = tuple(name for name in first_call if name in watched)
        _note(Called(layer, tuple(given[name] for name in first_call), None, names, inputs["upstream"]))

    outputs, found = differentiate(
        lambda tensors: run_on(layer, {**given, **tensors}),
        watched,
        [getattr(layer, name) for name in weights],
        inputs["upstream"],
    )
    values: dict[str, object] = {
        f"outputs_{number}" if number else "outputs": np.asarray(output) for number, output in enumerate(outputs)
    }
    for name, gradient in zip([*weights, *watched], found, strict=True):
        values[f"gradient.{name}"] = DISCONNECTED if gradient is None else gradient
    values |= first
    values["weights"] = registered
    values["dtypes"] = _dtypes(values["outputs"], layer)

    def again(twin: object) -> object:
        run_on(twin, given)
        for name in weights:
            _put(twin, name, inputs[name])
        return run_on(twin, given)[0]

    values["config"], values["rebuilt_outputs"] = _rebuilt(layer, again)
    return values


def probe_copied_weights(
    copy_weights: Callable[[object, object], object], inputs: Mapping[str, np.ndarray], keras_layer: type
) -> dict[str, object]:
    """Copy weights into and out of a recurrent layer of Keras, and return those that arrive on either side.

    The other layer is a `keras.layers.RNN` around a cell that has the weights and no step of its own, so that the
    exercise does not depend on the student's cell. After the copy the source is overwritten, which must not reach the
    target.

    Args:
        copy_weights: called with the source and the target, both built.
        inputs: the weights by the names in WEIGHTS.
        keras_layer: for example `keras.layers.LSTM`.

    Returns:
        <direction>.<weight> of the target and <direction>.source_<weight>, see `copied_parts`.
    """
    import keras

    class Holder(keras.layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.state_size = self.output_size = units

        def build(self, input_shape):
            for name in WEIGHTS:
                setattr(self, name, self.add_weight(shape=inputs[name].shape, initializer="zeros", name=name))

        def call(self, inputs, states):
            return states[0], states

    features, units = inputs["kernel"].shape[0], inputs["recurrent_kernel"].shape[0]
    values = {}
    for direction in DIRECTIONS:
        ours = keras.layers.RNN(Holder(units, dtype="float64"), dtype="float64")
        theirs = keras_layer(units, kernel_initializer="zeros", recurrent_initializer="zeros", dtype="float64")
        for layer in (ours, theirs):
            layer.build((None, None, features))
        source, target = (ours, theirs) if direction == "into_keras" else (theirs, ours)
        for name in WEIGHTS:
            getattr(source.cell, name).assign(inputs[name])
            getattr(target.cell, name).assign(np.full_like(inputs[name], 0.125))
        own = {name: getattr(target.cell, name) for name in WEIGHTS}
        copy_weights(source, target)
        for name in WEIGHTS:
            values[f"{direction}.source_{name}"] = np.array(getattr(source.cell, name))
            getattr(source.cell, name).assign(np.full_like(inputs[name], 0.25))
        for name in WEIGHTS:
            values[f"{direction}.{name}"] = held_by(own[name], target.cell, name)
    return values


def copied_parts() -> dict[str, Part]:
    """One part for each weight: it arrives in both directions, and stays what it was on the other side."""
    return {
        name: Part(
            1 / len(WEIGHTS),
            tuple(f"{direction}.{prefix}{name}" for direction in DIRECTIONS for prefix in ("", "source_")),
        )
        for name in WEIGHTS
    }


def show_recurrent_cell(cell_class: type, inputs: Mapping[str, np.ndarray]) -> list[tuple[str, bool, str]]:
    """Try a recurrent cell compiled with XLA, and saved and loaded. For the student's notebook; not graded.

    Returns:
        (name, right, detail) of each trial.
    """
    import tempfile
    from pathlib import Path

    import keras
    import tensorflow as tf

    units = inputs["upstream"].shape[-1]
    shape = inputs["inputs"].shape
    model = keras.Sequential(
        [keras.Input(shape[1:], dtype="float64"), keras.layers.RNN(cell_class(units, dtype="float64"), dtype="float64")]
    )
    eager = np.asarray(model(inputs["inputs"]))

    def compiled() -> np.ndarray:
        return np.asarray(tf.function(model, jit_compile=True)(tf.constant(inputs["inputs"])))

    def loaded() -> np.ndarray:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            model.save(path)
            known = {cell_class.__name__: cell_class}
            return np.asarray(keras.models.load_model(path, custom_objects=known)(inputs["inputs"]))

    found = []
    for name, trial in (("XLA", compiled), ("save and load", loaded)):
        try:
            same = bool(np.allclose(trial(), eager, rtol=0, atol=1e-10))
            found.append((name, same, "not graded; " + ("same outputs" if same else "other outputs")))
        except Exception as error:
            found.append((name, False, f"not graded; {type(error).__name__}: {str(error).splitlines()[0][:160]}"))
    return found


def differentiate(
    run: Callable[[Mapping[str, object]], list[object]],
    tensors: Mapping[str, np.ndarray],
    variables: list[object],
    upstream: np.ndarray,
) -> tuple[list[object], list[np.ndarray | None]]:
    """Outputs of `run`, and the gradients of sum(upstream * first output) by the TensorFlow tape.

    Returns:
        (outputs, gradients): the gradients of the variables, then of the tensors; None where disconnected.

    Raises:
        Malformed: when the first output's shape does not go with that of `upstream`.
    """
    import tensorflow as tf

    watched = {name: tf.constant(value) for name, value in tensors.items()}
    sources = [getattr(variable, "value", variable) for variable in variables] + list(watched.values())
    with tf.GradientTape() as tape:
        for source in sources:
            if tf.is_tensor(source):
                tape.watch(source)
        outputs = run(watched)
        try:
            loss = tf.reduce_sum(tf.cast(upstream, outputs[0].dtype) * outputs[0])
        except tf.errors.InvalidArgumentError:
            shape = tuple(outputs[0].shape)
            raise Malformed(f"What it returns must have the shape {upstream.shape}. Received: {shape}.") from None
    found = tape.gradient(loss, sources)
    # the gradient of a table that is looked up is sparse
    return outputs, [None if g is None else np.asarray(tf.convert_to_tensor(g)) for g in found]


def _note(called: Called) -> None:
    if _called is not None:
        _called.append(called)


def _refuse_other_than_layer(layer_class: object) -> None:
    import keras

    if not (isinstance(layer_class, type) and issubclass(layer_class, keras.layers.Layer)):
        raise Malformed(f"It must be a class that inherits from keras.layers.Layer. Received: {_kind(layer_class)}.")


def _registered(layer: object) -> str:
    """The trainable weights as text. Keras numbers weights that were given no name."""
    named = {re.sub(r"_\d+$", "", weight.name): tuple(weight.shape) for weight in layer.trainable_weights}
    return ", ".join(f"{name} {shape}" for name, shape in sorted(named.items())) or "none"


def _initial_values(
    layer: object, names: tuple[str, ...], orthogonal: tuple[str, ...], glorot: tuple[str, ...]
) -> dict[str, object]:
    """initial.<name> -> what `build` put into the weight; of random ones, whether they are what they should be."""
    looks = dict.fromkeys(names, np.asarray) | dict.fromkeys(orthogonal, orthogonality) | dict.fromkeys(glorot, spread)
    return {f"initial.{name}": start_of(layer, name, look) for name, look in looks.items()}


def start_of(layer: object, name: str, look: Callable[[object], object] = np.asarray) -> object:
    """What `look` finds in a weight as `build` left it."""
    weight = getattr(layer, name, None)
    return "not created in build()" if weight is None else look(weight)


def held_by(own: object, layer: object, name: str) -> object:
    """What the weight `own` holds, if it still is the layer's attribute of that name; else that it is not, in words."""
    return np.array(own) if getattr(layer, name) is own else "not in the layer's own weight"


def orthogonality(weight: object) -> str:
    """Are the rows of a kernel (units, units or a multiple) perpendicular to each other and of length 1? In words."""
    kernel = np.asarray(weight, dtype=np.float64)
    near = kernel.ndim == 2 and np.allclose(kernel @ kernel.T, np.eye(len(kernel)), rtol=0, atol=1e-3)
    return "orthogonal" if near else "not orthogonal"


def spread(weight: object) -> str:
    """Can a kernel (rows, columns) be uniform after Glorot, between ±sqrt(6 / (rows + columns))? In words."""
    kernel = np.asarray(weight, dtype=np.float64)
    if kernel.size > 1 and np.ptp(kernel) == 0:
        return "all elements are the same"
    limit = np.sqrt(6 / sum(kernel.shape))
    return "random, in the range of Glorot's" if abs(kernel).max() <= limit * 1.001 else "beyond the range of Glorot's"


def _dtypes(outputs: np.ndarray, layer: object) -> str:
    weights = ", ".join(sorted({str(weight.dtype) for weight in layer.trainable_weights}))
    return f"outputs {outputs.dtype}, weights {weights}"


def _kind(thing: object) -> str:
    return f"the {type(thing).__name__} {thing!r}"[:80]


def _put(cell: object, name: str, value: np.ndarray) -> None:
    """Give a weight its value; a plain attribute gets it too, so that the outputs can be judged apart."""
    import keras

    if not hasattr(cell, name):
        raise Malformed(f"It has no weight `{name}` after build(). Create it there, with self.add_weight.")
    weight = getattr(cell, name)
    if tuple(np.shape(weight)) != value.shape:
        raise Malformed(f"The shape of `{name}` must be {value.shape}. Received: {tuple(np.shape(weight))}.")
    if hasattr(weight, "assign"):
        weight.assign(value)
    else:
        setattr(cell, name, keras.ops.convert_to_tensor(value))


def _refuse_other_than_two_things(cell: object, inputs: np.ndarray, states: Sequence[np.ndarray]) -> None:
    """Say so if a cell's `call` works and does not return what `keras.layers.RNN` takes apart."""
    from keras import ops

    try:
        answer = cell(ops.convert_to_tensor(inputs), [ops.convert_to_tensor(state) for state in states])
    except Exception:
        return  # its own error says more
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        count = len(answer) if isinstance(answer, (tuple, list)) else "nothing" if answer is None else "one"
        raise Malformed(
            f"`call` must return two things, the output and the list of new states. Received: {count}."
        ) from None
    if isinstance(answer[1], (tuple, list)) and len(answer[1]) != len(states):
        raise Malformed(
            f"The list of new states that `call` returns must be as long as the one it is given, {len(states)}. "
            f"Received: {len(answer[1])}."
        ) from None


def _zero_state(
    cell: object, layer: object, inputs: Mapping[str, np.ndarray], count: int
) -> tuple[object, object, str]:
    """What get_initial_state gives for a batch of three, the outputs that start from it, and its dtype."""
    try:
        state = cell.get_initial_state(batch_size=3)
        listed = [np.asarray(s) for s in (state if isinstance(state, (list, tuple)) else [state])]
        if len(listed) != count:
            return f"{len(listed)} states where the cell has {count}", "not reached", "unknown"
        dtypes = ", ".join(sorted({str(array.dtype) for array in listed}))
        return np.concatenate(listed, axis=-1), np.asarray(layer(inputs["inputs"][:, :FEW_STEPS])[0]), dtypes
    except NotImplementedError:
        return "`get_initial_state` still raises NotImplementedError", "not reached", "unknown"
    except Exception as error:
        return f"{type(error).__name__} in get_initial_state, or in a run that starts from it", "not reached", "unknown"


def _rebuilt(layer: object, again: Callable[[object], object]) -> tuple[str, object]:
    """The config's own entries as text, and the outputs of a layer made again from it."""
    try:
        config = layer.get_config()
        common = {"name", "dtype", "trainable"}
        text = ", ".join(f"{key}={config[key]}" for key in sorted(config) if key not in common)
        return text, np.asarray(again(type(layer).from_config(config)))
    except NotImplementedError:
        return "`get_config` still raises NotImplementedError", "not reached"
    except Malformed as malformed:
        return f"when made again from its config: {malformed}", "not reached"
    except Exception as error:
        return f"{type(error).__name__} when made again from its config", "not reached"
