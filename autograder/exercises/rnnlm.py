"""Lesson 10: how the exercises of the language model are tested."""

from dataclasses import replace

import numpy as np

from autograder.exercise import NOT_BY_HAND, Case, Exercise, backward, call_function, distinct_sizes, evenly, forward

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
    has scores of several hundred. The targets of padding, of the first sequence and of its first token have lower
    scores than the others, so that it shows which tokens are in the mean.
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
    return Case({"scores": scores, "targets": targets, "mask": mask}, sizes)


def draw_loss_backward(rng: np.random.Generator) -> Case:
    """dloss, a number, then the arguments of the loss."""
    case = draw_loss(rng)
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
    """Call it with the sizes as integers."""
    given = {"ids": inputs["ids"], "batch": int(inputs["batch"]), "time": int(inputs["time"])}
    return call_function(("inputs", "targets"))(stream_batches, given)


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
        "rnnlm.stream_batches", 3, draw_streams, probe_streams, evenly(("inputs", "targets")), forbidden=NOT_BY_HAND,
        about={
            "inputs": "what the network reads, block by block",
            "targets": "what it should say at each place: one word for each word of `inputs`",
        },
    ),
]  # fmt: skip
