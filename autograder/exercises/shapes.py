"""Lesson 11: how the exercises on the shapes of sequence problems are tested.

The decoders that the two searches are tried on are small recurrent networks, made from a case's arrays:

    state = tanh(state @ W + E[words])        log probabilities = log softmax(state @ U + table[words])

Some are random. One hardly ever says the end. A straight one has one good way, and an early end that is poor. A garden
path's most probable first word leads to where every word is about equally probable; the end comes next, and then a word
that leads to where the next words are nearly certain.
"""

from collections.abc import Callable, Mapping
from functools import reduce

import numpy as np

from autograder.exercise import NOT_BY_HAND, Case, Exercise, Malformed, Part, call_function, distinct_sizes, evenly
from autograder.layers import probe_layer

PAD, START, END = 0, 1, 2
KERAS_RTOL = 1e-10  # one pass through float32 leaves errors just below 1e-7, which a float64 layer must not have
NEVER = -30.0  # the score of PAD and START, which no decoder says
GRU_WEIGHTS = ("kernel", "recurrent_kernel", "bias")

_MASKS = ("tensorflow.sequence_mask", "keras.utils.pad_sequences", "keras.preprocessing.sequence.pad_sequences")
_SEARCHES = (
    "keras.ops.ctc_decode",
    "tensorflow.nn.ctc_beam_search_decoder",
    "tensorflow.nn.ctc_greedy_decoder",
    "tensorflow.math.top_k",
)


def draw_mask(rng: np.random.Generator) -> Case:
    """lengths (batch,), among them 0, 1 and the whole time; and the time."""
    batch, time = int(rng.integers(5, 8)), int(rng.integers(8, 12))
    lengths = rng.permutation(np.concatenate([[0, 1, 3, time - 2, time], rng.integers(2, time, batch - 5)]))
    return Case({"lengths": lengths, "time": np.array(time)}, {"batch": batch, "time": time})


def probe_mask(padding_mask, inputs):
    """Call it with the time as an integer, and with two places more than the longest sequence has."""
    values = {}
    for name, more in (("mask", 0), ("mask.longer", 2)):
        given = {"lengths": inputs["lengths"], "time": int(inputs["time"]) + more}
        values |= call_function((name,))(padding_mask, given)
        dtype = np.asarray(values[name]).dtype
        if dtype.kind != "b":
            raise Malformed(
                f"A mask holds True and False, dtype bool: that is what a comparison gives. Received: {dtype}."
            )
    return values


# Decoders to search in


def draw_decoders(rng: np.random.Generator, count: int, vocabulary: int, units: int, batch: int) -> dict:
    """The arrays of `count` decoders, and `batch` states for each.

    The first one is endless, the last but one straight, the last a garden path. The others are what chance makes them.
    """
    inputs = {
        "W": rng.standard_normal((count, units, units)),
        "E": 0.8 * rng.standard_normal((count, vocabulary, units)),
        "U": 1.3 * rng.standard_normal((count, units, vocabulary)),
        "table": 0.7 * rng.standard_normal((count, vocabulary, vocabulary)),
        "state": rng.uniform(-1, 1, (count, batch, units)),
    }
    inputs["table"][1:, :, END] += 0.3
    inputs["table"][0, :, END] -= 8.0
    tempting, plain, sure = rng.choice(np.arange(END + 1, vocabulary), size=3, replace=False)
    path = np.zeros((2, vocabulary, vocabulary))  # all words alike, unless it says otherwise
    path[:, plain, sure] = path[:, sure, END] = 5.0
    path[0, START, [plain, END]] = 4.0, 2.0
    path[1, START, [tempting, END, plain]] = 4.8, 4.3, 4.0
    path[1, tempting, END] = -2.0
    inputs["table"][-2:] = path + 0.05 * rng.standard_normal(path.shape)
    inputs["U"][-2:] *= 0.03
    inputs["table"][:, :, [PAD, START]] = NEVER
    return inputs


def decoder(inputs: Mapping[str, np.ndarray], number: int) -> Callable:
    """The `step` function of one of a case's decoders. See the head of this module."""
    W, E, U, table = (inputs[name][number] for name in ("W", "E", "U", "table"))

    def step(words, state):
        words, state = np.asarray(words), np.asarray(state)
        if words.ndim != 1 or state.shape != (len(words), len(W)):
            raise Malformed(
                "`step` takes one word for each sequence, and one row of the state for each: shapes (n,) and "
                f"(n, {len(W)}). Received: words of shape {words.shape}, a state of shape {state.shape}."
            )
        state = np.tanh(state @ W + E[words])
        scores = state @ U + table[words]
        scores = scores - scores.max(axis=1, keepdims=True)
        return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)), state

    return step


def as_stated(answer: object, rows: int, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """words and scores, if they have the stated shapes."""
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        raise Malformed("It must return two things, (words, scores).")
    words, scores = np.asarray(answer[0]), np.asarray(answer[1])
    if words.shape != (rows, longest) or scores.shape != (rows,):
        raise Malformed(
            f"Stated: words of shape ({rows}, {longest}) and scores of shape ({rows},). "
            f"Received: {words.shape} and {scores.shape}."
        )
    if words.dtype.kind not in "iu":
        raise Malformed(f"Words are numbers of rows: integers. Received: words of dtype {words.dtype}.")
    return words, scores


def draw_greedy(rng: np.random.Generator) -> Case:
    """Seven decoders, a batch of states for each, and how many words there may be.

    For the second one, two words are the most probable first word, and equally so.
    """
    sizes = {"batch": 8, "longest": int(rng.integers(6, 8)), "vocabulary": 9, "units": 5}
    inputs = draw_decoders(rng, 7, sizes["vocabulary"], sizes["units"], sizes["batch"])
    equal = rng.choice(np.arange(END + 1, sizes["vocabulary"]), size=2, replace=False)
    inputs["U"][1][:, equal] = 0.0  # so that their scores are exactly what the table says
    inputs["table"][1, START, equal] = 2 + np.abs(inputs["U"][1]).sum(axis=0).max()
    return Case({**inputs, "longest": np.array(sizes["longest"])}, sizes)


def probe_greedy(greedy_decode, inputs):
    """words (decoders, batch, longest) and scores (decoders, batch)."""
    longest, found = int(inputs["longest"]), []
    for number, state in enumerate(inputs["state"]):
        answer = greedy_decode(decoder(inputs, number), state, START, END, longest)
        found.append(as_stated(answer, len(state), longest))
    return {name: np.stack(arrays) for name, arrays in zip(("words", "scores"), zip(*found, strict=True), strict=True)}


def draw_beam(rng: np.random.Generator) -> Case:
    """Nine decoders, one state for each, the width of the beam, and what the length counts."""
    sizes = {"width": int(rng.integers(3, 5)), "longest": int(rng.integers(6, 8)), "vocabulary": 9, "units": 5}
    inputs = draw_decoders(rng, 9, sizes["vocabulary"], sizes["units"], 1)
    more = {name: np.array(sizes[name]) for name in ("longest", "width")}
    return Case({**inputs, **more, "alpha": np.array(rng.uniform(0.6, 0.9))}, sizes)


def probe_beam(beam_search, inputs):
    """words (decoders, width, longest) and scores (decoders, width)."""
    longest, width, alpha = int(inputs["longest"]), int(inputs["width"]), float(inputs["alpha"])
    found = []
    for number, state in enumerate(inputs["state"]):
        answer = beam_search(decoder(inputs, number), state, START, END, longest, width, alpha)
        found.append(as_stated(answer, width, longest))
    return {name: np.stack(arrays) for name, arrays in zip(("words", "scores"), zip(*found, strict=True), strict=True)}


# Layers made of parts


def probe_parts(
    layer_class: type,
    inputs: Mapping[str, np.ndarray],
    *,
    make: Mapping[str, object],
    arguments: tuple[str, ...],
    weights: Mapping[str, str],
    call: Callable,
) -> dict[str, object]:
    """Judge a layer that is made of other layers: `probe_layer`, with the weights of its parts as its own.

    Args:
        weights: name in `inputs` -> where the weight is, for example {"kernel": "recurrent.cell.kernel"}.
        The others are those of `probe_layer`.

    Returns:
        what `probe_layer` returns; `weights` says where each weight is, and how many there are in all.
    """
    if not isinstance(layer_class, type):  # `probe_layer` says what it must be
        return probe_layer(layer_class, inputs, make=make, arguments=arguments, weights=tuple(weights))

    def reach(path):
        def get(layer):
            try:
                return reduce(getattr, path.split("."), layer)
            except AttributeError as error:
                raise Malformed(f"It has no weight `{path}`: which parts it has is stated. ({error})"[:300]) from None

        return property(get)

    built = []

    def noted(layer, tensors):
        built.append(layer)
        return call(layer, tensors)

    own = {name: reach(path) for name, path in weights.items()}
    flat = type(layer_class)(layer_class.__name__, (layer_class,), own)
    values = probe_layer(flat, inputs, make=make, arguments=arguments, weights=tuple(weights), call=noted)
    shapes = [f"{path} {tuple(getattr(built[0], name).shape)}" for name, path in weights.items()]
    values["weights"] = f"{', '.join(shapes)}; {len(built[0].trainable_weights)} trainable"
    return values


def gru(part: str, prefix: str = "") -> dict[str, str]:
    """Where the weights of a GRU are."""
    return {f"{prefix}{name}": f"{part}.cell.{name}" for name in GRU_WEIGHTS}


def dense(part: str) -> dict[str, str]:
    """Where the weights of a dense layer are."""
    return {f"{part}_{name}": f"{part}.{name}" for name in ("kernel", "bias")}


def draw_gru(rng: np.random.Generator, features: int, units: int, prefix: str = "") -> dict[str, np.ndarray]:
    """The weights of a GRU, in Keras' shapes."""
    shapes = {"kernel": (features, 3 * units), "recurrent_kernel": (units, 3 * units), "bias": (2, 3 * units)}
    return {f"{prefix}{name}": 0.8 * rng.standard_normal(shape) for name, shape in shapes.items()}


def draw_dense(rng: np.random.Generator, part: str, features: int, units: int) -> dict[str, np.ndarray]:
    """The weights of a dense layer."""
    return {f"{part}_kernel": rng.standard_normal((features, units)), f"{part}_bias": rng.standard_normal(units)}


def draw_ids(rng: np.random.Generator, batch: int, time: int, size: int, end: bool = False) -> np.ndarray:
    """Padded sequences of words, (batch, time): the first is full, the second is shorter by two or more.

    Words are the numbers from 3 on, all different within a sequence. With `end`, the last real one is END.
    """
    lengths = rng.integers(2, time + 1, batch)
    lengths[:2] = time, rng.integers(2, time - 1)
    ids = np.zeros((batch, time), np.int64)
    for row, length in zip(ids, lengths, strict=True):
        row[:length] = rng.choice(np.arange(END + 1, size), length, replace=False)
        if end:
            row[length - 1] = END
    return ids


def one_tensor(value: object) -> object:
    """The value, if it is not several."""
    if isinstance(value, (tuple, list)):
        raise Malformed(f"`call` must return one tensor. Received: {len(value)} of them.")
    return value


def at_words(outputs: object, real: np.ndarray) -> object:
    """The outputs, with zeros at padding."""
    from keras import ops

    outputs = one_tensor(outputs)
    if tuple(outputs.shape[:2]) != real.shape:
        raise Malformed(
            f"`call` must return something for each place, shape {real.shape} and the probabilities. Received: "
            f"shape {tuple(outputs.shape)}."
        )
    return ops.where(ops.convert_to_tensor(real[:, :, None]), outputs, ops.zeros_like(outputs))


def two_tensors(answer: object) -> tuple[object, object]:
    """What `step` returned, if it is two things."""
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        raise Malformed("`step` must return two things: the log probabilities and the new state.")
    return answer[0], answer[1]


def draw_classifier(rng: np.random.Generator) -> Case:
    """ids (batch, time), upstream (batch, classes), and the weights by their names."""
    sizes = distinct_sizes(rng, "batch", "time", "units", "classes", high=7)
    batch, time, units, classes = sizes.values()
    if time < 5 or batch < 3 or classes < 3:
        return draw_classifier(rng)
    vocabulary = 11
    inputs = {
        "ids": draw_ids(rng, batch, time, vocabulary),
        "upstream": rng.standard_normal((batch, classes)),
        "embeddings": rng.standard_normal((vocabulary, units)),
        **draw_gru(rng, units, units),
        **draw_dense(rng, "readout", units, classes),
    }
    return Case(inputs, {**sizes, "vocabulary": vocabulary})


CLASSIFIER = {"embeddings": "embedding.embeddings", **gru("recurrent"), **dense("readout")}


def probe_classifier(layer_class, inputs):
    """Call it with padded sentences: see `probe_parts`, which is `probe_layer` for layers made of layers."""
    vocabulary, units = inputs["embeddings"].shape
    return probe_parts(
        layer_class,
        inputs,
        make={"vocabulary_size": vocabulary, "units": units, "classes": len(inputs["readout_bias"])},
        arguments=("ids",),
        weights=CLASSIFIER,
        call=lambda layer, tensors: one_tensor(layer(tensors["ids"])),
    )


def draw_labeler(rng: np.random.Generator) -> Case:
    """frames (batch, time, features), mask (batch, time), upstream (batch, time, classes), and the weights.

    The first sequence has no padding, the second begins with it, and the third has some in the middle.
    """
    sizes = distinct_sizes(rng, "batch", "time", "features", "units", "classes")
    batch, time, features, units, classes = sizes.values()
    if time < 5 or batch < 3 or classes < 3:
        return draw_labeler(rng)
    mask = np.full((batch, time), True)
    mask[1, : rng.integers(1, time - 1)] = False
    mask[2, rng.integers(1, time - 2)] = False
    inputs = {
        "frames": rng.standard_normal((batch, time, features)),
        "mask": mask,
        "upstream": rng.standard_normal((batch, time, classes)),
        **draw_gru(rng, features, units),
        **draw_dense(rng, "readout", units, classes),
    }
    return Case(inputs, sizes)


LABELER = {**gru("recurrent"), **dense("readout")}


def probe_labeler(layer_class, inputs):
    """Call it without a mask and with one: see `probe_parts`, which is `probe_layer` for layers made of layers."""

    def call(layer, tensors):
        whole = np.full(inputs["mask"].shape, True)
        masked = layer(tensors["frames"], mask=inputs["mask"])
        return at_words(layer(tensors["frames"]), whole), at_words(masked, inputs["mask"])

    units, classes = inputs["readout_kernel"].shape
    return probe_parts(
        layer_class,
        inputs,
        make={"units": units, "classes": classes},
        arguments=("frames",),
        weights=LABELER,
        call=call,
    )


def draw_captioner(rng: np.random.Generator) -> Case:
    """image (batch, features), caption (batch, time), upstream, words and a state for a step, and the weights."""
    sizes = distinct_sizes(rng, "batch", "time", "features", "units", high=7)
    batch, time, features, units = sizes.values()
    if time < 4 or batch < 3 or units < 3:
        return draw_captioner(rng)
    vocabulary = 11
    inputs = {
        "image": rng.standard_normal((batch, features)),
        "caption": draw_ids(rng, batch, time, vocabulary, end=True),
        "upstream": rng.standard_normal((batch, time, vocabulary)),
        "words": rng.integers(END + 1, vocabulary, batch),
        "state": rng.uniform(-1, 1, (batch, units)),
        **draw_dense(rng, "glance", features, units),
        "embeddings": rng.standard_normal((vocabulary, units)),
        **draw_gru(rng, units, units),
        **draw_dense(rng, "readout", units, vocabulary),
    }
    return Case(inputs, {**sizes, "vocabulary": vocabulary})


CAPTIONER = {
    **dense("glance"),
    "embeddings": "embedding.embeddings",
    **gru("recurrent"),
    **dense("readout"),
}


def probe_captioner(layer_class, inputs):
    """Call it with teacher forcing; then its first state, and one step from a state of the case. See `probe_layer`."""

    def call(layer, tensors):
        outputs = at_words(layer(tensors["image"], inputs["caption"]), inputs["caption"] != PAD)
        first = layer.initial_state(inputs["image"])
        return outputs, first, *two_tensors(layer.step(inputs["words"], inputs["state"]))

    vocabulary, units = inputs["embeddings"].shape
    return probe_parts(
        layer_class,
        inputs,
        make={"vocabulary_size": vocabulary, "units": units},
        arguments=("image",),
        weights=CAPTIONER,
        call=call,
    )


def draw_seq2seq(rng: np.random.Generator) -> Case:
    """source and target (batch, time), upstream, words and a state for a step, and the weights."""
    sizes = distinct_sizes(rng, "batch", "time", "target_time", "units", high=7)
    batch, time, target_time, units = sizes.values()
    if time < 4 or target_time < 4 or batch < 3 or units < 3:
        return draw_seq2seq(rng)
    source_size, target_size = 12, 10
    inputs = {
        "source": draw_ids(rng, batch, time, source_size),
        "target": draw_ids(rng, batch, target_time, target_size, end=True),
        "upstream": rng.standard_normal((batch, target_time, target_size)),
        "words": rng.integers(END + 1, target_size, batch),
        "state": rng.uniform(-1, 1, (batch, units)),
        "source_embeddings": rng.standard_normal((source_size, units)),
        **draw_gru(rng, units, units, "encoder_"),
        "target_embeddings": rng.standard_normal((target_size, units)),
        **draw_gru(rng, units, units, "decoder_"),
        **draw_dense(rng, "readout", units, target_size),
    }
    return Case(inputs, {**sizes, "source_size": source_size, "target_size": target_size})


SEQ2SEQ = {
    "source_embeddings": "source_embedding.embeddings",
    **gru("encoder", "encoder_"),
    "target_embeddings": "target_embedding.embeddings",
    **gru("decoder", "decoder_"),
    **dense("readout"),
}


def probe_seq2seq(layer_class, inputs):
    """Call it with teacher forcing; then the encoder's state, and one step of the decoder. See `probe_layer`."""

    def call(layer, tensors):
        outputs = at_words(layer(inputs["source"], inputs["target"]), inputs["target"] != PAD)
        encoded = layer.encode(inputs["source"])
        return outputs, encoded, *two_tensors(layer.step(inputs["words"], inputs["state"]))

    (source_size, units), target_size = inputs["source_embeddings"].shape, len(inputs["readout_bias"])
    return probe_parts(
        layer_class,
        inputs,
        make={"source_size": source_size, "target_size": target_size, "units": units},
        arguments=(),
        weights=SEQ2SEQ,
        call=call,
    )


def _parts(weights: Mapping[str, str], differentiated: tuple[str, ...] = (), **more: Part) -> dict[str, Part]:
    left = 1 - 0.4 - 0.1 - 0.1 - sum(part.share for part in more.values())
    gradients = tuple(f"gradient.{name}" for name in (*weights, *differentiated))
    return {
        "outputs": Part(0.4, ("outputs",), gate=True),
        **more,
        "gradients": Part(left, gradients),
        "weights": Part(0.1, ("weights", "dtypes")),
        "config": Part(0.1, ("config", "rebuilt_outputs")),
    }


_ABOUT = {
    "weights": "where each weight is, its shape, and how many there are",
    "dtypes": "the dtypes in a float64 layer",
    "config": "what get_config adds to that of every layer",
    "rebuilt_outputs": "the outputs of a layer made again from its config, with the same weights",
}
_STEP = {
    "outputs": "the probabilities of the words, with teacher forcing",
    "outputs_2": "the log probabilities that `step` returns",
    "outputs_3": "the new state that `step` returns",
}

EXERCISES = [
    Exercise(
        "shapes.padding_mask", 2, draw_mask, probe_mask, evenly(("mask", "mask.longer")),
        forbidden=NOT_BY_HAND + _MASKS,
        about={"mask": "which places are real", "mask.longer": "the same where `time` is larger than every length"},
    ),
    Exercise(
        "shapes.greedy_decode", 5, draw_greedy, probe_greedy, evenly(("words", "scores")),
        forbidden=NOT_BY_HAND + _SEARCHES,
        about={
            "words": "the words said, for seven decoders and a batch each",
            "scores": "the sum of the log probabilities of the words of each sequence",
        },
    ),
    Exercise(
        "shapes.beam_search", 9, draw_beam, probe_beam, evenly(("words", "scores")),
        forbidden=NOT_BY_HAND + _SEARCHES,
        about={
            "words": "the best finished sequences, for nine decoders",
            "scores": "their scores: totals divided by a power of the length",
        },
    ),
    Exercise(
        "shapes.SentimentClassifier", 5, draw_classifier, probe_classifier, _parts(CLASSIFIER),
        kind="layer", rtol=KERAS_RTOL,
        about={**_ABOUT, "outputs": "the probabilities of the classes, for sentences with padding"},
    ),
    Exercise(
        "shapes.FrameLabeler", 5, draw_labeler, probe_labeler,
        _parts(LABELER, ("frames",), padding=Part(0.15, ("outputs_1",))),
        kind="layer", rtol=KERAS_RTOL, time_axis={"outputs": 1, "outputs_1": 1, "gradient.frames": 1},
        about={
            **_ABOUT,
            "outputs": "the probabilities of the labels where there is no padding",
            "outputs_1": "the probabilities at real frames where there is padding in front or in between",
        },
    ),
    Exercise(
        "shapes.Captioner", 6, draw_captioner, probe_captioner,
        _parts(CAPTIONER, ("image",), state=Part(0.1, ("outputs_1",)), step=Part(0.15, ("outputs_2", "outputs_3"))),
        kind="layer", rtol=KERAS_RTOL, time_axis={"outputs": 1},
        about={**_ABOUT, **_STEP, "outputs_1": "the state before the first word"},
    ),
    Exercise(
        "shapes.Seq2Seq", 8, draw_seq2seq, probe_seq2seq,
        _parts(SEQ2SEQ, state=Part(0.1, ("outputs_1",)), step=Part(0.15, ("outputs_2", "outputs_3"))),
        kind="layer", rtol=KERAS_RTOL, time_axis={"outputs": 1},
        about={**_ABOUT, **_STEP, "outputs_1": "the encoder's state after the last real word of each source"},
    ),
]  # fmt: skip
