"""Lesson 10: what it prints is what it says, its streams and sentences are what they should be, a power cut is undone."""

import re

import keras
import numpy as np
import pytest
from unrolled import corpora, language
from unrolled import rnnlm as lab

from autograder import exercise as exercises
from autograder import reference
from autograder.build.lesson import SOURCES, read
from autograder.reference import ROOT
from solutions import rnnlm
from tests.lesson_cells import Ran, assert_drawn, prose_of

LESSON = read(SOURCES / "10_rnnlm.py")
TRAINS = (  # or needs what these train
    "# Shows three models",
    "# Shows perplexities on",
    "# Shows the LSTM's perplexity",
    "# Shows perplexities of words",
    "# Shows the next word",
    "# Shows what temperature",
    "# Shows what the trained",
    "# Shows how often Elman",
    "# Shows four language",
    "# Shows a training that",
    "# Shows the price",
)


@pytest.fixture(scope="module")
def ran():
    """The cells that train no more than "hello"."""
    names = {**reference.load("rnnlm"), "np": np, "keras": keras, "ops": keras.ops}
    return Ran(LESSON, names, setup=True, without=TRAINS)


@pytest.fixture(scope="module")
def prose():
    return prose_of(LESSON)


def test_points_are_forty_and_ten():
    assert sum(exercises.find(id).points for id in LESSON.exercises) == 40
    assert set(LESSON.exercises) == set(exercises.of_module("rnnlm"))
    assert "# rnnlm.think" in (ROOT / "solutions" / "rubrics" / "rnnlm.md").read_text(encoding="utf-8")


# Published numbers


def test_the_hello_figure_is_worse_than_guessing(ran, prose):
    """Karpathy 2015: softmax of the printed scores at the targets, in float64 by hand."""
    p = np.exp(lab.HELLO_SCORES) / np.exp(lab.HELLO_SCORES).sum(axis=1, keepdims=True)
    published = [0.1251, 0.0550, 0.6841, 0.7935]
    assert np.allclose(p[np.arange(4), [1, 2, 2, 3]], published, atol=5e-5)
    assert ran.row("what the scores", "probabilities of the targets") == published
    mean, perplexity, *_ = ran.row("what the scores", "mean loss")
    assert mean == 1.3974 and perplexity == 4.04 > 4
    for number in (".1251", ".0550", ".6841", ".7935", "1.3974", "4.04", "oolo"):
        assert number in prose
    assert np.abs(lab.HELLO_STATES).max() == 1.0  # out of the reach of tanh


def test_equal_scores_for_ten_thousand_words_cost_the_published_loss(ran, prose):
    assert ran.row("what the scores", "equal scores for")[-1] == 9.2103 == round(np.log(10_000), 4)
    assert "9.2103" in prose


def test_the_four_perplexities_of_two_batches(ran, prose):
    """The mean loss is 2 nats over 35 words, then 6 over 5: 100 nats over 40."""
    rows = ("your perplexity", "exp of the mean", "mean of the batches'")
    found = [ran.row("the perplexity of", row)[-1] for row in rows]
    assert found == [12.18, 54.60, 205.41]
    assert np.allclose(found, [np.exp(2.5), np.exp(4), (np.exp(2) + np.exp(6)) / 2], atol=5e-3)
    assert ran.row("the perplexity of", "2 to the power of a loss in nats")[-1] == 5.66 == round(2**2.5, 2)
    assert all(number in prose for number in ("12.18", "54.60", "205.41"))


def test_clipping_as_published(ran):
    """The gradients [30, 40] and [.3, .4] with the limit 5: Pascanu, Mikolov and Bengio 2013 clip the global norm."""
    assert ran.row("what three kinds", "global_clipnorm")[:4] == [3, 4, 0.03, 0.04]
    assert ran.row("what three kinds", "clipnorm")[:4] == [3, 4, 0.3, 0.4]
    assert ran.row("what three kinds", "clipvalue")[-1] == pytest.approx(7.09, abs=5e-3)


def test_the_table_of_a_million_words_is_the_benchmarks(prose):
    """What `make bench` wrote into tests/bench/README.md."""
    measured = (ROOT / "tests" / "bench" / "README.md").read_text(encoding="utf-8")
    names = {"single words, counted": "unigram", "trigrams, Kneser-Ney": "Kneser-Ney, order 3"}
    names |= {"5-grams, Kneser-Ney": "Kneser-Ney, order 5", "Elman": "Elman", "LSTM": "LSTM", "GRU": "GRU"}
    for here, there in names.items():
        row = re.search(rf"^\| {there} \|[^|]*\| ([0-9.]+) \| ([0-9.]+) \|", measured, re.M)
        assert f"| {here} | {row[1]} | {row[2]} |" in prose


def test_penn_treebank_rows_are_the_published_ones(ran):
    assert ran.row("published perplexities", "TensorFlow's ptb_word_lm, large LSTM") == [37.87, 82.62, 78.29]
    assert ran.row("published perplexities", "Zaremba and others 2014, large LSTM") == [82.20, 78.40]


# The cells


def test_functions_and_model_agree(ran):
    text = ran.text("your model beside")
    differences = [float(line.split()[-1]) for line in text.strip().split("\n")]
    assert len(differences) == 7 and max(differences) < 1e-15


def test_hello_is_learned(ran, prose):
    last = ran.text('the "hello" network').strip().split("\n")[-1]
    assert float(last.split()[-1]) < 1.05
    learned = ran.names["learned"]
    assert np.all(learned[np.arange(4), [1, 2, 2, 3]] > 0.9)
    assert "only the hidden state" in prose


def test_the_streams_are_those_of_the_picture(ran):
    """29 letters in 3 streams of 9: stream b begins at letter 9 b, and block k at its step 4 k."""
    for k, b, t in np.ndindex(lab.PLACES.shape):
        assert lab.PLACES[k, b, t] == 9 * b + 4 * k + t
    assert "as in the picture: True" in ran.text("your streams")


def test_padding_in_the_mean_makes_a_model_look_better(ran):
    yours = ran.row("a masked loss", "mean over the")
    with_keras = ran.row("a masked loss", "Keras, with mask_zero")
    divided = ran.row("a masked loss", "divided by all")
    assert yours[0] == 11 and divided[0] == 18
    assert with_keras[0] == pytest.approx(yours[1], abs=1.1e-4)
    assert divided[1] == pytest.approx(yours[1] * 11 / 18, abs=1.1e-4)


def test_shares_of_the_draw_by_hand(ran):
    rows = [line.split()[-4:] for line in ran.text("how often each").strip().split("\n")[1:]]
    p = np.array([0.1, 0.2, 0.3, 0.4])
    cold = p**20 / (p**20).sum()  # temperature .05
    expected = [p, p**2 / (p**2).sum(), p**0.5 / (p**0.5).sum(), np.array([0, 0, 3, 4]) / 7, cold]
    assert np.allclose(np.array(rows, float), expected, atol=1e-3)


def test_trigrams_know_less_than_the_grammar_that_made_the_story(ran):
    nats = ran.names["nats"]
    assert nats["trigrams"].mean() > nats["the grammar itself"].mean() + 1
    story = [ran.names["vocabulary"][k] for k in ran.names["test"][ran.names["shown"]]]
    name = story.index("last") + 1
    assert nats["the grammar itself"][name] == 0 and nats["trigrams"][name] > 3


# The helpers


def test_introductions_ask_for_the_one_who_walked_in():
    made = lab.introductions(50, (0, 9), np.random.default_rng(0), time=20)
    words = np.array(lab.RECALL_VOCABULARY)
    for n in range(50):
        (blank,) = np.flatnonzero(made.blank[n])
        said = words[made.ids[n, : blank + 1]].tolist()
        assert said[1:4] == ["walked", "in", "."] and said[-3:] == ["said", "hi", "to"]
        assert words[made.targets[n, blank]] == said[0] != said[-4]
        assert set(said[4:-4]) <= set(lab.FILLERS)
        assert made.distance[n] == blank  # the name is word 0
        assert not made.ids[n, blank + 1 :].any()
        assert np.array_equal(made.ids[n, 1 : blank + 1], made.targets[n, :blank])
    assert set(made.distance) == set(range(lab.AROUND - 1, lab.AROUND + 9))


def test_a_model_that_knows_the_first_word_recalls_every_name():
    made = lab.introductions(30, 5, np.random.default_rng(1))

    class Knows:
        def predict_on_batch(self, ids):
            first = np.eye(len(lab.RECALL_VOCABULARY))[ids[:, :1]]
            return np.repeat(first, ids.shape[1], axis=1)

    assert lab.recall_accuracy(Knows(), made) == 1.0


def small_model(seed=0, batch=3):
    keras.utils.set_random_seed(seed)
    model = rnnlm.RNNLM(11, 4, 5, cell="gru", stateful=True)
    model.build((batch, 4))
    return model


def test_blocks_with_and_without_a_carried_state():
    model, ids = small_model(), np.random.default_rng(0).integers(0, 11, 80)
    inputs, targets = rnnlm.stream_batches(ids, 3, 4)
    carried, counts = lab.perplexity_of_blocks(model, inputs, targets, True, rnnlm.softmax_loss)
    lost, _ = lab.perplexity_of_blocks(model, inputs, targets, False, rnnlm.softmax_loss)
    assert carried[0] == lost[0] and np.all(carried[1:] != lost[1:]) and np.array_equal(counts, [12] * len(inputs))
    whole = rnnlm.RNNLM(11, 4, 5, cell="gru")
    whole.build((3, 4))
    whole.set_weights(model.get_weights())
    scores = np.asarray(whole(np.concatenate(inputs, axis=1)), float)
    expected = rnnlm.softmax_loss(scores, np.concatenate(targets, axis=1), np.ones(scores.shape[:2], bool))
    assert carried.mean() == pytest.approx(expected, rel=1e-5)


def test_a_training_after_a_power_cut_comes_to_the_same_losses(tmp_path):
    ids = np.random.default_rng(1).integers(0, 11, 200)
    plan = language.Plan(epochs=3, batch=3, time=4, rate=0.02)
    straight = language.Training(small_model(), ids, plan, progress=False)
    straight.run()
    settings = {"folder": tmp_path, "save_seconds": 0.0, "progress": False}
    broken = lab.Interrupted(small_model(), ids, plan, after=(1, 7), **settings)
    with pytest.raises(lab.PowerCut):
        broken.run()
    again = language.Training(small_model(seed=5), ids, plan, **settings)
    assert 0 < len(again.losses) <= len(broken.losses) < len(straight.losses)
    again.run()
    assert np.allclose(again.losses, straight.losses, rtol=0, atol=1e-6)


def test_skip_gram_vectors_put_words_of_a_kind_together():
    corpus = corpora.story_corpus(60_000, seed=2)
    vectors = lab.skip_gram_vectors(corpus.ids, len(corpus.vocabulary), 16)
    assert vectors.std() == pytest.approx(0.1, rel=1e-4)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    of = {word: unit[k] for k, word in enumerate(corpus.vocabulary)}
    for first, second, other in (("tom", "john", "sleeps"), ("he", "she", "the"), ("quietly", "slowly", "tom")):
        assert of[first] @ of[second] > of[first] @ of[other]


def test_shares_add_up_to_one_and_follow_the_sample():
    share = lab.shares(lambda scores, temperature, top_k, u: int(u * 4), np.zeros(4), 1.0, 0, 400)
    assert np.allclose(share, 0.25)


def test_figures_have_titles(tmp_path):
    three = np.array([30.0, 20.0, 15.0])
    scores = np.random.default_rng(0).normal(size=12)
    for figure in (
        lab.model_graph(),
        lab.streams_picture("the_cat_sat_on_the_mat_at_six", lab.PLACES, lab.PLACES + 1),
        lab.hello_figure({"a": np.full((4, 4), 0.25)}, "finding"),
        lab.perplexity_curves({"a": three}, {"b": 12.0}, "finding"),
        lab.word_bars(["x", "y"], {"a": three[:2]}, "finding", "words", "nats"),
        lab.temperatures(rnnlm.sample, scores, [f"w{k}" for k in range(12)], live=False),
    ):
        assert_drawn(figure, tmp_path)


# The findings


def test_the_lstm_learns_to_recall_at_distances_at_which_elman_does_not(prose):
    right = {}
    for cell, rate in (("elman", 0.003), ("lstm", 0.01)):
        keras.utils.set_random_seed(1)
        model = rnnlm.RNNLM(len(lab.RECALL_VOCABULARY), 32, 32, cell=cell)
        model.build((None, None))
        if cell == "lstm":
            start = np.array(model.recurrent_layer.cell.bias)
            start[32:64] = 3.0
            model.recurrent_layer.cell.bias.assign(start)
        model.compile(keras.optimizers.Adam(rate, global_clipnorm=1.0), loss=language.MaskedCrossEntropy())
        rng = np.random.default_rng(1)
        for _ in range(300):
            made = lab.introductions(32, (0, 40), rng, time=48)
            model.train_on_batch(made.ids, made.targets, sample_weight=made.blank)
        right[cell] = lab.recall_accuracy(model, lab.introductions(200, 60, np.random.default_rng(2)))
    assert right["lstm"] > 0.9 and right["elman"] < 0.4
    assert "it guesses" in prose
