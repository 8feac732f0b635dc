"""Every known mistake is rejected and named; nothing else is given a known mistake's name.

Oracle: how a variant was made. A mistake is named rightly when the name is that of the edit that made it.
"""

import ast
import itertools
import random
import re

import numpy as np
import pytest

from autograder import reference
from autograder.judge import judge
from autograder.subject import observe
from solutions.mistakes import Mistake
from tests.catalogue import (
    BY_HAND,
    CATALOGUE,
    EXERCISES,
    cases,
    faults,
    many_draws,
    mutated,
    own_mistakes,
    seeds_of,
    views,
)
from tests.variants import MADE_UP


@pytest.mark.parametrize("mistake", CATALOGUE, ids=lambda mistake: mistake.id)
def test_every_known_mistake_is_rejected_and_named(mistake):
    id = mistake.exercise
    assert [fault for seed in seeds_of(id) for fault in faults(mistake, seed, views(id, seed))] == []


@pytest.mark.full
@pytest.mark.parametrize("id", EXERCISES)
def test_in_many_draws_every_mistake_is_rejected_and_named_and_every_right_answer_gets_full_marks(id):
    assert many_draws(id) == ([], [])


# Two at once

SAMPLE = 250  # pairs of an exercise in the short run; there are up to 2,300


def edited_source(*mistakes):
    """An object's text with several edits, or None where one takes away what another one looks for."""
    text = reference.source_of(mistakes[0].exercise)
    for mistake in mistakes:
        if text.count(mistake.find) != 1:
            return None
        text = text.replace(mistake.find, mistake.replace)
    return text


def variant(id, text):
    """The reference module with another text for one object."""
    return reference.mutate(Mistake(id, "variant", reference.source_of(id), text, ""))


def same(first, second):
    """Do two objects give the same, but for the order of sums? An error hides all that would have come after it."""
    for a, b in zip(first, second, strict=True):
        problems = [o.problem and (o.problem.kind, o.problem.signature) for o in (a, b)]
        if problems[0] != problems[1] or (a.edited, a.unstable) != (b.edited, b.unstable):
            return False
        if a.values.keys() != b.values.keys():
            return False
        for name, value in a.values.items():
            other = b.values[name]
            if isinstance(value, str) or isinstance(other, str):
                if type(value) is not type(other) or value != other:
                    return False
            elif value.shape != other.shape or not _close(value, other):
                return False
    return True


def _close(value, other):
    """Equal but for rounding; NaN and infinity at the same places."""
    value, other = value.astype(float), other.astype(float)
    largest = np.abs(other).max(initial=0.0, where=np.isfinite(other))
    return np.allclose(value, other, rtol=0, atol=1e-12 * largest, equal_nan=True)


def wrong_names(id, namespace, parts, seed):
    """Names that the judge gives an object with two mistakes, beyond one that alone gives the very same outputs.

    That may be one of the two, where it hides the other. Rarely the two make up a third: the slope taken at the
    argument h_prev, called with the new state for it, leaves nothing wrong but the recurrent kernel's gradient.
    """
    seen = observe(EXERCISES[id], namespace, cases(id, seed))
    found = []
    for view, expectation in views(id, seed).items():
        name = judge(EXERCISES[id], cases(id, seed), seen, expectation).mistake
        if name is None:
            continue
        alone = next(mistake for mistake in CATALOGUE if mistake.id == name)
        if not same(seen, observe(EXERCISES[id], mutated(alone), cases(id, seed))):
            found.append(f"{' + '.join(m.id for m in parts)} ({view}, seed {seed}): named {name}")
    return found


@pytest.mark.parametrize("id", BY_HAND)
def test_two_mistakes_in_one_function_are_not_called_by_a_wrong_name(id):
    pairs, found = list(itertools.combinations(own_mistakes(id), 2)), []
    for pair in random.Random(id).sample(pairs, min(len(pairs), SAMPLE)):
        text = edited_source(*pair) or edited_source(*pair[::-1])
        if text is None:
            continue
        namespace = variant(id, text)
        for seed in range(2):
            found += wrong_names(id, namespace, pair, seed)
    assert found == []


def test_two_mistakes_in_the_cell_are_not_called_by_a_wrong_name():
    own = {mistake.slug: mistake for mistake in CATALOGUE if mistake.exercise == "elman.ElmanCell"}
    for first, second in [
        ("bias_not_registered", "stop_gradient"),
        ("weight_not_named", "config_incomplete"),
        ("no_squashing", "recurrent_kernel_transposed"),
        ("initial_state_not_zero", "kernel_not_trainable"),
    ]:
        pair = (own[first], own[second])
        assert wrong_names("elman.ElmanCell", variant("elman.ElmanCell", edited_source(*pair)), pair, 0) == []


CALLING = [id for id in BY_HAND if any(m.exercise != id and id in reference.callers(m.exercise) for m in CATALOGUE)]


@pytest.mark.parametrize("id", CALLING)
def test_a_mistake_here_and_one_in_what_is_called_are_not_called_by_a_wrong_name(id):
    own = own_mistakes(id)
    called = [m for m in CATALOGUE if m.exercise != id and id in reference.callers(m.exercise)]
    found = []
    pairs = list(itertools.product(called, own))
    for below, above in random.Random(id).sample(pairs, min(len(pairs), SAMPLE)):
        namespace = reference.mutate(below)
        exec(compile(edited_source(above), "<above>", "exec"), namespace)
        found += wrong_names(id, namespace, (below, above), 0)
    assert found == []


# What is not in the catalogue


@pytest.mark.parametrize(("id", "find", "replace"), MADE_UP, ids=[f"{id}: {replace}" for id, _, replace in MADE_UP])
def test_a_mistake_outside_the_catalogue_is_rejected_without_a_name(id, find, replace):
    seen = observe(EXERCISES[id], reference.mutate(Mistake(id, "made_up", find, replace, "")), cases(id, 0))
    for expectation in views(id, 0).values():
        result = judge(EXERCISES[id], cases(id, 0), seen, expectation)
        assert result.verdict in ("wrong", "partial")
        assert result.points < result.max_points
        assert result.mistake is None


def test_a_mistake_in_one_function_is_named_in_those_that_call_it():
    mistake = next(m for m in CATALOGUE if m.id == "elman.step_backward:dWh_transposed")
    id = "elman.sequence_backward"
    seen = observe(EXERCISES[id], mutated(mistake), cases(id, 0))
    for expectation in views(id, 0).values():
        result = judge(EXERCISES[id], cases(id, 0), seen, expectation)
        assert result.mistake == mistake.id
        assert "elman.step_backward" in result.message  # where to look


# The catalogue itself


def squeezed(text):
    return re.sub(r"\s+", "", text)


def right_lines(id):
    """What a student is to write: each statement between the markers, and each right-hand side."""
    inside = re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", reference.source_of(id), re.S)
    for block in inside:
        for line in block.split("\n"):
            statement = line.split("  #")[0].strip()
            yield statement
            yield statement.partition(" = ")[2]
            yield statement.removeprefix("return ")


@pytest.mark.parametrize("mistake", CATALOGUE, ids=lambda mistake: mistake.id)
def test_a_sentence_does_not_give_the_right_code_away(mistake):
    sentence = squeezed(mistake.sentence)
    assert squeezed(mistake.find) not in sentence
    for code in right_lines(mistake.exercise):
        if len(squeezed(code)) >= 6:  # a bare name like `carry` is a word, not code
            assert squeezed(code) not in sentence


@pytest.mark.parametrize("id", EXERCISES)
def test_no_two_mistakes_of_an_exercise_have_equal_outputs(id):
    own = own_mistakes(id)
    for seed in range(3 if id in BY_HAND else 1):
        seen = {mistake.id: observe(EXERCISES[id], mutated(mistake), cases(id, seed)) for mistake in own}
        twins = [(a, b) for a, b in itertools.combinations(seen, 2) if same(seen[a], seen[b])]
        assert twins == []


def test_the_catalogue_is_large_and_every_id_is_its_own():
    assert len(CATALOGUE) >= 20
    assert len({mistake.id for mistake in CATALOGUE}) == len(CATALOGUE)
    for id in EXERCISES:  # two exercises may share a mistake
        sentences = [mistake.sentence for mistake in own_mistakes(id)]
        assert len(set(sentences)) == len(sentences)


def test_every_exercise_has_mistakes_and_every_mistake_an_exercise():
    assert {mistake.exercise for mistake in CATALOGUE} == set(EXERCISES)


@pytest.mark.parametrize("mistake", CATALOGUE, ids=lambda mistake: mistake.id)
def test_an_edit_is_inside_what_the_student_writes(mistake):
    """An edit of the signature or the docstring would be a mistake that nobody can make."""
    own = reference.source_of(mistake.exercise)
    tree = ast.parse(own.replace(mistake.find, mistake.replace))
    assert len(tree.body) == 1
    inside = "\n".join(re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", own, re.S))
    assert inside.count(mistake.find) == 1
    assert mistake.find != mistake.replace


@pytest.mark.parametrize(("find", "times"), [("np.cosh(x)", 0), ("h_prev", None), ("", None)])
def test_an_edit_that_does_not_match_exactly_once_is_refused(find, times):
    with pytest.raises(ValueError, match="exactly once") as caught:
        reference.mutate(Mistake("elman.step_backward", "made_up", find, "0", ""))
    assert "elman.step_backward:made_up" in str(caught.value)
    if times is not None:
        assert f"{times} times" in str(caught.value)
