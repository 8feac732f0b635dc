"""Small corpora that the course generates itself, each from a seed, a module for each topic.

Nothing is read from a disk or a network. The same arguments give the same corpus on every machine.
"""

from unrolled.corpora.adding import adding_problem
from unrolled.corpora.arm import (
    ARM_SHAPES,
    arm_positions,
    arm_trajectories,
    hand_path,
    joint_angles,
)
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
from unrolled.corpora.reber import REBER_GRAPH, REBER_SYMBOLS, legal_symbols, reber_arrays, reber_strings
from unrolled.corpora.recall import (
    NO_ANSWER,
    RECALL_FEATURES,
    RECALL_SYMBOLS,
    recall,
    recall_by_distance,
    running_parity,
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
    "ARM_SHAPES",
    "FUNCTION_WORDS",
    "LETTER_CODE",
    "LETTER_FEATURES",
    "NO_ANSWER",
    "PICTURE_NAMES",
    "REBER_GRAPH",
    "REBER_SYMBOLS",
    "RECALL_FEATURES",
    "RECALL_SYMBOLS",
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
    "adding_problem",
    "analogies",
    "arm_positions",
    "arm_trajectories",
    "draw_pictures",
    "elman_grammar",
    "flip_units",
    "hand_path",
    "held_out_pairs",
    "joint_angles",
    "legal_symbols",
    "letter_sequences",
    "letter_vectors",
    "next_word_likelihood",
    "one_hot",
    "padded_ids",
    "reber_arrays",
    "reber_strings",
    "recall",
    "recall_by_distance",
    "relation_sentences",
    "running_parity",
    "temporal_xor",
    "topic_documents",
    "zipf_documents",
]
