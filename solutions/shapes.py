"""Shapes of sequence problems: the reference answers of lesson 11.

    p(y | x) = product over t of p(y_t | y_1, ..., y_{t-1}, x)      a sequence y, given anything x

x comes in as the first state of the network that says y: the state an encoder left, or one made from an image. Words
are numbers. 0, 1 and 2 are no words: they are PAD (padding), START (what is read before the first word) and END (what
is said after the last one).

Row vectors throughout, as Keras has them: states are (batch, units). Functions are cache-free: what they need is an
argument, what they give is an array or a tuple of arrays.

Sources: Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder for statistical machine
translation"; Sutskever, Vinyals, Le 2014, "Sequence to sequence learning with neural networks"; Vinyals et al. 2015,
"Show and tell: a neural image caption generator".
"""

import keras
import numpy as np
from keras import ops

PAD, START, END = 0, 1, 2


def padding_mask(lengths, time):
    """Say which places of padded sequences hold something real.

    Every sequence begins at the first place. What stands behind its end is padding.

    Args:
        lengths: the number of real places of each sequence, 0 to time. Shape (batch,), integers.
        time: the number of places, an integer.

    Returns:
        mask: True at the real places, False at padding. Shape (batch, time), bool.

    Source: the masks of Keras' recurrent layers ("Understanding masking & padding", keras.io).
    """
    ### BEGIN SOLUTION
    return np.arange(time)[None, :] < lengths[:, None]  # (batch, time)
    ### END SOLUTION


def greedy_decode(step, state, start, end, longest):
    """Say a sequence word by word, the most probable word every time.

    `step(words, state)` takes the words read last (batch,) and the state (batch, units). It returns the log
    probabilities of all words to come next (batch, vocabulary), and the new state (batch, units). The first word read
    is `start`. From then on the word just said is read. Among equally probable words the one with the smallest number
    is said.

    A sequence that has said `end` is finished: `end` is its last word, and the places behind it hold 0. The others go
    on, up to `longest` words.

    Args:
        step: a function, as above.
        state: the state before the first step. Shape (batch, units).
        start: the word read first, an integer.
        end: the word that finishes a sequence, an integer.
        longest: how many words a sequence may have, `end` included. A positive integer.

    Returns:
        (words, scores): the words said, shape (batch, longest), integers, and for each sequence the sum of the log
        probabilities of its words, `end` included, shape (batch,).

    Source: the factors of p(y | x), each made as large as it can be.
    """
    ### BEGIN SOLUTION
    batch = len(state)
    words, scores = np.full((batch, longest), PAD), np.zeros(batch)
    running = np.full(batch, True)
    last = np.full(batch, start)
    for t in range(longest):
        log_p, state = step(last, state)  # (batch, vocabulary)
        last = log_p.argmax(axis=1)
        words[:, t] = np.where(running, last, PAD)
        scores = scores + np.where(running, log_p.max(axis=1), 0.0)
        running = running & (last != end)
    return words, scores
    ### END SOLUTION


def beam_search(step, state, start, end, longest, width, alpha):
    """Look for the best sequence with a beam: the `width` best beginnings are kept, and all of them are gone on with.

    `step` is that of `greedy_decode`, with the open beginnings in the place of the batch. Before the first word there
    is one open beginning, with no word and the total 0. Then, for every place:

    1. Every open beginning is continued by every word. The total of a continuation is the sum of the log probabilities
       of all its words.
    2. Of all continuations the `width` with the largest totals are kept, the best one first, whichever beginnings they
       come from. Among equal totals the one from the better beginning comes first, then the one with the smaller word.
    3. Those that said `end` are finished, and so are all those that have `longest` words. They leave the beam. The
       others, with the states that belong to them, are the open beginnings of the next place. There may be fewer than
       `width` of them, and the search goes on until there are none.

    A finished sequence has the score total / n ** alpha, where n is the number of its words, `end` included.

    Args:
        step: a function, see `greedy_decode`.
        state: the state before the first step. Shape (1, units).
        start: the word read first, an integer.
        end: the word that finishes a sequence, an integer.
        longest: how many words a sequence may have, `end` included. A positive integer.
        width: how many continuations are kept. A positive integer, at most the number of words in the vocabulary.
        alpha: how much the length counts, a number. 0: not at all; 1: the score is the mean of the log probabilities.

    Returns:
        (words, scores) of the `width` finished sequences with the largest scores, the best one first: shape
        (width, longest), integers, with 0 behind the last word, and shape (width,).

    Source: Sutskever, Vinyals, Le 2014, section 3.2, for the beam that finished sequences leave; Murray and Chiang 2018
    on dividing by the length.
    """
    ### BEGIN SOLUTION
    finished = []
    words, totals = np.zeros((1, 0), int), np.zeros(1)  # of the open beginnings
    last = np.full(1, start)
    for t in range(longest):
        log_p, state = step(last, state)  # (open, vocabulary)
        all_totals = totals[:, None] + log_p
        best = np.argsort(-all_totals, axis=None, kind="stable")[:width]
        parents, last = np.divmod(best, log_p.shape[1])
        totals = all_totals[parents, last]  # (width,)
        words = np.concatenate([words[parents], last[:, None]], axis=1)  # (width, t + 1)
        state = state[parents]
        done = (last == end) | (t == longest - 1)
        for said, total in zip(words[done], totals[done], strict=True):
            finished.append((total / len(said) ** alpha, said))
        words, totals, state, last = words[~done], totals[~done], state[~done], last[~done]
        if not len(last):
            break
    finished.sort(key=lambda pair: -pair[0])
    finished = finished[:width]
    padded = np.full((width, longest), PAD)
    for row, (_, said) in zip(padded, finished, strict=True):
        row[: len(said)] = said
    return padded, np.array([score for score, _ in finished])
    ### END SOLUTION


def check_sizes(layer, **sizes):
    """Refuse sizes that are no positive integers."""
    for name, value in sizes.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            example = ", ".join(f"{key}=32" for key in sizes)
            raise ValueError(
                f"`{name}` must be a positive integer. Received: {name}={value!r}. Example: {layer}({example})."
            )


@keras.saving.register_keras_serializable(package="unrolled")
class SentimentClassifier(keras.layers.Layer):
    """Many-to-one: read a sentence, and say once what it is.

    The embedding makes a vector of every word, a GRU reads the vectors, and from its state after the last real word the
    readout makes the probabilities of the classes, with a softmax.

    Args:
        vocabulary_size: positive integer, the number of words, PAD, START and END included.
        units: positive integer, the length of a word's vector, and the size of the state.
        classes: positive integer, the number of classes.
        **kwargs: what every Keras layer takes (`name`, `dtype`, …).

    Call with `ids` (batch, time), integers. 0 is padding. It stands behind the words; every sentence has one word
    at least. Returns the probabilities (batch, classes).

    Parts, layers of Keras that `__init__` makes: `embedding` (`Embedding`, vectors of `units` numbers), `recurrent`
    (`GRU` of `units` units, as Keras makes it by default) and `readout` (`Dense`, to `classes` numbers). Each has the
    dtype policy of this layer.

    Raises:
        ValueError: if a size is not a positive integer.

    Source: Karpathy 2015, "The unreasonable effectiveness of recurrent neural networks", for the shape.
    """

    def __init__(self, vocabulary_size, units, classes, **kwargs):
        check_sizes("SentimentClassifier", vocabulary_size=vocabulary_size, units=units, classes=classes)
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.units = units
        self.classes = classes
        ### BEGIN SOLUTION
        policy = self.dtype_policy
        self.embedding = keras.layers.Embedding(vocabulary_size, units, dtype=policy)
        self.recurrent = keras.layers.GRU(units, dtype=policy)
        self.readout = keras.layers.Dense(classes, dtype=policy)
        ### END SOLUTION

    def build(self, ids_shape):
        """Build the parts. `ids_shape` is (batch, time)."""
        self.embedding.build(ids_shape)
        self.recurrent.build((*ids_shape, self.units))
        self.readout.build((ids_shape[0], self.units))

    def call(self, ids):
        """Return the probabilities of the classes."""
        ### BEGIN SOLUTION
        real = ops.not_equal(ids, PAD)  # (batch, time)
        vectors = self.embedding(ids)  # (batch, time, units)
        h = self.recurrent(vectors, mask=real)  # (batch, units)
        return ops.softmax(self.readout(h), axis=-1)
        ### END SOLUTION

    def get_config(self):
        """Return what `from_config` needs to make this layer again."""
        ### BEGIN SOLUTION
        sizes = {"vocabulary_size": self.vocabulary_size, "units": self.units, "classes": self.classes}
        return {**super().get_config(), **sizes}
        ### END SOLUTION


@keras.saving.register_keras_serializable(package="unrolled")
class FrameLabeler(keras.layers.Layer):
    """Many-to-many, aligned: a label for every frame, as soon as it is there.

    A GRU reads the frames, and from its state after each of them the readout makes the probabilities of the labels of
    that frame, with a softmax. So a label depends on its own frame and on those before it.

    Args:
        units: positive integer, the size of the state.
        classes: positive integer, the number of labels.
        **kwargs: what every Keras layer takes (`name`, `dtype`, …).

    Call with `frames` (batch, time, features) and, where sequences are padded, `mask` (batch, time), True for the
    real frames. Padding may stand anywhere: the state passes it unchanged. Returns the probabilities (batch, time,
    classes). What is returned at padding does not matter.

    Parts, layers of Keras that `__init__` makes: `recurrent` (`GRU` of `units` units, as Keras makes it by default, but
    for what it returns) and `readout` (`Dense`, to `classes` numbers). Each has the dtype policy of this layer.

    Raises:
        ValueError: if a size is not a positive integer.

    Source: Karpathy 2015, for the shape.
    """

    def __init__(self, units, classes, **kwargs):
        check_sizes("FrameLabeler", units=units, classes=classes)
        super().__init__(**kwargs)
        self.units = units
        self.classes = classes
        self.supports_masking = True  # Keras hands the mask on to the loss
        ### BEGIN SOLUTION
        self.recurrent = keras.layers.GRU(units, return_sequences=True, dtype=self.dtype_policy)
        self.readout = keras.layers.Dense(classes, dtype=self.dtype_policy)
        ### END SOLUTION

    def build(self, frames_shape):
        """Build the parts. `frames_shape` is (batch, time, features)."""
        self.recurrent.build(frames_shape)
        self.readout.build((*frames_shape[:2], self.units))

    def call(self, frames, mask=None):
        """Return the probabilities of the labels, frame by frame."""
        ### BEGIN SOLUTION
        h = self.recurrent(frames, mask=mask)  # (batch, time, units)
        return ops.softmax(self.readout(h), axis=-1)
        ### END SOLUTION

    def get_config(self):
        """Return what `from_config` needs to make this layer again."""
        ### BEGIN SOLUTION
        return {**super().get_config(), "units": self.units, "classes": self.classes}
        ### END SOLUTION


@keras.saving.register_keras_serializable(package="unrolled")
class Captioner(keras.layers.Layer):
    """One-to-many: an image in, a sentence out.

        first state = tanh(image kernel + bias)         (batch, units), by the part `glance`
        probabilities of word t = softmax(readout of the state after reading START, word 1, ..., word t - 1)

    In training the right words are read, whatever the network would have said: teacher forcing.

    Args:
        vocabulary_size: positive integer, the number of words, PAD, START and END included.
        units: positive integer, the length of a word's vector, and the size of the state.
        **kwargs: what every Keras layer takes (`name`, `dtype`, …).

    Call with `image` (batch, features), the numbers that describe the image, and `caption` (batch, time), integers: the
    words that are to be said, with END behind the last one, then padding. START is not among them. Returns the
    probabilities (batch, time, vocabulary_size): at each place those of the word that stands there in `caption`,
    given the words before it. What is returned at padding does not matter.

    Parts, layers of Keras that `__init__` makes: `glance` (`Dense`, to `units` numbers, with a tanh), `embedding`
    (`Embedding`, vectors of `units` numbers), `recurrent` (`GRU` of `units` units, as Keras makes it by default, but
    for what it returns) and `readout` (`Dense`, to `vocabulary_size` numbers). Each has the dtype policy of this layer.

    Raises:
        ValueError: if a size is not a positive integer.

    Source: after Vinyals et al. 2015, who show the image to the network before the first word.
    """

    def __init__(self, vocabulary_size, units, **kwargs):
        check_sizes("Captioner", vocabulary_size=vocabulary_size, units=units)
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.units = units
        ### BEGIN SOLUTION
        policy = self.dtype_policy
        self.glance = keras.layers.Dense(units, activation="tanh", dtype=policy)
        self.embedding = keras.layers.Embedding(vocabulary_size, units, dtype=policy)
        self.recurrent = keras.layers.GRU(units, return_sequences=True, dtype=policy)
        self.readout = keras.layers.Dense(vocabulary_size, dtype=policy)
        ### END SOLUTION

    def build(self, image_shape, caption_shape):
        """Build the parts. The shapes are (batch, features) and (batch, time)."""
        self.glance.build(image_shape)
        self.embedding.build(caption_shape)
        self.recurrent.build((*caption_shape, self.units))
        self.readout.build((*caption_shape, self.units))

    def initial_state(self, image):
        """Return the state before the first word, (batch, units)."""
        ### BEGIN SOLUTION
        return self.glance(image)
        ### END SOLUTION

    def call(self, image, caption):
        """Return the probabilities of the words of the caption, with teacher forcing."""
        ### BEGIN SOLUTION
        start = ops.full_like(caption[:, :1], START)
        read = ops.concatenate([start, caption[:, :-1]], axis=1)  # (batch, time)
        h = self.recurrent(self.embedding(read), initial_state=self.initial_state(image))  # (batch, time, units)
        return ops.softmax(self.readout(h), axis=-1)
        ### END SOLUTION

    def step(self, words, state):
        """Read one word for each caption, (batch,), from a state (batch, units).

        Returns (log probabilities of the next word (batch, vocabulary_size), new state (batch, units)).
        """
        ### BEGIN SOLUTION
        h = self.recurrent(self.embedding(words[:, None]), initial_state=state)[:, 0]  # (batch, units)
        return ops.log_softmax(self.readout(h), axis=-1), h
        ### END SOLUTION

    def get_config(self):
        """Return what `from_config` needs to make this layer again."""
        ### BEGIN SOLUTION
        return {**super().get_config(), "vocabulary_size": self.vocabulary_size, "units": self.units}
        ### END SOLUTION


@keras.saving.register_keras_serializable(package="unrolled")
class Seq2Seq(keras.layers.Layer):
    """Many-to-many through a bottleneck: read a whole sequence, then say another one.

    The encoder reads the source. Its state after the last real word is all that the decoder gets to know: it is the
    decoder's first state. The decoder is a `Captioner` without an image.

    Args:
        source_size: positive integer, the number of words of the source, PAD, START and END included.
        target_size: positive integer, the number of words of the target, PAD, START and END included.
        units: positive integer, the length of a word's vector, and the size of both states.
        **kwargs: what every Keras layer takes (`name`, `dtype`, …).

    Call with `source` (batch, source time) and `target` (batch, target time), integers. 0 is padding. It stands behind
    the words; every source has one word at least. `target` holds the words that are to be said, with END behind the
    last one. START is not among them. Returns the probabilities (batch, target time, target_size): at each place those
    of the word that stands there in `target`, given the source and the words before it. What is returned at padding
    does not matter.

    Parts, layers of Keras that `__init__` makes: `source_embedding` and `target_embedding` (`Embedding`, vectors of
    `units` numbers), `encoder` and `decoder` (`GRU` of `units` units, as Keras makes it by default, but for what it
    returns) and `readout` (`Dense`, to `target_size` numbers). Each has the dtype policy of this layer.

    Raises:
        ValueError: if a size is not a positive integer.

    Source: Cho et al. 2014 and Sutskever, Vinyals, Le 2014.
    """

    def __init__(self, source_size, target_size, units, **kwargs):
        check_sizes("Seq2Seq", source_size=source_size, target_size=target_size, units=units)
        super().__init__(**kwargs)
        self.source_size = source_size
        self.target_size = target_size
        self.units = units
        ### BEGIN SOLUTION
        policy = self.dtype_policy
        self.source_embedding = keras.layers.Embedding(source_size, units, dtype=policy)
        self.encoder = keras.layers.GRU(units, dtype=policy)
        self.target_embedding = keras.layers.Embedding(target_size, units, dtype=policy)
        self.decoder = keras.layers.GRU(units, return_sequences=True, dtype=policy)
        self.readout = keras.layers.Dense(target_size, dtype=policy)
        ### END SOLUTION

    def build(self, source_shape, target_shape):
        """Build the parts. The shapes are (batch, source time) and (batch, target time)."""
        self.source_embedding.build(source_shape)
        self.encoder.build((*source_shape, self.units))
        self.target_embedding.build(target_shape)
        self.decoder.build((*target_shape, self.units))
        self.readout.build((*target_shape, self.units))

    def encode(self, source):
        """Return the state after the last real word of each source, (batch, units)."""
        ### BEGIN SOLUTION
        real = ops.not_equal(source, PAD)  # (batch, source time)
        return self.encoder(self.source_embedding(source), mask=real)
        ### END SOLUTION

    def call(self, source, target):
        """Return the probabilities of the words of the target, with teacher forcing."""
        ### BEGIN SOLUTION
        start = ops.full_like(target[:, :1], START)
        read = ops.concatenate([start, target[:, :-1]], axis=1)  # (batch, target time)
        h = self.decoder(self.target_embedding(read), initial_state=self.encode(source))  # (batch, target time, units)
        return ops.softmax(self.readout(h), axis=-1)
        ### END SOLUTION

    def step(self, words, state):
        """Read one word for each target, (batch,), from a state of the decoder (batch, units).

        Returns (log probabilities of the next word (batch, target_size), new state (batch, units)).
        """
        ### BEGIN SOLUTION
        h = self.decoder(self.target_embedding(words[:, None]), initial_state=state)[:, 0]  # (batch, units)
        return ops.log_softmax(self.readout(h), axis=-1), h
        ### END SOLUTION

    def get_config(self):
        """Return what `from_config` needs to make this layer again."""
        ### BEGIN SOLUTION
        sizes = {"source_size": self.source_size, "target_size": self.target_size, "units": self.units}
        return {**super().get_config(), **sizes}
        ### END SOLUTION
