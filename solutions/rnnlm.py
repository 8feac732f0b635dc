"""A recurrent language model: the reference answers of lesson 10, the parts around the recurrence by hand.

    x_t = E[w_t]                              the embedding: one row of the table for each word
    s_t = h_t W + b                           the scores of all words of the vocabulary
    p_t = softmax(s_t)                        their probabilities
    L = -(1/N) sum over tokens of log p_t[w_{t+1}]       the loss, in nats per token
    perplexity = exp(L)

Words are integers, row vectors stand for everything else: h is (batch, time, units). Functions are cache-free:
what they need is an argument, what they give is an array or a tuple of arrays.

RNNLM puts the parts together with Keras' own layers, and `sample` lets it speak.

Sources: Bengio, Ducharme, Vincent and Jauvin 2003, "A neural probabilistic language model", for the table and the
perplexity; Mikolov, Karafiát, Burget, Černocký and Khudanpur 2010, "Recurrent neural network based language
model"; Zaremba, Sutskever and Vinyals 2014, "Recurrent neural network regularization", for the contiguous streams.
"""

import keras
import numpy as np


def embedding_forward(ids, table):
    """Look up the vector of every word.

    Args:
        ids: the words, as integers from 0 to vocabulary - 1. Shape (batch, time).
        table: one row for each word of the vocabulary. Shape (vocabulary, units).

    Returns:
        x, the rows of the words, in their order. Shape (batch, time, units).

    Source: Bengio et al. 2003.
    """
    ### BEGIN SOLUTION
    return table[ids]  # (batch, time, units)
    ### END SOLUTION


def embedding_backward(dx, ids, table):
    """Carry a gradient back to the table.

    A word that stands in the text several times used its row several times. The gradient of a row is the sum
    over its uses. A word that does not occur has a row of zeros.

    Args:
        dx: the upstream gradient dL/dx. Shape (batch, time, units).
        ids, table: as embedding_forward received them.

    Returns:
        dtable, the gradient of the table. Shape (vocabulary, units).

    Source: Bengio et al. 2003.
    """
    ### BEGIN SOLUTION
    dtable = np.zeros_like(table)
    np.add.at(dtable, ids, dx)
    return dtable  # (vocabulary, units)
    ### END SOLUTION


def affine_forward(h, W, b):
    """Give every word of the vocabulary a score, at every step.

    s_t = h_t W + b, the same W and b at every step.

    Args:
        h: the hidden states. Shape (batch, time, units).
        W: the output kernel. Shape (units, vocabulary).
        b: the output bias. Shape (vocabulary,).

    Returns:
        scores. Shape (batch, time, vocabulary).

    Source: Mikolov et al. 2010.
    """
    ### BEGIN SOLUTION
    return h @ W + b  # (batch, time, vocabulary)
    ### END SOLUTION


def affine_backward(dscores, h, W, b):
    """Carry a gradient back through the scores.

    Args:
        dscores: the upstream gradient dL/dscores. Shape (batch, time, vocabulary).
        h, W, b: as affine_forward received them.

    Returns:
        (dh, dW, db), each with the shape of what it is the gradient of. W and b are used at every step of every
        sequence, so their gradients are sums over the batch and over time.

    Source: Mikolov et al. 2010.
    """
    ### BEGIN SOLUTION
    dh = dscores @ W.T  # (batch, time, units)
    dW = np.einsum("btu,btv->uv", h, dscores)
    db = dscores.sum(axis=(0, 1))
    return dh, dW, db
    ### END SOLUTION


def softmax_loss(scores, targets, mask):
    """Measure how little probability the targets were given: the mean negative log-likelihood, in nats.

    p = softmax(scores) over the vocabulary. The loss is the mean of -log p[target] over the tokens that count. It
    must be finite whatever the size of the scores: the exponential of 800 is no longer a number. Softmax does not
    change when one number is taken from all scores of a token, so that the largest becomes 0.

    Args:
        scores: what the network says, not yet probabilities. Shape (batch, time, vocabulary).
        targets: the right words, one for each vector of scores. Integers, shape (batch, time).
        mask: True where a token counts, False where it is padding. Shape (batch, time).

    Returns:
        loss, a number.

    Source: Bengio et al. 2003.
    """
    ### BEGIN SOLUTION
    shifted = scores - scores.max(axis=-1, keepdims=True)  # (batch, time, vocabulary)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    surprise = -np.take_along_axis(log_p, targets[..., np.newaxis], axis=-1)[..., 0]  # (batch, time)
    return surprise[mask].mean()
    ### END SOLUTION


def softmax_loss_backward(dloss, scores, targets, mask):
    """Carry a gradient back through the loss.

    Args:
        dloss: the upstream gradient of the loss. A number.
        scores, targets, mask: as softmax_loss received them. Scores may be as large as there.

    Returns:
        dscores, the gradient of the scores. Shape (batch, time, vocabulary).

    Source: Bengio et al. 2003.
    """
    ### BEGIN SOLUTION
    shifted = scores - scores.max(axis=-1, keepdims=True)  # (batch, time, vocabulary)
    p = np.exp(shifted) / np.exp(shifted).sum(axis=-1, keepdims=True)
    one_hot = np.eye(scores.shape[-1])[targets]
    counts = mask[..., np.newaxis]  # (batch, time, 1)
    return dloss * (p - one_hot) * counts / mask.sum()
    ### END SOLUTION


def perplexity(losses, counts):
    """Say in one number among how many equally likely words a model seems to choose, from the losses of its batches.

    The perplexity of a text is exp(L), where L is the mean negative log-likelihood over all of its tokens. The
    batches do not all have the same number of tokens: the last one is often short.

    Args:
        losses: the mean loss of each batch, in nats per token. Shape (batches,).
        counts: how many tokens each batch has. Integers, shape (batches,).

    Returns:
        the perplexity, a number. 1 is perfect, and the size of the vocabulary is what guessing at random gives.

    Source: Bengio et al. 2003.
    """
    ### BEGIN SOLUTION
    total = (losses * counts).sum()  # nats in all
    return np.exp(total / counts.sum())
    ### END SOLUTION


def stream_batches(ids, batch, time):
    """Cut a long text into blocks so that each row goes on where the same row of the block before stopped.

    The text is first cut into `batch` streams of equal length L = len(ids) // batch. Stream b begins at token b L,
    and the tokens that remain at the end of the text are dropped. Block k holds the steps k time, ...,
    (k + 1) time - 1 of every stream. The target of a token is the token after it in its stream. A last block that
    is not full is dropped, and so is one whose last token has no target in its stream.

    Args:
        ids: the text, as integers. Shape (tokens,).
        batch: how many streams. A positive integer.
        time: how many steps a block has. A positive integer.

    Returns:
        (inputs, targets), each of integers, of shape (blocks, batch, time).

    Source: Zaremba, Sutskever and Vinyals 2014, who carry the hidden state from one block to the next.
    """
    ### BEGIN SOLUTION
    length = len(ids) // batch
    streams = ids[: batch * length].reshape(batch, length)
    blocks = (length - 1) // time  # the last token of a stream can only be a target
    inputs = streams[:, : blocks * time].reshape(batch, blocks, time)
    targets = streams[:, 1 : blocks * time + 1].reshape(batch, blocks, time)
    return inputs.swapaxes(0, 1), targets.swapaxes(0, 1)  # (blocks, batch, time)
    ### END SOLUTION


def sample(scores, temperature, top_k, u):
    """Draw one word from a model's scores, with a random number that is given.

    1. Only the `top_k` words with the largest scores stay in the game; all of them if `top_k` is 0. Where scores are
       equal, the smaller id is the larger word.
    2. Their probabilities are softmax(scores / temperature), over the words that stayed.
    3. Lay them side by side from 0 to 1, in the order of their ids, each as long as its probability. The word in whose
       piece u lies is drawn. The left end of a piece belongs to it, the right end does not.

    Args:
        scores: what the model says of each word. They may be large. Shape (vocabulary,).
        temperature: what the scores are divided by. A positive number.
        top_k: how many words stay. An integer from 0, which means all, to vocabulary.
        u: a number from 0 up to, but not including, 1. Drawn evenly, it makes words as frequent as they are probable.

    Returns:
        the word's id, an integer.

    Source: Karpathy 2015 for the temperature; Fan, Lewis and Dauphin 2018 for top-k.
    """
    ### BEGIN SOLUTION
    order = np.argsort(-scores, kind="stable")  # the largest score first; of equal ones the smaller id
    kept = np.sort(order[:top_k] if top_k else order)  # ids, rising
    weights = np.exp((scores[kept] - scores[kept].max()) / temperature)
    p = weights / weights.sum()
    place = np.searchsorted(np.cumsum(p), u, side="right")
    return int(kept[min(place, len(kept) - 1)])  # the sum of all may be rounded to just below 1
    ### END SOLUTION


@keras.saving.register_keras_serializable(package="unrolled")
class RNNLM(keras.Model):
    """Score every word of the vocabulary as the next one, at every step of a text.

        x_t = E[w_t]       h_t = cell(x_t, h_{t-1})       s_t = h_t W + b

    Args:
        vocabulary: positive integer, the number of words.
        embedding: positive integer, the length of a word's vector.
        units: positive integer, the size of the hidden state.
        cell: "elman", "gru" or "lstm", for `keras.layers.SimpleRNN`, `GRU` or `LSTM`; or a cell of your own that has
            `units` units, for `keras.layers.RNN`.
        stateful: whether a call goes on from the states where the call before ended, row by row. If so, every call
            has the same batch size. If not, every call starts from states of zeros.
        mask_zero: whether word 0 is padding.
        **kwargs: what every Keras model takes (`name`, `dtype`).

    Call with `ids` (batch, time), integers, and, where sequences are padded, `mask` (batch, time), True for the real
    words. A padded step leaves the state as it is. With `mask_zero`, and no `mask` given, the words 0 are padding.
    Returns the scores (batch, time, vocabulary). They are scores, not probabilities: a loss with `from_logits=True`
    follows. What is returned at padding does not matter.

    Layers, as attributes: `embedding_layer`, `recurrent_layer` and `output_layer`, as Keras makes them unless something
    else is said above. They compute in the model's own dtype.

    Raises:
        ValueError: if a size is not a positive integer, or `cell` is neither a known name nor a cell.

    Source: Mikolov et al. 2010; Zaremba, Sutskever and Vinyals 2014.
    """

    def __init__(self, vocabulary, embedding, units, cell="lstm", stateful=False, mask_zero=False, **kwargs):
        for name, value in (("vocabulary", vocabulary), ("embedding", embedding), ("units", units)):
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(
                    f"`{name}` must be a positive integer. Received: {name}={value!r}. "
                    "Example: RNNLM(vocabulary=5000, embedding=64, units=128)."
                )
        if isinstance(cell, dict):  # a cell as get_config wrote it
            cell = keras.saving.deserialize_keras_object(cell)
        if cell not in ("elman", "gru", "lstm") and not hasattr(cell, "state_size"):
            raise ValueError(
                f'`cell` must be "elman", "gru", "lstm" or a recurrent cell. Received: cell={cell!r}. '
                'Example: RNNLM(vocabulary=5000, embedding=64, units=128, cell="gru").'
            )
        super().__init__(**kwargs)
        self.vocabulary = vocabulary
        self.embedding = embedding
        self.units = units
        self.cell = cell
        self.stateful = stateful
        self.mask_zero = mask_zero
        self.supports_masking = True  # Keras hands the mask on to the loss

    def build(self, input_shape):
        """Create the three layers, and build each. `input_shape` is (batch, time)."""
        ### BEGIN SOLUTION
        dtype = self.dtype_policy
        self.embedding_layer = keras.layers.Embedding(
            self.vocabulary, self.embedding, mask_zero=self.mask_zero, dtype=dtype
        )
        options = {"return_sequences": True, "stateful": self.stateful, "dtype": dtype}
        if isinstance(self.cell, str):
            named = {"elman": keras.layers.SimpleRNN, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}
            self.recurrent_layer = named[self.cell](self.units, **options)
        else:
            self.recurrent_layer = keras.layers.RNN(self.cell, **options)
        self.output_layer = keras.layers.Dense(self.vocabulary, dtype=dtype)
        self.embedding_layer.build(input_shape)
        self.recurrent_layer.build((*input_shape, self.embedding))
        self.output_layer.build((*input_shape, self.units))
        ### END SOLUTION

    def call(self, ids, mask=None):
        """Return the scores (batch, time, vocabulary)."""
        ### BEGIN SOLUTION
        x = self.embedding_layer(ids)  # (batch, time, embedding), and with mask_zero it carries its mask along
        h = self.recurrent_layer(x, mask=mask)  # (batch, time, units)
        return self.output_layer(h)
        ### END SOLUTION

    def reset_state(self):
        """Set the carried states to zeros, so that the next call starts afresh. Nothing happens if there are none."""
        ### BEGIN SOLUTION
        if self.built:
            self.recurrent_layer.reset_state()
        ### END SOLUTION

    def get_config(self):
        """Return what `from_config` needs to make this model again. A cell goes in as Keras writes it as text."""
        ### BEGIN SOLUTION
        return {
            **super().get_config(),
            "vocabulary": self.vocabulary,
            "embedding": self.embedding,
            "units": self.units,
            "cell": keras.saving.serialize_keras_object(self.cell),  # a name stays a name
            "stateful": self.stateful,
            "mask_zero": self.mask_zero,
        }
        ### END SOLUTION
