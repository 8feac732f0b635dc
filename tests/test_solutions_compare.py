"""Convolution and attention: Keras' own layers, gradients by two methods, graphs searched step by step."""

import inspect
from collections import deque

import keras
import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from autograder.gradients import numeric_gradient
from solutions import compare
from solutions.compare import AttentionBlock

BATCH, TIME, FEATURES, UNITS = 3, 6, 5, 4  # Keras makes its scale 1/√units in float32, which holds 1/2 exactly
KERNELS = ("query_kernel", "key_kernel", "value_kernel", "output_kernel")


def relative_to_largest(found, expected):
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape
    return np.max(np.abs(found - expected)) / np.max(np.abs(expected))


# The softmax that is given


def test_the_given_softmax_is_scipys_along_every_axis():
    scores = np.random.default_rng(0).normal(size=(2, 3, 4))
    for axis in (0, 1, 2, -1):
        assert relative_to_largest(compare.softmax(scores, axis), scipy.special.softmax(scores, axis=axis)) < 1e-15
    assert np.array_equal(compare.softmax(np.array([1000.0, -1e9])), [1.0, 0.0])


# Causal convolution


def convolution(seed, width=3):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(BATCH, TIME, FEATURES)), rng.normal(size=(width, FEATURES, UNITS)), rng.normal(size=UNITS)


@pytest.mark.parametrize("width", [1, 2, 3, 6, 8])
def test_the_convolution_equals_keras_causal_conv1d(width):
    x, kernel, bias = convolution(width, width)
    layer = keras.layers.Conv1D(UNITS, width, padding="causal", dtype="float64")
    layer.build(x.shape)
    layer.set_weights([kernel, bias])
    assert relative_to_largest(compare.causal_convolution(x, kernel, bias), np.asarray(layer(x))) < 1e-12


def test_a_convolution_by_hand():
    """One feature, one filter: y_t = 2 x_t + 10 x_{t-1} + 1."""
    y = compare.causal_convolution(np.array([[[1.0], [2.0], [3.0]]]), np.array([[[10.0]], [[2.0]]]), np.array([1.0]))
    assert y.tolist() == [[[3.0], [15.0], [27.0]]]


def changed_by(function, x, t):
    """The times at which the outputs change when the input at t does."""
    moved = x.copy()
    moved[:, t] += 1.0
    return set(np.flatnonzero(np.any(function(moved) != function(x), axis=(0, 2))))


@pytest.mark.parametrize("t", range(TIME))
def test_an_input_changes_the_outputs_of_its_own_time_and_the_next_two_and_no_others(t):
    x, kernel, bias = convolution(7)
    found = changed_by(lambda x: compare.causal_convolution(x, kernel, bias), x, t)
    assert found == {t, t + 1, t + 2} & set(range(TIME))


# Attention


def attention(seed):
    rng = np.random.default_rng(seed)
    shapes = {"q": (BATCH, TIME, UNITS), "k": (BATCH, TIME, UNITS), "v": (BATCH, TIME, FEATURES)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


@pytest.mark.parametrize("seed", range(3))
def test_attention_equals_keras_dot_product_attention(seed):
    given = attention(seed)
    given["v"] = np.random.default_rng(seed).normal(size=given["q"].shape)  # theirs needs one size for both
    heads = [keras.ops.convert_to_tensor(array[:, :, None]) for array in given.values()]  # (batch, time, 1, units)
    theirs = np.asarray(keras.ops.dot_product_attention(*heads, is_causal=True))[:, :, 0]
    assert relative_to_largest(compare.attention_forward(**given), theirs) < 1e-12


def test_attention_one_query_at_a_time_with_scipys_softmax():
    given = attention(4)
    expected = np.empty((BATCH, TIME, FEATURES))
    for n, t in np.ndindex(BATCH, TIME):
        scores = [given["q"][n, t] @ given["k"][n, s] / UNITS**0.5 for s in range(t + 1)]
        expected[n, t] = scipy.special.softmax(scores) @ given["v"][n, : t + 1]
    assert relative_to_largest(compare.attention_forward(**given), expected) < 1e-14


def test_a_query_that_is_orthogonal_to_all_keys_takes_the_mean_of_what_it_sees():
    given = attention(5)
    given["q"] = np.zeros_like(given["q"])
    means = np.cumsum(given["v"], axis=1) / np.arange(1, TIME + 1)[:, np.newaxis]
    assert relative_to_largest(compare.attention_forward(**given), means) < 1e-14


def test_a_query_that_matches_one_key_by_far_takes_its_value():
    given = attention(6)
    given["k"] = np.broadcast_to(np.eye(TIME), (BATCH, TIME, TIME))
    given["q"] = np.broadcast_to(3000.0 * np.eye(TIME)[0], (BATCH, TIME, TIME))  # all look for the first key
    found = compare.attention_forward(**given)
    assert np.array_equal(found, np.repeat(given["v"][:, :1], TIME, axis=1))


@pytest.mark.parametrize("t", range(TIME))
@pytest.mark.parametrize("name", ["q", "k", "v"])
def test_attention_never_looks_ahead(name, t):
    given = attention(7)
    found = changed_by(lambda array: compare.attention_forward(**(given | {name: array})), given[name], t)
    assert found <= ({t} if name == "q" else set(range(t, TIME)))
    assert found or (t == 0 and name == "q")  # the first query sees one key only, whatever it asks


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("method", "tolerance"), [("complex", 1e-12), ("richardson", 1e-8)])
def test_attention_backward_is_the_gradient_of_forward(seed, method, tolerance):
    given = attention(seed)
    upstream = np.random.default_rng(seed + 30).normal(size=given["v"].shape)
    numeric = numeric_gradient(compare.attention_forward, given, upstream=upstream, method=method)
    for name, answer in zip(given, compare.attention_backward(upstream, **given), strict=True):
        assert answer.dtype == np.float64
        assert relative_to_largest(answer, numeric.values[name]) <= tolerance, name


def test_attention_backward_equals_the_tape_through_keras_attention():
    given = attention(8)
    upstream = np.random.default_rng(9).normal(size=given["v"].shape)
    q, k, v = (tf.constant(array) for array in given.values())
    layer = keras.layers.Attention(dtype="float64")  # not scaled
    with tf.GradientTape() as tape:
        tape.watch([q, k, v])
        loss = tf.reduce_sum(upstream * layer([q / UNITS**0.5, v, k], use_causal_mask=True))
    for answer, theirs in zip(
        compare.attention_backward(upstream, **given), tape.gradient(loss, [q, k, v]), strict=True
    ):
        assert relative_to_largest(answer, theirs) < 1e-12


def test_no_function_changes_what_it_was_given():
    given = attention(10)
    before = {name: array.copy() for name, array in given.items()}
    upstream = np.ones_like(given["v"])
    compare.attention_forward(**given)
    compare.attention_backward(upstream, **given)
    assert np.array_equal(upstream, np.ones_like(upstream))
    assert all(np.array_equal(given[name], before[name]) for name in given)
    convolved = convolution(11)
    kept = [array.copy() for array in convolved]
    compare.causal_convolution(*convolved)
    assert all(np.array_equal(array, copy) for array, copy in zip(convolved, kept, strict=True))


# The Keras layer


def block(dtype="float64", seed=0):
    layer = AttentionBlock(UNITS, dtype=dtype)
    layer.build((BATCH, TIME, FEATURES))
    rng = np.random.default_rng(seed)
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape))
    return layer


def sequences(dtype="float64", seed=1):
    x = np.random.default_rng(seed).normal(size=(BATCH, TIME, FEATURES)).astype(dtype)
    mask = np.array([[1, 1, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1], [1, 0, 1, 1, 0, 1]], bool)
    return x, mask


def twin(layer):
    """Keras' multi-head attention with one head and the same weights, as (x, mask) -> outputs."""
    theirs = keras.layers.MultiHeadAttention(1, UNITS, use_bias=True, dtype="float64")
    theirs.build((BATCH, TIME, FEATURES), (BATCH, TIME, FEATURES))
    q, k, v, out = (np.asarray(getattr(layer, name)) for name in KERNELS)
    none = np.zeros((1, UNITS))
    weights = [q[:, None], none, k[:, None], none, v[:, None], none, out[None], np.asarray(layer.bias)]
    theirs.set_weights(weights)

    def run(x, mask=None):
        allowed = np.tri(TIME, dtype=bool)[np.newaxis]
        if mask is not None:
            allowed = allowed & mask[:, np.newaxis, :]
        return x + theirs(x, x, attention_mask=allowed)

    return run


def test_the_block_equals_keras_multi_head_attention_with_one_head_added_to_its_input():
    layer, (x, mask) = block(), sequences()
    run = twin(layer)
    assert relative_to_largest(layer(x), np.asarray(run(x))) < 1e-12
    assert relative_to_largest(np.asarray(layer(x, mask=mask))[mask], np.asarray(run(x, mask))[mask]) < 1e-12
    assert not np.allclose(np.asarray(layer(x, mask=mask))[mask], np.asarray(layer(x))[mask])


def test_the_block_has_the_gradients_of_keras_multi_head_attention():
    layer, (x, mask) = block(), sequences()
    run = twin(layer)
    upstream = np.random.default_rng(2).normal(size=x.shape) * mask[:, :, None]
    found = []
    for function in (lambda x: layer(x, mask=mask), lambda x: run(x, mask)):
        tensor = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(tensor)
            loss = tf.reduce_sum(upstream * function(tensor))
        found.append(tape.gradient(loss, tensor))
    assert relative_to_largest(*found) < 1e-12


def test_the_block_equals_the_functions_by_hand():
    layer, (x, _) = block(), sequences()
    q, k, v, out = (np.asarray(getattr(layer, name)) for name in KERNELS)
    expected = x + compare.attention_forward(x @ q, x @ k, x @ v) @ out + np.asarray(layer.bias)
    assert relative_to_largest(layer(x), expected) < 1e-12


def test_padding_is_never_looked_at():
    layer, (x, mask) = block(), sequences()
    other = x.copy()
    other[~mask] = 17.0
    assert np.array_equal(np.asarray(layer(x, mask=mask))[mask], np.asarray(layer(other, mask=mask))[mask])


def test_a_sequence_with_padding_in_front_gives_what_it_gives_without():
    layer, (x, mask) = block(), sequences()
    alone = np.asarray(layer(x[1:2, 2:]))
    assert relative_to_largest(np.asarray(layer(x, mask=mask))[1:2, 2:], alone) < 1e-12


@pytest.mark.parametrize("t", range(TIME))
def test_the_block_never_looks_ahead(t):
    layer, (x, mask) = block(), sequences()
    assert changed_by(lambda x: np.asarray(layer(x)), x, t) == set(range(t, TIME))
    masked = changed_by(lambda x: np.where(mask[:, :, None], layer(x, mask=mask), 0.0), x, t)
    assert t in masked
    assert min(masked) == t


def test_the_mask_of_an_embedding_reaches_the_block_and_goes_on():
    ids = np.array([[0, 0, 3, 1], [2, 1, 3, 3], [0, 2, 2, 1]])
    embedding = keras.layers.Embedding(4, FEATURES, mask_zero=True)
    layer = AttentionBlock(UNITS)
    x = embedding(ids)
    implicit = layer(x)
    explicit = layer(np.asarray(x), mask=ids != 0)
    assert np.allclose(np.asarray(implicit)[ids != 0], np.asarray(explicit)[ids != 0], rtol=0, atol=1e-6)
    assert np.array_equal(implicit._keras_mask, ids != 0)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_outputs_have_the_dtype_of_the_layer_and_are_finite(dtype):
    x, mask = sequences(dtype)
    outputs = block(dtype)(x, mask=mask)
    assert keras.backend.standardize_dtype(outputs.dtype) == dtype
    assert np.all(np.isfinite(np.asarray(outputs)))


def test_weights_have_the_stated_names_shapes_and_initial_values():
    layer = AttentionBlock(UNITS)
    layer.build((None, None, FEATURES))
    inwards = (FEATURES, UNITS)
    assert [(w.name, tuple(w.shape), w.trainable) for w in layer.weights] == [
        ("query_kernel", inwards, True),
        ("key_kernel", inwards, True),
        ("value_kernel", inwards, True),
        ("output_kernel", (UNITS, FEATURES), True),
        ("bias", (FEATURES,), True),
    ]
    assert not np.any(np.asarray(layer.bias))
    for name in KERNELS:
        assert 0 < np.max(np.abs(getattr(layer, name))) <= np.sqrt(6 / (FEATURES + UNITS))  # Glorot and Bengio 2010


def test_a_block_made_again_from_its_config_is_the_same_block():
    layer = AttentionBlock(UNITS, name="look", dtype="float64", trainable=False)
    again = AttentionBlock.from_config(layer.get_config())
    assert (again.units, again.name, again.dtype, again.trainable) == (UNITS, "look", "float64", False)
    assert again.get_config() == layer.get_config()


def test_a_saved_model_predicts_the_same_when_loaded(tmp_path):
    model = keras.Sequential([keras.Input((None, FEATURES)), AttentionBlock(UNITS), keras.layers.Dense(2)])
    x, _ = sequences("float32")
    before = np.asarray(model(x))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.layers[0], AttentionBlock)
    assert np.array_equal(loaded(x), before)
    assert np.asarray(loaded(x[:, :3])).shape == (BATCH, 3, 2)  # the length is free


def test_xla_gives_the_outputs_of_eager_execution():
    layer, (x, mask) = block(), sequences()
    compiled = tf.function(lambda x: layer(x, mask=mask), jit_compile=True)(tf.constant(x))
    assert relative_to_largest(compiled, layer(x, mask=mask)) < 1e-12


@pytest.mark.parametrize("units", [0, -1, 2.5, "3", None, True])
def test_wrong_units_are_refused_with_the_rule_the_value_and_an_example(units):
    with pytest.raises(ValueError) as caught:
        AttentionBlock(units)
    text = str(caught.value)
    assert "`units` must be a positive integer" in text
    assert f"units={units!r}" in text
    assert "AttentionBlock(units=32)" in text


# Path lengths: the graph of who looks at whom, searched breadth first


def searched(before, distance):
    """Steps from the input at 0 to an output at `distance`, where before(layer, t) lists what node (layer, t) reads.

    Node (0, t) is the input at t. Recurrence has a node for each state, convolution one for each layer and time.
    """
    seen, queue = {(distance, "end")}, deque([((distance, "end"), 0)])
    while queue:
        node, steps = queue.popleft()
        for earlier in before(node):
            if earlier == (0, "input"):
                return steps + 1
            if earlier not in seen:
                seen.add(earlier)
                queue.append((earlier, steps + 1))
    raise AssertionError("no way")


@pytest.mark.parametrize("distance", range(1, 12))
def test_a_recurrent_network_hands_its_state_from_step_to_step(distance):
    def before(node):
        t = node[0]
        return [(t, "input"), (t - 1, "state")] if t >= 0 else []

    assert compare.path_length("recurrent", distance, 2) == searched(before, distance)


@pytest.mark.parametrize("distance", range(1, 12))
def test_attention_reads_every_input_at_once(distance):
    assert compare.path_length("attention", distance, 2) == 1
    assert searched(lambda node: [(t, "input") for t in range(node[0] + 1)], distance) == 1


def layers_needed(distance, width, dilation):
    """How many layers it takes until a signal at 0 shows at `distance`, by running the convolutions on an impulse."""
    signal = np.zeros(distance + 1)
    signal[0] = 1.0
    layers = 0
    while signal[distance] == 0:
        taps = [np.pad(signal, (j * dilation(layers), 0))[: distance + 1] for j in range(width)]
        signal = (np.sum(taps, axis=0) > 0).astype(float)
        layers += 1
    return layers


@pytest.mark.parametrize("width", range(2, 7))
def test_stacks_of_convolutions_are_as_deep_as_an_impulse_needs(width):
    for distance in [*range(1, 40), width**3 - 1, width**3, 124]:
        assert compare.path_length("convolution", distance, width) == layers_needed(distance, width, lambda n: 1)
        assert compare.path_length("dilated", distance, width) == layers_needed(distance, width, lambda n: width**n)


def test_a_dilated_stack_reaches_every_earlier_input_by_exactly_one_way():
    """What `path_length` says of the holes: three layers of width 3 pass an impulse on once to each of 27 places."""
    signal = np.zeros(40)
    signal[0] = 1.0
    for hole in (1, 3, 9):
        signal = sum(np.pad(signal, (j * hole, 0))[:40] for j in range(3))
    assert signal.tolist() == [1.0] * 27 + [0.0] * 13


def test_the_path_lengths_grow_as_vaswani_and_others_say():
    """Table 1: O(n), O(n/k), O(log_k(n)), O(1)."""
    far = 5**6
    assert compare.path_length("recurrent", 2 * far, 5) - 1 == 2 * (compare.path_length("recurrent", far, 5) - 1)
    assert abs(compare.path_length("convolution", 2 * far, 5) - 2 * compare.path_length("convolution", far, 5)) <= 1
    assert compare.path_length("dilated", 5 * far, 5) == compare.path_length("dilated", far, 5) + 1
    assert compare.path_length("attention", 5 * far, 5) == compare.path_length("attention", far, 5)


@pytest.mark.parametrize(
    ("arguments", "rule", "received"),
    [
        (("transformer", 5, 3), "`architecture` must be one of", "architecture='transformer'"),
        (("dilated", 0, 3), "`distance` must be at least 1", "distance=0"),
        (("recurrent", -1, 3), "`distance` must be at least 1", "distance=-1"),
        (("dilated", 5, 1), "`width` at least 2", "width=1"),
    ],
)
def test_a_path_that_does_not_exist_is_refused(arguments, rule, received):
    with pytest.raises(ValueError) as caught:
        compare.path_length(*arguments)
    for text in (rule, received, 'path_length("dilated", 100, 3)'):
        assert text in str(caught.value)


# Parameters


@pytest.mark.parametrize(("features", "units", "width"), [(4, 5, 3), (7, 2, 6), (1, 1, 2), (32, 64, 9)])
def test_the_counts_are_those_of_keras_layers(features, units, width):
    theirs = {
        "elman": keras.layers.SimpleRNN(units),
        "lstm": keras.layers.LSTM(units),
        "gru": keras.layers.GRU(units),
        "convolution": keras.layers.Conv1D(units, width, padding="causal"),
        "attention": AttentionBlock(units),
    }
    for name, layer in theirs.items():
        layer.build((None, 10, features))
        assert compare.parameter_count(name, features, units, width) == layer.count_params(), name


def test_one_head_of_keras_attention_has_three_biases_more():
    layer = keras.layers.MultiHeadAttention(1, UNITS)
    layer.build((None, 10, FEATURES), (None, 10, FEATURES))
    assert layer.count_params() - compare.parameter_count("attention", FEATURES, UNITS, 3) == 3 * UNITS


def test_an_unknown_layer_is_refused():
    with pytest.raises(ValueError, match="must be one of") as caught:
        compare.parameter_count("dense", 4, 5, 3)
    assert "layer='dense'" in str(caught.value)
    assert 'parameter_count("lstm", 10, 32, 3)' in str(caught.value)


def test_every_graded_function_states_shapes_or_sizes_and_a_source():
    for name in ("causal_convolution", "attention_forward", "attention_backward", "path_length", "parameter_count"):
        text = inspect.getdoc(getattr(compare, name))
        for section in ("Args:", "Returns:", "Source:"):
            assert section in text, f"{name} lacks {section}"
