"""Skip-gram with negative sampling, fast: pairs counted once a block, negatives shared, matrix products in float32.

The model and its objective are those of lesson 02. Three things make it fast. Pairs of words that meet several times in
a block of text are one pair with a weight. All words of a block share their negatives, so that these are one dense
matrix product. And the gradients of both tables are products as well, of a sparse matrix (one number for each pair) and
the other table, where lesson 02 adds up rows.

Sources: Mikolov et al. 2013, "Distributed representations", for the objective; Ji, Satish, Li and Dubey 2016,
"Parallelizing word2vec in shared and distributed memory", for negatives that a batch shares; Kingma and Ba 2015, for
Adam.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from unrolled.word2vec import STOP, Trained


@dataclass(frozen=True)
class FastSettings:
    """How to train.

    Attributes:
        units: the length of the vectors.
        window: the farthest neighbour that is predicted. A neighbour at distance d counts (window + 1 - d) / window
            times: what word2vec's randomly shrunken windows give on average.
        negatives: how many words are drawn for each pair, on average.
        passes: how often the text is used.
        block: words of text for each update.
        shared: how many negatives are drawn for a block; their weights make them `negatives` for each pair.
        rate: Adam's step at the start; it falls linearly to a hundredth.
        seed: decides the start, the order of the blocks and the negatives.
    """

    units: int = 50
    window: int = 3
    negatives: int = 5
    passes: int = 10
    block: int = 2048
    shared: int = 64
    rate: float = 0.03
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("units", "window", "negatives", "passes", "block", "shared"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"`{name}` must be at least 1. Received: {name}={getattr(self, name)}. "
                    f"Example: FastSettings({name}={getattr(FastSettings, name)})."
                )


@dataclass(frozen=True)
class Block:
    """The pairs of one piece of text.

    Attributes:
        given: the words that occur in it, each once. Shape (words,), integers.
        pairs_of: how many pairs each of them has, by weight. Shape (words,).
        rows, predicted: for each pair, the place of its first word in `given`, and its second word. Shape (pairs,).
        starts: where in `predicted` the pairs of each word in `given` begin. Shape (words + 1,).
        weights: how often each pair occurs, by distance. Shape (pairs,).
    """

    given: np.ndarray
    pairs_of: np.ndarray
    rows: np.ndarray
    predicted: np.ndarray
    starts: np.ndarray
    weights: np.ndarray


def count_pairs(tokens: np.ndarray, window: int, block: int, vocabulary: int) -> list[Block]:
    """Count the pairs of words that stand near each other in one sentence, block by block.

    Args:
        tokens: the text as `word2vec.encode` makes it, with full stops between the sentences. Shape (length,).
        window: the farthest neighbour. Distance d has the weight (window + 1 - d) / window.
        block: words in a block; the sentence in which the last of them stands is complete.
        vocabulary: how many words there are.

    Returns:
        The blocks, in the order of the text. Every pair of the text is in exactly one of them.

    Raises:
        ValueError: if no two words share a sentence.
    """
    words = tokens != STOP
    sentence = np.cumsum(~words)[words]
    tokens = tokens[words].astype(np.int64)
    begins = np.flatnonzero(np.r_[True, sentence[1:] != sentence[:-1]])
    cuts = [0]
    while cuts[-1] < len(tokens):
        later = np.searchsorted(begins, cuts[-1] + block)
        cuts.append(int(begins[later]) if later < len(begins) else len(tokens))
    counted = (_count(tokens[a:b], sentence[a:b], window, vocabulary) for a, b in zip(cuts[:-1], cuts[1:], strict=True))
    blocks = [one for one in counted if len(one.given)]
    if not blocks:
        raise ValueError(
            "`tokens` must have a sentence of at least two words. "
            f"Received: {len(tokens)} words, none of them beside another. Example: encode([('a', 'cat')], gap=1)."
        )
    return blocks


def _count(tokens: np.ndarray, sentence: np.ndarray, window: int, vocabulary: int) -> Block:
    keys, weights = [], []
    for distance in range(1, window + 1):
        together = sentence[distance:] == sentence[:-distance]
        left, right = tokens[:-distance][together], tokens[distance:][together]
        keys += [left * vocabulary + right, right * vocabulary + left]
        weights.append(np.full(2 * len(left), (window + 1 - distance) / window))
    pairs, which = np.unique(np.concatenate(keys), return_inverse=True)
    weights = np.bincount(which, np.concatenate(weights), len(pairs))
    first, predicted = np.divmod(pairs, vocabulary)
    given, begins = np.unique(first, return_index=True)
    starts = np.r_[begins, len(pairs)]
    rows = np.repeat(np.arange(len(given)), np.diff(starts))
    pairs_of = np.bincount(rows, weights, len(given))
    return Block(given, pairs_of.astype(np.float32), rows, predicted, starts, weights.astype(np.float32))


def block_gradients(
    W_in: np.ndarray, W_out: np.ndarray, block: Block, drawn: np.ndarray, negatives: int
) -> tuple[float, np.ndarray, np.ndarray]:
    """Compute the loss of a block, summed over its pairs, and its gradients.

    With the pairs (w, c), their weights n, and K shared negatives u of which each counts `negatives` / K:
    L = - Σ n log σ(W_in[w] · W_out[c]) - Σ n (negatives / K) Σ_u log σ(-W_in[w] · W_out[u]).

    Args:
        W_in, W_out: the tables. Shape (vocabulary, units).
        block: the pairs.
        drawn: the shared negatives. Shape (K,), integers. One of them may be a pair's own second word.
        negatives: how many negatives a pair has.

    Returns:
        (loss, dW_in, dW_out): a number, and two arrays of the tables' shape.
    """
    h = W_in[block.given]  # (words, units)
    u = W_out[drawn]  # (K, units)
    share = (negatives / len(drawn) * block.pairs_of)[:, np.newaxis]  # (words, 1)
    near = np.einsum("pu,pu->p", h[block.rows], W_out[block.predicted])  # (pairs,)
    far = h @ u.T  # (words, K)
    loss = block.weights @ _softplus(-near) + block.pairs_of @ _softplus(far).sum(1) * (negatives / len(drawn))

    dnear = block.weights * (0.5 * np.tanh(0.5 * near) - 0.5)  # n (σ - 1)
    dfar = share * (0.5 * np.tanh(0.5 * far) + 0.5)
    S = csr_array((dnear, block.predicted, block.starts), shape=(len(block.given), len(W_out)))
    dW_in = np.zeros_like(W_in)
    dW_in[block.given] = S @ W_out + dfar @ u
    dW_out = S.T @ h
    np.add.at(dW_out, drawn, dfar.T @ h)
    return float(loss), dW_in, dW_out


def _softplus(z: np.ndarray) -> np.ndarray:
    """log(1 + exp(z)) = -log σ(-z), which does not overflow. Faster in float32 than `np.logaddexp`."""
    return np.maximum(z, 0) + np.log(1 + np.exp(-np.abs(z)))


def train(tokens: np.ndarray, noise: np.ndarray, settings: FastSettings) -> Trained:
    """Learn word vectors by skip-gram with negative sampling.

    Every update touches all rows of both tables, so blocks should not be much shorter than the vocabulary.

    Args:
        tokens: the text as `word2vec.encode` makes it. Shape (length,), integers.
        noise: the probability with which each word is drawn as a negative. Shape (vocabulary,).
        settings: how to train.

    Returns:
        The tables, float32; the mean loss of a pair in each pass, in nats; and the seconds, with the counting of pairs.
    """
    begin = time.perf_counter()
    rng = np.random.default_rng(settings.seed)
    vocabulary, units = len(noise), settings.units
    tables = [
        ((rng.random((vocabulary, units)) - 0.5) / units).astype(np.float32),
        np.zeros((vocabulary, units), np.float32),
    ]
    blocks = count_pairs(tokens, settings.window, settings.block, vocabulary)
    pairs = sum(float(block.pairs_of.sum()) for block in blocks)
    adam = [_Adam(table) for table in tables]
    losses = np.zeros(settings.passes)
    updates = settings.passes * len(blocks)
    for step, (k, drawn) in enumerate(_order(len(blocks), noise, settings, rng)):
        loss, *gradients = block_gradients(*tables, blocks[k], drawn, settings.negatives)
        losses[step // len(blocks)] += loss / pairs
        for one, gradient in zip(adam, gradients, strict=True):
            one.update(gradient, settings.rate * max(0.01, 1 - step / updates))
    return Trained(*tables, losses, time.perf_counter() - begin)


def _order(
    blocks: int, noise: np.ndarray, settings: FastSettings, rng: np.random.Generator
) -> Iterator[tuple[int, np.ndarray]]:
    """Every block once in each pass, in a new order, with its negatives."""
    up_to = np.cumsum(noise)
    for _ in range(settings.passes):
        drawn = np.searchsorted(up_to, rng.random((blocks, settings.shared)) * up_to[-1], side="right")
        for k, own in zip(rng.permutation(blocks), drawn, strict=True):
            yield int(k), own


class _Adam:
    """Adam for one table, in place."""

    def __init__(self, table: np.ndarray) -> None:
        self.table, self.mean, self.square, self.step = table, np.zeros_like(table), np.zeros_like(table), 0

    def update(self, gradient: np.ndarray, rate: float) -> None:
        self.step += 1
        self.mean += 0.1 * (gradient - self.mean)
        gradient *= gradient
        gradient -= self.square
        gradient *= 0.001
        self.square += gradient
        np.sqrt(self.square, out=gradient)
        gradient *= 1 / np.sqrt(1 - 0.999**self.step)
        gradient += 1e-8
        np.divide(self.mean, gradient, out=gradient)
        gradient *= rate / (1 - 0.9**self.step)
        self.table -= gradient
