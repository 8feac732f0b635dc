"""word2vec: the reference answers of lesson 02.

    h = (1/C) sum_c W_in[w_c]                             CBOW: the mean of the context's input vectors
    h = W_in[w]                                           skip-gram: the input vector of the centre word
    p(w) = softmax_w(h · W_out[w])                        the full softmax, over the whole vocabulary
    loss = -log σ(h · W_out[t]) - sum_k log σ(-h · W_out[n_k])     negative sampling

Every word has two vectors, a row of W_in and a row of W_out, both tables (vocabulary, units). A word is its
index, an integer from 0. Functions are cache-free: what they need is an argument, what they give is an array
or a tuple of arrays.

Sources: Mikolov, Chen, Corrado, Dean 2013, "Efficient estimation of word representations in vector space";
Mikolov, Sutskever, Chen, Corrado, Dean 2013, "Distributed representations of words and phrases and their
compositionality".
"""

import keras
import numpy as np
from keras import ops


def sigmoid(z):
    """The logistic function σ(z) = 1 / (1 + exp(-z)), element by element. It does not overflow."""
    return 0.5 * (1 + np.tanh(0.5 * z))


def softmax(scores):
    """The softmax of the last axis: positive numbers that add up to 1. It does not overflow."""
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def context_windows(tokens, size):
    """Cut a text into windows: the words around each word, and the word itself.

    Only full windows count. A word with fewer than `size` words before it or after it is no target.

    Args:
        tokens: the text as word indices. Shape (length,), integers.
        size: how many words on each side belong to the context. A positive integer.

    Returns:
        (contexts, targets), in the order of the text.
        contexts: the `size` words before each target, then the `size` words after it, as they stand in the
            text. A context is a matter of places, so it may hold the target's word again.
            Shape (length - 2 size, 2 size).
        targets: the words in the middle. Shape (length - 2 size,).

    Source: Mikolov et al. 2013.
    """
    ### BEGIN SOLUTION
    contexts, targets = [], []
    for t in range(size, len(tokens) - size):
        before = tokens[t - size : t]
        after = tokens[t + 1 : t + size + 1]
        contexts.append(np.concatenate([before, after]))  # (2 size,)
        targets.append(tokens[t])
    return np.array(contexts), np.array(targets)
    ### END SOLUTION


def embedding_backward(dvectors, indices, vocabulary):
    """Carry a gradient back through a table that was looked up: vectors = W[indices].

    A word that was looked up several times used its row several times.

    Args:
        dvectors: the upstream gradient of the vectors that were found. Shape (batch, places, units).
        indices: which row was looked up at each place. Shape (batch, places), integers.
        vocabulary: the number of rows of the table. A positive integer.

    Returns:
        dW, the gradient of the table. Shape (vocabulary, units).

    Source: the chain rule. A lookup is the product of a one-hot vector with the table.
    """
    ### BEGIN SOLUTION
    dW = np.zeros((vocabulary, dvectors.shape[-1]))
    np.add.at(dW, indices, dvectors)
    return dW
    ### END SOLUTION


def cbow_forward(contexts, targets, W_in, W_out):
    """Compute the loss of a CBOW model: how badly do contexts predict their targets?

    h is the mean of the context's rows of W_in, the score of a word is the dot product of h with its row
    of W_out, and the loss is minus the natural logarithm of the target's softmax probability.

    Args:
        contexts: the words around each target. Shape (batch, context), integers.
        targets: the word to be predicted. Shape (batch,), integers.
        W_in: the input vectors. Shape (vocabulary, units).
        W_out: the output vectors. Shape (vocabulary, units).

    Returns:
        loss, one for each example, in nats. Shape (batch,).

    Source: Mikolov et al. 2013.
    """
    ### BEGIN SOLUTION
    h = W_in[contexts].mean(axis=1)  # (batch, units)
    p = softmax(h @ W_out.T)  # (batch, vocabulary)
    return -np.log(p[np.arange(len(targets)), targets])
    ### END SOLUTION


def cbow_backward(dloss, contexts, targets, W_in, W_out):
    """Carry a gradient back through the CBOW model.

    Args:
        dloss: the upstream gradient of the loss of each example. Shape (batch,).
        contexts, targets, W_in, W_out: as cbow_forward received them.

    Returns:
        (dW_in, dW_out), each with the shape of what it is the gradient of: sums over the batch, and over
        every place at which a word stands.

    Source: Rong 2014, "word2vec parameter learning explained".
    """
    ### BEGIN SOLUTION
    h = W_in[contexts].mean(axis=1)  # (batch, units)
    dscores = softmax(h @ W_out.T)  # (batch, vocabulary)
    dscores[np.arange(len(targets)), targets] -= 1
    dscores = dloss[:, np.newaxis] * dscores
    dW_out = dscores.T @ h
    dh = dscores @ W_out  # (batch, units)
    dvector = dh[:, np.newaxis] / contexts.shape[1]  # (batch, 1, units), the same for every place
    dW_in = np.zeros_like(W_in)
    np.add.at(dW_in, contexts, dvector)
    return dW_in, dW_out
    ### END SOLUTION


def noise_distribution(counts, power=0.75):
    """Compute the probabilities with which words are drawn as negatives: proportional to counts^power.

    Args:
        counts: how often each word occurs. Shape (vocabulary,), integers.
        power: the exponent.

    Returns:
        p, probabilities, which add up to 1. Shape (vocabulary,).

    Source: Mikolov et al. 2013 ("Distributed representations"), section 2.2.
    """
    ### BEGIN SOLUTION
    weights = counts**power
    return weights / weights.sum()
    ### END SOLUTION


def negative_sampling_forward(h, targets, negatives, W_out):
    """Compute the negative-sampling loss: tell the word that was there from words drawn at random.

    loss = -log σ(h · W_out[target]) - the sum over the negatives of log σ(-h · W_out[negative])

    A negative that equals its own example's target is no negative: its term is left out. A word that was
    drawn twice for one example counts twice. The logarithm is the natural one.

    Args:
        h: the vector that predicts: the centre word's input vector in a skip-gram model, the context's mean
            in a CBOW model. Shape (batch, units).
        targets: the word that was there. Shape (batch,), integers.
        negatives: the words that were drawn for each example. Shape (batch, negatives), integers.
        W_out: the output vectors. Shape (vocabulary, units).

    Returns:
        loss, one for each example. Shape (batch,).

    Source: Mikolov et al. 2013 ("Distributed representations"), equation 4.
    """
    ### BEGIN SOLUTION
    positive = np.einsum("nu,nu->n", h, W_out[targets])  # (batch,)
    negative = np.einsum("nu,nku->nk", h, W_out[negatives])  # (batch, negatives)
    kept = negatives != targets[:, np.newaxis]
    return -np.log(sigmoid(positive)) - (kept * np.log(sigmoid(-negative))).sum(axis=1)
    ### END SOLUTION


def negative_sampling_backward(dloss, h, targets, negatives, W_out):
    """Carry a gradient back through the negative-sampling loss.

    Args:
        dloss: the upstream gradient of the loss of each example. Shape (batch,).
        h, targets, negatives, W_out: as negative_sampling_forward received them.

    Returns:
        (dh, dW_out), each with the shape of what it is the gradient of. dW_out is a sum over the batch, and
        over every place at which a word stands.

    Source: Rong 2014, "word2vec parameter learning explained".
    """
    ### BEGIN SOLUTION
    positive = np.einsum("nu,nu->n", h, W_out[targets])  # (batch,)
    negative = np.einsum("nu,nku->nk", h, W_out[negatives])  # (batch, negatives)
    kept = negatives != targets[:, np.newaxis]
    dpositive = dloss * (sigmoid(positive) - 1)
    dnegative = dloss[:, np.newaxis] * kept * sigmoid(negative)
    dh = dpositive[:, np.newaxis] * W_out[targets] + np.einsum("nk,nku->nu", dnegative, W_out[negatives])
    dW_out = np.zeros_like(W_out)
    np.add.at(dW_out, targets, dpositive[:, np.newaxis] * h)
    np.add.at(dW_out, negatives, np.einsum("nk,nu->nku", dnegative, h))
    return dh, dW_out
    ### END SOLUTION


@keras.saving.register_keras_serializable(package="unrolled")
class CBOW(keras.layers.Layer):
    """Score every word of the vocabulary by the words around it.

    Args:
        vocabulary_size: positive integer, the number of words.
        units: positive integer, the length of a word's vectors.
        **kwargs: what every Keras layer takes (`name`, `dtype`, …).

    Call with `contexts` (batch, context), integers. Returns the scores (batch, vocabulary_size): the mean of the
    context's input vectors times every word's output vector. They are scores, not probabilities: a loss with
    `from_logits=True` follows.

    Weights: `input_embeddings`, which starts from "uniform", and `output_embeddings`, which starts from "zeros".
    Both are (vocabulary_size, units).

    Raises:
        ValueError: if `vocabulary_size` or `units` is not a positive integer.

    Source: Mikolov et al. 2013.
    """

    def __init__(self, vocabulary_size, units, **kwargs):
        for name, value in (("vocabulary_size", vocabulary_size), ("units", units)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(
                    f"`{name}` must be a positive integer. Received: {name}={value!r}. "
                    "Example: CBOW(vocabulary_size=1000, units=50)."
                )
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.units = units

    def build(self, input_shape):
        """Create the weights. `input_shape` is (batch, context)."""
        ### BEGIN SOLUTION
        shape = (self.vocabulary_size, self.units)
        self.input_embeddings = self.add_weight(shape=shape, initializer="uniform", name="input_embeddings")
        self.output_embeddings = self.add_weight(shape=shape, initializer="zeros", name="output_embeddings")
        ### END SOLUTION

    def call(self, contexts):
        """Return the scores. Use `keras.ops`, so that gradients flow and every backend works."""
        ### BEGIN SOLUTION
        vectors = ops.take(self.input_embeddings, contexts, axis=0)  # (batch, context, units)
        h = ops.mean(vectors, axis=1)  # (batch, units)
        return ops.matmul(h, ops.transpose(self.output_embeddings))
        ### END SOLUTION

    def get_config(self):
        """Return what `from_config` needs to make this layer again."""
        ### BEGIN SOLUTION
        return {**super().get_config(), "vocabulary_size": self.vocabulary_size, "units": self.units}
        ### END SOLUTION


@keras.saving.register_keras_serializable(package="unrolled")
class SkipGram(keras.layers.Layer):
    """Score some words by the one word that they may stand beside.

    Args:
        vocabulary_size: positive integer, the number of words.
        units: positive integer, the length of a word's vectors.
        **kwargs: what every Keras layer takes (`name`, `dtype`, …).

    Call with `centers` (batch,) and `words` (batch, candidates), both integers: for each centre word the words to
    be scored, for example the one that was there and the negatives. Returns the scores (batch, candidates): the
    dot products of the centre word's input vector with the candidates' output vectors. They are scores, not
    probabilities: a loss with `from_logits=True` follows.

    Weights: `input_embeddings`, which starts from "uniform", and `output_embeddings`, which starts from "zeros".
    Both are (vocabulary_size, units).

    Raises:
        ValueError: if `vocabulary_size` or `units` is not a positive integer.

    Source: Mikolov et al. 2013 ("Distributed representations").
    """

    def __init__(self, vocabulary_size, units, **kwargs):
        for name, value in (("vocabulary_size", vocabulary_size), ("units", units)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(
                    f"`{name}` must be a positive integer. Received: {name}={value!r}. "
                    "Example: SkipGram(vocabulary_size=1000, units=50)."
                )
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.units = units

    def build(self, input_shape):
        """Create the weights. `input_shape` is that of `centers`, (batch,)."""
        ### BEGIN SOLUTION
        shape = (self.vocabulary_size, self.units)
        self.input_embeddings = self.add_weight(shape=shape, initializer="uniform", name="input_embeddings")
        self.output_embeddings = self.add_weight(shape=shape, initializer="zeros", name="output_embeddings")
        ### END SOLUTION

    def call(self, centers, words):
        """Return the scores. Use `keras.ops`, so that gradients flow and every backend works."""
        ### BEGIN SOLUTION
        h = ops.take(self.input_embeddings, centers, axis=0)  # (batch, units)
        u = ops.take(self.output_embeddings, words, axis=0)  # (batch, candidates, units)
        return ops.einsum("nu,nku->nk", h, u)
        ### END SOLUTION

    def get_config(self):
        """Return what `from_config` needs to make this layer again."""
        ### BEGIN SOLUTION
        return {**super().get_config(), "vocabulary_size": self.vocabulary_size, "units": self.units}
        ### END SOLUTION


def analogy(a, b, c, W, k):
    """Answer "a is to b as c is to ?" by arithmetic with word vectors.

    Every row of W is first scaled to length 1. The sought vector is b - a + c, and the best word is the one
    whose vector has the largest cosine with it. The three given words are no answers.

    Args:
        a, b, c: the three given words, all different. Integers.
        W: the word vectors. Shape (vocabulary, units).
        k: how many answers are wanted. A positive integer.

    Returns:
        The indices of the k best words, the best one first. Shape (k,), integers.

    Source: Mikolov, Yih, Zweig 2013, "Linguistic regularities in continuous space word representations".
    """
    ### BEGIN SOLUTION
    W = W / np.linalg.norm(W, axis=1, keepdims=True)
    sought = W[b] - W[a] + W[c]  # (units,)
    cosine = W @ sought / np.linalg.norm(sought)  # (vocabulary,)
    cosine[[a, b, c]] = -np.inf
    return np.argsort(-cosine)[:k]
    ### END SOLUTION
