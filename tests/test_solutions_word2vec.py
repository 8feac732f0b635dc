"""The word2vec reference: cases worked out by hand, gradients by the complex step, SciPy's and Keras' own losses."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from autograder.gradients import numeric_gradient
from solutions import word2vec
from solutions.word2vec import CBOW, SkipGram

VOCABULARY, UNITS, BATCH, CONTEXT, NEGATIVES = 9, 4, 5, 6, 3


def relative_to_largest(found, expected):
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape
    return np.max(np.abs(found - expected)) / np.max(np.abs(expected))


def tables(seed):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=(VOCABULARY, UNITS)) for name in ("W_in", "W_out")}


def cbow_arguments(seed):
    rng = np.random.default_rng(seed)
    contexts = rng.integers(0, 4, (BATCH, CONTEXT))  # four words on 30 places: many repeats
    return {"contexts": contexts, "targets": rng.integers(0, VOCABULARY, BATCH), **tables(seed)}


def sampling_arguments(seed):
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 3, BATCH)
    negatives = rng.integers(0, 3, (BATCH, NEGATIVES))  # three words: many draws that equal the target
    assert np.any(negatives == targets[:, None])
    assert np.any(negatives != targets[:, None])
    return {
        "h": rng.normal(size=(BATCH, UNITS)),
        "targets": targets,
        "negatives": negatives,
        "W_out": tables(seed)["W_out"],
    }


# Given to students


def test_the_given_sigmoid_is_scipys_and_does_not_overflow():
    z = np.array([-1e4, -30.0, -1.0, 0.0, 0.3, 40.0, 1e4])
    with np.errstate(all="raise", under="ignore"):
        assert np.allclose(word2vec.sigmoid(z), special.expit(z), rtol=0, atol=1e-15)


def test_the_given_softmax_is_scipys_and_does_not_overflow():
    scores = np.array([[1.0, 2.0, -3.0], [1e4, 0.0, 9_999.0]])
    with np.errstate(all="raise", under="ignore"):
        assert np.allclose(word2vec.softmax(scores), special.softmax(scores, axis=1), rtol=0, atol=1e-15)


# Windows


def test_windows_of_a_short_text_are_those_that_can_be_counted_off():
    contexts, targets = word2vec.context_windows(np.array([5, 8, 5, 5, 2, 7]), 2)
    assert contexts.tolist() == [[5, 8, 5, 2], [8, 5, 2, 7]]
    assert targets.tolist() == [5, 5]


@pytest.mark.parametrize("size", [1, 2, 4])
def test_a_window_with_its_target_put_back_is_a_piece_of_the_text(size):
    tokens = np.random.default_rng(size).integers(0, 5, 20)
    contexts, targets = word2vec.context_windows(tokens, size)
    assert contexts.shape == (20 - 2 * size, 2 * size)
    pieces = np.concatenate([contexts[:, :size], targets[:, None], contexts[:, size:]], axis=1)
    assert np.array_equal(pieces, np.lib.stride_tricks.sliding_window_view(tokens, 2 * size + 1))


# Lookup


@pytest.mark.parametrize("seed", range(3))
def test_embedding_backward_is_the_gradient_of_a_lookup(seed):
    rng = np.random.default_rng(seed)
    indices = rng.integers(0, 5, (BATCH, CONTEXT))
    upstream = rng.normal(size=(BATCH, CONTEXT, UNITS))
    W = rng.normal(size=(VOCABULARY, UNITS))
    numeric = numeric_gradient(lambda W: W[indices], {"W": W}, upstream=upstream, method="complex").values["W"]
    found = word2vec.embedding_backward(upstream, indices, VOCABULARY)
    assert relative_to_largest(found, numeric) <= 1e-12
    assert not np.any(found[5:])  # never looked up


# CBOW by hand


def test_cbow_loss_is_scipys_log_softmax_at_the_target():
    given = cbow_arguments(0)
    scores = np.array([given["W_out"] @ given["W_in"][context].mean(axis=0) for context in given["contexts"]])
    expected = [-special.log_softmax(row)[target] for row, target in zip(scores, given["targets"], strict=True)]
    assert relative_to_largest(word2vec.cbow_forward(**given), expected) <= 1e-12


def test_with_zero_output_vectors_every_word_is_equally_likely():
    given = cbow_arguments(1) | {"W_out": np.zeros((VOCABULARY, UNITS))}
    assert np.allclose(word2vec.cbow_forward(**given), np.log(VOCABULARY), rtol=0, atol=1e-12)


def test_a_context_of_one_word_repeated_is_that_word():
    given = cbow_arguments(2)
    once = given | {"contexts": given["contexts"][:, :1]}
    often = given | {"contexts": np.repeat(given["contexts"][:, :1], 5, axis=1)}
    assert relative_to_largest(word2vec.cbow_forward(**once), word2vec.cbow_forward(**often)) <= 1e-12


def compare_with_numeric(forward, backward, given, wrt, seed):
    upstream = np.random.default_rng(seed + 100).normal(size=BATCH)
    answers = dict(zip(wrt, backward(upstream, **given), strict=True))
    for method, tolerance in (("complex", 1e-12), ("richardson", 1e-8)):
        numeric = numeric_gradient(forward, given, upstream=upstream, wrt=wrt, method=method).values
        for name, answer in answers.items():
            assert relative_to_largest(answer, numeric[name]) <= tolerance, (name, method)


@pytest.mark.parametrize("seed", range(3))
def test_cbow_backward_is_the_gradient_of_cbow_forward(seed):
    given = cbow_arguments(seed)
    compare_with_numeric(word2vec.cbow_forward, word2vec.cbow_backward, given, ("W_in", "W_out"), seed)


# Negative sampling by hand


def test_the_noise_distribution_of_sixteenth_powers_can_be_worked_out():
    """1, 16 and 81 to the power 3/4 are 1, 8 and 27."""
    p = word2vec.noise_distribution(np.array([1, 16, 81]))
    assert np.allclose(p, np.array([1, 8, 27]) / 36, rtol=0, atol=1e-15)


@pytest.mark.parametrize(("power", "expected"), [(0.0, [0.25, 0.25, 0.25, 0.25]), (1.0, [0.1, 0.2, 0.3, 0.4])])
def test_power_zero_gives_all_words_alike_and_power_one_their_frequency(power, expected):
    assert np.allclose(word2vec.noise_distribution(np.array([10, 20, 30, 40]), power), expected, rtol=0, atol=1e-15)


def keras_binary_cross_entropy(scores, labels):
    """One loss per score, by Keras."""
    flat = keras.losses.BinaryCrossentropy(from_logits=True, reduction=None)(
        labels.ravel()[:, None], scores.ravel()[:, None]
    )
    return np.asarray(flat).reshape(scores.shape)


def test_negative_sampling_is_kerass_binary_cross_entropy_over_the_draws_that_are_not_the_target():
    given = sampling_arguments(0)
    words = np.concatenate([given["targets"][:, None], given["negatives"]], axis=1)
    scores = np.array([[u @ h for u in given["W_out"][row]] for h, row in zip(given["h"], words, strict=True)])
    labels = np.zeros(scores.shape)
    labels[:, 0] = 1
    terms = keras_binary_cross_entropy(scores, labels)
    expected = [
        terms[n, 0] + sum(terms[n, 1 + k] for k in range(NEGATIVES) if words[n, 1 + k] != words[n, 0])
        for n in range(BATCH)
    ]
    found = word2vec.negative_sampling_forward(**given)
    assert relative_to_largest(found, expected) <= 1e-6  # Keras' loss is in float32


def test_a_negative_that_is_the_target_changes_nothing():
    given = sampling_arguments(1)
    padded = given | {"negatives": np.concatenate([given["negatives"], given["targets"][:, None]], axis=1)}
    upstream = np.random.default_rng(2).normal(size=BATCH)
    assert np.array_equal(word2vec.negative_sampling_forward(**given), word2vec.negative_sampling_forward(**padded))
    pairs = zip(
        word2vec.negative_sampling_backward(upstream, **given),
        word2vec.negative_sampling_backward(upstream, **padded),
        strict=True,
    )
    for plain, with_target in pairs:
        assert relative_to_largest(with_target, plain) <= 1e-12


def test_with_zero_vectors_each_word_costs_one_bit():
    given = sampling_arguments(3) | {"h": np.zeros((BATCH, UNITS))}
    kept = (given["negatives"] != given["targets"][:, None]).sum(axis=1)
    assert np.allclose(word2vec.negative_sampling_forward(**given), (1 + kept) * np.log(2), rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_negative_sampling_backward_is_the_gradient_of_its_forward(seed):
    given = sampling_arguments(seed)
    functions = word2vec.negative_sampling_forward, word2vec.negative_sampling_backward
    compare_with_numeric(*functions, given, ("h", "W_out"), seed)


@pytest.mark.parametrize("which", ["cbow", "sampling"])
def test_no_function_changes_what_it_was_given(which):
    forward, backward, given = {
        "cbow": (word2vec.cbow_forward, word2vec.cbow_backward, cbow_arguments(4)),
        "sampling": (word2vec.negative_sampling_forward, word2vec.negative_sampling_backward, sampling_arguments(4)),
    }[which]
    before = {name: array.copy() for name, array in given.items()}
    upstream = np.ones(BATCH)
    forward(**given)
    backward(upstream, **given)
    assert np.array_equal(upstream, np.ones(BATCH))
    assert all(np.array_equal(given[name], before[name]) for name in given)


# The layers


def built(layer_class, *inputs, dtype="float64", seed=0):
    layer = layer_class(VOCABULARY, UNITS, dtype=dtype)
    layer(*inputs)
    rng = np.random.default_rng(seed)
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape))
    return layer


def taped(layer, inputs, loss_of):
    with tf.GradientTape() as tape:
        loss = loss_of(layer(*inputs))
    sources = [layer.input_embeddings.value, layer.output_embeddings.value]
    return loss.numpy(), [np.asarray(tf.convert_to_tensor(g)) for g in tape.gradient(loss, sources)]


def test_cbow_with_kerass_cross_entropy_equals_the_functions_by_hand():
    given = cbow_arguments(5)
    contexts, targets = given["contexts"], given["targets"]
    layer = built(CBOW, contexts)
    weights = [np.asarray(w) for w in (layer.input_embeddings, layer.output_embeddings)]
    upstream = np.random.default_rng(6).normal(size=BATCH)

    def loss_of(scores):
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=scores)
        return tf.reduce_sum(losses * upstream)

    loss, gradients = taped(layer, (contexts,), loss_of)
    assert abs(loss - word2vec.cbow_forward(contexts, targets, *weights) @ upstream) <= 1e-12 * abs(loss)
    by_hand = word2vec.cbow_backward(upstream, contexts, targets, *weights)
    for found, expected in zip(gradients, by_hand, strict=True):
        assert relative_to_largest(found, expected) <= 1e-12


def test_skip_gram_with_a_sigmoid_cross_entropy_equals_the_functions_by_hand():
    given = sampling_arguments(7)
    targets, negatives = given["targets"], given["negatives"]
    centers = np.array([3, 3, 0, 8, 3])
    words = np.concatenate([targets[:, None], negatives], axis=1)
    layer = built(SkipGram, centers, words)
    W_in, W_out = (np.asarray(w) for w in (layer.input_embeddings, layer.output_embeddings))
    upstream = np.random.default_rng(8).normal(size=BATCH)
    label = np.arange(words.shape[1]) == 0
    weight = (label | (words != targets[:, None])) * upstream[:, None]

    def loss_of(scores):
        labels = tf.cast(tf.broadcast_to(label, scores.shape), scores.dtype)
        return tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=scores) * weight)

    loss, (dW_in, dW_out) = taped(layer, (centers, words), loss_of)
    h = W_in[centers]
    assert abs(loss - word2vec.negative_sampling_forward(h, targets, negatives, W_out) @ upstream) <= 1e-12 * abs(loss)
    dh, by_hand = word2vec.negative_sampling_backward(upstream, h, targets, negatives, W_out)
    assert relative_to_largest(dW_out, by_hand) <= 1e-12
    looked_up = word2vec.embedding_backward(dh[:, None], centers[:, None], VOCABULARY)
    assert relative_to_largest(dW_in, looked_up) <= 1e-12


CONTEXTS = np.array([[0, 1], [2, 2], [5, 8]])
CENTERS, WORDS = np.array([1, 4, 4]), np.array([[0, 2], [3, 3], [8, 7]])
LAYERS = {"CBOW": (CBOW, (CONTEXTS,)), "SkipGram": (SkipGram, (CENTERS, WORDS))}


@pytest.mark.parametrize("name", LAYERS)
def test_the_tables_start_random_and_zero_so_that_every_score_is_zero(name):
    layer_class, inputs = LAYERS[name]
    layer = layer_class(VOCABULARY, UNITS)
    scores = np.asarray(layer(*inputs))
    assert not np.any(scores)
    described = {w.name: (tuple(w.shape), w.trainable) for w in layer.weights}
    shape = (VOCABULARY, UNITS)
    assert described == {"input_embeddings": (shape, True), "output_embeddings": (shape, True)}
    start = np.asarray(layer.input_embeddings)
    assert np.ptp(start) > 0
    assert np.max(np.abs(start)) <= 0.05  # the range of Keras' "uniform"
    assert not np.any(np.asarray(layer.output_embeddings))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_made_again_from_its_config_gives_the_same_scores(name, dtype):
    layer_class, inputs = LAYERS[name]
    layer = built(layer_class, *inputs, dtype=dtype)
    again = layer_class.from_config(layer.get_config())
    again(*inputs)
    again.set_weights(layer.get_weights())
    assert again.get_config() == layer.get_config()
    scores = np.asarray(again(*inputs))
    assert scores.dtype == dtype
    assert np.array_equal(scores, layer(*inputs))


def test_saved_models_give_the_same_scores_when_loaded(tmp_path):
    contexts = keras.Input((2,), dtype="int32")
    centers, words = keras.Input((), dtype="int32"), keras.Input((2,), dtype="int32")
    models = {
        "cbow": (keras.Model(contexts, CBOW(VOCABULARY, UNITS)(contexts)), [CONTEXTS]),
        "skip_gram": (keras.Model([centers, words], SkipGram(VOCABULARY, UNITS)(centers, words)), [CENTERS, WORDS]),
    }
    for name, (model, inputs) in models.items():
        rng = np.random.default_rng(9)
        for weight in model.weights:
            weight.assign(rng.normal(size=weight.shape))
        path = tmp_path / f"{name}.keras"
        model.save(path)
        given = inputs if len(inputs) > 1 else inputs[0]
        assert np.array_equal(keras.models.load_model(path)(given), model(given)), name


def test_cbow_learns_which_word_stands_between_which():
    """A text that repeats 0 1 2 3: the neighbours tell the middle."""
    contexts, targets = word2vec.context_windows(np.tile([0, 1, 2, 3], 20), 1)
    keras.utils.set_random_seed(1)
    inputs = keras.Input((2,), dtype="int32")
    model = keras.Model(inputs, CBOW(4, 3)(inputs))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.1), loss)
    model.fit(contexts, targets, epochs=30, batch_size=8, verbose=0)
    # 1 and 3 stand between the same two words, and so do 0 and 2: one bit is left
    assert abs(model.evaluate(contexts, targets, verbose=0) - np.log(2)) < 0.05


@pytest.mark.parametrize("value", [0, -1, 2.5, "3", None])
@pytest.mark.parametrize("argument", ["vocabulary_size", "units"])
@pytest.mark.parametrize("layer_class", [CBOW, SkipGram])
def test_wrong_sizes_are_refused_with_the_rule_the_value_and_an_example(layer_class, argument, value):
    with pytest.raises(ValueError) as caught:
        layer_class(**({"vocabulary_size": 10, "units": 4} | {argument: value}))
    text = str(caught.value)
    assert f"`{argument}` must be a positive integer" in text
    assert f"{argument}={value!r}" in text
    assert f"{layer_class.__name__}(vocabulary_size=1000, units=50)" in text


# Analogies


def test_an_analogy_in_a_made_plane_goes_the_way_that_the_arrows_show():
    """man, woman, king, queen as corners of a parallelogram, and a word far off.

    By angles: unit vectors at 0, 60, 90 and 150 degrees. From man (0) to woman (60) is the step that leads from king
    (90) to (cos 60 - 1, sin 60 + 1) = (-0.5, 1.87), at 105 degrees: nearest is queen at 150, then the word at 210.
    """
    degrees = np.radians([0, 60, 90, 150, 210])
    lengths = np.array([1, 7, 0.2, 3, 50])  # play no part
    W = lengths[:, None] * np.stack([np.cos(degrees), np.sin(degrees)], axis=1)
    assert word2vec.analogy(0, 1, 2, W, 2).tolist() == [3, 4]


def test_the_best_word_by_itself_is_among_the_given_ones_and_left_out():
    rng = np.random.default_rng(0)
    W = rng.normal(size=(30, 5))
    unit = W / np.sqrt((W**2).sum(axis=1, keepdims=True))
    for a, b, c in rng.permuted(np.tile(np.arange(30), (20, 1)), axis=1)[:, :3]:
        distance = np.linalg.norm(unit - (unit[b] - unit[a] + unit[c]), axis=1)  # of unit vectors: the same ranking
        expected = [word for word in np.argsort(distance) if word not in (a, b, c)]
        assert word2vec.analogy(a, b, c, W, 27).tolist() == expected
