"""Lesson 04: right answers in other clothes, and wrong ones that the catalogue does not know."""

VARIANTS = {
    "step_forward, one element at a time": (
        "elman.step_forward",
        """
import math

def step_forward(x, h_prev, Wx, Wh, b):
    out = np.zeros((x.shape[0], len(b)))
    for n in range(x.shape[0]):
        for j in range(len(b)):
            total = b[j]
            for i in range(x.shape[1]):
                total += x[n, i] * Wx[i, j]
            for k in range(len(b)):
                total += h_prev[n, k] * Wh[k, j]
            out[n, j] = math.tanh(total)
    return out
""",
    ),
    "step_forward, einsum and a helper in another cell": (
        "elman.step_forward",
        """
def squash(values):
    up, down = np.exp(values), np.exp(-values)
    return (up - down) / (up + down)

def step_forward(x, h_prev, Wx, Wh, b):
    return squash(np.einsum("ni,ij->nj", x, Wx) + np.einsum("nk,kj->nj", h_prev, Wh) + b)
""",
    ),
    "step_forward, transposed throughout, other argument names": (
        "elman.step_forward",
        """
def step_forward(inp, context, U, V, bias):
    return np.tanh(U.T @ inp.T + V.T @ context.T + bias[:, np.newaxis]).T
""",
    ),
    "step_forward, a lambda": (
        "elman.step_forward",
        """
step_forward = lambda x, h, U, V, b: np.tanh(np.hstack([x, h]) @ np.vstack([U, V]) + b)
""",
    ),
    "step_forward, an object with __call__": (
        "elman.step_forward",
        """
class Step:
    def __call__(self, x, h_prev, Wx, Wh, b):
        return np.tanh(np.matmul(x, Wx) + np.matmul(h_prev, Wh) + b)

step_forward = Step()
""",
    ),
    "step_backward, a loop over the batch with += and a list returned": (
        "elman.step_backward",
        """
def step_backward(dh, x, h_prev, Wx, Wh, b):
    grads = [np.zeros_like(a) for a in (x, h_prev, Wx, Wh, b)]
    for n in range(len(x)):
        h = np.tanh(x[n] @ Wx + h_prev[n] @ Wh + b)
        slope = np.diag((1 - h) * (1 + h))
        delta = slope @ dh[n]
        grads[0][n] = Wx @ delta
        grads[1][n] = Wh @ delta
        grads[2] += np.outer(x[n], delta)
        grads[3] += np.outer(h_prev[n], delta)
        grads[4] += delta
    return grads
""",
    ),
    "step_backward, einsum, without a call of step_forward": (
        "elman.step_backward",
        """
def step_backward(up, x, h, U, V, c):
    out = np.tanh(x @ U + h @ V + c)
    g = up - up * out * out
    return (
        np.einsum("nj,ij->ni", g, U),
        np.einsum("nj,kj->nk", g, V),
        np.einsum("ni,nj->ij", x, g),
        np.einsum("nk,nj->kj", h, g),
        np.einsum("nj->j", g),
    )
""",
    ),
    "step_backward, tensordot and ones": (
        "elman.step_backward",
        """
def step_backward(dh, x, h_prev, Wx, Wh, b):
    z = x @ Wx + h_prev @ Wh + b
    dz = dh * 4 / (np.exp(z) + np.exp(-z)) ** 2
    dWx = np.tensordot(x, dz, axes=(0, 0))
    dWh = np.tensordot(h_prev, dz, axes=(0, 0))
    return dz.dot(Wx.transpose()), dz.dot(Wh.transpose()), dWx, dWh, np.ones(len(x)) @ dz
""",
    ),
    "output_forward, a loop over time": (
        "elman.output_forward",
        """
def output_forward(h, Wy, by):
    return np.stack([h[:, t] @ Wy + by for t in range(h.shape[1])], axis=1)
""",
    ),
    "output_forward, einsum, in Fortran order": (
        "elman.output_forward",
        """
def output_forward(h, Wy, by):
    return np.asfortranarray(np.einsum("btu,uo->bto", h, Wy) + by)
""",
    ),
    "output_backward, batch and time merged": (
        "elman.output_backward",
        """
def output_backward(dy, h, Wy, by):
    flat_dy, flat_h = dy.reshape(-1, len(by)), h.reshape(-1, len(Wy))
    return (flat_dy @ Wy.T).reshape(h.shape), flat_h.T @ flat_dy, flat_dy.sum(0)
""",
    ),
    "output_backward, np.add.at": (
        "elman.output_backward",
        """
def output_backward(dy, h, Wy, by):
    dby = np.zeros(len(by))
    np.add.at(dby, np.broadcast_to(np.arange(len(by)), dy.shape), dy)
    dWy = np.zeros(Wy.shape)
    for n, t in np.ndindex(h.shape[:2]):
        dWy += np.multiply.outer(h[n, t], dy[n, t])
    return dy.dot(Wy.T), dWy, dby
""",
    ),
    "sequence_forward, recursion": (
        "elman.sequence_forward",
        """
def sequence_forward(x, h0, Wx, Wh, b):
    if x.shape[1] == 0:
        return np.zeros((len(x), 0, len(b)))
    h1 = step_forward(x[:, 0], h0, Wx, Wh, b)
    return np.concatenate([h1[:, None], sequence_forward(x[:, 1:], h1, Wx, Wh, b)], axis=1)
""",
    ),
    "sequence_forward, the input's part for all steps at once": (
        "elman.sequence_forward",
        """
def sequence_forward(x, h0, Wx, Wh, b):
    drive = x @ Wx + b
    states = [h0]
    for t in range(x.shape[1]):
        states += [np.tanh(drive[:, t] + states[-1] @ Wh)]
    return np.array(states[1:]).transpose(1, 0, 2)
""",
    ),
    "sequence_backward, all products after the loop": (
        "elman.sequence_backward",
        """
def sequence_backward(dh, x, h0, Wx, Wh, b):
    h = sequence_forward(x, h0, Wx, Wh, b)
    before = np.concatenate([h0[:, None], h[:, :-1]], axis=1)
    dz = np.zeros_like(h)
    back = 0.0
    for t in range(h.shape[1])[::-1]:
        dz[:, t] = (dh[:, t] + back) * (1 - h[:, t] ** 2)
        back = dz[:, t] @ Wh.T
    dWx = np.einsum("bti,btj->ij", x, dz)
    dWh = np.einsum("btk,btj->kj", before, dz)
    return dz @ Wx.T, back, dWx, dWh, dz.sum(axis=(0, 1))
""",
    ),
    "sequence_backward, forwards through time with sensitivities (RTRL)": (
        "elman.sequence_backward",
        """
def sequence_backward(dh, x, h0, Wx, Wh, b):
    batch, time, features = x.shape
    units = len(b)
    sizes = [time * features, units, features * units, units * units, units]
    total = [np.zeros(s) for s in (x.shape, h0.shape, Wx.shape, Wh.shape, b.shape)]
    for n in range(batch):
        S = np.zeros((units, sum(sizes)))  # dh_t / d(x, h0, Wx, Wh, b)
        S[:, sizes[0] : sizes[0] + units] = np.eye(units)
        g, h = np.zeros(sum(sizes)), h0[n]
        for t in range(time):
            J = np.zeros_like(S)
            J[:, t * features : (t + 1) * features] = Wx.T
            at = sizes[0] + units
            J[:, at : at + sizes[2]] = np.kron(x[n, t], np.eye(units))
            at += sizes[2]
            J[:, at : at + sizes[3]] = np.kron(h, np.eye(units))
            J[:, at + sizes[3] :] = np.eye(units)
            h = np.tanh(x[n, t] @ Wx + h @ Wh + b)
            S = (1 - h**2)[:, None] * (J + Wh.T @ S)
            g = g + dh[n, t] @ S
        gx, gh, gWx, gWh, gb = np.split(g, np.cumsum(sizes)[:-1])
        total[0][n], total[1][n] = gx.reshape(time, features), gh
        total[2] += gWx.reshape(Wx.shape)
        total[3] += gWh.reshape(Wh.shape)
        total[4] += gb
    return tuple(total)
""",
    ),
    "sequence_backward, gradients in a dictionary": (
        "elman.sequence_backward",
        """
def sequence_backward(dh, x, h0, Wx, Wh, b):
    states = np.insert(sequence_forward(x, h0, Wx, Wh, b), 0, h0, axis=1)
    grads = {"x": [], "Wx": 0, "Wh": 0, "b": 0}
    carry = np.zeros(h0.shape)
    for t in range(x.shape[1], 0, -1):
        dx, carry, *rest = step_backward(dh[:, t - 1] + carry, x[:, t - 1], states[:, t - 1], Wx, Wh, b)
        grads["x"].insert(0, dx)
        for name, value in zip(("Wx", "Wh", "b"), rest):
            grads[name] = grads[name] + value
    return np.swapaxes(np.array(grads["x"]), 0, 1), carry, grads["Wx"], grads["Wh"], grads["b"]
""",
    ),
    "ElmanCell, operators for ops, weights made in a loop": (
        "elman.ElmanCell",
        """
class ElmanCell(keras.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = self.output_size = units

    def build(self, input_shape):
        starts = {"kernel": (input_shape[-1], None), "recurrent_kernel": (self.units, "orthogonal")}
        for name, (rows, start) in starts.items():
            setattr(self, name, self.add_weight(name=name, shape=(rows, self.units), initializer=start))
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer=keras.initializers.Zeros())

    def call(self, inputs, states, training=None):
        (before,) = states
        h = keras.activations.tanh(inputs @ self.kernel + before @ self.recurrent_kernel + self.bias)
        return h, [h]

    def get_initial_state(self, batch_size):
        return [ops.zeros((batch_size, self.units), dtype=self.dtype)]

    def get_config(self):
        return super().get_config() | {"units": self.units}
""",
    ),
    "ElmanCell, TensorFlow's own operations": (
        "elman.ElmanCell",
        """
import tensorflow as tf

class ElmanCell(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.state_size = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        self.recurrent_kernel = self.add_weight(shape=(self.units, self.units), initializer="orthogonal", name="recurrent_kernel")
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")
        self.built = True

    def call(self, inputs, states):
        carried = tf.einsum("nk,kj->nj", states[0], self.recurrent_kernel)
        h = tf.math.tanh(tf.linalg.matmul(inputs, self.kernel) + carried + self.bias)
        return h, [h]

    def get_initial_state(self, batch_size=None):
        return [tf.zeros((batch_size, self.units), self.compute_dtype)]

    def get_config(self):
        config = super().get_config()
        config.update(units=self.units)
        return config
""",
    ),
    "copy_weights, through lists of arrays": (
        "elman.copy_weights",
        """
def copy_weights(source, target):
    target.cell.kernel.assign(np.array(source.cell.kernel))
    for pair in zip((target.cell.recurrent_kernel, target.cell.bias), (source.cell.recurrent_kernel, source.cell.bias)):
        pair[0].assign(pair[1].value)
""",
    ),
    "copy_weights, all at once": (
        "elman.copy_weights",
        """
def copy_weights(source, target):
    given = {w.name: w.numpy() for w in source.cell.weights}
    target.cell.set_weights([given[w.name] for w in target.cell.weights])
""",
    ),
}

MADE_UP = [
    ("elman.step_forward", "np.tanh(", "np.arctan("),
    ("elman.step_forward", "h_prev @ Wh + b", "h_prev @ Wh - b"),
    ("elman.step_forward", "h_prev @ Wh", "0.999 * h_prev @ Wh"),
    ("elman.step_backward", "(1 - h**2)", "(1 - h**3)"),
    ("elman.step_backward", "dx = dz @ Wx.T", "dx = 2 * dz @ Wx.T"),
    ("elman.step_backward", "db = dz.sum(axis=0)", "db = dz[0]"),
    ("elman.output_forward", "h @ Wy + by", "h @ Wy - by"),
    ("elman.output_backward", "dh = dy @ Wy.T", "dh = -dy @ Wy.T"),
    (
        "elman.sequence_forward",
        "h = step_forward(x[:, t], h, Wx, Wh, b)",
        "h = h + step_forward(x[:, t], h, Wx, Wh, b)",
    ),
    ("elman.sequence_backward", "carry = np.zeros_like(h0)", "carry = np.ones_like(h0)"),
    ("elman.sequence_backward", "upstream = dh[:, t] + carry", "upstream = dh[:, t] - carry"),
    ("elman.sequence_backward", "dWx += dWx_t", "dWx += 2 * dWx_t"),
    ("elman.ElmanCell", "h = ops.tanh(z)", "h = ops.sin(z)"),
    ("elman.copy_weights", "assign(source.cell.bias)", "assign(-1.0 * source.cell.bias)"),
]
