"""Lesson 12: the comparison is fair where it says so, its counts are right, and its findings come out again."""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import importlib
import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
from unrolled import compare, corpora

from autograder.build.lesson import SOURCES, read
from autograder.delegation import Forbidden, blocked, search
from autograder.judge import judge
from autograder.reference import mutate
from autograder.subject import observe
from solutions import compare as reference
from solutions.hopfield import modern_update_forward
from solutions.mistakes import Mistake
from tests.catalogue import EXERCISES, fresh_views


@pytest.fixture(scope="module")
def models():
    return {kind: compare.Contestant(kind, reference.AttentionBlock) for kind in compare.KINDS}


@pytest.fixture(scope="module")
def prose():
    return " ".join(" ".join(c.text for c in read(SOURCES / "12_compare.py").cells if c.kind == "prose").split())


# A fair comparison


def test_parameters_are_equal_within_five_percent(models):
    counts = {
        "recurrent": reference.parameter_count("gru", 16, 24, 3),
        "dilated": 4 * reference.parameter_count("convolution", 16, 16, 3),
        "attention": reference.parameter_count("attention", 16, 49, 3),
    }
    assert {kind: model.core_parameters for kind, model in models.items()} == counts
    assert compare.largest_ratio(list(counts.values())) <= 1.05
    assert compare.largest_ratio([model.model.count_params() for model in models.values()]) <= 1.05


def test_a_restart_forgets_everything(models):
    contestant = models["dilated"]
    x, answers = corpora.recall(8, 3, seed=1)
    first = contestant.restart(5).logits(x)
    for _ in range(2):
        contestant.restart(5).train(lambda update: (x, answers), updates=3)
        after = contestant.logits(x)
        assert not np.allclose(after, first, atol=1e-3)
    contestant.restart(5)
    assert np.array_equal(contestant.logits(x), first)
    assert (contestant.budget.updates, contestant.budget.seconds) == (0, 0.0)
    contestant.train(lambda update: (x, answers), updates=3)
    assert np.allclose(contestant.logits(x), after, rtol=0, atol=1e-5)  # Adam had been reset as well


def test_a_budget_counts_updates_examples_and_seconds_and_stops_at_either_limit(models):
    contestant = models["attention"].restart(1)
    asked = []

    def draw(update):
        asked.append(update)
        return corpora.recall(7, 3, seed=update)

    used = contestant.train(draw, updates=4, test=corpora.recall(5, 3), every=2)
    assert (used.updates, used.examples, asked) == (4, 28, [0, 1, 2, 3])
    assert [point[0] for point in used.curve] == [2, 4] and 0 < used.curve[0][1] < used.curve[1][1] <= used.seconds
    before = used.seconds
    assert contestant.train(draw, seconds=before).updates == 4  # already used up
    used = contestant.train(draw, seconds=before + 0.05)
    assert used.updates > 4 and used.seconds >= before + 0.05


def test_accuracy_counts_only_the_steps_that_want_an_answer(models):
    contestant = models["dilated"]
    x, answers = corpora.recall_by_distance(6, 3, 8, seed=1)
    guess = contestant.logits(x).argmax(axis=2)
    expected = np.mean([guess[n, t] == answers[n, t] for n in range(6) for t in range(3, 8)])
    assert contestant.accuracy(x, answers) == pytest.approx(expected)


# Streams


@pytest.mark.parametrize("kind", compare.KINDS)
def test_a_stream_gives_what_the_whole_sequence_gives(models, kind):
    contestant = models[kind].restart(3)
    x, _ = corpora.recall(3, (1, 80), 100, seed=2)
    stream = contestant.stream()
    outputs = np.stack([stream.step(x[:, t]) for t in range(100)], axis=1)
    assert np.allclose(outputs, contestant.logits(x), rtol=0, atol=2e-5)


def test_what_must_be_kept_is_counted_in_bytes(models, prose):
    """float32: 4 bytes. A state of 24; windows of 2 · 3^n rows of 16; two rows of 49 for each input."""
    places = np.array([0, 1, 10, 300])
    kept = {kind: compare.streaming_costs(model, places)["bytes"] for kind, model in models.items()}
    assert np.array_equal(kept["recurrent"], np.full(4, 4 * 24))
    assert np.array_equal(kept["dilated"], np.full(4, 4 * 16 * sum(2 * 3**n for n in range(4))))
    assert np.array_equal(kept["attention"], 4 * 2 * 49 * (places + 1))
    for number in (f"{4 * 24} bytes", f"{4 * 16 * 80:,} bytes", f"{4 * 2 * 49} bytes"):
        assert number in prose


def test_operations_of_a_step_are_counted(models, prose):
    """Dense layers 10 × 16 and u × 8; the matrices of each core once; for attention, each kept key and value."""
    places = np.array([0, 1, 10, 300])
    counted = {kind: compare.streaming_costs(model, places)["multiply_adds"] for kind, model in models.items()}
    gru = 10 * 16 + 3 * 24 * (16 + 24) + 24 * 8
    assert np.array_equal(counted["recurrent"], np.full(4, gru))
    assert np.array_equal(counted["dilated"], np.full(4, 10 * 16 + 4 * 3 * 16 * 16 + 16 * 8))
    assert np.array_equal(counted["attention"], 10 * 16 + 4 * 16 * 49 + 2 * 49 * (places + 1) + 16 * 8)
    assert f"{gru:,} multiply-adds" in prose and f"takes {2 * 49} more" in prose


def test_a_whole_text_makes_attention_look_once_at_every_pair(models):
    x, _ = corpora.recall(1, 20, seed=1)
    stream = models["attention"].stream()
    for t in range(21):
        stream.step(x[:, t])
    fixed = 21 * (10 * 16 + 4 * 16 * 49 + 16 * 8)
    assert stream.multiply_adds - fixed == 2 * 49 * 21 * 22 // 2


# Steps


def test_five_words_at_five_seconds():
    assert compare.schedule([5] * 5, compare.chain(5), workers=5)[2] == 25
    assert [compare.schedule([5] * 5, [[]] * 5, workers)[2] for workers in (1, 2, 3, 5, 9)] == [25, 15, 10, 5, 5]


def test_the_work_of_attention_overtakes_when_workers_are_few(prose):
    look = [2 + k for k in range(1, 51)]
    assert sum(look[:5]) == 25  # equal work at five words
    assert sum(look) > 5 * 5 * 50 and "more than five times the work" in prose
    assert compare.schedule(look, [[]] * 50, 50)[2] == 52
    assert compare.schedule(look, [[]] * 50, 5)[2] > 5 * 50
    assert compare.schedule(look[:5], compare.chain(5), 5)[2] == 25  # generated


def test_no_worker_has_two_jobs_at_a_time_and_no_job_begins_too_early():
    rng = np.random.default_rng(0)
    durations = rng.integers(1, 9, 12)
    after = [sorted(rng.choice(k, size=min(k, 2), replace=False).tolist()) if k else [] for k in range(12)]
    starts, by, total = compare.schedule(durations, after, workers=3)
    ends = starts + durations
    assert total == ends.max() and set(by) <= {0, 1, 2}
    assert all(starts[k] >= ends[j] for k in range(12) for j in after[k])
    for i, j in itertools.combinations(range(12), 2):
        assert by[i] != by[j] or ends[i] <= starts[j] or ends[j] <= starts[i]


@pytest.mark.parametrize("distance", [1, 2, 3, 8, 9, 22, 26])
def test_the_drawn_ways_are_as_long_as_path_length_says(distance):
    title = compare.draw_paths(distance).get_suptitle()
    recurrent, dilated = (reference.path_length(name, distance, 3) for name in ("recurrent", "dilated"))
    assert title.startswith(
        f"{distance} steps back: {recurrent} steps through an RNN, {dilated} through dilated layers"
    )
    shares = compare._shares(distance, 3, dilated)
    assert sum(shares) == distance and len(shares) == dilated
    assert all(share in (0, 3**level, 2 * 3**level) for level, share in enumerate(shares))


def test_path_lengths_grow_as_table_1_of_vaswani_says():
    distances = [3**n - 1 for n in range(1, 8)]
    assert [reference.path_length("dilated", d, 3) for d in distances] == list(
        range(1, 8)
    )  # log to the base 3 of d + 1
    assert [reference.path_length("recurrent", d, 3) - d for d in distances] == [1] * 7
    assert [reference.path_length("attention", d, 3) for d in distances] == [1] * 7


def test_the_convolutions_see_80_steps_back_and_no_further(models):
    contestant = models["dilated"].restart(2)
    x, _ = corpora.recall(100, 100, seed=3)  # one way through four ReLUs may be shut in a single sequence
    whole = contestant.logits(x)[:, -1]
    for back, seen in ((79, True), (80, True), (81, False), (100, False)):
        erased = x.copy()
        erased[:, 100 - back] = 0
        assert np.any(contestant.logits(erased)[:, -1] != whole) == seen


@pytest.mark.parametrize("kind", compare.KINDS)
def test_no_model_needs_a_fixed_length(models, kind):
    for length in (5, 37):
        x, _ = corpora.running_parity(2, length)
        assert models[kind].logits(x).shape == (2, length, 8)


# The same formula


def test_attention_with_patterns_as_keys_and_values_is_one_modern_hopfield_update():
    rng = np.random.default_rng(5)
    X, s = rng.normal(size=(6, 16)), rng.normal(size=16)
    queries = np.repeat(s[None], 6, axis=0)  # the last one sees all patterns
    attended = reference.attention_forward(queries[None], X[None], X[None])[0, -1]
    assert np.allclose(attended, modern_update_forward(s[None], X, 1 / 4)[0], rtol=0, atol=1e-14)


# The findings, at thresholds between what was found and guessing


def test_attention_learns_recall_by_mark_at_once_and_at_any_distance(models):
    contestant = models["attention"].restart(1)
    contestant.train(lambda update: corpora.recall(32, (1, 40), 41, seed=(1, update)), updates=100)
    assert contestant.accuracy(*corpora.recall(250, (1, 40), 41, seed=99)) > 0.95
    assert contestant.accuracy(*corpora.recall(100, 320, seed=98)) > 0.9


def test_the_convolutions_win_recall_by_distance(models):
    shares = {}
    exam = corpora.recall_by_distance(250, 7, 21, seed=97)
    for kind, contestant in models.items():
        contestant.restart(1).train(lambda update: corpora.recall_by_distance(32, 7, 21, seed=(3, update)), updates=75)
        shares[kind] = contestant.accuracy(*exam)
    assert shares["dilated"] > 0.95
    assert shares["attention"] < 0.4 and shares["recurrent"] < 0.7


def test_the_gru_wins_parity_and_keeps_winning_at_ten_times_the_length(models):
    shares = {}
    for kind, contestant in models.items():
        contestant.restart(1).train(lambda update: corpora.running_parity(32, 21, seed=(4, update)), updates=250)
        shares[kind] = contestant.accuracy(*corpora.running_parity(100, 200, seed=95))
    assert shares["recurrent"] > 0.95
    assert max(shares["dilated"], shares["attention"]) < 0.6


def test_a_code_of_positions_mends_recall_by_distance_and_does_not_reach_beyond_training(models):
    """The same weights in number, the same first ones; learned in training are distances up to 40, not 320."""
    plain, placed = models["attention"].restart(1), compare.Contestant("positions", reference.AttentionBlock).restart(1)
    assert placed.model.count_params() == plain.model.count_params()
    assert all(np.array_equal(a, b) for a, b in zip(placed.model.get_weights(), plain.model.get_weights(), strict=True))
    placed.train(lambda update: corpora.recall_by_distance(32, 7, 21, seed=(3, update)), updates=150)
    assert placed.accuracy(*corpora.recall_by_distance(250, 7, 21, seed=97)) > 0.95
    placed.restart(1).train(lambda update: corpora.recall(32, (1, 40), 41, seed=(1, update)), updates=150)
    assert placed.accuracy(*corpora.recall(250, (1, 40), 41, seed=99)) > 0.95
    assert placed.accuracy(*corpora.recall(100, 320, seed=98)) < 0.5


def test_at_a_rate_of_3_in_1000_the_gru_has_not_begun_where_attention_is_done(models):
    for kind, low, high in (("recurrent", 0.05, 0.4), ("attention", 0.95, 1.0)):
        contestant = models[kind].restart(1, 0.003)
        contestant.train(lambda update: corpora.recall(32, (1, 40), 41, seed=(1, update)), updates=250)
        assert low <= contestant.accuracy(*corpora.recall(250, (1, 40), 41, seed=99)) <= high
        assert float(contestant.restart(1).model.optimizer.learning_rate) == pytest.approx(compare.RATE)


def test_a_code_of_positions_is_made_of_sines_and_cosines_of_the_position():
    added = np.asarray(compare.Positions()(np.zeros((1, 50, 6), np.float32)))[0]
    for t in (0, 1, 49):
        angles = [t / 10_000 ** (k / 6) for k in (0, 2, 4)]
        assert np.allclose(added[t], [*np.sin(angles), *np.cos(angles)], rtol=0, atol=1e-5)


def test_updates_are_timed_in_turns(models):
    batches = [corpora.recall(4, 3, length=n) for n in (4, 5)]
    found = compare.update_seconds({kind: models[kind] for kind in compare.KINDS}, batches, repeats=2)
    assert list(found) == list(compare.KINDS)
    assert all(seconds.shape == (2,) and np.all((seconds > 0) & (seconds < 60)) for seconds in found.values())


# What the checks refuse

BY_HAND = EXERCISES["compare.causal_convolution"].forbidden
READY_MADE = [name for name in BY_HAND if "conv" in name.lower() or "correlate" in name]
LOADED = [name for name in READY_MADE if name.split(".")[0] in ("keras", "tensorflow", "numpy")]


@pytest.mark.parametrize("name", [*READY_MADE, "scipy.signal.convolve", "scipy.signal.correlate"])
def test_a_ready_made_convolution_is_found_under_any_name(name):
    package, _, last = name.rpartition(".")
    for top, call in (
        (f"import {name.split('.')[0]}", name),
        (f"import {package} as elsewhere", f"elsewhere.{last}"),
        (f"from {package} import {last}", last),
        (f"from {package} import {last} as mine", "mine"),
    ):
        answer = f"def causal_convolution(x, kernel, bias):\n    return {call}(x, kernel) + bias"
        assert search([top, answer], "causal_convolution", BY_HAND), call


@pytest.mark.parametrize("name", LOADED)
def test_a_ready_made_convolution_refuses_to_work_while_the_answer_is_judged(name):
    path = name.split(".")
    ready = importlib.import_module(path[0])
    with pytest.raises(Forbidden), blocked(BY_HAND):
        for part in path[1:]:
            ready = getattr(ready, part)
        ready(np.ones(3), np.ones(2))


@pytest.mark.parametrize(("hidden", "finite"), [("-1e4", True), ('-float("inf")', False)])
def test_hiding_with_infinity_costs_the_points_of_padding_and_no_others(hidden, finite):
    exercise = EXERCISES["compare.AttentionBlock"]
    names = mutate(Mistake(exercise.id, "hidden", "seen, scores, -1e4)", f"seen, scores, {hidden} + 0)", ""))
    given = exercise.cases(1, 1)
    known = fresh_views(exercise.id, 1, 1)["exact"]
    result = judge(exercise, given, observe(exercise, names, given), known)
    assert result.points == (10 if finite else 8.5)
    assert finite or "0 by 0" in result.message


def test_two_blocks_that_hide_with_infinity_give_real_tokens_that_are_not_numbers():
    """Why what comes out at padding must be a number, although it does not matter which."""
    x = np.random.default_rng(0).normal(size=(1, 4, 3)).astype(np.float32)
    mask = np.array([[False, True, True, True]])
    for hidden, finite in (("-1e4", True), ('-float("inf")', False)):
        made = mutate(Mistake("compare.AttentionBlock", "h", "seen, scores, -1e4)", f"seen, scores, {hidden} + 0)", ""))
        first, second = made["AttentionBlock"](5), made["AttentionBlock"](5)
        twice = np.asarray(second(first(x, mask=mask), mask=mask))
        assert np.isfinite(twice[:, 1:]).all() == finite


# Figures, errors, claims


def test_figures_have_titles_and_leave_pyplot_alone():
    plan = compare.schedule([5] * 3, compare.chain(3), 2)
    made = [
        compare.schedule_figure({"a": plan, "b": plan}, 5, "finding"),
        compare.attention_map(np.full((2, 5), 0.2), np.array([1, 3]), "finding"),
        compare.panels("finding", 2)[0],
    ]
    assert [figure.get_suptitle() for figure in made] == ["finding"] * 3
    assert "22 steps back" in compare.shortest_paths(live=False).get_suptitle()
    assert "softmax" in compare.attention_graph().axes[0].get_title(loc="left")
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    "wrong",
    [
        lambda models: compare.schedule([5], [[]], workers=0),
        lambda models: models["dilated"].train(lambda update: corpora.recall(2, 3)),
        lambda models: compare.Contestant("positions", reference.AttentionBlock).stream(),
    ],
)
def test_errors_name_the_rule_what_came_and_the_way_out(models, wrong):
    with pytest.raises(ValueError, match="must") as error:
        wrong(models)
    assert "Received: " in str(error.value) and "Example: " in str(error.value)


def test_the_lesson_recomputes_the_numbers_that_it_states(prose):
    demos = "\n".join(c.text for c in read(SOURCES / "12_compare.py").cells if c.kind == "demo")
    for name in (
        '"positions"',
        "restart(1, rate)",
        "update_seconds(",
        "corpora.recall(100, 100",
        "path_length(",
        "parameter_count(",
        "attention_forward(",
        "schedule(",
        "streaming_costs(",
        "seconds=slowest",
    ):
        assert name in demos
    assert "do not need" in prose or "it is not so" in prose  # the fixed input length
