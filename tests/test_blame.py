"""A function is blamed for a wrong answer of one that calls it only where it is wrong itself: in the notebook, in grading.

Oracle: how the answer was made, from a right function or from a mistaken one.
"""

from types import SimpleNamespace

import nbformat
import pytest

from autograder import check, key, reference
from autograder import exercise as exercises
from autograder.expectation import fingerprinted
from autograder.grade import task
from autograder.notebook import evaluate
from autograder.reference import Expectations
from autograder.subject import observe

CAPACITY = "hopfield.capacity_curve"
IDS = ("hopfield.hebb", "hopfield.recall", CAPACITY)
CALL = "recall(stored, hebb(stored), b, order, sweeps)"
OWN_FAULTS = {  # what capacity_curve has instead of the call, and whose mistake gives the same numbers
    "recall(stored, hebb(stored), b, order, 1)": "hopfield.recall:one_sweep",
    "recall(stored, hebb(stored), b, np.arange(len(b)), sweeps)": "hopfield.recall:order_ignored",
    "recall(stored, stored.T @ stored / len(b), b, order, sweeps)": "hopfield.hebb:diagonal_not_zeroed",
}


@pytest.fixture(scope="module")
def expectations():
    """Of the public inputs, which serve as those of grading too."""
    found = [exercises.find(id) for id in IDS]
    whole = Expectations({exercise.id: exercise.public_cases() for exercise in found})
    return {exercise.id: whole.of(exercise) for exercise in found}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, expectations):
    """A folder with an answer key."""
    path = tmp_path_factory.mktemp("lesson")
    entries = {id: (exercises.find(id).points, fingerprinted(known, id)) for id, known in expectations.items()}
    key.write(path / f"03_hopfield{key.SUFFIX}", "03_hopfield", entries)
    return path


def in_the_notebook(names, expectations, folder):
    return evaluate(exercises.find(CAPACITY), names, folder)


def in_grading(names, expectations, folder):
    cases = {id: exercises.find(id).public_cases() for id in IDS}
    plan = SimpleNamespace(points={id: exercises.find(id).points for id in IDS}, cases=cases, expectations=expectations)
    seen = {id: observe(exercises.find(id), names, cases[id]) for id in IDS}
    submission = SimpleNamespace(notebook=nbformat.v4.new_notebook(), student_cells=[])
    return task._judge(submission, SimpleNamespace(seen=seen, stopped=""), plan)[CAPACITY]


def names_with(mistake_id=None, own=None):
    """The reference's names, with a known mistake in one function, and with another call in capacity_curve."""
    if mistake_id:
        names = reference.mutate(next(m for m in reference.mistakes("hopfield") if m.id == mistake_id))
    else:
        names = dict(reference.load("hopfield"))
    if own:
        text = reference.source_of(CAPACITY)
        assert text.count(CALL) == 1
        exec(text.replace(CALL, own), names)
    return names


BOTH = pytest.mark.parametrize("judged", [in_the_notebook, in_grading])


@BOTH
@pytest.mark.parametrize("own", OWN_FAULTS)
def test_a_fault_of_its_own_is_not_blamed_on_right_functions(judged, own, expectations, folder):
    result = judged(names_with(own=own), expectations, folder)
    assert result.verdict == "wrong" and result.points == 0
    assert result.mistake is None
    assert "which it calls" not in result.message and "Not one of the known mistakes" in result.message


@BOTH
@pytest.mark.parametrize("mistake", OWN_FAULTS.values())
def test_a_mistake_in_what_it_calls_is_still_named(judged, mistake, expectations, folder):
    result = judged(names_with(mistake), expectations, folder)
    assert result.mistake == mistake
    assert result.message.startswith(f"This comes from your {mistake.split(':')[0]}, which it calls. ")


@BOTH
def test_where_two_functions_could_have_it_the_wrong_one_has(judged, expectations, folder):
    """Weights of the wrong sign and units that turn away from their field give the same errors."""
    for mistake in ("hopfield.hebb:sign", "hopfield.recall:away_from_field"):
        assert judged(names_with(mistake), expectations, folder).mistake == mistake


def test_a_function_that_is_not_there_or_fails_is_not_taken_for_right(expectations, folder, capsys):
    """Nobody can tell, so the known mistake is named: the numbers fit it."""
    own, mistake = next(iter(OWN_FAULTS.items()))
    text = reference.source_of(CAPACITY).replace(CALL, own.replace("recall", "my_recall"))
    for recall in ({}, {"recall": lambda *_: 1 / 0}):
        names = dict(reference.load("hopfield"))
        names["my_recall"] = names.pop("recall")
        exec(text, names)
        assert evaluate(exercises.find(CAPACITY), names | recall, folder).mistake == mistake
    points = check(CAPACITY, namespace=names_with(own=own), folder=folder)
    assert points == 0 and "This comes from" not in capsys.readouterr().out


def test_soundness_is_asked_only_of_exercises_whose_mistakes_fit(expectations):
    known, exercise = expectations[CAPACITY], exercises.find(CAPACITY)
    seen, asked = observe(exercise, names_with("hopfield.recall:one_sweep"), exercise.public_cases()), []
    assert known.recognise(seen).id == "hopfield.recall:one_sweep"
    assert known.recognise(seen, lambda id: bool(asked.append(id))).origin == "hopfield.recall"
    assert known.recognise(seen, lambda id: id == "hopfield.recall") is None
    assert known.recognise(seen, lambda id: id == "hopfield.hebb").origin == "hopfield.recall"
    assert asked == ["hopfield.recall"]
