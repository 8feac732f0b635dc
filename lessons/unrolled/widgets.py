"""Things to drag, each with a static twin for places where nothing can be dragged."""

import importlib.util
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from unrolled.figures import COLORS, LINESTYLES, panel

# What a notebook server with a person in front of it sets in the environment of its kernels.
FRONT_ENDS = ("JPY_SESSION_NAME", "VSCODE_PID", "COLAB_RELEASE_TAG")
STEPS = 30
START = 0.5


def is_live() -> bool:
    """Tell whether widgets can be dragged here: ipywidgets is installed and a front end is attached."""
    return importlib.util.find_spec("ipywidgets") is not None and any(name in os.environ for name in FRONT_ENDS)


def explore(
    draw: Callable[[float], Figure],
    static: Callable[[], Figure],
    label: str,
    span: tuple[float, float, float],
    live: bool | None = None,
) -> Any:
    """Show a figure with a slider, or its static twin.

    Args:
        draw: makes the figure for one value of the slider.
        static: makes the figure that is shown where there is no slider.
        label: what the slider changes.
        span: (lowest, highest, initial) value of the slider.
        live: whether to make a slider. Default: `is_live()`.

    Returns:
        An `ipywidgets.VBox` of a slider and an output, or the static figure.

    Raises:
        ValueError: if the initial value lies outside the span.
    """
    low, high, value = span
    if not low <= value <= high:
        raise ValueError(
            "`span` must be (lowest, highest, initial) with the initial value between the others. "
            f"Received: span={span}. Example: span=(0.0, 1.5, 0.9)."
        )
    if not (is_live() if live is None else live):
        return static()
    import ipywidgets
    from IPython.display import display

    slider = ipywidgets.FloatSlider(
        value=value, min=low, max=high, step=0.01, description=label, continuous_update=False
    )
    output = ipywidgets.Output()

    def redraw(_change: Any = None) -> None:
        output.clear_output(wait=True)
        with output:
            display(draw(slider.value))

    slider.observe(redraw, names="value")
    redraw()
    return ipywidgets.VBox([slider, output])


def influence_of_the_start(w: float, steps: int = STEPS, squash: bool = True) -> np.ndarray:
    """Compute how much a one-unit context still depends on where it started.

    h_t = tanh(w h_{t-1}) or, without the squashing, h_t = w h_{t-1}; from h_0 = 0.5, no input.

    Args:
        w: the context weight.
        steps: number of steps, at least 1.
        squash: whether the tanh is there.

    Returns:
        |dh_t / dh_0| for t = 0 … steps, no unit. Shape (steps + 1,), float64.

    Source: the chain rule; Elman 1990 has w = 1 on the copy from hidden unit to context unit.
    """
    h, slope = START, 1.0
    influence = [slope]
    for _ in range(steps):
        h = np.tanh(w * h) if squash else w * h
        slope *= w * (1 - h**2) if squash else w
        influence.append(abs(slope))
    return np.array(influence)


def _axes(title: str) -> tuple[Figure, Any]:
    figure, axes = panel(title, "steps since the start", "influence $|dh_t / dh_0|$ (no unit)")
    axes.set_yscale("log")
    axes.set_ylim(1e-5, 1e2)
    return figure, axes


def draw_influence(w: float) -> Figure:
    """Draw the influence of the start for one context weight, with and without tanh."""
    verdict = "fades" if w < 1 else "is kept" if w == 1 else "grows"
    figure, axes = _axes(f"w = {w:.2f}: without tanh, the influence of the start {verdict}")
    for squash, color, dash in zip((False, True), COLORS, LINESTYLES, strict=False):
        name = "with tanh" if squash else "linear: $w^t$"
        values = influence_of_the_start(w, squash=squash)
        axes.plot(np.maximum(values, 1e-12), color=color, linestyle=dash, label=name)
    axes.legend(loc="lower left")
    return figure


def draw_influence_static() -> Figure:
    """Draw the influence of the start for several context weights: the widget's static twin."""
    figure = Figure(figsize=(8.2, 3.8), layout="constrained")
    title = "Below 1 the past fades, above 1 it explodes, and tanh makes it fade again"
    figure.suptitle(title, fontsize=11.5, fontweight="bold")
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, squash, name in ((left, False, "linear unit"), (right, True, "tanh unit")):
        axes.set(xlabel="steps since the start", yscale="log", ylim=(1e-5, 1e2))
        axes.set_title(name, fontweight="normal")
        weights = (1.1, 1.0, 0.9, 0.5)
        for w, color, dash in zip(weights, COLORS, LINESTYLES, strict=False):
            values = influence_of_the_start(w, squash=squash)
            axes.plot(values, color=color, linestyle=dash, label=f"w = {w}")
    left.set_ylabel("influence $|dh_t / dh_0|$ (no unit)")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def influence_of_the_past(live: bool | None = None) -> Any:
    """Show how the context weight decides what is left of the past.

    Args:
        live: whether to make a slider. Default: `is_live()`.

    Returns:
        A slider with its figure, or the static figure.
    """
    return explore(draw_influence, draw_influence_static, "weight w", (0.0, 1.5, 0.9), live)
