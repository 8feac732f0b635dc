"""Training a recurrent language model on one long text: streams, carried state, loss, perplexity, checkpoints, samples.

A model is any Keras model that maps ids (batch, time) to scores (batch, time, vocabulary) and carries its state from
one batch to the next, in stateful recurrent layers. `python -m unrolled.language` trains one on a file.

Sources: Zaremba, Sutskever and Vinyals 2014, "Recurrent neural network regularization", for contiguous streams, the
carried state and a learning rate that falls epoch by epoch; Pascanu, Mikolov and Bengio 2013, "On the difficulty of
training recurrent neural networks", for the limit on the global norm of the gradient.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # TensorFlow talks on stderr while it is imported, whatever the level: not in a command
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    _stderr, _nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(_nowhere, 2)
    try:
        import keras
    finally:
        os.dup2(_stderr, 2)

import keras
import numpy as np
from keras import ops

CELLS = {"elman": keras.layers.SimpleRNN, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}
PACKAGE = "unrolled"
CHECKPOINT, BEST_MODEL, SETTINGS = "checkpoint.npz", "model.keras", "settings.json"
CONTINUED = ("batch", "time", "rate", "decay", "flat", "clip", "reset")  # what may not change when a training goes on


# The text as blocks


class Streams(keras.utils.PyDataset):
    """A long text as blocks of parallel streams: what `fit` takes, in order.

    The text is cut into `batch` pieces that run side by side. Block k holds the next `time` steps of every piece, so
    that each row goes on where the same row of the block before stopped. The target of a token is the token after it.
    Every token but the first is a target exactly once. What is needed to fill the last blocks has weight 0.

    A stream that begins in the middle of a sentence can lead a model astray for long: it never read the beginning. With
    `begin`, each piece starts at the last such word before its place, so that the pieces differ in length.

    Args:
        ids: the text. Integers, shape (tokens,).
        batch: how many streams.
        time: how many steps a block has.
        first: the block to begin with.
        begin: the id of a word after which something new begins, such as <eos>. Default: pieces of equal length.

    Attributes:
        targets: how many tokens are predicted in all, `len(ids) - 1`.
        blocks: how many blocks the whole text has.

    Raises:
        ValueError: if a number is out of range, or if the text has fewer tokens than streams need.
    """

    def __init__(self, ids: np.ndarray, batch: int, time: int, first: int = 0, begin: int | None = None) -> None:
        super().__init__()
        self.ids = np.asarray(ids)
        if self.ids.ndim != 1 or not np.issubdtype(self.ids.dtype, np.integer):
            raise ValueError(
                "`ids` must be one row of integers. "
                f"Received: shape {self.ids.shape}, {self.ids.dtype}. Example: Streams(np.arange(100), 4, 5)."
            )
        for name, value in (("batch", batch), ("time", time)):
            if value < 1:
                raise ValueError(f"`{name}` must be at least 1. Received: {name}={value}. Example: {name}=20.")
        self.batch, self.time, self.first, self.begin = batch, time, first, begin
        self.targets = len(self.ids) - 1
        if self.targets < batch:
            raise ValueError(
                f"The text must have more tokens than there are streams. Received: {len(self.ids)} tokens, "
                f"batch={batch}. Use a longer text or a smaller batch."
            )
        starts = np.minimum(np.arange(batch) * -(-self.targets // batch), self.targets)
        if begin is not None:
            marks = np.r_[0, np.flatnonzero(self.ids[:-1] == begin)]
            starts = marks[np.searchsorted(marks, starts, side="right") - 1]
        self._starts, self._lengths = starts, np.diff(starts, append=self.targets)
        self.blocks = int(-(-self._lengths.max() // time))
        if not 0 <= first <= self.blocks:
            raise ValueError(f"`first` must lie from 0 to {self.blocks}. Received: first={first}. Example: first=0.")

    def from_block(self, first: int) -> Streams:
        """Make the same streams, beginning with a later block."""
        return Streams(self.ids, self.batch, self.time, first, self.begin)

    def places(self, block: int) -> tuple[np.ndarray, np.ndarray]:
        """Tell where in the text a block's inputs stand.

        Args:
            block: its number, counted from the beginning of the text.

        Returns:
            (places, real): the index of every input, and whether it is one and not a filling. Shape (batch, time).
        """
        step = np.arange(block * self.time, (block + 1) * self.time)
        return self._starts[:, None] + step, step < self._lengths[:, None]  # (batch, time)

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Give all blocks at once, one below the other.

        `fit` reads them in order with batch_size=batch and shuffle=False. Around a small model that takes a third less
        time than to be given a block at a time.

        Returns:
            (inputs, targets, weights), each of shape (len(self) * batch, time).
        """
        inputs, targets, weights = (
            np.concatenate(parts) for parts in zip(*(self[k] for k in range(len(self))), strict=True)
        )
        return inputs, targets, weights

    def __len__(self) -> int:
        return self.blocks - self.first

    def __getitem__(self, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Give a block: (inputs, targets, weights), each of shape (batch, time)."""
        if not 0 <= k < len(self):
            raise IndexError(k)
        places, real = self.places(self.first + k)
        places = np.where(real, places, 0)
        return self.ids[places], self.ids[places + 1], real.astype("float32")


# Loss and perplexity


def surprise(targets: Any, scores: Any) -> Any:
    """Compute -log softmax(scores)[target], in nats. (batch, time), (batch, time, vocabulary) → (batch, time)."""
    return ops.sparse_categorical_crossentropy(ops.cast(targets, "int32"), scores, from_logits=True)


@keras.saving.register_keras_serializable(package=PACKAGE)
class MaskedCrossEntropy(keras.losses.Loss):
    """The mean surprise over the tokens that count, in nats: each token by its weight, a weight of 0 for a filling."""

    def __init__(self, name: str = "masked_cross_entropy", **settings: Any) -> None:
        super().__init__(name=name, **settings)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Compute the loss. Targets (batch, time), scores (batch, time, vocabulary), weights (batch, time)."""
        nats = surprise(y_true, y_pred)  # (batch, time)
        if sample_weight is None:
            return ops.mean(nats)
        weights = ops.cast(sample_weight, nats.dtype)
        return ops.divide_no_nan(ops.sum(nats * weights), ops.sum(weights))


@keras.saving.register_keras_serializable(package=PACKAGE)
class Perplexity(keras.metrics.Metric):
    """exp of the mean surprise over all tokens so far, however they are spread over the batches."""

    def __init__(self, name: str = "perplexity", **settings: Any) -> None:
        super().__init__(name=name, **settings)
        self.nats = self.add_variable((), initializer="zeros", name="nats")
        self.tokens = self.add_variable((), initializer="zeros", name="tokens")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch. Targets (batch, time), scores (batch, time, vocabulary), weights (batch, time)."""
        nats = surprise(y_true, y_pred)
        weights = ops.ones_like(nats) if sample_weight is None else ops.cast(sample_weight, nats.dtype)
        self.nats.assign_add(ops.sum(nats * weights))
        self.tokens.assign_add(ops.sum(weights))

    def result(self) -> Any:
        return ops.exp(ops.divide_no_nan(self.nats, self.tokens))


# Models and their carried state


def build_model(
    cell: str,
    vocabulary: int,
    units: int,
    embedding: int,
    *,
    batch: int = 32,
    dropout: float = 0.0,
    tied: bool = False,
    seed: int = 0,
) -> keras.Model:
    """Build Embedding, one recurrent layer that carries its state, and Dense.

    Args:
        cell: "elman", "gru" or "lstm".
        vocabulary: how many words.
        units: of the recurrent layer.
        embedding: numbers that stand for a word.
        batch: how many streams run side by side.
        dropout: the share that is dropped before and after the recurrent layer while training.
        tied: whether a word's score is the product of its own embedding with a vector that the network makes, instead
            of a product with weights of its own.
        seed: of the first weights and of what is dropped.

    Returns:
        A model, ids (batch, time) → scores (batch, time, vocabulary).

    Raises:
        ValueError: if there is no such cell.

    Source: Press and Wolf 2017, "Using the output embedding to improve language models", for tied weights.
    """
    if cell not in CELLS:
        raise ValueError(f'`cell` must be one of {", ".join(CELLS)}. Received: cell={cell!r}. Example: cell="lstm".')
    keras.utils.set_random_seed(seed)
    ids = keras.Input(batch_shape=(batch, None), dtype="int32", name="ids")
    table = (keras.layers.ReversibleEmbedding if tied else keras.layers.Embedding)(
        vocabulary, embedding, name="embedding"
    )
    x = table(ids)
    x = keras.layers.Dropout(dropout, seed=seed)(x) if dropout else x
    x = CELLS[cell](units, return_sequences=True, stateful=True, name=cell)(x)
    x = keras.layers.Dropout(dropout, seed=seed + 1)(x) if dropout else x
    if tied:
        scores = table(keras.layers.Dense(embedding, name="wanted")(x), reverse=True)
    else:
        scores = keras.layers.Dense(vocabulary, name="scores")(x)
    return keras.Model(ids, scores, name=cell)


def parameter_count(cell: str, vocabulary: int, units: int, embedding: int, tied: bool = False) -> int:
    """Count the learned numbers of the model that `build_model` builds, without building it."""
    recurrent = {"elman": 1, "gru": 3, "lstm": 4}[cell] * units * (embedding + units + 1)
    recurrent += 3 * units if cell == "gru" else 0  # Keras' second bias
    return vocabulary * embedding + recurrent + (units + 1) * (embedding if tied else vocabulary)


def units_for(cell: str, parameters: int, vocabulary: int, embedding: int, tied: bool = False) -> int:
    """Choose the number of units that comes closest to a number of parameters."""
    units = 1
    while parameter_count(cell, vocabulary, units + 1, embedding, tied) <= parameters:
        units += 1
    return min(
        (units, units + 1), key=lambda u: abs(parameter_count(cell, vocabulary, u, embedding, tied) - parameters)
    )


def carrying_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """List the recurrent layers of a model, at any depth, that carry a state from batch to batch."""
    layers = model._flatten_layers(include_self=False)
    return [layer for layer in layers if getattr(layer, "stateful", False) and hasattr(layer, "states")]


def carried_state(model: keras.Model) -> list[np.ndarray]:
    """Copy the states that a model carries at the moment, layer by layer. Shape (batch, units) each."""
    states = [getattr(layer, "states", None) or [] for layer in carrying_layers(model)]
    return [ops.convert_to_numpy(state).copy() for each in states for state in keras.tree.flatten(each)]


def set_carried_state(model: keras.Model, values: Sequence[np.ndarray]) -> None:
    """Give a model states to carry, in the order of `carried_state`."""
    states = [getattr(layer, "states", None) or [] for layer in carrying_layers(model)]
    for variable, value in zip([s for each in states for s in keras.tree.flatten(each)], values, strict=True):
        variable.assign(value)


def forget(model: keras.Model, streams: np.ndarray | None = None) -> None:
    """Set carried states to zero: the text before is forgotten.

    Args:
        model: one that carries states.
        streams: True for those that forget. Shape (batch,). Default: all.
    """
    if streams is None:
        for layer in carrying_layers(model):
            layer.reset_state()
    elif np.any(streams):
        set_carried_state(model, [np.where(streams[:, None], 0, state) for state in carried_state(model)])


@contextmanager
def undisturbed(model: keras.Model) -> Iterator[None]:
    """Begin with nothing carried, and put back afterwards what was carried before."""
    before = carried_state(model)
    forget(model)
    try:
        yield
    finally:
        if before:
            set_carried_state(model, before)
        else:
            forget(model)


def batch_of(model: keras.Model, default: int = 1) -> int:
    """Tell how many streams a model carries side by side: `default` where it carries none yet."""
    states = carried_state(model)
    return len(states[0]) if states else default


def with_batch(model: keras.Model, batch: int) -> keras.Model:
    """Copy a functional model, with its weights, for another number of streams.

    Raises:
        ValueError: if the model is not a functional one (build it anew for another batch).
    """
    if not isinstance(model, keras.src.models.functional.Functional):
        raise ValueError(
            "`with_batch` can copy functional models only, such as build_model makes. "
            f"Received: {type(model).__name__}. Build it again with the other batch, and call set_weights."
        )
    settings = model.get_config()
    for layer in settings["layers"]:
        layer.pop("build_config", None)  # it holds the old batch
        if layer["class_name"] == "InputLayer":
            layer["config"]["batch_shape"] = (batch, *layer["config"]["batch_shape"][1:])
    copy = type(model).from_config(settings)
    for mine, given in zip(copy.weights, model.weights, strict=True):
        if tuple(mine.shape) == tuple(given.shape):  # all but the carried states
            mine.assign(given)
    return copy


# Looking at a model


def token_surprises(
    model: keras.Model, ids: np.ndarray, time: int = 35, batch: int | None = None, begin: int | None = None
) -> np.ndarray:
    """Compute how much every token of a text surprises a model, given all tokens of its stream before it.

    Args:
        model: ids (batch, time) → scores (batch, time, vocabulary).
        ids: the text. Integers, shape (tokens,).
        time: steps to compute at once; this does not change the result.
        batch: streams that the text is cut into; each begins with nothing carried. Default: what the model carries.
        begin: the id of a word at which streams may begin, as for `Streams`. Default: anywhere.

    Returns:
        -log p in nats of every token but the first. Shape (tokens - 1,), float64.
    """
    streams = Streams(ids, batch or batch_of(model), time, begin=begin)
    nats = np.zeros(streams.targets)
    with undisturbed(model):
        for k in range(streams.blocks):
            inputs, targets, weights = streams[k]
            scores = np.asarray(model.predict_on_batch(inputs), dtype=np.float32)  # (batch, time, vocabulary)
            scores -= scores.max(axis=-1, keepdims=True)
            found = np.log(np.exp(scores).sum(axis=-1)) - np.take_along_axis(scores, targets[..., None], -1)[..., 0]
            places, real = streams.places(k)
            nats[places[real]] = found[weights > 0]
    return nats


def evaluate(
    model: keras.Model, ids: np.ndarray, time: int = 35, batch: int | None = None, begin: int | None = None
) -> float:
    """Compute the perplexity of a text: exp of the mean surprise of its tokens. Arguments as of `token_surprises`."""
    return float(np.exp(token_surprises(model, ids, time, batch, begin).mean()))


def generate(
    model: keras.Model,
    prompt: Sequence[int],
    tokens: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Let a model go on from a beginning, one text in each of its streams.

    Args:
        model: one that carries its state.
        prompt: the ids of the beginning, at least one.
        tokens: how many to add.
        temperature: scores are divided by it. Small: the likeliest words; 1: as the model says.
        top_k: draw from so many of the likeliest words only. Default: from all.
        seed: of the draws.

    Returns:
        The texts without the prompt. Integers, shape (batch, tokens).

    Raises:
        ValueError: if the prompt is empty, the temperature is not above 0, or the model carries no state.
    """
    if len(prompt) == 0:
        raise ValueError("`prompt` must hold at least one id. Received: none. Example: the id of <eos>.")
    if not temperature > 0:
        raise ValueError(f"`temperature` must be above 0. Received: {temperature}. Example: temperature=0.8.")
    if top_k is not None and top_k < 1:
        raise ValueError(f"`top_k` must be at least 1, or None for all words. Received: top_k={top_k}.")
    if not carrying_layers(model):
        raise ValueError(
            "The model must carry its state, or it would see one word at a time. Received: no layer with "
            "stateful=True. Example: keras.layers.LSTM(64, return_sequences=True, stateful=True)."
        )
    rng, batch = np.random.default_rng(seed), batch_of(model)
    texts = np.zeros((batch, tokens), dtype=np.int64)
    with undisturbed(model):
        for word in prompt[:-1]:
            model.predict_on_batch(np.full((batch, 1), word))
        last = np.full((batch, 1), prompt[-1])
        for k in range(tokens):
            scores = np.asarray(model.predict_on_batch(last), dtype=np.float64)[:, -1] / temperature
            if top_k is not None and top_k < scores.shape[1]:
                limit = np.partition(scores, -top_k, axis=1)[:, -top_k, None]
                scores[scores < limit] = -np.inf
            noise = rng.gumbel(size=scores.shape)  # the largest of score + noise is a draw from the softmax
            texts[:, k] = (scores + noise).argmax(axis=1)
            last = texts[:, k : k + 1]
    return texts


# Training


@dataclass(frozen=True)
class Plan:
    """How a training goes.

    Attributes:
        epochs: how often the text is gone through.
        batch: streams side by side.
        time: steps through which the gradient goes back.
        rate: Adam's learning rate.
        decay: the factor of the rate from one epoch to the next, after `flat` epochs at the full rate.
        flat: epochs at the full rate.
        clip: the limit of the global norm of the gradient. (On TensorFlow, Keras takes the norm before it has added up
            the uses of a word that stands in a block several times: the embedding's part of it is approximate.)
        reset: the probability that a stream forgets at the beginning of a block. With 0, states are carried through
            the whole epoch. A model that is never reset may come to need what its state only has after a long text,
            and go astray when it begins a new one; a twentieth prevents that.
    """

    epochs: int = 8
    batch: int = 32
    time: int = 35
    rate: float = 0.002
    decay: float = 0.5
    flat: int = 4
    clip: float = 1.0
    reset: float = 0.0

    def rate_of(self, epoch: int) -> float:
        """Compute the learning rate of an epoch, the first being 0."""
        return self.rate * self.decay ** max(0, epoch + 1 - self.flat)


class Training:
    """Truncated backpropagation through time over one long text, which can stop at any block and go on later.

    Each epoch begins with nothing carried and goes through the blocks in order, by `fit`. With a folder, the weights,
    the optimizer's numbers, the carried states, the seeds and the place in the text are kept there every
    `save_seconds`, in one file that is replaced as a whole; a training that was killed, even by SIGKILL, goes on from
    the last one and comes to the same losses.

    Args:
        model: ids (batch, time) → scores (batch, time, vocabulary). It is compiled here.
        ids: the text to learn. Integers, shape (tokens,).
        plan: how.
        valid: a text to look at after each epoch. The weights that do best on it are the model's after a run.
        begin: the id of a word at which streams may begin, as for `Streams`. Default: anywhere.
        folder: where to keep checkpoints and the best model. Default: nowhere.
        save_seconds: between two checkpoints.
        progress: whether to print how far it is.

    Attributes:
        curve: for each epoch done a dict of `epoch`, `rate`, `train` and `valid` (perplexities), `tokens`, `seconds`.
        losses: the loss of every block so far, in nats per token.

    Raises:
        ValueError: if the model carries another number of streams than the plan has, or if the folder holds a
            training of another text, model or plan.
    """

    def __init__(
        self,
        model: keras.Model,
        ids: np.ndarray,
        plan: Plan | None = None,
        *,
        valid: np.ndarray | None = None,
        begin: int | None = None,
        folder: str | Path | None = None,
        save_seconds: float = 30.0,
        progress: bool = True,
    ) -> None:
        self.model, self.plan, self.valid = model, plan or Plan(), valid
        self.streams = Streams(ids, self.plan.batch, self.plan.time, begin=begin)
        if valid is not None:
            Streams(valid, self.plan.batch, self.plan.time)  # a text that is too short is refused now
        self.folder = Path(folder) if folder is not None else None
        self.save_seconds, self.progress = save_seconds, progress
        self.curve: list[dict[str, float]] = []
        self.losses: list[float] = []
        self.epoch = self.block = 0
        self._sums = {"nats": 0.0, "tokens": 0.0, "seconds": 0.0}  # of the epoch
        self._best: list[np.ndarray] = []
        self._last: list[np.ndarray] = []
        self._prepare()
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            if self._file.exists():
                self._load()

    def _prepare(self) -> None:
        optimizer = keras.optimizers.Adam(self.plan.rate, global_clipnorm=self.plan.clip)
        self._perplexity = Perplexity()
        self.model.compile(optimizer, loss=MaskedCrossEntropy(), weighted_metrics=[self._perplexity])
        self.model.predict_on_batch(self.streams[0][0])  # builds what is not built yet
        forget(self.model)
        optimizer.build(self.model.trainable_variables)
        carried = batch_of(self.model, default=self.plan.batch)
        if carried != self.plan.batch:
            raise ValueError(
                "The model must carry as many streams as the plan has. "
                f"Received: a model for {carried}, plan.batch={self.plan.batch}. Build it with batch={self.plan.batch}."
            )

    def run(self, epochs: int | None = None) -> list[dict[str, float]]:
        """Train until so many epochs are done, those of earlier runs included.

        Args:
            epochs: Default: the plan's.

        Returns:
            The curve.

        Raises:
            KeyboardInterrupt: on Ctrl-C, after the block is finished and, with a folder, the checkpoint is kept.
        """
        epochs = self.plan.epochs if epochs is None else epochs
        if self._last:  # the model holds the best weights since the last run: go on from where that ended
            _assign(self.model.variables, self._last)
        with _asked_to_stop() as asked:
            while self.epoch < epochs:
                self._epoch(asked)
        self._last = _copies(self.model.variables)
        if self._best:
            _assign(self.model.variables, self._best)
        forget(self.model)
        return self.curve

    def _epoch(self, asked: Callable[[], bool]) -> None:
        if self.block == 0:
            forget(self.model)
        rate = self.plan.rate_of(self.epoch)
        self.model.optimizer.learning_rate.assign(rate)
        if self.block < self.streams.blocks:
            follow = _Follow(self, asked)
            inputs, targets, weights = self.streams.from_block(self.block).arrays()
            self.model.fit(
                inputs, targets, sample_weight=weights, batch_size=self.plan.batch,
                epochs=1, shuffle=False, verbose=0, callbacks=[follow],
            )  # fmt: skip
            if follow.stopped:
                self.save()
                raise KeyboardInterrupt
        sums = self._sums
        row = {"epoch": self.epoch + 1, "rate": rate, "train": float(np.exp(sums["nats"] / sums["tokens"]))}
        if self.valid is not None:
            row["valid"] = evaluate(self.model, self.valid, self.plan.time, self.plan.batch, self.streams.begin)
            if row["valid"] <= min((earlier["valid"] for earlier in self.curve), default=np.inf):
                self._keep_best()
        row |= {"tokens": int(sums["tokens"]), "seconds": sums["seconds"]}
        self.curve.append(row)
        self.epoch, self.block = self.epoch + 1, 0
        self._sums = dict.fromkeys(sums, 0.0)
        if self.valid is None:
            self._keep_best()
        self.save()
        if self.progress:
            seen = f", valid {row['valid']:.2f}" if "valid" in row else ""
            speed = row["tokens"] / max(row["seconds"], 1e-9)
            self._say(f"epoch {row['epoch']}: perplexity {row['train']:.2f}{seen}, {speed:,.0f} words/s\n")

    def _keep_best(self) -> None:
        self._best = _copies(self.model.variables)
        if self.folder is not None:
            part = self.folder / f"part-{BEST_MODEL}"
            self.model.save(part)
            part.replace(self.folder / BEST_MODEL)

    def _after_block(self, nats: float, tokens: float, seconds: float) -> None:
        self.block += 1
        self.losses.append(nats / tokens)
        for name, value in (("nats", nats), ("tokens", tokens), ("seconds", seconds)):
            self._sums[name] += value

    def _bar(self) -> None:
        done = self.block / self.streams.blocks
        mean = np.exp(self._sums["nats"] / self._sums["tokens"])
        speed = self._sums["tokens"] / max(self._sums["seconds"], 1e-9)
        left = self._sums["seconds"] * (1 / done - 1)
        bar = "#" * round(20 * done) + "." * (20 - round(20 * done))
        self._say(
            f"epoch {self.epoch + 1} [{bar}] {done:4.0%}  perplexity {mean:8.2f}  {speed:8,.0f} words/s  "
            f"{left:4.0f} s left"
        )

    def _say(self, text: str) -> None:
        sys.stdout.write(f"\r\x1b[K{text}" if sys.stdout.isatty() else text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()

    # Checkpoints

    @property
    def _file(self) -> Path:
        return self.folder / CHECKPOINT

    def _identity(self) -> dict[str, Any]:
        ids = np.ascontiguousarray(self.streams.ids, dtype=np.int64)
        return {
            "text": hashlib.sha256(ids.tobytes()).hexdigest(),
            "begin": self.streams.begin,
            "weights": [list(v.shape) for v in self.model.variables],
            **{name: asdict(self.plan)[name] for name in CONTINUED},
        }

    def save(self) -> None:
        """Keep everything that is needed to go on, if there is a folder."""
        if self.folder is None:
            return
        notes = {
            "identity": self._identity(),
            "epoch": self.epoch,
            "block": self.block,
            "sums": self._sums,
            "curve": self.curve,
        }
        arrays = {"notes": np.array(json.dumps(notes)), "losses": np.array(self.losses)}
        for name, values in (
            ("weight", self.model.variables),
            ("optimizer", self.model.optimizer.variables),
            ("state", carried_state(self.model)),
            ("best", self._best),
        ):
            arrays |= {f"{name}/{k}": ops.convert_to_numpy(value) for k, value in enumerate(values)}
        part = self._file.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._file)  # the old one or the new one, never half of one

    def _load(self) -> None:
        with np.load(self._file) as kept:
            notes = json.loads(str(kept["notes"]))
            mine = self._identity()
            other = [name for name, value in notes["identity"].items() if mine[name] != value]
            if other:
                raise ValueError(
                    f"The training in {self.folder} can only go on with the same text, model and plan. "
                    f"Received: another {', '.join(other)}. Choose another folder, or delete this one."
                )

            def group(name: str) -> list[np.ndarray]:
                return [kept[f"{name}/{k}"] for k in range(sum(key.startswith(f"{name}/") for key in kept.files))]

            _assign(self.model.variables, group("weight"))
            _assign(self.model.optimizer.variables, group("optimizer"))
            set_carried_state(self.model, group("state"))
            self._best = group("best")
            self.losses = kept["losses"].tolist()
        self.epoch, self.block, self._sums, self.curve = (notes[k] for k in ("epoch", "block", "sums", "curve"))


def _copies(variables: Sequence[Any]) -> list[np.ndarray]:
    return [ops.convert_to_numpy(variable).copy() for variable in variables]


def _assign(variables: Sequence[Any], values: Sequence[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


class _Follow(keras.callbacks.Callback):
    """Writes down the loss of each block, shows how far it is, keeps checkpoints, and stops when asked to."""

    def __init__(self, training: Training, asked: Callable[[], bool]) -> None:
        super().__init__()
        self.training, self.asked, self.stopped = training, asked, False
        self.shown = self.saved = time.perf_counter()

    def on_train_begin(self, logs: Any = None) -> None:
        self.before = time.perf_counter()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        training = self.training
        if training.plan.reset and training.block:
            rng = np.random.default_rng((training.epoch, training.block))  # the same when a training goes on
            forget(self.model, rng.random(training.plan.batch) < training.plan.reset)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        metric = self.training._perplexity
        nats, tokens = float(metric.nats), float(metric.tokens)
        metric.reset_state()  # so that the sums over the epoch are the training's, in float64
        now = time.perf_counter()
        self.training._after_block(nats, tokens, now - self.before)
        if self.training.progress and now - self.shown > (0.3 if sys.stdout.isatty() else 10.0):
            self.shown = now
            self.training._bar()
        if now - self.saved >= self.training.save_seconds and self.training.folder is not None:
            self.training.save()
            self.saved = time.perf_counter()
        if self.asked() and self.training.block < self.training.streams.blocks:
            self.stopped = self.model.stop_training = True
        self.before = time.perf_counter()


@contextmanager
def _asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C into a wish that is asked for between two blocks; the second one breaks off at once."""
    wished: list[bool] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return

    def wish(number: int, frame: Any) -> None:
        if wished:
            raise KeyboardInterrupt
        wished.append(True)

    before = signal.signal(signal.SIGINT, wish)
    try:
        yield lambda: bool(wished)
    finally:
        signal.signal(signal.SIGINT, before)


# The command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `train` or `sample`; the exit status: 0 done, 1 something is wrong with the input, 130 stopped by Ctrl-C."""
    options = _parser().parse_args(arguments)
    try:
        return {"train": _train, "sample": _sample}[options.command](options)
    except (ValueError, OSError) as error:
        print(f"unrolled.language: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m unrolled.language", description="Train and sample language models."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train a model, or go on with one", formatter_class=_Help)
    train.add_argument(
        "text",
        nargs="+",
        metavar="TEXT",
        help="a UTF-8 text file; or: ptb FOLDER (without a folder, download it once); or: text8 FILE; or: story",
    )
    train.add_argument(
        "--folder", type=Path, default=Path("language-model"), help="where the model and its checkpoint are"
    )
    train.add_argument("--level", choices=("word", "character"), default="word")
    train.add_argument("--min-count", type=int, default=2, help="what occurs less often is <unk>")
    train.add_argument("--cell", choices=tuple(CELLS), default="lstm")
    train.add_argument("--units", type=int, default=128)
    train.add_argument("--embedding", type=int, default=64)
    train.add_argument("--dropout", type=float, default=0.1)
    for name, value in asdict(Plan()).items():
        train.add_argument(f"--{name}", type=type(value), default=value, help=f"see Plan.{name}")
    train.add_argument("--seed", type=int, default=0)
    train.set_defaults(reset=0.05)
    sample = commands.add_parser("sample", help="let a trained model write", formatter_class=_Help)
    sample.add_argument("folder", type=Path, metavar="FOLDER", help="the folder of a training")
    sample.add_argument("--prompt", default="", help="the beginning of the text")
    sample.add_argument("--tokens", type=int, default=200)
    sample.add_argument("--temperature", type=float, default=0.8)
    sample.add_argument("--top-k", type=int, default=None)
    sample.add_argument("--seed", type=int, default=0)
    return parser


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    pass


def _text_of(options: argparse.Namespace) -> Any:
    from unrolled import texts

    kind, *rest = options.text
    if kind == "ptb" and len(rest) <= 1:
        return texts.penn_treebank(*rest)
    if kind == "text8" and len(rest) == 1:
        return texts.text8(rest[0], options.level, min_count=options.min_count)
    if kind == "story" and not rest:
        from unrolled.corpora.story import story_corpus

        parts = [story_corpus(tokens, seed) for tokens, seed in ((1_000_000, 1), (50_000, 2), (200_000, 3))]
        return texts.Text(*(part.ids for part in parts), parts[0].vocabulary, "word")
    if rest:
        raise ValueError(
            f"TEXT must be one file, `ptb FOLDER`, `text8 FILE` or `story`. Received: {' '.join(options.text)}. "
            "Example: python -m unrolled.language train ptb simple-examples/data"
        )
    return texts.text_file(kind, options.level, min_count=options.min_count)


def _train(options: argparse.Namespace) -> int:
    text = _text_of(options)
    plan = Plan(**{name: getattr(options, name) for name in asdict(Plan())})
    size = {name: getattr(options, name) for name in ("cell", "units", "embedding", "dropout", "seed")}
    settings = {"model": size, "level": text.level, "vocabulary": list(text.vocabulary)}
    file = options.folder / SETTINGS
    if file.exists() and json.loads(file.read_text(encoding="utf-8")) != settings:
        raise ValueError(f"{options.folder} holds another model or text. Choose another --folder, or delete this one.")
    model = build_model(size["cell"], len(text.vocabulary), size["units"], size["embedding"], batch=plan.batch,
                        dropout=size["dropout"], seed=size["seed"])  # fmt: skip
    print(
        f"{len(text.train):,} tokens to learn from, {len(text.valid):,} to choose by, {len(text.test):,} to test on; "
        f"{len(text.vocabulary):,} {text.level}s; {model.count_params():,} parameters"
    )
    begin = text.vocabulary.index(_first(text.level)) if _first(text.level) in text.vocabulary else None
    training = Training(model, text.train, plan, valid=text.valid, begin=begin, folder=options.folder)
    file.write_text(json.dumps(settings), encoding="utf-8")
    if training.epoch or training.block:
        print(f"going on in epoch {training.epoch + 1} at block {training.block} of {training.streams.blocks}")
    try:
        training.run()
    except KeyboardInterrupt:
        print(
            f"\nstopped in epoch {training.epoch + 1} at block {training.block}. The same command goes on from there."
        )
        return 130
    print(
        f"test perplexity {evaluate(model, text.test, plan.time, begin=begin):.2f}. "
        f"Sample: python -m unrolled.language sample {options.folder}"
    )
    return 0


def _first(level: str) -> str:
    """What stands before the beginning of a sentence or line."""
    return "<eos>" if level == "word" else "\n"


def _sample(options: argparse.Namespace) -> int:
    from unrolled import texts

    for name in (SETTINGS, BEST_MODEL):
        if not (options.folder / name).exists():
            raise ValueError(
                f"{options.folder} must hold a model, which is kept after the first epoch. Missing: {name}. "
                f"Example: python -m unrolled.language train FILE --folder {options.folder}"
            )
    settings = json.loads((options.folder / SETTINGS).read_text(encoding="utf-8"))
    vocabulary, level = settings["vocabulary"], settings["level"]
    model = with_batch(keras.models.load_model(options.folder / BEST_MODEL), 1)
    begin = texts.encode(options.prompt or _first(level), vocabulary, level)
    found = generate(
        model, begin, options.tokens, temperature=options.temperature, top_k=options.top_k, seed=options.seed
    )[0]
    joined = np.concatenate([begin, found]) if options.prompt else found
    print(texts.decode(joined, vocabulary, level))
    return 0


if __name__ == "__main__":
    sys.exit(main())
