"""Fast skip-gram: the pairs that brute force finds, gradients of its loss, lesson 02's objective, analogies answered."""

import numpy as np
import pytest
from unrolled import corpora, fast_sgns, word2vec
from unrolled.fast_sgns import Block, FastSettings, block_gradients, count_pairs

from autograder.gradients import numeric_gradient
from solutions import word2vec as reference

SENTENCES = [("a", "b", "a", "c"), ("d",), ("c", "a", "b", "b", "e", "a", "d"), ("b", "e")]


def pairs_of(blocks: list[Block]) -> dict[tuple[int, int], float]:
    found: dict[tuple[int, int], float] = {}
    for block in blocks:
        for row, second, weight in zip(block.rows, block.predicted, block.weights, strict=True):
            pair = int(block.given[row]), int(second)
            found[pair] = found.get(pair, 0) + float(weight)
    return found


@pytest.mark.parametrize("gap", [1, 3])
@pytest.mark.parametrize("block", [1, 5, 100])
def test_pairs_and_their_weights_are_those_of_two_loops(block, gap):
    text, window = word2vec.encode(SENTENCES, gap), 3
    expected: dict[tuple[int, int], float] = {}
    for sentence in SENTENCES:
        for i, first in enumerate(sentence):
            for k, second in enumerate(sentence):
                if 0 < abs(i - k) <= window:
                    pair = text.index[first], text.index[second]
                    expected[pair] = expected.get(pair, 0) + (window + 1 - abs(i - k)) / window
    blocks = count_pairs(text.tokens, window, block, len(text.words))
    assert pairs_of(blocks) == pytest.approx(expected)
    assert len(blocks) == {1: 3, 5: 3, 100: 1}[block]  # of 4, 7 and 2 words; 5, 7 and 2; all. One word has no pair
    for one in blocks:
        assert np.array_equal(np.unique(one.given), one.given)
        assert np.array_equal(np.diff(one.starts), np.bincount(one.rows, minlength=len(one.given)))
        assert one.pairs_of.sum() == pytest.approx(one.weights.sum())


def test_shrunken_windows_give_these_weights_on_average():
    """word2vec draws a window of 1, 2, … or `window` words for each word: distance d is inside with this probability."""
    window = 4
    for distance in range(1, window + 1):
        inside = np.mean([distance <= drawn for drawn in range(1, window + 1)])
        assert inside == pytest.approx((window + 1 - distance) / window)


def small() -> tuple[np.ndarray, np.ndarray, Block, np.ndarray]:
    text = word2vec.encode(SENTENCES, 1)
    (block,) = count_pairs(text.tokens, 2, 100, len(text.words))
    W_in, W_out = np.random.default_rng(0).normal(size=(2, len(text.words), 4))
    return W_in, W_out, block, np.array([1, 3, 3, 5])


def test_gradients_are_those_of_the_loss():
    W_in, W_out, block, drawn = small()
    tables = {"W_in": W_in, "W_out": W_out}
    true = numeric_gradient(lambda W_in, W_out: block_gradients(W_in, W_out, block, drawn, 5)[0], tables).values
    for found, name in zip(block_gradients(W_in, W_out, block, drawn, 5)[1:], ("W_in", "W_out"), strict=True):
        assert np.allclose(found, true[name], rtol=0, atol=1e-6)  # the pairs' weights are float32


def test_the_loss_is_that_of_the_lesson_with_shared_negatives():
    """Negatives that are no pair's second word, as many as each pair has: then the lesson's own loss is the same."""
    W_in, W_out, block, _ = small()
    second = np.unique(block.predicted)
    W_in, W_out = np.concatenate([W_in, W_in[:3]]), np.concatenate([W_out, -W_out[:3]])
    drawn = np.arange(len(W_in) - 3, len(W_in))
    assert not set(second) & set(drawn)
    total = 0.0
    for (first, predicted), weight in pairs_of([block]).items():
        loss = reference.negative_sampling_forward(W_in[[first]], np.array([predicted]), drawn[None], W_out)
        total += weight * loss[0]
    assert block_gradients(W_in, W_out, block, drawn, negatives=3)[0] == pytest.approx(total, rel=1e-6)


def test_scores_that_overflow_exp_do_no_harm():
    W_in, W_out, block, drawn = small()
    with np.errstate(all="raise", under="ignore"):
        for scale in (30, -30):
            loss, *gradients = block_gradients(
                (W_in * scale).astype(np.float32), (W_out * abs(scale)).astype(np.float32), block, drawn, 5
            )
            assert np.isfinite(loss) and all(np.isfinite(g).all() for g in gradients)


def trained(seed: int, **settings) -> float:
    text = word2vec.encode(corpora.relation_sentences(200_000, seed), gap=1)
    noise = reference.noise_distribution(text.counts)
    found = fast_sgns.train(text.tokens, noise, FastSettings(seed=seed, **settings))
    assert found.W_in.dtype == np.float32
    assert found.losses[-1] < found.losses[0]
    right = word2vec.score_analogies(
        corpora.analogies(seed), text.index, lambda a, b, c: reference.analogy(a, b, c, found.W_in, 1)[0]
    )
    return right["all"]


def test_held_out_analogies_are_answered():
    assert trained(0) >= 0.95


@pytest.mark.full
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_held_out_analogies_are_answered_at_other_seeds(seed):
    assert trained(seed) >= 0.95


def test_the_same_seed_gives_the_same_tables_and_another_one_others():
    text = word2vec.encode(corpora.relation_sentences(5_000, 0), gap=1)
    noise = reference.noise_distribution(text.counts)
    first, again, other = (
        fast_sgns.train(text.tokens, noise, FastSettings(passes=1, block=500, seed=seed)).W_in for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_text_without_pairs_is_refused():
    with pytest.raises(ValueError, match="sentence of at least two words. Received: 2 words"):
        count_pairs(word2vec.encode([("a",), ("b",)], 1).tokens, 2, 10, 3)


@pytest.mark.parametrize("name", ["units", "window", "negatives", "passes", "block", "shared"])
def test_a_setting_below_one_is_refused(name):
    with pytest.raises(ValueError, match=rf"`{name}` must be at least 1\. Received: {name}=0\. Example: FastSettings"):
        FastSettings(**{name: 0})
