"""The course's charts: one look, readable in greyscale and to colour-blind eyes.

Every function returns a `matplotlib.figure.Figure` and leaves pyplot's state alone, so a notebook shows
it once, as the last value of a cell. Titles state the finding; axes carry labels with units.
"""

import sys
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unrolled.clusters import average_linkage, leaf_order, principal_plane

# Okabe and Ito's palette, from dark to light in pairs that differ in lightness as well as in hue.
PALETTE = {
    "black": "#000000",
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "sky": "#56B4E9",
    "orange": "#E69F00",
    "green": "#009E73",
    "purple": "#CC79A7",
}
COLORS = tuple(PALETTE[k] for k in ("blue", "vermillion", "black", "orange", "green", "sky", "purple"))
LINESTYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
GREY = "#666666"


def use_style() -> None:
    """Set matplotlib's defaults to the look of the course, for this process.

    In a notebook, also see to it that a figure which is the value of a cell shows as a picture. (Matplotlib does
    that only once pyplot has opened a window of its own, which these figures never do.)
    """
    interactive = sys.modules.get("IPython")
    shell = interactive.get_ipython() if interactive else None
    if shell is not None:
        from IPython.core.pylabtools import select_figure_formats

        select_figure_formats(shell, {"png"})
    plt.rcParams.update(
        {
            "figure.dpi": 110,
            "font.size": 10.5,
            "axes.titlesize": 11.5,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "#DDDDDD",
            "legend.frameon": False,
            "lines.linewidth": 1.9,
            "lines.markersize": 5,
            "axes.prop_cycle": cycler(color=COLORS) + cycler(linestyle=LINESTYLES),
        }
    )


def panel(title: str, xlabel: str, ylabel: str, size: tuple[float, float] = (7.2, 3.6)) -> tuple[Figure, Axes]:
    """Make a figure with one labelled pair of axes.

    Args:
        title: the finding, in a sentence.
        xlabel, ylabel: what the axes show, with units.
        size: width and height, inches.

    Returns:
        (figure, axes), nothing drawn yet.
    """
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.set_title(title, wrap=False)
    return figure, axes


def lines(
    series: Mapping[str, np.ndarray],
    title: str,
    xlabel: str,
    ylabel: str,
    x: np.ndarray | None = None,
    log: bool = False,
) -> Figure:
    """Draw named curves over a common axis, each with its own colour, dash and marker.

    Args:
        series: name of each curve and its values. Shape (points,) each, at most seven curves.
        title, xlabel, ylabel: as in `panel`.
        x: positions of the points. Shape (points,). Default: 1, 2, 3, …
        log: whether the vertical axis is logarithmic.

    Returns:
        The figure.

    Raises:
        ValueError: if there are more curves than distinct looks.
    """
    if not 1 <= len(series) <= len(COLORS):
        raise ValueError(
            f"`series` must hold 1 to {len(COLORS)} curves, one per look. Received: {len(series)}. "
            "Draw the rest in a second figure."
        )
    figure, axes = panel(title, xlabel, ylabel)
    looks = zip(COLORS, LINESTYLES, MARKERS, strict=True)
    for (name, values), (color, dash, marker) in zip(series.items(), looks, strict=False):
        where = np.arange(1, len(values) + 1) if x is None else x
        every = max(1, len(values) // 12)
        axes.plot(where, values, color=color, linestyle=dash, marker=marker, markevery=every, label=name)
    if log:
        axes.set_yscale("log")
    if len(series) > 1:
        handles, names = axes.get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=2)
    return figure


def error_by_position(
    errors: Sequence[float] | np.ndarray,
    labels: Sequence[str],
    predictable: Sequence[bool] | np.ndarray,
    title: str,
    xlabel: str,
    ylabel: str,
    levels: Mapping[str, float] | None = None,
) -> Figure:
    """Draw one bar per position, those that can be predicted apart from those that cannot.

    Args:
        errors: the height of each bar. Shape (positions,).
        labels: the tick below each bar.
        predictable: which positions can be predicted in principle. Shape (positions,), bool.
        title, xlabel, ylabel: as in `panel`.
        levels: horizontal lines to compare with, by name.

    Returns:
        The figure.

    Raises:
        ValueError: if the three sequences differ in length.
    """
    if not len(errors) == len(labels) == len(predictable):
        raise ValueError(
            "`errors`, `labels` and `predictable` must have one entry per position each. "
            f"Received: {len(errors)}, {len(labels)} and {len(predictable)} entries. "
            "Shorten the longer ones."
        )
    figure, axes = panel(title, xlabel, ylabel)
    where, heights, known = np.arange(len(errors)), np.asarray(errors), np.asarray(predictable)
    looks = (
        (known, PALETTE["blue"], "", "can be predicted"),
        (~known, "#F2C49B", "///", "cannot be predicted"),
    )
    for chosen, color, hatch, name in looks:
        axes.bar(where[chosen], heights[chosen], color=color, hatch=hatch, edgecolor="black", label=name)
    axes.set_xticks(where, labels)
    axes.grid(False, axis="x")
    for (name, level), dash in zip((levels or {}).items(), LINESTYLES[1:], strict=False):
        axes.axhline(level, color="black", linestyle=dash, linewidth=1.3, label=name)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def word_map(vectors: np.ndarray, labels: Sequence[str], groups: Sequence[str], title: str) -> Figure:
    """Show vectors on the plane of their two principal components, marked by group.

    Args:
        vectors: one row per label. Shape (labels, features), float64.
        labels: what is written beside each point.
        groups: the group of each label; groups share a colour and a marker. At most seven.
        title: the finding.

    Returns:
        The figure; its axis labels give the share of the variance.
    """
    positions, shares = principal_plane(np.asarray(vectors))
    first, second = (f"principal component {k + 1} ({s:.0%} of variance)" for k, s in enumerate(shares))
    figure, axes = panel(title, first, second, size=(7.6, 5.4))
    scatter_groups(axes, positions, groups)
    for (x, y), label in zip(positions, labels, strict=True):
        axes.annotate(label, (x, y), xytext=(4, 3), textcoords="offset points", fontsize=9)
    axes.margins(x=0.12)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def scatter_groups(axes: Axes, positions: np.ndarray, groups: Sequence[str], size: float | None = None) -> None:
    """Put a point at each position, with a colour and a marker for each group.

    Args:
        axes: where to.
        positions: Shape (points, 2).
        groups: the group of each point, at most seven.
        size: of a point, in square typographic points. Default: matplotlib's own.
    """
    belongs = np.asarray(groups)
    looks = zip(COLORS, MARKERS, strict=True)
    for group, (color, marker) in zip(dict.fromkeys(groups), looks, strict=False):
        axes.scatter(*positions[belongs == group].T, color=color, marker=marker, label=group, zorder=3, s=size)


def dendrogram(vectors: np.ndarray, labels: Sequence[str], groups: Sequence[str], title: str) -> Figure:
    """Draw the tree of average-linkage clusters, leaves coloured and marked by group.

    Args:
        vectors: one row per leaf. Shape (leaves, features), float64.
        labels: the name of each leaf.
        groups: the group of each leaf. At most seven.
        title: the finding.

    Returns:
        The figure.
    """
    merges = average_linkage(vectors)
    order = leaf_order(merges)
    leaves = len(order)
    size = (7.2, 1.6 + 0.2 * leaves)
    figure, axes = panel(title, "mean distance between clusters (hidden units' scale)", "word", size)
    height = {leaf: float(row) for row, leaf in enumerate(order)}  # where each cluster's line lies
    depth = dict.fromkeys(range(leaves), 0.0)
    for k, (a, b, distance, _) in enumerate(merges):
        corners = [depth[int(a)], distance, distance, depth[int(b)]]
        rows = [height[int(a)], height[int(a)], height[int(b)], height[int(b)]]
        axes.plot(corners, rows, color="black", linestyle="-", linewidth=1.3)
        height[leaves + k] = (rows[0] + rows[2]) / 2
        depth[leaves + k] = distance
    looks = dict(zip(dict.fromkeys(groups), zip(COLORS, MARKERS, strict=True), strict=False))
    for group, (color, marker) in looks.items():
        rows = [height[i] for i in range(leaves) if groups[i] == group]
        axes.plot([0] * len(rows), rows, color=color, marker=marker, linestyle="", label=group)
    axes.set_yticks(range(leaves), [labels[i] for i in order], fontsize=9)
    axes.set_ylim(-0.7, leaves - 0.3)
    axes.grid(False, axis="y")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure
