"""Right answers in other clothes get full marks, in the student's notebook and in grading."""

import keras
import numpy as np
import pytest
from keras import ops

from autograder import reference
from autograder.judge import judge
from autograder.subject import observe
from tests.catalogue import EXERCISES, cases, namespace_with, seeds_of, shortfalls, views
from tests.classroom import styles
from tests.variants import VARIANTS


@pytest.mark.parametrize("name", VARIANTS)
def test_a_right_answer_in_other_clothes_gets_full_marks(name):
    id, _ = VARIANTS[name]
    assert shortfalls(id, namespace_with(name), seeds_of(id), views) == []


@pytest.fixture(scope="module")
def other_style():
    """A notebook whose every answer is in the second style: its functions call each other, not the reference."""
    names = {"np": np, "keras": keras, "ops": ops}
    for text in styles.OTHER.values():
        exec(compile(text, "<other style>", "exec"), names)
    return names


@pytest.mark.parametrize("id", styles.OTHER)
def test_a_whole_notebook_in_another_style_gets_full_marks(id, other_style):
    assert shortfalls(id, other_style, seeds_of(id), views) == []


@pytest.mark.parametrize("id", EXERCISES)
def test_the_reference_gets_full_marks(id):
    assert shortfalls(id, reference.load(EXERCISES[id].module), seeds_of(id), views) == []


@pytest.mark.parametrize("id", EXERCISES)
def test_a_blank_scores_nothing(id):
    exercise = EXERCISES[id]
    seen = observe(exercise, reference.blank(id), cases(id, 0))
    for expectation in views(id, 0).values():
        result = judge(exercise, cases(id, 0), seen, expectation)
        assert (result.verdict, result.points, result.mistake) == ("missing", 0, None)


def test_every_exercise_has_right_answers_written_differently():
    counted = {id: sum(other == id for other, _ in VARIANTS.values()) for id in EXERCISES}
    assert {id: count for id, count in counted.items() if count < 2} == {}
