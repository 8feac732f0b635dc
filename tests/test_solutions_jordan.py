"""The Jordan reference: cases worked out by hand, gradients by two independent methods, and Keras' Dense and SimpleRNN."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from autograder.gradients import numeric_gradient
from solutions import jordan
from solutions.jordan import JordanCell

BATCH, TIME, FEATURES, UNITS, OUTPUTS = 3, 6, 4, 5, 2
WEIGHTS = ("Wx", "Ws", "b", "Wy", "by")
KERAS_NAMES = ("kernel", "recurrent_kernel", "bias", "output_kernel", "output_bias")
MIXED = np.array([True, False, False, True, False, True])
MODES = {"free": np.zeros(TIME, bool), "taught": np.ones(TIME, bool), "mixed": MIXED}


def weights(seed, scale=0.4):
    rng = np.random.default_rng(seed)
    shapes = ((FEATURES, UNITS), (OUTPUTS, UNITS), (UNITS,), (UNITS, OUTPUTS), (OUTPUTS,))
    return {name: scale * rng.normal(size=shape) for name, shape in zip(WEIGHTS, shapes, strict=True)}


def sequence(seed, forced=MIXED):
    rng = np.random.default_rng(seed)
    return {
        "x": rng.normal(size=(BATCH, TIME, FEATURES)),
        "s0": rng.normal(size=(BATCH, OUTPUTS)),
        **weights(seed + 50),
        "mu": 0.6,
        "targets": rng.normal(size=(BATCH, TIME, OUTPUTS)),
        "forced": forced,
    }


def relative_to_largest(found, expected):
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape
    return np.max(np.abs(found - expected)) / np.max(np.abs(expected))


# The step


def test_a_step_worked_out_by_hand():
    """One unit of everything: h = tanh(2 · 0.5 + 3 · (-0.25) + 0.25) = tanh(0.5), y = 4 h - 1."""
    one = [np.array([[v]]) for v in (2.0, 3.0, 0.5, -0.25)]
    x, s, Wx, Ws = one
    y = jordan.step_forward(x, s, Wx, Ws, np.array([0.25]), np.array([[4.0]]), np.array([-1.0]))
    assert y.shape == (1, 1)
    assert y[0, 0] == pytest.approx(4 * np.tanh(0.5) - 1, abs=1e-15)


def test_a_step_is_two_dense_layers_of_keras():
    rng = np.random.default_rng(0)
    x, s, w = rng.normal(size=(BATCH, FEATURES)), rng.normal(size=(BATCH, OUTPUTS)), weights(1)
    hidden = keras.layers.Dense(UNITS, activation="tanh", dtype="float64")
    readout = keras.layers.Dense(OUTPUTS, dtype="float64")
    both = np.concatenate([x, s], axis=1)
    hidden.build(both.shape)
    readout.build((BATCH, UNITS))
    hidden.set_weights([np.concatenate([w["Wx"], w["Ws"]]), w["b"]])
    readout.set_weights([w["Wy"], w["by"]])
    assert relative_to_largest(jordan.step_forward(x, s, **w), readout(hidden(both))) <= 1e-14


@pytest.mark.parametrize("method", ["complex", "richardson"])
@pytest.mark.parametrize("seed", range(3))
def test_step_backward_is_the_gradient_of_step_forward(seed, method):
    rng = np.random.default_rng(seed)
    given = {"x": rng.normal(size=(BATCH, FEATURES)), "s": rng.normal(size=(BATCH, OUTPUTS)), **weights(seed)}
    upstream = rng.normal(size=(BATCH, OUTPUTS))
    numeric = numeric_gradient(jordan.step_forward, given, upstream=upstream, method=method).values
    answers = jordan.step_backward(upstream, **given)
    assert len(answers) == len(given)
    for name, answer in zip(given, answers, strict=True):
        assert relative_to_largest(answer, numeric[name]) <= (1e-12 if method == "complex" else 1e-8), name


# The sequence


def state_by_the_sum(fed, s0, mu, t):
    """The state of step t without a recursion: what was fed k steps ago counts mu^(k-1)."""
    return mu**t * s0 + sum(mu ** (t - 1 - k) * fed[:, k] for k in range(t))


@pytest.mark.parametrize("mode", MODES)
def test_every_output_follows_from_the_state_that_the_formula_gives(mode):
    given = sequence(3, MODES[mode])
    y = jordan.sequence_forward(**given)
    assert y.shape == (BATCH, TIME, OUTPUTS)
    fed = np.where(given["forced"][:, None], given["targets"], y)
    for t in range(TIME):
        s = state_by_the_sum(fed, given["s0"], given["mu"], t)
        again = jordan.step_forward(given["x"][:, t], s, *[given[name] for name in WEIGHTS])
        assert relative_to_largest(y[:, t], again) <= 1e-13


def test_without_memory_a_free_run_is_an_elman_network_whose_context_is_the_output():
    """With mu = 0 and h in place of y (identity readout), Jordan's network is Keras' SimpleRNN."""
    given = sequence(4, MODES["free"]) | {"mu": 0.0, "Wy": np.eye(UNITS), "by": np.zeros(UNITS)}
    rng = np.random.default_rng(5)
    given |= {"Ws": 0.4 * rng.normal(size=(UNITS, UNITS)), "s0": rng.normal(size=(BATCH, UNITS))}
    given["targets"] = np.zeros((BATCH, TIME, UNITS))
    theirs = keras.layers.SimpleRNN(UNITS, return_sequences=True, dtype="float64")
    theirs.build((BATCH, TIME, FEATURES))
    theirs.set_weights([given["Wx"], given["Ws"], given["b"]])
    expected = theirs(given["x"], initial_state=tf.constant(given["s0"]))
    assert relative_to_largest(jordan.sequence_forward(**given), expected) <= 1e-13


def test_targets_do_not_matter_in_a_free_run_and_outputs_do_not_feed_back_under_a_teacher():
    free = sequence(6, MODES["free"])
    assert np.array_equal(
        jordan.sequence_forward(**free), jordan.sequence_forward(**(free | {"targets": -free["targets"]}))
    )
    taught = sequence(6, MODES["taught"])
    y = jordan.sequence_forward(**taught)
    moved = jordan.sequence_forward(**(taught | {"by": taught["by"] + 1}))
    assert relative_to_largest(moved, y + 1) <= 1e-13  # the bias moves each output and no later one


def test_a_target_that_is_the_output_changes_nothing():
    given = sequence(7, MODES["free"])
    y = jordan.sequence_forward(**given)
    assert np.array_equal(jordan.sequence_forward(**(given | {"targets": y, "forced": MODES["taught"]})), y)


def test_a_plan_that_stays_the_same_selects_the_trajectory():
    """Jordan 1986: the plan is constant, and another plan gives another sequence of outputs."""
    given = sequence(8, MODES["free"])
    plan = np.repeat(given["x"][:, :1], TIME, axis=1)
    y = jordan.sequence_forward(**(given | {"x": plan}))
    other = jordan.sequence_forward(**(given | {"x": -plan}))
    assert np.min(np.max(np.abs(y - other), axis=(0, 2))) > 0.01
    assert np.max(np.abs(np.diff(y, axis=1))) > 0.01  # it moves though its input does not


@pytest.mark.parametrize("method", ["complex", "richardson"])
@pytest.mark.parametrize("mode", MODES)
def test_sequence_backward_is_the_gradient_of_sequence_forward(mode, method):
    given = sequence(9, MODES[mode])
    upstream = np.random.default_rng(10).normal(size=(BATCH, TIME, OUTPUTS))
    wrt = ["x", "s0", *WEIGHTS]
    numeric = numeric_gradient(jordan.sequence_forward, given, upstream=upstream, wrt=wrt, method=method).values
    answers = jordan.sequence_backward(upstream, **given)
    assert len(answers) == len(wrt)
    for name, answer in zip(wrt, answers, strict=True):
        assert relative_to_largest(answer, numeric[name]) <= (1e-12 if method == "complex" else 1e-8), name


def test_under_a_teacher_without_memory_every_step_stands_alone():
    given = sequence(11, MODES["taught"]) | {"mu": 0.0}
    upstream = np.zeros((BATCH, TIME, OUTPUTS))
    upstream[:, -1] = 1.0
    dx, ds0, *_ = jordan.sequence_backward(upstream, **given)
    assert not np.any(dx[:, :-1])
    assert not np.any(ds0)
    assert np.all(dx[:, -1] != 0)


def test_no_function_changes_what_it_was_given():
    given = sequence(12)
    before = {name: np.copy(value) for name, value in given.items()}
    upstream = np.ones((BATCH, TIME, OUTPUTS))
    jordan.sequence_backward(upstream, **given)
    assert np.array_equal(upstream, np.ones_like(upstream))
    assert all(np.array_equal(given[name], before[name]) for name in given)


# The Keras cell


def layer_with(given, dtype="float64", **options):
    cell = JordanCell(UNITS, OUTPUTS, mu=given["mu"], dtype=dtype)
    layer = keras.layers.RNN(cell, return_sequences=True, dtype=dtype, **options)
    layer.build((BATCH, TIME, FEATURES))
    for name, letters in zip(KERAS_NAMES, WEIGHTS, strict=True):
        getattr(cell, name).assign(given[letters])
    return layer


def test_the_cell_equals_the_functions_by_hand_in_outputs_and_gradients():
    given = sequence(13, MODES["free"])
    layer = layer_with(given)
    x, s0 = tf.constant(given["x"]), tf.constant(given["s0"])
    upstream = np.random.default_rng(14).normal(size=(BATCH, TIME, OUTPUTS))
    with tf.GradientTape() as tape:
        tape.watch([x, s0])
        y = layer(x, initial_state=s0)
        loss = tf.reduce_sum(y * upstream)
    sources = [x, s0, *[getattr(layer.cell, name).value for name in KERAS_NAMES]]
    found = tape.gradient(loss, sources)
    assert relative_to_largest(y, jordan.sequence_forward(**given)) <= 1e-13
    for gradient, by_hand in zip(found, jordan.sequence_backward(upstream, **given), strict=True):
        assert relative_to_largest(gradient, by_hand) <= 1e-12


def test_the_last_state_remembers_all_outputs():
    given = sequence(15, MODES["free"])
    y, state = layer_with(given, return_state=True)(given["x"], initial_state=tf.constant(given["s0"]))
    expected = state_by_the_sum(np.asarray(y), given["s0"], given["mu"], TIME)
    assert relative_to_largest(state, expected) <= 1e-13


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_initial_state_is_one_row_of_zeros_per_example(dtype):
    (state,) = JordanCell(UNITS, OUTPUTS, dtype=dtype).get_initial_state(batch_size=7)
    assert tuple(state.shape) == (7, OUTPUTS)
    assert keras.backend.standardize_dtype(state.dtype) == dtype
    assert not np.any(np.asarray(state))


def test_a_cell_made_again_from_its_config_is_the_same_cell():
    cell = JordanCell(UNITS, OUTPUTS, mu=0.7, name="plan", dtype="float64")
    again = JordanCell.from_config(cell.get_config())
    assert (again.units, again.outputs, again.mu, again.name, again.dtype) == (UNITS, OUTPUTS, 0.7, "plan", "float64")
    assert (again.state_size, again.output_size) == (OUTPUTS, OUTPUTS)
    assert again.get_config() == cell.get_config()


def test_a_saved_model_predicts_the_same_when_loaded(tmp_path):
    layers = [
        keras.Input((TIME, FEATURES)),
        keras.layers.RNN(JordanCell(UNITS, OUTPUTS, mu=0.3), return_sequences=True),
    ]
    model = keras.Sequential(layers)
    x = np.random.default_rng(16).normal(size=(BATCH, TIME, FEATURES)).astype("float32")
    before = np.asarray(model(x))
    model.save(tmp_path / "model.keras")
    assert np.array_equal(keras.models.load_model(tmp_path / "model.keras")(x), before)


def test_weights_have_the_stated_names_shapes_and_initial_values():
    cell = JordanCell(UNITS, OUTPUTS)
    cell.build((None, FEATURES))
    assert {w.name: tuple(w.shape) for w in cell.trainable_weights} == {
        "kernel": (FEATURES, UNITS),
        "recurrent_kernel": (OUTPUTS, UNITS),
        "bias": (UNITS,),
        "output_kernel": (UNITS, OUTPUTS),
        "output_bias": (OUTPUTS,),
    }
    assert not np.any(np.asarray(cell.bias))
    assert not np.any(np.asarray(cell.output_bias))
    assert np.max(np.abs(cell.output_kernel)) <= np.sqrt(6 / (UNITS + OUTPUTS))  # Glorot and Bengio 2010, equation 16


@pytest.mark.parametrize("name", ["units", "outputs"])
@pytest.mark.parametrize("size", [0, -1, 2.5, "3", None, True])
def test_a_wrong_size_is_refused_with_the_rule_the_value_and_an_example(name, size):
    with pytest.raises(ValueError) as caught:
        JordanCell(**({"units": 5, "outputs": 2} | {name: size}))
    text = str(caught.value)
    assert f"`{name}` must be a positive integer" in text
    assert f"{name}={size!r}" in text
    assert "JordanCell(units=32, outputs=2)" in text


@pytest.mark.parametrize("mu", [1, 1.5, -0.1, float("nan"), "0.5", None, True])
def test_a_mu_with_which_old_outputs_would_not_fade_is_refused(mu):
    with pytest.raises(ValueError) as caught:
        JordanCell(5, 2, mu=mu)
    text = str(caught.value)
    assert "0 <= mu < 1" in text
    assert f"mu={mu!r}" in text
    assert "mu=0.5" in text
