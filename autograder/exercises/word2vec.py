"""Lesson 02: how the word2vec exercises are tested."""

import numpy as np

from autograder.exercise import NOT_BY_HAND, Case, Exercise, Part, backward, call_function, distinct_sizes, evenly
from autograder.exercise import forward as forward_pass
from autograder.layers import probe_layer

SCALE = 0.7  # of the vectors: probabilities that are neither all alike nor 0 and 1


def _numbers(inputs):
    """Arrays without axes as plain numbers."""
    return {name: array.item() if array.ndim == 0 else array for name, array in inputs.items()}


def _by_hand(id, points, draw, returns):
    """A function of arrays and numbers."""
    call = call_function(returns)

    def probe(function, inputs):
        return call(function, _numbers(inputs))

    return Exercise(id, points, draw, probe, evenly(returns), "forward", forbidden=NOT_BY_HAND)


def _upstream(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Numbers of either sign, none close to zero."""
    return rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 2.0, shape)


def _looked_up(rng: np.random.Generator, vocabulary: int, rows: int, places: int) -> np.ndarray:
    """Indices (rows, places): one stands twice in one row and again in another, and one word never occurs."""
    words = rng.permutation(vocabulary)[1:]
    indices = rng.choice(words, (rows, places))
    indices[0, 1] = indices[1, 0] = indices[0, 0]
    return rng.permuted(indices, axis=1)


def _tables(rng: np.random.Generator, vocabulary: int, units: int) -> dict[str, np.ndarray]:
    return {name: SCALE * rng.standard_normal((vocabulary, units)) for name in ("W_in", "W_out")}


def draw_text(rng: np.random.Generator) -> Case:
    """tokens (length,), where one word stands twice in a row, and size."""
    size = int(rng.integers(2, 4))
    length = int(rng.choice([5, 7, 8, 9])) + 2 * size
    tokens = rng.permutation(40)[:length]
    middle = int(rng.integers(size, length - size))
    tokens[middle + 1] = tokens[middle]
    return Case({"tokens": tokens, "size": np.array(size)}, {"length": length, "size": size})


def draw_lookup(rng: np.random.Generator) -> Case:
    """dvectors (batch, places, units), indices (batch, places), vocabulary."""
    sizes = distinct_sizes(rng, "batch", "places", "units") | {"vocabulary": int(rng.integers(9, 13))}
    batch, places, units, vocabulary = sizes.values()
    inputs = {
        "dvectors": _upstream(rng, batch, places, units),
        "indices": _looked_up(rng, vocabulary, batch, places),
        "vocabulary": np.array(vocabulary),
    }
    return Case(inputs, sizes)


def draw_cbow(rng: np.random.Generator) -> Case:
    """contexts (batch, context), targets (batch,), W_in, W_out."""
    sizes = distinct_sizes(rng, "batch", "context", "units") | {"vocabulary": int(rng.integers(9, 13))}
    batch, context, units, vocabulary = sizes.values()
    inputs = {
        "contexts": _looked_up(rng, vocabulary, batch, context),
        "targets": rng.permutation(vocabulary)[:batch],
        **_tables(rng, vocabulary, units),
    }
    return Case(inputs, sizes)


def draw_cbow_backward(rng: np.random.Generator) -> Case:
    """dloss (batch,), then the arguments of the forward pass."""
    case = draw_cbow(rng)
    return Case({"dloss": _upstream(rng, case.sizes["batch"]), **case.inputs}, case.sizes)


def draw_counts(rng: np.random.Generator) -> Case:
    """counts (vocabulary,), from rare to frequent, and another power."""
    vocabulary = int(rng.integers(5, 10))
    counts = np.geomspace(2, 900, vocabulary).astype(int) + rng.integers(0, 3, vocabulary)
    inputs = {"counts": rng.permutation(counts), "power": np.array(rng.uniform(0.3, 0.6))}
    return Case(inputs, {"vocabulary": vocabulary})


def probe_noise(noise_distribution, inputs):
    """The distribution with the default power, and with another one."""
    counts, power = _numbers(inputs).values()
    return {"p": noise_distribution(counts), "p_of_power": noise_distribution(counts, power)}


def draw_negatives(rng: np.random.Generator) -> Case:
    """h (batch, units), targets (batch,), negatives (batch, negatives), W_out.

    Two examples have the same target. One example has its own target among the negatives, and another one's;
    one has a negative twice.
    """
    sizes = distinct_sizes(rng, "batch", "negatives", "units", low=3) | {"vocabulary": int(rng.integers(9, 13))}
    batch, count, units, vocabulary = sizes.values()
    targets = rng.permutation(vocabulary)[:batch]
    targets[1] = targets[0]
    others = [np.delete(np.arange(vocabulary), target) for target in targets]
    negatives = np.stack([rng.choice(words, count) for words in others])
    negatives[0, :2] = targets[0], targets[2]
    negatives[2, 1] = negatives[2, 0]
    inputs = {
        "h": rng.standard_normal((batch, units)),
        "targets": targets,
        "negatives": rng.permuted(negatives, axis=1),
        "W_out": SCALE * rng.standard_normal((vocabulary, units)),
    }
    return Case(inputs, sizes)


def draw_negatives_backward(rng: np.random.Generator) -> Case:
    """dloss (batch,), then the arguments of the forward pass."""
    case = draw_negatives(rng)
    return Case({"dloss": _upstream(rng, case.sizes["batch"]), **case.inputs}, case.sizes)


def draw_analogy(rng: np.random.Generator) -> Case:
    """a, b, c, W (vocabulary, units) with rows of very different lengths, k."""
    units, vocabulary = int(rng.integers(4, 8)), int(rng.integers(20, 26))
    a, b, c = rng.permutation(vocabulary - 4)[:3]
    lengths = rng.permutation(np.geomspace(0.2, 4, vocabulary))
    directions = rng.standard_normal((vocabulary, units))
    directions[c] = directions[b] + 0.5 * rng.standard_normal(units)  # alike, so that both are near what is sought
    # another direction, and longer, so that it matters whether rows are scaled first
    directions[a] -= directions[a] @ directions[b] / (directions[b] @ directions[b]) * directions[b]
    lengths[a], lengths[b], lengths[c] = 8, 0.3, 0.4
    inputs = {
        "a": np.array(a),
        "b": np.array(b),
        "c": np.array(c),
        "W": lengths[:, np.newaxis] * directions,
        "k": np.array(vocabulary - 8),
    }
    return Case(inputs, {"vocabulary": vocabulary, "units": units, "k": vocabulary - 8})


def _layer_case(rng: np.random.Generator, case: Case, arguments: dict[str, np.ndarray], scores: int) -> Case:
    """The arguments of a layer, its two tables and the upstream gradient of its scores."""
    tables = _tables(rng, case.sizes["vocabulary"], case.sizes["units"])
    inputs = {
        **arguments,
        "input_embeddings": tables["W_in"],
        "output_embeddings": tables["W_out"],
        "upstream": _upstream(rng, case.sizes["batch"], scores),
    }
    return Case(inputs, case.sizes)


def draw_cbow_layer(rng: np.random.Generator) -> Case:
    """contexts (batch, context), the tables by their Keras names, upstream (batch, vocabulary)."""
    case = draw_cbow(rng)
    return _layer_case(rng, case, {"contexts": case.inputs["contexts"]}, case.sizes["vocabulary"])


def draw_skip_gram_layer(rng: np.random.Generator) -> Case:
    """centers (batch,), words (batch, candidates), the tables by their Keras names, upstream (batch, candidates)."""
    case = draw_negatives(rng)
    arguments = {"centers": case.inputs["targets"], "words": case.inputs["negatives"]}
    return _layer_case(rng, case, arguments, case.sizes["negatives"])


def _probe_tables(arguments):
    """A probe of a layer with two tables: see `autograder.layers.probe_layer`."""

    def probe(layer_class, inputs):
        vocabulary, units = inputs["input_embeddings"].shape
        make = {"vocabulary_size": vocabulary, "units": units}
        tables = ("input_embeddings", "output_embeddings")
        values = probe_layer(layer_class, inputs, make=make, arguments=arguments, weights=tables)
        fresh = layer_class(**make, dtype="float64")
        fresh(*[inputs[name] for name in arguments])
        for name in tables:
            start = np.asarray(getattr(fresh, name))
            values[f"start.{name}"] = "numbers that differ" if np.ptp(start) > 0 else f"all {start.flat[0]:g}"
        return values

    return probe


ABOUT_TABLES = {
    "outputs": "the scores",
    "gradient.input_embeddings": "the gradient that reaches the input vectors",
    "gradient.output_embeddings": "the gradient that reaches the output vectors",
    "weights": "the names and shapes of the trainable weights",
    "dtypes": "the dtypes in a float64 layer",
    "start.input_embeddings": "what the input vectors start from",
    "start.output_embeddings": "what the output vectors start from",
    "config": "what get_config adds to that of every layer",
    "rebuilt_outputs": "the scores of a layer made again from its config, with the same weights",
}


def _layer(id, points, draw, arguments):
    return Exercise(
        id, points, draw, _probe_tables(arguments),
        {
            "scores": Part(0.25, ("outputs",), gate=True),
            "gradients": Part(0.4, ("gradient.input_embeddings", "gradient.output_embeddings")),
            "weights": Part(0.15, ("weights", "dtypes")),
            "start": Part(0.1, ("start.input_embeddings", "start.output_embeddings")),
            "config": Part(0.1, ("config", "rebuilt_outputs")),
        },
        kind="layer", rtol=1e-10, forbidden=("keras.layers.Embedding",), about=ABOUT_TABLES,
    )  # fmt: skip


EXERCISES = [
    _by_hand("word2vec.context_windows", 3, draw_text, ("contexts", "targets")),
    _by_hand("word2vec.embedding_backward", 3, draw_lookup, ("dW",)),
    forward_pass("word2vec.cbow_forward", 3, draw_cbow, ("loss",)),
    backward(
        "word2vec.cbow_backward", 6, draw_cbow_backward, ("dW_in", "dW_out"),
        forward="word2vec.cbow_forward", upstream="dloss",
    ),
    Exercise(
        "word2vec.noise_distribution", 2, draw_counts, probe_noise,
        {"default": Part(0.6, ("p",)), "power": Part(0.4, ("p_of_power",))},
        "forward", forbidden=NOT_BY_HAND,
        about={"p": "the probabilities with the default power", "p_of_power": "the probabilities with another power"},
    ),
    forward_pass("word2vec.negative_sampling_forward", 4, draw_negatives, ("loss",)),
    backward(
        "word2vec.negative_sampling_backward", 6, draw_negatives_backward, ("dh", "dW_out"),
        forward="word2vec.negative_sampling_forward", upstream="dloss",
    ),
    _layer("word2vec.CBOW", 5, draw_cbow_layer, ("contexts",)),
    _layer("word2vec.SkipGram", 5, draw_skip_gram_layer, ("centers", "words")),
    _by_hand("word2vec.analogy", 3, draw_analogy, ("words",)),
]  # fmt: skip
