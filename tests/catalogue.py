"""Every exercise with its known mistakes and its right variants, judged in the two ways that the course judges.

Shared by the tests of mistakes and of right answers, and by the benchmark that counts both.
"""

from __future__ import annotations

import inspect
from functools import cache

from autograder import exercise as exercises
from autograder import reference
from autograder.expectation import Text, fingerprinted
from autograder.judge import judge
from autograder.reference import Expectations
from autograder.subject import Observation, observe
from solutions.mistakes import Mistake
from tests.variants import VARIANTS

EXERCISES = {exercise.id: exercise for exercise in exercises.every()}
CATALOGUE = [mistake for module in exercises.modules() for mistake in reference.mistakes(module)]
WITH_KERAS = [
    id
    for id, exercise in EXERCISES.items()
    if any(word in inspect.getsource(exercise.probe) for word in ("keras", "probe_recurrent_cell", "probe_layer"))
]
BY_HAND = [id for id in EXERCISES if id not in WITH_KERAS]
SEEDS, KERAS_SEEDS = 20, 1  # in the short run; a Keras case takes a thousand times as long


def own_mistakes(id):
    return [mistake for mistake in CATALOGUE if mistake.exercise == id]


@cache
def cases(id, seed, count=None):
    """The cases of a grading run, or so many."""
    return EXERCISES[id].cases(seed, count) if count else EXERCISES[id].grading_cases(seed)


@cache
def views(id, seed):
    """What the judge knows while grading, and what it knows in the student's notebook, at the same inputs."""
    return fresh_views(id, seed)


class WithoutFollowThrough(Expectations):
    """Expectations of what is judged here alone: numeric gradients of mistaken forward passes cost most of the time."""

    def _follow_through(self, exercise, cases):
        return {}


MUTANTS = {}  # each made once


def fresh_views(id, seed, count=None):
    whole = WithoutFollowThrough({id: cases(id, seed, count)}, MUTANTS).of(EXERCISES[id])
    return {"exact": whole, "fingerprints": fingerprinted(whole, id)}


def seen_again(mistake, known):
    """What the mistake gave when the expectations were made; None where it gave what is right."""
    own = [one for one in known["exact"].mistakes if one.id == mistake.id]
    if not own:
        return None
    return [
        Observation(
            {n: m.text if isinstance(m, Text) else m.array for n, m in p.marks.items()}, p.problem, p.edited, p.unstable
        )
        for p in own[0].patterns
    ]


@cache
def mutated(mistake):
    return reference.mutate(mistake)


def faults(mistake, seed, known, count=None, again=True):
    """How a mistake's verdicts fall short: none, for one that is rejected and named in both views.

    Args:
        again: call the mistaken object once more. If not, judge what it gave before, which takes half the time.
    """
    exercise = EXERCISES[mistake.exercise]
    given = cases(exercise.id, seed, count)
    seen = observe(exercise, mutated(mistake), given) if again else seen_again(mistake, known)
    if seen is None:
        return [f"{mistake.id}, seed {seed}, both: accepted as right"]
    found = []
    for view, expectation in known.items():
        result = judge(exercise, given, seen, expectation)
        if result.verdict == "right" or not result.points < result.max_points:
            found.append(f"{mistake.id}, seed {seed}, {view}: accepted as {result.verdict}")
        if result.mistake is None:
            found.append(f"{mistake.id}, seed {seed}, {view}: not named")
        elif result.mistake != mistake.id or mistake.sentence not in result.message:
            found.append(f"{mistake.id}, seed {seed}, {view}: misnamed {result.mistake}")
    return found


def shortfalls(id, names, seeds, known, count=None):
    """Where an object gets less than all points."""
    exercise, found = EXERCISES[id], []
    for seed in seeds:
        seen = observe(exercise, names, cases(id, seed, count))
        for view, expectation in known(id, seed).items():
            result = judge(exercise, cases(id, seed, count), seen, expectation)
            if (result.verdict, result.points, result.mistake) != ("right", exercise.points, None):
                found.append(f"seed {seed}, {view}: {result.text()}")
    return found


@cache
def namespace_with(name):
    """The reference's names, in a module of their own, with the variant of that name run over them."""
    id, text = VARIANTS[name]
    own = reference.source_of(id)
    names = reference.mutate(Mistake(id, "unchanged", own, own, ""))
    exec(compile(text, "<variant>", "exec"), names)
    return names


def seeds_of(id):
    return range(SEEDS if id in BY_HAND else KERAS_SEEDS)


def many_draws(id, seeds=range(1_000, 2_000)):
    """(faults of the mistakes, shortfalls of the right answers) over many draws of one exercise.

    Each draw is one case. It must tell alone what the three of a grading run tell together.
    """
    right = {"the reference": reference.load(EXERCISES[id].module)}
    right |= {name: namespace_with(name) for name, (other, _) in VARIANTS.items() if other == id}
    wrong, short = [], []
    for seed in seeds:
        known = fresh_views(id, seed, count=1)
        wrong += [fault for mistake in own_mistakes(id) for fault in faults(mistake, seed, known, count=1, again=False)]
        for name, names in right.items():
            short += [(name, fault) for fault in shortfalls(id, names, [seed], lambda *_, known=known: known, count=1)]
        cases.cache_clear()
    return wrong, short
