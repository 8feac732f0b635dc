"""Reading a wrong gradient: what its differences look like, in a sentence, even where no mistake is known."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from .compare import Comparison


def describe(comparison: Comparison, *, sizes: Mapping[str, int] | None = None) -> str | None:
    """Say in one sentence what a wrong tensor looks like, or None where nothing stands out.

    Args:
        comparison: of one tensor.
        sizes: dimension name -> size, to guess at an unwanted average.

    Never claims more than the numbers show, and never tells an expected value.
    """
    if comparison.ok:
        return None
    if not np.isfinite(comparison.answer_value):
        return "It holds values that are not finite: does something divide by zero, or overflow?"
    if comparison.norm_ratio == 0:
        return "It is zero everywhere: is it computed, or only made?"
    if comparison.transposed:
        return "It is the transpose of what it should be. It is square, so the shape cannot tell."
    if comparison.factor is not None:
        return _of_factor(comparison.factor, sizes or {})
    time = _of_time(comparison.per_time)
    if time:
        return time
    return _of_place(comparison.wrong)


def _of_factor(c: float, sizes: Mapping[str, int]) -> str:
    if abs(c + 1) < 1e-6:
        return "Every element has the right size and the wrong sign."
    sign = "minus " if c < 0 else ""
    for names in (*((name,) for name in sizes), *combinations(sizes, 2)):
        product = int(np.prod([sizes[name] for name in names]))
        what = " and ".join(f"{name} ({sizes[name]})" for name in names)
        if abs(abs(c) * product - 1) < 1e-6:
            return f"It is {sign}1/{product} of what it should be: is something averaged over {what} that should be summed?"
        if abs(abs(c) / product - 1) < 1e-6:
            return f"It is {sign}{product} times what it should be: is something summed over {what} once too often?"
    return f"Its direction is right and its length is not: it is {c:.4g} times what it should be."


def _of_time(right: tuple[bool, ...] | None) -> str | None:
    if right is None or len(right) < 2 or all(right) or not any(right):
        return None
    if right[-1] and not any(right[:-1]):
        return "The last time step is exact, and everything before it is not: is the gradient carried back in time?"
    if right[0] and not any(right[1:]):
        return (
            "The first time step is exact, and everything after it is not: what does a step take from the one before?"
        )
    if not right[0] and all(right[1:]):
        return "Only the first time step is wrong: what is different there?"
    if not right[-1] and all(right[:-1]):
        return "Only the last time step is wrong: what is different there?"
    wrong = ", ".join(str(step) for step, ok in enumerate(right) if not ok)
    return f"Some time steps are exact and some are not (wrong, counted from 0: {wrong})."


def _of_place(wrong: np.ndarray) -> str | None:
    if wrong.ndim < 2 or wrong.all():
        return None
    for axis, word in ((0, "rows"), (wrong.ndim - 1, "columns")):
        lines = np.moveaxis(wrong, axis, 0).reshape(wrong.shape[axis], -1)
        bad = lines.any(axis=1)
        if not bad.all() and (lines[bad].all()):
            return f"Only some {word} are wrong (counted from 0: {', '.join(map(str, np.flatnonzero(bad)[:8]))})."
    if wrong.sum() <= max(1, wrong.size // 10):
        return f"Only {wrong.sum()} of {wrong.size} elements are wrong."
    return None
