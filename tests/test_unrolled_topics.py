"""The documents that are counted keep the rules they claim."""

import numpy as np
import pytest
from unrolled import corpora

TEXTS, ABOUT = corpora.topic_documents(3000, seed=5)


def test_the_vocabulary_has_no_word_twice():
    assert len(set(corpora.TOPIC_VOCABULARY)) == len(corpora.TOPIC_VOCABULARY) == 6 * 12 + 18
    assert set(corpora.TOPICS) == set(ABOUT)


def test_documents_have_the_stated_length_and_words_of_the_vocabulary():
    lengths = np.array([len(text) for text in TEXTS])
    assert (lengths.min(), lengths.max()) == (10, 24)
    assert {word for text in TEXTS for word in text} == set(corpora.TOPIC_VOCABULARY)


def test_no_document_uses_both_words_of_a_pair_of_synonyms_and_both_are_used():
    for pair in corpora.SYNONYMS:
        used = [set(pair) & set(text) for text in TEXTS]
        assert max(map(len, used)) == 1
        assert set.union(*used) == set(pair)


def test_shares_of_function_words_and_of_other_topics_are_as_stated():
    words = [(word, about) for text, about in zip(TEXTS, ABOUT, strict=True) for word in text]
    function = np.mean([word in corpora.FUNCTION_WORDS for word, _ in words])
    own = np.mean([word in corpora.TOPICS[about] for word, about in words])
    # 51,000 words: five standard deviations are 5 · sqrt(.25 / 51,000) = .011. A stray word is its own topic's in 1 of 6.
    assert function == pytest.approx(0.45, abs=0.011)
    assert own == pytest.approx(0.40 + 0.15 / 6, abs=0.011)


def test_the_first_word_of_a_topic_is_twice_as_frequent_as_the_second():
    words = [word for text in TEXTS for word in text]
    pairs = sum(words.count(word) for pair in corpora.SYNONYMS for word in pair)
    second = sum(words.count(topic[2]) for topic in corpora.TOPICS.values())
    assert pairs / second == pytest.approx(2, rel=0.08)  # about 9,300 and 4,600: a standard deviation of 1.8 %


def test_padded_ids_hold_the_words_in_order_and_then_minus_one():
    ids = corpora.padded_ids([("b", "a", "b"), (), ("c",)], ("a", "b", "c"))
    assert ids.tolist() == [[1, 0, 1], [-1, -1, -1], [2, -1, -1]]


def test_word_k_of_a_zipf_collection_occurs_in_proportion_to_one_over_k():
    ids = corpora.zipf_documents(4000, 50, longest=40, seed=3)
    words = ids[ids >= 0]
    expected = len(words) / np.arange(1, 51) / (1 / np.arange(1, 51)).sum()
    counts = np.bincount(words, minlength=50)
    assert np.all(np.abs(counts - expected) < 5 * np.sqrt(expected))


def test_lengths_of_zipf_documents_are_even_and_the_filling_is_at_the_end():
    ids = corpora.zipf_documents(4000, 50, longest=40, seed=3)
    assert ids.shape == (4000, 40)
    lengths = (ids >= 0).sum(axis=1)
    assert np.array_equal(ids >= 0, np.arange(40) < lengths[:, None])
    assert (lengths.min(), lengths.max()) == (1, 40)
    assert abs(lengths.mean() - 20.5) < 5 * 11.5 / np.sqrt(4000)


@pytest.mark.parametrize(
    "make",
    [
        lambda seed: corpora.topic_documents(50, seed=seed)[0],
        lambda seed: corpora.zipf_documents(50, 9, 20, seed).tolist(),
    ],
)
def test_the_seed_decides_everything(make):
    assert make(1) == make(1)
    assert make(1) != make(2)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: corpora.topic_documents(0),
        lambda: corpora.padded_ids([("a", "x")], ("a",)),
        lambda: corpora.zipf_documents(0, 10),
        lambda: corpora.zipf_documents(10, 0),
        lambda: corpora.zipf_documents(10, 10, longest=0),
    ],
)
def test_errors_name_the_rule_what_came_and_the_way_out(wrong):
    with pytest.raises(ValueError, match="must") as error:
        wrong()
    assert "Received: " in str(error.value)
    assert "Example: " in str(error.value)
