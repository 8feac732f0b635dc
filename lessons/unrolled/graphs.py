"""Drawings of computation graphs: forward in solid black, gradients in dashed vermillion."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from unrolled.figures import PALETTE

FORWARD, BACKWARD = PALETTE["black"], PALETTE["vermillion"]
GAP = 0.09  # distance of each arrow from the line between two nodes


@dataclass(frozen=True)
class Node:
    """One place of a graph: an array (box) or an operation (circle), at (x, y)."""

    x: float
    y: float
    text: str
    operation: bool = False


@dataclass(frozen=True)
class Edge:
    """One value passed on: `source` and `target` name nodes, `gradient` labels the way back.

    `label_at` moves the label from the middle of the edge, in the drawing's units.
    """

    source: str
    target: str
    gradient: str = ""
    label_at: tuple[float, float] = (0.0, -0.24)


def computation_graph(
    nodes: dict[str, Node], edges: list[Edge], title: str, size: tuple[float, float] = (8, 3.6)
) -> Figure:
    """Draw a computation graph, its values going forward and its gradients back.

    Args:
        nodes: the nodes by name.
        edges: the values that pass between them; one with a `gradient` gets an arrow back.
        title: the finding.
        size: width and height, inches.

    Returns:
        The figure. It has a title and a legend, and no axes to label.

    Raises:
        ValueError: if an edge names a node that is not there.
    """
    for edge in edges:
        for end in (edge.source, edge.target):
            if end not in nodes:
                raise ValueError(
                    f"Every end of an edge must be a node. Received: {end!r}. Known nodes: {sorted(nodes)}."
                )
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.set_title(title, loc="left")
    for edge in edges:
        _draw_edge(axes, nodes[edge.source], nodes[edge.target], edge)
    for node in nodes.values():
        shape = {"boxstyle": "circle,pad=0.25"} if node.operation else {"boxstyle": "round,pad=0.32"}
        face = "#FFFFFF" if node.operation else "#DCEBF5"
        axes.text(
            node.x,
            node.y,
            node.text,
            ha="center",
            va="center",
            fontsize=12,
            zorder=4,
            bbox={**shape, "facecolor": face, "edgecolor": "black"},
        )
    x, y = [n.x for n in nodes.values()], [n.y for n in nodes.values()]
    axes.set_xlim(min(x) - 0.6, max(x) + 0.6)
    axes.set_ylim(min(y) - 0.5, max(y) + 0.5)
    ways = [
        Line2D([], [], color=FORWARD, linestyle="-", label="forward: values"),
        Line2D([], [], color=BACKWARD, linestyle="--", label="backward: gradients"),
    ]
    figure.legend(handles=ways, loc="outside lower center", ncols=2)
    return figure


def _draw_edge(axes: Axes, source: Node, target: Node, edge: Edge) -> None:
    start, end = np.array([source.x, source.y]), np.array([target.x, target.y])
    along = (end - start) / np.linalg.norm(end - start)
    aside = GAP * np.array([-along[1], along[0]]) if edge.gradient else np.zeros(2)
    ways = [(start + aside, end + aside, FORWARD, "-")]
    if edge.gradient:
        ways.append((end - aside, start - aside, BACKWARD, "--"))
        middle = (start + end) / 2 + edge.label_at
        axes.text(*middle, edge.gradient, color=BACKWARD, ha="center", va="center", fontsize=11.5)
    for tail, head, color, dash in ways:
        arrow = {
            "arrowstyle": "-|>",
            "color": color,
            "linestyle": dash,
            "linewidth": 1.5,
            "shrinkA": 17,
            "shrinkB": 17,
            "mutation_scale": 11,
        }
        axes.annotate("", xy=tuple(head), xytext=tuple(tail), arrowprops=arrow, zorder=2)


def elman_step() -> Figure:
    """Draw one Elman step, from x_t and h_{t-1} to h_t, with every gradient of lesson 04."""
    nodes = {
        "x": Node(0, 3, "$x_t$"),
        "Wx": Node(0, 2.1, "$W_x$"),
        "h_prev": Node(0, 0.9, "$h_{t-1}$"),
        "Wh": Node(0, 0, "$W_h$"),
        "mx": Node(2, 2.55, "$@$", operation=True),
        "mh": Node(2, 0.45, "$@$", operation=True),
        "b": Node(4, 2.9, "$b$"),
        "sum": Node(4, 1.5, "$+$", operation=True),
        "tanh": Node(6, 1.5, "tanh", operation=True),
        "h": Node(8, 1.5, "$h_t$"),
    }
    edges = [
        Edge("x", "mx", "$dx_t$", (0.05, 0.27)),
        Edge("Wx", "mx", "$dW_x$", (0.05, -0.28)),
        Edge("h_prev", "mh", "$dh_{t-1}$", (0.1, 0.27)),
        Edge("Wh", "mh", "$dW_h$", (0.05, -0.28)),
        Edge("mx", "sum", "$dz_t$", (-0.3, -0.2)),
        Edge("mh", "sum", "$dz_t$", (0.3, -0.22)),
        Edge("b", "sum", "$db$", (-0.36, 0.05)),
        Edge("sum", "tanh", "$dz_t = dh_t\\,(1 - h_t^2)$", (0.0, -0.42)),
        Edge("tanh", "h", "$dh_t$", (0.0, -0.28)),
    ]
    return computation_graph(nodes, edges, "Every arrow back carries the gradient of what went forward", (9, 4.2))


def unrolled_network(steps: int = 3) -> Figure:
    """Draw an Elman network unrolled in time: one column per step, the same weights in each.

    Args:
        steps: number of columns, from 2 to 5.

    Returns:
        The figure.

    Raises:
        ValueError: if `steps` is out of range.
    """
    if not 2 <= steps <= 5:
        raise ValueError(
            f"`steps` must be from 2 to 5, to be readable. Received: steps={steps}. Example: unrolled_network(steps=3)."
        )
    nodes = {"h0": Node(0, 1.5, "$h_0$")}
    edges = []
    for t in range(1, steps + 1):
        x = 2.2 * t
        nodes |= {
            f"x{t}": Node(x, 0, f"$x_{t}$"),
            f"h{t}": Node(x, 1.5, f"$h_{t}$"),
            f"y{t}": Node(x, 3, f"$y_{t}$"),
        }
        edges += [
            Edge(f"x{t}", f"h{t}", f"$dx_{t}$", (0.42, 0.0)),
            Edge(f"h{t}", f"y{t}", f"$dh_{t}$ (own step)", (0.78, 0.0)),
            Edge(f"h{t - 1}", f"h{t}", "$dh_0$" if t == 1 else "carry", (0.0, -0.28)),
        ]
    title = "Each hidden state gets two gradients: from its own step and from the next one"
    return computation_graph(nodes, edges, title, (2.2 * steps + 2.6, 4.6))
