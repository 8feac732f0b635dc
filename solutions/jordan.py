"""Jordan's sequential network: the reference answers of lesson 05.

    h_t = tanh(x_t Wx + s_t Ws + b)        the hidden layer sees the plan and the state
    y_t = h_t Wy + by                      the output, linear
    s_{t+1} = mu s_t + y_t                 the state remembers outputs, each step less of the old ones

Under teacher forcing the target takes the place of y_t in the last line. Row vectors throughout, as Keras
has them: x is (batch, features), s is (batch, outputs). Jordan's plan is an x that stays the same at every step.
Functions are cache-free: what they need is an argument, what they give is an array or a tuple of arrays.

Sources: Jordan 1986, "Attractor dynamics and parallelism in a connectionist sequential machine"; Williams and
Zipser 1989, for the name and the gradient of teacher forcing; Werbos 1990, "Backpropagation through time".
"""

import keras
import numpy as np
from keras import ops


def step_forward(x, s, Wx, Ws, b, Wy, by):
    """Compute the output of one time step of a Jordan network.

    The hidden layer squashes its sum with tanh. The output is linear. The state s is given: how it changes
    from step to step belongs to the sequence.

    Args:
        x: the input of this step. Shape (batch, features).
        s: the state of this step. Shape (batch, outputs).
        Wx: the kernel, input to hidden. Shape (features, units).
        Ws: the recurrent kernel, state to hidden. Shape (outputs, units).
        b: the bias of the hidden layer. Shape (units,).
        Wy: the output kernel, hidden to output. Shape (units, outputs).
        by: the output bias. Shape (outputs,).

    Returns:
        y, the output. Shape (batch, outputs).

    Source: Jordan 1986.
    """
    ### BEGIN SOLUTION
    h = np.tanh(x @ Wx + s @ Ws + b)  # (batch, units)
    return h @ Wy + by  # (batch, outputs)
    ### END SOLUTION


def step_backward(dy, x, s, Wx, Ws, b, Wy, by):
    """Carry a gradient back through one time step.

    Args:
        dy: the upstream gradient dL/dy. Shape (batch, outputs).
        x, s, Wx, Ws, b, Wy, by: as step_forward received them.

    Returns:
        (dx, ds, dWx, dWs, db, dWy, dby), each with the shape of what it is the gradient of.
        Gradients of the weights are sums over the batch.

    Source: Werbos 1990.
    """
    ### BEGIN SOLUTION
    h = np.tanh(x @ Wx + s @ Ws + b)  # (batch, units)
    dh = dy @ Wy.T  # (batch, units)
    dWy = h.T @ dy
    dby = dy.sum(axis=0)
    dz = dh * (1 - h**2)  # (batch, units)
    dx = dz @ Wx.T
    ds = dz @ Ws.T
    dWx = x.T @ dz
    dWs = s.T @ dz
    db = dz.sum(axis=0)
    return dx, ds, dWx, dWs, db, dWy, dby
    ### END SOLUTION


def sequence_forward(x, s0, Wx, Ws, b, Wy, by, mu, targets, forced):
    """Run a Jordan network over whole sequences, with or without a teacher.

    s_{t+1} = mu s_t + y_t where the network runs freely, and mu s_t + targets_t where it is forced. What is
    returned is the network's own output at every step, forced or not.

    Args:
        x: the inputs. Shape (batch, time, features).
        s0: the state of the first step. Shape (batch, outputs).
        Wx, Ws, b, Wy, by: as in step_forward, shared by all steps.
        mu: how much of a state is left in the next one. A number, 0 <= mu < 1.
        targets: what the teacher says. Shape (batch, time, outputs).
        forced: at which steps the target takes the place of the output in the next state. Booleans, shape
            (time,). All False is a free run, all True is teacher forcing throughout.

    Returns:
        y, the output of every step. Shape (batch, time, outputs).

    Source: Jordan 1986; Williams and Zipser 1989.
    """
    ### BEGIN SOLUTION
    outputs = []
    s = s0
    for t in range(x.shape[1]):
        y = step_forward(x[:, t], s, Wx, Ws, b, Wy, by)
        outputs.append(y)
        fed = targets[:, t] if forced[t] else y  # (batch, outputs)
        s = mu * s + fed
    return np.stack(outputs, axis=1)  # (batch, time, outputs)
    ### END SOLUTION


def sequence_backward(dy, x, s0, Wx, Ws, b, Wy, by, mu, targets, forced):
    """Backpropagate through time in a Jordan network.

    A state is used twice: by the hidden layer of its step and by the next state. An output is used by the
    loss of its step, and by the next state where no target takes its place.

    Args:
        dy: the upstream gradient of every output, from its own step alone. Shape (batch, time, outputs).
        x, s0, Wx, Ws, b, Wy, by, mu, targets, forced: as sequence_forward received them.

    Returns:
        (dx, ds0, dWx, dWs, db, dWy, dby), each with the shape of what it is the gradient of.

    Source: Werbos 1990; Williams and Zipser 1989.
    """
    ### BEGIN SOLUTION
    time = x.shape[1]
    y = sequence_forward(x, s0, Wx, Ws, b, Wy, by, mu, targets, forced)
    s = [s0]  # s[t] is the state of step t
    for t in range(time - 1):
        s.append(mu * s[t] + (targets[:, t] if forced[t] else y[:, t]))
    dx = np.zeros_like(x)
    dWx, dWs, db = np.zeros_like(Wx), np.zeros_like(Ws), np.zeros_like(b)
    dWy, dby = np.zeros_like(Wy), np.zeros_like(by)
    ds_next = np.zeros_like(s0)
    for t in reversed(range(time)):
        upstream = dy[:, t] if forced[t] else dy[:, t] + ds_next
        dx[:, t], ds, dWx_t, dWs_t, db_t, dWy_t, dby_t = step_backward(upstream, x[:, t], s[t], Wx, Ws, b, Wy, by)
        ds_next = ds + mu * ds_next  # (batch, outputs)
        dWx += dWx_t
        dWs += dWs_t
        db += db_t
        dWy += dWy_t
        dby += dby_t
    ds0 = ds_next
    return dx, ds0, dWx, dWs, db, dWy, dby
    ### END SOLUTION


@keras.saving.register_keras_serializable(package="unrolled")
class JordanCell(keras.layers.Layer):
    """One step of a Jordan network, as a cell for `keras.layers.RNN`. It runs freely, without a teacher.

    Args:
        units: positive integer, the size of the hidden layer.
        outputs: positive integer, the size of the output and of the state.
        mu: number, 0 <= mu < 1: how much of a state is left in the next one.
        **kwargs: what every Keras layer takes (`name`, `dtype`, …).

    Call with `inputs` (batch, features) and `states`, a list of one tensor s (batch, outputs). Returns the
    output y (batch, outputs) and the list of new states. The new state is mu s + y.

    Weights: `kernel` (features, units), `recurrent_kernel` (outputs, units), from the state to the hidden
    layer, `bias` (units,), `output_kernel` (units, outputs), `output_bias` (outputs,). Kernels start from
    "glorot_uniform", biases from "zeros".

    Raises:
        ValueError: if `units` or `outputs` is not a positive integer, or `mu` not a number with 0 <= mu < 1.

    Source: Jordan 1986; the contract of a cell is in the documentation of `keras.layers.RNN`.
    """

    def __init__(self, units, outputs, mu=0.5, **kwargs):
        for name, size in (("units", units), ("outputs", outputs)):
            if not isinstance(size, int) or isinstance(size, bool) or size < 1:
                raise ValueError(
                    f"`{name}` must be a positive integer. Received: {name}={size!r}. "
                    "Example: JordanCell(units=32, outputs=2)."
                )
        if not isinstance(mu, (int, float)) or isinstance(mu, bool) or not 0 <= mu < 1:
            raise ValueError(
                f"`mu` must be a number, 0 <= mu < 1, so that old outputs fade. Received: mu={mu!r}. "
                "Example: JordanCell(units=32, outputs=2, mu=0.5)."
            )
        super().__init__(**kwargs)
        self.units = units
        self.outputs = outputs
        self.mu = mu
        self.state_size = outputs
        self.output_size = outputs

    def build(self, input_shape):
        """Create the weights. `input_shape` is (batch, features)."""
        ### BEGIN SOLUTION
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="glorot_uniform", name="kernel")
        self.recurrent_kernel = self.add_weight(
            shape=(self.outputs, self.units), initializer="glorot_uniform", name="recurrent_kernel"
        )
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")
        self.output_kernel = self.add_weight(
            shape=(self.units, self.outputs), initializer="glorot_uniform", name="output_kernel"
        )
        self.output_bias = self.add_weight(shape=(self.outputs,), initializer="zeros", name="output_bias")
        ### END SOLUTION

    def call(self, inputs, states, training=False):
        """Return (y, [mu s + y]). Use `keras.ops`, so that gradients flow and every backend works."""
        ### BEGIN SOLUTION
        s = states[0]
        z = ops.matmul(inputs, self.kernel) + ops.matmul(s, self.recurrent_kernel) + self.bias
        h = ops.tanh(z)  # (batch, units)
        y = ops.matmul(h, self.output_kernel) + self.output_bias  # (batch, outputs)
        s_next = self.mu * s + y
        return y, [s_next]
        ### END SOLUTION

    def get_initial_state(self, batch_size=None):
        """Return the state of the first step: a list of one tensor of zeros (batch, outputs)."""
        ### BEGIN SOLUTION
        return [ops.zeros((batch_size, self.outputs), dtype=self.compute_dtype)]
        ### END SOLUTION

    def get_config(self):
        """Return what `from_config` needs to make this cell again."""
        ### BEGIN SOLUTION
        return {**super().get_config(), "units": self.units, "outputs": self.outputs, "mu": self.mu}
        ### END SOLUTION
