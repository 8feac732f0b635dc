"""Lesson 02's numbers: what the notebook shows of word2vec is recomputed here, and its helpers do what they say."""

import functools

import numpy as np
import pytest
from matplotlib.figure import Figure
from unrolled import corpora, word2vec

from autograder.gradients import numeric_gradient
from solutions import word2vec as reference

ENOUGH = 0.8  # of the analogies, which the course promises
LONGEST = 60  # seconds of training on two cores


def by_analogy(W):
    return lambda a, b, c: reference.analogy(a, b, c, W, 1)[0]


def windows(text, size):
    return word2vec.without_stops(*reference.context_windows(text.tokens, size))


@functools.cache
def learned(seed, size=3):
    """The text, the questions and the vectors of one seed, as the lesson trains them."""
    text = word2vec.encode(corpora.relation_sentences(200_000, seed), gap=size)
    noise = reference.noise_distribution(text.counts)
    return text, corpora.analogies(seed), word2vec.train(windows(text, size), noise, word2vec.Settings(seed=seed))


def assert_analogies_hold(seed):
    text, questions, trained = learned(seed)
    right = word2vec.score_analogies(questions, text.index, by_analogy(trained.W_in))
    frequency = word2vec.score_analogies(questions, text.index, word2vec.most_frequent_of_kind(text, questions))
    neighbour = word2vec.score_analogies(questions, text.index, word2vec.nearest_to_c(trained.W_in))
    start = np.random.default_rng(seed).normal(size=trained.W_in.shape)
    untrained = word2vec.score_analogies(questions, text.index, by_analogy(start))
    assert right["all"] >= ENOUGH
    assert min(right.values()) >= ENOUGH  # in each relation by itself
    # With n possible answers: it answers the most frequent one but b. Of the n (n - 1) questions it is right in n - 1
    # (that word is d, and so not b) and in one more (that word is b, and the second most frequent one is d).
    for name, group in questions.items():
        n = len({one[3] for one in group})
        assert frequency[name] == pytest.approx(n / (n * (n - 1)))
    assert neighbour["all"] < 0.25 and untrained["all"] < 0.02
    assert trained.seconds < LONGEST


def test_held_out_analogies_are_answered_and_the_baselines_are_not():
    assert_analogies_hold(0)


@pytest.mark.full
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_held_out_analogies_are_answered_at_the_other_seeds(seed):
    assert_analogies_hold(seed)


def test_steps_of_held_out_pairs_agree_more_than_those_with_partners_exchanged():
    text, _, trained = learned(0)
    for pairs in corpora.held_out_pairs(0).values():
        first, second = ([text.index[pair[k]] for pair in pairs] for k in (0, 1))
        true = word2vec.offset_agreement(trained.W_in, first, second)
        assert true > word2vec.offset_agreement(trained.W_in, first, np.roll(second, 1)) + 0.05
        assert true > 0.8


@pytest.mark.full
def test_a_window_of_two_misses_what_a_thinned_out_text_brings_within_reach():
    text, questions, narrow = learned(0, size=2)
    short = word2vec.score_analogies(questions, text.index, by_analogy(narrow.W_in))["all"]
    sentences = corpora.relation_sentences(200_000, 0)
    for formula in ("paper", "code"):
        thin = word2vec.encode(word2vec.subsample(sentences, 0.005, np.random.default_rng(0), formula), gap=2)
        trained = word2vec.train(windows(thin, 2), reference.noise_distribution(thin.counts), word2vec.Settings())
        assert word2vec.score_analogies(questions, thin.index, by_analogy(trained.W_in))["all"] > short + 0.25


def test_cbow_does_not_know_the_order_of_its_context():
    text, _, trained = learned(0)
    contexts, targets = (array[:1000] for array in windows(text, 3))
    shuffled = np.random.default_rng(0).permuted(contexts, axis=1)
    assert np.any(shuffled != contexts)
    as_it_is, changed = (reference.cbow_forward(c, targets, trained.W_in, trained.W_out) for c in (contexts, shuffled))
    assert np.allclose(as_it_is, changed, rtol=1e-12, atol=0)
    blind = reference.cbow_forward(contexts[:, :3], targets, trained.W_in, trained.W_out)
    assert blind.mean() > 2 * as_it_is.mean()


def title(figure):
    (axes,) = figure.axes
    return axes.get_title(loc="left") or axes.get_title()  # where it stands is up to the style


def small(seed=0):
    rng = np.random.default_rng(seed)
    W_in, W_out = rng.normal(size=(2, 7, 3))
    return W_in, W_out, rng.integers(0, 4, (5, 4)), rng.integers(0, 4, 5), rng.integers(0, 4, (5, 3))


def test_the_fast_gradients_are_the_gradients_of_the_fast_loss():
    W_in, W_out, *batch = small()
    _, dW_in, dW_out = word2vec.fast_gradients(W_in, W_out, *batch)
    tables = {"W_in": W_in, "W_out": W_out}
    true = numeric_gradient(lambda W_in, W_out: word2vec.fast_gradients(W_in, W_out, *batch)[0], tables).values
    for found, name in ((dW_in, "W_in"), (dW_out, "W_out")):
        assert np.allclose(found, true[name], rtol=0, atol=1e-8)


def test_the_fast_loss_is_the_mean_of_the_exercises_loss():
    W_in, W_out, contexts, targets, negatives = small(1)
    assert np.any(negatives == targets[:, None])
    loss = reference.negative_sampling_forward(W_in[contexts].mean(axis=1), targets, negatives, W_out)
    assert word2vec.fast_gradients(W_in, W_out, contexts, targets, negatives)[0] == pytest.approx(
        loss.mean(), rel=1e-12
    )


def test_add_rows_adds_and_overwrite_rows_keeps_one():
    rows, indices = np.array([[1.0, 2], [10, 20], [100, 200]]), np.array([2, 0, 2])
    assert word2vec.add_rows(rows, indices, 4).tolist() == [[10, 20], [0, 0], [101, 202], [0, 0]]
    assert word2vec.overwrite_rows(rows, indices, 4).tolist() == [[10, 20], [0, 0], [100, 200], [0, 0]]


def test_encoded_sentences_are_so_far_apart_that_no_window_holds_words_of_two():
    text = word2vec.encode([("a", "b"), ("c",), ("a", "d", "e")], gap=2)
    contexts, targets = windows(text, 2)
    assert [text.words[t] for t in targets] == ["a", "b", "c", "a", "d", "e"]
    assert [text.words[w] for w in contexts[2]] == ["."] * 4
    assert text.counts.tolist() == [0, 2, 1, 1, 1, 1]


def test_skip_gram_examples_are_all_pairs_of_a_word_and_its_neighbours():
    text = word2vec.encode([("a", "b", "c")], gap=1)
    given, predicted = word2vec.skip_gram_examples(*windows(text, 1))
    name = text.words
    assert [(name[g], name[p]) for g, p in zip(given[:, 0], predicted, strict=True)] == [
        ("a", "b"),
        ("b", "a"),
        ("b", "c"),
        ("c", "b"),
    ]


def test_the_paper_thins_from_t_on_and_the_program_from_2_618_t_on():
    golden = (1 + np.sqrt(5)) / 2  # t / f = ((√5 - 1) / 2)², so f = 2.618 t = golden² t
    f = np.array([0.5, 1, 1.01, golden**2 - 0.01, golden**2 + 0.01, 4])
    assert (word2vec.keep_probability(f, 1.0, "paper") < 1).tolist() == [False, False, True, True, True, True]
    assert (word2vec.keep_probability(f, 1.0, "code") < 1).tolist() == [False, False, False, False, True, True]
    assert word2vec.keep_probability(np.array([4.0]), 1.0, "paper")[0] == 0.5
    assert word2vec.keep_probability(np.array([4.0]), 1.0, "code")[0] == 0.75


def test_subsampling_keeps_as_much_of_a_word_as_its_probability_says():
    sentences = [("the", "rare")] + [("the", "cat")] * 9999
    kept = sum(s.count("the") for s in word2vec.subsample(sentences, 0.125, np.random.default_rng(0)))
    # f = 1/2, sqrt(.125 / .5) = 1/2: 5,000 of 10,000, standard deviation 50
    assert abs(kept - 5000) < 5 * 50


def test_company_counts_sentences_and_not_a_word_with_itself():
    met = word2vec.company([("a", "b", "b"), ("b",), ("a", "c")], ["a", "b"], ["a", "b", "c"])
    assert met.tolist() == [[0, 1, 1], [1, 0, 0]]


def test_nearest_leaves_the_word_itself_out_and_ranks_by_cosine():
    W = np.array([[1.0, 0], [5, 0.1], [1, 1], [-1, 0]])
    assert word2vec.nearest(0, W, 3).tolist() == [1, 2, 3]
    assert word2vec.nearest_to_c(W)(1, 3, 0) == 2


def test_training_with_the_exercises_functions_gives_the_same_vectors_as_the_fast_helper():
    def gradients(W_in, W_out, contexts, targets, negatives):
        h = W_in[contexts].mean(axis=1)
        loss = reference.negative_sampling_forward(h, targets, negatives, W_out)
        dh, dW_out = reference.negative_sampling_backward(np.full(len(h), 1 / len(h)), h, targets, negatives, W_out)
        places = np.repeat(dh[:, None] / contexts.shape[1], contexts.shape[1], axis=1)
        return loss.mean(), reference.embedding_backward(places, contexts, len(W_in)), dW_out

    text = word2vec.encode(corpora.relation_sentences(4000, 0), gap=2)
    noise, settings = reference.noise_distribution(text.counts), word2vec.Settings(units=8, passes=1, batch=64)
    one, other = (word2vec.train(windows(text, 2), noise, settings, g) for g in (gradients, word2vec.fast_gradients))
    assert np.allclose(one.W_in, other.W_in, rtol=0, atol=1e-6)
    assert np.allclose(one.losses, other.losses, rtol=0, atol=1e-6)


def test_a_progress_bar_ends_at_100_percent_and_nothing_is_printed_without_a_name(capsys):
    text = word2vec.encode(corpora.relation_sentences(2000, 0), gap=1)
    noise, settings = reference.noise_distribution(text.counts), word2vec.Settings(units=4, passes=1, batch=32)
    word2vec.train(windows(text, 1), noise, settings, progress="quick")
    assert "100%" in capsys.readouterr().out
    word2vec.train(windows(text, 1), noise, settings)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: word2vec.encode([], 1),
        lambda: word2vec.encode([("a",)], 0),
        lambda: word2vec.keep_probability(np.ones(1), 0.1, "both"),
        lambda: word2vec.train((np.zeros((5, 1), int), np.zeros(5, int)), np.ones(2) / 2, word2vec.Settings()),
    ],
)
def test_errors_name_the_rule_what_came_and_the_way_out(wrong):
    with pytest.raises(ValueError, match="must .*Received: ") as error:
        wrong()
    assert "Example: " in str(error.value) or "Use " in str(error.value)


@pytest.mark.parametrize(
    "draw",
    [
        word2vec.cbow_graph,
        word2vec.negative_sampling_graph,
        lambda: word2vec.draw_noise(np.array([0, 9, 5, 1]), [1, 0]),
        lambda: word2vec.explore_noise(np.array([0, 9, 5, 1]), live=False),
        lambda: word2vec.draw_subsampling(0.1, np.array([0.5, 0.3, 0.2])),
        lambda: word2vec.draw_shares({"a": {"x": 0.5}, "b": {"x": 1.0}}, "Title", "share (%)", ("line", 0.8)),
        lambda: word2vec.draw_company(np.eye(2, dtype=int), ["a", "b"], ["c", "d"], "Title"),
    ],
)
def test_figures_have_a_title_and_labels(draw):
    figure = draw()
    assert isinstance(figure, Figure)
    (axes,) = figure.axes
    assert title(figure)
    assert not axes.axison or (axes.get_xlabel() and axes.get_ylabel())


def test_the_noise_figure_says_how_much_the_ten_most_frequent_words_get():
    # counts 16 (ten times) and 1 (ten times): 160 / 170 by counts, 80 / 90 by their power 3/4, half by power 0
    counts = np.array([16] * 10 + [1] * 10)
    assert "94 / 89 / 50 %" in title(word2vec.draw_noise(counts, [1, 0.75, 0]))


def test_labels_are_spread_apart_and_keep_their_order():
    moved = word2vec._spread(np.array([0.0, 1.0, 0.01, 0.02]), 0.1)
    assert np.argsort(moved).tolist() == [0, 2, 3, 1]
    assert np.diff(np.sort(moved)).min() > 0.099
