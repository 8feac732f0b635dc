"""The GRU reference: gradients by the complex step, hand-made cases, and Keras' own GRU in both conventions."""

import inspect
import math
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit

from autograder.gradients import numeric_gradient
from solutions import gru
from solutions.gru import GRUCell

BATCH, TIME, FEATURES, UNITS = 3, 6, 4, 5
WEIGHTS = ("kernel", "recurrent_kernel", "bias")
BOTH = pytest.mark.parametrize("reset_after", [True, False])


def relative_to_largest(found, expected):
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape
    return np.max(np.abs(found - expected)) / np.max(np.abs(expected))


def arguments(seed, scale=0.5):
    rng = np.random.default_rng(seed)
    return {
        "x": rng.normal(size=(BATCH, FEATURES)),
        "h_prev": rng.uniform(-0.9, 0.9, (BATCH, UNITS)),
        "Wx": scale * rng.normal(size=(FEATURES, 3 * UNITS)),
        "Wh": scale * rng.normal(size=(UNITS, 3 * UNITS)),
        "b": scale * rng.normal(size=(2, 3 * UNITS)),
    }


# Cases that can be worked out by hand


def with_gates(z, r, candidate, units=2, features=3):
    """Kernels of zeros, and input biases that give the three sums."""
    b = np.zeros((2, 3 * units))
    b[0] = np.repeat([z, r, candidate], units)
    return np.zeros((features, 3 * units)), np.zeros((units, 3 * units)), b


def test_gru_with_open_update_gate_keeps_its_state():
    rng = np.random.default_rng(0)
    h_prev = rng.normal(size=(4, 2))
    assert np.array_equal(gru.step_forward(rng.normal(size=(4, 3)), h_prev, *with_gates(1000, 0, 3)), h_prev)


def test_gru_with_closed_update_gate_becomes_its_candidate():
    rng = np.random.default_rng(1)
    h = gru.step_forward(rng.normal(size=(4, 3)), rng.normal(size=(4, 2)), *with_gates(-1000, 0, 0.7))
    assert np.array_equal(h, np.full((4, 2), np.tanh(0.7)))


def test_gru_with_closed_reset_and_update_gates_forgets_the_past_and_its_bias():
    rng = np.random.default_rng(2)
    Wx, Wh, b = with_gates(-1000, -1000, 0.7)
    Wh[:, 4:] = rng.normal(size=(2, 2))
    b[1, 4:] = rng.normal(size=2)
    h = gru.step_forward(rng.normal(size=(4, 3)), rng.normal(size=(4, 2)), Wx, Wh, b)
    assert np.array_equal(h, np.full((4, 2), np.tanh(0.7)))


def test_the_gradient_does_not_fade_while_the_update_gate_is_open():
    rng = np.random.default_rng(3)
    dh = rng.normal(size=(4, 2))
    _, dh_prev, *_ = gru.step_backward(dh, rng.normal(size=(4, 3)), rng.normal(size=(4, 2)), *with_gates(1000, 0, 0.3))
    assert np.array_equal(dh_prev, dh)


def test_a_unit_worked_out_with_a_pocket_calculator():
    """One unit: z's sum is x, r's is h, and the candidate's is x + r (2 h + 0.5)."""
    x, h_prev = 0.4, -0.6
    h = gru.step_forward(
        np.array([[x]]), np.array([[h_prev]]), np.array([[1.0, 0.0, 1.0]]), np.array([[0.0, 1.0, 2.0]]),
        np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.5]]),
    )  # fmt: skip
    z, r = 1 / (1 + math.exp(-x)), 1 / (1 + math.exp(-h_prev))
    candidate = math.tanh(x + r * (2 * h_prev + 0.5))
    assert h[0, 0] == pytest.approx(z * h_prev + (1 - z) * candidate, rel=1e-14)


def test_the_reset_comes_after_the_product():
    """With two units that read each other, a reset before the product would hide the other unit's state."""
    Wx, Wh, b = with_gates(-1000, 0, 0)
    b[0, 2:4] = [1000, -1000]  # the first unit's reset gate open, the second one's shut
    Wh[:, 4:] = [[0, 0], [1, 0]]  # the first unit's candidate reads the second unit's state
    h = gru.step_forward(np.zeros((1, 3)), np.array([[0.2, 0.5]]), Wx, Wh, b)
    assert h[0, 0] == np.tanh(0.5)


def test_sigmoid_equals_scipys_and_neither_overflows_nor_warns():
    a = np.concatenate([np.linspace(-40, 40, 2001), [-1e4, -710.0, 710.0, 1e4, -np.inf, np.inf]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = gru.sigmoid(a)
    assert np.max(np.abs(found - expit(a))) <= 2.3e-16


# Gradients


@pytest.mark.parametrize("seed", range(5))
def test_backward_is_the_gradient_of_forward(seed):
    given = arguments(seed)
    upstream = np.random.default_rng(seed + 100).normal(size=(BATCH, UNITS))
    answers = gru.step_backward(upstream, **given)
    assert len(answers) == len(given)
    exact = numeric_gradient(gru.step_forward, given, upstream=upstream, method="complex").values
    richardson = numeric_gradient(gru.step_forward, given, upstream=upstream, method="richardson").values
    for name, answer in zip(given, answers, strict=True):
        assert answer.dtype == np.float64
        assert relative_to_largest(answer, exact[name]) <= 1e-12, name
        assert relative_to_largest(answer, richardson[name]) <= 1e-8, name


def test_no_function_changes_what_it_was_given():
    given = arguments(5)
    upstream = np.ones((BATCH, UNITS))
    everything = [upstream, *given.values()]
    before = [array.copy() for array in everything]
    gru.step_forward(**given)
    gru.step_backward(upstream, **given)
    assert all(np.array_equal(array, kept) for array, kept in zip(everything, before, strict=True))


def test_the_gradient_of_a_weight_is_the_sum_over_its_uses():
    """Three examples in one batch give the sum of what each gives alone (linearity of the gradient)."""
    given = arguments(7)
    dh = np.random.default_rng(8).normal(size=(BATCH, UNITS))
    weights = [given[name] for name in ("Wx", "Wh", "b")]
    whole = gru.step_backward(dh, **given)
    rows = [slice(n, n + 1) for n in range(BATCH)]
    alone = [gru.step_backward(dh[n], given["x"][n], given["h_prev"][n], *weights) for n in rows]
    for place in (2, 3, 4):
        assert relative_to_largest(whole[place], sum(part[place] for part in alone)) <= 1e-12


def test_the_step_equals_keras_gru_cell_in_the_new_state_and_all_gradients():
    given = arguments(20)
    dh = np.random.default_rng(21).normal(size=(BATCH, UNITS))
    cell = keras.layers.GRUCell(UNITS, dtype="float64")
    cell.build((BATCH, FEATURES))
    for name, value in zip(WEIGHTS, ("Wx", "Wh", "b"), strict=True):
        getattr(cell, name).assign(given[value])
    x, h_prev = tf.constant(given["x"]), tf.constant(given["h_prev"])
    with tf.GradientTape() as tape:
        tape.watch([x, h_prev])
        h, _ = cell(x, [h_prev])
        loss = tf.reduce_sum(dh * h)
    sources = [x, h_prev, *(getattr(cell, name).value for name in WEIGHTS)]
    assert relative_to_largest(gru.step_forward(**given), h) <= 1e-12
    answers = gru.step_backward(dh, **given)
    for name, answer, gradient in zip(given, answers, tape.gradient(loss, sources), strict=True):
        assert relative_to_largest(answer, gradient) <= 1e-12, name


# The Keras cell


TOLERANCE = {"float32": 1e-5, "float64": 1e-12}


def twins(dtype, reset_after, seed=0, **options):
    """Our cell under RNN, and GRU with the same weights, biases not zero."""
    ours = keras.layers.RNN(GRUCell(UNITS, reset_after=reset_after, dtype=dtype), dtype=dtype, **options)
    theirs = keras.layers.GRU(UNITS, reset_after=reset_after, dtype=dtype, **options)
    rng = np.random.default_rng(seed)
    for layer in (ours, theirs):
        layer.build((BATCH, TIME, FEATURES))
    for name in WEIGHTS:
        weight = getattr(theirs.cell, name)
        weight.assign(0.5 * rng.normal(size=weight.shape))
        getattr(ours.cell, name).assign(weight)
    return ours, theirs


def batch(dtype, seed=1):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(BATCH, TIME, FEATURES)).astype(dtype)
    return x, rng.uniform(-0.9, 0.9, (BATCH, UNITS)).astype(dtype)


def taped(layer, x, h0, upstream, mask=None):
    """Outputs, and the gradients of everything."""
    x, h0 = tf.constant(x), tf.constant(h0)
    with tf.GradientTape() as tape:
        tape.watch([x, h0])
        out = layer(x, initial_state=h0, mask=mask)
        loss = tf.reduce_sum(out * tf.cast(upstream, out.dtype))
    sources = {"x": x, "h0": h0} | {name: getattr(layer.cell, name).value for name in WEIGHTS}
    gradients = tape.gradient(loss, list(sources.values()))
    return out.numpy(), {name: g.numpy() for name, g in zip(sources, gradients, strict=True)}


@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@BOTH
def test_the_cell_equals_keras_gru_in_outputs_and_all_gradients(reset_after, dtype, return_sequences):
    ours, theirs = twins(dtype, reset_after, return_sequences=return_sequences)
    x, h0 = batch(dtype)
    shape = (BATCH, TIME, UNITS) if return_sequences else (BATCH, UNITS)
    upstream = np.random.default_rng(2).normal(size=shape)
    mine, my_gradients = taped(ours, x, h0, upstream)
    keras_own, keras_gradients = taped(theirs, x, h0, upstream)
    assert mine.shape == shape
    assert mine.dtype == dtype
    assert relative_to_largest(mine, keras_own) <= TOLERANCE[dtype]
    for name, gradient in keras_gradients.items():
        assert relative_to_largest(my_gradients[name], gradient) <= TOLERANCE[dtype], name


def test_the_two_conventions_differ_except_at_a_zero_state_without_bias():
    after, _ = twins("float64", True)
    before, _ = twins("float64", False)
    x, h0 = batch("float64")
    for name in ("kernel", "recurrent_kernel"):
        getattr(before.cell, name).assign(getattr(after.cell, name))
    for layer in (after, before):
        layer.cell.bias.assign(np.zeros(layer.cell.bias.shape))
    first, zero = x[:, :1], np.zeros((BATCH, UNITS))
    assert relative_to_largest(after(first, initial_state=zero), before(first, initial_state=zero)) <= 1e-15
    assert relative_to_largest(after(first, initial_state=h0), before(first, initial_state=h0)) > 1e-3


def test_the_default_cell_equals_the_functions_by_hand():
    layer, _ = twins("float64", True, return_sequences=True)
    x, h0 = batch("float64")
    upstream = np.random.default_rng(3).normal(size=(BATCH, TIME, UNITS))
    weights = [getattr(layer.cell, name).numpy() for name in WEIGHTS]
    out, gradients = taped(layer, x, h0, upstream)
    states = [h0]
    for t in range(TIME):
        states.append(gru.step_forward(x[:, t], states[-1], *weights))
    assert relative_to_largest(out, np.stack(states[1:], axis=1)) <= 1e-12
    carry, totals = np.zeros_like(h0), [0, 0, 0]
    for t in reversed(range(TIME)):
        dx, carry, *of_weights = gru.step_backward(upstream[:, t] + carry, x[:, t], states[t], *weights)
        totals = [total + one for total, one in zip(totals, of_weights, strict=True)]
        assert relative_to_largest(gradients["x"][:, t], dx) <= 1e-12
    for name, gradient in zip(("h0", *WEIGHTS), (carry, *totals), strict=True):
        assert relative_to_largest(gradients[name], gradient) <= 1e-12, name


@BOTH
def test_a_masked_batch_gives_what_keras_gru_gives(reset_after):
    ours, theirs = twins("float64", reset_after, return_sequences=True)
    x, h0 = batch("float64")
    mask = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0], [1, 0, 1, 1, 0, 1]], bool)
    upstream = np.random.default_rng(4).normal(size=(BATCH, TIME, UNITS))
    mine, my_gradients = taped(ours, x, h0, upstream, mask)
    keras_own, keras_gradients = taped(theirs, x, h0, upstream, mask)
    assert relative_to_largest(mine, keras_own) <= 1e-12
    for name, gradient in keras_gradients.items():
        assert relative_to_largest(my_gradients[name], gradient) <= 1e-12, name


@BOTH
def test_weights_copy_over_to_keras_gru_as_they_are(reset_after):
    ours, _ = twins("float64", reset_after, seed=7, return_sequences=True)
    _, theirs = twins("float64", reset_after, seed=8, return_sequences=True)
    theirs.set_weights(ours.get_weights())
    x, h0 = batch("float64")
    assert relative_to_largest(ours(x, initial_state=h0), theirs(x, initial_state=h0)) <= 1e-12


@BOTH
def test_a_stateful_layer_carries_its_state_on(reset_after):
    stateful, _ = twins("float64", reset_after, return_sequences=True, stateful=True)
    whole, _ = twins("float64", reset_after, return_sequences=True)
    x, _ = batch("float64")
    pieces = [np.asarray(stateful(x[:, :3])), np.asarray(stateful(x[:, 3:]))]
    assert relative_to_largest(np.concatenate(pieces, axis=1), np.asarray(whole(x))) <= 1e-12


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_initial_state_is_one_row_of_zeros_per_example(dtype):
    (state,) = GRUCell(UNITS, dtype=dtype).get_initial_state(batch_size=7)
    assert tuple(state.shape) == (7, UNITS)
    assert keras.backend.standardize_dtype(state.dtype) == dtype
    assert not np.any(np.asarray(state))


@pytest.mark.parametrize("options", [{}, {"reset_after": True}, {"reset_after": False}])
def test_weights_have_the_names_shapes_and_initial_values_of_keras_gru(options):
    cell, theirs = GRUCell(UNITS, **options), keras.layers.GRUCell(UNITS, **options)
    for each in (cell, theirs):
        each.build((None, FEATURES))
    described = [[(w.name, tuple(w.shape), w.trainable) for w in each.weights] for each in (cell, theirs)]
    assert described[0] == described[1]
    assert not np.any(np.asarray(cell.bias))
    recurrent = np.asarray(cell.recurrent_kernel)
    assert np.allclose(recurrent @ recurrent.T, np.eye(UNITS), atol=1e-6)  # orthogonal
    assert np.max(np.abs(cell.kernel)) <= np.sqrt(6 / (FEATURES + 3 * UNITS))  # Glorot and Bengio 2010, equation 16


@BOTH
def test_a_cell_made_again_from_its_config_is_the_same_cell(reset_after):
    cell = GRUCell(UNITS, reset_after, name="gates", dtype="float64", trainable=False)
    again = GRUCell.from_config(cell.get_config())
    assert (again.units, again.reset_after, again.name) == (UNITS, reset_after, "gates")
    assert (again.dtype, again.trainable) == ("float64", False)
    assert (again.state_size, again.output_size) == (UNITS, UNITS)
    assert again.get_config() == cell.get_config()


@BOTH
def test_xla_gives_the_outputs_and_gradients_of_eager_execution(reset_after):
    layer, _ = twins("float64", reset_after, return_sequences=True)
    x, h0 = batch("float64")
    upstream = tf.constant(np.random.default_rng(5).normal(size=(BATCH, TIME, UNITS)))

    def run(x, h0):
        out = layer(x, initial_state=h0)
        return out, tf.gradients(tf.reduce_sum(out * upstream), [x, h0])

    compiled, (dx, dh0) = tf.function(run, jit_compile=True)(tf.constant(x), tf.constant(h0))
    eager, gradients = taped(layer, x, h0, upstream)
    assert relative_to_largest(compiled, eager) <= 1e-12
    assert relative_to_largest(dx, gradients["x"]) <= 1e-12
    assert relative_to_largest(dh0, gradients["h0"]) <= 1e-12


@BOTH
def test_a_saved_model_predicts_the_same_when_loaded(reset_after, tmp_path):
    cell = GRUCell(UNITS, reset_after=reset_after)
    model = keras.Sequential([keras.Input((TIME, FEATURES)), keras.layers.RNN(cell), keras.layers.Dense(2)])
    x, _ = batch("float32")
    before = np.asarray(model(x))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.layers[0].cell, GRUCell)
    assert loaded.layers[0].cell.reset_after is reset_after
    assert np.array_equal(loaded(x), before)


@pytest.mark.parametrize("units", [0, -1, 2.5, "3", None, True])
def test_wrong_units_are_refused_with_the_rule_the_value_and_an_example(units):
    with pytest.raises(ValueError) as caught:
        GRUCell(units)
    text = str(caught.value)
    assert "`units` must be a positive integer" in text
    assert f"units={units!r}" in text
    assert "GRUCell(units=32)" in text


@pytest.mark.parametrize("value", [1, "after", None])
def test_a_convention_that_is_no_truth_value_is_refused(value):
    with pytest.raises(ValueError) as caught:
        GRUCell(3, reset_after=value)
    text = str(caught.value)
    assert "`reset_after` must be True or False" in text
    assert f"reset_after={value!r}" in text
    assert "GRUCell(32, reset_after=False)" in text


def test_every_public_function_states_shapes_and_a_source():
    for name in ("step_forward", "step_backward"):
        text = inspect.getdoc(getattr(gru, name))
        assert "hape (" in text or "shape of" in text, name
        assert "Source:" in text, name
