"""Right answers to the exercises on convolution and attention, written otherwise, and wrong ones that no catalogue lists."""

VARIANTS = {
    "causal_convolution, one output at a time": (
        "compare.causal_convolution",
        """
def causal_convolution(x, kernel, bias):
    y = np.zeros((x.shape[0], x.shape[1], kernel.shape[2]))
    for n in range(x.shape[0]):
        for t in range(x.shape[1]):
            y[n, t] = bias
            for back in range(kernel.shape[0]):
                if t - back >= 0:
                    y[n, t] += kernel[-1 - back].T @ x[n, t - back]
    return y
""",
    ),
    "causal_convolution, windows and einsum": (
        "compare.causal_convolution",
        """
def causal_convolution(x, kernel, bias):
    width = kernel.shape[0]
    front = np.zeros((len(x), width - 1, x.shape[2]))
    windows = np.lib.stride_tricks.sliding_window_view(np.concatenate([front, x], axis=1), width, axis=1)
    return np.einsum("btfw,wfo->bto", windows, kernel) + bias
""",
    ),
    "causal_convolution, one matrix for the whole sequence": (
        "compare.causal_convolution",
        """
def causal_convolution(x, K, b):
    time, (width, features, filters) = x.shape[1], K.shape
    big = np.zeros((time, features, time, filters))
    for t in range(time):
        for s in range(max(0, t - width + 1), t + 1):
            big[s, :, t] = K[width - 1 - (t - s)]
    flat = x.reshape(len(x), -1) @ big.reshape(time * features, time * filters)
    return flat.reshape(len(x), time, filters) + b
""",
    ),
    "attention_forward, query by query": (
        "compare.attention_forward",
        """
import math

def attention_forward(q, k, v):
    y = np.zeros(v.shape)
    for n in range(len(q)):
        for t in range(q.shape[1]):
            e = [math.exp(q[n, t] @ k[n, s] / math.sqrt(q.shape[2])) for s in range(t + 1)]
            for s in range(t + 1):
                y[n, t] += e[s] / sum(e) * v[n, s]
    return y
""",
    ),
    "attention_forward, einsum and minus infinity": (
        "compare.attention_forward",
        """
def attention_forward(Q, K, V):
    S = np.einsum("bqd,bkd->bqk", Q, K) * Q.shape[2] ** -0.5
    S = S + np.where(np.tri(S.shape[1]) == 1, 0.0, -np.inf)
    W = np.exp(S - S.max(2, keepdims=True))
    return np.einsum("bqk,bkf->bqf", W / W.sum(2)[..., None], V)
""",
    ),
    "attention_forward, a running sum from left to right": (
        "compare.attention_forward",
        """
def attention_forward(q, k, v):
    weights = np.exp(np.matmul(q / np.sqrt(q.shape[2]), np.transpose(k, (0, 2, 1)))) * np.tril(np.ones((q.shape[1],) * 2))
    return np.stack([(w @ v) / w.sum(axis=2, keepdims=True) for w in np.split(weights, q.shape[1], axis=1)], axis=1)[:, :, 0]
""",
    ),
    "attention_backward, query by query with the Jacobian of softmax": (
        "compare.attention_backward",
        """
def attention_backward(dy, q, k, v):
    dq, dk, dv = np.zeros(q.shape), np.zeros(k.shape), np.zeros(v.shape)
    root = np.sqrt(q.shape[-1])
    for n in range(len(q)):
        for t in range(q.shape[1]):
            seen = slice(0, t + 1)
            e = np.exp(k[n, seen] @ q[n, t] / root)
            p = e / e.sum()
            dv[n, seen] += np.outer(p, dy[n, t])
            ds = (np.diag(p) - np.outer(p, p)) @ (v[n, seen] @ dy[n, t])
            dq[n, t] = k[n, seen].T @ ds / root
            dk[n, seen] += np.outer(ds, q[n, t]) / root
    return dq, dk, dv
""",
    ),
    "attention_backward, einsum, from the outputs": (
        "compare.attention_backward",
        """
def attention_backward(g, Q, K, V):
    T, d = Q.shape[1:]
    E = np.exp(np.einsum("bqd,bkd->bqk", Q, K) / d**0.5) * np.tri(T)
    P = E / E.sum(axis=2, keepdims=True)
    Y = np.einsum("bqk,bkf->bqf", P, V)
    D = P * (np.einsum("bqf,bkf->bqk", g, V) - np.einsum("bqf,bqf->bq", g, Y)[:, :, None]) / d**0.5
    return [np.einsum("bqk,bkd->bqd", D, K), np.einsum("bqk,bqd->bkd", D, Q), np.einsum("bqk,bqf->bkf", P, g)]
""",
    ),
    "AttentionBlock, operators for ops, weights made in a loop, a very large negative number": (
        "compare.AttentionBlock",
        """
class AttentionBlock(keras.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.supports_masking = True

    def build(self, input_shape):
        features = input_shape[-1]
        for name in ("query_kernel", "key_kernel", "value_kernel"):
            setattr(self, name, self.add_weight(name=name, shape=(features, self.units)))
        self.output_kernel = self.add_weight(name="output_kernel", shape=(self.units, features))
        self.bias = self.add_weight(name="bias", shape=(features,), initializer=keras.initializers.Zeros())

    def call(self, inputs, mask=None):
        q, k, v = inputs @ self.query_kernel, inputs @ self.key_kernel, inputs @ self.value_kernel
        time = inputs.shape[1]
        hidden = ops.cast(ops.triu(ops.ones((1, time, time)), 1), "bool")
        if mask is not None:
            hidden = ops.logical_or(hidden, ops.logical_not(ops.expand_dims(mask, 1)))
        scores = (q * self.units**-0.5) @ ops.transpose(k, (0, 2, 1))
        weights = keras.activations.softmax(ops.where(hidden, -1e30, scores))
        return inputs + ((weights @ v) @ self.output_kernel + self.bias)

    def get_config(self):
        return super().get_config() | {"units": self.units}
""",
    ),
    "AttentionBlock, TensorFlow's own operations, a penalty for what is hidden": (
        "compare.AttentionBlock",
        """
import tensorflow as tf

class AttentionBlock(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        features = input_shape[-1]
        self.query_kernel = self.add_weight(shape=(features, self.units), name="query_kernel")
        self.key_kernel = self.add_weight(shape=(features, self.units), name="key_kernel")
        self.value_kernel = self.add_weight(shape=(features, self.units), name="value_kernel")
        self.output_kernel = self.add_weight(shape=(self.units, features), name="output_kernel")
        self.bias = self.add_weight(shape=(features,), initializer="zeros", name="bias")
        self.built = True

    def call(self, inputs, mask=None):
        q = tf.einsum("btf,fu->btu", inputs, self.query_kernel)
        k = tf.einsum("btf,fu->btu", inputs, self.key_kernel)
        time = tf.shape(inputs)[1]
        scores = tf.einsum("bqu,bku->bqk", q, k) / tf.sqrt(tf.cast(self.units, inputs.dtype))
        scores -= 1e9 * (1 - tf.linalg.band_part(tf.ones((time, time), inputs.dtype), -1, 0))
        if mask is not None:
            scores -= 1e9 * (1 - tf.cast(mask, inputs.dtype)[:, tf.newaxis, :])
        p = tf.nn.softmax(scores)
        v = tf.einsum("btf,fu,uo->bto", inputs, self.value_kernel, self.output_kernel)
        return inputs + tf.matmul(p, v) + self.bias

    def get_config(self):
        config = super().get_config()
        config.update(units=self.units)
        return config
""",
    ),
    "path_length, receptive fields grown layer by layer": (
        "compare.path_length",
        """
def path_length(architecture, distance, width):
    if architecture == "recurrent":
        return len(range(0, distance + 1))
    if architecture == "attention":
        return 1
    hole, seen, layers = 1, 1, 0
    while seen < distance + 1:
        seen += (width - 1) * hole
        layers += 1
        if architecture == "dilated":
            hole *= width
    return layers
""",
    ),
    "path_length, a power that is large enough, floats returned": (
        "compare.path_length",
        """
def path_length(architecture, distance, width):
    return {
        "recurrent": 1.0 + distance,
        "attention": 1.0,
        "convolution": np.ceil(distance / (width - 1)),
        "dilated": float(min(n for n in range(60) if width**n > distance)),
    }[architecture]
""",
    ),
    "parameter_count, from the shapes of the weights": (
        "compare.parameter_count",
        """
def parameter_count(layer, features, units, width):
    shapes = {
        "elman": [(features, units), (units, units), (units,)],
        "lstm": [(features, 4 * units), (units, 4 * units), (4 * units,)],
        "gru": [(features, 3 * units), (units, 3 * units), (2, 3 * units)],
        "convolution": [(width, features, units), (units,)],
        "attention": 3 * [(features, units)] + [(units, features), (features,)],
    }
    return sum(np.prod(shape) for shape in shapes[layer])
""",
    ),
    "parameter_count, gate by gate": (
        "compare.parameter_count",
        """
def parameter_count(kind, n_in, n, k):
    affine = lambda rows, columns: rows * columns + columns
    if kind == "convolution":
        return affine(k * n_in, n)
    if kind == "attention":
        return 3 * n_in * n + affine(n, n_in)
    if kind == "gru":
        return 3 * (affine(n_in, n) + affine(n, n))
    return {"elman": 1, "lstm": 4}[kind] * affine(n_in + n, n)
""",
    ),
}

MADE_UP = [
    ("compare.causal_convolution", "return y + bias", "return y - bias"),
    ("compare.causal_convolution", "return y + bias", "return np.sin(y + bias)"),
    ("compare.causal_convolution", "@ kernel[j]", "@ kernel[(j + 1) % width]"),
    ("compare.attention_forward", "return p @ v", "return p @ v + v"),
    ("compare.attention_forward", "np.sqrt(q.shape[-1])", "np.cbrt(q.shape[-1])"),
    ("compare.attention_forward", "-1e9, scores", "-1.0, scores"),
    ("compare.attention_backward", "dv = p.swapaxes(1, 2) @ dy", "dv = -p.swapaxes(1, 2) @ dy"),
    ("compare.attention_backward", "dq = scale *", "dq = 2 * scale *"),
    ("compare.attention_backward", "(dp - (p * dp).sum(", "(dp + (p * dp).sum("),
    ("compare.AttentionBlock", "return inputs + y + self.bias", "return inputs - y + self.bias"),
    ("compare.AttentionBlock", "self.units**0.5", "self.units**0.25"),
    ("compare.AttentionBlock", "return inputs + y + self.bias", "return ops.relu(inputs + y + self.bias)"),
    ("compare.path_length", "return distance + 1", "return distance + 2"),
    ("compare.path_length", "return depth", "return 2 * depth"),
    ("compare.parameter_count", "4 * features * units + features", "5 * features * units + features"),
    ("compare.parameter_count", "3 * units * (features + units + 2)", "3 * units * (2 * features + units + 2)"),
]
