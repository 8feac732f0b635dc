"""The counting reference: published tables, cases worked out by hand, eigenvectors, and properties."""

from collections import Counter
from math import log, sqrt

import numpy as np
import pytest
from scipy import spatial

from autograder import exercise as exercises
from solutions import counting

# scikit-learn's user guide, "Tf-idf term weighting": TfidfTransformer() with its defaults
GUIDE_COUNTS = np.array([[3, 0, 1], [2, 0, 0], [3, 0, 0], [4, 0, 0], [3, 2, 0], [3, 0, 2]], float)
GUIDE = np.array(
    [[0.85151335, 0, 0.52433293], [1, 0, 0], [1, 0, 0], [1, 0, 0], [0.55422893, 0.83236428, 0], [0.63035731, 0, 0.77630514]]
)  # fmt: skip
# Jurafsky and Martin, "Speech and language processing", 3rd edition draft: counts, and PPMI in bits, rounded
BOOK_COUNTS = np.array([[2, 8, 9, 442, 25], [0, 0, 1, 60, 19], [1670, 1683, 85, 5, 4], [3325, 3982, 378, 5, 13]], float)
BOOK = np.array([[0, 0, 0, 4.38, 3.30], [0, 0, 0, 4.10, 5.51], [0.18, 0.01, 0, 0, 0], [0.02, 0.09, 0.28, 0, 0]])


def random_counts(seed, rows=7, columns=9):
    rng = np.random.default_rng(seed)
    return (rng.integers(1, 9, (rows, columns)) * (rng.random((rows, columns)) < 0.5)).astype(float)


# Bags


def test_a_bag_that_can_be_counted_on_fingers():
    documents = np.array([[0, 3, 3, 0], [2, -1, -1, -1], [-1, -1, -1, -1]])
    assert counting.bag_of_words(documents, 5).tolist() == [[2, 0, 0, 2, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]]


@pytest.mark.parametrize("seed", range(3))
def test_a_bag_is_pythons_counter_and_does_not_know_the_order(seed):
    rng = np.random.default_rng(seed)
    documents = rng.integers(-1, 8, (20, 12))
    found = counting.bag_of_words(documents, 9)
    for row, document in zip(found, documents, strict=True):
        expected = Counter(word for word in document.tolist() if word != -1)
        assert {word: count for word, count in enumerate(row) if count} == expected
    assert np.array_equal(found, counting.bag_of_words(rng.permuted(documents, axis=1), 9))


@pytest.mark.parametrize("seed", range(20))
def test_in_the_draws_the_last_word_stands_in_a_full_document_and_in_a_filled_one(seed):
    (case,) = exercises.find("counting.bag_of_words").cases(seed, 1)
    documents, vocabulary, larger = case.inputs.values()
    has_it, filled = (documents == vocabulary - 1).any(axis=1), (documents < 0).any(axis=1)
    assert (has_it & filled).any() and (has_it & ~filled).any()
    assert (documents == 0).any() and (documents < 0).all(axis=1).any()
    assert documents.max() < vocabulary < larger


# tf-idf


def test_tf_idf_of_scikit_learns_user_guide():
    assert np.abs(counting.tf_idf(GUIDE_COUNTS) - GUIDE).max() <= 0.5e-8  # printed with eight digits


def test_tf_idf_of_two_documents_by_hand():
    """n = 2: word 0 in both, word 1 in one, word 2 in none; the second document has one word alone."""
    rare = log(3 / 2) + 1
    length = sqrt(4 + (3 * rare) ** 2)
    expected = [[2 / length, 3 * rare / length, 0], [1, 0, 0]]
    assert np.allclose(counting.tf_idf(np.array([[2.0, 3.0, 0.0], [5.0, 0.0, 0.0]])), expected, rtol=0, atol=1e-15)


def test_tf_idf_of_a_document_without_words_is_zero_and_it_counts_among_the_documents():
    with np.errstate(all="raise"):
        found = counting.tf_idf(np.array([[1.0, 1.0], [0.0, 0.0], [0.0, 4.0]]))
    first, second = log(4 / 2) + 1, log(4 / 3) + 1
    length = sqrt(first**2 + second**2)
    assert np.allclose(found, [[first / length, second / length], [0, 0], [0, 1]], rtol=0, atol=1e-15)


@pytest.mark.parametrize("seed", range(3))
def test_tf_idf_is_scikit_learns(seed):
    text = pytest.importorskip("sklearn.feature_extraction.text", reason="scikit-learn is no dependency of the course")
    counts = random_counts(seed)
    counts[2] = 0
    counts[:, 4] = 0
    assert np.allclose(
        counting.tf_idf(counts), text.TfidfTransformer().fit_transform(counts).toarray(), rtol=0, atol=1e-14
    )


# Sparsity


def test_sparsity_is_a_share_of_exact_zeros():
    assert counting.sparsity(np.array([[0, 1e-300, -1], [0, 0.5, 0]])) == 0.5
    assert counting.sparsity(np.zeros((2, 3))) == 1
    assert counting.sparsity(np.ones((2, 3))) == 0


# Cosines


@pytest.mark.parametrize("seed", range(3))
def test_cosines_are_scipys(seed):
    rng = np.random.default_rng(seed)
    A, B = rng.normal(size=(4, 6)) * [[1e-3], [1], [10], [1e4]], rng.normal(size=(5, 6))
    expected = 1 - spatial.distance.cdist(A, B, "cosine")
    assert np.allclose(counting.cosine_similarity(A, B), expected, rtol=0, atol=1e-14)


def test_tiny_rows_have_directions():
    A = np.array([[3.0, 4.0], [-4.0, 3.0]])
    assert np.allclose(counting.cosine_similarity(1e-6 * A, 1e-6 * A), np.eye(2), rtol=0, atol=1e-15)


def test_a_row_of_zeros_is_like_nothing():
    A = np.array([[3.0, 4.0], [0.0, 0.0]])
    with np.errstate(all="raise"):
        found = counting.cosine_similarity(A, np.array([[6.0, 8.0], [0.0, 0.0], [-4.0, 3.0]]))
    assert np.allclose(found, [[1, 0, 0], [0, 0, 0]], rtol=0, atol=1e-15)


# PPMI


def test_ppmi_of_a_published_table():
    assert np.abs(counting.ppmi(BOOK_COUNTS) / log(2) - BOOK).max() <= 0.005 + 1e-12  # printed with two digits


def test_ppmi_of_independent_words_is_zero():
    counts = np.outer([1.0, 2.0, 5.0], [3.0, 1.0, 4.0, 2.0])
    assert np.abs(counting.ppmi(counts)).max() <= 1e-15


def test_ppmi_with_a_power_by_hand():
    """Column sums 1, 9, 90; with power ½ they are 1, 3 and √90. Word 0 met contexts 0 and 1 alone: 1 + 9 of 100."""
    counts = np.array([[1.0, 9.0, 0.0], [0.0, 0.0, 90.0]])
    total = 1 + 3 + sqrt(90)
    expected = [
        [log(0.01 / (0.10 * 1 / total)), log(0.09 / (0.10 * 3 / total)), 0],
        [0, 0, log(0.90 / (0.90 * sqrt(90) / total))],
    ]
    assert np.allclose(counting.ppmi(counts, 0.5), expected, rtol=0, atol=1e-14)


def test_ppmi_of_what_met_nothing_is_zero():
    counts = np.array([[4.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0.0, 0.0, 2.0]])
    for power in (1.0, 0.75):
        with np.errstate(all="raise"):
            found = counting.ppmi(counts, power)
        assert not found[1].any() and not found[:, 1].any() and np.all(found[counts == 0] == 0)
        assert found[0, 0] > 0


# SVD


@pytest.mark.parametrize("seed", range(4))
def test_svd_vectors_are_eigenvectors_with_the_signs_of_the_rule(seed):
    X = np.random.default_rng(seed).normal(size=(8, 5))
    found = counting.svd_embedding(X, 3)
    values = np.sort(np.linalg.eigvalsh(X @ X.T))[::-1][:3]
    assert np.allclose(X @ X.T @ found, found * values, rtol=0, atol=1e-11 * values[0])
    assert np.allclose(found.T @ found, np.diag(values), rtol=0, atol=1e-12 * values[0])
    for column in found.T:
        assert column[np.argmax(np.abs(column))] > 0


def test_svd_vectors_of_all_components_keep_every_dot_product():
    X = np.random.default_rng(9).normal(size=(6, 4))
    found = counting.svd_embedding(X, 4)
    assert np.allclose(found @ found.T, X @ X.T, rtol=0, atol=1e-13)


def test_svd_vectors_do_not_depend_on_the_sign_of_the_matrix():
    X = np.random.default_rng(1).normal(size=(6, 4))
    assert np.allclose(counting.svd_embedding(X, 2), counting.svd_embedding(-X, 2), rtol=0, atol=1e-13)


def test_svd_of_a_diagonal_matrix_can_be_read_off():
    assert np.allclose(
        counting.svd_embedding(np.diag([2.0, -7.0, 3.0]), 2), [[0, 0], [7, 0], [0, 3]], rtol=0, atol=1e-14
    )


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (counting.bag_of_words, (np.array([[0, 1, -1], [2, 2, 0]]), 4)),
        (counting.tf_idf, (random_counts(0),)),
        (counting.cosine_similarity, (random_counts(1), random_counts(2))),
        (counting.ppmi, (random_counts(3), 0.75)),
        (counting.svd_embedding, (random_counts(4), 2)),
    ],
)
def test_arguments_stay_as_they_are(function, arguments):
    before = [np.copy(argument) for argument in arguments]
    function(*arguments)
    assert all(np.array_equal(a, b) for a, b in zip(arguments, before, strict=True))
