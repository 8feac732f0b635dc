"""How sharp and how fair the judge is: every known mistake and every right variant, over many draws of inputs.

Draws are judged in parts, and each part's counts are kept below build/bench/draws: a run that was stopped goes on where it
was, as long as nothing has changed that a verdict depends on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

from autograder import reference
from autograder.expectation import Expectation, exact, fingerprinted
from autograder.judge import judge
from autograder.subject import observe
from tests import catalogue
from tests.bench.tables import ROOT
from tests.variants import VARIANTS

QUICK = (  # exercises with Keras whose draws take about a second; a draw of one of the others takes from 2 to 15
    "elman.ElmanCell",
    "elman.copy_weights",
    "gradients.clipping_optimizer",
    "gradients.orthogonal_initializer",
    "lstm.copy_weights",
    "word2vec.CBOW",
    "word2vec.SkipGram",
)
USUAL = (  # mistakes with Keras that every course sees, each in the exercise where it is quickest to try
    "elman.ElmanCell:bias_not_registered",
    "elman.ElmanCell:config_incomplete",
    "elman.ElmanCell:float32_inside",
    "elman.ElmanCell:numpy_in_call",
    "elman.ElmanCell:stop_gradient",
    "compare.AttentionBlock:weight_created_in_call",
    "gradients.clipping_optimizer:per_element",
    "gradients.clipping_optimizer:per_variable",
    "gru.GRUCell:always_before",
    "gru.GRUCell:bias_of_one_row",
    "gru.GRUCell:gate_order_rzh",
    "lstm.LSTMCell:cell_state_as_output",
    "lstm.LSTMCell:forget_bias_forgotten",
    "lstm.LSTMCell:gate_order_ifog",
    "rnnlm.RNNLM:state_not_carried",
    "shapes.SentimentClassifier:padding_read",
)
SLOW = tuple(id for id in catalogue.WITH_KERAS if id not in QUICK)
FIRST = 1_000  # seeds of the short tests are below
PART = 25
JUDGE = ("exercise", "expectation", "judge", "detail", "subject", "delegation", "reference")


def count(seeds: int, keras_seeds: int, slow_seeds: int, workers: int = 2, say=print) -> dict[str, float]:
    """Judge everything in many draws, in several processes.

    Args:
        seeds: draws of each by-hand exercise.
        keras_seeds: draws of each exercise in QUICK, where one takes ten times as long.
        slow_seeds: draws of each exercise in SLOW, where one takes a hundred times as long.
        workers: processes.
        say: called with a line about the progress now and then.

    Returns:
        mutants: known mistakes. mutants_rejected: of these, rejected in every draw, with exact values and with
        fingerprints. usual, usual_rejected: the same for those in USUAL, in as many draws as the exercises by hand.
        named: share of all verdicts on mutants with the right name. misnamed: verdicts with a wrong one.
        correct_variants, correct_accepted: right answers written differently, the references among them, and how many
        of them got full marks in every draw. seeds, keras_seeds, slow_seeds: the draws.
    """
    usual = [mistake for mistake in catalogue.CATALOGUE if mistake.id in USUAL]
    parts = [
        (id, range(start, min(start + PART, FIRST + draws)))
        for group, draws in ((catalogue.BY_HAND, seeds), (QUICK, keras_seeds), (SLOW, slow_seeds))
        for start in range(FIRST, FIRST + draws, PART)
        for id in group
    ]
    accepted: dict[str, set] = {id: set() for id in catalogue.EXERCISES}
    refused: dict[str, set] = {id: set() for id in catalogue.EXERCISES}
    verdicts = unnamed = misnamed = 0
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        alone = [
            pool.submit(_alone, mistake.id, range(start, min(start + PART, FIRST + seeds)))
            for mistake in usual
            for start in range(FIRST, FIRST + seeds, PART)
        ]
        jobs = {pool.submit(_part, id, part): id for id, part in parts}
        for done, job in enumerate(as_completed(jobs), 1):
            id, found = jobs[job], job.result()
            accepted[id] |= set(found["accepted"])
            refused[id] |= set(found["refused"])
            verdicts += found["verdicts"]
            unnamed += found["unnamed"]
            misnamed += found["misnamed"]
            if done % 50 == 0:
                say(f"{done} of {len(jobs)} parts judged", flush=True)
        taken = {id for job in alone for id in job.result()}
    correct = {id: 1 + sum(other == id for other, _ in VARIANTS.values()) for id in catalogue.EXERCISES}
    return {
        "mutants": len(catalogue.CATALOGUE),
        "mutants_rejected": len(catalogue.CATALOGUE) - sum(map(len, accepted.values())),
        "accepted": sorted(set().union(*accepted.values())),
        "usual": len(usual),
        "usual_rejected": len(usual) - len(taken),
        "named": 1 - (unnamed + misnamed) / verdicts,
        "misnamed": misnamed,
        "correct_variants": sum(correct.values()),
        "correct_accepted": sum(correct.values()) - sum(map(len, refused.values())),
        "refused": sorted(set().union(*refused.values())),
        "seeds": seeds,
        "keras_seeds": keras_seeds,
        "slow_seeds": slow_seeds,
    }


def _part(id: str, seeds: range) -> dict[str, object]:
    """Counts of some draws of one exercise."""
    return _kept(id, id, seeds, lambda: _counted(id, seeds))


def _alone(mistake_id: str, seeds: range) -> list[str]:
    """The mistake's id, if some draw takes it for right."""
    id, slug = mistake_id.split(":")
    mistake = next(one for one in catalogue.own_mistakes(id) if one.id == mistake_id)
    return _kept(f"{id}-{slug}", id, seeds, lambda: [mistake_id] if _accepted_alone(mistake, seeds) else [])


def _kept(name: str, id: str, seeds: range, count: Callable[[], object]) -> object:
    """What `count` gives, from the last run where nothing has changed that a verdict on the exercise depends on."""
    path = ROOT / "build" / "bench" / "draws" / f"{name}-{seeds.start}-{seeds.stop}-{_state(id)}.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(count()), encoding="utf-8")
        part.replace(path)
    return json.loads(path.read_text(encoding="utf-8"))


def _counted(id: str, seeds: range) -> dict[str, object]:
    wrong, short = catalogue.many_draws(id, seeds)
    return {
        "accepted": sorted({fault.split(",")[0] for fault in wrong if "accepted" in fault}),
        "unnamed": sum(fault.endswith("not named") + 2 * fault.endswith("both: accepted as right") for fault in wrong),
        "misnamed": sum("misnamed" in fault for fault in wrong),
        "refused": sorted({f"{id}: {name}" for name, _ in short}),
        "verdicts": 2 * len(seeds) * len(catalogue.own_mistakes(id)),
    }


def _accepted_alone(mistake, seeds: range) -> bool:
    """Is a mistake taken for right in some draw, exactly or by fingerprints? Nothing else is made or named."""
    exercise = catalogue.EXERCISES[mistake.exercise]
    for seed in seeds:
        given = exercise.cases(seed, 1)
        right = Expectation(exact(observe(exercise, reference.load(exercise.module), given), exercise.rtol))
        seen = observe(exercise, catalogue.mutated(mistake), given)
        for expectation in (right, fingerprinted(right, exercise.id)):
            result = judge(exercise, given, seen, expectation)
            if result.verdict == "right" or not result.points < result.max_points:
                return True
    return False


def _state(id: str) -> str:
    """A hash of what the verdicts depend on."""
    module = id.split(".")[0]
    rooms = ("solutions", "solutions/mistakes", "autograder/exercises", "tests/variants")
    judge = JUDGE if id in catalogue.BY_HAND else (*JUDGE, "layers")
    files = [ROOT / room / f"{module}.py" for room in rooms] + [ROOT / "autograder" / f"{name}.py" for name in judge]
    files += [Path(catalogue.__file__), *sorted((ROOT / "autograder" / "gradients").glob("*.py"))]
    digest = hashlib.sha256("".join(version(name) for name in ("numpy", "keras", "tensorflow")).encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
