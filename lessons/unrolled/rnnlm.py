"""Lesson 10's experiments and figures: streams, the "hello" figure, names to recall, word vectors, temperatures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from unrolled.figures import COLORS, GREY, LINESTYLES, MARKERS, PALETTE, panel
from unrolled.graphs import BACKWARD, FORWARD, Edge, Node, computation_graph
from unrolled.language import Training
from unrolled.widgets import explore

Sample = Callable[[np.ndarray, float, int, float], int]

# The figure of Karpathy 2015, "The unreasonable effectiveness of recurrent neural networks": what the network says of
# h, e, l, o after it has read h, he, hel and hell. Rows are steps, columns letters.
HELLO_LETTERS = "helo"
HELLO_SCORES = np.array([[1.0, 2.2, -3.0, 4.1], [0.5, 0.3, -1.0, 1.2], [0.1, 0.5, 1.9, -1.1], [0.2, -1.5, -0.1, 2.2]])
HELLO_STATES = np.array([[0.3, -0.1, 0.9], [1.0, 0.3, 0.1], [0.1, -0.5, -0.3], [-0.3, 0.9, 0.7]])

# A text of 29 tokens as 3 streams and blocks of 4 steps: the place in the text of every input, by hand.
PLACES = np.array([
    [[0, 1, 2, 3], [9, 10, 11, 12], [18, 19, 20, 21]],
    [[4, 5, 6, 7], [13, 14, 15, 16], [22, 23, 24, 25]],
])  # fmt: skip

# Perplexities on Penn Treebank: (training, validation, test); nan where the paper does not give it.
PENN_TREEBANK = {
    "TensorFlow's ptb_word_lm, small LSTM": (37.99, 121.39, 115.91),
    "TensorFlow's ptb_word_lm, medium LSTM": (48.45, 86.16, 82.07),
    "TensorFlow's ptb_word_lm, large LSTM": (37.87, 82.62, 78.29),
    "Zaremba and others 2014, medium LSTM": (np.nan, 86.2, 82.7),
    "Zaremba and others 2014, large LSTM": (np.nan, 82.2, 78.4),
}


# Pictures of the derivation


def model_graph() -> Figure:
    """Draw one step of a recurrent language model, from the word to the loss, with every gradient of lesson 10."""
    nodes = {
        "w": Node(0, 0, "$w_t$"),
        "E": Node(0, 1.7, "$E$"),
        "look": Node(1.8, 0.85, "row", operation=True),
        "x": Node(3.5, 0.85, "$x_t$"),
        "h_prev": Node(5.2, 2.2, "$h_{t-1}$"),
        "cell": Node(5.2, 0.85, "cell", operation=True),
        "h": Node(6.9, 0.85, "$h_t$"),
        "W": Node(8.6, 2.2, "$W$"),
        "times": Node(8.6, 0.85, "$@$", operation=True),
        "b": Node(10.3, 2.2, "$b$"),
        "plus": Node(10.3, 0.85, "$+$", operation=True),
        "s": Node(12.0, 0.85, "$s_t$"),
        "target": Node(14.0, 2.2, "$w_{t+1}$"),
        "loss": Node(14.0, 0.85, "softmax\n$-\\log$", operation=True),
        "L": Node(16.0, 0.85, "$L$"),
    }
    edges = [
        Edge("w", "look"),
        Edge("E", "look", "$dE$", (0.35, 0.2)),
        Edge("look", "x", "$dx_t$", (0, -0.32)),
        Edge("x", "cell", "$dx_t$", (0, -0.32)),
        Edge("h_prev", "cell", "carry", (0.55, 0.1)),
        Edge("cell", "h", "$dh_t$ + carry", (0, -0.42)),
        Edge("h", "times", "$dh_t$", (0, -0.32)),
        Edge("W", "times", "$dW$", (0.45, 0.1)),
        Edge("times", "plus", "$ds_t$", (0, -0.32)),
        Edge("b", "plus", "$db$", (0.42, 0.1)),
        Edge("plus", "s", "$ds_t$", (0, -0.32)),
        Edge("s", "loss", "$ds_t$", (-0.15, -0.32)),
        Edge("target", "loss"),
        Edge("loss", "L", "$dL$", (0.2, -0.32)),
    ]
    return computation_graph(
        nodes, edges, "From a word to the loss; every array that learns gets a gradient back", (12, 3.3)
    )


def streams_picture(text: Sequence[str], inputs: np.ndarray, targets: np.ndarray) -> Figure:
    """Draw the blocks of a text, what is carried from one to the next, and where gradients stop.

    Args:
        text: one short string for each token.
        inputs: the place in the text of every input. Integers, shape (blocks, batch, time).
        targets: the place in the text of every target. Integers, shape (blocks, batch, time).

    Returns:
        The figure. It has a title and no axes to label.
    """
    blocks, batch, time = inputs.shape
    figure = Figure(figsize=(1.2 + 0.52 * blocks * (time + 2), 1.6 + 0.85 * batch), layout="constrained")
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.set_title("Each row goes on in the next block: states pass, gradients stop", loc="left")
    wide = time + 2.2
    for k, b, t in np.ndindex(inputs.shape):
        x, y = k * wide + t, -1.75 * b
        axes.add_patch(Rectangle((x, y), 1, 1, facecolor="#DCEBF5", edgecolor="black"))
        axes.text(x + 0.5, y + 0.6, text[inputs[k, b, t]], ha="center", va="center", fontsize=12)
        axes.text(x + 0.5, y + 0.18, text[targets[k, b, t]], ha="center", va="center", fontsize=8, color=BACKWARD)
    for k in range(blocks):
        axes.text(k * wide + time / 2, 1.35, f"block {k}", ha="center", va="bottom", fontweight="bold")
        for b in range(batch):
            left, y = k * wide, 0.5 - 1.75 * b
            if k == 0:
                axes.text(left - 0.4, y, f"stream {b}", ha="right", va="center")
            if k < blocks - 1:
                _arrow(axes, (left + time + 0.1, y + 0.22), (left + wide - 0.1, y + 0.22), FORWARD, "-")
                _arrow(axes, (left + wide - 0.1, y - 0.22), (left + wide - 0.85, y - 0.22), BACKWARD, "--")
                axes.plot([left + wide - 0.95] * 2, [y - 0.45, y + 0.01], color=BACKWARD, linestyle="-", linewidth=2.5)
    notes = "large letter: input; small letter: target\nblack: the state goes on; dashed: the gradient ends at the bar"
    axes.text(0, -1.75 * (batch - 1) - 0.45, notes, ha="left", va="top", fontsize=9.5)
    axes.set_xlim(-2.6, blocks * wide - 1.9)
    axes.set_ylim(-1.75 * (batch - 1) - 1.7, 2.1)
    return figure


def _arrow(axes: Axes, tail: tuple[float, float], head: tuple[float, float], color: str, dash: str) -> None:
    look = {"arrowstyle": "-|>", "color": color, "linestyle": dash, "linewidth": 1.5, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", xy=head, xytext=tail, arrowprops=look)


def hello_figure(rows: Mapping[str, np.ndarray], title: str) -> Figure:
    """Draw the probabilities of h, e, l, o at the four steps of "hello", the right letter in another colour.

    Args:
        rows: what each row of panels shows, and its probabilities. Shape (4, 4): steps, letters.
        title: the finding.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(9, 1.2 + 1.75 * len(rows)), layout="constrained")
    figure.suptitle(title, fontsize=11.5, fontweight="bold")
    grid = figure.subplots(len(rows), 4, sharex=True, sharey=True, squeeze=False)
    for axes_row, (name, p) in zip(grid, rows.items(), strict=True):
        for t, axes in enumerate(axes_row):
            right = "ello"[t]
            for k, letter in enumerate(HELLO_LETTERS):
                hit = letter == right
                color, hatch = (PALETTE["vermillion"], "") if hit else (PALETTE["sky"], "//")
                axes.bar(k, p[t, k], color=color, hatch=hatch, edgecolor="white")
                axes.text(k, p[t, k] + 0.02, f"{p[t, k]:.2f}", ha="center", va="bottom", fontsize=8.5)
            axes.set_xticks(range(4), list(HELLO_LETTERS))
            axes.set_ylim(0, 1.15)
            axes.grid(False, axis="x")
            axes.set_title(f'after "{"hell"[: t + 1]}"', loc="center", fontsize=10, fontweight="normal")
        axes_row[0].set_ylabel(f"{name}\nprobability")
    for axes in grid[-1]:
        axes.set_xlabel("next letter (right: filled)")
    return figure


# Curves and bars


def perplexity_curves(
    curves: Mapping[str, np.ndarray], levels: Mapping[str, float], title: str, xlabel: str = "epochs"
) -> Figure:
    """Draw perplexities over epochs, with named horizontal lines for models that have no epochs.

    Args:
        curves: name of each model and its perplexity after 1, 2, … epochs. Shape (epochs,) each.
        levels: name and perplexity of each line.
        title: the finding.
        xlabel: what runs along the horizontal axis.

    Returns:
        The figure.
    """
    figure, axes = panel(title, xlabel, "perplexity on new text", (7.6, 4.2))
    looks = zip(COLORS, LINESTYLES, MARKERS, strict=True)
    most = max(len(values) for values in curves.values())
    for (name, values), (color, dash, marker) in zip(curves.items(), looks, strict=False):
        axes.plot(np.arange(1, len(values) + 1), values, color=color, linestyle=dash, marker=marker, label=name)
    for name, level in levels.items():
        axes.axhline(level, color=GREY, linestyle=":", linewidth=1.4)
        axes.annotate(
            f"{name}: {level:.1f}", (most, level), xytext=(0, 3), textcoords="offset points", ha="right", fontsize=9
        )
    axes.set_ylim(0)
    axes.set_xticks(range(1, most + 1))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def word_bars(words: Sequence[str], models: Mapping[str, np.ndarray], title: str, xlabel: str, ylabel: str) -> Figure:
    """Draw a number for each of some words, according to each of some models.

    Args:
        words: the words.
        models: name and numbers of each. Shape (words,) each. At most four.
        title: the finding.
        xlabel, ylabel: what the axes show, with units.

    Returns:
        The figure.
    """
    figure, axes = panel(title, xlabel, ylabel, (max(7.2, 0.34 * len(words) + 1), 4.0))
    width, hatches = 0.8 / len(models), ("", "//", "..", "xx")
    for k, (name, values) in enumerate(models.items()):
        where = np.arange(len(words)) + (k - (len(models) - 1) / 2) * width
        axes.bar(where, values, width, color=COLORS[k], hatch=hatches[k], edgecolor="white", label=name)
    axes.set_xticks(range(len(words)), words, rotation=50, ha="right", fontsize=9)
    axes.grid(False, axis="x")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=len(models))
    return figure


# What the carried state is worth


def perplexity_of_blocks(
    model: keras.Model, inputs: np.ndarray, targets: np.ndarray, carry: bool, loss: Callable[..., float]
) -> tuple[np.ndarray, np.ndarray]:
    """Let a model read blocks in their order, and go on or start afresh at each.

    Args:
        model: one that carries its state and has `reset_state`.
        inputs, targets: Integers, shape (blocks, batch, time).
        carry: whether the state is carried from block to block.
        loss: called with scores, targets and a mask, as lesson 10's `softmax_loss`.

    Returns:
        (losses, counts): the mean loss and the number of tokens of each block. Shape (blocks,) each.
    """
    model.reset_state()
    losses, mask = [], np.ones(targets.shape[1:], bool)
    for block, wanted in zip(inputs, targets, strict=True):
        if not carry:
            model.reset_state()
        losses.append(loss(np.asarray(model.predict_on_batch(block), np.float64), wanted, mask))
    model.reset_state()
    return np.array(losses), np.full(len(losses), mask.sum())


# A training that breaks off


class PowerCut(Exception):
    """The power is gone."""


class Interrupted(Training):
    """A training that breaks off without warning after some blocks of some epoch, and keeps nothing more.

    Args:
        after: (epochs done, blocks done in the next one).
        arguments, settings: those of `unrolled.language.Training`.
    """

    def __init__(self, *arguments: Any, after: tuple[int, int], **settings: Any) -> None:
        self.after = after
        super().__init__(*arguments, **settings)

    def _after_block(self, nats: float, tokens: float, seconds: float) -> None:
        super()._after_block(nats, tokens, seconds)
        if (self.epoch, self.block) == self.after:
            raise PowerCut


# Names to be recalled

NAMES = ("tom", "mary", "anna", "ben", "clara", "david", "emma", "frank")
FILLERS = ("then", "the", "rain", "fell", "on", "roof", "and", "wind", "sang", "all", "day", "again")
RECALL_VOCABULARY = ("<pad>", *NAMES, *FILLERS, "walked", "in", ".", "said", "hi", "to")
_WORD = {word: k for k, word in enumerate(RECALL_VOCABULARY)}
AROUND = 8  # words of a sentence besides the fillers, and without the answer


@dataclass(frozen=True)
class Introductions:
    """Sentences of the kind "tom walked in . … mary said hi to ___".

    Attributes:
        ids: the words, 0 for padding at the end. Integers, shape (sentences, time).
        targets: the words one step later, the answer at the blank. Integers, shape (sentences, time).
        blank: True at the last word of each sentence, after which the answer comes. Shape (sentences, time).
        distance: how many words lie between the name and the blank where it is asked for. Shape (sentences,).
    """

    ids: np.ndarray
    targets: np.ndarray
    blank: np.ndarray
    distance: np.ndarray


def introductions(
    count: int, fillers: tuple[int, int] | int, rng: np.random.Generator, time: int | None = None
) -> Introductions:
    """Draw sentences in which somebody walks in, much happens, and somebody else says hi to whoever it was.

    The one who greets has another name than the one who is greeted. All fillers are drawn at random.

    Args:
        count: how many.
        fillers: how many words of no importance lie between, a number or (least, most).
        rng: the source of all draws.
        time: the length to pad to. Default: that of the longest sentence.

    Returns:
        The sentences, padded at their ends.
    """
    least, most = (fillers, fillers) if isinstance(fillers, int) else fillers
    between = rng.integers(least, most + 1, count)
    time = max(time or 0, AROUND + int(between.max()))
    ids, targets = np.zeros((2, count, time), int)
    blank = np.zeros((count, time), bool)
    for n, words in enumerate(between):
        guest, host = rng.choice(NAMES, 2, replace=False)
        middle = rng.choice(FILLERS, words)
        sentence = [guest, "walked", "in", ".", *middle, host, "said", "hi", "to", guest]
        numbers = [_WORD[str(word)] for word in sentence]
        ids[n, : len(numbers) - 1] = numbers[:-1]
        targets[n, : len(numbers) - 1] = numbers[1:]
        blank[n, len(numbers) - 2] = True
    return Introductions(ids, targets, blank, between + AROUND - 1)


def recall_accuracy(model: keras.Model, sentences: Introductions) -> float:
    """Compute how often the likeliest word at the blank is the right name."""
    scores = np.asarray(model.predict_on_batch(sentences.ids))
    return float((scores.argmax(axis=-1) == sentences.targets)[sentences.blank].mean())


# Vectors of lesson 02's kind


def skip_gram_vectors(
    ids: np.ndarray, vocabulary: int, units: int, *, window: int = 2, negatives: int = 4, epochs: int = 1, seed: int = 0
) -> np.ndarray:
    """Learn word vectors by skip-gram with negative sampling, as in lesson 02, from a text without looking ahead.

    Args:
        ids: the text. Integers, shape (tokens,).
        vocabulary: how many words.
        units: numbers for each word.
        window: how far a neighbour may stand.
        negatives: words of the noise for each neighbour.
        epochs: how often the text is gone through.
        seed: of the first vectors and of the noise.

    Returns:
        One row for each word, with mean 0 and standard deviation .1 over all. Shape (vocabulary, units).

    Source: Mikolov, Sutskever, Chen, Corrado and Dean 2013.
    """
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    center, words = keras.Input((1,), dtype="int32"), keras.Input((1 + negatives,), dtype="int32")
    vectors = keras.layers.Embedding(vocabulary, units)
    other = keras.layers.Embedding(vocabulary, units, embeddings_initializer="zeros")
    scores = ops.squeeze(keras.layers.Dot(axes=2)([other(words), vectors(center)]), axis=-1)
    model = keras.Model([center, words], scores)
    model.compile(keras.optimizers.Adam(0.01), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    model.optimizer.build(model.trainable_variables)  # or TensorFlow traces the first step twice
    places = np.arange(window, len(ids) - window)
    noise = np.bincount(ids, minlength=vocabulary) ** 0.75
    noise /= noise.sum()
    for _ in range(epochs):
        shift = rng.choice([k for k in range(-window, window + 1) if k], len(places))
        near = ids[places + shift][:, None]
        drawn = np.concatenate([near, rng.choice(vocabulary, (len(places), negatives), p=noise)], axis=1)
        right = np.zeros(drawn.shape, "float32")
        right[:, 0] = 1
        model.fit([ids[places][:, None], drawn], right, batch_size=1024, epochs=1, verbose=0)
    found = ops.convert_to_numpy(vectors.embeddings)
    return 0.1 * (found - found.mean()) / found.std()


# Temperature and top-k


def shares(sample: Sample, scores: np.ndarray, temperature: float, top_k: int, draws: int = 1000) -> np.ndarray:
    """Count how often each word is drawn with evenly spaced numbers u.

    Args:
        sample: as lesson 10's exercise.
        scores: what a model says. Shape (vocabulary,).
        temperature, top_k: as `sample` takes them.
        draws: how many numbers.

    Returns:
        Shares that add up to 1. Shape (vocabulary,).
    """
    words = [sample(scores, temperature, top_k, (k + 0.5) / draws) for k in range(draws)]
    return np.bincount(words, minlength=len(scores)) / draws


def _temperature_bars(axes: Axes, share: np.ndarray, order: np.ndarray, words: Sequence[str], name: str) -> None:
    axes.bar(range(len(order)), share[order], color=PALETTE["blue"])
    rest = 1 - share[order].sum()
    axes.bar(len(order), rest, color=PALETTE["orange"], hatch="//", edgecolor="white")
    axes.set_xticks(
        range(len(order) + 1), [*(words[k] for k in order), "all others"], rotation=50, ha="right", fontsize=8.5
    )
    axes.set_ylim(0, 1)
    axes.grid(False, axis="x")
    axes.set_title(name, loc="center", fontsize=10, fontweight="normal")


def temperatures(
    sample: Sample, scores: np.ndarray, words: Sequence[str], top_k: int = 5, shown: int = 8, live: bool | None = None
) -> Any:
    """Show what temperature and top-k do to the next word, with a slider or as a static figure.

    Args:
        sample: as lesson 10's exercise.
        scores: what a model says of each word. Shape (vocabulary,).
        words: the vocabulary.
        top_k: how many words stay in the right panel, or the lower row.
        shown: how many words get a bar of their own.
        live: whether to make a slider. Default: `is_live()` of `unrolled.widgets`.

    Returns:
        A slider with its figure, or the static figure.
    """
    order = np.argsort(-scores, kind="stable")[:shown]

    def rows(figure: Figure, values: Sequence[float]) -> None:
        grid = figure.subplots(2, len(values), sharex=True, sharey=True, squeeze=False)
        for row, (count, name) in zip(grid, ((0, "all words"), (top_k, f"top {top_k}")), strict=True):
            for axes, temperature in zip(row, values, strict=True):
                share = shares(sample, scores, temperature, count, 400)
                _temperature_bars(axes, share, order, words, f"temperature {temperature:.2g}, {name}")
            row[0].set_ylabel("share of draws")
        for axes in grid[-1]:
            axes.set_xlabel("next word")

    def draw(temperature: float) -> Figure:
        figure = Figure(figsize=(6.4, 6.2), layout="constrained")
        figure.suptitle(
            f"Temperature {temperature:.2f}: drawn from all words, and from the best {top_k}", fontweight="bold"
        )
        rows(figure, [temperature])
        return figure

    def static() -> Figure:
        figure = Figure(figsize=(10, 6.2), layout="constrained")
        figure.suptitle(
            f"Cold repeats the best word, heat lets in all others, top {top_k} keeps them out", fontweight="bold"
        )
        rows(figure, (0.3, 1.0, 2.0))
        return figure

    return explore(draw, static, "temperature", (0.1, 3.0, 1.0), live)
