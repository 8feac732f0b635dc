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
from unrolled.corpora.pictures import (
    ALIKE_PICTURES,
    PICTURE_NAMES,
    UNLIKE_PICTURES,
    flip_units,
    pictures,
)

__all__ = [
    "ALIKE_PICTURES",
    "LETTER_CODE",
    "LETTER_FEATURES",
    "PICTURE_NAMES",
    "SYLLABLES",
    "TEMPLATES",
    "UNLIKE_PICTURES",
    "VOCABULARY",
    "WORD_CLASSES",
    "elman_grammar",
    "flip_units",
    "letter_sequences",
    "letter_vectors",
    "next_word_likelihood",
    "one_hot",
    "pictures",
    "temporal_xor",
]
