"""Documents to be counted: short ones about a few topics, and many with a large Zipf-like vocabulary."""

from collections.abc import Sequence

import numpy as np

# The first two words of each topic are synonyms: a document uses one of them and never the other.
_TOPIC_WORDS = {
    "sea": "boat ship sail harbour captain wave anchor island fish tide crew rope",
    "road": "car automobile engine wheel driver bridge bus fuel brake tyre street lane",
    "music": "violin fiddle song choir drum concert voice singer beat piano stage tune",
    "garden": "bush shrub flower seed soil rose leaf root lawn rain tree bee",
    "health": "doctor physician hospital nurse fever ward pill pain blood cure heart bed",
    "market": "shop store price coin buyer bread money sale bag trade basket bill",
}
_FUNCTION_WORDS = "the of and a to in is it on with for was at by from as that this"
TOPICS: dict[str, tuple[str, ...]] = {name: tuple(words.split()) for name, words in _TOPIC_WORDS.items()}
FUNCTION_WORDS: tuple[str, ...] = tuple(_FUNCTION_WORDS.split())
TOPIC_VOCABULARY: tuple[str, ...] = (*(word for words in TOPICS.values() for word in words), *FUNCTION_WORDS)
SYNONYMS: tuple[tuple[str, str], ...] = tuple((words[0], words[1]) for words in TOPICS.values())

SHORTEST, LONGEST = 10, 24  # words of a document about a topic
FUNCTION_SHARE, STRAY_SHARE = 0.45, 0.15


def _positive(name: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"`{name}` must be at least 1. Received: {name}={value}. Example: {name}=100.")


def _zipf(size: int) -> np.ndarray:
    """Probabilities proportional to 1, 1/2, 1/3, … Shape (size,)."""
    weights = 1 / np.arange(1, size + 1)
    return weights / weights.sum()


def topic_documents(documents: int, seed: int = 0) -> tuple[list[tuple[str, ...]], list[str]]:
    """Make short documents, each about one of six topics.

    A document has 10 to 24 words, each drawn by itself: a function word with probability .45, a word of any topic with
    .15, a word of the document's own topic otherwise, with probabilities that fall like 1, 1/2, 1/3, … A
    document that speaks of a boat never says ship: of each pair in `SYNONYMS` it uses one word throughout.

    Args:
        documents: how many, at least 1.
        seed: seed of all draws.

    Returns:
        (texts, topics): the words of each document, and what it is about (a key of `TOPICS`).

    Raises:
        ValueError: if `documents` is below 1.
    """
    _positive("documents", documents)
    rng = np.random.default_rng(seed)
    names = list(TOPICS)
    slots = len(next(iter(TOPICS.values()))) - 1  # a pair of synonyms is one
    likely, likely_function = _zipf(slots), _zipf(len(FUNCTION_WORDS))
    texts, topics = [], []
    for _ in range(documents):
        own = int(rng.integers(len(names)))
        second = rng.random(len(names)) < 0.5  # which synonym this document uses, topic by topic
        words = []
        for kind in rng.random(rng.integers(SHORTEST, LONGEST + 1)):
            if kind < FUNCTION_SHARE:
                words.append(FUNCTION_WORDS[rng.choice(len(FUNCTION_WORDS), p=likely_function)])
                continue
            topic = int(rng.integers(len(names))) if kind < FUNCTION_SHARE + STRAY_SHARE else own
            slot = int(rng.choice(slots, p=likely))
            words.append(TOPICS[names[topic]][slot + 1 if slot else int(second[topic])])
        texts.append(tuple(words))
        topics.append(names[own])
    return texts, topics


def padded_ids(texts: Sequence[Sequence[str]], vocabulary: Sequence[str]) -> np.ndarray:
    """Write documents as word indices, one in each row, filled up with -1 at the end.

    Args:
        texts: the words of each document.
        vocabulary: all words that occur; a word's index is its place here.

    Returns:
        Shape (documents, length of the longest), int64.

    Raises:
        ValueError: if a document has a word that is not in the vocabulary.
    """
    index = {word: k for k, word in enumerate(vocabulary)}
    unknown = sorted({word for text in texts for word in text} - set(index))
    if unknown:
        raise ValueError(
            f"Every word must be in the vocabulary. Received: {unknown[0]!r}, one of {len(unknown)} that are not. "
            'Example: padded_ids([("a", "boat")], ("a", "boat")). Add them to it, or leave them out of the documents.'
        )
    ids = np.full((len(texts), max(map(len, texts), default=0)), -1)
    for row, text in zip(ids, texts, strict=True):
        row[: len(text)] = [index[word] for word in text]
    return ids


def zipf_documents(documents: int, vocabulary: int, longest: int = 60, seed: int = 0) -> np.ndarray:
    """Make documents of random words whose frequencies follow Zipf's law: word k is drawn in proportion to 1 / (k + 1).

    Lengths are even over 1 … `longest`. Many words of a large vocabulary never occur, as in real text.

    Args:
        documents: how many, at least 1.
        vocabulary: number of words to draw from, at least 1. Index 0 is the most frequent.
        longest: the most words that a document has, at least 1.
        seed: seed of all draws.

    Returns:
        Word indices, filled up with -1. Shape (documents, longest), int64.

    Raises:
        ValueError: if one of the three numbers is below 1.

    Source: Zipf 1949, "Human behavior and the principle of least effort", for the law.
    """
    for name, value in (("documents", documents), ("vocabulary", vocabulary), ("longest", longest)):
        _positive(name, value)
    rng = np.random.default_rng(seed)
    cumulative = np.cumsum(_zipf(vocabulary))
    cumulative[-1] = 1.0  # whatever rounding left
    ids = np.searchsorted(cumulative, rng.random((documents, longest)), side="right")
    lengths = rng.integers(1, longest + 1, documents)
    ids[np.arange(longest) >= lengths[:, np.newaxis]] = -1
    return ids
