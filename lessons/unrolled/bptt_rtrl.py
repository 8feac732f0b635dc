"""Lesson 06's drawings and experiments: what a cut gradient sees, products counted, SnAp-1, streams that never end.

The counters do not know how a gradient is computed: they run the function that they are given and count.
"""

import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from unrolled.figures import COLORS, GREY, LINESTYLES, MARKERS, PALETTE
from unrolled.graphs import Edge, Node, computation_graph
from unrolled.widgets import explore

CALL = 500  # steps that a compiled function runs at a time
SEEN, LOST = "#3D85B8", "#F2C49B"

# What a cut gradient sees


def reach(steps: int, k1: int, k2: int) -> np.ndarray:
    """Tell which uses of the weights the loss of each step is followed back to.

    Args:
        steps: length of the sequence.
        k1: after how many steps there is a backward pass.
        k2: how many steps a pass goes over, at least k1.

    Returns:
        Row t, column s: whether the loss of step t + 1 reaches the weights where step s + 1 used them.
        Shape (steps, steps), bool.

    Raises:
        ValueError: if k1 or k2 is out of range.

    Source: Williams and Peng 1990.
    """
    if not 1 <= k1 <= k2:
        raise ValueError(
            f"`k1` must be at least 1 and `k2` at least `k1`. Received: k1={k1}, k2={k2}. Example: reach(20, 5, 10)."
        )
    t, s = np.arange(steps)[:, None], np.arange(steps)[None, :]
    end = np.minimum(steps, (t // k1 + 1) * k1)  # of the pass that takes in the loss of row t
    return (s <= t) & (s >= end - k2)


def _draw_reach(axes: Axes, seen: np.ndarray) -> None:
    steps = len(seen)
    past = np.tri(steps, dtype=bool)
    kind = np.where(seen, 1, np.where(past, 2, 0))
    edges = np.arange(steps + 1) + 0.5
    axes.pcolormesh(
        edges, edges, kind, cmap=ListedColormap(["white", SEEN, LOST]), vmin=0, vmax=2, edgecolor="white", lw=0.6
    )
    axes.set_aspect("equal")
    axes.invert_yaxis()
    axes.grid(False)
    axes.set_xticks([1, *range(5, steps + 1, 5)])
    axes.set_yticks([1, *range(5, steps + 1, 5)])


def _reach_legend(figure: Figure) -> None:
    patches = [Patch(facecolor=SEEN, label="in the gradient"), Patch(facecolor=LOST, label="dropped by the cut")]
    figure.legend(handles=patches, loc="outside lower center", ncols=2)


def reach_maps(windows: Mapping[str, tuple[int, int]], title: str, steps: int = 20) -> Figure:
    """Draw, for several (k1, k2), which uses of the weights each loss is followed back to.

    Args:
        windows: what stands above each map, and its (k1, k2). One to three.
        title: the finding.
        steps: length of the sequence.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(1.4 + 2.9 * len(windows), 3.9), layout="constrained")
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    panels = np.atleast_1d(figure.subplots(1, len(windows), sharey=True))
    for axes, (name, (k1, k2)) in zip(panels, windows.items(), strict=True):
        _draw_reach(axes, reach(steps, k1, k2))
        axes.set_title(name, fontsize=10, fontweight="normal", loc="center")
        axes.set_xlabel("step that used the weights")
    panels[0].set_ylabel("step of the loss")
    _reach_legend(figure)
    return figure


def explore_truncation(error_of: Callable[[int], float], steps: int = 20, live: bool | None = None) -> Any:
    """Show what a window of k2 steps sees, and the error that it leaves.

    Args:
        error_of: relative error of the gradient for a window of k2 steps, with a pass after every step.
        steps: length of the sequence, and so the longest window.
        live: whether to make a slider. Default: where there can be one.

    Returns:
        A slider with its figure, or the static figure.
    """
    errors = np.array([error_of(k) for k in range(1, steps + 1)])

    def curve(axes: Axes, marked: Sequence[int]) -> None:
        axes.plot(np.arange(1, steps + 1), errors, color=COLORS[0])
        axes.plot(marked, errors[np.array(marked) - 1], color=COLORS[1], marker="o", linestyle="")
        axes.set(xlabel="window $k_2$ (steps)", ylabel="relative error (no unit)", ylim=(-0.03, 1.03))

    def draw(value: float) -> Figure:
        k2 = round(value)
        figure = Figure(figsize=(8, 3.9), layout="constrained")
        left, right = figure.subplots(1, 2)
        title = f"A window of {k2} of {steps} steps leaves an error of {errors[k2 - 1]:.0%}"
        figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
        _draw_reach(left, reach(steps, 1, k2))
        left.set(xlabel="step that used the weights", ylabel="step of the loss")
        curve(right, [k2])
        _reach_legend(figure)
        return figure

    def static() -> Figure:
        shown = [k for k in (2, 6, 12) if k <= steps]
        figure = Figure(figsize=(10.4, 3.7), layout="constrained")
        panels = figure.subplots(1, len(shown) + 1)
        title = "The wider the window, the fewer links are dropped, and the smaller the error"
        figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
        for axes, k2 in zip(panels, shown, strict=False):
            _draw_reach(axes, reach(steps, 1, k2))
            axes.set_title(f"$k_2$ = {k2}: error {errors[k2 - 1]:.0%}", fontsize=10, fontweight="normal", loc="center")
            axes.set_xlabel("step that used the weights")
        panels[0].set_ylabel("step of the loss")
        curve(panels[-1], shown)
        panels[-1].set_box_aspect(1)
        _reach_legend(figure)
        return figure

    return explore(draw, static, "window k2", (1.0, float(steps), 5.0), live)


# Graphs


def window_graph() -> Figure:
    """Draw one backward pass of truncated backpropagation: k1 = 2, k2 = 4, after step 6."""
    nodes: dict[str, Node] = {}
    edges: list[Edge] = []
    for t in range(2, 7):
        x = 2.1 * (t - 2)
        nodes[f"h{t}"] = Node(x, 1.5, f"$h_{t}$")
        if t > 2:
            nodes[f"w{t}"] = Node(x, 0, "$W_x, W_h, b$")
            edges.append(Edge(f"w{t}", f"h{t}", f"share {t}", (0.48, 0.0)))
            # step 3 uses h_2, but sends it nothing
            edges.append(Edge(f"h{t - 1}", f"h{t}", "" if t == 3 else "carry", (0.0, -0.27)))
        if t > 4:
            nodes[f"L{t}"] = Node(x, 3, f"$L_{t}$")
            edges.append(Edge(f"h{t}", f"L{t}", f"$dh_{t}$", (0.32, 0.0)))
    title = "One pass ($k_1 = 2$, $k_2 = 4$): two new losses, four uses of the weights, then the cut"
    figure = computation_graph(nodes, edges, title, (9.6, 4.6))
    axes = figure.axes[0]
    axes.plot([1.05, 1.05], [0.6, 2.4], color=PALETTE["vermillion"], linestyle=":", linewidth=2)
    axes.text(1.05, 2.5, "cut", color=PALETTE["vermillion"], ha="center", va="bottom", fontsize=11.5)
    for t in (3, 4):
        axes.text(2.1 * (t - 2), 2.45, f"$L_{t}$: taken in\nby the pass before", ha="center", fontsize=9.5, color=GREY)
    return figure


def _box(axes: Axes, x: float, y: float, text: str, face: str = "#DCEBF5") -> None:
    axes.text(
        x, y, text, ha="center", va="center", fontsize=12, zorder=4,
        bbox={"boxstyle": "round,pad=0.32", "facecolor": face, "edgecolor": "black"},
    )  # fmt: skip


def _arrow(axes: Axes, tail: tuple[float, float], head: tuple[float, float], color: str, dash: str = "-") -> None:
    look = {"arrowstyle": "-|>", "color": color, "linestyle": dash, "linewidth": 1.5, "mutation_scale": 11}
    axes.annotate("", xy=head, xytext=tail, arrowprops={**look, "shrinkA": 17, "shrinkB": 17}, zorder=2)


def two_orders() -> Figure:
    """Draw three steps twice: gradients that go back from the loss, sensitivities that go forward from the weights."""
    figure = Figure(figsize=(8.6, 5.4), layout="constrained")
    figure.suptitle(
        "The same chain of derivatives, multiplied from either end", fontsize=11.5, fontweight="bold", x=0.01, ha="left"
    )
    for row, axes in enumerate(figure.subplots(2, 1)):
        axes.set_axis_off()
        axes.set_xlim(-0.7, 9.3)
        axes.set_ylim(-0.55, 2.75)
        forward = PALETTE["black"]
        extra = PALETTE["vermillion"] if row == 0 else PALETTE["blue"]
        for t in range(4):
            _box(axes, 2.4 * t, 1.2, f"$h_{t}$")
            if t:
                _arrow(axes, (2.4 * (t - 1), 1.29), (2.4 * t, 1.29), forward)
                _box(axes, 2.4 * t, 0, "$W$", "#FFFFFF")
                _box(axes, 2.4 * t, 2.4, f"$L_{t}$", "#FFFFFF")
                _arrow(axes, (2.4 * t - 0.07, 0), (2.4 * t - 0.07, 1.2), forward)
                _arrow(axes, (2.4 * t - 0.07, 1.2), (2.4 * t - 0.07, 2.4), forward)
                if row == 0:
                    _arrow(axes, (2.4 * t + 0.07, 1.2), (2.4 * t + 0.07, 0), extra, "--")
                    _arrow(axes, (2.4 * t + 0.07, 2.4), (2.4 * t + 0.07, 1.2), extra, "--")
                    axes.text(2.4 * t + 0.22, 0.58, "$dW$ share", color=extra, fontsize=10.5, va="center")
                    axes.text(2.4 * t + 0.22, 1.82, f"$dh_{t}$", color=extra, fontsize=10.5, va="center")
                    if t > 1:
                        _arrow(axes, (2.4 * t, 1.11), (2.4 * (t - 1), 1.11), extra, "--")
                        axes.text(2.4 * t - 1.2, 0.88, "carry", color=extra, fontsize=10.5, ha="center")
                else:
                    _arrow(axes, (2.4 * t + 0.07, 0), (2.4 * t + 0.07, 1.2), extra, "-.")
                    _arrow(axes, (2.4 * t + 0.07, 1.2), (2.4 * t + 0.07, 2.4), extra, "-.")
                    axes.text(2.4 * t + 0.22, 0.58, "direct part", color=extra, fontsize=10.5, va="center")
                    axes.text(2.4 * t + 0.22, 1.82, f"$dh_{t} \\cdot P_{t}$", color=extra, fontsize=10.5, va="center")
                    if t > 1:
                        _arrow(axes, (2.4 * (t - 1), 1.11), (2.4 * t, 1.11), extra, "-.")
                        axes.text(2.4 * t - 1.2, 0.88, f"$P_{t - 1}$", color=extra, fontsize=10.5, ha="center")
        name = (
            "backpropagation through time: after the last step, back from the losses; all states are kept"
            if row == 0
            else "RTRL: with every step, on from the weights; the newest $P$ is all that is kept"
        )
        axes.set_title(name, fontsize=10.5, fontweight="normal", loc="left")
    handles = [
        Line2D([], [], color=PALETTE["black"], label="values"),
        Line2D([], [], color=PALETTE["vermillion"], linestyle="--", label="gradients, back"),
        Line2D([], [], color=PALETTE["blue"], linestyle="-.", label="sensitivities, forward"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def sensitivity_graph() -> Figure:
    """Draw one step, and the two ways in which a weight moves the new state."""
    figure = Figure(figsize=(8.6, 4.0), layout="constrained")
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.set_xlim(-0.8, 9.4)
    axes.set_ylim(-0.6, 3.7)
    axes.set_title("A weight moves the new state in two ways: now, and through the old state", loc="left")
    blue = PALETTE["blue"]
    places = {
        "x": (0, 3.2, "$x_t$"), "h": (0, 1.6, "$h_{t-1}$"), "one": (0, 2.4, "1"),
        "u": (2.1, 2.4, "$u_t$"), "W": (4.6, 0.0, "$W$"), "z": (4.6, 1.6, "$z_t = u_t W$"), "new": (8.3, 1.6, "$h_t$"),
    }  # fmt: skip
    for x, y, text in places.values():
        _box(axes, x, y, text)
    axes.text(
        6.5, 1.6, "tanh", ha="center", va="center", fontsize=12, zorder=4,
        bbox={"boxstyle": "circle,pad=0.25", "facecolor": "white", "edgecolor": "black"},
    )  # fmt: skip
    at = {name: place[:2] for name, place in places.items()} | {"tanh": (6.5, 1.6)}
    for tail, head in (("x", "u"), ("one", "u"), ("h", "u"), ("u", "z"), ("W", "z"), ("z", "tanh"), ("tanh", "new")):
        (a, b), (c, d) = at[tail], at[head]
        extra = 0.45 if tail == "u" else 0.0  # the box of z is wide
        _arrow(axes, (a, b), (c - extra, d), PALETTE["black"])
    for tail, head, text, place in (
        ((0.0, 1.5), (4.1, 1.45), "through $h_{t-1}$: $P_{t-1}$, then $W_h$", (2.05, 1.2)),
        ((4.75, 0.0), (4.75, 1.6), "direct: $u_t$, to unit $j$ alone", (6.15, 0.4)),
        ((6.5, 1.42), (8.3, 1.42), "$P_t$", (7.75, 1.15)),
        ((5.0, 1.42), (6.5, 1.42), "", (0, 0)),
    ):
        _arrow(axes, tail, head, blue, "-.")
        axes.text(*place, text, color=blue, fontsize=10.5, ha="center", va="center")
    axes.text(6.5, 0.9, "both times the\nslope $1 - h_t^2$", color=blue, fontsize=10.5, ha="center", va="center")
    handles = [
        Line2D([], [], color=PALETTE["black"], label="values"),
        Line2D([], [], color=blue, linestyle="-.", label="how they depend on the weights"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


# Counting


class _Counted(np.ndarray):
    """An array that adds up the multiply-adds of the matrix products that it takes part in."""

    multiply_adds = 0

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
        plain = [_plain(one) for one in inputs]
        if out is not None:
            kwargs["out"] = tuple(_plain(one) for one in out)
        result = getattr(ufunc, method)(*plain, **kwargs)
        if ufunc is np.matmul and method == "__call__":
            _Counted.multiply_adds += np.size(result) * np.shape(plain[0])[-1]
        if out is not None:
            return out[0]
        return _counting(result)

    def __array_function__(self, function, types, arguments, kwargs):
        plain, kwargs = _plain(arguments), _plain(kwargs)
        result = function(*plain, **kwargs)
        if function is np.einsum and isinstance(plain[0], str):
            _Counted.multiply_adds += einsum_multiply_adds(plain[0], *plain[1:])
        if function in (np.dot, np.tensordot, np.inner, np.outer, np.vdot):
            a, b = np.size(plain[0]), np.size(plain[1])
            _Counted.multiply_adds += round((a * b * np.size(result)) ** 0.5)  # (A K)(K B)(A B) is (A K B) squared
        if isinstance(result, (list, tuple)):
            return type(result)(_counting(one) for one in result)
        return _counting(result)


def _plain(one: Any) -> Any:
    if isinstance(one, (list, tuple)):
        return type(one)(_plain(part) for part in one)
    if isinstance(one, dict):
        return {key: _plain(part) for key, part in one.items()}
    return one.view(np.ndarray) if isinstance(one, _Counted) else one


def _counting(one: Any) -> Any:
    return one.view(_Counted) if isinstance(one, np.ndarray) else one


def einsum_multiply_adds(subscripts: str, *operands: np.ndarray) -> int:
    """Count the multiply-adds of an einsum of two or more arrays in which something is summed; else 0.

    Args:
        subscripts: as np.einsum takes them.
        operands: the arrays.

    Returns:
        The product of the sizes of all indices.
    """
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if not arrow:
        output = "".join(index for index in set(inputs) - {",", "."} if inputs.count(index) == 1) + "..."
    sizes = {}
    for term, one in zip(terms, operands, strict=True):
        hidden = "αβγδεζ"[: np.ndim(one) - len(term.replace("...", ""))][::-1]  # what an ellipsis stands for
        sizes |= dict(zip(term.replace("...", hidden), np.shape(one), strict=True))
    if "..." in output:
        output = output.replace("...", "αβγδεζ")
    if len(terms) < 2 or set(sizes) <= set(output):
        return 0
    return int(np.prod(list(sizes.values())))


def count_products(function: Callable[..., Any], *arguments: Any) -> tuple[Any, int]:
    """Run a function and count the multiply-adds of its matrix products: `@`, `np.dot`, summing `np.einsum`.

    Args:
        function: what to run, written in NumPy.
        arguments: what it gets. Arrays are copied into counting arrays.

    Returns:
        (result, multiply_adds). Products of elements, sums and tanh are not counted.
    """
    counted = [np.array(one).view(_Counted) if isinstance(one, np.ndarray) else one for one in arguments]
    _Counted.multiply_adds = 0
    result = function(*counted)
    return result, _Counted.multiply_adds


def peak_bytes(function: Callable[..., Any], *arguments: Any) -> int:
    """Run a function and measure the most memory that it held at once, beyond its arguments, in bytes."""
    function(*arguments)  # what is loaded only once shall not count
    tracemalloc.start()
    function(*arguments)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def fitted_exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Fit values = c · size^a by least squares of the logarithms; return a, or nan if a value is not positive."""
    if min(values) <= 0:
        return float("nan")
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def random_problem(time: int, units: int, features: int, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Draw (dh, x, h0, Wx, Wh, b) of one sequence, h0 and b zero.

    Returns:
        Shapes (1, time, units), (1, time, features), (1, units), (features, units), (units, units), (units,).
    """
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=(1, time, units)),
        rng.normal(size=(1, time, features)),
        np.zeros((1, units)),
        0.5 * rng.normal(size=(features, units)) / features**0.5,
        0.9 * rng.normal(size=(units, units)) / units**0.5,
        np.zeros(units),
    )


def cost_figure(panels: Sequence[tuple[str, str, Mapping[str, tuple[Sequence, Sequence, Sequence]]]]) -> Figure:
    """Draw what was counted (points) beside what a formula says (lines), in panels with logarithmic axes.

    Args:
        panels: for each of four panels its x label, its y label, and by name (sizes, formula, counted), where an empty
            `counted` means that there are no points.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(8.6, 6.4), layout="constrained")
    figure.suptitle(
        "RTRL pays with $N^4$ in time and $N^3$ in memory, and its memory does not see T",
        fontsize=11.5,
        fontweight="bold",
        x=0.01,
        ha="left",
    )
    for axes, (xlabel, ylabel, series) in zip(figure.subplots(2, 2).flat, panels, strict=True):
        axes.set(xlabel=xlabel, ylabel=ylabel, xscale="log", yscale="log")
        axes.set_xscale("log", base=2)
        looks = zip(COLORS, LINESTYLES, MARKERS, strict=True)
        for (name, (sizes, formula, counted)), (color, dash, marker) in zip(series.items(), looks, strict=False):
            axes.plot(sizes, formula, color=color, linestyle=dash, label=f"{name}: formula")
            if len(counted):
                axes.plot(sizes, counted, color=color, marker=marker, linestyle="", label=f"{name}: your code")
        axes.set_xticks(sizes, [f"{n:,}" for n in sizes])
        axes.minorticks_off()
    named = {
        name: handle for axes in figure.axes for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=2)
    return figure


# SnAp-1


def snap1_step(S_prev: np.ndarray, x: np.ndarray, h_prev: np.ndarray, h: np.ndarray, Wh: np.ndarray) -> np.ndarray:
    """Carry the sensitivities of SnAp-1 through one step: each weight's influence on its own unit alone.

    Args:
        S_prev: entry [n, i, j]: how unit j of example n depends on W[i, j]. Shape (batch, features + units + 1, units).
        x, h_prev, h: input, state before and after the step. Shapes (batch, features), (batch, units) twice.
        Wh: the recurrent kernel, of which only the diagonal is used. Shape (units, units).

    Returns:
        The new sensitivities, shape of S_prev.

    Source: Menick et al. 2021.
    """
    u = np.concatenate([x, h_prev, np.ones((len(x), 1))], axis=1)
    return (1 - h**2)[:, None, :] * (u[:, :, None] + np.diag(Wh) * S_prev)


def snap1_gradient(
    dh: np.ndarray, x: np.ndarray, h0: np.ndarray, Wx: np.ndarray, Wh: np.ndarray, b: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Approximate the gradients of the weights by SnAp-1, in one sweep forwards.

    Args:
        dh, x, h0, Wx, Wh, b: as truncated backpropagation takes them.

    Returns:
        (dWx, dWh, db), each with the shape of what it is the gradient of.

    Source: Menick et al. 2021.
    """
    (batch, time, features), units = x.shape, len(b)
    S, h, dW = np.zeros((batch, features + units + 1, units)), h0, 0.0
    for t in range(time):
        h_prev, h = h, np.tanh(x[:, t] @ Wx + h @ Wh + b)
        S = snap1_step(S, x[:, t], h_prev, h, Wh)
        dW = dW + np.einsum("nj,nij->ij", dh[:, t], S)
    return dW[:features], dW[features:-1], dW[-1]


def snap1_cost(time: int, units: int, features: int) -> tuple[int, int]:
    """Count what SnAp-1 costs for one sequence: multiply-adds and numbers kept.

    The products of elements that carry the sensitivities on and that bring in the upstream gradient are counted here,
    because there are no other products: one each for every parameter and step.

    Returns:
        (operations, memory).
    """
    parameters = (features + units + 1) * units
    return time * (features * units + units * units + 2 * parameters), units + parameters


def learn_with_snap1(
    weights: tuple[np.ndarray, np.ndarray, np.ndarray], x: np.ndarray, target: np.ndarray, rate: float
) -> np.ndarray:
    """Learn online with SnAp-1 on one stream of single numbers: the first unit is to say the target.

    Args:
        weights: (Wx, Wh, b) to start from. Shapes (1, units), (units, units), (units,).
        x, target: of each step. Shape (steps,) each.
        rate: of learning.

    Returns:
        The squared error of each step. Shape (steps,).
    """
    Wx, Wh, b = weights
    h, S, errors = np.zeros((1, len(b))), np.zeros((1, len(b) + 2, len(b))), []
    for x_t, target_t in zip(x, target, strict=True):
        inputs = np.array([[x_t]])
        h_prev, h = h, np.tanh(inputs @ Wx + h @ Wh + b)
        S = snap1_step(S, inputs, h_prev, h, Wh)
        error = h[0, 0] - target_t
        dW = np.zeros_like(S[0])
        dW[:, 0] = 2 * error * S[0, :, 0]  # only the first unit has a loss
        Wx, Wh, b = Wx - rate * dW[:1], Wh - rate * dW[1:-1], b - rate * dW[-1]
        errors.append(error**2)
    return np.array(errors)


# Streams that never end


def delayed_bits(steps: int, lag: int | np.ndarray, batch: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw streams of bits, with the bit of some steps before as the target.

    Args:
        steps: how many.
        lag: by how many steps the target is behind: a number, or one for each step. At most 16.
        batch: how many streams.
        seed: of the bits.

    Returns:
        (x, target): x is -1 or 1, the target -0.5 or 0.5, which tanh can reach. Shape (batch, steps) each.
    """
    bits = np.random.default_rng(seed).choice([-1.0, 1.0], (batch, steps + 16))
    return bits[:, 16:], 0.5 * bits[:, np.arange(steps) + 16 - lag]


def running_mean(steps: int, decay: float, batch: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw streams of bits, with 1.5 times their running mean as the target: m = decay · m + (1 - decay) · x.

    Returns:
        (x, target). Shape (batch, steps) each.
    """
    x = np.random.default_rng(seed).choice([-1.0, 1.0], (batch, steps))
    m, means = np.zeros(batch), []
    for t in range(steps):
        m = decay * m + (1 - decay) * x[:, t]
        means.append(m)
    return x, 1.5 * np.stack(means, axis=1)


def rotated(units: int, scale: float, seed: int, mix: float = 1.0) -> np.ndarray:
    """Make a recurrent kernel: scale · ((1 - mix) · identity + mix · a random orthogonal matrix)."""
    Q = np.linalg.qr(np.random.default_rng(seed).normal(size=(units, units)))[0]
    return scale * ((1 - mix) * np.eye(units) + mix * Q)


def follow(layer: Any, x: np.ndarray, target: np.ndarray, learn_until: int) -> np.ndarray:
    """Let a layer run on a stream and, for a while, learn: its first unit is to say the target.

    With TensorFlow hundreds of steps run as one call of a compiled function, else step by step.

    Args:
        layer: has `units`, is called with the input of one step (1, 1), and has `learn(dh)`. Built, float64.
        x, target: of each step. Shape (steps,) each.
        learn_until: the number of steps after which it does not learn any more.

    Returns:
        The squared error of each step. Shape (steps,).
    """
    import keras
    from keras import ops

    first = np.eye(1, layer.units)

    def one(x_t: Any, target_t: Any, learning: bool) -> Any:
        error = layer(ops.reshape(x_t, (1, 1)))[0, 0] - target_t
        if learning:
            layer.learn(2 * error * ops.convert_to_tensor(first))
        return ops.square(error)

    if keras.backend.backend() != "tensorflow":
        errors = [one(a, b, t < learn_until) for t, (a, b) in enumerate(zip(x, target, strict=True))]
        return np.array([float(error) for error in errors])
    import tensorflow as tf

    @tf.function
    def run(xs: Any, targets: Any, learning: bool) -> Any:
        count = tf.shape(xs)[0]
        errors = tf.TensorArray(tf.float64, size=count)
        for t in tf.range(count):
            errors = errors.write(t, one(xs[t], targets[t], learning))
        return errors.stack()

    borders = sorted({*range(0, len(x), CALL), min(learn_until, len(x)), len(x)})
    parts = [
        run(tf.constant(x[a:b]), tf.constant(target[a:b]), a < learn_until).numpy()
        for a, b in zip(borders, borders[1:], strict=False)
    ]
    return np.concatenate(parts)


def smoothed(errors: np.ndarray, width: int) -> np.ndarray:
    """Average over blocks of `width` steps. Shape (steps // width,)."""
    return errors[: len(errors) // width * width].reshape(-1, width).mean(axis=1)


def side_by_side(
    panels: Mapping[str, Mapping[str, np.ndarray]],
    title: str,
    xlabel: str,
    ylabel: str,
    x: np.ndarray,
    log: bool = True,
) -> Figure:
    """Draw named curves in panels with a common vertical axis.

    Args:
        panels: the title of each panel, and its curves by name. Shape (points,) each; the same names in each panel.
        title: the finding.
        xlabel, ylabel: with units.
        x: positions of the points. Shape (points,).
        log: whether the vertical axis is logarithmic.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(8.8, 3.9), layout="constrained")
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    all_axes = figure.subplots(1, len(panels), sharey=True)
    for axes, (name, curves) in zip(all_axes, panels.items(), strict=True):
        looks = zip(COLORS, LINESTYLES, MARKERS, strict=True)
        for (label, values), (color, dash, marker) in zip(curves.items(), looks, strict=False):
            every = max(1, len(values) // 10)
            axes.plot(x, values, color=color, linestyle=dash, marker=marker, markevery=every, label=label)
        axes.set_title(name, fontsize=10.5, fontweight="normal")
        axes.set_xlabel(xlabel)
        if log:
            axes.set_yscale("log")
    all_axes[0].set_ylabel(ylabel)
    figure.legend(*all_axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure
