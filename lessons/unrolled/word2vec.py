"""Lesson 02's text preparation, training loop, measures and figures."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from unrolled.clusters import principal_plane
from unrolled.figures import COLORS, GREY, LINESTYLES, MARKERS, PALETTE, panel
from unrolled.graphs import Edge, Node, computation_graph
from unrolled.widgets import explore

STOP = 0  # the index of the full stop, which stands between sentences


@dataclass(frozen=True)
class Text:
    """Sentences as one row of word indices.

    Attributes:
        words: the vocabulary, the full stop first, then from the most to the least frequent word.
        index: word → its index.
        counts: how often each word occurs, 0 for the full stop. Shape (vocabulary,), int64.
        tokens: the sentences with full stops between them, so many that no window reaches from one sentence into
            the next. Shape (length,), int64.
    """

    words: tuple[str, ...]
    index: Mapping[str, int]
    counts: np.ndarray
    tokens: np.ndarray


def encode(sentences: Sequence[Sequence[str]], gap: int) -> Text:
    """Number the words by frequency and join the sentences, `gap` full stops before, between and after them.

    Args:
        sentences: tuples of words.
        gap: the size of the windows that will be cut. At least 1.

    Returns:
        The text. Words that are equally frequent stand in alphabetic order.

    Raises:
        ValueError: if there is no sentence or `gap` is below 1.
    """
    if not sentences or gap < 1:
        raise ValueError(
            "`sentences` must not be empty and `gap` must be at least 1. "
            f"Received: {len(sentences)} sentences, gap={gap}. Example: encode([('a', 'cat')], gap=2)."
        )
    found = Counter(word for sentence in sentences for word in sentence)
    words = (".", *sorted(found, key=lambda word: (-found[word], word)))
    index = {word: k for k, word in enumerate(words)}
    stops = [STOP] * gap
    tokens = list(stops)
    for sentence in sentences:
        tokens += [index[word] for word in sentence]
        tokens += stops
    return Text(words, index, np.array([0, *(found[word] for word in words[1:])]), np.array(tokens))


def without_stops(contexts: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Leave out the windows in whose middle a full stop stands.

    Args:
        contexts: shape (windows, places), integers.
        targets: shape (windows,), integers.

    Returns:
        (contexts, targets) of the other windows.
    """
    kept = targets != STOP
    return contexts[kept], targets[kept]


def skip_gram_examples(contexts: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn windows round: the middle word is given, and each word around it is to be predicted.

    Args:
        contexts: shape (windows, places), integers.
        targets: the words in the middle. Shape (windows,), integers.

    Returns:
        (given, predicted): one example for each place of each window without its full stops. Shapes (examples, 1),
        a context of one word, and (examples,).
    """
    given, predicted = np.repeat(targets, contexts.shape[1]), contexts.ravel()
    kept = (given != STOP) & (predicted != STOP)
    return given[kept, np.newaxis], predicted[kept]


def keep_probability(frequency: np.ndarray, t: float, formula: str = "paper") -> np.ndarray:
    """Compute with which probability a word is kept where frequent words are thinned out.

    Args:
        frequency: each word's share of the text, above 0. Shape (vocabulary,).
        t: the threshold, a share of the text.
        formula: "paper", sqrt(t / f), or "code", sqrt(t / f) + t / f, which the authors' program computes.

    Returns:
        The probabilities, at most 1. Shape (vocabulary,).

    Raises:
        ValueError: for another formula.

    Source: Mikolov et al. 2013 ("Distributed representations"), equation 5; their word2vec.c.
    """
    if formula not in ("paper", "code"):
        raise ValueError(
            f"`formula` must be 'paper' or 'code'. Received: {formula!r}. Example: keep_probability(f, 1e-3, 'paper')."
        )
    ratio = t / frequency
    return np.minimum(np.sqrt(ratio) + (ratio if formula == "code" else 0), 1)


def subsample(
    sentences: Sequence[Sequence[str]], t: float, rng: np.random.Generator, formula: str = "paper"
) -> list[tuple[str, ...]]:
    """Leave out words of a text at random, the more the more frequent they are.

    Args:
        sentences: tuples of words.
        t, formula: as in `keep_probability`.
        rng: decides about each word.

    Returns:
        The sentences that still have a word.
    """
    found = Counter(word for sentence in sentences for word in sentence)
    share = np.array(list(found.values())) / found.total()
    keep = dict(zip(found, keep_probability(share, t, formula), strict=True))
    thinned = [tuple(word for word in sentence if rng.random() < keep[word]) for sentence in sentences]
    return [sentence for sentence in thinned if sentence]


@dataclass(frozen=True)
class Settings:
    """How to train.

    Attributes:
        units: the length of the vectors.
        negatives: how many words are drawn for each example.
        passes: how often every example is used.
        batch: examples for each update.
        rate: Adam's step at the start; it falls linearly to a hundredth.
        power: the exponent of the noise distribution.
        seed: decides the start, the order and the negatives.
    """

    units: int = 50
    negatives: int = 5
    passes: int = 4
    batch: int = 1024
    rate: float = 0.04
    power: float = 0.75
    seed: int = 0


@dataclass(frozen=True)
class Trained:
    """What training gave.

    Attributes:
        W_in, W_out: the tables. Shape (vocabulary, units), float64.
        losses: the mean loss of each tenth of a pass, in nats. Shape (10 passes,).
        seconds: how long it took.
    """

    W_in: np.ndarray
    W_out: np.ndarray
    losses: np.ndarray
    seconds: float


Gradients = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray], tuple[float, np.ndarray, np.ndarray]]


def add_rows(rows: np.ndarray, indices: np.ndarray, vocabulary: int) -> np.ndarray:
    """Add rows into a table of zeros, where an index may stand many times: sorted first, then summed in runs.

    Args:
        rows: shape (…, units).
        indices: the row of the table for each. Shape (…), integers.
        vocabulary: the number of rows of the table.

    Returns:
        The table. Shape (vocabulary, units).
    """
    flat = indices.ravel()
    order = np.argsort(flat, kind="stable")
    ordered = flat[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    table = np.zeros((vocabulary, rows.shape[-1]))
    table[ordered[starts]] = np.add.reduceat(rows.reshape(-1, rows.shape[-1])[order], starts, axis=0)
    return table


def overwrite_rows(rows: np.ndarray, indices: np.ndarray, vocabulary: int) -> np.ndarray:
    """Put rows into a table of zeros the wrong way: of an index that stands many times, one row is kept.

    Args:
        rows, indices, vocabulary: as in `add_rows`.

    Returns:
        The table. Shape (vocabulary, units).
    """
    table = np.zeros((vocabulary, rows.shape[-1]))
    table[indices] = rows
    return table


def fast_gradients(
    W_in: np.ndarray,
    W_out: np.ndarray,
    contexts: np.ndarray,
    targets: np.ndarray,
    negatives: np.ndarray,
    add: Callable[[np.ndarray, np.ndarray, int], np.ndarray] = add_rows,
) -> tuple[float, np.ndarray, np.ndarray]:
    """Compute the negative-sampling loss of a batch, averaged over its examples, and its gradients.

    The same as the exercises' functions, with one gather, one product and one sum for the target and the negatives
    together.

    Args:
        W_in, W_out: the tables. Shape (vocabulary, units).
        contexts: shape (batch, places), integers.
        targets: shape (batch,), integers.
        negatives: shape (batch, negatives), integers.
        add: what collects the rows' gradients in a table.

    Returns:
        (loss, dW_in, dW_out): a number, and two arrays of the tables' shape.
    """
    batch, places = contexts.shape
    h = W_in[contexts].mean(axis=1)  # (batch, units)
    words = np.concatenate([targets[:, np.newaxis], negatives], axis=1)  # (batch, 1 + negatives)
    vectors = W_out[words]
    scores = np.matmul(vectors, h[:, :, np.newaxis])[:, :, 0]
    kept = words != targets[:, np.newaxis]
    kept[:, 0] = True
    signed = np.concatenate([-scores[:, :1], scores[:, 1:]], axis=1)
    loss = (kept * np.logaddexp(0, signed)).sum() / batch  # -log σ(z) = log(1 + exp(-z))
    dscores = 0.5 * (1 + np.tanh(0.5 * scores))
    dscores[:, 0] -= 1
    dscores *= kept / batch
    dh = np.matmul(dscores[:, np.newaxis], vectors)[:, 0]
    dvectors = dscores[:, :, np.newaxis] * h[:, np.newaxis]
    dplaces = np.repeat(dh[:, np.newaxis] / places, places, axis=1)
    return float(loss), add(dplaces, contexts, len(W_in)), add(dvectors, words, len(W_out))


def train(
    examples: tuple[np.ndarray, np.ndarray],
    noise: np.ndarray,
    settings: Settings,
    gradients: Gradients = fast_gradients,
    progress: str = "",
) -> Trained:
    """Learn word vectors by negative sampling, with Adam.

    Args:
        examples: (contexts, targets), shapes (examples, places) and (examples,). A context of one word makes it a
            skip-gram model.
        noise: the probability with which each word is drawn as a negative. Shape (vocabulary,).
        settings: how to train; its `power` is for the caller, who makes `noise`.
        gradients: what computes loss and gradients of a batch.
        progress: a name, to show a progress bar under.

    Returns:
        The tables and the course of the loss.

    Raises:
        ValueError: if there are fewer examples than ten batches.

    Source: Mikolov et al. 2013; Kingma and Ba 2015 (Adam).
    """
    contexts, targets = examples
    rng = np.random.default_rng(settings.seed)
    vocabulary, units, batch = len(noise), settings.units, settings.batch
    if len(targets) < 10 * batch:
        raise ValueError(
            f"`examples` must fill at least ten batches. Received: {len(targets)} examples, batch={batch}. "
            "Use a longer text, or Settings(batch=64)."
        )
    tables = [
        (rng.random((vocabulary, units)) - 0.5) / units,
        np.zeros((vocabulary, units)),
    ]
    moments = [(np.zeros_like(table), np.zeros_like(table)) for table in tables]
    up_to = np.cumsum(noise)
    batches = len(targets) // batch
    tenths = np.linspace(0, batches, 11).astype(int)[1:]
    losses, since, step = [], [], 0
    bar = _Bar(progress)
    for _ in range(settings.passes):
        order = rng.permutation(len(targets))
        for k in range(batches):
            chosen = order[k * batch : (k + 1) * batch]
            drawn = np.searchsorted(up_to, rng.random((batch, settings.negatives)) * up_to[-1], side="right")
            loss, *found = gradients(*tables, contexts[chosen], targets[chosen], drawn)
            rate = settings.rate * max(0.01, 1 - step / (settings.passes * batches))
            step += 1
            for table, gradient, (mean, square) in zip(tables, found, moments, strict=True):
                mean += 0.1 * (gradient - mean)
                square += 0.001 * (gradient**2 - square)
                table -= rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
            since.append(loss)
            if k + 1 in tenths:
                losses.append(np.mean(since))
                since = []
                bar.show(len(losses) / (10 * settings.passes), losses[-1])
    return Trained(*tables, np.array(losses), bar.seconds())


class _Bar:
    """A progress bar on one line, drawn anew twice a second at most. Without a name it only keeps the time."""

    def __init__(self, name: str) -> None:
        self.name, self.begin, self.last = name, time.perf_counter(), 0.0

    def seconds(self) -> float:
        return time.perf_counter() - self.begin

    def show(self, done: float, loss: float) -> None:
        if not self.name or (done < 1 and self.seconds() - self.last < 0.5):
            return
        self.last = self.seconds()
        filled = "█" * round(20 * done)
        end = "\n" if done >= 1 else ""
        print(f"\r{self.name:24s} {filled:·<20s} {done:4.0%}  loss {loss:.3f} {self.last:6.1f} s", end=end, flush=True)


# Measures


def score_analogies(
    questions: Mapping[str, Sequence[tuple[str, str, str, str]]],
    index: Mapping[str, int],
    answer: Callable[[int, int, int], int],
) -> dict[str, float]:
    """Compute the share of analogies answered with the right word.

    Args:
        questions: relation → quadruples (a, b, c, d): a is to b as c is to d.
        index: word → its index.
        answer: a function of the indices of a, b and c, which gives one index.

    Returns:
        Relation → share of right answers; "all" → the share over all questions.
    """
    right = {
        name: [answer(*(index[word] for word in one[:3])) == index[one[3]] for one in group]
        for name, group in questions.items()
    }
    shares = {name: float(np.mean(hits)) for name, hits in right.items()}
    return {**shares, "all": float(np.mean(np.concatenate(list(right.values()))))}


def most_frequent_of_kind(text: Text, questions: Mapping[str, Sequence[tuple[str, str, str, str]]]):
    """Make the frequency baseline: the most frequent word of the right kind among the possible answers.

    It knows what no model is told: which words are answers to the questions of this relation at all.

    Args:
        text: gives the counts.
        questions: relation → quadruples.

    Returns:
        A function of a, b, c for `score_analogies`.
    """
    kind: dict[int, list[int]] = {}  # the possible answers, by the word b, which is one of them
    for group in questions.values():
        answers = sorted({text.index[one[3]] for one in group}, key=lambda k: -text.counts[k])
        kind |= dict.fromkeys(answers, answers)
    return lambda a, b, c: next(word for word in kind[b] if word != b)


def nearest(word: int, W: np.ndarray, k: int) -> np.ndarray:
    """List the k words with the largest cosine to a word, the best first, without the word itself.

    Args:
        word: an index.
        W: word vectors. Shape (vocabulary, units).
        k: how many.

    Returns:
        Indices. Shape (k,).
    """
    unit = W / np.linalg.norm(W, axis=1, keepdims=True)
    cosine = unit @ unit[word]
    cosine[word] = -np.inf
    return np.argsort(-cosine)[:k]


def nearest_to_c(W: np.ndarray) -> Callable[[int, int, int], int]:
    """Make the baseline that answers with the nearest word to c, whatever a and b are.

    Args:
        W: word vectors. Shape (vocabulary, units).

    Returns:
        A function of a, b, c for `score_analogies`, which never answers with one of them.

    Source: Linzen 2016, "Issues in evaluating semantic spaces using word analogies".
    """
    return lambda a, b, c: next(word for word in nearest(c, W, 3) if word not in (a, b))


def offset_agreement(W: np.ndarray, first: Sequence[int], second: Sequence[int]) -> float:
    """Compute the mean cosine between the steps of different pairs, from the first word to the second.

    Args:
        W: word vectors. Shape (vocabulary, units).
        first, second: the words of each pair. Shape (pairs,) each.

    Returns:
        The mean over all pairs of different steps.
    """
    unit = W / np.linalg.norm(W, axis=1, keepdims=True)
    step = unit[list(second)] - unit[list(first)]
    step = step / np.linalg.norm(step, axis=1, keepdims=True)
    return float((step @ step.T)[~np.eye(len(step), dtype=bool)].mean())


def company(sentences: Sequence[Sequence[str]], words: Sequence[str], neighbours: Sequence[str]) -> np.ndarray:
    """Count in how many sentences each word meets each neighbour.

    Args:
        sentences: tuples of words.
        words, neighbours: what to count.

    Returns:
        Counts. Shape (words, neighbours), int64.
    """
    counts = np.zeros((len(words), len(neighbours)), dtype=np.int64)
    for sentence in sentences:
        there = set(sentence)
        for i, word in enumerate(words):
            if word in there:
                counts[i] += [neighbour in there and neighbour != word for neighbour in neighbours]
    return counts


# Figures


def draw_company(counts: np.ndarray, words: Sequence[str], neighbours: Sequence[str], title: str) -> Figure:
    """Show how often words share a sentence, as a table of shaded squares with the numbers in them.

    Args:
        counts: shape (words, neighbours).
        words, neighbours: the rows and the columns.
        title: the finding.

    Returns:
        The figure.
    """
    figure, axes = panel(title, "word in the same sentence", "word", size=(8.6, 2.9))
    shade = np.log1p(counts)
    axes.imshow(shade, cmap="Blues", aspect="auto", vmax=1.25 * shade.max())
    for (i, k), count in np.ndenumerate(counts):
        dark = shade[i, k] > 0.8 * shade.max()
        axes.text(k, i, str(count), ha="center", va="center", fontsize=9.5, color="white" if dark else "black")
    axes.set_xticks(range(len(neighbours)), neighbours, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(words)), words)
    axes.grid(False)
    return figure


def draw_steps(W: np.ndarray, text: Text, pairs: Mapping[str, Sequence[tuple[str, str]]], title: str) -> Figure:
    """Show pairs of words on the plane of their two principal components, an arrow from the first to the second.

    Args:
        W: word vectors. Shape (vocabulary, units).
        text: gives the words' indices.
        pairs: relation → its pairs; one panel each, two at most.
        title: the finding.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(10.4, 4.9), layout="constrained")
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    unit = W / np.linalg.norm(W, axis=1, keepdims=True)
    for axes, (name, group) in zip(figure.subplots(1, len(pairs), squeeze=False)[0], pairs.items(), strict=True):
        words = [word for pair in group for word in pair]
        positions, shares = principal_plane(unit[[text.index[word] for word in words]].astype(np.float64))
        arrow = {"arrowstyle": "->", "color": GREY, "linestyle": "--", "shrinkA": 4, "shrinkB": 4}
        for start, end in zip(positions[::2], positions[1::2], strict=True):
            axes.annotate("", xy=end, xytext=start, arrowprops=arrow)
        for side, (align, shift) in enumerate((("right", -6), ("left", 6))):
            own = positions[side::2]
            axes.plot(*own.T, color=COLORS[side], marker=MARKERS[side], linestyle="")
            heights = _spread(own[:, 1], 0.045 * np.ptp(positions[:, 1]))
            for (x, _), y, word in zip(own, heights, words[side::2], strict=True):
                axes.annotate(word, (x, y), (shift, 0), textcoords="offset points", ha=align, va="center", fontsize=8.5)
        axes.set_title(name, fontweight="normal")
        axes.set_xlabel(f"principal component 1 ({shares[0]:.0%} of variance)")
        axes.set_ylabel(f"principal component 2 ({shares[1]:.0%} of variance)")
        axes.margins(x=0.3, y=0.08)
    return figure


def _spread(heights: np.ndarray, gap: float) -> np.ndarray:
    """Move heights apart until neighbours are `gap` from one another, each as little as its neighbours allow."""
    order = np.argsort(heights)
    moved = heights[order].copy()
    for _ in range(200):
        short = gap - np.diff(moved)
        push = np.where(short > 0, short / 2, 0)
        moved[:-1] -= push
        moved[1:] += push
    spread = np.empty_like(moved)
    spread[order] = moved
    return spread


def draw_shares(
    shares: Mapping[str, Mapping[str, float]], title: str, ylabel: str, level: tuple[str, float] | None = None
) -> Figure:
    """Draw groups of bars: one group for each relation, one bar in it for each way to answer.

    Args:
        shares: name of a way → relation → share from 0 to 1. At most five ways.
        title: the finding.
        ylabel: what the height shows.
        level: name and height of a line to compare with.

    Returns:
        The figure.
    """
    figure, axes = panel(title, "relation", ylabel)
    groups = list(next(iter(shares.values())))
    width = 0.8 / len(shares)
    for k, (way, of) in enumerate(shares.items()):
        where = np.arange(len(groups)) + (k - (len(shares) - 1) / 2) * width
        hatch = ("", "///", "..", "xx", "\\\\")[k]
        face = (PALETTE["blue"], "#F2C49B", "#FFFFFF", "#BBBBBB", "#D8E8D8")[k]
        axes.bar(where, [100 * of[g] for g in groups], width, color=face, hatch=hatch, edgecolor="black", label=way)
    if level:
        axes.axhline(100 * level[1], color="black", linestyle="--", linewidth=1.3, label=level[0])
    axes.set_xticks(range(len(groups)), groups)
    axes.grid(False, axis="x")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def draw_subsampling(t: float, frequency: np.ndarray) -> Figure:
    """Draw the probability that a word is kept against its frequency, by both formulas.

    Args:
        t: the threshold, a share of the text.
        frequency: the words' shares of the text, marked on the curves. Shape (vocabulary,).

    Returns:
        The figure.
    """
    figure, axes = panel(
        "The program thins out less than the paper's formula says",
        "share of the text, f, in units of t",
        "probability to be kept (no unit)",
    )
    ratio = np.geomspace(0.1, 100, 200)
    own = np.unique(frequency[frequency > 0]) / t
    looks = (("paper", "paper: $\\sqrt{t/f}$"), ("code", "program: $\\sqrt{t/f} + t/f$"))
    for (formula, name), color, dash, marker in zip(looks, COLORS, LINESTYLES, MARKERS, strict=False):
        axes.plot(ratio, keep_probability(ratio, 1.0, formula), color=color, linestyle=dash, label=name)
        shown = own[own > 2]
        axes.plot(
            shown, keep_probability(shown, 1.0, formula), color=color, marker=marker, markersize=4, linestyle="",
            label="words of our text" if formula == "paper" else None,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_ylim(0, 1.05)
    axes.legend(loc="lower left")
    return figure


def draw_noise(counts: np.ndarray, powers: Sequence[float]) -> Figure:
    """Draw with which probability each word is drawn as a negative, for some exponents.

    Args:
        counts: how often each word occurs; words that do not are left out. Shape (vocabulary,).
        powers: the exponents. At most seven.

    Returns:
        The figure.
    """
    ordered = np.sort(counts[counts > 0])[::-1].astype(float)
    first = [ordered[:10] ** power / np.sum(ordered**power) for power in powers]
    of = " / ".join(f"{100 * f.sum():.0f}" for f in first)
    which = " / ".join(f"{power:g}" for power in powers)
    title = f"Power {which}: ten words get {of} % of the draws"
    figure, axes = panel(title, "word, from the most to the least frequent", "probability to be drawn (no unit)")
    for power, color, dash in zip(powers, COLORS, LINESTYLES, strict=False):
        weights = ordered**power
        rank = np.arange(1, len(ordered) + 1)
        axes.plot(rank, weights / weights.sum(), color=color, linestyle=dash, label=f"power {power:g}")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(1e-4, 0.3)
    axes.legend(loc="lower left")
    return figure


def explore_noise(counts: np.ndarray, live: bool | None = None) -> Any:
    """Show how the exponent moves draws from frequent to rare words.

    Args:
        counts: how often each word occurs. Shape (vocabulary,).
        live: whether to make a slider. Default: `unrolled.widgets.is_live()`.

    Returns:
        A slider with its figure, or the static figure.
    """
    return explore(
        lambda power: draw_noise(counts, [round(power, 2)]),
        lambda: draw_noise(counts, [1, 0.75, 0]),
        "power",
        (0.0, 1.5, 0.75),
        live,
    )


def cbow_graph() -> Figure:
    """Draw the CBOW model with a context of two words, and every gradient of its full softmax."""
    nodes = {
        "one": Node(0, 3, "$W_{in}[w_1]$"),
        "two": Node(0, 1, "$W_{in}[w_2]$"),
        "mean": Node(2.2, 2, "mean", operation=True),
        "h": Node(3.9, 2, "$h$"),
        "W_out": Node(4.2, 0.3, "$W_{out}$"),
        "product": Node(5.6, 2, "$@$", operation=True),
        "s": Node(7.1, 2, "$s$"),
        "softmax": Node(9.2, 2, "softmax,\n$-\\log p_t$", operation=True),
        "loss": Node(11.3, 2, "$L$"),
    }
    edges = [
        Edge("one", "mean", "$dh / 2$", (0.3, 0.3)),
        Edge("two", "mean", "$dh / 2$", (0.3, -0.3)),
        Edge("mean", "h", "$dh$", (0.05, -0.32)),
        Edge("h", "product", "$dh$", (0.0, 0.34)),
        Edge("W_out", "product", "$dW_{out}$", (0.62, -0.1)),
        Edge("product", "s", "$ds$", (0.0, -0.32)),
        Edge("s", "softmax", "$dL\\,(p - e_t)$", (-0.2, -0.34)),
        Edge("softmax", "loss", "$dL$", (0.25, -0.32)),
    ]
    return computation_graph(nodes, edges, "CBOW: the mean shares its gradient out among the places", (11, 3.9))


def negative_sampling_graph() -> Figure:
    """Draw negative sampling with the target and one negative, and every gradient."""
    nodes = {
        "u_t": Node(0, 3.6, "$u_t$"),
        "h": Node(0, 1.8, "$h$"),
        "u_n": Node(0, 0, "$u_n$"),
        "dot_t": Node(2, 2.9, "$\\cdot$", operation=True),
        "dot_n": Node(2, 0.7, "$\\cdot$", operation=True),
        "z_t": Node(3.7, 2.9, "$z_t$"),
        "z_n": Node(3.7, 0.7, "$z_n$"),
        "log_t": Node(7.0, 2.9, "$-\\log\\,\\sigma(z_t)$", operation=True),
        "log_n": Node(7.0, 0.7, "$-\\log\\,\\sigma(-z_n)$", operation=True),
        "sum": Node(9.4, 1.8, "$+$", operation=True),
        "loss": Node(10.9, 1.8, "$L$"),
    }
    edges = [
        Edge("u_t", "dot_t", "$du_t$", (0.35, 0.25)),
        Edge("h", "dot_t", "$dz_t\\,u_t$", (-0.35, 0.3)),
        Edge("h", "dot_n", "$dz_n\\,u_n$", (-0.35, -0.32)),
        Edge("u_n", "dot_n", "$du_n$", (0.35, -0.27)),
        Edge("dot_t", "z_t", "$dz_t$", (0, 0.3)),
        Edge("dot_n", "z_n", "$dz_n$", (0, -0.3)),
        Edge("z_t", "log_t", "$dz_t = dL\\,(\\sigma(z_t) - 1)$", (-0.05, 0.38)),
        Edge("z_n", "log_n", "$dz_n = dL\\,\\sigma(z_n)$", (-0.05, -0.38)),
        Edge("log_t", "sum", "$dL$", (0.3, 0.25)),
        Edge("log_n", "sum", "$dL$", (0.3, -0.25)),
        Edge("sum", "loss", "$dL$", (0, -0.3)),
    ]
    title = "The target is pulled near, the negative is pushed away"
    return computation_graph(nodes, edges, title, (10.5, 4.6))
