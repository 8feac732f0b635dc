"""Right answers to the exercises of the language model, written otherwise, and wrong ones that no catalogue lists."""

VARIANTS = {
    "embedding_forward, a loop over words": (
        "rnnlm.embedding_forward",
        """
def embedding_forward(words, E):
    x = np.empty(words.shape + (E.shape[1],))
    for n in range(words.shape[0]):
        for t in range(words.shape[1]):
            x[n, t] = E[words[n, t]]
    return x
""",
    ),
    "embedding_forward, one-hot vectors times the table": (
        "rnnlm.embedding_forward",
        """
def embedding_forward(ids, table):
    one_hot = (ids[:, :, None] == np.arange(len(table))).astype(float)
    return one_hot @ table
""",
    ),
    "embedding_forward, take": (
        "rnnlm.embedding_forward",
        """
embedding_forward = lambda ids, table: np.take(table, ids, axis=0)
""",
    ),
    "embedding_backward, a loop with +=": (
        "rnnlm.embedding_backward",
        """
def embedding_backward(dx, ids, table):
    grad = np.zeros(table.shape)
    for n, t in np.ndindex(ids.shape):
        grad[ids[n, t]] += dx[n, t]
    return grad
""",
    ),
    "embedding_backward, one-hot vectors and einsum": (
        "rnnlm.embedding_backward",
        """
def embedding_backward(up, words, E):
    return np.einsum("btv,btu->vu", np.eye(E.shape[0])[words], up)
""",
    ),
    "embedding_backward, row by row with a mask": (
        "rnnlm.embedding_backward",
        """
def embedding_backward(dx, ids, table):
    return np.array([dx[ids == word].sum(axis=0) for word in range(len(table))])
""",
    ),
    "embedding_backward, bincount by column": (
        "rnnlm.embedding_backward",
        """
def embedding_backward(dx, ids, table):
    flat = ids.reshape(-1)
    columns = [np.bincount(flat, weights=dx[..., j].reshape(-1), minlength=len(table)) for j in range(table.shape[1])]
    return np.stack(columns, axis=1)
""",
    ),
    "affine_forward, a loop over time": (
        "rnnlm.affine_forward",
        """
def affine_forward(h, V, c):
    scores = []
    for t in range(h.shape[1]):
        scores.append(h[:, t].dot(V) + c)
    return np.stack(scores, axis=1)
""",
    ),
    "affine_forward, the bias as a row of the kernel": (
        "rnnlm.affine_forward",
        """
def affine_forward(h, W, b):
    ones = np.ones(h.shape[:2] + (1,))
    return np.concatenate([h, ones], axis=2) @ np.vstack([W, b])
""",
    ),
    "affine_backward, batch and time merged": (
        "rnnlm.affine_backward",
        """
def affine_backward(dscores, h, W, b):
    d = dscores.reshape(-1, dscores.shape[-1])
    flat = h.reshape(-1, h.shape[-1])
    return (d @ W.T).reshape(h.shape), flat.T @ d, d.sum(axis=0)
""",
    ),
    "affine_backward, accumulated step by step": (
        "rnnlm.affine_backward",
        """
def affine_backward(g, h, W, b):
    dh, dW, db = np.zeros(h.shape), np.zeros(W.shape), np.zeros(b.shape)
    for t in reversed(range(h.shape[1])):
        dh[:, t] = np.einsum("nv,uv->nu", g[:, t], W)
        dW += h[:, t].T @ g[:, t]
        db += np.ones(len(h)) @ g[:, t]
    return [dh, dW, db]
""",
    ),
    "softmax_loss, token by token": (
        "rnnlm.softmax_loss",
        """
def softmax_loss(scores, targets, mask):
    total, tokens = 0.0, 0
    for n, t in np.ndindex(targets.shape):
        if mask[n, t]:
            shifted = scores[n, t] - max(scores[n, t])
            total += np.log(sum(np.exp(shifted))) - shifted[targets[n, t]]
            tokens += 1
    return total / tokens
""",
    ),
    "softmax_loss, logaddexp and a product with the mask": (
        "rnnlm.softmax_loss",
        """
def softmax_loss(scores, targets, mask):
    n, t = np.indices(targets.shape)
    nll = np.logaddexp.reduce(scores, axis=2) - scores[n, t, targets]
    return np.sum(nll * mask) / np.count_nonzero(mask)
""",
    ),
    "softmax_loss, one-hot targets, weights that add up to 1, an array returned": (
        "rnnlm.softmax_loss",
        """
def log_probabilities(a):
    a = a - np.amax(a, axis=-1)[..., None]
    return a - np.log(np.sum(np.exp(a), axis=-1))[..., None]

def softmax_loss(scores, targets, mask):
    weights = mask.astype(float) / mask.astype(float).sum()
    return np.array(-np.einsum("bt,btv,btv->", weights, np.eye(scores.shape[2])[targets], log_probabilities(scores)))
""",
    ),
    "softmax_loss_backward, only tokens that count, token by token": (
        "rnnlm.softmax_loss_backward",
        """
def softmax_loss_backward(dloss, scores, targets, mask):
    grad = np.zeros(scores.shape)
    for n, t in zip(*np.nonzero(mask)):
        e = np.exp(scores[n, t] - scores[n, t].max())
        grad[n, t] = e / e.sum()
        grad[n, t, targets[n, t]] -= 1
    return grad * float(dloss) / mask.sum()
""",
    ),
    "softmax_loss_backward, through the Jacobian of softmax": (
        "rnnlm.softmax_loss_backward",
        """
def softmax_loss_backward(dloss, scores, targets, mask):
    e = np.exp(scores - scores.max(-1, keepdims=True))
    p = e / e.sum(-1, keepdims=True)
    hot = np.eye(p.shape[-1])[targets]
    dp = -hot / p * (mask / mask.sum())[..., None] * dloss  # dL/dp
    jacobian = p[..., :, None] * np.eye(p.shape[-1]) - p[..., :, None] * p[..., None, :]
    return np.einsum("btij,btj->bti", jacobian, dp)
""",
    ),
    "softmax_loss_backward, put_along_axis": (
        "rnnlm.softmax_loss_backward",
        """
def softmax_loss_backward(d, s, w, m):
    g = np.exp(s - np.logaddexp.reduce(s, axis=-1, keepdims=True))
    at = w[..., None]
    np.put_along_axis(g, at, np.take_along_axis(g, at, axis=-1) - 1, axis=-1)
    g[~m] = 0
    g *= d / np.sum(m)
    return g
""",
    ),
    "perplexity, np.average": (
        "rnnlm.perplexity",
        """
def perplexity(losses, counts):
    return np.exp(np.average(losses, weights=counts))
""",
    ),
    "perplexity, a loop, in bits": (
        "rnnlm.perplexity",
        """
import math

def perplexity(losses, counts):
    bits, tokens = 0.0, 0
    for loss, count in zip(losses, counts):
        bits += loss / math.log(2) * count
        tokens += count
    return 2 ** (bits / tokens)
""",
    ),
    "perplexity, the geometric mean of perplexities": (
        "rnnlm.perplexity",
        """
def perplexity(losses, counts):
    return np.prod(np.exp(losses) ** (counts / counts.sum()))
""",
    ),
    "stream_batches, a loop over blocks": (
        "rnnlm.stream_batches",
        """
def stream_batches(ids, batch, time):
    length = len(ids) // batch
    rows = np.array([ids[b * length : (b + 1) * length] for b in range(batch)])
    inputs, targets = [], []
    for start in range(0, length, time):
        if start + time + 1 > length:
            break
        inputs.append(rows[:, start : start + time])
        targets.append(rows[:, start + 1 : start + time + 1])
    return np.array(inputs), np.array(targets)
""",
    ),
    "stream_batches, an array of places": (
        "rnnlm.stream_batches",
        """
def stream_batches(text, batch, time):
    L = text.size // batch
    k, b, t = np.ogrid[: (L - 1) // time, :batch, :time]
    places = b * L + k * time + t
    return [text[places], text[places + 1]]
""",
    ),
    "sample, minus infinity for words that go, a loop over the pieces": (
        "rnnlm.sample",
        """
def sample(scores, temperature, top_k, u):
    kept = scores.astype(float).copy()
    if top_k > 0:
        ranked = sorted(range(len(scores)), key=lambda word: (-scores[word], word))
        kept[ranked[top_k:]] = -np.inf
    kept = np.exp((kept - kept.max()) / temperature)
    kept /= kept.sum()
    end = 0.0
    for word, p in enumerate(kept):
        end += p
        if u < end:
            return word
    return int(np.flatnonzero(kept)[-1])
""",
    ),
    "sample, argmax of the running sum, a NumPy integer": (
        "rnnlm.sample",
        """
def sample(scores, temperature, top_k, u):
    ids = np.arange(scores.size)
    best = np.lexsort((ids, -scores))[: top_k or None]
    log_p = np.full(scores.size, -np.inf)
    log_p[best] = scores[best] / temperature
    log_p -= np.logaddexp.reduce(log_p)
    return np.argmax(np.cumsum(np.exp(log_p)) > u)
""",
    ),
    "sample, u scaled instead of the weights": (
        "rnnlm.sample",
        """
import bisect, itertools

def sample(s, T, k, u):
    words = np.sort(np.argsort(-s, kind="mergesort")[: k if k else len(s)])
    running = list(itertools.accumulate(np.exp((s[words] - np.max(s)) / T)))
    return int(words[bisect.bisect_right(running, u * running[-1])])
""",
    ),
    "RNNLM, cells under keras.layers.RNN, a mask made by hand": (
        "rnnlm.RNNLM",
        """
from keras import ops

class RNNLM(keras.Model):
    def __init__(self, vocabulary, embedding, units, cell="lstm", stateful=False, mask_zero=False, **kwargs):
        super().__init__(**kwargs)
        self.sizes = (vocabulary, embedding, units)
        if isinstance(cell, dict):
            cell = keras.saving.deserialize_keras_object(cell)
        self.kind, self.carry, self.pad = cell, stateful, mask_zero
        self.supports_masking = True

    def build(self, shape):
        vocabulary, embedding, units = self.sizes
        kinds = {"elman": keras.layers.SimpleRNNCell, "gru": keras.layers.GRUCell, "lstm": keras.layers.LSTMCell}
        cell = self.kind
        if isinstance(cell, str):
            cell = kinds[cell](units, dtype=self.dtype)
        self.embedding_layer = keras.layers.Embedding(vocabulary, embedding, dtype=self.dtype)
        self.recurrent_layer = keras.layers.RNN(cell, return_sequences=True, stateful=self.carry, dtype=self.dtype)
        self.output_layer = keras.layers.Dense(vocabulary, dtype=self.dtype)
        self.embedding_layer.build(shape)
        self.recurrent_layer.build(tuple(shape) + (embedding,))
        self.output_layer.build(tuple(shape) + (units,))

    def call(self, ids, mask=None):
        if mask is None and self.pad:
            mask = ops.not_equal(ids, 0)
        return self.output_layer(self.recurrent_layer(self.embedding_layer(ids), mask=mask))

    def reset_state(self):
        if self.carry and self.built:
            for state in self.recurrent_layer.states:
                state.assign(ops.zeros_like(state))

    def get_config(self):
        config = super().get_config()
        config.update(zip(("vocabulary", "embedding", "units"), self.sizes))
        cell = self.kind if isinstance(self.kind, str) else keras.saving.serialize_keras_object(self.kind)
        return dict(config, cell=cell, stateful=self.carry, mask_zero=self.pad)
""",
    ),
    "RNNLM, layers made in the constructor": (
        "rnnlm.RNNLM",
        """
from keras import ops

class RNNLM(keras.Model):
    def __init__(self, vocabulary, embedding, units, cell="lstm", stateful=False, mask_zero=False, **kwargs):
        super().__init__(**kwargs)
        if isinstance(cell, dict):
            cell = keras.saving.deserialize_keras_object(cell)
        self.supports_masking = True
        self.options = dict(vocabulary=vocabulary, embedding=embedding, units=units, stateful=stateful, mask_zero=mask_zero)
        self.cell = cell
        p = self.dtype_policy
        self.embedding_layer = keras.layers.Embedding(vocabulary, embedding, mask_zero=mask_zero, dtype=p)
        more = dict(return_sequences=True, stateful=stateful, dtype=p)
        if cell == "elman":
            self.recurrent_layer = keras.layers.SimpleRNN(units, **more)
        elif cell == "gru":
            self.recurrent_layer = keras.layers.GRU(units, **more)
        elif cell == "lstm":
            self.recurrent_layer = keras.layers.LSTM(units, **more)
        else:
            self.recurrent_layer = keras.layers.RNN(cell, **more)
        self.output_layer = keras.layers.Dense(vocabulary, dtype=p)

    def build(self, input_shape):
        batch, time = input_shape
        self.embedding_layer.build((batch, time))
        self.recurrent_layer.build((batch, time, self.options["embedding"]))
        self.output_layer.build((batch, time, self.options["units"]))

    def call(self, ids, mask=None):
        x = self.embedding_layer(ids)
        h = self.recurrent_layer(x) if mask is None else self.recurrent_layer(x, mask=mask)
        return self.output_layer(h)

    def reset_state(self):
        self.recurrent_layer.reset_state()

    def get_config(self):
        cell = self.cell if isinstance(self.cell, str) else keras.layers.serialize(self.cell)
        return {**super().get_config(), **self.options, "cell": cell}
""",
    ),
    "RNNLM, states kept by the model itself": (
        "rnnlm.RNNLM",
        """
from keras import ops

class RNNLM(keras.Model):
    def __init__(self, vocabulary, embedding, units, cell="lstm", stateful=False, mask_zero=False, **kwargs):
        super().__init__(**kwargs)
        self.cell = keras.saving.deserialize_keras_object(cell) if isinstance(cell, dict) else cell
        self.vocabulary, self.embedding, self.units = vocabulary, embedding, units
        self.stateful, self.mask_zero, self.supports_masking = stateful, mask_zero, True

    def build(self, input_shape):
        cell = {
            "elman": keras.layers.SimpleRNNCell, "gru": keras.layers.GRUCell, "lstm": keras.layers.LSTMCell
        }[self.cell](self.units, dtype=self.dtype_policy) if isinstance(self.cell, str) else self.cell
        self.embedding_layer = keras.layers.Embedding(self.vocabulary, self.embedding, dtype=self.dtype_policy)
        self.recurrent_layer = keras.layers.RNN(cell, return_sequences=True, return_state=True, dtype=self.dtype_policy)
        self.output_layer = keras.layers.Dense(self.vocabulary, dtype=self.dtype_policy)
        self.embedding_layer.build(input_shape)
        self.recurrent_layer.build(tuple(input_shape) + (self.embedding,))
        self.output_layer.build(tuple(input_shape) + (self.units,))
        self.carried = []
        if self.stateful:
            for state in self.recurrent_layer.get_initial_state(input_shape[0]):
                self.carried.append(self.add_weight(shape=state.shape, initializer="zeros", trainable=False))

    def call(self, ids, mask=None):
        if mask is None and self.mask_zero:
            mask = ids != 0
        start = [ops.convert_to_tensor(state) for state in self.carried] if self.stateful else None
        h, *states = self.recurrent_layer(self.embedding_layer(ids), mask=mask, initial_state=start)
        for variable, state in zip(self.carried, states):
            variable.assign(state)
        return self.output_layer(h)

    def reset_state(self):
        for variable in getattr(self, "carried", []):
            variable.assign(ops.zeros_like(variable))

    def get_config(self):
        cell = self.cell if isinstance(self.cell, str) else keras.saving.serialize_keras_object(self.cell)
        return {
            **super().get_config(), "vocabulary": self.vocabulary, "embedding": self.embedding, "units": self.units,
            "cell": cell, "stateful": self.stateful, "mask_zero": self.mask_zero,
        }
""",
    ),
}

MADE_UP = [
    ("rnnlm.embedding_forward", "return table[ids]", "return 2 * table[ids]"),
    ("rnnlm.embedding_forward", "return table[ids]", "return table[ids][:, ::-1]"),
    ("rnnlm.embedding_backward", "np.add.at(dtable, ids, dx)", "np.maximum.at(dtable, ids, dx)"),
    ("rnnlm.embedding_backward", "np.add.at(dtable, ids, dx)", "np.add.at(dtable, ids, dx**2)"),
    ("rnnlm.affine_forward", "h @ W + b", "h @ W - b"),
    ("rnnlm.affine_forward", "h @ W + b", "np.maximum(h @ W + b, 0)"),
    ("rnnlm.affine_backward", "dh = dscores @ W.T", "dh = -dscores @ W.T"),
    ("rnnlm.affine_backward", "db = dscores.sum(axis=(0, 1))", "db = 2 * dscores.sum(axis=(0, 1))"),
    ("rnnlm.softmax_loss", "np.exp(shifted)", "np.exp(2 * shifted)"),
    # no shift, and a quotient of exponentials: not a number, which could have any cause
    (
        "rnnlm.softmax_loss",
        "log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))",
        "log_p = np.log(np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True))",
    ),
    ("rnnlm.softmax_loss", "surprise[mask].mean()", "np.median(surprise[mask]) + 1"),
    ("rnnlm.softmax_loss", "surprise[mask].mean()", "surprise[mask].sum() / (mask.sum() - 1)"),
    ("rnnlm.softmax_loss_backward", "(p - one_hot)", "(p - one_hot) ** 2"),
    ("rnnlm.softmax_loss_backward", "(p - one_hot)", "(p - 2 * one_hot)"),
    ("rnnlm.softmax_loss_backward", "scores - scores.max(axis=-1, keepdims=True)", "scores"),  # not a number either
    ("rnnlm.perplexity", "np.exp(total / counts.sum())", "np.exp(total / counts.sum()) - 1"),
    ("rnnlm.perplexity", "np.exp(total / counts.sum())", "np.exp(np.median(losses)) + 1"),
    ("rnnlm.stream_batches", "ids[: batch * length]", "ids[: batch * length][::-1]"),
    ("rnnlm.stream_batches", "return inputs.swapaxes(0, 1)", "return inputs.swapaxes(0, 1)[::-1]"),
    ("rnnlm.sample", "scores[kept].max()) / temperature", "scores[kept].max()) / temperature / 3"),
    ("rnnlm.sample", "p = weights / weights.sum()", "p = (weights + 0.1) / (weights + 0.1).sum()"),
    ("rnnlm.sample", "np.searchsorted(np.cumsum(p), u, side", "np.searchsorted(np.cumsum(p), u**2, side"),
    ("rnnlm.RNNLM", "self.output_layer(h)", "2 * self.output_layer(h)"),
    ("rnnlm.RNNLM", "self.output_layer(h)", "self.output_layer(keras.ops.relu(h))"),
    ("rnnlm.RNNLM", '"mask_zero": self.mask_zero,', '"mask_zero": True,'),
    ("rnnlm.RNNLM", '"gru": keras.layers.GRU,', '"gru": keras.layers.LSTM,'),
]
