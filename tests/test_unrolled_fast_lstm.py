"""The fast LSTM layer: equal to keras.layers.LSTM in outputs and all gradients, and clear about what it does not do."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from unrolled.fast_lstm import FastLSTM, both_ways, loop_operations, lstm, seconds_in_turn

from autograder.gradients import layer_gradient
from autograder.reference import ROOT
from solutions import lstm as by_hand

BATCH, TIME, FEATURES, UNITS = 3, 6, 4, 5
NAMES = ("h", "last h", "last c", "dx", "dh0", "dc0", "dWx", "dWh", "db")


def given(dtype="float64", seed=0, time=TIME):
    """x, both states, three weights, and the upstream gradients of all h and of the last c."""
    rng = np.random.default_rng(seed)
    shapes = [(BATCH, time, FEATURES), (BATCH, UNITS), (BATCH, UNITS), (FEATURES, 4 * UNITS), (UNITS, 4 * UNITS)]
    shapes += [(4 * UNITS,), (BATCH, time, UNITS), (BATCH, UNITS)]
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


def with_weights(kind, weights, dtype, **settings):
    layer = kind(UNITS, return_sequences=True, return_state=True, dtype=dtype, **settings)
    layer.build((BATCH, None, FEATURES))
    for name, value in zip(("kernel", "recurrent_kernel", "bias"), weights, strict=True):
        getattr(layer.cell, name).assign(value)
    return layer


def values_and_gradients(layer, x, h0, c0, up, up_c, compiled=None):
    """All outputs and gradients of sum(up * h) + sum(up_c * last c), in the order of NAMES."""

    def both(x, h0, c0):
        with tf.GradientTape() as tape:
            tape.watch([x, h0, c0])
            h, last_h, last_c = layer(x, initial_state=[h0, c0])
            loss = tf.reduce_sum(h * up) + tf.reduce_sum(last_c * up_c)
        return [h, last_h, last_c, *tape.gradient(loss, [x, h0, c0, *(v.value for v in layer.trainable_variables)])]

    run = both if compiled is None else tf.function(both, jit_compile=compiled)
    return [value.numpy() for value in run(*map(tf.constant, (x, h0, c0)))]


def largest_difference(found, expected):
    return max(np.abs(a - b).max() / np.abs(b).max() for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("unroll", [False, True], ids=["loop", "unrolled"])
@pytest.mark.parametrize("compiled", [None, False, True], ids=["eager", "graph", "xla"])
@pytest.mark.parametrize(("dtype", "bound"), [("float64", 1e-12), ("float32", 1e-5)])
def test_outputs_and_all_gradients_equal_those_of_keras(dtype, bound, compiled, unroll):
    x, h0, c0, *weights, up, up_c = given(dtype)
    ours, theirs = (
        values_and_gradients(with_weights(kind, weights, dtype, **more), x, h0, c0, up, up_c, how)
        for kind, how, more in ((FastLSTM, compiled, {"unroll": unroll}), (keras.layers.LSTM, None, {}))
    )
    assert len(ours) == len(NAMES)
    assert {value.dtype for value in ours} == {np.dtype(dtype)}
    assert largest_difference(ours, theirs) <= bound


def test_gradients_equal_the_backward_pass_by_hand():
    x, h0, c0, *weights, up, up_c = given()
    dc = np.zeros_like(up)
    dc[:, -1] = up_c
    found = values_and_gradients(with_weights(FastLSTM, weights, "float64"), x, h0, c0, up, up_c, compiled=False)
    expected = by_hand.sequence_backward(up, dc, x, h0, c0, *weights)
    assert largest_difference(found[3:], expected) <= 1e-12


def test_the_comparison_notices_two_gates_exchanged():
    x, h0, c0, *weights, up, up_c = given()
    expected = values_and_gradients(with_weights(keras.layers.LSTM, weights, "float64"), x, h0, c0, up, up_c)
    swapped = [np.concatenate([(p := np.split(w, 4, -1))[0], p[1], p[3], p[2]], -1) for w in weights]
    found = values_and_gradients(with_weights(FastLSTM, swapped, "float64"), x, h0, c0, up, up_c)
    assert largest_difference(found[:3], expected[:3]) > 0.01


def test_gradients_equal_numeric_ones():
    x, h0, c0, *weights, up, up_c = given(seed=1)
    layer = with_weights(FastLSTM, weights, "float64")
    numeric = layer_gradient(layer, x, states=[h0, c0], upstream=[up, np.zeros_like(up_c), up_c]).values
    found = values_and_gradients(layer, x, h0, c0, up, up_c, compiled=False)[3:]
    order = [*found[3:], *found[:3]]  # weights, then inputs, then states
    assert [value.shape for value in numeric.values()] == [value.shape for value in order]
    for own, true in zip(order, numeric.values(), strict=True):
        assert np.abs(own - true).max() <= 1e-8 * np.abs(true).max()


@pytest.mark.parametrize("settings", [{"go_backwards": True}, {"use_bias": False}, {"return_sequences": False}])
def test_settings_that_it_shares_with_keras_do_the_same(settings):
    x, *_ = given(seed=2)
    layers = [kind(UNITS, dtype="float64", **{"return_sequences": True, **settings}) for kind in (FastLSTM, keras.layers.LSTM)]  # fmt: skip
    found = []
    for layer in layers:
        layer.build(x.shape)
        for k, weight in enumerate(layer.trainable_variables):
            weight.assign(np.random.default_rng(k).normal(size=weight.shape))
        with tf.GradientTape() as tape:
            out = layer(x)
            loss = tf.reduce_sum(out**2)
        found.append(
            [out.numpy(), *(g.numpy() for g in tape.gradient(loss, [v.value for v in layer.trainable_variables]))]
        )
    assert largest_difference(*found) <= 1e-12


def test_one_step_and_a_length_that_changes_are_right():
    x, h0, c0, *weights, _, _ = given(seed=3, time=9)
    layers = [with_weights(kind, weights, "float64") for kind in (FastLSTM, keras.layers.LSTM)]
    ours = tf.function(
        lambda x: layers[0](x, initial_state=[h0, c0])[0],
        input_signature=[tf.TensorSpec((None, None, FEATURES), tf.float64)],
    )
    for time in (1, 2, 9):
        expected = layers[1](x[:, :time], initial_state=[h0, c0])[0]
        assert np.abs(ours(x[:, :time]) - expected).max() <= 1e-12


def language_model(kind, **settings):
    keras.utils.set_random_seed(1)
    ids = keras.Input(batch_shape=(4, None), dtype="int32")
    h = keras.layers.Embedding(7, 6)(ids)
    h = kind(8, return_sequences=True, stateful=True, **settings)(h)
    return keras.Model(ids, keras.layers.Dense(7)(h))


def test_fit_learns_the_same_as_with_keras_and_carries_the_state():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 7, (2, 40, 10))
    models = [language_model(kind) for kind in (FastLSTM, keras.layers.LSTM)]
    models[0].set_weights(models[1].get_weights())
    histories = []
    for model in models:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(0.01), loss)
        histories.append(model.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0).history["loss"])
    assert histories[0][-1] < histories[0][0]
    assert np.allclose(*histories, rtol=1e-5)
    states = [[np.array(s) for s in model.layers[2].states] for model in models]
    assert np.abs(states[0][0]).max() > 0.01
    assert np.allclose(states[0], states[1], atol=1e-5)
    models[0].layers[2].reset_state()
    assert not any(np.any(s) for s in models[0].layers[2].states)


def test_two_halves_with_a_carried_state_equal_the_whole():
    x, _, _, *weights, _, _ = given(seed=4)
    whole = with_weights(FastLSTM, weights, "float64")(x)[0]
    carrying = FastLSTM(UNITS, return_sequences=True, stateful=True, dtype="float64")
    carrying.build((BATCH, TIME, FEATURES))
    for name, value in zip(("kernel", "recurrent_kernel", "bias"), weights, strict=True):
        getattr(carrying.cell, name).assign(value)
    halves = [carrying(x[:, :2]), carrying(x[:, 2:])]
    assert np.abs(np.concatenate(halves, axis=1) - whole).max() <= 1e-12


def test_weights_copy_over_to_keras_and_back():
    layers = [kind(UNITS) for kind in (FastLSTM, keras.layers.LSTM)]
    for layer in layers:
        layer.build((None, TIME, FEATURES))
    by_hand.copy_weights(layers[0], layers[1])
    x = given("float32")[0]
    assert np.abs(layers[0](x) - layers[1](x)).max() <= 1e-6
    assert np.array_equal(layers[0].cell.bias[UNITS : 2 * UNITS], np.ones(UNITS))  # the forget gate's part


def test_a_model_is_saved_and_loaded(tmp_path):
    model = language_model(FastLSTM, name="fast")
    ids = np.random.default_rng(0).integers(0, 7, (4, 5))
    before = model(ids).numpy()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    loaded.get_layer("fast").reset_state()
    assert isinstance(loaded.get_layer("fast"), FastLSTM)
    assert np.array_equal(loaded(ids), before)


def test_config_makes_the_same_layer_again():
    layer = FastLSTM(UNITS, return_sequences=True, go_backwards=True, unit_forget_bias=False, name="mine")
    again = FastLSTM.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert again.go_backwards and not again.unit_forget_bias


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("activation", "relu"),
        ("recurrent_activation", "hard_sigmoid"),
        ("dropout", 0.1),
        ("recurrent_dropout", 0.1),
    ],
)
def test_settings_that_it_does_not_have_are_refused(setting, value):
    with pytest.raises(ValueError, match=rf"`{setting}`.*Received: {setting}=.*Use keras\.layers\.LSTM"):
        FastLSTM(UNITS, **{setting: value})


def test_a_mask_is_refused():
    model = keras.Sequential([keras.layers.Embedding(5, FEATURES, mask_zero=True), FastLSTM(UNITS)])
    with pytest.raises(ValueError, match="takes no mask"):
        model(np.array([[1, 2, 0]]))


def test_a_second_derivative_is_refused_and_not_wrong():
    x, h0, c0, *weights, _, _ = (tf.constant(v) for v in given())
    with pytest.raises(LookupError, match="no second derivative"), tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            loss = tf.reduce_sum(lstm(tf.transpose(x, (1, 0, 2)), h0, c0, *weights)[0] ** 2)
        first = inner.gradient(loss, x)
        outer.gradient(first, x)


def test_another_backend_is_refused():
    code = "from unrolled.fast_lstm import FastLSTM\nFastLSTM(3)"
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0
    assert "Received: the backend jax. Use keras.layers.LSTM" in done.stderr


def test_the_loops_hold_what_the_lesson_says():
    """Lesson 08, section 4: all six products at every step, or two; the record of each operation, or four arrays."""
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    loops = []
    for kind in (keras.layers.LSTM, FastLSTM):
        layer = kind(4, return_sequences=True)
        layer.build(x.shape)
        loops.append(loop_operations(both_ways(layer, x)))
    assert [[loop["MatMul"] for loop in both] for both in loops] == [[2, 4], [1, 1]]
    stored = [both[0]["TensorListPushBack"] + both[0]["TensorListSetItem"] for both in loops]
    assert stored[1] == 4 < stored[0]  # the gates i and f as one array, g, o, and the cell state
    totals = [sum(loop.total() for loop in both) for both in loops]
    assert totals[1] < 0.5 * totals[0]


def test_both_ways_gives_the_gradients_of_the_sum_of_squares():
    x, _, _, *weights, _, _ = given()
    layer = FastLSTM(UNITS, return_sequences=True, dtype="float64")
    layer.build(x.shape)
    for variable, value in zip(layer.trainable_variables, weights, strict=True):
        variable.assign(value)
    h, *gradients = (value.numpy() for value in both_ways(layer, x)())
    zeros = np.zeros((BATCH, UNITS))
    dx, _, _, *dweights = by_hand.sequence_backward(2 * h, np.zeros_like(h), x, zeros, zeros, *weights)
    assert largest_difference(gradients, [dx, *dweights]) <= 1e-12


def test_functions_are_timed_in_turn():
    calls = []
    functions = [lambda name=name: (calls.append(name), [tf.zeros(1)])[1] for name in "ab"]
    times = seconds_in_turn(functions, rounds=2)
    assert calls == list("ababab")
    assert len(times) == 2 and min(times) > 0
