"""The language model and its parts: published values, gradients by two methods, Keras and SciPy, texts by brute force."""

import inspect
import json
import math

import keras
import numpy as np
import pytest
import scipy.special

from autograder.gradients import numeric_gradient
from solutions import elman, gru, lstm, rnnlm

# The "hello" figure: vocabulary h, e, l, o, and the scores of the four steps that read h, e, l, l.
# Karpathy 2015, "The unreasonable effectiveness of recurrent neural networks"; its numbers are scores.
HELLO_SCORES = np.array([[[1.0, 2.2, -3.0, 4.1], [0.5, 0.3, -1.0, 1.2], [0.1, 0.5, 1.9, -1.1], [0.2, -1.5, -0.1, 2.2]]])
HELLO_TARGETS = np.array([[1, 2, 2, 3]])  # e, l, l, o
EVERYTHING = np.ones((1, 4), bool)


def relative_to_largest(found, expected):
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape
    return np.max(np.abs(found - expected)) / np.max(np.abs(expected))


# Published values


def test_the_hello_figure_has_the_published_loss_and_perplexity():
    loss = rnnlm.softmax_loss(HELLO_SCORES, HELLO_TARGETS, EVERYTHING)
    assert abs(loss - 1.3974) < 5e-5
    assert abs(rnnlm.perplexity(np.array([loss]), np.array([4])) - 4.04) < 5e-3


@pytest.mark.parametrize(("step", "probability"), enumerate([0.1251, 0.0550, 0.6841, 0.7935]))
def test_each_step_of_the_hello_figure_gives_its_target_the_published_probability(step, probability):
    only = np.arange(4)[np.newaxis] == step
    assert abs(math.exp(-rnnlm.softmax_loss(HELLO_SCORES, HELLO_TARGETS, only)) - probability) < 5e-5


def test_guessing_at_random_costs_the_logarithm_of_the_vocabulary():
    words = 10_000
    loss = rnnlm.softmax_loss(np.full((2, 3, words), 0.7), np.arange(6).reshape(2, 3), np.ones((2, 3), bool))
    assert abs(loss - 9.2103) < 5e-5  # log 10,000
    assert abs(rnnlm.perplexity(np.array([loss]), np.array([6])) / words - 1) < 1e-12


def test_the_perplexity_of_a_long_and_a_short_batch():
    """2 nats over 35 tokens and 6 nats over 5 are 100 nats over 40: exp(2.5)."""
    found = rnnlm.perplexity(np.array([2.0, 6.0]), np.array([35, 5]))
    assert abs(found - math.exp(2.5)) < 1e-12 * found
    assert round(float(found), 2) == 12.18


# The embedding


def test_a_lookup_is_the_product_of_one_hot_vectors_and_the_table():
    rng = np.random.default_rng(0)
    ids, table = rng.integers(0, 7, (3, 5)), rng.normal(size=(7, 4))
    one_hot = np.zeros((3, 5, 7))
    for place in np.ndindex(3, 5):
        one_hot[(*place, ids[place])] = 1
    assert np.array_equal(rnnlm.embedding_forward(ids, table), one_hot @ table)


def test_the_embedding_equals_keras_own():
    rng = np.random.default_rng(1)
    ids, table = rng.integers(0, 7, (3, 5)), rng.normal(size=(7, 4))
    layer = keras.layers.Embedding(7, 4, dtype="float64")
    layer.build((3, 5))
    layer.embeddings.assign(table)
    assert np.array_equal(rnnlm.embedding_forward(ids, table), layer(ids))


def test_a_row_gets_the_sum_of_its_uses_and_a_word_that_is_absent_nothing():
    ids = np.array([[2, 0], [2, 2]])
    dx = np.array([[[1.0, 10.0], [2.0, 20.0]], [[4.0, 40.0], [8.0, 80.0]]])
    expected = [[2.0, 20.0], [0.0, 0.0], [13.0, 130.0], [0.0, 0.0]]
    assert np.array_equal(rnnlm.embedding_backward(dx, ids, np.ones((4, 2))), expected)


# Gradients


def arguments(seed):
    """name of the function -> its arguments, small ones."""
    rng = np.random.default_rng(seed)
    batch, time, units, vocabulary = 3, 4, 2, 5
    mask = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0]], bool)
    return {
        "embedding": {
            "ids": rng.integers(0, vocabulary, (batch, time)),
            "table": rng.normal(size=(vocabulary, units)),
        },
        "affine": {
            "h": rng.normal(size=(batch, time, units)),
            "W": rng.normal(size=(units, vocabulary)),
            "b": rng.normal(size=vocabulary),
        },
        "softmax_loss": {
            "scores": 3 * rng.normal(size=(batch, time, vocabulary)),
            "targets": rng.integers(0, vocabulary, (batch, time)),
            "mask": mask,
        },
    }


def functions(which):
    if which == "softmax_loss":
        return rnnlm.softmax_loss, rnnlm.softmax_loss_backward
    return getattr(rnnlm, f"{which}_forward"), getattr(rnnlm, f"{which}_backward")


def answers_of(backward, upstream, given):
    found = backward(upstream, *given.values())
    found = found if isinstance(found, tuple) else (found,)
    return dict(zip([name for name, value in given.items() if value.dtype == np.float64], found, strict=True))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("which", ["embedding", "affine", "softmax_loss"])
@pytest.mark.parametrize(("method", "tolerance"), [("complex", 1e-12), ("richardson", 1e-8)])
def test_backward_is_the_gradient_of_forward(which, seed, method, tolerance):
    forward, backward = functions(which)
    given = arguments(seed)[which]
    upstream = np.asarray(np.random.default_rng(seed + 50).normal(size=np.shape(forward(*given.values()))))
    numeric = numeric_gradient(forward, given, upstream=upstream, method=method)
    answers = answers_of(backward, upstream, given)
    assert answers.keys() == numeric.values.keys()
    for name, answer in answers.items():
        assert answer.dtype == np.float64
        assert relative_to_largest(answer, numeric.values[name]) <= tolerance, name


@pytest.mark.parametrize("which", ["embedding", "affine", "softmax_loss"])
def test_no_function_changes_what_it_was_given(which):
    forward, backward = functions(which)
    given = arguments(5)[which]
    before = {name: array.copy() for name, array in given.items()}
    upstream = np.ones(np.shape(forward(*given.values())))
    backward(upstream, *given.values())
    assert np.array_equal(upstream, np.ones_like(upstream))
    assert all(np.array_equal(given[name], before[name]) for name in given)


def test_a_token_that_is_alone_has_the_gradient_p_minus_one_hot():
    """Scores log 1, log 2, log 5 are the probabilities 1/8, 2/8, 5/8."""
    scores = np.log(np.array([[[1.0, 2.0, 5.0]]]))
    found = rnnlm.softmax_loss_backward(np.array(1.0), scores, np.array([[1]]), np.array([[True]]))
    assert np.allclose(found, [[[1 / 8, -6 / 8, 5 / 8]]], rtol=0, atol=1e-15)


def test_the_gradient_of_the_scores_sums_to_zero_over_the_words_and_is_zero_at_padding():
    given = arguments(6)["softmax_loss"]
    found = rnnlm.softmax_loss_backward(np.array(2.5), *given.values())
    assert np.max(np.abs(found.sum(axis=-1))) < 1e-15
    assert not np.any(found[~given["mask"]])
    assert np.all(np.any(found[given["mask"]], axis=-1))


# The loss


def test_the_scores_are_what_a_keras_dense_layer_gives():
    given = arguments(7)["affine"]
    layer = keras.layers.Dense(5, dtype="float64")
    layer.build(given["h"].shape)
    layer.set_weights([given["W"], given["b"]])
    assert relative_to_largest(rnnlm.affine_forward(*given.values()), np.asarray(layer(given["h"]))) < 1e-14


@pytest.mark.parametrize("seed", range(3))
def test_the_loss_is_the_mean_of_scipys_log_softmax_at_the_targets(seed):
    given = arguments(seed)["softmax_loss"]
    log_p = scipy.special.log_softmax(given["scores"], axis=-1)
    picked = [-log_p[n, t, given["targets"][n, t]] for n, t in np.argwhere(given["mask"])]
    assert abs(rnnlm.softmax_loss(*given.values()) / (sum(picked) / len(picked)) - 1) < 1e-14


def test_the_loss_is_keras_sparse_crossentropy_with_the_mask_as_weights():
    given = arguments(8)["softmax_loss"]
    theirs = np.asarray(
        keras.losses.sparse_categorical_crossentropy(
            given["targets"], keras.ops.convert_to_tensor(given["scores"]), from_logits=True
        )
    )
    assert abs(rnnlm.softmax_loss(*given.values()) / theirs[given["mask"]].mean() - 1) < 1e-12


@pytest.mark.parametrize("shift", [-1e4, -800.0, 800.0, 1e4])
def test_adding_one_number_to_the_scores_of_a_token_changes_nothing(shift):
    given = arguments(9)["softmax_loss"]
    moved = {**given, "scores": given["scores"].copy()}
    moved["scores"][1, 0] += shift  # this token alone: a shift by the largest score of all would not help the others
    with np.errstate(all="raise", under="ignore"):
        loss = rnnlm.softmax_loss(*moved.values())
        gradient = rnnlm.softmax_loss_backward(np.array(1.0), *moved.values())
    assert abs(loss / rnnlm.softmax_loss(*given.values()) - 1) < 1e-11
    assert relative_to_largest(gradient, rnnlm.softmax_loss_backward(np.array(1.0), *given.values())) < 1e-10


def test_a_target_whose_probability_is_below_the_smallest_number_still_has_a_finite_loss():
    scores = np.array([[[0.0, 2000.0]]])
    assert rnnlm.softmax_loss(scores, np.array([[0]]), np.array([[True]])) == 2000


def test_what_stands_at_padding_does_not_matter():
    given = arguments(10)["softmax_loss"]
    other = {name: array.copy() for name, array in given.items()}
    other["scores"][~given["mask"]] = 99.0
    other["targets"][~given["mask"]] = 0
    assert rnnlm.softmax_loss(*other.values()) == rnnlm.softmax_loss(*given.values())


def test_a_gradient_step_makes_the_loss_smaller_by_what_the_gradient_promises():
    given = arguments(11)["softmax_loss"]
    gradient = rnnlm.softmax_loss_backward(np.array(1.0), *given.values())
    step = 1e-6
    after = rnnlm.softmax_loss(given["scores"] - step * gradient, given["targets"], given["mask"])
    promised = step * np.sum(gradient**2)
    assert abs((rnnlm.softmax_loss(*given.values()) - after) / promised - 1) < 1e-4


def test_the_perplexity_of_batches_is_that_of_all_tokens_in_one():
    given = arguments(12)["softmax_loss"]
    whole = rnnlm.perplexity(np.array([rnnlm.softmax_loss(*given.values())]), np.array([given["mask"].sum()]))
    rows = [{name: array[n : n + 1] for name, array in given.items()} for n in range(3)]
    losses = np.array([rnnlm.softmax_loss(*row.values()) for row in rows])
    counts = np.array([row["mask"].sum() for row in rows])
    assert len(set(counts)) == 3
    assert abs(rnnlm.perplexity(losses, counts) / whole - 1) < 1e-14


# The streams


def test_a_short_text_by_hand():
    """13 tokens in 2 streams of 6, 0 to 5 and 6 to 11; 12 is dropped. Blocks of 2: the last token only a target."""
    inputs, targets = rnnlm.stream_batches(np.arange(13), 2, 2)
    assert inputs.tolist() == [[[0, 1], [6, 7]], [[2, 3], [8, 9]]]
    assert targets.tolist() == [[[1, 2], [7, 8]], [[3, 4], [9, 10]]]


@pytest.mark.parametrize("tokens", range(20, 60, 3))
@pytest.mark.parametrize(("batch", "time"), [(1, 4), (2, 3), (3, 2), (4, 1), (3, 5)])
def test_a_row_goes_on_in_the_next_block_and_targets_are_the_next_tokens(tokens, batch, time):
    text = np.random.default_rng(tokens).permutation(1000)[:tokens]
    inputs, targets = rnnlm.stream_batches(text, batch, time)
    blocks = len(inputs)
    assert inputs.shape == targets.shape == (blocks, batch, time)
    length = tokens // batch
    assert blocks * time + 1 <= length < (blocks + 1) * time + 1  # as many full blocks as have all their targets
    for b in range(batch):
        start = b * length
        assert np.array_equal(np.concatenate([block[b] for block in inputs]), text[start : start + blocks * time])
        assert np.array_equal(
            np.concatenate([block[b] for block in targets]), text[start + 1 : start + blocks * time + 1]
        )


def test_a_text_that_is_too_short_gives_no_blocks():
    inputs, targets = rnnlm.stream_batches(np.arange(8), 2, 4)
    assert inputs.shape == targets.shape == (0, 2, 4)


# The sample


def words_at(scores, temperature, top_k, draws=4000):
    """The words at evenly spaced numbers u, and the share of each."""
    words = [rnnlm.sample(scores, temperature, top_k, (k + 0.5) / draws) for k in range(draws)]
    return np.array(words), np.bincount(words, minlength=len(scores)) / draws


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_words_are_as_frequent_as_softmax_says(temperature):
    scores = np.random.default_rng(0).normal(size=7)
    words, share = words_at(scores, temperature, 0)
    assert np.abs(share - scipy.special.softmax(scores / temperature)).max() <= 1.01 / 4000
    assert np.all(np.diff(words) >= 0)  # the pieces lie in the order of the ids


@pytest.mark.parametrize(
    ("temperature", "top_k", "u", "word"),
    [
        # probabilities .1 .2 .3 .4: the pieces end at .1, .3, .6, 1
        (1.0, 0, 0.0, 0), (1.0, 0, 0.09, 0), (1.0, 0, 0.11, 1), (1.0, 0, 0.31, 2), (1.0, 0, 0.59, 2), (1.0, 0, 0.61, 3),
        # the best two have 3/7 and 4/7
        (1.0, 2, 0.0, 2), (1.0, 2, 0.42, 2), (1.0, 2, 0.43, 3), (1.0, 1, 0.999, 3), (1.0, 4, 0.11, 1),
        # temperature 1/2 squares them: 1, 4, 9, 16 of 30, which end at 1/30, 5/30, 14/30, 1
        (0.5, 0, 0.03, 0), (0.5, 0, 0.04, 1), (0.5, 0, 0.16, 1), (0.5, 0, 0.17, 2), (0.5, 0, 0.47, 3),
        (0.5, 3, 4 / 29 - 0.001, 1), (0.5, 3, 4 / 29 + 0.001, 2),
    ],
)  # fmt: skip
def test_a_word_by_hand(temperature, top_k, u, word):
    assert rnnlm.sample(np.log([0.1, 0.2, 0.3, 0.4]), temperature, top_k, u) == word


def test_of_equal_scores_the_smaller_ids_stay():
    scores = np.array([1.0, 3.0, 2.0, 2.0, 2.0])
    assert set(words_at(scores, 1.0, 3)[0]) == {1, 2, 3}
    assert set(words_at(np.zeros(5), 1.0, 2)[0]) == {0, 1}


def test_a_word_that_must_go_is_not_drawn_at_zero_either():
    assert rnnlm.sample(np.array([-5.0, 0.0, 1.0]), 1.0, 1, 0.0) == 2


@pytest.mark.parametrize("shift", [-2000.0, 900.0])
def test_adding_one_number_to_all_scores_changes_no_word(shift):
    scores = np.random.default_rng(1).normal(size=6)
    with np.errstate(all="raise", under="ignore"):
        assert np.array_equal(words_at(scores + shift, 0.7, 4, 500)[0], words_at(scores, 0.7, 4, 500)[0])


def test_cold_takes_the_best_and_heat_makes_all_alike():
    scores = np.random.default_rng(2).normal(size=6)
    assert set(words_at(scores, 1e-3, 0, 300)[0]) == {scores.argmax()}
    assert np.abs(words_at(scores, 1e6, 0, 3000)[1] - 1 / 6).max() < 1e-3


def test_rounding_never_leads_out_of_the_vocabulary():
    for seed in range(200):
        scores = np.random.default_rng(seed).normal(size=50)
        assert 0 <= rnnlm.sample(scores, 1.0, 0, np.nextafter(1, 0)) < 50


# The model

SIZES = {"vocabulary": 9, "embedding": 3, "units": 4}


def model_of(shape=(2, 6), seed=0, **options):
    """A built model whose biases are not zero."""
    keras.utils.set_random_seed(seed)
    model = rnnlm.RNNLM(**SIZES, dtype="float64", **options)
    model.build(shape)
    rng = np.random.default_rng(seed)
    for weight in model.trainable_weights:
        weight.assign(0.7 * rng.normal(size=weight.shape))
    return model


def weights_of(model):
    cell, out = model.recurrent_layer.cell, model.output_layer
    found = (model.embedding_layer.embeddings, cell.kernel, cell.recurrent_kernel, cell.bias, out.kernel, out.bias)
    return [np.asarray(weight) for weight in found]


def states_by_hand(cell, x, Wx, Wh, b):
    zeros = np.zeros((len(x), Wh.shape[0]))
    if cell == "elman":
        return elman.sequence_forward(x, zeros, Wx, Wh, b)
    if cell == "lstm":
        return lstm.sequence_forward(x, zeros, zeros, Wx, Wh, b)[0]
    states = [zeros]
    for t in range(x.shape[1]):
        states.append(gru.step_forward(x[:, t], states[-1], Wx, Wh, b))
    return np.stack(states[1:], axis=1)


@pytest.fixture
def ids():
    return np.random.default_rng(3).integers(0, 9, (2, 6))


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_the_model_is_what_was_built_by_hand(cell, ids):
    model = model_of(cell=cell)
    E, Wx, Wh, b, W, c = weights_of(model)
    h = states_by_hand(cell, rnnlm.embedding_forward(ids, E), Wx, Wh, b)
    assert relative_to_largest(model(ids), rnnlm.affine_forward(h, W, c)) < 1e-13


def test_the_models_gradients_are_those_of_the_parts_one_after_the_other(ids):
    import tensorflow as tf

    model, targets, mask = model_of(), (ids + 1) % 9, np.arange(6) < np.array([[6], [4]])
    E, Wx, Wh, b, W, c = weights_of(model)
    x, zeros = rnnlm.embedding_forward(ids, E), np.zeros((2, 4))
    h = states_by_hand("lstm", x, Wx, Wh, b)
    scores = rnnlm.affine_forward(h, W, c)
    dscores = rnnlm.softmax_loss_backward(1.0, scores, targets, mask)
    dh, dW, dc = rnnlm.affine_backward(dscores, h, W, c)
    dx, _, _, dWx, dWh, db = lstm.sequence_backward(dh, np.zeros_like(dh), x, zeros, zeros, Wx, Wh, b)
    expected = [rnnlm.embedding_backward(dx, ids, E), dWx, dWh, db, dW, dc]
    variables = [
        model.embedding_layer.embeddings, model.recurrent_layer.cell.kernel, model.recurrent_layer.cell.recurrent_kernel,
        model.recurrent_layer.cell.bias, model.output_layer.kernel, model.output_layer.bias,
    ]  # fmt: skip
    with tf.GradientTape() as tape:
        nats = keras.ops.sparse_categorical_crossentropy(targets, model(ids), from_logits=True)
        loss = tf.reduce_sum(nats * mask) / mask.sum()
    for found, right in zip(tape.gradient(loss, [v.value for v in variables]), expected, strict=True):
        assert relative_to_largest(tf.convert_to_tensor(found), right) < 1e-12


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_blocks_with_a_carried_state_give_what_the_whole_text_gives(cell, ids):
    whole = np.asarray(model_of(cell=cell)(ids))
    carrying = model_of((2, 3), cell=cell, stateful=True)
    for _ in range(2):
        blocks = [np.asarray(carrying(ids[:, start : start + 3])) for start in (0, 3)]
        assert relative_to_largest(np.concatenate(blocks, axis=1), whole) < 1e-14
        carrying.reset_state()


def test_without_a_carried_state_every_call_is_the_first(ids):
    model = model_of()
    first = np.asarray(model(ids))
    model(ids[:, ::-1])
    assert np.array_equal(model(ids), first)


def test_a_reset_where_there_is_nothing_to_reset_does_nothing():
    rnnlm.RNNLM(**SIZES).reset_state()
    rnnlm.RNNLM(**SIZES, stateful=True).reset_state()
    model_of().reset_state()


@pytest.mark.parametrize("how", ["mask", "mask_zero"])
def test_padding_before_a_sentence_changes_nothing(how, ids):
    ids = np.maximum(ids, 1)
    padded = np.concatenate([np.zeros((2, 3), int), ids], axis=1)
    if how == "mask":
        scores = model_of((2, 9))(padded, mask=keras.ops.convert_to_tensor(padded > 0))
    else:
        scores = model_of((2, 9), mask_zero=True)(padded)
    assert relative_to_largest(np.asarray(scores)[:, 3:], model_of()(ids)) < 1e-14


def test_keras_leaves_padding_out_of_the_loss(ids):
    model, mask = model_of(mask_zero=True), np.arange(6) < np.array([[6], [4]])
    ids, targets = np.where(mask, np.maximum(ids, 1), 0), (ids + 1) % 9
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    expected = rnnlm.softmax_loss(np.asarray(model(ids)), targets, mask)
    assert model.evaluate(ids, targets, verbose=0) == pytest.approx(expected, rel=1e-6)  # Keras' metrics are float32


@pytest.mark.parametrize("cell", ["elman", "gru", elman.ElmanCell(4, dtype="float64"), keras.layers.LSTMCell(4)])
def test_a_saved_model_is_loaded_as_it_was(cell, ids, tmp_path):
    model = model_of(cell=cell, mask_zero=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is rnnlm.RNNLM and json.dumps(loaded.get_config()) == json.dumps(model.get_config())
    assert np.array_equal(loaded(ids), model(ids))


def test_fit_learns_a_text_that_repeats_itself():
    model = rnnlm.RNNLM(vocabulary=5, embedding=4, units=8, stateful=True)
    text = np.tile([1, 2, 3, 4, 2, 0], 100)
    inputs, targets = rnnlm.stream_batches(text, 4, 6)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.03), loss)
    model.fit(np.concatenate(inputs), np.concatenate(targets), batch_size=4, epochs=6, shuffle=False, verbose=0)
    model.reset_state()
    scores = np.asarray(model(inputs[0]))
    assert np.array_equal(scores[:, 1:].argmax(axis=-1), targets[0][:, 1:])  # what follows 2 depends on what was before


@pytest.mark.parametrize(
    "wrong",
    [{"vocabulary": 0}, {"embedding": 2.0}, {"units": True}, {"units": -3}, {"cell": "transformer"}, {"cell": 7}],
)
def test_bad_arguments_are_refused_with_the_rule(wrong):
    with pytest.raises(ValueError, match="must be") as caught:
        rnnlm.RNNLM(**{**SIZES, **wrong})
    assert "Received: " in str(caught.value) and "Example: " in str(caught.value)


def test_every_public_function_states_shapes_and_a_source():
    public = [function for name, function in inspect.getmembers(rnnlm, inspect.isfunction) if not name.startswith("_")]
    assert len(public) == 9
    for function in public:
        text = inspect.getdoc(function)
        for section in ("Args:", "Returns:", "Source:"):
            assert section in text, f"{function.__name__} lacks {section}"
        assert "Shape" in text or "shape" in text
