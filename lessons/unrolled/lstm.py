"""Lesson 08's drawings and experiments: the graph of a step, gradients against lag, training loops, gates over time.

Rows are states and gradients, as in Keras: h and c are (batch, units). Gates stand in the order i, f, g, o.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import count

import keras
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unrolled import corpora
from unrolled.figures import COLORS, GREY, LINESTYLES, MARKERS, PALETTE
from unrolled.graphs import Edge, Node, computation_graph

Step = Callable[..., tuple[np.ndarray, ...]]
GATES = ("i", "f", "g", "o")
WATCH = 25  # updates between two looks at a layer that is being trained


# Graphs


def step_graph() -> Figure:
    """Draw one LSTM step, from x_t, h_{t-1} and c_{t-1} to h_t and c_t, with every gradient of lesson 08."""
    nodes = {
        "c_prev": Node(0, 4.6, "$c_{t-1}$"),
        "h_prev": Node(0, 0.7, "$h_{t-1}$"),
        "x": Node(0, -0.7, "$x_t$"),
        "sum": Node(5.6, 0, "$@\\!+\\!b$", operation=True),
        "f": Node(2.6, 2.0, "$f = \\sigma(a_f)$"),
        "i": Node(5.0, 2.0, "$i = \\sigma(a_i)$"),
        "g": Node(7.4, 2.0, "$g = \\tanh(a_g)$"),
        "o": Node(11.0, 1.6, "$o = \\sigma(a_o)$"),
        "keep": Node(2.6, 4.6, "$\\odot$", operation=True),
        "write": Node(6.2, 3.4, "$\\odot$", operation=True),
        "add": Node(6.2, 4.6, "$+$", operation=True),
        "c": Node(9.0, 4.6, "$c_t$"),
        "next": Node(13.2, 4.6, "step $t+1$"),
        "tanh": Node(9.0, 3.1, "tanh", operation=True),
        "show": Node(11.0, 3.1, "$\\odot$", operation=True),
        "h": Node(13.2, 3.1, "$h_t$"),
    }
    edges = [
        Edge("c_prev", "keep", "$dc_{t-1} = dc \\odot f$", (0.0, -0.36)),
        Edge("keep", "add", "$dc$", (0.0, -0.34)),
        Edge("write", "add", "$dc$", (0.36, 0.0)),
        Edge("add", "c", "$dc$", (0.0, -0.34)),
        Edge("c", "next", "$dc_t$ (direct)", (-0.2, -0.34)),
        Edge("c", "tanh", "through $h_t$", (-0.85, 0.0)),
        Edge("tanh", "show", "$dh_t \\odot o$", (0.0, -0.34)),
        Edge("show", "h", "$dh_t$", (0.0, -0.34)),
        Edge("o", "show", "$do$", (-0.36, 0.0)),
        Edge("f", "keep", "$df$", (-0.36, 0.0)),
        Edge("i", "write", "$di$", (-0.38, 0.12)),
        Edge("g", "write", "$dg$", (0.4, 0.12)),
        Edge("sum", "f", "$da_f$", (-0.5, -0.12)),
        Edge("sum", "i", "$da_i$", (-0.42, 0.0)),
        Edge("sum", "g", "$da_g$", (0.45, -0.05)),
        Edge("sum", "o", "$da_o$", (0.3, -0.32)),
        Edge("h_prev", "sum", "$dh_{t-1}$", (0.0, 0.38)),
        Edge("x", "sum", "$dx_t$", (0.0, -0.38)),
    ]
    title = "Along the top, from cell state to cell state, a gradient meets one gate and nothing else"
    return computation_graph(nodes, edges, title, (11.5, 5.8))


def sequence_graph(steps: int = 3) -> Figure:
    """Draw an LSTM unrolled in time: two states are handed on, so two gradients come back.

    Args:
        steps: number of columns, from 2 to 4.

    Returns:
        The figure.

    Raises:
        ValueError: if `steps` is out of range.
    """
    if not 2 <= steps <= 4:
        raise ValueError(
            f"`steps` must be from 2 to 4, to be readable. Received: steps={steps}. Example: sequence_graph(steps=3)."
        )
    nodes, edges = {"c0": Node(0, 2.2, "$c_0$"), "h0": Node(0, 1.0, "$h_0$")}, []
    for t in range(1, steps + 1):
        middle, right = 3.2 * t - 1.6, 3.2 * t
        nodes |= {
            f"step{t}": Node(middle, 1.6, f"step {t}"),
            f"x{t}": Node(middle, 0, f"$x_{t}$"),
            f"c{t}": Node(right, 2.2, f"$c_{t}$"),
            f"h{t}": Node(right, 1.0, f"$h_{t}$"),
            f"lc{t}": Node(right, 3.4, "loss"),
            f"lh{t}": Node(right, -0.2, "loss"),
        }
        edges += [
            Edge(f"c{t - 1}", f"step{t}", "$dc_0$" if t == 1 else "carry$_c$", (0.0, 0.3)),
            Edge(f"h{t - 1}", f"step{t}", "$dh_0$" if t == 1 else "carry$_h$", (0.0, -0.32)),
            Edge(f"x{t}", f"step{t}", f"$dx_{t}$", (0.4, 0.0)),
            Edge(f"step{t}", f"c{t}"),
            Edge(f"step{t}", f"h{t}"),
            Edge(f"c{t}", f"lc{t}", f"$dc_{t}$", (0.42, 0.0)),
            Edge(f"h{t}", f"lh{t}", f"$dh_{t}$", (0.42, 0.0)),
        ]
    title = "Two states are handed on, so two gradients come back, each added to its own step's"
    return computation_graph(nodes, edges, title, (3.2 * steps + 1.8, 5.2))


# Keeping one number


def keep_a_number(steps: int, noise: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Let single units hold the number 1 for a while, with noise at their input all the time.

    Args:
        steps: how long.
        noise: standard deviation of the input at each step.
        rng: where the noise comes from; all units get the same.

    Returns:
        Name → what the unit holds after 0, 1, …, steps steps. Shape (steps + 1,) each. The units: h = tanh(h + x),
        c = 0.9 c + x, c = c + x, and c = c + 0.01 x, whose input gate is closed but for a hundredth.
    """
    units = {
        "tanh unit": lambda state, x: np.tanh(state + x),
        "loop of weight 0.9": lambda state, x: 0.9 * state + x,
        "loop of weight 1": lambda state, x: state + x,
        "loop of weight 1, gate almost closed": lambda state, x: state + 0.01 * x,
    }
    inputs = noise * rng.standard_normal(steps)
    held = {}
    for name, unit in units.items():
        states = [1.0]
        for x in inputs:
            states.append(float(unit(states[-1], x)))
        held[name] = np.array(states)
    return held


# Gradients against lag


def new_weights(
    features: int, units: int, forget_bias: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights as a new Keras LSTM has them, with a forget bias of your choice.

    Args:
        features, units: sizes.
        forget_bias: where the forget gate's part of the bias starts; Keras has 1.
        rng: where the numbers come from.

    Returns:
        (Wx, Wh, b): Glorot uniform (features, 4 units), orthonormal rows (units, 4 units), and (4 units,).
    """
    b = np.zeros(4 * units)
    b[units : 2 * units] = forget_bias
    return *new_kernels(features, units, len(GATES), rng), b


def new_kernels(features: int, units: int, parts: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Both kernels as a new Keras layer with gates has them, its parts side by side.

    Args:
        features, units: sizes.
        parts: how many gates and contents there are.
        rng: where the numbers come from.

    Returns:
        (Wx, Wh): Glorot uniform (features, parts units), orthonormal rows (units, parts units).
    """
    limit = np.sqrt(6 / (features + parts * units))
    Wx = rng.uniform(-limit, limit, (features, parts * units))
    Wh = np.linalg.qr(rng.standard_normal((parts * units, units)))[0].T
    return Wx, Wh


def carried_norms(
    x: np.ndarray, weights: tuple[np.ndarray, ...], forward: Step, backward: Step, dc: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Follow a gradient that starts at the last cell state back through time, one step at a time.

    Args:
        x: inputs. Shape (batch, time, features).
        weights: (Wx, Wh, b) of an LSTM.
        forward, backward: its `step_forward` and `step_backward`.
        dc: the gradient of the last cell state. Shape (batch, units).

    Returns:
        (of c, of h): the norms of the gradients of the cell state and of the hidden state, 0, 1, …, time steps back,
        means over the batch. Shape (time + 1,) each.
    """
    h = c = np.zeros_like(dc)
    before = []
    for t in range(x.shape[1]):
        before.append((h, c))
        h, c = forward(x[:, t], h, c, *weights)
    dh, norms = np.zeros_like(dc), [(dc, np.zeros_like(dc))]
    for t in reversed(range(x.shape[1])):
        _, dh, dc, *_ = backward(dh, dc, x[:, t], *before[t], *weights)
        norms.append((dc, dh))
    of_c, of_h = (np.array([np.linalg.norm(pair[k], axis=1).mean() for pair in norms]) for k in range(2))
    return of_c, of_h


def elman_norms(x: np.ndarray, units: int, dh: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Follow a gradient back through a new Elman network: Glorot kernel, orthogonal recurrent kernel, no bias.

    Args:
        x: inputs. Shape (batch, time, features).
        units: size of the hidden state.
        dh: the gradient of the last hidden state. Shape (batch, units).
        rng: where the weights come from.

    Returns:
        The norm of the gradient 0, 1, …, time steps back, mean over the batch. Shape (time + 1,).
    """
    limit = np.sqrt(6 / (x.shape[2] + units))
    Wx = rng.uniform(-limit, limit, (x.shape[2], units))
    Wh = np.linalg.qr(rng.standard_normal((units, units)))[0]
    h, states = np.zeros_like(dh), []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ Wx + h @ Wh)
        states.append(h)
    norms = [np.linalg.norm(dh, axis=1).mean()]
    for h in reversed(states):
        dh = (dh * (1 - h**2)) @ Wh.T
        norms.append(np.linalg.norm(dh, axis=1).mean())
    return np.array(norms)


# Training


def set_forget_bias(layer: keras.layers.Layer, value: float) -> None:
    """Set the forget gate's part of the bias of a built LSTM layer (yours or Keras') to one value."""
    bias = keras.ops.convert_to_numpy(layer.cell.bias).copy()
    units = len(bias) // 4
    bias[units : 2 * units] = value
    layer.cell.bias.assign(bias)


def compiled(
    layer: keras.layers.Layer,
    features: int,
    outputs: int,
    rate: float,
    *,
    steps: int | None = None,
    activation: str | None = None,
    loss: object = "mse",
) -> keras.Model:
    """A recurrent layer with a dense layer on top, ready to train with Adam and clipping by the global norm (limit 1).

    Args:
        layer: recurrent layer, not built yet.
        features, outputs: sizes of input and output.
        rate: Adam's learning rate.
        steps: length of the sequences, None where it varies.
        activation, loss: of the dense layer, as Keras takes them.

    Returns:
        The model; inputs (batch, steps, features).
    """
    dense = keras.layers.Dense(outputs, activation=activation)
    model = keras.Sequential([keras.Input((steps, features)), layer, dense])
    model.compile(keras.optimizers.Adam(rate, global_clipnorm=1.0), loss, jit_compile=False)
    return model


def train(
    model: keras.Model,
    draw: Callable[[], Sequence[np.ndarray]],
    updates: int,
    *,
    name: str,
    enough: float = 0.0,
    every: int = 100,
    window: int = 25,
) -> np.ndarray:
    """Train on a fresh batch at each update, and say how it goes.

    Args:
        model: compiled.
        draw: gives one batch: (x, target), or (x, target, sample weights).
        updates: the most updates.
        name: what to call it in the report.
        enough: stop once the mean loss of the last `window` updates is below this.
        every: how many updates lie between two lines of the report.
        window: see `enough`; looked at every `window` updates.

    Returns:
        The loss of each update. Shape (at most updates,).
    """
    losses, start = [], time.perf_counter()
    for update in range(1, updates + 1):
        losses.append(float(model.train_on_batch(*draw())))
        model.reset_metrics()
        recent = float(np.mean(losses[-window:]))
        done = update % window == 0 and recent < enough
        if update % every == 0 or update == updates or done:
            print(f"  {name:26s} update {update:5d}   loss {recent:.4f}   {time.perf_counter() - start:5.1f} s")
        if done:
            break
    return np.array(losses)


def smooth(losses: np.ndarray, window: int = 25) -> np.ndarray:
    """Means over consecutive windows. Shape (updates // window,)."""
    whole = len(losses) // window * window
    return losses[:whole].reshape(-1, window).mean(axis=1)


def learning_curves(
    losses: Mapping[str, np.ndarray], levels: Mapping[str, float], title: str, ylabel: str, window: int = 25
) -> Figure:
    """Draw the loss against the number of updates, on a logarithmic axis.

    Args:
        losses: name → loss of each update. At most seven.
        levels: name → a loss to compare with, drawn as a thin line.
        title: the finding.
        ylabel: what the loss is, with units.
        window: how many updates one point of a curve is the mean of.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(7.2, 3.9), layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel="updates", ylabel=ylabel, yscale="log")
    axes.set_title(title)
    looks = zip(COLORS, LINESTYLES, MARKERS, strict=True)
    for (name, values), (color, dash, marker) in zip(losses.items(), looks, strict=False):
        means = smooth(values, window)
        where = window * np.arange(1, len(means) + 1)
        axes.plot(where, means, color=color, linestyle=dash, marker=marker, markevery=4, label=name)
    for (name, level), dash in zip(levels.items(), (":", (0, (1, 3))), strict=False):
        axes.axhline(level, color=GREY, linestyle=dash, linewidth=1.3, label=name)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


# The three tasks: each with an argument `make` that makes a recurrent layer, so that any network can try them


def learn_adding(
    make: Callable[[], keras.layers.Layer],
    seed: int,
    rate: float,
    *,
    name: str,
    forget_bias: float | None = None,
    prepare: Callable[[keras.layers.Layer], None] | None = None,
    watch: Callable[[int, keras.layers.Layer], None] | None = None,
    steps: int = 100,
    places: str = "halves",
    updates: int = 1200,
    batch: int = 50,
    every: int = 250,
    draws: int = 8,
) -> tuple[keras.Model, np.ndarray, float]:
    """Train on the adding problem until the loss is below .003, or the updates are used up.

    Args:
        make: makes the recurrent layer, which gives its last hidden state.
        seed: decides the first weights and the training sequences.
        rate: Adam's learning rate.
        name: what to call it in the report.
        forget_bias: where the forget bias of an LSTM starts. Default: as the layer has it.
        prepare: changes the layer's weights before training.
        watch: called with the number of updates made, 0, 25, 50, …, and the layer.
        steps: length of the sequences.
        places: where the marks fall, as `adding_problem` takes it.
        updates: the most updates, each on a fresh batch.
        batch: sequences in a batch.
        every: updates between two lines of the report.
        draws: decides, beside the seed, the training sequences.

    Returns:
        (model, loss of each update, mean squared error on 2,000 sequences that it never saw).
    """
    keras.utils.set_random_seed(seed)
    layer = make()
    model = compiled(layer, 2, 1, rate, steps=steps)
    if forget_bias is not None:
        set_forget_bias(layer, forget_bias)
    if prepare:
        prepare(layer)
    rng, made = np.random.default_rng([seed, draws]), count()

    def draw() -> tuple[np.ndarray, np.ndarray]:
        so_far = next(made)
        if watch and so_far % WATCH == 0:
            watch(so_far, layer)
        return corpora.adding_problem(batch, steps, rng, places)

    losses = train(model, draw, updates, name=name, enough=0.003, every=every)
    x, target = corpora.adding_problem(2000, steps, 1_000_000, places)
    error = float(np.mean((model.predict(x, batch_size=500, verbose=0) - target) ** 2))
    return model, losses, error


def learn_reber(
    make: Callable[[], keras.layers.Layer],
    seed: int,
    rate: float,
    *,
    name: str,
    forget_bias: float | None = None,
    updates: int = 300,
    batch: int = 16,
    every: int = 50,
) -> tuple[keras.Model, np.ndarray]:
    """Train on fresh strings of the embedded Reber grammar until 300 other strings are all predicted right.

    Args:
        make: makes the recurrent layer, which gives the hidden state of each step.
        seed: decides the first weights and the training strings.
        rate: Adam's learning rate.
        name: what to call it in the report.
        forget_bias: where the forget bias of an LSTM starts. Default: as the layer has it.
        updates: the most updates.
        batch: strings in a batch.
        every: updates between two looks at the 300 strings.

    Returns:
        (model, share of the 300 strings whose legal continuations are all predicted, at each look).
    """
    keras.utils.set_random_seed(seed)
    layer = make()
    model = compiled(layer, 7, 7, rate, activation="softmax", loss="categorical_crossentropy")
    if forget_bias is not None:
        set_forget_bias(layer, forget_bias)
    rng = np.random.default_rng([seed, 8])
    x, _, legal = corpora.reber_arrays(corpora.reber_strings(300, seed=500_000, embedded=True), embedded=True)
    shares, start = [], time.perf_counter()
    for update in range(1, updates + 1):
        fresh, following, _ = corpora.reber_arrays(corpora.reber_strings(batch, rng, embedded=True), embedded=True)
        model.train_on_batch(fresh, following, following.sum(axis=2))  # no loss after a string's end
        if update % every == 0:
            shares.append(all_legal(model.predict_on_batch(x), legal).mean())
            done = shares[-1] == 1
            if update % (4 * every) == 0 or done:
                seconds = time.perf_counter() - start
                print(f"  {name:26s} strings {update * batch:6,d}   right {shares[-1]:6.1%}   {seconds:5.1f} s")
            if done:
                break
    return model, np.array(shares)


def learn_lag(
    make: Callable[[], keras.layers.Layer],
    seed: int,
    rate: float,
    *,
    name: str,
    forget_bias: float | None = None,
    p: int = 100,
    updates: int = 400,
) -> tuple[int | None, float]:
    """Train on the two sequences of `lag_task` until every output is within .25 of its target.

    Args:
        make: makes the recurrent layer, which gives its last hidden state.
        seed: decides the first weights.
        rate: Adam's learning rate.
        name: what to call it in the report.
        forget_bias: where the forget bias of an LSTM starts. Default: as the layer has it.
        p: the lag.
        updates: the most updates, each on both sequences.

    Returns:
        (sequences that it took, or None; the probability of the right last symbol at the end, the worse of the two).
    """
    keras.utils.set_random_seed(seed)
    layer = make()
    model = compiled(layer, p + 1, p + 1, rate, steps=p, activation="softmax", loss="categorical_crossentropy")
    if forget_bias is not None:
        set_forget_bias(layer, forget_bias)
    x, target = lag_task(p)
    start, solved, right = time.perf_counter(), None, 0.0
    for update in range(1, updates + 1):
        model.train_on_batch(x, target)
        if update % 25 == 0 or update == updates:
            out = model.predict_on_batch(x)
            right = float((out * target).sum(axis=1).min())
            if np.abs(out - target).max() < 0.25:
                solved = 2 * update
                break
    seconds = time.perf_counter() - start
    print(f"  {name:26s} sequences {2 * update:4d}   last symbol's probability {right:.2f}   {seconds:5.1f} s")
    return solved, right


# Gates over time


def gates(x: np.ndarray, h: np.ndarray, weights: tuple[np.ndarray, np.ndarray, np.ndarray]) -> dict[str, np.ndarray]:
    """The values of all gates at every step of a run that started from a zero state.

    Args:
        x: inputs. Shape (batch, time, features).
        h: the hidden states after each step. Shape (batch, time, units).
        weights: (Wx, Wh, b).

    Returns:
        "i", "f", "g", "o" → their values. Shape (batch, time, units) each.
    """
    Wx, Wh, b = weights
    before = np.concatenate([np.zeros_like(h[:, :1]), h[:, :-1]], axis=1)
    sums = np.split(x @ Wx + before @ Wh + b, 4, axis=-1)
    return {
        name: np.tanh(a) if name == "g" else 0.5 * (1 + np.tanh(0.5 * a)) for name, a in zip(GATES, sums, strict=True)
    }


def doorkeeper(i: np.ndarray, marked: np.ndarray) -> int:
    """Find the unit whose input gate tells marked steps from the others best: the largest difference of its means.

    Args:
        i: input gates. Shape (batch, time, units).
        marked: which steps are marked. Shape (batch, time), bool.

    Returns:
        The unit's index.
    """
    return int(np.argmax(i[marked].mean(axis=0) - i[~marked].mean(axis=0)))


def gates_over_time(
    numbers: np.ndarray, marked: np.ndarray, gate: Mapping[str, np.ndarray], cell: np.ndarray, title: str
) -> Figure:
    """Draw one sequence of the adding problem, and what one unit does with it.

    Args:
        numbers: the numbers of the sequence. Shape (time,).
        marked: which of them are marked. Shape (time,), bool.
        gate: "i", "f" and "o" → the unit's gate at each step. Shape (time,) each.
        cell: its cell state after each step. Shape (time,).
        title: the finding.

    Returns:
        The figure.
    """
    figure, (top, middle, bottom), step = adding_panels(numbers, marked, title)
    names = {"i": "input gate $i$", "f": "forget gate $f$", "o": "output gate $o$"}
    for (key, name), color, dash in zip(names.items(), COLORS, LINESTYLES, strict=False):
        middle.plot(step, gate[key], color=color, linestyle=dash, label=name)
    middle.set(ylabel="open (1) or closed (0)", ylim=(-0.05, 1.05))
    bottom.step(step, cell, where="post", color=PALETTE["black"], label="cell state $c$")
    bottom.set(xlabel="step", ylabel="cell state")
    for axes in (top, middle, bottom):
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def adding_panels(numbers: np.ndarray, marked: np.ndarray, title: str) -> tuple[Figure, tuple[Axes, ...], np.ndarray]:
    """Three panels over the steps of one sequence of the adding problem: its numbers above, two to be drawn in below.

    Args:
        numbers: the numbers of the sequence. Shape (time,).
        marked: which of them are marked, shown by a line through all panels. Shape (time,), bool.
        title: the finding.

    Returns:
        (figure, its three panels, the steps from 1 on).
    """
    figure = Figure(figsize=(7.6, 6.2), layout="constrained")
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=(1, 1.6, 1.2))
    step = np.arange(1, len(numbers) + 1)
    top.bar(step, numbers, width=0.8, color="#CFCFCF", label="number")
    top.bar(step[marked], numbers[marked], width=0.8, color=PALETTE["vermillion"], hatch="//", label="marked number")
    top.set(ylabel="input", ylim=(0, 1.05))
    for axes in (top, middle, bottom):
        for where in step[marked]:
            axes.axvline(where, color=PALETTE["vermillion"], linestyle=":", linewidth=1.2)
    return figure, (top, middle, bottom), step


# Tasks


def lag_task(p: int) -> tuple[np.ndarray, np.ndarray]:
    """The two sequences of the noise-free task with a long lag: the last symbol is the first, what is between is fixed.

    (y, a_1, …, a_{p-1}, y) and (x, a_1, …, a_{p-1}, x). The last symbol is to be predicted from all the others.

    Args:
        p: the lag, at least 2. There are p + 1 symbols.

    Returns:
        (inputs, targets), one-hot, float32: the first p symbols, shape (2, p, p + 1), and the last, shape (2, p + 1).

    Raises:
        ValueError: if `p` is less than 2.

    Source: Hochreiter and Schmidhuber 1997, experiment 2a. There every symbol is predicted; those between the first
    and the last follow from the symbol just before.
    """
    if p < 2:
        raise ValueError(f"`p` must be at least 2. Received: p={p}. Example: lag_task(100).")
    symbols = np.array([[first, *range(p - 1), first] for first in (p - 1, p)])
    coded = np.eye(p + 1, dtype=np.float32)[symbols]  # (2, p + 1, p + 1)
    return coded[:, :-1], coded[:, -1]


def guess_latch(
    rng: np.random.Generator, steps: int = 500, reach: float = 10.0, tests: int = 20, most: int = 10_000
) -> int:
    """Solve the latch task by guessing: one tanh unit that must keep for hundreds of steps which of two signs it got.

    h_t = tanh(w h_{t-1} + noise), the first input u is one of two numbers, one for each class. All three are guessed,
    uniformly, until every test sequence ends on its class's side of zero.

    Args:
        rng: where guesses and noise come from.
        steps: length of a sequence.
        reach: guesses are uniform on [-reach, reach].
        tests: test sequences of each class.
        most: give up after so many guesses.

    Returns:
        How many guesses it took.

    Source: the latch task, variant I, of Schmidhuber, Hochreiter and Bengio 2001: noise of variance 0.2, three free
    parameters. The interval of the guesses, the length and the test are ours.
    """
    wanted = np.repeat([1.0, -1.0], tests)
    for trial in range(1, most + 1):
        w, up, down = rng.uniform(-reach, reach, 3)
        h = np.tanh(np.repeat([up, down], tests))
        for noise in rng.normal(0, np.sqrt(0.2), (steps - 1, 2 * tests)):
            h = np.tanh(w * h + noise)
        if np.all(h * wanted > 0):
            return trial
    return most


# Predicting strings


def all_legal(predicted: np.ndarray, legal: np.ndarray) -> np.ndarray:
    """Tell for each string whether, at every step, each legal symbol got more than every other symbol.

    Args:
        predicted: one number per symbol and step. Shape (strings, steps, symbols).
        legal: 1 for what may come next; all zero after the end of a string. Shape (strings, steps, symbols).

    Returns:
        Shape (strings,), bool.
    """
    least = np.where(legal > 0, predicted, np.inf).min(axis=2)
    most = np.where(legal > 0, -np.inf, predicted).max(axis=2)
    return np.all((least > most) | ~legal.any(axis=2), axis=1)


def continuations(
    string: str, symbols: Sequence[str], predicted: Mapping[str, np.ndarray], legal: np.ndarray, title: str
) -> Figure:
    """Draw what networks expect after each symbol of a string, with what is legal framed.

    Args:
        string: the string, first to last symbol.
        symbols: the names of the rows.
        predicted: name of each network → probabilities. Shape (steps, symbols) each, steps = len(string) - 1.
        legal: 1 for what may come next. Shape (steps, symbols).
        title: the finding.

    Returns:
        The figure.
    """
    steps = len(string) - 1
    figure = Figure(figsize=(8.2, 1.0 + 2.35 * len(predicted)), layout="constrained")
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    rows = figure.subplots(len(predicted), 1, squeeze=False)[:, 0]
    for axes, (name, values) in zip(rows, predicted.items(), strict=True):
        image = axes.imshow(values[:steps].T, cmap="Greys", vmin=0, vmax=1, aspect="auto")
        for t, k in zip(*np.nonzero(legal[:steps]), strict=True):
            axes.plot(
                [t - 0.42, t + 0.42, t + 0.42, t - 0.42, t - 0.42],
                [k - 0.4, k - 0.4, k + 0.4, k + 0.4, k - 0.4],
                color=PALETTE["vermillion"],
                linestyle="-",
                linewidth=1.6,
            )
        axes.set_title(name, fontweight="normal")
        axes.set_yticks(range(len(symbols)), symbols)
        axes.set_xticks(range(steps), list(string[:-1]))
        axes.set_ylabel("next symbol")
        axes.grid(False)
    rows[-1].set_xlabel("symbol just read")
    figure.colorbar(image, ax=list(rows), label="probability (legal symbols framed)")
    return figure
