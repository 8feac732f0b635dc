"""The gated recurrent unit: the reference answers of the first half of lesson 09.

    ax = x_t Wx + b_x                          what the input says, for z, r and h side by side
    ah = h_{t-1} Wh + b_h                      what the old state says, in the same order
    z = σ(ax_z + ah_z)                         the update gate: how much of the old state stays
    r = σ(ax_r + ah_r)                         the reset gate
    h̃ = tanh(ax_h + r ah_h)                    the candidate
    h_t = z h_{t-1} + (1 - z) h̃

All products with gates are element by element. Here the reset gate acts after the matrix product, on all of
ah_h, its bias included. That is what Keras calls `reset_after=True`, its default. Cho et al. 2014 reset the state
before the product, and there is one bias:

    h̃ = tanh(x_t Wx_h + (r h_{t-1}) Wh_h + b_h)

Row vectors throughout, as Keras has them: x is (batch, features), h is (batch, units). The three parts are slices
of one kernel, in Keras' order z, r, h, so that weights copy over as they are. Functions are cache-free: what they
need is an argument, what they give is an array or a tuple of arrays.

Sources: Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder for statistical machine
translation"; the documentation of `keras.layers.GRU`, for the reset after the product.
"""

import keras
import numpy as np
from keras import ops


def sigmoid(a):
    """The logistic function, 1 / (1 + exp(-a)), of every element.

    Written with tanh, which is the same function and never overflows: σ(a) = (1 + tanh(a / 2)) / 2.

    Args:
        a: an array of any shape.

    Returns:
        σ(a), of the same shape.
    """
    return 0.5 * (1 + np.tanh(0.5 * a))


def step_forward(x, h_prev, Wx, Wh, b):
    """Take one time step of a GRU whose reset gate acts after the matrix product.

    The candidate is h̃ = tanh(ax_h + r ah_h), with ah_h = h_prev Wh_h + b_h. (Cho et al. 2014 have
    h̃ = tanh(x Wx_h + (r h_prev) Wh_h + b_h) instead, and a bias of one row. That is not asked for here.)
    The update gate z says how much of the old state stays.

    Args:
        x: the input of this step. Shape (batch, features).
        h_prev: the hidden state of the step before. Shape (batch, units).
        Wx: the kernel, input to gates. Shape (features, 3 * units), columns in the order z, r, h.
        Wh: the recurrent kernel, old state to gates. Shape (units, 3 * units), columns in the same order.
        b: the biases: row 0 belongs to the product with x, row 1 to the product with h_prev.
            Shape (2, 3 * units), columns in the same order.

    Returns:
        h, the new hidden state. Shape (batch, units).

    Source: Cho et al. 2014, with the reset gate where `keras.layers.GRU` has it (`reset_after=True`).
    """
    ### BEGIN SOLUTION
    ax = x @ Wx + b[0]  # (batch, 3 * units)
    ah = h_prev @ Wh + b[1]
    ax_z, ax_r, ax_h = np.split(ax, 3, axis=1)  # (batch, units) each
    ah_z, ah_r, ah_h = np.split(ah, 3, axis=1)
    z = sigmoid(ax_z + ah_z)
    r = sigmoid(ax_r + ah_r)
    h_tilde = np.tanh(ax_h + r * ah_h)
    return z * h_prev + (1 - z) * h_tilde
    ### END SOLUTION


def step_backward(dh, x, h_prev, Wx, Wh, b):
    """Carry a gradient back through one time step.

    The old state acts on the new one by two ways: it stays in part, and it enters the gates and the candidate.

    Args:
        dh: the upstream gradient dL/dh. Shape (batch, units).
        x, h_prev, Wx, Wh, b: as step_forward received them.

    Returns:
        (dx, dh_prev, dWx, dWh, db), each with the shape of what it is the gradient of.
        Gradients of the weights are sums over the batch.

    Source: Cho et al. 2014, for the step; Werbos 1990, for the way back.
    """
    ### BEGIN SOLUTION
    ax = x @ Wx + b[0]  # (batch, 3 * units)
    ah = h_prev @ Wh + b[1]
    ax_z, ax_r, ax_h = np.split(ax, 3, axis=1)  # (batch, units) each
    ah_z, ah_r, ah_h = np.split(ah, 3, axis=1)
    z = sigmoid(ax_z + ah_z)
    r = sigmoid(ax_r + ah_r)
    h_tilde = np.tanh(ax_h + r * ah_h)

    dz = dh * (h_prev - h_tilde)
    dh_tilde = dh * (1 - z)
    da_h = dh_tilde * (1 - h_tilde**2)
    dr = da_h * ah_h

    da_z = dz * z * (1 - z)
    da_r = dr * r * (1 - r)
    dax = np.concatenate([da_z, da_r, da_h], axis=1)  # (batch, 3 * units)
    dah = np.concatenate([da_z, da_r, da_h * r], axis=1)

    dx = dax @ Wx.T
    dh_prev = dah @ Wh.T + dh * z
    dWx = x.T @ dax
    dWh = h_prev.T @ dah
    db = np.stack([dax.sum(axis=0), dah.sum(axis=0)])  # (2, 3 * units)
    return dx, dh_prev, dWx, dWh, db
    ### END SOLUTION


@keras.saving.register_keras_serializable(package="unrolled")
class GRUCell(keras.layers.Layer):
    """One step of a GRU, as a cell for `keras.layers.RNN`, in both conventions.

    With `reset_after=True` the candidate is h̃ = tanh(x Wx_h + bx_h + r (h_prev Wh_h + bh_h)), and the bias
    has two rows, bx for the input and bh for the old state. With `reset_after=False` it is
    h̃ = tanh(x Wx_h + (r h_prev) Wh_h + b_h), and the bias has one row. In both, h = z h_prev + (1 - z) h̃.

    Args:
        units: positive integer, the size of the hidden state.
        reset_after: whether the reset gate acts after the matrix product (Keras' default) or before it
            (Cho et al. 2014).
        **kwargs: what every Keras layer takes (`name`, `dtype`, …).

    Call with `inputs` (batch, features) and `states`, a list of one tensor (batch, units). Returns the output
    (batch, units) and the list of new states; in a GRU both are h.

    Weights: `kernel` (features, 3 * units), `recurrent_kernel` (units, 3 * units), `bias` (2, 3 * units) with
    `reset_after`, (3 * units,) without, columns in the order z, r, h. They start from Keras' defaults
    "glorot_uniform", "orthogonal" and "zeros".

    Raises:
        ValueError: if `units` is not a positive integer, or `reset_after` is neither True nor False.

    Source: Cho et al. 2014; the documentation of `keras.layers.GRU`, for `reset_after`. The contract of a cell is
    in the documentation of `keras.layers.RNN`.
    """

    def __init__(self, units, reset_after=True, **kwargs):
        if not isinstance(units, int) or isinstance(units, bool) or units < 1:
            raise ValueError(
                f"`units` must be a positive integer. Received: units={units!r}. Example: GRUCell(units=32)."
            )
        if not isinstance(reset_after, bool):
            raise ValueError(
                f"`reset_after` must be True or False. Received: reset_after={reset_after!r}. "
                "Example: GRUCell(32, reset_after=False)."
            )
        super().__init__(**kwargs)
        self.units = units
        self.reset_after = reset_after
        self.state_size = units
        self.output_size = units

    def build(self, input_shape):
        """Create the weights. `input_shape` is (batch, features)."""
        ### BEGIN SOLUTION
        units = self.units
        self.kernel = self.add_weight(shape=(input_shape[-1], 3 * units), initializer="glorot_uniform", name="kernel")
        self.recurrent_kernel = self.add_weight(
            shape=(units, 3 * units), initializer="orthogonal", name="recurrent_kernel"
        )
        bias_shape = (2, 3 * units) if self.reset_after else (3 * units,)
        self.bias = self.add_weight(shape=bias_shape, initializer="zeros", name="bias")
        ### END SOLUTION

    def call(self, inputs, states, training=False):
        """Return (h, [h]). Use `keras.ops`, so that gradients flow and every backend works."""
        ### BEGIN SOLUTION
        h_prev = states[0]
        if self.reset_after:
            b_x, b_h = self.bias[0], self.bias[1]  # (3 * units,) each
        else:
            b_x, b_h = self.bias, ops.zeros_like(self.bias)
        ax = ops.matmul(inputs, self.kernel) + b_x
        ax_z, ax_r, ax_h = ops.split(ax, 3, axis=-1)  # (batch, units) each
        Wh_z, Wh_r, Wh_h = ops.split(self.recurrent_kernel, 3, axis=-1)  # (units, units) each
        bh_z, bh_r, bh_h = ops.split(b_h, 3, axis=-1)  # (units,) each
        z = ops.sigmoid(ax_z + ops.matmul(h_prev, Wh_z) + bh_z)
        r = ops.sigmoid(ax_r + ops.matmul(h_prev, Wh_r) + bh_r)
        if self.reset_after:
            ah_h = ops.matmul(h_prev, Wh_h) + bh_h
            h_tilde = ops.tanh(ax_h + r * ah_h)
        else:
            ah_h = ops.matmul(r * h_prev, Wh_h)
            h_tilde = ops.tanh(ax_h + ah_h)
        h = z * h_prev + (1 - z) * h_tilde
        return h, [h]
        ### END SOLUTION

    def get_initial_state(self, batch_size=None):
        """Return the state before the first step: a list of one tensor of zeros (batch, units)."""
        ### BEGIN SOLUTION
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype)]
        ### END SOLUTION

    def get_config(self):
        """Return what `from_config` needs to make this cell again."""
        ### BEGIN SOLUTION
        return {**super().get_config(), "units": self.units, "reset_after": self.reset_after}
        ### END SOLUTION
