"""Lesson 12's experiments: three small models under one budget, the same models as streams, schedules, and figures.

The three are called by what carries a signal from step to step: "recurrent" (a GRU), "dilated" (four causal
convolutions with holes) and "attention" (the course's AttentionBlock). Around each stand the same two dense layers.
Outside the comparison there is a fourth, "positions": attention whose inputs say where they stand.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import ops
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unrolled.corpora.recall import NO_ANSWER, RECALL_FEATURES, RECALL_SYMBOLS
from unrolled.figures import COLORS, LINESTYLES, MARKERS, PALETTE
from unrolled.graphs import Edge, Node, computation_graph
from unrolled.widgets import explore

KINDS = ("recurrent", "dilated", "attention")
NAMES = {
    "recurrent": "GRU",
    "dilated": "dilated convolutions",
    "attention": "attention",
    "positions": "attention with positions",
}
LOOKS = dict(zip(KINDS, zip(COLORS, LINESTYLES, MARKERS, strict=True), strict=False))
WIDE = 16  # features between the two dense layers
UNITS = {"recurrent": 24, "dilated": 16, "attention": 49, "positions": 49}  # for equal numbers of parameters
WIDTH, DEPTH = 3, 4  # of the dilated convolutions: they reach 3^4 - 1 = 80 steps back
RATE = 0.01  # Adam's learning rate, the same for all
LONGEST = 10_000.0  # of the wavelengths of a code of positions, by 2π steps
SECONDS_BETWEEN_REPORTS = 5.0
FILLED = 5  # inputs that a stream of fixed size is shown before its step is measured

Draw = Callable[[int], tuple[np.ndarray, np.ndarray]]


# Three models under one budget


@dataclass
class Budget:
    """What a training has used so far.

    Attributes:
        updates: of the weights.
        examples: sequences seen, counted as often as they were seen.
        seconds: spent on updates, by the clock on the wall; looking at the accuracy is not counted.
        curve: (updates, seconds, accuracy) at every look.
    """

    updates: int = 0
    examples: int = 0
    seconds: float = 0.0
    curve: list[tuple[int, float, float]] = field(default_factory=list)


def _rates(size: int) -> np.ndarray:
    """By how much each angle of a code grows from step to step."""
    return LONGEST ** (-np.arange(0, size, 2) / size)


class Positions(keras.layers.Layer):
    """Add to every input a code of its position: sines and cosines of different wavelengths. Nothing is learned.

    Call with (batch, time, features), an even number of features; the shape stays.

    Source: Vaswani et al. 2017, section 3.5; here all sines come first.
    """

    def call(self, inputs: Any) -> Any:
        steps = ops.cast(ops.arange(ops.shape(inputs)[1]), inputs.dtype)
        angles = steps[:, None] * ops.cast(_rates(inputs.shape[-1]), inputs.dtype)  # (time, features / 2)
        return inputs + ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=1)


class Contestant:
    """One of the models, compiled once, to be trained several times from new weights.

    Args:
        kind: "recurrent", "dilated", "attention" or "positions".
        block: the class AttentionBlock; the first two have no use for it.
        seed: of the first weights.

    Attributes:
        name: what figures and tables call it.
        model: a Keras model, (batch, time, 10) → logits (batch, time, 8).
        budget: what the training since the last restart has used.
    """

    def __init__(self, kind: str, block: type | None = None, seed: int = 0) -> None:
        self.kind, self.block, self.name = kind, block, NAMES[kind]
        self.model = self._network(seed)
        self.budget = Budget()
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=NO_ANSWER)
        self.model.compile(keras.optimizers.Adam(RATE), loss=loss)

    def _network(self, seed: int) -> keras.Model:
        keras.utils.set_random_seed(seed)
        inputs = keras.Input((None, RECALL_FEATURES))
        x = keras.layers.Dense(WIDE, name="inwards")(inputs)
        if self.kind == "positions":
            x = Positions()(x)
        if self.kind == "recurrent":
            x = keras.layers.GRU(UNITS[self.kind], return_sequences=True, name="core")(x)
        elif self.kind == "dilated":
            for level in range(DEPTH):
                layer = keras.layers.Conv1D(
                    UNITS[self.kind],
                    WIDTH,
                    padding="causal",
                    dilation_rate=WIDTH**level,
                    activation="relu",
                    name=f"core_{level}",
                )
                x = keras.layers.Add()([x, layer(x)])
        else:
            x = self.block(UNITS[self.kind], name="core")(x)
        return keras.Model(inputs, keras.layers.Dense(RECALL_SYMBOLS, name="outwards")(x))

    @property
    def core_parameters(self) -> int:
        """How many numbers are learned between the two dense layers."""
        return sum(layer.count_params() for layer in self.model.layers if layer.name.startswith("core"))

    def restart(self, seed: int, rate: float = RATE) -> Contestant:
        """Begin again: new weights, a fresh optimizer with this learning rate, an empty budget. Returns itself."""
        self.model.set_weights(self._network(seed).get_weights())
        for variable in self.model.optimizer.variables:
            if variable.name != "learning_rate":
                variable.assign(ops.zeros_like(variable))
        self.model.optimizer.learning_rate = rate
        self.budget = Budget()
        return self

    def train(
        self,
        draw: Draw,
        updates: int | None = None,
        seconds: float | None = None,
        test: tuple[np.ndarray, np.ndarray] | None = None,
        every: int = 25,
    ) -> Budget:
        """Go on training until the budget is used up. The training that takes long says where it is.

        Args:
            draw: makes the batch of an update from the update's number, as (x, answers).
            updates: the number of updates, those of earlier calls included, after which to stop.
            seconds: the seconds, those of earlier calls included, after which to stop.
            test: (x, answers) to look at the accuracy on, now and then. Default: no look.
            every: how many updates lie between two looks.

        Returns:
            The budget used, which is also kept as `budget`.

        Raises:
            ValueError: if there is no limit.
        """
        if updates is None and seconds is None:
            raise ValueError(
                "One of `updates` and `seconds` must be a limit. Received: updates=None, seconds=None. "
                "Example: train(draw, updates=200)."
            )
        spent = self.budget
        reported = time.perf_counter()
        while (updates is None or spent.updates < updates) and (seconds is None or spent.seconds < seconds):
            x, answers = draw(spent.updates)
            start = time.perf_counter()
            self.model.train_on_batch(x, answers)
            spent.seconds += time.perf_counter() - start
            spent.updates += 1
            spent.examples += len(x)
            if test is not None and spent.updates % every == 0:
                spent.curve.append((spent.updates, spent.seconds, self.accuracy(*test)))
            if time.perf_counter() - reported > SECONDS_BETWEEN_REPORTS:
                reported = time.perf_counter()
                print(f"  {self.name}: {spent.updates} updates, {spent.seconds:.0f} s", flush=True)
        return spent

    def warm_up(self, draw: Draw) -> None:
        """Let Keras compile the training for the shapes of a draw, so that no budget pays for it; then restart."""
        x, answers = draw(0)
        self.model.train_on_batch(x, answers)
        self.restart(0)

    def logits(self, x: np.ndarray) -> np.ndarray:
        """Run the model. x (batch, time, 10) → (batch, time, 8)."""
        return np.asarray(self.model.predict_on_batch(x))

    def accuracy(self, x: np.ndarray, answers: np.ndarray) -> float:
        """Compute the share of right answers, over all steps that want one."""
        wanted = answers != NO_ANSWER
        return float(np.mean((self.logits(x).argmax(axis=-1) == answers)[wanted]))

    def stream(self) -> Stream:
        """Make the same model, with the weights of now, one that takes one step at a time.

        Raises:
            ValueError: for attention with positions, which is outside the comparison.
        """
        if self.kind not in KINDS:
            raise ValueError(
                f"`kind` must be one of {', '.join(KINDS)} for a stream. Received: kind={self.kind!r}. "
                'Example: Contestant("recurrent").stream().'
            )
        layers = [layer for layer in self.model.layers if layer.name.startswith("core")]
        inwards, outwards = (self.model.get_layer(name).get_weights() for name in ("inwards", "outwards"))
        core = {"recurrent": _Recurrent, "dilated": _Dilated, "attention": _Attention}[self.kind](layers)
        return Stream(core, inwards, outwards)


def update_seconds(
    contestants: Mapping[str, Contestant], batches: Sequence[tuple[np.ndarray, np.ndarray]], repeats: int = 9
) -> dict[str, np.ndarray]:
    """Measure one update on each batch: the shortest of some, after one that does not count.

    The models take turns, so that a busy moment of the machine does not hit one of them alone.

    Args:
        contestants: the models by kind.
        batches: (x, answers) of each.
        repeats: how many updates are timed.

    Returns:
        kind -> seconds. Shape (batches,).
    """
    found = {kind: np.full(len(batches), np.inf) for kind in contestants}
    for number, (x, answers) in enumerate(batches):
        for repeat in range(1 + repeats):
            for kind, contestant in contestants.items():
                start = time.perf_counter()
                contestant.model.train_on_batch(x, answers)
                if repeat:
                    found[kind][number] = min(found[kind][number], time.perf_counter() - start)
    return found


def largest_ratio(counts: Sequence[int]) -> float:
    """Compute how many times the largest of some numbers is the smallest."""
    return max(counts) / min(counts)


# The same models, one step at a time


class Stream:
    """A model that is shown one input at a time, and keeps what it must.

    Attributes:
        steps: how many inputs it has seen.
        multiply_adds: how many multiplications, each with its addition, the matrix products of all steps took.
    """

    def __init__(self, core: Any, inwards: list[np.ndarray], outwards: list[np.ndarray]) -> None:
        self.core, self.inwards, self.outwards = core, inwards, outwards
        self.steps = self.multiply_adds = 0

    @property
    def kept_bytes(self) -> int:
        """The bytes of what is kept from step to step: the arrays themselves, no weights."""
        return sum(array.nbytes for array in self.core.kept())

    def step(self, x: np.ndarray) -> np.ndarray:
        """Take one step. x (batch, 10) → logits (batch, 8)."""
        self.core.multiply_adds = 0
        y = self.core.step(x @ self.inwards[0] + self.inwards[1]) @ self.outwards[0] + self.outwards[1]
        self.steps += 1
        self.multiply_adds += self.core.multiply_adds + len(x) * (self.inwards[0].size + self.outwards[0].size)
        return y


class _Recurrent:
    def __init__(self, layers: Sequence[Any]) -> None:
        self.cell = layers[0].cell
        self.h = np.zeros((1, self.cell.units), np.float32)

    def kept(self) -> list[np.ndarray]:
        return [self.h]

    def step(self, x: np.ndarray) -> np.ndarray:
        h = np.repeat(self.h, len(x), axis=0) if len(self.h) != len(x) else self.h
        self.h = ops.convert_to_numpy(self.cell(ops.convert_to_tensor(x), [ops.convert_to_tensor(h)])[0])
        weights = self.cell.kernel.shape, self.cell.recurrent_kernel.shape
        self.multiply_adds += len(x) * sum(rows * columns for rows, columns in weights)
        return self.h


class _Dilated:
    def __init__(self, layers: Sequence[Any]) -> None:
        self.weights = [layer.get_weights() for layer in layers]
        self.holes = [layer.dilation_rate[0] for layer in layers]
        self.windows: list[np.ndarray] = []  # the inputs of each layer, oldest first

    def kept(self) -> list[np.ndarray]:
        return self.windows

    def step(self, x: np.ndarray) -> np.ndarray:
        if not self.windows:
            reach = [(len(kernel) - 1) * hole for (kernel, _), hole in zip(self.weights, self.holes, strict=True)]
            self.windows = [np.zeros((len(x), back, x.shape[1]), np.float32) for back in reach]
        for level, ((kernel, bias), hole) in enumerate(zip(self.weights, self.holes, strict=True)):
            seen = np.concatenate([self.windows[level], x[:, None]], axis=1)
            z = np.einsum("bwf,wfo->bo", seen[:, ::hole], kernel) + bias
            self.multiply_adds += len(x) * kernel.size
            self.windows[level] = seen[:, 1:].copy()
            x = x + np.maximum(z, 0.0)
        return x


class _Attention:
    def __init__(self, layers: Sequence[Any]) -> None:
        block = layers[0]
        names = ("query_kernel", "key_kernel", "value_kernel", "output_kernel", "bias")
        self.wq, self.wk, self.wv, self.wo, self.b = (ops.convert_to_numpy(getattr(block, name)) for name in names)
        self.used = 0
        self.keys = self.values = np.zeros((1, 0, self.wq.shape[1]), np.float32)  # room grows by doubling

    def kept(self) -> list[np.ndarray]:
        return [self.keys[:, : self.used], self.values[:, : self.used]]

    def _make_room(self, batch: int, rows: int) -> None:
        if rows > self.keys.shape[1]:
            room = np.zeros((batch, max(8, 2 * rows), self.wk.shape[1]), np.float32)
            grown = [room.copy(), room]
            for new, old in zip(grown, self.kept(), strict=True):
                new[:, : self.used] = old
            self.keys, self.values = grown

    def remember(self, keys: np.ndarray, values: np.ndarray) -> None:
        """Append keys and values, (batch, some, units) each, as if so many steps had been taken."""
        self._make_room(len(keys), self.used + keys.shape[1])
        self.keys[:, self.used : self.used + keys.shape[1]] = keys
        self.values[:, self.used : self.used + keys.shape[1]] = values
        self.used += keys.shape[1]

    def step(self, x: np.ndarray) -> np.ndarray:
        query = x @ self.wq
        self.remember((x @ self.wk)[:, None], (x @ self.wv)[:, None])
        keys, values = self.kept()
        scores = (keys @ query[:, :, None])[:, :, 0] / np.float32(np.sqrt(query.shape[1]))
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        found = (shares[:, None] @ values)[:, 0] / shares.sum(axis=1, keepdims=True)
        kernels = sum(w.size for w in (self.wq, self.wk, self.wv, self.wo))
        self.multiply_adds += len(x) * (kernels + 2 * self.used * query.shape[1])
        return x + found @ self.wo + self.b


def streaming_costs(contestant: Contestant, lengths: Sequence[int], seed: int = 0) -> dict[str, np.ndarray]:
    """Take one step at several places of a long stream, and see what it costs there.

    The inputs before are random. Attention is handed random keys and values instead of computing them, and the other
    two see only the first few inputs: their arrays never grow. The step itself is a real one.

    Args:
        contestant: the model.
        lengths: how many inputs come before the step, rising.
        seed: of the inputs.

    Returns:
        {"seconds", "multiply_adds", "bytes"}: of the step, of the step, and kept after it. Shape (lengths,) each.
    """
    rng, costs = np.random.default_rng(seed), []
    for length in lengths:
        stream = contestant.stream()
        if contestant.kind == "attention":
            stream.core.remember(*rng.standard_normal((2, 1, length, UNITS["attention"])).astype(np.float32))
        else:
            for x in rng.standard_normal((min(length, FILLED), 1, RECALL_FEATURES)).astype(np.float32):
                stream.step(x)
        before = stream.multiply_adds
        x = rng.standard_normal((1, RECALL_FEATURES)).astype(np.float32)
        stream.step(x)
        counted, kept = stream.multiply_adds - before, stream.kept_bytes
        costs.append((_shortest(stream, x), counted, kept))
    seconds, counts, sizes = (np.array(values) for values in zip(*costs, strict=True))
    return {"seconds": seconds, "multiply_adds": counts, "bytes": sizes}


def _shortest(stream: Stream, x: np.ndarray, repeats: int = 20) -> float:
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        stream.step(x)
        found.append(time.perf_counter() - start)
    return min(found)


# Schedules


def schedule(
    durations: Sequence[float], after: Sequence[Sequence[int]], workers: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Hand jobs to workers in the order of their numbers, each as early as it can begin.

    Args:
        durations: of each job, seconds. Shape (jobs,).
        after: for each job, the earlier jobs that must be done before it begins.
        workers: how many jobs can run at a time.

    Returns:
        (starts, by, total): when each job begins (jobs,), who does it (jobs,), and when the last one ends.

    Raises:
        ValueError: if nobody works.
    """
    if workers < 1:
        raise ValueError(
            f"`workers` must be at least 1. Received: workers={workers}. "
            "Example: schedule([5, 5], [[], [0]], workers=1)."
        )
    free, starts, ends, by = np.zeros(workers), [], [], []
    for duration, needed in zip(durations, after, strict=True):
        ready = max((ends[k] for k in needed), default=0.0)
        waiting = np.maximum(free, ready)
        who = int(waiting.argmin())
        starts.append(waiting[who])
        ends.append(waiting[who] + duration)
        by.append(who)
        free[who] = ends[-1]
    return np.array(starts), np.array(by), float(max(ends))


def chain(count: int) -> list[list[int]]:
    """Say that each job waits for the one before it."""
    return [[] if k == 0 else [k - 1] for k in range(count)]


# Figures


def attention_graph() -> Figure:
    """Draw the computation graph of causal attention, with every gradient of lesson 12."""
    nodes = {
        "q": Node(0, 2.6, "$q$"),
        "k": Node(0, 1.2, "$k$"),
        "v": Node(0, -0.4, "$v$"),
        "m1": Node(2.0, 1.9, "$@$", operation=True),
        "mask": Node(4.2, 1.9, "hide\nlater", operation=True),
        "soft": Node(6.6, 1.9, "soft\nmax", operation=True),
        "m2": Node(8.8, 0.8, "$@$", operation=True),
        "y": Node(10.6, 0.8, "$y$"),
    }
    edges = [
        Edge("q", "m1", "$dq$", (0.1, 0.3)),
        Edge("k", "m1", "$dk$", (0.1, -0.3)),
        Edge("v", "m2", "$dv$", (0.0, -0.3)),
        Edge("m1", "mask", "$ds$", (0.0, -0.3)),
        Edge("mask", "soft", "$ds$", (0.0, -0.3)),
        Edge("soft", "m2", "$dp$", (0.25, 0.28)),
        Edge("m2", "y", "$dy$", (0.0, -0.3)),
    ]
    figure = computation_graph(nodes, edges, "The way back meets the values first, then the softmax", (9.6, 3.7))
    axes = figure.axes[0]
    axes.text(2.9, 2.3, "$s = q\\,k^T / \\sqrt{\\mathrm{units}}$", ha="center", fontsize=11)
    axes.text(7.4, 1.05, "$p$", ha="center", fontsize=11)
    return figure


def _dilated_depth(distance: int, width: int) -> int:
    depth, reach = 0, 0
    while reach < distance:
        reach, depth = reach + (width - 1) * width**depth, depth + 1
    return depth


def _shares(distance: int, width: int, depth: int) -> list[int]:
    """How far each dilated layer carries the signal, first layer first: the digits of the distance to base width."""
    return [distance // width**level % width * width**level for level in range(depth)]


def _wire(axes: Axes, start: tuple[float, float], end: tuple[float, float], used: bool) -> None:
    look = {"color": PALETTE["vermillion"], "linewidth": 2.6} if used else {"color": "#BBBBBB", "linewidth": 0.8}
    axes.plot(*zip(start, end, strict=True), linestyle="-", zorder=3 if used else 1, **look)


def draw_paths(distance: float, width: int = 3) -> Figure:
    """Draw the shortest way from an input to the output some steps later, in three architectures.

    Args:
        distance: how many steps lie between, rounded to a whole number.
        width: of the dilated convolutions.

    Returns:
        The figure: each architecture drawn with its wires, those of the shortest way thick.
    """
    back = int(round(distance))
    time = np.arange(back + 1)
    depth = _dilated_depth(back, width)
    figure = Figure(figsize=(9.2, 4.4), layout="constrained")
    title = f"{back} steps back: {back + 1} steps through an RNN, {depth} through dilated layers, 1 through attention"
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    panels = figure.subplots(3, 1, height_ratios=[1, max(1.2, 0.6 * depth), 1])
    for t in time:  # recurrent
        _wire(panels[0], (t, 0), (t, 1), t == 0)
        if t:
            _wire(panels[0], (t - 1, 1), (t, 1), True)
    shares, place, way = _shares(back, width, depth), 0, set()
    for level, share in enumerate(shares):
        way.add((level, place, place + share))
        place += share
    for level in range(depth):  # dilated
        for t in time:
            for tap in range(width):
                if t - tap * width**level >= 0:
                    _wire(panels[1], (t - tap * width**level, level), (t, level + 1), False)
        for where, start, end in way:
            if where == level:
                _wire(panels[1], (start, level), (end, level + 1), True)
    for t in time:  # attention
        for s in range(t + 1):
            _wire(panels[2], (s, 0), (t, 1), s == 0 and t == back)
    for axes, name, rows in zip(
        panels, ("recurrent", f"dilated, width {width}", "attention"), (1, depth, 1), strict=True
    ):
        for row in range(rows + 1):
            axes.plot(time, np.full(back + 1, row), "o", color="black", markersize=4, zorder=4)
        axes.plot([0, back], [0, rows], "s", color=PALETTE["vermillion"], markersize=8, zorder=5)
        axes.set_title(name, fontsize=10, fontweight="normal", loc="left")
        axes.set_yticks([0, rows], ["input", "output"])
        axes.set_ylim(-0.3, rows + 0.3)
        axes.grid(False)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        axes.set_xticks([])
    panels[2].set_xticks([0, back])
    panels[2].set_xlabel("position (steps)")
    return figure


def shortest_paths(live: bool | None = None) -> Any:
    """Show the shortest way through each architecture: a slider for the distance, or a figure for 22 steps."""
    return explore(draw_paths, lambda: draw_paths(22), "distance", (1, 26, 22), live)


def schedule_figure(plans: Mapping[str, tuple[np.ndarray, np.ndarray, float]], duration: float, title: str) -> Figure:
    """Draw schedules of equally long jobs, one panel each, workers as rows.

    Args:
        plans: the name of each and what `schedule` returned.
        duration: of a job, seconds.
        title: the finding.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(9.2, 1.2 + 1.5 * ((len(plans) + 1) // 2)), layout="constrained")
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    grid = figure.subplots((len(plans) + 1) // 2, 2, sharex=True, squeeze=False)
    for axes, (name, (starts, by, total)) in zip(grid.flat, plans.items(), strict=False):
        for word, (start, who) in enumerate(zip(starts, by, strict=True)):
            axes.barh(who, duration, left=start, color="#9CC8E3", edgecolor="black", height=0.8)
            axes.text(start + duration / 2, who, str(word + 1), ha="center", va="center", fontsize=9)
        axes.set_title(f"{name}: {total:.0f} s", fontsize=10, fontweight="normal", loc="left")
        workers = int(max(by)) + 1
        axes.set_yticks(range(workers), [str(k + 1) for k in range(workers)])
        axes.set_ylim(workers - 0.4, -0.6)
        axes.set_ylabel("worker")
        axes.grid(False, axis="y")
    for axes in grid[-1]:
        axes.set_xlabel("time (seconds)")
    return figure


def three_curves(
    series: Mapping[str, tuple[np.ndarray, np.ndarray]], axes: Axes, xlabel: str, ylabel: str, title: str
) -> None:
    """Draw one curve for each of the three models, by kind, in their own looks, on given axes."""
    for kind, (x, y) in series.items():
        color, dash, marker = LOOKS[kind]
        axes.plot(x, y, color=color, linestyle=dash, marker=marker, label=NAMES[kind])
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.set_title(title, fontsize=10, fontweight="normal", loc="left")


def panels(title: str, count: int, height: float = 3.7) -> tuple[Figure, np.ndarray]:
    """Make a row of axes below one title that states the finding."""
    figure = Figure(figsize=(9.2, height), layout="constrained")
    figure.suptitle(title, fontsize=11.5, fontweight="bold", x=0.01, ha="left")
    return figure, figure.subplots(1, count, squeeze=False)[0]


def legend(figure: Figure) -> Figure:
    """Put the legend of the first axes below a figure; returns the figure."""
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4)
    return figure


def attention_map(weights: np.ndarray, marked: np.ndarray, title: str) -> Figure:
    """Show where the last step of several sequences looks.

    Args:
        weights: of the last query over the keys. Shape (sequences, time).
        marked: the position of the marked symbol in each. Shape (sequences,).
        title: the finding.

    Returns:
        The figure: a row for each sequence, a ring at the marked symbol.
    """
    figure, (axes,) = panels(title, 1, 3.6)
    shown = axes.imshow(weights, cmap="gray_r", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    axes.plot(
        marked, np.arange(len(marked)), "o", markersize=13, markerfacecolor="none",
        markeredgecolor=PALETTE["vermillion"], markeredgewidth=1.8, label="the marked symbol",
    )  # fmt: skip
    axes.set(xlabel="position of the key (steps)", ylabel="sequence")
    axes.set_yticks(range(len(marked)), [str(k + 1) for k in range(len(marked))])
    axes.grid(False)
    figure.colorbar(shown, ax=axes, label="weight of the last query (no unit)", fraction=0.04)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center")
    return figure
