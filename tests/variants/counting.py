"""Right answers to the counting exercises in other clothes, and wrong ones that no catalogue lists."""

VARIANTS = {
    "bag_of_words, bincount for each document": (
        "counting.bag_of_words",
        """
def bag_of_words(documents, vocabulary):
    return np.stack([np.bincount(row[row >= 0], minlength=vocabulary) for row in documents])
""",
    ),
    "bag_of_words, plain loops that stop at the filling": (
        "counting.bag_of_words",
        """
def bag_of_words(docs, size):
    table = [[0] * size for _ in docs]
    for i, row in enumerate(docs.tolist()):
        for word in row:
            if word == -1:
                break
            table[i][word] += 1
    return np.array(table)
""",
    ),
    "bag_of_words, comparison with every word": (
        "counting.bag_of_words",
        """
def bag_of_words(documents, vocabulary):
    return (documents[:, :, np.newaxis] == np.arange(vocabulary)).sum(axis=1).astype(np.float32)
""",
    ),
    "bag_of_words, one more column for the filling": (
        "counting.bag_of_words",
        """
def bag_of_words(documents, vocabulary):
    counts = np.zeros((len(documents), vocabulary + 1))
    for place in range(documents.shape[1]):
        counts[np.arange(len(documents)), documents[:, place]] += 1
    return counts[:, :vocabulary]
""",
    ),
    "bag_of_words, what the -1 did to the last column taken away": (
        "counting.bag_of_words",
        """
def bag_of_words(documents, vocabulary):
    counts = np.zeros((len(documents), vocabulary))
    for row, words in zip(counts, documents):
        np.add.at(row, words, 1)
        row[-1] -= (words == -1).sum()
    return counts
""",
    ),
    "tf_idf, one document at a time": (
        "counting.tf_idf",
        """
def tf_idf(counts):
    n, size = counts.shape
    df = np.array([np.count_nonzero(counts[:, j]) for j in range(size)])
    out = np.zeros((n, size))
    for i in range(n):
        row = counts[i] * (1 + np.log(n + 1) - np.log(df + 1))
        length = np.linalg.norm(row)
        if length:
            out[i] = row / length
    return out
""",
    ),
    "tf_idf, relative frequencies first: the scaling takes them out again": (
        "counting.tf_idf",
        """
def tf_idf(counts):
    total = counts.sum(axis=1, keepdims=True)
    tf = np.divide(counts, total, out=np.zeros(counts.shape), where=total > 0)
    idf = 1 - np.log((1 + (counts != 0).sum(axis=0)) / (1 + counts.shape[0]))
    weights = tf @ np.diag(idf)
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(weights / np.linalg.norm(weights, axis=1)[:, None])
""",
    ),
    "sparsity, counted": (
        "counting.sparsity",
        """
def sparsity(X):
    return 1 - np.count_nonzero(X) / X.size
""",
    ),
    "sparsity, loops": (
        "counting.sparsity",
        """
def sparsity(matrix):
    zeros = sum(1 for row in matrix for value in row if value == 0)
    return zeros / (matrix.shape[0] * matrix.shape[1])
""",
    ),
    "cosine_similarity, divided afterwards": (
        "counting.cosine_similarity",
        """
def cosine_similarity(A, B):
    lengths = np.sqrt((A**2).sum(1))[:, None] * np.sqrt((B**2).sum(1))[None, :]
    dots = np.einsum("if,jf->ij", A, B)
    return np.divide(dots, lengths, out=np.zeros_like(dots), where=lengths != 0)
""",
    ),
    "cosine_similarity, one pair at a time": (
        "counting.cosine_similarity",
        """
def cosine_similarity(left, right):
    def cosine(a, b):
        if not a.any() or not b.any():
            return 0.0
        return np.dot(a, b) / np.sqrt(np.dot(a, a) * np.dot(b, b))
    return np.array([[cosine(a, b) for b in right] for a in left])
""",
    ),
    "cosine_similarity, NaN replaced": (
        "counting.cosine_similarity",
        """
def cosine_similarity(A, B):
    with np.errstate(all="ignore"):
        a = A / np.linalg.norm(A, axis=1)[:, None]
        b = B / np.linalg.norm(B, axis=1)[:, None]
    return np.nan_to_num(a).dot(np.nan_to_num(b).T)
""",
    ),
    "cosine_similarity, rows of zeros found by isclose": (
        "counting.cosine_similarity",
        """
def cosine_similarity(A, B):
    def unit(M):
        lengths = np.sqrt(np.einsum("if,if->i", M, M))
        return M / np.where(np.isclose(lengths, 0), 1, lengths)[:, None]
    return unit(A) @ unit(B).T
""",
    ),
    "ppmi, a difference of logarithms": (
        "counting.ppmi",
        """
def ppmi(counts, power=1.0):
    with np.errstate(all="ignore"):
        columns = counts.sum(axis=0) ** power
        pmi = np.log(counts) - np.log(counts.sum(axis=1))[:, None] - np.log(columns / columns.sum())
    pmi[counts == 0] = 0
    return np.maximum(pmi, 0)
""",
    ),
    "ppmi, one pair at a time": (
        "counting.ppmi",
        """
def ppmi(C, alpha=1.0):
    N = C.sum()
    rows = C.sum(axis=1)
    weights = [column.sum() ** alpha for column in C.T]
    out = np.zeros(C.shape)
    for i in range(C.shape[0]):
        for j in range(C.shape[1]):
            if C[i, j] > 0:
                value = np.log((C[i, j] / N) / (rows[i] / N * weights[j] / sum(weights)))
                out[i, j] = value if value > 0 else 0
    return out
""",
    ),
    "svd_embedding, one component after the other": (
        "counting.svd_embedding",
        """
def svd_embedding(X, k):
    U, s, Vt = np.linalg.svd(X)
    columns = []
    for c in range(k):
        column = s[c] * U[:, c]
        if column[np.argmax(abs(column))] < 0:
            column = -column
        columns.append(column)
    return np.stack(columns, axis=1)
""",
    ),
    "svd_embedding, X on the right singular vectors": (
        "counting.svd_embedding",
        """
def svd_embedding(X, k):
    V = np.linalg.svd(X, full_matrices=False)[2].T
    vectors = X @ V[:, :k]
    upside_down = vectors.max(axis=0) < -vectors.min(axis=0)
    return np.where(upside_down, -vectors, vectors)
""",
    ),
    "svd_embedding, SciPy's decomposition": (
        "counting.svd_embedding",
        """
import scipy.linalg

def svd_embedding(X, k):
    U, sigma, _ = scipy.linalg.svd(X)
    E = U[:, :k] @ np.diag(sigma[:k])
    return E * np.where(np.abs(E.min(axis=0)) > E.max(axis=0), -1, 1)
""",
    ),
    "svd_embedding, eigenvectors": (
        "counting.svd_embedding",
        """
def svd_embedding(X, k):
    values, vectors = np.linalg.eigh(X @ X.T)
    order = np.argsort(values)[::-1][:k]
    found = vectors[:, order] * np.sqrt(values[order])
    return found * np.sign(np.take_along_axis(found, np.abs(found).argmax(axis=0)[None], axis=0))
""",
    ),
}

MADE_UP = [
    ("counting.bag_of_words", "places]), 1)", "places]), 2)"),
    ("counting.bag_of_words", "return counts", "return counts[::-1]"),
    ("counting.bag_of_words", "return counts", "counts[0] = 0\n    return counts"),
    ("counting.tf_idf", "np.log((1 + n) / (1 + df)) + 1", "np.log((2 + n) / (2 + df)) + 1"),
    ("counting.tf_idf", "weights = counts * idf", "weights = np.sqrt(counts) * idf"),
    ("counting.sparsity", "X == 0", "X == X[0, 0]"),
    ("counting.sparsity", "np.mean(X == 0)", "np.mean(X == 0) ** 2"),
    ("counting.cosine_similarity", "return unit_A @ unit_B.T", "return np.tanh(unit_A @ unit_B.T)"),
    ("counting.cosine_similarity", "return unit_A @ unit_B.T", "return 0.99 * unit_A @ unit_B.T"),
    ("counting.cosine_similarity", "return unit_A", "return A / (lengths_A + 1e-8)"),
    ("counting.cosine_similarity", "return unit_A @ unit_B.T", "return A @ B.T / (lengths_A * lengths_B.T + 1e-12)"),
    ("counting.ppmi", "np.maximum(ratio, 1)", "np.maximum(ratio, 2)"),
    ("counting.ppmi", "p_word = p.sum(axis=1, keepdims=True)", "p_word = p.max(axis=1, keepdims=True)"),
    ("counting.svd_embedding", "sigma[:k]", "sigma[0]"),
    ("counting.svd_embedding", "return vectors * signs", "return np.tanh(vectors) * signs"),
]
