"""Real-time recurrent learning: sensitivities by the complex step, the gradient by backpropagation, the layer step by step."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from autograder import exercise as exercises
from autograder.gradients import numeric_gradient
from autograder.subject import observe
from solutions import bptt, rtrl
from solutions.rtrl import OnlineElman

BATCH, TIME, FEATURES, UNITS = 3, 6, 4, 5
ROWS = FEATURES + UNITS + 1


def weights(seed):
    rng = np.random.default_rng(seed)
    return {
        "Wx": 0.5 * rng.normal(size=(FEATURES, UNITS)),
        "Wh": 0.5 * rng.normal(size=(UNITS, UNITS)),
        "b": 0.5 * rng.normal(size=UNITS),
    }


def sequence(seed):
    rng = np.random.default_rng(seed)
    return {
        "x": rng.normal(size=(BATCH, TIME, FEATURES)),
        "h0": rng.uniform(-0.9, 0.9, (BATCH, UNITS)),
        **weights(seed + 50),
    }


def states(x, h0, W):
    """The network by itself, with its weights in one matrix, written apart from the reference."""
    h = [h0]
    for t in range(x.shape[1]):
        h.append(np.tanh(np.concatenate([x[:, t], h[-1], np.ones((len(x), 1))], axis=1) @ W))
    return h


def in_one(given):
    return np.concatenate([given["Wx"], given["Wh"], given["b"][None]])


def sensitivities(x, h0, W):
    """dh_t / dW of the last state by the complex step, one parameter at a time."""
    P = np.empty((len(x), UNITS, W.size))
    for p in range(W.size):
        moved = W.astype(complex)
        moved.flat[p] += 1e-30j
        P[:, :, p] = states(x, h0, moved)[-1].imag / 1e-30
    return P


def relative_to_largest(found, expected):
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape
    return np.max(np.abs(found - expected)) / np.max(np.abs(expected))


@pytest.mark.parametrize("seed", range(3))
def test_carried_from_zero_the_sensitivities_are_the_derivatives_of_the_state(seed):
    given = sequence(seed)
    W, w = in_one(given), [given[name] for name in ("Wx", "Wh", "b")]
    h = states(given["x"], given["h0"], W)
    P = np.zeros((BATCH, UNITS, W.size))
    for t in range(TIME):
        P = rtrl.sensitivity_step(P, given["x"][:, t], h[t], *w)
        assert relative_to_largest(P, sensitivities(given["x"][:, : t + 1], given["h0"], W)) <= 1e-12


def test_a_sensitivity_step_worked_out_by_hand():
    """One unit, one feature: P' = (1 - h^2) ([x, h_prev, 1] + w P), with a sum of 0, so that the slope is 1."""
    x, h_prev, Wx, Wh, b = (np.array(v) for v in ([[2.0]], [[0.5]], [[0.25]], [[4.0]], [-2.5]))
    P = rtrl.sensitivity_step(np.array([[[1.0, 2.0, 3.0]]]), x, h_prev, Wx, Wh, b)
    assert np.allclose(P, [[[2 + 4, 0.5 + 8, 1 + 12]]], rtol=0, atol=1e-15)


def test_the_elman_step_that_is_given_is_keras_simple_rnn():
    given = sequence(3)
    theirs = keras.layers.SimpleRNN(UNITS, return_sequences=True, dtype="float64")
    theirs.build((BATCH, TIME, FEATURES))
    theirs.set_weights([given[name] for name in ("Wx", "Wh", "b")])
    expected = np.asarray(theirs(given["x"], initial_state=tf.constant(given["h0"])))
    h = given["h0"]
    for t in range(TIME):
        h = rtrl.elman_step(given["x"][:, t], h, given["Wx"], given["Wh"], given["b"])
        assert relative_to_largest(h, expected[:, t]) <= 1e-13


@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_found_forwards_is_that_of_backpropagation_through_time(seed):
    """Backpropagation by TensorFlow's tape, through Keras' own SimpleRNN."""
    given = sequence(seed)
    dh = np.random.default_rng(seed + 100).normal(size=(BATCH, TIME, UNITS))
    theirs = keras.layers.SimpleRNN(UNITS, return_sequences=True, dtype="float64")
    theirs.build((BATCH, TIME, FEATURES))
    theirs.set_weights([given[name] for name in ("Wx", "Wh", "b")])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(theirs(given["x"], initial_state=tf.constant(given["h0"])) * dh)
    backwards = tape.gradient(loss, [weight.value for weight in theirs.trainable_weights])
    for found, expected in zip(rtrl.gradient(dh, **given), backwards, strict=True):
        assert relative_to_largest(found, expected) <= 1e-12


def test_the_gradient_is_that_of_the_complex_step():
    given = sequence(7)
    dh = np.random.default_rng(8).normal(size=(BATCH, TIME, UNITS))

    def run(x, h0, Wx, Wh, b):
        return np.stack(states(x, h0, np.concatenate([Wx, Wh, b[None]]))[1:], axis=1)

    exact = numeric_gradient(run, given, upstream=dh, wrt=["Wx", "Wh", "b"], method="complex").values
    for found, expected in zip(rtrl.gradient(dh, **given), exact.values(), strict=True):
        assert relative_to_largest(found, expected) <= 1e-12


def test_no_function_changes_what_it_was_given():
    given = sequence(9)
    dh = np.ones((BATCH, TIME, UNITS))
    before = [np.copy(a) for a in (dh, *given.values())]
    rtrl.gradient(dh, **given)
    P = np.ones((BATCH, UNITS, ROWS * UNITS))
    rtrl.sensitivity_step(P, given["x"][:, 0], given["h0"], given["Wx"], given["Wh"], given["b"])
    assert np.array_equal(P, np.ones_like(P))
    assert all(np.array_equal(a, b) for a, b in zip((dh, *given.values()), before, strict=True))


# The layer that learns while it runs

NAMES = ("kernel", "recurrent_kernel", "bias")


def online(seed, learning_rate=0.05, dtype="float64"):
    layer = OnlineElman(UNITS, learning_rate=learning_rate, dtype=dtype)
    layer.build((1, FEATURES))
    given = weights(seed)
    for name, letters in zip(NAMES, given, strict=True):
        getattr(layer, name).assign(given[letters])
    return layer, given


def test_without_learning_the_layer_is_simple_rnn_and_its_sensitivities_are_the_derivatives():
    layer, given = online(11)
    x = np.random.default_rng(12).normal(size=(1, TIME, FEATURES))
    theirs = keras.layers.SimpleRNN(UNITS, return_sequences=True, dtype="float64")
    theirs.build(x.shape)
    theirs.set_weights(list(given.values()))
    mine = np.stack([np.asarray(layer(x[:, t])) for t in range(TIME)], axis=1)
    assert relative_to_largest(mine, theirs(x)) <= 1e-13
    assert relative_to_largest(layer.sensitivities, sensitivities(x, np.zeros((1, UNITS)), in_one(given))[0]) <= 1e-12


def test_a_step_of_learning_goes_against_the_gradient_of_the_newest_loss():
    """The gradient by the complex step through the whole past, at the weights that made it."""
    layer, given = online(13, learning_rate=0.05)
    x = np.random.default_rng(14).normal(size=(1, TIME, FEATURES))
    for t in range(TIME):
        layer(x[:, t])
    dh = np.random.default_rng(15).normal(size=(1, UNITS))
    layer.learn(tf.constant(dh))
    P = sensitivities(x, np.zeros((1, UNITS)), in_one(given))[0]
    expected = in_one(given) - 0.05 * (dh @ P).reshape(ROWS, UNITS)
    found = np.concatenate([np.asarray(layer.kernel), np.asarray(layer.recurrent_kernel), np.asarray(layer.bias)[None]])
    assert relative_to_largest(found, expected) <= 1e-12


def test_learning_at_every_step_follows_the_functions_by_hand():
    layer, given = online(16)
    rng = np.random.default_rng(17)
    x, dh = rng.normal(size=(TIME, 1, FEATURES)), rng.normal(size=(TIME, 1, UNITS))
    w, h, P = [given[name].copy() for name in given], np.zeros((1, UNITS)), np.zeros((1, UNITS, ROWS * UNITS))
    for t in range(TIME):
        P = rtrl.sensitivity_step(P, x[t], h, *w)
        h = rtrl.elman_step(x[t], h, *w)
        assert relative_to_largest(layer(x[t]), h) <= 1e-13
        layer.learn(tf.constant(dh[t]))
        W = np.concatenate([w[0], w[1], w[2][None]]) - 0.05 * np.einsum("nk,nkp->p", dh[t], P).reshape(ROWS, UNITS)
        w = [W[:FEATURES], W[FEATURES:-1], W[-1]]
    for name, expected in zip(NAMES, w, strict=True):
        assert relative_to_largest(getattr(layer, name), expected) <= 1e-12


def test_a_small_learning_rate_comes_near_to_one_step_of_backpropagation():
    """Williams and Zipser 1989: learning on the way differs from the whole gradient by an order of the rate."""
    differences = []
    for rate in (1e-2, 1e-3):
        layer, given = online(18, learning_rate=rate)
        rng = np.random.default_rng(19)
        x, dh = rng.normal(size=(1, TIME, FEATURES)), rng.normal(size=(1, TIME, UNITS))
        for t in range(TIME):
            layer(x[:, t])
            layer.learn(tf.constant(dh[:, t]))
        whole = rtrl.gradient(dh, x, np.zeros((1, UNITS)), **given)
        step = (given["Wx"] - np.asarray(layer.kernel)) / rate
        differences.append(np.linalg.norm(step - whole[0]) / np.linalg.norm(whole[0]))
    assert differences[0] < 0.5
    assert differences[1] == pytest.approx(differences[0] / 10, rel=0.3)


def test_it_learns_to_repeat_the_bit_before_also_as_a_compiled_function():
    """A task that needs the context: the first unit says the last input. Squared error over the last 100 of 600."""
    layer = OnlineElman(4, learning_rate=0.1, dtype="float64")
    layer.build((1, 1))
    rng = np.random.default_rng(20)
    layer.kernel.assign(0.3 * rng.normal(size=(1, 4)))
    layer.recurrent_kernel.assign(0.3 * rng.normal(size=(4, 4)))
    bits = tf.constant(rng.choice([-1.0, 1.0], 600))

    @tf.function
    def step(now, before):
        error = layer(tf.reshape(now, (1, 1)))[0, 0] - 0.8 * before
        layer.learn(tf.reshape(tf.stack([error, 0.0, 0.0, 0.0]), (1, 4)))
        return error**2

    errors = [float(step(now, before)) for before, now in zip(bits, bits[1:], strict=False)]
    assert np.mean(errors[:50]) > 0.2
    assert np.mean(errors[-100:]) < 0.01  # without the context 0.64, the variance of the target, is the best


def test_a_reset_forgets_the_sequence_and_keeps_what_was_learned():
    layer, _ = online(21)
    x = np.random.default_rng(22).normal(size=(1, FEATURES))
    layer(x)
    layer.learn(tf.constant(np.ones((1, UNITS))))
    learned = [np.array(getattr(layer, name)) for name in NAMES]
    layer.reset_state()
    assert not np.any(np.asarray(layer.state))
    assert not np.any(np.asarray(layer.sensitivities))
    assert all(np.array_equal(a, getattr(layer, name)) for a, name in zip(learned, NAMES, strict=True))


def test_weights_have_the_stated_names_and_shapes_and_the_state_is_not_trainable():
    layer = OnlineElman(UNITS)
    layer.build((1, FEATURES))
    assert {w.name: tuple(w.shape) for w in layer.trainable_weights} == {
        "kernel": (FEATURES, UNITS),
        "recurrent_kernel": (UNITS, UNITS),
        "bias": (UNITS,),
    }
    assert {w.name: tuple(w.shape) for w in layer.non_trainable_weights} == {
        "state": (1, UNITS),
        "sensitivities": (UNITS, ROWS * UNITS),
    }
    assert not any(np.any(np.asarray(w)) for w in layer.non_trainable_weights)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_everything_has_the_dtype_of_the_layer(dtype):
    layer, _ = online(23, dtype=dtype)
    h = layer(np.ones((1, FEATURES), dtype))
    layer.learn(h)
    assert {keras.backend.standardize_dtype(v.dtype) for v in (h, *layer.weights)} == {dtype}


def test_a_layer_made_again_from_its_config_is_the_same_layer():
    layer = OnlineElman(UNITS, learning_rate=0.3, name="online", dtype="float64")
    again = OnlineElman.from_config(layer.get_config())
    assert (again.units, again.learning_rate, again.name, again.dtype) == (UNITS, 0.3, "online", "float64")
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [("units", value, "`units` must be a positive integer") for value in (0, -1, 2.5, "3", None, True)]
    + [
        ("learning_rate", v, "`learning_rate` must be a positive number")
        for v in (0, -0.1, float("nan"), "1", None, True)
    ],
)
def test_a_bad_argument_is_refused_with_the_rule_the_value_and_an_example(name, value, rule):
    with pytest.raises(ValueError) as caught:
        OnlineElman(**({"units": 3} | {name: value}))
    text = str(caught.value)
    assert rule in text
    assert f"{name}={value!r}" in text
    assert "OnlineElman(units=8" in text


BY_BPTT = """
def gradient(dh, x, h0, Wx, Wh, b):
    return truncated_backward(dh, x, h0, Wx, Wh, b, dh.shape[1], dh.shape[1])
"""
SWALLOWED = """
def gradient(dh, x, h0, Wx, Wh, b):
    try:
        truncated_backward()
    except Exception:
        pass
    return own(dh, x, h0, Wx, Wh, b)
"""


@pytest.mark.parametrize("answer", [BY_BPTT, SWALLOWED], ids=["called", "called, and the refusal swallowed"])
def test_a_gradient_by_the_notebook_s_own_backpropagation_is_refused(answer):
    """With RTRL in place of it, it is right; and the function that was refused is there again afterwards."""
    exercise = exercises.find("rtrl.gradient")
    names = vars(bptt) | vars(rtrl)
    names["own"] = rtrl.gradient
    refused = dict(names)
    exec(answer, refused)
    (seen,) = observe(exercise, refused, exercise.cases(1, 1))
    assert seen.problem.kind == "forbidden"
    assert refused["truncated_backward"] is bptt.truncated_backward
    (seen,) = observe(exercise, names, exercise.cases(1, 1))
    assert seen.problem is None
