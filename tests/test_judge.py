"""Verdicts and points for whatever a student's object may do."""

import re
from functools import cache

import numpy as np
import pytest
import tensorflow as tf

from autograder import exercise as exercises
from autograder import reference
from autograder.exercise import Case, Exercise, Part, call_function, evenly
from autograder.expectation import Expectation, exact, fingerprinted
from autograder.judge import judge
from autograder.notebook import evaluate
from autograder.reference import Expectations
from autograder.result import VERDICTS, Result
from autograder.subject import Observation, Problem, observe
from solutions import elman
from solutions.mistakes import Mistake

VIEWS = ("exact", "fingerprints")
FORWARD, BACKWARD = "elman.step_forward", "elman.step_backward"
SEQUENCE, THROUGH_TIME = "elman.sequence_forward", "elman.sequence_backward"


@cache
def prepared(id):
    exercise = exercises.find(id)
    cases = exercise.cases(11, 3)
    whole = Expectations({id: cases}).of(exercise)
    return exercise, cases, {"exact": whole, "fingerprints": fingerprinted(whole, id)}


def verdict(id, view="exact", names=None, **answer):
    """The result of a notebook with these objects in it (and the reference for the rest)."""
    exercise, cases, views = prepared(id)
    namespace = {**reference.load("elman"), **answer} if names is None else names
    return judge(exercise, cases, observe(exercise, namespace, cases), views[view])


@pytest.mark.parametrize("view", VIEWS)
def test_the_reference_is_right_and_gets_all_points_without_a_word(view):
    result = verdict(BACKWARD, view)
    assert (result.verdict, result.points, result.max_points) == ("right", 7, 7)
    assert (result.message, result.mistake, result.hint) == ("", None, "")
    assert all(line.ok for line in result.lines)


@pytest.mark.parametrize("view", VIEWS)
def test_what_is_not_defined_scores_nothing(view):
    result = verdict(BACKWARD, view, names={})
    assert (result.verdict, result.points) == ("missing", 0)
    assert "`step_backward` is not defined" in result.message


@pytest.mark.parametrize("view", VIEWS)
def test_a_blank_scores_nothing(view):
    result = verdict(BACKWARD, view, names=reference.blank(BACKWARD))
    assert (result.verdict, result.points) == ("missing", 0)


def _raises(*_):
    raise IndexError("too far")


@pytest.mark.parametrize(
    ("answer", "expected", "words"),
    [
        (7, "wrong", ["must be callable", "int"]),
        (_raises, "error", ["IndexError", "too far"]),
        (lambda *a: exit(), "error", ["SystemExit"]),
        (lambda *a: None, "wrong", ["nothing", "(dx, dh_prev, dWx, dWh, db)"]),
        (lambda *a: elman.step_backward(*a)[:4], "wrong", ["4 values", "5"]),
        (lambda *a: elman.step_backward(*a)[0], "wrong", ["one ndarray", "5 arrays"]),
        (lambda *a: (*elman.step_backward(*a)[:4], None), "wrong", ["`db` is None"]),
        (lambda *a: (*elman.step_backward(*a)[:4], elman.step_backward(*a)[4].tolist()), "wrong", ["`db`", "list"]),
        (lambda *a: tuple(map(tf.constant, elman.step_backward(*a))), "wrong", ["`dx`", "NumPy array", "tensorflow"]),
        (lambda *a: tuple(g.astype(complex) for g in elman.step_backward(*a)), "wrong", ["`dx`", "real", "complex128"]),
        (lambda *a: tuple(g.astype(object) for g in elman.step_backward(*a)), "wrong", ["`dx`", "real", "object"]),
    ],
    ids=["no function", "exception", "exit", "nothing", "four", "one", "None", "list", "tensor", "complex", "object"],
)  # fmt: skip
@pytest.mark.parametrize("view", VIEWS)
def test_what_gives_no_values_scores_nothing_and_says_why(view, answer, expected, words):
    result = verdict(BACKWARD, view, step_backward=answer)
    assert (result.verdict, result.points, result.mistake) == (expected, 0, None)
    assert [word for word in words if word not in result.message] == []


@pytest.mark.parametrize("view", VIEWS)
def test_nan_is_wrong(view):
    result = verdict(FORWARD, view, step_forward=lambda *a: elman.step_forward(*a) * np.nan)
    assert (result.verdict, result.points, result.mistake) == ("wrong", 0, None)
    backward = verdict(BACKWARD, view, step_backward=lambda *a: tuple(g * np.nan for g in elman.step_backward(*a)))
    assert (backward.verdict, backward.points) == ("wrong", 0)


@pytest.mark.parametrize("view", VIEWS)
def test_a_bool_array_is_wrong_and_no_failure(view):
    result = verdict(FORWARD, view, step_forward=lambda *a: elman.step_forward(*a) > 0)
    assert (result.verdict, result.points) == ("wrong", 0)


@pytest.mark.parametrize("view", VIEWS)
def test_a_wrong_shape_is_wrong_and_both_shapes_are_shown(view):
    exercise, cases, _ = prepared(FORWARD)
    shape = cases[0].inputs["h_prev"].shape
    result = verdict(FORWARD, view, step_forward=lambda *a: elman.step_forward(*a).T)
    assert (result.verdict, result.points) == ("wrong", 0)
    assert result.lines[0].detail == f"shape {shape[::-1]}, stated {shape}"


@pytest.mark.parametrize("view", VIEWS)
def test_values_in_another_order_lose_the_points_of_those_out_of_place(view):
    def swapped(*arguments):
        dx, dh_prev, dWx, dWh, db = elman.step_backward(*arguments)
        return db, dh_prev, dWx, dWh, dx

    result = verdict(BACKWARD, view, step_backward=swapped)
    assert [line.name for line in result.lines if not line.ok] == ["dx", "db"]
    assert result.points == pytest.approx(7 * 3 / 5)
    assert (result.verdict, result.mistake) == ("partial", None)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("wrong", range(1, 6))
def test_partial_credit_is_the_share_of_right_parts(view, wrong):
    def spoilt(*arguments):
        return tuple(g + (place < wrong) for place, g in enumerate(elman.step_backward(*arguments)))

    result = verdict(BACKWARD, view, step_backward=spoilt)
    assert [line.ok for line in result.lines] == [place >= wrong for place in range(5)]
    assert result.points == pytest.approx(7 * (5 - wrong) / 5)
    assert result.verdict == ("partial" if wrong < 5 else "wrong")


@pytest.mark.parametrize("view", VIEWS)
def test_right_in_two_of_three_cases_is_wrong(view):
    _, cases, _ = prepared(FORWARD)
    special = cases[1].inputs["x"].shape

    def sometimes(x, *rest):
        return elman.step_forward(x, *rest) + (x.shape == special)

    result = verdict(FORWARD, view, step_forward=sometimes)
    assert (result.verdict, result.points) == ("wrong", 0)


@pytest.mark.parametrize("view", VIEWS)
def test_state_kept_between_calls_scores_nothing(view):
    kept = []

    def remembers(x, h_prev, *weights):
        h = elman.step_forward(x, kept[-1] if kept and kept[-1].shape == h_prev.shape else h_prev, *weights)
        kept.append(h)
        return h

    result = verdict(FORWARD, view, step_forward=remembers)
    assert (result.verdict, result.points) == ("wrong", 0)
    assert "Called twice" in result.message


@pytest.mark.parametrize("view", VIEWS)
def test_right_values_with_the_upstream_gradient_edited_are_worth_half(view):
    def edits(dh, *arguments):
        answer = elman.step_backward(dh, *arguments)
        dh[:] = 0
        return answer

    result = verdict(BACKWARD, view, step_backward=edits)
    assert (result.verdict, result.points) == ("partial", 3.5)
    assert "`dh`" in result.message
    assert "in place" in result.message


@pytest.mark.parametrize("view", VIEWS)
def test_right_values_with_an_input_edited_are_worth_half(view):
    def edits(x, h_prev, Wx, Wh, b):
        answer = elman.step_forward(x, h_prev, Wx, Wh, b)
        b += 1
        return answer

    result = verdict(FORWARD, view, step_forward=edits)
    assert (result.verdict, result.points, result.mistake) == ("partial", 1.5, None)
    assert "`b`" in result.message


@pytest.mark.parametrize("view", VIEWS)
def test_wrong_values_with_an_input_edited_are_worth_nothing(view):
    def edits(x, h_prev, Wx, Wh, b):
        x *= 2
        return x @ Wx

    result = verdict(FORWARD, view, step_forward=edits)
    assert (result.verdict, result.points) == ("wrong", 0)


@pytest.mark.parametrize("view", VIEWS)
def test_a_right_answer_rounded_to_float32_is_within_the_tolerance(view):
    """Half a unit in float32's last place is 6e-8 of an element: below 1e-7 of the largest."""
    result = verdict(FORWARD, view, step_forward=lambda *a: elman.step_forward(*a).astype("float32"))
    assert (result.verdict, result.points) == ("right", 3)


# Gates, shares, points of a course


CASE = Case({"x": np.arange(6.0)}, {})


def toy(parts, returns=("a", "b", "c"), kind="function"):
    exercise = Exercise("toy.f", 8, lambda rng: CASE, call_function(returns), parts, kind)
    right = exact(observe(exercise, {"f": lambda x: tuple(x + i for i in range(len(returns)))}, [CASE]), 1e-7)
    return exercise, Expectation(right)


def judged(exercise, expectation, function, **more):
    return judge(exercise, [CASE], observe(exercise, {"f": function}, [CASE]), expectation, **more)


def test_a_wrong_gate_leaves_nothing():
    exercise, expectation = toy({"gate": Part(0.25, ("a",), gate=True), "rest": Part(0.75, ("b", "c"))})
    assert judged(exercise, expectation, lambda x: (x + 9, x + 1, x + 2)).points == 0
    assert judged(exercise, expectation, lambda x: (x, x + 9, x + 2)).points == 2
    assert judged(exercise, expectation, lambda x: (x, x + 1, x + 2)).points == 8


def test_a_part_of_two_values_is_earned_by_both():
    exercise, expectation = toy({"one": Part(0.5, ("a",)), "two": Part(0.5, ("b", "c"))})
    assert judged(exercise, expectation, lambda x: (x, x + 1, x)).points == 4
    assert judged(exercise, expectation, lambda x: (x + 9, x + 1, x + 2)).points == 4


def test_a_course_may_change_the_points():
    exercise, expectation = toy(evenly(("a", "b", "c")))
    result = judged(exercise, expectation, lambda x: (x, x + 1, x), max_points=3)
    assert (result.points, result.max_points) == (2, 3)


def test_shares_that_do_not_add_up_are_refused():
    with pytest.raises(ValueError, match=r"add up to 1.*0\.75.*toy\.f"):
        toy({"one": Part(0.25, ("a",)), "two": Part(0.5, ("b", "c"))})


def test_a_backward_exercise_without_a_forward_is_refused():
    with pytest.raises(ValueError, match="names its `forward`"):
        toy(evenly(("a",)), ("a",), "backward")


@pytest.mark.parametrize("kind", ["missing", "blank", "malformed", "error", "forbidden", "limit", "not_reached"])
def test_every_kind_of_problem_has_a_verdict_and_no_points(kind):
    exercise, expectation = toy(evenly(("a", "b", "c")))
    result = judge(exercise, [CASE], [Observation(problem=Problem(kind, "why"))], expectation)
    assert result.verdict in VERDICTS
    assert (result.points, result.message) == (0, "why")
    assert "why" in result.text() and "why" in result.html()


def test_a_problem_in_one_case_is_a_problem():
    exercise, cases, views = prepared(FORWARD)
    answers = observe(exercise, reference.load("elman"), cases)
    answers[2] = Observation(problem=Problem("limit", "too slow"))
    result = judge(exercise, cases, answers, views["exact"])
    assert (result.verdict, result.points) == ("limit", 0)


# Follow-through


def central_gradient(forward, given, upstream, name, h=1e-6):
    gradient = np.empty(given[name].shape)
    for index in np.ndindex(gradient.shape):
        sums = []
        for sign in (1, -1):
            moved = given[name].copy()
            moved[index] += sign * h
            sums.append(np.sum(upstream * forward(**(given | {name: moved}))))
        gradient[index] = (sums[0] - sums[1]) / (2 * h)
    return gradient


def follow(id, namespace, forward_mistake, view):
    exercise, cases, views = prepared(id)
    answers = observe(exercise, namespace, cases)
    return judge(exercise, cases, answers, views[view], forward_mistake=forward_mistake)


def sigmoid(x, h_prev, Wx, Wh, b):
    return 1 / (1 + np.exp(-(x @ Wx + h_prev @ Wh + b)))


def sigmoid_backward(dh, x, h_prev, Wx, Wh, b):
    h = sigmoid(x, h_prev, Wx, Wh, b)
    dz = dh * h * (1 - h)
    return dz @ Wx.T, dz @ Wh.T, x.T @ dz, h_prev.T @ dz, dz.sum(axis=0)


def reference_on_top_of(**objects):
    """The reference's own code, calling other objects."""
    own = reference.source_of(BACKWARD)
    namespace = reference.mutate(Mistake(BACKWARD, "unchanged", own, own, ""))
    namespace.update(objects)
    return namespace


@pytest.mark.parametrize("view", VIEWS)
def test_the_true_gradient_of_a_mistaken_forward_pass_earns_half(view):
    """The oracle: it is the central difference of that forward pass, and not the gradient of the right one."""
    _, cases, _ = prepared(BACKWARD)
    given = {name: array for name, array in cases[0].inputs.items() if name != "dh"}
    answer = sigmoid_backward(cases[0].inputs["dh"], **given)
    for name, found in zip(given, answer, strict=True):
        assert np.allclose(found, central_gradient(sigmoid, given, cases[0].inputs["dh"], name), atol=1e-7)
    names = {"step_forward": sigmoid, "step_backward": sigmoid_backward}
    result = follow(BACKWARD, names, "elman.step_forward:sigmoid_for_tanh", view)
    assert (result.verdict, result.points) == ("follow_through", 3.5)
    assert result.mistake == "elman.step_forward:sigmoid_for_tanh"
    assert FORWARD in result.message
    assert follow(BACKWARD, names, None, view).points < 3.5
    assert follow(BACKWARD, names, "elman.step_forward:no_bias", view).verdict != "follow_through"


@pytest.mark.parametrize("view", VIEWS)
def test_right_backward_code_on_top_of_a_mistaken_forward_pass_earns_half(view):
    namespace = reference_on_top_of(step_forward=sigmoid)
    result = follow(BACKWARD, namespace, "elman.step_forward:sigmoid_for_tanh", view)
    assert (result.verdict, result.points) == ("follow_through", 3.5)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("slug", ["elman.step_forward:no_bias", "elman.sequence_forward:initial_state_ignored"])
def test_backpropagation_through_a_mistaken_sequence_earns_half(view, slug):
    mistake = next(m for m in reference.mistakes("elman") if m.id == slug)
    result = follow(THROUGH_TIME, reference.mutate(mistake), slug, view)
    assert (result.verdict, result.points) == ("follow_through", 4.5)


def test_a_wrong_backward_pass_on_top_of_a_mistaken_forward_pass_is_not_followed():
    namespace = {"step_forward": sigmoid, "step_backward": lambda *a: tuple(2 * g for g in sigmoid_backward(*a))}
    result = follow(BACKWARD, namespace, "elman.step_forward:sigmoid_for_tanh", "exact")
    assert (result.verdict, result.points) == ("wrong", 0)


# What a result tells


def numbers_in(text):
    return [float(number) for number in re.findall(r"-?\d+\.\d+(?:e[+-]?\d+)?", text)]


@pytest.mark.parametrize("id", [FORWARD, SEQUENCE, "elman.output_forward"])
@pytest.mark.parametrize("view", VIEWS)
def test_no_result_shows_a_right_value_of_a_forward_pass(view, id):
    exercise, cases, _ = prepared(id)
    right = np.concatenate(
        [s.values[exercise.names[0]].ravel() for s in observe(exercise, reference.load("elman"), cases)]
    )
    function = reference.load("elman")[exercise.object]

    def one_wrong(*arguments):
        answer = function(*arguments)
        answer[(0,) * answer.ndim] += 0.125
        return answer

    answers = [one_wrong, lambda *a: -function(*a), lambda *a: function(*a) * np.nan, lambda *a: function(*a)[:1]]
    for answer in answers:
        result = verdict(id, view, **{exercise.object: answer})
        assert result.verdict == "wrong"
        for shown in (result.text(), result.html(), str(result.to_plain())):
            found = numbers_in(shown)
            near = [n for n in found if n not in (0.4, 0.3, 0.8) and np.min(np.abs(right - n)) < 5e-4]
            assert near == [], shown


def test_a_wrong_backward_pass_shows_the_worst_element_beside_the_numeric_gradient(tmp_path):
    """Recomputed here: the worst element, the student's value there, and the central difference of the forward pass."""
    exercise, cases, views = prepared(BACKWARD)

    def spoilt(*arguments):
        dx, dh_prev, dWx, dWh, db = elman.step_backward(*arguments)
        dWx[1, 0] += 0.75
        return dx, dh_prev, dWx, dWh, db

    result = verdict(BACKWARD, "exact", step_backward=spoilt)
    line = next(line for line in result.lines if line.name == "dWx")
    given = {name: array for name, array in cases[0].inputs.items() if name != "dh"}
    true = central_gradient(elman.step_forward, given, cases[0].inputs["dh"], "Wx")[1, 0]
    index, yours, numeric = re.match(r"\[([\d, ]+)\] yours (\S+), numeric ([^\s;]+)", line.detail).groups()
    assert index == "1, 0"
    assert float(yours) == pytest.approx(true + 0.75, abs=1e-5)
    assert float(numeric) == pytest.approx(true, abs=1e-5)


def test_a_result_survives_as_plain_data():
    result = verdict(BACKWARD, step_backward=lambda *a: tuple(2 * g for g in elman.step_backward(*a)))
    assert Result.from_plain(result.to_plain()) == result


def test_a_card_holds_the_students_text_as_text():
    exercise, expectation = toy(evenly(("a", "b", "c")))
    script = "<script>alert(1)</script>"
    answers = [Observation(problem=Problem("error", script))]
    assert script not in judge(exercise, [CASE], answers, expectation).html()
    values = [Observation({"a": script, "b": script, "c": script})]
    assert script not in judge(exercise, [CASE], values, expectation).html()


def test_a_text_where_an_array_is_meant_is_wrong():
    exercise, expectation = toy(evenly(("a", "b", "c")))
    result = judge(exercise, [CASE], [Observation({"a": "x", "b": "y", "c": "z"})], expectation)
    assert (result.verdict, result.points) == ("wrong", 0)


def test_values_that_are_not_there_are_wrong_and_strange_ones_are_passed_over():
    exercise, expectation = toy(evenly(("a", "b", "c")))
    result = judge(exercise, [CASE], [Observation({"a": np.arange(6.0), "zz": np.zeros(1)})], expectation)
    assert result.points == pytest.approx(8 / 3, abs=0.005)  # points have two decimals
    assert [line.detail for line in result.lines if not line.ok] == ["not returned", "not returned"]


def test_evaluating_needs_a_key(tmp_path):
    with pytest.raises(FileNotFoundError):
        evaluate(exercises.find(FORWARD), reference.load("elman"), tmp_path)
