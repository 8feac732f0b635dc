"""Right answers to the LSTM exercises in other clothes, and wrong ones that the catalogue does not have."""

VARIANTS = {
    "lstm.step_forward, one element at a time": (
        "lstm.step_forward",
        """
import math

def step_forward(x, h_prev, c_prev, Wx, Wh, b):
    batch, units = h_prev.shape
    h, c = np.zeros((batch, units)), np.zeros((batch, units))
    for n in range(batch):
        for j in range(units):
            sums = []
            for gate in range(4):
                column = gate * units + j
                total = b[column]
                for k in range(x.shape[1]):
                    total += x[n, k] * Wx[k, column]
                for k in range(units):
                    total += h_prev[n, k] * Wh[k, column]
                sums.append(total)
            squashed = [1 / (1 + math.exp(-s)) for s in sums]
            c[n, j] = squashed[1] * c_prev[n, j] + squashed[0] * math.tanh(sums[2])
            h[n, j] = squashed[3] * math.tanh(c[n, j])
    return h, c
""",
    ),
    "lstm.step_forward, a kernel per gate and a list returned": (
        "lstm.step_forward",
        """
def step_forward(inp, hidden, memory, U, V, bias):
    n = hidden.shape[1]
    def gate(number, squash):
        columns = slice(number * n, (number + 1) * n)
        return squash(np.einsum("bi,ij->bj", inp, U[:, columns]) + np.dot(hidden, V[:, columns]) + bias[columns])
    new = gate(1, sigmoid) * memory + gate(0, sigmoid) * gate(2, np.tanh)
    return [gate(3, sigmoid) * np.tanh(new), new]
""",
    ),
    "lstm.step_forward, input and state stacked, gates as an axis": (
        "lstm.step_forward",
        """
def step_forward(x, h_prev, c_prev, Wx, Wh, b):
    a = np.hstack([x, h_prev]) @ np.vstack([Wx, Wh]) + b
    a = a.reshape(len(x), 4, -1)
    i, f, o = (1 / (1 + np.exp(-a[:, k])) for k in (0, 1, 3))
    c = c_prev * f + np.tanh(a[:, 2]) * i
    return np.tanh(c) * o, c
""",
    ),
    "lstm.step_backward, einsum, gates as an axis": (
        "lstm.step_backward",
        """
def step_backward(dh, dc, x, h_prev, c_prev, Wx, Wh, b):
    batch, units = h_prev.shape
    a = (x @ Wx + h_prev @ Wh + b).reshape(batch, 4, units)
    s = 1 / (1 + np.exp(-a))
    g = np.tanh(a[:, 2])
    c = s[:, 1] * c_prev + s[:, 0] * g
    memory = dc + dh * s[:, 3] / np.cosh(c) ** 2
    local = np.zeros_like(a)
    slope = s - s * s
    local[:, 0] = memory * g * slope[:, 0]
    local[:, 1] = memory * c_prev * slope[:, 1]
    local[:, 2] = memory * s[:, 0] * (1 - g) * (1 + g)
    local[:, 3] = dh * np.tanh(c) * slope[:, 3]
    U, V = Wx.reshape(-1, 4, units), Wh.reshape(-1, 4, units)
    return (
        np.einsum("ngj,kgj->nk", local, U),
        np.einsum("ngj,kgj->nk", local, V),
        memory * s[:, 1],
        np.einsum("nk,ngj->kgj", x, local).reshape(Wx.shape),
        np.einsum("nk,ngj->kgj", h_prev, local).reshape(Wh.shape),
        local.sum(0).ravel(),
    )
""",
    ),
    "lstm.step_backward, a loop over the batch with +=": (
        "lstm.step_backward",
        """
def step_backward(dh, dc, x, h_prev, c_prev, Wx, Wh, b):
    dx, dh_prev, dc_prev = np.zeros_like(x), np.zeros_like(h_prev), np.zeros_like(c_prev)
    dWx, dWh, db = np.zeros(Wx.shape), np.zeros(Wh.shape), np.zeros(b.shape)
    u = h_prev.shape[1]
    for n in range(len(x)):
        a = Wx.T @ x[n] + Wh.T @ h_prev[n] + b
        i, f, g, o = sigmoid(a[:u]), sigmoid(a[u : 2 * u]), np.tanh(a[2 * u : 3 * u]), sigmoid(a[3 * u :])
        shown = np.tanh(f * c_prev[n] + i * g)
        both = dc[n].copy()
        both += dh[n] * o * (1 - shown * shown)
        da = np.zeros(4 * u)
        da[:u] = both * g * i * (1 - i)
        da[u : 2 * u] = both * c_prev[n] * f * (1 - f)
        da[2 * u : 3 * u] = both * i * (1 - g**2)
        da[3 * u :] = dh[n] * shown * o * (1 - o)
        dx[n], dh_prev[n], dc_prev[n] = Wx @ da, Wh @ da, both * f
        dWx += np.outer(x[n], da)
        dWh += np.outer(h_prev[n], da)
        db += da
    return dx, dh_prev, dc_prev, dWx, dWh, db
""",
    ),
    "lstm.step_backward, a gradient per gate, gates from the student's own forward step": (
        "lstm.step_backward",
        """
def step_backward(dh, dc, x, h, c, U, V, b):
    u = h.shape[1]
    new_h, new_c = step_forward(x, h, c, U, V, b)
    parts = [x @ U[:, k * u : (k + 1) * u] + h @ V[:, k * u : (k + 1) * u] + b[k * u : (k + 1) * u] for k in range(4)]
    i, f, g, o = sigmoid(parts[0]), sigmoid(parts[1]), np.tanh(parts[2]), sigmoid(parts[3])
    e = o * dh * (1 - np.tanh(new_c) ** 2) + dc
    deltas = [e * g * i * (1 - i), e * c * f * (1 - f), e * i * (1 - g * g), dh * new_h * (1 - o)]
    dx = sum(d @ U[:, k * u : (k + 1) * u].T for k, d in enumerate(deltas))
    dh_prev = sum(d @ V[:, k * u : (k + 1) * u].T for k, d in enumerate(deltas))
    dU = np.concatenate([x.T @ d for d in deltas], axis=1)
    dV = np.concatenate([h.T @ d for d in deltas], axis=1)
    db = np.concatenate([d.sum(0) for d in deltas])
    return dx, dh_prev, f * e, dU, dV, db
""",
    ),
    "lstm.sequence_forward, recursion": (
        "lstm.sequence_forward",
        """
def sequence_forward(x, h0, c0, Wx, Wh, b):
    h1, c1 = step_forward(x[:, 0], h0, c0, Wx, Wh, b)
    if x.shape[1] == 1:
        return h1[:, None], c1[:, None]
    h, c = sequence_forward(x[:, 1:], h1, c1, Wx, Wh, b)
    return np.concatenate([h1[:, None], h], axis=1), np.concatenate([c1[:, None], c], axis=1)
""",
    ),
    "lstm.sequence_forward, the input's part for all steps at once, into buffers": (
        "lstm.sequence_forward",
        """
def sequence_forward(x, h0, c0, Wx, Wh, b):
    batch, time, _ = x.shape
    u = h0.shape[1]
    drive = np.einsum("bti,ij->btj", x, Wx) + b
    h, c = np.empty((batch, time + 1, u)), np.empty((batch, time + 1, u))
    h[:, 0], c[:, 0] = h0, c0
    for t in range(time):
        a = drive[:, t] + h[:, t] @ Wh
        s = sigmoid(a)
        c[:, t + 1] = s[:, u : 2 * u] * c[:, t] + s[:, :u] * np.tanh(a[:, 2 * u : 3 * u])
        h[:, t + 1] = s[:, 3 * u :] * np.tanh(c[:, t + 1])
    return h[:, 1:], c[:, 1:]
""",
    ),
    "lstm.sequence_backward, all products after the loop": (
        "lstm.sequence_backward",
        """
def sequence_backward(dh, dc, x, h0, c0, Wx, Wh, b):
    h, c = sequence_forward(x, h0, c0, Wx, Wh, b)
    hp = np.concatenate([h0[:, None], h[:, :-1]], axis=1)
    cp = np.concatenate([c0[:, None], c[:, :-1]], axis=1)
    a_i, a_f, a_g, a_o = np.split(x @ Wx + hp @ Wh + b, 4, axis=-1)
    i, f, g, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)
    th = np.tanh(c)
    da = np.zeros((*x.shape[:2], 4 * h0.shape[1]))
    back_h, back_c = 0.0, 0.0
    for t in range(x.shape[1])[::-1]:
        eh = dh[:, t] + back_h
        ec = dc[:, t] + back_c + eh * o[:, t] * (1 - th[:, t] ** 2)
        da[:, t] = np.hstack([
            ec * g[:, t] * i[:, t] * (1 - i[:, t]),
            ec * cp[:, t] * f[:, t] * (1 - f[:, t]),
            ec * i[:, t] * (1 - g[:, t] ** 2),
            eh * th[:, t] * o[:, t] * (1 - o[:, t]),
        ])
        back_h, back_c = da[:, t] @ Wh.T, ec * f[:, t]
    return (
        da @ Wx.T, back_h, back_c,
        np.einsum("bti,btj->ij", x, da), np.einsum("bti,btj->ij", hp, da), da.sum(axis=(0, 1)),
    )
""",
    ),
    "lstm.sequence_backward, gradients in lists, forwards states kept by hand": (
        "lstm.sequence_backward",
        """
def sequence_backward(dh, dc, x, h0, c0, Wx, Wh, b):
    before = [(h0, c0)]
    for t in range(x.shape[1]):
        before.append(step_forward(x[:, t], *before[-1], Wx, Wh, b))
    gx, weights = [], []
    gh, gc = np.zeros(h0.shape), np.zeros(c0.shape)
    for t in range(x.shape[1] - 1, -1, -1):
        one, gh, gc, *rest = step_backward(gh + dh[:, t], gc + dc[:, t], x[:, t], *before[t], Wx, Wh, b)
        gx.append(one)
        weights.append(rest)
    sums = [np.sum(group, axis=0) for group in zip(*weights)]
    return [np.stack(gx[::-1], axis=1), gh, gc, *sums]
""",
    ),
    "lstm.sequence_backward, recursion over the first step and the rest": (
        "lstm.sequence_backward",
        """
def sequence_backward(dh, dc, x, h0, c0, Wx, Wh, b):
    if x.shape[1] == 0:
        return x, 0 * h0, 0 * c0, 0 * Wx, 0 * Wh, 0 * b
    h1, c1 = step_forward(x[:, 0], h0, c0, Wx, Wh, b)
    rest = sequence_backward(dh[:, 1:], dc[:, 1:], x[:, 1:], h1, c1, Wx, Wh, b)
    first = step_backward(dh[:, 0] + rest[1], dc[:, 0] + rest[2], x[:, 0], h0, c0, Wx, Wh, b)
    dx = np.concatenate([first[0][:, None], rest[0]], axis=1)
    return (dx, first[1], first[2], *(one + others for one, others in zip(first[3:], rest[3:])))
""",
    ),
    "lstm.LSTMCell, a matrix per gate cut out of the kernels, bias assigned": (
        "lstm.LSTMCell",
        """
class LSTMCell(keras.Layer):
    def __init__(self, units, unit_forget_bias=True, **kwargs):
        super().__init__(**kwargs)
        self.units, self.unit_forget_bias = units, unit_forget_bias
        self.state_size = (units, units)
        self.output_size = units

    def build(self, input_shape):
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], self.units * 4))
        self.recurrent_kernel = self.add_weight(name="recurrent_kernel", shape=(self.units, self.units * 4), initializer="orthogonal")
        self.bias = self.add_weight(name="bias", shape=(self.units * 4,), initializer="zeros")
        if self.unit_forget_bias:
            self.bias.assign(np.repeat([0.0, 1.0, 0.0, 0.0], self.units))

    def call(self, inputs, states, training=None):
        (hidden, memory), u = states, self.units
        def total(k):
            cut = slice(k * u, (k + 1) * u)
            return inputs @ self.kernel[:, cut] + hidden @ self.recurrent_kernel[:, cut] + self.bias[cut]
        kept = keras.activations.sigmoid(total(1)) * memory
        memory = kept + keras.activations.sigmoid(total(0)) * keras.activations.tanh(total(2))
        hidden = keras.activations.sigmoid(total(3)) * keras.activations.tanh(memory)
        return hidden, (hidden, memory)

    def get_initial_state(self, batch_size):
        return [ops.zeros((batch_size, size), dtype=self.dtype) for size in self.state_size]

    def get_config(self):
        return super().get_config() | {"unit_forget_bias": self.unit_forget_bias, "units": self.units}
""",
    ),
    "lstm.LSTMCell, TensorFlow's own operations, an initializer class": (
        "lstm.LSTMCell",
        """
import tensorflow as tf

class ForgetOne(keras.initializers.Initializer):
    def __init__(self, units, on):
        self.units, self.on = units, on

    def __call__(self, shape, dtype=None):
        place = tf.range(shape[0])
        return tf.cast((place >= self.units) & (place < 2 * self.units) & self.on, dtype)

class LSTMCell(keras.layers.Layer):
    def __init__(self, units, unit_forget_bias=True, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.unit_forget_bias = unit_forget_bias
        self.state_size = [units, units]

    def build(self, input_shape):
        width = 4 * self.units
        self.bias = self.add_weight(
            shape=(width,), name="bias", initializer=ForgetOne(self.units, self.unit_forget_bias)
        )
        self.kernel = self.add_weight(shape=(input_shape[-1], width), name="kernel")
        self.recurrent_kernel = self.add_weight(shape=(self.units, width), initializer="orthogonal", name="recurrent_kernel")
        self.built = True

    def call(self, inputs, states):
        both = tf.concat([inputs, states[0]], axis=1)
        kernels = tf.concat([self.kernel, self.recurrent_kernel], axis=0)
        a = tf.reshape(tf.linalg.matmul(both, kernels) + self.bias, (-1, 4, self.units))
        gates = tf.math.sigmoid(a)
        c = gates[:, 1] * states[1] + gates[:, 0] * tf.math.tanh(a[:, 2])
        h = gates[:, 3] * tf.math.tanh(c)
        return h, [h, c]

    def get_initial_state(self, batch_size=None):
        zeros = tf.zeros((batch_size, self.units), self.compute_dtype)
        return [zeros, zeros]

    def get_config(self):
        config = super().get_config()
        config.update(units=self.units, unit_forget_bias=self.unit_forget_bias)
        return config
""",
    ),
    "lstm.copy_weights, all at once": (
        "lstm.copy_weights",
        """
def copy_weights(source, target):
    target.set_weights(source.get_weights())
""",
    ),
    "lstm.copy_weights, through arrays and names": (
        "lstm.copy_weights",
        """
def copy_weights(source, target):
    for name in ["bias", "kernel", "recurrent_kernel"]:
        getattr(target.cell, name).assign(ops.convert_to_numpy(getattr(source.cell, name)))
""",
    ),
}

MADE_UP = [
    ("lstm.step_forward", "h = o * np.tanh(c)", "h = o * np.arctan(c)"),
    ("lstm.step_forward", "c = f * c_prev + i * g", "c = f * c_prev - i * g"),
    ("lstm.step_forward", "i = sigmoid(a_i)", "i = sigmoid(0.999 * a_i)"),
    ("lstm.step_backward", "dc_prev = dc_total * f", "dc_prev = dc_total * o"),
    ("lstm.step_backward", "(1 - tanh_c**2)", "(1 - tanh_c**3)"),
    ("lstm.step_backward", "db = da.sum(axis=0)", "db = da[0]"),
    ("lstm.step_backward", "dx = da @ Wx.T", "dx = 2 * da @ Wx.T"),
    ("lstm.sequence_forward", "hs.append(h)", "hs.append(h + c)"),
    ("lstm.sequence_forward", "h, c = h0, c0", "h, c = -h0, c0"),
    ("lstm.sequence_backward", "carry_c = np.zeros_like(c0)", "carry_c = np.ones_like(c0)"),
    ("lstm.sequence_backward", "dh_t = dh[:, t] + carry_h", "dh_t = dh[:, t] - carry_h"),
    ("lstm.sequence_backward", "dWh += dWh_t", "dWh += 2 * dWh_t"),
    ("lstm.LSTMCell", "g = ops.tanh(a_g)", "g = ops.sin(a_g)"),
    ("lstm.LSTMCell", "c = f * c_prev + i * g", "c = f * ops.stop_gradient(c_prev) + i * g + 0.1"),
    ("lstm.LSTMCell", "ops.zeros((2 * units,), dtype)]", "-ops.ones((2 * units,), dtype)]"),
    ("lstm.copy_weights", "assign(source.cell.kernel)", "assign(-1.0 * source.cell.kernel)"),
]
