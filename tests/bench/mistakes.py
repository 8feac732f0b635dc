"""How sharp and how fair the judge is: every known mistake and every right variant, over many draws of inputs."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from tests import catalogue
from tests.variants import VARIANTS


def count(seeds: int, workers: int = 2, say=print) -> dict[str, float]:
    """Judge everything in `seeds` draws, in several processes.

    Returns:
        mutants: known mistakes. mutants_rejected: of these, rejected in every draw, with exact values and with
        fingerprints. named: share of all verdicts on mutants with the right name. misnamed: verdicts with a wrong one.
        correct_variants, correct_accepted: right answers written differently, the references among them, and how many
        of them got full marks in every draw. seeds: the draws.
    """
    verdicts, rejected, unnamed, misnamed, correct, accepted = 0, 0, 0, 0, 0, 0
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    chunks = [range(start, min(start + 100, 1_000 + seeds)) for start in range(1_000, 1_000 + seeds, 100)]
    faults: dict[str, set] = {id: set() for id in catalogue.EXERCISES}
    refused: dict[str, set] = {id: set() for id in catalogue.EXERCISES}
    # Keras first: it takes longest
    jobs = {pool.submit(_some, id, chunk): id for id in [*catalogue.WITH_KERAS, *catalogue.BY_HAND] for chunk in chunks}
    for done, job in enumerate(as_completed(jobs), 1):
        id = jobs[job]
        accepted_mutants, missed, wrong_names, refused_variants = job.result()
        faults[id] |= accepted_mutants
        refused[id] |= refused_variants
        unnamed += missed
        misnamed += wrong_names
        if done % len(chunks) == 0:
            say(f"{done} of {len(jobs)} parts judged")
    pool.shutdown()
    for id in catalogue.EXERCISES:
        own = len(catalogue.own_mistakes(id))
        variants = 1 + sum(other == id for other, _ in VARIANTS.values())
        rejected += own - len(faults[id])
        verdicts += own * seeds * 2  # two views
        correct += variants
        accepted += variants - len(refused[id])
    return {
        "mutants": len(catalogue.CATALOGUE),
        "mutants_rejected": rejected,
        "named": 1 - (unnamed + misnamed) / verdicts,
        "misnamed": misnamed,
        "correct_variants": correct,
        "correct_accepted": accepted,
        "seeds": seeds,
    }


def _some(id: str, seeds: range) -> tuple[set, int, int, set]:
    """(mutants accepted, verdicts without a name, verdicts with a wrong one, variants refused)."""
    wrong, short = catalogue.many_draws(id, seeds)
    accepted = {fault.split(",")[0] for fault in wrong if "accepted" in fault}
    return (
        accepted,
        sum(fault.endswith("not named") for fault in wrong),
        sum("misnamed" in fault for fault in wrong),
        {name for name, _ in short},
    )
