"""The tasks of lesson 12 ask for what they say, and cannot be answered otherwise."""

import re

import numpy as np
import pytest
from unrolled import corpora
from unrolled.corpora import NO_ANSWER, RECALL_FEATURES, RECALL_SYMBOLS
from unrolled.corpora.recall import ASK, KEEP


@pytest.mark.parametrize("distance, length", [(1, None), (7, None), (7, 30), ((3, 9), 20), ((1, 40), 41)])
def test_the_answer_is_the_marked_symbol_at_the_asked_distance(distance, length):
    low, high = distance if isinstance(distance, tuple) else (distance, distance)
    x, answers = corpora.recall(300, distance, length, seed=4)
    length = length or high + 1
    assert x.shape == (300, length, RECALL_FEATURES) and answers.shape == (300, length)
    seen = set()
    for sequence, answer in zip(x, answers, strict=True):
        (marked,) = np.flatnonzero(sequence[:, KEEP])
        seen.add(length - 1 - marked)
        assert answer[-1] == sequence[marked, :RECALL_SYMBOLS].argmax()
        assert np.array_equal(answer[:-1], np.full(length - 1, NO_ANSWER))
    assert seen == set(range(low, high + 1))


def test_every_step_but_the_last_shows_one_symbol_and_the_last_asks():
    x, _ = corpora.recall(200, (1, 10), 15, seed=1)
    assert np.array_equal(x[:, :-1, :RECALL_SYMBOLS].sum(axis=2), np.ones((200, 14)))
    assert not x[:, -1, :ASK].any() and np.all(x[:, -1, ASK] == 1) and not x[:, :-1, ASK].any()
    assert set(np.unique(x)) == {0, 1} and x.dtype == np.float32


def test_symbols_are_fair_so_guessing_is_right_once_in_eight():
    _, answers = corpora.recall(8000, (1, 5), seed=2)
    counts = np.bincount(answers[:, -1], minlength=8)
    # 1,000 expected of each, standard deviation sqrt(8,000 · 1/8 · 7/8) = 30
    assert np.abs(counts - 1000).max() < 5 * 30


def test_all_distances_are_equally_likely():
    x, _ = corpora.recall(8000, (3, 10), seed=2)
    counts = np.bincount(x[:, :, KEEP].argmax(axis=1), minlength=8)
    assert len(counts) == 8 and np.abs(counts - 1000).max() < 5 * 30


def test_recall_by_distance_asks_for_the_symbol_so_many_steps_before():
    x, answers = corpora.recall_by_distance(50, 4, 13, seed=5)
    symbols = x[:, :, :RECALL_SYMBOLS].argmax(axis=2)
    for t in range(13):
        expected = np.full(50, NO_ANSWER) if t < 4 else symbols[:, t - 4]
        assert np.array_equal(answers[:, t], expected)
    assert not x[:, :, RECALL_SYMBOLS:].any()


def test_running_parity_counts_the_ones_so_far():
    x, answers = corpora.running_parity(50, 13, seed=6)
    ones = x[:, :, 1]
    assert np.array_equal(x[:, :, 0] + ones, np.ones((50, 13))) and not x[:, :, 2:].any()
    for row, answer in zip(ones, answers, strict=True):
        assert [int(sum(row[: t + 1])) % 2 for t in range(13)] == answer.tolist()


@pytest.mark.parametrize(
    "draw",
    [
        lambda seed: corpora.recall(20, (1, 9), 12, seed=seed),
        lambda seed: corpora.recall_by_distance(20, 3, 12, seed=seed),
        lambda seed: corpora.running_parity(20, 12, seed=seed),
    ],
)
def test_the_seed_decides_everything(draw):
    assert all(np.array_equal(a, b) for a, b in zip(draw(1), draw(1), strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(draw((2, 1)), draw((2, 1)), strict=True))
    assert not np.array_equal(draw(1)[0], draw(2)[0])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: corpora.recall(0, 3),
        lambda: corpora.recall(5, 0),
        lambda: corpora.recall(5, 8, length=8),
        lambda: corpora.recall(5, (6, 3)),
        lambda: corpora.recall_by_distance(5, 8, 8),
        lambda: corpora.running_parity(5, 0),
    ],
)
def test_errors_name_the_rule_what_came_and_the_way_out(wrong):
    with pytest.raises(ValueError, match="must be") as error:
        wrong()
    assert re.search(r"Received: .*\. Example: ", str(error.value))
