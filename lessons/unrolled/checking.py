"""What the page on gradient checking needs: a small layer, its right gradient, wrong ones, and inputs that hide them.

The layer is a leaky integrator: each state keeps a share of the one before and adds what is new,

    h_t = a * h_{t-1} + tanh(x_t W / sqrt(features) + b).

Its backward pass needs no loop over time. h_t reaches every later state h_s through a^(s-t), so its gradient is the
sum of all later upstream gradients, each times that power.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from unrolled.figures import COLORS, GREY, LINESTYLES, MARKERS, panel

Arguments = dict[str, np.ndarray]
Gradients = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]
NAMES = ("x", "h0", "a", "W", "b")
SIZES = {"batch": 3, "time": 5, "features": 4, "units": 6}  # all different


def leaky_forward(x: np.ndarray, h0: np.ndarray, a: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    """All states of a leaky integrator: h_t = a * h_{t-1} + tanh(x_t W / sqrt(features) + b).

    Args:
        x: inputs. Shape (batch, time, features).
        h0: the state before the first step. Shape (batch, units).
        a: the share of itself that each state keeps. Shape (units,).
        W: kernel. Shape (features, units). Several kernels at once: (kernels, features, units).
        b: bias. Shape (units,).

    Returns:
        h, the state after every step. Shape (batch, time, units), in the precision of the arguments. With several
        kernels (kernels, batch, time, units).
    """
    h, kept = h0, []
    for x_t in np.moveaxis(x, 1, 0):  # (batch, features)
        h = a * h + np.tanh(x_t @ W / _root(x) + b)  # (batch, units)
        kept.append(h)
    return np.stack(kept, axis=-2)


def leaky_backward(
    dh: np.ndarray, x: np.ndarray, h0: np.ndarray, a: np.ndarray, W: np.ndarray, b: np.ndarray
) -> Gradients:
    """The gradients of a leaky integrator.

    Args:
        dh: upstream gradient of each state. Shape (batch, time, units).
        x, h0, a, W, b: as `leaky_forward` had them.

    Returns:
        (dx, dh0, da, dW, db), each of the shape of what it belongs to.
    """
    h = leaky_forward(x, h0, a, W, b)  # (batch, time, units)
    before = np.concatenate([h0[:, None], h[:, :-1]], axis=1)  # h_{t-1}
    reached = _arriving(dh, a)  # (batch, time, units)
    dm = reached * (1 - (h - a * before) ** 2)  # h - a * before is the tanh
    dx = np.einsum("ntu,fu->ntf", dm, W) / _root(x)
    dW = np.einsum("ntf,ntu->fu", x, dm) / _root(x)
    return dx, a * reached[:, 0], (before * reached).sum(axis=(0, 1)), dW, dm.sum(axis=(0, 1))


def _arriving(dh: np.ndarray, a: np.ndarray) -> np.ndarray:
    """What arrives at each state from its own output and all later ones. Shape (batch, time, units)."""
    time = np.arange(dh.shape[1])
    later = time[None, :] - time[:, None]  # s - t, (time, time)
    exponent = np.maximum(later, 0).astype(a.dtype)[:, :, None]  # an integer one would make float32 float64
    powers = np.where(later[:, :, None] >= 0, a**exponent, a.dtype.type(0))  # (time, time, units)
    return np.einsum("tsu,nsu->ntu", powers, dh)


def _root(x: np.ndarray) -> np.ndarray:
    """The square root of the number of features, in the precision of x."""
    return np.sqrt(np.array(x.shape[-1], x.real.dtype))


def draw(seed: int, *, scale: float = 1.0, **sizes: int) -> tuple[Arguments, np.ndarray]:
    """Random arguments of the leaky integrator and a random upstream gradient, none of them special.

    Args:
        seed: of the generator.
        scale: standard deviation of the kernel's elements.
        sizes: batch, time, features, units. Default: `SIZES`, all different.

    Returns:
        (name -> array, upstream gradient of shape (batch, time, units)), float64.
    """
    rng = np.random.default_rng(seed)
    batch, time, features, units = (SIZES | sizes).values()
    arguments = {
        "x": rng.standard_normal((batch, time, features)),
        "h0": rng.standard_normal((batch, units)),
        "a": rng.uniform(0.3, 0.9, units),
        "W": scale * rng.standard_normal((features, units)),
        "b": 0.5 * rng.standard_normal(units),
    }
    return arguments, rng.standard_normal((batch, time, units))


# Wrong backward passes: each makes its mistake by calling the right one with something changed.


def carry_dropped(dh: np.ndarray, x: np.ndarray, h0: np.ndarray, *weights: np.ndarray) -> Gradients:
    """Each step's gradient is computed as if nothing came after it."""
    steps = _one_by_one(dh, x, h0, *weights)
    _, dh0, *_ = steps[0]
    dx = np.concatenate([step[0] for step in steps], axis=1)
    return dx, dh0, *(sum(step[k] for step in steps) for k in (2, 3, 4))


def overwritten(dh: np.ndarray, x: np.ndarray, h0: np.ndarray, *weights: np.ndarray) -> Gradients:
    """dW is written anew at each step instead of added up: what stays is the share of the first."""
    dx, dh0, da, _, db = leaky_backward(dh, x, h0, *weights)
    arriving = _arriving(dh, weights[0])
    share = leaky_backward(arriving[:, :1], x[:, :1], h0, *weights)
    return dx, dh0, da, share[3], db


def start_forgotten(dh: np.ndarray, x: np.ndarray, h0: np.ndarray, *weights: np.ndarray) -> Gradients:
    """The states are computed again from a start at zero."""
    return leaky_backward(dh, x, 0 * h0, *weights)


def bias_forgotten(
    dh: np.ndarray, x: np.ndarray, h0: np.ndarray, a: np.ndarray, W: np.ndarray, b: np.ndarray
) -> Gradients:
    """The states are computed again without the bias."""
    return leaky_backward(dh, x, h0, a, W, 0 * b)


def not_transposed(
    dh: np.ndarray, x: np.ndarray, h0: np.ndarray, a: np.ndarray, W: np.ndarray, b: np.ndarray
) -> Gradients:
    """On its way back to x the gradient crosses W in the wrong direction. It fits only where W is square."""
    _, dh0, da, dW, db = leaky_backward(dh, x, h0, a, W, b)
    h = leaky_forward(x, h0, a, W, b)
    before = np.concatenate([h0[:, None], h[:, :-1]], axis=1)
    dm = _arriving(dh, a) * (1 - (h - a * before) ** 2)
    return np.einsum("ntf,fu->ntu", dm, W) / _root(x), dh0, da, dW, db


def wrong_size(dh: np.ndarray, x: np.ndarray, *rest: np.ndarray) -> Gradients:
    """dW is divided by the root of the wrong size: the batch where the features are meant."""
    dx, dh0, da, dW, db = leaky_backward(dh, x, *rest)
    return dx, dh0, da, dW * np.sqrt(x.shape[2] / x.shape[0]), db


def averaged(dh: np.ndarray, x: np.ndarray, *rest: np.ndarray) -> Gradients:
    """db is averaged over the batch instead of summed."""
    dx, dh0, da, dW, db = leaky_backward(dh, x, *rest)
    return dx, dh0, da, dW, db / len(x)


def upstream_ignored(dh: np.ndarray, *rest: np.ndarray) -> Gradients:
    """The loss is taken to be the plain sum of all states."""
    return leaky_backward(np.ones_like(dh), *rest)


def slope_forgotten(
    dh: np.ndarray, x: np.ndarray, h0: np.ndarray, a: np.ndarray, W: np.ndarray, b: np.ndarray
) -> Gradients:
    """The gradient passes tanh as if it were a straight line."""
    arriving = _arriving(dh, a)
    dx, dh0, da, _, _ = leaky_backward(dh, x, h0, a, W, b)
    dx = np.einsum("ntu,fu->ntf", arriving, W) / _root(x)
    dW = np.einsum("ntf,ntu->fu", x, arriving) / _root(x)
    return dx, dh0, da, dW, arriving.sum(axis=(0, 1))


def _one_by_one(dh: np.ndarray, x: np.ndarray, h0: np.ndarray, *weights: np.ndarray) -> list[Gradients]:
    """The gradients of each step alone, from the state before it."""
    h = leaky_forward(x, h0, *weights)
    before = [h0, *np.moveaxis(h[:, :-1], 1, 0)]
    return [leaky_backward(dh[:, [t]], x[:, [t]], before[t], *weights) for t in range(x.shape[1])]


MISTAKES: dict[str, Callable[..., Gradients]] = {
    "no gradient carried back in time": carry_dropped,
    "dW overwritten, not added up": overwritten,
    "db averaged over the batch": averaged,
    "initial state forgotten": start_forgotten,
    "bias forgotten": bias_forgotten,
    "W where its transpose is meant": not_transposed,
    "divided by the wrong size": wrong_size,
    "upstream gradient ignored": upstream_ignored,
}


def inputs(seed: int) -> dict[str, tuple[Arguments, np.ndarray]]:
    """Sets of inputs by what is special about them; the last is the course's kind, with nothing special.

    Args:
        seed: of all of them.

    Returns:
        what is special -> (arguments, upstream gradient).
    """
    same = dict.fromkeys(SIZES, 4)
    found = {
        "one step": draw(seed, time=1),
        "batch of one": draw(seed, batch=1),
        "zero start": draw(seed),
        "zero bias": draw(seed),
        "symmetric W": draw(seed, units=SIZES["features"]),
        "equal sizes": draw(seed, **same),
        "upstream all 1": draw(seed),
        "the course's": draw(seed),
    }
    found["zero start"][0]["h0"][:] = 0
    found["zero bias"][0]["b"][:] = 0
    W = found["symmetric W"][0]["W"]
    W += W.T.copy()
    found["upstream all 1"][1][:] = 1
    return found


# Figures


def error_curves(
    h: np.ndarray,
    panels: Mapping[str, Mapping[str, np.ndarray]],
    guides: Mapping[str, Mapping[str, np.ndarray]],
    title: str,
) -> Figure:
    """Draw relative errors against the step, both logarithmic, one pair of axes per precision.

    Args:
        h: the steps. Shape (steps,).
        panels: title of the axes -> name of the curve -> errors, shape (steps,). Zero and NaN are left out.
        guides: title of the axes -> what a grey line says -> its values, shape (steps,), NaN where it is not drawn.
            Axes may go without.
        title: the finding.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(9.2, 4.6), layout="constrained")
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for ax, (name, curves) in zip(axes, panels.items(), strict=True):
        for (label, errors), color, dash, marker in zip(curves.items(), COLORS, LINESTYLES, MARKERS, strict=False):
            seen = np.where(np.isfinite(errors) & (errors > 0), errors, np.nan)
            ax.loglog(h, seen, color=color, linestyle=dash, marker=marker, markevery=6, label=label)
        for label, values in guides.get(name, {}).items():
            ax.loglog(h, values, color=GREY, linestyle="-", linewidth=1, marker="")
            last = np.flatnonzero(np.isfinite(values))[[0, -1]].mean().astype(int)
            ax.annotate(label, (h[last], values[last]), xytext=(6, 6), textcoords="offset points", color=GREY)
        ax.set_xlabel("step $h$ (the unit of the weights)")
        ax.set_title(name, fontweight="normal")
        ax.set_ylim(1e-17, 1e2)
    axes[0].set_ylabel("relative error of the gradient (no unit)")
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11.5)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def caught_or_passed(passed: Mapping[str, Mapping[str, bool]], title: str) -> Figure:
    """Draw a table of mistakes by inputs: dark where a mistake passes, white where it is caught. Words say it too.

    Args:
        passed: mistake -> what is special about the inputs -> whether the mistake passes.
        title: the finding.

    Returns:
        The figure.
    """
    rows, columns = list(passed), list(next(iter(passed.values())))
    figure, axes = panel(title, "what is special about the inputs", "planted mistake", (9.2, 1.3 + 0.4 * len(rows)))
    for r, row in enumerate(rows):
        for c, column in enumerate(columns):
            through = passed[row][column]
            fill, ink, word = ("black", "white", "PASSES") if through else ("white", "black", "caught")
            box = Rectangle((c - 0.5, r - 0.5), 1, 1, facecolor=fill, edgecolor=GREY, linewidth=0.8)
            axes.add_patch(box)
            axes.text(c, r, word, ha="center", va="center", color=ink, fontsize=9, weight="bold" if through else None)
    axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    axes.set_xticks(range(len(columns)), [column.replace(" ", "\n", 1) for column in columns], fontsize=9.5)
    axes.set_yticks(range(len(rows)), rows, fontsize=9.5)
    axes.tick_params(length=0)
    axes.grid(False)
    return figure


def scatter_of_errors(size: np.ndarray, own: np.ndarray, limit: float, title: str) -> Figure:
    """Draw each element's relative error against its size, both logarithmic, with the limit of a fixed rule.

    Args:
        size: |element| / largest |element|. Shape (elements,).
        own: |difference| / |element|. Shape (elements,). Zeros are left out.
        limit: of the rule.
        title: the finding.

    Returns:
        The figure.
    """
    figure, axes = panel(
        title, "size of the element / largest of its tensor (no unit)", "off, relative to itself (no unit)"
    )
    within = own <= limit
    for chosen, color, marker, label in (
        (within & (own > 0), COLORS[0], ".", "accepted by the fixed rule"),
        (~within, COLORS[1], "X", "rejected by the fixed rule, and right"),
    ):
        axes.loglog(size[chosen], own[chosen], color=color, marker=marker, linestyle="", label=label)
    axes.axhline(limit, color="black", linestyle="--", linewidth=1.3, label=f"the fixed rule's limit, {limit:.0e}")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def histograms(series: Mapping[str, np.ndarray], title: str, xlabel: str) -> Figure:
    """Draw histograms of small numbers over a logarithmic axis, outlined, with each one's first percentile.

    Args:
        series: name -> positive values. Shape (values,) each. At most two.
        title: the finding.
        xlabel: what the values are.

    Returns:
        The figure.
    """
    figure, axes = panel(title, xlabel, "directions (share per bin)")
    bins = np.logspace(-6.5, 1, 61)
    looks = zip(COLORS, LINESTYLES, ("///", ""), strict=False)
    for (name, values), (color, dash, hatch) in zip(series.items(), looks, strict=False):
        weights = np.full(len(values), 1 / len(values))
        look = {"facecolor": "none", "edgecolor": color, "linestyle": dash, "linewidth": 1.6, "hatch": hatch}
        axes.hist(values, bins, weights=weights, histtype="stepfilled", label=name, **look)
        first = np.quantile(values, 0.01)
        axes.axvline(first, color=color, linestyle=dash, linewidth=1.3, label=f"{name}: 1 % lie left of here")
    axes.set_xscale("log")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure
