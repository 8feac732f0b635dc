"""The reference for stacks and two directions: gradients by the complex step, hand-made cases, and Keras' own layers."""

import inspect
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from autograder.gradients import numeric_gradient
from solutions import deep
from solutions.deep import StackedRNN

BATCH, TIME, FEATURES, UNITS, LAYERS = 3, 6, 4, 5, 3
NAMES = ("x", "h0", "Wx", "Wu", "Wh", "b")
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}


def relative_to_largest(found, expected):
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape
    return np.max(np.abs(found - expected)) / np.max(np.abs(expected))


def arguments(seed, scale=0.6, layers=LAYERS):
    rng = np.random.default_rng(seed)
    return {
        "x": rng.normal(size=(BATCH, TIME, FEATURES)),
        "h0": rng.uniform(-0.9, 0.9, (layers, BATCH, UNITS)),
        "Wx": scale * rng.normal(size=(FEATURES, UNITS)),
        "Wu": scale * rng.normal(size=(layers - 1, UNITS, UNITS)),
        "Wh": scale * rng.normal(size=(layers, UNITS, UNITS)),
        "b": scale * rng.normal(size=(layers, UNITS)),
    }


def keras_stack(given, dtype="float64"):
    """Keras' own SimpleRNN layers with the weights of a stack, lowest first."""
    layers = []
    for number in range(len(given["h0"])):
        layer = keras.layers.SimpleRNN(UNITS, return_sequences=True, dtype=dtype)
        kernel = given["Wx"] if number == 0 else given["Wu"][number - 1]
        layer.build((None, None, kernel.shape[0]))
        layer.set_weights([kernel, given["Wh"][number], given["b"][number]])
        layers.append(layer)
    return layers


# Stacks by hand


def test_a_stack_of_two_single_units_worked_out_with_a_pocket_calculator():
    h = deep.stacked_forward(
        np.array([[[0.5], [-1.0]]]), np.array([[[0.1]], [[-0.2]]]), np.array([[2.0]]), np.array([[[-1.5]]]),
        np.array([[[0.3]], [[0.7]]]), np.array([[0.05], [0.4]]),
    )  # fmt: skip
    low1 = math.tanh(0.5 * 2 + 0.1 * 0.3 + 0.05)
    high1 = math.tanh(-1.5 * low1 - 0.2 * 0.7 + 0.4)
    low2 = math.tanh(-1.0 * 2 + low1 * 0.3 + 0.05)
    high2 = math.tanh(-1.5 * low2 + high1 * 0.7 + 0.4)
    assert np.allclose(h[:, 0, :, 0], [[low1, low2], [high1, high2]], rtol=1e-14, atol=0)


def test_the_states_of_all_layers_equal_those_of_keras_layers_stacked():
    given = arguments(0)
    h, below = deep.stacked_forward(**given), given["x"]
    for number, layer in enumerate(keras_stack(given)):
        below = layer(below, initial_state=tf.constant(given["h0"][number]))
        assert relative_to_largest(h[number], below) <= 1e-12


def test_a_layer_looks_neither_at_later_steps_nor_at_layers_above():
    given = arguments(1)
    h = deep.stacked_forward(**given)
    later, above = (dict(given) for _ in range(2))
    later["x"] = given["x"].copy()
    later["x"][:, 4:] += 1
    assert np.array_equal(deep.stacked_forward(**later)[:, :, :4], h[:, :, :4])
    above["Wh"] = given["Wh"].copy()
    above["Wh"][2] += 1
    changed = deep.stacked_forward(**above)
    assert np.array_equal(changed[:2], h[:2])
    assert not np.array_equal(changed[2], h[2])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("layers", [1, 2, 4])
def test_backward_is_the_gradient_of_forward(seed, layers):
    given = arguments(seed, layers=layers)
    upstream = np.random.default_rng(seed + 100).normal(size=(layers, BATCH, TIME, UNITS))
    answers = deep.stacked_backward(upstream, **given)
    wrt = [name for name in NAMES if given[name].size]
    exact = numeric_gradient(deep.stacked_forward, given, upstream=upstream, wrt=wrt, method="complex").values
    richardson = numeric_gradient(deep.stacked_forward, given, upstream=upstream, wrt=wrt, method="richardson").values
    for name, answer in zip(NAMES, answers, strict=True):
        assert answer.dtype == np.float64
        assert answer.shape == given[name].shape
        if name in wrt:
            assert relative_to_largest(answer, exact[name]) <= 1e-12, name
            assert relative_to_largest(answer, richardson[name]) <= 1e-8, name


def test_all_gradients_equal_those_of_keras_layers_stacked():
    given = arguments(7)
    upstream = np.random.default_rng(8).normal(size=(LAYERS, BATCH, TIME, UNITS))
    layers = keras_stack(given)
    x, starts = tf.constant(given["x"]), [tf.constant(h) for h in given["h0"]]
    with tf.GradientTape() as tape:
        tape.watch([x, *starts])
        below, loss = x, 0
        for layer, start, own in zip(layers, starts, upstream, strict=True):
            below = layer(below, initial_state=start)
            loss += tf.reduce_sum(own * below)
    weights = [w.value for layer in layers for w in layer.weights]  # kernel, recurrent kernel and bias of each layer
    dx, *rest = tape.gradient(loss, [x, *starts, *weights])
    found = [r.numpy() for r in rest]
    kernels, recurrent, biases = (found[LAYERS + k :: 3] for k in range(3))
    expected = (dx, np.stack(found[:LAYERS]), kernels[0], np.stack(kernels[1:]), np.stack(recurrent), np.stack(biases))
    for name, answer, wanted in zip(NAMES, deep.stacked_backward(upstream, **given), expected, strict=True):
        assert relative_to_largest(answer, wanted) <= 1e-12, name


def test_a_loss_on_the_lowest_layer_gives_the_layers_above_no_gradient():
    given = arguments(9)
    upstream = np.random.default_rng(10).normal(size=(LAYERS, BATCH, TIME, UNITS))
    upstream[1:] = 0
    _, dh0, _, dWu, dWh, db = deep.stacked_backward(upstream, **given)
    assert not (dh0[1:].any() or dWu.any() or dWh[1:].any() or db[1:].any())
    assert dWh[0].any()


def test_no_function_changes_what_it_was_given():
    given = arguments(5)
    upstream = np.ones((LAYERS, BATCH, TIME, UNITS))
    both = two_directions(6)
    everything = [upstream, *given.values(), *both.values()]
    before = [array.copy() for array in everything]
    deep.stacked_forward(**given)
    deep.stacked_backward(upstream, **given)
    deep.bidirectional(**both)
    assert all(np.array_equal(array, kept) for array, kept in zip(everything, before, strict=True))


# Two directions


def two_directions(seed):
    rng = np.random.default_rng(seed)
    return {
        "x": rng.normal(size=(BATCH, TIME, FEATURES)),
        "lengths": np.array([TIME, 1, 4]),
        "h0": rng.uniform(-0.9, 0.9, (2, BATCH, UNITS)),
        "Wx": 0.6 * rng.normal(size=(2, FEATURES, UNITS)),
        "Wh": 0.6 * rng.normal(size=(2, UNITS, UNITS)),
        "b": 0.6 * rng.normal(size=(2, UNITS)),
    }


def test_both_directions_equal_keras_bidirectional_with_a_mask():
    given = two_directions(11)
    layer = keras.layers.Bidirectional(
        keras.layers.SimpleRNN(UNITS, return_sequences=True, dtype="float64"), dtype="float64"
    )
    layer.build((BATCH, TIME, FEATURES))
    for direction, own in enumerate((layer.forward_layer, layer.backward_layer)):
        own.set_weights([given[name][direction] for name in ("Wx", "Wh", "b")])
    mask = np.arange(TIME) < given["lengths"][:, None]
    states = [tf.constant(h) for h in given["h0"]]
    expected = layer(tf.constant(given["x"]), initial_state=states, mask=tf.constant(mask))
    assert relative_to_largest(deep.bidirectional(**given), expected) <= 1e-12


def test_padding_changes_nothing_and_gets_zeros():
    given = two_directions(12)
    y = deep.bidirectional(**given)
    other = {**given, "x": given["x"].copy()}
    for n, steps in enumerate(given["lengths"]):
        other["x"][n, steps:] += 100
        assert not y[n, steps:].any()
        alone = {
            **given,
            "x": given["x"][n : n + 1, :steps],
            "lengths": np.array([steps]),
            "h0": given["h0"][:, n : n + 1],
        }
        assert relative_to_largest(y[n : n + 1, :steps], deep.bidirectional(**alone)) <= 1e-14
    assert np.array_equal(deep.bidirectional(**other), y)


def test_reading_backward_is_reading_the_turned_sequence_forward():
    given = two_directions(13)
    given["lengths"] = np.full(BATCH, TIME)
    y = deep.bidirectional(**given)
    turned = {**given, "x": given["x"][:, ::-1]} | {name: given[name][::-1] for name in ("h0", "Wx", "Wh", "b")}
    again = deep.bidirectional(**turned)[:, ::-1]
    assert np.array_equal(again[:, :, UNITS:], y[:, :, :UNITS])
    assert np.array_equal(again[:, :, :UNITS], y[:, :, UNITS:])


def test_the_output_of_the_first_step_depends_on_the_last():
    given = two_directions(14)
    y = deep.bidirectional(**given)
    given["x"] = given["x"].copy()
    given["x"][0, -1] += 1
    changed = deep.bidirectional(**given)
    assert np.array_equal(changed[0, 0, :UNITS], y[0, 0, :UNITS])
    assert not np.array_equal(changed[0, 0, UNITS:], y[0, 0, UNITS:])


# The Keras layer


def layer_and_twins(dtype, units=(5, 2, 4), return_sequences=True, seed=0):
    """Our stack, and Keras' own layers one after the other, with the same weights."""
    rng = np.random.default_rng(seed)
    ours = StackedRNN(list(units), return_sequences=return_sequences, dtype=dtype)
    ours.build((None, TIME, FEATURES))
    theirs = []
    for number, (kernel, recurrent, bias) in enumerate(
        zip(ours.kernels, ours.recurrent_kernels, ours.biases, strict=True)
    ):
        for weight in (kernel, recurrent, bias):
            weight.assign(0.6 * rng.normal(size=weight.shape))
        last = number == len(units) - 1
        layer = keras.layers.SimpleRNN(units[number], return_sequences=return_sequences or not last, dtype=dtype)
        layer.build((None, None, kernel.shape[0]))
        layer.set_weights([kernel, recurrent, bias])
        theirs.append(layer)
    return ours, theirs


MASK = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 0, 1]], bool)


@pytest.mark.parametrize("mask", [None, MASK], ids=["no mask", "mask"])
@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_layer_equals_keras_layers_stacked_in_outputs_and_all_gradients(dtype, return_sequences, mask):
    ours, theirs = layer_and_twins(dtype, return_sequences=return_sequences)
    x = tf.constant(np.random.default_rng(1).normal(size=(BATCH, TIME, FEATURES)), dtype)
    shape = (BATCH, TIME, 4) if return_sequences else (BATCH, 4)
    upstream = tf.constant(np.random.default_rng(2).normal(size=shape), dtype)
    with tf.GradientTape() as tape:
        tape.watch(x)
        mine = ours(x, mask=mask)
        loss = tf.reduce_sum(upstream * mine)
    weights = [
        w.value for triple in zip(ours.kernels, ours.recurrent_kernels, ours.biases, strict=True) for w in triple
    ]
    my_gradients = tape.gradient(loss, [x, *weights])
    with tf.GradientTape() as tape:
        tape.watch(x)
        out = x
        for layer in theirs:
            out = layer(out, mask=mask)
        loss = tf.reduce_sum(upstream * out)
    gradients = tape.gradient(loss, [x, *(w.value for layer in theirs for w in layer.weights)])
    assert tuple(mine.shape) == shape
    assert keras.backend.standardize_dtype(mine.dtype) == dtype
    assert relative_to_largest(mine, out) <= TOLERANCE[dtype]
    for mine, wanted in zip(my_gradients, gradients, strict=True):
        assert relative_to_largest(mine, wanted) <= TOLERANCE[dtype]


def test_the_layer_equals_the_stack_by_hand():
    given = arguments(15)
    layer = StackedRNN([UNITS] * LAYERS, return_sequences=True, dtype="float64")
    layer.build((None, TIME, FEATURES))
    for number in range(LAYERS):
        layer.kernels[number].assign(given["Wx"] if number == 0 else given["Wu"][number - 1])
        layer.recurrent_kernels[number].assign(given["Wh"][number])
        layer.biases[number].assign(given["b"][number])
    given["h0"] = np.zeros_like(given["h0"])
    assert relative_to_largest(layer(given["x"]), deep.stacked_forward(**given)[-1]) <= 1e-12


def test_weights_have_names_shapes_and_keras_initial_values():
    layer = StackedRNN([3, 2])
    layer.build((None, TIME, FEATURES))
    assert {w.name: tuple(w.shape) for w in layer.trainable_weights} == {
        "layer_1_kernel": (FEATURES, 3), "layer_1_recurrent_kernel": (3, 3), "layer_1_bias": (3,),
        "layer_2_kernel": (3, 2), "layer_2_recurrent_kernel": (2, 2), "layer_2_bias": (2,),
    }  # fmt: skip
    for recurrent, bias in zip(layer.recurrent_kernels, layer.biases, strict=True):
        recurrent = np.asarray(recurrent)
        assert np.allclose(recurrent @ recurrent.T, np.eye(len(recurrent)), atol=1e-6)  # orthogonal
        assert not np.any(np.asarray(bias))


def test_a_layer_made_again_from_its_config_is_the_same_layer():
    layer = StackedRNN([3, 2], return_sequences=True, name="stack", dtype="float64")
    again = StackedRNN.from_config(layer.get_config())
    assert (list(again.units), again.return_sequences, again.name, again.dtype) == ([3, 2], True, "stack", "float64")


@pytest.mark.parametrize("return_sequences", [True, False])
def test_the_mask_goes_on_to_the_next_layer_where_there_are_steps_left(return_sequences):
    layer = StackedRNN([3], return_sequences=return_sequences)
    out = keras.Sequential([keras.Input((TIME, FEATURES)), keras.layers.Masking(), layer]).outputs[0]
    assert (getattr(out, "_keras_mask", None) is not None) == return_sequences


def test_masking_in_a_model_reaches_the_layer():
    ours, _ = layer_and_twins("float32", return_sequences=False)
    x = np.random.default_rng(3).normal(size=(BATCH, TIME, FEATURES)).astype("float32")
    x[~MASK] = 0
    model = keras.Sequential([keras.Input((TIME, FEATURES)), keras.layers.Masking(), ours])
    assert relative_to_largest(model(x), ours(x, mask=MASK)) <= 1e-6


def test_a_saved_model_predicts_the_same_when_loaded(tmp_path):
    model = keras.Sequential([keras.Input((TIME, FEATURES)), StackedRNN([3, 2]), keras.layers.Dense(2)])
    x = np.random.default_rng(4).normal(size=(BATCH, TIME, FEATURES)).astype("float32")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.layers[0], StackedRNN)
    assert np.array_equal(loaded(x), model(x))


def test_xla_gives_the_outputs_of_eager_execution():
    ours, _ = layer_and_twins("float64")
    x = tf.constant(np.random.default_rng(5).normal(size=(BATCH, TIME, FEATURES)))
    assert relative_to_largest(tf.function(ours, jit_compile=True)(x), ours(x)) <= 1e-12


@pytest.mark.parametrize("units", [0, 3, [], [3, 0], [3, -1], [2.5], ["3"], None, [True]])
def test_wrong_units_are_refused_with_the_rule_the_value_and_an_example(units):
    with pytest.raises(ValueError) as caught:
        StackedRNN(units)
    text = str(caught.value)
    assert "`units` must be a list of positive integers" in text
    assert f"units={units!r}" in text
    assert "StackedRNN(units=[32, 32])" in text


@pytest.mark.parametrize("value", [1, "yes", None])
def test_a_return_sequences_that_is_no_truth_value_is_refused(value):
    with pytest.raises(ValueError) as caught:
        StackedRNN([3], return_sequences=value)
    text = str(caught.value)
    assert "`return_sequences` must be True or False" in text
    assert f"return_sequences={value!r}" in text


def test_every_public_function_states_shapes_and_a_source():
    for name in ("stacked_forward", "stacked_backward", "bidirectional"):
        text = inspect.getdoc(getattr(deep, name))
        assert "hape (" in text or "shape of" in text, name
        assert "Source:" in text, name
