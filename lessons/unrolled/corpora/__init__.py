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
    draw_pictures,
    flip_units,
)
from unrolled.corpora.relations import RELATIONS, Pair, analogies, held_out_pairs, relation_sentences
from unrolled.corpora.topics import (
    FUNCTION_WORDS,
    SYNONYMS,
    TOPIC_VOCABULARY,
    TOPICS,
    padded_ids,
    topic_documents,
    zipf_documents,
)

__all__ = [
    "ALIKE_PICTURES",
    "FUNCTION_WORDS",
    "LETTER_CODE",
    "LETTER_FEATURES",
    "PICTURE_NAMES",
    "RELATIONS",
    "SYLLABLES",
    "SYNONYMS",
    "TEMPLATES",
    "TOPICS",
    "TOPIC_VOCABULARY",
    "UNLIKE_PICTURES",
    "VOCABULARY",
    "WORD_CLASSES",
    "Pair",
    "analogies",
    "draw_pictures",
    "elman_grammar",
    "flip_units",
    "held_out_pairs",
    "letter_sequences",
    "letter_vectors",
    "next_word_likelihood",
    "one_hot",
    "padded_ids",
    "relation_sentences",
    "temporal_xor",
    "topic_documents",
    "zipf_documents",
]
