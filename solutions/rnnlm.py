"""A recurrent language model, the parts around the recurrence: the reference answers of lesson 10, by hand.

    x_t = E[w_t]                              the embedding: one row of the table for each word
    s_t = h_t W + b                           the scores of all words of the vocabulary
    p_t = softmax(s_t)                        their probabilities
    L = -(1/N) sum over tokens of log p_t[w_{t+1}]       the loss, in nats per token
    perplexity = exp(L)

Words are integers, row vectors stand for everything else: h is (batch, time, units). Functions are cache-free:
what they need is an argument, what they give is an array or a tuple of arrays.

Sources: Bengio, Ducharme, Vincent and Jauvin 2003, "A neural probabilistic language model", for the table and the
perplexity; Mikolov, Karafiát, Burget, Černocký and Khudanpur 2010, "Recurrent neural network based language
model"; Zaremba, Sutskever and Vinyals 2014, "Recurrent neural network regularization", for the contiguous streams.
"""

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
