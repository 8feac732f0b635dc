"""The Elman reference: published values, gradients by two independent methods, and Keras' own SimpleRNN."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from solutions import elman
from solutions.elman import ElmanCell

STEP, OUTPUT, SEQUENCE = "step", "output", "sequence"


def grid(low, high, *shape):
    return np.linspace(low, high, num=int(np.prod(shape))).reshape(shape)


def relative_to_largest(found, expected):
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape
    return np.max(np.abs(found - expected)) / np.max(np.abs(expected))


# Published values: CS231n, Stanford, assignment 3, RNN_Captioning.ipynb (cells `rnn_step_forward` and `rnn_forward`).


def test_step_forward_gives_the_published_values():
    h = elman.step_forward(
        x=grid(-0.4, 0.7, 3, 10),
        h_prev=grid(-0.2, 0.5, 3, 4),
        Wx=grid(-0.1, 0.9, 10, 4),
        Wh=grid(-0.3, 0.7, 4, 4),
        b=grid(-0.2, 0.4, 4),
    )
    assert h.shape == (3, 4)
    assert np.max(np.abs(h[0] - [-0.58172089, -0.50182032, -0.41232771, -0.31410098])) < 1e-8


def test_sequence_forward_gives_the_published_values():
    h = elman.sequence_forward(
        x=grid(-0.1, 0.3, 2, 3, 4),
        h0=grid(-0.3, 0.1, 2, 5),
        Wx=grid(-0.2, 0.4, 4, 5),
        Wh=grid(-0.4, 0.1, 5, 5),
        b=grid(-0.7, 0.1, 5),
    )
    assert h.shape == (2, 3, 5)
    assert np.max(np.abs(h[0, 0] - [-0.42070749, -0.27279261, -0.11074945, 0.05740409, 0.22236251])) < 1e-8


# Gradients


def arguments(which, seed, scale=0.3):
    rng = np.random.default_rng(seed)
    batch, time, features, units, outputs = 3, 6, 4, 5, 2
    weights = {
        "Wx": scale * rng.normal(size=(features, units)),
        "Wh": scale * rng.normal(size=(units, units)),
        "b": scale * rng.normal(size=units),
    }
    if which == STEP:
        return {"x": rng.normal(size=(batch, features)), "h_prev": rng.uniform(-1, 1, (batch, units)), **weights}
    if which == SEQUENCE:
        return {"x": rng.normal(size=(batch, time, features)), "h0": rng.uniform(-1, 1, (batch, units)), **weights}
    return {
        "h": rng.uniform(-1, 1, (batch, time, units)),
        "Wy": scale * rng.normal(size=(units, outputs)),
        "by": scale * rng.normal(size=outputs),
    }


def functions(which):
    return getattr(elman, f"{which}_forward"), getattr(elman, f"{which}_backward")


def complex_step(forward, given, upstream, name, h=1e-30):
    """Squire and Trapp 1998: Im f(x + ih) / h, one element at a time."""
    gradient = np.empty(given[name].shape)
    for index in np.ndindex(gradient.shape):
        moved = given[name].astype(complex)
        moved[index] += 1j * h
        gradient[index] = np.sum(upstream * forward(**(given | {name: moved})).imag) / h
    return gradient


def central(forward, given, upstream, name, h=1e-5):
    gradient = np.empty(given[name].shape)
    for index in np.ndindex(gradient.shape):
        up, down = given[name].copy(), given[name].copy()
        up[index] += h
        down[index] -= h
        gradient[index] = np.sum(upstream * (forward(**(given | {name: up})) - forward(**(given | {name: down})))) / (
            2 * h
        )
    return gradient


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("which", [STEP, OUTPUT, SEQUENCE])
def test_backward_is_the_gradient_of_forward(which, seed):
    forward, backward = functions(which)
    given = arguments(which, seed)
    upstream = np.random.default_rng(seed + 100).normal(size=forward(**given).shape)
    answers = backward(upstream, **given)
    assert len(answers) == len(given)
    for name, answer in zip(given, answers, strict=True):
        assert answer.dtype == np.float64
        assert relative_to_largest(answer, complex_step(forward, given, upstream, name)) <= 1e-12, name
        numeric = central(forward, given, upstream, name)
        assert np.linalg.norm(answer - numeric) / np.linalg.norm(numeric) <= 1e-7, name


@pytest.mark.parametrize("which", [STEP, OUTPUT, SEQUENCE])
def test_no_function_changes_what_it_was_given(which):
    forward, backward = functions(which)
    given = arguments(which, 5)
    before = {name: array.copy() for name, array in given.items()}
    upstream = np.ones(forward(**given).shape)
    backward(upstream, **given)
    assert np.array_equal(upstream, np.ones_like(upstream))
    assert all(np.array_equal(given[name], before[name]) for name in given)


def test_the_gradient_of_a_weight_is_the_sum_over_its_uses():
    """Two sequences in one batch give the sum of what each gives alone (linearity of the gradient)."""
    given = arguments(SEQUENCE, 7)
    upstream = np.random.default_rng(8).normal(size=(3, 6, 5))
    weights = {name: given[name] for name in ("Wx", "Wh", "b")}
    whole = elman.sequence_backward(upstream, **given)
    alone = [
        elman.sequence_backward(upstream[n : n + 1], given["x"][n : n + 1], given["h0"][n : n + 1], **weights)
        for n in range(3)
    ]
    for place in (2, 3, 4):
        assert relative_to_largest(whole[place], sum(part[place] for part in alone)) <= 1e-12


def test_a_sequence_in_two_pieces_with_the_state_carried_is_the_whole_sequence():
    given = arguments(SEQUENCE, 9)
    x, h0, weights = given["x"], given["h0"], [given[name] for name in ("Wx", "Wh", "b")]
    first = elman.sequence_forward(x[:, :2], h0, *weights)
    second = elman.sequence_forward(x[:, 2:], first[:, -1], *weights)
    assert np.array_equal(np.concatenate([first, second], axis=1), elman.sequence_forward(x, h0, *weights))


# The Keras cell


TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
BATCH, TIME, FEATURES, UNITS = 3, 6, 4, 5


def twins(dtype, seed=0, shape=(BATCH, TIME, FEATURES), **options):
    """Our cell under RNN, and SimpleRNN with the same weights, biases not zero."""
    ours = keras.layers.RNN(ElmanCell(UNITS, dtype=dtype), dtype=dtype, **options)
    theirs = keras.layers.SimpleRNN(UNITS, dtype=dtype, **options)
    rng = np.random.default_rng(seed)
    for layer in (ours, theirs):
        layer.build(shape)
    for name in ("kernel", "recurrent_kernel", "bias"):
        weight = getattr(theirs.cell, name)
        weight.assign(0.5 * rng.normal(size=weight.shape))
        getattr(ours.cell, name).assign(weight)
    return ours, theirs


def batch(dtype, seed=1):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(BATCH, TIME, FEATURES)).astype(dtype)
    h0 = rng.uniform(-0.9, 0.9, (BATCH, UNITS)).astype(dtype)
    return x, h0


def taped(layer, x, h0, upstream, mask=None):
    x, h0 = tf.constant(x), tf.constant(h0)
    with tf.GradientTape() as tape:
        tape.watch([x, h0])
        out = layer(x, initial_state=h0, mask=mask)
        loss = tf.reduce_sum(out * tf.cast(upstream, out.dtype))
    sources = {"x": x, "h0": h0} | {
        name: getattr(layer.cell, name).value for name in ("kernel", "recurrent_kernel", "bias")
    }
    return out.numpy(), {
        name: g.numpy() for name, g in zip(sources, tape.gradient(loss, list(sources.values())), strict=True)
    }


@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_cell_equals_simple_rnn_in_outputs_and_all_gradients(dtype, return_sequences):
    ours, theirs = twins(dtype, return_sequences=return_sequences)
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


def test_the_cell_equals_the_functions_by_hand():
    layer, _ = twins("float64", return_sequences=True)
    x, h0 = batch("float64")
    upstream = np.random.default_rng(3).normal(size=(BATCH, TIME, UNITS))
    weights = [getattr(layer.cell, name).numpy() for name in ("kernel", "recurrent_kernel", "bias")]
    out, gradients = taped(layer, x, h0, upstream)
    assert relative_to_largest(out, elman.sequence_forward(x, h0, *weights)) <= 1e-12
    by_hand = elman.sequence_backward(upstream, x, h0, *weights)
    for name, gradient in zip(("x", "h0", "kernel", "recurrent_kernel", "bias"), by_hand, strict=True):
        assert relative_to_largest(gradients[name], gradient) <= 1e-12, name


def test_without_return_sequences_the_last_state_is_returned():
    whole, _ = twins("float64", return_sequences=True, return_state=True)
    last, _ = twins("float64")
    x, h0 = batch("float64")
    states, final = whole(x, initial_state=h0)
    assert np.array_equal(last(x, initial_state=h0), states[:, -1])
    assert np.array_equal(final, states[:, -1])


@pytest.mark.parametrize("return_sequences", [True, False])
def test_a_masked_batch_gives_what_simple_rnn_gives(return_sequences):
    ours, theirs = twins("float64", return_sequences=return_sequences)
    x, h0 = batch("float64")
    mask = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0], [1, 0, 1, 1, 0, 1]], bool)
    upstream = np.random.default_rng(4).normal(size=(BATCH, TIME, UNITS) if return_sequences else (BATCH, UNITS))
    mine, my_gradients = taped(ours, x, h0, upstream, mask)
    keras_own, keras_gradients = taped(theirs, x, h0, upstream, mask)
    assert relative_to_largest(mine, keras_own) <= 1e-12
    for name, gradient in keras_gradients.items():
        assert relative_to_largest(my_gradients[name], gradient) <= 1e-12, name
    unmasked = np.asarray(ours(x, initial_state=h0))
    assert np.array_equal(unmasked[0], mine[0])  # the first row hides nothing
    assert not np.allclose(unmasked[1:], mine[1:])


def test_a_masked_step_keeps_the_state():
    layer, _ = twins("float64", return_sequences=True)
    x, h0 = batch("float64")
    mask = np.ones((BATCH, TIME), bool)
    mask[:, 2] = False
    out = np.asarray(layer(x, initial_state=h0, mask=mask))
    skipped = np.asarray(layer(np.delete(x, 2, axis=1), initial_state=h0))
    assert relative_to_largest(np.delete(out, 2, axis=1), skipped) <= 1e-12


def test_a_stateful_layer_goes_on_where_it_stopped_and_forgets_on_reset():
    stateful, _ = twins("float64", return_sequences=True, stateful=True)
    whole, _ = twins("float64", return_sequences=True)
    x, _ = batch("float64")
    expected = np.asarray(whole(x))
    pieces = [np.asarray(stateful(x[:, :3])), np.asarray(stateful(x[:, 3:]))]
    assert relative_to_largest(np.concatenate(pieces, axis=1), expected) <= 1e-12
    assert not np.allclose(stateful(x[:, :3]), pieces[0])
    stateful.reset_state()
    assert np.array_equal(stateful(x[:, :3]), pieces[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_initial_state_is_one_row_of_zeros_per_example(dtype):
    (state,) = ElmanCell(UNITS, dtype=dtype).get_initial_state(batch_size=7)
    assert tuple(state.shape) == (7, UNITS)
    assert keras.backend.standardize_dtype(state.dtype) == dtype
    assert not np.any(np.asarray(state))


def test_a_cell_made_again_from_its_config_is_the_same_cell():
    cell = ElmanCell(UNITS, name="context", dtype="float64", trainable=False)
    again = ElmanCell.from_config(cell.get_config())
    assert (again.units, again.name, again.dtype, again.trainable) == (UNITS, "context", "float64", False)
    assert (again.state_size, again.output_size) == (UNITS, UNITS)
    assert again.get_config() == cell.get_config()


def test_a_layer_made_again_from_its_config_computes_the_same():
    layer, _ = twins("float64", return_sequences=True)
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    again.build((BATCH, TIME, FEATURES))
    elman.copy_weights(layer, again)
    x, h0 = batch("float64")
    assert again.get_config() == layer.get_config()
    assert np.array_equal(again(x, initial_state=h0), layer(x, initial_state=h0))


def test_xla_gives_the_outputs_and_gradients_of_eager_execution():
    layer, _ = twins("float64", return_sequences=True)
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


def test_a_saved_model_predicts_the_same_when_loaded(tmp_path):
    model = keras.Sequential(
        [
            keras.Input((TIME, FEATURES)),
            keras.layers.RNN(ElmanCell(UNITS), return_sequences=True),
            keras.layers.Dense(2),
        ]
    )
    x, _ = batch("float32")
    before = np.asarray(model(x))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.layers[0].cell, ElmanCell)
    assert np.array_equal(loaded(x), before)


def test_weights_have_the_names_shapes_and_initial_values_of_simple_rnn():
    cell, theirs = ElmanCell(UNITS), keras.layers.SimpleRNNCell(UNITS)
    for each in (cell, theirs):
        each.build((None, FEATURES))
    described = [[(w.name, tuple(w.shape), w.trainable) for w in each.weights] for each in (cell, theirs)]
    assert described[0] == described[1]
    recurrent = np.asarray(cell.recurrent_kernel)
    assert np.allclose(recurrent @ recurrent.T, np.eye(UNITS), atol=1e-6)  # orthogonal
    assert not np.any(np.asarray(cell.bias))
    assert np.max(np.abs(cell.kernel)) <= np.sqrt(6 / (FEATURES + UNITS))  # Glorot and Bengio 2010, equation 16


@pytest.mark.parametrize("units", [0, -1, 2.5, "3", None])
def test_wrong_units_are_refused_with_the_rule_the_value_and_an_example(units):
    with pytest.raises(ValueError) as caught:
        ElmanCell(units)
    text = str(caught.value)
    assert "`units` must be a positive integer" in text
    assert f"units={units!r}" in text
    assert "ElmanCell(units=32)" in text


def test_copy_weights_copies_and_does_not_share():
    ours, theirs = twins("float64")
    theirs.cell.bias.assign(np.full(UNITS, 7.0))
    elman.copy_weights(theirs, ours)
    assert np.array_equal(ours.cell.bias, np.full(UNITS, 7.0))
    theirs.cell.bias.assign(np.zeros(UNITS))
    assert np.array_equal(ours.cell.bias, np.full(UNITS, 7.0))


def test_every_public_function_states_shapes_and_a_source():
    for name in (
        "step_forward",
        "step_backward",
        "output_forward",
        "output_backward",
        "sequence_forward",
        "sequence_backward",
    ):
        text = inspect.getdoc(getattr(elman, name))
        assert "Shape (" in text or "shape of" in text, name
        assert "Source:" in text, name
