"""Right answers to the word2vec exercises in other clothes, and wrong ones that no catalogue lists."""

VARIANTS = {
    "context_windows, sliding windows with the middle column taken out": (
        "word2vec.context_windows",
        """
def context_windows(tokens, size):
    windows = np.lib.stride_tricks.sliding_window_view(tokens, 2 * size + 1)
    return np.delete(windows, size, axis=1), windows[:, size]
""",
    ),
    "context_windows, one column per offset": (
        "word2vec.context_windows",
        """
def context_windows(text, radius):
    text = np.asarray(text)
    stop = len(text) - radius
    offsets = [o for o in range(-radius, radius + 1) if o]
    columns = [text[radius + o : stop + o] for o in offsets]
    return np.column_stack(columns), text[radius:stop].copy()
""",
    ),
    "context_windows, plain lists": (
        "word2vec.context_windows",
        """
def context_windows(tokens, size):
    words = tokens.tolist()
    pairs = []
    for middle, word in enumerate(words):
        if middle - size < 0 or middle + size >= len(words):
            continue
        pairs.append(([words[middle + o] for o in range(-size, size + 1) if o != 0], word))
    return np.array([c for c, _ in pairs]), np.array([w for _, w in pairs])
""",
    ),
    "embedding_backward, product with a one-hot table": (
        "word2vec.embedding_backward",
        """
def embedding_backward(dvectors, indices, vocabulary):
    one_hot = np.eye(vocabulary)[indices]
    return np.einsum("bpv,bpu->vu", one_hot, dvectors)
""",
    ),
    "embedding_backward, one lookup after the other": (
        "word2vec.embedding_backward",
        """
def embedding_backward(upstream, places, rows):
    out = np.zeros((rows, upstream.shape[2]))
    for n in range(places.shape[0]):
        for c in range(places.shape[1]):
            out[places[n, c]] += upstream[n, c]
    return out
""",
    ),
    "embedding_backward, one word after the other": (
        "word2vec.embedding_backward",
        """
def embedding_backward(dvectors, indices, vocabulary):
    return np.stack([dvectors[indices == word].sum(axis=0) for word in range(vocabulary)])
""",
    ),
    "embedding_backward, bincount for each unit": (
        "word2vec.embedding_backward",
        """
def embedding_backward(dvectors, indices, vocabulary):
    flat = indices.ravel()
    columns = [np.bincount(flat, weights=column, minlength=vocabulary) for column in dvectors.reshape(len(flat), -1).T]
    return np.transpose(columns)
""",
    ),
    "cbow_forward, one example at a time": (
        "word2vec.cbow_forward",
        """
def cbow_forward(contexts, targets, W_in, W_out):
    losses = np.zeros(len(targets))
    for n, (context, target) in enumerate(zip(contexts, targets)):
        h = sum(W_in[word] for word in context) / len(context)
        scores = [h @ row for row in W_out]
        losses[n] = np.log(sum(np.exp(score) for score in scores)) - scores[target]
    return losses
""",
    ),
    "cbow_forward, one-hot products": (
        "word2vec.cbow_forward",
        """
def cbow_forward(contexts, targets, V, U):
    words = np.eye(len(V))
    scores = words[contexts].sum(1) @ V @ U.T / contexts.shape[1]
    return np.logaddexp.reduce(scores, axis=1) - (scores * words[targets]).sum(1)
""",
    ),
    "cbow_backward, one example at a time": (
        "word2vec.cbow_backward",
        """
def cbow_backward(dloss, contexts, targets, W_in, W_out):
    dW_in, dW_out = np.zeros(W_in.shape), np.zeros(W_out.shape)
    for n in range(len(targets)):
        h = np.mean([W_in[word] for word in contexts[n]], axis=0)
        e = np.exp(W_out @ h)
        g = e / e.sum()
        g[targets[n]] -= 1
        g *= dloss[n]
        dW_out += np.outer(g, h)
        for word in contexts[n]:
            dW_in[word] += W_out.T @ g / len(contexts[n])
    return dW_in, dW_out
""",
    ),
    "cbow_backward, through embedding_backward": (
        "word2vec.cbow_backward",
        """
def cbow_backward(dloss, contexts, targets, W_in, W_out):
    h = W_in[contexts].mean(1)
    p = softmax(h @ W_out.T)
    delta = (p - np.eye(len(W_out))[targets]) * dloss[:, None]
    shares = np.repeat((delta @ W_out / contexts.shape[1])[:, None, :], contexts.shape[1], axis=1)
    return embedding_backward(shares, contexts, len(W_in)), np.einsum("nv,nu->vu", delta, h)
""",
    ),
    "cbow_backward, a table of how often each word stands in each context": (
        "word2vec.cbow_backward",
        """
def cbow_backward(dloss, contexts, targets, V, U):
    often = (contexts[:, :, np.newaxis] == np.arange(len(V))).mean(axis=1)
    h = often @ V
    error = softmax(h @ U.T) - (targets[:, np.newaxis] == np.arange(len(U)))
    error = np.diag(dloss) @ error
    return [often.T @ (error @ U), error.T @ h]
""",
    ),
    "noise_distribution, by logarithms": (
        "word2vec.noise_distribution",
        """
def noise_distribution(counts, power=0.75):
    return softmax(power * np.log(counts))
""",
    ),
    "noise_distribution, frequencies first, normalised at the end": (
        "word2vec.noise_distribution",
        """
def noise_distribution(counts, exponent=3 / 4):
    frequencies = counts / counts.sum()
    raised = np.array([f**exponent for f in frequencies])
    return raised / np.linalg.norm(raised, ord=1)
""",
    ),
    "negative_sampling_forward, one example at a time": (
        "word2vec.negative_sampling_forward",
        """
def negative_sampling_forward(h, targets, negatives, W_out):
    losses = []
    for n in range(len(h)):
        loss = np.log(1 + np.exp(-h[n] @ W_out[targets[n]]))
        for word in negatives[n]:
            if word != targets[n]:
                loss += np.log(1 + np.exp(h[n] @ W_out[word]))
        losses.append(loss)
    return np.array(losses)
""",
    ),
    "negative_sampling_forward, scores of all words, then a gather": (
        "word2vec.negative_sampling_forward",
        """
def negative_sampling_forward(h, targets, negatives, U):
    scores = h @ U.T
    good = np.take_along_axis(scores, targets[:, None], axis=1)
    bad = np.take_along_axis(scores, negatives, axis=1)
    bad[negatives == targets[:, None]] = -np.inf
    return np.logaddexp(0, np.concatenate([-good, bad], axis=1)).sum(axis=1)
""",
    ),
    "negative_sampling_forward, labels and a cross-entropy": (
        "word2vec.negative_sampling_forward",
        """
def negative_sampling_forward(h, targets, negatives, W_out):
    words = np.hstack([targets[:, None], negatives])
    labels = np.zeros(words.shape)
    labels[:, 0] = 1
    q = sigmoid((W_out[words] @ h[:, :, None])[:, :, 0])
    terms = labels * np.log(q) + (1 - labels) * np.log(1 - q)
    terms[:, 1:] *= negatives != targets[:, None]
    return -terms.sum(axis=1)
""",
    ),
    "negative_sampling_backward, one example at a time": (
        "word2vec.negative_sampling_backward",
        """
def negative_sampling_backward(dloss, h, targets, negatives, W_out):
    dh, dW_out = np.zeros(h.shape), np.zeros(W_out.shape)
    for n, target in enumerate(targets):
        words = [(target, 1.0)] + [(word, 0.0) for word in negatives[n] if word != target]
        for word, label in words:
            error = dloss[n] * (1 / (1 + np.exp(-h[n] @ W_out[word])) - label)
            dh[n] += error * W_out[word]
            dW_out[word] += error * h[n]
    return dh, dW_out
""",
    ),
    "negative_sampling_backward, a dense table of errors": (
        "word2vec.negative_sampling_backward",
        """
def negative_sampling_backward(dloss, h, targets, negatives, U):
    words = np.eye(len(U))
    target = words[targets]
    drawn = words[negatives].sum(axis=1) * (1 - target)
    s = sigmoid(h @ U.T)
    error = dloss[:, None] * (drawn * s - target * (1 - s))
    return error @ U, error.T @ h
""",
    ),
    "negative_sampling_backward, through embedding_backward": (
        "word2vec.negative_sampling_backward",
        """
def negative_sampling_backward(dloss, h, targets, negatives, W_out):
    words = np.concatenate([targets[:, None], negatives], axis=1)
    labels = np.arange(words.shape[1]) == 0
    weight = np.where(labels | (words != targets[:, None]), 1.0, 0.0) * dloss[:, None]
    vectors = W_out[words]
    error = weight * (sigmoid(np.squeeze(vectors @ h[..., None], -1)) - labels)
    dW_out = embedding_backward(error[..., None] * h[:, None, :], words, len(W_out))
    return (error[..., None] * vectors).sum(axis=1), dW_out
""",
    ),
    "CBOW, tables made in the constructor, a matmul with the weights of a mean": (
        "word2vec.CBOW",
        """
class CBOW(keras.Layer):
    def __init__(self, vocabulary_size, units, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size, self.units = vocabulary_size, units
        for name, start in (("input_embeddings", "random_normal"), ("output_embeddings", "zeros")):
            setattr(self, name, self.add_weight(name=name, shape=(vocabulary_size, units), initializer=start))

    def call(self, contexts):
        often = ops.mean(ops.one_hot(contexts, self.vocabulary_size, dtype=self.compute_dtype), axis=1)
        return often @ self.input_embeddings @ ops.transpose(self.output_embeddings)

    def get_config(self):
        config = super().get_config()
        config.update(units=self.units, vocabulary_size=self.vocabulary_size)
        return config
""",
    ),
    "CBOW, TensorFlow's own operations": (
        "word2vec.CBOW",
        """
import tensorflow as tf

class CBOW(keras.layers.Layer):
    def __init__(self, vocabulary_size, units, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.units = units

    def build(self, shape):
        both = (self.vocabulary_size, self.units)
        self.output_embeddings = self.add_weight(both, initializer=keras.initializers.Zeros(), name="output_embeddings")
        self.input_embeddings = self.add_weight(both, name="input_embeddings")
        super().build(shape)

    def call(self, inputs, training=None):
        found = tf.gather(self.input_embeddings, inputs)
        total = tf.reduce_sum(found, axis=1) / tf.cast(tf.shape(inputs)[1], found.dtype)
        return tf.linalg.matmul(total, tf.convert_to_tensor(self.output_embeddings), transpose_b=True)

    def get_config(self):
        return super().get_config() | {"units": self.units, "vocabulary_size": self.vocabulary_size}
""",
    ),
    "SkipGram, products of everything and a gather": (
        "word2vec.SkipGram",
        """
class SkipGram(keras.Layer):
    def __init__(self, vocabulary_size, units, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.units = units

    def build(self, centers_shape, words_shape):
        for name, start in (("input_embeddings", "uniform"), ("output_embeddings", "zeros")):
            weight = self.add_weight(name=name, shape=(self.vocabulary_size, self.units), initializer=start)
            setattr(self, name, weight)

    def call(self, centers, words):
        scores = ops.matmul(ops.take(self.input_embeddings, centers, axis=0), ops.transpose(self.output_embeddings))
        return ops.take_along_axis(scores, words, axis=1)

    def get_config(self):
        return dict(super().get_config(), vocabulary_size=self.vocabulary_size, units=self.units)
""",
    ),
    "SkipGram, a product and a sum, other argument names": (
        "word2vec.SkipGram",
        """
class SkipGram(keras.layers.Layer):
    def __init__(self, vocabulary_size, units, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.units = units
        shape = [vocabulary_size, units]
        self.input_embeddings = self.add_weight(shape=shape, initializer="glorot_uniform", name="input_embeddings")
        self.output_embeddings = self.add_weight(shape=shape, initializer="zeros", name="output_embeddings")

    def call(self, middle, others):
        left = ops.take(self.input_embeddings, ops.expand_dims(middle, -1), axis=0)
        return ops.sum(left * ops.take(self.output_embeddings, others, axis=0), axis=-1)

    def get_config(self):
        return {"vocabulary_size": self.vocabulary_size, "units": self.units, **super().get_config()}
""",
    ),
    "analogy, Euclidean distance between unit vectors": (
        "word2vec.analogy",
        """
def analogy(a, b, c, W, k):
    unit = np.array([row / np.sqrt(row @ row) for row in W])
    sought = unit[b] - unit[a] + unit[c]
    sought = sought / np.sqrt(sought @ sought)
    distance = ((unit - sought) ** 2).sum(axis=1)
    ranked = [word for word in np.argsort(distance) if word not in (a, b, c)]
    return np.array(ranked[:k])
""",
    ),
    "analogy, a sorted list": (
        "word2vec.analogy",
        """
def analogy(first, second, third, vectors, k):
    lengths = np.sqrt(np.sum(vectors**2, axis=1))
    V = (vectors.T / lengths).T
    sought = V[third] + V[second] - V[first]
    words = sorted(set(range(len(V))) - {first, second, third}, key=lambda word: V[word] @ sought, reverse=True)
    return np.asarray(words, dtype=np.int32)[:k]
""",
    ),
}

MADE_UP = [
    ("word2vec.context_windows", "targets.append(tokens[t])", "targets.append(tokens[t - 1])"),
    ("word2vec.context_windows", "np.array(contexts), ", "np.sort(np.array(contexts), axis=1), "),
    ("word2vec.embedding_backward", "np.add.at(dW, indices, dvectors)", "np.add.at(dW, indices - 1, dvectors)"),
    ("word2vec.embedding_backward", "np.add.at(dW, indices, dvectors)", "np.maximum.at(dW, indices, dvectors)"),
    ("word2vec.cbow_forward", "mean(axis=1)", "max(axis=1)"),
    ("word2vec.cbow_forward", "h @ W_out.T", "0.99 * h @ W_out.T"),
    ("word2vec.cbow_backward", "dW_out = dscores.T @ h", "dW_out = 2 * dscores.T @ h"),
    ("word2vec.cbow_backward", "targets] -= 1", "targets] -= 0.5"),
    ("word2vec.noise_distribution", "weights.sum()", "weights.mean()"),
    ("word2vec.noise_distribution", "weights = counts**power", "weights = 1 + counts**power"),
    ("word2vec.negative_sampling_forward", "(kept * np.log(sigmoid(-negative)))", "(kept * np.tanh(negative))"),
    ("word2vec.negative_sampling_forward", "-np.log(sigmoid(positive))", "-2 * np.log(sigmoid(positive))"),
    ("word2vec.negative_sampling_backward", "return dh, dW_out", "return 2 * dh, dW_out"),
    ("word2vec.negative_sampling_backward", "(sigmoid(positive) - 1)", "(sigmoid(positive) - 2)"),
    ("word2vec.CBOW", "ops.mean(vectors, axis=1)", "ops.max(vectors, axis=1)"),
    ("word2vec.SkipGram", 'return ops.einsum("nu,nku->nk", h, u)', 'return 2 * ops.einsum("nu,nku->nk", h, u)'),
    ("word2vec.analogy", "W[b] - W[a] + W[c]", "W[b] - 2 * W[a] + W[c]"),
    ("word2vec.analogy", "np.argsort(-cosine)", "np.argsort(-abs(cosine))"),
]
