"""Recurrence, convolution and attention side by side: the reference answers of lesson 12.

    y_t = b + sum over j of x_{t-j} K_j                       a causal convolution, j = 0, ..., width - 1
    P = softmax(Q Kᵀ / √units), zero where the key is later than the query      the weights of causal attention
    Y = P V                                                   its outputs

Row vectors throughout, as Keras has them: x is (batch, time, features). Functions are cache-free: what they need is
an argument, what they give is an array or a tuple of arrays.

Sources: Vaswani et al. 2017, "Attention is all you need", section 3.2.1 for attention and table 1 for the path
lengths; van den Oord et al. 2016, "WaveNet: A generative model for raw audio", for causal and dilated convolutions.
"""

import keras
import numpy as np
from keras import ops


def softmax(scores, axis=-1):
    """Turn scores into weights that are positive and add up to 1 along an axis.

    Args:
        scores: an array of any shape.
        axis: along which the weights add up to 1.

    Returns:
        the weights, of the same shape.
    """
    weights = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return weights / weights.sum(axis=axis, keepdims=True)


def causal_convolution(x, kernel, bias):
    """Let every output look at the present input and at the width - 1 inputs before it.

    The last slice of the kernel, kernel[-1], meets the present input, and kernel[0] the oldest. In front of the first
    input stand zeros. No output depends on a later input.

    Args:
        x: the inputs. Shape (batch, time, features).
        kernel: one matrix for each input that is looked at, from the oldest on. Shape (width, features, filters).
        bias: the bias. Shape (filters,).

    Returns:
        y. Shape (batch, time, filters).

    Source: van den Oord et al. 2016, section 2.1.
    """
    ### BEGIN SOLUTION
    width, time = len(kernel), x.shape[1]
    padded = np.pad(x, ((0, 0), (width - 1, 0), (0, 0)))  # (batch, width - 1 + time, features)
    y = 0.0
    for j in range(width):
        y = y + padded[:, j : j + time] @ kernel[j]
    return y + bias  # (batch, time, filters)
    ### END SOLUTION


def attention_forward(q, k, v):
    """Let every position collect what it looks for from the positions up to itself.

    The score of a query and a key is their dot product divided by √units. A query sees the keys of its own position
    and of all earlier ones. Over these, softmax makes weights of its scores, and the output is the mean of the values
    with these weights.

    Args:
        q: the queries. Shape (batch, time, units).
        k: the keys. Shape (batch, time, units).
        v: the values. Shape (batch, time, features).

    Returns:
        y, the outputs. Shape (batch, time, features).

    Source: Vaswani et al. 2017, equation 1 and section 3.2.3.
    """
    ### BEGIN SOLUTION
    scores = q @ k.swapaxes(1, 2) / np.sqrt(q.shape[-1])  # (batch, query, key)
    later = np.triu(np.ones(scores.shape[1:], bool), k=1)  # (query, key)
    p = softmax(np.where(later, -1e9, scores))
    return p @ v  # (batch, time, features)
    ### END SOLUTION


def attention_backward(dy, q, k, v):
    """Carry a gradient back through causal attention.

    Args:
        dy: the upstream gradient dL/dy. Shape (batch, time, features).
        q, k, v: as attention_forward received them.

    Returns:
        (dq, dk, dv), each with the shape of what it is the gradient of.

    Source: Vaswani et al. 2017, equation 1, differentiated.
    """
    ### BEGIN SOLUTION
    scale = 1 / np.sqrt(q.shape[-1])
    later = np.triu(np.ones((q.shape[1], k.shape[1]), bool), k=1)  # (query, key)
    p = softmax(np.where(later, -1e9, scale * (q @ k.swapaxes(1, 2))))  # (batch, query, key)
    dv = p.swapaxes(1, 2) @ dy
    dp = dy @ v.swapaxes(1, 2)  # (batch, query, key)
    dscores = p * (dp - (p * dp).sum(axis=-1, keepdims=True))
    dq = scale * (dscores @ k)
    dk = scale * (dscores.swapaxes(1, 2) @ q)
    return dq, dk, dv
    ### END SOLUTION


@keras.saving.register_keras_serializable(package="unrolled")
class AttentionBlock(keras.layers.Layer):
    """Causal self-attention with one head, added to its own input.

        q, k, v = inputs query_kernel, inputs key_kernel, inputs value_kernel      (batch, time, units)
        outputs = inputs + attention(q, k, v) output_kernel + bias                 (batch, time, features)

    Args:
        units: positive integer, the size of queries, keys and values.
        **kwargs: what every Keras layer takes (`name`, `dtype`, …).

    Call with `inputs` (batch, time, features) and, where sequences are padded, `mask` (batch, time), True for the
    real tokens. Padding may stand anywhere. A query sees only keys up to its own position, and no padding.
    What is returned at padding does not matter, as long as it is a number.

    Weights: `query_kernel`, `key_kernel` and `value_kernel` (features, units), `output_kernel` (units, features), which
    start from "glorot_uniform", and `bias` (features,), which starts from "zeros".

    Raises:
        ValueError: if `units` is not a positive integer.

    Source: Vaswani et al. 2017, sections 3.1 and 3.2, with one head and no feed-forward part.
    """

    def __init__(self, units, **kwargs):
        if not isinstance(units, int) or isinstance(units, bool) or units < 1:
            raise ValueError(
                f"`units` must be a positive integer. Received: units={units!r}. Example: AttentionBlock(units=32)."
            )
        super().__init__(**kwargs)
        self.units = units
        self.supports_masking = True  # Keras hands the mask on to the next layer

    def build(self, input_shape):
        """Create the weights. `input_shape` is (batch, time, features)."""
        ### BEGIN SOLUTION
        inwards, outwards = (input_shape[-1], self.units), (self.units, input_shape[-1])
        self.query_kernel = self.add_weight(shape=inwards, initializer="glorot_uniform", name="query_kernel")
        self.key_kernel = self.add_weight(shape=inwards, initializer="glorot_uniform", name="key_kernel")
        self.value_kernel = self.add_weight(shape=inwards, initializer="glorot_uniform", name="value_kernel")
        self.output_kernel = self.add_weight(shape=outwards, initializer="glorot_uniform", name="output_kernel")
        self.bias = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="bias")
        ### END SOLUTION

    def call(self, inputs, mask=None):
        """Return the outputs. Use `keras.ops`, so that gradients flow and every backend works."""
        ### BEGIN SOLUTION
        q = ops.matmul(inputs, self.query_kernel)  # (batch, time, units)
        k = ops.matmul(inputs, self.key_kernel)
        v = ops.matmul(inputs, self.value_kernel)
        scores = ops.matmul(q, ops.swapaxes(k, 1, 2)) / self.units**0.5  # (batch, query, key)
        steps = ops.arange(ops.shape(inputs)[1])
        seen = steps[:, None] >= steps[None, :]  # (query, key)
        if mask is not None:
            seen = ops.logical_and(seen, mask[:, None, :])  # (batch, query, key)
        p = ops.softmax(ops.where(seen, scores, -1e4), axis=-1)  # -1e4 is a number in float16 too
        y = ops.matmul(ops.matmul(p, v), self.output_kernel)  # (batch, time, features)
        return inputs + y + self.bias
        ### END SOLUTION

    def get_config(self):
        """Return what `from_config` needs to make this layer again."""
        ### BEGIN SOLUTION
        return {**super().get_config(), "units": self.units}
        ### END SOLUTION


def path_length(architecture, distance, width):
    """Count the steps between an input and the output `distance` positions later, on the shortest way.

    Every layer that the signal passes is one step, and so is every application of a recurrent cell.

    "recurrent": one recurrent layer. The cell reads the input at its own position, and hands its state on from position
    to position until it reaches the output's.
    "convolution": a stack of causal convolutions of the same width, with as many layers as the distance needs.
    "dilated": the same with holes. The inputs that a layer looks at are 1 apart in the first layer, width apart in
    the second, width² in the third, and so on, so that there is exactly one way from an input to an output.
    "attention": causal attention.

    Args:
        architecture: "recurrent", "convolution", "dilated" or "attention".
        distance: how many positions the output is later than the input. A positive integer.
        width: how many positions a convolution looks at, the present one included. An integer, at least 2. The
            other two architectures have no use for it.

    Returns:
        the number of steps, an integer. Count in integers: in floating point the logarithm of 125 to base 5 is above
        3, and that of 243 to base 3 is below 5.

    Raises:
        ValueError: for another architecture, distance or width.

    Source: Vaswani et al. 2017, table 1, for all but the convolution without holes, which is in their section 4.
    """
    known = ("recurrent", "convolution", "dilated", "attention")
    if architecture not in known:
        raise ValueError(
            f"`architecture` must be one of {', '.join(known)}. Received: architecture={architecture!r}. "
            'Example: path_length("dilated", 100, 3).'
        )
    if distance < 1 or width < 2:
        raise ValueError(
            f"`distance` must be at least 1 and `width` at least 2. Received: distance={distance!r}, width={width!r}. "
            'Example: path_length("dilated", 100, 3).'
        )
    ### BEGIN SOLUTION
    if architecture == "recurrent":
        return distance + 1  # the first step reads the input
    if architecture == "attention":
        return 1
    if architecture == "convolution":
        return -(-distance // (width - 1))  # rounded up
    depth, reach = 0, 0
    while reach < distance:
        reach += (width - 1) * width**depth
        depth += 1
    return depth
    ### END SOLUTION


def parameter_count(layer, features, units, width):
    """Count the numbers that a layer learns.

    "elman": a simple recurrent layer with one bias.
    "lstm": an LSTM with a forget gate, one bias for each gate and for the candidate, and no peepholes.
    "gru": a GRU as Keras builds it (`reset_after=True`): each of its gates, and the candidate, has two biases, one for
    what comes from the input and one for what comes from the state.
    "convolution": a convolution of this width with `units` filters and a bias for each.
    "attention": the weights that AttentionBlock states.

    Args:
        layer: "elman", "lstm", "gru", "convolution" or "attention".
        features: the size of an input.
        units: the size of the state; the number of filters; the size of queries, keys and values.
        width: how many positions the convolution looks at. The other layers have no use for it.

    Returns:
        the number of parameters, an integer.

    Raises:
        ValueError: for another layer.

    Source: the shapes that the documentation of each Keras layer states.
    """
    known = ("elman", "lstm", "gru", "convolution", "attention")
    if layer not in known:
        raise ValueError(
            f"`layer` must be one of {', '.join(known)}. Received: layer={layer!r}. "
            'Example: parameter_count("lstm", 10, 32, 3).'
        )
    ### BEGIN SOLUTION
    if layer == "elman":
        return units * (features + units + 1)
    if layer == "lstm":
        return 4 * units * (features + units + 1)
    if layer == "gru":
        return 3 * units * (features + units + 2)
    if layer == "convolution":
        return width * features * units + units
    return 4 * features * units + features
    ### END SOLUTION
