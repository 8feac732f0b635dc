"""Long short-term memory: the reference answers of lesson 08.

    a = x_t Wx + h_{t-1} Wh + b                the sums of all four gates side by side
    i, f, g, o = σ(a_i), σ(a_f), tanh(a_g), σ(a_o)
    c_t = f c_{t-1} + i g                      the cell state: what is kept plus what is new
    h_t = o tanh(c_t)                          the hidden state: what is shown of it

All products of gates and states are element by element. Row vectors throughout, as Keras has them: x is
(batch, features), h and c are (batch, units). The four gates are slices of one kernel, in Keras' order: i the
input gate, f the forget gate, g the new content (Keras calls it c), o the output gate. Weights copy over as
they are. Functions are cache-free: what they need is an argument, what they give is a tuple of arrays.

Sources: Hochreiter and Schmidhuber 1997, "Long short-term memory"; Gers, Schmidhuber and Cummins 2000,
"Learning to forget", for the forget gate.
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


def step_forward(x, h_prev, c_prev, Wx, Wh, b):
    """Take one time step of an LSTM.

    Args:
        x: the input of this step. Shape (batch, features).
        h_prev: the hidden state of the step before. Shape (batch, units).
        c_prev: the cell state of the step before. Shape (batch, units).
        Wx: the kernel, input to gates. Shape (features, 4 * units), columns in the order i, f, g, o.
        Wh: the recurrent kernel, hidden state to gates. Shape (units, 4 * units), columns in the same order.
        b: the bias. Shape (4 * units,), in the same order.

    Returns:
        (h, c), the new hidden state and the new cell state. Each of shape (batch, units).

    Source: Gers, Schmidhuber and Cummins 2000.
    """
    ### BEGIN SOLUTION
    a = x @ Wx + h_prev @ Wh + b  # (batch, 4 * units)
    a_i, a_f, a_g, a_o = np.split(a, 4, axis=1)  # (batch, units) each
    i = sigmoid(a_i)
    f = sigmoid(a_f)
    g = np.tanh(a_g)
    o = sigmoid(a_o)
    c = f * c_prev + i * g
    h = o * np.tanh(c)
    return h, c
    ### END SOLUTION


def step_backward(dh, dc, x, h_prev, c_prev, Wx, Wh, b):
    """Carry a gradient back through one time step.

    The cell state acts on the loss in two ways: through the hidden state of this step, and directly, because
    the next step reads it. `dc` is the direct part alone.

    Args:
        dh: the upstream gradient dL/dh. Shape (batch, units).
        dc: the upstream gradient dL/dc, without what goes through h. Shape (batch, units).
        x, h_prev, c_prev, Wx, Wh, b: as step_forward received them.

    Returns:
        (dx, dh_prev, dc_prev, dWx, dWh, db), each with the shape of what it is the gradient of.
        Gradients of the weights are sums over the batch.

    Source: Gers, Schmidhuber and Cummins 2000, for the step; Werbos 1990, for the way back.
    """
    ### BEGIN SOLUTION
    a = x @ Wx + h_prev @ Wh + b  # (batch, 4 * units)
    a_i, a_f, a_g, a_o = np.split(a, 4, axis=1)  # (batch, units) each
    i = sigmoid(a_i)
    f = sigmoid(a_f)
    g = np.tanh(a_g)
    o = sigmoid(a_o)
    c = f * c_prev + i * g
    tanh_c = np.tanh(c)

    do = dh * tanh_c
    dc_total = dc + dh * o * (1 - tanh_c**2)
    di = dc_total * g
    df = dc_total * c_prev
    dg = dc_total * i
    dc_prev = dc_total * f

    da_i = di * i * (1 - i)
    da_f = df * f * (1 - f)
    da_g = dg * (1 - g**2)
    da_o = do * o * (1 - o)
    da = np.concatenate([da_i, da_f, da_g, da_o], axis=1)  # (batch, 4 * units)

    dx = da @ Wx.T
    dh_prev = da @ Wh.T
    dWx = x.T @ da
    dWh = h_prev.T @ da
    db = da.sum(axis=0)
    return dx, dh_prev, dc_prev, dWx, dWh, db
    ### END SOLUTION


def sequence_forward(x, h0, c0, Wx, Wh, b):
    """Run an LSTM over whole sequences.

    Args:
        x: the inputs. Shape (batch, time, features).
        h0: the hidden state before the first step. Shape (batch, units).
        c0: the cell state before the first step. Shape (batch, units).
        Wx, Wh, b: as in step_forward, shared by all steps.

    Returns:
        (h, c), the hidden state and the cell state after every step. Each of shape (batch, time, units).

    Source: Gers, Schmidhuber and Cummins 2000.
    """
    ### BEGIN SOLUTION
    hs, cs = [], []
    h, c = h0, c0
    for t in range(x.shape[1]):
        h, c = step_forward(x[:, t], h, c, Wx, Wh, b)
        hs.append(h)
        cs.append(c)
    return np.stack(hs, axis=1), np.stack(cs, axis=1)  # (batch, time, units) each
    ### END SOLUTION


def sequence_backward(dh, dc, x, h0, c0, Wx, Wh, b):
    """Backpropagate through time.

    Two states are handed from step to step, so two gradients travel back, and each is added to what the loss
    says about that step itself.

    Args:
        dh: the upstream gradient of every hidden state, from its own step alone. Shape (batch, time, units).
        dc: the upstream gradient of every cell state, from its own step alone and without what goes through
            h. Shape (batch, time, units). A loss that reads nothing but the last cell state has a dc that
            is zero before the last step.
        x, h0, c0, Wx, Wh, b: as sequence_forward received them.

    Returns:
        (dx, dh0, dc0, dWx, dWh, db), each with the shape of what it is the gradient of.

    Source: Werbos 1990, for the way back through time.
    """
    ### BEGIN SOLUTION
    h, c = sequence_forward(x, h0, c0, Wx, Wh, b)
    dx = np.zeros_like(x)
    dWx = np.zeros_like(Wx)
    dWh = np.zeros_like(Wh)
    db = np.zeros_like(b)
    carry_h = np.zeros_like(h0)
    carry_c = np.zeros_like(c0)
    for t in reversed(range(x.shape[1])):
        h_prev = h[:, t - 1] if t > 0 else h0
        c_prev = c[:, t - 1] if t > 0 else c0
        dh_t = dh[:, t] + carry_h
        dc_t = dc[:, t] + carry_c
        dx[:, t], carry_h, carry_c, dWx_t, dWh_t, db_t = step_backward(dh_t, dc_t, x[:, t], h_prev, c_prev, Wx, Wh, b)
        dWx += dWx_t
        dWh += dWh_t
        db += db_t
    dh0 = carry_h
    dc0 = carry_c
    return dx, dh0, dc0, dWx, dWh, db
    ### END SOLUTION


@keras.saving.register_keras_serializable(package="unrolled")
class LSTMCell(keras.layers.Layer):
    """One step of an LSTM, as a cell for `keras.layers.RNN`.

    Args:
        units: positive integer, the size of the hidden state and of the cell state.
        unit_forget_bias: whether the forget gate's part of the bias starts from one, so that a new network
            keeps its memory. The rest of the bias starts from zero.
        **kwargs: what every Keras layer takes (`name`, `dtype`, …).

    Call with `inputs` (batch, features) and `states`, a list of two tensors [h, c] of shape (batch, units).
    Returns the output h (batch, units) and the list of new states [h, c].

    Weights: `kernel` (features, 4 * units), `recurrent_kernel` (units, 4 * units), `bias` (4 * units,), gates in the
    order i, f, g, o. The kernels start from Keras' defaults "glorot_uniform" and "orthogonal".

    Raises:
        ValueError: if `units` is not a positive integer, or `unit_forget_bias` is neither True nor False.

    Source: Gers, Schmidhuber and Cummins 2000; Jozefowicz, Zaremba and Sutskever 2015, for the forget bias.
    The contract of a cell is in the documentation of `keras.layers.RNN`.
    """

    def __init__(self, units, unit_forget_bias=True, **kwargs):
        if not isinstance(units, int) or isinstance(units, bool) or units < 1:
            raise ValueError(
                f"`units` must be a positive integer. Received: units={units!r}. Example: LSTMCell(units=32)."
            )
        if not isinstance(unit_forget_bias, bool):
            raise ValueError(
                f"`unit_forget_bias` must be True or False. Received: unit_forget_bias={unit_forget_bias!r}. "
                "Example: LSTMCell(32, unit_forget_bias=False)."
            )
        super().__init__(**kwargs)
        self.units = units
        self.unit_forget_bias = unit_forget_bias
        self.state_size = [units, units]
        self.output_size = units

    def build(self, input_shape):
        """Create the weights, with the bias that `unit_forget_bias` asks for. `input_shape` is (batch, features)."""
        ### BEGIN SOLUTION
        units = self.units
        self.kernel = self.add_weight(shape=(input_shape[-1], 4 * units), initializer="glorot_uniform", name="kernel")
        self.recurrent_kernel = self.add_weight(
            shape=(units, 4 * units), initializer="orthogonal", name="recurrent_kernel"
        )
        forget = ops.ones if self.unit_forget_bias else ops.zeros

        def start(shape, dtype=None):
            return ops.concatenate(
                [ops.zeros((units,), dtype), forget((units,), dtype), ops.zeros((2 * units,), dtype)]
            )

        self.bias = self.add_weight(shape=(4 * units,), initializer=start, name="bias")
        ### END SOLUTION

    def call(self, inputs, states, training=False):
        """Return (h, [h, c]). Use `keras.ops`, so that gradients flow and every backend works."""
        ### BEGIN SOLUTION
        h_prev, c_prev = states[0], states[1]
        a = ops.matmul(inputs, self.kernel) + ops.matmul(h_prev, self.recurrent_kernel) + self.bias
        a_i, a_f, a_g, a_o = ops.split(a, 4, axis=-1)  # (batch, units) each
        i = ops.sigmoid(a_i)
        f = ops.sigmoid(a_f)
        g = ops.tanh(a_g)
        o = ops.sigmoid(a_o)
        c = f * c_prev + i * g
        h = o * ops.tanh(c)
        return h, [h, c]
        ### END SOLUTION

    def get_initial_state(self, batch_size=None):
        """Return the states before the first step: a list of two tensors of zeros (batch, units)."""
        ### BEGIN SOLUTION
        shape = (batch_size, self.units)
        return [ops.zeros(shape, dtype=self.compute_dtype), ops.zeros(shape, dtype=self.compute_dtype)]
        ### END SOLUTION

    def get_config(self):
        """Return what `from_config` needs to make this cell again."""
        ### BEGIN SOLUTION
        return {**super().get_config(), "units": self.units, "unit_forget_bias": self.unit_forget_bias}
        ### END SOLUTION


def copy_weights(source, target):
    """Copy the weights of one LSTM layer into another.

    Args:
        source: where the weights come from: a `keras.layers.LSTM`, or a `keras.layers.RNN` around a cell with a
            `kernel`, a `recurrent_kernel` and a `bias` whose gates stand in the order i, f, g, o. Built.
        target: where they go: either of the two. Built, with the same sizes.

    Both hold their weights on their `cell`. `source` is not changed, and what happens to it later does not
    reach `target`. Returns nothing.
    """
    ### BEGIN SOLUTION
    target.cell.kernel.assign(source.cell.kernel)
    target.cell.recurrent_kernel.assign(source.cell.recurrent_kernel)
    target.cell.bias.assign(source.cell.bias)
    ### END SOLUTION
