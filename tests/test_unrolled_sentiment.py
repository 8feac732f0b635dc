"""The sentences have the feelings they claim, and no bag of words could tell them all."""

from collections import defaultdict

import numpy as np
import pytest
from unrolled import corpora

SENTENCES, LABELS = corpora.sentiment_sentences(6000, seed=3)
FEELING = {
    word: sign
    for words in (corpora.SENTIMENT_ADVERBS, corpora.SENTIMENT_ADJECTIVES)
    for sign, group in enumerate(words)
    for word in group
}


def read_by_rule(sentence):
    """Another way to the label: "not" turns the next word of feeling round; "but" makes what follows decide, unless
    that is only what is denied."""
    parts = " ".join(sentence).split(" but ")
    if len(parts) == 2 and parts[1].startswith("not "):
        parts = parts[:1]
    signs = []
    words = parts[-1].split()
    for before, word in zip(["", *words], words, strict=False):
        if word in FEELING:
            signs.append(1 - FEELING[word] if before == "not" else FEELING[word])
    assert len(set(signs)) == 1  # no part says two things
    return signs[0]


def test_the_label_is_what_the_sentence_says():
    assert [read_by_rule(sentence) for sentence in SENTENCES] == LABELS.tolist()


def test_the_examples_of_the_lesson_can_occur():
    vocabulary = set(corpora.SENTIMENT_VOCABULARY)
    assert {"he", "ate", "the", "pie", "happily", "angrily", "not", "but"} <= vocabulary
    assert {word for sentence in SENTENCES for word in sentence} == vocabulary
    assert len(vocabulary) == len(corpora.SENTIMENT_VOCABULARY)


def test_labels_are_fair():
    # standard deviation of the share: sqrt(.25 / 6,000) = .0065
    assert LABELS.mean() == pytest.approx(0.5, abs=5 * 0.0065)


def test_the_same_words_in_another_order_mean_the_opposite():
    labels_of = defaultdict(set)
    for sentence, label in zip(SENTENCES, LABELS, strict=True):
        labels_of[tuple(sorted(sentence))].add(int(label))
    assert sum(len(labels) == 2 for labels in labels_of.values()) > 50


def test_sentences_have_three_to_ten_words():
    assert {len(sentence) for sentence in SENTENCES} <= set(range(3, 11))
    assert {3, 4, 5, 8} <= {len(sentence) for sentence in SENTENCES}


def test_the_seed_decides_everything():
    first, again, other = (corpora.sentiment_sentences(40, seed=seed) for seed in (1, 1, 2))
    assert first[0] == again[0] and np.array_equal(first[1], again[1])
    assert first[0] != other[0]


def test_errors_name_the_rule_what_came_and_the_way_out():
    with pytest.raises(ValueError, match="must.*Received: count=0.*Example"):
        corpora.sentiment_sentences(0)
