"""Lesson 05: what its demos measure on an arm, and its figures."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unrolled import widgets
from unrolled.corpora import arm
from unrolled.figures import COLORS, GREY, LINESTYLES, MARKERS, PALETTE
from unrolled.graphs import Edge, Node, computation_graph

# Measures


def hand_error(angles: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Compute how far the hand is from where it should be, at every step.

    Args:
        angles, target: joint angles, radians. Shapes (…, 2) that broadcast.

    Returns:
        Distances, cm. Shape (…).
    """
    return np.linalg.norm(arm.arm_positions(angles)[1] - arm.arm_positions(target)[1], axis=-1)


def path_error(angles: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Compute the root mean square over time of `hand_error`, cm. Shapes (…, time, 2) to (…)."""
    return np.sqrt(np.mean(hand_error(angles, target) ** 2, axis=-1))


def distance_to_curve(angles: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """Compute how far the hand is from the nearest point of a path, at every step.

    Args:
        angles: of the arm, radians. Shape (…, time, 2).
        curve: points of the path, cm. Shape (points, 2).

    Returns:
        Distances, cm. Shape (…, time).
    """
    hand = arm.arm_positions(angles)[1]
    return np.linalg.norm(hand[..., None, :] - curve, axis=-1).min(axis=-1)


def states_of(outputs: np.ndarray, mu: float) -> np.ndarray:
    """Compute the state of every step of a network whose outputs are known, from a state of zeros.

    Args:
        outputs: what enters the states. Shape (time, outputs).
        mu: how much of a state is left in the next one.

    Returns:
        The states s_0 = 0, s_1 = y_0, … Shape (time, outputs).
    """
    states = np.zeros(np.shape(outputs))
    for t in range(len(outputs) - 1):
        states[t + 1] = mu * states[t] + outputs[t]
    return states


def steepness(outputs: np.ndarray, mu: float, exact: float = 1e-9) -> float:
    """Compute how steep the map from state to output must be, for a Jordan network to give these outputs.

    For each two steps: how much the outputs differ, over how much the states do. The largest such ratio.

    Args:
        outputs: the wanted outputs. Shape (time, outputs).
        mu: how much of a state is left in the next one.
        exact: states closer than this count as the same.

    Returns:
        The ratio; infinity where two equal states must give different outputs.
    """
    states = states_of(outputs, mu)
    apart = np.linalg.norm(states[:, None] - states[None], axis=-1)
    differ = np.linalg.norm(outputs[:, None] - outputs[None], axis=-1)
    if np.any((apart < exact) & (differ > 1e-6)):
        return float("inf")
    return float(np.max(differ[apart >= exact] / apart[apart >= exact]))


# Graphs


def step_graph() -> Figure:
    """Draw one Jordan step, from x_t and s_t to y_t, with every gradient of lesson 05."""
    nodes = {
        "x": Node(0, 3, "$x_t$"),
        "Wx": Node(0, 2.1, "$W_x$"),
        "s": Node(0, 0.9, "$s_t$"),
        "Ws": Node(0, 0, "$W_s$"),
        "mx": Node(1.8, 2.55, "$@$", operation=True),
        "ms": Node(1.8, 0.45, "$@$", operation=True),
        "b": Node(3.4, 2.9, "$b$"),
        "sum": Node(3.4, 1.5, "$+$", operation=True),
        "tanh": Node(5.5, 1.5, "tanh", operation=True),
        "my": Node(7.2, 1.5, "$@$", operation=True),
        "Wy": Node(7.2, 2.9, "$W_y$"),
        "sum_y": Node(8.7, 1.5, "$+$", operation=True),
        "by": Node(8.7, 2.9, "$b_y$"),
        "y": Node(10.2, 1.5, "$y_t$"),
    }
    edges = [
        Edge("x", "mx", "$dx_t$", (0.05, 0.27)),
        Edge("Wx", "mx", "$dW_x$", (0.1, -0.28)),
        Edge("s", "ms", "$ds_t$", (0.1, 0.27)),
        Edge("Ws", "ms", "$dW_s$", (0.1, -0.28)),
        Edge("mx", "sum", "$dz_t$", (-0.32, -0.2)),
        Edge("ms", "sum", "$dz_t$", (0.35, -0.2)),
        Edge("b", "sum", "$db$", (-0.34, 0.05)),
        Edge("sum", "tanh", "$dz_t = dh_t\\,(1 - h_t^2)$", (0.0, -0.42)),
        Edge("tanh", "my", "$dh_t$", (0.0, -0.3)),
        Edge("Wy", "my", "$dW_y$", (-0.42, 0.05)),
        Edge("my", "sum_y", "$dy_t$", (0.0, -0.3)),
        Edge("by", "sum_y", "$db_y$", (0.38, 0.05)),
        Edge("sum_y", "y", "$dy_t$", (0.0, -0.3)),
    ]
    return computation_graph(nodes, edges, "Two layers, one after the other: each arrow back has its gradient", (10, 4))


def sequence_graph() -> Figure:
    """Draw three steps: the first runs freely, the second has a teacher; where each gradient comes from."""
    gap = 3.6
    nodes, edges = {}, []
    for t in range(3):
        left = gap * t
        nodes |= {
            f"s{t}": Node(left, 0, f"$s_{t}$"),
            f"step{t}": Node(left, 1.4, "step", operation=True),
            f"y{t}": Node(left, 2.8, f"$y_{t}$"),
            f"loss{t}": Node(left, 3.9, "loss"),
        }
        edges += [
            Edge(f"s{t}", f"step{t}", f"$ds_{t}$", (-0.4, 0)),
            Edge(f"step{t}", f"y{t}", f"$u_{t}$", (-0.34, 0)),
            Edge(f"y{t}", f"loss{t}", f"$dy_{t}$", (-0.4, 0)),
        ]
    for t in range(2):
        nodes[f"sum{t}"] = Node(gap * t + 1.9, 0, "$+$", operation=True)
        edges += [
            Edge(f"s{t}", f"sum{t}", f"$\\mu\\,c_{t + 1}$", (-0.05, -0.33)),
            Edge(f"sum{t}", f"s{t + 1}", f"$c_{t + 1}$", (0.0, -0.33)),
        ]
    edges.append(Edge("y0", "sum0", "$c_1$", (0.3, 0.2)))
    nodes["target"] = Node(gap + 1.9, 1.4, "$\\hat y_1$")
    edges.append(Edge("target", "sum1"))
    title = "Step 0 is free: its output goes on. Step 1 is forced: the target takes its place"
    figure = computation_graph(nodes, edges, title, (9.6, 5.6))
    axes = figure.axes[0]
    for t, word in enumerate(("step 0: free", "step 1: forced")):
        axes.text(gap * t + 1.9, -0.75, word, ha="center", fontsize=10.5)
    axes.set_ylim(-1.0, 4.3)
    return figure


# The arm


def _draw_path(axes: Axes, hand: np.ndarray, **look: Any) -> None:
    axes.plot(hand[:, 0], hand[:, 1], **look)


def _prepare(axes: Axes, title: str = "") -> None:
    axes.set_aspect("equal")
    axes.set_title(title, fontsize=10, fontweight="normal")
    axes.set_xlabel("cm")


def arm_frames(angles: np.ndarray, title: str, frames: int = 5, marks: Sequence[int] = ()) -> Figure:
    """Draw the arm frame by frame, and in a last panel the whole path of the hand.

    Args:
        angles: of the movement, radians. Shape (time, 2).
        title: the finding.
        frames: number of single frames.
        marks: steps at which the hand is at one and the same place, which is marked.

    Returns:
        The figure.
    """
    elbow, hand = arm.arm_positions(angles)
    figure = Figure(figsize=(10.4, 3.3), layout="constrained")
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    panels = figure.subplots(1, frames + 1, width_ratios=[1] * frames + [1.15])
    for axes, t in zip(panels, np.linspace(0, len(angles) - 1, frames).round().astype(int), strict=False):
        _prepare(axes, f"step {t}")
        axes.set(xlim=(hand[:, 0].min() - 3, elbow[:, 0].max() + 3), ylim=(-3, hand[:, 1].max() + 3))
        limb = np.array([(0, 0), elbow[t], hand[t]])
        _draw_path(axes, hand[: t + 1], color=COLORS[1], linestyle="-", linewidth=1.4)
        axes.plot(*limb.T, color="black", linestyle="-", marker="o", linewidth=3)
    last = panels[-1]
    _prepare(last, "path, enlarged")
    _draw_path(last, hand, color=COLORS[1], linestyle="-", marker=".", markersize=7, linewidth=1.2)
    if len(marks):
        axes_at = hand[marks[0]]
        text = "steps " + " and ".join(str(t) for t in marks)
        last.plot(*axes_at, color="black", marker="o", markersize=9, linestyle="", fillstyle="none")
        last.annotate(text, axes_at, xytext=(0, -46), textcoords="offset points", fontsize=8.5, ha="center")
    panels[0].set_ylabel("cm from the shoulder")
    return figure


def paths(
    traced: Mapping[str, np.ndarray], targets: Mapping[str, np.ndarray] | np.ndarray, title: str, rows: int = 1
) -> Figure:
    """Draw what the hand traced, a panel for each movement, with the arm at its last step.

    Args:
        traced: what stands above each panel, and the joint angles. Shape (time, 2) each.
        targets: the wanted joint angles of each panel by the same names, or one array for all; a name may be missing.
        title: the finding.
        rows: of panels.

    Returns:
        The figure.
    """
    columns = -(-len(traced) // rows)
    shown = np.concatenate([np.concatenate(arm.arm_positions(angles)) for angles in traced.values()])
    wide, high = np.ptp(np.concatenate([shown, [[0.0, 0.0]]]), axis=0) + 6
    width = min(10.2, 2.5 * columns + 0.6)
    height = (width - 0.9) / columns * high / wide + 0.45  # of a row, inches
    figure = Figure(figsize=(width, min(height, 3.4) * rows + (1.2 if rows == 1 else 0.5)), layout="constrained")
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes, (name, angles) in zip(panels.flat, traced.items(), strict=False):
        _prepare(axes, name)
        wanted = targets.get(name) if isinstance(targets, Mapping) else targets
        if wanted is not None:
            _draw_path(
                axes, arm.arm_positions(wanted)[1], color=PALETTE["sky"], linestyle="-", linewidth=5, label="target"
            )
        elbow, hand = arm.arm_positions(angles)
        axes.plot(*np.array([(0, 0), elbow[-1], hand[-1]]).T, color=GREY, linestyle="-", marker="o", linewidth=2.2)
        _draw_path(axes, hand, color="black", linestyle="-", marker=".", linewidth=1.2, label="traced")
    for axes in panels[:-1].flat:
        axes.set_xlabel("")
    for axes in panels[:, 0]:
        axes.set_ylabel("cm")
    handles = {
        label: handle for axes in panels.flat for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=2)
    return figure


def blend_of_plans(
    trace: Callable[[np.ndarray], np.ndarray], first: int, second: int, names: Sequence[str], live: bool | None = None
) -> Any:
    """Show what a network does with a mixture of two plans, on a slider or in six panels.

    Args:
        trace: gives the joint angles, shape (time, 2), for a plan, shape (plans,).
        first, second: numbers of the two plans.
        names: of all plans.
        live: whether to make a slider. Default: `widgets.is_live()`.

    Returns:
        A slider with its figure, or the static figure.
    """

    def mixture(share: float) -> np.ndarray:
        plan = np.zeros(len(names))
        plan[first], plan[second] = 1 - share, share
        return trace(plan)

    def draw(share: float) -> Figure:
        return paths(
            {f"{1 - share:.2f} {names[first]} + {share:.2f} {names[second]}": mixture(share)},
            {},
            "A mixture of two plans",
        )

    def static() -> Figure:
        shares = (0.0, 0.1, 0.3, 0.5, 0.9, 1.0)
        panels = {f"{1 - share:.1f} {names[first]} + {share:.1f} {names[second]}": mixture(share) for share in shares}
        return paths(panels, {}, "Between two plans lie movements that nobody taught", rows=2)

    return widgets.explore(draw, static, f"share of {names[second]}", (0.0, 1.0, 0.3), live)


def errors_by_step(series: Mapping[str, Mapping[str, np.ndarray]], title: str) -> Figure:
    """Draw distances over time in panels that share their axes.

    Args:
        series: what stands above each panel → name of each curve → distances, cm. Shape (time,) each.
        title: the finding.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(9.4, 3.7), layout="constrained")
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    panels = figure.subplots(1, len(series), sharey=True, squeeze=False)[0]
    for axes, (name, curves) in zip(panels, series.items(), strict=True):
        axes.set_title(name, fontsize=10, fontweight="normal")
        axes.set_xlabel("step")
        looks = zip(COLORS, LINESTYLES, MARKERS, strict=True)
        for (label, values), (color, dash, marker) in zip(curves.items(), looks, strict=False):
            every = max(1, len(values) // 8)
            axes.plot(values, color=color, linestyle=dash, marker=marker, markevery=every, label=label)
    panels[0].set_ylabel("distance of the hand (cm)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure
