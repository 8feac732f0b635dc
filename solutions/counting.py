"""Words as counts: the reference answers of lesson 01.

    idf_j = ln((1 + n) / (1 + df_j)) + 1                how rare word j is among n documents
    cos(a, b) = a · b / (|a| |b|)                       how alike two directions are
    PMI_ij = ln(p_ij / (p_i q_j))                       how much oftener i meets j than by chance
    X = U diag(σ) Vᵀ                                    the singular value decomposition

A word is its index, an integer from 0. A document is a row of indices, filled up with -1 at its end. Functions
are cache-free: what they need is an argument, what they give is an array or a number.

Sources: Spärck Jones 1972, "A statistical interpretation of term specificity and its application in retrieval";
Salton, Wong, Yang 1975, "A vector space model for automatic indexing"; Church, Hanks 1990, "Word association norms,
mutual information, and lexicography"; Deerwester, Dumais, Furnas, Landauer, Harshman 1990, "Indexing by latent
semantic analysis"; Levy, Goldberg, Dagan 2015, "Improving distributional similarity with lessons learned from word
embeddings".
"""

import numpy as np


def bag_of_words(documents, vocabulary):
    """Count how often each word stands in each document. The order of the words is lost.

    Args:
        documents: one document in each row, as word indices from 0 to vocabulary - 1. A document that is shorter
            than the longest one is filled up with -1 at its end. Shape (documents, length), integers.
        vocabulary: the number of words. A positive integer.

    Returns:
        counts, the document-term matrix: row i, column j says how often word j stands in document i.
        Shape (documents, vocabulary).

    Source: Salton, Wong, Yang 1975.
    """
    ### BEGIN SOLUTION
    counts = np.zeros((len(documents), vocabulary))
    rows, places = np.nonzero(documents >= 0)  # (words in all,) each
    np.add.at(counts, (rows, documents[rows, places]), 1)
    return counts
    ### END SOLUTION


def tf_idf(counts):
    """Weigh counts by how rare their words are, and scale every document to length 1.

    idf_j = ln((1 + n) / (1 + df_j)) + 1, where n is the number of documents and df_j the number of documents in
    which word j stands. Each row of counts times idf is divided by its length (the root of the sum of squares). A
    document without words stays a row of zeros.

    Args:
        counts: how often each word stands in each document. Shape (documents, vocabulary).

    Returns:
        weights. Shape (documents, vocabulary).

    Source: Spärck Jones 1972 for the idea, scikit-learn's `TfidfTransformer` (its defaults) for the formula.
    """
    ### BEGIN SOLUTION
    n = len(counts)
    df = (counts > 0).sum(axis=0)  # (vocabulary,)
    idf = np.log((1 + n) / (1 + df)) + 1
    weights = counts * idf  # (documents, vocabulary)
    lengths = np.sqrt((weights**2).sum(axis=1, keepdims=True))  # (documents, 1)
    return weights / np.where(lengths > 0, lengths, 1)
    ### END SOLUTION


def sparsity(X):
    """Measure how empty a matrix is: the share of its entries that are exactly zero.

    Args:
        X: any matrix of numbers. Shape (rows, columns).

    Returns:
        The share, one number from 0 (no zeros) to 1 (nothing else).
    """
    ### BEGIN SOLUTION
    return np.mean(X == 0)
    ### END SOLUTION


def cosine_similarity(A, B):
    """Compare every row of A with every row of B: the cosine of the angle between them.

    A row of zeros has no direction. Its cosine with every row is 0.

    Args:
        A: one vector in each row. Shape (first, features).
        B: the vectors to compare with. Shape (second, features).

    Returns:
        The cosines, from -1 to 1. Shape (first, second).

    Source: Salton, Wong, Yang 1975.
    """
    ### BEGIN SOLUTION
    lengths_A = np.linalg.norm(A, axis=1, keepdims=True)  # (first, 1)
    lengths_B = np.linalg.norm(B, axis=1, keepdims=True)  # (second, 1)
    unit_A = A / np.where(lengths_A > 0, lengths_A, 1)
    unit_B = B / np.where(lengths_B > 0, lengths_B, 1)
    return unit_A @ unit_B.T
    ### END SOLUTION


def ppmi(counts, power=1.0):
    """Compute the positive pointwise mutual information of words and contexts.

    PMI_ij = ln(p_ij / (p_i q_j)), and PPMI is PMI where it is positive, 0 elsewhere. Where a count is 0, PPMI is 0.

    p_ij is the share of all counts that stands at (i, j), and p_i the share of word i, which is the sum of row i of p.
    q_j belongs to context j: the column sums of the counts, each raised to `power`, divided by their sum. With
    power = 1 that is the share of context j.

    Args:
        counts: how often each word met each context. Shape (words, contexts).
        power: the exponent of the contexts' counts. With less than 1, rare contexts weigh less.

    Returns:
        The PPMI, in nats, nowhere negative. Shape (words, contexts).

    Source: Church, Hanks 1990; Levy, Goldberg, Dagan 2015 for the power.
    """
    ### BEGIN SOLUTION
    p = counts / counts.sum()  # (words, contexts)
    p_word = p.sum(axis=1, keepdims=True)  # (words, 1)
    raised = counts.sum(axis=0) ** power  # (contexts,)
    q_context = raised / raised.sum()
    expected = p_word * q_context  # (words, contexts)
    ratio = np.ones(p.shape)  # whose logarithm is 0
    np.divide(p, expected, out=ratio, where=p > 0)
    return np.log(np.maximum(ratio, 1))
    ### END SOLUTION


def svd_embedding(X, k):
    """Give every row of a matrix a short vector, by its singular value decomposition.

    X = U diag(σ) Vᵀ, with σ from the largest to the smallest. The vectors are the first k columns of U, each
    times its σ. In each column the entry that is largest in size is positive: a column that comes out the other way
    round changes its sign as a whole.

    Args:
        X: one word in each row. Shape (words, contexts).
        k: the number of components. A positive integer, at most the smaller side of X.

    Returns:
        The vectors, one in each row. Shape (words, k).

    Source: Deerwester et al. 1990.
    """
    ### BEGIN SOLUTION
    U, sigma, _ = np.linalg.svd(X, full_matrices=False)
    vectors = U[:, :k] * sigma[:k]  # (words, k)
    largest = np.argmax(np.abs(vectors), axis=0)  # (k,)
    signs = np.sign(vectors[largest, np.arange(k)])
    return vectors * signs
    ### END SOLUTION
