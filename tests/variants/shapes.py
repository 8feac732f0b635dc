"""Right answers to the exercises on the shapes of sequence problems, written differently, and wrong ones outside the catalogue."""

VARIANTS = {
    "padding_mask, row by row": (
        "shapes.padding_mask",
        """
def padding_mask(lengths, time):
    return np.array([[True] * int(n) + [False] * (time - int(n)) for n in lengths])
""",
    ),
    "padding_mask, filled in": (
        "shapes.padding_mask",
        """
def padding_mask(lengths, time):
    mask = np.zeros((len(lengths), time), dtype=bool)
    for row, n in enumerate(lengths):
        mask[row, :n] = True
    return mask
""",
    ),
    "padding_mask, counted with a sum": (
        "shapes.padding_mask",
        """
def padding_mask(lengths, time):
    return np.cumsum(np.ones((len(lengths), time), int), axis=1) <= np.asarray(lengths).reshape(-1, 1)
""",
    ),
    "greedy_decode, one sequence at a time": (
        "shapes.greedy_decode",
        """
def greedy_decode(step, state, start, end, longest):
    words, scores = np.zeros((len(state), longest), int), np.zeros(len(state))
    for n in range(len(state)):
        h, word = state[n : n + 1], start
        for t in range(longest):
            log_p, h = step(np.array([word]), h)
            word = int(np.argmax(log_p[0]))
            words[n, t] = word
            scores[n] += log_p[0, word]
            if word == end:
                break
    return words, scores
""",
    ),
    "greedy_decode, finished ones fed with padding, stops when all are": (
        "shapes.greedy_decode",
        """
def greedy_decode(step, state, start, end, longest):
    n = state.shape[0]
    done, said = np.zeros(n, bool), []
    total, word = np.zeros(n), np.repeat(start, n)
    while len(said) < longest and not done.all():
        logs, state = step(word, state)
        word = np.argmax(logs, axis=-1)
        word[done] = 0
        total[~done] += logs[np.arange(n), word][~done]
        said.append(word)
        done = np.logical_or(done, word == end)
    said += [np.zeros(n, int)] * (longest - len(said))
    return np.stack(said, axis=1), total
""",
    ),
    "greedy_decode, cut afterwards with the mask": (
        "shapes.greedy_decode",
        """
def greedy_decode(step, state, start, end, longest):
    said, logs, word = [], [], np.full(len(state), start)
    for _ in range(longest):
        log_p, state = step(word, state)
        word = np.argmax(log_p, 1)
        said.append(word)
        logs.append(np.take_along_axis(log_p, word[:, None], 1)[:, 0])
    said, logs = np.stack(said, 1), np.stack(logs, 1)
    lengths = np.where((said == end).any(1), (said == end).argmax(1) + 1, longest)
    real = padding_mask(lengths, longest)
    return said * real, (logs * real).sum(1)
""",
    ),
    "beam_search, hypotheses as a list": (
        "shapes.beam_search",
        """
def beam_search(step, state, start, end, longest, width, alpha):
    open_ones, finished = [((), 0.0, state)], []
    for t in range(1, longest + 1):
        continued = []
        for words, total, h in open_ones:
            log_p, new = step(np.array([words[-1] if words else start]), h)
            continued += [(words + (k,), total + log_p[0, k], new) for k in range(log_p.shape[1])]
        continued.sort(key=lambda one: one[1], reverse=True)
        open_ones = []
        for one in continued[:width]:
            (finished if one[0][-1] == end or t == longest else open_ones).append(one)
        if not open_ones:
            break
    ranked = sorted(finished, key=lambda one: one[1] / len(one[0]) ** alpha, reverse=True)[:width]
    words = np.array([list(one[0]) + [0] * (longest - len(one[0])) for one in ranked])
    return words, np.array([one[1] / len(one[0]) ** alpha for one in ranked])
""",
    ),
    "beam_search, a heap of finished ones": (
        "shapes.beam_search",
        """
def beam_search(step, state, start, end, longest, width, alpha):
    import heapq
    heap = []
    prefix, totals = [[]], [0.0]
    last = [start]
    while prefix:
        logs, state = step(np.array(last), state)
        V = logs.shape[1]
        flat = (np.array(totals).reshape(-1, 1) + logs).ravel()
        keep = sorted(range(flat.size), key=lambda i: (-flat[i], i))[:width]
        rows, next_prefix, totals, last = [], [], [], []
        for i in keep:
            row, word = i // V, i % V
            words = prefix[row] + [word]
            if word == end or len(words) == longest:
                heapq.heappush(heap, (flat[i] / len(words) ** alpha, -len(heap), words))
            else:
                rows.append(row)
                next_prefix.append(words)
                totals.append(flat[i])
                last.append(word)
        prefix, state = next_prefix, state[rows]
    best = heapq.nlargest(width, heap)
    padded = np.zeros((width, longest), int)
    for n, (_, _, words) in enumerate(best):
        padded[n, : len(words)] = words
    return padded, np.array([score for score, _, _ in best])
""",
    ),
    "SentimentClassifier, the embedding makes the mask": (
        "shapes.SentimentClassifier",
        """
class SentimentClassifier(keras.layers.Layer):
    def __init__(self, vocabulary_size, units, classes, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size, self.units, self.classes = vocabulary_size, units, classes
        self.embedding = keras.layers.Embedding(vocabulary_size, units, mask_zero=True, dtype=self.dtype_policy)
        self.recurrent = keras.layers.GRU(units, dtype=self.dtype_policy)
        self.readout = keras.layers.Dense(classes, activation="softmax", dtype=self.dtype_policy)

    def build(self, ids_shape):
        self.embedding.build(ids_shape)
        self.recurrent.build((*ids_shape, self.units))
        self.readout.build((ids_shape[0], self.units))

    def call(self, ids):
        return self.readout(self.recurrent(self.embedding(ids)))

    def get_config(self):
        config = super().get_config()
        config.update(vocabulary_size=self.vocabulary_size, units=self.units, classes=self.classes)
        return config
""",
    ),
    "SentimentClassifier, every state, then that of the last word": (
        "shapes.SentimentClassifier",
        """
class SentimentClassifier(keras.layers.Layer):
    def __init__(self, vocabulary_size, units, classes, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size, self.units, self.classes = vocabulary_size, units, classes
        self.embedding = keras.layers.Embedding(vocabulary_size, units, dtype=self.dtype_policy)
        self.recurrent = keras.layers.GRU(units, return_sequences=True, dtype=self.dtype_policy)
        self.readout = keras.layers.Dense(classes, dtype=self.dtype_policy)

    def call(self, ids):
        h = self.recurrent(self.embedding(ids))
        count = ops.sum(ops.cast(ids > 0, "int32"), axis=1)
        pick = ops.one_hot(count - 1, ids.shape[1], dtype=h.dtype)
        z = self.readout(ops.einsum("nt,ntu->nu", pick, h))
        e = ops.exp(z - ops.max(z, axis=-1, keepdims=True))
        return e / ops.sum(e, axis=-1, keepdims=True)

    def get_config(self):
        return {**super().get_config(), "vocabulary_size": self.vocabulary_size, "units": self.units, "classes": self.classes}
""",
    ),
    "FrameLabeler, softmax as an activation": (
        "shapes.FrameLabeler",
        """
class FrameLabeler(keras.layers.Layer):
    def __init__(self, units, classes, **kwargs):
        super().__init__(**kwargs)
        self.units, self.classes = units, classes
        self.supports_masking = True
        self.recurrent = keras.layers.GRU(units, return_sequences=True, dtype=self.dtype_policy)
        self.readout = keras.layers.Dense(classes, activation="softmax", dtype=self.dtype_policy)

    def call(self, frames, mask=None):
        return self.readout(self.recurrent(frames, mask=mask))

    def get_config(self):
        return dict(super().get_config(), units=self.units, classes=self.classes)
""",
    ),
    "FrameLabeler, a loop over the cell": (
        "shapes.FrameLabeler",
        """
class FrameLabeler(keras.layers.Layer):
    def __init__(self, units, classes, **kwargs):
        super().__init__(**kwargs)
        self.units, self.classes = units, classes
        self.supports_masking = True
        self.recurrent = keras.layers.GRU(units, dtype=self.dtype_policy)
        self.readout = keras.layers.Dense(classes, dtype=self.dtype_policy)

    def build(self, frames_shape):
        self.recurrent.build(frames_shape)
        self.readout.build((*frames_shape[:2], self.units))

    def call(self, frames, mask=None):
        h, found = ops.zeros((frames.shape[0], self.units), dtype=self.compute_dtype), []
        for t in range(frames.shape[1]):
            new, _ = self.recurrent.cell(frames[:, t], [h])
            h = new if mask is None else ops.where(ops.convert_to_tensor(mask)[:, t : t + 1], new, h)
            found.append(ops.softmax(self.readout(h)))
        return ops.stack(found, axis=1)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "classes": self.classes}
""",
    ),
    "Captioner, the cell in step, the parts by other means": (
        "shapes.Captioner",
        """
class Captioner(keras.layers.Layer):
    def __init__(self, vocabulary_size, units, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size, self.units = vocabulary_size, units
        self.glance = keras.layers.Dense(units, dtype=self.dtype_policy)
        self.embedding = keras.layers.Embedding(vocabulary_size, units, dtype=self.dtype_policy)
        self.recurrent = keras.layers.GRU(units, return_sequences=True, return_state=True, dtype=self.dtype_policy)
        self.readout = keras.layers.Dense(vocabulary_size, dtype=self.dtype_policy)

    def build(self, image_shape, caption_shape):
        self.glance.build(image_shape)
        self.embedding.build(caption_shape)
        self.recurrent.build((*caption_shape, self.units))
        self.readout.build((*caption_shape, self.units))

    def initial_state(self, image):
        return ops.tanh(self.glance(image))

    def call(self, image, caption):
        read = ops.pad(caption[:, :-1], ((0, 0), (1, 0)), constant_values=START)
        h, _ = self.recurrent(self.embedding(read), initial_state=[self.initial_state(image)])
        return ops.softmax(self.readout(h))

    def step(self, words, state):
        h, _ = self.recurrent.cell(self.embedding(words), [ops.convert_to_tensor(state)])
        return ops.log(ops.softmax(self.readout(h))), h

    def get_config(self):
        return {**super().get_config(), "vocabulary_size": self.vocabulary_size, "units": self.units}
""",
    ),
    "Captioner, step by step with its own step": (
        "shapes.Captioner",
        """
class Captioner(keras.layers.Layer):
    def __init__(self, vocabulary_size, units, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size, self.units = vocabulary_size, units
        self.glance = keras.layers.Dense(units, activation="tanh", dtype=self.dtype_policy)
        self.embedding = keras.layers.Embedding(vocabulary_size, units, dtype=self.dtype_policy)
        self.recurrent = keras.layers.GRU(units, return_state=True, dtype=self.dtype_policy)
        self.readout = keras.layers.Dense(vocabulary_size, activation="log_softmax", dtype=self.dtype_policy)

    def initial_state(self, image):
        return self.glance(image)

    def call(self, image, caption):
        state, word, found = self.initial_state(image), ops.full_like(caption[:, 0], START), []
        for t in range(caption.shape[1]):
            log_p, state = self.step(word, state)
            found.append(ops.exp(log_p))
            word = caption[:, t]
        return ops.stack(found, axis=1)

    def step(self, words, state):
        _, state = self.recurrent(self.embedding(ops.expand_dims(words, 1)), initial_state=state)
        return self.readout(state), state

    def get_config(self):
        return {**super().get_config(), "vocabulary_size": self.vocabulary_size, "units": self.units}
""",
    ),
    "Seq2Seq, masks made by the embedding": (
        "shapes.Seq2Seq",
        """
class Seq2Seq(keras.layers.Layer):
    def __init__(self, source_size, target_size, units, **kwargs):
        super().__init__(**kwargs)
        self.source_size, self.target_size, self.units = source_size, target_size, units
        self.source_embedding = keras.layers.Embedding(source_size, units, mask_zero=True, dtype=self.dtype_policy)
        self.encoder = keras.layers.GRU(units, return_state=True, dtype=self.dtype_policy)
        self.target_embedding = keras.layers.Embedding(target_size, units, dtype=self.dtype_policy)
        self.decoder = keras.layers.GRU(units, return_sequences=True, return_state=True, dtype=self.dtype_policy)
        self.readout = keras.layers.Dense(target_size, dtype=self.dtype_policy)

    def build(self, source_shape, target_shape):
        self.source_embedding.build(source_shape)
        self.encoder.build((*source_shape, self.units))
        self.target_embedding.build(target_shape)
        self.decoder.build((*target_shape, self.units))
        self.readout.build((*target_shape, self.units))

    def encode(self, source):
        return self.encoder(self.source_embedding(source))[1]

    def call(self, source, target):
        read = ops.roll(target, 1, axis=1)
        first = ops.arange(target.shape[1]) == 0
        read = ops.where(first[None, :], START, read)
        h, _ = self.decoder(self.target_embedding(read), initial_state=self.encode(source))
        return ops.softmax(self.readout(h))

    def step(self, words, state):
        h, state = self.decoder(self.target_embedding(words)[:, None], initial_state=state)
        return ops.log_softmax(self.readout(h[:, 0])), state

    def get_config(self):
        return {**super().get_config(), "source_size": self.source_size, "target_size": self.target_size, "units": self.units}
""",
    ),
    "Seq2Seq, the cells by hand": (
        "shapes.Seq2Seq",
        """
class Seq2Seq(keras.layers.Layer):
    def __init__(self, source_size, target_size, units, **kwargs):
        super().__init__(**kwargs)
        self.source_size, self.target_size, self.units = source_size, target_size, units
        make = lambda kind, *sizes: kind(*sizes, dtype=self.dtype_policy)
        self.source_embedding = make(keras.layers.Embedding, source_size, units)
        self.encoder = make(keras.layers.GRU, units)
        self.target_embedding = make(keras.layers.Embedding, target_size, units)
        self.decoder = make(keras.layers.GRU, units)
        self.readout = make(keras.layers.Dense, target_size)

    def build(self, source_shape, target_shape):
        self.source_embedding.build(source_shape)
        self.encoder.build((*source_shape, self.units))
        self.target_embedding.build(target_shape)
        self.decoder.build((*target_shape, self.units))
        self.readout.build((target_shape[0], self.units))

    def encode(self, source):
        vectors = self.source_embedding(source)
        h = ops.zeros_like(vectors[:, 0])
        for t in range(source.shape[1]):
            new, _ = self.encoder.cell(vectors[:, t], [h])
            h = ops.where(ops.convert_to_tensor(source[:, t : t + 1] != 0), new, h)
        return h

    def call(self, source, target):
        state, word, found = self.encode(source), ops.full_like(target[:, 0], START), []
        for t in range(target.shape[1]):
            log_p, state = self.step(word, state)
            found.append(ops.exp(log_p))
            word = target[:, t]
        return ops.stack(found, axis=1)

    def step(self, words, state):
        h, _ = self.decoder.cell(self.target_embedding(words), [ops.convert_to_tensor(state)])
        return ops.log_softmax(self.readout(h)), h

    def get_config(self):
        return {**super().get_config(), "source_size": self.source_size, "target_size": self.target_size, "units": self.units}
""",
    ),
}

MADE_UP = [
    ("shapes.padding_mask", "< lengths[:, None]", "< lengths[:, None] + 2"),
    ("shapes.padding_mask", "< lengths[:, None]", "< np.sort(lengths)[:, None]"),
    ("shapes.greedy_decode", "log_p.max(axis=1), 0.0)", "2 * log_p.max(axis=1), 0.0)"),
    ("shapes.greedy_decode", "log_p.argmax(axis=1)", "np.argsort(-log_p, axis=1)[:, 2]"),
    ("shapes.greedy_decode", "last != end", "last != end + 1"),
    ("shapes.beam_search", "len(said) ** alpha", "(len(said) + 5) ** alpha"),
    ("shapes.beam_search", "last == end", "last == end + 1"),
    ("shapes.beam_search", "totals[:, None] + log_p", "0.5 * totals[:, None] + log_p"),
    ("shapes.SentimentClassifier", "axis=-1)", "axis=-1) ** 2"),
    ("shapes.SentimentClassifier", "self.readout(h)", "self.readout(2 * h)"),
    ("shapes.FrameLabeler", "self.readout(h)", "self.readout(-h)"),
    ("shapes.FrameLabeler", "self.recurrent(frames, mask=mask)", "self.recurrent(0.5 * frames, mask=mask)"),
    ("shapes.Captioner", "initial_state=self.initial_state(image)", "initial_state=0.5 * self.initial_state(image)"),
    ("shapes.Captioner", "return self.glance(image)", "return 2 * self.glance(image)"),
    ("shapes.Seq2Seq", "initial_state=self.encode(source)", "initial_state=-self.encode(source)"),
    (
        "shapes.Seq2Seq",
        "h = self.decoder(self.target_embedding(read)",
        "h = self.decoder(2 * self.target_embedding(read)",
    ),
]
