"""Lesson 09: weights exchanged with Keras both ways, gates, kinds of depth, two directions; and its module."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from matplotlib.figure import Figure
from unrolled import corpora
from unrolled import gru_deep as lab

from autograder import exercise as exercises
from autograder import reference
from autograder.build.lesson import SOURCES, read
from autograder.gradients import numeric_gradient
from autograder.reference import ROOT
from solutions import deep, gru
from tests.lesson_cells import Ran, assert_drawn, prose_of

LESSON = read(SOURCES / "09_gru.py")
TRAINS = (
    "# Shows the parameters of GRU and LSTM",
    "# Shows the update gate",
    "# Shows networks of one, two and three",
    "# Shows a network in two directions",
)


@pytest.fixture(scope="module")
def ran():
    """The cells that do not train."""
    from keras import ops

    names = {**reference.load("gru"), **reference.load("deep"), "np": np, "keras": keras, "ops": ops}
    return Ran(LESSON, names, setup=True, without=TRAINS)


@pytest.fixture(scope="module")
def prose():
    return prose_of(LESSON)


def test_points_are_forty_and_ten():
    assert sum(exercises.find(id).points for id in LESSON.exercises) == 40
    assert set(LESSON.exercises) == set(exercises.of_module("gru")) | set(exercises.of_module("deep"))
    assert "# gru.think" in (ROOT / "solutions" / "rubrics" / "gru.md").read_text(encoding="utf-8")


# Keras


BOUNDS = {"float64": 1e-12, "float32": 1e-5}  # the course's: relative to the largest element


@pytest.mark.parametrize("reset_after", [True, False])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_outputs_and_all_gradients_equal_keras_gru_with_weights_exchanged_both_ways(ran, dtype, reset_after):
    table = ran.names["DIFFERENCES"][dtype, reset_after]
    assert table.shape == (3, 6)  # three layers; the outputs and five gradients
    assert table.max() <= BOUNDS[dtype]
    if dtype == "float32":
        assert table.max() > 1e-9  # and the float32 layers are float32


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_stack_and_both_directions_equal_keras(ran, dtype):
    table = ran.names["STACKS"][dtype]
    assert table.shape == (2, 6)
    assert max(table.max(), ran.names["BOTH_WAYS"][dtype]) <= BOUNDS[dtype]


def test_wrong_readings_of_weights_are_noticed(ran):
    """The comparison above can fail: with the parts in another order, or another reading of z, it does."""
    for name, difference in ran.names["READINGS"].items():
        assert difference > 0.05, name


def test_negating_the_update_gates_columns_exchanges_the_two_shares():
    rng = np.random.default_rng(1)
    x, h = rng.normal(size=(3, 4)), rng.uniform(-0.9, 0.9, (3, 5))
    Wx, Wh, b = rng.normal(size=(4, 15)), rng.normal(size=(5, 15)), rng.normal(size=(2, 15))
    ax, ah = x @ Wx + b[0], h @ Wh + b[1]
    z, r = (1 / (1 + np.exp(-(ax + ah)[:, k : k + 5])) for k in (0, 5))
    other = (1 - z) * h + z * np.tanh(ax[:, 10:] + r * ah[:, 10:])  # as Chung et al. 2014 share
    sign = np.repeat([-1, 1, 1], 5)
    assert np.allclose(gru.step_forward(x, h, Wx * sign, Wh * sign, b * sign), other, rtol=0, atol=1e-14)


def test_the_conventions_agree_for_a_diagonal_kernel_and_not_else(ran):
    assert ran.names["DIAGONAL"] <= 1e-12 < 0.01 < ran.names["READINGS"]["reset before the product, read as after"]


def test_keras_default_is_the_reset_after_the_product():
    assert keras.layers.GRU(3).reset_after is True
    layer = keras.layers.GRU(3)
    layer.build((None, None, 2))
    assert tuple(layer.cell.bias.shape) == (2, 9)


# Why


def test_units_with_a_fixed_share_have_the_error_that_theory_gives():
    """Settled on a level, the noise that is left has the variance s² (1 - z)/(1 + z); late by z^k of the jump before."""
    runs = [lab.follow_levels(400, 400, 0.3, np.random.default_rng(seed)) for seed in range(300)]
    for z in (0.5, 0.95):
        errors = np.array([(run[f"z = {z}"] - run["level"])[200:] for run in runs])
        assert np.sqrt((errors**2).mean()) == pytest.approx(0.3 * np.sqrt((1 - z) / (1 + z)), rel=0.05)
    exact = lab.follow_levels(80, 40, 0.0, np.random.default_rng(0))
    jump = exact["level"][40] - exact["level"][0]
    assert exact["level"][40] - exact["z = 0.95"][59] == pytest.approx(jump * 0.95**20)
    assert exact["level"][40] - exact["z set at every step"][59] == pytest.approx(jump * 0.5**5 * 0.95**15)


def test_the_changing_share_is_as_quick_as_the_short_memory_and_steadier(ran):
    short, long, both = (ran.row("units with a fixed", name) for name in ("z = 0.5", "z = 0.95", "z set at every step"))
    assert both[-2] < long[-2] / 3 and both[-1] < 0.75 * short[-1]


# The highway


def test_carried_norms_are_those_of_numeric_gradients():
    rng = np.random.default_rng(2)
    x, dh = rng.normal(size=(3, 6, 2)), rng.normal(size=(3, 4))
    weights = lab.new_gru(2, 4, 1.0, rng)
    norms = lab.carried_norms(x, weights, gru.step_forward, gru.step_backward, dh)

    def run(h, start):
        for t in range(start, 6):
            h = gru.step_forward(x[:, t], h, *weights)
        return h

    for back in (1, 3, 6):
        before = np.zeros((3, 4))
        for t in range(6 - back):
            before = gru.step_forward(x[:, t], before, *weights)
        found = numeric_gradient(lambda h0, back=back: run(h0, 6 - back), {"h0": before}, upstream=dh).values["h0"]
        assert norms[back] == pytest.approx(np.linalg.norm(found, axis=1).mean(), rel=1e-6)


def test_without_recurrent_kernel_the_highway_is_the_product_of_the_update_gates():
    """W_h = 0 closes every side road; with no input the gates are σ(bias) at every step."""
    for bias in (0.0, 1.0, 3.0):
        b = np.zeros((2, 9))
        b[0, :3] = bias
        weights = (np.zeros((2, 9)), np.zeros((3, 9)), b)
        dh = np.array([[0.6, 0.0, 0.8]])
        norms = lab.carried_norms(np.zeros((1, 50, 2)), weights, gru.step_forward, gru.step_backward, dh)
        assert np.allclose(norms, (1 / (1 + np.exp(-bias))) ** np.arange(51), rtol=1e-12, atol=0)


def test_a_new_gru_is_keras_but_for_the_update_bias():
    Wx, Wh, b = lab.new_gru(4, 8, 2.5, np.random.default_rng(0))
    assert np.abs(Wx).max() <= np.sqrt(6 / (4 + 24))
    assert np.allclose(Wh @ Wh.T, np.eye(8), atol=1e-12)
    assert np.array_equal(b, np.vstack([np.repeat([2.5, 0, 0], 8), np.zeros(24)]))


@pytest.mark.parametrize("reset_after", [True, False])
def test_set_update_bias_changes_that_gate_of_the_input_only(reset_after):
    layer = keras.layers.RNN(gru.GRUCell(4, reset_after=reset_after))
    layer.build((None, 5, 2))
    lab.set_update_bias(layer, 4.5)
    expected = np.repeat([4.5, 0, 0], 4)
    expected = np.vstack([expected, np.zeros(12)]) if reset_after else expected
    assert np.array_equal(np.asarray(layer.cell.bias), expected)


def test_the_update_bias_decides_as_the_prose_says(ran):
    after = {bias: norms[100] for bias, norms in ran.names["BIASES"].items()}
    assert after[0] < after[1] < after[3] < after[5]


# Counts


@pytest.mark.parametrize(("units", "features"), [(16, 2), (5, 7)])
def test_parameters_of_gru_and_lstm_are_those_of_the_formulas(units, features):
    def count(layer):
        layer.build((None, 9, features))
        return layer.count_params()

    four = 4 * (features * units + units**2 + units)
    assert count(keras.layers.LSTM(units)) == four
    assert count(keras.layers.GRU(units, reset_after=False)) == four * 3 // 4
    after = 3 * (features * units + units**2 + 2 * units)
    assert count(keras.layers.GRU(units)) == count(keras.layers.RNN(gru.GRUCell(units))) == after


def test_squashings_and_ways_are_those_counted_on_the_graph():
    """Oracle: a walk over every way of the unrolled graph of a stack."""

    def walk(layer, steps_left, depth):
        here = 1  # this state's own squashing
        if layer == depth and steps_left == 0:
            return [here]
        found = []
        if steps_left:
            found += [here + length for length in walk(layer, steps_left - 1, depth)]
        if layer < depth:
            found += [here + length for length in walk(layer + 1, steps_left, depth)]
        return found

    for depth in (1, 2, 3):
        for lag in (0, 1, 4):
            ways = walk(1, lag, depth)
            assert len(set(ways)) == 1
            assert lab.squashings("stack", depth, lag) == (ways[0], len(ways))
    assert lab.squashings("transition", 1, 20) == lab.squashings("stack", 1, 20)
    assert lab.squashings("transition", 3, 20) == (63, 1)
    with pytest.raises(ValueError, match="must be.*Received: kind='wide'.*Example"):
        lab.squashings("wide", 1, 1)


def test_a_transition_of_depth_one_is_the_shallow_stack():
    rng = np.random.default_rng(4)
    x, last = rng.normal(size=(2, 7, 3)), rng.normal(size=(2, 5))
    Wx, W = rng.normal(size=(3, 5)), rng.normal(size=(1, 5, 5))
    dh = np.zeros((1, 2, 7, 5))
    dh[-1, :, -1] = last
    dx = deep.stacked_backward(dh, x, np.zeros((1, 2, 5)), Wx, np.zeros((0, 5, 5)), W, np.zeros((1, 5)))[0]
    expected = np.linalg.norm(dx, axis=2).mean(axis=0)[::-1]
    assert np.allclose(lab.transition_norms(x, Wx, W, last), expected, rtol=1e-10, atol=0)


def test_transition_norms_are_those_of_automatic_differentiation():
    rng = np.random.default_rng(3)
    x, dh = rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 4))
    Wx, W = rng.normal(size=(3, 4)), rng.normal(size=(2, 4, 4))
    inputs = tf.Variable(x)
    with tf.GradientTape() as tape:
        h = tf.zeros((2, 4), tf.float64)
        for t in range(5):
            h = tf.tanh(tf.tanh(inputs[:, t] @ Wx + h @ W[0]) @ W[1])
        loss = tf.reduce_sum(h * dh)
    expected = np.linalg.norm(tf.convert_to_tensor(tape.gradient(loss, inputs)), axis=2).mean(axis=0)[::-1]
    assert np.allclose(lab.transition_norms(x, Wx, W, dh), expected, rtol=1e-10, atol=0)


def test_deeper_transitions_lose_the_gradient_sooner_than_stacks(ran):
    norms = {name: values[20] for name, values in ran.names["DEPTHS"].items()}
    assert norms["transition of depth 3"] < norms["transition of depth 2"] < norms["shallow"]
    assert norms["transition of depth 3"] < 0.1 * norms["stack of 3"]


@pytest.mark.parametrize("shape", [(4, 9), (9, 4), (3, 5, 5), (0, 4, 4)])
def test_orthogonal_matrices_are_orthogonal(shape):
    found = lab.orthogonal(np.random.default_rng(0), *shape)
    assert found.shape == shape
    for matrix in found.reshape(-1, *shape[-2:]):
        small = matrix if shape[-2] <= shape[-1] else matrix.T
        assert np.allclose(small @ small.T, np.eye(len(small)), atol=1e-12)


def test_stacks_of_equal_size_are_equal_within_five_per_cent_and_counted_as_keras_counts():
    for features, outputs in ((1, 2), (10, 8)):
        budget = lab.stack_parameters(features, [32], outputs)
        for depth in (1, 2, 3):
            units = lab.equal_stack(depth, features, outputs, budget)
            count = lab.stack_parameters(features, units, outputs)
            assert abs(count / budget - 1) <= 0.05
            layers = [deep.StackedRNN(units, return_sequences=True), keras.layers.Dense(outputs)]
            model = keras.Sequential([keras.Input((3, features)), *layers])
            assert model.count_params() == count


# Tasks and training


def test_doubles_parity_counts_pairs_of_ones():
    x, answers = lab.doubles_parity(50, 12, np.random.default_rng(4))
    for row, wanted in zip(x[:, :, 0], answers, strict=True):
        pairs = 0
        for t in range(12):
            pairs += t > 0 and row[t] == row[t - 1] == 1
            assert wanted[t] == pairs % 2


def test_gates_and_states_fit_together():
    rng = np.random.default_rng(7)
    x, weights = rng.normal(size=(3, 9, 2)), lab.new_gru(2, 4, 1.0, rng)
    found = lab.gru_gates(x, gru.step_forward, weights)
    before = np.concatenate([np.zeros((3, 1, 4)), found["h"][:, :-1]], axis=1)
    candidate = np.tanh((x @ weights[0])[:, :, 8:] + found["r"] * (before @ weights[1])[:, :, 8:])
    assert np.allclose(found["z"] * before + (1 - found["z"]) * candidate, found["h"], rtol=0, atol=1e-12)


# Two directions


def test_the_maps_of_influence_are_two_triangles_without_the_padding(ran):
    forward, backward = (ran.names["REACH"][f"{name} half"] > 0 for name in ("forward", "backward"))
    real = np.arange(12) < 9
    inside = real[:, None] & real[None, :]
    assert np.array_equal(forward, inside & np.tril(np.ones((12, 12), bool)))
    assert np.array_equal(backward, inside & np.triu(np.ones((12, 12), bool)))


# Figures


def test_figures_are_figures(ran, tmp_path):
    rng = np.random.default_rng(9)
    drawn = [
        lab.step_graph(),
        lab.stack_graph(3, 2),
        lab.directions_graph(2),
        lab.kinds_of_depth(),
        lab.levels_figure(lab.follow_levels(80, 40, 0.1, rng), "Follows"),
        lab.gates_figure(rng.random(9), np.arange(9) == 3, rng.random((9, 3)), rng.random((9, 3)), "Opens"),
        lab.influence_maps({"a": rng.random((4, 4)), "b": np.eye(4)}, "Sees"),
    ]
    for figure in drawn:
        assert isinstance(figure, Figure)
        assert_drawn(figure, tmp_path)
    for refused in (lambda: lab.stack_graph(4, 2), lambda: lab.stack_graph(2, 9), lambda: lab.directions_graph(1)):
        with pytest.raises(ValueError, match="must be.*Received.*Example"):
            refused()


# What the prose says


def test_the_prose_states_what_the_cells_print(ran, prose):
    assert f"{ran.names['BIASES'][0][100]:.0e}" == "3e-20" and "$3\\cdot10^{-20}$" in prose
    assert ran.names["BIASES"][3][100] == pytest.approx(0.01, rel=0.5) and "a hundredth" in prose
    assert ran.names["BIASES"][5][100] == pytest.approx(0.5, rel=0.1) and "with 5 a half" in prose
    norms = {name: (values[20], values[40]) for name, values in ran.names["DEPTHS"].items()}
    less = [shallow / deep for shallow, deep in zip(norms["shallow"], norms["transition of depth 3"], strict=True)]
    assert less == pytest.approx([7, 30], rel=0.1) and "seven times less" in prose and "thirty times less" in prose
    assert norms["stack of 3"] > norms["stack of 2"] > norms["shallow"] and "231 ways" in prose
    shares = list(ran.names["READINGS"].values())
    assert shares == pytest.approx([0.8, 1.0, 0.2], abs=0.02)
    assert "80 % of a step" in prose and "by a fifth of a step" in prose


def test_the_erratum_is_still_one(ran):
    """When this fails, Keras has mended its documentation: take the paragraph out of section 6."""
    said = ran.text("how far a state is off")
    assert "reset_after=True by default" in said
    assert "has reset gate applied to hidden state before matrix multiplication" in said


# Training. The loop itself, and in the long run the numbers of the prose


def test_a_short_adding_problem_is_learned_and_watched():
    seen = []
    _, losses, error = lab.learn_adding(
        lambda: keras.layers.RNN(gru.GRUCell(16)), 1, 0.02, name="short", steps=22, updates=300,
        watch=lambda updates, layer: seen.append((updates, np.asarray(layer.get_weights()[0]).copy())),
    )  # fmt: skip
    assert error < 0.02 and losses[0] > 0.1
    assert [updates for updates, _ in seen] == list(range(0, len(losses), 25))
    assert not np.array_equal(seen[0][1], seen[-1][1])


def bits_right(wrap, task, updates=250):
    bits = np.random.default_rng(12).integers(0, 2, (2000, 20))
    model = lab.learn_bits(wrap, task, updates=updates)
    guess = model.predict_on_batch(lab.as_input(bits))[:, 1:-1, 0] > 0.5
    return (guess == task(bits)[:, 1:-1]).mean()


def test_two_directions_predict_fair_coins_whose_future_they_see():
    def next_throw(bits):
        return np.concatenate([bits[:, 1:], np.zeros_like(bits[:, :1])], axis=1)

    assert bits_right(keras.layers.Bidirectional, next_throw) > 0.99
    assert bits_right(lambda layer: layer, next_throw, 100) == pytest.approx(0.5, abs=0.02)


@pytest.fixture(scope="module")
def trained():
    """All cells, those that train too."""
    from keras import ops

    names = {**reference.load("gru"), **reference.load("deep"), "np": np, "keras": keras, "ops": ops}
    return Ran(LESSON, names, setup=True)


@pytest.mark.full
def test_the_training_cells_print_what_the_prose_says(trained, prose):
    updates = {name: len(losses) for name, (_, losses, _) in trained.names["ADDING"].items()}
    assert updates["GRU (your cell)"] == 225 and updates["LSTM"] == 700
    assert "the GRU needs 225 updates where the LSTM needs 700" in prose
    assert all(error < 0.01 for _, _, error in trained.names["ADDING"].values())
    opening = {updates: (z, norm) for updates, z, norm in trained.names["opening"]}
    assert opening[0][0] == pytest.approx(0.5, abs=0.01) and opening[100][0] == pytest.approx(0.8, abs=0.01)
    assert 18 <= np.log10(opening[100][1] / opening[0][1]) < 19.5
    neighbours = list(trained.names["NEIGHBOURS"].values())
    assert neighbours == pytest.approx([0.75, 1.0, 0.5], abs=0.01)
    coins = trained.names["COINS"]
    assert coins["two directions"][0] > 0.999 and coins["two directions"][1] == pytest.approx(0.5, abs=0.03)
    assert trained.row("the update gates and states", "unit A")[2:4] == [0.306, 0.984]
    for units, share in trained.names["SIZES"].values():
        assert abs(share - 1) <= 0.05 and len(units) <= 3
    assert "24, 31 and 37" in prose


@pytest.mark.full
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_a_gru_as_keras_makes_it_solves_the_adding_problem_from_every_seed(seed):
    _, losses, error = lab.learn_adding(lambda: keras.layers.RNN(gru.GRUCell(16)), seed, 0.02, name=f"seed {seed}")
    assert error < 0.01 and 200 <= len(losses) <= 250


@pytest.mark.full
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_lstm_as_keras_makes_it_needs_three_times_as_long(seed):
    _, losses, error = lab.learn_adding(lambda: keras.layers.LSTM(16), seed, 0.02, name=f"LSTM, seed {seed}")
    assert error < 0.01 and 700 <= len(losses) <= 825


@pytest.mark.full
@pytest.mark.parametrize(("seed", "updates"), [(1, 275), (2, 225)])
def test_a_gru_solves_the_papers_places_too(seed, updates):
    _, losses, error = lab.learn_adding(
        lambda: keras.layers.RNN(gru.GRUCell(16)), seed, 0.02, name=f"1997, seed {seed}", places="1997"
    )
    assert error < 0.01 and len(losses) == updates


@pytest.mark.full
def test_the_delay_goes_to_depth_and_the_pairs_go_to_width(prose):
    def delay(sequences, rng):
        return corpora.recall_by_distance(sequences, 8, 16, seed=int(rng.integers(2**31)))

    def pairs(sequences, rng):
        return lab.doubles_parity(sequences, 12, rng)

    means = {}
    for task, draw, features, outputs, widest in (("delay", delay, 10, 8, 24), ("pairs", pairs, 1, 2, 10)):
        budget = lab.stack_parameters(features, [widest], outputs)
        for depth in (1, 2, 3):
            units = lab.equal_stack(depth, features, outputs, budget)
            runs = [
                lab.learn_answers(
                    lambda units=units: deep.StackedRNN(units, return_sequences=True),
                    draw,
                    outputs,
                    seed=seed,
                    rate=0.01,
                )[-1]
                for seed in (1, 2, 3, 4, 5)
            ]
            means[task, depth] = np.mean(runs)
    assert [means["delay", d] for d in (1, 2, 3)] == pytest.approx([0.975, 0.994, 0.999], abs=0.002)
    assert [means["pairs", d] for d in (1, 2, 3)] == pytest.approx([1.000, 0.988, 0.960], abs=0.002)
    assert ".975, .994 and .999" in prose and "1.000, .988 and .960" in prose
