"""`make bench`: every benchmark, or those that are named."""

from __future__ import annotations

import os
import sys

SEEDS = int(os.environ.get("SEEDS", "1000"))
KERAS_SEEDS = int(os.environ.get("KERAS_SEEDS", str(SEEDS)))
SLOW_SEEDS = int(os.environ.get("SLOW_SEEDS", str(KERAS_SEEDS)))


def main(names: list[str]) -> int:
    """Run benchmarks and write what they found; the exit status."""
    quick = "--quick" in names
    names = [name for name in names if name != "--quick"]
    known = {"gradients": _gradients, "grading": lambda: _grading(quick), "models": lambda: _models(quick)}
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"There is no benchmark {', '.join(unknown)}. Known: {', '.join(known)}.", file=sys.stderr)
        return 2
    for name in names or known:
        print(f"== {name}", flush=True)
        known[name]()
    return 0


def _gradients() -> None:
    from tests.bench import gradients, mistakes, tables

    figures = gradients.run()
    tables.write_json("gradients", figures)
    counted = mistakes.count(SEEDS, KERAS_SEEDS, SLOW_SEEDS)
    tables.write_json("gradients", figures | counted)
    rows = [
        ("known mistakes", counted["mutants"]),
        ("of these rejected in every draw of inputs", counted["mutants_rejected"]),
        ("the others, taken for right in some draw", ", ".join(counted["accepted"]) or "none"),
        (
            f"of the {counted['usual']} usual ones with Keras, rejected in every one of {SEEDS} draws",
            counted["usual_rejected"],
        ),
        ("verdicts on them with the right name", f"{100 * counted['named']:.3f} %"),
        ("verdicts with a wrong name", counted["misnamed"]),
        ("right answers, the references and others", counted["correct_variants"]),
        ("of these with full marks in every draw", counted["correct_accepted"]),
        ("draws of each exercise by hand", SEEDS),
        (f"draws of each of the {len(mistakes.QUICK)} exercises with Keras that are quick", KERAS_SEEDS),
        (f"draws of each of the other {len(mistakes.SLOW)} with Keras", SLOW_SEEDS),
    ]
    text = tables.table(("what", "how many"), rows)
    tables.put("mistakes", text)
    print(text)


def _grading(quick: bool) -> None:
    from tests.bench import grading, tables

    figures = grading.run(quick)
    tables.write_json("grading", figures)
    text = grading.report(figures)
    if not quick:  # the README has the figures of the whole run
        tables.put("grading", text)
    print(text)


def _models(quick: bool) -> None:
    from tests.bench import models, tables

    figures = models.run(quick)
    tables.write_json("models", figures)
    text = models.report(figures)
    if not quick:
        tables.put("models", text)
    print(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
