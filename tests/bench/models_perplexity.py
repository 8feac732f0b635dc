"""Perplexities on a million tokens of the story corpus: n-grams, and three recurrent networks of equal size.

The corpus is generated, so that the least perplexity that any model can reach is known. Each result is kept below
build/bench/models when it is there, and a network's training goes on from its last checkpoint: the run can be stopped.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import textwrap
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from tests.bench.tables import ROOT, table

FOLDER = ROOT / "build" / "bench" / "models"
CELLS = ("elman", "gru", "lstm")
SEEDS = {"train": 1, "valid": 2, "test": 3}


@dataclass(frozen=True)
class Size:
    """How much is trained and tried."""

    train: int = 1_000_000
    valid: int = 50_000
    test: int = 200_000
    parameters: int = 350_000
    embedding: int = 96
    dropout: float = 0.0
    epochs: int = 8
    flat: int = 5
    decay: float = 0.5
    batch: int = 20
    time: int = 35
    clip: float = 1.0
    reset: float = 0.05
    rates: tuple[float, ...] = (0.002, 0.004, 0.008)
    tuning: int = 200_000  # tokens that each rate is tried on, once through


FULL = Size()
QUICK = Size(
    train=20_000,
    valid=3_000,
    test=5_000,
    parameters=60_000,
    embedding=16,
    epochs=2,
    flat=1,
    rates=(0.004, 0.01),
    tuning=5_000,
)


def run(quick: bool = False) -> dict[str, object]:
    """Measure every model, or take what an earlier run has kept.

    Args:
        quick: a small corpus and small networks, to see that everything works.

    Returns:
        source: the least perplexity, of the grammar and on these test tokens. models: for each model its name,
        parameters, perplexity on the test text, excess over the source in nats per token, seconds, words per second
        of training; for networks also the rate, the rates tried, and the curve. size: what was trained and tried.
    """
    from unrolled.corpora.story import story_corpus, story_entropy

    size = QUICK if quick else FULL
    texts = {name: story_corpus(getattr(size, name), seed) for name, seed in SEEDS.items()}
    vocabulary = len(texts["train"].vocabulary)
    ids = {name: text.ids for name, text in texts.items()}
    ideal = texts["test"].nats_per_token
    state, models = _state(size), []
    for order in (1, 3, 5):
        models.append(_kept(f"kn{order}-{state}", lambda order=order: _ngram(order, ids, vocabulary)))
    # The one that takes longest to learn first.
    networks = {
        cell: _kept(f"{cell}-{state}", lambda cell=cell: _network(cell, ids, vocabulary, size, state))
        for cell in reversed(CELLS)
    }
    models += [networks[cell] for cell in CELLS]
    for model in models:
        model["excess"] = float(np.log(model["perplexity"])) - ideal
    return {
        "source": {
            "entropy": story_entropy(),
            "perplexity": float(np.exp(story_entropy())),
            "test": float(np.exp(ideal)),
        },
        "vocabulary": vocabulary,
        "models": models,
        "size": asdict(size),
    }


def report(figures: dict[str, object]) -> str:
    """Write the figures as a Markdown table."""
    source, size = figures["source"], figures["size"]
    rows = [
        (
            model["name"],
            f"{model['parameters']:,}" if model["parameters"] else "",
            f"{model['perplexity']:.2f}",
            f"{model['excess']:.3f}",
            f"{model['seconds']:,.1f}" if model["seconds"] < 10 else f"{model['seconds']:,.0f}",
            f"{model['tokens_per_second']:,.0f}",
        )
        for model in figures["models"]
    ]
    rows.append(("the grammar itself", "", f"{source['test']:.2f}", "0.000", "", ""))
    head = ("model", "parameters", "test perplexity", "nats per token above the grammar", "seconds", "words/s learned")
    best = min(figures["models"], key=lambda model: model["perplexity"])
    grams = min(m["perplexity"] for m in figures["models"] if not m["parameters"])
    closed = 1 - best["excess"] / (np.log(grams) - np.log(source["test"]))
    return (
        f"{table(head, rows)}\n\n"
        f"{size['train']:,} tokens to learn from, {size['valid']:,} to choose by, {size['test']:,} to test on, "
        f"{figures['vocabulary']:,} words. The grammar's own perplexity is {source['perplexity']:.4f} in expectation, and "
        f"{source['test']:.4f} on these test tokens. The best model closes {closed:.0%} of the gap, in nats, that the best "
        f"n-gram model leaves. Networks: tied embeddings, {size['epochs']} epochs; the learning rate is the best of "
        f"{len(size['rates'])} on the validation text, each tried once through {size['tuning']:,} tokens; the trials are "
        "not in the seconds."
    )


def _kept(name: str, measure: Callable[[], dict[str, object]]) -> dict[str, object]:
    """What an earlier run kept, where it was of the same size and code; otherwise measure, and keep."""
    file = FOLDER / f"{name}.json"
    if not file.exists():
        found = measure()
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_text(json.dumps(found), encoding="utf-8")
        part.replace(file)
    return json.loads(file.read_text(encoding="utf-8"))


def _state(size: Size) -> str:
    """A short name for all that a result depends on: the size, the corpus, and the code without its docstrings."""
    from unrolled import language, ngram
    from unrolled.corpora.story import story_corpus

    digest = hashlib.sha256(json.dumps(asdict(size)).encode())
    digest.update(story_corpus(10_000, SEEDS["train"]).ids.tobytes())
    parts = (language.Streams, language.MaskedCrossEntropy, language.build_model, language.Plan, language.Training)
    for part in (*parts, language._Follow, ngram.KneserNey, ngram._Level):
        tree = ast.parse(textwrap.dedent(inspect.getsource(part)))
        for node in ast.walk(tree):
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
                node.body = node.body[1:]
        digest.update(ast.dump(tree).encode())
    return digest.hexdigest()[:12]


def _ngram(order: int, ids: dict[str, np.ndarray], vocabulary: int) -> dict[str, object]:
    from unrolled.ngram import KneserNey

    start = time.perf_counter()
    model = KneserNey(order).fit(ids["train"], vocabulary)
    seconds = time.perf_counter() - start
    return {
        "name": "unigram" if order == 1 else f"Kneser-Ney, order {order}",
        "parameters": None,
        "perplexity": model.perplexity(ids["test"]),
        "seconds": seconds,
        "tokens_per_second": len(ids["train"]) / seconds,
    }


def _network(cell: str, ids: dict[str, np.ndarray], vocabulary: int, size: Size, state: str) -> dict[str, object]:
    from unrolled import language
    from unrolled.corpora.story import STORY_END, story_vocabulary

    units = language.units_for(cell, size.parameters, vocabulary, size.embedding, tied=True)

    def build():
        return language.build_model(
            cell, vocabulary, units, size.embedding, batch=size.batch, dropout=size.dropout, tied=True
        )

    def plan(rate: float, epochs: int) -> language.Plan:
        return language.Plan(epochs, size.batch, size.time, rate, size.decay, size.flat, size.clip, size.reset)

    begin, tried = story_vocabulary().index(STORY_END), {}
    for rate in size.rates:
        trial = language.Training(
            build(),
            ids["train"][: size.tuning],
            plan(rate, 1),
            valid=ids["valid"],
            begin=begin,
            folder=FOLDER / f"{cell}-{rate}-{state}",
        )
        tried[rate] = trial.run()[-1]["valid"]
        print(f"{cell}, rate {rate}: {tried[rate]:.2f}", flush=True)
    rate = min(tried, key=tried.get)
    model = build()
    training = language.Training(
        model, ids["train"], plan(rate, size.epochs), valid=ids["valid"], begin=begin, folder=FOLDER / f"{cell}-{state}"
    )
    curve = training.run()
    seconds = sum(row["seconds"] for row in curve)
    one = language.with_batch(model, 1)  # the test text is read from beginning to end
    return {
        "name": {"elman": "Elman", "gru": "GRU", "lstm": "LSTM"}[cell],
        "parameters": model.count_params(),
        "units": units,
        "rate": rate,
        "tried": {str(k): v for k, v in tried.items()},
        "perplexity": language.evaluate(one, ids["test"], time=100),
        "seconds": seconds,
        "tokens_per_second": sum(row["tokens"] for row in curve) / seconds,
        "curve": curve,
    }


if __name__ == "__main__":
    import sys

    print(report(run("--quick" in sys.argv)))
