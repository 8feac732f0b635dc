"""Lesson 11's experiments: words as numbers, trainings with a mask, decoding, figures, and a little sound."""

from __future__ import annotations

import time
import wave
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from unrolled.corpora.captions import edge_sums
from unrolled.corpora.melodies import degree_frequency
from unrolled.corpora.tones import NO_TONE
from unrolled.figures import COLORS, GREY, LINESTYLES, MARKERS, PALETTE, panel
from unrolled.graphs import Edge, Node, computation_graph
from unrolled.widgets import explore

PAD, START, END = 0, 1, 2
SECONDS_BETWEEN_REPORTS = 5.0
SOUND_RATE = 8000


# Words as numbers


class Words:
    """A vocabulary: 0, 1 and 2 are PAD, START and END, and the words are the numbers from 3 on.

    Args:
        words: the words, or the characters, in their order.

    Attributes:
        size: how many numbers there are, PAD, START and END included.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = ("", "<start>", "<end>", *words)
        self.number = {word: k for k, word in enumerate(self.words)}
        self.size = len(self.words)

    def ids(self, texts: Sequence[Sequence[str]], end: bool = False) -> np.ndarray:
        """Turn texts into numbers, padded with 0 behind.

        Args:
            texts: the words of each.
            end: whether END is put behind the last word.

        Returns:
            Shape (texts, longest), int32.

        Raises:
            ValueError: for a word that is not in the vocabulary.
        """
        strange = {word for text in texts for word in text} - self.number.keys()
        if strange:
            raise ValueError(
                f"Every word must be in the vocabulary. Received: {sorted(strange)[:3]}. "
                "Make the vocabulary of all words that occur."
            )
        ids = np.zeros((len(texts), max(len(text) for text in texts) + end), np.int32)
        for row, text in zip(ids, texts, strict=True):
            row[: len(text)] = [self.number[word] for word in text]
            if end:
                row[len(text)] = END
        return ids

    def text(self, row: np.ndarray, between: str = " ") -> str:
        """Turn one row of numbers back into a text, up to END or PAD."""
        said = [int(number) for number in row]
        stop = next((k for k, number in enumerate(said) if number in (PAD, END)), len(said))
        return between.join(self.words[number] for number in said[:stop])


# Training and measuring


class _Report(keras.callbacks.Callback):
    """Say now and then how far a training is, if it takes long."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.last = name, time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        if time.perf_counter() - self.last > SECONDS_BETWEEN_REPORTS:
            self.last = time.perf_counter()
            print(f"  {self.name}: pass {epoch + 1}, loss {logs['loss']:.4f}", flush=True)


class Keep(keras.callbacks.Callback):
    """Keep the weights that a model has after one of its passes.

    Args:
        after: the number of the pass, from 1.

    Attributes:
        weights: the weights, once the pass is over.
    """

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after, self.weights = after, None

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Called by Keras."""
        if epoch + 1 == self.after:
            self.weights = self.model.get_weights()


def train(
    model: keras.Model,
    inputs: Sequence[np.ndarray],
    targets: np.ndarray,
    *,
    passes: int,
    name: str,
    rate: float = 0.01,
    batch: int = 64,
    ignore: int | None = PAD,
    keep: Keep | None = None,
) -> list[float]:
    """Train a model that returns probabilities, by cross-entropy, with a learning rate that falls to 0.

    Args:
        model: Keras model, inputs → probabilities over the last axis.
        inputs: what it is given, an array for each of its inputs.
        targets: the right numbers. Shape that of the probabilities without the last axis.
        passes: how many times all examples are seen.
        name: what reports call it.
        rate: Adam's learning rate at the beginning.
        batch: examples of an update.
        ignore: targets of this number do not count. None: all count.
        keep: keeps the weights after one of the passes.

    Returns:
        the mean loss of each pass.
    """
    updates = passes * -(-len(targets) // batch)
    schedule = keras.optimizers.schedules.CosineDecay(rate, updates)
    model.compile(keras.optimizers.Adam(schedule, global_clipnorm=1.0), loss="sparse_categorical_crossentropy")
    counts = None if ignore is None else (targets != ignore).astype(np.float32)
    known = targets if ignore is None else np.where(targets == ignore, 0, targets)
    given = list(inputs) if len(inputs) > 1 else inputs[0]
    history = model.fit(
        given,
        known,
        sample_weight=counts,
        batch_size=batch,
        epochs=passes,
        verbose=0,
        callbacks=[_Report(name), *([keep] if keep else [])],
    )
    return history.history["loss"]


def model_of(layer: keras.layers.Layer, *inputs: np.ndarray) -> keras.Model:
    """Make a model of one layer, for inputs of the shapes and dtypes of the given ones but of any batch."""
    tensors = [keras.Input(array.shape[1:], dtype=str(array.dtype)) for array in inputs]
    return keras.Model(tensors, layer(*tensors))


def as_step(layer: keras.layers.Layer) -> Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Make `layer.step` a function of NumPy arrays, as the searches want it. Compiled where the backend can."""
    run = layer.step
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        run = tf.function(layer.step, reduce_retracing=True)

    def step(words: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        read = ops.convert_to_tensor(np.asarray(words, np.int32))
        log_p, new = run(read, ops.convert_to_tensor(np.asarray(state, np.float32)))
        return ops.convert_to_numpy(log_p), ops.convert_to_numpy(new)

    return step


def exact(words: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Tell which sequences are right in every word, the end included. (count, time) each → (count,), bool."""
    time_ = max(words.shape[1], targets.shape[1])
    first, second = (np.pad(a, ((0, 0), (0, time_ - a.shape[1]))) for a in (words, targets))
    return np.all(first == second, axis=1)


def most_frequent(targets: np.ndarray) -> np.ndarray:
    """Return the target that occurs most often. (count, ...) → (...)."""
    rows, counts = np.unique(targets, axis=0, return_counts=True)
    return rows[counts.argmax()]


def bag_of_words(ids: np.ndarray, size: int) -> np.ndarray:
    """Count the words of each text, padding left out. (count, time) → (count, size)."""
    counts = np.zeros((len(ids), size))
    np.add.at(counts, (np.arange(len(ids))[:, None], ids), 1)
    counts[:, PAD] = 1  # a constant in its place
    return counts


def linear_classifier(x: np.ndarray, labels: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Fit classes by least squares (with a trace of ridge), and say the classes of new rows.

    Args:
        x: one row for each example. Shape (examples, features).
        labels: 0, 1, … for each.
        new: rows to be classified. Shape (new, features).

    Returns:
        Shape (new,), integers.
    """
    wanted = np.eye(labels.max() + 1)[labels]
    kernel = np.linalg.solve(x.T @ x + 1e-3 * np.eye(x.shape[1]), x.T @ wanted)
    return (new @ kernel).argmax(axis=1)


def describe(clips: np.ndarray) -> np.ndarray:
    """Describe the frames of clips by the ink in their rows and columns, on a scale of about 0 to 1. float32."""
    return (2 * edge_sums(clips)).astype(np.float32)


def states_word_by_word(layer: keras.layers.Layer, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Let a classifier read ever longer beginnings of one sentence.

    Args:
        layer: a `SentimentClassifier`.
        ids: the words. Shape (words,), no padding.

    Returns:
        (probabilities, states) after each word: shapes (words, classes) and (words, units).
    """
    beginnings = np.tril(np.ones((len(ids), len(ids)), np.int32)) * np.asarray(ids, np.int32)
    probabilities = ops.convert_to_numpy(layer(beginnings))
    states = layer.recurrent(layer.embedding(beginnings), mask=ops.convert_to_tensor(beginnings != PAD))
    states = states[0] if isinstance(states, (tuple, list)) else states
    states = ops.convert_to_numpy(states)
    return probabilities, states[:, -1] if states.ndim == 3 else states


# A small language to search in

TOY_WORDS = Words(("a", "the", "cat", "dog", "bird", "fish", "sleeps", "sings"))
TOY_TABLE = {
    "<start>": {"a": 0.55, "the": 0.45},
    "a": {"cat": 0.32, "dog": 0.28, "bird": 0.22, "fish": 0.18},
    "the": {"cat": 0.9, "dog": 0.1},
    "cat": {"sleeps": 0.7, "sings": 0.3},
    "dog": {"sleeps": 0.8, "sings": 0.2},
    "bird": {"sings": 0.9, "sleeps": 0.1},
    "fish": {"sleeps": 0.6, "sings": 0.4},
    "sleeps": {"<end>": 1.0},
    "sings": {"<end>": 1.0},
}
TOY_LONGEST = 4


def toy_step(words: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Take one step in a language in which the last word decides the next one.

    Args:
        words: the words read last. Shape (n,).
        state: all words read before, 0 behind them. Shape (n, TOY_LONGEST + 1).

    Returns:
        (log probabilities (n, words), new state).
    """
    table = np.full((TOY_WORDS.size, TOY_WORDS.size), 1e-12)
    for last, following in TOY_TABLE.items():
        for word, p in following.items():
            table[TOY_WORDS.number[last], TOY_WORDS.number[word]] = p
    state = state.copy()
    place = (state != PAD).sum(axis=1)
    state[np.arange(len(words)), place] = words
    return np.log(table[words]), state


def toy_start() -> np.ndarray:
    """The state before the first word of the small language."""
    return np.zeros((1, TOY_LONGEST + 1))


def _probability(words: Sequence[int]) -> float:
    chain = [START, *words]
    return float(
        np.prod(
            [TOY_TABLE[TOY_WORDS.words[a]].get(TOY_WORDS.words[b], 0.0) for a, b in zip(chain, words, strict=False)]
        )
    )


def draw_beam(beam_search: Callable, width: float) -> Figure:
    """Draw what a beam of one width keeps in the small language, by looking on while it searches.

    Args:
        beam_search: the function of the lesson.
        width: of the beam; rounded to a whole number.

    Returns:
        The figure.
    """
    width, opened = round(width), []

    def watched(words: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        log_p, state = toy_step(words, state)
        opened.extend(tuple(int(word) for word in row if word > START) for row in state)
        return log_p, state

    found, scores = beam_search(watched, toy_start(), START, END, TOY_LONGEST, width, 1.0)
    finished = [tuple(int(word) for word in row if word) for row in found]
    best, p = finished[0], _probability(finished[0])
    kept = {prefix for prefix in opened if prefix}
    kept |= {whole for whole, score in zip(finished, scores, strict=True) if score > -5}  # none but the possible ones
    kept = {words[:n] for words in kept for n in range(1, len(words) + 1)}
    leaves = [words for words in sorted(kept) if not any(other[: len(words)] == words != other for other in kept)]
    rows: dict[tuple[int, ...], float] = {}
    for words in sorted(kept, key=len, reverse=True):
        below = [rows[other] for other in kept if other[:-1] == words]
        rows[words] = float(np.mean(below)) if below else float(leaves.index(words))
    rows[()] = float(np.mean([rows[words] for words in kept if len(words) == 1]))
    title = f"A beam of {width} finds “{TOY_WORDS.text(np.array(best))}”, probability {p:.4f}"
    figure = Figure(figsize=(9.2, 1.6 + 0.62 * len(leaves)), layout="constrained")
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_title(title, loc="left")
    for words, row in rows.items():
        chosen = best[: len(words)] == words
        color = PALETTE["vermillion"] if chosen else "black"
        if words:
            axes.plot(
                [len(words) - 1 + 0.3, len(words) - 0.3],
                [rows[words[:-1]], row],
                color=color,
                linestyle="-" if chosen else "--",
                linewidth=2.2 if chosen else 1.1,
            )
        name = TOY_WORDS.words[words[-1]] if words else "<start>"
        where = {"xy": (len(words), row), "textcoords": "offset points", "ha": "center"}
        axes.annotate(name, xytext=(0, 2), va="bottom", fontsize=11, color=color, **where)
        axes.annotate(f"{_probability(words):.4f}", xytext=(0, -2), va="top", fontsize=9, color=GREY, **where)
    axes.set_xlim(-0.45, TOY_LONGEST + 0.45)
    axes.set_ylim(len(leaves) - 0.3, -0.8)
    axes.text(
        1.0,
        -0.04,
        "numbers: probability of the words so far     thick: the best sequence found",
        transform=axes.transAxes,
        ha="right",
        va="top",
        fontsize=9.5,
        color=GREY,
    )
    return figure


def beam_tree(beam_search: Callable, live: bool | None = None) -> Any:
    """Show the beam in the small language: a slider for its width, or the figure for width 2."""
    return explore(
        lambda width: draw_beam(beam_search, width), lambda: draw_beam(beam_search, 2), "width", (1, 6, 2), live
    )


# Figures


@dataclass(frozen=True)
class _Shape:
    """One of the five shapes: which steps have an input, an output, and a state."""

    name: str
    example: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    steps: int
    fed_back: bool = False


_SHAPES = (
    _Shape("one-to-one", "a frame,\nits shape", (0,), (0,), 1),
    _Shape("one-to-many", "a picture,\na sentence", (0,), (0, 1, 2), 3, fed_back=True),
    _Shape("many-to-one", "a sentence,\nits feeling", (0, 1, 2), (2,), 3),
    _Shape("many-to-many,\naligned", "tone frames,\ntheir labels", (0, 1, 2), (0, 1, 2), 3),
    _Shape("many-to-many,\nencoder and decoder", "a date as written,\na date in ISO", (0, 1), (2, 3), 4, fed_back=True),
)


def shape_map() -> Figure:
    """Draw the map of shapes: inputs below, states in the middle, outputs above, time to the right."""
    widths = [shape.steps + 1.1 for shape in _SHAPES]
    figure = Figure(figsize=(9.6, 3.5), layout="constrained")
    figure.suptitle(
        "Five shapes, one machine: what differs is when it reads and when it speaks",
        fontsize=11.5,
        fontweight="bold",
        x=0.01,
        ha="left",
    )
    for axes, shape in zip(figure.subplots(1, 5, width_ratios=widths), _SHAPES, strict=True):
        axes.set_axis_off()
        axes.set_xlim(-0.75, shape.steps - 0.25)
        axes.set_ylim(-1.5, 3.1)
        for step in range(shape.steps):
            _box(axes, step, 1, "#DDDDDD")
            if step in shape.inputs:
                _box(axes, step, 0, "#9CC8E3")
                _arrow(axes, (step, 0.32), (step, 0.68))
            if step in shape.outputs:
                _box(axes, step, 2, "#F2C49B")
                _arrow(axes, (step, 1.32), (step, 1.68))
            if step:
                _arrow(axes, (step - 1 + 0.3, 1), (step - 0.3, 1), recurrent=True)
            if shape.fed_back and step - 1 in shape.outputs:
                _arrow(axes, (step - 1 + 0.3, 1.85), (step - 0.12, 1.35), dashed=True)
        axes.text((shape.steps - 1) / 2, 2.5, shape.name, ha="center", va="bottom", fontsize=10, fontweight="bold")
        axes.text((shape.steps - 1) / 2, -0.5, shape.example, ha="center", va="top", fontsize=9.5)
    figure.supxlabel("blue: input    grey: state    orange: output    dashed: the word said is read next", fontsize=9.5)
    return figure


def _box(axes: Axes, x: float, y: float, face: str) -> None:
    box = FancyBboxPatch((x - 0.24, y - 0.27), 0.48, 0.54, boxstyle="round,pad=0.03", facecolor=face, edgecolor="black")
    axes.add_patch(box)


def _arrow(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], recurrent: bool = False, dashed: bool = False
) -> None:
    color = PALETTE["vermillion"] if recurrent else "black"
    axes.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=9,
            color=color,
            linestyle="--" if dashed else "-",
            shrinkA=0,
            shrinkB=0,
            linewidth=1.4,
        )
    )


def bridge_graph() -> Figure:
    """Draw encoder and decoder as one computation graph, with the gradients that pass the bridge between them."""
    nodes = {
        "x1": Node(0, 0, "$x_1$"),
        "x2": Node(1.9, 0, "$x_2$"),
        "h1": Node(0, 1.3, "$h_1$"),
        "h2": Node(1.9, 1.3, "$h_2$"),
        "pad": Node(3.8, 1.3, "$h_3 = h_2$"),
        "x3": Node(3.8, 0, "padding"),
        "s1": Node(6.0, 1.3, "$s_1$"),
        "s2": Node(8.0, 1.3, "$s_2$"),
        "w1": Node(6.0, 0, "START"),
        "w2": Node(8.0, 0, "$y_1$"),
        "l1": Node(6.0, 2.6, "$-\\log p_1$", operation=False),
        "l2": Node(8.0, 2.6, "$-\\log p_2$", operation=False),
    }
    edges = [
        Edge("x1", "h1", "$dx_1$", (-0.42, 0)),
        Edge("x2", "h2", "$dx_2$", (-0.42, 0)),
        Edge("h1", "h2", "$dh_1$", (0, -0.3)),
        Edge("h2", "pad", "unchanged", (0, -0.3)),
        Edge("pad", "s1", "$ds_0$: the bridge", (0, -0.32)),
        Edge("s1", "s2", "carry", (0, -0.3)),
        Edge("w1", "s1"),
        Edge("w2", "s2"),
        Edge("s1", "l1", "$dz_1 = p_1 - e_{y_1}$", (-0.95, 0)),
        Edge("s2", "l2", "$dz_2 = p_2 - e_{y_2}$", (-0.95, 0)),
    ]
    title = "All that the encoder ever learns from comes back over one bridge"
    return computation_graph(nodes, edges, title, (9.6, 4.2))


def word_by_word(
    readings: Mapping[str, tuple[Sequence[str], np.ndarray, np.ndarray]],
    title: str,
    unit_order: np.ndarray | None = None,
) -> Figure:
    """Show probability and hidden state after each word, a column for each sentence.

    Args:
        readings: name → (words, probability of "positive" after each word (words,), states (words, units)).
        title: the finding.
        unit_order: in which order the units are drawn. Default: as they are.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(9.6, 4.6), layout="constrained")
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    grid = figure.subplots(2, len(readings), sharex="col", height_ratios=(1, 1.25), squeeze=False)
    for column, (words, positive, states) in enumerate(readings.values()):
        above, below = grid[:, column]
        color, marker = COLORS[column % 2], MARKERS[column % 2]
        above.plot(positive, color=color, marker=marker, linestyle=LINESTYLES[column % 2])
        above.axhline(0.5, color=GREY, linestyle=":", linewidth=1.2)
        above.set_ylim(-0.05, 1.05)
        drawn = states.T if unit_order is None else states.T[unit_order]
        picture = below.imshow(drawn, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
        below.grid(False)
        below.set_xticks(range(len(words)), words, rotation=60, ha="right", fontsize=9, rotation_mode="anchor")
        if column:
            above.tick_params(labelleft=False)
            below.tick_params(labelleft=False)
    grid[0, 0].set_ylabel("p(positive)")
    grid[1, 0].set_ylabel("unit of the state")
    figure.colorbar(picture, ax=grid[1, :], label="state (no unit)")
    return figure


def pictures_with_captions(pictures: np.ndarray, captions: Sequence[str], right: Sequence[bool], title: str) -> Figure:
    """Show pictures, each below its caption.

    Args:
        pictures: Shape (count, side, side).
        captions: a text for each.
        right: whether it is right; a wrong one is marked with a cross.
        title: the finding.

    Returns:
        The figure.
    """
    columns = 4
    rows = -(-len(pictures) // columns)
    figure = Figure(figsize=(9.2, 0.5 + 2.35 * rows), layout="constrained")
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    for axes in (grid := figure.subplots(rows, columns, squeeze=False)).flat:
        axes.set_axis_off()
    for axes, picture, caption, good in zip(grid.flat, pictures, captions, right, strict=False):
        axes.imshow(picture, cmap="gray_r", vmin=-0.2, vmax=1.1, interpolation="nearest")
        words = caption.split()
        text = f"{' '.join(words[:4])}\n{' '.join(words[4:])}"
        color = "black" if good else PALETTE["vermillion"]
        axes.set_title(text if good else f"✗ {text}", fontsize=9.5, fontweight="normal", loc="center", color=color)
    return figure


def clip_strip(clips: np.ndarray, labels: Sequence[Sequence[str]], below: Sequence[str], title: str) -> Figure:
    """Show clips as strips of frames.

    Args:
        clips: Shape (clips, steps, side, side).
        labels: for each clip what is written over each frame.
        below: for each clip what is written under it.
        title: the finding.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(9.6, 0.6 + 1.45 * len(clips)), layout="constrained")
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    rows = figure.subfigures(len(clips), 1, squeeze=False)[:, 0]
    for part, clip, names, text in zip(rows, clips, labels, below, strict=True):
        for axes, frame, name in zip(part.subplots(1, len(clip)), clip, names, strict=True):
            axes.imshow(frame, cmap="gray_r", vmin=-0.2, vmax=1.1, interpolation="nearest")
            axes.set_title(name, fontsize=9, fontweight="normal", loc="center")
            axes.set_xticks([])
            axes.set_yticks([])
            axes.grid(False)
        part.supxlabel(text, fontsize=10, x=0.01, ha="left")
    return figure


def tone_figure(frames: np.ndarray, rows: Mapping[str, np.ndarray], names: Sequence[str], title: str) -> Figure:
    """Show the bands of one sound above rows of labels.

    Args:
        frames: Shape (time, bands).
        rows: name → labels, shape (time,), integers.
        names: of the labels.
        title: the finding.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(9.2, 4.4), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    above.set_title(title, loc="left")
    step = 0.02
    span = (0, len(frames) * step)
    picture = above.imshow(
        frames.T, cmap="gray_r", aspect="auto", origin="lower", extent=(*span, 0.15, 2.55), interpolation="nearest"
    )
    above.set_ylabel("frequency (kHz)")
    above.grid(False)
    figure.colorbar(picture, ax=above, label="log magnitude\n(scaled)")
    colors = dict(
        zip(range(len(names)), ("#9CC8E3", "#F2C49B", "#B7DDB0", "#E3B5CF", "#F3E79B", "#EEEEEE"), strict=False)
    )
    for place, labels in enumerate(rows.values()):
        change = np.flatnonzero(np.diff(labels, prepend=NO_TONE - 1))
        for start, end in zip(change, [*change[1:], len(labels)], strict=True):
            label = labels[start]
            below.barh(
                place, (end - start) * step, left=start * step, height=0.8, color=colors[label], edgecolor="black"
            )
            if end - start > 1:
                below.text((start + end) / 2 * step, place, names[label], ha="center", va="center", fontsize=9)
    below.set_yticks(range(len(rows)), list(rows))
    below.set_ylim(len(rows) - 0.4, -0.6)
    below.grid(False)
    below.set_xlabel("time (seconds)")
    return figure


def piano_roll(given: np.ndarray, said: np.ndarray, right: np.ndarray, title: str) -> Figure:
    """Draw a melody: the bar that was given, the notes that were said, and those that the rules ask for.

    Args:
        given: degrees of the first bar. Shape (notes,).
        said: what the network went on with.
        right: what the rules go on with.
        title: the finding.

    Returns:
        The figure.
    """
    figure, axes = panel(title, "time (beats)", "degree of the scale", (9.2, 3.6))
    for start, note in enumerate(given):
        axes.barh(
            note, 0.94, left=start, height=0.7, color="#9CC8E3", edgecolor="black", label="given" if not start else None
        )
    for k, note in enumerate(said):
        name = "said by the network" if not k else None
        axes.barh(note, 0.94, left=len(given) + k, height=0.7, color="#F2C49B", edgecolor="black", label=name)
    where = len(given) + np.arange(len(right)) + 0.47
    axes.plot(where, right, color="black", marker="o", linestyle="", markersize=4, label="by the rules")
    for bar in range(4, len(given) + len(right), 4):
        axes.axvline(bar, color=GREY, linewidth=0.9)
    axes.set_yticks(range(0, 10))
    axes.set_ylim(-0.7, 9.7)
    axes.set_xlim(0, len(given) + len(right))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


@dataclass(frozen=True)
class Outcome:
    """One task's result: its shape, the share right in whole, the baseline's share, and what the baseline is."""

    task: str
    shape: str
    right: float
    baseline: float
    baseline_is: str


def outcome_table(outcomes: Sequence[Outcome]) -> str:
    """Write the results as a table of text."""
    lines = [f"{'task':34s}{'shape':27s}{'right':>6s}{'baseline':>10s}   baseline"]
    lines += [f"{o.task:34s}{o.shape:27s}{o.right:6.3f}{o.baseline:10.3f}   {o.baseline_is}" for o in outcomes]
    return "\n".join(lines)


def outcome_figure(outcomes: Sequence[Outcome], title: str) -> Figure:
    """Draw the results as pairs of bars."""
    figure = Figure(figsize=(9.2, 1.1 + 0.42 * len(outcomes)), layout="constrained")
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    axes = figure.subplots()
    rows = np.arange(len(outcomes))
    right, baseline = ([getattr(o, name) for o in outcomes] for name in ("right", "baseline"))
    axes.barh(rows - 0.2, right, height=0.38, color=PALETTE["blue"], label="your network")
    axes.barh(rows + 0.2, baseline, height=0.38, color="#F2C49B", edgecolor="black", hatch="///", label="baseline")
    axes.set_yticks(rows, [f"{o.task} ({o.shape})" for o in outcomes], fontsize=9.5)
    axes.set_ylim(len(outcomes) - 0.4, -0.6)
    axes.set_xlim(0, 1.0)
    axes.set_xlabel("share of test examples that are right in whole")
    axes.grid(False, axis="y")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


# Sound


def waveform(degrees: np.ndarray, beat: float = 0.28) -> np.ndarray:
    """Turn a melody into sound: each note three partials that fade.

    Args:
        degrees: of the major scale. Shape (notes,).
        beat: the length of a note, seconds.

    Returns:
        the samples, 8,000 for each second, between -1 and 1. Shape (samples,).
    """
    t = np.arange(int(beat * SOUND_RATE)) / SOUND_RATE
    fade = np.exp(-3 * t / beat) * np.minimum(1, t / 0.01) * np.minimum(1, (beat - t) / 0.02)
    notes = []
    for frequency in degree_frequency(degrees):
        partials = [strength * np.sin(2 * np.pi * k * frequency * t) for k, strength in ((1, 0.6), (2, 0.25), (3, 0.1))]
        notes.append(fade * np.sum(partials, axis=0))
    return np.concatenate(notes)


def write_wav(path: str | Path, samples: np.ndarray, rate: int = SOUND_RATE) -> Path:
    """Write sound as a WAV file: one channel, 16 bits.

    Args:
        path: where to.
        samples: between -1 and 1. Shape (samples,).
        rate: samples per second.

    Returns:
        the path.

    Raises:
        ValueError: if a sample lies outside -1 to 1.
    """
    loudest = float(np.abs(samples).max())
    if loudest > 1:
        raise ValueError(
            f"`samples` must lie between -1 and 1. Received: one of {loudest:.2f}. "
            "Example: write_wav(path, samples / 2)."
        )
    path = Path(path)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.round(32767 * samples).astype("<i2").tobytes())
    return path
