"""Lesson 01: what its cells print is what its prose says, and the published numbers come out."""

import re

import keras
import numpy as np
import pytest
from unrolled import counting as drawings
from unrolled import figures

from autograder import reference
from autograder.build.lesson import SOURCES, read
from tests.lesson_cells import Ran, assert_drawn, prose_of

LESSON = read(SOURCES / "01_counting.py")


@pytest.fixture(scope="module")
def ran():
    from keras import ops
    from unrolled import corpora

    names = {**reference.load("counting"), "np": np, "keras": keras, "ops": ops}
    return Ran(LESSON, names | {"corpora": corpora, "counting": drawings, "figures": figures})


@pytest.fixture(scope="module")
def prose():
    return prose_of(LESSON)


def row(text, name):
    """The numbers of the line that begins with a name."""
    line = next(line for line in text.split("\n") if line.startswith(name))
    return [float(n) for n in re.findall(r"-?\d[\d,]*\.?\d*", line.removeprefix(name).replace(",", ""))]


# Published numbers


def test_tf_idf_is_that_of_scikit_learns_user_guide(ran):
    """The guide prints eight digits."""
    tf_idf, six, guide = (ran.names[name] for name in ("tf_idf", "six", "GUIDE"))
    assert np.abs(tf_idf(six) - guide).max() <= 0.5e-8
    assert guide[0].tolist() == [0.85151335, 0, 0.52433293]


def test_ppmi_is_that_of_jurafsky_and_martins_table(ran):
    ppmi, met, book = ran.names["ppmi"], np.array([[2, 8, 9, 442, 25], [0, 0, 1, 60, 19], [1670, 1683, 85, 5, 4], [3325, 3982, 378, 5, 13]]), ran.names["BOOK"]  # fmt: skip
    assert met.sum() == 11716  # as the book prints it
    assert np.abs(ppmi(met.astype(float)) / np.log(2) - book).max() <= 0.005 + 1e-12


def test_over_99_percent_are_zeros_at_10_000_short_documents_and_100_000_words(ran):
    matrix, full, sizes = ran.names["matrix"], ran.names["full"], ran.names["sizes"]
    assert matrix.shape == (10_000, 100_000)
    assert 1 - matrix.nnz / 1e9 > 0.99
    assert full[sizes.index(100_000)] == matrix.nnz / 1e9
    assert all(share <= 60 / size for share, size in zip(full, sizes, strict=True))  # no document has more words
    assert all(a > b for a, b in zip(full, full[1:], strict=False))
    assert matrix.sum() == (ran.names["long_tail"] >= 0).sum()
    assert np.all(matrix.sum(axis=1) == (ran.names["long_tail"] >= 0).sum(axis=1))


def test_the_students_functions_agree_with_the_sparse_matrix(ran):
    text = ran.text("sparsity against vocabulary size")
    assert "on the first 100 documents agrees: True" in text
    assert row(text, "   100,000")[0] == pytest.approx(99.973, abs=5e-4)


def test_keras_counts_agree_and_its_idf_is_the_other_formula(ran):
    text = ran.text("your bag of words beside Keras")
    assert text.count("True") == 2 and "False" not in text
    assert (
        np.abs(ran.names["by_keras"] - (ran.names["counts"] * ran.names["keras_idf"])[:, ran.names["order"]]).max()
        < 1e-5
    )  # float32
    assert row(text, "the") == [355, 1.119, 0.753]


# What the prose says about the demos


@pytest.mark.parametrize(
    ("name", "numbers", "said"),
    [
        ("one-hot codes", [90, 12, 0, 0, 0], "12 of the 72 are on its topic"),
        ("columns of tf-idf", [400, 72, 0, 0.24, 0.03], "Synonyms do not, so theirs is 0"),
        ("counts of neighbours", [90, 65, 0.66, 0.82, 0.63], "alike, .63 even between words of two topics"),
        ("PPMI ", [90, 71, 0.61, 0.58, 0.13], "brings that down to .13"),
        ("PPMI, 2 components", [2, 45, 1.0, 0.98, 0.71], "too few for six topics: 45 of 72"),
        ("PPMI, 6 components", [6, 71, 0.98, 0.95, 0.22], "Synonyms have .98 now, and words of one topic .95"),
    ],
)
def test_prose_and_printed_table_of_vectors_agree(ran, prose, name, numbers, said):
    line = next(line for line in ran.text("how often a word's nearest").split("\n") if line.startswith(name))
    found = [float(n) for n in line[24:].split()]
    assert found[:2] == numbers[:2]
    assert found[2:] == pytest.approx(numbers[2:], abs=0.0051)  # one unit of the last printed digit
    assert re.sub(r"[*] ", "", said) in prose.replace("# * ", "")


def test_synonyms_never_meet_and_still_end_beside_each_other(ran):
    assert "synonyms met each other 0 times" in ran.text("how often a word's nearest")
    hits, synonyms, own, other = ran.names["judge"](ran.names["vectors"])
    assert synonyms > own > other
    for pair in ran.names["PAIRS"]:
        assert ran.names["met"][pair] == 0


def test_search_by_word_vectors_finds_what_tf_idf_cannot(ran, prose):
    text = ran.text('the search for "boat" again')
    assert row(text, "on the sea, with the word ship") == pytest.approx([41, 0, 0.932], abs=0.0011)
    assert row(text, "of the 60 best by word vectors") == [59]
    assert "A document about ships now has .93, almost as much as one about boats (.94), and 59 of the 60 best" in prose
    assert row(text, "on the sea, with the word boat") == pytest.approx([16, 0.554, 0.941], abs=0.0011)
    assert row(text, "of the 60 best by tf-idf") == [18]
    assert "the 46 documents that say *boat*, 16 of them on the sea. The other 14 of the printed 60" in prose
    assert "two of them are on the sea" in prose and 46 + 14 == 60 and 16 + 2 == 18
    assert np.sum(ran.names["cosine"] > 0) == 46


def test_what_the_prose_says_of_the_plane_and_of_the_word_the(ran, prose):
    vectors, vocabulary, groups = (ran.names[name] for name in ("vectors", "vocabulary", "groups"))
    cosines = ran.names["cosine_similarity"](vectors, vectors)
    nearest = (cosines - 3 * np.eye(len(cosines))).argmax(axis=1)
    missed = [word for k, word in enumerate(vocabulary[:72]) if groups[nearest[k]] != groups[k]]
    assert missed == ["bee"] and groups[vocabulary.index("bee")] == "garden"
    assert "The one garden word among the market is *bee*, the one miss of the table" in prose
    the = cosines[vocabulary.index("the"), [vocabulary.index(word) for word in ran.names["ten"][:-1]]]
    assert (the.min(), the.max()) == pytest.approx((0.36, 0.76), abs=0.005)
    assert "seems to resemble everything, with cosines of .36 to .76," in prose


def test_the_matrix_empties_and_the_formulas_differ_as_much_as_is_said(ran, prose):
    full = dict(zip(ran.names["sizes"], ran.names["full"], strict=True))
    ratios = [full[size] / full[10 * size] for size in (100, 1_000, 10_000)]
    assert 6 < min(ratios) < 6.5 and 7.5 < max(ratios) < 8
    assert any("Ten times more words, six to eight times emptier" in cell.text for cell in LESSON.cells)
    text = ran.text("your bag of words beside Keras")
    less = [1 - keras_idf / idf for _, idf, keras_idf in (row(text, word) for word in ("the", "boat", "rope"))]
    assert 0.23 < min(less) < 0.25 and 0.32 < max(less) < 0.34
    assert "two that differ by a quarter to a third" in prose


def test_what_goes_wrong_is_what_the_prose_says(ran, prose):
    text = ran.text("what usual mistakes do")
    assert "PPMI 7.55 with power .75: 5.84" in re.sub(r" +", " ", text)
    assert "has a PPMI of 7.55, the two that met 500 times .16" in prose and "down to 5.84" in prose
    assert "correlation 0.99" in text or "correlation 1.00" in text  # of raw counts with frequency
    assert "cosines True" in text
    # by hand: 1 of 1901 meetings, the only one of both the word and the context
    assert np.log(1901) == pytest.approx(7.55, abs=0.005)


# Figures

GROUPS = ["left"] * 3 + ["right"] * 2
MATRIX = np.array([[0, 1, 2, 0, 0], [0, 0, 3, 0, 0], [0, 0, 0, 1, 1.0]])
COSINES = np.eye(5)
DRAWN = {
    "pipeline": drawings.pipeline,
    "document_terms": lambda: drawings.document_terms({"a": MATRIX, "b": MATRIX}, ["x", "x", "y"], GROUPS, "Blocks"),
    "similarity_maps": lambda: drawings.similarity_maps({"a": COSINES, "b": COSINES}, list("abcde"), "Alike"),
    "topic_maps": lambda: drawings.topic_maps({"a": COSINES}, GROUPS, "Alike"),
    "components": lambda: drawings.components(lambda k: COSINES, GROUPS, (1, 2, 5), live=False),
    "word_plane": lambda: drawings.word_plane(
        MATRIX @ np.eye(5), ["a", "b", "c"], ["x", "x", "y"], [("a", "b")], "Near"
    ),
    "density": lambda: drawings.density([10, 100], np.array([0.5, 0.1]), np.array([1, 0.6]), "Emptier"),
}


def test_the_names_of_pairs_cover_no_point_and_no_other_name():
    """In the figure of the lesson, and as wide as they are drawn."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(40, 2)) * (3, 1)
    words, pairs = [f"word{k}" for k in range(40)], [("word0", "word1"), ("word2", "word3"), ("word4", "word5")]
    figure = drawings.word_plane(vectors, words, ["x"] * 40, pairs, "Near")
    axes = figure.axes[0]
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in axes.texts]
    assert [text.get_text() for text in axes.texts] == ["word0 – word1", "word2 – word3", "word4 – word5"]
    points = axes.transData.transform(np.concatenate([dots.get_offsets() for dots in axes.collections]))
    assert len(points) == 40
    assert not any(box.contains(*point) for box in boxes for point in points)
    assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k])


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_has_a_title_and_can_be_drawn(name, tmp_path):
    assert_drawn(DRAWN[name](), tmp_path)


def test_runs_of_equal_groups_have_their_names_in_the_middle():
    assert drawings._middles(GROUPS) == ([1.0, 3.5], ["left", "right"], [2.5])


def test_components_has_a_slider_where_there_can_be_one_and_shows_whole_numbers():
    asked = []

    def cosines(k):
        asked.append(k)
        return COSINES

    box = drawings.components(cosines, GROUPS, (1, 2, 5), live=True)
    slider = box.children[0]
    assert (slider.min, slider.max) == (1, 5)
    assert asked and all(isinstance(k, int) for k in asked)
