"""Lesson 01: how the counting exercises are tested."""

import numpy as np

from autograder.exercise import NOT_BY_HAND, Case, Exercise, Malformed, Part, call_function, distinct_sizes, evenly

# These would be the answer.
LIBRARIES = (
    "sklearn.feature_extraction.text.CountVectorizer",
    "sklearn.feature_extraction.text.TfidfTransformer",
    "sklearn.feature_extraction.text.TfidfVectorizer",
    "sklearn.metrics.pairwise.cosine_similarity",
    "sklearn.decomposition.TruncatedSVD",
    "scipy.spatial.distance.cdist",
    "scipy.spatial.distance.pdist",
    "scipy.spatial.distance.cosine",
    "keras.ops.one_hot",
    "keras.utils.to_categorical",
    "keras.layers.TextVectorization",
)


def _numbers(inputs):
    """Arrays without axes as plain numbers."""
    return {name: array.item() if array.ndim == 0 else array for name, array in inputs.items()}


def _by_hand(id, points, draw, returns):
    """A function of arrays and numbers."""
    call = call_function(returns)

    def probe(function, inputs):
        with np.errstate(all="ignore"):  # what comes of a division by zero is judged, and named
            return call(function, _numbers(inputs))

    return Exercise(id, points, draw, probe, evenly(returns), "forward", forbidden=NOT_BY_HAND + LIBRARIES)


def draw_documents(rng: np.random.Generator) -> Case:
    """documents (documents, length), filled up with -1, vocabulary, and a larger vocabulary.

    Document 0 has the full length, one document has no words, one word stands twice in a document; the first word of
    the vocabulary occurs, and so does the last one, in document 0 and in one that is filled up. In the larger
    vocabulary the last words never occur.
    """
    sizes = distinct_sizes(rng, "documents", "length", low=5, high=9)
    vocabulary = int(rng.integers(11, 15))
    count, length = sizes.values()
    documents = rng.integers(0, vocabulary, (count, length))
    lengths = rng.integers(3, length, count)
    lengths[0], lengths[2] = length, 0
    documents[0] = rng.permutation(vocabulary)[:length]
    if vocabulary - 1 not in documents[0]:
        documents[0, rng.integers(length - 1)] = vocabulary - 1
    documents[1, 1] = documents[1, 0]
    documents[3, 0] = 0
    documents[4, 2] = documents[4, 0] = documents[4, 1]
    documents[3, 1] = vocabulary - 1
    documents[np.arange(length) >= lengths[:, np.newaxis]] = -1
    inputs = {"documents": documents, "vocabulary": np.array(vocabulary), "larger": np.array(vocabulary + 2)}
    return Case(inputs, sizes | {"vocabulary": vocabulary})


def probe_bag_of_words(bag_of_words, inputs):
    """The counts in a vocabulary whose last word occurs, and in one whose last words do not."""
    documents, vocabulary, larger = _numbers(inputs).values()
    again = documents.copy()
    return {"counts": bag_of_words(documents, vocabulary), "in_larger": bag_of_words(again, larger)}


def draw_counts(rng: np.random.Generator) -> Case:
    """counts (documents, vocabulary): one word never occurs, one in a single document, one wherever there are words.

    Two documents have no words.
    """
    documents, vocabulary = int(rng.integers(7, 10)), int(rng.integers(10, 14))
    counts = rng.integers(1, 6, (documents, vocabulary)) * (rng.random((documents, vocabulary)) < 0.4)
    everywhere, nowhere, once = rng.permutation(vocabulary)[:3]
    counts[:, everywhere] = rng.integers(1, 4, documents)
    only, *empty = rng.permutation(documents)[:3]
    counts[:, once] = 0
    counts[only, once] = 7
    counts[:, nowhere] = 0
    counts[empty] = 0
    return Case({"counts": counts.astype(np.float64)}, {"documents": documents, "vocabulary": vocabulary})


def draw_matrix(rng: np.random.Generator) -> Case:
    """X (rows, columns): zeros, positive and negative numbers, two fractions and a tiny number; one row is empty.

    More than half are zeros, and the sorts of entries are of different numbers, so that no two counts agree.
    """
    while True:
        rows, columns = int(rng.integers(4, 7)), int(rng.integers(8, 12))
        negative, positive = int(rng.integers(4, 6)), int(rng.integers(6, 9))
        others = negative + positive + 3
        if 2 * others < rows * columns and others * rows != rows * columns:
            break
    values = np.concatenate(
        [
            [0.3, 0.7, 1e-12],
            -rng.uniform(1, 5, negative),
            rng.uniform(1, 5, positive),
            np.zeros((rows - 1) * columns - others),
        ]
    )
    X = rng.permutation(values).reshape(rows - 1, columns)
    X = np.insert(X, rng.integers(rows), 0, axis=0)
    return Case({"X": X}, {"rows": rows, "columns": columns})


def draw_pairs(rng: np.random.Generator) -> Case:
    """A (first, features), B (second, features): lengths that differ, one row of each without a direction.

    One row of B points away from one of A. And a factor that makes them tiny, though not zero.
    """
    sizes = distinct_sizes(rng, "first", "second", "features", low=4, high=9)
    first, second, features = sizes.values()
    A = rng.standard_normal((first, features)) + 0.4
    B = rng.standard_normal((second, features)) + 0.4
    B[1] = 0.3 * rng.standard_normal(features) - A[0]
    A *= rng.permutation(np.geomspace(0.5, 20, first))[:, np.newaxis]
    B *= rng.permutation(np.geomspace(0.5, 20, second))[:, np.newaxis]
    A[rng.integers(1, first)] = 0
    B[rng.integers(2, second)] = 0
    return Case({"A": A, "B": B, "factor": np.array(1e-6)}, sizes)


def probe_cosines(cosine_similarity, inputs):
    """The cosines, and those of the same rows when they are tiny."""
    A, B, factor = _numbers(inputs).values()
    tiny = factor * A, factor * B
    with np.errstate(all="ignore"):
        return {"cosines": cosine_similarity(A, B), "tiny": cosine_similarity(*tiny)}


def draw_meetings(rng: np.random.Generator) -> Case:
    """counts (words, contexts) and a power: many zeros, one word and one context that met nothing."""
    words, contexts = int(rng.integers(6, 9)), int(rng.integers(9, 12))
    frequent = np.geomspace(1, 12, contexts)
    counts = rng.poisson(rng.permutation(frequent), (words, contexts)) * (rng.random((words, contexts)) < 0.7)
    counts[np.arange(words), np.arange(words)] += rng.integers(3, 9, words)
    counts[rng.integers(words)] = 0
    counts[:, contexts - 1] = 0
    inputs = {"counts": counts.astype(np.float64), "power": np.array(rng.uniform(0.5, 0.8))}
    return Case(inputs, {"words": words, "contexts": contexts})


def probe_ppmi(ppmi, inputs):
    """The PPMI with the default power, and with another one."""
    counts, power = _numbers(inputs).values()
    again = counts.copy()
    with np.errstate(all="ignore"):
        return {"ppmi": ppmi(counts), "ppmi_of_power": ppmi(again, power)}


def _turned(rng: np.random.Generator, size: int, columns: int) -> np.ndarray:
    """Orthonormal columns (size, columns): a product of reflections, so that every machine makes the same."""
    Q = np.eye(size)
    for _ in range(4):
        v = rng.standard_normal(size)
        Q -= 2 * np.outer(v, v @ Q) / (v @ v)
    return Q[:, :columns]


def _decomposed(rng: np.random.Generator, words: int, contexts: int, k: int) -> np.ndarray:
    """A matrix (words, contexts) with singular values well apart; in each column of U one entry is clearly largest.

    The entry that is largest, the first entry and the sum of a column say different things about its sign, and so does
    the largest entry of a row.
    """
    sigma = 9 * 0.7 ** np.arange(contexts)
    while True:
        U = _turned(rng, words, contexts)
        U *= np.sign(U[np.argmax(np.abs(U), axis=0), np.arange(contexts)])
        size = np.sort(np.abs(U[:, :k]), axis=0)
        first, total = U[0, :k], U[:, :k].sum(axis=0)
        rows = (U * sigma)[:, :k]
        told_apart = np.any(first < -0.02) and np.any(total < -0.02) and np.any(first * total < -4e-4)
        if told_apart and np.all(size[-1] > 1.05 * size[-2]) and np.any(rows.min(axis=1) < -1.05 * rows.max(axis=1)):
            break
    return (U * rng.choice([-1, 1], contexts) * sigma) @ _turned(rng, contexts, contexts).T


def draw_rows(rng: np.random.Generator) -> Case:
    """X (words, contexts) and k, and more matrices of that shape: in one, a library's signs may be right by chance."""
    words, contexts, k = int(rng.integers(9, 12)), int(rng.integers(6, 8)), int(rng.integers(3, 5))
    X, *more = (_decomposed(rng, words, contexts, k) for _ in range(6))
    inputs = {"X": X, "k": np.array(k), "more": np.array(more)}
    return Case(inputs, {"words": words, "contexts": contexts, "k": k})


def probe_svd(svd_embedding, inputs):
    """The vectors of one matrix, and those of some more, below each other."""
    X, k, more = _numbers(inputs).values()
    found = [svd_embedding(matrix.copy(), k) for matrix in more]
    if any(not isinstance(one, np.ndarray) or one.shape != found[0].shape for one in found):
        raise Malformed("It must return one array, of the stated shape, whatever the numbers in X.")
    return {"vectors": svd_embedding(X, k), "more": np.concatenate(found)}


EXERCISES = [
    Exercise(
        "counting.bag_of_words", 6, draw_documents, probe_bag_of_words, {"counts": Part(1, ("counts", "in_larger"))},
        "forward", forbidden=NOT_BY_HAND + LIBRARIES,
        about={
            "counts": "how often each word stands in each document",
            "in_larger": "the same, in a vocabulary with two more words, which no document holds",
        },
    ),
    _by_hand("counting.tf_idf", 9, draw_counts, ("weights",)),
    _by_hand("counting.sparsity", 3, draw_matrix, ("share",)),
    Exercise(
        "counting.cosine_similarity", 7, draw_pairs, probe_cosines,
        {"cosines": Part(0.8, ("cosines",)), "tiny": Part(0.2, ("tiny",))},
        "forward", forbidden=NOT_BY_HAND + LIBRARIES,
        about={
            "cosines": "the cosines",
            "tiny": "the cosines of the same rows, a million times shorter. They are tiny, and not zero",
        },
    ),
    Exercise(
        "counting.ppmi", 8, draw_meetings, probe_ppmi,
        {"default": Part(0.7, ("ppmi",)), "power": Part(0.3, ("ppmi_of_power",))},
        "forward", forbidden=NOT_BY_HAND + LIBRARIES,
        about={"ppmi": "the PPMI with the default power", "ppmi_of_power": "the PPMI with another power"},
    ),
    Exercise(
        "counting.svd_embedding", 7, draw_rows, probe_svd, {"vectors": Part(1, ("vectors", "more"))},
        "forward", forbidden=NOT_BY_HAND + LIBRARIES,
        about={"vectors": "the vectors of one matrix", "more": "the vectors of five other matrices, below each other"},
    ),
]  # fmt: skip
