"""Right answers on real-time recurrent learning in other clothes, and wrong ones that no catalogue lists."""

VARIANTS = {
    "rtrl.sensitivity_step, loops over units and parameters, as Williams and Zipser print it": (
        "rtrl.sensitivity_step",
        """
def sensitivity_step(P_prev, x, h_prev, Wx, Wh, b):
    batch, units, parameters = P_prev.shape
    P = np.zeros(P_prev.shape)
    for n in range(batch):
        z = list(x[n]) + list(h_prev[n]) + [1.0]
        y = np.tanh(x[n] @ Wx + h_prev[n] @ Wh + b)
        for p in range(parameters):
            i, j = divmod(p, units)
            for k in range(units):
                total = sum(Wh[l, k] * P_prev[n, l, p] for l in range(units))
                P[n, k, p] = (1 - y[k] ** 2) * (total + (z[i] if j == k else 0.0))
    return P
""",
    ),
    "rtrl.sensitivity_step, Jacobians and kron": (
        "rtrl.sensitivity_step",
        """
def sensitivity_step(P, x, h, Wx, Wh, b):
    new = []
    for old, a, c in zip(P, x, h):
        D = np.diag(1 / np.cosh(a @ Wx + c @ Wh + b) ** 2)
        u = np.hstack([a, c, 1.0])
        new.append(D @ np.kron(u, np.eye(len(b))) + D @ Wh.T @ old)
    return np.stack(new)
""",
    ),
    "rtrl.sensitivity_step, the three parts apart": (
        "rtrl.sensitivity_step",
        """
def sensitivity_step(P_prev, x, h_prev, Wx, Wh, b):
    state = elman_step(x, h_prev, Wx, Wh, b)
    n, units = state.shape
    direct = [np.multiply.outer(rows, np.eye(units)).transpose(0, 2, 1, 3).reshape(n, units, -1) for rows in (x, h_prev)]
    direct.append(np.broadcast_to(np.eye(units), (n, units, units)))
    total = np.concatenate(direct, axis=2) + np.einsum("lk,nlp->nkp", Wh, P_prev)
    return total - state[..., None] ** 2 * total
""",
    ),
    "rtrl.gradient, one example at a time": (
        "rtrl.gradient",
        """
def gradient(dh, x, h0, Wx, Wh, b):
    features, units = Wx.shape
    sums = [np.zeros(Wx.size), np.zeros(Wh.size), np.zeros(b.size)]
    for n in range(len(x)):
        h, P = h0[n : n + 1], np.zeros((1, units, Wx.size + Wh.size + b.size))
        for step, up in zip(x[n], dh[n]):
            P = sensitivity_step(P, step[None], h, Wx, Wh, b)
            h = elman_step(step[None], h, Wx, Wh, b)
            for total, part in zip(sums, np.split(up @ P[0], [Wx.size, Wx.size + Wh.size])):
                total += part
    return [total.reshape(w.shape) for total, w in zip(sums, (Wx, Wh, b))]
""",
    ),
    "rtrl.gradient, backpropagation through time": (
        "rtrl.gradient",
        """
def gradient(dh, x, h0, Wx, Wh, b):
    states = [h0]
    for t in range(x.shape[1]):
        states.append(elman_step(x[:, t], states[t], Wx, Wh, b))
    dWx, dWh, db, back = 0.0, 0.0, 0.0, 0.0
    for t in range(x.shape[1])[::-1]:
        dz = (dh[:, t] + back) * (1 - states[t + 1] ** 2)
        dWx, dWh, db = dWx + x[:, t].T @ dz, dWh + states[t].T @ dz, db + dz.sum(axis=0)
        back = dz @ Wh.T
    return dWx, dWh, db
""",
    ),
    "rtrl.OnlineElman, one matrix of weights": (
        "rtrl.OnlineElman",
        """
class OnlineElman(keras.Layer):
    def __init__(self, units, learning_rate=0.1, **kwargs):
        super().__init__(**kwargs)
        self.units, self.learning_rate = units, learning_rate

    def build(self, input_shape):
        self.rows = [input_shape[-1], self.units, 1]
        starts = {"kernel": (input_shape[-1], None), "recurrent_kernel": (self.units, "orthogonal")}
        for name, (rows, start) in starts.items():
            setattr(self, name, self.add_weight(name=name, shape=(rows, self.units), initializer=start))
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")
        fixed = {"initializer": "zeros", "trainable": False}
        self.state = self.add_weight(name="state", shape=(1, self.units), **fixed)
        self.sensitivities = self.add_weight(
            name="sensitivities", shape=(self.units, sum(self.rows) * self.units), **fixed
        )

    def weights_in_one(self):
        return ops.concatenate([self.kernel, self.recurrent_kernel, ops.expand_dims(self.bias, 0)], axis=0)

    def call(self, inputs):
        W, units = self.weights_in_one(), self.units
        u = ops.concatenate([inputs[0], self.state[0], ops.ones(1, dtype=inputs.dtype)], axis=0)
        h = ops.tanh(u[None] @ W)[0]
        direct = ops.reshape(u[None, :, None] * np.eye(units)[:, None, :], (units, -1))
        P = ops.transpose(W[self.rows[0] : -1]) @ self.sensitivities + direct
        self.sensitivities.assign((1 - h**2)[:, None] * P)
        self.state.assign(h[None])
        return h[None]

    def learn(self, dh):
        W = self.weights_in_one() - self.learning_rate * ops.reshape(dh @ self.sensitivities, (-1, self.units))
        for weight, part in zip((self.kernel, self.recurrent_kernel, self.bias), ops.split(W, np.cumsum(self.rows)[:-1])):
            weight.assign(ops.reshape(part, weight.shape))

    def reset_state(self):
        for weight in (self.state, self.sensitivities):
            weight.assign(np.zeros(weight.shape))

    def get_config(self):
        return super().get_config() | {"units": self.units, "learning_rate": self.learning_rate}
""",
    ),
    "rtrl.OnlineElman, a helper with an axis for each index, TensorFlow's operations": (
        "rtrl.OnlineElman",
        """
import tensorflow as tf

def new_sensitivities(P, u, h, Wh):
    through_the_old_state = tf.einsum("lk,lij->kij", Wh, P)
    itself = tf.einsum("i,kj->kij", u, tf.eye(h.shape[0], dtype=u.dtype))
    return tf.einsum("k,kij->kij", 1 - h * h, itself + through_the_old_state)

class OnlineElman(keras.layers.Layer):
    def __init__(self, units, learning_rate=0.1, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.learning_rate = learning_rate

    def build(self, input_shape):
        n, d = self.units, input_shape[-1]
        self.kernel = self.add_weight(name="kernel", shape=(d, n))
        self.recurrent_kernel = self.add_weight(name="recurrent_kernel", shape=(n, n), initializer="orthogonal")
        self.bias = self.add_weight(name="bias", shape=(n,), initializer="zeros")
        self.state = self.add_weight(name="state", shape=(1, n), initializer="zeros", trainable=False)
        self.sensitivities = self.add_weight(
            name="sensitivities", shape=(n, d * n + n * n + n), initializer="zeros", trainable=False
        )

    def call(self, inputs):
        x, before = tf.convert_to_tensor(inputs), tf.identity(self.state.value)
        after = tf.tanh(x @ self.kernel + before @ self.recurrent_kernel + self.bias)
        by_row = tf.reshape(self.sensitivities, (self.units, -1, self.units))
        new = new_sensitivities(by_row, tf.concat([x, before, [[1.0]]], 1)[0], after[0], self.recurrent_kernel)
        self.sensitivities.assign(tf.reshape(new, self.sensitivities.shape))
        self.state.assign(after)
        return tf.identity(self.state.value)

    def learn(self, dh):
        g = tf.linalg.matvec(tf.transpose(self.sensitivities.value), tf.reshape(dh, [-1]))
        d, n = self.kernel.shape
        pieces = tf.split(g, [d * n, n * n, n])
        for weight, piece in zip((self.kernel, self.recurrent_kernel, self.bias), pieces):
            weight.assign(weight - self.learning_rate * tf.reshape(piece, weight.shape))

    def reset_state(self):
        self.sensitivities.assign(tf.zeros_like(self.sensitivities.value))
        self.state.assign(tf.zeros_like(self.state.value))

    def get_config(self):
        config = super().get_config()
        config.update(units=self.units, learning_rate=self.learning_rate)
        return config
""",
    ),
}

MADE_UP = [
    ("rtrl.sensitivity_step", "slope = 1 - h**2", "slope = 1 - h**3"),
    ("rtrl.sensitivity_step", "(direct + carried)", "(direct - carried)"),
    ("rtrl.gradient", "dh[:, t]", "2 * dh[:, t]"),
    ("rtrl.gradient", "P = sensitivity_step(P, x[:, t]", "P = sensitivity_step(P, x[:, t - 1]"),
    ("rtrl.OnlineElman", "h = ops.tanh(z)", "h = ops.sin(z)"),
    ("rtrl.OnlineElman", "self.learning_rate * dW[-1]", "2 * self.learning_rate * dW[-1]"),
    ("rtrl.OnlineElman", "self.state.assign(h)", "self.state.assign(0.9 * h)"),
]
