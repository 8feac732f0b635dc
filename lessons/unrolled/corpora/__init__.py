"""Small corpora that the course generates itself, each from a seed, a module for each topic.

Nothing is read from a disk or a network. The same arguments give the same corpus on every machine.
"""

from unrolled.corpora.elman import (
    LETTER_CODE,
    LETTER_FEATURES,
    SYLLABLES,
    TEMPLATES,
    VOCABULARY,
    WORD_CLASSES,
    elman_grammar,
    letter_sequences,
    letter_vectors,
    next_word_likelihood,
    one_hot,
    temporal_xor,
)

__all__ = [
    "LETTER_CODE",
    "LETTER_FEATURES",
    "SYLLABLES",
    "TEMPLATES",
    "VOCABULARY",
    "WORD_CLASSES",
    "elman_grammar",
    "letter_sequences",
    "letter_vectors",
    "next_word_likelihood",
    "one_hot",
    "temporal_xor",
]
