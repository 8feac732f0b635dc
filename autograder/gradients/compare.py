"""Comparing a gradient with what it should be: how wrong, where, and in which way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Comparison:
    """One tensor compared."""

    ok: bool
    wrong: np.ndarray
    wrong_count: int
    size: int
    worst_index: tuple[int, ...]
    answer_value: float
    expected_value: float
    relative_error: float
    l2_error: float
    cosine: float
    norm_ratio: float
    factor: float | None = None


def compare(answer, expected, *, error=None, rtol=1e-7, time_axis=None) -> Comparison:
    with np.errstate(all="ignore"):
        d = np.abs(answer - expected)
        scale = np.max(np.abs(expected), initial=0.0)
        bound = rtol * scale + (10 * error if error is not None else 0)
        wrong = ~(d <= bound)
        worst = np.unravel_index(int(np.argmax(np.where(np.isfinite(d), d, np.inf))), d.shape)
        na, ne = np.linalg.norm(answer), np.linalg.norm(expected)
        cosine = float(np.vdot(answer, expected) / (na * ne))
        return Comparison(
            not wrong.any(),
            wrong,
            int(wrong.sum()),
            wrong.size,
            tuple(map(int, worst)),
            float(answer[worst]),
            float(expected[worst]),
            float(d.max() / scale),
            float(np.linalg.norm(d) / ne),
            cosine,
            float(na / ne),
        )


def describe(comparison, *, sizes=None):
    return None
