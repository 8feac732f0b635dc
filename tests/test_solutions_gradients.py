"""Vanishing and exploding gradients: published cases, SciPy's and Keras' own functions, brute force."""

import keras
import numpy as np
import pytest
import scipy.linalg
import tensorflow as tf

from autograder.gradients import numeric_gradient
from solutions import gradients
from solutions.gradients import orthogonal_initializer

# Powers


@pytest.mark.parametrize("n", [1, 2, 7, 30])
@pytest.mark.parametrize("units", [2, 5, 8])
def test_a_power_is_the_repeated_product(units, n):
    W = np.random.default_rng(units).normal(size=(units, units)) / np.sqrt(units)
    expected = np.linalg.matrix_power(W, n)
    found = gradients.power_by_eigendecomposition(W, n)
    assert found.dtype == np.float64
    assert np.max(np.abs(found - expected)) <= 1e-11 * np.max(np.abs(expected))


def test_a_power_of_a_rotation_is_a_rotation_by_a_multiple_of_the_angle():
    """Eigenvalues exp(±i angle): not one of them is real."""

    def rotation(angle):
        return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    assert np.max(np.abs(gradients.power_by_eigendecomposition(rotation(0.3), 11) - rotation(3.3))) <= 1e-14


def test_a_power_of_a_companion_matrix_gives_fibonacci_numbers():
    power = gradients.power_by_eigendecomposition(np.array([[1.0, 1.0], [1.0, 0.0]]), 20)
    assert np.max(np.abs(power - [[10946, 6765], [6765, 4181]])) <= 1e-8


# Norms through time


def tanh_network(seed, batch=3, time=6, units=5):
    rng = np.random.default_rng(seed)
    Wh = 0.7 * rng.normal(size=(units, units))
    drive, h0 = rng.normal(size=(batch, time, units)), rng.normal(size=(batch, units))
    h = [h0]
    for t in range(time):
        h.append(np.tanh(drive[:, t] + h[-1] @ Wh))
    return Wh, drive, np.stack(h[1:], axis=1)


def test_norms_are_those_of_the_numeric_gradient_by_every_state():
    """The last state as a function of h_t alone, differentiated by the complex step."""
    Wh, drive, h = tanh_network(1)
    dh = np.random.default_rng(2).normal(size=(3, 5))
    norms = gradients.norm_through_time(dh, 1 - h**2, Wh)
    assert norms.shape == (3, 6)
    for t in range(6):

        def rest(state, t=t):
            for later in range(t + 1, 6):
                state = np.tanh(drive[:, later] + state @ Wh)
            return state

        exact = numeric_gradient(rest, {"state": h[:, t]}, upstream=dh, method="complex").values["state"]
        assert np.allclose(norms[:, t], np.linalg.norm(exact, axis=1), rtol=1e-12, atol=0)


def test_an_orthogonal_linear_network_keeps_the_length_of_a_gradient():
    Q = scipy.linalg.qr(np.random.default_rng(3).normal(size=(5, 5)))[0]
    dh = np.random.default_rng(4).normal(size=(3, 5))
    norms = gradients.norm_through_time(dh, np.ones((3, 50, 5)), Q)
    assert np.allclose(norms, np.linalg.norm(dh, axis=1)[:, None], rtol=1e-13, atol=0)


def test_a_largest_singular_value_above_one_does_not_suffice_for_explosion():
    """Pascanu, Mikolov and Bengio 2013: necessary, not sufficient. Singular value above 1.3, spectral radius 0.8."""
    Wh = np.array([[0.8, 0.8], [0.0, 0.8]])
    assert np.linalg.norm(Wh, 2) > 1.29
    assert gradients.spectral_radius(Wh) == pytest.approx(0.8)
    norms = gradients.norm_through_time(np.array([[1.0, 1.0]]), np.ones((1, 100, 2)), Wh)[0]
    assert norms[-2] > 1.05 * norms[-1]  # it grows at first
    assert norms[0] < 1e-6 * norms[-1]


def test_the_gradient_given_is_not_changed():
    Wh, _, h = tanh_network(5)
    dh = np.ones((3, 5))
    gradients.norm_through_time(dh, 1 - h**2, Wh)
    assert np.array_equal(dh, np.ones((3, 5)))


# Spectral radius and singular value


@pytest.mark.parametrize(
    ("W", "expected"),
    [
        (np.diag([0.5, -3.0, 2.0]), 3.0),  # negative
        (np.array([[0.0, -2.0], [2.0, 0.0]]), 2.0),  # a turn by a right angle: eigenvalues ±2i
        (np.array([[1.0, 100.0], [0.0, 1.0]]), 1.0),  # a huge singular value
        (np.array([[0.0, 1.0], [0.0, 0.0]]), 0.0),  # nilpotent
    ],
)
def test_spectral_radius_of_matrices_whose_eigenvalues_are_known(W, expected):
    assert gradients.spectral_radius(W) == pytest.approx(expected, abs=1e-12)


def test_spectral_radius_is_the_rate_at_which_powers_grow():
    """Gelfand's formula: the limit of |W^n|^(1/n)."""
    W = np.random.default_rng(6).normal(size=(6, 6)) / 3
    n = 2_000
    assert np.linalg.norm(np.linalg.matrix_power(W, n)) ** (1 / n) == pytest.approx(
        gradients.spectral_radius(W), rel=5e-3
    )


@pytest.mark.parametrize("seed", range(5))
def test_power_iteration_reaches_the_largest_singular_value_from_below(seed):
    rng = np.random.default_rng(seed)
    W, v = rng.normal(size=(6, 6)), rng.normal(size=6)
    before = v.copy()
    largest = scipy.linalg.svdvals(W)[0]
    estimates = [gradients.largest_singular_value(W, v, n) for n in (1, 2, 5, 20, 2_000)]
    assert all(a <= b * (1 + 1e-12) for a, b in zip(estimates, [*estimates[1:], largest], strict=True))
    assert estimates[-1] == pytest.approx(largest, rel=1e-10)
    assert np.array_equal(v, before)


def test_an_estimate_after_two_iterations_worked_out_by_hand():
    """W = diag(2, 1), v = (1, 1): v becomes (16, 1) after two, and |W v| / |v| = sqrt(4 · 256 + 1) / sqrt(257)."""
    found = gradients.largest_singular_value(np.diag([2.0, 1.0]), np.array([1.0, 1.0]), 2)
    assert found == pytest.approx(np.sqrt(1025 / 257), rel=1e-14)


# Clipping. Norms 50 and 0.5, together 50.0025: a limit of 5 divides both by ten, but for the fourth digit

GIVEN = (np.array([30.0, 40.0]), np.array([0.3, 0.4]))


def test_clipping_by_the_global_norm_keeps_the_direction():
    first, second = gradients.clip_by_global_norm(GIVEN, 5.0)
    assert np.allclose(first, [3, 4], rtol=0, atol=5e-4)  # to three digits: the small gradient adds to the norm
    assert np.allclose(second, [0.03, 0.04], rtol=0, atol=5e-6)
    whole = np.concatenate([first, second])
    assert np.linalg.norm(whole) == pytest.approx(5.0, rel=1e-14)
    assert np.allclose(whole / np.concatenate(GIVEN), whole[0] / 30, rtol=1e-14, atol=0)


def test_clipping_equals_tensorflow():
    rng = np.random.default_rng(7)
    given = tuple(rng.normal(size=shape) for shape in ((3, 4), (4,), (4, 2)))
    for limit in (0.5, 3.0, 100.0):
        theirs, _ = tf.clip_by_global_norm([tf.constant(g) for g in given], limit)
        for mine, expected in zip(gradients.clip_by_global_norm(given, limit), theirs, strict=True):
            assert np.allclose(mine, expected, rtol=1e-14, atol=0)


def test_gradients_within_the_limit_stay_as_they_are():
    short = (np.array([0.3, 0.4]), np.zeros((2, 2)))
    for limit in (0.5, 5.0):
        for mine, expected in zip(gradients.clip_by_global_norm(short, limit), short, strict=True):
            assert np.array_equal(mine, expected)
    (zero,) = gradients.clip_by_global_norm((np.zeros(3),), 1.0)
    assert np.array_equal(zero, np.zeros(3))


def test_clipping_changes_none_of_the_arrays_given():
    given = (np.array([30.0, 40.0]), np.array([0.3, 0.4]))
    gradients.clip_by_global_norm(given, 5.0)
    assert all(np.array_equal(a, b) for a, b in zip(given, GIVEN, strict=True))


def step_of(optimizer, *found):
    variables = [keras.Variable(np.zeros(g.shape), dtype="float64") for g in found]
    optimizer.apply([tf.constant(g) for g in found], variables)
    return [np.asarray(variable) for variable in variables]


def test_the_optimizer_takes_the_step_of_the_clipped_gradients():
    steps = step_of(gradients.clipping_optimizer(0.5, 5.0), *GIVEN)
    for step, clipped in zip(steps, gradients.clip_by_global_norm(GIVEN, 5.0), strict=True):
        assert np.allclose(step, -0.5 * clipped, rtol=1e-12, atol=0)


def test_the_optimizer_does_not_clip_each_variable_by_itself_as_clipnorm_does():
    _, small = step_of(gradients.clipping_optimizer(1.0, 5.0), *GIVEN)
    _, by_itself = step_of(keras.optimizers.SGD(1.0, clipnorm=5.0), *GIVEN)
    assert np.allclose(by_itself, [-0.3, -0.4], rtol=1e-12, atol=0)
    assert np.allclose(small, [-0.03, -0.04], rtol=0, atol=5e-6)


def test_the_optimizer_has_no_momentum():
    optimizer = gradients.clipping_optimizer(1.0, 5.0)
    variable = keras.Variable(np.zeros(2), dtype="float64")
    for _ in range(3):
        optimizer.apply([tf.constant([1.0, 2.0], dtype=tf.float64)], [variable])
    assert np.allclose(variable, [-3.0, -6.0], rtol=1e-12, atol=0)


# The initializer


@pytest.mark.parametrize("gain", [1.0, 0.5, 2])
@pytest.mark.parametrize("shape", [(4, 4), (7, 3), (3, 7), (1, 5), (5, 1)])
def test_all_singular_values_equal_the_gain(shape, gain):
    Q = np.asarray(orthogonal_initializer(gain=gain, seed=3)(shape, dtype="float64"))
    assert Q.shape == shape
    assert np.allclose(scipy.linalg.svdvals(Q), gain, rtol=1e-13, atol=0)


@pytest.mark.parametrize(("dtype", "expected"), [("float64", "float64"), ("float32", "float32"), (None, "float32")])
def test_the_matrix_has_the_dtype_that_was_asked_for(dtype, expected):
    Q = orthogonal_initializer()((4, 3), dtype=dtype)
    assert keras.backend.standardize_dtype(Q.dtype) == expected


def test_the_seed_decides():
    def drawn(seed):
        return np.asarray(orthogonal_initializer(seed=seed)((5, 4), dtype="float64"))

    one = orthogonal_initializer(seed=8)
    assert np.array_equal(one((5, 4), dtype="float64"), one((5, 4), dtype="float64"))
    assert np.array_equal(one((5, 4), dtype="float64"), drawn(8))
    assert not np.allclose(drawn(8), drawn(9))


def test_every_orthogonal_matrix_is_equally_likely():
    """Mezzadri 2007. In two dimensions: the angle of the first column is uniform, and half of them are reflections."""
    drawn = [np.asarray(orthogonal_initializer(seed=seed)((2, 2), dtype="float64")) for seed in range(400)]
    angles = np.array([np.arctan2(Q[1, 0], Q[0, 0]) for Q in drawn])
    counts, _ = np.histogram(angles, bins=8, range=(-np.pi, np.pi))
    assert counts.min() > 50 - 5 * np.sqrt(50 * 7 / 8)  # five standard deviations of a count of 400 in 8
    assert counts.max() < 50 + 5 * np.sqrt(50 * 7 / 8)
    reflections = sum(np.linalg.det(Q) < 0 for Q in drawn)
    assert abs(reflections - 200) < 5 * np.sqrt(400 / 4)


def test_a_layer_starts_from_it_by_name_after_saving():
    layer = keras.layers.SimpleRNN(6, recurrent_initializer=orthogonal_initializer(gain=0.9, seed=4))
    again = keras.layers.SimpleRNN.from_config(layer.get_config())
    for each in (layer, again):
        each.build((None, 5, 3))
    assert np.array_equal(layer.cell.recurrent_kernel, again.cell.recurrent_kernel)
    assert np.allclose(scipy.linalg.svdvals(np.asarray(again.cell.recurrent_kernel)), 0.9, rtol=1e-5, atol=0)


def test_an_initializer_made_again_from_its_config_gives_the_same_matrix():
    one = orthogonal_initializer(gain=1.3, seed=5)
    again = orthogonal_initializer.from_config(one.get_config())
    assert again.get_config() == one.get_config() == {"gain": 1.3, "seed": 5}
    assert np.array_equal(one((4, 6)), again((4, 6)))


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [("gain", value, "`gain` must be a positive number") for value in (0, -1.0, float("nan"), "1", None, True)]
    + [("seed", value, "`seed` must be an integer") for value in (1.5, "1", None, True)],
)
def test_a_bad_argument_is_refused_with_the_rule_the_value_and_an_example(name, value, rule):
    with pytest.raises(ValueError) as caught:
        orthogonal_initializer(**{name: value})
    text = str(caught.value)
    assert rule in text
    assert f"{name}={value!r}" in text
    assert f"orthogonal_initializer({name}=" in text


@pytest.mark.parametrize("shape", [(4,), (2, 3, 4), ()])
def test_a_shape_without_two_dimensions_is_refused(shape):
    with pytest.raises(ValueError, match="two dimensions") as caught:
        orthogonal_initializer()(shape)
    assert str(shape) in str(caught.value)
