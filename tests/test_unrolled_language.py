"""Streams, masked loss, perplexity over tokens, carried state, checkpoints that survive SIGKILL, samples."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy as np
import pytest
from unrolled import language
from unrolled.language import MaskedCrossEntropy, Perplexity, Plan, Streams, Training, build_model

VOCABULARY = 7
ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"
SMALL = Plan(epochs=2, batch=3, time=5, rate=0.01, decay=0.5, flat=1, clip=0.25, reset=0.1)


def small(cell="elman", batch=3, seed=1, dropout=0.2):
    return build_model(cell, VOCABULARY, 6, 4, batch=batch, dropout=dropout, seed=seed)


def some_text(tokens=302, seed=0):
    return np.random.default_rng(seed).choice(VOCABULARY, tokens, p=[0.3, 0.25, 0.2, 0.1, 0.08, 0.05, 0.02])


def train(folder=None, valid=None, plan=SMALL, **settings):
    return Training(small(), some_text(), plan, valid=valid, folder=folder, progress=False, **settings)


# Streams


@pytest.mark.parametrize(("tokens", "batch", "time"), [(302, 3, 5), (101, 4, 5), (23, 5, 3), (6, 5, 3), (50, 1, 100)])
def test_every_token_but_the_first_is_a_target_once_and_follows_its_input(tokens, batch, time):
    streams = Streams(np.arange(tokens), batch, time)
    seen = []
    for k in range(len(streams)):
        inputs, targets, weights = streams[k]
        assert inputs.shape == targets.shape == weights.shape == (batch, time)
        assert np.all((targets == inputs + 1)[weights == 1])
        seen += targets[weights == 1].tolist()
    assert sorted(seen) == list(range(1, tokens))


def test_each_row_goes_on_where_it_stopped():
    streams = Streams(np.arange(301), 3, 5)
    rows = np.concatenate([streams[k][0] for k in range(len(streams))], axis=1)
    assert np.array_equal(rows, np.arange(300).reshape(3, 100))


def test_streams_can_be_made_to_begin_where_something_new_begins():
    text = some_text(302)
    streams, firsts, seen = Streams(text, 4, 5, begin=5), [], []
    for k in range(len(streams)):
        places, real = streams.places(k)
        seen += places[real].tolist()
        firsts = firsts or places[:, 0].tolist()
    assert sorted(seen) == list(range(301))  # still each token once
    assert firsts[0] == 0 and all(text[place] == 5 for place in firsts[1:])
    assert all(5 not in text[place + 1 : cut + 1] for place, cut in zip(firsts, (0, 76, 152, 228), strict=True))


def test_all_blocks_at_once_are_the_blocks_one_below_the_other():
    streams = Streams(some_text(), 3, 4, first=2)
    for whole, *parts in zip(streams.arrays(), *(streams[k] for k in range(len(streams))), strict=True):
        assert np.array_equal(whole.reshape(len(streams), 3, 4), parts)


def test_streams_can_begin_with_a_later_block():
    streams = Streams(np.arange(302), 3, 5)
    later = streams.from_block(4)
    assert len(later) == len(streams) - 4
    assert all(np.array_equal(a, b) for a, b in zip(later[2], streams[6], strict=True))
    with pytest.raises(IndexError):
        later[len(later)]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Streams(np.arange(10.0), 2, 2),
        lambda: Streams(np.arange(10), 0, 2),
        lambda: Streams(np.arange(10), 2, 0),
        lambda: Streams(np.arange(3), 3, 2),
        lambda: Streams(np.arange(10), 2, 2, first=9),
        lambda: build_model("transformer", 5, 3, 2),
        lambda: language.generate(small(), [], 3),
        lambda: language.generate(small(), [1], 3, temperature=0),
        lambda: language.generate(small(), [1], 3, top_k=0),
        lambda: language.generate(keras.Sequential([keras.Input((None,)), keras.layers.Embedding(5, 5)]), [1], 3),
        lambda: Training(small(batch=4), some_text(), SMALL),
        lambda: language.with_batch(keras.Sequential([keras.layers.Dense(2)]), 3),
    ],
)
def test_what_cannot_be_is_refused_with_what_came_instead(wrong):
    with pytest.raises(ValueError, match="Received"):
        wrong()


# Loss and perplexity


def numpy_surprise(scores, targets):
    scores = scores.astype(np.float64)
    log_p = scores - scores.max(-1, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(-1, keepdims=True))
    return -np.take_along_axis(log_p, targets[..., None], -1)[..., 0]


def test_the_loss_is_the_mean_surprise_of_the_tokens_that_count():
    rng = np.random.default_rng(1)
    scores, targets = rng.normal(0, 2, (3, 4, 5)).astype("float32"), rng.integers(0, 5, (3, 4))
    weights = np.array([[1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]], "float32")
    wanted = numpy_surprise(scores, targets)
    loss = MaskedCrossEntropy()
    assert float(loss(targets, scores, weights)) == pytest.approx(wanted[weights == 1].mean(), rel=1e-6)
    assert float(loss(targets, scores)) == pytest.approx(wanted.mean(), rel=1e-6)
    other = np.where(weights[..., None] == 1, scores, 55.0).astype("float32")  # what is filling does not matter
    assert float(loss(targets, other, weights)) == pytest.approx(wanted[weights == 1].mean(), rel=1e-6)


def test_the_loss_of_huge_scores_is_finite_and_that_of_nothing_is_zero():
    scores = np.array([[[800.0, 0.0, -800.0]]], "float32")
    assert float(MaskedCrossEntropy()(np.array([[2]]), scores)) == 1600
    assert float(MaskedCrossEntropy()(np.array([[2]]), scores, np.zeros((1, 1)))) == 0


def test_perplexity_is_counted_over_tokens_and_not_over_batches():
    """Mean loss 2.0 nats over 35 tokens, then 6.0 over 5: 12.18; the mean over the batches would give 54.6."""
    metric = Perplexity()
    for nats, tokens in ((2.0, 35), (6.0, 5)):
        scores = np.zeros((1, 40, 2), "float32")
        scores[..., 1] = np.log(np.exp(nats) - 1)  # -log softmax = nats for word 0
        metric.update_state(np.zeros((1, 40), int), scores, (np.arange(40) < tokens)[None].astype("float32"))
    assert float(metric.result()) == pytest.approx(np.exp((2 * 35 + 6 * 5) / 40), rel=1e-5)
    assert float(metric.result()) == pytest.approx(12.18, abs=0.005)


# Carried state


def test_a_text_is_as_surprising_in_one_piece_as_in_blocks():
    model, text = small(batch=2), some_text(201)
    whole = language.token_surprises(model, text, time=100)
    assert language.token_surprises(model, text, time=7) == pytest.approx(whole, rel=1e-5)
    assert language.evaluate(model, text, time=7) == pytest.approx(np.exp(whole.mean()), rel=1e-6)


def test_surprises_are_those_of_an_elman_network_by_hand():
    model, text = small("elman", batch=1), some_text(50)
    table, wx, wh, b, w, c = [v.numpy() for v in model.trainable_variables]
    h, wanted = np.zeros(6), []
    for word, target in zip(text[:-1], text[1:], strict=True):
        h = np.tanh(table[word] @ wx + h @ wh + b)
        wanted.append(numpy_surprise(h @ w + c, np.array(target)))
    assert language.token_surprises(model, text, time=8) == pytest.approx(np.array(wanted), rel=1e-5)


def test_looking_at_a_model_does_not_change_what_it_carries():
    model = small()
    model.predict_on_batch(some_text(30).reshape(3, 10))
    before = language.carried_state(model)
    assert np.abs(before[0]).max() > 0
    language.evaluate(model, some_text())
    language.generate(model, [1, 2], 4)
    assert all(np.array_equal(a, b) for a, b in zip(before, language.carried_state(model), strict=True))
    language.forget(model)
    assert not np.any(language.carried_state(model)[0])


def test_fit_carries_the_state_from_block_to_block():
    """With a learning rate of nothing, the losses of the blocks are those of one long pass over the streams."""
    model, text = small(dropout=0.0), some_text()
    surprises = language.token_surprises(model, text, time=101, batch=3)
    training = Training(model, text, Plan(epochs=1, batch=3, time=5, rate=0.0), progress=False)
    training.run()
    wanted = []
    for k in range(training.streams.blocks):
        places, real = training.streams.places(k)
        wanted.append(surprises[places[real]].mean())
    assert training.losses == pytest.approx(wanted, rel=1e-5)


def test_single_streams_can_forget():
    model = small("lstm")
    model.predict_on_batch(some_text(30).reshape(3, 10))
    before = language.carried_state(model)
    language.forget(model, np.array([False, True, False]))
    for old, new in zip(before, language.carried_state(model), strict=True):
        assert not np.any(new[1]) and np.array_equal(old[[0, 2]], new[[0, 2]])


def test_streams_forget_as_often_as_the_plan_says(monkeypatch):
    training = train(plan=Plan(batch=3, time=2, reset=0.3))
    follow, chosen = language._Follow(training, lambda: False), []
    monkeypatch.setattr(language, "forget", lambda model, streams=None: chosen.append(streams))
    follow.set_model(training.model)
    places = [(epoch, block) for epoch in range(4) for block in range(51)]
    for _ in "ab":
        for training.epoch, training.block in places:
            follow.on_train_batch_begin(0)
    forgot = np.array(chosen).reshape(2, 4 * 50, 3)  # not at the first block of an epoch, where all do
    assert np.array_equal(*forgot)  # the same when a training goes on
    assert abs(forgot.mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / 600)


def test_a_copy_for_another_number_of_streams_says_the_same():
    model, text = small(), some_text(40)
    copy = language.with_batch(model, 2)
    assert language.batch_of(copy) == 2
    long = np.stack([text[:20], text[20:]])
    rows = np.concatenate([long, long[:1]])
    language.forget(model)
    assert copy.predict_on_batch(long) == pytest.approx(model.predict_on_batch(rows)[:2], abs=1e-6)


# Models


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
@pytest.mark.parametrize("tied", [False, True])
def test_parameters_are_counted_without_building(cell, tied):
    assert language.parameter_count(cell, 11, 6, 4, tied) == build_model(cell, 11, 6, 4, tied=tied).count_params()
    units = language.units_for(cell, 500_000, 2000, 64, tied)
    assert language.parameter_count(cell, 2000, units, 64, tied) == pytest.approx(500_000, rel=0.01)


def test_a_tied_model_scores_words_by_their_own_embeddings():
    model = build_model("elman", VOCABULARY, 6, 4, batch=1, tied=True)
    text = some_text(30)
    table, wx, wh, b, w, c = [v.numpy() for v in model.trainable_variables]
    h, wanted = np.zeros(6), []
    for word, target in zip(text[:-1], text[1:], strict=True):
        h = np.tanh(table[word] @ wx + h @ wh + b)
        wanted.append(numpy_surprise(table @ (h @ w + c), np.array(target)))
    assert language.token_surprises(model, text, time=10) == pytest.approx(np.array(wanted), rel=1e-5)


def test_the_course_s_own_model_learns_what_lies_before_its_block():
    """1 1 1 2 1 1 1 3 …: with blocks of two steps, only a carried state tells which word comes after 1 1 1."""
    from solutions.rnnlm import RNNLM

    keras.utils.set_random_seed(2)
    text = np.tile([1, 1, 1, 2, 1, 1, 1, 3], 60)
    model = RNNLM(4, 8, 12, cell="gru", stateful=True)
    curve = Training(model, text, Plan(epochs=12, batch=4, time=8, rate=0.05, flat=12), progress=False).run()
    assert len(language.carried_state(model)) == 1
    assert curve[-1]["train"] < 1.1 < curve[0]["train"]  # the best without the past: exp(log(2) / 4) = 1.19
    assert language.evaluate(model, text, time=2) < 1.15
    drawn = language.generate(model, [1, 1, 2], 12, top_k=1)
    assert drawn[0].tolist() == [1, 1, 1, 3, 1, 1, 1, 2, 1, 1, 1, 3]


def test_a_saved_model_says_the_same_and_can_be_trained_on(tmp_path):
    training = train(tmp_path)
    training.run(1)
    loaded = keras.models.load_model(tmp_path / language.BEST_MODEL)
    text = some_text(60, seed=4)
    assert language.token_surprises(loaded, text) == pytest.approx(
        language.token_surprises(training.model, text), rel=1e-6
    )
    assert isinstance(loaded.loss, MaskedCrossEntropy)
    loaded.fit(Streams(text, 3, 5), shuffle=False, verbose=0)


# Training


def test_the_rate_falls_after_the_flat_epochs():
    plan = Plan(rate=0.8, decay=0.5, flat=2)
    assert [plan.rate_of(epoch) for epoch in range(4)] == [0.8, 0.8, 0.4, 0.2]


def test_the_best_weights_on_the_validation_text_are_kept():
    text, other = some_text(), some_text(100, seed=9)
    plan = Plan(epochs=4, batch=3, time=5, rate=0.3, flat=4)  # far too fast: it gets worse
    training = Training(small(), text, plan, valid=other, progress=False)
    curve = training.run()
    best = min(row["valid"] for row in curve)
    assert language.evaluate(training.model, other, 5, 3) == pytest.approx(best, rel=1e-5)
    assert all(row["tokens"] == 301 for row in curve)


def test_the_gradient_s_global_norm_is_limited():
    """With plain SGD of rate 1 and a limit, one update is as long as the limit."""
    training = train(plan=SMALL)
    assert training.model.optimizer.global_clipnorm == SMALL.clip
    model = small(dropout=0.0)
    model.compile(keras.optimizers.SGD(1.0, global_clipnorm=1e-3), loss=MaskedCrossEntropy())
    before = [v.numpy() for v in model.trainable_variables]
    # Each word once: Keras on TensorFlow adds up the uses of a word only after it has taken the norm.
    model.fit(Streams(np.arange(7), 3, 2), shuffle=False, verbose=0)
    step = [v.numpy() - old for v, old in zip(model.trainable_variables, before, strict=True)]
    assert np.sqrt(sum((s**2).sum() for s in step)) == pytest.approx(1e-3, rel=1e-3)


KILLED = """
import os, sys
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")
from tests.test_unrolled_language import train, some_text
train(sys.argv[1], valid=some_text(80, seed=5), save_seconds=0.0).run()
"""


def test_a_training_that_was_killed_goes_on_to_the_same_curve(tmp_path):
    valid = some_text(80, seed=5)
    straight = train(valid=valid)
    curve = straight.run()

    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    checkpoint, place = tmp_path / language.CHECKPOINT, (0, 0)
    deadline = time.monotonic() + 120
    while place < (1, 2) and time.monotonic() < deadline:  # in the middle of the second epoch
        assert process.poll() is None, process.stderr.read().decode()
        time.sleep(0.005)
        if checkpoint.exists():
            with np.load(checkpoint) as kept:
                notes = json.loads(str(kept["notes"]))
                place = notes["epoch"], notes["block"]
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL

    again = train(tmp_path, valid=valid)
    assert (1, 2) <= (again.epoch, again.block) < (2, 0), "killed too late to see anything"
    assert len(again.losses) == again.epoch * straight.streams.blocks + again.block
    resumed = again.run()
    assert again.losses == pytest.approx(straight.losses, rel=1e-5)
    for mine, other in zip(resumed, curve, strict=True):
        assert {k: v for k, v in mine.items() if k != "seconds"} == pytest.approx(
            {k: v for k, v in other.items() if k != "seconds"}, rel=1e-5
        )
    for mine, other in zip(again.model.variables, straight.model.variables, strict=True):
        assert mine.numpy() == pytest.approx(other.numpy(), rel=1e-4, abs=1e-6)
    assert len(again.run(3)) == 3  # a training that is done can be made longer


def test_ctrl_c_keeps_the_place(tmp_path):
    long = Plan(epochs=1000, batch=3, time=5, rate=0.01, flat=1000)
    stopped = train(tmp_path, plan=long)
    threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        stopped.run()
    again = train(tmp_path, plan=long)
    assert len(again.losses) == again.epoch * again.streams.blocks + again.block
    assert (again.epoch, again.block, again.losses) == (stopped.epoch, stopped.block, stopped.losses)
    kept = (again.model.variables, again.model.optimizer.variables, language.carried_state(again.model))
    left = (stopped.model.variables, stopped.model.optimizer.variables, language.carried_state(stopped.model))
    for mine, other in zip(keras.tree.flatten(kept), keras.tree.flatten(left), strict=True):
        assert np.array_equal(mine, other)


def test_another_text_model_or_plan_does_not_go_on_in_the_same_folder(tmp_path):
    train(tmp_path).save()
    for make, what in (
        (lambda: Training(small(), some_text(seed=1), SMALL, folder=tmp_path), "text"),
        (lambda: Training(small("gru"), some_text(), SMALL, folder=tmp_path), "weights"),
        (lambda: train(tmp_path, plan=Plan(batch=3, time=5, rate=0.02)), "rate"),
    ):
        with pytest.raises(ValueError, match=f"another .*{what}"):
            make()


# Samples


def test_the_likeliest_words_are_taken_at_a_low_temperature_and_with_one_to_choose_from():
    model = small(batch=2)
    greedy = language.generate(model, [1, 4], 12, top_k=1)
    assert np.array_equal(greedy, language.generate(model, [1, 4], 12, temperature=1e-6, seed=5))
    assert np.array_equal(greedy[0], greedy[1])
    words = [1, 4]
    for word in greedy[0]:  # the whole beginning shown at once gives the same next word
        language.forget(model)
        assert model.predict_on_batch(np.array([words, words]))[0, -1].argmax() == word
        words.append(int(word))


def test_words_are_drawn_as_often_as_the_softmax_of_scores_over_temperature_says():
    model = small(batch=50, dropout=0.0)
    scores = np.array([2.0, 1.0, 0.0, -1.0, 0.5, 0.0, -9.0])
    model.get_layer("scores").set_weights([np.zeros((6, VOCABULARY)), scores])
    drawn = language.generate(model, [0], 100, temperature=2.0, seed=1)
    p = np.exp(scores / 2) / np.exp(scores / 2).sum()
    assert np.abs(np.bincount(drawn.ravel(), minlength=VOCABULARY) / 5000 - p).max() < 5 * np.sqrt(0.25 / 5000)
    three = language.generate(model, [0], 40, top_k=3, seed=1)
    assert set(three.ravel().tolist()) == {0, 1, 4}
    assert np.array_equal(three, language.generate(model, [0], 40, top_k=3, seed=1))


# The command


def test_the_command_trains_goes_on_and_samples(tmp_path, capsys):
    file, folder = tmp_path / "text.txt", tmp_path / "model"
    file.write_text("hello world\nhello there\n" * 60, encoding="utf-8")
    train_it = ["train", str(file), "--folder", str(folder), "--level", "character", "--cell", "elman", "--units", "12"]
    train_it += ["--embedding", "6", "--batch", "4", "--time", "8", "--rate", "0.02"]
    assert language.main([*train_it, "--epochs", "1"]) == 0
    assert language.main([*train_it, "--epochs", "2"]) == 0
    printed = capsys.readouterr().out
    assert "epoch 1: perplexity" in printed and "going on in epoch 2" in printed and "test perplexity" in printed
    assert language.main(["sample", str(folder), "--prompt", "he", "--tokens", "30"]) == 0
    sample = capsys.readouterr().out.rstrip("\n")
    assert sample.startswith("he") and set(sample) <= set("<unk>hello worldthere\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "nowhere.txt"], "There is no file"),
        (["train", "a.txt", "b.txt"], "TEXT must be one file"),
        (["train", "ptb", "nowhere"], "Missing: ptb.train.txt"),
        (["sample", "nowhere"], "must hold a model"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert language.main(arguments) == 1
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1


class TwoLayers(keras.Model):
    """A model of one's own: subclassed, with two layers that carry their states."""

    def __init__(self):
        super().__init__()
        self.table = keras.layers.Embedding(3, 8)
        self.cells = [keras.layers.RNN(keras.layers.GRUCell(12), return_sequences=True, stateful=True) for _ in "ab"]
        self.scores = keras.layers.Dense(3)

    def call(self, ids):
        h = self.table(ids)
        for layer in self.cells:
            h = layer(h)
        return self.scores(h)


@pytest.mark.full
def test_a_subclassed_model_with_two_layers_carries_both_states():
    """0 0 0 1 0 0 0 2 …: with blocks of two steps, only a carried state tells which word comes after 0 0 0."""
    text = np.array([0, 0, 0, 1, 0, 0, 0, 2] * 150)
    keras.utils.set_random_seed(3)
    model = TwoLayers()
    training = Training(model, text, Plan(epochs=14, batch=4, time=8, rate=0.02, flat=14), progress=False)
    curve = training.run()
    assert len(language.carried_state(model)) == 2
    assert curve[-1]["train"] < 1.1 < curve[0]["train"]  # 1.63 without the past: exp(log(4)/4 + log(2)/4 + …)
    assert language.evaluate(model, text[:200], time=2) < 1.2


@pytest.mark.full
@pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not here")
@pytest.mark.parametrize("name", ["tinyshakespeare.txt", "soseki_neko_ja.txt"])
def test_a_character_model_learns_a_real_text(name):
    """Five passes bring it to less than half the perplexity of single characters."""
    from unrolled.ngram import KneserNey
    from unrolled.texts import text_file

    text = text_file(SHARED / name, "character")
    ids, other = text.train[:200_000], text.test[:10_000]
    model = build_model("gru", len(text.vocabulary), 96, 48, batch=32)
    Training(model, ids, Plan(epochs=5, rate=0.005), progress=False).run()
    found = language.evaluate(model, other)
    assert found < KneserNey(1).fit(ids, len(text.vocabulary)).perplexity(other) / 2


@pytest.mark.full
def test_the_command_stops_at_ctrl_c_and_says_how_to_go_on(tmp_path):
    file = tmp_path / "text.txt"
    file.write_text(textwrap.fill("some words that come again and again " * 3000, 80), encoding="utf-8")
    command = [sys.executable, "-m", "unrolled.language", "train", str(file), "--folder", str(tmp_path / "m")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while "tokens to learn from" not in process.stdout.readline():
        assert process.poll() is None
    time.sleep(8)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "goes on from there" in out and "Traceback" not in err
