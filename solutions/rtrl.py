"""Real-time recurrent learning: the reference answers of lesson 06, second half.

    h_t = tanh(u_t W),  u_t = [x_t, h_{t-1}, 1]        the step: W is Wx, Wh and b on top of each other
    P_t = dh_t / dW                                     the sensitivities, carried forwards

Row i of W belongs to element i of u_t. The parameters are the elements of W row by row: W[i, j] is parameter number
i · units + j, and there are (features + units + 1) · units of them. Row vectors throughout, as Keras has them.

Sources: Williams and Zipser 1989, "A learning algorithm for continually running fully recurrent neural networks";
Elman 1990 for the network.
"""

import keras
import numpy as np
from keras import ops


def elman_step(x, h_prev, Wx, Wh, b):
    """Take one time step of an Elman network. Given: nothing to write here.

    Args:
        x: the input of this step. Shape (batch, features).
        h_prev: the hidden state of the step before. Shape (batch, units).
        Wx: the kernel. Shape (features, units).
        Wh: the recurrent kernel. Shape (units, units).
        b: the bias. Shape (units,).

    Returns:
        h, the new hidden state. Shape (batch, units).

    Source: Elman 1990.
    """
    return np.tanh(x @ Wx + h_prev @ Wh + b)  # (batch, units)


def sensitivity_step(P_prev, x, h_prev, Wx, Wh, b):
    """Carry the sensitivities of the hidden state forwards through one time step.

    P[n, k, p] is the derivative of unit k's state, in example n, by parameter p. A parameter acts on the new state
    directly, in this step, and through the old state, which depends on it too.

    Args:
        P_prev: the sensitivities of h_prev. Shape (batch, units, parameters). Parameters are the elements of Wx, row
            by row, then those of Wh, row by row, then those of b: (features + units + 1) · units of them.
        x, h_prev, Wx, Wh, b: as elman_step takes them.

    Returns:
        P, the sensitivities of the new state. Shape (batch, units, parameters).

    Source: Williams and Zipser 1989.
    """
    ### BEGIN SOLUTION
    units = len(b)
    h = elman_step(x, h_prev, Wx, Wh, b)
    u = np.concatenate([x, h_prev, np.ones((len(x), 1))], axis=1)  # (batch, features + units + 1)
    direct = np.einsum("ni,kj->nkij", u, np.eye(units))  # W[i, j] enters the sum of unit k = j, times u[i]
    direct = direct.reshape(P_prev.shape)  # (batch, units, parameters)
    carried = Wh.T @ P_prev  # (batch, units, parameters)
    slope = 1 - h**2  # (batch, units)
    return slope[:, :, np.newaxis] * (direct + carried)
    ### END SOLUTION


def gradient(dh, x, h0, Wx, Wh, b):
    """Find the gradients of the weights in one sweep forwards through time.

    The initial state does not depend on the weights.

    Args:
        dh: the upstream gradient of every hidden state, from its own step alone. Shape (batch, time, units).
        x: the inputs. Shape (batch, time, features).
        h0: the hidden state before the first step. Shape (batch, units).
        Wx, Wh, b: as in elman_step, shared by all steps.

    Returns:
        (dWx, dWh, db), each with the shape of what it is the gradient of: sums over time and the batch.

    Source: Williams and Zipser 1989.
    """
    ### BEGIN SOLUTION
    batch, time, features = x.shape
    units = len(b)
    P = np.zeros((batch, units, (features + units + 1) * units))
    dW = np.zeros((features + units + 1) * units)
    h = h0
    for t in range(time):
        P = sensitivity_step(P, x[:, t], h, Wx, Wh, b)
        h = elman_step(x[:, t], h, Wx, Wh, b)
        dW += np.einsum("nk,nkp->p", dh[:, t], P)
    dW = dW.reshape(features + units + 1, units)
    return dW[:features], dW[features : features + units], dW[-1]
    ### END SOLUTION


@keras.saving.register_keras_serializable(package="unrolled")
class OnlineElman(keras.layers.Layer):
    """An Elman network that learns while it runs, on one endless sequence.

    Call it with the input of one step: it moves its state and its sensitivities on by one step and returns the new
    state. Then tell it the gradient of that step's loss, with `learn`: it changes its weights at once. There is no
    backward pass and no memory of older steps.

    Args:
        units: positive integer, the size of the hidden state.
        learning_rate: positive number, the size of the steps against the gradient.
        **kwargs: what every Keras layer takes (`name`, `dtype`, …).

    Call with `inputs` (1, features): one sequence, one step. Returns h (1, units).

    Weights: `kernel` (features, units), `recurrent_kernel` (units, units), `bias` (units,), which start from Keras'
    defaults "glorot_uniform", "orthogonal" and "zeros". Besides, not trainable and zero at first: `state` (1, units)
    and `sensitivities` (units, parameters), with the parameters in the order of `sensitivity_step`: the elements of
    kernel, recurrent kernel and bias, row by row.

    Raises:
        ValueError: if `units` is not a positive integer, or `learning_rate` not a positive number.

    Source: Williams and Zipser 1989. As the weights change while the sequence goes on, the sensitivities are those of
    older weights in part: an approximation that is good for small learning rates.
    """

    def __init__(self, units, learning_rate=0.1, **kwargs):
        if not isinstance(units, int) or isinstance(units, bool) or units < 1:
            raise ValueError(
                f"`units` must be a positive integer. Received: units={units!r}. Example: OnlineElman(units=8)."
            )
        if not isinstance(learning_rate, (int, float)) or isinstance(learning_rate, bool) or not learning_rate > 0:
            raise ValueError(
                f"`learning_rate` must be a positive number. Received: learning_rate={learning_rate!r}. "
                "Example: OnlineElman(units=8, learning_rate=0.1)."
            )
        super().__init__(**kwargs)
        self.units = units
        self.learning_rate = learning_rate

    def build(self, input_shape):
        """Create the weights, the state and the sensitivities. `input_shape` is (1, features)."""
        ### BEGIN SOLUTION
        features = input_shape[-1]
        parameters = (features + self.units + 1) * self.units
        self.kernel = self.add_weight(shape=(features, self.units), initializer="glorot_uniform", name="kernel")
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, self.units), initializer="orthogonal", name="recurrent_kernel"
        )
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")
        self.state = self.add_weight(shape=(1, self.units), initializer="zeros", trainable=False, name="state")
        self.sensitivities = self.add_weight(
            shape=(self.units, parameters), initializer="zeros", trainable=False, name="sensitivities"
        )
        ### END SOLUTION

    def call(self, inputs):
        """Take one step: keep the new state and the new sensitivities, return the new state (1, units)."""
        ### BEGIN SOLUTION
        h_prev = ops.copy(self.state)  # (1, units), a copy because the state changes below
        z = ops.matmul(inputs, self.kernel) + ops.matmul(h_prev, self.recurrent_kernel) + self.bias
        h = ops.tanh(z)
        u = ops.concatenate([inputs, h_prev, ops.ones_like(h_prev[:, :1])], axis=1)  # (1, features + units + 1)
        identity = ops.eye(self.units, dtype=self.compute_dtype)
        direct = ops.reshape(ops.einsum("i,kj->kij", u[0], identity), (self.units, -1))  # (units, parameters)
        carried = ops.matmul(ops.transpose(self.recurrent_kernel), self.sensitivities)
        slope = 1 - ops.square(h[0])  # (units,)
        self.sensitivities.assign(slope[:, None] * (direct + carried))
        self.state.assign(h)
        return h
        ### END SOLUTION

    def learn(self, dh):
        """Step against the gradient. `dh` (1, units) is the gradient of the newest step's loss by its state."""
        ### BEGIN SOLUTION
        features = self.kernel.shape[0]
        dW = ops.reshape(ops.matmul(dh, self.sensitivities), (-1, self.units))  # (features + units + 1, units)
        self.kernel.assign_sub(self.learning_rate * dW[:features])
        self.recurrent_kernel.assign_sub(self.learning_rate * dW[features:-1])
        self.bias.assign_sub(self.learning_rate * dW[-1])
        ### END SOLUTION

    def reset_state(self):
        """Start a new sequence: state and sensitivities are zero again. What was learned stays."""
        ### BEGIN SOLUTION
        self.state.assign(ops.zeros_like(self.state))
        self.sensitivities.assign(ops.zeros_like(self.sensitivities))
        ### END SOLUTION

    def get_config(self):
        """Return what `from_config` needs to make this layer again."""
        ### BEGIN SOLUTION
        return {**super().get_config(), "units": self.units, "learning_rate": self.learning_rate}
        ### END SOLUTION
