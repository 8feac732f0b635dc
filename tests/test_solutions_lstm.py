"""The LSTM reference: published values, gradients by the complex step, hand-made cases, and Keras' own LSTM."""

import inspect
import math
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit

from autograder.gradients import numeric_gradient
from solutions import lstm
from solutions.lstm import LSTMCell

BATCH, TIME, FEATURES, UNITS = 3, 6, 4, 5
WEIGHTS = ("kernel", "recurrent_kernel", "bias")
STEP, SEQUENCE = "step", "sequence"


def relative_to_largest(found, expected):
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape
    return np.max(np.abs(found - expected)) / np.max(np.abs(expected))


def arguments(which, seed, scale=0.5):
    rng = np.random.default_rng(seed)
    weights = {
        "Wx": scale * rng.normal(size=(FEATURES, 4 * UNITS)),
        "Wh": scale * rng.normal(size=(UNITS, 4 * UNITS)),
        "b": scale * rng.normal(size=4 * UNITS),
    }
    h, c = rng.uniform(-0.9, 0.9, (BATCH, UNITS)), rng.normal(size=(BATCH, UNITS))
    if which == STEP:
        return {"x": rng.normal(size=(BATCH, FEATURES)), "h_prev": h, "c_prev": c, **weights}
    return {"x": rng.normal(size=(BATCH, TIME, FEATURES)), "h0": h, "c0": c, **weights}


def upstreams(which, seed):
    rng = np.random.default_rng([seed, 1])
    shape = (BATCH, UNITS) if which == STEP else (BATCH, TIME, UNITS)
    return rng.normal(size=shape), rng.normal(size=shape)


def functions(which):
    return getattr(lstm, f"{which}_forward"), getattr(lstm, f"{which}_backward")


# Published values


def grid(low, high, *shape):
    return np.linspace(low, high, num=int(np.prod(shape))).reshape(shape)


def from_ifog(columns):
    """Columns in the order i, f, o, g put into the order i, f, g, o."""
    i, f, o, g = np.split(columns, 4, axis=-1)
    return np.concatenate([i, f, g, o], axis=-1)


def test_step_forward_gives_the_published_values():
    """Stanford CS231n, assignment 3, LSTM_Captioning.ipynb (cell `lstm_step_forward`), gates in order i, f, o, g."""
    h, c = lstm.step_forward(
        x=grid(-0.4, 1.2, 3, 4),
        h_prev=grid(-0.3, 0.7, 3, 5),
        c_prev=grid(-0.4, 0.9, 3, 5),
        Wx=from_ifog(grid(-2.1, 1.3, 4, 20)),
        Wh=from_ifog(grid(-0.7, 2.2, 5, 20)),
        b=from_ifog(grid(0.3, 0.7, 20)),
    )
    assert h.shape == c.shape == (3, 5)
    assert np.max(np.abs(h[0] - [0.24635157, 0.28610883, 0.32240467, 0.35525807, 0.38474904])) < 1e-8
    assert np.max(np.abs(c[0] - [0.32986176, 0.39145139, 0.451556, 0.51014116, 0.56717407])) < 1e-8


# Cases that can be worked out by hand


def closed(*gates, units=2, features=3):
    """Weights of zeros and a bias that holds the named gates shut (-1000) or open (+1000)."""
    bias = np.zeros(4 * units)
    for place, sign in gates:
        bias[place * units : (place + 1) * units] = sign * 1000.0
    return np.zeros((features, 4 * units)), np.zeros((units, 4 * units)), bias


I_GATE, F_GATE, G_GATE, O_GATE = range(4)


def test_lstm_with_closed_input_gate_and_open_forget_gate_keeps_its_memory():
    rng = np.random.default_rng(0)
    c0 = rng.normal(size=(4, 2))
    weights = closed((I_GATE, -1), (F_GATE, +1), (G_GATE, +1))
    h, c = lstm.sequence_forward(rng.normal(size=(4, 50, 3)), rng.normal(size=(4, 2)), c0, *weights)
    assert np.array_equal(c, np.repeat(c0[:, None], 50, axis=1))
    assert np.allclose(h[:, -1], 0.5 * np.tanh(c0), rtol=1e-15, atol=0)  # the output gate is half open


def test_lstm_with_closed_forget_gate_holds_only_what_is_new():
    rng = np.random.default_rng(1)
    weights = closed((I_GATE, +1), (F_GATE, -1), (G_GATE, +1), (O_GATE, +1))
    h, c = lstm.step_forward(rng.normal(size=(4, 3)), rng.normal(size=(4, 2)), rng.normal(size=(4, 2)), *weights)
    assert np.array_equal(c, np.ones((4, 2)))
    assert np.array_equal(h, np.full((4, 2), np.tanh(1.0)))


def test_lstm_with_open_input_and_forget_gates_counts():
    weights = closed((I_GATE, +1), (F_GATE, +1), (G_GATE, +1))
    _, c = lstm.sequence_forward(np.zeros((1, 7, 3)), np.zeros((1, 2)), np.zeros((1, 2)), *weights)
    assert np.array_equal(c[0, :, 0], np.arange(1, 8))


def test_the_gradient_of_the_cell_state_does_not_fade_while_the_forget_gate_is_open():
    """Hochreiter and Schmidhuber 1997: the error in the cell is carried unchanged."""
    time = 100
    weights = closed((I_GATE, -1), (F_GATE, +1))
    rng = np.random.default_rng(2)
    x, dh, dc = rng.normal(size=(3, time, 3)), np.zeros((3, time, 2)), np.zeros((3, time, 2))
    dc[:, -1] = rng.normal(size=(3, 2))
    _, _, dc0, *_ = lstm.sequence_backward(dh, dc, x, np.zeros((3, 2)), rng.normal(size=(3, 2)), *weights)
    assert np.array_equal(dc0, dc[:, -1])


def test_a_unit_worked_out_with_a_pocket_calculator():
    """Wx and Wh pass 1 and 2 to every gate, so all four sums are x + 2 h."""
    h, c = lstm.step_forward(
        np.array([[0.4]]), np.array([[0.3]]), np.array([[-2.0]]), np.ones((1, 4)), 2 * np.ones((1, 4)), np.zeros(4)
    )
    gate, content = 1 / (1 + math.exp(-1.0)), math.tanh(1.0)
    memory = gate * -2.0 + gate * content
    assert c[0, 0] == pytest.approx(memory, rel=1e-14)
    assert h[0, 0] == pytest.approx(gate * math.tanh(memory), rel=1e-14)


def test_sigmoid_equals_scipys_and_neither_overflows_nor_warns():
    a = np.concatenate([np.linspace(-40, 40, 2001), [-1e4, -710.0, 710.0, 1e4, -np.inf, np.inf]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = lstm.sigmoid(a)
    assert np.max(np.abs(found - expit(a))) <= 2.3e-16


# Gradients


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("which", [STEP, SEQUENCE])
def test_backward_is_the_gradient_of_forward(which, seed):
    forward, backward = functions(which)
    given = arguments(which, seed)
    upstream = upstreams(which, seed)
    answers = backward(*upstream, **given)
    assert len(answers) == len(given)
    exact = numeric_gradient(forward, given, upstream=upstream, method="complex").values
    richardson = numeric_gradient(forward, given, upstream=upstream, method="richardson").values
    for name, answer in zip(given, answers, strict=True):
        assert answer.dtype == np.float64
        assert relative_to_largest(answer, exact[name]) <= 1e-12, name
        assert relative_to_largest(answer, richardson[name]) <= 1e-8, name


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("which", [STEP, SEQUENCE])
def test_each_upstream_gradient_alone_is_the_gradient_of_its_own_output(which, place):
    forward, backward = functions(which)
    given = arguments(which, 11)
    upstream = list(upstreams(which, 11))
    upstream[1 - place] = np.zeros_like(upstream[1 - place])
    answers = backward(*upstream, **given)
    exact = numeric_gradient(
        lambda *inputs: forward(*inputs)[place], given, upstream=upstream[place], method="complex"
    ).values
    for name, answer in zip(given, answers, strict=True):
        assert relative_to_largest(answer, exact[name]) <= 1e-12, name


@pytest.mark.parametrize("which", [STEP, SEQUENCE])
def test_no_function_changes_what_it_was_given(which):
    forward, backward = functions(which)
    given = arguments(which, 5)
    upstream = upstreams(which, 5)
    everything = [*upstream, *given.values()]
    before = [array.copy() for array in everything]
    forward(**given)
    backward(*upstream, **given)
    assert all(np.array_equal(array, kept) for array, kept in zip(everything, before, strict=True))


def test_the_gradient_of_a_weight_is_the_sum_over_its_uses():
    """Three sequences in one batch give the sum of what each gives alone (linearity of the gradient)."""
    given = arguments(SEQUENCE, 7)
    dh, dc = upstreams(SEQUENCE, 7)
    weights = [given[name] for name in ("Wx", "Wh", "b")]
    whole = lstm.sequence_backward(dh, dc, **given)
    rows = [slice(n, n + 1) for n in range(BATCH)]
    alone = [
        lstm.sequence_backward(dh[n], dc[n], given["x"][n], given["h0"][n], given["c0"][n], *weights) for n in rows
    ]
    for place in (3, 4, 5):
        assert relative_to_largest(whole[place], sum(part[place] for part in alone)) <= 1e-12


def test_a_sequence_in_two_pieces_with_both_states_carried_is_the_whole_sequence():
    given = arguments(SEQUENCE, 9)
    x, weights = given["x"], [given[name] for name in ("Wx", "Wh", "b")]
    h1, c1 = lstm.sequence_forward(x[:, :2], given["h0"], given["c0"], *weights)
    h2, c2 = lstm.sequence_forward(x[:, 2:], h1[:, -1], c1[:, -1], *weights)
    h, c = lstm.sequence_forward(**given)
    assert np.array_equal(np.concatenate([h1, h2], axis=1), h)
    assert np.array_equal(np.concatenate([c1, c2], axis=1), c)


def test_backward_in_two_pieces_with_both_gradients_carried_is_the_whole_way_back():
    given = arguments(SEQUENCE, 10)
    dh, dc = upstreams(SEQUENCE, 10)
    x, weights = given["x"], [given[name] for name in ("Wx", "Wh", "b")]
    h, c = lstm.sequence_forward(**given)
    late = lstm.sequence_backward(dh[:, 2:], dc[:, 2:], x[:, 2:], h[:, 1], c[:, 1], *weights)
    early_dh, early_dc = dh[:, :2].copy(), dc[:, :2].copy()
    early_dh[:, -1] += late[1]
    early_dc[:, -1] += late[2]
    early = lstm.sequence_backward(early_dh, early_dc, x[:, :2], given["h0"], given["c0"], *weights)
    whole = lstm.sequence_backward(dh, dc, **given)
    assert relative_to_largest(np.concatenate([early[0], late[0]], axis=1), whole[0]) <= 1e-12
    for place in (1, 2):
        assert relative_to_largest(early[place], whole[place]) <= 1e-12
    for place in (3, 4, 5):
        assert relative_to_largest(early[place] + late[place], whole[place]) <= 1e-12


# Keras' own LSTM against the functions by hand


def keras_lstm(given, **options):
    layer = keras.layers.LSTM(UNITS, dtype="float64", **options)
    layer.build((BATCH, TIME, FEATURES))
    for name, value in zip(WEIGHTS, ("Wx", "Wh", "b"), strict=True):
        getattr(layer.cell, name).assign(given[value])
    return layer


def test_the_step_equals_keras_lstm_cell_in_both_states_and_all_gradients():
    given = arguments(STEP, 20)
    dh, dc = upstreams(STEP, 20)
    cell = keras_lstm(given).cell
    states = {name: tf.constant(given[name]) for name in ("x", "h_prev", "c_prev")}
    with tf.GradientTape() as tape:
        for tensor in states.values():
            tape.watch(tensor)
        _, (h, c) = cell(states["x"], [states["h_prev"], states["c_prev"]])
        loss = tf.reduce_sum(dh * h) + tf.reduce_sum(dc * c)
    sources = [*states.values(), *(getattr(cell, name).value for name in WEIGHTS)]
    for found, expected in zip(lstm.step_forward(**given), (h, c), strict=True):
        assert relative_to_largest(found, expected) <= 1e-12
    answers = lstm.step_backward(dh, dc, **given)
    for name, answer, gradient in zip(given, answers, tape.gradient(loss, sources), strict=True):
        assert relative_to_largest(answer, gradient) <= 1e-12, name


def test_the_sequence_equals_keras_lstm_with_a_loss_on_the_final_cell_state_too():
    given = arguments(SEQUENCE, 21)
    dh, dc = upstreams(SEQUENCE, 21)
    dc[:, :-1] = 0  # Keras returns the last cell state and no other
    layer = keras_lstm(given, return_sequences=True, return_state=True)
    inputs = {name: tf.constant(given[name]) for name in ("x", "h0", "c0")}
    with tf.GradientTape() as tape:
        for tensor in inputs.values():
            tape.watch(tensor)
        outputs, last_h, last_c = layer(inputs["x"], initial_state=[inputs["h0"], inputs["c0"]])
        loss = tf.reduce_sum(dh * outputs) + tf.reduce_sum(dc[:, -1] * last_c)
    sources = [*inputs.values(), *(getattr(layer.cell, name).value for name in WEIGHTS)]
    h, c = lstm.sequence_forward(**given)
    for found, expected in ((h, outputs), (h[:, -1], last_h), (c[:, -1], last_c)):
        assert relative_to_largest(found, expected) <= 1e-12
    answers = lstm.sequence_backward(dh, dc, **given)
    for name, answer, gradient in zip(given, answers, tape.gradient(loss, sources), strict=True):
        assert relative_to_largest(answer, gradient) <= 1e-12, name


# The Keras cell


TOLERANCE = {"float32": 1e-5, "float64": 1e-12}


def twins(dtype, seed=0, **options):
    """Our cell under RNN, and LSTM with the same weights, biases not zero."""
    ours = keras.layers.RNN(LSTMCell(UNITS, dtype=dtype), dtype=dtype, **options)
    theirs = keras.layers.LSTM(UNITS, dtype=dtype, **options)
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
    states = [rng.uniform(-0.9, 0.9, (BATCH, UNITS)).astype(dtype) for _ in "hc"]
    return x, states


def taped(layer, x, states, upstream, mask=None):
    """Outputs, and the gradients of everything."""
    x, states = tf.constant(x), [tf.constant(state) for state in states]
    with tf.GradientTape() as tape:
        tape.watch([x, *states])
        out = layer(x, initial_state=states, mask=mask)
        loss = tf.reduce_sum(out * tf.cast(upstream, out.dtype))
    sources = {"x": x, "h0": states[0], "c0": states[1]} | {name: getattr(layer.cell, name).value for name in WEIGHTS}
    gradients = tape.gradient(loss, list(sources.values()))
    return out.numpy(), {name: g.numpy() for name, g in zip(sources, gradients, strict=True)}


@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_cell_equals_keras_lstm_in_outputs_and_all_gradients(dtype, return_sequences):
    ours, theirs = twins(dtype, return_sequences=return_sequences)
    x, states = batch(dtype)
    shape = (BATCH, TIME, UNITS) if return_sequences else (BATCH, UNITS)
    upstream = np.random.default_rng(2).normal(size=shape)
    mine, my_gradients = taped(ours, x, states, upstream)
    keras_own, keras_gradients = taped(theirs, x, states, upstream)
    assert mine.shape == shape
    assert mine.dtype == dtype
    assert relative_to_largest(mine, keras_own) <= TOLERANCE[dtype]
    for name, gradient in keras_gradients.items():
        assert relative_to_largest(my_gradients[name], gradient) <= TOLERANCE[dtype], name


def test_the_cell_equals_the_functions_by_hand():
    layer, _ = twins("float64", return_sequences=True)
    x, states = batch("float64")
    upstream = np.random.default_rng(3).normal(size=(BATCH, TIME, UNITS))
    weights = [getattr(layer.cell, name).numpy() for name in WEIGHTS]
    out, gradients = taped(layer, x, states, upstream)
    assert relative_to_largest(out, lstm.sequence_forward(x, *states, *weights)[0]) <= 1e-12
    by_hand = lstm.sequence_backward(upstream, np.zeros_like(upstream), x, *states, *weights)
    for name, gradient in zip(("x", "h0", "c0", *WEIGHTS), by_hand, strict=True):
        assert relative_to_largest(gradients[name], gradient) <= 1e-12, name


def test_the_states_after_the_last_step_are_h_and_c_in_this_order():
    ours, theirs = twins("float64", return_state=True)
    x, states = batch("float64")
    for found, expected in zip(ours(x, initial_state=states), theirs(x, initial_state=states), strict=True):
        assert relative_to_largest(found, expected) <= 1e-12


def test_a_masked_batch_gives_what_keras_lstm_gives():
    ours, theirs = twins("float64", return_sequences=True)
    x, states = batch("float64")
    mask = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0], [1, 0, 1, 1, 0, 1]], bool)
    upstream = np.random.default_rng(4).normal(size=(BATCH, TIME, UNITS))
    mine, my_gradients = taped(ours, x, states, upstream, mask)
    keras_own, keras_gradients = taped(theirs, x, states, upstream, mask)
    assert relative_to_largest(mine, keras_own) <= 1e-12
    for name, gradient in keras_gradients.items():
        assert relative_to_largest(my_gradients[name], gradient) <= 1e-12, name


def test_a_stateful_layer_carries_both_states_on():
    stateful, _ = twins("float64", return_sequences=True, stateful=True)
    whole, _ = twins("float64", return_sequences=True)
    x, _ = batch("float64")
    pieces = [np.asarray(stateful(x[:, :3])), np.asarray(stateful(x[:, 3:]))]
    assert relative_to_largest(np.concatenate(pieces, axis=1), np.asarray(whole(x))) <= 1e-12


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_initial_states_are_two_rows_of_zeros_per_example(dtype):
    states = LSTMCell(UNITS, dtype=dtype).get_initial_state(batch_size=7)
    assert len(states) == 2
    for state in states:
        assert tuple(state.shape) == (7, UNITS)
        assert keras.backend.standardize_dtype(state.dtype) == dtype
        assert not np.any(np.asarray(state))


@pytest.mark.parametrize("options", [{}, {"unit_forget_bias": True}, {"unit_forget_bias": False}])
def test_weights_have_the_names_shapes_and_initial_bias_of_keras_lstm(options):
    cell, theirs = LSTMCell(UNITS, **options), keras.layers.LSTMCell(UNITS, **options)
    for each in (cell, theirs):
        each.build((None, FEATURES))
    described = [[(w.name, tuple(w.shape), w.trainable) for w in each.weights] for each in (cell, theirs)]
    assert described[0] == described[1]
    assert np.array_equal(cell.bias, theirs.bias)
    recurrent = np.asarray(cell.recurrent_kernel)
    assert np.allclose(recurrent @ recurrent.T, np.eye(UNITS), atol=1e-6)  # orthogonal
    assert np.max(np.abs(cell.kernel)) <= np.sqrt(6 / (FEATURES + 4 * UNITS))  # Glorot and Bengio 2010, equation 16


@pytest.mark.parametrize("unit_forget_bias", [True, False])
def test_a_cell_made_again_from_its_config_is_the_same_cell(unit_forget_bias):
    cell = LSTMCell(UNITS, unit_forget_bias, name="memory", dtype="float64", trainable=False)
    again = LSTMCell.from_config(cell.get_config())
    assert (again.units, again.unit_forget_bias, again.name) == (UNITS, unit_forget_bias, "memory")
    assert (again.dtype, again.trainable) == ("float64", False)
    assert (list(again.state_size), again.output_size) == ([UNITS, UNITS], UNITS)
    assert again.get_config() == cell.get_config()


def test_xla_gives_the_outputs_and_gradients_of_eager_execution():
    layer, _ = twins("float64", return_sequences=True)
    x, states = batch("float64")
    upstream = tf.constant(np.random.default_rng(5).normal(size=(BATCH, TIME, UNITS)))

    def run(x, h0, c0):
        out = layer(x, initial_state=[h0, c0])
        return out, tf.gradients(tf.reduce_sum(out * upstream), [x, h0, c0])

    compiled, compiled_gradients = tf.function(run, jit_compile=True)(*map(tf.constant, (x, *states)))
    eager, gradients = taped(layer, x, states, upstream)
    assert relative_to_largest(compiled, eager) <= 1e-12
    for name, gradient in zip(("x", "h0", "c0"), compiled_gradients, strict=True):
        assert relative_to_largest(gradient, gradients[name]) <= 1e-12, name


def test_a_saved_model_predicts_the_same_when_loaded(tmp_path):
    cell = LSTMCell(UNITS, unit_forget_bias=False)
    model = keras.Sequential([keras.Input((TIME, FEATURES)), keras.layers.RNN(cell), keras.layers.Dense(2)])
    x, _ = batch("float32")
    before = np.asarray(model(x))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.layers[0].cell, LSTMCell)
    assert loaded.layers[0].cell.unit_forget_bias is False
    assert np.array_equal(loaded(x), before)


@pytest.mark.parametrize("units", [0, -1, 2.5, "3", None, True])
def test_wrong_units_are_refused_with_the_rule_the_value_and_an_example(units):
    with pytest.raises(ValueError) as caught:
        LSTMCell(units)
    text = str(caught.value)
    assert "`units` must be a positive integer" in text
    assert f"units={units!r}" in text
    assert "LSTMCell(units=32)" in text


@pytest.mark.parametrize("value", [1, "yes", None])
def test_a_forget_bias_that_is_no_truth_value_is_refused(value):
    with pytest.raises(ValueError) as caught:
        LSTMCell(3, unit_forget_bias=value)
    text = str(caught.value)
    assert "`unit_forget_bias` must be True or False" in text
    assert f"unit_forget_bias={value!r}" in text
    assert "LSTMCell(32, unit_forget_bias=False)" in text


@pytest.mark.parametrize("into_keras", [True, False])
def test_copied_weights_make_both_layers_compute_the_same_and_are_not_shared(into_keras):
    ours, theirs = twins("float64", return_sequences=True)
    source, target = (ours, theirs) if into_keras else (theirs, ours)
    rng = np.random.default_rng(6)
    for name in WEIGHTS:
        weight = getattr(source.cell, name)
        weight.assign(rng.normal(size=weight.shape))
    x, states = batch("float64")
    expected = np.asarray(source(x, initial_state=states))
    assert not np.allclose(target(x, initial_state=states), expected)
    lstm.copy_weights(source, target)
    for name in WEIGHTS:
        getattr(source.cell, name).assign(np.zeros(getattr(source.cell, name).shape))
    assert relative_to_largest(target(x, initial_state=states), expected) <= 1e-12


def test_every_public_function_states_shapes_and_a_source():
    for name in ("step_forward", "step_backward", "sequence_forward", "sequence_backward"):
        text = inspect.getdoc(getattr(lstm, name))
        assert "hape (" in text, name
        assert "Source:" in text, name
