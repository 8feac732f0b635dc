"""Lesson 07: the numbers it states, against closed forms, published cases and Keras; and its experiments."""

import math
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from matplotlib.figure import Figure
from scipy import special, stats
from unrolled import vanishing

from autograder import exercise as exercises
from autograder.build.lesson import SOURCES, read
from autograder.gradients import numeric_gradient
from autograder.reference import ROOT
from solutions import gradients as reference

DEPTH, UNITS, GAIN = 100, 20, 0.9


@pytest.fixture(scope="module")
def lesson():
    return read(SOURCES / "07_gradients.py")


# Networks


@pytest.mark.parametrize(
    "squash, function", [("tanh", np.tanh), ("relu", lambda z: z * (z > 0)), ("linear", lambda z: z)]
)
def test_states_follow_the_formula_and_slopes_are_those_of_the_function(squash, function):
    rng = np.random.default_rng(0)
    drive, Wh, h0 = rng.normal(size=(3, 5, 4)), rng.normal(size=(4, 4)), rng.normal(size=(3, 4))
    h, slope = vanishing.states_and_slopes(drive, Wh, squash, h0)
    before = h0
    for t in range(5):
        z = drive[:, t] + before @ Wh
        assert np.allclose(h[:, t], function(z), rtol=1e-13, atol=0)
        measured = (function(z + 1e-6) - function(z - 1e-6)) / 2e-6
        assert np.allclose(slope[:, t], measured, rtol=0, atol=1e-8)
        before = function(z)


def test_a_function_that_is_not_there_is_refused_with_the_rule_and_an_example():
    with pytest.raises(ValueError, match="must be one of") as error:
        vanishing.states_and_slopes(np.zeros((1, 2, 3)), np.eye(3), "sine")
    assert "Received: 'sine'" in str(error.value)
    assert "Example: " in str(error.value)


def test_log_norms_of_a_shared_matrix_are_those_of_its_powers():
    logs = vanishing.log_norms(30, 6, 1.1, 1, True, np.random.default_rng(3))[0]
    rng = np.random.default_rng(3)
    gradient = rng.normal(size=6)
    W = rng.normal(0, 1.1 / math.sqrt(6), (6, 6))
    for n in (0, 1, 7, 30):
        true = np.linalg.norm(gradient @ np.linalg.matrix_power(W.T, n)) / np.linalg.norm(gradient)
        assert logs[n] == pytest.approx(math.log10(true), abs=1e-11)


def test_the_line_of_a_shared_matrix_has_the_slope_of_its_spectral_radius():
    logs = vanishing.log_norms(2000, 6, 1.0, 5, True, np.random.default_rng(4))
    rng = np.random.default_rng(4)
    for curve in logs:
        rng.normal(size=6)
        W = rng.normal(0, 1 / math.sqrt(6), (6, 6))
        rate = (curve[-1] - curve[1000]) / 1000
        assert rate == pytest.approx(
            math.log10(np.abs(np.linalg.eigvals(W)).max()), abs=2e-3
        )  # a ripple of a factor of 100


def test_unshared_gaussian_layers_walk_as_chi_square_numbers_say():
    """The log of the norm: a sum of independent terms, half the log of gain² / units times a chi-square number."""
    logs = vanishing.log_norms(DEPTH, UNITS, GAIN, 200, False, np.random.default_rng(1))
    mean = 0.5 * (special.digamma(UNITS / 2) + math.log(2 / UNITS)) + math.log(GAIN)
    deviation = math.sqrt(special.polygamma(1, UNITS / 2) / 4)
    for depth in (25, 100):
        values = logs[:, depth] * math.log(10)
        error = deviation * math.sqrt(depth / 200)
        assert abs(values.mean() - depth * mean) < 4 * error
        low, high = stats.chi2.ppf([1e-4, 1 - 1e-4], 199) / 199
        assert low < values.var(ddof=1) / (depth * deviation**2) < high
    assert math.sqrt(100 / 40) / math.log(10) == pytest.approx(0.69, abs=0.005)  # the lesson's rule of thumb


def test_deep_networks_vanish_less_regularly_within_a_net_and_more_alike_over_seeds():
    shared = vanishing.log_norms(DEPTH, UNITS, GAIN, 200, True, np.random.default_rng(0))
    own = vanishing.log_norms(DEPTH, UNITS, GAIN, 200, False, np.random.default_rng(1))
    assert vanishing.crookedness(own).mean() > 4 * vanishing.crookedness(shared).mean()
    growth = [v[:, 100].std() / v[:, 25].std() for v in (shared, own)]
    assert growth[0] > 3.5  # in proportion to the depth: 4
    assert 1.6 < growth[1] < 2.4  # with its root: 2
    assert own[:, -1].max() < 0 < shared[:, -1].max()


def test_a_straight_line_is_not_crooked_and_a_wave_is_by_its_root_mean_square():
    layers = np.arange(101)
    wave = np.where(layers % 2 == 0, 0.3, -0.3)
    found = vanishing.crookedness(np.stack([2 - 0.1 * layers, wave]), skip=20)
    assert found[0] < 1e-12
    assert found[1] == pytest.approx(0.3, rel=1e-3)


# The coins


def test_gradients_of_the_coin_networks_are_the_numeric_ones():
    rng = np.random.default_rng(5)
    nets, units, lag, batch = 2, 3, 4, 6
    shapes = ((nets, 1, units), (nets, units, units), (nets, 1, units), (nets, units, 1), (nets, 1, 1))
    weights = {f"w{k}": rng.normal(size=shape) for k, shape in enumerate(shapes)}
    coins = rng.choice([-1.0, 1.0], (lag, nets, batch, 1))

    def losses(*w):
        return vanishing._loss_and_gradients(list(w), coins)[0]

    _, found = vanishing._loss_and_gradients(list(weights.values()), coins)
    exact = numeric_gradient(losses, weights, upstream=np.ones(nets), method="richardson").values
    for mine, expected in zip(found, exact.values(), strict=True):
        assert np.allclose(mine, expected, rtol=0, atol=1e-8 * np.abs(expected).max())


def test_the_loss_of_the_coin_networks_is_tensorflows_cross_entropy():
    rng = np.random.default_rng(6)
    weights = [rng.normal(size=s) for s in ((1, 1, 3), (1, 3, 3), (1, 1, 3), (1, 3, 1), (1, 1, 1))]
    coins = rng.choice([-1.0, 1.0], (4, 1, 8, 1))
    h = np.zeros((8, 3))
    for x in coins[:, 0]:
        h = np.tanh(x @ weights[0][0] + h @ weights[1][0] + weights[2][0])
    score = h @ weights[3][0] + weights[4][0]
    theirs = tf.nn.sigmoid_cross_entropy_with_logits(labels=(coins[0, 0] + 1) / 2, logits=score)
    assert vanishing._loss_and_gradients(weights, coins)[0][0] == pytest.approx(
        float(tf.reduce_mean(theirs)), rel=1e-12
    )


def orthogonal_kernels():
    return np.stack([np.asarray(reference.orthogonal_initializer(seed=k)((20, 20))) for k in range(5)])


def test_ten_coins_are_learned_and_a_hundred_are_not_at_the_same_budget():
    kernels = orthogonal_kernels()
    short, long = (vanishing.remember_first(lag, 150, kernels, reference.clip_by_global_norm) for lag in (10, 100))
    assert short[-20:].mean(axis=0).max() < 0.02
    assert np.abs(long[-20:].mean(axis=0) - math.log(2)).max() < 0.03


def test_a_thousand_coins_stay_at_guessing():
    loss = vanishing.remember_first(1000, 25, orthogonal_kernels(), reference.clip_by_global_norm)
    assert np.abs(loss[-15:].mean(axis=0) - math.log(2)).max() < 0.05


def test_before_training_nothing_of_the_first_of_a_thousand_coins_arrives():
    rng = np.random.default_rng(2)
    for kernel in orthogonal_kernels().astype(float):
        coins = rng.choice([-1.0, 1.0], (32, 1000, 1))
        _, slope = vanishing.states_and_slopes(coins * rng.normal(size=20), kernel)
        norms = reference.norm_through_time(rng.normal(size=(32, 20)), slope, kernel)
        assert np.median(norms[:, 0] / norms[:, -1]) < 1e-100
        assert np.median(norms[:, -10] / norms[:, -1]) > 1e-4


def test_the_seed_decides_a_training_and_clipping_changes_it():
    kernels = orthogonal_kernels()[:2]
    one, again = (vanishing.remember_first(10, 5, kernels, seed=4) for _ in range(2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, vanishing.remember_first(10, 5, kernels, seed=5))
    clipped = vanishing.remember_first(10, 5, kernels, reference.clip_by_global_norm, limit=1e-9, seed=4)
    assert not np.array_equal(one, clipped)


def test_one_unit_with_weights_set_by_hand_never_forgets_whatever_the_coins():
    """Worst case: every later coin is against the first. Then the state still grows to a place of rest above zero."""
    assert vanishing.latch(np.array([[1.0] + [-1.0] * 5000]))[0] > 0.9
    assert vanishing.latch(np.array([[-1.0] + [1.0] * 5000]))[0] < -0.9
    every = np.array(np.meshgrid(*[[-1.0, 1.0]] * 12)).reshape(12, -1).T
    assert np.array_equal(np.sign(vanishing.latch(every)), every[:, 0])


# The cliff


def test_the_one_unit_error_is_the_papers_equation_and_its_gradient_the_numeric_one():
    """Pascanu, Mikolov and Bengio 2013, equation 8: x_t = w s(x_{t-1}) + b, x_0 = .5, error (s(x_50) - .7)^2."""
    for w, b in ((5.0, -2.0), (4.2, -2.1), (1.0, 0.3)):
        x = 0.5
        for _ in range(50):
            x = w / (1 + math.exp(-x)) + b
        error, by_w, by_b = vanishing.one_unit_error(np.array(w), np.array(b))
        assert error == pytest.approx((1 / (1 + math.exp(-x)) - 0.7) ** 2, rel=1e-9)
        step = 1e-6
        for gradient, dw, db in ((by_w, step, 0), (by_b, 0, step)):
            up, down = (vanishing.one_unit_error(np.array(w + k * dw), np.array(b + k * db))[0] for k in (1, -1))
            assert gradient == pytest.approx((up - down) / (2 * step), rel=1e-4)


def test_descents_take_the_steps_of_gradient_descent_and_clipping_bounds_them():
    start = np.array([[5.5, -2.25], [5.0, -2.0]])
    free = vanishing.descend(start, 0.25, 40)
    assert free.shape == (2, 41, 2)
    for path in free:
        _, by_w, by_b = vanishing.one_unit_error(*path[:-1].T)
        assert np.allclose(np.diff(path, axis=0), -0.25 * np.stack([by_w, by_b], axis=1), rtol=1e-9, atol=1e-12)
    clipped = vanishing.descend(start, 0.25, 40, reference.clip_by_global_norm, 0.1)
    assert np.linalg.norm(np.diff(clipped, axis=1), axis=2).max() <= 0.25 * 0.1 * (1 + 1e-12)


def test_at_the_cliff_clipping_arrives_and_plain_descent_is_thrown_off():
    starts = np.random.default_rng(0).uniform((4, -3), (6, -1.5), (300, 2))
    share = {}
    for name, clip in (("free", None), ("clipped", reference.clip_by_global_norm)):
        ends = vanishing.descend(starts, 0.25, 300, clip)[:, -1]
        share[name] = np.mean(vanishing.one_unit_error(*ends.T)[0] < 0.01)
    assert share["clipped"] > 0.98
    assert share["free"] < 0.6


def test_there_is_a_wall_where_the_error_jumps_over_a_thousandth_of_the_bias():
    low, high = -3.2, -2.0  # on both sides of it, at w = 5
    for _ in range(40):
        middle = (low + high) / 2
        left = vanishing.one_unit_error(np.array(5.0), np.array(middle))[0]
        low, high = (middle, high) if left > 0.2 else (low, middle)
    sides = [vanishing.one_unit_error(np.array(5.0), np.array(b))[0] for b in (low - 5e-4, high + 5e-4)]
    assert sides[0] > 0.3
    assert sides[1] < 0.1


# What the lesson says against others


def test_largest_singular_value_above_one_is_not_sufficient():
    """Singular values 4/3 and 1/3: their product is the determinant, the sum of their squares that of all elements."""
    W = np.array([[2 / 3, 1.0], [0.0, 2 / 3]])
    values = np.linalg.svd(W, compute_uv=False)
    assert np.allclose(values, [4 / 3, 1 / 3], rtol=1e-14, atol=0)
    assert (W**2).sum() == pytest.approx(16 / 9 + 1 / 9)
    assert reference.largest_singular_value(W, np.array([1.0, 0.3]), 60) == pytest.approx(4 / 3, rel=1e-12)
    norms = reference.norm_through_time(np.array([[1.0, 1.0]]), np.ones((1, 61, 2)), W)[0, ::-1]
    assert norms[1] > 1.2 * norms[0]
    for n in (0, 1, 10, 60):  # equation (3) of the lesson, for the transpose
        power = np.array([[(2 / 3) ** n, 0], [n * (2 / 3) ** (n - 1), (2 / 3) ** n]])
        assert norms[n] == pytest.approx(np.linalg.norm(np.ones(2) @ power), rel=1e-12)
    assert norms[60] < 1e-8


def test_largest_singular_value_below_one_is_sufficient_for_tanh():
    rng = np.random.default_rng(8)
    W = rng.normal(size=(5, 5))
    W *= 0.95 / np.linalg.norm(W, 2)
    _, slope = vanishing.states_and_slopes(rng.normal(size=(4, 200, 5)), W)
    norms = reference.norm_through_time(rng.normal(size=(4, 5)), slope, W)[:, ::-1]
    assert np.all(norms <= 0.95 ** np.arange(200) * norms[:, :1] * (1 + 1e-12))


def test_a_spectral_radius_of_zero_can_explode_where_there_are_slopes():
    W = np.array([[1.2, 1.2], [-1.2, -1.2]])
    assert np.abs(W @ W).max() < 1e-15
    drive = np.zeros((1, 31, 2))
    drive[:, :, 1] = -1000
    h, slope = vanishing.states_and_slopes(drive, W, "relu", np.array([[0.1, 0.0]]))
    assert np.array_equal(slope[0], np.tile([1.0, 0.0], (31, 1)))
    assert h[0, -1, 0] == pytest.approx(0.1 * 1.2**31)
    norms = reference.norm_through_time(np.array([[1.0, 0.0]]), slope, W)[0, ::-1]
    assert np.allclose(norms[1:], math.sqrt(2) * 1.2 ** np.arange(1, 31), rtol=1e-12, atol=0)


def test_the_slope_of_tanh_is_one_at_zero_below_one_elsewhere_and_the_logistic_ones_at_most_a_quarter():
    z = np.linspace(-3, 3, 601)
    x = tf.constant(z)
    for function, top in ((tf.tanh, 1.0), (tf.sigmoid, 0.25)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        slope = tape.gradient(y, x).numpy()
        assert slope[300] == pytest.approx(top, abs=1e-15)
        assert np.all(np.delete(slope, 300) < top)


def test_tanh_without_input_keeps_a_gradient_and_relu_halves_its_square():
    rng = np.random.default_rng(3)
    Q = np.asarray(reference.orthogonal_initializer(seed=3)((50, 50), dtype="float64"))
    inputs, dh = rng.normal(size=(16, 100, 50)), rng.normal(size=(16, 50))
    _, slope = vanishing.states_and_slopes(0 * inputs, Q)
    norms = reference.norm_through_time(dh, slope, Q)
    assert np.allclose(norms, norms[:, -1:], rtol=1e-12, atol=0)
    _, slope = vanishing.states_and_slopes(inputs, Q, "relu")
    norms = reference.norm_through_time(dh, slope, Q)
    per_step = (norms[:, 0] / norms[:, -1]) ** (1 / 99)
    assert per_step.mean() == pytest.approx(math.sqrt(0.5), rel=0.03)
    h, slope = vanishing.states_and_slopes(inputs, 2 * Q, "relu")
    norms = reference.norm_through_time(dh, slope, 2 * Q)
    assert norms[:, 0].min() > 1e10
    assert np.linalg.norm(h[:, -1], axis=1).min() > 1e10


def test_a_power_pulled_out_of_the_product_is_another_matrix():
    rng = np.random.default_rng(7)
    Wh = 1.2 * np.asarray(reference.orthogonal_initializer(seed=1)((10, 10), dtype="float64"))
    _, slope = vanishing.states_and_slopes(rng.normal(0, 0.7, (1, 40, 10)), Wh)
    true = np.eye(10)
    for n in range(1, 6):
        true = true @ np.diag(slope[0, -n]) @ Wh.T
        pulled = np.diag(slope[0, -n:].prod(axis=0)) @ np.linalg.matrix_power(Wh.T, n)
        off = np.linalg.norm(pulled - true) / np.linalg.norm(true)
        assert off < 1e-14 if n == 1 else off > 0.5
        exact = reference.norm_through_time(np.ones((1, 10)), slope, Wh)[0, -1 - n]
        assert np.linalg.norm(np.ones(10) @ true) == pytest.approx(exact, rel=1e-12)


def test_eigenvalues_fail_where_there_is_no_basis_of_eigenvectors():
    W = np.array([[2 / 3, 1.0], [0.0, 2 / 3]])
    assert np.linalg.cond(np.linalg.eig(W)[1]) > 1e12
    right = 10 * (2 / 3) ** 9
    assert np.linalg.matrix_power(W, 10)[0, 1] == pytest.approx(right, rel=1e-12)
    assert abs(reference.power_by_eigendecomposition(W, 10)[0, 1] - right) > 0.5 * right


# Clipping: gradients [30, 40] and [.3, .4], limit 5 (references.md)


@pytest.mark.parametrize(
    "argument, first, second, whole",
    [
        ("global_clipnorm", [3, 4], [0.03, 0.04], 5.0),
        ("clipnorm", [3, 4], [0.3, 0.4], math.sqrt(25.25)),
        ("clipvalue", [5, 5], [0.3, 0.4], 7.09),
    ],
)
def test_keras_three_ways_of_clipping_are_three(argument, first, second, whole):
    variables = [keras.Variable(np.zeros(2), dtype="float64") for _ in range(2)]
    given = [tf.constant([30.0, 40.0], tf.float64), tf.constant([0.3, 0.4], tf.float64)]
    keras.optimizers.SGD(1.0, **{argument: 5.0}).apply(given, variables)
    steps = [-keras.ops.convert_to_numpy(v) for v in variables]
    assert np.allclose(steps[0], first, rtol=2e-4, atol=0)  # the small gradient counts in the fourth digit
    assert np.allclose(steps[1], second, rtol=2e-4, atol=0)
    assert np.linalg.norm(np.concatenate(steps)) == pytest.approx(whole, rel=2e-4)
    mine = reference.clip_by_global_norm((np.array([30.0, 40.0]), np.array([0.3, 0.4])), 5.0)
    assert np.allclose(mine, steps, rtol=1e-6) == (argument == "global_clipnorm")


def test_the_angle_that_clipping_per_variable_turns_the_step_by():
    """Directions (50, .5) and (5, .5), as lengths along two unit vectors: arctan of 1/10 less arctan of 1/100."""
    assert math.degrees(math.atan(0.1) - math.atan(0.01)) == pytest.approx(5.1, abs=0.05)


# The lesson itself


def test_its_exercises_are_the_modules_and_give_forty_points(lesson):
    assert set(lesson.exercises) == set(exercises.of_module("gradients"))
    assert len(lesson.exercises) == 7
    assert sum(e.points for e in exercises.of_module("gradients").values()) == 40


def test_no_demo_before_the_first_exercise_uses_a_students_function(lesson):
    names = [e.object for e in exercises.of_module("gradients").values()]
    for cell in lesson.cells:
        if cell.kind == "exercise":
            break
        if cell.kind == "demo":
            assert not [name for name in names if re.search(rf"\b{name}\(", cell.text)]


def test_the_points_of_the_rubric_add_up_to_ten():
    text = (ROOT / "solutions" / "rubrics" / "gradients.md").read_text(encoding="utf-8")
    assert sum(int(n) for n in re.findall(r"^\| (\d+) \|", text, flags=re.M)) == 10


def test_every_figure_has_a_title_and_labels():
    path = vanishing.descend(np.array([[5.5, -2.25]]), 0.25, 3)[0]
    logs = {"a": np.zeros((3, 5)), "b": np.ones((3, 5))}
    made = [
        vanishing.learning_curves({"a": np.ones((30, 2))}, "finding"),
        vanishing.cliff({"a path": path}, 5.0, "finding"),
        vanishing.bundles(logs, "finding"),
        vanishing.side_by_side({"one": {"a": np.ones(5)}, "two": {"a": np.ones(5)}}, "finding", "steps", ["norm"]),
    ]
    for figure in made:
        assert isinstance(figure, Figure)
        axes = [a for a in figure.axes if a.get_label() != "<colorbar>"]
        titles = [axes[0].get_title(loc=loc) for loc in ("left", "center")]
        assert "finding" in (figure.get_suptitle(), *titles)
        assert all(a.get_xlabel() for a in axes)
        assert axes[0].get_ylabel()
    drawn = vanishing.two_steps_back()
    assert "slope" in drawn.axes[0].get_title(loc="left")


def test_a_training_that_takes_long_says_how_far_it_is(capsys, monkeypatch):
    monkeypatch.setattr(vanishing, "SECONDS_BETWEEN_REPORTS", 0.0)
    vanishing.remember_first(5, 2, orthogonal_kernels()[:1], report=True)
    assert "lag 5: update 2 of 2" in capsys.readouterr().out
    vanishing.remember_first(5, 2, orthogonal_kernels()[:1])
    assert capsys.readouterr().out == ""
