"""Lesson 07's experiments: gradients on their way back, a task with a long lag, a cliff, deep networks; and figures.

Rows are states and gradients, as in Keras: h is (batch, time, units), a step back is (dh * slope) @ Wh.T.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unrolled.figures import COLORS, GREY, LINESTYLES, MARKERS, panel
from unrolled.graphs import Edge, Node, computation_graph

Clip = Callable[[tuple[np.ndarray, ...], float], Sequence[np.ndarray]]
SECONDS_BETWEEN_REPORTS = 5.0
WEIGHT, BIAS = np.linspace(3.8, 6.0, 221), np.linspace(-3.2, 0.0, 321)  # the window on the cliff


# Networks


def states_and_slopes(
    drive: np.ndarray, Wh: np.ndarray, squash: str = "tanh", h0: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Run h_t = f(drive_t + h_{t-1} Wh) and keep the slope of f at every step.

    Args:
        drive: what reaches the units from outside, x_t Wx + b. Shape (batch, time, units).
        Wh: recurrent kernel. Shape (units, units).
        squash: f: "tanh", "relu" or "linear".
        h0: the state before the first step. Shape (batch, units). Default: zeros.

    Returns:
        (h, slope), both of shape (batch, time, units).

    Raises:
        ValueError: if there is no such f.
    """
    functions = {
        "tanh": (np.tanh, lambda h: 1 - h**2),
        "relu": (lambda z: np.maximum(z, 0.0), lambda h: (h > 0).astype(float)),
        "linear": (lambda z: z, np.ones_like),
    }
    if squash not in functions:
        raise ValueError(f'`squash` must be one of {list(functions)}. Received: {squash!r}. Example: squash="tanh".')
    function, derivative = functions[squash]
    h, kept = np.zeros_like(drive[:, 0]) if h0 is None else h0, []
    for t in range(drive.shape[1]):
        h = function(drive[:, t] + h @ Wh)
        kept.append(h)
    states = np.stack(kept, axis=1)
    return states, derivative(states)


def gaussian_kernel(units: int, gain: float, rng: np.random.Generator) -> np.ndarray:
    """A kernel of independent normal numbers with standard deviation gain / sqrt(units). Shape (units, units)."""
    return rng.normal(0, gain / np.sqrt(units), (units, units))


def log_norms(depth: int, units: int, gain: float, nets: int, shared: bool, rng: np.random.Generator) -> np.ndarray:
    """Follow a gradient down many linear networks with random weights.

    Args:
        depth: number of layers, or of steps.
        units: size of each layer.
        gain: the weights' standard deviation is gain / sqrt(units).
        nets: how many networks.
        shared: whether all layers have the same weights, as the steps of a recurrent network do.
        rng: draws weights and gradients.

    Returns:
        The common logarithm of the gradient's norm, after 0, 1, …, depth layers. Shape (nets, depth + 1).
    """
    logs = np.zeros((nets, depth + 1))
    for net in range(nets):
        gradient = rng.normal(size=units)
        gradient /= np.linalg.norm(gradient)
        W = gaussian_kernel(units, gain, rng)
        for layer in range(1, depth + 1):
            if not shared and layer > 1:
                W = gaussian_kernel(units, gain, rng)
            gradient = gradient @ W.T
            norm = np.linalg.norm(gradient)
            logs[net, layer] = logs[net, layer - 1] + np.log10(norm)
            gradient /= norm  # kept at length 1, so that nothing underflows
    return logs


def crookedness(logs: np.ndarray, skip: int = 20) -> np.ndarray:
    """How far each curve of log norms is from its own best straight line.

    Args:
        logs: as `log_norms` returns them. Shape (nets, depth + 1).
        skip: how many layers to leave out at the beginning, where the direction is still the drawn one.

    Returns:
        The root mean square distance of each curve. Shape (nets,), powers of ten.
    """
    layer, curves = np.arange(logs.shape[1])[skip:], logs[:, skip:].T  # (layers, nets)
    slope, offset = np.polyfit(layer, curves, 1)
    return np.sqrt(((curves - (np.outer(layer, slope) + offset)) ** 2).mean(axis=0))


# A task whose only information lies far back


def remember_first(
    lag: int,
    updates: int,
    kernels: np.ndarray,
    clip: Clip | None = None,
    limit: float = 1.0,
    batch: int = 32,
    rate: float = 0.01,
    seed: int = 0,
    report: bool = False,
) -> np.ndarray:
    """Train Elman networks to say, after `lag` steps, which coin came first.

    Every input is a fair coin, +1 or -1; the target is the first of the `lag` coins, the others say nothing about it.
    One network per kernel, all trained at once on sequences of their own, by backpropagation through time over the
    whole sequence and Adam (Kingma and Ba 2015), in float32.

    Args:
        lag: number of coins.
        updates: number of updates, each on `batch` new sequences.
        kernels: recurrent kernels to start from. Shape (nets, units, units).
        clip: clips a network's gradients: (tuple of arrays, limit) -> arrays. Default: no clipping.
        limit: what `clip` gets as its second argument.
        batch: sequences in an update.
        rate: learning rate.
        seed: of the other weights and of all coins.
        report: whether to print how far it is, every few seconds.

    Returns:
        The mean cross-entropy at every update, nats. Shape (updates, nets).
    """
    rng = np.random.default_rng(seed)
    nets, units = kernels.shape[:2]
    weights = [
        rng.normal(0, 1, (nets, 1, units)),  # input to hidden
        kernels,
        np.zeros((nets, 1, units)),
        rng.normal(0, units**-0.5, (nets, units, 1)),  # hidden to output
        np.zeros((nets, 1, 1)),
    ]
    weights = [w.astype(np.float32) for w in weights]
    mean, square = [np.zeros_like(w) for w in weights], [np.zeros_like(w) for w in weights]
    losses, said = [], time.monotonic()
    for update in range(1, updates + 1):
        coins = rng.choice(np.array([-1, 1], np.float32), (lag, nets, batch, 1))
        loss, gradients = _loss_and_gradients(weights, coins)
        losses.append(loss)
        if clip is not None:
            each = [clip(tuple(g[net] for g in gradients), limit) for net in range(nets)]
            gradients = [np.stack(same) for same in zip(*each, strict=True)]
        for k, g in enumerate(gradients):
            mean[k] = 0.9 * mean[k] + 0.1 * g
            square[k] = 0.999 * square[k] + 0.001 * g**2
            step = mean[k] / (1 - 0.9**update) / (np.sqrt(square[k] / (1 - 0.999**update)) + 1e-8)
            weights[k] = (weights[k] - rate * step).astype(np.float32)
        if report and time.monotonic() - said > SECONDS_BETWEEN_REPORTS:
            said = time.monotonic()
            print(f"  lag {lag}: update {update} of {updates}, mean loss {loss.mean():.3f}", flush=True)
    return np.array(losses)


def _loss_and_gradients(weights: list[np.ndarray], coins: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Cross-entropy of each network, shape (nets,), and its gradients. coins: (time, nets, batch, 1)."""
    Wx, Wh, b, Wy, by = weights
    steps, nets, batch, _ = coins.shape
    drive = coins * Wx + b  # (time, nets, batch, units)
    h = np.zeros((steps + 1, *drive.shape[1:]), drive.dtype)
    for t in range(steps):
        np.tanh(h[t] @ Wh + drive[t], out=h[t + 1])
    first = coins[0] > 0  # (nets, batch, 1)
    score = h[-1] @ Wy + by
    loss = np.logaddexp(0, np.where(first, -score, score)).mean(axis=(1, 2))
    dscore = ((1 / (1 + np.exp(-score)) - first) / batch).astype(drive.dtype)
    slope, dz = 1 - h[1:] ** 2, np.empty_like(drive)
    back, dh = np.swapaxes(Wh, 1, 2), dscore @ np.swapaxes(Wy, 1, 2)
    for t in reversed(range(steps)):
        np.multiply(dh, slope[t], out=dz[t])
        dh = dz[t] @ back

    def rows(array: np.ndarray) -> np.ndarray:
        return np.swapaxes(array, 0, 1).reshape(nets, steps * batch, -1)  # all steps and sequences of a network

    arriving = rows(dz)
    return loss, [
        np.swapaxes(rows(coins), 1, 2) @ arriving,
        np.swapaxes(rows(h[:-1]), 1, 2) @ arriving,
        arriving.sum(axis=1, keepdims=True),
        np.swapaxes(h[-1], 1, 2) @ dscore,
        dscore.sum(axis=1, keepdims=True),
    ]


def latch(coins: np.ndarray, w: float = 3.0, a: float = 0.5) -> np.ndarray:
    """One unit, h_t = tanh(w h_{t-1} + a x_t) from h_0 = 0, with weights set by hand.

    Args:
        coins: +1 and -1. Shape (batch, time).
        w, a: the weights of the unit's own last value and of the input.

    Returns:
        The last value of the unit. Shape (batch,).
    """
    h = np.zeros(len(coins))
    for x in coins.T:
        h = np.tanh(w * h + a * x)
    return h


# The cliff


def one_unit_error(w: np.ndarray, b: np.ndarray, steps: int = 50) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The error of one logistic unit without input that is to reach .7 after so many steps, and its gradient.

    x_t = w s(x_{t-1}) + b from x_0 = .5, error (s(x_steps) - .7)^2, s the logistic function.

    Args:
        w, b: weight and bias, arrays that broadcast.
        steps: number of steps.

    Returns:
        (error, by w, by b), each of the shape that w and b broadcast to.

    Source: Pascanu, Mikolov and Bengio 2013, equation 8 and figure 6.
    """
    x = np.full(np.broadcast_shapes(np.shape(w), np.shape(b)), 0.5)
    by_w, by_b = np.zeros_like(x), np.zeros_like(x)  # dx_t / dw and dx_t / db, carried forward
    for _ in range(steps):
        s = _logistic(x)
        slope = s * (1 - s)
        by_w, by_b = s + w * slope * by_w, 1 + w * slope * by_b
        x = w * s + b
    s = _logistic(x)
    outer = 2 * (s - 0.7) * s * (1 - s)
    return (s - 0.7) ** 2, outer * by_w, outer * by_b


def _logistic(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(x / 2))


def descend(starts: np.ndarray, rate: float, updates: int, clip: Clip | None = None, limit: float = 1.0) -> np.ndarray:
    """Walk down the one-unit network's error by plain gradient descent, from one start or several.

    Args:
        starts: (w, b) to start from. Shape (starts, 2).
        rate: learning rate.
        updates: number of steps.
        clip: clips the two gradients of one start, as in `remember_first`. Default: no clipping.
        limit: what `clip` gets as its second argument.

    Returns:
        Every (w, b) on the way, the start included. Shape (starts, updates + 1, 2).
    """
    here = np.array(starts, float)
    path = [here]
    for _ in range(updates):
        _, *gradients = one_unit_error(*here.T)
        if clip is not None:
            pairs = [clip((by_w, by_b), limit) for by_w, by_b in zip(*gradients, strict=True)]
            gradients = np.array(pairs).T
        here = here - rate * np.stack(gradients, axis=1)
        path.append(here)
    return np.stack(path, axis=1)


# Figures


def two_steps_back() -> Figure:
    """Draw two steps of a recurrent network as a computation graph, and the gradient's way back through them."""
    nodes, edges = {"h0": Node(0, 1.3, "$h_{t-2}$")}, []
    for k, (before, now) in enumerate((("t-2", "t-1"), ("t-1", "t"))):
        x = 5.6 * k
        nodes |= {
            f"W{k}": Node(x + 1.6, 2.6, "$W$"),
            f"m{k}": Node(x + 1.6, 1.3, "$@$", operation=True),
            f"d{k}": Node(x + 2.9, 0.1, f"$d_{{{now}}}$"),
            f"s{k}": Node(x + 2.9, 1.3, "$+$", operation=True),
            f"f{k}": Node(x + 4.1, 1.3, "$f$", operation=True),
            f"h{k + 1}": Node(x + 5.6, 1.3, f"$h_{{{now}}}$"),
        }
        edges += [
            Edge(f"h{k}", f"m{k}", f"$dh_{{{before}}}$", (0.05, -0.34)),
            Edge(f"W{k}", f"m{k}", "$dW$", (0.44, 0.0)),
            Edge(f"m{k}", f"s{k}", f"$dz_{{{now}}}$", (0.0, -0.34)),
            Edge(f"d{k}", f"s{k}"),
            Edge(f"s{k}", f"f{k}", f"$dz_{{{now}}}$", (0.08, -0.34)),
            Edge(f"f{k}", f"h{k + 1}", f"$dh_{{{now}}}$", (-0.05, -0.34)),
        ]
    return computation_graph(
        nodes, edges, "Every step back crosses a slope $f'$ and then the same kernel $W$", (10, 3.6)
    )


def curves(
    axes: Axes, series: Mapping[str, np.ndarray], x: np.ndarray | None = None, limits: tuple[float, float] | None = None
) -> None:
    """Draw named curves over a logarithmic vertical axis, each in a look of its own.

    Args:
        axes: where.
        series: name -> values. Shape (points,) each, at most seven.
        x: positions. Shape (points,). Default: 0, 1, 2, …
        limits: of the vertical axis.
    """
    for (name, values), color, dash, marker in zip(series.items(), COLORS, LINESTYLES, MARKERS, strict=False):
        where = np.arange(len(values)) if x is None else x
        every = max(1, len(values) // 9)
        axes.plot(where, values, color=color, linestyle=dash, marker=marker, markevery=every, label=name)
    axes.set_yscale("log")
    if limits:
        axes.set_ylim(*limits)


def side_by_side(
    panels: Mapping[str, Mapping[str, np.ndarray]],
    title: str,
    xlabel: str,
    ylabels: Sequence[str],
    limits: tuple[float, float] | None = None,
    columns: int = 3,
) -> Figure:
    """Draw the same named curves' values in several panels, with one legend below.

    Args:
        panels: title of each panel -> name of the curve -> values. Shape (points,) each.
        title: the finding.
        xlabel: of all panels.
        ylabels: of each panel, or one for all, which then share their vertical axis.
        limits: of the vertical axes.
        columns: of the legend.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(9.0, 4.1), layout="constrained")
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    all_axes = figure.subplots(1, len(panels), sharey=len(ylabels) == 1, squeeze=False)[0]
    for number, (axes, (name, series)) in enumerate(zip(all_axes, panels.items(), strict=True)):
        curves(axes, series, limits=limits)
        axes.set(xlabel=xlabel)
        axes.set_title(name, fontweight="normal")
        if number < len(ylabels):
            axes.set_ylabel(ylabels[number])
    figure.legend(*all_axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=columns)
    return figure


def learning_curves(losses: Mapping[str, np.ndarray], title: str, window: int = 10) -> Figure:
    """Draw the mean loss of several networks against updates, with the range over the networks as a band.

    Args:
        losses: name -> losses. Shape (updates, nets) each.
        title: the finding.
        window: how many updates are averaged.

    Returns:
        The figure; a grey line marks ln 2, the loss of guessing.
    """
    figure, axes = panel(title, "update", "cross-entropy (nats)")
    for (name, loss), color, dash, marker in zip(losses.items(), COLORS, LINESTYLES, MARKERS, strict=False):
        used = len(loss) // window * window
        smooth = loss[:used].reshape(-1, window, loss.shape[1]).mean(axis=1)  # (points, nets)
        where = window * (np.arange(len(smooth)) + 0.5)
        axes.fill_between(where, smooth.min(axis=1), smooth.max(axis=1), color=color, alpha=0.15, linewidth=0)
        every = max(1, len(where) // 9)
        axes.plot(where, smooth.mean(axis=1), color=color, linestyle=dash, marker=marker, markevery=every, label=name)
    axes.axhline(np.log(2), color=GREY, linestyle=":", linewidth=1.3, label="guessing: ln 2")
    axes.set_ylim(0, 1.0)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def cliff(paths: Mapping[str, np.ndarray], cut: float, title: str) -> Figure:
    """Draw the one-unit network's error surface from above, with paths of descent on it, and a cut through it.

    Args:
        paths: name -> path. Shape (updates + 1, 2) each, at most three. What leaves the window is cut off.
        cut: the weight at which the error is drawn against the bias.
        title: the finding.

    Returns:
        The figure.
    """
    error, *_ = one_unit_error(WEIGHT[None, :], BIAS[:, None])  # (biases, weights)
    figure = Figure(figsize=(9.4, 4.6), layout="constrained")
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    left, right = figure.subplots(1, 2)
    shades = left.contourf(WEIGHT, BIAS, error, levels=np.linspace(0, 0.5, 21), cmap="Greys", extend="max")
    figure.colorbar(shades, ax=left, label="error (no unit)", ticks=[0, 0.1, 0.2, 0.3, 0.4, 0.5])
    left.set_title("the error from above, and the descents", fontweight="normal")
    for (name, path), color, marker in zip(paths.items(), COLORS, MARKERS, strict=False):
        left.plot(*path.T, color=color, linestyle="-", linewidth=1.4, marker=marker, markersize=3.5, label=name)
    start = next(iter(paths.values()))[0]
    left.plot(*start, marker="*", markersize=14, color="black", markerfacecolor="white", linestyle="", label="start")
    left.axvline(cut, color=GREY, linestyle=":", linewidth=1.3, label=f"the cut at w = {cut}")
    left.set(xlabel="weight $w$ (no unit)", ylabel="bias $b$ (no unit)", xlim=WEIGHT[[0, -1]], ylim=BIAS[[0, -1]])
    left.grid(False)
    fine = np.linspace(BIAS[0], BIAS[-1], 20_001)
    right.plot(fine, one_unit_error(np.array(cut), fine)[0], color="black", linestyle="-")
    right.set(xlabel="bias $b$ (no unit)", ylabel="error (no unit)", ylim=(0, 0.5))
    right.set_title(f"a cut through it at w = {cut}", fontweight="normal")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def bundles(logs: Mapping[str, np.ndarray], title: str, shown: int = 15) -> Figure:
    """Draw log norms of gradients against depth: one thin line per network, one panel per kind of network.

    Args:
        logs: title of the panel -> as `log_norms` returns them. Shape (nets, depth + 1) each.
        title: the finding.
        shown: how many networks are drawn. The dashed line is the mean of all.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(9.0, 4.0), layout="constrained")
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    all_axes = figure.subplots(1, len(logs), sharey=True, squeeze=False)[0]
    for axes, (name, values) in zip(all_axes, logs.items(), strict=True):
        for k, curve in enumerate(values[:shown]):
            label = "one network" if k == 0 else None
            axes.plot(curve, color=COLORS[0], linestyle="-", linewidth=1.0, alpha=0.8, label=label)
        axes.plot(values.mean(axis=0), color=COLORS[1], linestyle="--", linewidth=2.4, label=f"mean of {len(values)}")
        axes.set(xlabel="layers, or steps, back")
        axes.set_title(name, fontweight="normal")
    all_axes[0].set_ylabel("$\\log_{10}$ of the gradient's norm")
    figure.legend(*all_axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure
