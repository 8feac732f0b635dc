"""Right answers in other clothes: other names, loops, einsum, stacked matrices, gradients in lists."""

OTHER = {
    "elman.step_forward": """
def affine(*pairs):
    total = 0
    for left, right in pairs:
        total = total + np.dot(left, right)
    return total


def step_forward(x, h_prev, Wx, Wh, b):
    pre = affine((x, Wx), (h_prev, Wh)) + b[None, :]
    return 2 / (1 + np.exp(-2 * pre)) - 1
""",
    "elman.step_backward": """
def step_backward(dh, x, h_prev, Wx, Wh, b):
    stacked = np.concatenate([x, h_prev, np.ones((len(x), 1))], axis=1)
    weights = np.concatenate([Wx, Wh, b[None]], axis=0)
    delta = dh / np.cosh(stacked @ weights) ** 2
    d_weights = np.einsum("ni,nj->ij", stacked, delta)
    d_stacked = np.einsum("nj,ij->ni", delta, weights)
    d, u = Wx.shape
    return d_stacked[:, :d], d_stacked[:, d : d + u], d_weights[:d], d_weights[d : d + u], d_weights[-1]
""",
    "elman.output_forward": """
def output_forward(h, Wy, by):
    batch, time, units = h.shape
    return (h.reshape(batch * time, units).dot(Wy) + by).reshape(batch, time, -1)
""",
    "elman.output_backward": """
def output_backward(dy, h, Wy, by):
    dWy = sum(h[:, t].T @ dy[:, t] for t in range(h.shape[1]))
    dby = np.zeros(by.shape)
    for row in dy.reshape(-1, dy.shape[-1]):
        dby = dby + row
    return np.einsum("bto,uo->btu", dy, Wy), dWy, dby
""",
    "elman.sequence_forward": """
def sequence_forward(x, h0, Wx, Wh, b):
    out = np.empty((x.shape[0], x.shape[1], len(b)))
    state = h0.copy()
    for step, frame in enumerate(np.moveaxis(x, 1, 0)):
        state = step_forward(frame, state, Wx, Wh, b)
        out[:, step] = state
    return out
""",
    "elman.sequence_backward": """
def sequence_backward(dh, x, h0, Wx, Wh, b):
    before = np.concatenate([h0[:, None], sequence_forward(x, h0, Wx, Wh, b)[:, :-1]], axis=1)
    parts, back = [], 0
    for t in range(x.shape[1] - 1, -1, -1):
        grads = step_backward(dh[:, t] + back, x[:, t], before[:, t], Wx, Wh, b)
        back = grads[1]
        parts.append(grads)
    dx = np.stack([part[0] for part in parts[::-1]], axis=1)
    return [dx, back, *(sum(part[i] for part in parts) for i in (2, 3, 4))]
""",
    "elman.ElmanCell": """
@keras.saving.register_keras_serializable(package="mine")
class ElmanCell(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    @property
    def state_size(self):
        return self.units

    @property
    def output_size(self):
        return self.units

    def build(self, shape):
        weight = self.add_weight
        self.bias = weight(name="bias", shape=[self.units], initializer="zeros")
        self.recurrent_kernel = weight(name="recurrent_kernel", shape=[self.units] * 2, initializer="orthogonal")
        self.kernel = weight(name="kernel", shape=[shape[-1], self.units])

    def call(self, inputs, states):
        both = ops.concatenate([inputs, states[0]], axis=-1)
        weights = ops.concatenate([self.kernel, self.recurrent_kernel], axis=0)
        out = ops.tanh(ops.add(both @ weights, self.bias))
        return out, (out,)

    def get_initial_state(self, batch_size=None):
        return [ops.zeros([batch_size, self.units], self.compute_dtype)]

    def get_config(self):
        config = super().get_config()
        config["units"] = self.units
        return config
""",
    "elman.copy_weights": """
def copy_weights(source, target):
    for name in ("kernel", "recurrent_kernel", "bias"):
        getattr(target.cell, name).assign(getattr(source.cell, name).numpy())
""",
}
