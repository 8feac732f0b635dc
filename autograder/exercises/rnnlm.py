"""Lesson 10: how the exercises of the language model are tested."""

import json
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from autograder.exercise import (
    NOT_BY_HAND,
    Case,
    Exercise,
    Malformed,
    Part,
    backward,
    call_function,
    distinct_sizes,
    evenly,
    forward,
)
from autograder.layers import DISCONNECTED, differentiate

FAR = 800.0  # a score whose exponential is not a number in float64

_BUILT_IN = (
    "keras.layers.Embedding",
    "keras.layers.Dense",
    "keras.losses.SparseCategoricalCrossentropy",
    "keras.losses.CategoricalCrossentropy",
    "keras.losses.sparse_categorical_crossentropy",
    "keras.losses.categorical_crossentropy",
    "keras.ops.sparse_categorical_crossentropy",
    "keras.ops.categorical_crossentropy",
    "keras.ops.softmax",
    "keras.ops.log_softmax",
    "keras.ops.logsumexp",
    "scipy.special.softmax",
    "scipy.special.log_softmax",
    "scipy.special.logsumexp",
    "tensorflow.nn.embedding_lookup",
    "tensorflow.nn.sparse_softmax_cross_entropy_with_logits",
    "tensorflow.nn.softmax_cross_entropy_with_logits",
)
_SAMPLERS = (
    "numpy.random.choice",
    "numpy.random.multinomial",
    "keras.random.categorical",
    "tensorflow.random.categorical",
    "scipy.stats.rv_discrete",
)
NAMED_CELLS = ("elman", "gru", "lstm")
MODEL_RTOL = 1e-10  # one pass through float32 leaves errors just below 1e-7, which a float64 model must not have
SCORES = (
    "outputs",
    *(
        f"outputs.{case}"
        for case in ("elman", "gru", "own_cell", "mask", "mask_zero", "mask_given", "again", "carried", "after_reset")
    ),
)
WEIGHTS = {  # name in a case -> where it stands in the model
    "embeddings": ("embedding_layer", "embeddings"),
    "kernel": ("recurrent_layer", "cell", "kernel"),
    "recurrent_kernel": ("recurrent_layer", "cell", "recurrent_kernel"),
    "bias": ("recurrent_layer", "cell", "bias"),
    "output_kernel": ("output_layer", "kernel"),
    "output_bias": ("output_layer", "bias"),
}


def _sizes(rng: np.random.Generator, *names: str) -> dict[str, int]:
    """Different sizes, and a vocabulary that is larger than any of them."""
    return {**distinct_sizes(rng, *names), "vocabulary": int(rng.integers(9, 13))}


def draw_embedding(rng: np.random.Generator) -> Case:
    """ids (batch, time), table (vocabulary, units). Word 0 occurs, at two steps of two sequences."""
    sizes = _sizes(rng, "batch", "time", "units")
    batch, time, units, vocabulary = sizes.values()
    ids = rng.integers(0, vocabulary - 1, (batch, time))  # the last word of the vocabulary never occurs
    ids[0, 0] = ids[1, 1] = 0
    return Case({"ids": ids, "table": rng.standard_normal((vocabulary, units))}, sizes)


def draw_embedding_backward(rng: np.random.Generator) -> Case:
    """dx (batch, time, units), then the arguments of the embedding."""
    case = draw_embedding(rng)
    shape = (*case.inputs["ids"].shape, case.sizes["units"])
    return Case({"dx": rng.standard_normal(shape), **case.inputs}, case.sizes)


def draw_affine(rng: np.random.Generator) -> Case:
    """h (batch, time, units), W (units, vocabulary), b (vocabulary,)."""
    sizes = _sizes(rng, "batch", "time", "units")
    batch, time, units, vocabulary = sizes.values()
    inputs = {
        "h": rng.uniform(-0.9, 0.9, (batch, time, units)),
        "W": rng.standard_normal((units, vocabulary)),
        "b": rng.standard_normal(vocabulary),
    }
    return Case(inputs, sizes)


def draw_affine_backward(rng: np.random.Generator) -> Case:
    """dscores (batch, time, vocabulary), then the arguments of the scores."""
    case = draw_affine(rng)
    shape = (*case.inputs["h"].shape[:2], case.sizes["vocabulary"])
    return Case({"dscores": rng.standard_normal(shape), **case.inputs}, case.sizes)


def draw_loss(rng: np.random.Generator) -> Case:
    """scores (batch, time, vocabulary), targets and mask (batch, time).

    The first sequence is full and the second is shorter, so that the number of tokens is neither of the sizes. The
    rest is padding, with target 0, as it usually is. But word 0 is also a target that counts. One token that counts
    has scores of several hundred, and one a target whose probability is not a number above 0 in float64. The targets
    of padding, of the first sequence and of its first token have lower scores than the others, so that it shows which
    tokens are in the mean.
    """
    sizes = _sizes(rng, "batch", "time")
    batch, time, vocabulary = sizes.values()
    lengths = rng.integers(2, time + 1, batch)
    lengths[:2] = time, rng.integers(2, time)
    mask = np.arange(time) < lengths[:, np.newaxis]
    targets = np.where(mask, rng.integers(1, vocabulary, (batch, time)), 0)
    targets[0, 0] = 0
    scores = 2 * rng.standard_normal((batch, time, vocabulary))
    one_hot = np.eye(vocabulary)[targets]
    scores -= 8 * one_hot * ~mask[..., np.newaxis]
    scores[0] -= 3 * one_hot[0]
    scores[0, 0] -= 3 * one_hot[0, 0]
    scores[1, 0] += FAR
    scores[1, 1, targets[1, 1]] -= FAR
    return Case({"scores": scores, "targets": targets, "mask": mask}, sizes)


def draw_loss_backward(rng: np.random.Generator) -> Case:
    """dloss, a number, then the arguments of the loss, but for the target without a probability.

    Going back through the probability itself, and dividing by it, is a right way too.
    """
    case = draw_loss(rng)
    case.inputs["scores"][1, 1, case.inputs["targets"][1, 1]] += FAR
    dloss = np.array(rng.uniform(1.5, 2.5) * rng.choice([-1, 1]))
    return Case({"dloss": dloss, **case.inputs}, case.sizes)


def draw_perplexity(rng: np.random.Generator) -> Case:
    """losses and counts (batches,). The batches with fewer tokens have the larger losses."""
    batches = int(rng.integers(3, 7))
    order = rng.permutation(batches)
    losses = np.cumsum(rng.uniform(0.3, 0.9, batches)) + 1
    counts = np.cumsum(rng.integers(2, 9, batches))[::-1]
    return Case({"losses": losses[order], "counts": counts[order]}, {"batches": batches})


def draw_streams(rng: np.random.Generator) -> Case:
    """ids (tokens,), batch, time. No word occurs twice, so that every place can be told from every other.

    The streams are some blocks and a rest long, and a few tokens remain after the last stream.
    """
    sizes = distinct_sizes(rng, "batch", "time", "blocks")
    batch, time, blocks = sizes.values()
    length = blocks * time + time  # the last `time` tokens lack one target
    tokens = batch * length + int(rng.integers(1, batch))
    ids = rng.permutation(tokens) + 10
    return Case({"ids": ids, "batch": np.array(batch), "time": np.array(time)}, sizes)


def probe_streams(stream_batches, inputs):
    """Call it with the sizes as integers: with the whole text, and with as much of it as fits without a rest."""
    ids, batch, time = inputs["ids"], int(inputs["batch"]), int(inputs["time"])
    values = {}
    full = len(ids) // batch // time * time  # of a stream: full blocks, and the last target
    for suffix, text in (("", ids), (".no_rest", ids[: batch * (full - time + 1)])):
        given = {"ids": text, "batch": batch, "time": time}
        values |= call_function((f"inputs{suffix}", f"targets{suffix}"))(stream_batches, given)
    return values


def draw_sample(rng: np.random.Generator) -> Case:
    """scores, tied and level (vocabulary,), temperatures (2,), top_k, u (draws,).

    The scores are large, so that their exponentials overflow, and spread over some units. In `tied` several words
    share the score at the edge of the top_k, and in `level` two words share the largest score. Word 1 has the largest
    score in the first two and word 0 the smallest. The first u is 0.
    """
    vocabulary, top_k = int(rng.integers(9, 13)), int(rng.integers(3, 6))
    order = rng.permutation(np.arange(1, vocabulary))  # from the largest score down
    one = np.flatnonzero(order == 1)[0]
    order[[0, one]] = order[[one, 0]]  # the first ids are neither the best words nor the worst
    scores, tied = np.zeros(vocabulary), np.zeros(vocabulary)
    scores[order] = FAR - np.cumsum(rng.uniform(0.15, 0.45, vocabulary - 1))
    place = np.arange(vocabulary - 1)
    above, below = place < top_k - 2, place > top_k + 1  # between them four at the edge, of which two stay
    tied[order] = np.where(above, 0.4, np.where(below, -0.5, 0.0))
    tied += np.where(tied == 0, 0.0, rng.uniform(-0.1, 0.1, vocabulary))
    scores[0], tied[0] = scores[order[-1]] - 0.3, -0.8
    u = rng.permutation(np.linspace(0, 1, 80, endpoint=False)) + rng.uniform(0.001, 0.011, 80)
    u[0] = 0.0
    temperatures = np.array([rng.uniform(0.3, 0.6), rng.uniform(1.7, 3.0)])
    level = scores - scores.max() - 1
    level[rng.choice(vocabulary, 2, replace=False)] = 0.0  # so that their probabilities are exactly one half
    inputs = {"scores": scores, "tied": tied, "level": level, "temperatures": temperatures}
    return Case({**inputs, "top_k": np.array(top_k), "u": u}, {"vocabulary": vocabulary, "top_k": top_k})


def probe_sample(sample, inputs):
    """Draw a word for each u: from all words, cooler, warmer, from the best, where scores are equal, at borders."""
    cool, warm = (float(temperature) for temperature in inputs["temperatures"])
    top_k = int(inputs["top_k"])

    def words(scores: np.ndarray, temperature: float, count: int, numbers: np.ndarray = inputs["u"]) -> np.ndarray:
        found = [sample(scores, temperature, count, float(u)) for u in numbers]
        for word in found:
            if np.ndim(word) or not isinstance(word, (int, np.integer)):
                raise Malformed(f"It must return one integer, the word's id. Received: {word!r}."[:200])
        return np.array(found)

    return {
        "plain": words(inputs["scores"], 1.0, 0),
        "cool": words(inputs["scores"], cool, 0),
        "warm": words(inputs["scores"], warm, 0),
        "best": words(inputs["scores"], 1.0, top_k),
        "best_warm": words(inputs["scores"], warm, top_k),
        "tied": words(inputs["tied"], 1.0, top_k),
        "border": words(inputs["level"], 1.0, 2, np.array([0.0, 0.5])),  # two pieces of exactly one half each
    }


def draw_model(rng: np.random.Generator) -> Case:
    """ids and more (batch, time), mask (batch, time), upstream (batch, time, vocabulary), and weights by their names.

    `more` is the block of text after `ids`. The second sequence of the mask begins with padding, and in the first there
    is none. Word 0 occurs at real steps. The recurrent weights are those of an LSTM; other cells take what they need.
    """
    sizes = {
        **distinct_sizes(rng, "batch", "time", "embedding", "units", high=6),
        "vocabulary": int(rng.integers(7, 10)),
    }
    batch, time, embedding, units, vocabulary = sizes.values()
    padding = rng.integers(0, time - 1, batch)
    padding[:2] = 0, rng.integers(1, time - 1)
    ids, more = rng.integers(0, vocabulary, (2, batch, time))
    ids[0, 0] = ids[1, 0] = more[0, 0] = 0
    inputs = {
        "ids": ids,
        "more": more,
        "mask": np.arange(time) >= padding[:, np.newaxis],
        "upstream": rng.standard_normal((batch, time, vocabulary)),
        "embeddings": rng.standard_normal((vocabulary, embedding)),
        "kernel": 0.7 * rng.standard_normal((embedding, 4 * units)),
        "recurrent_kernel": 0.7 * rng.standard_normal((units, 4 * units)),
        "bias": rng.standard_normal(4 * units),
        "output_kernel": rng.standard_normal((units, vocabulary)),
        "output_bias": rng.standard_normal(vocabulary),
    }
    return Case(inputs, sizes)


def _variable(model: object, name: str) -> object:
    """A weight of the model, by its name in a case."""
    found = model
    for attribute in WEIGHTS[name]:
        if not hasattr(found, attribute):
            raise Malformed(
                f"After build() the model has no `{'.'.join(WEIGHTS[name])}`. Build the layers of that name."
            )
        found = getattr(found, attribute)
    if found is None:
        raise Malformed(f"`{'.'.join(WEIGHTS[name])}` is None after build().")
    return found


def _put(model: object, inputs: Mapping[str, np.ndarray]) -> None:
    """Give every weight its value. A recurrent weight with fewer columns takes the first ones."""
    for name in WEIGHTS:
        weight, value = _variable(model, name), inputs[name]
        shape = tuple(weight.shape)
        columns = 3 * value.shape[-1] // 4
        if name in ("kernel", "recurrent_kernel", "bias"):
            if name == "bias" and shape == (2, columns):  # a GRU as Keras has it: two biases
                value = np.stack([value[:columns], value[-columns:]])
            elif shape[-1] in (columns // 3, columns):
                value = value[..., : shape[-1]]
        if shape != value.shape:
            raise Malformed(f"The shape of `{'.'.join(WEIGHTS[name])}` must be {value.shape}. Received: {shape}.")
        weight.assign(value)


def probe_model(model_class, inputs):
    """Build the model with each kind of cell, put the weights in, call it, differentiate it, make it again."""
    import keras
    from keras import ops

    if not (isinstance(model_class, type) and issubclass(model_class, keras.Model)):
        raise Malformed(f"It must be a class that inherits from keras.Model. Received: {model_class!r}."[:200])
    ids, more, mask = inputs["ids"], inputs["more"], inputs["mask"]
    vocabulary, embedding = inputs["embeddings"].shape
    units = inputs["recurrent_kernel"].shape[0]
    sizes = {"vocabulary": vocabulary, "embedding": embedding, "units": units}

    def made(**options) -> object:
        model = model_class(**sizes, **options, dtype="float64")
        model.build(ids.shape)
        _put(model, inputs)
        return model

    def scores(model: object, words: np.ndarray, **given) -> np.ndarray:
        outputs = model(words, **given)
        if tuple(np.shape(outputs)) != inputs["upstream"].shape:
            raise Malformed(
                f"`call` must return scores of the shape (batch, time, vocabulary), here {inputs['upstream'].shape}. "
                f"Received: {tuple(np.shape(outputs))}."
            )
        return outputs

    model = made()
    sources = [_variable(model, name) for name in WEIGHTS]
    outputs, gradients = differentiate(lambda _: [scores(model, ids)], {}, sources, inputs["upstream"])
    values: dict[str, object] = {"outputs": np.asarray(outputs[0])}
    for name, gradient in zip(WEIGHTS, gradients, strict=True):
        values[f"gradient.{name}"] = DISCONNECTED if gradient is None else gradient
    values["outputs.again"] = np.asarray(scores(model, more))

    values["outputs.elman"] = np.asarray(scores(made(cell="elman"), ids))
    gru = made(cell="gru")
    values["outputs.gru"] = np.asarray(scores(gru, ids))
    own = made(cell=keras.layers.GRUCell(units, reset_after=False, dtype="float64"))
    values["outputs.own_cell"] = np.asarray(scores(own, ids))

    real = mask[:, :, np.newaxis]
    values["outputs.mask"] = np.where(real, np.asarray(scores(model, ids, mask=ops.convert_to_tensor(mask))), 0.0)
    padded = np.where(mask, np.maximum(ids, 1), 0)
    zero = made(mask_zero=True)
    values["outputs.mask_zero"] = np.where(real, np.asarray(scores(zero, padded)), 0.0)
    given = scores(zero, ids, mask=ops.convert_to_tensor(mask))  # there are words 0 at real steps
    values["outputs.mask_given"] = np.where(real, np.asarray(given), 0.0)

    try:
        model_class(**sizes, stateful=True).reset_state()
        values["reset_before_build"] = "nothing happens"
    except Exception as error:
        values["reset_before_build"] = f"it raises {type(error).__name__}"
    carrying = made(stateful=True)
    scores(carrying, ids)
    values["outputs.carried"] = np.asarray(scores(carrying, more))
    try:
        carrying.reset_state()
        values["outputs.after_reset"] = np.asarray(scores(carrying, more))
    except NotImplementedError:
        values["outputs.after_reset"] = "`reset_state` still raises NotImplementedError"

    values["weights"] = ", ".join(
        f"{'.'.join(path)} {tuple(_variable(model, name).shape)}"
        for name, path in WEIGHTS.items()
        if any(_variable(model, name) is weight for weight in model.trainable_weights)
    )
    dtypes = sorted({str(weight.dtype) for weight in model.trainable_weights})
    values["dtypes"] = f"outputs {values['outputs'].dtype}, weights {', '.join(dtypes)}"
    values["config"], values["rebuilt_outputs"] = _rebuilt(gru, ids, inputs)
    values["rebuilt_with_own_cell"] = _rebuilt(own, ids, inputs)[1]
    return values


def _rebuilt(model: object, ids: np.ndarray, inputs: Mapping[str, np.ndarray]) -> tuple[str, object]:
    """The config's own entries as text, and the outputs of a model made again from the config as a file holds it."""
    try:
        config = json.loads(json.dumps(model.get_config()))
        common = {"name", "dtype", "trainable"}
        text = ", ".join(f"{key}={config[key]}" for key in sorted(config) if key not in common)
        twin = type(model).from_config(config)
        twin.build(ids.shape)
        _put(twin, inputs)
        return text, np.asarray(twin(ids))
    except NotImplementedError:
        return "`get_config` still raises NotImplementedError", "not reached"
    except Malformed as error:
        return text, f"another model when made again from its config: {error}"
    except Exception as error:
        return f"{type(error).__name__} when made again from its config", "not reached"


def _by_hand(exercise: Exercise) -> Exercise:
    return replace(exercise, forbidden=NOT_BY_HAND + _BUILT_IN)


EXERCISES = [
    _by_hand(forward("rnnlm.embedding_forward", 2, draw_embedding, ("x",), {"x": 1})),
    _by_hand(
        backward(
            "rnnlm.embedding_backward", 4, draw_embedding_backward, ("dtable",),
            forward="rnnlm.embedding_forward", upstream="dx",
        )
    ),
    _by_hand(forward("rnnlm.affine_forward", 2, draw_affine, ("scores",), {"scores": 1})),
    _by_hand(
        backward(
            "rnnlm.affine_backward", 4, draw_affine_backward, ("dh", "dW", "db"),
            forward="rnnlm.affine_forward", upstream="dscores", time_axis={"dh": 1},
        )
    ),
    _by_hand(forward("rnnlm.softmax_loss", 4, draw_loss, ("loss",))),
    _by_hand(
        backward(
            "rnnlm.softmax_loss_backward", 5, draw_loss_backward, ("dscores",),
            forward="rnnlm.softmax_loss", upstream="dloss", time_axis={"dscores": 1},
        )
    ),
    Exercise(
        "rnnlm.perplexity", 2, draw_perplexity, call_function(("perplexity",)), evenly(("perplexity",)),
        forbidden=NOT_BY_HAND,
    ),
    Exercise(
        "rnnlm.stream_batches", 3, draw_streams, probe_streams,
        evenly(("inputs", "targets", "inputs.no_rest", "targets.no_rest")), forbidden=NOT_BY_HAND,
        about={
            "inputs": "what the network reads, block by block",
            "targets": "what it should say at each place: one word for each word of `inputs`",
            "inputs.no_rest": "the inputs of a text of which nothing is left over",
            "targets.no_rest": "the targets of a text of which nothing is left over",
        },
    ),
    Exercise(
        "rnnlm.RNNLM", 9, draw_model, probe_model,
        {
            "outputs": Part(0.2, ("outputs",), gate=True),
            "gradients": Part(0.15, tuple(f"gradient.{name}" for name in WEIGHTS)),
            "cells": Part(0.2, ("outputs.elman", "outputs.gru", "outputs.own_cell")),
            "padding": Part(0.15, ("outputs.mask", "outputs.mask_zero", "outputs.mask_given")),
            "state": Part(0.2, ("outputs.again", "outputs.carried", "outputs.after_reset")),
            "promises": Part(
                0.1,
                ("weights", "dtypes", "config", "rebuilt_outputs", "rebuilt_with_own_cell", "reset_before_build"),
            ),
        },
        kind="layer", rtol=MODEL_RTOL,
        time_axis=dict.fromkeys(SCORES, 1),
        about={
            "outputs": 'the scores with cell="lstm"',
            **{f"gradient.{name}": f"the gradient of {'.'.join(path)}" for name, path in WEIGHTS.items()},
            "outputs.elman": 'the scores with cell="elman"',
            "outputs.gru": 'the scores with cell="gru"',
            "outputs.own_cell": "the scores with a cell that was given, here a keras.layers.GRUCell",
            "outputs.mask": "the scores at real words when it is called with a mask; some sequences begin with padding",
            "outputs.mask_zero": "the scores at real words with mask_zero=True; some sequences begin with words 0",
            "outputs.mask_given": "the scores at real words with mask_zero=True and a mask; some real words are 0",
            "outputs.again": "the scores of a second call with stateful=False",
            "outputs.carried": "the scores of a second call with stateful=True",
            "outputs.after_reset": "the scores of a third call with stateful=True, after reset_state()",
            "reset_before_build": "what reset_state() does if the model has no layers yet",
            "weights": "the names and shapes of the trainable weights",
            "dtypes": "the dtypes in a float64 model",
            "config": "what get_config adds to that of every model",
            "rebuilt_outputs": 'the scores of a model with cell="gru" made again from its config, same weights',
            "rebuilt_with_own_cell": "the scores of a model with a cell that was given, made again from its config",
        },
    ),
    Exercise(
        "rnnlm.sample", 5, draw_sample, probe_sample,
        {
            "plain": Part(0.1, ("plain",)),
            "border": Part(0.1, ("border",)),
            "temperature": Part(0.3, ("cool", "warm")),
            "top_k": Part(0.3, ("best", "best_warm")),
            "tied": Part(0.2, ("tied",)),
        },
        forbidden=NOT_BY_HAND + _BUILT_IN + _SAMPLERS,
        about={
            "plain": "the words at temperature 1 with top_k=0, for 80 numbers u",
            "border": "two words share the largest score, top_k=2; u is 0, and then just where their pieces meet",
            "cool": "the words at a temperature below 1",
            "warm": "the words at a temperature above 1",
            "best": "the words at temperature 1 with a small top_k",
            "best_warm": "the words at a temperature above 1 with a small top_k",
            "tied": "the words where several have the score at the edge of the top_k",
        },
    ),
]  # fmt: skip
