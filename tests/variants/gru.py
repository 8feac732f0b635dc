"""Right answers to the GRU exercises in other clothes, and wrong ones that the catalogue does not have."""

VARIANTS = {
    "gru.step_forward, one element at a time": (
        "gru.step_forward",
        """
import math

def step_forward(x, h_prev, Wx, Wh, b):
    batch, units = h_prev.shape
    h = np.zeros((batch, units))
    for n in range(batch):
        for j in range(units):
            present, past = [], []
            for gate in range(3):
                column = gate * units + j
                present.append(b[0, column] + sum(x[n, k] * Wx[k, column] for k in range(x.shape[1])))
                past.append(b[1, column] + sum(h_prev[n, k] * Wh[k, column] for k in range(units)))
            z = 1 / (1 + math.exp(-present[0] - past[0]))
            r = 1 / (1 + math.exp(-present[1] - past[1]))
            new = math.tanh(present[2] + r * past[2])
            h[n, j] = new + z * (h_prev[n, j] - new)
    return h
""",
    ),
    "gru.step_forward, a kernel per gate, einsum": (
        "gru.step_forward",
        """
def step_forward(inp, old, U, V, bias):
    u = old.shape[1]
    cuts = [slice(k * u, (k + 1) * u) for k in range(3)]
    from_input = [np.einsum("ni,ij->nj", inp, U[:, cut]) + bias[0, cut] for cut in cuts]
    from_state = [np.einsum("nk,kj->nj", old, V[:, cut]) + bias[1, cut] for cut in cuts]
    update, reset = (1 / (1 + np.exp(-from_input[k] - from_state[k])) for k in (0, 1))
    candidate = np.tanh(from_input[2] + np.multiply(reset, from_state[2]))
    return update * old + candidate - update * candidate
""",
    ),
    "gru.step_forward, gates as an axis, transposed": (
        "gru.step_forward",
        """
def step_forward(x, h_prev, Wx, Wh, b):
    a = (Wx.T @ x.T + b[0][:, None]).reshape(3, -1, len(x))
    c = (Wh.T @ h_prev.T + b[1][:, None]).reshape(3, -1, len(x))
    z, r = sigmoid(a[:2] + c[:2])
    return (z * h_prev.T + (1 - z) * np.tanh(a[2] + r * c[2])).T
""",
    ),
    "gru.step_backward, a loop over the batch with += and a list returned": (
        "gru.step_backward",
        """
def step_backward(dh, x, h_prev, Wx, Wh, b):
    grads = [np.zeros_like(a) for a in (x, h_prev, Wx, Wh, b)]
    u = h_prev.shape[1]
    for n in range(len(x)):
        p, q = x[n] @ Wx + b[0], h_prev[n] @ Wh + b[1]
        s = sigmoid(p[: 2 * u] + q[: 2 * u])
        z, r = s[:u], s[u:]
        new = np.tanh(p[2 * u :] + r * q[2 * u :])
        inner = dh[n] * (1 - z) * (1 - new) * (1 + new)
        left = np.concatenate([dh[n] * (h_prev[n] - new) * z * (1 - z), inner * q[2 * u :] * r * (1 - r), inner])
        right = left * np.concatenate([np.ones(2 * u), r])
        grads[0][n] = Wx @ left
        grads[1][n] = Wh @ right + z * dh[n]
        grads[2] += np.outer(x[n], left)
        grads[3] += np.outer(h_prev[n], right)
        grads[4][0] += left
        grads[4][1] += right
    return grads
""",
    ),
    "gru.step_backward, einsum, a gradient per gate": (
        "gru.step_backward",
        """
def step_backward(up, x, old, U, V, bias):
    u = old.shape[1]
    p = (x @ U + bias[0]).reshape(-1, 3, u)
    q = (old @ V + bias[1]).reshape(-1, 3, u)
    z, r = sigmoid(p[:, 0] + q[:, 0]), sigmoid(p[:, 1] + q[:, 1])
    new = np.tanh(p[:, 2] + r * q[:, 2])
    e = up * (1 - z) / np.cosh(p[:, 2] + r * q[:, 2]) ** 2
    left = np.stack([up * (old - new) * (z - z * z), e * q[:, 2] * (r - r * r), e], axis=1)
    right = left.copy()
    right[:, 2] *= r
    left, right = left.reshape(len(x), -1), right.reshape(len(x), -1)
    return (
        np.einsum("nj,ij->ni", left, U),
        np.einsum("nj,kj->nk", right, V) + up * z,
        np.tensordot(x, left, axes=(0, 0)),
        np.tensordot(old, right, axes=(0, 0)),
        np.array([np.ones(len(x)) @ left, np.ones(len(x)) @ right]),
    )
""",
    ),
    "gru.GRUCell, one path for both conventions": (
        "gru.GRUCell",
        """
class GRUCell(keras.Layer):
    def __init__(self, units, reset_after=True, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = self.output_size = units
        self.reset_after = reset_after

    def build(self, input_shape):
        rows = (2,) if self.reset_after else ()
        self.bias = self.add_weight(name="bias", shape=(*rows, 3 * self.units), initializer="zeros")
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], 3 * self.units))
        self.recurrent_kernel = self.add_weight(name="recurrent_kernel", shape=(self.units, 3 * self.units), initializer="orthogonal")

    def call(self, inputs, states, training=None):
        (old,), u = states, self.units
        b = ops.reshape(self.bias, (-1, 3 * u))
        present = inputs @ self.kernel + b[0]
        gates = old @ self.recurrent_kernel[:, : 2 * u] + present[:, : 2 * u]
        if self.reset_after:
            gates = gates + b[1, : 2 * u]
        gates = keras.activations.sigmoid(gates)
        z, r = gates[:, :u], gates[:, u:]
        last = self.recurrent_kernel[:, 2 * u :]
        past = r * (old @ last + b[1, 2 * u :]) if self.reset_after else (r * old) @ last
        h = old * z + keras.activations.tanh(present[:, 2 * u :] + past) * (1 - z)
        return h, [h]

    def get_initial_state(self, batch_size):
        return [ops.zeros((batch_size, self.units), dtype=self.dtype)]

    def get_config(self):
        return super().get_config() | {"reset_after": self.reset_after, "units": self.units}
""",
    ),
    "gru.GRUCell, TensorFlow's own operations, a method per convention": (
        "gru.GRUCell",
        """
import tensorflow as tf

class GRUCell(keras.layers.Layer):
    def __init__(self, units, reset_after=True, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.reset_after = reset_after
        self.state_size = units

    def build(self, input_shape):
        width = 3 * self.units
        self.kernel = self.add_weight(shape=(input_shape[-1], width), name="kernel")
        self.recurrent_kernel = self.add_weight(shape=(self.units, width), initializer="orthogonal", name="recurrent_kernel")
        if self.reset_after:
            self.bias = self.add_weight(shape=(2, width), name="bias", initializer="zeros")
        else:
            self.bias = self.add_weight(shape=(width,), name="bias", initializer="zeros")
        self.built = True

    def after(self, x, h):
        a = tf.split(tf.linalg.matmul(x, self.kernel) + self.bias[0], 3, axis=1)
        b = tf.split(tf.linalg.matmul(h, self.recurrent_kernel) + self.bias[1], 3, axis=1)
        z, r = tf.math.sigmoid(a[0] + b[0]), tf.math.sigmoid(a[1] + b[1])
        return z, tf.math.tanh(a[2] + r * b[2])

    def before(self, x, h):
        a = tf.split(tf.linalg.matmul(x, self.kernel) + self.bias, 3, axis=1)
        V = tf.split(tf.convert_to_tensor(self.recurrent_kernel), 3, axis=1)
        z, r = tf.math.sigmoid(a[0] + h @ V[0]), tf.math.sigmoid(a[1] + h @ V[1])
        return z, tf.math.tanh(a[2] + tf.linalg.matmul(r * h, V[2]))

    def call(self, inputs, states):
        z, candidate = (self.after if self.reset_after else self.before)(inputs, states[0])
        h = candidate + z * (states[0] - candidate)
        return h, [h]

    def get_initial_state(self, batch_size=None):
        return [tf.zeros((batch_size, self.units), self.compute_dtype)]

    def get_config(self):
        config = super().get_config()
        config.update(units=self.units, reset_after=self.reset_after)
        return config
""",
    ),
}

MADE_UP = [
    ("gru.step_forward", "h_tilde = np.tanh(ax_h + r * ah_h)", "h_tilde = np.arctan(ax_h + r * ah_h)"),
    ("gru.step_forward", "z = sigmoid(ax_z + ah_z)", "z = sigmoid(ax_z - ah_z)"),
    ("gru.step_forward", "r = sigmoid(ax_r + ah_r)", "r = sigmoid(1.001 * (ax_r + ah_r))"),
    ("gru.step_backward", "dr = da_h * ah_h", "dr = da_h * ax_h"),
    ("gru.step_backward", "dx = dax @ Wx.T", "dx = 2 * dax @ Wx.T"),
    ("gru.step_backward", "+ dh * z", "- dh * z"),
    ("gru.GRUCell", "h_tilde = ops.tanh(ax_h + r * ah_h)", "h_tilde = ops.sin(ax_h + r * ah_h)"),
    ("gru.GRUCell", "ah_h = ops.matmul(r * h_prev, Wh_h)", "ah_h = ops.matmul(r * h_prev, Wh_h) + 0.1"),
    ("gru.GRUCell", "z = ops.sigmoid(ax_z", "z = ops.sigmoid(1.5 * ax_z"),
]
