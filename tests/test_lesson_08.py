"""Lesson 08: published values, Keras' LSTM both ways, the highway, the tasks, a wrong published answer; and its module."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from matplotlib.figure import Figure
from unrolled import corpora
from unrolled import lstm as lab

from autograder import exercise as exercises
from autograder import reference
from autograder.build.lesson import SOURCES, read
from autograder.gradients import numeric_gradient
from autograder.reference import ROOT
from solutions import lstm
from tests.lesson_cells import Ran, prose_of

LESSON = read(SOURCES / "08_lstm.py")
TRAINS = (
    "# Shows the adding problem",
    "# Shows the gates and",
    "# Shows the embedded Reber",
    "# Shows the noise-free task",
)


@pytest.fixture(scope="module")
def ran():
    """The cells that do not train."""
    from keras import ops

    names = {**reference.load("lstm"), "np": np, "keras": keras, "ops": ops}
    return Ran(LESSON, names, setup=True, without=TRAINS)


@pytest.fixture(scope="module")
def prose():
    return prose_of(LESSON)


def test_points_are_forty_and_ten():
    assert sum(exercises.find(id).points for id in LESSON.exercises) == 40
    assert set(LESSON.exercises) == set(exercises.of_module("lstm"))
    assert "# lstm.think" in (ROOT / "solutions" / "rubrics" / "lstm.md").read_text(encoding="utf-8")


# Published values, and Keras


def test_the_lesson_prints_the_published_step(ran):
    """CS231n, assignment 3, `lstm_step_forward`: row 0 of both states."""
    published = {
        "h, row 0": [0.24635157, 0.28610883, 0.32240467, 0.35525807, 0.38474904],
        "c, row 0": [0.32986176, 0.39145139, 0.451556, 0.51014116, 0.56717407],
    }
    for name, values in published.items():
        assert np.max(np.abs(np.array(ran.row("your step beside", name)[:5]) - values)) <= 1e-8


def test_outputs_and_all_gradients_equal_keras_lstm_with_weights_exchanged_both_ways(ran):
    """The bounds are those of the course: relative to the largest element, 1e-12 in float64, 1e-5 in float32."""
    for dtype, bound in (("float64", 1e-12), ("float32", 1e-5)):
        table = ran.names["DIFFERENCES"][dtype]
        assert table.shape == (3, 8)  # three layers; two outputs and six gradients
        assert table.max() <= bound
    assert ran.names["DIFFERENCES"]["float32"].max() > 1e-9  # and the float32 layers are float32


def test_a_gate_order_taken_over_unpermuted_is_noticed():
    """The comparison above can fail: with two gates exchanged it does."""
    rng = np.random.default_rng(1)
    x, state = rng.normal(size=(3, 4)), rng.normal(size=(2, 3, 5))
    Wx, Wh, b = rng.normal(size=(4, 20)), rng.normal(size=(5, 20)), rng.normal(size=20)
    right = lstm.step_forward(x, *state, Wx, Wh, b)[0]

    def swap(w):
        i, f, g, o = np.split(w, 4, axis=-1)
        return np.concatenate([i, f, o, g], axis=-1)

    wrong = lstm.step_forward(x, *state, swap(Wx), swap(Wh), swap(b))[0]
    assert np.abs(wrong - right).max() > 0.1 * np.abs(right).max()


# Why, and the highway


def test_one_number_kept_by_four_units_as_theory_has_it(ran, prose):
    """The open loop's error is the standard deviation of a hundred noises, .2 √100 = 2; the gated one's a hundredth of it."""
    open_loop, gated = (
        ran.row("four single units", f"loop of weight 1{end}")[-1] for end in ("  ", ", gate almost closed")
    )
    text = next(t for title, t in ran.printed.items() if "four single units" in title)
    errors = {line[:36].strip(): float(line.split()[-1]) for line in text.split("500 runs")[1].strip().split("\n")}
    assert errors["loop of weight 1"] == pytest.approx(2.0, rel=5 / np.sqrt(2 * 500))
    assert errors["loop of weight 1, gate almost closed"] == pytest.approx(0.02, abs=0.005)
    # the loop of weight .9 forgets the 1: what is left is noise of variance .04 / (1 - .81), and an error of 1
    assert errors["loop of weight 0.9"] == pytest.approx(np.sqrt(1 + 0.04 / 0.19), rel=0.1)
    assert errors["tanh unit"] > 0.9
    assert open_loop and gated


def test_carried_norms_are_those_of_numeric_gradients():
    rng = np.random.default_rng(2)
    x, dc = rng.normal(size=(3, 6, 2)), rng.normal(size=(3, 4))
    weights = lab.new_weights(2, 4, 1.0, rng)
    of_c, of_h = lab.carried_norms(x, weights, lstm.step_forward, lstm.step_backward, dc)
    h, c = lstm.sequence_forward(x, np.zeros((3, 4)), np.zeros((3, 4)), *weights)
    for back in (1, 3, 6):
        start = 6 - back
        before = (h[:, start - 1], c[:, start - 1]) if start else (np.zeros((3, 4)), np.zeros((3, 4)))

        def last_cell(h0, c0, start=start):
            return lstm.sequence_forward(x[:, start:], h0, c0, *weights)[1][:, -1]

        found = numeric_gradient(last_cell, {"h0": before[0], "c0": before[1]}, upstream=dc)
        assert of_h[back] == pytest.approx(np.linalg.norm(found.values["h0"], axis=1).mean(), rel=1e-6)
        assert of_c[back] == pytest.approx(np.linalg.norm(found.values["c0"], axis=1).mean(), rel=1e-6)


def test_without_recurrent_kernel_the_highway_is_the_product_of_the_forget_gates():
    """W_h = 0 closes every side road; with no input the gates are σ(bias) at every step."""
    for bias in (0.0, 1.0, 3.0):
        b = np.zeros(12)
        b[3:6] = bias
        weights = (np.zeros((2, 12)), np.zeros((3, 12)), b)
        dc = np.array([[0.6, 0.0, 0.8]])
        of_c, of_h = lab.carried_norms(np.zeros((1, 50, 2)), weights, lstm.step_forward, lstm.step_backward, dc)
        gate = 1 / (1 + np.exp(-bias))
        assert np.allclose(of_c, gate ** np.arange(51), rtol=1e-12, atol=0)
        assert np.all(of_h == 0)


def test_elman_norms_are_those_of_keras_simple_rnn():
    rng = np.random.default_rng(5)
    x, dh = rng.normal(size=(2, 7, 3)), rng.normal(size=(2, 4))
    norms = lab.elman_norms(x, 4, dh, np.random.default_rng(6))
    again = np.random.default_rng(6)
    limit = np.sqrt(6 / 7)
    kernel = again.uniform(-limit, limit, (3, 4))
    recurrent = np.linalg.qr(again.standard_normal((4, 4)))[0]
    layer = keras.layers.SimpleRNN(4, dtype="float64")
    layer.build((None, None, 3))
    for weight, value in zip(layer.weights, (kernel, recurrent, np.zeros(4)), strict=True):
        weight.assign(value)
    start = tf.Variable(np.zeros((2, 4)))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x, initial_state=start) * dh)
    expected = np.linalg.norm(tape.gradient(loss, start).numpy(), axis=1).mean()
    assert norms[-1] == pytest.approx(expected, rel=1e-10)
    assert norms[0] == pytest.approx(np.linalg.norm(dh, axis=1).mean(), rel=1e-12)


def test_the_forget_bias_decides_as_the_prose_says(ran):
    after = {bias: norms[100] for bias, norms in ran.names["BIASES"].items()}
    elman = ran.names["ELMAN"][100]
    assert after[0] < 1e-6 * elman < elman < after[1] < 1e-6 < after[3] and after[5] > 0.1
    for bias, norms in ran.names[
        "BIASES"
    ].items():  # a side road never takes away: the norm is at least the highway's order
        assert norms[100] > 0.1 * (1 / (1 + np.exp(-bias))) ** 100


# Training


def cell(**settings):
    return keras.layers.RNN(lstm.LSTMCell(16), **settings)


@pytest.mark.full
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_the_adding_problem_at_100_steps_is_solved_from_every_seed(seed):
    """The syllabus' bound: mean squared error below .01, five seeds of five, within the lesson's budget."""
    _, losses, error = lab.learn_adding(cell, seed, 0.02, name=f"seed {seed}")
    assert error < 0.01
    assert len(losses) <= 1200


@pytest.mark.full
@pytest.mark.parametrize("rate", [0.0003, 0.001, 0.003, 0.01])
def test_elman_at_the_same_budget_does_not_leave_one_sixth(rate):
    _, _, error = lab.learn_adding(lambda: keras.layers.SimpleRNN(16), 1, rate, name=f"Elman {rate}")
    assert error > 0.1


@pytest.mark.full
def test_the_papers_own_places_are_too_hard_for_the_budget():
    _, _, error = lab.learn_adding(cell, 1, 0.02, places="1997", name="places of 1997")
    assert error > 0.1


@pytest.mark.full
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_embedded_reber_strings_are_all_predicted(seed):
    model, shares = lab.learn_reber(
        lambda: cell(return_sequences=True), seed, 0.02, forget_bias=3.0, name=f"seed {seed}"
    )
    x, _, legal = corpora.reber_arrays(corpora.reber_strings(1000, 900_000, embedded=True), embedded=True)
    assert lab.all_legal(model.predict_on_batch(x), legal).mean() >= 0.99
    assert shares[-1] == 1


def test_a_short_adding_problem_is_learned_by_the_training_loop_itself():
    """The loop the lesson trains with, at 22 steps: well below the 1/6 of always saying 1."""
    model, losses, error = lab.learn_adding(cell, 1, 0.02, forget_bias=3.0, steps=22, updates=400, name="short")
    assert error < 0.02
    assert losses[0] > 0.1 and model.count_params() == 4 * 16 * (2 + 16 + 1) + 17


def test_the_prose_states_what_the_cells_print(ran, prose):
    latch = next(text for title, text in ran.printed.items() if "random guesses" in title)
    assert "mean 5.8" in latch and "They needed 6 guesses on average" in prose
    both, only_h = (ran.row("what dropping", name) for name in ("both carries dropped", "carry of h dropped"))
    assert 0.4 <= both[0] < 0.5 and "wrong by almost half of its length" in prose
    assert f"cosine of {both[2]:.2f}".replace("0.", ".") in prose
    assert f"(cosine {only_h[2]:.2f})".replace("0.", ".") in prose
    assert 4e-11 < ran.names["ELMAN"][100] < 6e-11 and "about $5\\cdot10^{-11}$" in prose


def test_the_prose_counts_the_weights_right(prose):
    assert f"16 units have {4 * 16 * (2 + 16 + 1) + 16 + 1:,} weights" in prose


def test_set_forget_bias_changes_that_gate_only():
    layer = cell()
    layer.build((None, 5, 2))
    lab.set_forget_bias(layer, 4.5)
    assert np.array_equal(np.asarray(layer.cell.bias), np.repeat([0, 4.5, 0, 0], 16).astype("float32"))


def test_training_stops_when_it_is_enough_and_says_so(capsys):
    model = lab.compiled(keras.layers.SimpleRNN(2), 2, 1, 0.01, steps=3)
    batch = (np.zeros((4, 3, 2), "float32"), np.zeros((4, 1), "float32"))
    losses = lab.train(model, lambda: batch, 200, name="nothing to learn", enough=0.1)
    assert len(losses) == 25  # one window
    assert "nothing to learn" in capsys.readouterr().out


def test_gates_and_states_fit_together():
    rng = np.random.default_rng(7)
    x, weights = rng.normal(size=(3, 9, 2)), lab.new_weights(2, 4, 1.0, rng)
    h, c = lstm.sequence_forward(x, np.zeros((3, 4)), np.zeros((3, 4)), *weights)
    gate = lab.gates(x, h, weights)
    before = np.concatenate([np.zeros((3, 1, 4)), c[:, :-1]], axis=1)
    assert np.allclose(gate["f"] * before + gate["i"] * gate["g"], c, rtol=0, atol=1e-12)
    assert np.allclose(gate["o"] * np.tanh(c), h, rtol=0, atol=1e-12)


def test_the_doorkeeper_is_the_unit_that_opens_at_marks_and_only_there():
    rng = np.random.default_rng(8)
    marked = rng.random((5, 20)) < 0.2
    i = np.stack([np.full((5, 20), 0.9), np.where(marked, 0.8, 0.1), np.where(marked, 0.1, 0.9)], axis=2)
    assert lab.doorkeeper(i, marked) == 1


# Tasks


def test_the_lag_task_is_the_papers():
    x, target = lab.lag_task(4)
    assert x.shape == (2, 4, 5) and target.shape == (2, 5)
    assert np.array_equal(x.argmax(axis=2), [[3, 0, 1, 2], [4, 0, 1, 2]])
    assert np.array_equal(target.argmax(axis=1), [3, 4])
    with pytest.raises(ValueError, match="at least 2.*Received: p=1.*Example"):
        lab.lag_task(1)


def test_guessing_solves_the_latch_task_in_a_few_trials(ran):
    """Schmidhuber, Hochreiter and Bengio 2001: 6 trials on average of 40 simulations; here a mean with its error."""
    guesses = ran.names["guesses"]
    assert len(guesses) == 40
    assert abs(guesses.mean() - 6) < 3 * guesses.std(ddof=1) / np.sqrt(40) + 0.5
    assert guesses.max() < 200  # and nowhere near the 1,600 of a paper that used clever methods


def test_all_legal_asks_for_every_legal_symbol_at_every_step():
    legal = np.array([[[1, 1, 0], [0, 0, 1], [0, 0, 0]]], float)
    good = np.array([[[0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.9, 0.1, 0.0]]])
    one_missing = np.array([[[0.5, 0.2, 0.3], [0.1, 0.2, 0.7], [0, 0, 0]]])
    last_wrong = np.array([[[0.5, 0.3, 0.2], [0.8, 0.1, 0.1], [0, 0, 0]]])
    predicted = np.concatenate([good, one_missing, last_wrong])
    assert lab.all_legal(predicted, legal.repeat(3, axis=0)).tolist() == [True, False, False]


# A published answer that is wrong


def test_dropping_the_carries_is_wrong_before_the_last_step_and_the_full_pass_is_right(ran):
    names = ran.names
    x, dh, args = names["x"], names["dh"], (names["h0"], names["c0"], names["Wx"], names["Wh"], names["b"])

    def forward(x):
        return lstm.sequence_forward(x, *args)[0]

    true = numeric_gradient(forward, {"x": x}, upstream=dh).values["x"]
    for name, (dx, _) in names["versions"].items():
        off = np.linalg.norm(dx - true, axis=(0, 2)) / np.linalg.norm(true, axis=(0, 2))
        assert off[-1] < 1e-7
        assert np.all(off < 1e-7) if name == "both kept" else np.all(off[:-1] > 0.01)


def test_with_the_loss_at_the_end_only_nothing_reaches_the_steps_before_without_carries(ran):
    names = ran.names
    at_end = names["dh"] * (np.arange(8) == 7)[None, :, None]
    names["dh"], keep = at_end, names["dh"]
    try:
        dropped, full = names["backward_with"](0, 0)[0], names["backward_with"](1, 1)[0]
    finally:
        names["dh"] = keep
    assert not dropped[:, :-1].any()
    assert np.linalg.norm(full[:, 0]) > 0


# Figures


def test_figures_are_figures_with_labels():
    rng = np.random.default_rng(9)
    drawn = [
        lab.step_graph(),
        lab.sequence_graph(2),
        lab.learning_curves({"a": rng.random(100)}, {"level": 0.5}, "Falls", "loss"),
        lab.gates_over_time(
            rng.random(9), np.arange(9) == 3, {k: rng.random(9) for k in "ifo"}, rng.random(9), "Opens"
        ),
        lab.continuations("BPVVE", corpora.REBER_SYMBOLS, {"net": rng.random((4, 7))}, np.ones((4, 7)), "Knows"),
    ]
    assert all(isinstance(figure, Figure) for figure in drawn)
    for figure in drawn[2:]:
        assert figure.axes[-1].get_xlabel() or figure.axes[-1].get_ylabel()
    with pytest.raises(ValueError, match="from 2 to 4.*Received: steps=9.*Example"):
        lab.sequence_graph(9)
