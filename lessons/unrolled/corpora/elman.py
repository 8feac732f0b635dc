"""Elman's three tasks (1990): the temporal XOR, the letters, and the grammar of word classes."""

from collections.abc import Sequence

import numpy as np

# Elman 1990, table 1: six features per letter, 1 present, 0 absent.
LETTER_FEATURES = ("Consonant", "Vowel", "Interrupted", "High", "Back", "Voiced")
LETTER_CODE: dict[str, tuple[int, ...]] = {
    "b": (1, 0, 1, 0, 0, 1),
    "d": (1, 0, 1, 1, 0, 1),
    "g": (1, 0, 1, 0, 1, 1),
    "a": (0, 1, 0, 0, 1, 1),
    "i": (0, 1, 0, 1, 0, 1),
    "u": (0, 1, 0, 1, 1, 1),
}
SYLLABLES = {"b": "ba", "d": "dii", "g": "guuu"}

# Elman 1990, tables 3 and 4. Table 3 gives examples; the other members are read off the 29 leaves of
# figure 7. The text speaks of 13 classes and 15 templates, the tables list 12 and 16: the tables are
# used. Table 3 prints "cookie, break" under NOUN-FOOD; figure 7 has "bread".
WORD_CLASSES: dict[str, tuple[str, ...]] = {
    "NOUN-HUM": ("man", "woman", "boy", "girl"),
    "NOUN-ANIM": ("cat", "mouse", "dog"),
    "NOUN-INANIM": ("book", "rock", "car"),
    "NOUN-AGRESS": ("dragon", "monster", "lion"),
    "NOUN-FRAG": ("glass", "plate"),
    "NOUN-FOOD": ("cookie", "bread", "sandwich"),
    "VERB-INTRAN": ("think", "sleep", "exist"),
    "VERB-TRAN": ("see", "chase", "like"),
    "VERB-AGPAT": ("move", "break"),
    "VERB-PERCEPT": ("smell", "see"),
    "VERB-DESTROY": ("break", "smash"),
    "VERB-EAT": ("eat",),
}
TEMPLATES: tuple[tuple[str, ...], ...] = (
    ("NOUN-HUM", "VERB-EAT", "NOUN-FOOD"),
    ("NOUN-HUM", "VERB-PERCEPT", "NOUN-INANIM"),
    ("NOUN-HUM", "VERB-DESTROY", "NOUN-FRAG"),
    ("NOUN-HUM", "VERB-INTRAN"),
    ("NOUN-HUM", "VERB-TRAN", "NOUN-HUM"),
    ("NOUN-HUM", "VERB-AGPAT", "NOUN-INANIM"),
    ("NOUN-HUM", "VERB-AGPAT"),
    ("NOUN-ANIM", "VERB-EAT", "NOUN-FOOD"),
    ("NOUN-ANIM", "VERB-TRAN", "NOUN-ANIM"),
    ("NOUN-ANIM", "VERB-AGPAT", "NOUN-INANIM"),
    ("NOUN-ANIM", "VERB-AGPAT"),
    ("NOUN-INANIM", "VERB-AGPAT"),
    ("NOUN-AGRESS", "VERB-DESTROY", "NOUN-FRAG"),
    ("NOUN-AGRESS", "VERB-EAT", "NOUN-HUM"),
    ("NOUN-AGRESS", "VERB-EAT", "NOUN-ANIM"),
    ("NOUN-AGRESS", "VERB-EAT", "NOUN-FOOD"),
)
VOCABULARY: tuple[str, ...] = tuple(dict.fromkeys(word for words in WORD_CLASSES.values() for word in words))


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise ValueError(f"`{name}` must be at least {least}. Received: {name}={value}. Example: {name}={least}.")


def temporal_xor(bits: int = 3000, seed: int = 0) -> np.ndarray:
    """Make a stream of bits in which every third is the exclusive or of the two before it.

    Bits 0 and 1 of each group of three are fair coins, bit 2 is their XOR. Only positions 2, 5, 8, …
    can be predicted from what came before.

    Args:
        bits: length of the stream, at least 3; a last group may be cut short.
        seed: seed of the coins.

    Returns:
        The stream of 0 and 1. Shape (bits,), int64.

    Raises:
        ValueError: if `bits` is below 3.

    Source: Elman 1990, who used 3,000 bits.
    """
    _at_least("bits", bits, 3)
    coins = np.random.default_rng(seed).integers(0, 2, size=(-(-bits // 3), 2))
    stream = np.column_stack([coins, coins[:, 0] ^ coins[:, 1]])  # (groups, 3)
    return stream.reshape(-1)[:bits]


def letter_sequences(consonants: int = 1000, seed: int = 0) -> str:
    """Make a string of b, d and g in random order, each followed by its own vowels.

    b becomes ba, d becomes dii, g becomes guuu: which vowel comes, and how many, follows from the
    consonant; which consonant comes next does not follow from anything.

    Args:
        consonants: number of consonants drawn, at least 1.
        seed: seed of their order.

    Returns:
        The letters, as one string. Three per consonant on average.

    Raises:
        ValueError: if `consonants` is below 1.

    Source: Elman 1990, who used 1,000 consonants (2,993 letters).
    """
    _at_least("consonants", consonants, 1)
    drawn = np.random.default_rng(seed).integers(0, 3, size=consonants)
    return "".join(SYLLABLES["bdg"[k]] for k in drawn)


def letter_vectors(letters: str) -> np.ndarray:
    """Code letters by their six phonetic features.

    Args:
        letters: a string over a, b, d, g, i, u.

    Returns:
        The code, one row per letter, columns as in LETTER_FEATURES. Shape (letters, 6), float64.

    Raises:
        ValueError: if a letter has no code.

    Source: Elman 1990, table 1.
    """
    unknown = sorted(set(letters) - set(LETTER_CODE))
    if unknown:
        raise ValueError(
            f"`letters` may hold only {''.join(sorted(LETTER_CODE))}. Received: {unknown}. "
            "Example: letter_vectors('badiiguuu')."
        )
    return np.array([LETTER_CODE[c] for c in letters], dtype=np.float64).reshape(-1, 6)


def elman_grammar(sentences: int = 10_000, seed: int = 0) -> list[tuple[str, ...]]:
    """Make sentences of two or three words from Elman's templates of word classes.

    A template is drawn uniformly, then a word of each of its classes. The text of the paper gives 13
    classes and 15 templates, its tables list 12 and 16; the tables are used. Sixteen templates make
    2.75 words per sentence, 27,500 for 10,000 sentences, in keeping with the paper's 27,534.

    Args:
        sentences: number of sentences, at least 1.
        seed: seed of the draws.

    Returns:
        The sentences, each a tuple of two or three words of VOCABULARY.

    Raises:
        ValueError: if `sentences` is below 1.

    Source: Elman 1990, tables 3 and 4, figure 7.
    """
    _at_least("sentences", sentences, 1)
    rng = np.random.default_rng(seed)
    corpus = []
    for k in rng.integers(0, len(TEMPLATES), size=sentences):
        classes = [WORD_CLASSES[name] for name in TEMPLATES[k]]
        corpus.append(tuple(words[rng.integers(len(words))] for words in classes))
    return corpus


def next_word_likelihood(prefix: Sequence[str] = ()) -> np.ndarray:
    """Compute how likely each word is to follow the words of a sentence heard so far.

    Exact, by summing over the templates that could have made the prefix. Where the sentence may be
    over, the first word of the next one counts.

    Args:
        prefix: the words since the sentence began: none, one, two or three.

    Returns:
        Probabilities in the order of VOCABULARY, summing to 1. Shape (29,), float64.

    Raises:
        ValueError: if no template makes the prefix.

    Source: computed from Elman 1990, tables 3 and 4 (the paper took them from counts).
    """
    likelihood = np.zeros(len(VOCABULARY))
    over = 0.0  # weight of the templates that end with the prefix
    for template in TEMPLATES:
        if len(template) < len(prefix):
            continue
        classes = [WORD_CLASSES[name] for name in template]
        weight = 1.0
        for word, words in zip(prefix, classes, strict=False):
            weight *= (word in words) / len(words)
        if len(template) == len(prefix):
            over += weight
        else:
            following = classes[len(prefix)]
            for word in following:
                likelihood[VOCABULARY.index(word)] += weight / len(following)
    total = likelihood.sum() + over
    if total == 0:
        raise ValueError(
            f"`prefix` must begin a sentence of the grammar. Received: {tuple(prefix)}. "
            "Example: next_word_likelihood(('boy', 'see'))."
        )
    if over:
        likelihood += over * next_word_likelihood()
    return likelihood / total


def one_hot(ids: np.ndarray, size: int) -> np.ndarray:
    """Turn indices into rows with a single 1.

    Args:
        ids: indices from 0 to size - 1. Any shape, integers.
        size: number of columns.

    Returns:
        Shape (*ids.shape, size), float64.

    Raises:
        ValueError: if an index is out of range.
    """
    ids = np.asarray(ids)
    if ids.size and (ids.min() < 0 or ids.max() >= size):
        raise ValueError(
            f"`ids` must lie from 0 to size - 1 = {size - 1}. Received: {ids.min()} to {ids.max()}. "
            "Example: one_hot(np.array([0, 2]), 3)."
        )
    return np.eye(size)[ids]
