"""`make bench`: every benchmark, or those that are named."""

from __future__ import annotations

import os
import sys

SEEDS = int(os.environ.get("SEEDS", "1000"))


def main(names: list[str]) -> int:
    """Run benchmarks and write what they found; the exit status."""
    known = {"gradients": _gradients}
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"There is no benchmark {', '.join(unknown)}. Known: {', '.join(known)}.", file=sys.stderr)
        return 2
    for name in names or known:
        print(f"== {name}", flush=True)
        known[name]()
    return 0


def _gradients() -> None:
    from tests.bench import gradients

    gradients.run(SEEDS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
