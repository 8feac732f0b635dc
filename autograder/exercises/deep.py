"""Lesson 09, second half: how the exercises on stacks and on two directions are tested."""

from dataclasses import replace

import numpy as np

from autograder.exercise import (
    NOT_BY_HAND,
    Case,
    Exercise,
    Malformed,
    Part,
    backward,
    call_function,
    distinct_sizes,
    forward,
)
from autograder.layers import DISCONNECTED, differentiate, probe_layer

SCALE = 0.6  # of the weights: large enough that tanh bends and layers can be told apart, small enough not to saturate
LAYERS = 3  # of the Keras stack
KINDS = {"kernel": "kernels", "recurrent_kernel": "recurrent_kernels", "bias": "biases"}  # name of a weight: its list
WEIGHTS = tuple(f"layer_{number}_{kind}" for number in range(1, LAYERS + 1) for kind in KINDS)
BIASES = tuple(name for name in WEIGHTS if name.endswith("bias"))
KERNELS = tuple(f"layer_{number}_kernel" for number in range(1, LAYERS + 1))
RECURRENT = tuple(name for name in WEIGHTS if name.endswith("recurrent_kernel"))
LAYER_RTOL = 1e-10  # one pass through float32 leaves errors just below 1e-7, which a float64 layer must not have

_DIRECTIONS = ("keras.layers.Bidirectional", "torch.nn.RNN")
_STACKS = (
    "keras.layers.RNN",
    "keras.layers.StackedRNNCells",
    "keras.layers.SimpleRNN",
    "keras.layers.SimpleRNNCell",
    "keras.layers.LSTM",
    "keras.layers.LSTMCell",
    "keras.layers.GRU",
    "keras.layers.GRUCell",
    "torch.nn.RNN",
)


def draw_stack(rng: np.random.Generator) -> Case:
    """x (batch, time, features), h0 (layers, batch, units), Wx, Wu, Wh, b. Three layers or four."""
    sizes = {"layers": 0, "time": 7}
    while sizes["layers"] not in (3, 4) or sizes["time"] > 6:
        sizes = distinct_sizes(rng, "batch", "time", "features", "units", "layers")
    batch, time, features, units, layers = sizes.values()
    inputs = {
        "x": rng.standard_normal((batch, time, features)),
        "h0": rng.uniform(-0.9, 0.9, (layers, batch, units)),
        "Wx": SCALE * rng.standard_normal((features, units)),
        "Wu": SCALE * rng.standard_normal((layers - 1, units, units)),
        "Wh": SCALE * rng.standard_normal((layers, units, units)),
        "b": SCALE * rng.standard_normal((layers, units)),
    }
    return Case(inputs, sizes)


def draw_stack_backward(rng: np.random.Generator) -> Case:
    """dh (layers, batch, time, units), then the arguments of the forward pass."""
    case = draw_stack(rng)
    layers, batch, units = case.inputs["h0"].shape
    upstream = rng.standard_normal((layers, batch, case.sizes["time"], units))
    return Case({"dh": upstream, **case.inputs}, case.sizes)


def _lengths(rng: np.random.Generator, batch: int, time: int) -> np.ndarray:
    """How many steps each sequence has, at least 2: one sequence has them all, another one lacks some."""
    lengths = rng.integers(2, time + 1, batch)
    whole, short = rng.choice(batch, 2, replace=False)
    lengths[whole], lengths[short] = time, rng.integers(2, time)
    return lengths


_forward = call_function(("h",))


def probe_stacked_forward(stacked_forward, inputs):
    """The states of a stack, and of its lowest layer alone, above which there is no kernel."""
    values = _forward(stacked_forward, inputs)
    x, h0, Wx, Wu, Wh, b = inputs.values()
    alone = {"x": x, "h0": h0[:1].copy(), "Wx": Wx, "Wu": Wu[:0].copy(), "Wh": Wh[:1].copy(), "b": b[:1].copy()}
    try:
        return values | {"h_alone": _forward(stacked_forward, alone)["h"]}
    except Exception as error:
        return values | {"h_alone": f"{type(error).__name__} with one layer alone"}


def draw_bidirectional(rng: np.random.Generator) -> Case:
    """x (batch, time, features) with no zeros for padding, lengths (batch,), h0, Wx, Wh, b, a direction first."""
    sizes = distinct_sizes(rng, "batch", "time", "features", "units", low=3)
    batch, time, features, units = sizes.values()
    inputs = {
        "x": rng.standard_normal((batch, time, features)),
        "lengths": _lengths(rng, batch, time),
        "h0": rng.uniform(-0.9, 0.9, (2, batch, units)),
        "Wx": SCALE * rng.standard_normal((2, features, units)),
        "Wh": SCALE * rng.standard_normal((2, units, units)),
        "b": SCALE * rng.standard_normal((2, units)),
    }
    return Case(inputs, sizes)


def draw_layer(rng: np.random.Generator) -> Case:
    """inputs, a mask, the upstream gradient of all states and of the last ones, and the weights of three layers.

    Every layer has a size of its own. In one sequence the last steps do not count, in another one a step in between.
    """
    sizes = {"time": 6}
    while sizes["time"] > 5:  # each step of each layer costs some milliseconds
        sizes = distinct_sizes(rng, "batch", "time", "features", "low", "middle", "high")
    batch, time, features, *units = sizes.values()
    mask = np.ones((batch, time), bool)
    padded, holed = rng.choice(batch, 2, replace=False)
    mask[padded, rng.integers(1, time) :] = False
    mask[holed, rng.integers(1, time - 1)] = False
    inputs = {
        "inputs": rng.standard_normal((batch, time, features)),
        "mask": mask,
        "upstream": rng.standard_normal((batch, time, units[-1])),
        "upstream_last": rng.standard_normal((batch, units[-1])),
    }
    for number, (below, own) in enumerate(zip([features, *units], units, strict=False), start=1):
        inputs |= {
            f"layer_{number}_kernel": SCALE * rng.standard_normal((below, own)),
            f"layer_{number}_recurrent_kernel": SCALE * rng.standard_normal((own, own)),
            f"layer_{number}_bias": SCALE * rng.standard_normal(own),
        }
    return Case(inputs, sizes)


MASKED, LAST = "masked.", "last."  # in front of the values of the other two runs
_gradients = tuple(f"gradient.{name}" for name in (*WEIGHTS, "inputs"))


def _in_list(list_name: str, index: int) -> property:
    """One entry of a list of weights, as an attribute."""

    def get(layer):
        weights = getattr(layer, list_name, None)
        if not isinstance(weights, (list, tuple)) or len(weights) != LAYERS:
            kind = f"{len(weights)} weights" if isinstance(weights, (list, tuple)) else f"a {type(weights).__name__}"
            raise Malformed(f"`{list_name}` must be a list of {LAYERS} weights, one for each layer. Received: {kind}.")
        return weights[index]

    def put(layer, value):
        getattr(layer, list_name)[index] = value

    return property(get, put)


def with_named_weights(layer_class: type) -> type:
    """The student's class, with each weight in its lists as an attribute too, and a list for `units` in its config."""
    if not isinstance(layer_class, type):
        return layer_class  # which probe_layer refuses, with a sentence

    class Named(layer_class):
        def get_config(self):
            config = super().get_config()
            if isinstance(config.get("units"), (list, tuple)):
                config["units"] = [int(units) for units in config["units"]]
            return config

    for number in range(1, LAYERS + 1):
        for kind, list_name in KINDS.items():
            setattr(Named, f"layer_{number}_{kind}", _in_list(list_name, number - 1))
    Named.__name__ = layer_class.__name__
    return Named


def probe_stack(layer_class, inputs):
    """Run the stack three times: without a mask, with one, and with one for the last state alone.

    See `autograder.layers`. The runs with a mask are judged apart: if one fails, its values say how, and those of the
    first run stand.
    """
    units = [inputs[name].shape[0] for name in BIASES]
    named = with_named_weights(layer_class)
    make = {"units": units, "return_sequences": True}
    values = probe_layer(
        named,
        inputs,
        make=make,
        arguments=("inputs",),
        weights=WEIGHTS,
        initial=BIASES,
        orthogonal=RECURRENT,
        glorot=KERNELS,
    )
    for prefix, upstream in ((MASKED, inputs["upstream"]), (LAST, inputs["upstream_last"])):
        make["return_sequences"] = prefix == MASKED
        try:
            found = _run_with_mask(named(**make, dtype="float64"), inputs, upstream)
        except Exception as error:
            found = dict.fromkeys(("outputs", *_gradients), f"{type(error).__name__} in a run with a mask")
        values |= {prefix + name: value for name, value in found.items()}
    return values


def _run_with_mask(layer, inputs, upstream):
    """Outputs and gradients of a stack with the given weights and a mask."""
    layer.build(inputs["inputs"].shape)
    for name in WEIGHTS:
        if hasattr(getattr(layer, name), "assign"):
            getattr(layer, name).assign(inputs[name])
        else:
            setattr(layer, name, inputs[name])
    outputs, found = differentiate(
        lambda tensors: [layer(tensors["inputs"], mask=inputs["mask"])],
        {"inputs": inputs["inputs"]},
        [getattr(layer, name) for name in WEIGHTS],
        upstream,
    )
    arrays = [DISCONNECTED if gradient is None else gradient for gradient in found]
    return {"outputs": np.asarray(outputs[0]), **dict(zip(_gradients, arrays, strict=True))}


def _after(prefix: str) -> tuple[str, ...]:
    return tuple(prefix + name for name in _gradients)


_about_layer = {
    "outputs": "the states of the highest layer after every step, no mask",
    "masked.outputs": "the states of the highest layer after every step, with a mask",
    "last.outputs": "what is returned without return_sequences, with a mask",
    "gradient.inputs": "the gradient that reaches the inputs",
    "weights": "the names and shapes of the trainable weights",
    "dtypes": "the dtypes in a float64 layer",
    "config": "what get_config adds to that of every layer",
    "rebuilt_outputs": "the outputs of a layer made again from its config, with the same weights",
    **{f"initial.{name}": f"the bias of layer {name[6]} as `build` makes it" for name in BIASES},
    **{f"initial.{name}": f"what the kernel of layer {name[6]} starts from" for name in KERNELS},
    **{f"initial.{name}": f"what the recurrent kernel of layer {name[6]} starts from" for name in RECURRENT},
}

EXERCISES = [
    replace(
        forward("deep.stacked_forward", 3, draw_stack, ("h",), {"h": 2, "h_alone": 2}),
        probe=probe_stacked_forward,
        parts={"a stack": Part(0.9, ("h",)), "one layer alone": Part(0.1, ("h_alone",))},
        forbidden=(*NOT_BY_HAND, "torch.nn.RNN"),
        about={"h_alone": "the states of a stack of one layer, where `Wu` has length 0"},
    ),
    backward(
        "deep.stacked_backward", 7, draw_stack_backward, ("dx", "dh0", "dWx", "dWu", "dWh", "db"),
        forward="deep.stacked_forward", upstream="dh", time_axis={"dx": 1},
    ),
    replace(
        forward("deep.bidirectional", 4, draw_bidirectional, ("y",), {"y": 1}),
        forbidden=NOT_BY_HAND + _DIRECTIONS,
    ),
    Exercise(
        "deep.StackedRNN", 6, draw_layer, probe_stack,
        {
            "outputs": Part(0.25, ("outputs",), gate=True),
            "gradients": Part(0.25, _gradients),
            "mask": Part(0.2, ("masked.outputs", *_after(MASKED))),
            "last state": Part(0.1, ("last.outputs", *_after(LAST))),
            "weights": Part(0.1, ("weights", "dtypes", *(f"initial.{name}" for name in BIASES + KERNELS + RECURRENT))),
            "config": Part(0.1, ("config", "rebuilt_outputs")),
        },
        kind="layer", rtol=LAYER_RTOL, forbidden=_STACKS, about=_about_layer,
        time_axis={"outputs": 1, "gradient.inputs": 1, "masked.outputs": 1},
    ),
]  # fmt: skip
