"""Elman's simple recurrent network: the reference answers of lesson 04.

    h_t = tanh(x_t Wx + h_{t-1} Wh + b)        the step, Elman 1990
    y_t = h_t Wy + by                          the readout

Row vectors throughout, as Keras has them: x is (batch, features), h is (batch, units). Functions are
cache-free: what they need is an argument, what they give is an array or a tuple of arrays.

Sources: Elman 1990, "Finding structure in time"; Werbos 1990, "Backpropagation through time".
"""

import keras
import numpy as np
from keras import ops


def step_forward(x, h_prev, Wx, Wh, b):
    """Take one time step of an Elman network.

    Args:
        x: the input of this step. Shape (batch, features).
        h_prev: the hidden state of the step before (the context). Shape (batch, units).
        Wx: the kernel, input to hidden. Shape (features, units).
        Wh: the recurrent kernel, hidden to hidden. Shape (units, units).
        b: the bias. Shape (units,).

    Returns:
        h, the new hidden state. Shape (batch, units).

    Source: Elman 1990.
    """
    ### BEGIN SOLUTION
    return np.tanh(x @ Wx + h_prev @ Wh + b)  # (batch, units)
    ### END SOLUTION


def step_backward(dh, x, h_prev, Wx, Wh, b):
    """Carry a gradient back through one time step.

    Args:
        dh: the upstream gradient dL/dh. Shape (batch, units).
        x, h_prev, Wx, Wh, b: as step_forward received them.

    Returns:
        (dx, dh_prev, dWx, dWh, db), each with the shape of what it is the gradient of.
        Gradients of the weights are sums over the batch.

    Source: Werbos 1990.
    """
    ### BEGIN SOLUTION
    h = step_forward(x, h_prev, Wx, Wh, b)
    dz = dh * (1 - h**2)  # (batch, units)
    dx = dz @ Wx.T
    dh_prev = dz @ Wh.T
    dWx = x.T @ dz
    dWh = h_prev.T @ dz
    db = dz.sum(axis=0)
    return dx, dh_prev, dWx, dWh, db
    ### END SOLUTION


def output_forward(h, Wy, by):
    """Read the output of every time step from its hidden state.

    y_t = h_t Wy + by, the same Wy and by at every step.

    Args:
        h: the hidden states. Shape (batch, time, units).
        Wy: the output kernel. Shape (units, outputs).
        by: the output bias. Shape (outputs,).

    Returns:
        y. Shape (batch, time, outputs).

    Source: Elman 1990.
    """
    ### BEGIN SOLUTION
    return h @ Wy + by  # (batch, time, outputs)
    ### END SOLUTION


def output_backward(dy, h, Wy, by):
    """Carry a gradient back through the readout.

    Args:
        dy: the upstream gradient dL/dy. Shape (batch, time, outputs).
        h, Wy, by: as output_forward received them.

    Returns:
        (dh, dWy, dby), each with the shape of what it is the gradient of. Wy and by are used at every
        step of every sequence, so their gradients are sums over the batch and over time.

    Source: Werbos 1990.
    """
    ### BEGIN SOLUTION
    dh = dy @ Wy.T  # (batch, time, units)
    dWy = np.einsum("btu,bto->uo", h, dy)
    dby = dy.sum(axis=(0, 1))
    return dh, dWy, dby
    ### END SOLUTION


def sequence_forward(x, h0, Wx, Wh, b):
    """Run an Elman network over whole sequences.

    Args:
        x: the inputs. Shape (batch, time, features).
        h0: the hidden state before the first step. Shape (batch, units).
        Wx, Wh, b: as in step_forward, shared by all steps.

    Returns:
        h, the hidden state after every step. Shape (batch, time, units).

    Source: Elman 1990.
    """
    ### BEGIN SOLUTION
    states = []
    h = h0
    for t in range(x.shape[1]):
        h = step_forward(x[:, t], h, Wx, Wh, b)
        states.append(h)
    return np.stack(states, axis=1)  # (batch, time, units)
    ### END SOLUTION


def sequence_backward(dh, x, h0, Wx, Wh, b):
    """Backpropagate through time.

    A hidden state is used twice: by the loss of its own step and by the next step. Its gradient is the
    sum of both.

    Args:
        dh: the upstream gradient of every hidden state, from its own step alone.
            Shape (batch, time, units).
        x, h0, Wx, Wh, b: as sequence_forward received them.

    Returns:
        (dx, dh0, dWx, dWh, db), each with the shape of what it is the gradient of.

    Source: Werbos 1990.
    """
    ### BEGIN SOLUTION
    h = sequence_forward(x, h0, Wx, Wh, b)
    dx = np.zeros_like(x)
    dWx = np.zeros_like(Wx)
    dWh = np.zeros_like(Wh)
    db = np.zeros_like(b)
    carry = np.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        h_prev = h[:, t - 1] if t > 0 else h0
        upstream = dh[:, t] + carry
        dx[:, t], carry, dWx_t, dWh_t, db_t = step_backward(upstream, x[:, t], h_prev, Wx, Wh, b)
        dWx += dWx_t
        dWh += dWh_t
        db += db_t
    dh0 = carry
    return dx, dh0, dWx, dWh, db
    ### END SOLUTION


@keras.saving.register_keras_serializable(package="unrolled")
class ElmanCell(keras.layers.Layer):
    """One step of an Elman network, as a cell for `keras.layers.RNN`.

    Args:
        units: positive integer, the size of the hidden state.
        **kwargs: what every Keras layer takes (`name`, `dtype`, …).

    Call with `inputs` (batch, features) and `states`, a list of one tensor (batch, units). Returns the
    output (batch, units) and the list of new states; in an Elman network both are h.

    Weights: `kernel` (features, units), `recurrent_kernel` (units, units), `bias` (units,), which start
    from Keras' defaults "glorot_uniform", "orthogonal" and "zeros".

    Raises:
        ValueError: if `units` is not a positive integer.

    Source: Elman 1990; the contract of a cell is in the documentation of `keras.layers.RNN`.
    """

    def __init__(self, units, **kwargs):
        if not isinstance(units, int) or units < 1:
            raise ValueError(
                f"`units` must be a positive integer. Received: units={units!r}. Example: ElmanCell(units=32)."
            )
        super().__init__(**kwargs)
        self.units = units
        self.state_size = units
        self.output_size = units

    def build(self, input_shape):
        """Create the weights. `input_shape` is (batch, features)."""
        ### BEGIN SOLUTION
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="glorot_uniform", name="kernel")
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, self.units), initializer="orthogonal", name="recurrent_kernel"
        )
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")
        ### END SOLUTION

    def call(self, inputs, states, training=False):
        """Return (h, [h]). Use `keras.ops`, so that gradients flow and every backend works."""
        ### BEGIN SOLUTION
        h_prev = states[0]
        z = ops.matmul(inputs, self.kernel) + ops.matmul(h_prev, self.recurrent_kernel) + self.bias
        h = ops.tanh(z)  # (batch, units)
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
        return {**super().get_config(), "units": self.units}
        ### END SOLUTION


def copy_weights(source, target):
    """Copy the weights of one Elman layer into another.

    Args:
        source: where the weights come from: a `keras.layers.SimpleRNN`, or a `keras.layers.RNN` around
            a cell with a `kernel`, a `recurrent_kernel` and a `bias`. Built.
        target: where they go: either of the two. Built, with the same sizes.

    Both hold their weights on their `cell`. `source` is not changed. Returns nothing.
    """
    ### BEGIN SOLUTION
    target.cell.kernel.assign(source.cell.kernel)
    target.cell.recurrent_kernel.assign(source.cell.recurrent_kernel)
    target.cell.bias.assign(source.cell.bias)
    ### END SOLUTION
