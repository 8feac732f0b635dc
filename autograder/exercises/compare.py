"""Lesson 12: how the exercises on convolution and attention are tested."""

from dataclasses import replace

import numpy as np

from autograder.exercise import NOT_BY_HAND, Case, Exercise, Malformed, Part, backward, distinct_sizes, evenly, forward
from autograder.layers import probe_layer

KERNELS = ("query_kernel", "key_kernel", "value_kernel", "output_kernel")
ARCHITECTURES = ("recurrent", "convolution", "dilated", "attention")
LAYERS = ("elman", "lstm", "gru", "convolution", "attention")
BLOCK_RTOL = 1e-10  # one pass through float32 leaves errors just below 1e-7, which a float64 layer must not have

_CONVOLUTIONS = (
    "keras.layers.Conv1D",
    "keras.ops.conv",
    "scipy.ndimage.convolve1d",
    "scipy.ndimage.correlate1d",
    "torch.nn.functional.conv1d",
)
_ATTENTIONS = (
    "keras.layers.Attention",
    "keras.layers.MultiHeadAttention",
    "keras.layers.GroupedQueryAttention",
    "keras.layers.GroupQueryAttention",
    "keras.layers.AdditiveAttention",
    "keras.ops.dot_product_attention",
    "torch.nn.functional.scaled_dot_product_attention",
)


def draw_convolution(rng: np.random.Generator) -> Case:
    """x (batch, time, features), kernel (width, features, filters), bias (filters,). 3 <= width < time."""
    sizes = {"width": 0, "time": 0}
    while not 3 <= sizes["width"] < sizes["time"]:
        sizes = distinct_sizes(rng, "batch", "time", "width", "features", "filters")
    batch, time, width, features, filters = sizes.values()
    inputs = {
        "x": rng.standard_normal((batch, time, features)),
        "kernel": rng.standard_normal((width, features, filters)),
        "bias": rng.standard_normal(filters),
    }
    return Case(inputs, sizes)


def draw_attention(rng: np.random.Generator) -> Case:
    """q and k (batch, time, units), v (batch, time, features). Small: gradients of mistaken versions are numeric.

    The time is not the square of the units, so that a scale made of one can be told from a scale made of the other.
    """
    sizes = {"time": 4, "units": 2}
    while sizes["time"] == sizes["units"] ** 2:
        sizes = distinct_sizes(rng, "batch", "time", "units", "features", high=6)
    batch, time, units, features = sizes.values()
    inputs = {
        "q": rng.standard_normal((batch, time, units)),
        "k": rng.standard_normal((batch, time, units)),
        "v": rng.standard_normal((batch, time, features)),
    }
    return Case(inputs, sizes)


def draw_attention_backward(rng: np.random.Generator) -> Case:
    """dy (batch, time, features), then the arguments of attention."""
    case = draw_attention(rng)
    return Case({"dy": rng.standard_normal(case.inputs["v"].shape), **case.inputs}, case.sizes)


def draw_block(rng: np.random.Generator) -> Case:
    """inputs and upstream (batch, time, features), mask (batch, time), and the weights by their names.

    The second sequence begins with padding, and in the first there is none. The features are not the square of the
    units, so that a scale made of one can be told from a scale made of the other.
    """
    sizes = {"features": 4, "units": 2}
    while sizes["features"] == sizes["units"] ** 2:
        sizes = distinct_sizes(rng, "batch", "time", "features", "units")
    batch, time, features, units = sizes.values()
    padding = rng.integers(0, time - 1, batch)
    padding[:2] = 0, rng.integers(1, time - 1)
    inputs = {
        "inputs": rng.standard_normal((batch, time, features)),
        "mask": np.arange(time) >= padding[:, np.newaxis],
        "upstream": rng.standard_normal((batch, time, features)),
        **{name: 0.7 * rng.standard_normal((features, units)) for name in KERNELS[:3]},
        "output_kernel": 0.7 * rng.standard_normal((units, features)),
        "bias": rng.standard_normal(features),
    }
    return Case(inputs, sizes)


def probe_block(block_class, inputs):
    """Build the block, put the weights in, call it without a mask and with one: see `autograder.layers`."""
    from keras import ops

    def call(layer, tensors):
        outputs, masked = layer(tensors["inputs"]), layer(tensors["inputs"], mask=tensors["mask"])
        if isinstance(masked, (tuple, list)):
            raise Malformed(f"`call` must return one tensor. Received: {len(masked)} of them.")
        at_padding = ops.logical_not(tensors["mask"])[:, :, None]
        return outputs, ops.where(at_padding, ops.zeros_like(masked), masked)

    return probe_layer(
        block_class,
        inputs,
        make={"units": inputs["query_kernel"].shape[1]},
        arguments=("inputs", "mask"),
        weights=(*KERNELS, "bias"),
        initial=("bias",),
        call=call,
    )


def draw_paths(rng: np.random.Generator) -> Case:
    """distances and widths, in pairs: a power of a width, numbers that are one less than a power, and others."""
    width, other = (int(number) for number in rng.choice(np.arange(3, 7), size=2, replace=False))
    pairs = [
        (124, 5),
        (63, 4),
        (200, 3),
        (width ** int(rng.integers(2, 4)), width),
        ((other - 1) * int(rng.integers(20, 40)) + 1, other),
        (int(rng.integers(30, 300)), int(rng.integers(3, 9))),
    ]
    distances, widths = np.array(pairs).T
    return Case({"distances": distances, "widths": widths}, {})


def probe_paths(path_length, inputs):
    """For every architecture, the lengths of all pairs of distance and width."""
    pairs = [(int(distance), int(width)) for distance, width in zip(*inputs.values(), strict=True)]
    return {name: np.array([path_length(name, *pair) for pair in pairs]) for name in ARCHITECTURES}


def draw_counts(rng: np.random.Generator) -> Case:
    """features, units and widths, three of each."""
    sizes = rng.choice(np.arange(2, 30), size=(3, 3), replace=False)
    return Case(dict(zip(("features", "units", "widths"), sizes, strict=True)), {})


def probe_counts(parameter_count, inputs):
    """For every kind of layer, the counts at all sizes."""
    sizes = [[int(size) for size in column] for column in zip(*inputs.values(), strict=True)]
    return {name: np.array([parameter_count(name, *column) for column in sizes]) for name in LAYERS}


EXERCISES = [
    replace(
        forward("compare.causal_convolution", 6, draw_convolution, ("y",), {"y": 1}),
        forbidden=NOT_BY_HAND + _CONVOLUTIONS,
    ),
    replace(
        forward("compare.attention_forward", 6, draw_attention, ("y",), {"y": 1}),
        forbidden=NOT_BY_HAND + _ATTENTIONS,
    ),
    replace(
        backward(
            "compare.attention_backward", 10, draw_attention_backward, ("dq", "dk", "dv"),
            forward="compare.attention_forward", upstream="dy", time_axis={"dq": 1, "dk": 1, "dv": 1},
        ),
        forbidden=NOT_BY_HAND + _ATTENTIONS,
    ),
    Exercise(
        "compare.AttentionBlock", 10, draw_block, probe_block,
        {
            "outputs": Part(0.25, ("outputs",), gate=True),
            "padding": Part(0.15, ("outputs_1",)),
            "gradients": Part(0.4, (*(f"gradient.{name}" for name in KERNELS), "gradient.bias", "gradient.inputs")),
            "weights": Part(0.1, ("weights", "dtypes", "initial.bias")),
            "config": Part(0.1, ("config", "rebuilt_outputs")),
        },
        kind="layer", rtol=BLOCK_RTOL, forbidden=_ATTENTIONS,
        time_axis={"outputs": 1, "outputs_1": 1, "gradient.inputs": 1},
        about={
            "outputs": "the outputs for sequences without padding",
            "outputs_1": "the outputs at real tokens where some sequences begin with padding",
            "gradient.inputs": "the gradient that reaches the inputs",
            "weights": "the names and shapes of the trainable weights",
            "dtypes": "the dtypes in a float64 layer",
            "initial.bias": "the bias as `build` makes it",
            "config": "what get_config adds to that of every layer",
            "rebuilt_outputs": "the outputs of a layer made again from its config, with the same weights",
        },
    ),
    Exercise(
        "compare.path_length", 4, draw_paths, probe_paths, evenly(ARCHITECTURES),
        about={name: f'the lengths for "{name}"' for name in ARCHITECTURES},
    ),
    Exercise(
        "compare.parameter_count", 4, draw_counts, probe_counts, evenly(LAYERS),
        forbidden=(*NOT_BY_HAND, *_CONVOLUTIONS, *_ATTENTIONS, "keras.layers.Layer.count_params"),
        about={name: f'the counts for "{name}"' for name in LAYERS},
    ),
]  # fmt: skip
