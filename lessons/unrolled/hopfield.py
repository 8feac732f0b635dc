"""Lesson 03's experiments: fast recall, what theory says about capacity, small hard problems, and their figures.

Units are +1 and -1, rows are states. Weights that are counted rather than averaged (patternsᵀ patterns, without
1/N) are whole numbers, so fields are exact and a field of zero is zero.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from unrolled.figures import COLORS, GREY, LINESTYLES, MARKERS, PALETTE
from unrolled.graphs import Edge, Node, computation_graph

LIMIT = 2_000_000  # how many fields are kept at a time


# Recall


def counted_weights(patterns: np.ndarray, diagonal: bool = False) -> np.ndarray:
    """Store patterns by Hebb's rule without the 1/N, for many networks.

    Args:
        patterns: +1 and -1. Shape (networks, count, units).
        diagonal: whether to keep the diagonal.

    Returns:
        The weights, whole numbers. Shape (networks, units, units).
    """
    weights = np.swapaxes(patterns, 1, 2) @ patterns
    if not diagonal:
        units = np.arange(patterns.shape[2])
        weights[:, units, units] = 0
    return weights


def settle(states: np.ndarray, weights: np.ndarray, sweeps: int = 200) -> np.ndarray:
    """Recall asynchronously in many networks: sweep after sweep, the units by their number, without a bias.

    A unit whose field is zero keeps its state. A state that a whole sweep leaves alone is done. Fields are not computed
    again for each unit, but corrected where a unit has flipped: that is what makes it fast.

    Args:
        states: where to start, +1 and -1. Shape (networks, batch, units).
        weights: symmetric. Shape (networks, units, units).
        sweeps: the largest number of sweeps.

    Returns:
        The last states. Shape (networks, batch, units).
    """
    networks, batch, units = states.shape
    network = np.repeat(np.arange(networks), batch)
    row = np.arange(networks * batch)  # those not done yet
    last = states.reshape(-1, units).copy()
    s, field = last.copy(), (states @ weights).reshape(-1, units)
    for _ in range(sweeps):
        changed = np.zeros(len(row), bool)
        for i in range(units):
            flips = np.flatnonzero(s[:, i] * field[:, i] < 0)
            if flips.size:
                s[flips, i] *= -1
                field[flips] += 2 * s[flips, i][:, None] * weights[network[flips], i]
                changed[flips] = True
        last[row] = s
        if not changed.any():
            break
        row, network, s, field = row[changed], network[changed], s[changed], field[changed]
    return last.reshape(states.shape)


def complete(patterns: np.ndarray, states: np.ndarray) -> np.ndarray:
    """Store patterns by Hebb's rule and recall from the given states.

    Args:
        patterns: +1 and -1. Shape (count, units).
        states: where to start. Shape (batch, units).

    Returns:
        The states at rest. Shape (batch, units).
    """
    return settle(states[None], counted_weights(patterns[None]))[0]


def final_errors(
    units: int, count: int, trials: int, rng: np.random.Generator, diagonal: bool = False, sweeps: int = 200
) -> np.ndarray:
    """Store random patterns, start at each of them, recall until nothing changes, and count the wrong bits.

    Args:
        units: N, the number of units.
        count: P, how many patterns each network stores.
        trials: how many networks.
        rng: draws the patterns.
        diagonal: whether units act on themselves.
        sweeps: the largest number of sweeps.

    Returns:
        For each network, the share of wrong bits in all its patterns. Shape (trials,).
    """
    together = max(1, LIMIT // (count * units))
    errors = []
    for first in range(0, trials, together):
        networks = min(together, trials - first)
        patterns = rng.choice(np.array([-1, 1], np.float32), (networks, count, units))
        last = settle(patterns, counted_weights(patterns, diagonal), sweeps)
        errors.append(np.mean(last != patterns, axis=(1, 2)))
    return np.concatenate(errors)


def film(
    state: np.ndarray, W: np.ndarray, b: np.ndarray, order: np.ndarray, updates: int, every: int = 1
) -> np.ndarray:
    """Record one state's asynchronous recall, unit by unit.

    Args:
        state: where to start. Shape (units,).
        W, b: weights and bias. Shapes (units, units), (units,).
        order: the order of a sweep; it is repeated. Shape (units,).
        updates: how many units to visit in all.
        every: how many visits lie between two frames.

    Returns:
        The frames, the start among them. Shape (1 + updates // every, units).
    """
    s, frames = state.copy(), [state.copy()]
    for k in range(updates):
        i = order[k % len(order)]
        field = s @ W[:, i] + b[i]
        if field != 0:
            s[i] = np.sign(field)
        if (k + 1) % every == 0:
            frames.append(s.copy())
    return np.array(frames)


# Theory


def one_step_error(units: int, count: int) -> float:
    """Compute the exact probability that a bit of a stored random pattern flips in one step, zero diagonal.

    The pattern itself adds N - 1 to N times the field, each of the (N - 1)(P - 1) other terms adds +1 or -1, all
    independent and fair. The bit flips if their sum is below -(N - 1): a tail of the binomial distribution.

    Args:
        units: N. At least 2.
        count: P. At least 1.

    Returns:
        The probability.

    Raises:
        ValueError: if a size is too small.
    """
    if units < 2 or count < 1:
        raise ValueError(
            "`units` must be at least 2 and `count` at least 1. "
            f"Received: units={units}, count={count}. Example: one_step_error(400, 55)."
        )
    terms = (units - 1) * (count - 1)
    least = (terms + units - 1) // 2 + 1  # so many terms must be -1
    if least > terms:
        return 0.0
    log_first = math.lgamma(terms + 1) - math.lgamma(least + 1) - math.lgamma(terms - least + 1) - terms * math.log(2)
    k = np.arange(least, terms)
    return math.exp(log_first) * (1 + float(np.cumprod((terms - k) / (k + 1)).sum()))


def one_step_error_of_large_networks(load: float) -> float:
    """Compute the limit of the one-step error for many units: half of erfc(1 / sqrt(2 load))."""
    return 0.5 * math.erfc(1 / math.sqrt(2 * load))


def load_of(y: float) -> float:
    """Compute the load at which a large network has the overlap erf(y) after recall, zero temperature.

    Source: Amit, Gutfreund, Sompolinsky 1985, their equations for the overlap with one pattern, brought into one.
    """
    return 0.5 * (math.erf(y) / y - 2 / math.sqrt(math.pi) * math.exp(-(y**2))) ** 2


def capacity_of_large_networks() -> tuple[float, float]:
    """Compute the largest load at which a large network remembers, and the share of wrong bits just there.

    Returns:
        (load, error): the top of `load_of`, found by golden-section search.
    """
    low, high = 0.5, 4.0
    ratio = (math.sqrt(5) - 1) / 2
    while high - low > 1e-9:
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (left, high) if load_of(left) < load_of(right) else (low, right)
    return load_of(low), (1 - math.erf(low)) / 2


def final_error_of_large_networks(load: float) -> float:
    """Compute the share of wrong bits after recall in a large network. Not a number above the capacity."""
    top, error = capacity_of_large_networks()
    if load > top:
        return math.nan
    low, high = _inverse_erf(1 - 2 * error), 6.0  # the load falls from here on
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if load_of(middle) > load else (low, middle)
    return (1 - math.erf(low)) / 2


def _inverse_erf(value: float) -> float:
    low, high = 0.0, 6.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if math.erf(middle) < value else (low, middle)
    return low


# The delta rule


def delta_rule(patterns: np.ndarray, rate: float, passes: int) -> tuple[np.ndarray, np.ndarray]:
    """Learn symmetric weights, zero diagonal, whose fields are to equal the patterns, from W = 0.

    Each pass takes one step down the squared error of the fields, for all patterns together.

    Args:
        patterns: +1 and -1. Shape (count, units).
        rate: the step size.
        passes: how many steps.

    Returns:
        (W, errors): the weights (units, units), and the mean squared error before each pass (passes,).

    Source: Widrow and Hoff 1960; for Hopfield networks Diederich and Opper 1987.
    """
    units = patterns.shape[1]
    W, errors = np.zeros((units, units)), []
    for _ in range(passes):
        missing = patterns - patterns @ W  # (count, units)
        errors.append(np.mean(missing**2))
        step = patterns.T @ missing / units
        step = (step + step.T) / 2
        np.fill_diagonal(step, 0)
        W = W + rate * step
    return W, np.array(errors)


# Small hard problems


def random_graph(nodes: int, probability: float, rng: np.random.Generator) -> np.ndarray:
    """Draw a graph: 1 where two nodes are joined, else 0. Shape (nodes, nodes), symmetric, zero diagonal."""
    upper = np.triu(rng.random((nodes, nodes)) < probability, 1).astype(float)
    return upper + upper.T


def all_states(units: int) -> np.ndarray:
    """List the states of some units whose last unit is +1: a state and its opposite are the same cut.

    Args:
        units: how many, at most 20.

    Returns:
        The states. Shape (2^(units - 1), units).

    Raises:
        ValueError: if there are too many.
    """
    if units > 20:
        raise ValueError(
            f"`units` must be at most 20, since the states double with each. Received: units={units}. "
            "Example: all_states(14)."
        )
    codes = np.arange(2 ** (units - 1))
    return np.where(codes[:, None] >> np.arange(units) & 1, -1.0, 1.0)


def queens_network(side: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Make the network whose energy counts what is wrong with queens on a chessboard.

    With x = (s + 1) / 2, which is 1 where a queen stands: twice the number of pairs that attack each other, plus
    twice the number of queens that are missing (side minus those that stand) is E plus a constant.

    Args:
        side: of the board, in squares.

    Returns:
        (W, b, constant): shapes (side², side²), (side²,), and a number.
    """
    row, column = np.divmod(np.arange(side**2), side)
    attack = np.zeros((side**2, side**2))
    for line in (row, column, row + column, row - column):
        attack[line[:, None] == line[None, :]] = 1
    np.fill_diagonal(attack, 0)
    # 2 x_i x_j = ½ (1 + s_i)(1 + s_j) for each pair, and -2 x_i = -(1 + s_i) for each square
    constant = attack.sum() / 4 - side**2 + 2 * side
    return -attack / 2, 1 - attack.sum(axis=1) / 2, constant


# Figures


def modern_update_graph() -> Figure:
    """Draw the computation graph of the modern update, with every gradient of lesson 03."""
    nodes = {
        "s": Node(0, 1.9, "$s$"),
        "X": Node(2.2, 0, "$X$"),
        "m1": Node(2.2, 1.9, "$@$", operation=True),
        "soft": Node(4.7, 1.9, "soft\nmax", operation=True),
        "m2": Node(7.0, 0, "$@$", operation=True),
        "new": Node(8.9, 0, "$s'$"),
    }
    edges = [
        Edge("s", "m1", "$ds$", (0.0, -0.28)),
        Edge("X", "m1", "$dX$, as what\nis compared", (1.05, 0.0)),
        Edge("m1", "soft", "$da$", (-0.05, -0.28)),
        Edge("soft", "m2", "$dp$", (-0.3, -0.22)),
        Edge("X", "m2", "$dX$, as what is mixed", (0.0, -0.3)),
        Edge("m2", "new", "$ds'$", (0.0, -0.3)),
    ]
    figure = computation_graph(nodes, edges, "The patterns are used twice, so they get two gradients", (8.4, 3.1))
    axes = figure.axes[0]
    axes.text(3.4, 2.1, "$a = \\beta\\, s\\, X^T$", ha="center", fontsize=11)
    axes.text(6.2, 1.05, "$p$", ha="center", fontsize=11)
    axes.text(8.0, 0.2, "$pX$", ha="center", fontsize=11)
    return figure


def _show(axes: Axes, values: np.ndarray) -> None:
    side = math.isqrt(len(values))
    axes.imshow(values.reshape(side, side), cmap="gray_r", vmin=-1, vmax=1)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color(GREY)


def picture_grid(
    rows: Mapping[str, np.ndarray], columns: Sequence[str], title: str, height: float | None = None
) -> Figure:
    """Show states as square pictures, black +1 and white -1, in rows.

    Args:
        rows: the name of each row and its states. Shape (columns, units) each, units a square number.
        columns: what stands above each column.
        title: the finding.
        height: of the figure, inches. Default: by the number of rows.

    Returns:
        The figure.
    """
    count = len(columns)
    figure = Figure(figsize=(8.2, height or 0.75 + 7.6 / count * len(rows) * 0.98), layout="constrained")
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    axes = figure.subplots(len(rows), count, squeeze=False)
    for line, (name, states) in zip(axes, rows.items(), strict=True):
        for ax, state in zip(line, states, strict=True):
            _show(ax, np.asarray(state))
        line[0].set_ylabel(name, fontsize=9.5)
    for ax, name in zip(axes[0], columns, strict=True):
        ax.set_title(name, fontsize=9.5, fontweight="normal", loc="center")
    return figure


def capacity_figure(measured: Mapping[int, tuple[np.ndarray, np.ndarray, np.ndarray]], title: str) -> Figure:
    """Draw the final error against the load, measured and in theory, with the error of one step.

    Args:
        measured: number of units → (loads, mean errors, standard errors), each of shape (points,).
        title: the finding.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(9.2, 4.3), layout="constrained")
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    whole, edge = figure.subplots(1, 2)
    top, last = capacity_of_large_networks()
    y = np.linspace(_inverse_erf(1 - 2 * last), 3.5, 200)
    grid = np.linspace(0.05, 0.3, 60)
    for axes in (whole, edge):
        looks = zip(COLORS, LINESTYLES, MARKERS, strict=True)
        for (units, (loads, means, errors)), (color, dash, marker) in zip(measured.items(), looks, strict=False):
            axes.errorbar(
                loads, means, errors, color=color, linestyle=dash, marker=marker, capsize=3, label=f"{units:,} units"
            )
        known, lost = [load_of(v) for v in y], [(1 - math.erf(v)) / 2 for v in y]
        axes.plot(known, lost, color=GREY, linewidth=3.5, alpha=0.7, linestyle="-", label="many units, in theory")
        axes.axvline(top, color=GREY, linestyle=":", linewidth=1.3)
        once = [one_step_error_of_large_networks(v) for v in grid]
        axes.plot(grid, once, color=PALETTE["green"], linestyle="-.", label="after one step, in theory")
        axes.set_xlabel("load: patterns stored per unit")
    whole.set_ylabel("share of wrong bits (no unit)")
    whole.set_xlim(0.045, 0.305)
    edge.set_xlim(0.075, 0.165)
    edge.set_ylim(-0.002, 0.05)
    edge.set_title("the edge, enlarged", fontsize=10, fontweight="normal")
    edge.annotate(f"{top:.3f}", (top, 0.046), xytext=(-4, 0), textcoords="offset points", ha="right")
    figure.legend(*whole.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def rolls(panels: Mapping[str, np.ndarray], notes: Sequence[str], title: str) -> Figure:
    """Show overlaps of a state with notes over time, like the roll of a mechanical piano.

    Args:
        panels: the name of each panel and its overlaps. Shape (time, notes) each.
        notes: what stands beside each row.
        title: the finding.

    Returns:
        The figure; black is an overlap of 1, white of 0 or less.
    """
    figure = Figure(figsize=(9.2, 3.5), layout="constrained")
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    for axes, (name, overlaps) in zip(figure.subplots(1, len(panels), sharey=True), panels.items(), strict=True):
        shown = axes.imshow(np.maximum(overlaps.T, 0), cmap="gray_r", vmin=0, vmax=1, aspect="auto", origin="lower")
        axes.set_title(name, fontsize=10, fontweight="normal")
        axes.set_xlabel("step")
        axes.grid(False)
        axes.set_yticks(range(len(notes)), notes)
    figure.axes[0].set_ylabel("note")
    figure.colorbar(shown, ax=figure.axes, label="overlap (no unit)", fraction=0.03)
    return figure


def cut_figure(graph: np.ndarray, before: np.ndarray, after: np.ndarray, title: str) -> Figure:
    """Draw a graph twice, cut by two states: joined nodes on different sides by a solid line, others by a dashed one.

    Args:
        graph: 1 where two nodes are joined. Shape (nodes, nodes).
        before, after: the side of each node, +1 and -1. Shape (nodes,).
        title: the finding.

    Returns:
        The figure.
    """
    nodes = len(graph)
    figure = Figure(figsize=(8.2, 4.6), layout="constrained")
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    angle = 2 * np.pi * np.arange(nodes) / nodes
    place = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    for axes, sides, name in zip(figure.subplots(1, 2), (before, after), ("random start", "at rest"), strict=True):
        cut = 0
        for i in range(nodes):
            for j in range(i):
                if graph[i, j]:
                    crosses = sides[i] != sides[j]
                    cut += crosses
                    look = {"color": COLORS[0], "linewidth": 1.5} if crosses else {"color": GREY, "linewidth": 1.0}
                    axes.plot(*place[[i, j]].T, linestyle="-" if crosses else ":", zorder=1, **look)
        for side, color, marker in ((1, PALETTE["orange"], "o"), (-1, PALETTE["black"], "s")):
            own = sides == side
            axes.scatter(*place[own].T, color=color, marker=marker, s=90, zorder=3, edgecolor="black")
        axes.set_title(f"{name}: {cut} of {int(graph.sum() / 2)} edges cut", fontsize=10, fontweight="normal")
        axes.set_aspect("equal")
        axes.set_axis_off()
    handles = [
        Line2D([], [], linestyle="", color=PALETTE["orange"], marker="o", markeredgecolor="black", label="+1"),
        Line2D([], [], linestyle="", color=PALETTE["black"], marker="s", label="−1"),
        Line2D([], [], color=COLORS[0], linestyle="-", label="cut"),
        Line2D([], [], color=GREY, linestyle=":", label="not cut"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def boards(states: Mapping[str, np.ndarray], title: str) -> Figure:
    """Draw chessboards with queens where a state is +1.

    Args:
        states: what stands above each board, and its state. Shape (side²,) each.
        title: the finding.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(8.2, 3.4), layout="constrained")
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    for axes, (name, state) in zip(figure.subplots(1, len(states)), states.items(), strict=True):
        side = math.isqrt(len(state))
        row, column = np.divmod(np.arange(side**2), side)
        axes.imshow(((row + column) % 2).reshape(side, side), cmap="gray_r", vmin=0, vmax=4)
        own = np.asarray(state) > 0
        axes.scatter(column[own], row[own], marker="o", s=110, color=COLORS[0], edgecolor="black", zorder=3)
        axes.set_title(name, fontsize=10, fontweight="normal", loc="center")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.grid(False)
        axes.spines[:].set_visible(False)
    return figure
