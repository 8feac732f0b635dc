"""Right answers to the Jordan exercises in other clothes, and wrong ones that no catalogue lists."""

VARIANTS = {
    "jordan.step_forward, one example at a time": (
        "jordan.step_forward",
        """
import math

def step_forward(x, s, Wx, Ws, b, Wy, by):
    rows = []
    for plan, state in zip(x, s):
        hidden = []
        for j in range(len(b)):
            total = b[j] + sum(plan[i] * Wx[i, j] for i in range(len(plan)))
            total += sum(state[k] * Ws[k, j] for k in range(len(state)))
            hidden.append(math.tanh(total))
        rows.append([by[o] + sum(hidden[j] * Wy[j, o] for j in range(len(b))) for o in range(len(by))])
    return np.array(rows)
""",
    ),
    "jordan.step_forward, one stacked matrix, other names": (
        "jordan.step_forward",
        """
def step_forward(plan, state, U, V, c, W, d):
    hidden = np.tanh(np.hstack([plan, state, np.ones((len(plan), 1))]) @ np.vstack([U, V, c]))
    return np.hstack([hidden, np.ones((len(plan), 1))]) @ np.vstack([W, d])
""",
    ),
    "jordan.step_backward, einsum": (
        "jordan.step_backward",
        """
def step_backward(g, x, s, Wx, Ws, b, Wy, by):
    z = np.einsum("ni,ij->nj", x, Wx) + np.einsum("nk,kj->nj", s, Ws) + b
    delta = np.einsum("no,jo->nj", g, Wy) / np.cosh(z) ** 2
    return (
        np.einsum("nj,ij->ni", delta, Wx),
        np.einsum("nj,kj->nk", delta, Ws),
        np.einsum("ni,nj->ij", x, delta),
        np.einsum("nk,nj->kj", s, delta),
        np.einsum("nj->j", delta),
        np.einsum("nj,no->jo", np.tanh(z), g),
        np.einsum("no->o", g),
    )
""",
    ),
    "jordan.step_backward, a loop over the batch, a list returned": (
        "jordan.step_backward",
        """
def step_backward(dy, x, s, Wx, Ws, b, Wy, by):
    grads = [np.zeros(a.shape) for a in (x, s, Wx, Ws, b, Wy, by)]
    for n in range(len(x)):
        h = np.tanh(x[n] @ Wx + s[n] @ Ws + b)
        delta = (Wy @ dy[n]) * (1 - h) * (1 + h)
        grads[0][n] = Wx @ delta
        grads[1][n] = Ws @ delta
        grads[2] += np.outer(x[n], delta)
        grads[3] += np.outer(s[n], delta)
        grads[4] += delta
        grads[5] += np.outer(h, dy[n])
        grads[6] += dy[n]
    return grads
""",
    ),
    "jordan.sequence_forward, an array filled in, the state made by np.where": (
        "jordan.sequence_forward",
        """
def sequence_forward(x, s0, Wx, Ws, b, Wy, by, mu, targets, forced):
    y = np.zeros(targets.shape)
    state = s0
    drive = x @ Wx + b
    for t in range(x.shape[1]):
        y[:, t] = np.tanh(drive[:, t] + state @ Ws) @ Wy + by
        state = mu * state + np.where(forced[t], targets[:, t], y[:, t])
    return y
""",
    ),
    "jordan.sequence_forward, the state as a sum over all that was fed": (
        "jordan.sequence_forward",
        """
def sequence_forward(x, s0, Wx, Ws, b, Wy, by, mu, targets, forced):
    fed, outputs = [], []
    for t, plan in enumerate(np.swapaxes(x, 0, 1)):
        state = mu**t * s0 + sum(mu ** (t - 1 - k) * old for k, old in enumerate(fed))
        outputs += [step_forward(plan, state, Wx, Ws, b, Wy, by)]
        fed += [forced[t] * targets[:, t] + (1 - forced[t]) * outputs[-1]]
    return np.array(outputs).transpose(1, 0, 2)
""",
    ),
    "jordan.sequence_backward, products after the loop": (
        "jordan.sequence_backward",
        """
def sequence_backward(dy, x, s0, Wx, Ws, b, Wy, by, mu, targets, forced):
    y = sequence_forward(x, s0, Wx, Ws, b, Wy, by, mu, targets, forced)
    fed = np.where(forced[None, :, None], targets, y)
    s = np.empty(targets.shape)
    s[:, 0] = s0
    for t in range(1, x.shape[1]):
        s[:, t] = mu * s[:, t - 1] + fed[:, t - 1]
    h = np.tanh(x @ Wx + s @ Ws + b)
    whole, dz = np.array(dy), np.empty(h.shape)
    back = 0.0
    for t in range(x.shape[1])[::-1]:
        whole[:, t] += (not forced[t]) * back
        dz[:, t] = (whole[:, t] @ Wy.T) * (1 - h[:, t] ** 2)
        back = mu * back + dz[:, t] @ Ws.T
    return (
        dz @ Wx.T,
        back,
        np.einsum("bti,btj->ij", x, dz),
        np.einsum("bto,btj->oj", s, dz),
        dz.sum((0, 1)),
        np.einsum("btj,bto->jo", h, whole),
        whole.sum((0, 1)),
    )
""",
    ),
    "jordan.sequence_backward, recursion from the first step": (
        "jordan.sequence_backward",
        """
def sequence_backward(dy, x, s0, Wx, Ws, b, Wy, by, mu, targets, forced):
    weights = (Wx, Ws, b, Wy, by)

    def back(t, s):
        if t == x.shape[1]:
            return [], np.zeros(s.shape), [0.0] * 5
        y = step_forward(x[:, t], s, *weights)
        dxs, ds_next, sums = back(t + 1, mu * s + (targets[:, t] if forced[t] else y))
        up = dy[:, t] + (np.zeros(s.shape) if forced[t] else ds_next)
        dx, ds, *rest = step_backward(up, x[:, t], s, *weights)
        return [dx] + dxs, ds + mu * ds_next, [a + c for a, c in zip(sums, rest)]

    dxs, ds0, sums = back(0, s0)
    return [np.stack(dxs, axis=1), ds0, *sums]
""",
    ),
    "jordan.JordanCell, operators for ops, weights made in a loop": (
        "jordan.JordanCell",
        """
class JordanCell(keras.Layer):
    def __init__(self, units, outputs, mu=0.5, **kwargs):
        super().__init__(**kwargs)
        self.units, self.outputs, self.mu = units, outputs, mu
        self.state_size = self.output_size = outputs

    def build(self, input_shape):
        hidden = {"kernel": input_shape[-1], "recurrent_kernel": self.outputs}
        for name, rows in hidden.items():
            setattr(self, name, self.add_weight(name=name, shape=(rows, self.units)))
        self.output_kernel = self.add_weight(name="output_kernel", shape=(self.units, self.outputs))
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")
        self.output_bias = self.add_weight(
            name="output_bias", shape=(self.outputs,), initializer=keras.initializers.Zeros()
        )

    def call(self, inputs, states, training=None):
        (s,) = states
        h = keras.activations.tanh(inputs @ self.kernel + s @ self.recurrent_kernel + self.bias)
        y = h @ self.output_kernel + self.output_bias
        return y, [y + s * self.mu]

    def get_initial_state(self, batch_size):
        return [ops.zeros((batch_size, self.outputs), dtype=self.dtype)]

    def get_config(self):
        return super().get_config() | {"units": self.units, "outputs": self.outputs, "mu": self.mu}
""",
    ),
    "jordan.JordanCell, TensorFlow's own operations": (
        "jordan.JordanCell",
        """
import tensorflow as tf

class JordanCell(keras.layers.Layer):
    def __init__(self, units, outputs, mu=0.5, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.outputs = outputs
        self.mu = mu
        self.state_size = outputs

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        self.recurrent_kernel = self.add_weight(shape=(self.outputs, self.units), name="recurrent_kernel")
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")
        self.output_kernel = self.add_weight(shape=(self.units, self.outputs), name="output_kernel")
        self.output_bias = self.add_weight(shape=(self.outputs,), initializer="zeros", name="output_bias")
        self.built = True

    def call(self, inputs, states):
        both = tf.concat([inputs, states[0]], axis=1)
        h = tf.math.tanh(both @ tf.concat([self.kernel, self.recurrent_kernel], axis=0) + self.bias)
        y = tf.einsum("nj,jo->no", h, tf.convert_to_tensor(self.output_kernel)) + self.output_bias
        return y, [tf.add(self.mu * states[0], y)]

    def get_initial_state(self, batch_size=None):
        return [tf.zeros((batch_size, self.outputs), self.compute_dtype)]

    def get_config(self):
        config = super().get_config()
        config.update(units=self.units, outputs=self.outputs, mu=self.mu)
        return config
""",
    ),
}

MADE_UP = [
    ("jordan.step_forward", "np.tanh(", "np.arctan("),
    ("jordan.step_forward", "h @ Wy + by", "h @ Wy - by"),
    ("jordan.step_backward", "(1 - h**2)", "(1 - h**3)"),
    ("jordan.step_backward", "dx = dz @ Wx.T", "dx = 2 * dz @ Wx.T"),
    ("jordan.step_backward", "dby = dy.sum(axis=0)", "dby = dy[0]"),
    ("jordan.sequence_forward", "s = mu * s + fed", "s = mu**2 * s + fed"),
    ("jordan.sequence_forward", "s = mu * s + fed", "s = mu * s - fed"),
    ("jordan.sequence_backward", "ds_next = ds + mu * ds_next", "ds_next = ds - mu * ds_next"),
    ("jordan.sequence_backward", "ds_next = np.zeros_like(s0)", "ds_next = np.ones_like(s0)"),
    ("jordan.sequence_backward", "dWs += dWs_t", "dWs += 2 * dWs_t"),
    ("jordan.JordanCell", "h = ops.tanh(z)", "h = ops.sin(z)"),
    ("jordan.JordanCell", "s_next = self.mu * s + y", "s_next = self.mu * s - y"),
]
