"""Right answers to the exercises on stacks and two directions in other clothes, and wrong ones outside the catalogue."""

VARIANTS = {
    "deep.stacked_forward, all layers of a step before the next step": (
        "deep.stacked_forward",
        """
def stacked_forward(inp, start, K, U, R, bias):
    states, kept = list(start), []
    for t in range(inp.shape[1]):
        reads = inp[:, t]
        for l in range(len(states)):
            kernel = U[l - 1] if l else K
            states[l] = reads = np.tanh(np.dot(reads, kernel) + np.dot(states[l], R[l]) + bias[l])
        kept.append(np.array(states))
    return np.stack(kept, axis=2)
""",
    ),
    "deep.stacked_forward, a function of one layer, called again for the layers above": (
        "deep.stacked_forward",
        """
def one_layer(x, h0, W, V, b):
    projected = np.einsum("ntf,fu->ntu", x, W) + b
    out = np.empty_like(projected)
    h = h0
    for t in range(x.shape[1]):
        h = np.tanh(projected[:, t] + np.einsum("nk,ku->nu", h, V))
        out[:, t] = h
    return out

def stacked_forward(x, h0, Wx, Wu, Wh, b):
    lowest = one_layer(x, h0[0], Wx, Wh[0], b[0])[None]
    if len(h0) == 1:
        return lowest
    return np.concatenate([lowest, stacked_forward(lowest[0], h0[1:], Wu[0], Wu[1:], Wh[1:], b[1:])])
""",
    ),
    "deep.stacked_forward, one element at a time": (
        "deep.stacked_forward",
        """
import math

def stacked_forward(x, h0, Wx, Wu, Wh, b):
    (L, N, U), T = h0.shape, x.shape[1]
    h = np.zeros((L, N, T, U))
    for n in range(N):
        for t in range(T):
            for l in range(L):
                old = h0[l, n] if t == 0 else h[l, n, t - 1]
                below, kernel = (x[n, t], Wx) if l == 0 else (h[l - 1, n, t], Wu[l - 1])
                for j in range(U):
                    a = b[l, j] + sum(p * w for p, w in zip(below, kernel[:, j]))
                    h[l, n, t, j] = math.tanh(a + sum(p * w for p, w in zip(old, Wh[l, :, j])))
    return h
""",
    ),
    "deep.stacked_backward, steps outside and layers inside": (
        "deep.stacked_backward",
        """
def stacked_backward(dh, x, h0, Wx, Wu, Wh, b):
    h = stacked_forward(x, h0, Wx, Wu, Wh, b)
    L = len(h)
    dx, dWx, dWu, dWh, db = (np.zeros_like(a) for a in (x, Wx, Wu, Wh, b))
    carry = np.zeros_like(h0)
    for t in range(x.shape[1] - 1, -1, -1):
        down = 0.0
        for l in range(L - 1, -1, -1):
            before = h0[l] if t == 0 else h[l, :, t - 1]
            da = (dh[l, :, t] + carry[l] + down) * (1 - np.square(h[l, :, t]))
            carry[l] = np.dot(da, Wh[l].T)
            dWh[l] += np.dot(before.T, da)
            db[l] += np.sum(da, axis=0)
            if l > 0:
                dWu[l - 1] += np.dot(h[l - 1, :, t].T, da)
                down = np.dot(da, Wu[l - 1].T)
            else:
                dWx += np.dot(x[:, t].T, da)
                dx[:, t] = np.dot(da, Wx.T)
    return [dx, carry, dWx, dWu, dWh, db]
""",
    ),
    "deep.stacked_backward, sums over time at the end, einsum": (
        "deep.stacked_backward",
        """
def stacked_backward(up, x, start, K, U, R, bias):
    h = stacked_forward(x, start, K, U, R, bias)
    L, N, T, _ = h.shape
    before = np.concatenate([start[:, :, None], h[:, :, :-1]], axis=2)
    slope = 1 / np.cosh(np.arctanh(h)) ** 2
    da = np.zeros_like(h)
    dstart = np.zeros_like(start)
    for l in range(L)[::-1]:
        total = up[l] + (np.einsum("ntj,kj->ntk", da[l + 1], U[l]) if l + 1 < L else 0)
        back = np.zeros_like(start[l])
        for t in range(T)[::-1]:
            da[l, :, t] = (total[:, t] + back) * slope[l, :, t]
            back = np.einsum("nj,kj->nk", da[l, :, t], R[l])
        dstart[l] = back
    return (
        np.einsum("ntj,fj->ntf", da[0], K),
        dstart,
        np.einsum("ntf,ntj->fj", x, da[0]),
        np.einsum("lntk,lntj->lkj", h[:-1], da[1:]),
        np.einsum("lntk,lntj->lkj", before, da),
        np.einsum("lntj->lj", da),
    )
""",
    ),
    "deep.bidirectional, the whole batch at once with a mask": (
        "deep.bidirectional",
        """
def bidirectional(x, lengths, h0, Wx, Wh, b):
    T = x.shape[1]
    real = (np.arange(T)[None, :] < lengths[:, None])[:, :, None]
    halves = []
    for d, order in enumerate((range(T), range(T - 1, -1, -1))):
        h, found = h0[d], [None] * T
        for t in order:
            h = np.where(real[:, t], np.tanh(x[:, t] @ Wx[d] + h @ Wh[d] + b[d]), h)
            found[t] = h * real[:, t]
        halves.append(np.stack(found, axis=1))
    return np.concatenate(halves, axis=-1)
""",
    ),
    "deep.bidirectional, every sequence cut and turned around": (
        "deep.bidirectional",
        """
def read(x, h, W, V, bias):
    kept = []
    for row in x:
        h = np.tanh(row @ W + h @ V + bias)
        kept.append(h)
    return np.array(kept)

def bidirectional(x, lengths, h0, Wx, Wh, b):
    y = np.zeros(x.shape[:2] + (2 * h0.shape[2],))
    for n, steps in enumerate(lengths):
        own = x[n, :steps]
        there = read(own, h0[0, n], Wx[0], Wh[0], b[0])
        back = read(own[::-1], h0[1, n], Wx[1], Wh[1], b[1])[::-1]
        y[n, :steps] = np.hstack([there, back])
    return y
""",
    ),
    "deep.StackedRNN, one layer after the other": (
        "deep.StackedRNN",
        """
class StackedRNN(keras.Layer):
    def __init__(self, units, return_sequences=False, **kwargs):
        super().__init__(**kwargs)
        self.units = list(units)
        self.return_sequences = return_sequences
        self.supports_masking = True

    def build(self, input_shape):
        sizes = [input_shape[-1]] + list(self.units)
        pairs = list(zip(sizes[:-1], sizes[1:]))
        self.kernels = [
            self.add_weight(shape=pair, name="layer_%d_kernel" % (k + 1)) for k, pair in enumerate(pairs)
        ]
        self.recurrent_kernels = [
            self.add_weight(shape=(u, u), name="layer_%d_recurrent_kernel" % (k + 1), initializer="orthogonal")
            for k, (_, u) in enumerate(pairs)
        ]
        self.biases = [
            self.add_weight(shape=(u,), name="layer_%d_bias" % (k + 1), initializer="zeros")
            for k, (_, u) in enumerate(pairs)
        ]

    def call(self, inputs, mask=None, training=None):
        sequence = ops.unstack(inputs, axis=1)
        for W, V, b in zip(self.kernels, self.recurrent_kernels, self.biases):
            state, above = None, []
            for t, x in enumerate(sequence):
                a = x @ W + b
                if state is not None:
                    a = a + state @ V
                new = ops.tanh(a)
                if mask is not None:
                    keep = ops.expand_dims(ops.cast(mask[:, t], new.dtype), -1)
                    new = keep * new + (0.0 if state is None else (1 - keep) * state)
                state = new
                above.append(state)
            sequence = above
        return ops.stack(sequence, axis=1) if self.return_sequences else sequence[-1]

    def get_config(self):
        config = super().get_config()
        config.update(units=list(self.units), return_sequences=self.return_sequences)
        return config
""",
    ),
    "deep.StackedRNN, TensorFlow's own operations, a matrix for what is read and kept": (
        "deep.StackedRNN",
        """
import tensorflow as tf

class StackedRNN(keras.layers.Layer):
    def __init__(self, units, return_sequences=False, **kwargs):
        super().__init__(**kwargs)
        self.units = tuple(units)
        self.return_sequences = return_sequences
        self.supports_masking = True

    def compute_mask(self, inputs, previous_mask=None):
        return previous_mask if self.return_sequences else None

    def build(self, input_shape):
        below = input_shape[-1]
        self.kernels, self.recurrent_kernels, self.biases = (), (), ()
        for number, own in enumerate(self.units):
            prefix = f"layer_{number + 1}_"
            self.kernels += (self.add_weight(name=prefix + "kernel", shape=(below, own)),)
            self.recurrent_kernels += (self.add_weight(name=prefix + "recurrent_kernel", shape=(own, own), initializer="orthogonal"),)
            self.biases += (self.add_weight(name=prefix + "bias", shape=(own,), initializer="zeros"),)
            below = own
        self.built = True

    def call(self, inputs, mask=None):
        batch, states, kept = tf.shape(inputs)[0], [], []
        states = [tf.zeros((batch, u), self.compute_dtype) for u in self.units]
        for t in range(inputs.shape[1]):
            read, fresh = inputs[:, t], []
            for l in range(len(self.units)):
                both = tf.concat([read, states[l]], axis=1)
                W = tf.concat([tf.convert_to_tensor(self.kernels[l]), tf.convert_to_tensor(self.recurrent_kernels[l])], 0)
                read = tf.math.tanh(tf.linalg.matmul(both, W) + self.biases[l])
                fresh.append(read)
            if mask is None:
                states = fresh
            else:
                states = [tf.where(tf.cast(mask, bool)[:, t : t + 1], a, b) for a, b in zip(fresh, states)]
            kept.append(states[-1])
        if not self.return_sequences:
            return states[-1]
        return tf.stack(kept, 1)

    def get_config(self):
        return super().get_config() | {"return_sequences": self.return_sequences, "units": self.units}
""",
    ),
}

MADE_UP = [
    ("deep.stacked_forward", "np.tanh(below", "np.arctan(below"),
    ("deep.stacked_forward", "+ b[layer]", "- b[layer]"),
    ("deep.stacked_forward", "state @ Wh[layer]", "1.001 * state @ Wh[layer]"),
    ("deep.stacked_backward", "+ from_above[:, t]", "+ 2 * from_above[:, t]"),
    ("deep.stacked_backward", "dh0[layer] = carry", "dh0[layer] = 3 * carry"),
    ("deep.stacked_backward", "+ carry\n", "- carry\n"),
    ("deep.bidirectional", "state @ Wh[1]", "state @ Wh[1] * 1.01"),
    ("deep.bidirectional", "y[n, t, :units] = state", "y[n, t, :units] = -state"),
    ("deep.bidirectional", "y = np.zeros((batch, time, 2 * units))", "y = np.ones((batch, time, 2 * units))"),
    ("deep.StackedRNN", "state = ops.tanh(from_below", "state = ops.sin(from_below"),
    ("deep.StackedRNN", "below = state\n", "below = 0.9 * state\n"),
    (
        "deep.StackedRNN",
        "state = ops.where(mask[:, t, None], state, old)",
        "state = ops.where(mask[:, t, None], state, 0.5 * old)",
    ),
]
