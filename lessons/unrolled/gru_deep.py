"""Lesson 09's drawings and experiments: gates, kinds of depth, two directions, and what they do to a gradient.

Rows are states, as in Keras: h is (batch, units). A GRU's parts stand in the order z, r, h.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import comb

import keras
import numpy as np
from matplotlib.figure import Figure

from unrolled import lstm
from unrolled.figures import COLORS, GREY, LINESTYLES, MARKERS
from unrolled.graphs import Edge, Node, computation_graph
from unrolled.lstm import compiled

Step = Callable[..., np.ndarray]
learn_adding = partial(lstm.learn_adding, draws=9, updates=1000)  # lesson 08's, on sequences of this lesson's own


# Graphs


def step_graph() -> Figure:
    """Draw one step of a GRU whose reset gate acts after the matrix product, with every gradient of lesson 09."""
    nodes = {
        "h_prev": Node(0, 5.2, "$h_{t-1}$"),
        "x": Node(0, -0.6, "$x_t$"),
        "past": Node(2.4, 2.9, "$@\\!+\\!b_h$", operation=True),
        "now": Node(2.4, -0.6, "$@\\!+\\!b_x$", operation=True),
        "z": Node(7.0, 3.9, "$z = \\sigma(a_z)$"),
        "r": Node(7.0, 2.3, "$r = \\sigma(a_r)$"),
        "reset": Node(9.4, 0.9, "$\\odot$", operation=True),
        "candidate": Node(12.0, -0.4, "$\\tilde h = \\tanh(a_h)$"),
        "keep": Node(7.0, 5.2, "$\\odot$", operation=True),
        "write": Node(12.0, 3.9, "$\\odot$", operation=True),
        "add": Node(12.0, 5.2, "$+$", operation=True),
        "h": Node(14.0, 5.2, "$h_t$"),
    }
    edges = [  # both ways into a gate carry the same gradient: its label stands at the gate, once
        Edge("h_prev", "keep", "$dh_t \\odot z$", (0.0, 0.34)),
        Edge("h_prev", "past", "through $dah$", (-0.85, -0.2)),
        Edge("x", "now", "$dx_t$", (0.0, -0.36)),
        Edge("past", "z", "$da_z$", (0.5, -0.36)),
        Edge("now", "z", " "),
        Edge("past", "r", " "),
        Edge("now", "r", "$da_r$", (1.65, 0.35)),
        Edge("past", "reset", "$da_h \\odot r$", (2.0, -1.05)),
        Edge("r", "reset", "$dr$", (0.35, 0.2)),
        Edge("reset", "candidate", "$da_h$", (0.35, 0.3)),
        Edge("now", "candidate", "$da_h$", (0.6, -0.34)),
        Edge("candidate", "write", "$d\\tilde h$", (0.4, 0.0)),
        Edge("z", "keep", "$dz$", (-0.36, 0.0)),
        Edge("z", "write", "$dz$ (through $1-z$)", (0.2, 0.34)),
        Edge("keep", "add", "$dh_t$", (0.0, 0.34)),
        Edge("write", "add", "$dh_t$", (0.42, 0.0)),
        Edge("add", "h", "$dh_t$", (0.0, 0.34)),
    ]
    title = "Along the top, from state to state, a gradient meets the update gate and nothing else"
    return computation_graph(nodes, edges, title, (12, 6.0))


def stack_graph(layers: int = 2, steps: int = 3) -> Figure:
    """Draw a stack unrolled in time, with the three gradients that meet at every state.

    Args:
        layers: rows of states, 2 or 3.
        steps: columns, from 2 to 4.

    Returns:
        The figure.

    Raises:
        ValueError: if a number is out of range.
    """
    if layers not in (2, 3) or not 2 <= steps <= 4:
        raise ValueError(
            "`layers` must be 2 or 3 and `steps` from 2 to 4, to be readable. "
            f"Received: layers={layers}, steps={steps}. Example: stack_graph(layers=2, steps=3)."
        )
    nodes, edges = {}, []
    for level in range(1, layers + 1):
        nodes[f"h{level}_0"] = Node(0, 1.7 * level, f"$h^{level}_0$")
    for t in range(1, steps + 1):
        x = 2.9 * t
        nodes[f"x{t}"] = Node(x, 0, f"$x_{t}$")
        for level in range(1, layers + 1):
            y = 1.7 * level
            nodes[f"h{level}_{t}"] = Node(x, y, f"$h^{level}_{t}$")
            nodes[f"loss{level}_{t}"] = Node(x + 1.15, y + 0.85, "loss")
            below = f"x{t}" if level == 1 else f"h{level - 1}_{t}"
            edges += [
                Edge(
                    below, f"h{level}_{t}", f"$dx_{t}$" if level == 1 else "from above", (-0.75 + 0.3 * (level == 1), 0)
                ),
                Edge(f"h{level}_{t - 1}", f"h{level}_{t}", f"$dh^{level}_0$" if t == 1 else "carry", (0.0, -0.27)),
                Edge(f"h{level}_{t}", f"loss{level}_{t}", f"$dh^{level}_{t}$", (0.55, -0.08)),
            ]
    title = "Three gradients meet at a state: from the loss, from the next step, from the layer above"
    return computation_graph(nodes, edges, title, (3.0 * steps + 2.6, 1.75 * layers + 2.1))


def directions_graph(steps: int = 3) -> Figure:
    """Draw a bidirectional network: two rows of states that read the same inputs in opposite order.

    Args:
        steps: columns, from 2 to 5.

    Returns:
        The figure.

    Raises:
        ValueError: if `steps` is out of range.
    """
    if not 2 <= steps <= 5:
        raise ValueError(
            f"`steps` must be from 2 to 5, to be readable. Received: steps={steps}. Example: directions_graph(steps=3)."
        )
    nodes = {
        "f0": Node(0.6, 1.5, "start", operation=False),
        f"b{steps + 1}": Node(2.6 * steps + 2.0, 2.7, "start"),
    }
    edges = []
    for t in range(1, steps + 1):
        x = 2.6 * t
        nodes |= {
            f"x{t}": Node(x, 0, f"$x_{t}$"),
            f"f{t}": Node(x - 0.55, 1.5, f"$\\overrightarrow{{h}}_{t}$"),
            f"b{t}": Node(x + 0.55, 2.7, f"$\\overleftarrow{{h}}_{t}$"),
            f"y{t}": Node(x, 4.2, f"$y_{t}$"),
        }
    for t in range(1, steps + 1):
        edges += [
            Edge(f"x{t}", f"f{t}"),
            Edge(f"x{t}", f"b{t}"),
            Edge(f"f{t}", f"y{t}"),
            Edge(f"b{t}", f"y{t}"),
            Edge(f"f{t - 1}", f"f{t}"),
            Edge(f"b{t + 1}", f"b{t}"),
        ]
    figure = computation_graph(nodes, edges, "Every output sees the whole sequence", (2.4 * steps + 2.0, 4.2))
    figure.legends.clear()  # no gradients here
    return figure


def kinds_of_depth() -> Figure:
    """Draw the three places where Pascanu et al. 2013 make a recurrent network deeper, beside a shallow one."""
    nodes, edges = {}, []

    def place(kind: str, left: float, more: Mapping[str, Node], links: Sequence[tuple[str, str]]) -> None:
        base = {
            "x": Node(2.0, 0, "$x_t$"),
            "old": Node(0, 1.3, "$h_{t-1}$"),
            "h": Node(2.0, 1.3, "$h_t$"),
            "y": Node(2.0, 4.0, "$y_t$"),
            "name": Node(1.0, -1.1, kind),
        }
        for name, node in {**base, **more}.items():
            nodes[f"{kind} {name}"] = Node(left + node.x, node.y, node.text, node.operation)
        edges.extend(Edge(f"{kind} {a}", f"{kind} {b}") for a, b in links)

    place("shallow", 0, {}, [("x", "h"), ("old", "h"), ("h", "y")])
    second = {"old2": Node(0, 2.65, "$h^2_{t-1}$"), "h2": Node(2.0, 2.65, "$h^2_t$")}
    second |= {"old": Node(0, 1.3, "$h^1_{t-1}$"), "h": Node(2.0, 1.3, "$h^1_t$")}
    place("stack", 4.0, second, [("x", "h"), ("old", "h"), ("old2", "h2"), ("h", "h2"), ("h2", "y")])
    between = {"m": Node(1.45, 1.3, "tanh", operation=True), "h": Node(3.1, 1.3, "$h_t$"), "y": Node(3.1, 4.0, "$y_t$")}
    between |= {"x": Node(1.45, 0, "$x_t$")}
    place("deep transition", 8.0, between, [("x", "m"), ("old", "m"), ("m", "h"), ("h", "y")])
    out = {"o": Node(2.0, 2.65, "tanh", operation=True)}
    place("deep output", 13.1, out, [("x", "h"), ("old", "h"), ("h", "o"), ("o", "y")])
    figure = computation_graph(
        nodes, edges, "Three ways to make a recurrent network deeper: a stack, the transition, the output", (12.5, 5.0)
    )
    figure.legends.clear()  # no gradients here
    for text in figure.axes[0].texts:  # the names are no boxes
        if text.get_text() in ("shallow", "stack", "deep transition", "deep output"):
            text.set_bbox({"facecolor": "none", "edgecolor": "none"})
            text.set_fontweight("bold")
    return figure


# One unit with a share that stays


def follow_levels(steps: int, jump: int, noise: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Let single units h = z h + (1 - z) x follow a level that jumps, through noise.

    Args:
        steps: how long.
        jump: the level is another one after so many steps.
        noise: standard deviation of what is added to the level.
        rng: where the levels and the noise come from.

    Returns:
        "level", "input", and the name of each unit → its values. Shape (steps,) each. The units have z = 0.5, z = 0.95,
        and a z that we set by hand: 0.5 for five steps after a jump and 0.95 otherwise. All start from the first input.
    """
    levels = rng.uniform(-1, 1, -(-steps // jump))
    level = np.repeat(levels, jump)[:steps]
    x = level + noise * rng.standard_normal(steps)
    since = np.arange(steps) % jump
    shares = {
        "z = 0.5": np.full(steps, 0.5),
        "z = 0.95": np.full(steps, 0.95),
        "z set at every step": np.where(since < 5, 0.5, 0.95),
    }
    found = {"level": level, "input": x}
    for name, z in shares.items():
        h, states = x[0], []
        for t in range(steps):
            h = z[t] * h + (1 - z[t]) * x[t]
            states.append(h)
        found[name] = np.array(states)
    return found


def levels_figure(found: Mapping[str, np.ndarray], title: str) -> Figure:
    """Draw what `follow_levels` returns: the input as dots, the level as a grey line, the units as curves."""
    figure = Figure(figsize=(7.6, 4.0), layout="constrained")
    axes = figure.subplots()
    axes.set(xlabel="step", ylabel="value (no unit)")
    axes.set_title(title)
    step = np.arange(1, len(found["input"]) + 1)
    axes.plot(step, found["input"], color="#BBBBBB", linestyle="", marker=".", label="input")
    axes.step(step, found["level"], where="mid", color=GREY, linestyle="-", linewidth=3, alpha=0.6, label="level")
    units = [name for name in found if name not in ("input", "level")]
    for name, color, dash in zip(units, COLORS, LINESTYLES, strict=False):
        axes.plot(step, found[name], color=color, linestyle=dash, label=name)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return figure


# Gradients


def new_gru(features: int, units: int, update_bias: float, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Weights as a new Keras GRU has them (reset after the product), with an update bias of your choice.

    Args:
        features, units: sizes.
        update_bias: where the update gate's part of the input's bias starts; Keras has 0.
        rng: where the numbers come from.

    Returns:
        (Wx, Wh, b): Glorot uniform (features, 3 units), orthonormal rows (units, 3 units), and (2, 3 units).
    """
    b = np.zeros((2, 3 * units))
    b[0, :units] = update_bias
    return *lstm.new_kernels(features, units, 3, rng), b


def carried_norms(
    x: np.ndarray, weights: tuple[np.ndarray, ...], forward: Step, backward: Step, dh: np.ndarray
) -> np.ndarray:
    """Follow a gradient that starts at the last state of a GRU back through time, one step at a time.

    Args:
        x: inputs. Shape (batch, time, features).
        weights: (Wx, Wh, b).
        forward, backward: its `step_forward` and `step_backward`.
        dh: the gradient of the last state. Shape (batch, units).

    Returns:
        The norm of the gradient 0, 1, …, time steps back, mean over the batch. Shape (time + 1,).
    """
    h, before = np.zeros_like(dh), []
    for t in range(x.shape[1]):
        before.append(h)
        h = forward(x[:, t], h, *weights)
    norms = [np.linalg.norm(dh, axis=1).mean()]
    for t in reversed(range(x.shape[1])):
        dh = backward(dh, x[:, t], before[t], *weights)[1]
        norms.append(np.linalg.norm(dh, axis=1).mean())
    return np.array(norms)


def squashings(kind: str, depth: int, lag: int) -> tuple[int, int]:
    """Count what lies on the way from an input to the state that is read out, a lag later.

    Args:
        kind: "stack" or "transition".
        depth: layers of the stack, or squashings in one transition. With 1 both are the shallow network.
        lag: steps between the input and the state.

    Returns:
        (squashings on each way, number of ways). Within one kind all ways have the same number of squashings.

    Raises:
        ValueError: if the kind is neither of the two.

    Source: counted on the graphs of Pascanu et al. 2013. In a stack a way goes `lag` times to the right and
    depth - 1 times up, in any order.
    """
    if kind == "stack":
        return lag + depth, comb(lag + depth - 1, depth - 1)
    if kind == "transition":
        return depth * (lag + 1), 1
    raise ValueError(f'`kind` must be "stack" or "transition". Received: kind={kind!r}. Example: "stack".')


def orthogonal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Make random matrices, the last two axes, with orthonormal columns (or rows, where there are more columns)."""
    *leading, rows, columns = shape
    found = np.zeros(shape)
    for place in np.ndindex(*leading):
        q = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))[0]
        found[place] = q if rows >= columns else q.T
    return found


def transition_norms(x: np.ndarray, Wx: np.ndarray, W: np.ndarray, dh: np.ndarray) -> np.ndarray:
    """Follow a gradient back through a network with a deep transition.

    One step is h' = tanh(x Wx + h W[0]), h'' = tanh(h' W[1]), … until the last matrix gives the new state.

    Args:
        x: inputs. Shape (batch, time, features).
        Wx: Shape (features, units).
        W: Shape (depth, units, units).
        dh: the gradient of the last state. Shape (batch, units).

    Returns:
        The norm of the gradient of the input 0, 1, …, time - 1 steps back, mean over the batch. Shape (time,).
    """
    h, inner = np.zeros_like(dh), []
    for t in range(x.shape[1]):
        values = []
        for number, matrix in enumerate(W):
            h = np.tanh(h @ matrix + (x[:, t] @ Wx if number == 0 else 0))
            values.append(h)
        inner.append(values)
    norms = []
    for values in reversed(inner):
        for number in reversed(range(len(W))):
            da = dh * (1 - values[number] ** 2)
            dh = da @ W[number].T
        norms.append(np.linalg.norm(da @ Wx.T, axis=1).mean())
    return np.array(norms)


# Training


def set_update_bias(layer: keras.layers.Layer, value: float) -> None:
    """Set the update gate's part of a built GRU layer's bias, yours or Keras': of the input's row, if there are two."""
    bias = keras.ops.convert_to_numpy(layer.cell.bias).copy()
    units = bias.shape[-1] // 3
    (bias[0] if bias.ndim == 2 else bias)[:units] = value
    layer.cell.bias.assign(bias)


def gru_gates(x: np.ndarray, forward: Step, weights: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
    """The gates and the states of a GRU (reset after the product) over time, from a zero state.

    Args:
        x: inputs. Shape (batch, time, features).
        forward: its `step_forward`.
        weights: (Wx, Wh, b).

    Returns:
        "z", "r" and "h" → values at every step. Shape (batch, time, units) each.
    """
    Wx, Wh, b = weights
    units = len(Wh)
    h, found = np.zeros((len(x), units)), {"z": [], "r": [], "h": []}
    for t in range(x.shape[1]):
        a = x[:, t] @ Wx + b[0] + h @ Wh + b[1]
        for name, part in (("z", a[:, :units]), ("r", a[:, units : 2 * units])):
            found[name].append(0.5 * (1 + np.tanh(0.5 * part)))
        h = forward(x[:, t], h, *weights)
        found["h"].append(h)
    return {name: np.stack(values, axis=1) for name, values in found.items()}


def gates_figure(numbers: np.ndarray, marked: np.ndarray, z: np.ndarray, h: np.ndarray, title: str) -> Figure:
    """Draw one sequence of the adding problem, and what some units of a GRU do with it.

    Args:
        numbers: the numbers of the sequence. Shape (time,).
        marked: which of them are marked. Shape (time,), bool.
        z: update gates. Shape (time, units), at most three units.
        h: states. Shape (time, units).
        title: the finding.

    Returns:
        The figure.
    """
    figure, (top, middle, bottom), step = lstm.adding_panels(numbers, marked, title)
    for k, (color, dash) in enumerate(zip(COLORS[: z.shape[1]], LINESTYLES, strict=False)):
        middle.plot(step, z[:, k], color=color, linestyle=dash, label=f"unit {'ABC'[k]}")
        bottom.step(step, h[:, k], where="post", color=color, linestyle=dash)
    middle.set(ylabel="update gate: share that stays", ylim=(-0.05, 1.05))
    bottom.set(xlabel="step", ylabel="state")
    for axes in (top, middle):
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


# Two directions


def influence(run: Callable[[np.ndarray], np.ndarray], x: np.ndarray, nudge: float = 1e-6) -> np.ndarray:
    """Measure how far each step's output moves when one step's input is moved.

    Args:
        run: inputs (batch, time, features) → outputs (batch, time, units).
        x: one sequence. Shape (1, time, features).
        nudge: how far each feature is moved.

    Returns:
        The norm of (moved output - output) / nudge. Shape (time of the output, time of the input).
    """
    steps = x.shape[1]
    base, found = run(x), np.zeros((steps, steps))
    for s in range(steps):
        moved = x.copy()
        moved[:, s] += nudge
        found[:, s] = np.linalg.norm(run(moved) - base, axis=(0, 2)) / nudge
    return found


def influence_maps(maps: Mapping[str, np.ndarray], title: str) -> Figure:
    """Draw which inputs reach which outputs, one map for each name. Shape (time, time) each."""
    figure = Figure(figsize=(3.7 * len(maps) + 0.8, 4.2), layout="constrained")
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    for axes, (name, values) in zip(figure.subplots(1, len(maps), squeeze=False)[0], maps.items(), strict=True):
        steps = len(values)
        shown = np.log10(np.maximum(values, 1e-4))
        span = (0.5, steps + 0.5, steps + 0.5, 0.5)
        image = axes.imshow(np.where(values > 0, shown, np.nan), cmap="Greys", vmin=-3, vmax=0, extent=span)
        ticks = np.arange(1, steps + 1)
        axes.set(xlabel="input of step", ylabel="output of step", xticks=ticks, yticks=ticks)
        axes.set_title(name, fontweight="normal")
        axes.grid(False)
    figure.colorbar(image, ax=figure.axes, label="influence, log10 (no unit)", shrink=0.8)
    return figure


def learn_bits(
    wrap: Callable[[keras.layers.Layer], keras.layers.Layer],
    target: Callable[[np.ndarray], np.ndarray],
    *,
    seed: int = 1,
    steps: int = 20,
    updates: int = 250,
    units: int = 12,
) -> keras.Model:
    """Train an Elman network, in one direction or two, to say a bit at every step of a sequence of fair bits.

    Args:
        wrap: what to do with the recurrent layer: leave it, or make it bidirectional.
        target: bits (batch, steps) → the bit to say at each step, same shape.
        seed: decides the first weights and the training sequences.
        steps: length of the sequences.
        updates: each on 64 fresh sequences.
        units: of the recurrent layer, in each direction.

    Returns:
        The model: bits as -1 and 1, shape (batch, steps, 1) → probability of a 1, same shape.
    """
    keras.utils.set_random_seed(seed)
    layer = wrap(keras.layers.SimpleRNN(units, return_sequences=True))
    model = compiled(layer, 1, 1, 0.01, steps=None, activation="sigmoid", loss="binary_crossentropy")
    rng = np.random.default_rng([seed, 9])
    for _ in range(updates):
        bits = rng.integers(0, 2, (64, steps))
        model.train_on_batch(as_input(bits), target(bits)[:, :, None].astype("float32"))
    return model


def as_input(bits: np.ndarray) -> np.ndarray:
    """Bits (batch, steps) as -1 and 1. Shape (batch, steps, 1), float32."""
    return (2.0 * bits[:, :, None] - 1).astype("float32")


# Depth against width


def stack_parameters(features: int, units: Sequence[int], outputs: int) -> int:
    """Count the parameters of a stack of Elman layers with a dense layer on the highest."""
    below, total = features, 0
    for own in units:
        total += own * (below + own + 1)
        below = own
    return total + outputs * (below + 1)


def equal_stack(depth: int, features: int, outputs: int, budget: int) -> list[int]:
    """Choose the size of the layers so that a stack comes as near to a number of parameters as it can.

    Args:
        depth: number of layers.
        features, outputs: of the stack.
        budget: the number of parameters to come near to.

    Returns:
        The size of each layer, the lowest first. They are equal, but the lower ones may have one unit more.
    """
    sizes = [[units + 1] * larger + [units] * (depth - larger) for units in range(1, 200) for larger in range(depth)]
    return min(sizes, key=lambda units: abs(stack_parameters(features, units, outputs) - budget))


def doubles_parity(sequences: int, steps: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Make sequences of fair bits; the answer at each step is 1 if so far the pairs "1 after 1" are odd in number.

    Args:
        sequences: how many.
        steps: length of the sequences.
        rng: where the bits come from.

    Returns:
        (x, answers): shapes (sequences, steps, 1), float32, -1 and 1, and (sequences, steps), int64, 0 or 1.
    """
    bits = rng.integers(0, 2, (sequences, steps))
    pairs = np.zeros_like(bits)
    pairs[:, 1:] = bits[:, 1:] * bits[:, :-1]
    return as_input(bits), np.cumsum(pairs, axis=1) % 2


def learn_answers(
    make: Callable[[], keras.layers.Layer],
    draw: Callable[[int, np.random.Generator], tuple[np.ndarray, np.ndarray]],
    outputs: int,
    *,
    seed: int,
    rate: float,
    updates: int = 250,
    every: int = 25,
    batch: int = 64,
) -> np.ndarray:
    """Train a recurrent layer with a dense layer to give an answer at each step, and watch it on new sequences.

    Args:
        make: makes the recurrent layer, which gives the state of each step.
        draw: (number of sequences, generator) → (x, answers); a negative answer is not asked for.
        outputs: number of possible answers.
        seed: decides the first weights and the training sequences.
        rate: Adam's learning rate.
        updates: each on a fresh batch.
        every: updates between two looks.
        batch: sequences in a batch.

    Returns:
        The share of right answers on 500 sequences that it never trained on, at each look. Shape (updates // every,).
    """
    keras.utils.set_random_seed(seed)
    x, answers = draw(500, np.random.default_rng(1_000_000))
    loss = "sparse_categorical_crossentropy"
    model = compiled(make(), x.shape[2], outputs, rate, steps=x.shape[1], activation="softmax", loss=loss)
    rng, shares = np.random.default_rng([seed, 9]), []
    for update in range(1, updates + 1):
        fresh, wanted = draw(batch, rng)
        asked = (wanted >= 0).astype("float32")
        model.train_on_batch(fresh, np.maximum(wanted, 0), asked)
        if update % every == 0:
            right = np.argmax(keras.ops.convert_to_numpy(model(x)), axis=2) == answers
            shares.append(right[answers >= 0].mean())
    return np.array(shares)


def depth_figure(shares: Mapping[str, Mapping[str, Sequence[np.ndarray]]], every: int, title: str) -> Figure:
    """Draw the share of right answers against updates, one panel for each task, a thin line for each seed.

    Args:
        shares: task → name of a network → one array of `learn_answers` for each seed.
        every: updates between two looks.
        title: the finding.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(8.6, 3.9), layout="constrained")
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    for axes, (task, networks) in zip(figure.subplots(1, len(shares), squeeze=False)[0], shares.items(), strict=True):
        axes.set(xlabel="updates", ylabel="right answers (share)")
        axes.set_title(task, fontweight="normal")
        looks = zip(COLORS, LINESTYLES, MARKERS, strict=True)
        for (name, runs), (color, dash, marker) in zip(networks.items(), looks, strict=False):
            for number, run in enumerate(runs):
                label = name if number == 0 else None
                where = every * np.arange(1, len(run) + 1)
                axes.plot(
                    where, run, color=color, linestyle=dash, marker=marker, linewidth=1.3, markersize=4, label=label
                )
        axes.legend(loc="lower right")
    return figure
