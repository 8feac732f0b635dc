"""Kneser-Ney smoothing against hand-computed numbers and against a version made of loops and sets."""

import time

import numpy as np
import pytest
from unrolled.ngram import KneserNey


def by_loops(text, vocabulary, order, discounts):
    """p(word | context) by the formula, with sets and lists: no numbering, no sorting."""

    def count(gram):
        n = len(gram)
        places = [k for k in range(len(text) - n + 1) if tuple(text[k : k + n]) == gram]
        if n == order:
            return len(places)
        return len({text[k - 1] for k in places if k > 0})

    def p(word, context):
        shorter = p(word, context[1:]) if context else 1 / vocabulary
        counts = [count((*context, w)) for w in range(vocabulary)]
        total, types = sum(counts), sum(c > 0 for c in counts)
        if total == 0:
            return shorter
        d = discounts[len(context)]
        return max(counts[word] - d, 0) / total + d * types / total * shorter

    return lambda context: np.array([p(w, tuple(context)) for w in range(vocabulary)])


def test_a_small_case_comes_out_as_by_hand():
    # a b a c a b, D = 1/2. Before a stand b and c, before b and c only a: 2, 1, 1 of 4, three types.
    #   p(a) = 1.5/4 + .5 · 3/4 · 1/3 = .5     p(b) = p(c) = .5/4 + .125 = .25
    # After a: b twice, c once: p(b | a) = 1.5/3 + .5 · 2/3 · .25, p(c | a) = .5/3 + the same, p(a | a) = 1/3 · .5
    model = KneserNey(2, discount=0.5).fit(np.array([0, 1, 0, 2, 0, 1]), 3)
    assert model.probabilities([]) == pytest.approx([0.5, 0.25, 0.25])
    assert model.probabilities([0]) == pytest.approx([1 / 6, 7 / 12, 1 / 4])
    assert model.probabilities([1]) == pytest.approx([0.75, 0.125, 0.125])
    assert model.perplexity(np.array([0, 1, 0])) == pytest.approx((0.5 * 7 / 12 * 0.75) ** (-1 / 3))


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_probabilities_equal_those_of_loops_and_sets(order):
    rng = np.random.default_rng(order)
    text = rng.choice(5, 60, p=[0.4, 0.3, 0.15, 0.1, 0.05]).tolist()
    vocabulary = 6  # one word never occurs
    discounts = np.linspace(0.3, 0.9, order)
    model = KneserNey(order).fit(np.array(text), vocabulary)
    model.discounts = discounts
    wanted = by_loops(text, vocabulary, order, discounts)
    contexts = [text[k - order + 1 : k] for k in range(order - 1, 60, 3)] + [text[61 - order :], [5, 5, 5][: order - 1]]
    for context in contexts:
        assert model.probabilities(context) == pytest.approx(wanted(context), abs=1e-12)


def test_probabilities_sum_to_one_after_any_context():
    rng = np.random.default_rng(3)
    text = rng.zipf(1.5, 3000) % 50
    model = KneserNey(4).fit(text, 60)
    for context in [[], [1], [59, 59, 59], text[-3:], text[:3], *rng.integers(0, 60, (30, 5))]:
        p = model.probabilities(context)
        assert p.min() > 0
        assert p.sum() == pytest.approx(1, abs=1e-12)


def test_a_word_that_follows_only_one_other_is_unlikely_elsewhere():
    # "new york" stands ten times, "tea" five times after five words: york is twice as frequent, tea likelier after "x".
    new, york, tea, x = 0, 1, 2, 3
    text = [new, york] * 10 + [word for other in (4, 5, 6, 7, 8) for word in (other, tea)] + [x]
    p = KneserNey(2, discount=0.75).fit(np.array(text), 9).probabilities([x])
    assert p[tea] > 2 * p[york]


def test_the_discount_is_estimated_from_what_was_seen_once_and_twice():
    # a a b b c d e: two words twice, three once: D = 3 / (3 + 2 · 2)
    assert KneserNey(1).fit(np.array([0, 0, 1, 1, 2, 3, 4]), 5).discounts == pytest.approx([3 / 7])


def test_every_token_of_a_text_gets_the_probability_of_its_context():
    rng = np.random.default_rng(4)
    model = KneserNey(4).fit(rng.integers(0, 7, 400), 9)
    ids = rng.integers(0, 9, 50)
    wanted = [model.probabilities(ids[:k])[word] for k, word in enumerate(ids)]
    assert model.token_probabilities(ids) == pytest.approx(wanted, rel=1e-12)
    assert model.perplexity(ids) == pytest.approx(np.exp(-np.mean(np.log(wanted))))


def test_without_a_discount_an_unseen_pair_makes_the_perplexity_infinite():
    model = KneserNey(2, discount=0.0).fit(np.array([0, 1, 0, 1, 2]), 3)
    assert model.perplexity(np.array([0, 2])) == np.inf


def test_a_random_text_over_eight_words_has_a_perplexity_of_eight():
    rng = np.random.default_rng(5)
    model = KneserNey(1).fit(rng.integers(0, 8, 50_000), 8)
    assert model.perplexity(rng.integers(0, 8, 50_000)) == pytest.approx(8, rel=0.002)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: KneserNey(0),
        lambda: KneserNey(2, discount=1.5),
        lambda: KneserNey(3).fit(np.array([0, 1]), 2),
        lambda: KneserNey(2).fit(np.array([0, 1, 2]), 2),
        lambda: KneserNey(2).fit(np.array([0.0, 1.0]), 2),
        lambda: KneserNey(2).probabilities([0]),
        lambda: KneserNey(2).fit(np.array([0, 1, 0]), 2).perplexity(np.array([], int)),
        lambda: KneserNey(2).fit(np.array([0, 1, 0]), 2).probabilities([7]),
    ],
)
def test_what_cannot_be_is_refused_with_what_came_instead(wrong):
    with pytest.raises(ValueError, match="Received"):
        wrong()


@pytest.mark.full
def test_a_million_tokens_and_five_words_take_well_under_a_minute():
    from unrolled.corpora import story_corpus, story_entropy

    text, other = story_corpus(1_000_000, 1), story_corpus(100_000, 2)
    start = time.perf_counter()
    model = KneserNey(5).fit(text.ids, len(text.vocabulary))
    found = model.perplexity(other.ids)
    assert time.perf_counter() - start < 30
    assert np.exp(story_entropy()) < found < 30
