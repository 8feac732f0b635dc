"""Shapes: the two searches against every sequence there is, the layers against Keras' parts run by hand, and saving."""

import itertools

import keras
import numpy as np
import pytest
import scipy.special
import tensorflow as tf
from keras import ops

from autograder import exercise as exercises
from autograder.exercises.shapes import decoder
from autograder.gradients import layer_gradient
from solutions import shapes
from solutions.shapes import END, PAD, START, Captioner, FrameLabeler, SentimentClassifier, Seq2Seq

LAYERS = {
    SentimentClassifier: {"vocabulary_size": 9, "units": 4, "classes": 3},
    FrameLabeler: {"units": 4, "classes": 3},
    Captioner: {"vocabulary_size": 9, "units": 4},
    Seq2Seq: {"source_size": 9, "target_size": 8, "units": 4},
}


def made(layer_class, **more):
    keras.utils.set_random_seed(1)
    return layer_class(**LAYERS[layer_class], dtype="float64", **more)


# The mask


def test_the_mask_by_hand():
    mask = shapes.padding_mask(np.array([2, 0, 3]), 3)
    assert mask.dtype == bool
    assert mask.tolist() == [[True, True, False], [False, False, False], [True, True, True]]


def test_the_mask_is_tensorflows():
    lengths = np.random.default_rng(0).integers(0, 8, 50)
    assert np.array_equal(shapes.padding_mask(lengths, 7), tf.sequence_mask(lengths, 7).numpy())


# The searches


def toy(seed, vocabulary=5, units=3, batch=1):
    """A small random decoder, and a state to begin with. Here PAD and START may be said like any other word."""
    rng = np.random.default_rng(seed)
    arrays = {
        "W": rng.normal(size=(1, units, units)),
        "E": rng.normal(size=(1, vocabulary, units)),
        "U": 2 * rng.normal(size=(1, units, vocabulary)),
        "table": rng.normal(size=(1, vocabulary, vocabulary)),
    }
    return decoder(arrays, 0), rng.uniform(-1, 1, (batch, units))


def score_of(step, state, sequence):
    """The sum of the log probabilities of the words of one sequence, word by word."""
    total, last = 0.0, START
    for word in sequence:
        log_p, state = step(np.array([last]), state)
        total += log_p[0, word]
        last = word
    return total


def every_sequence(vocabulary, longest):
    """All sequences that end at the first END, or have `longest` words."""
    for length in range(1, longest + 1):
        for words in itertools.product(range(vocabulary), repeat=length):
            if END not in words[:-1] and (words[-1] == END or length == longest):
                yield words


def without_padding(row):
    """The words of a result up to END, or all of them."""
    ends = np.flatnonzero(row == END)
    return tuple(int(word) for word in (row[: ends[0] + 1] if len(ends) else row))


def test_log_probabilities_of_all_sequences_add_up_to_one():
    """What the toy decoders say is a distribution over finished sequences: the oracle below searches all of it."""
    step, state = toy(0)
    totals = [score_of(step, state, words) for words in every_sequence(5, 3)]
    assert scipy.special.logsumexp(totals) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("alpha", [0.0, 0.7, 1.0])
def test_a_beam_that_loses_nothing_finds_the_best_of_all_sequences(seed, alpha):
    """The vocabulary holds 5 words, so at the second place of three there are at most 25 continuations to keep."""
    step, state = toy(seed)
    ranked = sorted(
        ((score_of(step, state, words) / len(words) ** alpha, words) for words in every_sequence(5, 3)), reverse=True
    )
    words, scores = shapes.beam_search(step, state, START, END, longest=3, width=25, alpha=alpha)
    for n in range(20):
        assert scores[n] == pytest.approx(ranked[n][0], abs=1e-12)
        assert without_padding(words[n]) == ranked[n][1]


@pytest.mark.parametrize("seed", range(8))
def test_a_beam_of_one_is_greedy(seed):
    step, state = toy(seed, vocabulary=7)
    greedy, total = shapes.greedy_decode(step, state, START, END, 6)
    words, scores = shapes.beam_search(step, state, START, END, 6, width=1, alpha=0.0)
    assert np.array_equal(words, greedy)
    assert scores == pytest.approx(total, abs=1e-12)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("width", [1, 2, 4])
def test_scores_are_those_of_the_words_that_are_returned(seed, width):
    step, state = toy(seed, vocabulary=7)
    words, scores = shapes.beam_search(step, state, START, END, 5, width=width, alpha=0.6)
    for row, score in zip(words, scores, strict=True):
        said = without_padding(row)
        assert score_of(step, state, said) / len(said) ** 0.6 == pytest.approx(score, abs=1e-12)
        assert not row[len(said) :].any()
    assert np.all(np.diff(scores) <= 0)
    assert len({tuple(row) for row in words}) == width


def test_greedy_takes_the_best_word_of_every_place_and_each_sequence_for_itself():
    step, state = toy(3, vocabulary=7, batch=6)
    words, scores = shapes.greedy_decode(step, state, START, END, 6)
    for row, score, own in zip(words, scores, state, strict=True):
        alone, its_score = shapes.greedy_decode(step, own[None], START, END, 6)
        assert np.array_equal(row, alone[0])
        assert score == pytest.approx(its_score[0], abs=1e-12)
        said = without_padding(row)
        assert score == pytest.approx(score_of(step, own[None], said), abs=1e-12)
        for t in range(len(said)):
            others = [score_of(step, own[None], (*said[:t], word)) for word in range(7)]
            assert said[t] == int(np.argmax(others))


def fixed(rows):
    """A decoder without a state: row r of `rows` are the probabilities after the word r."""
    table = np.log(np.array(rows))
    return lambda words, state: (table[words], state)


def test_the_garden_path_by_hand():
    """Greedy takes the .6 and then has nothing better than .5 · .5; the beam of two finds .4 · 1 · 1."""
    tiny = 1e-12
    rows = np.full((6, 6), tiny)
    rows[START, [3, 4]] = 0.6, 0.4
    rows[3, [3, 5]] = 0.5, 0.5
    rows[5, [END, 3]] = 0.5, 0.5
    rows[4, END] = 1.0
    step, state = fixed(rows), np.zeros((1, 2))
    words, total = shapes.greedy_decode(step, state, START, END, 3)
    assert words.tolist() == [[3, 3, 3]]
    assert np.exp(total[0]) == pytest.approx(0.6 * 0.5 * 0.5)
    words, scores = shapes.beam_search(step, state, START, END, 3, width=2, alpha=0.0)
    assert words[0].tolist() == [4, END, PAD]
    assert np.exp(scores[0]) == pytest.approx(0.4)


def test_ties_go_to_the_better_beginning_and_then_to_the_smaller_word():
    """Powers of two, so that equal totals are exactly equal: 3 (½), then 4 and 5 (¼ each); every word has two equal ones."""
    rows = np.full((7, 7), 2.0**-40)
    rows[START, [3, 4, 5]] = 0.5, 0.25, 0.25
    rows[3, [4, 6]] = 0.25, 0.25
    rows[4, [5, END]] = 0.5, 0.5
    rows[5, [5, END]] = 0.5, 0.5
    step, state = fixed(rows), np.zeros((1, 2))
    words, _ = shapes.beam_search(step, state, START, END, 2, width=4, alpha=0.0)
    assert words.tolist() == [[3, 4], [3, 6], [4, END], [4, 5]]
    rows[START, [3, 4]] = 0.25, 0.25
    assert shapes.greedy_decode(fixed(rows), state, START, END, 1)[0].tolist() == [[3]]


def test_with_one_word_the_length_plays_no_part():
    step, state = toy(4)
    found = [shapes.beam_search(step, state, START, END, 1, width=3, alpha=alpha) for alpha in (0.0, 1.0)]
    assert np.array_equal(found[0][0], found[1][0])
    assert np.array_equal(found[0][1], found[1][1])


def test_dividing_by_the_length_favours_long_sequences():
    lengths = {alpha: [] for alpha in (0.0, 1.0)}
    for seed in range(20):
        step, state = toy(seed)
        for alpha, found in lengths.items():
            words, _ = shapes.beam_search(step, state, START, END, 5, width=4, alpha=alpha)
            found.append(len(without_padding(words[0])))
    assert all(short <= long for short, long in zip(lengths[0.0], lengths[1.0], strict=True))
    assert sum(lengths[0.0]) < sum(lengths[1.0])


def test_greedy_and_beam_differ_in_every_draw():
    for case in exercises.find("shapes.beam_search").cases(0, 300):
        longest, width, alpha = (case.inputs[name].item() for name in ("longest", "width", "alpha"))
        step, state = decoder(case.inputs, 8), case.inputs["state"][8]  # the garden path
        greedy, _ = shapes.greedy_decode(step, state, START, END, longest)
        words, _ = shapes.beam_search(step, state, START, END, longest, width, alpha)
        assert not np.array_equal(words[0], greedy[0])


# The layers


def gru_by_hand(gru, x, h):
    """One step of Keras' GRU with reset_after, from its documentation: z, r, then the candidate."""
    kernel, recurrent, bias = (np.asarray(w) for w in gru.get_weights())
    inputs, inner = x @ kernel + bias[0], h @ recurrent + bias[1]
    xz, xr, xh = np.split(inputs, 3, axis=-1)
    hz, hr, hh = np.split(inner, 3, axis=-1)
    z, r = scipy.special.expit(xz + hz), scipy.special.expit(xr + hr)
    return z * h + (1 - z) * np.tanh(xh + r * hh)


def read_by_hand(gru, vectors, h):
    """The state after all of some vectors, (time, units), from a state (units,)."""
    for vector in vectors:
        h = gru_by_hand(gru, vector, h)
    return h


def softened(readout, h):
    kernel, bias = (np.asarray(w) for w in readout.get_weights())
    return scipy.special.softmax(h @ kernel + bias, axis=-1)


def randomised(layer):
    """New weights, biases included, so that nothing is zero."""
    rng = np.random.default_rng(2)
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape))
    return layer


IDS = np.array([[3, 4, 5, 6], [7, 3, 0, 0], [8, 0, 0, 0]])


def test_the_classifier_reads_each_sentence_as_if_it_stood_alone():
    layer = made(SentimentClassifier)
    layer(IDS)
    randomised(layer)
    found = np.asarray(layer(IDS))
    table = np.asarray(layer.embedding.get_weights()[0])
    for row, ids in zip(found, IDS, strict=True):
        h = read_by_hand(layer.recurrent, table[ids[ids > 0]], np.zeros(4))
        assert np.allclose(row, softened(layer.readout, h), rtol=0, atol=1e-12)
    assert np.allclose(found.sum(axis=1), 1)


def test_more_padding_changes_no_answer():
    layer = made(SentimentClassifier)
    longer = np.pad(IDS, ((0, 0), (0, 5)))
    assert np.allclose(np.asarray(layer(IDS)), np.asarray(layer(longer)), rtol=0, atol=1e-14)


def test_the_labeler_passes_padding_anywhere():
    rng = np.random.default_rng(3)
    frames, mask = rng.normal(size=(3, 6, 5)), np.full((3, 6), True)
    mask[1, :2] = mask[2, [2, 4]] = False
    layer = made(FrameLabeler)
    layer(frames)
    randomised(layer)
    found = np.asarray(layer(frames, mask=mask))
    for row, x, real in zip(found, frames, mask, strict=True):
        h = np.zeros(4)
        for t in np.flatnonzero(real):
            h = gru_by_hand(layer.recurrent, x[t], h)
            assert np.allclose(row[t], softened(layer.readout, h), rtol=0, atol=1e-12)


@pytest.mark.parametrize("t", range(5))
def test_a_label_depends_on_its_own_frame_and_those_before(t):
    frames = np.random.default_rng(4).normal(size=(2, 5, 3))
    layer = made(FrameLabeler)
    moved = frames.copy()
    moved[:, t] += 1.0
    changed = np.any(np.asarray(layer(frames)) != np.asarray(layer(moved)), axis=(0, 2))
    assert set(np.flatnonzero(changed)) == set(range(t, 5))


CAPTIONS = np.array([[3, 4, END, 0], [5, 6, 7, END]])


def test_the_captioner_word_by_word():
    """By hand: the image sets the first state; START, then the right words, are read."""
    image = np.random.default_rng(5).normal(size=(2, 6))
    layer = made(Captioner)
    layer(image, CAPTIONS)
    randomised(layer)
    found = np.asarray(layer(image, CAPTIONS))
    kernel, bias = (np.asarray(w) for w in layer.glance.get_weights())
    table = np.asarray(layer.embedding.get_weights()[0])
    for n in range(2):
        h, last = np.tanh(image[n] @ kernel + bias), START
        assert np.allclose(np.asarray(layer.initial_state(image))[n], h, rtol=0, atol=1e-14)
        for t in range(4):
            h = gru_by_hand(layer.recurrent, table[last], h)
            assert np.allclose(found[n, t], softened(layer.readout, h), rtol=0, atol=1e-12)
            last = CAPTIONS[n, t]


@pytest.mark.parametrize("layer_class", [Captioner, Seq2Seq])
def test_steps_in_a_row_are_the_call(layer_class):
    """What the searches use says the same as what training uses."""
    layer = made(layer_class)
    given = np.random.default_rng(6).normal(size=(2, 6)) if layer_class is Captioner else IDS[:2]
    whole = np.asarray(layer(given, CAPTIONS))
    state = layer.initial_state(given) if layer_class is Captioner else layer.encode(given)
    words = np.full(2, START)
    for t in range(4):
        log_p, state = layer.step(words, state)
        assert np.allclose(np.exp(np.asarray(log_p)), whole[:, t], rtol=0, atol=1e-13)
        words = CAPTIONS[:, t]


@pytest.mark.parametrize("layer_class", [Captioner, Seq2Seq])
@pytest.mark.parametrize("t", range(4))
def test_a_word_changes_only_the_probabilities_of_later_words(layer_class, t):
    layer = made(layer_class)
    given = np.random.default_rng(7).normal(size=(2, 6)) if layer_class is Captioner else IDS[:2]
    moved = CAPTIONS.copy()
    moved[:, t] = (moved[:, t] + 1) % 8
    changed = np.any(np.asarray(layer(given, CAPTIONS)) != np.asarray(layer(given, moved)), axis=(0, 2))
    assert set(np.flatnonzero(changed)) == set(range(t + 1, 4))


def test_the_decoder_begins_where_the_encoder_ended():
    layer = made(Seq2Seq)
    layer(IDS, np.array([[3, END], [4, END], [5, END]]))
    randomised(layer)
    source_table, target_table = (
        np.asarray(part.get_weights()[0]) for part in (layer.source_embedding, layer.target_embedding)
    )
    found = np.asarray(layer(IDS, np.array([[3, END], [4, END], [5, END]])))
    for n, ids in enumerate(IDS):
        h = read_by_hand(layer.encoder, source_table[ids[ids > 0]], np.zeros(4))
        assert np.allclose(np.asarray(layer.encode(IDS))[n], h, rtol=0, atol=1e-12)
        for t, word in enumerate((START, 3 + n)):
            h = gru_by_hand(layer.decoder, target_table[word], h)
            assert np.allclose(found[n, t], softened(layer.readout, h), rtol=0, atol=1e-12)


def test_the_gradient_of_the_first_state_is_the_bridge():
    """The encoder's weights get their whole gradient through the decoder's first state. Oracle: the numeric gradient."""
    layer = made(Seq2Seq)
    target = np.array([[3, END], [4, END], [5, END]])
    layer(IDS, target)
    randomised(layer)
    upstream = np.random.default_rng(8).normal(size=(3, 2, 8))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(IDS, target) * upstream)
    found = tape.gradient(loss, layer.encoder.trainable_weights[0].value).numpy()
    kernel = layer.encoder.trainable_weights[0]
    start, step = np.array(kernel), 1e-6
    for place in [(0, 0), (1, 5), (3, 11)]:
        sums = []
        for sign in (1, -1):
            moved = start.copy()
            moved[place] += sign * step
            kernel.assign(moved)
            sums.append(float(np.sum(np.asarray(layer(IDS, target)) * upstream)))
        assert found[place] == pytest.approx((sums[0] - sums[1]) / (2 * step), rel=1e-5, abs=1e-8)


def test_the_images_gradient_is_the_numeric_one():
    layer = made(Captioner)
    image = np.random.default_rng(9).normal(size=(2, 6))
    layer(image, CAPTIONS)
    randomised(layer)
    upstream = np.random.default_rng(10).normal(size=(2, 4, 9))
    with tf.GradientTape() as tape:
        x = tf.constant(image)
        tape.watch(x)
        loss = tf.reduce_sum(layer(x, CAPTIONS) * upstream)
    expected = layer_gradient(layer, (image, CAPTIONS), upstream=[upstream]).values
    name = next(key for key in expected if expected[key].shape == image.shape)
    assert np.allclose(tape.gradient(loss, x).numpy(), expected[name], rtol=0, atol=1e-6)


# Layers as Keras wants them


def inputs_of(layer_class):
    frames = np.random.default_rng(11).normal(size=(2, 4, 5))
    return {
        SentimentClassifier: (IDS[:2],),
        FrameLabeler: (frames,),
        Captioner: (frames[:, 0], CAPTIONS),
        Seq2Seq: (IDS[:2], CAPTIONS),
    }[layer_class]


@pytest.mark.parametrize("layer_class", LAYERS)
def test_saved_and_loaded_it_gives_the_same(layer_class, tmp_path):
    given = inputs_of(layer_class)
    tensors = [keras.Input(x.shape[1:], dtype=str(x.dtype)) for x in given]
    model = keras.Model(tensors, made(layer_class)(*tensors))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(np.asarray(model(list(given))), np.asarray(loaded(list(given))))


@pytest.mark.parametrize("layer_class", LAYERS)
@pytest.mark.parametrize("wrong", [0, -3, 2.5, True, "4", None])
def test_sizes_that_are_no_positive_integers_are_refused(layer_class, wrong):
    for name in LAYERS[layer_class]:
        with pytest.raises(ValueError, match="positive integer.*Received.*Example"):
            layer_class(**{**LAYERS[layer_class], name: wrong})


def test_the_labeler_hands_the_mask_on():
    layer = made(FrameLabeler)
    mask = np.array([[True, False]])
    assert layer.supports_masking
    assert np.array_equal(np.asarray(layer.compute_mask(ops.zeros((1, 2, 3)), ops.convert_to_tensor(mask))), mask)
