"""Sentences with a feeling in them, in which the order of the words decides which one."""

import numpy as np

SENTIMENT_SUBJECTS = ("he", "she", "tom", "mary", "anna")
SENTIMENT_VERBS = ("ate", "opened", "read", "sold", "washed", "painted", "found")
SENTIMENT_OBJECTS = ("pie", "letter", "car", "book", "house", "soup")
SENTIMENT_ADVERBS = (("angrily", "sadly", "bitterly", "coldly"), ("happily", "gladly", "warmly", "cheerfully"))
SENTIMENT_ADJECTIVES = (("sad", "cross", "rude", "dull"), ("kind", "merry", "bright", "calm"))
SENTIMENT_CLASSES = ("negative", "positive")
SENTIMENT_VOCABULARY = (
    *SENTIMENT_SUBJECTS,
    *SENTIMENT_VERBS,
    *SENTIMENT_OBJECTS,
    *(word for pair in (SENTIMENT_ADVERBS, SENTIMENT_ADJECTIVES) for words in pair for word in words),
    "the",
    "was",
    "not",
    "but",
    "and",
)
SENTIMENT_TEMPLATES = 7


def sentiment_sentences(count: int, seed: int = 0) -> tuple[list[tuple[str, ...]], np.ndarray]:
    """Make sentences, and say of each whether it is negative or positive.

    A sentence has one of seven templates, all equally likely. With +adverb for one of the sentence's own feeling, and
    -adverb for one of the other feeling:

        he ate the pie +adverb                        he was +adjective       he was not -adjective
        he ate the pie +adverb but not -adverb        he ate the pie not -adverb but +adverb
        he was -adjective but ate the pie +adverb     he ate the pie +adverb and was +adjective

    So "happily but not angrily" and "not happily but angrily" are made of the same words and mean the opposite.

    Args:
        count: how many sentences, at least 1.
        seed: the same seed gives the same sentences.

    Returns:
        (sentences, labels): tuples of words, and 0 (negative) or 1 (positive) for each, equally likely. Shape (count,).

    Raises:
        ValueError: if `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"`count` must be at least 1. Received: count={count}. Example: sentiment_sentences(100).")
    rng = np.random.default_rng(seed)

    def one(words: tuple[str, ...]) -> str:
        return words[rng.integers(len(words))]

    sentences, labels = [], rng.integers(0, 2, count)
    for own, template in zip(labels, rng.integers(0, SENTIMENT_TEMPLATES, count), strict=True):
        other = 1 - own
        subject = one(SENTIMENT_SUBJECTS)
        did = (one(SENTIMENT_VERBS), "the", one(SENTIMENT_OBJECTS))
        adverb, opposite = one(SENTIMENT_ADVERBS[own]), one(SENTIMENT_ADVERBS[other])
        adjective, contrary = one(SENTIMENT_ADJECTIVES[own]), one(SENTIMENT_ADJECTIVES[other])
        sentences.append(
            (
                (subject, *did, adverb),
                (subject, "was", adjective),
                (subject, "was", "not", contrary),
                (subject, *did, adverb, "but", "not", opposite),
                (subject, *did, "not", opposite, "but", adverb),
                (subject, "was", contrary, "but", *did, adverb),
                (subject, *did, adverb, "and", "was", adjective),
            )[template]
        )
    return sentences, labels
