"""What the judge compares with: exact arrays, and fingerprints that tell right from wrong and not what is right."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder import exercise as exercises
from autograder import key, reference
from autograder.expectation import (
    PROJECTIONS,
    Exact,
    Expectation,
    Fingerprint,
    KnownMistake,
    Pattern,
    Text,
    exact,
    fingerprinted,
)
from autograder.judge import judge
from autograder.reference import Expectations
from autograder.subject import Observation, Problem, observe

RTOL = 1e-7


def tensor(*shape, seed=0):
    return np.asarray(np.random.default_rng(seed).normal(size=shape))


def marks(array, rtol=RTOL):
    return [Exact(array, rtol), Fingerprint.of(array, "label", rtol)]


@pytest.mark.parametrize("kind", [0, 1], ids=["exact", "fingerprint"])
@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 5), (2, 3, 4), (0, 3)])
def test_the_right_array_matches(kind, shape):
    array = tensor(*shape)
    mark = marks(array)[kind]
    assert mark.shape == shape
    assert mark.matches(array)
    assert mark.matches(np.array(array, order="F"))


@pytest.mark.parametrize("kind", [0, 1], ids=["exact", "fingerprint"])
def test_one_wrong_element_is_enough_to_be_wrong(kind):
    array = tensor(4, 5)
    mark = marks(array)[kind]
    for index in np.ndindex(array.shape):
        wrong = array.copy()
        wrong[index] += 1e-3 * np.abs(array).max()
        assert not mark.matches(wrong), index


@pytest.mark.parametrize("kind", [0, 1], ids=["exact", "fingerprint"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_element_that_is_not_finite_is_wrong(kind, bad):
    wrong = tensor(3, 4)
    mark = marks(wrong.copy())[kind]
    wrong[1, 2] = bad
    assert not mark.matches(wrong)


@pytest.mark.parametrize("kind", [0, 1], ids=["exact", "fingerprint"])
def test_another_shape_with_the_same_numbers_is_wrong(kind):
    array = tensor(2, 6)
    mark = marks(array)[kind]
    for other in (array.ravel(), array.reshape(6, 2), array[None], array.T, array[:, :5]):
        assert not mark.matches(other)
    assert not mark.matches("text")


@pytest.mark.parametrize("kind", [0, 1], ids=["exact", "fingerprint"])
def test_the_tolerance_is_relative_to_the_largest_element(kind):
    for factor in (1e-6, 1.0, 1e6):
        array = factor * tensor(3, 4)
        mark, largest = marks(array)[kind], np.abs(array).max()
        within = (0.9, 0.4)[kind] * RTOL  # a projection adds errors up, so that chance decides near the limit
        assert mark.matches(array + within * largest * np.sign(tensor(3, 4, seed=1)))
        for seed in range(5):
            assert not mark.matches(array + 100 * RTOL * largest * np.sign(tensor(3, 4, seed=seed)))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 400), st.floats(1e-9, 1e9))
def test_rounding_to_float32_is_within_both_tolerances(seed, size, factor):
    array = factor * np.random.default_rng(seed).normal(size=size)
    near = array.astype(np.float32)
    assert Exact(array, RTOL).matches(near)
    assert Fingerprint.of(array, str(seed), RTOL).matches(near)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_where_a_tensor_is_not_finite_is_part_of_its_fingerprint(value):
    array = tensor(4, 4)
    array[0, 2] = value
    mark = Fingerprint.of(array, "label", RTOL)
    assert mark.matches(array)
    other, elsewhere = array.copy(), tensor(4, 4)
    other[3] = 99
    elsewhere[1, 2] = value
    assert not mark.matches(other) and not mark.matches(elsewhere) and not mark.matches(-array)
    assert mark.factor(2 * array) is None


def test_an_array_of_zeros_has_a_fingerprint_that_only_zeros_match():
    mark = Fingerprint.of(np.zeros((2, 3)), "label", RTOL)
    assert mark.matches(np.zeros((2, 3)))
    assert not mark.matches(np.full((2, 3), 1e-12))


def signs(mark, size):
    """The directions, recovered from outside: project each unit vector."""
    columns = [Fingerprint.of(unit, "label", RTOL).projections for unit in np.eye(size)]
    return np.array(columns).T  # (projections, size)


def test_a_fingerprint_does_not_determine_the_tensor():
    """Four linear equations for twelve unknowns: another tensor, far away, has the same fingerprint."""
    array = tensor(12)
    mark = Fingerprint.of(array, "label", RTOL)
    directions = signs(mark, 12)
    assert len(mark.projections) == PROJECTIONS < array.size
    assert np.linalg.matrix_rank(directions) <= PROJECTIONS
    assert np.allclose(directions @ array, mark.projections)
    _, _, rows = np.linalg.svd(directions)
    other = array + 10 * rows[-1]  # the last right singular vector: every direction is blind to it
    assert np.linalg.norm(other - array) == pytest.approx(10)
    assert mark.matches(other)


def test_the_scale_of_a_fingerprint_is_a_power_of_two_that_hides_the_largest_element():
    for seed in range(20):
        array = tensor(9, seed=seed)
        scale, largest = Fingerprint.of(array, "label", RTOL).scale, np.abs(array).max()
        assert largest <= scale < 2 * largest
        assert np.log2(scale) == int(np.log2(scale))


def test_different_labels_project_along_different_directions():
    array = tensor(40)
    one, two = (Fingerprint.of(array, label, RTOL) for label in ("elman.a/0/x", "elman.a/1/x"))
    assert one.projections != two.projections
    assert one == Fingerprint.of(array, "elman.a/0/x", RTOL)


def test_a_text_matches_itself_alone():
    assert Text("kernel (3, 4)").matches("kernel (3, 4)")
    assert not Text("kernel (3, 4)").matches("kernel (4, 3)")
    assert not Text("1").matches(np.array(1))


# Patterns and known mistakes


def seen(value, **more):
    return Observation({"y": np.asarray(value, float)}, **more)


def known(id, *values, **more):
    return KnownMistake(id, f"{id}.", exact([seen(value, **more) for value in values], RTOL))


def test_a_mistake_is_recognised_only_if_it_explains_every_case():
    expectation = Expectation(exact([seen([1]), seen([2])], RTOL), (known("m", [3], [4]),))
    assert expectation.recognise([seen([3]), seen([4])]).id == "m"
    assert expectation.recognise([seen([3]), seen([2])]) is None
    assert expectation.recognise([seen([3])]) is None
    assert expectation.recognise([]) is None


def test_two_mistakes_with_the_same_outputs_are_both_not_named():
    expectation = Expectation(exact([seen([1])], RTOL), (known("m", [3]), known("n", [3]), known("o", [5])))
    assert expectation.recognise([seen([3])]) is None
    assert expectation.recognise([seen([5])]).id == "o"


def test_in_place_edits_and_instability_belong_to_the_pattern():
    expectation = Expectation(exact([seen([1])], RTOL), (known("m", [1], edited=("x",)),))
    assert expectation.recognise([seen([1], edited=("x",))]).id == "m"
    assert expectation.recognise([seen([1])]) is None
    assert expectation.recognise([seen([1], edited=("w",))]) is None
    assert expectation.recognise([seen([1], edited=("x",), unstable=("y",))]) is None


def test_more_or_fewer_values_are_another_pattern():
    (pattern,) = exact([seen([1])], RTOL)
    assert pattern.matches(seen([1]))
    assert not pattern.matches(Observation({}))
    assert not pattern.matches(Observation({"y": np.ones(1), "z": np.ones(1)}))
    assert not pattern.matches(Observation({"z": np.ones(1)}))


def test_problems_match_by_kind_and_signature_and_never_without_one():
    pattern = Pattern({}, Problem("malformed", "4 values", "values"))
    assert pattern.matches(Observation(problem=Problem("malformed", "5 values", "values")))
    assert not pattern.matches(Observation(problem=Problem("error", "4 values", "values")))
    assert not pattern.matches(Observation(problem=Problem("malformed", "4 values", "")))
    assert not pattern.matches(Observation({}))
    assert not Pattern({}, Problem("missing", "same", "")).matches(Observation(problem=Problem("missing", "same", "")))


# The answer key

KEYED = ["elman.step_forward", "elman.step_backward", "elman.output_backward"]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A key of three exercises, and what was written into it."""
    folder = tmp_path_factory.mktemp("key")
    found = [exercises.find(id) for id in KEYED]
    expectations = Expectations({exercise.id: exercise.public_cases() for exercise in found})
    entries = {e.id: (e.points + 0.5, fingerprinted(expectations.of(e), e.id)) for e in found}
    key.write(folder / f"04_elman{key.SUFFIX}", "04_elman", entries)
    return folder, entries


@pytest.mark.parametrize("id", KEYED)
def test_a_key_read_back_gives_the_same_verdicts(written, id):
    folder, entries = written
    points, before = entries[id]
    read_points, after = key.find(id, folder)
    assert read_points == points
    exercise = exercises.find(id)
    cases = exercise.public_cases()
    mistakes = [m for m in reference.mistakes("elman") if id in reference.callers(m.exercise)]
    verdicts = set()
    for namespace in [reference.load("elman"), reference.blank(id), {}, *map(reference.mutate, mistakes)]:
        answers = observe(exercise, namespace, cases)
        for forward in [None, *(m.id for m in mistakes if m.exercise == exercise.forward)]:
            results = [judge(exercise, cases, answers, e, forward_mistake=forward) for e in (before, after)]
            assert results[0] == results[1]
            verdicts.add(results[0].verdict)
    assert {"right", "missing"} < verdicts
    assert ("follow_through" in verdicts) == (id == "elman.step_backward")


def test_a_key_holds_no_tensor(written):
    """What stands in the file for a value: shape, scale, seed, four sums, tolerance."""
    folder, _ = written
    plain = json.loads((folder / f"04_elman{key.SUFFIX}").read_text(encoding="utf-8"))

    def lists(thing):
        if isinstance(thing, dict):
            thing = list(thing.values())
        if isinstance(thing, list):
            yield thing
            for inner in thing:
                yield from lists(inner)

    numbers = [found for found in lists(plain["exercises"]) if found and all(type(n) is float for n in found)]
    assert numbers
    assert max(map(len, numbers)) == PROJECTIONS
    text = json.dumps(plain)
    for id in KEYED:
        exercise = exercises.find(id)
        for observation in observe(exercise, reference.load("elman"), exercise.public_cases()):
            for array in observation.values.values():
                assert not [value for value in array.ravel().tolist() if repr(value) in text]


def test_a_key_that_is_not_there_or_is_damaged_raises_with_what_to_do(tmp_path):
    (tmp_path / f"a{key.SUFFIX}").write_text("{", encoding="utf-8")
    (tmp_path / f"b{key.SUFFIX}").write_text(
        '{"format": 99, "exercises": {"elman.step_forward": {}}}', encoding="utf-8"
    )
    with pytest.raises(FileNotFoundError) as caught:
        key.find("elman.step_forward", tmp_path)
    assert "elman.step_forward" in str(caught.value)
    assert key.SUFFIX in str(caught.value)
    assert "keep both in one folder" in str(caught.value)


def test_a_key_of_another_version_says_so(tmp_path):
    entry = '{"format": 3, "exercises": {"elman.step_forward": {"points": 3}}}'
    (tmp_path / f"a{key.SUFFIX}").write_text(entry, encoding="utf-8")
    with pytest.raises(ValueError, match=r"another version of the course.*this one is 3.*fetch the lesson again"):
        key.find("elman.step_forward", tmp_path)


@pytest.mark.parametrize("text", ["[]", '"key"', "7", '{"format": 2}', '{"format": 2, "exercises": []}', "\udcff"])
def test_a_file_that_is_no_key_is_passed_over(tmp_path, text):
    (tmp_path / f"a{key.SUFFIX}").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(FileNotFoundError):
        key.find("elman.step_forward", tmp_path)
