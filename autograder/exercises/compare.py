"""Lesson 12: how the exercises on convolution and attention are tested."""

from dataclasses import replace

import numpy as np

from autograder.exercise import NOT_BY_HAND, Case, Exercise, Malformed, Part, backward, distinct_sizes, evenly, forward
from autograder.layers import differentiate, probe_layer

KERNELS = ("query_kernel", "key_kernel", "value_kernel", "output_kernel")
ARCHITECTURES = ("recurrent", "convolution", "dilated", "attention")
LAYERS = ("elman", "lstm", "gru", "convolution", "attention")
BLOCK_RTOL = 1e-10  # one pass through float32 leaves errors just below 1e-7, which a float64 layer must not have

_CONVOLUTIONS = (
    "keras.layers.Conv1D",
    "keras.layers.Convolution1D",
    "keras.layers.SeparableConv1D",
    "keras.layers.DepthwiseConv1D",
    "keras.layers.Conv2D",
    "keras.ops.conv",
    "keras.ops.depthwise_conv",
    "keras.ops.separable_conv",
    "tensorflow.nn.conv1d",
    "tensorflow.nn.conv2d",
    "tensorflow.nn.convolution",
    "tensorflow.nn.depthwise_conv2d",
    "tensorflow.raw_ops.Conv",
    "tensorflow.raw_ops.Conv2D",
    "numpy.convolve",
    "numpy.correlate",
    "scipy.ndimage.convolve",  # in a source these find scipy.signal's too; looking that up would load it: a second
    "scipy.ndimage.correlate",
    "scipy.ndimage.convolve1d",
    "scipy.ndimage.correlate1d",
    "torch.nn.Conv1d",
    "torch.nn.functional.conv1d",
    "torch.nn.functional.conv2d",
    "jax.numpy.convolve",
    "jax.numpy.correlate",
    "jax.lax.conv",
    "jax.lax.conv_general_dilated",
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
    """x (batch, time, features), kernel (width, features, filters), bias (filters,). 4 <= width < time.

    With a width of 3, zeros on both sides and one zero too few in front would be the same.
    """
    sizes = {"width": 0, "time": 0}
    while not 4 <= sizes["width"] < sizes["time"]:
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

    Neither time nor features are the square of the units, so that a scale made of one of them can be told from one
    that is made of the units without their root.
    """
    sizes = {"time": 4, "units": 2}
    while sizes["units"] ** 2 in (sizes["time"], sizes.get("features")):
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

    The second sequence begins with padding, and in the first there is none. Neither time nor features are the square
    of the units, so that a scale made of one of them can be told from one made of the units without their root.
    """
    sizes = {"features": 4, "units": 2}
    while sizes["units"] ** 2 in (sizes.get("time"), sizes["features"]):
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
    """Build the block, put the weights in, call it without a mask and with one: see `autograder.layers`.

    Besides, "finite" says whether the call with a mask gives numbers everywhere, and gradients that are numbers. What
    comes out at padding does not matter, but it goes on into the next layer, and NaN spreads from there.
    """
    from keras import ops

    layers = []  # the first is the one that has the weights

    def at_real_tokens(masked):
        return ops.where(ops.convert_to_tensor(inputs["mask"])[:, :, None], masked, ops.zeros_like(masked))

    def call(layer, tensors):
        layers.append(layer)
        outputs, masked = layer(tensors["inputs"]), layer(tensors["inputs"], mask=tensors["mask"])
        if isinstance(masked, (tuple, list)):
            raise Malformed(f"`call` must return one tensor. Received: {len(masked)} of them.")
        return outputs, at_real_tokens(masked)

    values = probe_layer(
        block_class,
        inputs,
        make={"units": inputs["query_kernel"].shape[1]},
        arguments=("inputs", "mask"),
        weights=(*KERNELS, "bias"),
        initial=("bias",),
        glorot=KERNELS,
        first_call=("inputs",),
        call=call,
    )
    return values | {"finite": _finite_with_padding(layers[0], inputs, at_real_tokens)}


def _finite_with_padding(layer, inputs, at_real_tokens):
    """Are the outputs of a call with a mask numbers, at padding too, and the gradients of those at real tokens?"""
    seen = []

    def run(tensors):
        seen.append(layer(tensors["inputs"], mask=inputs["mask"]))
        return [at_real_tokens(seen[0])]

    kernels = [getattr(layer, name) for name in KERNELS]
    _, found = differentiate(run, {"inputs": inputs["inputs"]}, kernels, inputs["upstream"])
    found = {
        "outputs": [np.asarray(seen[0])],
        "gradients": [gradient for gradient in found if gradient is not None],
    }
    return ", ".join(
        f"{what} {'finite' if all(np.isfinite(a).all() for a in arrays) else 'not finite'}"
        for what, arrays in found.items()
    )


def draw_paths(rng: np.random.Generator) -> Case:
    """distances and widths, in pairs: powers of a width, numbers that are one less than a power, and others.

    In floating point the logarithm of 125 to the base 5 comes out above 3, and that of 243 to the base 3 below 5.
    """
    width, other = (int(number) for number in rng.choice(np.arange(3, 7), size=2, replace=False))
    pairs = [
        (124, 5),
        (125, 5),
        (63, 4),
        (200, 3),
        (243, 3),
        (9, 3),
        (3, 3),
        (1, 3),
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
            forward="compare.attention_forward", upstream="dy",  # no time axis: nothing is carried from step to step
        ),
        forbidden=NOT_BY_HAND + _ATTENTIONS,
    ),
    Exercise(
        "compare.AttentionBlock", 10, draw_block, probe_block,
        {
            "outputs": Part(0.25, ("outputs",), gate=True),
            "padding": Part(0.15, ("outputs_1", "finite")),
            "gradients": Part(0.4, (*(f"gradient.{name}" for name in KERNELS), "gradient.bias", "gradient.inputs")),
            "weights": Part(0.1, ("weights", "dtypes", "initial.bias", *(f"initial.{name}" for name in KERNELS))),
            "config": Part(0.1, ("config", "rebuilt_outputs")),
        },
        kind="layer", rtol=BLOCK_RTOL, forbidden=_ATTENTIONS, time_axis={"outputs": 1, "outputs_1": 1},
        about={
            "outputs": "the outputs for sequences without padding",
            "outputs_1": "the outputs at real tokens where some sequences begin with padding",
            "finite": "whether the call with a mask gives numbers everywhere, and gradients that are numbers",
            "gradient.inputs": "the gradient that reaches the inputs",
            "weights": "the names and shapes of the trainable weights",
            "dtypes": "the dtypes in a float64 layer",
            "initial.bias": "the bias as `build` makes it",
            **{f"initial.{name}": f"what the {name.replace('_', ' ')} starts from" for name in KERNELS},
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
