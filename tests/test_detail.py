"""What a result says about values that no known mistake explains: order, shape, signature, and where they are wrong."""

import json
import re

import numpy as np
import pytest

from autograder import reference
from autograder.gradients import compare
from autograder.heat import GLYPHS, Heat, heat
from autograder.judge import judge
from autograder.result import MOST_MAPS, Line, Result
from autograder.subject import observe
from solutions import elman
from tests.catalogue import EXERCISES, cases, views
from tests.test_judge import BACKWARD, FORWARD, SEQUENCE, THROUGH_TIME, VIEWS, verdict


def changed(function, change):
    """The reference with its answer changed before it is returned."""
    return lambda *arguments: change(function(*arguments))


@pytest.mark.parametrize("view", VIEWS)
def test_right_arrays_in_another_order_are_named_one_by_one(view):
    swapped = changed(elman.step_backward, lambda g: (g[1], g[0], *g[2:]))
    message = verdict(BACKWARD, view, step_backward=swapped).message
    assert "in another order" in message
    assert "what stands for `dx` is `dh_prev`" in message
    assert "(dx, dh_prev, dWx, dWh, db)" in message


@pytest.mark.parametrize("view", VIEWS)
def test_two_wrong_arrays_are_not_taken_for_swapped_ones(view):
    wrong = changed(elman.step_backward, lambda g: (g[1], g[0] + 1, *g[2:]))
    assert "in another order" not in verdict(BACKWARD, view, step_backward=wrong).message


@pytest.mark.parametrize("view", VIEWS)
def test_an_array_of_whole_numbers_where_fractions_are_meant_is_named(view):
    cut = changed(elman.step_forward, lambda h: (10 * h).astype(int))
    assert "`h` holds whole numbers only (int64)" in verdict(FORWARD, view, step_forward=cut).message


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda h: -h, "right but for its sign"),
        (lambda h: 2 * h, "factor 2: is something counted twice"),
        (lambda h: 0 * h, "every value is zero"),
        (lambda h: np.where(np.arange(h.size).reshape(h.shape) == 3, np.nan, h), "not finite"),
    ],
)
def test_the_signature_of_a_wrong_forward_pass_is_told_with_and_without_its_values(view, change, words):
    result = verdict(SEQUENCE, view, sequence_forward=changed(elman.sequence_forward, change))
    assert result.mistake is None
    assert result.message.startswith("Not one of the known mistakes.")
    assert words in result.message


@pytest.mark.parametrize("view", VIEWS)
def test_a_factor_that_is_the_same_in_all_cases_is_not_taken_for_a_size(view):
    half = verdict(SEQUENCE, view, sequence_forward=changed(elman.sequence_forward, lambda h: h / 2)).message
    assert "is something halved" in half and "averaged" not in half

    def averaged(x, *rest):
        return elman.sequence_forward(x, *rest) / len(x)

    message = verdict(SEQUENCE, view, sequence_forward=averaged).message
    assert re.search(r"averaged over the batch \(\d\) that should be summed", message)


@pytest.mark.parametrize("view", VIEWS)
def test_a_square_array_that_is_transposed_is_named_though_not_in_the_catalogue(view):
    turned = changed(elman.sequence_backward, lambda g: (*g[:3], g[3].T, g[4]))
    result = verdict(THROUGH_TIME, view, sequence_backward=turned)
    assert result.mistake or "`dWh`: looks transposed" in result.message


def test_a_wrong_shape_is_told_before_the_signature_of_another_array():
    both = changed(elman.step_backward, lambda g: (*g[:3], 2 * g[3], g[4][None]))
    assert "`db` has the shape" in verdict(BACKWARD, step_backward=both).message


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda h: h[..., None], "There is an axis of length 1 too many."),
        (lambda h: h[:, None], "There is an axis of length 1 too many."),
        (lambda h: h[:-1], "Is there one step, row or column too many or too few?"),
        (lambda h: np.concatenate([h, h[:, :1]], axis=1), "Is there one step, row or column too many or too few?"),
        (lambda h: np.concatenate([h, h]), "What should each axis stand for"),
        (lambda h: np.ones((h.shape[0] + 1, h.shape[1] + 1)), "What should each axis stand for"),
        (lambda h: np.ones((*h.shape, 3)), "Which axis should be summed over?"),
        (lambda h: h[0], "Which axis was lost?"),
        (lambda h: h.T, "Are two axes the wrong way round"),
    ],
)
def test_a_wrong_shape_is_told_with_what_it_suggests(view, change, words):
    assert words in verdict(FORWARD, view, step_forward=changed(elman.step_forward, change)).message


@pytest.mark.parametrize("view", VIEWS)
def test_what_lost_digits_on_its_way_is_not_taken_for_a_factor(view):
    rounded = changed(elman.step_forward, lambda h: h.round(6))
    message = verdict(FORWARD, view, step_forward=rounded).message
    assert "`h` is right to five digits or more, and no further" in message and "factor" not in message
    far = changed(elman.step_forward, lambda h: h * (1 + 1e-4))
    assert "five digits" not in verdict(FORWARD, view, step_forward=far).message


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    ("id", "change"),
    [
        ("counting.bag_of_words", lambda counts: counts.astype(int) + 3),
        ("hopfield.synchronous_step", lambda s: -s.astype(int)),
        ("rnnlm.stream_batches", lambda pair: (pair[0] + 1, pair[1] + 2)),
    ],
)
def test_whole_numbers_are_not_blamed_where_whole_numbers_are_meant(view, id, change):
    exercise = EXERCISES[id]
    own = changed(reference.load(exercise.module)[exercise.object], change)
    seen = observe(exercise, {exercise.object: own}, cases(id, 0))
    result = judge(exercise, cases(id, 0), seen, views(id, 0)[view])
    assert result.verdict == "wrong"
    assert "whole numbers" not in result.message


# Where it is wrong


def mapped(answer, expected, **more):
    return heat(answer, expected, compare(answer, expected).wrong, **more)


def test_a_sequence_is_mapped_as_time_by_units_with_the_worst_of_the_batch():
    expected = np.ones((2, 4, 3))
    answer = expected.copy()
    answer[0, 1, 2] += 0.001
    answer[1, 1, 2] += 0.1
    answer[1, 3, 0] += 5
    found = mapped(answer, expected, time_axis=1, sizes={"batch": 2, "time": 4, "units": 3})
    assert found.rows == ("000", "002", "000", "300")
    assert (found.down, found.across) == ("time (4)", "units (3)")
    assert found.words == "time (4) by units (3): 0 right, 1 partly wrong, 2 right, 3 partly wrong"


def test_a_matrix_is_mapped_as_it_is_and_a_vector_in_one_row():
    assert mapped(np.array([[1.0, 2], [3, 4.001]]), np.array([[1.0, 2], [3, 4]])).rows == ("00", "01")
    assert mapped(np.array([1.0, np.nan, 3]), np.array([1.0, 2, 3])).rows == ("030",)


def test_a_number_and_an_empty_tensor_have_no_map():
    assert mapped(np.array(1.0), np.array(2.0)) is None
    assert mapped(np.empty((0, 3)), np.empty((0, 3))) is None


def test_a_large_tensor_is_pooled_and_a_single_wrong_element_still_shows():
    expected = np.ones((500, 300))
    answer = expected.copy()
    answer[123, 77] = 2
    rows = mapped(answer, expected).rows
    assert len(rows) <= 12 and len(rows[0]) <= 24
    assert "".join(rows).count("3") == 1 and set("".join(rows)) == {"0", "3"}


def test_zero_where_zero_is_expected_is_no_division():
    assert mapped(np.array([0.0, 1.0]), np.zeros(2)).rows == ("03",)


def test_the_words_of_a_pooled_map_count_the_tensors_own_elements():
    expected = np.ones((2, 30, 5))
    answer = expected.copy()
    answer[:, 25:] = 3
    found = mapped(answer, expected, time_axis=1, sizes={"time": 30, "units": 5})
    assert found.words == "time (30) by units (5): 0 to 24 right, 25 to 29 wrong"
    assert found.down == "time (30), in 12 parts"
    hundred = np.ones(100)
    one = hundred.copy()
    one[80] = 2
    assert mapped(one, hundred).words == "elements (100): 0 to 79 right, 80 wrong, 81 to 99 right"


def test_an_axis_is_not_named_by_a_size_that_it_shares_by_chance():
    answer, expected = np.ones((7, 6)), np.zeros((7, 6))
    found = mapped(answer, expected, sizes={"batch": 6, "features": 7, "units": 2})
    assert (found.down, found.across) == ("rows (7)", "columns (6)")


def test_a_map_reads_the_same_in_words_characters_and_on_a_page():
    found = Heat("time (4)", "units (3)", ("333", "303", "000", "000"), "time (4) by units (3): 0 wrong, …")
    assert found.text().split("\n")[1:] == ["███", "█·█", "···", "···"]
    page = found.html()
    assert f"aria-label='{found.words}'" in page and "role='img'" in page
    shown = re.findall(r"<span[^>]*>(.)</span>", page)
    assert "".join(shown) == "".join(found.text().split("\n")[1:])  # colour adds nothing that a character lacks
    assert set(shown) <= set(GLYPHS)


def test_a_result_shows_the_first_maps_and_keeps_all():
    lines = tuple(Line(f"d{i}", False, "", Heat("", "units (2)", ("03",))) for i in range(MOST_MAPS + 2))
    result = Result("elman.step_backward", 0, 7, "wrong", "why", lines=lines)
    assert result.html().count("role='img'") == MOST_MAPS
    assert result.text().count("across") == MOST_MAPS
    assert Result.from_plain(json.loads(json.dumps(result.to_plain()))) == result


@pytest.mark.parametrize("view", VIEWS)
def test_the_map_of_a_forward_pass_needs_the_exact_values(view):
    wrong = changed(elman.sequence_forward, lambda h: h + np.eye(h.shape[1], h.shape[2]))
    (line,) = verdict(SEQUENCE, view, sequence_forward=wrong).lines
    assert (line.heat is not None) == (view == "exact")
