"""The figures of lesson 01: from documents to word vectors, and how full the matrices on the way are."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from unrolled.clusters import principal_plane
from unrolled.figures import COLORS, GREY, LINESTYLES, MARKERS, panel, scatter_groups
from unrolled.widgets import explore


def pipeline() -> Figure:
    """Draw what the functions of the lesson make of each other, from documents to cosines."""
    figure = Figure(figsize=(8.8, 3.0), layout="constrained")
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_xlim(-0.9, 12.0)
    axes.set_ylim(-0.4, 2.0)
    axes.set_title("Two ways from words to numbers, both by counting", loc="left")
    boxes = (
        (0.0, 0.8, "documents\n(indices)"),
        (3.6, 1.6, "documents × words\ncounts"),
        (7.3, 1.6, "documents × words\nweights"),
        (3.6, 0.0, "words × words\ncounts"),
        (7.3, 0.0, "words × words\nPPMI"),
        (11.0, 0.0, "words × k\nvectors"),
        (11.0, 1.6, "cosines:\nwhat is alike?"),
    )
    # from, to, name of the function, where the name stands
    arrows = (
        ((0.85, 0.98), (2.35, 1.5), "bag_of_words", (1.0, 1.5)),
        ((0.85, 0.62), (2.6, 0.1), "neighbours", (1.1, 0.1)),
        ((4.85, 1.6), (6.05, 1.6), "tf_idf", (5.45, 1.77)),
        ((4.6, 0.0), (6.3, 0.0), "ppmi", (5.45, 0.17)),
        ((8.3, 0.0), (10.2, 0.0), "svd_embedding", (9.25, 0.17)),
        ((8.55, 1.6), (10.0, 1.6), "cosine_\nsimilarity", (9.25, 1.88)),
        ((11.0, 0.3), (11.0, 1.3), "cosine_\nsimilarity", (10.2, 0.8)),
    )
    for x, y, text in boxes:
        box = {"boxstyle": "round,pad=0.35", "facecolor": "#DCEBF5", "edgecolor": "black"}
        axes.text(x, y, text, ha="center", va="center", fontsize=9.5, zorder=4, bbox=box)
    for start, end, text, where in arrows:
        way = {"arrowstyle": "-|>", "linewidth": 1.5, "color": "black", "mutation_scale": 12}
        axes.annotate("", xy=end, xytext=start, arrowprops=way, zorder=2)
        axes.text(*where, text, ha="center", va="center", fontsize=8.5, family="monospace")
    return figure


def _image(axes: Axes, matrix: np.ndarray, limits: tuple[float, float]) -> Any:
    """Show a matrix, one cell for each entry: white is the lower limit, or 0 where the limits are opposite."""
    around_zero = limits[0] < 0
    image = axes.imshow(
        matrix,
        cmap="PuOr_r" if around_zero else "Greys",
        vmin=limits[0],
        vmax=limits[1],
        aspect="auto",
        interpolation="nearest",
    )
    axes.grid(False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(True)
    return image


def _middles(groups: Sequence[str]) -> tuple[list[float], list[str], list[float]]:
    """Where each run of equal names has its middle, the names, and where one run ends and the next begins."""
    edges = [k for k in range(1, len(groups)) if groups[k] != groups[k - 1]]
    starts, ends = [0, *edges], [*edges, len(groups)]
    middles = [(a + b - 1) / 2 for a, b in zip(starts, ends, strict=True)]
    return middles, [groups[a] for a in starts], [k - 0.5 for k in edges]


def document_terms(
    matrices: dict[str, np.ndarray], documents: Sequence[str], words: Sequence[str], title: str
) -> Figure:
    """Show document-term matrices as images, side by side, their rows and columns already in groups.

    Args:
        matrices: name -> matrix. Shape (documents, words) each, nowhere negative.
        documents: the group of each row, equal ones beside each other.
        words: the group of each column, equal ones beside each other.
        title: the finding.

    Returns:
        The figure: the darker an entry, the larger; white is zero.
    """
    figure = Figure(figsize=(8.4, 4.4), layout="constrained")
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    rows, row_names, row_edges = _middles(documents)
    columns, column_names, column_edges = _middles(words)
    many = figure.subplots(1, len(matrices), sharey=True, squeeze=False)[0]
    for axes, (name, matrix) in zip(many, matrices.items(), strict=True):
        top = float(np.quantile(matrix[matrix > 0], 0.98))
        image = _image(axes, matrix, (0, top))
        axes.set_title(name, fontweight="normal")
        axes.set_xticks(columns, column_names, rotation=45, ha="right", fontsize=8.5)
        axes.set_yticks(rows, row_names, fontsize=8.5)
        axes.set_xlabel("words, by group")
        for edge in row_edges:
            axes.axhline(edge, color=GREY, linewidth=0.5, linestyle="-")
        for edge in column_edges:
            axes.axvline(edge, color=GREY, linewidth=0.5, linestyle="-")
        figure.colorbar(image, ax=axes, shrink=0.8, extend="max")
    many[0].set_ylabel("documents, by topic")
    return figure


def similarity_maps(maps: dict[str, np.ndarray], labels: Sequence[str], title: str) -> Figure:
    """Show tables of cosines between the same words as images, side by side, with one scale.

    Args:
        maps: name -> cosines. Shape (words, words) each.
        labels: the words; none for too many to be read.
        title: the finding.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(8.4 if len(maps) > 1 else 5.6, 4.2), layout="constrained")
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    many = figure.subplots(1, len(maps), sharey=True, squeeze=False)[0]
    for axes, (name, cosines) in zip(many, maps.items(), strict=True):
        image = _image(axes, cosines, (-1, 1))
        axes.set_title(name, fontweight="normal", fontsize=10.5)
        axes.set_xticks(range(len(labels)), labels, rotation=90, fontsize=8.5)
        axes.set_yticks(range(len(labels)), labels, fontsize=8.5)
    figure.colorbar(image, ax=many, shrink=0.8, label="cosine (no unit)")
    return figure


def topic_maps(maps: dict[str, np.ndarray], groups: Sequence[str], title: str) -> Figure:
    """Like `similarity_maps`, for many words: the ticks name groups of words that stand beside each other.

    Args:
        maps: name -> cosines. Shape (words, words) each.
        groups: the group of each word.
        title: the finding.

    Returns:
        The figure.
    """
    figure = similarity_maps(maps, [], title)
    middles, names, edges = _middles(groups)
    for axes in figure.axes[: len(maps)]:
        axes.set_xticks(middles, names, rotation=45, ha="right", fontsize=8.5)
        axes.set_yticks(middles, names, fontsize=8.5)
        for edge in edges:
            axes.axhline(edge, color=GREY, linewidth=0.5, linestyle="-")
            axes.axvline(edge, color=GREY, linewidth=0.5, linestyle="-")
    return figure


def components(
    cosines: Callable[[int], np.ndarray], groups: Sequence[str], shown: tuple[int, int, int], live: bool | None = None
) -> Any:
    """Show how the number of components decides which words are alike.

    Args:
        cosines: gives the cosines between words for a number of components. Shape (words, words).
        groups: the group of each word, equal ones beside each other.
        shown: too few components, enough, and all there are. The static figure shows these three; the slider goes from
            1 to the last and starts at the middle one.
        live: whether to make a slider. Default: `unrolled.widgets.is_live()`.

    Returns:
        A slider with its figure, or the static figure.
    """
    title = "Too few components confuse topics, too many keep the noise"

    def draw(value: float) -> Figure:
        k = round(value)
        return topic_maps({f"{k} component{'s' * (k > 1)}": cosines(k)}, groups, title)

    def static() -> Figure:
        return topic_maps({f"{k} components": cosines(k) for k in shown}, groups, title)

    return explore(draw, static, "components", (1.0, float(shown[-1]), float(shown[1])), live)


def word_plane(
    vectors: np.ndarray, words: Sequence[str], groups: Sequence[str], pairs: Sequence[tuple[str, str]], title: str
) -> Figure:
    """Show word vectors on the plane of their two principal components, with a line between the words of each pair.

    Args:
        vectors: one row for each word. Shape (words, features).
        words: the words.
        groups: the group of each word, at most seven.
        pairs: words to be named and joined.
        title: the finding.

    Returns:
        The figure; its axis labels give the share of the variance.
    """
    places, shares = principal_plane(np.asarray(vectors))
    first, second = (f"principal component {k + 1} ({s:.0%} of variance)" for k, s in enumerate(shares))
    figure, axes = panel(title, first, second, size=(7.6, 5.0))
    scatter_groups(axes, places, groups, size=22)
    axes.margins(x=0.16)
    joined = [places[[list(words).index(word) for word in pair]] for pair in pairs]
    for ends in joined:
        axes.plot(*ends.T, color="black", linestyle="-", linewidth=2.2, zorder=4)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=6)
    _name_pairs(axes, [" – ".join(pair) for pair in pairs], joined, places)
    return figure


def _name_pairs(axes: Axes, names: Sequence[str], joined: Sequence[np.ndarray], places: np.ndarray) -> None:
    """Write a name beside each joined pair of points, where it covers the fewest points and no other name.

    Args:
        axes: with everything else drawn.
        names: of the pairs.
        joined: the two points of each pair. Shape (2, 2) each.
        places: all points. Shape (points, 2).
    """
    axes.figure.draw_without_rendering()  # settles the limits
    pixels, size = axes.transData.transform(places), 9 * axes.figure.dpi / 72
    taken: list[np.ndarray] = []
    for name, ends in zip(names, joined, strict=True):
        half = np.array([0.27 * len(name), 0.6]) * size  # of the name's width and height
        found = []
        for end in axes.transData.transform(ends):
            for direction in ((1, 0), (-1, 0), (0, 1), (0, -1), (0.7, 1), (-0.7, 1), (0.7, -1), (-0.7, -1)):
                for away in (0.9, 1.6, 2.5):
                    center = end + np.array(direction) * (half + away * size)
                    covered = np.sum(np.all(np.abs(pixels - center) < half + 0.5 * size, axis=1))
                    overlaps = sum(np.all(np.abs(other[0] - center) < other[1] + half) for other in taken)
                    outside = not axes.bbox.contains(*(center - half)) or not axes.bbox.contains(*(center + half))
                    found.append((10 * overlaps + covered + 10 * outside + 0.2 * away, *center))
        center = np.array(min(found)[1:])
        taken.append((center, half))
        text = axes.text(
            *axes.transData.inverted().transform(center), name, fontsize=9, ha="center", va="center", zorder=5
        )
        text.set_path_effects([withStroke(linewidth=3, foreground="white")])


def density(vocabularies: Sequence[int], measured: np.ndarray, bound: np.ndarray, title: str) -> Figure:
    """Draw how full a document-term matrix is against the size of its vocabulary, on two logarithmic axes.

    Args:
        vocabularies: numbers of words. Shape (points,).
        measured: share of entries that are not zero. Shape (points,).
        bound: the largest share that documents of this length allow. Shape (points,).
        title: the finding.

    Returns:
        The figure.
    """
    figure, axes = panel(title, "words in the vocabulary", "entries that are not zero (%)")
    for values, name, k in ((measured, "measured", 0), (bound, "the most that 60 words can fill", 1)):
        axes.plot(vocabularies, 100 * values, color=COLORS[k], linestyle=LINESTYLES[k], marker=MARKERS[k], label=name)
    axes.axhline(1, color="black", linestyle=":", linewidth=1.3, label="1 %: that is, 99 % zeros")
    axes.set(xscale="log", yscale="log")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)
    return figure
