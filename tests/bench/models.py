"""How fast the course's own models train: its LSTM layer beside Keras' and PyTorch's, its skip-gram beside gensim's.

Every contender is a process of its own with two threads, so that none has another's settings or threads. They work in
turn (A, B, C, A, B, C, …), each after a warm-up, and a ratio is the median of the rounds' ratios. Before that, Keras'
layer and ours are tried with different settings, each by itself, and the best are kept.

`python -m tests.bench.models [--quick]` prints the tables without writing them anywhere.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.bench.tables import ROOT, table

THREADS = 2
RATE = 0.1  # of plain gradient descent


@dataclass(frozen=True)
class Size:
    """A language model: ids → embedding of `units` numbers → LSTM of `units` → scores of all symbols."""

    batch: int
    time: int
    units: int
    symbols: int

    @property
    def name(self) -> str:
        return f"batch {self.batch}, T = {self.time}, {self.units} units, {self.symbols:,} symbols"

    @property
    def tokens(self) -> int:
        return self.batch * self.time

    @property
    def key(self) -> str:
        return f"b{self.batch}_t{self.time}_u{self.units}_v{self.symbols}"


SIZES = (Size(32, 50, 128, 60), Size(20, 35, 200, 10_000))
TASKS = ("step", "layer", "products")  # a whole training step; the LSTM layer alone; its matrix products alone
LOSS_STEPS = 5

# What is tried for each contender, every combination; the first values are taken where nothing is tried.
CHOICES: dict[str, dict[str, tuple[str, ...]]] = {
    "ours": {"onednn": ("1", "0"), "interop": ("2", "1"), "loop": ("unroll", "while", "jit")},
    "keras": {"onednn": ("1", "0"), "interop": ("2", "1"), "loop": ("unroll", "while", "jit")},
    "torch": {"mkldnn": ("1", "0")},
}
NAMES = {"ours": "`FastLSTM`", "keras": "`keras.layers.LSTM`", "torch": "`torch.nn.LSTM`"}


def run(quick: bool = False) -> dict[str, object]:
    """Measure everything.

    Args:
        quick: few rounds and no trial of settings.

    Returns:
        lstm_vs_keras, lstm_vs_torch: for each size, our tokens per second over theirs. sgns_vs_gensim: our words per
        second over theirs. perplexity: what tests.bench.models_perplexity found, None where it is not there. Besides
        `lstm` and `sgns`, with everything behind the ratios.
    """
    load = os.getloadavg()[0]
    sizes = {size.key: measure_lstm(size, quick) for size in SIZES}
    sgns = measure_sgns(quick)
    return {
        "lstm_vs_keras": {key: found["vs"]["keras"]["step"] for key, found in sizes.items()},
        "lstm_vs_torch": {key: found["vs"]["torch"]["step"] for key, found in sizes.items()},
        "sgns_vs_gensim": sgns["vs_gensim"],
        "perplexity": _perplexity(quick),
        "lstm": sizes,
        "sgns": sgns,
        "load_before": load,
    }


def _perplexity(quick: bool) -> dict[str, object] | None:
    try:
        from tests.bench import models_perplexity
    except ImportError as error:
        print(f"No perplexity table: {error}.", flush=True)
        return None
    return models_perplexity.run(quick)


# LSTM


def measure_lstm(size: Size, quick: bool = False) -> dict[str, object]:
    """Train the same language model with three layers, in turn.

    Returns:
        settings and tried: for each contender, the settings that were best, and the seconds of a step with each.
        seconds: task → contender → median seconds. vs: contender → task → our speed over theirs. loss: contender → the
        loss after some steps from the same weights.
    """
    rounds, repetitions = (3, 3) if quick else (25, 8)
    settings, tried = {}, {}
    for who, choices in CHOICES.items():
        settings[who], tried[who] = _best_settings(who, choices, size, quick)
        print(f"{size.name}: {who} {settings[who]}", flush=True)
    with ExitStack() as stack:
        workers = {who: stack.enter_context(Worker("lstm", who, size, settings[who])) for who in CHOICES}
        loss = {who: worker.ask("loss", LOSS_STEPS) for who, worker in workers.items()}
        if max(loss.values()) - min(loss.values()) > 1e-3 * max(loss.values()):
            raise RuntimeError(f"The contenders must train the same model. Received: losses {loss}.")
        times = {task: _in_turn(workers, task, rounds, repetitions) for task in TASKS}
    return {
        "name": size.name,
        "tokens": size.tokens,
        "settings": settings,
        "tried": tried,
        "loss": loss,
        "seconds": {
            task: {who: statistics.median(seconds) for who, seconds in found.items()} for task, found in times.items()
        },
        "vs": {who: {task: _ratio(times[task], who) for task in TASKS} for who in CHOICES if who != "ours"},
        "rounds": times,
        "load": os.getloadavg()[0],
    }


def _best_settings(
    who: str, choices: dict[str, tuple[str, ...]], size: Size, quick: bool
) -> tuple[dict[str, str], dict[str, float]]:
    """Choose the settings with the shortest step, of every combination; and the seconds of each."""
    combinations = [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]
    if quick:
        return combinations[0], {}
    seconds = []
    for settings in combinations:
        with Worker("lstm", who, size, settings) as worker:
            seconds.append(min(worker.ask("step", 3) for _ in range(8)))
    tried = {_said(settings): each for settings, each in zip(combinations, seconds, strict=True)}
    return combinations[seconds.index(min(seconds))], tried


def _said(settings: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def _in_turn(workers: dict[str, Worker], task: str, rounds: int, repetitions: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {who: [] for who in workers}
    for one in range(rounds + 1):
        for who, worker in workers.items():
            time.sleep(0.05)  # let the threads of the one before go to sleep
            seconds = worker.ask(task, repetitions)
            if one:  # the first round warms up
                times[who].append(seconds)
    return times


def _ratio(times: dict[str, list[float]], other: str) -> float:
    """Our speed over the other's: the median of the rounds' ratios."""
    return statistics.median(theirs / ours for ours, theirs in zip(times["ours"], times[other], strict=True))


class Worker:
    """A contender in a process of its own. It answers each request with a number."""

    def __init__(self, kind: str, who: str, size: Size | None = None, settings: dict[str, str] | None = None) -> None:
        settings = settings or {}
        environment = {
            **os.environ,
            "CUDA_VISIBLE_DEVICES": "-1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "KERAS_BACKEND": "tensorflow",
            "TF_ENABLE_ONEDNN_OPTS": settings.get("onednn", "0"),
            "TF_NUM_INTRAOP_THREADS": str(THREADS),
            "TF_NUM_INTEROP_THREADS": settings.get("interop", "1"),
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "lessons"))),
        }
        environment |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(THREADS))
        order = json.dumps({"kind": kind, "who": who, "size": vars(size) if size else None, "settings": settings})
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.models", "worker", order],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )

    def ask(self, *request: object) -> float:
        """Send a request and wait for its number, or numbers."""
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        for line in self.process.stdout:
            if line.startswith("= "):
                return json.loads(line[2:])
        self.log.seek(0)
        raise RuntimeError(f"A contender ended at {request}. It said: {self.log.read().decode()[-1500:]}")

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()


def work(order: dict[str, object]) -> None:
    """Answer requests from stdin: what a Worker's process does."""
    if order["kind"] == "lstm":
        size = Size(**order["size"])
        contender = (_TorchLSTM if order["who"] == "torch" else _KerasLSTM)(size, order["who"], order["settings"])
    else:
        contender = {"ours": _our_sgns, "gensim": _gensim_sgns}[order["who"]]
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        if order["kind"] == "sgns":
            answer = contender(name, *arguments)
        elif name == "loss":
            answer = contender.loss(*arguments)
        else:
            task, (repetitions,) = getattr(contender, name), arguments
            begin = time.perf_counter()
            task(repetitions)
            answer = (time.perf_counter() - begin) / repetitions
        print(f"= {json.dumps(answer)}", flush=True)


def start(size: Size) -> dict[str, np.ndarray]:
    """The same weights and the same text for every contender. Keras' shapes, gates in the order i, f, g, o."""
    rng = np.random.default_rng(0)
    units, symbols = size.units, size.symbols

    def drawn(*shape: int) -> np.ndarray:
        return rng.uniform(-1, 1, shape).astype(np.float32) / np.float32(np.sqrt(shape[0]))

    text = rng.integers(0, symbols, (size.batch, size.time + 1))
    return {
        "embedding": drawn(symbols, units),
        "kernel": drawn(units, 4 * units),
        "recurrent_kernel": drawn(units, 4 * units),
        "bias": np.repeat(np.float32([0, 1, 0, 0]), units),
        "scores": drawn(units, symbols),
        "ids": text[:, :-1],
        "targets": text[:, 1:],
        "x": rng.normal(size=(size.batch, size.time, units)).astype(np.float32),
        "upstream": rng.normal(size=(size.batch, size.time, units)).astype(np.float32),
    }


class _KerasLSTM:
    """Keras' layer or ours, in a model that trains as `fit` trains it."""

    def __init__(self, size: Size, who: str, settings: dict[str, str]) -> None:
        import keras
        import tensorflow as tf
        from unrolled.fast_lstm import FastLSTM

        self.tf, self.size = tf, size
        loop = settings.get("loop", "while")

        def layer(**more: object) -> keras.layers.LSTM:
            if who == "ours":
                return FastLSTM(size.units, return_sequences=True, unroll=loop == "unroll", **more)
            own = {"unroll": loop == "unroll", "use_cudnn": False}
            return keras.layers.LSTM(size.units, return_sequences=True, **own, **more)

        given = start(size)
        ids = keras.Input(batch_shape=(size.batch, size.time), dtype="int32")
        embedding, own, scores = keras.layers.Embedding(size.symbols, size.units), layer(stateful=True), keras.layers.Dense(size.symbols)  # fmt: skip
        self.model = keras.Model(ids, scores(own(embedding(ids))))
        embedding.embeddings.assign(given["embedding"])
        scores.kernel.assign(given["scores"])
        alone = layer()
        alone.build((size.batch, size.time, size.units))
        for one in (own, alone):
            for name in ("kernel", "recurrent_kernel", "bias"):
                getattr(one.cell, name).assign(given[name])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.model.compile(keras.optimizers.SGD(RATE), loss, jit_compile=loop == "jit")
        self.model.make_train_function()
        self.batches = iter(
            tf.data.Dataset.from_tensors((given["ids"].astype("int32"), given["targets"].astype("int32"))).repeat()
        )
        x, upstream = tf.constant(given["x"]), tf.constant(given["upstream"])

        @tf.function(jit_compile=loop == "jit")
        def both_ways():
            with tf.GradientTape() as tape:
                tape.watch(x)
                total = tf.reduce_sum(alone(x, training=True) * upstream)
            return tape.gradient(total, [x, *(v.value for v in alone.trainable_variables)])

        self.both_ways = both_ways
        W = tf.constant(given["recurrent_kernel"])
        self.inputs = (tf.reshape(x, (-1, size.units)), W, tf.transpose(W))  # arguments: constants would be folded
        self.only_products = tf.function(self._products, jit_compile=False)

    def step(self, repetitions: int) -> None:
        for _ in range(repetitions):
            logs = self.model.train_function(self.batches)
        float(logs["loss"])

    def loss(self, steps: int) -> float:
        """The loss of the step after so many."""
        self.step(steps)
        self.model.reset_metrics()
        return float(self.model.train_function(self.batches)["loss"])

    def layer(self, repetitions: int) -> None:
        for _ in range(repetitions):
            found = self.both_ways()
        float(found[0][0, 0, 0])

    def products(self, repetitions: int) -> None:
        for _ in range(repetitions):
            found = self.only_products(*self.inputs)
        float(found)

    def _products(self, x, W, WT):
        """The products of our layer: four of all steps together, and two at each step, one after the other."""
        tf, size = self.tf, self.size
        first = tf.matmul(x, W)
        da = tf.concat([x] * 4, 1)
        h, a, t = x[: size.batch], da[: size.batch], tf.constant(0)

        def step(t, h, a):
            h, a = tf.matmul(h, W)[:, : size.units], tf.matmul(a, WT)
            return t + 1, h, tf.concat([a] * 4, 1)

        _, h, a = tf.while_loop(lambda t, *_: t < size.time, step, (t, h, a), maximum_iterations=size.time)
        all_steps = [first, tf.matmul(da, WT), tf.matmul(x, da, transpose_a=True)]
        all_steps.append(tf.matmul(x + 1, da, transpose_a=True))
        return sum(v[0, 0] for v in (*all_steps, h, a))


class _TorchLSTM:
    """PyTorch's layer, in the same model."""

    def __init__(self, size: Size, who: str, settings: dict[str, str]) -> None:
        import torch

        torch.set_num_threads(THREADS)
        torch.set_num_interop_threads(THREADS)
        torch.backends.mkldnn.enabled = settings.get("mkldnn", "1") == "1"
        self.torch, self.size = torch, size
        given = start(size)

        def put(parameter, value: np.ndarray) -> None:
            with torch.no_grad():
                parameter.copy_(torch.from_numpy(np.ascontiguousarray(value)))

        self.embedding = torch.nn.Embedding(size.symbols, size.units, sparse=True)
        self.lstm = torch.nn.LSTM(size.units, size.units, batch_first=True)
        self.scores = torch.nn.Linear(size.units, size.symbols)
        put(self.embedding.weight, given["embedding"])
        put(self.lstm.weight_ih_l0, given["kernel"].T)
        put(self.lstm.weight_hh_l0, given["recurrent_kernel"].T)
        put(self.lstm.bias_ih_l0, given["bias"])
        put(self.lstm.bias_hh_l0, np.zeros_like(given["bias"]))
        self.lstm.bias_hh_l0.requires_grad_(False)  # one bias, as the others have
        put(self.scores.weight, given["scores"].T)
        put(self.scores.bias, np.zeros(size.symbols, np.float32))
        modules = (self.embedding, self.lstm, self.scores)
        self.optimizer = torch.optim.SGD([p for m in modules for p in m.parameters() if p.requires_grad], RATE)
        self.ids, self.targets = torch.from_numpy(given["ids"]), torch.from_numpy(given["targets"]).flatten()
        self.x, self.upstream = torch.from_numpy(given["x"]).requires_grad_(), torch.from_numpy(given["upstream"])
        self.W = torch.from_numpy(given["recurrent_kernel"])
        self.state = None

    def step(self, repetitions: int) -> float:
        for _ in range(repetitions):
            h, state = self.lstm(self.embedding(self.ids), self.state)
            loss = self.torch.nn.functional.cross_entropy(self.scores(h).flatten(0, 1), self.targets)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.state = tuple(one.detach() for one in state)
        return float(loss.detach())

    def loss(self, steps: int) -> float:
        return self.step(steps + 1)

    def layer(self, repetitions: int) -> None:
        weights = [p for p in self.lstm.parameters() if p.requires_grad]
        for _ in range(repetitions):
            total = (self.lstm(self.x)[0] * self.upstream).sum()
            found = self.torch.autograd.grad(total, [self.x, *weights])
        float(found[0][0, 0, 0])

    def products(self, repetitions: int) -> None:
        torch, size = self.torch, self.size
        with torch.no_grad():
            for _ in range(repetitions):
                x, WT = self.x.detach().reshape(-1, size.units), self.W.T.contiguous()
                da = torch.cat([x] * 4, 1)
                h, a = x[: size.batch], da[: size.batch]
                for _ in range(size.time):
                    h, a = (h @ self.W)[:, : size.units], torch.cat([a @ WT] * 4, 1)
                found = [x @ self.W, da @ WT, x.T @ da, (x + 1).T @ da, h, a]
        float(sum(v[0, 0] for v in found))


# Skip-gram


UNITS, WINDOW, NEGATIVES = 50, 3, 5
TOKENS = 200_000


def measure_sgns(quick: bool = False) -> dict[str, object]:
    """Train skip-gram with negative sampling on the relations corpus, ours and gensim's, in turn.

    Returns:
        rows: for each contender and number of passes, its median words per second and seconds, and its analogies, one
        share for each seed. vs_gensim: our words per second over gensim's at the first number of our passes at which
        we answer at least as many analogies as gensim at its most passes, on the mean over seeds; None if we never do.
        sooner_than_gensim: its seconds over ours at these two.
    """
    plans = [("ours", 10), ("gensim", 10), ("gensim-file", 10)]
    if not quick:
        plans += [("ours", 5), ("ours", 20), ("gensim", 20), ("gensim-file", 20)]
    seeds, rounds = (range(1), 1) if quick else (range(3), 3)
    found: dict[tuple[str, int], dict[str, list]] = {plan: {"seconds": [], "analogies": []} for plan in plans}
    with ExitStack() as stack:
        workers = {who: stack.enter_context(Worker("sgns", who)) for who in ("ours", "gensim")}
        for who, worker in workers.items():
            worker.ask(who, 99, 1)  # warm-up
        for one in range(rounds):
            for seed in seeds:
                for name, passes in plans:
                    words, seconds, right = workers[name.split("-")[0]].ask(name, seed, passes)
                    found[name, passes]["seconds"].append(seconds / words)
                    if not one:
                        found[name, passes]["analogies"].append(right)
    rows = [
        {
            "who": name,
            "passes": passes,
            "words_per_second": 1 / statistics.median(values["seconds"]),
            "seconds": TOKENS * passes * statistics.median(values["seconds"]),
            "analogies": values["analogies"],
        }
        for (name, passes), values in found.items()
    ]
    theirs = max((r for r in rows if r["who"] != "ours"), key=lambda r: (r["passes"], r["words_per_second"]))
    ours = [r for r in rows if r["who"] == "ours" and np.mean(r["analogies"]) >= np.mean(theirs["analogies"])]
    mine = min(ours, key=lambda r: r["passes"], default=None)
    return {
        "vs_gensim": mine["words_per_second"] / theirs["words_per_second"] if mine else None,
        "sooner_than_gensim": theirs["seconds"] / mine["seconds"] if mine else None,
        "compared": [mine, theirs],
        "rows": rows,
        "load": os.getloadavg()[0],
    }


def _our_sgns(name: str, seed: int, passes: int) -> tuple[int, float, float]:
    from unrolled import fast_sgns, word2vec

    sentences, text, questions = _relations(seed)
    noise = text.counts**0.75
    settings = fast_sgns.FastSettings(units=UNITS, window=WINDOW, negatives=NEGATIVES, passes=passes, seed=seed)
    trained = fast_sgns.train(text.tokens, noise / noise.sum(), settings)
    right = word2vec.score_analogies(questions, text.index, _by_analogy(trained.W_in))["all"]
    return passes * sum(map(len, sentences)), trained.seconds, right


def _gensim_sgns(name: str, seed: int, passes: int) -> tuple[int, float, float]:
    """gensim fed with lists, or (`gensim-file`) with a file, which its threads read by themselves."""
    from gensim.models import Word2Vec
    from unrolled import word2vec

    sentences, text, questions = _relations(seed)
    lists, words = [list(sentence) for sentence in sentences], sum(map(len, sentences))
    model = Word2Vec(
        vector_size=UNITS, window=WINDOW, negative=NEGATIVES, sg=1, min_count=1, sample=0, workers=THREADS, seed=seed + 1
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.txt"
        path.write_text("\n".join(map(" ".join, lists)) + "\n", encoding="utf-8")
        source = (
            {"corpus_file": str(path), "total_words": words} if name == "gensim-file" else {"corpus_iterable": lists}
        )
        model.build_vocab(lists)
        begin = time.perf_counter()
        model.train(**source, total_examples=len(lists), epochs=passes)
        seconds = time.perf_counter() - begin
    W = np.array([model.wv[word] if word in model.wv else np.ones(UNITS) for word in text.words])
    right = word2vec.score_analogies(questions, text.index, _by_analogy(W))["all"]
    return passes * words, seconds, right


def _relations(seed: int):
    from unrolled import corpora, word2vec

    sentences = corpora.relation_sentences(TOKENS, seed)
    return sentences, word2vec.encode(sentences, gap=1), corpora.analogies(seed)


def _by_analogy(W: np.ndarray) -> Callable[[int, int, int], int]:
    from solutions.word2vec import analogy

    return lambda a, b, c: analogy(a, b, c, W, 1)[0]


# The tables


def report(figures: dict[str, object]) -> str:
    """Write the figures as tables for people."""
    text = []
    for found in figures["lstm"].values():
        rows = list(_lstm_rows(found))
        head = (found["name"], "a step (ms)", "tokens/s", "ours / this", "layer (ms)", "ours / this", "products (ms)")
        text += [table(head, rows), _settings(found)]
    rows = [
        (
            {"ours": "`unrolled.fast_sgns`, one thread and BLAS", "gensim": f"gensim, {THREADS} workers, lists"}.get(
                row["who"], f"gensim, {THREADS} workers, `corpus_file`"
            ),
            row["passes"],
            f"{row['words_per_second']:,.0f}",
            f"{row['seconds']:.2f}",
            " / ".join(f"{100 * share:.1f}" for share in row["analogies"]),
        )
        for row in sorted(figures["sgns"]["rows"], key=lambda row: (row["who"] != "ours", row["who"], row["passes"]))
    ]
    head = ("skip-gram with negative sampling", "passes", "words/s", "seconds", "held-out analogies (%), by seed")
    text.append(table(head, rows))
    if figures["sgns"]["vs_gensim"]:
        mine, theirs = figures["sgns"]["compared"]
        text.append(
            f"At equal accuracy or better (ours after {mine['passes']} passes, gensim after {theirs['passes']}): "
            f"{figures['sgns']['vs_gensim']:.2f} times gensim's words per second, and done "
            f"{figures['sgns']['sooner_than_gensim']:.1f} times as fast. {UNITS} units, window {WINDOW}, {NEGATIVES} negatives, {TOKENS:,} words."
        )
    if figures["perplexity"]:
        from tests.bench import models_perplexity

        text.append(models_perplexity.report(figures["perplexity"]))
    return "\n\n".join(text)


def _lstm_rows(found: dict[str, object]) -> Iterator[Sequence[str]]:
    tokens = found["tokens"]
    for who, name in NAMES.items():
        seconds = {task: found["seconds"][task][who] for task in TASKS}
        versus = found["vs"].get(who)
        yield (
            name,
            f"{1e3 * seconds['step']:.1f}",
            f"{tokens / seconds['step']:,.0f}",
            f"{versus['step']:.2f}" if versus else "1",
            f"{1e3 * seconds['layer']:.1f}",
            f"{versus['layer']:.2f}" if versus else "1",
            f"{1e3 * seconds['products']:.1f}",
        )


def _settings(found: dict[str, object]) -> str:
    said = "; ".join(f"{NAMES[who]} {_said(chosen)}" for who, chosen in found["settings"].items())
    return f"Settings: {said}. Load of the machine at the end: {found['load']:.1f}."


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        work(json.loads(sys.argv[2]))
    else:
        figures = run("--quick" in sys.argv)
        print(report(figures))
