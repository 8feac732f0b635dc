"""Right answers written differently, and wrong ones outside the catalogue: one module per exercise module.

Each has `VARIANTS`, name -> (exercise id, source text run over a copy of the reference's names), and `MADE_UP`, a list
of (exercise id, find, replace), as in the catalogue of mistakes.
"""

from __future__ import annotations

import importlib

from autograder import exercise as exercises


def _collect(attribute: str) -> list:
    found = []
    for module in exercises.modules():
        value = getattr(importlib.import_module(f"tests.variants.{module}"), attribute)
        found += value.items() if isinstance(value, dict) else value
    return found


_variants = _collect("VARIANTS")
VARIANTS = dict(_variants)
if len(VARIANTS) < len(_variants):
    twice = sorted({name for name, _ in _variants if sum(other == name for other, _ in _variants) > 1})
    raise ValueError(f"A variant's name must be its own. Received twice: {', '.join(twice)}. Begin with the exercise.")
MADE_UP = _collect("MADE_UP")
